"""The record of who did what: written in the transaction of the change, only ever added to.

If the change rolls back, so does its event; if the event cannot be written, the change or the
page does not happen. Identifiers and before/after values belong in `data`; personal data does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import Model

from cases import context
from cases.models import Account, AuditEvent, Case, User
from cases.text import storable

log = structlog.get_logger("cases.audit")

CANONICAL_VERSION = 1
_WHO_LOOKED = ("read", "denied")
_COLUMNS = (
    "verb", "actor_id", "actor_name", "case_id", "account_id", "object_type", "object_ref",
    "note", "data", "wall", "request_id", "ip",
)  # fmt: skip

_INSERT_MANY = f"""
INSERT INTO cases_auditevent ({", ".join(_COLUMNS)})
SELECT {", ".join(_COLUMNS)} FROM jsonb_to_recordset(%s) AS r(
    verb text, actor_id bigint, actor_name text, case_id bigint, account_id bigint,
    object_type text, object_ref text, note text, data jsonb, wall boolean, request_id text,
    ip inet)
"""  # noqa: S608


def record(
    verb: str,
    *,
    actor: User | None,
    case: Case | None = None,
    account: Account | None = None,
    obj: Model | None = None,
    note: str = "",
    wall: bool = False,
    **data: Any,
) -> AuditEvent:
    """Write down that `actor` did `verb`, in the caller's transaction. `None` is the portal.

    `wall=True` keeps the event from everybody who does not stand behind the wall.
    """
    row = _row(verb, actor, case, account, obj, note, wall, data)
    return AuditEvent.objects.create(**row)


def record_many(rows: Iterable[Mapping[str, Any]]) -> int:
    """Write many events in one statement, each given as the arguments of `record`."""
    events = [
        _row(
            row["verb"],
            row["actor"],
            row.get("case"),
            row.get("account"),
            row.get("obj"),
            row.get("note", ""),
            row.get("wall", False),
            row.get("data", {}),
        )
        for row in rows
    ]
    if events:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT_MANY, [json.dumps(events, cls=DjangoJSONEncoder)])
    return len(events)


def read(
    actor: User, obj: Model, what: str, *, reason: str = "", wall: bool = False, **data: Any
) -> AuditEvent:
    """Write down that `actor` is about to be shown `what` of `obj`.

    Call it before anything is shown: if it raises, nothing may be shown.
    """
    case, account = _subject(obj)
    return record(
        "read", actor=actor, case=case, account=account, obj=obj, note=reason, wall=wall,
        what=what, **data,
    )  # fmt: skip


def exported(
    actor: User, obj: Model | None, what: str, *, count: int, reason: str = "", **data: Any
) -> AuditEvent:
    """Write down that `count` rows of `what` leave the portal with `actor`. As strict as `read`."""
    case, account = _subject(obj)
    return record(
        "exported", actor=actor, case=case, account=account, obj=obj, note=reason,
        what=what, count=count, **data,
    )  # fmt: skip


def denied(actor: User | None, what: str, *, obj: Model | None = None, **data: Any) -> None:
    """Write down that `actor` tried `what` and was refused. Survives the caller's rollback.

    Inside a transaction the event goes over a connection of its own. A database that cannot take
    it is logged; the refusal stands either way.
    """
    case, account = _subject(obj)
    row = _row("denied", actor, case, account, obj, "", False, {"what": what, **data})
    if not connection.in_atomic_block or not settings.AUDIT_DENIALS_APART:
        AuditEvent.objects.create(**row)
        return
    try:
        with _own_connection() as cursor:
            _insert(cursor, row)
    except psycopg.Error:
        # The rows that it points to may be locked or not yet there for others: name them only.
        bare = {**row, "actor_id": None, "case_id": None, "account_id": None}
        bare["data"] = {**row["data"], "actor": row["actor_id"], "case": row["case_id"]}
        try:
            with _own_connection() as cursor:
                _insert(cursor, bare)
        except psycopg.Error:
            log.critical("denied_attempt_not_recorded", what=what, actor=row["actor_id"])


def canonical(event: AuditEvent) -> bytes:
    """The bytes that a seal covers: every column of the stored row, in one spelling for ever.

    A change of this form gets a new number; older events keep the form that they were sealed in.
    """
    at = event.at.astimezone(UTC)
    body = {
        "form": CANONICAL_VERSION,
        "id": event.pk,
        "txid": event.txid,
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "verb": event.verb,
        "actor": event.actor_id,
        "actor_name": event.actor_name,
        "case": event.case_id,
        "account": event.account_id,
        "object_type": event.object_type,
        "object_ref": event.object_ref,
        "note": event.note,
        "data": event.data,
        "wall": event.wall,
        "request_id": event.request_id,
        "ip": str(event.ip) if event.ip else None,
    }
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, cls=DjangoJSONEncoder
    ).encode()


def _subject(obj: Model | None) -> tuple[Case | None, Account | None]:
    if isinstance(obj, Case):
        return obj, None
    if isinstance(obj, Account):
        return None, obj
    return getattr(obj, "case", None), None


def _row(
    verb: str,
    actor: User | None,
    case: Case | None,
    account: Account | None,
    obj: Model | None,
    note: str,
    wall: bool,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    if account is None and case is not None:
        account_id = case.account_id
    else:
        account_id = account.pk if account is not None else None
    subject = obj if obj is not None else (case if case is not None else account)
    if verb in _WHO_LOOKED and actor is not None and case is not None:
        # Who of compliance looks at a case, and at what, tells how far they are with it.
        wall = wall or (case.queue == Case.Queue.COMPLIANCE and actor.sees_compliance)
    return {
        "verb": str(verb),
        "actor_id": actor.pk if actor is not None else None,
        "actor_name": str(actor)[:150] if actor is not None else "portal",
        "case_id": case.pk if case is not None else None,
        "account_id": account_id,
        "object_type": subject._meta.model_name if subject is not None else "",
        "object_ref": storable(str(getattr(subject, "ref", None) or subject.pk))[:128]
        if subject is not None
        else "",
        "note": storable(note),
        "data": storable(dict(data)),
        "wall": wall,
        "request_id": context.request_id(),
        "ip": context.client_ip(),
    }


def _insert(cursor: Any, row: Mapping[str, Any]) -> None:
    values = [
        json.dumps(row[name], cls=DjangoJSONEncoder) if name == "data" else row[name]
        for name in _COLUMNS
    ]
    places = ", ".join(["%s"] * len(_COLUMNS))
    cursor.execute(
        f"INSERT INTO cases_auditevent ({', '.join(_COLUMNS)}) VALUES ({places})",  # noqa: S608
        values,
    )


@contextmanager
def _own_connection() -> Iterator[psycopg.Cursor]:
    """A cursor outside the caller's transaction and outside the pool it may be exhausting."""
    with psycopg.connect(**connection.get_connection_params()) as apart, apart.cursor() as cursor:
        # The caller may hold a lock that our foreign keys need: never wait for ourselves.
        cursor.execute("SET LOCAL lock_timeout = '300ms'")
        yield cursor
