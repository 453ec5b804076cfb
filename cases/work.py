"""Rows that are work: due, taken under a lease, tried again later, given up in the end.

The row is the truth. Whoever takes it holds it until the lease runs out; a worker that dies lets
it run out, and the next sweep hands the row to another. What a late worker still writes is
refused, because its lease is no longer the row's.
"""

import random
import uuid
from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import F
from django.utils import timezone

WAITING, RUNNING, FAILED, DEAD = "waiting", "running", "failed", "dead"
UNFINISHED = (WAITING, RUNNING, FAILED)
MOST_ATTEMPTS = 5


def backoff(attempts: int, *, base: float = 5.0, cap: float = 1800.0) -> timedelta:
    """How long to wait after the n-th failed attempt: doubling, with jitter so that many differ."""
    full = min(cap, base * 4 ** max(0, attempts - 1))
    return timedelta(seconds=random.uniform(full / 2, full))  # noqa: S311 (spreads load)


class WorkQuerySet(models.QuerySet):
    """For rows with state, due_at, attempts, lease, started_at, finished_at and error."""

    def due(self) -> Self:
        """Unfinished rows whose time has come; a running one whose lease ran out among them."""
        return self.filter(state__in=UNFINISHED, due_at__lte=timezone.now())

    def unfinished(self) -> Self:
        return self.filter(state__in=UNFINISHED)

    def take(self, pk: int, *, lease: timedelta) -> Any | None:
        """The row, ours for `lease`, or None when it is done, not due, given up or taken.

        One conditional UPDATE settles who gets it; no lock is held while working.
        """
        now = timezone.now()
        mine = uuid.uuid4()
        taken = (
            self.due()
            .filter(pk=pk, attempts__lt=MOST_ATTEMPTS)
            .update(
                state=RUNNING, attempts=F("attempts") + 1, due_at=now + lease, lease=mine,
                started_at=now,
            )
        )  # fmt: skip
        return self.get(pk=pk, lease=mine) if taken else None

    def bury(self) -> int:
        """Give up rows that used all attempts and whose last worker never came back."""
        return (
            self.due()
            .filter(attempts__gte=MOST_ATTEMPTS)
            .update(
                state=DEAD, finished_at=timezone.now(), lease=None,
                error="the worker was lost each time, or never came back",
            )
        )  # fmt: skip


def settle(row: Any, *, state: str, **fields: Any) -> bool:
    """End our hold on `row` in `state`. False when the lease was lost: then nothing is written."""
    now = timezone.now()
    kept = (
        type(row)
        ._default_manager.filter(pk=row.pk, lease=row.lease, state=RUNNING)
        .update(state=state, lease=None, finished_at=now, **fields)
    )
    if kept:
        row.state, row.finished_at = state, now
        for name, value in fields.items():
            setattr(row, name, value)
    return bool(kept)


def fail(row: Any, error: str) -> bool:
    """Try again later, or give up after the last attempt. False when the lease was lost."""
    if row.attempts >= MOST_ATTEMPTS:
        return settle(row, state=DEAD, error=error[:2000])
    due_at = timezone.now() + backoff(row.attempts)
    return settle(row, state=FAILED, error=error[:2000], due_at=due_at)


def postpone(row: Any, until: Any, why: str) -> bool:
    """Put the row back as if it had not been tried."""
    return settle(row, state=WAITING, due_at=until, error=why, attempts=max(0, row.attempts - 1))
