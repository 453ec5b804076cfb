"""Opening by policy, joining what is new, and what opens again after clearing."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from cases import intake
from cases.models import Account, AuditEvent, Case
from tests.conftest import decided_by_two
from tests.signals.correlation import feed
from tests.signals.correlation.feed import finding, login, payout

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _prepared(db):
    feed.prepare()


def take(*events):
    feed.post(list(events))
    feed.work()


def close(case: Case, outcome="cleared") -> None:
    """Close it as two people would have: the database wants to see their decision."""
    Case.objects.filter(pk=case.pk).update(
        state="closed", outcome=outcome, closed_at=timezone.now(), snoozed_until=None,
        cleared_families=intake.judged_families(case.account),
    )  # fmt: skip
    case.refresh_from_db()
    decided_by_two(case)


def test_one_strong_and_sure_finding_opens_and_says_why():
    take(finding("x", "device.shared_across_accounts", confidence=0.8))
    case = Case.objects.get()
    assert (case.state, case.queue, case.typology_code) == ("open", "review", "dprk_itw")
    assert case.opened_because["rule"] == "finding"
    assert "device.shared_across_accounts" in case.opened_because["detail"]
    assert case.due_at > timezone.now()
    assert AuditEvent.objects.filter(verb="case.opened", case=case).exists()


def test_a_strong_but_unsure_finding_waits_with_the_account():
    take(finding("x", "device.shared_across_accounts", confidence=0.7))
    assert not Case.objects.exists()
    assert Account.objects.get().score == Decimal("5.60")


def test_the_score_opens():
    take(finding("x", "interview.chat_only", confidence=0.9),
         finding("x", "login.continuous_session", confidence=0.9))  # fmt: skip
    assert Case.objects.get().opened_because["rule"] == "score"


def test_the_heaviest_weight_goes_to_compliance_at_once():
    take(finding("x", "login.sanctioned_geo", confidence=0.3))
    case = Case.objects.get()
    assert (case.state, case.queue, case.severity) == ("escalated", "compliance", 4)


def test_an_open_case_is_joined_raised_and_woken():
    take(finding("x", "device.shared_across_accounts", confidence=0.8))
    case = Case.objects.get()
    Case.objects.update(snoozed_until=timezone.now() + timedelta(days=3))
    before = case.severity
    take(finding("x", "document.number_reused", confidence=1))
    case.refresh_from_db()
    assert Case.objects.count() == 1
    assert case.severity > before
    assert case.snoozed_until is None
    assert AuditEvent.objects.filter(verb="case.signal_joined", case=case).count() == 1


def test_the_same_finding_again_neither_joins_nor_reopens():
    take(finding("x", "device.shared_across_accounts", fingerprint="f"))
    close(Case.objects.get())
    take(finding("x", "device.shared_across_accounts", fingerprint="f"))
    take(finding("x", "device.shared_across_accounts", fingerprint="g"))
    assert Case.objects.count() == 1


def test_a_new_family_reopens_as_a_new_case_that_says_so():
    take(finding("x", "device.shared_across_accounts"))
    first = Case.objects.get()
    close(first)
    take(finding("x", "document.number_reused"))
    second = Case.objects.exclude(pk=first.pk).get()
    assert second.reopened_from == first
    assert "document.number_reused" in second.reopened_because
    assert AuditEvent.objects.filter(verb="case.reopened", case=second).exists()


def test_a_higher_weight_of_the_same_family_reopens():
    take(finding("x", "interview.refused_video"))
    close(Case.objects.get())
    take(finding("x", "interview.proxy_owner_present"))
    assert Case.objects.count() == 2


def test_a_cleared_member_is_not_reopened_by_its_old_ring_but_by_a_new_one():
    take(payout("a", "p"), payout("b", "p"), finding("a", "document.number_reused"))
    assert Case.objects.count() == 2
    close(Case.objects.get(account__ref="b"))
    take(finding("a", "interview.refused_video"), login("a", device="z"))
    assert Case.objects.filter(account__ref="b").count() == 1
    # once out of the ring and in again, it says so
    take(feed.fact("relation.declared", "relation/R", kind="household", members=["a", "b"]))
    take(feed.fact("relation.withdrawn", "relation/R", "2026-10-09T00:00:00Z"))
    newest = Case.objects.filter(account__ref="b").latest("pk")
    assert newest.reopened_because.startswith("It came into ring")


def test_looking_twice_opens_once():
    take(finding("x", "document.number_reused"))
    ids = list(Account.objects.values_list("pk", flat=True))
    assert intake.open_or_join(ids).cases == []
    assert Case.objects.count() == 1
