"""Enrichment as rows: asked for in the transaction that needs it, done once, whatever happens."""

from collections.abc import Iterable
from datetime import timedelta

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from cases import audit, permissions, work
from cases.enrichment import breaker, registry, store, subject
from cases.enrichment.limits import TookTooLong, time_limit
from cases.enrichment.outcome import Nonsense, checked
from cases.models import Account, Case, EnrichmentJob, Indicator, User

log = structlog.get_logger("cases.enrichment")

# Longer than any analyzer may take, so that only a dead worker loses its lease.
SLACK = timedelta(seconds=60)


class NotAllowed(Exception):
    """This job cannot be tried again as it is."""


def request(about: Case | Account, *, reason: str) -> list[EnrichmentJob]:
    """Write the work for one case or account, in the caller's transaction. Asking twice is fine."""
    return request_many([about], reason=reason)


def request_many(about: Iterable[Case | Account], *, reason: str) -> list[EnrichmentJob]:
    """The jobs that are new: one per analyzer that wants the account and has not seen it so.

    A fixed number of queries. Workers are rung after commit; if nobody hears it, the sweep comes.
    """
    cases = {a.account_id if isinstance(a, Case) else a.pk: a for a in about}
    subjects = subject.load(cases.keys())
    now = timezone.now()
    rows = [
        EnrichmentJob(
            key=_key(analyzer, found),
            analyzer=analyzer.name,
            analyzer_version=analyzer.version,
            account_id=pk,
            case=cases[pk] if isinstance(cases[pk], Case) else None,
            reason=reason[:120],
            due_at=now,
        )
        for pk, found in subjects.items()
        for analyzer in registry.ANALYZERS.values()
        if analyzer.wants(found)
    ]
    known = set(
        EnrichmentJob.objects.filter(key__in=[row.key for row in rows]).values_list(
            "key", flat=True
        )
    )
    new = [row for row in rows if row.key not in known]
    EnrichmentJob.objects.bulk_create(new, ignore_conflicts=True, batch_size=1_000)
    # Whoever else wrote the same key meanwhile will ring for it.
    written = list(EnrichmentJob.objects.filter(key__in=[row.key for row in new]))
    transaction.on_commit(lambda: _ring([job.pk for job in written]), robust=True)
    return written


def _key(analyzer: registry.Analyzer, found: subject.Subject) -> str:
    return f"{analyzer.name}:{analyzer.version}:{found.account.pk}:{analyzer.inputs(found)}"[:200]


def _ring(ids: list[int]) -> None:
    if len(ids) > settings.ENRICHMENT_SWEEP:
        sweep_jobs.nudge()
        return
    for pk in ids:
        enrich.nudge(pk)


@transaction.atomic
def retry(job: EnrichmentJob, *, actor: User) -> EnrichmentJob:
    """Give a job that failed or was given up its attempts back, due at once."""
    if not permissions.allows(actor, permissions.COMPLY):
        permissions.require(actor, permissions.REVIEW, obj=job)
    job = EnrichmentJob.objects.select_for_update(of=("self",)).get(pk=job.pk)
    if job.state not in (work.FAILED, work.DEAD):
        raise NotAllowed(f"a job that is {job.get_state_display().lower()} is not tried again")
    job.state, job.attempts, job.due_at = work.WAITING, 0, timezone.now()
    job.save(update_fields=["state", "attempts", "due_at"])
    audit.record(
        "enrichment.retried", actor=actor, case=job.case, account=job.account, obj=job,
        analyzer=job.analyzer,
    )  # fmt: skip
    transaction.on_commit(lambda: _ring([job.pk]), robust=True)
    return job


def run(job_id: int) -> str:
    """Do one job if it is still to be done. Safe to run twice, late, and beside another worker.

    Returns the state that it left the job in, or "" when the job was not ours to do.
    """
    row = EnrichmentJob.objects.filter(pk=job_id).only("analyzer").first()
    analyzer = registry.ANALYZERS.get(row.analyzer) if row else None
    seconds = analyzer.seconds if analyzer else 1
    job = EnrichmentJob.objects.take(job_id, lease=timedelta(seconds=seconds) + SLACK)
    if job is None:
        return ""
    if analyzer is None:
        work.settle(job, state=work.DEAD, error=f"there is no analyzer {job.analyzer!r} any more")
        return job.state
    if until := breaker.closed_until(analyzer.name):
        work.postpone(job, until, f"{analyzer.title} is paused after repeated failures")
        return job.state
    try:
        with time_limit(seconds):
            found = subject.load([job.account_id])[job.account_id]
            outcome = checked(analyzer.look_at(found), _known_codes())
    except (TookTooLong, SoftTimeLimitExceeded):
        return _failed(job, analyzer, f"took longer than {seconds:g} seconds and was cut off")
    except Nonsense as problem:
        return _failed(job, analyzer, f"gave back nonsense: {problem}")
    # Whatever an analyzer throws is its own failure, not the worker's.
    except Exception as problem:
        log.warning("analyzer_failed", job=job.pk, analyzer=analyzer.name, exc_info=True)
        return _failed(job, analyzer, f"{type(problem).__name__}: {problem}")
    try:
        stored = store.once(job, analyzer, outcome)
    except DatabaseError as problem:
        log.exception("result_not_stored", job=job.pk, analyzer=analyzer.name)
        return _failed(job, analyzer, f"the result could not be stored: {problem}")
    breaker.succeeded(analyzer.name)
    return job.state if stored else ""


def _failed(job: EnrichmentJob, analyzer: registry.Analyzer, error: str) -> str:
    work.fail(job, error.replace("\0", ""))
    breaker.failed(analyzer.name, error.replace("\0", ""))
    return job.state


def _known_codes() -> frozenset[str]:
    return frozenset(Indicator.objects.filter(typology__active=True).values_list("code", flat=True))


def sweep() -> list[int]:
    """Give up what was lost too often, and name the jobs that are late, oldest first."""
    EnrichmentJob.objects.bury()
    late = EnrichmentJob.objects.due().order_by("due_at").values_list("pk", flat=True)
    return list(late[: settings.ENRICHMENT_SWEEP])


@shared_task(
    name="enrichment.run", queue="enrichment", acks_late=True, ignore_result=True,
    soft_time_limit=120, time_limit=150,
)  # fmt: skip
def enrich(job_id: int) -> None:
    """Do one job. Running it twice is harmless; the analyzer holds no lock."""
    run(job_id)


@shared_task(name="enrichment.sweep", queue="enrichment", ignore_result=True)
def sweep_jobs() -> None:
    """Ring again for jobs that are late. The rows are the work; a lost message costs a sweep."""
    for pk in sweep():
        if not enrich.nudge(pk):
            return
