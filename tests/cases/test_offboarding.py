"""Carrying a decision out, step by step, and taking it back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cases import decisions, holds, offboarding, permissions, queue
from cases.models import Action, Contract, EvidenceSnapshot, WebhookDelivery
from cases.transitions import NotAllowed
from tests.cases import life

A = Action.State


@pytest.fixture
def case(make_case, make_account, rita):
    life.load()
    case = make_case(score_at_opening=12)
    life.find(case.account, "papers.forged", score=12)
    for number in (1, 2):
        Contract.objects.create(
            ref=f"ct-{number}", client=make_account(f"cl-{number}", kind="client"),
            freelancer=case.account, opened_at=timezone.now(),
        )  # fmt: skip
    queue.claim(case, actor=rita)
    return case


def offboard(case, rita, sam):
    decision = decisions.propose(
        case, "offboarded", actor=rita, reason_code="false_identity", reason="forged"
    )
    return decisions.approve(decision, actor=sam)


def under_way(decision):
    return decision.actions.get(state__in=[A.SENT, A.FAILED])


def finish(decision):
    while decision.actions.filter(state=A.SENT).exists():
        life.answer(under_way(decision))


def test_the_steps_are_shown_before_anybody_signs(case):
    assert [(step.kind, step.payload.get("client"), step.payload.get("contract"))
            for step in decisions.preview(case, "offboarded")] == [
        ("preserve_evidence", None, None),
        ("warn_client", "cl-1", None),
        ("warn_client", "cl-2", None),
        ("suspend_payouts", None, None),
        ("close_contract", None, "ct-1"),
        ("close_contract", None, "ct-2"),
        ("suspend_account", None, None),
        ("notify_user", None, None),
    ]  # fmt: skip
    assert [step.kind for step in decisions.preview(case, "restricted")] == [
        "preserve_evidence", "suspend_payouts", "stop_new_contracts", "notify_user",
    ]  # fmt: skip
    assert decisions.preview(case, "cleared") == []


def test_each_step_waits_for_the_one_before(case, rita, sam):
    decision = offboard(case, rita, sam)
    seen = []
    while decision.actions.filter(state=A.SENT).exists():
        action = under_way(decision)
        assert not decision.actions.filter(position__gt=action.position).exclude(state=A.PLANNED)
        seen.append(WebhookDelivery.objects.latest("id").event_type)
        case.refresh_from_db()
        assert case.state == "executing"
        life.answer(action)
    case.refresh_from_db()
    assert seen == [
        "action.warn_client", "action.warn_client", "action.suspend_payouts",
        "action.close_contract", "action.close_contract", "action.suspend_account",
        "action.notify_user",
    ]  # fmt: skip
    assert (case.state, case.outcome) == ("closed", "offboarded")


def test_the_evidence_is_preserved_first_under_its_hash(case, rita, sam):
    decision = offboard(case, rita, sam)
    snapshot = EvidenceSnapshot.objects.get(decision=decision)
    first = decision.actions.get(position=1)
    assert (first.state, first.platform_reference) == (
        "acknowledged", f"sha256:{snapshot.sha256}",
    )  # fmt: skip
    assert snapshot.content["digest"] == decision.digest


def test_a_result_told_twice_moves_nothing_twice(case, rita, sam):
    decision = offboard(case, rita, sam)
    action = under_way(decision)
    delivery = life.answer(action)
    count = WebhookDelivery.objects.count()
    for _ in range(3):
        offboarding.on_action_result(delivery, "acknowledged")
    offboarding.on_action_result(delivery, "dead")
    action.refresh_from_db()
    assert action.state == A.ACKNOWLEDGED
    assert WebhookDelivery.objects.count() == count


def test_a_failure_stops_is_seen_and_is_retried(case, rita, sam, ana):
    decision = offboard(case, rita, sam)
    life.answer(under_way(decision), "refused", last_error="unknown client")
    action = under_way(decision)
    assert (action.state, action.last_error) == (A.FAILED, "unknown client")
    assert offboarding.late().get() == action
    offboarding.retry(action, actor=ana, note="they mended it")
    action.refresh_from_db()
    assert (action.state, action.attempts) == (A.SENT, 2)
    with pytest.raises(NotAllowed):
        offboarding.retry(action, actor=ana)
    finish(decision)
    case.refresh_from_db()
    assert case.state == "closed"


def test_a_late_yes_after_a_failure_counts(case, rita, sam):
    decision = offboard(case, rita, sam)
    action = under_way(decision)
    delivery = life.answer(action, "dead", last_error="gone")
    offboarding.on_action_result(delivery, "acknowledged")
    action.refresh_from_db()
    assert action.state == A.ACKNOWLEDGED


def test_an_old_failure_does_not_spoil_the_retry(case, rita, sam, ana):
    decision = offboard(case, rita, sam)
    action = under_way(decision)
    old = life.answer(action, "dead", last_error="gone")
    offboarding.retry(action, actor=ana)
    offboarding.on_action_result(old, "dead")
    action.refresh_from_db()
    assert action.state == A.SENT


def test_only_an_officer_skips_and_says_why(case, rita, sam, ana):
    decision = offboard(case, rita, sam)
    life.answer(under_way(decision), "refused", last_error="client left")
    action = under_way(decision)
    with pytest.raises(permissions.Denied):
        offboarding.skip(action, actor=ana, reason="gone")
    with pytest.raises(NotAllowed, match="why"):
        offboarding.skip(action, actor=sam, reason=" ")
    offboarding.skip(action, actor=sam, reason="the client closed shop")
    action.refresh_from_db()
    assert (action.state, action.skipped_by) == (A.SKIPPED, sam)
    assert under_way(decision).position == action.position + 1


def test_a_step_without_an_answer_becomes_late(case, rita, sam, ana):
    decision = offboard(case, rita, sam)
    assert not offboarding.late().exists()
    Action.objects.filter(state=A.SENT).update(due_at=timezone.now() - timedelta(seconds=1))
    assert offboarding.late().get() == under_way(decision)
    offboarding.retry(under_way(decision), actor=ana)


def test_the_sweep_goes_on_where_a_crash_stopped(case, rita, sam):
    decision = offboard(case, rita, sam)
    action = under_way(decision)
    Action.objects.filter(pk=action.pk).update(state=A.ACKNOWLEDGED)
    assert offboarding.sweep() == 1
    assert under_way(decision).position == action.position + 1
    assert offboarding.sweep() == 0


def test_a_contract_opened_meanwhile_voids_the_proposal(case, rita, sam, make_account):
    decision = decisions.propose(
        case, "offboarded", actor=rita, reason_code="false_identity", reason="forged"
    )
    Contract.objects.create(
        ref="ct-3", client=make_account("cl-3"), freelancer=case.account, opened_at=timezone.now()
    )
    with pytest.raises(decisions.EvidenceChanged, match="steps"):
        decisions.approve(decision, actor=sam)


@pytest.fixture
def offboarded(case, rita, sam):
    decision = offboard(case, rita, sam)
    finish(decision)
    case.refresh_from_db()
    return decision


def overturn(decision, actor):
    return decisions.overturn(
        decision, actor=actor, reason_code="innocent", reason="the papers were real"
    )


def test_overturning_opens_the_account_again_and_leaves_the_money(offboarded, case, ana, kim):
    holds.set_hold(case.account, "soft_hold", actor=ana, reason="r")
    fresh = overturn(offboarded, ana)
    assert [row["kind"] for row in fresh.plan] == ["unsuspend_account", "notify_reversal"]
    decisions.approve(fresh, actor=kim)
    assert WebhookDelivery.objects.latest("id").event_type == "undo.unsuspend_account"
    finish(fresh)
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "cleared")
    assert offboarded.actions.get(kind="suspend_account").state == A.UNDONE
    assert holds.level_of(case.account) == "soft_hold"


def test_who_decided_does_not_overturn(offboarded, rita, sam):
    with pytest.raises(permissions.Denied, match="You decided this"):
        overturn(offboarded, sam)


def test_overturning_needs_a_second_person_too(offboarded, ana):
    fresh = overturn(offboarded, ana)
    with pytest.raises(permissions.Denied, match="You proposed this"):
        decisions.approve(fresh, actor=ana)


def test_an_overturn_that_is_rejected_leaves_things_as_they_were(offboarded, case, ana, kim):
    decisions.reject(overturn(offboarded, ana), actor=kim, reason="they were not")
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "offboarded")
    assert overturn(offboarded, ana).state == "proposed"


@pytest.mark.parametrize("end", ["rejected", "withdrawn", "void"])
def test_an_overturn_that_fails_gives_the_case_back_as_it_was_closed(
    offboarded, case, ana, kim, end
):
    case.refresh_from_db()
    before = (case.state, case.outcome, case.closed_at, case.assignee, case.flags)
    assert case.closed_at is not None
    fresh = overturn(offboarded, ana)
    case.refresh_from_db()
    assert (case.state, case.outcome, case.closed_at) == ("pending_approval", "", None)

    if end == "rejected":
        decisions.reject(fresh, actor=kim, reason="they were not")
    elif end == "withdrawn":
        decisions.withdraw(fresh, actor=ana)
    else:
        life.find(case.account, "shop.odd", score=20)
        with pytest.raises(decisions.EvidenceChanged):
            decisions.approve(fresh, actor=kim)

    case.refresh_from_db()
    assert (case.state, case.outcome, case.closed_at, case.assignee, case.flags) == before
    assert case.workers.filter(user=ana).exists(), "who looked again counts as having worked on it"
