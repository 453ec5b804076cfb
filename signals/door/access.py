"""Who knocks: the key, the detector behind it, its quota, and whether the portal keeps up.

One SELECT per request tells all, so a revoked key, a switched-off detector or a new catalogue
counts at once. A key is 256 random bits: comparing its SHA-256 is enough and costs microseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from cases import planned
from signals.door.problems import Problem
from signals.models import DetectorKey

_CALLER = """
SELECT k.id, k.secret_hash, k.revoked_at, k.expires_at, k.last_used_at,
       d.id, d.source, d.kind, d.state, d.off_reason, d.typology, d.allowed_indicators,
       d.quota_per_minute, d.quota_per_day,
       ARRAY(SELECT id FROM cases_typology WHERE active ORDER BY id)
FROM signals_detectorkey k JOIN signals_detector d ON d.id = k.detector_id
WHERE k.prefix = %s
"""
_USED = """
SELECT coalesce(sum(received), 0),
       coalesce(sum(minute_received) FILTER (WHERE minute = %s), 0)
FROM signals_intakebalance WHERE detector_id = %s AND day = %s
"""
_WAITING = """
SELECT count(*) FROM (SELECT 1 FROM signals_intakebatch WHERE done_at IS NULL LIMIT %s) AS waiting
"""
_NO_HASH = bytes(32)
LAST_USED_EVERY = timedelta(minutes=10)
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="detectors"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """The detector that this request speaks for, as the database knows it now."""

    id: int
    source: str
    kind: str
    state: str
    off_reason: str = ""
    typology: str = ""
    allowed: frozenset[str] = frozenset()
    quota_per_minute: int | None = None
    quota_per_day: int | None = None
    catalogue: tuple[int, ...] = ()

    @property
    def shadow(self) -> bool:
        return self.state == "shadow"


def caller_of(authorization: str, now: datetime) -> Caller:
    """The detector whose key this is; a Problem (401) when it is nobody's or not valid any more."""
    scheme, _, key = authorization.partition(" ")
    prefix, _, secret = key.strip().partition(".")
    if scheme.lower() != "bearer" or not prefix or not secret:
        raise _unknown("Send the detector's key: Authorization: Bearer PREFIX.SECRET")
    if len(prefix) > 16 or not prefix.isascii() or not prefix.isalnum():
        raise _unknown("This key is not known. Ask the detector's owner for a new one.")
    with planned.cursor() as cursor:
        cursor.execute(_CALLER, [prefix])
        row = cursor.fetchone()
    expected = bytes(row[1]) if row else _NO_HASH
    given = hashlib.sha256(secret.encode("utf-8", "replace")).digest()
    if not hmac.compare_digest(given, expected) or row is None:
        raise _unknown("This key is not known. Ask the detector's owner for a new one.")
    key_id, _, revoked, expires, used, *detector = row
    if revoked is not None:
        raise _unknown("This key was revoked. Use the detector's newer key.")
    if expires is not None and expires <= now:
        raise _unknown("This key has expired. Ask the detector's owner for a new one.")
    if used is None or now - used > LAST_USED_EVERY:
        DetectorKey.objects.filter(pk=key_id, last_used_at=used).update(last_used_at=now)
    return _caller(detector)


def _caller(row: list) -> Caller:
    pk, source, kind, state, reason, typology, allowed, per_minute, per_day, catalogue = row
    return Caller(
        id=pk,
        source=source,
        kind=kind,
        state=state,
        off_reason=reason,
        typology=typology,
        allowed=frozenset(allowed),
        quota_per_minute=per_minute,
        quota_per_day=per_day,
        catalogue=tuple(catalogue),
    )


def _unknown(detail: str) -> Problem:
    return Problem(401, "invalid_key", detail, headers=_CHALLENGE)


def require_may_post(caller: Caller, kind: str) -> None:
    """Refuse a switched-off detector, and facts from anybody but the platform."""
    if caller.state == "off":
        detail = f"{caller.source} is switched off: {caller.off_reason}"
        raise Problem(403, "detector_off", detail, reason=caller.off_reason)
    if kind == "activity" and caller.kind != "platform":
        detail = (
            f"{caller.source} is a detector; only a platform source may post activity. "
            "Post findings to /api/v1/signals/."
        )
        raise Problem(403, "platform_only", detail)


def require_quota(caller: Caller, wanted: int, now: datetime) -> None:
    """Refuse what would go over the quota. Requests side by side may overshoot by their own size:
    the count is read before it is added to."""
    if caller.quota_per_minute is None and caller.quota_per_day is None:
        return
    minute = now.replace(second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_USED, [minute, caller.id, now.date()])
        today, this_minute = cursor.fetchone()
    _within(caller.quota_per_minute, int(this_minute), wanted, 60 - now.second, "a minute")
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    left = int((midnight - now).total_seconds())
    _within(caller.quota_per_day, int(today), wanted, left, "a day")


def _within(quota: int | None, used: int, wanted: int, wait: int, span: str) -> None:
    if quota is None or used + wanted <= quota:
        return
    if wanted > quota:
        detail = f"{wanted} events at once, and the quota is {quota} {span}: send smaller batches."
    else:
        detail = f"The quota is {quota} events {span}; {used} are used. Send again later."
    raise Problem(429, "over_quota", detail, retry_after=wait, quota=quota, used=used)


_waiting: tuple[float, int] = (0.0, 0)


def require_keeping_up() -> None:
    """Refuse new work while too many batches wait for correlation. Looked up twice a second."""
    global _waiting
    at, waiting = _waiting
    limit = settings.DOOR_PENDING_BATCHES_MAX
    if time.monotonic() - at > settings.DOOR_PENDING_CHECK_SECONDS:
        with connection.cursor() as cursor:
            cursor.execute(_WAITING, [limit + 1])
            waiting = cursor.fetchone()[0]
        _waiting = (time.monotonic(), waiting)
    if waiting > limit:
        detail = (
            "The portal is behind with what it has accepted. Nothing of this was taken; "
            "send it again later, repeats do no harm."
        )
        raise Problem(503, "behind", detail, retry_after=settings.DOOR_BEHIND_RETRY_SECONDS)
