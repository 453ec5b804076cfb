"""Items that spoiled their batch: seen masked, worked in once their cause is mended, or put away.

`signals.correlation.poison` sets them aside; only people take them out again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from cases import audit, permissions, working
from cases.masking import MASK, PERSONAL
from cases.models import User
from signals.correlation import correlator, poison
from signals.door import ids
from signals.masking import masked, pretty, visible
from signals.models import (
    ActivityEvent,
    Detector,
    IntakeKind,
    QuarantinedItem,
    Signal,
)

REASON_MOST = 2000


class NotPossible(Exception):
    """This cannot be done to the item as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An item for the eyes of people who may see no identities."""

    item: QuarantinedItem
    ulid: str
    event_id: str
    error: str
    payload: str
    cut: bool

    @property
    def detector(self) -> Detector:
        return self.item.batch.detector


def shown(items: Iterable[QuarantinedItem]) -> list[Shown]:
    """`items` with what was sent, masked; the same names are taken out of the errors."""
    items = list(items)
    named = [item.item_id for item in items]
    sent: dict[Any, Signal | ActivityEvent] = {
        **Signal.objects.select_related("indicator").in_bulk(named),
        **ActivityEvent.objects.in_bulk(named),
    }
    return [_shown(item, sent[item.item_id]) for item in items]


def _shown(item: QuarantinedItem, sent: Signal | ActivityEvent) -> Shown:
    if isinstance(sent, Signal):
        kind, subject = sent.indicator.code, f"{sent.subject_kind}/{sent.account_ref}"
    else:
        kind, subject = sent.type, f"{sent.subject_kind}/{sent.subject_ref}"
    body = {
        "id": sent.event_id, "type": kind, "subject": subject,
        "time": sent.occurred_at.isoformat(), "data": sent.data, **(sent.extensions or {}),
    }  # fmt: skip
    payload, cut = pretty(masked(body))
    error = item.error
    for value in sorted(_personal(body), key=len, reverse=True):
        error = re.sub(re.escape(value), MASK, error, flags=re.IGNORECASE)
    return Shown(item, ids.ulid(item.item_id), sent.event_id, visible(error), payload, cut)


def _personal(value: Any, *, named: bool = False) -> set[str]:
    """The texts in `value` that masking hides."""
    if isinstance(value, dict):
        parts = (_personal(v, named=named or k.lower() in PERSONAL) for k, v in value.items())
        return set().union(*parts)
    if isinstance(value, list):
        return set().union(*(_personal(each, named=named) for each in value))
    return {str(value)} if named and value not in (None, "", True, False) else set()


def release(item: QuarantinedItem, *, actor: User, reason: str) -> QuarantinedItem:
    """Work `item` in now, as the correlator would have. It is released when that succeeds; when it
    fails again nothing of it is left, and it stays with the new error: see `released_at`.

    Waits for the correlator's turn. Of two at once one works it in, and both see it released.
    """
    reason = _allowed(item, actor, reason)
    with transaction.atomic(), working.tables() as cursor:
        working.lock(cursor)
        locked = _locked(item)
        if locked.released_at is not None:
            return locked
        if locked.discarded_at is not None:
            raise NotPossible("It was put away; the detector may send it as a new event.")
        if locked.batch.done_at is None:
            raise NotPossible("Its batch is being worked in right now. Try again in a minute.")
        try:
            with transaction.atomic():
                correlator.work_again(cursor, locked.batch, locked.item_id)
                # What would only be objected to at commit belongs to this attempt, too.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except poison.FAULTS as exc:
            locked.error = poison.said(exc)
            locked.save(update_fields=["error"])
            _record("quarantine_kept", locked, actor, reason, error=type(exc).__name__)
            return locked
        locked.released_at, locked.released_by = timezone.now(), actor
        locked.save(update_fields=["released_at", "released_by"])
        _record("quarantine_released", locked, actor, reason)
    return locked


@transaction.atomic
def discard(item: QuarantinedItem, *, actor: User, reason: str) -> QuarantinedItem:
    """Put `item` away: it will not be worked in. What was sent stays stored. Safe to run twice."""
    reason = _allowed(item, actor, reason)
    locked = _locked(item)
    if locked.discarded_at is not None:
        return locked
    if locked.released_at is not None:
        raise NotPossible("It was worked in meanwhile and counts.")
    locked.discarded_at, locked.discarded_by = timezone.now(), actor
    locked.save(update_fields=["discarded_at", "discarded_by"])
    _record("quarantine_discarded", locked, actor, reason)
    return locked


def _allowed(item: QuarantinedItem, actor: User, reason: str) -> str:
    permissions.require(actor, permissions.MANAGE_DETECTORS, obj=item)
    reason = reason.strip()
    if not reason:
        raise NotPossible("Say why: it stands in the record.")
    return reason[:REASON_MOST]


def _locked(item: QuarantinedItem) -> QuarantinedItem:
    rows = QuarantinedItem.objects.select_for_update(of=("self",))
    return rows.select_related("batch__detector").get(pk=item.pk)


def _record(verb: str, item: QuarantinedItem, actor: User, reason: str, **data: Any) -> None:
    detector = item.batch.detector
    named = "signal" if item.kind == IntakeKind.SIGNALS else "event"
    audit.record(
        verb, actor=actor, obj=detector, note=reason, source=detector.source, item=item.pk,
        **{named: ids.ulid(item.item_id)}, **data,
    )  # fmt: skip
