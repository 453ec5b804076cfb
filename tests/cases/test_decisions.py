"""Two people over the same evidence, in code and in the database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from cases import decisions, permissions, queue, transitions
from cases.decisions import EvidenceChanged
from cases.models import (
    Account,
    AuditEvent,
    Case,
    CaseWorker,
    Decision,
    Link,
    Verification,
    VerificationAttempt,
)
from cases.transitions import NotAllowed, Stale
from tests.cases import life


@pytest.fixture
def typology(db):
    return life.load()


@pytest.fixture
def held(make_case, rita, typology):
    """A case that rita claimed, with evidence."""

    def make(score=9, **fields):
        case = make_case(score_at_opening=score, **fields)
        life.find(case.account, "papers.forged", score=score)
        queue.claim(case, actor=rita)
        return case

    return make


@pytest.fixture
def in_compliance(make_case, sam, typology):
    def make(score=15, **fields):
        case = make_case("escalated", score_at_opening=score, **fields)
        life.find(case.account, "papers.forged", score=score)
        queue.claim(case, actor=sam)
        return case

    return make


def restrict(case, actor, **fields):
    return decisions.propose(
        case, "restricted", actor=actor, reason_code="unconfirmed", reason="nobody knows", **fields
    )


def offboard(case, actor, **fields):
    return decisions.propose(
        case, "offboarded", actor=actor, reason_code="false_identity", reason="forged", **fields
    )


def clear(case, actor, **fields):
    return decisions.propose(
        case, "cleared", actor=actor, reason_code="innocent", reason="asked", **fields
    )


def test_a_low_case_is_cleared_at_once(held, rita):
    case = held(score=5)
    decision = clear(case, rita)
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "cleared")
    assert (decision.state, decision.needs_second, decision.approved_by) == (
        "approved",
        False,
        rita,
    )
    assert case.cleared_families == {"papers": 9.0}


def test_clearing_a_high_score_waits_for_a_second_person(held, rita, ana):
    case = held(score=7)
    decision = clear(case, rita)
    case.refresh_from_db()
    assert (case.state, decision.needs_second) == ("pending_approval", True)
    decisions.approve(decision, actor=ana)
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "cleared")


def test_a_score_that_fell_since_the_opening_still_needs_two(held, rita):
    case = held(score=9)
    Account.objects.filter(pk=case.account_id).update(score=2)
    case.account.refresh_from_db()
    assert clear(case, rita).needs_second


def test_an_adverse_outcome_needs_two_whatever_the_score(held, rita, ana):
    case = held(score=1)
    decision = restrict(case, rita)
    assert decision.needs_second
    decisions.approve(decision, actor=ana)
    case.refresh_from_db()
    assert case.state == "executing"


def test_the_proposer_does_not_approve(held, ana):
    case = held()
    queue.assign(case, ana, ana)
    decision = restrict(case, ana)
    with pytest.raises(permissions.Denied, match="You proposed this"):
        decisions.approve(decision, actor=ana)
    assert AuditEvent.objects.get(verb="denied").actor == ana


def test_who_ever_held_the_case_does_not_approve(held, rita, ana):
    case = held()
    queue.assign(case, ana, ana)
    queue.assign(case, rita, ana)
    decision = restrict(case, rita)
    with pytest.raises(permissions.Denied, match="worked on a case"):
        decisions.approve(decision, actor=ana)


def test_reopening_gives_no_way_around(held, rita, ana, sam):
    case = held()
    queue.assign(case, ana, ana)
    decisions.approve(clear(case, ana), actor=sam)
    decisions.reopen(case, actor=sam, reason="again")
    queue.claim(case, actor=rita)
    with pytest.raises(permissions.Denied, match="worked on a case"):
        decisions.approve(restrict(case, rita), actor=ana)


def test_a_later_case_of_the_account_gives_no_way_around(held, make_case, rita, ana):
    first = held(score=3)
    queue.assign(first, ana, ana)
    clear(first, ana)
    second = make_case(account=first.account)
    queue.claim(second, actor=rita)
    with pytest.raises(permissions.Denied, match="worked on a case"):
        decisions.approve(restrict(second, rita), actor=ana)


def test_who_recorded_a_verification_does_not_approve(held, rita, ana):
    case = held()
    now = timezone.now()
    verification = Verification.objects.create(
        account=case.account, typology_code="x", step="video", trigger="t", requested_at=now,
        due_at=now,
    )  # fmt: skip
    VerificationAttempt.objects.create(
        verification=verification, number=1, recorded_by=ana, held_at=now, outcome="passed"
    )
    with pytest.raises(permissions.Denied, match="recorded a verification"):
        decisions.approve(restrict(case, rita), actor=ana)


def test_who_is_in_conflict_does_not_approve(held, rita, ana):
    case = held()
    queue.skip(case, actor=ana, reason="my brother", conflict=True)
    with pytest.raises(permissions.Denied, match="conflict"):
        decisions.approve(restrict(case, rita), actor=ana)


def test_a_senior_does_not_approve_an_offboarding_under_sanctions(held, rita, ana, sam):
    decision = offboard(held(), rita)
    with pytest.raises(permissions.Denied, match="compliance officer"):
        decisions.approve(decision, actor=ana)
    decisions.approve(decision, actor=sam)


def test_a_senior_approves_nothing_behind_the_wall(in_compliance, sam, ana):
    decision = restrict(in_compliance(), sam)
    assert decision.wall
    with pytest.raises(permissions.Denied):
        decisions.approve(decision, actor=ana)
    assert not Decision.objects.visible_to(ana).exists()


def test_changed_evidence_voids_the_proposal_and_says_what_changed(held, rita, ana, make_account):
    case = held()
    decision = restrict(case, rita)
    life.find(case.account, "shop.odd", score=12)
    other = make_account()
    a, b = sorted((case.account, other), key=lambda each: each.pk)
    Link.objects.create(a=a, b=b, strength=8)

    with pytest.raises(EvidenceChanged) as caught:
        decisions.approve(decision, actor=ana)

    assert caught.value.changes == [
        "findings: 1 new",
        "the score went from 9.00 to 12.00",
        "links to other accounts: 1 new",
    ]
    decision.refresh_from_db()
    case.refresh_from_db()
    assert (decision.state, decision.approved_by) == ("void", None)
    assert (case.state, case.assignee) == ("in_review", rita)
    with pytest.raises(NotAllowed, match="void already"):
        decisions.approve(decision, actor=ana)


def test_a_withdrawn_finding_is_a_change_too(held, rita, ana):
    case = held()
    decision = restrict(case, rita)
    case.account.findings.update(withdrawn=True)
    with pytest.raises(EvidenceChanged, match="1 changed"):
        decisions.approve(decision, actor=ana)


def test_a_shadow_finding_is_no_evidence(held, rita, ana):
    case = held()
    decision = restrict(case, rita)
    life.find(case.account, "shop.odd", shadow=True)
    assert decisions.approve(decision, actor=ana).state == "approved"


def test_an_old_tab_does_not_approve_what_was_rejected(held, rita, ana, sam):
    case = held()
    first = restrict(case, rita)
    decisions.reject(first, actor=ana, reason="too early")
    second = offboard(case, rita)
    with pytest.raises(NotAllowed, match="rejected already"):
        decisions.approve(first, actor=sam)
    second.refresh_from_db()
    assert second.state == "proposed"


def test_rejecting_gives_the_case_back_to_the_proposer(held, rita, ana):
    case = held()
    decisions.reject(restrict(case, rita), actor=ana, reason="ask about the travel")
    case.refresh_from_db()
    assert (case.state, case.assignee) == ("in_review", rita)
    assert case.claimed_until > timezone.now() + timedelta(hours=1)


def test_a_rejected_case_goes_to_the_queue_when_its_proposer_left(held, rita, ana):
    case = held()
    decision = restrict(case, rita)
    rita.is_active = False
    rita.save()
    decisions.reject(decision, actor=ana, reason="no")
    case.refresh_from_db()
    assert (case.state, case.assignee) == ("open", None)


def test_only_the_proposer_withdraws(held, rita, ana):
    case = held()
    decision = restrict(case, rita)
    with pytest.raises(permissions.Denied, match="Only Rita"):
        decisions.withdraw(decision, actor=ana)
    decisions.withdraw(decision, actor=rita)
    case.refresh_from_db()
    assert case.state == "in_review"


def test_reasons_are_those_of_the_typology(held, rita):
    case = held()
    with pytest.raises(NotAllowed, match="unconfirmed"):
        decisions.propose(case, "restricted", actor=rita, reason_code="hunch", reason="hm")
    with pytest.raises(NotAllowed, match="own words"):
        decisions.propose(case, "restricted", actor=rita, reason_code="unconfirmed", reason=" ")


@pytest.mark.parametrize(
    "text",
    [
        "You are from Atlantis.",
        "sanctions apply",
        "At\u200blantis",
        "SANCTIONED",
        "ａｔｌａｎｔｉｓ",
    ],
)
def test_a_notice_does_not_tip_off(held, rita, text):
    with pytest.raises(NotAllowed, match="must not say"):
        restrict(held(), rita, notice=text)


def test_a_second_proposal_is_refused_in_words(held, rita):
    case = held()
    restrict(case, rita)
    with pytest.raises(NotAllowed, match="pending approval"):
        restrict(case, rita)


def test_a_stale_page_proposes_nothing(held, rita):
    case = held()
    with pytest.raises(Stale):
        restrict(case, rita, version=0)
    assert not Decision.objects.exists()


def test_refusals_alone_restrict_nothing_and_never_offboard(make_case, rita, typology):
    case = make_case()
    life.find(case.account, "talk.refused", score=6)
    queue.claim(case, actor=rita)
    with pytest.raises(NotAllowed, match="no ground for off-boarding"):
        offboard(case, rita)
    with pytest.raises(NotAllowed, match="0 of 2 refusals"):
        decisions.propose(case, "restricted", actor=rita, reason_code="refused", reason="r")


def test_an_authority_keeps_the_account_open(held, rita, lee, sam):
    case = held()
    until = timezone.now() + timedelta(days=30)
    decisions.keep_open(case, actor=lee, until=until, reference="A-17")
    with pytest.raises(NotAllowed, match="keeps the account open") as refused:
        offboard(case, rita)
    assert "A-17" not in str(refused.value)  # whose reference it is stays behind the wall
    assert restrict(case, rita).state == "proposed"


def test_an_authority_that_asks_later_stops_the_approval(held, rita, lee, sam):
    case = held()
    decision = offboard(case, rita)
    decisions.keep_open(case, actor=lee, until=timezone.now() + timedelta(days=1), reference="A-18")
    with pytest.raises(NotAllowed, match="A-18"):
        decisions.approve(decision, actor=sam)


def test_what_the_authority_no_longer_asks_is_lifted(held, rita, lee, sam):
    case = held()
    decisions.keep_open(case, actor=lee, until=timezone.now() + timedelta(days=1), reference="A-19")
    with pytest.raises(permissions.Denied):
        decisions.lift_keep_open(case, actor=sam, reason="they called")
    decisions.lift_keep_open(case, actor=lee, reason="withdrawn in writing")
    with pytest.raises(NotAllowed, match="Nobody asks"):
        decisions.lift_keep_open(case, actor=lee, reason="again")
    assert offboard(case, rita).state == "proposed"
    assert list(
        case.events.filter(verb__startswith="keep_open").values_list("wall", flat=True)
    ) == [
        True,
        True,
    ]


def test_only_legal_notes_what_an_authority_asks(held, sam):
    with pytest.raises(permissions.Denied):
        decisions.keep_open(held(), actor=sam, until=timezone.now(), reference="x")


# -- Around the code, by SQL -----------------------------------------------------------------------


def refused(name, sql, *values):
    with (
        pytest.raises(IntegrityError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert caught.value.__cause__.diag.constraint_name == name


@pytest.fixture
def proposal(held, rita):
    return restrict(held(), rita)


def test_sql_does_not_let_the_proposer_approve(proposal, rita):
    refused(
        "decision_needs_two_people",
        "UPDATE cases_decision SET state='approved', approved_by_id=%s, approved_at=now()"
        " WHERE id=%s",
        rita.pk,
        proposal.pk,
    )


def test_sql_does_not_let_a_former_holder_approve(proposal, kim):
    CaseWorker.objects.create(case=proposal.case, user=kim)
    refused(
        "approver_did_not_work_on_the_case",
        "UPDATE cases_decision SET state='approved', approved_by_id=%s, approved_at=now()"
        " WHERE id=%s",
        kim.pk,
        proposal.pk,
    )


def test_sql_does_not_forget_who_worked_on_it(proposal):
    refused("rows_are_only_added", "DELETE FROM cases_caseworker")
    refused("rows_are_only_added", "UPDATE cases_caseworker SET user_id = user_id")


def test_sql_does_not_let_a_verifier_approve(proposal, kim):
    now = timezone.now()
    verification = Verification.objects.create(
        account=proposal.case.account, typology_code="x", step="video", trigger="t",
        requested_at=now, due_at=now,
    )  # fmt: skip
    VerificationAttempt.objects.create(
        verification=verification, number=1, performed_by=kim, held_at=now, outcome="passed"
    )
    refused(
        "approver_recorded_no_verification",
        "UPDATE cases_decision SET state='approved', approved_by_id=%s, approved_at=now()"
        " WHERE id=%s",
        kim.pk,
        proposal.pk,
    )


def test_sql_does_not_let_a_senior_approve_for_an_officer(held, rita, ana):
    decision = offboard(held(), rita)
    refused(
        "officer_approves_under_sanctions",
        "UPDATE cases_decision SET state='approved', approved_by_id=%s, approved_at=now()"
        " WHERE id=%s",
        ana.pk,
        decision.pk,
    )


@pytest.mark.parametrize("outcome", ["restricted", "offboarded", "cleared", "monitor"])
def test_sql_closes_no_case_without_its_decision(proposal, outcome):
    refused(
        "outcome_rests_on_a_decision_of_two_people",
        "UPDATE cases_case SET state='closed', outcome=%s, closed_at=now() WHERE id=%s",
        outcome,
        proposal.case_id,
    )


def test_sql_opens_no_case_as_offboarded(make_account):
    refused(
        "outcome_rests_on_a_decision_of_two_people",
        "INSERT INTO cases_case (ref, account_id, typology_code, state, state_since, queue,"
        " severity, opened_at, opened_because, due_at, score_at_opening, fence, version, snooze,"
        " outcome, closed_at, cleared_families, reopened_because, blockable_interest, restricted,"
        " flags) VALUES ('X-1', %s, 't', 'closed', now(), 'review', 1, now(), '{}', now(), 0, 0,"
        " 0, '{}', 'offboarded', now(), '{}', '', 'yes', false, '{}')",
        make_account().pk,
    )


def test_sql_clears_no_high_score_alone(held, rita):
    case = held(score=9)
    refused(
        "clearing_a_high_score_needs_two_people",
        "INSERT INTO cases_decision (case_id, outcome, reason_code, reason, notice, plan, digest,"
        " evidence, score, needs_second, needs_officer, wall, state, proposed_by_id, proposed_at,"
        " approved_by_id, approved_at, ended_because) VALUES (%s, 'cleared', 'r', 'r', '', '[]',"
        " '0', '{}', 1, false, false, false, 'approved', %s, now(), %s, now(), '')",
        case.pk,
        rita.pk,
        rita.pk,
    )


def test_sql_edits_and_deletes_no_decision(proposal):
    refused("decision_is_never_edited", "UPDATE cases_decision SET outcome='cleared'")
    refused("decision_is_never_edited", "UPDATE cases_decision SET digest='1'")
    refused("rows_are_only_added", "DELETE FROM cases_decision")


def test_sql_answers_no_decision_twice(proposal, ana, kim):
    decisions.reject(proposal, actor=ana, reason="no")
    refused(
        "decision_is_answered_once",
        "UPDATE cases_decision SET state='approved', approved_by_id=%s, approved_at=now()",
        kim.pk,
    )


def test_sql_makes_no_case_pending_or_executing_out_of_nothing(held):
    case = held()
    for state, rule in [
        ("pending_approval", "pending_case_has_a_proposal"),
        ("executing", "outcome_rests_on_a_decision_of_two_people"),
    ]:
        refused(
            rule,
            "UPDATE cases_case SET state=%s, claimed_until=NULL WHERE id=%s",
            state,
            case.pk,
        )


def test_sql_turns_no_fence_back(held):
    held()
    refused("version_and_fence_only_grow", "UPDATE cases_case SET fence = fence - 1")


def test_the_generic_function_is_no_way_around(held, rita, ana):
    """Whoever calls `transitions.apply` with the bare verb is stopped at commit."""
    case = held(score=3)
    for verb, fields in [("close", {"outcome": "offboarded"}), ("propose", {})]:
        with pytest.raises(IntegrityError), transaction.atomic():
            transitions.apply(case, verb, actor=rita, note="x", **fields)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        case.refresh_from_db()


# -- Two at once -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("one", "other"),
    [("approve", "reject"), ("withdraw", "approve"), ("approve", "approve"), ("reject", "reject")],
)
def test_of_two_answers_at_once_exactly_one_counts(held, rita, ana, sam, one, other):
    acts = {
        "approve": lambda decision, who: decisions.approve(decision, actor=who),
        "reject": lambda decision, who: decisions.reject(decision, actor=who, reason="no"),
        "withdraw": lambda decision, who: decisions.withdraw(decision, actor=rita),
    }
    for _ in range(8):
        decision = restrict(held(), rita)
        start = Barrier(2)

        def act(job, decision=decision, start=start):
            name, who = job
            try:
                start.wait(timeout=10)
                acts[name](Decision.objects.get(pk=decision.pk), who)
                return "won"
            except NotAllowed:
                return "too late"
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(act, [(one, ana), (other, sam)])) == ["too late", "won"]
        decision.refresh_from_db()
        case = Case.objects.get(pk=decision.case_id)
        assert (decision.state == "approved") == (case.state == "executing")


def _approve_under_a_key(client, decision):
    return client.post(
        f"/api/v1/decisions/{decision.pk}/approve/",
        {"digest": decision.digest},
        "application/json",
        headers={"idempotency-key": "k1"},
    )


def test_who_was_asked_to_confirm_may_send_the_same_again(held, rita, ana, sign_in):
    decision = restrict(held(), rita)
    asked = _approve_under_a_key(sign_in(ana, ago=100_000), decision)
    assert (asked.status_code, asked.json()["code"]) == (403, "step_up_required")
    assert _approve_under_a_key(sign_in(ana), decision).status_code == 200


def test_a_void_proposal_stays_void_under_a_key(held, rita, ana, sign_in):
    case = held()
    decision = restrict(case, rita)
    life.find(case.account, "shop.odd", score=12)
    for _ in range(2):
        answer = _approve_under_a_key(sign_in(ana), decision)
        assert (answer.status_code, answer.json()["code"]) == (409, "evidence_changed")
    decision.refresh_from_db()
    assert decision.state == "void"
