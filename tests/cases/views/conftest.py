"""The small threat that pages are tested with, and somebody who asks for them."""

from decimal import Decimal

import pytest
from django.utils import timezone

from cases import scores
from cases.models import Finding, Indicator, Policy, Ring, Sighting, Trait, Typology

POLICY = {
    "scoring": {
        "family_rest_share": "1/3",
        "family_cap_default": 12,
        "family_caps": {},
        "detector_family_cap": 10,
        "context_only_weight": 2,
    },
    "opening": {
        "score": 8,
        "single_finding_weight": 7,
        "single_finding_confidence": 0.8,
        "ring_with_a_case": True,
        "compliance_weight": 10,
    },
    "links": {
        "kinds": {"device": {"weight": 7, "rarity_soft": 5, "rarity_hard": 50}},
        "near": {},
        "infrastructure_factor": 0.2,
        "declared_relation_factor": 0.1,
        "join": 7,
        "offer": 3.5,
    },
    "decisions": {"clear_second_person_score": 7},
}
REASONS = {
    "cleared": [{"code": "innocent_reading_holds", "text": "The innocent reading holds"}],
    "offboarded": [{"code": "false_identity", "text": "False identity"}],
}


@pytest.fixture
def threat(db):
    """A typology with two indicators and its policy, both in force."""
    typology = Typology.objects.create(
        code="dprk_itw",
        version=1,
        title="A threat",
        content_hash="t",
        texts={
            "reasons": REASONS,
            "notices": {"offboarded": "We have closed your account."},
            "review": ["Read line by line."],
            "protocol": {},
        },
        active=True,
    )
    for code, weight in (("document.reused", 8), ("login.odd_hours", 3)):
        Indicator.objects.create(
            typology=typology,
            code=code,
            family=code.split(".")[0],
            subject="account",
            title=code.replace(".", " "),
            description=code,
            weight=weight,
            rationale="because",
            innocent=f"An honest person can look like {code}.",
            sources=[{"tag": "US22-P1"}],
        )
    Policy.objects.create(
        typology_code="dprk_itw",
        version=1,
        data=POLICY,
        content_hash="p",
        active=True,
        activated_at=timezone.now(),
    )
    return typology


@pytest.fixture
def find(threat):
    """Give an account a finding, and score it."""

    def make(account, code="document.reused", confidence="0.9", **fields):
        indicator = Indicator.objects.get(code=code)
        now = timezone.now()
        finding = Finding.objects.create(
            account=account,
            indicator=indicator,
            typology_code="dprk_itw",
            code=code,
            family=indicator.family,
            detector="/detectors/a",
            fingerprint=f"{code}-{Finding.objects.count()}",
            weight=indicator.weight,
            confidence=Decimal(confidence),
            points=(indicator.weight * Decimal(confidence)).quantize(Decimal("0.01")),
            best_event="E1",
            first_at=now,
            last_at=now,
            **fields,
        )
        scores.rescore([account.pk])
        account.refresh_from_db()
        return finding

    return make


@pytest.fixture
def make_ring(make_account, threat):
    """A ring of `size` accounts that share one device."""

    def make(size: int) -> Ring:
        ring = Ring.objects.create(size=size)
        trait = Trait.objects.create(kind="device", value=f"dev-{ring.pk}", sharers=size)
        now = timezone.now()
        for number in range(size):
            account = make_account(f"fl-r{ring.pk}-{number}", ring=ring)
            Sighting.objects.create(account=account, trait=trait, first_at=now, last_at=now)
        return ring

    return make


@pytest.fixture
def as_(client, threat):
    """A browser in which somebody is signed in: `as_(rita).get(...)`."""

    def sign_in(person):
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in
