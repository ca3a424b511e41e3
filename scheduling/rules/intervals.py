"""Weeks and months, and the two ways a month end can fall.

A day here is a local calendar day: no hour, no zone, so no daylight-saving rule (house rule H13).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

# Not clinical: a date outside is a typing error, and the projection never leaves what `date` can hold.
FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2200, 12, 31)
_SHORTEST_MONTH = 28


class Interval(NamedTuple):
    """A length in one unit. Months are never turned into days or back (house rule H2)."""

    months: int = 0
    weeks: int = 0
    days: int = 0

    @property
    def length_days(self) -> int:
        """Days of an interval counted in weeks or days; 0 for one counted in months."""
        return self.weeks * 7 + self.days

    def __str__(self) -> str:
        if self.months:
            return _count(self.months, "month")
        if self.weeks:
            return f"{_count(self.weeks, 'week')} ({self.length_days} days)"
        return _count(self.days, "day")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def last_day_of(year: int, month: int) -> int:
    """Number of days in the month."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def add_months(on: date, months: int) -> date:
    """The same day so many calendar months later; the last day of a month that lacks it (house rule H1)."""
    year, month0 = divmod(on.year * 12 + on.month - 1 + months, 12)
    day = on.day
    if day > _SHORTEST_MONTH:
        day = min(day, last_day_of(year, month0 + 1))
    return date(year, month0 + 1, day)


def due_after(on: date, interval: Interval) -> date:
    """The target day one interval later: for due dates, windows and validity. Month ends roll back."""
    if interval.months:
        return add_months(on, interval.months)
    return on + timedelta(days=interval.length_days)


def earliest_after(on: date, interval: Interval) -> date:
    """First day on which a minimum separation has passed.

    A month that lacks the day rolls forward (29 Sep 2026 + 5 months is 1 Mar 2027): for a minimum, late is
    the safe side. `due_after` rolls back, because a due date is a target. Source: house rule H1.
    """
    landed = due_after(on, interval)
    if interval.months and landed.day != on.day:
        return landed + timedelta(days=1)
    return landed


def in_words(on: date) -> str:
    """`Mar 5, 2026`: the one way a day is written in a reason or a refusal."""
    return f"{_MONTHS[on.month - 1]} {on.day}, {on.year}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
