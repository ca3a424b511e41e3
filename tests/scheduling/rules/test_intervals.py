"""Weeks, months and the ends of months."""

from datetime import date

import pytest

from scheduling.rules.intervals import Interval, add_months, due_after, earliest_after, in_words, last_day_of


@pytest.mark.parametrize(
    ("given_on", "months", "earliest_on"),
    [
        (date(2026, 1, 15), 5, date(2026, 6, 15)),
        (date(2026, 9, 30), 5, date(2027, 3, 1)),  # no 30 Feb: a minimum rolls forward
        (date(2026, 9, 29), 5, date(2027, 3, 1)),
        (date(2027, 9, 29), 5, date(2028, 2, 29)),  # leap year: the day is there
        (date(2025, 8, 31), 1, date(2025, 10, 1)),
    ],
)
def test_a_minimum_separation_never_ends_early(given_on, months, earliest_on):
    assert earliest_after(given_on, Interval(months=months)) == earliest_on


@pytest.mark.parametrize(
    ("on", "months", "due_on"),
    [
        (date(2025, 8, 31), 6, date(2026, 2, 28)),
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2025, 8, 31), 12, date(2026, 8, 31)),
        (date(2025, 1, 28), 1, date(2025, 2, 28)),
        (date(2025, 1, 29), 1, date(2025, 2, 28)),
        (date(2025, 12, 1), 1, date(2026, 1, 1)),
        (date(2025, 11, 30), 1, date(2025, 12, 30)),
        (date(2025, 3, 31), 1, date(2025, 4, 30)),
        (date(2025, 12, 31), 0, date(2025, 12, 31)),
    ],
)
def test_a_due_date_stays_in_its_month(on, months, due_on):
    assert add_months(on, months) == due_on
    assert due_after(on, Interval(months=months)) == due_on


def test_weeks_are_seven_days_and_never_months():
    assert due_after(date(2025, 3, 10), Interval(weeks=24)) == date(2025, 8, 25)
    assert due_after(date(2025, 3, 10), Interval(weeks=1, days=2)) == date(2025, 3, 19)
    assert earliest_after(date(2025, 1, 31), Interval(days=28)) == date(2025, 2, 28)
    assert Interval(weeks=24).length_days == 168
    assert Interval(months=6).length_days == 0


def test_the_length_of_every_month_is_that_of_the_calendar():
    for year in (1900, 2000, 2023, 2024, 2100, 2200):
        for month in range(1, 13):
            last = date(year, month, last_day_of(year, month))
            assert (
                (last.toordinal() + 1 == date(year, month + 1, 1).toordinal())
                if month < 12
                else last.day == 31
            )


def test_intervals_and_days_read_as_people_write_them():
    assert [
        str(one) for one in (Interval(months=6), Interval(weeks=1), Interval(weeks=24), Interval(days=1))
    ] == [
        "6 months",
        "1 week (7 days)",
        "24 weeks (168 days)",
        "1 day",
    ]
    assert str(Interval(months=1)) == "1 month"
    assert str(Interval(days=28)) == "28 days"
    assert [in_words(date(2026, month, month)) for month in range(1, 13)] == [
        "Jan 1, 2026",
        "Feb 2, 2026",
        "Mar 3, 2026",
        "Apr 4, 2026",
        "May 5, 2026",
        "Jun 6, 2026",
        "Jul 7, 2026",
        "Aug 8, 2026",
        "Sep 9, 2026",
        "Oct 10, 2026",
        "Nov 11, 2026",
        "Dec 12, 2026",
    ]
