"""Deadlines in business days of a named calendar, in that calendar's own time zone.

OFAC's ten business days (31 CFR 501.603) are counted in `US_FEDERAL`: Monday to Friday without
the federal holidays, observed days among them. The day of the event does not count.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays


@dataclass(frozen=True)
class Calendar:
    """Which days are worked, and where the day begins. `country` empty: weekends alone."""

    country: str
    zone: str


CALENDARS = {
    "US_FEDERAL": Calendar("US", "America/New_York"),
    "US": Calendar("US", "America/New_York"),
    "GB": Calendar("GB", "Europe/London"),
    "KR": Calendar("KR", "Asia/Seoul"),
    "JP": Calendar("JP", "Asia/Tokyo"),
    "WEEKDAYS": Calendar("", "UTC"),
}
DEFAULT = "US_FEDERAL"


class UnknownCalendar(LookupError):
    """No calendar of that name."""


def calendar_of(name: str) -> Calendar:
    try:
        return CALENDARS[name]
    except KeyError:
        known = ", ".join(sorted(CALENDARS))
        raise UnknownCalendar(f"no calendar {name!r}; known are {known}") from None


def is_business_day(day: date, calendar: str = DEFAULT) -> bool:
    """Whether people work on `day`."""
    return day.weekday() < 5 and day not in _holidays(calendar_of(calendar).country, day.year)


def add_business_days(day: date, count: int, calendar: str = DEFAULT) -> date:
    """The `count`-th business day after `day`; 0 is `day` itself or the next one that is worked."""
    if count < 0:
        raise ValueError("deadlines lie ahead")
    while count == 0 and not is_business_day(day, calendar):
        day += timedelta(days=1)
    while count > 0:
        day += timedelta(days=1)
        count -= is_business_day(day, calendar)
    return day


def due(start: datetime, business_days: int, calendar: str = DEFAULT) -> datetime:
    """The last second of the `business_days`-th business day after `start`, as an aware time.

    Counted by the calendar's own days: late in the evening in UTC may be the same day there, and
    a change of daylight saving time in between moves nothing.
    """
    zone = ZoneInfo(calendar_of(calendar).zone)
    day = add_business_days(start.astimezone(zone).date(), business_days, calendar)
    return datetime.combine(day, time(23, 59, 59), tzinfo=zone).astimezone(ZoneInfo("UTC"))


def business_days_left(now: datetime, until: datetime, calendar: str = DEFAULT) -> int:
    """How many business days lie between, negative when `until` has passed."""
    zone = ZoneInfo(calendar_of(calendar).zone)
    first, last = now.astimezone(zone).date(), until.astimezone(zone).date()
    if last < first:
        return -business_days_left(until, now, calendar)
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sum(is_business_day(day, calendar) for day in days)


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> frozenset[date]:
    if not country:
        return frozenset()
    # A new year on a Saturday is observed in the year before.
    return frozenset(holidays.country_holidays(country, years=[year, year + 1], observed=True))
