"""New accounts at risk are asked for a video authentication before there is any case."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cases import mandates, verification
from cases.models import Account, Case, Finding, Policy, Verification
from tests.signals.correlation import feed
from tests.signals.correlation.feed import fact, finding

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _prepared(db):
    feed.prepare()


def take(*events):
    feed.post(list(events))
    feed.work()


def registered(ref="x", *, days=3, kind="freelancer"):
    at = (timezone.now() - timedelta(days=days)).isoformat()
    return fact("account.registered", f"account/{ref}", at, kind=kind, created_at=at)


def asked(ref="x"):
    rows = Verification.objects.filter(account__ref=ref, step="video_authentication")
    return sorted(rows.values_list("trigger", flat=True))


RISK = "interview.chat_only"  # weight 5


def test_a_young_account_with_a_score_of_four_is_asked_without_a_case():
    take(registered(), finding("x", RISK, confidence=0.8))
    row = Verification.objects.get(account__ref="x")
    assert (row.step, row.trigger, row.mandated) == (
        "video_authentication", "new_account_at_risk", True,
    )  # fmt: skip
    assert row.case is None
    assert not Case.objects.exists()


def test_the_order_of_facts_and_findings_does_not_matter():
    take(finding("x", RISK, confidence=0.8))
    assert asked() == []
    take(registered())
    assert asked() == ["new_account_at_risk"]


@pytest.mark.parametrize(
    ("registration", "confidence"),
    [({"days": 31}, 0.9), ({"kind": "client"}, 0.9), ({}, 0.7)],
)
def test_neither_old_accounts_nor_clients_nor_low_scores(registration, confidence):
    take(registered(**registration), finding("x", RISK, confidence=confidence))
    assert asked() == []


def test_a_case_that_opens_later_waits_for_what_was_asked_and_asks_no_second_time():
    take(registered(), finding("x", RISK, confidence=0.8))
    take(finding("x", "device.shared_across_accounts"))
    assert asked() == ["new_account_at_risk"]
    assert Verification.objects.get(account__ref="x").case == Case.objects.get()


def test_with_a_case_from_the_start_it_is_asked_once():
    take(registered(), finding("x", "device.shared_across_accounts"))
    assert asked() == ["new_account"]
    assert Verification.objects.get().case == Case.objects.get()


def test_a_policy_may_ask_on_registration_alone():
    policy = Policy.objects.get(active=True)
    policy.data["mandates"] = [
        {"step": "video_authentication", "trigger": "registered", "on": "registration",
         "when": {"account_kind": "freelancer"}}
    ]  # fmt: skip
    policy.save(update_fields=["data"])
    take(registered("x"), registered("y", kind="client"), finding("z", RISK))
    assert (asked("x"), asked("y"), asked("z")) == (["registered"], [], [])
    take(registered("x"), fact("account.updated", "account/z", kind="freelancer"))
    assert (asked("x"), asked("z")) == (["registered"], [])


def test_an_unknown_occasion_counts_as_no_mandate_but_an_error():
    with pytest.raises(ValueError, match="occasion"):
        mandates._on({"trigger": "t", "on": "full moon"})


def test_refusals_without_a_case_are_findings_and_may_open_one(rita):
    take(registered(), finding("x", RISK, confidence=0.8))
    row = Verification.objects.get(account__ref="x")
    for _ in range(2):
        verification.record_attempt(row, actor=rita, outcome="refused")
    row.refresh_from_db()
    assert row.outcome == "refused"
    assert Finding.objects.filter(account__ref="x", code="interview.refused_video").exists()
    feed.work()
    account = Account.objects.get(ref="x")
    assert account.score > 4
    assert Case.objects.filter(account=account).exists() is (account.score >= 8)
    take(finding("x", "login.impossible_travel", confidence=0.9))
    assert Case.objects.filter(account=account).exists()


def test_the_number_of_queries_does_not_grow(django_assert_max_num_queries, make_account):
    now = timezone.now()
    ids = [make_account(f"n{n}", opened_at=now, score=5).pk for n in range(30)]
    with django_assert_max_num_queries(4 + 6 * 6):
        assert len(mandates.mandate_for(ids)) == 30
