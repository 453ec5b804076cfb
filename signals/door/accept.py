"""Accept items: check each, store what is new in one transaction, answer for every one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

import msgspec
import psycopg
from django.conf import settings
from django.db import DataError, OperationalError, transaction

from signals.door import ids, storage
from signals.door.access import Caller
from signals.door.bodies import Unreadable
from signals.door.catalogue import current
from signals.door.envelope import Rejected
from signals.door.facts import Facts
from signals.door.fields import error
from signals.door.findings import Findings
from signals.door.storage import Row, Stored, Tally
from signals.door.texts import harmless

OUTCOMES = ("accepted", "duplicate", "conflict", "rejected")
REJECTS_PER_REQUEST = 200
ATTEMPTS = 3
_NAMED = {"signals": "signal", "activity": "activity"}
_CONFLICT = [
    error(
        "/id",
        "conflict",
        "An event with this id and other content was accepted before; the first one stays. "
        "Give a changed event an id of its own.",
    )
]


class Checker(Protocol):
    kind: str
    caller: Caller

    def row(self, item: Any) -> Row: ...


@dataclass(slots=True)
class Receipt:
    """How each item ended; the sums balance."""

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    results: list[dict[str, Any]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {"received": self.received, **{name: getattr(self, name) for name in OUTCOMES}}


def checker_for(kind: str, caller: Caller) -> Checker:
    if kind == "activity":
        return Facts(caller, size_max=settings.DOOR_ITEM_MAX)
    return Findings(caller, current(caller.catalogue), size_max=settings.DOOR_ITEM_MAX)


def accept(
    checker: Checker,
    items: Sequence[Any],
    *,
    now: datetime,
    start: int = 0,
    keep_rejects: bool = True,
) -> Receipt:
    """Store what is new of `items` and say how each ended, in their order.

    All or nothing with the answer: when this returns, everything accepted is committed. The
    number of statements does not grow with the batch. A deadlock or a lost race is tried again.
    """
    checked = [_check(checker, item) for item in items]
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _store(checker, items, checked, now, start, keep_rejects)
        except OperationalError as exc:
            lost_race = isinstance(
                exc.__cause__,
                psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure,
            )
            if not lost_race or attempt == ATTEMPTS:
                raise
        except DataError:
            # Something that the checks let through and the database does not take: find the
            # culprits one by one, once, and go on without them.
            _refuse_unstorable(checker, checked, now)
    raise AssertionError("the loop above returns or raises")


def _check(checker: Checker, item: Any) -> Row | Rejected:
    if isinstance(item, Unreadable):
        return Rejected([error("", "not_json", item.detail)])
    try:
        return checker.row(item)
    except Rejected as rejected:
        return rejected


def _store(
    checker: Checker,
    items: Sequence[Any],
    checked: list[Row | Rejected],
    now: datetime,
    start: int,
    keep_rejects: bool,
) -> Receipt:
    """One statement commits the new rows, their batch and the balance together; only refused
    items, which are kept beside, and conflicts need a transaction of several."""
    caller = checker.caller
    first: dict[str, Row] = {}
    rejected = 0
    for row in checked:
        if isinstance(row, Rejected):
            rejected += 1
        else:
            first.setdefault(row.e, row)
    tally = Tally(checker.kind, caller.id, now, len(checked), rejected)
    with transaction.atomic() if rejected else nullcontext():
        stored: dict[str, Stored] = {}
        if rejected and keep_rejects:
            storage.keep_rejects(_rejects(items, checked), tally)
        if first:
            stored = storage.write(list(first.values()), tally, shadow=caller.shadow)
        else:
            storage.count(tally)
        receipt = _receipt(checker.kind, items, checked, first, stored, start)
        if receipt.conflict:
            storage.settle(receipt.conflict, tally)
    return receipt


def _rejects(items: Sequence[Any], checked: list[Row | Rejected]) -> list[dict[str, Any]]:
    pairs = zip(items, checked, strict=True)
    refused = ((item, row) for item, row in pairs if isinstance(row, Rejected))
    return [_reject(item, row.errors) for item, row in islice(refused, REJECTS_PER_REQUEST)]


def _receipt(
    kind: str,
    items: Sequence[Any],
    checked: list[Row | Rejected],
    first: dict[str, Row],
    stored: dict[str, Stored],
    start: int,
) -> Receipt:
    receipt = Receipt(received=len(checked))
    named = _NAMED[kind]
    for index, row in enumerate(checked, start):
        if isinstance(row, Rejected):
            receipt.rejected += 1
            name = _id_of(items[index - start])
            receipt.results.append(
                {"index": index, "id": name, "outcome": "rejected", "errors": row.errors}
            )
            continue
        known = stored[row.e]
        result = {"index": index, "id": row.e, "outcome": "accepted", named: ids.ulid(known.id)}
        if known.new and row is first[row.e]:
            receipt.accepted += 1
        elif known.content_hash == row.h:
            receipt.duplicate += 1
            result["outcome"] = "duplicate"
        else:
            receipt.conflict += 1
            result["outcome"] = "conflict"
            result["errors"] = _CONFLICT
        receipt.results.append(result)
    return receipt


def _id_of(item: Any) -> str | None:
    found = item.get("id") if isinstance(item, dict) else None
    return harmless(found[:255]) if isinstance(found, str) else None


def _reject(item: Any, errors: list[dict[str, str]]) -> dict[str, Any]:
    body = harmless(item.text if isinstance(item, Unreadable) else _written(item))
    limit = settings.REJECT_BODY_MAX
    kind = item.get("type") if isinstance(item, dict) else None
    return {
        "event_id": _id_of(item) or "",
        "type": harmless(kind[:120]) if isinstance(kind, str) else "",
        "codes": sorted({problem["code"] for problem in errors}),
        "errors": harmless(errors),
        "body": body[:limit],
        "truncated": len(body) > limit,
    }


def _written(item: Any) -> str:
    try:
        return msgspec.json.format(msgspec.json.encode(item), indent=1).decode()
    except (ValueError, TypeError, RecursionError, msgspec.MsgspecError):
        return repr(item)[:1000]


def _refuse_unstorable(checker: Checker, checked: list[Row | Rejected], now: datetime) -> None:
    caller = checker.caller
    for index, row in enumerate(checked):
        if isinstance(row, Rejected):
            continue
        try:
            with transaction.atomic():
                tally = Tally(checker.kind, caller.id, now, 1, 0)
                storage.write([row], tally, shadow=caller.shadow)
                transaction.set_rollback(True)
        except DataError:
            detail = "The database cannot store this event; simplify its data."
            checked[index] = Rejected([error("/data", "not_storable", detail)])


def encode(receipt: Receipt, **more: Any) -> bytes:
    """The answer's body."""
    return msgspec.json.encode({**receipt.counts(), **more, "results": receipt.results})
