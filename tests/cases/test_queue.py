"""Who gets which case, for how long."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases import permissions, queue, transitions
from cases.models import AuditEvent, Case, CaseSkip, CaseWorker
from cases.states import Verb
from cases.transitions import Lost, NotAllowed

HOUR = timedelta(hours=1)


def test_an_empty_queue_gives_nothing(rita):
    assert queue.claim_next(rita) is None


def test_severity_then_deadline_then_age(make_case, rita):
    now = timezone.now()
    later = make_case(severity=3, due_at=now + 2 * HOUR)
    young = make_case(severity=3, due_at=now + HOUR)
    old_but_mild = make_case(severity=1, due_at=now - HOUR)
    worst = make_case(severity=4, due_at=now + 9 * HOUR)
    twin = make_case(severity=3, due_at=young.due_at)

    got = [queue.claim_next(rita) for _ in range(5)]

    assert got == [worst, young, twin, later, old_but_mild]


def test_a_claim_is_a_lease_a_fence_a_worker_and_an_event_in_one_statement(make_case, rita):
    case = make_case()
    permissions.allows(rita, permissions.REVIEW)  # roles are read once
    with CaptureQueriesContext(connection) as queries:
        got = queue.claim_next(rita)

    assert len(queries) == 1
    assert (got.pk, got.state, got.assignee, got.fence) == (case.pk, "in_review", rita, 1)
    assert got.claimed_until > timezone.now()
    assert CaseWorker.objects.filter(case=case, user=rita).exists()
    event = AuditEvent.objects.get()
    assert (event.verb, event.actor, event.case, event.wall) == ("claim", rita, case, False)
    assert event.data["version"] == 1


def test_the_fast_event_is_as_the_slow_one(make_case, rita):
    """The statement writes what `audit.record` would have, column for column."""
    make_case()
    fast = queue.claim_next(rita)
    slow = make_case()
    queue.claim(slow, actor=rita)
    one, two = AuditEvent.objects.order_by("id")
    differ = {"_state", "id", "at", "case_id", "account_id", "object_ref", "data"}
    assert {k: v for k, v in vars(one).items() if k not in differ} == {
        k: v for k, v in vars(two).items() if k not in differ
    }
    assert (one.object_ref, two.object_ref) == (fast.ref, slow.ref)
    assert one.data == {**two.data, "next": True}


def test_the_order_is_that_of_the_index(make_case, rita):
    make_case()
    with connection.cursor() as cursor:
        # Cases of compliance stand before it in the order of all open cases, not in the queue's.
        cursor.execute(
            "INSERT INTO cases_account (ref, kind, display_name, email, phone, claimed_country,"
            " skills, identity, score) SELECT 'q' || n, 'freelancer', '', '', '', '', '[]',"
            " 'undetermined', 0 FROM generate_series(1, 500) AS n"
        )
        cursor.execute(
            "INSERT INTO cases_case (ref, account_id, typology_code, state, state_since, queue,"
            " severity, opened_at, opened_because, due_at, score_at_opening, fence, version,"
            " snooze, outcome, cleared_families, reopened_because, blockable_interest, restricted,"
            " flags) SELECT cases_next_ref(), id, 'dprk_itw', 'escalated', now(), 'compliance', 4,"
            " now(), '{}', now(), 0, 0, 0, '{}', '', '{}', '', 'undetermined', false, '{}'"
            " FROM cases_account WHERE ref LIKE 'q%'"
        )
        cursor.execute("ANALYZE cases_case")
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM cases_case WHERE queue = 'review' AND state = 'open' "
            "AND snoozed_until IS NULL ORDER BY severity DESC, due_at, id LIMIT 1"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "case_queue" in plan
    assert "Sort" not in plan


def test_analysts_claim_nothing_from_compliance(make_case, rita, sam):
    case = make_case("escalated")
    with pytest.raises(permissions.Denied):
        queue.claim_next(rita, "compliance")
    assert queue.claim_next(rita) is None
    assert queue.claim_next(sam, "compliance") == case


def test_officers_do_not_review(make_case, sam):
    make_case()
    with pytest.raises(permissions.Denied):
        queue.claim_next(sam, "review")


def test_conflicts_and_skipped_ones_are_left_out(make_case, rita, ana):
    skipped, conflict, left = make_case(), make_case(), make_case()
    queue.skip(skipped, actor=rita, reason="cannot read Portuguese")
    queue.skip(conflict, actor=rita, reason="my cousin", conflict=True)

    assert queue.claim_next(rita) == left
    assert queue.claim_next(rita) is None
    CaseSkip.objects.filter(case=skipped).update(until=timezone.now())
    assert queue.claim_next(rita) == skipped
    assert queue.claim_next(ana) == conflict


def test_a_conflict_bars_the_direct_way_too(make_case, rita, ana):
    case = make_case()
    queue.skip(case, actor=rita, reason="my cousin", conflict=True)
    queue.skip(case, actor=rita, reason="again")
    with pytest.raises(NotAllowed, match="conflict"):
        queue.claim(case, actor=rita)
    with pytest.raises(NotAllowed, match="conflict"):
        queue.assign(case, rita, ana)


def test_restricted_cases_go_only_to_who_may_read_them(make_case, rita):
    make_case(restricted=True)
    assert queue.claim_next(rita) is None


def test_skipping_what_one_holds_lets_it_go(make_case, rita):
    case = make_case("in_review", assignee=rita)
    queue.skip(case, actor=rita, reason="not mine")
    case.refresh_from_db()
    assert (case.state, case.assignee) == ("open", None)


def test_claiming_again_renews(make_case, rita):
    case = make_case("in_review", assignee=rita, claimed_until=timezone.now() + HOUR / 60)
    queue.claim(case, actor=rita)
    case.refresh_from_db()
    assert case.claimed_until > timezone.now() + HOUR / 6
    assert (case.fence, case.version) == (0, 0)


def test_what_ran_out_can_be_claimed_before_the_sweep(make_case, rita, ana):
    case = make_case("in_review", assignee=rita, claimed_until=timezone.now() - HOUR)
    queue.claim(case, actor=ana, version=0)
    case.refresh_from_db()
    assert (case.assignee, case.fence) == (ana, 1)
    assert [e.verb for e in case.events.order_by("id")] == ["lease_expired", "claim"]


def test_a_lost_claim_is_not_renewed(make_case, rita):
    case = make_case("in_review", assignee=rita, claimed_until=timezone.now() - HOUR)
    with pytest.raises(Lost):
        queue.renew(case, actor=rita)
    assert queue.touch(case, actor=rita) is False


def test_touching_writes_only_when_it_is_worth_it(make_case, rita):
    case = make_case()
    queue.claim(case, actor=rita)
    assert queue.touch(case, actor=rita) is True
    assert case.events.count() == 1
    Case.objects.filter(pk=case.pk).update(claimed_until=timezone.now() + HOUR / 12)
    case.refresh_from_db()
    assert queue.touch(case, actor=rita, fence=case.fence) is True
    assert [e.verb for e in case.events.order_by("id")] == ["claim", "renew"]


def test_assigning_gives_a_fresh_claim_and_remembers_both(make_case, rita, ana, olu):
    case = make_case()
    queue.claim(case, actor=rita)
    queue.assign(case, ana, ana, note="needs a senior")
    case.refresh_from_db()
    assert (case.assignee, case.fence, case.version) == (ana, 2, 2)
    assert {w.user for w in case.workers.all()} == {rita, ana}
    with pytest.raises(NotAllowed, match="may not work"):
        queue.assign(case, olu, ana)
    with pytest.raises(Lost):
        transitions.apply(case, Verb.ESCALATE, actor=rita, fence=1, note="late")


def test_snoozed_cases_are_not_given_and_wake_by_time(make_case, rita):
    case = make_case("in_review", assignee=rita)
    queue.snooze(case, actor=rita, reason="waits for the bank", until=timezone.now() + HOUR)
    assert queue.claim_next(rita) is None
    assert queue.wake_due() == 0
    Case.objects.filter(pk=case.pk).update(snoozed_until=timezone.now())
    assert queue.wake_due() == 1
    assert case.events.latest("id").note == "The time that it was put aside for has come."
    assert queue.claim_next(rita) == case


def test_snoozed_cases_wake_by_score(make_case, rita):
    case = make_case("in_review", assignee=rita)
    queue.snooze(case, actor=rita, reason="thin", score=12)
    assert queue.wake_due() == 0
    case.account.score = 12
    case.account.save()
    assert queue.wake_due() == 1
    assert case.events.latest("id").note == "The account's score reached 12.00."


def test_a_case_does_not_sleep_past_its_deadline(make_case, rita):
    case = make_case("in_review", assignee=rita)
    with pytest.raises(NotAllowed, match="due"):
        queue.snooze(case, actor=rita, reason="r", until=case.due_at + HOUR)
    with pytest.raises(NotAllowed, match="waits for"):
        queue.snooze(case, actor=rita, reason="r")


def test_the_sweep_takes_back_what_ran_out_and_nothing_else(make_case, rita, ana):
    gone = make_case("in_review", assignee=rita, claimed_until=timezone.now() - HOUR)
    kept = make_case("in_review", assignee=ana)
    assert queue.expire_leases() == 1
    gone.refresh_from_db()
    kept.refresh_from_db()
    assert (gone.state, gone.assignee, kept.assignee) == ("open", None, ana)
    assert gone.events.get().data["holder"] == rita.pk
    assert queue.expire_leases() == 0


@pytest.mark.django_db(transaction=True)
def test_a_locked_row_is_passed_over_at_once(make_case, rita):
    """Without SKIP LOCKED the race below passes too: the second one would just wait."""
    top, second = make_case(severity=4), make_case()

    def ask():
        try:
            started = time.monotonic()
            return queue.claim_next(rita), time.monotonic() - started
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Case.objects.select_for_update(no_key=True).get(pk=top.pk)
        got, took = pool.submit(ask).result(timeout=10)
    assert got == second
    assert took < 2


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_a_case_each(make_case, person):
    people = [person(f"analyst{n}", "analyst") for n in range(8)]
    account_cases = [make_case() for _ in range(60)]
    start = Barrier(8)

    def work(user):
        try:
            start.wait(timeout=10)
            got = []
            while (case := queue.claim_next(user)) is not None:
                got.append((case.pk, case.fence))
            return got
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        shares = list(pool.map(work, people))

    taken = [pk for share in shares for pk, _ in share]
    assert sorted(taken) == sorted(case.pk for case in account_cases)
    for user, share in zip(people, shares, strict=True):
        assert Case.objects.filter(assignee=user).count() == len(share)


@pytest.mark.django_db(transaction=True)
def test_a_renewal_and_the_sweep_at_once_never_both_win(make_case, rita):
    for _ in range(10):
        soon = timezone.now() + timedelta(milliseconds=30)
        case = make_case("in_review", assignee=rita, claimed_until=soon)
        start = Barrier(2)

        def renew(case=case, start=start):
            try:
                start.wait(timeout=10)
                time.sleep(0.03)
                queue.renew(Case.objects.get(pk=case.pk), actor=rita)
                return True
            except NotAllowed:
                return False
            finally:
                connection.close()

        def sweep(case=case, start=start):
            try:
                start.wait(timeout=10)
                time.sleep(0.03)
                queue.expire_leases()
                return case.events.filter(verb="lease_expired").exists()
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            renewed, swept = pool.submit(renew), pool.submit(sweep)
            renewed, swept = renewed.result(), swept.result()
        case.refresh_from_db()
        assert not (renewed and swept)
        assert (case.state == "in_review") is not swept
