"""Pages as the server makes them, asked in this process by a signed-in person."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from support import static_files
from support.bench.context import Context
from support.say import Failed


def page(ctx: Context, role: str, address: str) -> Callable[[], bytes]:
    """A function that asks for the page once and gives its body; it must be a 200."""
    client = signed_in(ctx, role)

    def look() -> bytes:
        answer = client.get(address)
        if answer.status_code != 200:
            raise Failed(f"{address} answered {answer.status_code}.", answer.content[:300].decode())
        return answer.content

    return look


def signed_in(ctx: Context, role: str):
    """Django's test client with the session of who has the role."""
    static_files.collect(ctx.environment)
    ctx.django()
    settings = import_module("django.conf").settings
    if "testserver" not in settings.ALLOWED_HOSTS:
        settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    people = import_module("cases.models").User
    client = import_module("django.test").Client()
    client.force_login(people.objects.get(username=ctx.people[role]["username"]))
    return client
