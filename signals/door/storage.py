"""Write one slice of accepted items and its balance: one statement, whatever its size.

Rows go in sorted by event id, so that two requests with the same events wait for each other in
one order and never in a circle. Who waited finds the other's rows and reports duplicates.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection

from cases import planned
from signals.door import ids

SHARDS = 16
_encode = msgspec.json.encode
_local = threading.local()


class SignalRow(msgspec.Struct, omit_defaults=True, gc=False):
    """A checked signal. Short names: they travel once per row."""

    e: str  # event id
    n: int  # indicator
    r: str  # account reference
    c: float  # confidence
    w: float  # weight
    f: str  # fingerprint
    o: str  # occurred at
    v: str  # detector version
    h: str  # content hash
    d: msgspec.Raw  # data
    a: bool = False  # accommodation
    x: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET  # extension attributes
    i: str = ""  # id, given when it is written


class ActivityRow(msgspec.Struct, omit_defaults=True, gc=False):
    """A checked fact."""

    e: str
    t: str  # type
    k: str  # subject's kind
    r: str  # subject's reference
    o: str
    h: str
    d: msgspec.Raw
    x: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    i: str = ""


class Row(Protocol):
    e: str
    h: str
    i: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What the table holds under an event id now; `new` when this request wrote it."""

    id: int
    content_hash: str
    new: bool


# Counted in the same statement: what is new as accepted, the rest as repeats, of which `settle`
# takes the conflicts once the known rows have been looked at. The sums balance at every moment.
_BALANCE = """
INSERT INTO signals_intakebalance AS b
    (detector_id, day, kind, shard, received, accepted, duplicate, conflict, rejected,
     minute, minute_received)
SELECT %(detector)s, %(day)s, %(kind)s, %(shard)s, %(received)s, {accepted},
       %(received)s - %(rejected)s - {accepted}, 0, %(rejected)s, %(minute)s, %(received)s
{source}
ON CONFLICT (detector_id, day, kind, shard) DO UPDATE SET
    received = b.received + excluded.received,
    accepted = b.accepted + excluded.accepted,
    duplicate = b.duplicate + excluded.duplicate,
    rejected = b.rejected + excluded.rejected,
    minute_received = excluded.minute_received
        + CASE WHEN b.minute = excluded.minute THEN b.minute_received ELSE 0 END,
    minute = excluded.minute
"""
_COUNT = _BALANCE.format(accepted="0", source="")
_COUNT_WRITTEN = _BALANCE.format(accepted="written.n", source="FROM written WHERE true")
_SETTLE = """
UPDATE signals_intakebalance SET conflict = conflict + %s, duplicate = duplicate - %s
WHERE detector_id = %s AND day = %s AND kind = %s AND shard = %s
"""
_BATCH = """
WITH batch AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('signals_intakebatch', 'id')) AS id
), rows AS MATERIALIZED (
    INSERT INTO {table} (id, batch_id, detector_id, received_at, {columns})
    SELECT r.i, batch.id, %(detector)s, %(now)s, {values}
    FROM batch, jsonb_to_recordset(%(rows)s::jsonb) AS r({types})
    ON CONFLICT (detector_id, event_id) DO NOTHING
    RETURNING 1
), written AS MATERIALIZED (
    SELECT count(*) AS n FROM rows
), entry AS (
    INSERT INTO signals_intakebatch
        (id, kind, detector_id, received_at, count, first_id, last_id)
    SELECT batch.id, %(kind)s, %(detector)s, %(now)s, written.n, %(first)s, %(last)s
    FROM batch, written
    WHERE written.n > 0
), balance AS ({balance})
SELECT n FROM written
"""
_SQL = {
    "signals": _BATCH.format(
        table="signals_signal",
        balance=_COUNT_WRITTEN,
        columns="event_id, indicator_id, subject_kind, account_ref, confidence, weight,"
        " fingerprint, accommodation, shadow, occurred_at, detector_version, content_hash,"
        " data, extensions",
        values="r.e, r.n, 'account', r.r, r.c, r.w, r.f, coalesce(r.a, false), %(shadow)s, r.o,"
        " r.v, decode(r.h, 'hex'), r.d, r.x",
        types="i uuid, e text, n bigint, r text, c numeric, w numeric, f text, a boolean,"
        " o timestamptz, v text, h text, d jsonb, x jsonb",
    ),
    "activity": _BATCH.format(
        table="signals_activityevent",
        balance=_COUNT_WRITTEN,
        columns="event_id, type, subject_kind, subject_ref, occurred_at, content_hash, data,"
        " extensions",
        values="r.e, r.t, r.k, r.r, r.o, decode(r.h, 'hex'), r.d, r.x",
        types="i uuid, e text, t text, k text, r text, o timestamptz, h text, d jsonb, x jsonb",
    ),
}
_KNOWN = """
SELECT event_id, id, encode(content_hash, 'hex') FROM {table}
WHERE detector_id = %s AND event_id = ANY(%s)
"""
_TABLE = {"signals": "signals_signal", "activity": "signals_activityevent"}
_REJECTS = """
INSERT INTO signals_rejecteditem
    (detector_id, kind, received_at, event_id, type, codes, errors, body, truncated,
     replay_outcome)
SELECT %(detector)s, %(kind)s, %(now)s, r.event_id, r.type, r.codes, r.errors, r.body,
       r.truncated, ''
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS r(event_id text, type text, codes text[], errors jsonb, body text, truncated boolean)
"""
_FORGET = """
DELETE FROM signals_rejecteditem WHERE detector_id = %(detector)s AND id <= (
    SELECT id FROM signals_rejecteditem WHERE detector_id = %(detector)s
    ORDER BY id DESC OFFSET %(kept)s LIMIT 1
)
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Whose items these are, how many came, and how many of them were refused."""

    kind: str
    detector: int
    now: datetime
    received: int
    rejected: int

    def parameters(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "detector": self.detector,
            "now": self.now,
            "day": self.now.date(),
            "minute": self.now.replace(second=0, microsecond=0),
            "shard": _shard(),
            "received": self.received,
            "rejected": self.rejected,
        }


def write(rows: Sequence[Row], tally: Tally, *, shadow: bool) -> dict[str, Stored]:
    """Store what is new of `rows` (distinct event ids) as one batch, count, and say for each what
    the table holds now. One statement when all of it is new, so one commit; else two."""
    first = ids.reserve(len(rows))
    ordered = sorted(rows, key=_event_id)
    for number, row in enumerate(ordered, first):
        row.i = f"{number:032x}"
    with planned.cursor() as cursor:
        cursor.execute(
            _SQL[tally.kind],
            {
                **tally.parameters(),
                "shadow": shadow,
                "first": UUID(int=first),
                "last": UUID(int=first + len(rows) - 1),
                "rows": _encode(ordered).decode(),
            },
        )
        written = cursor.fetchone()[0]
        if written == len(rows):
            return {row.e: Stored(int(row.i, 16), row.h, True) for row in rows}
        known = _KNOWN.format(table=_TABLE[tally.kind])
        cursor.execute(known, [tally.detector, [row.e for row in ordered]])
        found = cursor.fetchall()
    mine = range(first, first + len(rows))
    return {event: Stored(key.int, digest, key.int in mine) for event, key, digest in found}


def _event_id(row: Row) -> str:
    return row.e


def count(tally: Tally) -> None:
    """Add refused items alone to the day's balance."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, tally.parameters())


def settle(conflicts: int, tally: Tally) -> None:
    """Move `conflicts` from the repeats, as which they were counted, to where they belong."""
    where = [tally.detector, tally.now.date(), tally.kind, _shard()]
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, [conflicts, conflicts, *where])


def _shard() -> int:
    """This thread's shard of the balance: threads and processes rarely share one."""
    if not hasattr(_local, "shard"):
        _local.shard = random.randrange(SHARDS)  # noqa: S311
    return _local.shard


def keep_rejects(rejects: Sequence[dict[str, Any]], tally: Tally) -> None:
    """Keep refused items for the detector's owner, and forget the oldest beyond the cap."""
    with connection.cursor() as cursor:
        rows = _encode(rejects).decode()
        cursor.execute(_REJECTS, {**tally.parameters(), "rows": rows})
        kept = {"detector": tally.detector, "kept": settings.REJECTS_KEPT}
        cursor.execute(_FORGET, kept)
