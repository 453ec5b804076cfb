"""`transitions.apply`: every gap of the table, stale pages, lost claims, and two at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from cases import permissions, transitions
from cases.models import AuditEvent, Case, CaseWorker
from cases.states import RULES, State, Verb
from cases.transitions import Lost, NotAllowed, Stale


def test_escalating_hands_the_case_to_compliance(make_case, rita):
    case = make_case("in_review", assignee=rita)

    event = transitions.apply(case, Verb.ESCALATE, actor=rita, note="payout is on a list")

    case.refresh_from_db()
    assert (case.state, case.queue, case.assignee) == (State.ESCALATED, "compliance", None)
    assert (case.escalated_by, case.claimed_until, case.version) == (rita, None, 1)
    assert (event.actor, event.note, event.wall) == (rita, "payout is on a list", False)
    assert event.data == {"before": "in_review", "after": "escalated", "version": 1}


@pytest.mark.parametrize("verb", RULES)
@pytest.mark.parametrize("state", State)
def test_every_move_that_is_not_in_the_table_is_refused(make_case, rita, state, verb):
    if state in RULES[verb].sources:
        pytest.skip("in the table")
    case = make_case(state, assignee=rita)

    with pytest.raises(NotAllowed):
        transitions.apply(case, verb, actor=None, note="why")

    case.refresh_from_db()
    assert (case.state, case.version) == (state, 0)
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("verb", RULES)
@pytest.mark.parametrize("who", ["olu", "dee", "adm", "aud"])
def test_who_does_not_work_on_cases_may_do_nothing(make_case, request, verb, who):
    person = request.getfixturevalue(who)
    for state, move in RULES[verb].moves.items():
        case = make_case(state, assignee=person if move.holder else None) if (
            move.holder or state not in ("in_review", "in_compliance")
        ) else make_case(state, assignee=person)  # fmt: skip
        with pytest.raises(permissions.Denied):
            transitions.apply(case, verb, actor=person, note="why")
    assert not AuditEvent.objects.exclude(verb="denied").exists()


def test_a_denied_attempt_is_recorded(make_case, rita):
    case = make_case("escalated")
    with pytest.raises(permissions.Denied, match="compliance officer"):
        transitions.apply(case, Verb.CLAIM, actor=rita)
    event = AuditEvent.objects.get()
    assert (event.verb, event.actor, event.case) == ("denied", rita, case)


def test_somebody_elses_case_is_refused_by_name(make_case, rita, ana):
    case = make_case("in_review", assignee=ana)
    with pytest.raises(NotAllowed, match="Ana holds"):
        transitions.apply(case, Verb.RELEASE, actor=rita)


def test_a_stale_page_is_told_what_changed(make_case, rita):
    case = make_case("in_review", assignee=rita)
    transitions.apply(case, Verb.RELEASE, actor=rita, note="lunch")

    with pytest.raises(Stale, match="Rita: release") as caught:
        transitions.apply(case, Verb.CLAIM, actor=rita, version=0)

    assert [(change.verb, change.note) for change in caught.value.changes] == [("release", "lunch")]


def test_a_stale_page_does_not_tell_an_analyst_about_compliance(make_case, rita, sam):
    case = make_case("escalated")
    transitions.apply(
        case, Verb.CLAIM, actor=sam, assignee=sam, claimed_until=timezone.now() + timedelta(1)
    )
    transitions.apply(case, Verb.RELEASE, actor=sam, note="behind the wall")
    assert transitions.since(case, 0, rita) == []
    assert len(transitions.since(case, 0, sam)) == 2


def test_a_write_with_an_older_fence_is_lost(make_case, rita):
    case = make_case("in_review", assignee=rita, fence=4)
    with pytest.raises(Lost):
        transitions.apply(case, Verb.ESCALATE, actor=rita, fence=3, note="late")


def test_a_holder_whose_lease_ran_out_writes_nothing(make_case, rita):
    late = timezone.now() - timedelta(seconds=1)
    case = make_case("in_review", assignee=rita, claimed_until=late)
    with pytest.raises(Lost, match="ran out"):
        transitions.apply(case, Verb.ESCALATE, actor=rita, note="late")


def test_somebody_who_left_does_nothing(make_case, rita):
    case = make_case("in_review", assignee=rita)
    rita.is_active = False
    rita.save()
    with pytest.raises(permissions.Denied):
        transitions.apply(case, Verb.RELEASE, actor=rita)


def test_a_verb_that_says_why_is_refused_without(make_case, rita):
    case = make_case("in_review", assignee=rita)
    with pytest.raises(NotAllowed, match="why"):
        transitions.apply(case, Verb.ESCALATE, actor=rita, note="   ")


def test_notes_and_renewals_make_no_page_stale(make_case, rita):
    case = make_case("in_review", assignee=rita)
    transitions.apply(case, Verb.NOTE, actor=rita)
    transitions.apply(case, Verb.RENEW, actor=rita)
    assert case.version == 0


def test_what_is_disabled_says_why(make_case, rita, ana):
    case = make_case("in_review", assignee=ana)
    rail = {verb: (allowed, reason) for verb, allowed, reason in transitions.available(case, rita)}
    assert rail[Verb.NOTE] == (True, "")
    assert rail[Verb.ESCALATE] == (False, f"Ana holds {case.ref}.")
    assert rail[Verb.ASSIGN][1] == "Only a senior analyst may assign here."
    assert rail[Verb.REOPEN][1] == "Nobody can reopen a case that is in review."
    assert Verb.LEASE_EXPIRED not in rail


def test_who_gets_a_case_is_remembered_as_having_worked_on_it(make_case, rita):
    case = make_case()
    until = timezone.now() + timedelta(minutes=5)
    transitions.apply(case, Verb.CLAIM, actor=rita, assignee=rita, claimed_until=until)
    assert CaseWorker.objects.filter(case=case, user=rita).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("one", "other"), [(Verb.ESCALATE, Verb.RELEASE), (Verb.ESCALATE, Verb.ESCALATE)]
)
def test_of_two_at_once_one_wins(make_case, rita, one, other):
    for _ in range(15):
        case = make_case("in_review", assignee=rita)
        start = Barrier(2)

        def act(verb, case=case, start=start):
            try:
                start.wait(timeout=10)
                transitions.apply(Case(pk=case.pk), verb, actor=rita, version=0, note="why")
                return "won"
            except NotAllowed:
                return "too late"
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(act, [one, other])) == ["too late", "won"]
        assert case.events.exclude(verb="denied").count() == 1
        case.refresh_from_db()
        assert case.version == 1
