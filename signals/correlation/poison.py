"""Find the items that make a round fail, and set them aside with their error."""

from collections.abc import Callable
from uuid import UUID

import structlog
from django.db.utils import DataError, IntegrityError, InternalError

from signals.models import ActivityEvent, IntakeBatch, IntakeKind, QuarantinedItem, Signal

log = structlog.get_logger("signals.correlation")

# What a bad item may raise. Everything else (no disk, no connection, a deadlock) is not its fault.
FAULTS = (DataError, IntegrityError, InternalError, ValueError, TypeError, KeyError)
# More bad items than this in one batch are a fault of ours: nothing is set aside then.
MOST = 50


class TooMany(Exception):
    """So many items fail that it cannot be the items."""


def set_aside(batch: IntakeBatch, attempt: Callable[[IntakeBatch, list[UUID]], None]) -> int:
    """Quarantine the items of `batch` that fail; how many. Halves the batch to find them."""
    model = Signal if batch.kind == IntakeKind.SIGNALS else ActivityEvent
    everything = list(
        model.objects.filter(
            pk__gte=batch.first_id, pk__lte=batch.last_id, batch=batch
        ).values_list("pk", flat=True)
    )
    known = set(
        QuarantinedItem.objects.filter(batch=batch, released_at=None).values_list(
            "item_id", flat=True
        )
    )
    found: dict[UUID, str] = {}

    def search(part: list[UUID]) -> None:
        chosen = set(part)
        error = _error_of(attempt, batch, [each for each in everything if each not in chosen])
        if error is None:
            return
        if len(part) > 1:
            middle = len(part) // 2
            search(part[:middle])
            search(part[middle:])
            return
        found[part[0]] = error
        if len(found) > MOST:
            raise TooMany(f"more than {MOST} items of batch {batch.pk} fail, last: {error}")

    search([each for each in everything if each not in known])
    for item, error in found.items():
        QuarantinedItem.objects.update_or_create(
            item_id=item,
            defaults={"batch": batch, "kind": batch.kind, "error": error, "released_at": None},
        )
        log.error("item_quarantined", batch=batch.pk, item=str(item))
    return len(found)


def _error_of(
    attempt: Callable[[IntakeBatch, list[UUID]], None], batch: IntakeBatch, without: list[UUID]
) -> str | None:
    try:
        attempt(batch, without)
    except FAULTS as exc:
        return said(exc)
    return None


def said(exc: BaseException) -> str:
    """What an item's fault is kept as."""
    return f"{type(exc).__name__}: {str(exc).splitlines()[0] if str(exc) else ''}"[:500]
