"""What each role is given, key by key, against a list: nothing more leaves by accident."""

from pathlib import Path

import pytest
import yaml
from rest_framework.throttling import SimpleRateThrottle

from tests import permission_world
from tests.permission_policy import Policy
from tests.permission_world import SIGNED_IN, fill, routes

FILE = Path(__file__).with_name("response_keys.yaml")
# Never in any answer, whoever asks.
SECRET = ("password", "secret", "secret_hash", "session_epoch", "is_superuser", "content_hash")


@pytest.fixture
def world(db, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *args: True)
    return permission_world.build()


def keys_of(value, path: str = "") -> set[str]:
    """`results[].ref` and so on: the place of every key in an answer."""
    if isinstance(value, dict):
        return {f"{path}.{name}".lstrip(".") for name in value}.union(
            *(keys_of(inner, f"{path}.{name}".lstrip(".")) for name, inner in value.items())
        )
    if isinstance(value, list):
        return set().union(*(keys_of(inner, f"{path}[]") for inner in value))
    return set()


def readable() -> list[str]:
    policy = Policy()
    return [
        route
        for route in routes()
        if route.startswith("api/v1/") and "GET" in (policy.find(route) or {})
    ]


def test_no_answer_has_a_key_that_the_list_does_not_allow(world, capsys):
    allowed = yaml.safe_load(FILE.read_text())
    checked, wrong = 0, []
    for route in readable():
        for who in SIGNED_IN:
            answer = world.client(who).get(fill(route, world, "other", who))
            if answer.status_code != 200:
                continue
            checked += 1
            free = [each[:-2] for each in allowed.get(route, []) if each.endswith(".*")]
            for key in sorted(keys_of(answer.json()) - set(allowed.get(route, []))):
                if not any(key == each or key.startswith(f"{each}.") for each in free):
                    wrong.append(f"{route} gives {who} {key}")
                if key.rsplit(".", 1)[-1] in SECRET:
                    wrong.append(f"{route} gives {who} a secret: {key}")
    with capsys.disabled():
        print(f"\nexcess fields: {checked} answers, {len(wrong)} keys too many")
    assert checked > 40
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_personal_data_is_masked_for_every_role(world):
    for who in SIGNED_IN:
        for route in readable():
            text = world.client(who).get(fill(route, world, "other", who)).content.decode()
            for hidden in ("Ada Example", "ada@example.org", "+15550100200"):
                assert hidden not in text, f"{route} shows {who} {hidden}"
