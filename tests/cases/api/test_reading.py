from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cases import scores
from cases.auth import tokens
from cases.models import AuditEvent, Hold, Link, Note, Ring, RingOverride
from signals import detectors, keys, typology_store
from tests.permission_world import TYPOLOGY


@pytest.fixture
def loaded(db):
    typology_store.load(TYPOLOGY)


@pytest.fixture
def ring(loaded, make_account):
    """Three members; a fourth account is linked too weakly and offered."""
    ring = Ring.objects.create(size=3)
    a, b, c = (make_account(f"fl-{name}", ring=ring) for name in "abc")
    near = make_account("fl-near")
    for low, high, strength in ((a, b, 9), (b, c, 8), (c, near, 5)):
        Link.objects.create(a=low, b=high, strength=strength)
    return ring


def test_an_account_says_what_others_rely_on(api, rita, ring, make_case):
    account = ring.members.get(ref="fl-a")
    account.display_name, account.email = "Ada Example", "ada@example.org"
    account.save()
    case = make_case(account=account)

    found = api(rita).get("/api/v1/accounts/fl-a/").json()

    assert {"ref", "score", "score_lines", "ring", "case", "hold"} <= set(found)
    assert (found["ref"], found["ring"], found["case"]) == ("fl-a", ring.pk, case.ref)
    assert (found["hold"], found["score"], found["score_lines"]) == ("normal", 0.0, [])
    assert "Ada" not in str(found)
    assert "ada@" not in str(found)
    assert AuditEvent.objects.filter(verb="read", account=account, actor=rita).count() == 1


def test_nothing_is_shown_when_the_reading_cannot_be_recorded(api, rita, make_account, monkeypatch):
    make_account("fl-a")

    def broken(*args, **kwargs):
        raise RuntimeError("no audit")

    monkeypatch.setattr("cases.audit.record", broken)
    client = api(rita)
    client.raise_request_exception = False

    answer = client.get("/api/v1/accounts/fl-a/")

    assert answer.status_code == 500
    assert "fl-a" not in answer.json()["detail"]


def test_the_open_case_is_shown_before_the_last_closed_one(api, rita, make_account, make_case):
    account, now = make_account("fl-a"), timezone.now()
    make_case("closed", account=account, closed_at=now)
    late = make_case("closed", account=account, closed_at=now + timedelta(hours=1))
    rows = api(rita).get("/api/v1/accounts/").json()["results"]
    assert [row["case"] for row in rows] == [late.ref]

    opened = make_case("open", account=account)
    rows = api(rita).get("/api/v1/accounts/").json()["results"]
    assert [row["case"] for row in rows] == [opened.ref]


def test_before_the_wall_a_hold_is_a_hold(api, rita, sam, make_account):
    account = make_account("fl-a")
    Hold.objects.create(
        account=account, level="compliance_hold", reason="-", set_at=timezone.now(), set_by=sam
    )
    assert api(rita).get("/api/v1/accounts/fl-a/").json()["hold"] == "soft_hold"
    assert api(sam).get("/api/v1/accounts/fl-a/").json()["hold"] == "compliance_hold"


def test_before_the_wall_compliance_is_not_shown_at_work(api, rita, sam, make_case):
    case = make_case("in_compliance", assignee=sam, blockable_interest="yes", queue="compliance")
    Note.objects.create(case=case, author=sam, text="nexus found", wall=True)

    seen = api(rita).get(f"/api/v1/cases/{case.ref}/").json()
    assert seen["state"] == "in_compliance"
    for hidden in ("assignee", "claimed_until", "due_at", "blockable_interest"):
        assert seen[hidden] is None
    assert seen["notes"] == []

    seen = api(sam).get(f"/api/v1/cases/{case.ref}/").json()
    assert (seen["assignee"], seen["blockable_interest"]) == ("sam", "yes")
    assert [note["text"] for note in seen["notes"]] == ["nexus found"]


def test_the_ring_of_an_account(api, rita, ring):
    results = api(rita).get("/api/v1/rings/?account=fl-b").json()["results"]

    assert [found["id"] for found in results] == [ring.pk]
    assert results[0]["members"] == ["fl-a", "fl-b", "fl-c"]
    assert results[0]["links"] == [
        {"a": "fl-a", "b": "fl-b", "strength": 9.0},
        {"a": "fl-b", "b": "fl-c", "strength": 8.0},
    ]
    assert results[0]["offered"] == [{"member": "fl-c", "account": "fl-near", "strength": 5.0}]
    assert api(rita).get("/api/v1/rings/?account=fl-near").json()["results"] == []


def test_a_declined_offer_is_not_offered(api, rita, ring, make_account):
    c, near = ring.members.get(ref="fl-c"), Link.objects.get(strength=5).b
    RingOverride.objects.create(kind="decline", account=near, other=c, reason="-", made_by=rita)

    found = api(rita).get(f"/api/v1/rings/{ring.pk}/").json()

    assert found["offered"] == []
    assert [hand["kind"] for hand in found["overrides"]] == ["decline"]


def test_lists_take_the_same_number_of_queries_for_one_row_and_for_many(
    api, rita, loaded, make_case, make_account, django_assert_max_num_queries
):
    client = api(rita)
    for _ in range(12):
        ring = Ring.objects.create(size=2)
        accounts = [make_account(ring=ring), make_account(ring=ring)]
        Link.objects.create(a=accounts[0], b=accounts[1], strength=8)
        make_case(account=accounts[0])
    for path, limit in (("accounts", 7), ("cases", 5), ("rings", 12)):
        client.get(f"/api/v1/{path}/")
        for size in (1, 12):
            with django_assert_max_num_queries(limit):
                client.get(f"/api/v1/{path}/?page_size={size}")


def test_a_personal_token_asks_as_its_person(api, rita, make_case):
    case = make_case()
    _, text = tokens.make(rita, "notebook")
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")

    assert client.get("/api/v1/me/").json()["roles"] == ["analyst"]
    assert client.post(f"/api/v1/cases/{case.ref}/claim/", {}, "json").status_code == 200


def test_a_session_needs_its_csrf_token_to_change_anything(rita, make_case):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(rita)

    answer = client.post(f"/api/v1/cases/{make_case().ref}/claim/", {}, "json")

    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"


def test_a_detectors_key_opens_nothing_here(api, db, make_case):
    detector = detectors.register("/detectors/nosy", actor=None, name="Nosy")
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {keys.make(detector, actor=None).text}")
    ref = make_case().ref

    for path in ("me", "cases", f"cases/{ref}", "accounts", "rings", "findings", "decisions"):
        assert client.get(f"/api/v1/{path}/").status_code == 401
    assert client.post(f"/api/v1/cases/{ref}/claim/", {}, "json").status_code == 401


def test_a_score_is_a_number_and_its_lines_sum_to_it(api, rita, loaded, make_account):
    account = make_account("fl-a")
    now = timezone.now()
    scores.add_findings(
        [
            {
                "account_id": account.pk,
                "indicator_code": "login.many_ips_short_window",
                "typology": "dprk_itw",
                "detector_source": "/portal/test",
                "fingerprint": "f1",
                "confidence": Decimal("0.9"),
                "occurred_at": now,
            }
        ]
    )
    found = api(rita).get("/api/v1/accounts/fl-a/").json()

    assert found["score"] > 0
    assert round(sum(line["counted"] for line in found["score_lines"]), 2) == found["score"]
    assert found["score_lines"][0]["innocent"]
