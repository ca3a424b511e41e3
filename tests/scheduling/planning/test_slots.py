"""The slot finder: every slot fits, the best comes first, and the fast search agrees with a slow one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.planning import slots as finder
from scheduling.planning.crew import crew
from scheduling.planning.facts import NurseFacts
from scheduling.planning.slots import near, search, starts_of
from scheduling.planning.team import assemble, busy, team
from scheduling.planning.travel import drive_minutes, drives
from scheduling.rules.eligibility import (
    Pairs,
    ShiftFact,
    Span,
    Stop,
)
from tests.scheduling.planning.reference import (
    BEFORE,
    DALLAS,
    DAY,
    FORT_WORTH,
    HOUR,
    LONG_AGO,
    MONDAY,
    PLANO,
    local,
    nurse,
    slow,
    wanted,
    worlds,
)  # fmt: skip


def look(nurses, days=(MONDAY,), after=BEFORE, limit=10, known=None, outside=frozenset(), **changed):
    wish = wanted(**changed)
    return search(
        team(nurses, days, wish.state, wish.needs),
        wish,
        starts_of(days, wish, after=after, outside=outside),
        visits_before=known,
        limit=limit,
    )


def found(*args, **more):
    return list(look(*args, **more).slots)


def test_a_free_nurse_comes_at_the_start_of_the_day():
    (slot,) = found([nurse()])
    assert (slot.nurse, slot.starts_at, slot.on) == (1, local(MONDAY, 8), MONDAY)


def test_days_near_the_due_date_come_first():
    days = [MONDAY + n * DAY for n in range(4)]
    slots = found([nurse()], days, due_on=MONDAY + 2 * DAY)
    assert [x.days_from_due for x in slots] == [0, -1, 1, -2]


def test_one_narrow_day_still_offers_a_choice_of_nurses():
    assert [x.nurse for x in found([nurse(4), nurse(2), nurse(3), nurse(1)])] == [1, 2, 3, 4]


def test_the_nurse_with_the_least_driving_comes_first():
    slots = found([nurse(1, home=FORT_WORTH), nurse(2, home=PLANO)])
    assert [x.nurse for x in slots] == [2, 1]
    assert slots[0].added_minutes == 2 * drive_minutes(PLANO, DALLAS)


def test_added_driving_is_the_detour_and_not_the_way_from_home():
    first = Stop(Span(local(MONDAY, 8), local(MONDAY, 9)), PLANO)
    last = Stop(Span(local(MONDAY, 15, 30), local(MONDAY, 17)), FORT_WORTH)
    (slot,) = found([nurse(home=DALLAS, stops=[last, first])])
    assert slot.drive_minutes == drive_minutes(PLANO, DALLAS)
    straight_on = drive_minutes(PLANO, FORT_WORTH)
    assert (
        slot.added_minutes == drive_minutes(PLANO, DALLAS) + drive_minutes(DALLAS, FORT_WORTH) - straight_on
    )


def test_a_nurse_the_patient_knows_outweighs_a_short_detour():
    near, knows = nurse(1, home=DALLAS), nurse(2, home=(32.80, -96.80))
    assert [x.nurse for x in found([near, knows])] == [1, 2]
    best = found([near, knows], known={2: 4, 3: 1})[0]
    assert (best.nurse, best.visits_before) == (2, 4)


def test_a_wish_for_the_afternoon_is_kept_where_it_can_be():
    (slot,) = found([nurse()], prefers="afternoon")
    assert slot.starts_at == local(MONDAY, 12) and slot.wish_met is True
    (slot,) = found([nurse(hours=(8, 14))], prefers="afternoon")
    assert slot.starts_at == local(MONDAY, 8) and slot.wish_met is False


def test_a_day_that_needs_a_reason_comes_after_every_day_that_needs_none():
    days = [MONDAY + n * DAY for n in range(8)]
    slots = found([nurse()], days, due_on=MONDAY, outside=frozenset({MONDAY}))
    assert slots[-1].on == MONDAY and slots[0].on == MONDAY + DAY


@pytest.mark.parametrize(
    ("unable", "code"),
    [
        (nurse(licence=("NY", date(2099, 1, 1))), "NOT_LICENSED"),
        (nurse(licence=("TX", MONDAY - DAY)), "NOT_LICENSED"),
        (nurse(codes=("iv",)), "NOT_COMPETENT"),
        (nurse(weekdays=range(1, 7)), "NO_SHIFT"),
        (nurse(away=[Span(local(MONDAY, 0), local(MONDAY, 23))]), "TIME_OFF"),
        (nurse(hours=(9, 12)), "SHIFT_TOO_SHORT"),
        (nurse(hours=(8, 15), pause=(time(11), time(12))), "ON_BREAK"),
        (nurse(limit=239), "DAY_TOO_LONG"),
        (nurse(stops=[Stop(Span(local(MONDAY, 8), local(MONDAY, 17)), DALLAS)]), "NO_ROOM"),
    ],
)
def test_who_cannot_come_is_ruled_out_with_the_reason(unable, code):
    if code == "NO_ROOM":
        unable = nurse(limit=1440, stops=unable.stops)
    answer = look([unable])
    assert answer.slots == () and answer.ruled_out == {code: (1,)}
    assert code in finder.WHY_NOT


def test_nothing_starts_at_or_before_now():
    (slot,) = found([nurse()], after=local(MONDAY, 9))
    assert slot.starts_at == local(MONDAY, 9, 15)
    assert found([nurse()], after=local(MONDAY, 13)) == []


def test_the_patients_other_visits_are_left_alone_and_ends_may_touch():
    (slot,) = found([nurse()], patient_spans=(Span(local(MONDAY, 7), local(MONDAY, 10)),))
    assert slot.starts_at == local(MONDAY, 10)


def test_visits_at_one_address_may_touch_and_elsewhere_the_road_comes_between():
    for place, start in ((DALLAS, local(MONDAY, 10)), (PLANO, local(MONDAY, 11))):
        (slot,) = found([nurse(stops=[Stop(Span(local(MONDAY, 8), local(MONDAY, 10)), place)])])
        assert slot.starts_at == start


def test_a_visit_may_end_with_the_shift_and_not_after_it():
    (slot,) = found([nurse(hours=(13, 17))])
    assert slot.starts_at == local(MONDAY, 13)
    assert found([nurse(hours=(13, 17))], length=4 * HOUR + timedelta(minutes=1)) == []


def test_no_visit_runs_over_a_break_and_both_its_ends_may_touch():
    (slot,) = found([nurse(pause=(time(11), time(11, 30)))])
    assert slot.starts_at == local(MONDAY, 11, 30)
    (slot,) = found([nurse(pause=(time(12), time(12, 30)))])
    assert slot.starts_at == local(MONDAY, 8)
    assert found([nurse(hours=(8, 15), pause=(time(11), time(11, 30)))]) == []


def test_time_off_and_a_break_leave_what_is_between_them():
    away = Span(local(MONDAY, 13), local(MONDAY, 17))
    (slot,) = found([nurse(pause=(time(10), time(11)), away=[away])], length=2 * HOUR)
    assert slot.starts_at == local(MONDAY, 8)
    (slot,) = found([nurse(pause=(time(9), time(11)), away=[away])], length=2 * HOUR)
    assert slot.starts_at == local(MONDAY, 11)


def test_near_a_time_that_was_lost_the_same_nurse_and_hour_come_first():
    days = [MONDAY + n * DAY for n in range(-1, 2)]
    lost, stop = local(MONDAY, 9), Stop(Span(local(MONDAY, 9), local(MONDAY, 13)), DALLAS)
    wish = wanted(due_on=MONDAY + 9 * DAY)
    nurses = [nurse(1, stops=[stop]), nurse(2), nurse(3, home=FORT_WORTH)]
    starts = near(starts_of(days, wish, after=BEFORE), lost)
    slots = search(team(nurses, days, "TX", wish.needs), wish, starts, told=1, limit=3).slots
    assert [(x.nurse, x.starts_at) for x in slots] == [(2, lost), (3, lost), (1, local(MONDAY, 13))]
    assert slots[0].days_from_due == -9


def test_a_road_that_is_longer_one_way_is_driven_as_it_is():
    def one_way(a, b):
        return drives(a, b) + 10 * (np.asarray(a)[..., 0] < np.asarray(b)[..., 0])  # uphill to the north

    stop = Stop(Span(local(MONDAY, 8), local(MONDAY, 9)), PLANO)
    wish = wanted(place=DALLAS)
    arrays = team([nurse(home=FORT_WORTH, stops=[stop])], [MONDAY], "TX", wish.needs)
    (slot,) = search(arrays, wish, starts_of([MONDAY], wish, after=BEFORE), road=one_way).slots
    back_to_base = drive_minutes(DALLAS, FORT_WORTH)
    assert slot.drive_minutes == drive_minutes(PLANO, DALLAS)  # downhill
    assert slot.added_minutes == slot.drive_minutes + back_to_base - drive_minutes(PLANO, FORT_WORTH)
    wish = wanted(place=PLANO)
    arrays = team([nurse(home=FORT_WORTH, stops=[Stop(stop.span, DALLAS)])], [MONDAY], "TX", wish.needs)
    (slot,) = search(arrays, wish, starts_of([MONDAY], wish, after=BEFORE), road=one_way).slots
    assert slot.drive_minutes == drive_minutes(DALLAS, PLANO) + 10
    assert slot.starts_at >= local(MONDAY, 9) + timedelta(minutes=slot.drive_minutes)


def test_a_slot_somebody_holds_takes_time_and_no_minutes_of_the_day():
    one = nurse(limit=240, stops=[Stop(Span(local(MONDAY, 8), local(MONDAY, 10)), DALLAS)])
    known, changing = crew([one]), busy([one])
    wish = wanted()
    starts = starts_of([MONDAY], wish, after=BEFORE)
    assert search(assemble(known, changing, [MONDAY], "TX", wish.needs), wish, starts).slots == ()
    held = replace(changing, stop_minutes=np.zeros(1, np.int64))
    (slot,) = search(assemble(known, held, [MONDAY], "TX", wish.needs), wish, starts).slots
    assert slot.starts_at == local(MONDAY, 10)


def test_no_visit_runs_over_midnight():
    late = NurseFacts(**{**{name: getattr(nurse(), name) for name in NurseFacts.__slots__}, "shifts": (
        ShiftFact(0, time(16), time(23, 59), LONG_AGO, None), ShiftFact(1, time(0), time(7), LONG_AGO, None),
    )})  # fmt: skip
    assert found([late], length=8 * HOUR) == []
    assert len(found([late], length=7 * HOUR)) == 1


def test_a_licence_that_ends_between_two_days_gives_the_first_only():
    slots = found([nurse(licence=("TX", MONDAY))], [MONDAY, MONDAY + DAY])
    assert [x.on for x in slots] == [MONDAY]


@pytest.mark.parametrize(("day", "hour"), [(date(2026, 3, 8), 13), (date(2026, 11, 1), 14)])
def test_on_a_day_the_clocks_change_the_wall_clock_is_kept(day, hour):
    (slot,) = found([nurse()], [day])
    assert slot.starts_at == datetime(day.year, day.month, day.day, hour, tzinfo=UTC)  # 8:00 on the wall


def test_a_nurse_of_another_zone_keeps_to_her_own_hours():
    (slot,) = found([nurse(zone=ZoneInfo("America/New_York"), hours=(10, 18))])
    assert slot.starts_at == local(MONDAY, 9)


def test_the_same_input_gives_the_same_answer():
    nurses = [nurse(n) for n in (3, 1, 2)]
    assert found(nurses) == found(list(reversed(nurses)))


def test_nobody_and_no_days_left_are_answered_too():
    assert look([]) == finder.Found((), {})
    assert look([nurse()], after=local(MONDAY, 23)) == finder.Found((), {"NO_TIME_LEFT": (1,)})


def test_who_is_not_to_come_has_no_slot_and_stands_under_the_reason():
    nurses = [nurse(n) for n in (1, 2, 3)] + [nurse(4, codes=("iv",))]
    answer = look(nurses, pairs=Pairs(only=frozenset({2, 3}), never=frozenset({3})))
    assert [slot.nurse for slot in answer.slots] == [2]
    assert answer.ruled_out == {
        "NOT_COMPETENT": (4,), "NURSE_NOT_WANTED": (3,), "OTHER_NURSE_PINNED": (1,)
    }  # fmt: skip


# --- The fast search and the slow one ------------------------------------------------------------------


@settings(max_examples=150)
@given(worlds())
def test_the_fast_search_gives_the_slots_of_the_slow_one(world):
    nurses, days, after, wish, known, outside = world
    starts = starts_of(days, wish, after=after, outside=outside)
    answer = search(team(nurses, days, wish.state, wish.needs), wish, starts, visits_before=known, limit=99)
    assert [(x.cost, x.starts_at, x.nurse, x.added_minutes) for x in answer.slots] == slow(
        nurses, days, after, wish, known, outside
    )
    placed = {x.nurse for x in answer.slots}
    ruled_out = [key for keys in answer.ruled_out.values() for key in keys]
    assert sorted([*placed, *ruled_out]) == [one.key for one in nurses]


@given(st.lists(st.tuples(st.floats(24, 49), st.floats(-125, -66)), min_size=2, max_size=30))
def test_drives_of_many_pairs_are_those_of_one(places):
    a, b = np.array(places), np.array(places[1:] + places[:1])
    assert drives(a, b).tolist() == [
        drive_minutes(x, y) for x, y in zip(places, places[1:] + places[:1], strict=True)
    ]
