"""Every field of every model and twenty inventions, sent to every address that writes."""

import json

import pytest
from django.apps import apps
from django.db import connection, transaction
from rest_framework.throttling import SimpleRateThrottle

from tests import permission_world
from tests.permission_policy import Policy
from tests.permission_world import WHO, fill, routes
from tests.test_permission_matrix import send_as

INVENTIONS = {
    "is_admin": True, "admin": "1", "role": "officer", "roles": ["officer"], "permissions": ["*"],
    "_method": "PUT", "__proto__": {"x": 1}, "constructor": "x", "user": 1, "user_id": 1,
    "actor": "kim", "as": "kim", "on_behalf_of": "kim", "approved": True, "force": True,
    "skip_checks": "1", "pk": 1, "id": 1, "created_by": 1, "owner": 1,
}  # fmt: skip
# Differ from one run to the next whatever is sent.
TIMES = ("_at", "_since", "until")
FRESH = {
    *("id", "at", "txid", "lease", "public_id", "request_id", "key", "sha256", "digest"),
    *(
        "prefix",
        "secret_hash",
        "request_hash",
        "data",
        "payload",
        "object_ref",
        "subject_id",
        "body",
        "snooze",
    ),
}
# What a form takes by right and may be left out of it: sent, it rightly makes a difference.
OWN = {
    "detectors/<int:pk>/keys/<slug:prefix>/revoke/": {"note", "reason"},
    "accounts/<str:ref>/traits/<int:trait>/infrastructure/": {"label"},
    "cases/<str:ref>/renew/": {"fence"},
    "cases/<str:ref>/release/": {"fence"},
}
# Of a new row, whose it is and what it is about must not differ either.
WHOSE = {
    *("actor_id", "case_id", "account_id", "user_id", "author_id", "assignee_id", "set_by_id"),
    *("proposed_by_id", "approved_by_id", "made_by_id", "recorded_by_id", "asked_by_id"),
}


@pytest.fixture
def world(db, monkeypatch, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *args: True)
    return permission_world.build()


def extras() -> dict:
    """A value for each field of each model of ours that would matter if it were taken."""
    found = dict(INVENTIONS)
    for label in ("cases", "signals"):
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.concrete_fields:
                kind = field.get_internal_type()
                value = True if kind == "BooleanField" else 7 if "Integer" in kind else "closed"
                found.setdefault(field.name, value)
                found.setdefault(field.attname, value)
    return found


def writable():
    """(route, method, rule, who) for each address that somebody may change something at."""
    policy = Policy()
    for route in routes():
        rule = (policy.find(route) or {}).get("POST")
        if rule is None or route.startswith(("sign-in/", "admin/", "csp-report/")):
            continue
        for who in WHO:
            if rule.expected(who, "own") & {200, 201, 202, 204, 302}:
                yield route, rule, who
                break


def rows() -> dict:
    """Every row of ours, by table and key, without what differs each time."""
    found = {}
    with connection.cursor() as cursor:
        for label in ("cases", "signals", "auth", "account"):
            for model in apps.get_app_config(label).get_models(include_auto_created=True):
                table = model._meta.db_table
                if table.endswith(("scoreline",)) or not model._meta.managed:
                    continue
                cursor.execute(f'SELECT to_jsonb(t) FROM "{table}" t')
                for number, (text,) in enumerate(cursor.fetchall()):
                    row = json.loads(text) if isinstance(text, str) else text
                    found[table, row.get("id", number)] = {
                        name: _timeless(value)
                        for name, value in row.items()
                        if not name.endswith(TIMES)
                    }
    return found


def effect(world, client, address, body, who) -> tuple:
    """What one request changes: rows that are new (by what they say) and rows that differ."""
    before = rows()
    changes = []
    with transaction.atomic():
        status = send_as(client, "POST", address, body).status_code
        for key, row in rows().items():
            if key not in before:
                changes.append((key[0], "new", str(sorted(_lasting(row).items(), key=str))))
            elif row != before[key]:
                differ = {k: v for k, v in row.items() if before[key].get(k) != v and k != "snooze"}
                changes.append((*key, str(sorted(differ.items()))))
        transaction.set_rollback(True)
    return status, sorted(changes, key=str)


def _timeless(value):
    """What a person decided is kept with its time, which differs from run to run."""
    if isinstance(value, dict):
        return {name: _timeless(inner) for name, inner in value.items() if name != "at"}
    return value


def _lasting(row: dict) -> dict:
    return {
        name: value
        for name, value in row.items()
        if name in WHOSE or not (name in FRESH or name.endswith("_id"))
    }


def test_what_a_client_adds_changes_nothing(world, capsys):
    added, tried, wrong = extras(), 0, []
    for route, rule, who in writable():
        client = world.client(who)
        address = fill(route, world, "own", who)
        body = world.body(rule.body, "own", who)
        plain = effect(world, client, address, body, who)
        own = {*body, *OWN.get(route, ())}
        more = {name: value for name, value in added.items() if name not in own}
        tried += len(more)
        loaded = effect(world, client, address, {**more, **body}, who)
        refused = loaded[0] in (400, 422) and not loaded[1]
        if not refused and loaded != plain:
            wrong.append(f"{route} as {who}: {loaded} instead of {plain}")
    with capsys.disabled():
        print(f"\nmass assignment: {tried} fields sent, {len(wrong)} unexpected changes")
    assert tried > 1000
    assert not wrong, "\n\n".join(wrong)
