"""What a detector did: its balance per day, what it reports, and how often it was right."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from signals.models import Detector, IntakeBalance

OUTCOMES = ("received", "accepted", "duplicate", "conflict", "rejected")
# With fewer decided findings a share would tell single decisions, and say little.
DECIDED_LEAST = 5

_QUALITY = """
SELECT count(*) FILTER (WHERE decided.outcome IN ('restricted', 'offboarded')),
       count(*) FILTER (WHERE decided.outcome = 'cleared')
FROM cases_finding finding
JOIN LATERAL (
    SELECT outcome FROM cases_case
    WHERE account_id = finding.account_id AND state = 'closed' AND closed_at >= finding.first_at
    ORDER BY closed_at DESC LIMIT 1
) AS decided ON true
WHERE finding.detector = %s
"""
_BY_INDICATOR = """
SELECT indicator.code, indicator.title, count(*), count(DISTINCT finding.account_id),
       sum(finding.times), round(avg(finding.confidence), 2), bool_or(finding.shadow)
FROM cases_finding finding JOIN cases_indicator indicator ON indicator.id = finding.indicator_id
WHERE finding.detector = %s
GROUP BY indicator.code, indicator.title ORDER BY count(*) DESC, indicator.code LIMIT 100
"""
_WAITING = """
SELECT coalesce(sum(count) FILTER (WHERE kind = 'signals'), 0),
       coalesce(sum(count) FILTER (WHERE kind = 'activity'), 0)
FROM signals_intakebatch WHERE done_at IS NULL
"""


@dataclass(frozen=True)
class Quality:
    """Findings about accounts whose case was closed since: confirmed or cleared."""

    confirmed: int
    cleared: int

    @property
    def decided(self) -> int:
        return self.confirmed + self.cleared

    @property
    def precision(self) -> float | None:
        if self.decided < DECIDED_LEAST:
            return None
        return round(self.confirmed / self.decided, 3)


def balance(detector: Detector, days: int = 14) -> list[dict[str, Any]]:
    """One row per day with traffic, newest first; each row's sums balance."""
    since = timezone.now().date() - timedelta(days=days - 1)
    rows = IntakeBalance.objects.filter(detector=detector, day__gte=since).values("day")
    return list(rows.annotate(**{name: Sum(name) for name in OUTCOMES}).order_by("-day"))


def balances_of_day(day: date) -> dict[int, dict[str, int]]:
    """The day's balance of every detector, by its key, in one query."""
    rows = IntakeBalance.objects.filter(day=day).values("detector_id")
    rows = rows.annotate(**{name: Sum(name) for name in OUTCOMES})
    return {row.pop("detector_id"): row for row in rows}


def quality(detector: Detector) -> Quality:
    with connection.cursor() as cursor:
        cursor.execute(_QUALITY, [detector.source])
        return Quality(*cursor.fetchone())


def by_indicator(detector: Detector) -> list[dict[str, Any]]:
    names = ("code", "title", "findings", "accounts", "sightings", "confidence", "shadow")
    with connection.cursor() as cursor:
        cursor.execute(_BY_INDICATOR, [detector.source])
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def used(detector: Detector) -> dict[str, int]:
    """How much of its quota is used: this minute and today (UTC)."""
    now = timezone.now()
    rows = IntakeBalance.objects.filter(detector=detector, day=now.date())
    minute = rows.filter(minute=now.replace(second=0, microsecond=0))
    return {
        "minute": minute.aggregate(n=Sum("minute_received"))["n"] or 0,
        "day": rows.aggregate(n=Sum("received"))["n"] or 0,
    }


def waiting() -> dict[str, int]:
    """Accepted items that are not correlated yet, by kind."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        signals, activity = cursor.fetchone()
    return {"signals": int(signals), "activity": int(activity)}


def report(detector: Detector) -> dict[str, Any]:
    """What a detector may know of itself."""
    found = quality(detector)
    return {
        "source": detector.source,
        "name": detector.name,
        "kind": detector.kind,
        "state": detector.state,
        "off_reason": detector.off_reason,
        "quota": {
            "per_minute": detector.quota_per_minute,
            "per_day": detector.quota_per_day,
            "used": used(detector),
        },
        "balance": [{**row, "day": row["day"].isoformat()} for row in balance(detector)],
        "precision": {
            "value": found.precision,
            **(asdict(found) if found.precision is not None else {}),
            "decided_least": DECIDED_LEAST,
        },
    }
