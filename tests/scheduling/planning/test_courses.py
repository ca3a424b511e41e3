"""Courses: every day or none, the same nurse and time where that can be, and the best way of all that there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.planning.courses import NOT_ALL_DAYS, OTHER_NURSE, OTHER_TIME, search_course
from scheduling.planning.team import team
from scheduling.rules.eligibility import Span, Stop
from tests.scheduling.planning.reference import (
    BEFORE,
    DALLAS,
    DAY,
    FORT_WORTH,
    HOUR,
    MONDAY,
    local,
    nurse,
    slow_added,
    slow_fits,
    wanted,
    worlds,
)


def ways(
    nurses, days=3, firsts=(MONDAY,), known=None, limit=10, lengths=None, outside=frozenset(), **changed
):
    wishes = [wanted(**changed) for _n in range(days)]
    wishes = (
        [replace(x, length=length) for x, length in zip(wishes, lengths, strict=True)] if lengths else wishes
    )
    covered = sorted({first + n * DAY for first in firsts for n in range(days)})
    return search_course(
        team(nurses, covered, wishes[0].state, wishes[0].needs), wishes, firsts, after=BEFORE,
        visits_before=known, limit=limit, outside=outside,
    )  # fmt: skip


def busy(day, first, last, place=DALLAS):
    return Stop(Span(local(day, first), local(day, last)), place)


def test_one_nurse_comes_every_day_at_the_same_time():
    (way,) = ways([nurse()]).ways
    assert [x.starts_at for x in way.stops] == [local(MONDAY + n * DAY, 8) for n in range(3)]
    assert way.same_nurse and way.same_time and {x.nurse for x in way.stops} == {1}


def test_the_time_all_days_share_is_found_though_earlier_ones_are_free_on_some():
    (way,) = ways([nurse(limit=1440, stops=[busy(MONDAY + DAY, 8, 10)])]).ways
    assert [x.starts_at for x in way.stops] == [
        local(MONDAY + n * DAY, 10) for n in range(3)
    ] and way.same_time


def test_the_nurse_stays_where_only_the_time_must_differ():
    stops = [busy(MONDAY, 8, 12), busy(MONDAY + DAY, 12, 17)]
    (way,) = ways([nurse(limit=1440, stops=stops)], days=2).ways
    assert way.same_nurse and not way.same_time
    assert [x.starts_at for x in way.stops] == [local(MONDAY, 12), local(MONDAY + DAY, 8)]


def test_another_nurse_steps_in_for_a_day_and_the_whole_course_is_given():
    first = nurse(1, away=[Span(local(MONDAY + DAY, 0), local(MONDAY + DAY, 23))])
    second = nurse(2, away=[Span(local(MONDAY, 0), local(MONDAY, 23))])
    found = ways([first, second])
    assert [[x.nurse for x in way.stops] for way in found.ways] == [[1, 2, 1]]
    assert not found.ways[0].same_nurse and found.ways[0].same_time
    assert found.ruled_out == {"TIME_OFF": (2,), NOT_ALL_DAYS: (1,)}


def test_all_days_or_none():
    away = nurse(away=[Span(local(MONDAY + 2 * DAY, 0), local(MONDAY + 2 * DAY, 23))])
    found = ways([away])
    assert found.ways == () and found.ruled_out == {NOT_ALL_DAYS: (1,)}


def test_the_days_of_a_course_may_differ_in_length():
    found = ways([nurse(hours=(8, 14))], lengths=[5 * HOUR, 2 * HOUR, 2 * HOUR])
    assert [x.starts_at for x in found.ways[0].stops] == [local(MONDAY + n * DAY, 8) for n in range(3)]
    assert ways([nurse(hours=(8, 14))], lengths=[2 * HOUR, 7 * HOUR, 2 * HOUR]).ways == ()


def test_a_course_begins_near_its_due_date_and_with_days_that_need_a_reason_last():
    firsts = [MONDAY + n * DAY for n in range(3)]
    found = ways([nurse()], firsts=firsts, due_on=MONDAY + DAY, outside=frozenset({MONDAY}))
    assert [way.days_from_due for way in found.ways] == [0, 1, -1]


def test_the_nurse_the_patient_knows_gives_the_course():
    found = ways([nurse(1), nurse(2, home=(32.80, -96.80))], known={2: 4})
    assert found.ways[0].stops[0].nurse == 2 and found.ways[0].visits_before == 4


def test_a_course_over_the_change_of_clocks_keeps_the_time_on_the_wall():
    first = date(2026, 3, 6)
    (way,) = ways([nurse()], days=5, firsts=[first]).ways
    assert [x.starts_at for x in way.stops] == [local(first + n * DAY, 8) for n in range(5)]
    assert way.stops[3].starts_at - way.stops[1].starts_at == timedelta(hours=47)


def test_road_is_told_for_every_day():
    found = ways([nurse(home=FORT_WORTH)], days=2)
    assert [x.added_minutes for x in found.ways[0].stops] == [
        2 * x.drive_minutes for x in found.ways[0].stops
    ]


# --- The slow reference: every choice of nurse and start for every day ----------------------------------


def slow(nurses, wishes, firsts, after, known, outside):
    """Cost of the best way by (nurse of the first day, first day), tried one by one."""
    total, best = sum(known.values()), {}
    for first in firsts:
        offers = []
        for n, wish in enumerate(wishes):
            offers.append({})
            for one, quarter in product(nurses, range(32, 69)):
                wall = datetime.combine(first + n * DAY, time(quarter // 4, quarter % 4 * 15), wish.zone)
                start = wall.astimezone(BEFORE.tzinfo)
                if start <= after or not slow_fits(one, wish, start):
                    continue
                cost = slow_added(one, wish, start)
                if wish.prefers:
                    cost += 0 if (wall.hour < 12) == (wish.prefers == "morning") else 30
                cost -= 30 * known.get(one.key, 0) // total if total else 0
                offers[-1][one.key, quarter] = cost
        about = 20 * abs((first - wishes[0].due_on).days) + (600 if first in outside else 0)
        for (key, quarter), cost in offers[0].items():
            rest = [
                min(
                    (
                        more + OTHER_NURSE * (other != key) + OTHER_TIME * (at != quarter)
                        for (other, at), more in offer.items()
                    ),
                    default=None,
                )
                for offer in offers[1:]
            ]
            if None not in rest:
                whole = cost + sum(rest) + about
                best[key, first] = min(best.get((key, first), whole), whole)
    return best


@settings(max_examples=60)
@given(worlds(), st.lists(st.sampled_from([30, 95, 240]), min_size=1, max_size=3))
def test_the_fast_search_finds_the_best_of_all_ways(world, minutes):
    nurses, firsts, after, wish, known, outside = world
    wishes = [replace(wish, length=timedelta(minutes=n)) for n in minutes]
    covered = sorted({first + n * DAY for first in firsts for n in range(len(wishes))})
    found = search_course(
        team(nurses, covered, wish.state, wish.needs), wishes, firsts, after=after, visits_before=known,
        outside=outside, limit=99,
    )  # fmt: skip
    told = {(way.stops[0].nurse, way.stops[0].on): way.cost for way in found.ways}
    assert told == slow(nurses, wishes, firsts, after, known, outside)
    assert [way.cost for way in found.ways] == sorted(told.values())
    by_key = {one.key: one for one in nurses}
    for way in found.ways:
        assert [x.on for x in way.stops] == [way.stops[0].on + n * DAY for n in range(len(wishes))]
        for stop, one in zip(way.stops, wishes, strict=True):
            assert slow_fits(by_key[stop.nurse], one, stop.starts_at)
            assert stop.added_minutes == slow_added(by_key[stop.nurse], one, stop.starts_at)
