"""Facts of the platform: every type, its fields, and a whole scenario of them."""

import pytest

from signals.door.facts import FACTS
from signals.models import ActivityEvent, IntakeBatch

pytestmark = pytest.mark.django_db
HASH = "ed6acb7bb3102e7a"

EXAMPLES = {
    "account.registered": (
        "account/fl-1",
        {
            "kind": "freelancer",
            "display_name": "Rosa \u202eVessel",
            "email": "a@example.com",
            "phone": None,
            "claimed_country": "DE",
            "created_at": "2024-04-14T09:00:00Z",
            "skills": ["rust"],
        },
    ),
    "account.updated": ("account/fl-1", {"claimed_country": "PL"}),
    "login.attempted": (
        "account/fl-1",
        {
            "success": True,
            "ip": "2001:db8::1",
            "asn": 64498,
            "ip_country": "SG",
            "device_id": "dev_1",
            "session_minutes": 193,
            "user_agent": "x",
            "open_ports": [3389],
        },
    ),
    "document.submitted": (
        "account/fl-1",
        {"doc_type": "passport", "number_hash": "3a50", "image_phash": HASH, "face_ref": "f"},
    ),
    "payout_method.added": (
        "account/fl-1",
        {"type": "bank", "instrument_hash": "a17d", "holder_name": "X", "country": "DE"},
    ),
    "payout_method.removed": ("account/fl-1", {"type": "crypto", "address": "0xabc"}),
    "proposal.submitted": (
        "account/fl-1",
        {"job_id": "J1", "text_simhash": HASH, "rate_usd": 22},
    ),
    "interview.held": (
        "account/fl-1",
        {"conducted_by": "platform", "mode": "video", "outcome": "passed", "observations": ["x"]},
    ),
    "contract.opened": ("contract/C1", {"client_id": "cl-1", "freelancer_id": "fl-1"}),
    "contract.closed": (
        "contract/C1",
        {"client_id": "cl-1", "freelancer_id": "fl-1", "amount_usd": 1.5, "rating": 5},
    ),
    "relation.declared": ("relation/X1", {"kind": "household", "members": ["fl-1", "fl-2"]}),
    "relation.withdrawn": ("relation/X1", {}),
    "infrastructure.declared": (
        "infrastructure/192.0.2.10",
        {"kind": "campus_nat", "value": "192.0.2.10", "asn": 64496, "label": "campus"},
    ),
    "infrastructure.withdrawn": ("infrastructure/192.0.2.10", {"value": "192.0.2.10"}),
}


def test_there_is_an_example_of_every_fact():
    assert set(EXAMPLES) == set(FACTS)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_fact_is_taken_with_its_unknown_fields(post, platform, fact, kind):
    subject, data = EXAMPLES[kind]
    response = post(
        platform, fact(kind, subject=subject, data={**data, "extra": {"a": [1]}}), kind="activity"
    )

    assert response.status_code == 202, response.content
    stored = ActivityEvent.objects.get()
    assert f"{stored.subject_kind}/{stored.subject_ref}" == subject
    assert stored.data == {**data, "extra": {"a": [1]}}
    assert IntakeBatch.objects.get().kind == "activity"


@pytest.mark.parametrize(
    ("kind", "change", "pointer"),
    [
        ("login.attempted", {"success": "yes"}, "/data/success"),
        ("login.attempted", {"ip": "1.2.3.4.5"}, "/data/ip"),
        ("login.attempted", {"ip": "1.2.3"}, "/data/ip"),
        ("login.attempted", {"open_ports": [1, "x"]}, "/data/open_ports/1"),
        ("document.submitted", {"image_phash": "12"}, "/data/image_phash"),
        ("payout_method.added", {"type": "shells"}, "/data/type"),
        ("payout_method.added", {"instrument_hash": None}, "/data"),
        ("account.registered", {"claimed_country": "Germany"}, "/data/claimed_country"),
        ("account.registered", {"display_name": "x" * 201}, "/data/display_name"),
        ("relation.declared", {"members": ["a b"]}, "/data/members/0"),
        ("relation.declared", {"members": "fl-1"}, "/data/members"),
        ("contract.opened", {"opened_at": "soon"}, "/data/opened_at"),
        ("infrastructure.declared", {"value": ""}, "/data/value"),
    ],
)
def test_a_field_of_the_wrong_kind_is_pointed_at(post, platform, fact, kind, change, pointer):
    subject, data = EXAMPLES[kind]
    response = post(platform, fact(kind, subject=subject, data={**data, **change}), kind="activity")

    assert response.status_code == 422
    assert pointer in [e["pointer"] for e in response.json()["results"][0]["errors"]]


def test_an_unknown_fact_is_answered_with_the_known_ones(post, platform, fact):
    answer = post(platform, fact("account.danced"), kind="activity").json()
    assert "payout_method.added" in answer["results"][0]["errors"][0]["detail"]


def test_a_fact_about_the_wrong_kind_of_subject_is_rejected(post, platform, fact):
    response = post(platform, fact(subject="contract/C1"), kind="activity")
    assert response.json()["results"][0]["errors"][0]["pointer"] == "/subject"


def test_facts_are_taken_once_too(post, platform, fact):
    first = fact()
    other = {**first, "data": {"success": False}}

    answer = post(platform, [first, first, other], kind="activity").json()

    assert [r["outcome"] for r in answer["results"]] == ["accepted", "duplicate", "conflict"]
    assert len(answer["results"][0]["activity"]) == 26
