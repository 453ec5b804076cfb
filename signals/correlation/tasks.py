"""The correlator as a background job: nudged by the door, and by the clock for what was missed."""

import structlog
from celery import shared_task

from signals.correlation import correlator

log = structlog.get_logger("signals.correlation")

# A run stops here and rings for the next, so that a backlog never outlives a task's time limit.
TIME_SLICE = 20.0


@shared_task(name="signals.correlate", acks_late=True, ignore_result=True)
def correlate() -> None:
    """Work in what waits. Running it twice, or twice at once, is harmless: one has the lock."""
    done = correlator.correlate(seconds=TIME_SLICE)
    if not done.idle:
        log.info(
            "correlated", batches=done.batches, signals=done.signals, activity=done.activity,
            opened=done.opened, quarantined=done.quarantined,
            seconds={step: round(spent, 3) for step, spent in done.seconds.items()},
        )  # fmt: skip
    if done.unfinished:
        correlate.nudge()
