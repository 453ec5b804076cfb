"""Deadlines against dates that are known."""

from datetime import UTC, date, datetime

import pytest

from cases import calendars
from cases.calendars import add_business_days, business_days_left, due, is_business_day


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 1, 1), "New Year"),
        (date(2026, 1, 19), "Martin Luther King"),
        (date(2026, 6, 19), "Juneteenth"),
        (date(2026, 7, 3), "Independence Day, a Saturday, observed on Friday"),
        (date(2026, 11, 11), "Veterans Day"),
        (date(2026, 11, 26), "Thanksgiving"),
        (date(2021, 12, 31), "New Year 2022, a Saturday, observed in the year before"),
        (date(2026, 11, 21), "a Saturday"),
    ],
)
def test_days_on_which_nobody_works(day, name):
    assert not is_business_day(day), name


def test_the_day_after_thanksgiving_is_worked():
    assert is_business_day(date(2026, 11, 27))


def test_ten_business_days_over_thanksgiving():
    """31 CFR 501.603: blocked on Friday 20 November 2026, due on Monday 7 December."""
    blocked = datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert due(blocked, 10) == datetime(2026, 12, 8, 4, 59, 59, tzinfo=UTC)
    assert due(blocked, 10).astimezone(calendars.ZoneInfo("America/New_York")).date() == date(
        2026, 12, 7
    )


def test_ten_business_days_over_christmas_and_new_year():
    assert add_business_days(date(2026, 12, 18), 10) == date(2027, 1, 5)


def test_late_in_utc_is_still_the_same_day_in_washington():
    assert due(datetime(2026, 11, 21, 3, tzinfo=UTC), 1) == due(
        datetime(2026, 11, 20, 15, tzinfo=UTC), 1
    )


def test_a_change_of_the_clock_moves_no_deadline():
    before = due(datetime(2026, 10, 30, 15, tzinfo=UTC), 1)  # clocks change on 1 November
    assert before == datetime(2026, 11, 3, 4, 59, 59, tzinfo=UTC)
    spring = due(datetime(2026, 3, 6, 15, tzinfo=UTC), 1)  # and on 8 March
    assert spring == datetime(2026, 3, 10, 3, 59, 59, tzinfo=UTC)


def test_no_days_mean_today_or_the_next_worked_day():
    assert add_business_days(date(2026, 11, 21), 0) == date(2026, 11, 23)
    assert add_business_days(date(2026, 11, 23), 0) == date(2026, 11, 23)


def test_days_left_count_down_through_zero():
    now = datetime(2026, 11, 24, 15, tzinfo=UTC)
    until = datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert business_days_left(now, until) == 3
    assert business_days_left(until, now) == -3


def test_other_calendars_have_other_holidays():
    assert is_business_day(date(2026, 11, 26), "GB")
    assert not is_business_day(date(2026, 12, 28), "GB")
    assert is_business_day(date(2026, 12, 25), "WEEKDAYS")


def test_an_unknown_calendar_is_named():
    with pytest.raises(calendars.UnknownCalendar, match="MARS"):
        due(datetime(2026, 1, 1, tzinfo=UTC), 1, "MARS")
