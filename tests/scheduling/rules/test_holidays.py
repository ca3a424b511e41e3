"""Federal holidays, as the Office of Personnel Management lists them for 2026, 2027 and 2021."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from scheduling.rules.holidays import holiday


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 1, 1), "New Year's Day"),
        (date(2026, 1, 19), "Martin Luther King Jr. Day"),
        (date(2026, 2, 16), "Washington's Birthday"),
        (date(2026, 5, 25), "Memorial Day"),
        (date(2026, 6, 19), "Juneteenth"),
        (date(2026, 7, 3), "Independence Day (observed)"),
        (date(2026, 7, 4), "Independence Day"),
        (date(2026, 9, 7), "Labor Day"),
        (date(2026, 10, 12), "Columbus Day"),
        (date(2026, 11, 11), "Veterans Day"),
        (date(2026, 11, 26), "Thanksgiving Day"),
        (date(2026, 12, 25), "Christmas Day"),
        (date(2027, 7, 5), "Independence Day (observed)"),
        (date(2021, 12, 31), "New Year's Day (observed)"),
    ],
)
def test_a_holiday_has_its_name(day, name):
    assert holiday(day) == name


def test_every_other_day_has_none():
    days = [date(2026, 1, 1) + n * timedelta(days=1) for n in range(365)]
    assert sum(bool(holiday(day)) for day in days) == 12  # eleven, one of them kept on the day before as well
