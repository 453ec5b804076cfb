"""Every address × method × person × own/other/restricted object against one file."""

import json
import time
from collections import Counter
from http.cookies import SimpleCookie

import pytest
from django.db import transaction
from rest_framework.throttling import SimpleRateThrottle

from tests import permission_world
from tests.permission_policy import METHODS, NOT_SERVED, Policy
from tests.permission_world import SIDES, SIGNED_IN, WHO, fill, kind_of, routes


@pytest.fixture
def world(db, monkeypatch, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *args: True)
    return permission_world.build()


def test_every_cell_is_as_the_policy_says(world, capsys):
    policy, began = Policy(), time.monotonic()
    asking = {who: world.client(who) for who in WHO}
    wrong, unlisted, cells = [], [], Counter()
    for route in routes():
        rules = policy.find(route)
        seen = {}
        for method in METHODS:
            rule = (rules or {}).get(method)
            for side in sides_of(route) if rule or rules is None else ("other",):
                for who in WHO:
                    if rules is None and method not in ("GET", "POST"):
                        continue
                    address = fill(route, world, side, who)
                    body = rule.body if rule else None
                    status = ask(world, asking[who], method, address, body, who, side)
                    seen[method, side, who] = status
                    cells["tested"] += 1
                    expected = rule.expected(who, side) if rule else NOT_SERVED
                    if rules is not None and status not in expected:
                        wrong.append(f"{who:13} {method} {address}: {status}, not {expected}")
        if rules is None:
            unlisted.append(draft(route, seen))
    with capsys.disabled():
        took = time.monotonic() - began
        print(
            f"\npermission matrix: {cells['tested']} cells, {len(wrong)} mismatches, {took:.0f} s"
        )
    if unlisted:
        wrong += ["not in tests/permissions.yaml; if it is right, add:", *unlisted]
    assert not wrong, "\n".join(wrong)


def test_the_file_lists_no_address_that_is_gone(db):
    known = routes()
    for route in Policy().listed:
        beginning = route.removesuffix("**")
        assert route in known or (
            route.endswith("**") and any(each.startswith(beginning) for each in known)
        ), f"{route} is no address any more"


def test_an_address_that_the_file_does_not_list_is_found():
    policy = Policy("answers: {}\nroutes: {'help/': {GET: {people: 200, any: sign-in}}}")
    assert policy.find("queue/") is None
    assert policy.find("help/")["GET"].expected("analyst", "other") == {200}
    assert policy.find("help/")["GET"].expected("anonymous", "other") == {"sign-in"}


def sides_of(route: str) -> tuple[str, ...]:
    """The sides that make a difference for what the address is about."""
    return SIDES if kind_of(route) else ("other",)


def ask(world, client, method, address, body, who, side) -> int | str:
    """The answer to one request, of which nothing is left afterwards."""
    cookies = client.cookies.output(header="")
    with transaction.atomic():
        response = send_as(client, method, address, world.body(body, side, who))
        transaction.set_rollback(True)
    client.cookies = SimpleCookie(cookies)
    where = response.headers.get("Location", "") or response.headers.get("HX-Redirect", "")
    if where.startswith("/sign-in/login/"):
        return "sign-in"
    return "step-up" if "reauthenticate" in where else response.status_code


def send_as(client, method: str, address: str, body: dict):
    """JSON to the API, a form to pages; a GET has no body."""
    send = getattr(client, method.lower())
    if method == "GET":
        return send(address)
    if address.startswith("/api/") or method != "POST":
        return send(address, data=json.dumps(body), content_type="application/json")
    return send(address, data={name: _plain(value) for name, value in body.items()})


def _plain(value):
    return json.dumps(value) if isinstance(value, dict) else value


def draft(route: str, seen: dict) -> str:
    """What stands at an address now, in the form of the file, for a person to judge."""
    lines = [f'  "{route}":']
    if all(status in NOT_SERVED for status in seen.values()):
        return f'  "{route}": {{}}'
    for method in dict.fromkeys(method for method, _, _ in seen):
        sides = {side: {} for _, side, _ in seen}
        for (asked, side, who), status in seen.items():
            if asked == method:
                sides[side][who] = status
        if all(status in NOT_SERVED for status in seen_by(seen, method)):
            continue
        base = table(sides.get("own", sides["other"]))
        parts = [*base]
        for side, statuses in sides.items():
            differ = {
                who: status
                for who, status in statuses.items()
                if status != sides.get("own", sides["other"])[who]
            }
            if differ:
                inner = ", ".join(f"{who}: {status}" for who, status in differ.items())
                parts.append(f"{side}: {{{inner}}}")
        lines.append(f"    {method}: {{{', '.join(parts)}}}")
    return "\n".join(lines)


def seen_by(seen: dict, method: str) -> list:
    return [status for (asked, _, _), status in seen.items() if asked == method]


def table(statuses: dict) -> list[str]:
    common = Counter(statuses[who] for who in SIGNED_IN).most_common(1)[0][0]
    parts = [f"people: {common}"]
    parts += [f"{who}: {statuses[who]}" for who in SIGNED_IN if statuses[who] != common]
    if statuses["anonymous"] == statuses["detector"]:
        return [*parts, f"any: {statuses['anonymous']}"]
    return [*parts, *(f"{who}: {statuses[who]}" for who in ("anonymous", "detector"))]
