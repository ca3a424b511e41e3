"""A day in another order: what is promised keeps its time, what need not move stays, the rest comes early enough."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.planning.reordering import (
    NO_TIME,
    NO_TIME_TO_DRIVE,
    OUT_OF_ORDER,
    Day,
    Item,
    rearrange,
    working,
)
from scheduling.rules.eligibility import ShiftFact, Span, Stop

CHICAGO, DENVER = ZoneInfo("America/Chicago"), ZoneInfo("America/Denver")
ON = date(2026, 3, 10)
HERE = (32.7, -96.8)
MINUTE = timedelta(minutes=1)


def at(hour: int, minute: int = 0, zone: ZoneInfo = CHICAGO, on: date = ON) -> datetime:
    return datetime.combine(on, time(hour, minute), zone).astimezone(UTC)


def span(first: datetime, last: datetime) -> Span:
    return Span(first, last)


def item(key: int, hour: int, minutes: int = 60, **fields) -> Item:
    start = at(hour)
    wish = {
        "place": (HERE[0], key),
        "span": Span(start, start + minutes * MINUTE),
        "length": minutes * MINUTE,
    }
    return Item(key, **{**wish, "zone": CHICAGO, **fields})


def a_day(road: int = 20, **fields) -> Day:
    wish = {
        "on": ON, "zone": CHICAGO, "hours": [Span(at(7), at(19))], "held": [], "after": at(5),
        "drive": lambda a, b: 0 if a == b else road,
    }  # fmt: skip
    return Day(**{**wish, **fields})


def starts(placed) -> list[tuple[int, str]]:
    return [
        (one.key, f"{one.span.start.astimezone(CHICAGO):%H:%M}" if one.span else one.why) for one in placed
    ]


A, B, C = item(1, 8), item(2, 10), item(3, 13)


def test_the_first_takes_the_start_of_the_day_and_the_next_the_first_quarter_hour_after_the_drive():
    assert starts(rearrange([B, A, C], a_day())) == [(2, "08:00"), (1, "09:30"), (3, "13:00")]


def test_what_stands_before_and_after_the_change_keeps_its_time():
    d = item(4, 16)
    assert starts(rearrange([A, C, B, d], a_day())) == [
        (1, "08:00"),
        (3, "09:30"),
        (2, "11:00"),
        (4, "16:00"),
    ]


def test_what_stands_after_the_change_moves_when_it_no_longer_fits():
    long = item(2, 10, 180)
    assert starts(rearrange([long, A, C], a_day())) == [(2, "08:00"), (1, "11:30"), (3, "13:00")]
    longer = item(2, 10, 240)
    assert starts(rearrange([longer, A, C], a_day())) == [(2, "08:00"), (1, "12:30"), (3, "14:00")]


def test_gaps_close_only_when_somebody_says_so():
    assert starts(rearrange([A, B, C], a_day())) == [(1, "08:00"), (2, "10:00"), (3, "13:00")]
    assert starts(rearrange([A, B, C], a_day(close_gaps=True))) == [(1, "08:00"), (2, "09:30"), (3, "11:00")]


def test_another_start_of_the_day_moves_the_first_and_those_it_pushes():
    moved = rearrange([A, B, C], a_day(first_at=at(9, 30)))
    assert starts(moved) == [(1, "09:30"), (2, "11:00"), (3, "13:00")]
    assert starts(rearrange([A, B, C], a_day(first_at=at(7))))[0] == (1, "07:00")


def test_a_fixed_visit_keeps_its_time_and_says_what_is_wrong_before_it():
    fixed = item(2, 10, fixed=True)
    (first, second, _third) = rearrange([C, fixed, A], a_day())
    assert (starts([first, second]), second.why) == ([(3, "08:00"), (2, "10:00")], "")
    (_one, late, _two) = rearrange([item(1, 8, 115), fixed, C], a_day())
    assert late.why == NO_TIME_TO_DRIVE
    (_late, early) = rearrange([item(3, 13, fixed=True), fixed], a_day())
    assert early.why == OUT_OF_ORDER


def test_a_visit_that_moves_takes_the_minutes_it_needs_today():
    longer = item(1, 8, length=120 * MINUTE)
    (_second, first) = rearrange([B, longer], a_day())
    assert first.span == Span(at(9, 30), at(11, 30))
    (kept, _) = rearrange([longer, B], a_day())
    assert kept.span == longer.span


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"hours": [Span(at(7), at(9)), Span(at(12), at(19))]}, ["08:00", "12:00"]),
        ({"hours": []}, [NO_TIME, NO_TIME]),
        ({"after": at(9, 30)}, ["09:45", "11:15"]),
        ({"held": [Stop(Span(at(9), at(11)), HERE)]}, ["11:30", "13:00"]),
    ],
)
def test_hours_the_clock_and_times_others_hold_are_kept(fields, found):
    placed = rearrange([item(2, 10), item(1, 8)], a_day(**fields))
    assert [when for _key, when in starts(placed)] == found


def test_a_time_outside_the_hours_stays_allowed_where_somebody_gave_a_reason():
    waived = item(1, 8, any_hours=True)
    assert starts(rearrange([B, waived], a_day(hours=[])))[1] == (1, "08:00")


def test_the_patients_other_visits_are_kept():
    busy = item(1, 8, taken=(Span(at(9), at(12)),))
    assert starts(rearrange([B, busy], a_day()))[1] == (1, "12:00")


def test_the_walls_of_the_home_are_looked_at_and_the_day_is_the_nurses():
    denver = item(1, 8, zone=DENVER)
    late = a_day(first_at=at(16, 30), hours=[Span(at(7), at(22))])
    # 17:00 in Denver, the last start people like, is 18:00 for her; in Chicago it would be over an hour before.
    assert starts(rearrange([item(2, 16, 60), denver], late))[1] == (1, "18:00")
    assert starts(rearrange([item(2, 16, 90), denver], late))[1] == (1, NO_TIME)
    assert starts(rearrange([item(2, 10), denver], a_day()))[1] == (1, "09:30")


def test_on_the_day_the_clocks_go_forward_no_start_is_skipped_or_told_twice():
    night = date(2026, 3, 8)
    early = Item(1, HERE, Span(at(1, on=night), at(1, on=night) + 60 * MINUTE), 60 * MINUTE, CHICAGO)
    other = Item(2, HERE, Span(at(4, on=night), at(5, on=night)), 60 * MINUTE, CHICAGO)
    day = a_day(on=night, hours=[Span(at(0, on=night), at(12, on=night))], after=at(0, on=night))
    assert starts(rearrange([other, early], day)) == [(2, "04:00"), (1, "05:00")]
    assert (at(3, on=night) - at(1, on=night)) == 60 * MINUTE


def test_hours_are_the_shifts_of_the_day_without_breaks_and_time_off():
    shift = ShiftFact(1, time(7), time(19), date(2020, 1, 1), None, time(12), time(12, 30))
    other_day, over = (
        ShiftFact(2, time(7), time(19), date(2020, 1, 1), None),
        ShiftFact(1, time(5), time(6), date(2020, 1, 1), date(2026, 1, 1)),
    )
    away = [span(at(6), at(8)), span(at(15), at(16)), span(at(20), at(22))]
    assert working([shift, other_day, over], away, ON, CHICAGO) == [
        span(at(8), at(12)), span(at(12, 30), at(15)), span(at(16), at(19)),
    ]  # fmt: skip
    assert working([shift], [span(at(6), at(20))], ON, CHICAGO) == []


def test_nothing_to_order_is_no_error():
    assert rearrange([], a_day()) == []
