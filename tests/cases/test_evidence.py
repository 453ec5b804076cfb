"""`cases/evidence.py`: what voids a proposal, and what is the same evidence seen once more."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from cases import evidence
from cases.models import (
    Account,
    ListEntry,
    Ring,
    ScreeningHit,
    Verification,
    VerificationAttempt,
)
from cases.screening import hits, lists
from tests.cases.screening.test_hits import OFAC, Found
from tests.signals.correlation import feed
from tests.signals.correlation.feed import finding, login

pytestmark = pytest.mark.django_db


def take(*events):
    feed.post(list(events))
    feed.work()


@pytest.fixture
def case(db):
    feed.prepare()
    take(
        login("x", ip="198.51.100.7", device="d1"),
        finding("x", "device.shared_across_accounts", confidence=0.9, fingerprint="one"),
    )
    return Account.objects.get(ref="x").cases.get()


@pytest.fixture
def changed(case):
    before = evidence.gather(case)

    def since() -> list[str]:
        after = evidence.gather(case)
        same = evidence.digest(before) == evidence.digest(after)
        said = evidence.changes(before, after)
        assert same == (not said)
        return said

    return since


def test_the_same_finding_and_the_same_facts_again_change_nothing(case, changed):
    take(
        finding("x", "device.shared_across_accounts", confidence=0.9, fingerprint="one",
                at="2026-10-05T00:00:00Z"),
        finding("x", "device.shared_across_accounts", confidence=0.6, fingerprint="one"),
        login("x", ip="198.51.100.7", device="d1", data={"at": "2026-10-06T00:00:00Z"}),
    )  # fmt: skip
    assert case.account.findings.get().times == 3
    assert changed() == []


def test_a_login_from_elsewhere_that_ties_to_nobody_changes_nothing(changed):
    take(login("x", ip="203.0.113.9", device="d2"))
    assert changed() == []


def test_a_new_finding_is_a_change_even_if_it_adds_nothing(changed):
    take(finding("x", "device.shared_across_accounts", source="/detectors/other", confidence=0.1))
    assert changed() == ["findings: 1 new"]


def test_the_same_finding_with_more_points_is_a_change(changed):
    take(finding("x", "device.shared_across_accounts", confidence=1, fingerprint="one"))
    assert "findings: 1 changed" in changed()


def test_a_verification_attempt_is_a_change(case, rita):
    now = timezone.now()
    step = Verification.objects.filter(account=case.account).first() or Verification.objects.create(
        account=case.account, typology_code="dprk_itw", step="liveness", trigger="t",
        requested_at=now, due_at=now + timedelta(days=1),
    )  # fmt: skip
    before = evidence.gather(case)
    VerificationAttempt.objects.create(
        verification=step, number=1, channel="video", recorded_by=rita, held_at=now,
        outcome="inconclusive",
    )  # fmt: skip
    assert evidence.changes(before, evidence.gather(case)) == ["verifications: 1 changed"]


def test_who_is_in_the_ring_is_evidence(case, changed, make_account):
    ring = Ring.objects.create(size=2)
    Account.objects.filter(pk=case.account_id).update(ring=ring)
    other = make_account("y", ring=ring)
    assert changed() == ["the ring changed from 0 to 2 accounts"]
    before = evidence.gather(case)
    Account.objects.filter(pk=other.pk).update(ring=None)
    make_account("z", ring=ring)
    assert evidence.digest(evidence.gather(case)) != evidence.digest(before)


def test_a_hit_and_its_judgement_are_evidence(case, changed, sam):
    lists.load("ofac_advanced", OFAC, actor=None)
    (hit,) = hits.keep(case.account, [Found(ListEntry.objects.get(uid="900001").pk)])
    assert changed() == ["screening hits changed"]
    before = evidence.gather(case)
    hits.decide(hit, actor=sam, same=True, reason="them")
    said = evidence.changes(before, evidence.gather(case))
    assert "screening hits changed" in said
    assert "findings: 1 new" in said
    assert ScreeningHit.objects.get().state == "same"
    assert Decimal(evidence.gather(case)["score"]["value"]) > Decimal(before["score"]["value"])
