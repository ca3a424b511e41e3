"""The federal holidays of the United States, worked out for any year.

Source: 5 U.S.C. 6103(a), and (b) with Executive Order 11582 for the day kept when one falls on a weekend.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

FIXED = (
    ("New Year's Day", 1, 1),
    ("Juneteenth", 6, 19),
    ("Independence Day", 7, 4),
    ("Veterans Day", 11, 11),
    ("Christmas Day", 12, 25),
)
# Name, month, weekday (0 is Monday), which one of the month; -1 is the last.
FLOATING = (
    ("Martin Luther King Jr. Day", 1, 0, 3),
    ("Washington's Birthday", 2, 0, 3),
    ("Memorial Day", 5, 0, -1),
    ("Labor Day", 9, 0, 1),
    ("Columbus Day", 10, 0, 2),
    ("Thanksgiving Day", 11, 3, 4),
)


def holiday(day: date) -> str:
    """The name of the holiday on `day`, or of the one kept on it; empty on any other day."""
    return _of_year(day.year).get(day) or _of_year(day.year + 1).get(day, "")


@lru_cache(maxsize=64)
def _of_year(year: int) -> dict[date, str]:
    """Every holiday of the year; the one kept for New Year's Day may lie in the year before."""
    days = {_nth(year, month, weekday, n): name for name, month, weekday, n in FLOATING}
    for name, month, day in FIXED:
        on = date(year, month, day)
        days[on] = name
        if on.weekday() >= 5:  # Saturday is kept on Friday, Sunday on Monday
            days.setdefault(on + timedelta(days=-1 if on.weekday() == 5 else 1), f"{name} (observed)")
    return days


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    if n > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)
