"""What a login timeline says, in sentences, and what the clock showed in the claimed country.

Observations, not findings: nothing here is scored, and each sentence can be innocent.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from signals.models import ActivityEvent

QUICK = timedelta(hours=12)
NIGHT = range(0, 6)
GAP = timedelta(days=7)


@lru_cache(maxsize=1)
def zones_of_countries() -> dict[str, tuple[str, ...]]:
    """{country: its zones}, from the table that comes with the zones; empty where it does not."""
    places = [Path(root) / "zone.tab" for root in zoneinfo.TZPATH]
    found: dict[str, tuple[str, ...]] = {}
    table = next((place for place in places if place.is_file()), None)
    for line in table.read_text().splitlines() if table else []:
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found[country] = (*found.get(country, ()), zone)
    return found


def hours_there(at: datetime, country: str) -> str:
    """The time in `country` at that moment; from … to where it has several zones."""
    times = sorted(_times(at, country))
    if not times:
        return ""
    first, last = times[0], times[-1]
    if first == last:
        return f"{first:%a %H:%M}"
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%a %H:%M}"
    return f"{first:%a %H:%M} to {until}"


def _times(at: datetime, country: str) -> set[datetime]:
    zones = zones_of_countries().get(country.upper(), ())
    return {at.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None) for zone in zones}


def sentences(found: Sequence[ActivityEvent], country: str) -> list[str]:
    """What stands out among the successful logins of `found` (newest first)."""
    entered = [row for row in reversed(found) if row.data.get("success") is True]
    if len(entered) < 2:
        return []
    pairs = list(pairwise(entered))
    told = [_travel(pairs), _night(entered, country), _gap(pairs)]
    return [sentence for sentence in told if sentence]


def _travel(pairs) -> str:
    quick = [
        (b.occurred_at - a.occurred_at, a, b)
        for a, b in pairs
        if _country(a) and _country(b) and _country(a) != _country(b)
        and b.occurred_at - a.occurred_at < QUICK
    ]  # fmt: skip
    if not quick:
        return ""
    took, a, b = min(quick, key=lambda each: each[0])
    times = "once" if len(quick) == 1 else f"{len(quick)} times"
    reading = "A VPN does the same." if len(quick) > 3 else "A VPN or a short flight does the same."
    return (
        f"The country changed within 12 hours {times}; the quickest was {_country(a)} to "
        f"{_country(b)} in {_spelled(took)}, on {b.occurred_at:%Y-%m-%d}. {reading}"
    )


def _night(entered: Sequence[ActivityEvent], country: str) -> str:
    """Said only where it is night in every zone of the claimed country."""
    clocks = [_times(row.occurred_at, country) for row in entered]
    if not country or not any(clocks):
        return ""
    at_night = sum(bool(times) and all(t.hour in NIGHT for t in times) for times in clocks)
    if at_night * 4 < len(entered):
        return ""
    return (
        f"{at_night} of {len(entered)} logins began between midnight and 6 in the morning in "
        f"{country}, the claimed country. People also work at night."
    )


def _gap(pairs) -> str:
    a, b = max(pairs, key=lambda pair: pair[1].occurred_at - pair[0].occurred_at)
    longest = b.occurred_at - a.occurred_at
    if longest < GAP:
        return ""
    return (
        f"The longest silence is {longest.days} days, from {a.occurred_at:%Y-%m-%d} to "
        f"{b.occurred_at:%Y-%m-%d}."
    )


def _country(row: ActivityEvent) -> str:
    return str(row.data.get("ip_country") or "")[:2]


def _spelled(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
