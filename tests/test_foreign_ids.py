"""What one may not see answers exactly like what is not there: in the path, the query, the body."""

import re

import pytest
from django.db import transaction
from rest_framework.throttling import SimpleRateThrottle

from tests import permission_world
from tests.permission_policy import Policy
from tests.permission_world import fill, kind_of, routes
from tests.test_permission_matrix import send_as

MISSING = {"ref": "C-999999", "pk": "987654321"}
# The kinds whose restricted ones are hidden from an analyst; accounts are seen by all readers.
HIDDEN = {"case", "verification", "decision", "note"}
PEOPLE = ("analyst", "senior", "nobody", "engineer", "administrator")


@pytest.fixture
def world(db, monkeypatch, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *args: True)
    return permission_world.build()


def told(client, method, address, body) -> tuple:
    """Status and body of an answer, without what names the request itself."""
    with transaction.atomic():
        response = send_as(client, method, address, body)
        transaction.set_rollback(True)
    text = response.content.decode(errors="replace")
    last = re.escape(address.rstrip("/").split("/")[-1])
    for noise in (r'"(request_id|instance)": ?"[^"]*"', r"csrf[^>]*>", r"[0-9a-f]{32}", last):
        text = re.sub(noise, "", text, flags=re.I)
    for step in address.split("/"):
        if any(each.isdigit() for each in step):
            text = text.replace(step, "")
    return response.status_code, response.headers.get("Location", "").replace(address, ""), text


def test_hidden_and_missing_look_the_same(world, capsys):
    swaps, wrong, policy = 0, [], Policy()
    for route in routes():
        about = kind_of(route)
        if not about or about[0] not in HIDDEN:
            continue
        for who in PEOPLE:
            client = world.client(who)
            hidden = fill(route, world, "restricted", who)
            value = str(getattr(world.one(about[0], "restricted", who), about[1]))
            missing = hidden.replace(value, MISSING[about[1]], 1)
            for method, rule in (policy.find(route) or {}).items():
                if rule.expected(who, "restricted") & {200, 201, 204, 302}:
                    continue
                body = world.body(rule.body, "own", who)
                swaps += 1
                first, second = (told(client, method, each, body) for each in (hidden, missing))
                if first != second:
                    wrong.append(f"{who} {method} {hidden}: {first} but {missing}: {second}")
    with capsys.disabled():
        print(f"\nforeign ids: {swaps} swaps in paths, {len(wrong)} leaks")
    assert swaps > 50
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize(
    ("path", "parameter"),
    [("cases", "account"), ("decisions", "case"), ("decisions", "account"),
     ("verifications", "case"), ("verifications", "account")],
)  # fmt: skip
def test_a_filter_finds_nothing_of_what_is_hidden(world, path, parameter):
    client = world.client("analyst")
    hidden = world.one(parameter, "restricted", "analyst").ref
    for ref in (hidden, "not-there"):
        answer = client.get(f"/api/v1/{path}/?{parameter}={ref}")
        assert answer.json()["results"] == [], (path, ref)


@pytest.mark.parametrize(
    ("address", "body", "field", "side"),
    [
        ("/api/v1/cases/{own}/note/", {"text": "x"}, "replaces", "note"),
        ("/api/v1/cases/{own}/assign/", {"version": 0, "note": "x"}, "assignee", "user"),
    ],
)
def test_a_body_that_names_what_is_foreign_is_answered_like_one_that_names_nothing(
    world, address, body, field, side
):
    who = "senior"
    client = world.client(who)
    where = address.replace("{own}", world.one("case", "own", who).ref)
    foreign = "engineer" if side == "user" else world.one(side, "restricted", who).pk
    nothing = "nobody-at-all" if side == "user" else 987654321

    first, second = (
        told(client, "POST", where, {**body, field: value}) for value in (foreign, nothing)
    )

    assert first[0] == 422
    assert first == second
