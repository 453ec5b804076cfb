"""`cases/enrichment/jobs.py`: asked for once, done once, whatever happens in between."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from cases import work
from cases.enrichment import breaker, jobs, limits
from cases.enrichment.outcome import Found, Hit, Outcome
from cases.models import AnalyzerHealth, AuditEvent, EnrichmentJob
from cases.permissions import Denied

pytestmark = pytest.mark.django_db


def due_now(job):
    EnrichmentJob.objects.filter(pk=job.pk).update(due_at=timezone.now())


def test_a_job_is_done_once(make_job, analyzer):
    job = make_job()

    assert jobs.run(job.pk) == "done"
    assert jobs.run(job.pk) == ""

    job.refresh_from_db()
    assert (analyzer.looked, job.result["summary"]) == (1, "all is well")
    assert job.lease is None
    assert job.finished_at is not None


def test_asking_twice_is_one_job_until_the_inputs_change(make_job, analyzer):
    job = make_job()

    assert jobs.request(job.case, reason="again") == []
    analyzer.stamp = "b"
    (other,) = jobs.request(job.case, reason="again")

    assert other.pk != job.pk


def test_what_an_analyzer_does_not_want_is_no_job(analyzer, make_case):
    assert jobs.request(make_case(), reason="test") == []


def test_the_number_of_queries_does_not_grow_with_the_cases(
    analyzer, make_case, make_account, django_assert_max_num_queries
):
    cases = [make_case(account=make_account(display_name=f"Person {n}")) for n in range(30)]
    with django_assert_max_num_queries(10):
        assert len(jobs.request_many(cases, reason="test")) == 30


@pytest.mark.django_db(transaction=True)
def test_workers_are_rung_after_the_commit_only(make_case, make_account, analyzer, bell):
    with transaction.atomic():
        (job,) = jobs.request(make_case(account=make_account(display_name="A")), reason="test")
        assert bell == []
    assert bell == [job.pk]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_loses_nothing(
    make_case, make_account, analyzer, monkeypatch, settings
):
    def away(*args, **kwargs):
        raise ConnectionError("broker is away")

    monkeypatch.setattr(jobs.enrich, "apply_async", away)
    with transaction.atomic():
        (job,) = jobs.request(make_case(account=make_account(display_name="A")), reason="test")

    assert jobs.sweep() == [job.pk]
    assert jobs.run(job.pk) == "done"


def test_an_analyzer_that_throws_is_tried_again_later(make_job, analyzer):
    def throw(subject):
        raise ValueError("vendor says no")

    analyzer.does = throw
    job = make_job()

    assert jobs.run(job.pk) == "failed"

    job.refresh_from_db()
    assert job.error == "ValueError: vendor says no"
    assert job.due_at > timezone.now()
    assert jobs.sweep() == []


def test_after_five_attempts_it_is_given_up(make_job, analyzer, monkeypatch):
    monkeypatch.setattr(breaker, "TRIPS_AFTER", 99)
    analyzer.does = lambda subject: 1 / 0
    job = make_job()

    states = []
    for _ in range(6):
        due_now(job)
        states.append(jobs.run(job.pk))

    assert states == ["failed"] * 4 + ["dead", ""]
    assert analyzer.looked == 5


@pytest.mark.parametrize(
    ("nonsense", "says"),
    [
        (None, "NoneType"),
        ({"summary": "x"}, "dict"),
        (Outcome(""), "summary"),
        (Outcome("x" * 501), "summary"),
        (Outcome("x", findings=[{"code": "login.vpn_exit"}]), "findings"),
        (Outcome("x", findings=[Found("no.such_code", 1, "f")]), "no active catalogue"),
        (Outcome("x", facts=[{"a": float("nan")}]), "cannot be stored"),
        (Outcome("x", facts=[{"a": object()}]), "cannot be stored"),
        (Outcome("x", facts=[{"a": "y" * 70_000}]), "letters long"),
        (Outcome("x", facts=[{"a": "\x00"}]), "NUL"),
        (Outcome("x", facts=[{}] * 101), "at most"),
        (Outcome("x", hits=[Hit(1, "a", "b", float("nan"), "alert", {})]), "between 0 and 1"),
        (Outcome("x", hits=[Hit(1, "a", "b", True, "alert", {})]), "between 0 and 1"),
        (Outcome("x", hits=[Hit(1, "a", "b", 0.9, "loud", {})]), "band"),
    ],
)
def test_nonsense_is_refused_and_says_what_was_wrong(make_job, analyzer, nonsense, says):
    analyzer.does = lambda subject: nonsense
    job = make_job()

    assert jobs.run(job.pk) == "failed"

    job.refresh_from_db()
    assert says in job.error
    assert job.result == {}


def hang(subject):
    while True:
        time.sleep(0.01)


def swallow_and_hang(subject):
    while True:
        with suppress(Exception):
            time.sleep(0.01)


@pytest.mark.parametrize("does", [hang, swallow_and_hang])
def test_an_analyzer_that_hangs_is_cut_off(make_job, analyzer, does):
    analyzer.seconds = 0.2
    analyzer.does = does
    job = make_job()

    begun = time.monotonic()
    assert jobs.run(job.pk) == "failed"

    assert time.monotonic() - begun < 3
    job.refresh_from_db()
    assert "cut off" in job.error


@pytest.mark.django_db(transaction=True)
def test_an_analyzer_that_hangs_in_a_thread_is_cut_off(make_job, analyzer):
    analyzer.seconds = 0.2
    analyzer.does = hang
    job = make_job()

    def work_it():
        try:
            return jobs.run(job.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work_it).result(timeout=5) == "failed"


@pytest.mark.django_db(transaction=True)
def test_an_analyzer_that_hangs_in_the_database_is_cut_off(make_job, analyzer):
    def sleep(subject):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")

    analyzer.seconds = 0.3
    analyzer.does = sleep
    job = make_job()

    begun = time.monotonic()
    assert jobs.run(job.pk) == "failed"

    assert time.monotonic() - begun < 5
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_quick_analyzer_is_not_cut_off_afterwards():
    with limits.time_limit(0.05):
        pass
    time.sleep(0.1)


def test_a_worker_that_dies_lets_another_take_over(make_job, analyzer):
    job = make_job()
    lost = EnrichmentJob.objects.take(job.pk, lease=timedelta(seconds=-1))

    assert jobs.sweep() == [job.pk]
    assert jobs.run(job.pk) == "done"
    # The first one comes back from the dead: nothing of it is written.
    assert work.settle(lost, state="done", result={"summary": "from the dead"}) is False
    job.refresh_from_db()
    assert job.result["summary"] == "all is well"


def test_a_running_job_is_left_alone_while_its_lease_holds(make_job, analyzer):
    job = make_job()
    assert EnrichmentJob.objects.take(job.pk, lease=timedelta(minutes=1)) is not None

    assert jobs.sweep() == []
    assert jobs.run(job.pk) == ""
    assert analyzer.looked == 0


def test_a_job_that_kills_every_worker_is_given_up(make_job, analyzer):
    job = make_job(state="running", attempts=5, due_at=timezone.now() - timedelta(seconds=1))

    assert jobs.sweep() == []

    job.refresh_from_db()
    assert job.state == "dead"
    assert "worker was lost" in job.error


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_does_the_job(make_job, analyzer):
    job = make_job()
    start = threading.Barrier(6)

    def work_it(_):
        try:
            start.wait(timeout=10)
            return jobs.run(job.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(work_it, range(6)))

    assert sorted(results) == [""] * 5 + ["done"]
    assert analyzer.looked == 1


@pytest.mark.django_db(transaction=True)
def test_a_result_that_cannot_be_stored_leaves_nothing_behind(make_job, analyzer, monkeypatch):
    from django.db import DatabaseError

    from cases.enrichment import store

    def break_down(account, found):
        raise DatabaseError("disk full")

    monkeypatch.setattr(store, "keep", break_down)
    analyzer.does = lambda s: Outcome("x", hits=[Hit(1, "a", "b", 0.9, "alert", {})])
    job = make_job()

    assert jobs.run(job.pk) == "failed"

    job.refresh_from_db()
    assert (job.result, "disk full" in job.error) == ({}, True)


def test_an_analyzer_that_keeps_failing_pauses_for_all(make_job, analyzer):
    analyzer.does = lambda subject: 1 / 0
    made = [make_job() for _ in range(6)]

    states = [jobs.run(job.pk) for job in made]

    assert states == ["failed"] * 5 + ["waiting"]
    assert analyzer.looked == 5
    last = EnrichmentJob.objects.get(pk=made[-1].pk)
    assert last.attempts == 0
    assert "paused" in last.error


def test_after_the_pause_one_job_tries_and_a_success_ends_it(make_job, analyzer):
    make_health = AnalyzerHealth.objects.create
    make_health(analyzer="ordered", failures=7, paused_until=timezone.now() - timedelta(seconds=1))
    first, second = make_job(), make_job()

    assert breaker.closed_until("ordered") is None  # the probe is out
    assert jobs.run(second.pk) == "waiting"
    breaker.succeeded("ordered")
    assert jobs.run(first.pk) == "done"
    assert AnalyzerHealth.objects.get().failures == 0


def test_a_job_of_an_analyzer_that_is_gone_says_so(make_job, analyzer, monkeypatch):
    job = make_job(analyzer="retired")

    assert jobs.run(job.pk) == "dead"

    job.refresh_from_db()
    assert "no analyzer" in job.error


def test_a_person_may_try_again_what_was_given_up(make_job, rita, analyzer):
    job = make_job(state="dead", attempts=5, error="x")

    jobs.retry(job, actor=rita)

    assert jobs.run(job.pk) == "done"
    assert AuditEvent.objects.filter(verb="enrichment.retried", actor=rita).count() == 1


def test_what_is_running_or_done_is_not_tried_again(make_job, rita, analyzer):
    job = make_job(state="done")
    with pytest.raises(jobs.NotAllowed):
        jobs.retry(job, actor=rita)


def test_a_stranger_may_not_try_again(make_job, olu, analyzer):
    with pytest.raises(Denied):
        jobs.retry(make_job(state="dead"), actor=olu)


def test_waiting_times_grow_and_differ():
    first, third = ([work.backoff(n).total_seconds() for _ in range(50)] for n in (1, 3))
    assert max(first) <= 5 < min(third)
    assert len(set(third)) > 40
