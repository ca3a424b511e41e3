"""The route of a day is right to the minute: hand-computed, also on the days the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.planning.busy_hours import ESTIMATED, HourlyRoads, Leg, minutes_on_road
from scheduling.planning.facts import NurseFacts
from scheduling.planning.planned import Planned
from scheduling.planning.timetable import timetable
from scheduling.planning.travel import PARKING_MINUTES, drive_minutes, point_of, road_km
from scheduling.rules.eligibility import CompetencyFact, LicenceFact, ShiftFact, Span

CHICAGO, DENVER, PHOENIX = (ZoneInfo(f"America/{name}") for name in ("Chicago", "Denver", "Phoenix"))
HOME, NEAR, FAR = (32.0, -97.0), (32.1, -97.0), (32.3, -97.0)
SPRING, AUTUMN, MONDAY = date(2026, 3, 8), date(2026, 11, 1), date(2026, 3, 9)  # Sundays, and a Monday
ALWAYS = (date(2020, 1, 1), date(2099, 12, 31))
ROADS = HourlyRoads(  # told minutes without parking, and metres
    {
        (point_of(HOME), point_of(NEAR)): (25, 20_000),
        (point_of(NEAR), point_of(HOME)): (35, 21_000),
        (point_of(NEAR), point_of(FAR)): (40, 40_000),
        (point_of(FAR), point_of(HOME)): (55, 60_000),
    }
)


def nurse(zone=CHICAGO, **facts):
    return NurseFacts(
        key=7,
        home=HOME,
        zone=zone,
        **{
            "day_limit_minutes": 600,
            "licences": (LicenceFact("TX", True, *ALWAYS),),
            "competencies": (CompetencyFact("iv", ALWAYS[0], None),),
            "shifts": tuple(ShiftFact(day, time(7), time(19), *ALWAYS) for day in range(7)),
            "time_off": (),
            "stops": (),
            **facts,
        },
    )


def wall(on, hour, minute=0, zone=CHICAGO, fold=0):
    return datetime.combine(on, time(hour, minute), zone).replace(fold=fold).astimezone(UTC)


def visit(starts_at, minutes=240, place=NEAR, key=1, **fields):
    """30 minutes of preparation, then infusion, an hour of observation, 15 minutes to wrap up."""
    given = {"preparation_minutes": 60, "infusion_minutes": minutes - 135, "observation_minutes": 60}
    return Planned(
        key, place, starts_at, starts_at + timedelta(minutes=minutes),
        **{"zone": CHICAGO, "state": "TX", "needs": ("iv",), "wrap_up_minutes": 15, "premedication_lead": 30,
           **given, **fields},
    )  # fmt: skip


def clocks(moments, zone=CHICAGO):
    return [f"{at.astimezone(zone):%H:%M %Z}" if at else None for at in moments]


def line(stop):
    return (
        stop.leave_by, stop.arrive_at, stop.premedication_at, stop.infusion_at, stop.observation_at,
        stop.wrap_up_at, stop.ends_at,
    )  # fmt: skip


def codes(table):
    return [caution.code for caution in table.all_cautions]


def plan(*stops, on=MONDAY, road=ROADS, today=date(2026, 3, 2), **facts):
    return timetable(nurse(**facts), on, stops, road, today=today)


# --- An ordinary day ---------------------------------------------------------------------------


def test_every_time_of_a_day_follows_from_its_starts_and_its_roads():
    found = plan(visit(wall(MONDAY, 9)), visit(wall(MONDAY, 14), 180, FAR, key=2))
    first, second = found.stops
    # 25 + 5 to the first door; 4 h there: 60 to prepare, 105 infusion, 60 observation, 15 to wrap up
    assert clocks(line(first)) == [
        "08:30 CDT", "09:00 CDT", "09:30 CDT", "10:00 CDT", "11:45 CDT", "12:45 CDT", "13:00 CDT",
    ]  # fmt: skip
    # 40 + 5 from there: leave by 13:15, a quarter of an hour after the end
    assert clocks(line(second)) == [
        "13:15 CDT", "14:00 CDT", "14:30 CDT", "15:00 CDT", "15:45 CDT", "16:45 CDT", "17:00 CDT",
    ]  # fmt: skip
    assert (first.slack_minutes, second.slack_minutes, found.least_slack) == (None, 15, 15)
    assert clocks([found.leave_home_at, found.home_at]) == ["08:30 CDT", "18:00 CDT"]  # 55 + 5 home
    assert (found.drive_minutes, found.metres) == (30 + 45 + 60, 120_000)
    assert (found.visit_minutes, found.waiting_minutes) == (420, 15)
    assert round(found.miles, 1) == 74.6 and found.told and codes(found) == []


def test_a_day_without_visits_has_no_drive_and_no_end():
    empty = plan()
    assert (empty.stops, empty.home, empty.home_at, empty.leave_home_at) == ((), None, None, None)
    assert (empty.drive_minutes, empty.waiting_minutes, empty.least_slack, codes(empty)) == (0, 0, None, [])


def test_stops_come_in_the_order_of_their_starts_whatever_order_they_are_given_in():
    late, early = visit(wall(MONDAY, 14), key=1), visit(wall(MONDAY, 8), key=2)
    assert [(stop.number, stop.key) for stop in plan(late, early).stops] == [(1, 2), (2, 1)]


def test_a_visit_without_a_drug_has_no_parts():
    draw = visit(wall(MONDAY, 9), 30, preparation_minutes=0, infusion_minutes=0, observation_minutes=0)
    (stop,) = plan(draw).stops
    parts = (stop.premedication_at, stop.infusion_at, stop.observation_at, stop.wrap_up_at)
    assert parts == (None, None, None, None)


def test_premedication_never_begins_before_the_nurse_is_there():
    (stop,) = plan(visit(wall(MONDAY, 9), premedication_lead=90)).stops
    assert stop.premedication_at == stop.arrive_at


def test_a_visit_nobody_opened_the_door_for_frees_the_nurse_at_once():
    gone = visit(wall(MONDAY, 8), missed=True)
    table = plan(gone, visit(wall(MONDAY, 9), place=FAR, key=2))
    assert table.stops[1].slack_minutes == 15  # there at 8:00, 45 minutes to the next at 9:00
    assert table.visit_minutes == 240


# --- The clocks change -------------------------------------------------------------------------


def test_in_spring_a_visit_over_the_missing_hour_keeps_its_length_and_its_drives():
    """1:00 am CST, 4 hours: the wall shows 6:00 am CDT at its end, 4 hours later."""
    found = plan(visit(wall(SPRING, 1)), on=SPRING)
    assert clocks(line(found.stops[0])) == [
        "00:30 CST", "01:00 CST", "01:30 CST", "03:00 CDT", "04:45 CDT", "05:45 CDT", "06:00 CDT",
    ]  # fmt: skip
    assert clocks([found.home_at]) == ["06:40 CDT"]
    assert (found.visit_minutes, found.drive_minutes) == (240, 70)


def test_in_spring_the_nurse_leaves_before_the_change_to_be_there_after_it():
    """30 minutes before 3:10 am CDT is 1:40 am CST: 2:40 am is on no clock."""
    found = plan(visit(wall(SPRING, 3, 10)), on=SPRING)
    assert clocks([found.leave_home_at]) == ["01:40 CST"]


def test_in_spring_the_slack_between_two_visits_does_not_count_the_missing_hour():
    """The first ends 1:30 am CST, the second begins 4:00 am CDT: 90 minutes, 45 of them driving."""
    table = plan(
        visit(wall(SPRING, 0), 90, infusion_minutes=0), visit(wall(SPRING, 4), place=FAR, key=2), on=SPRING
    )
    assert (table.stops[1].slack_minutes, table.waiting_minutes) == (45, 45)
    assert clocks([table.stops[1].leave_by]) == ["03:15 CDT"]


def test_in_autumn_a_visit_over_the_doubled_hour_keeps_its_length_and_its_drives():
    """12:30 am CDT, 4 hours: the wall shows 3:30 am CST at its end."""
    found = plan(visit(wall(AUTUMN, 0, 30)), on=AUTUMN)
    assert clocks(line(found.stops[0])) == [
        "00:00 CDT", "00:30 CDT", "01:00 CDT", "01:30 CDT", "02:15 CST", "03:15 CST", "03:30 CST",
    ]  # fmt: skip
    assert clocks([found.home_at]) == ["04:10 CST"]


def test_in_autumn_the_two_half_past_ones_are_an_hour_apart():
    """Awaited at the second 1:30 am, leave at the second 1:00 am; at the first, at the first."""
    for fold, said in ((0, "01:00 CDT"), (1, "01:00 CST")):
        found = plan(visit(wall(AUTUMN, 1, 30, fold=fold)), on=AUTUMN)
        assert clocks([found.leave_home_at]) == [said]


def test_in_autumn_the_slack_between_two_visits_counts_the_doubled_hour():
    """The first ends 1:15 am CDT, the second begins 2:45 am CST: 150 minutes, 45 of them driving."""
    table = plan(
        visit(wall(AUTUMN, 0), 75, infusion_minutes=0),
        visit(wall(AUTUMN, 2, 45), place=FAR, key=2),
        on=AUTUMN,
    )
    assert table.stops[1].slack_minutes == 105


@pytest.mark.parametrize(
    ("on", "morning"),
    [
        (SPRING, ["08:30 CDT", "09:00 CDT", "09:30 CDT", "10:00 CDT", "11:45 CDT", "12:45 CDT", "13:00 CDT"]),
        (AUTUMN, ["08:30 CST", "09:00 CST", "09:30 CST", "10:00 CST", "11:45 CST", "12:45 CST", "13:00 CST"]),
    ],
)
def test_the_morning_after_the_change_is_an_ordinary_one(on, morning):
    found = plan(visit(wall(on, 9)), visit(wall(on, 14), 180, FAR, key=2), on=on)
    assert clocks(line(found.stops[0])) == morning
    assert found.least_slack == 15 and codes(found) == []  # the shift, 7:00 to 19:00, is by the wall


def test_a_nurse_from_another_zone_drives_by_her_own_clock_on_the_day_of_the_change():
    """9:00 am CDT on 8 March is 8:00 am MDT in Denver, and 7:00 am in Phoenix, which does not change."""
    for zone, said in ((DENVER, ["07:30 MDT", "08:00 MDT"]), (PHOENIX, ["06:30 MST", "07:00 MST"])):
        found = plan(visit(wall(SPRING, 9)), on=SPRING, zone=zone)
        assert clocks([found.leave_home_at, found.stops[0].arrive_at], zone) == said
        assert codes(found) == []


def test_the_estimated_road_over_the_change_takes_its_own_minutes():
    """72.27 km at 60 km/h and 5 minutes to park: 78 minutes before 3:30 am CDT is 1:12 am CST."""
    there = (32.5, -97.0)
    assert round(road_km(HOME, there), 2) == 72.28
    found = plan(visit(wall(SPRING, 3, 30), place=there), on=SPRING, road=ESTIMATED)
    assert clocks([found.leave_home_at]) == ["01:12 CST"] and not found.told


# --- The road by the hour ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "minute", "back", "minutes"),
    [
        (12, 0, True, 60),  # free all the way: 60 km at 60 km/h
        (8, 30, True, 72),  # busy all the way: 60 km at 50
        (9, 30, True, 66),  # 30 free minutes are 30 km, the other 30 km take 36 busy ones
        (7, 30, True, 65),  # 30 busy minutes are 25 km, the other 35 free
        (6, 30, False, 66),  # 30 km before seven, 30 km at 50
        (18, 0, False, 65),  # 25 km until half past six, 35 free
        (15, 30, False, 66),
    ],
)
def test_each_stretch_of_the_road_is_driven_at_its_own_speed(hour, minute, back, minutes):
    assert minutes_on_road(60, wall(MONDAY, hour, minute), CHICAGO, back=back) == pytest.approx(minutes)


def test_a_weekend_has_no_busy_hour_and_whose_wall_it_is_decides():
    for weekend in (SPRING - timedelta(days=1), SPRING):
        assert minutes_on_road(60, wall(weekend, 8, 30), CHICAGO, back=True) == pytest.approx(60)
    # 10:00 in Chicago is 9:00 in Denver: the hour before is busy there
    assert minutes_on_road(60, wall(MONDAY, 10), DENVER, back=True) == pytest.approx(72)


PLACES = st.tuples(st.floats(31, 34), st.floats(-99, -96))
MOMENTS = st.integers(0, 14 * 1440).map(lambda n: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=n))


@given(PLACES, PLACES, MOMENTS)
def test_a_route_never_asks_for_more_road_than_booking_kept(a, b, at):
    for leg in (ESTIMATED(a, b, at, CHICAGO), ESTIMATED.leaving(a, b, at, CHICAGO)):
        assert leg.minutes <= drive_minutes(a, b)


@given(PLACES, PLACES, MOMENTS, st.integers(1, 180))
def test_who_must_be_there_later_may_leave_later_and_who_leaves_later_is_there_later(a, b, at, more):
    later = at + timedelta(minutes=more)
    left = [arrive - timedelta(minutes=ESTIMATED(a, b, arrive, CHICAGO).minutes) for arrive in (at, later)]
    assert left[0] <= left[1]
    there = [
        leave + timedelta(minutes=ESTIMATED.leaving(a, b, leave, CHICAGO).minutes) for leave in (at, later)
    ]
    assert there[0] <= there[1]


@given(st.floats(0.1, 400), MOMENTS)
def test_the_way_there_and_the_same_way_reckoned_back_take_as_long(km, at):
    minutes = minutes_on_road(km, at, CHICAGO, back=False)
    arrived = at + timedelta(minutes=minutes)
    assert minutes_on_road(km, arrived, CHICAGO, back=True) == pytest.approx(minutes, abs=1e-3)


def test_nothing_is_driven_to_where_one_is():
    assert ESTIMATED(HOME, HOME, wall(MONDAY, 9), CHICAGO) == Leg(0, 0, told=True)


def test_who_drives_in_the_busy_hour_needs_what_booking_kept():
    assert ESTIMATED(HOME, NEAR, wall(MONDAY, 8, 30), CHICAGO).minutes == drive_minutes(HOME, NEAR)
    # the last five minutes look for the door: at 9:05 the wheels stand still since nine
    assert ESTIMATED(HOME, NEAR, wall(MONDAY, 9, 5), CHICAGO).minutes == drive_minutes(HOME, NEAR)
    assert ESTIMATED(HOME, NEAR, wall(MONDAY, 12), CHICAGO).minutes == 15 + PARKING_MINUTES  # 14.46 km


# --- What a coordinator should know ------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "code"),
    [(44, "NO_TIME_TO_DRIVE"), (45, "TOO_TIGHT"), (54, "TOO_TIGHT"), (55, None)],
)
def test_less_than_ten_minutes_to_spare_is_tight_and_less_than_none_does_not_fit(gap, code):
    first = visit(wall(MONDAY, 8))
    table = plan(first, visit(first.ends_at + timedelta(minutes=gap), place=FAR, key=2))
    assert table.stops[1].slack_minutes == gap - 45
    assert codes(table) == ([code] if code else [])


def test_the_sentence_says_how_long_the_drive_takes_and_what_there_is():
    first = visit(wall(MONDAY, 8))
    table = plan(first, visit(first.ends_at + timedelta(minutes=20), place=FAR, key=2))
    assert table.all_cautions[0].text == "The drive takes 45 minutes; there are 20."


@pytest.mark.parametrize(
    ("hour", "shift", "code"),
    [
        (9, (time(7), time(19)), None),
        (9, (time(9), time(13)), "HOME_LATE"),  # the visit fits to the minute; home is 40 minutes later
        (9, (time(9, 1), time(19)), "BEFORE_SHIFT"),
        (9, (time(7), time(12, 59)), "PAST_SHIFT"),
    ],
)
def test_a_visit_outside_the_hours_and_a_late_home_are_said(hour, shift, code):
    found = codes(plan(visit(wall(MONDAY, hour)), shifts=(ShiftFact(0, *shift, *ALWAYS),)))
    assert (code in found) if code else found == []
    assert ("HOME_LATE" in found) is (code in {"HOME_LATE", "PAST_SHIFT"})


def test_on_the_day_of_the_change_the_hours_are_those_of_the_wall():
    """A shift from 3:00 am to 7:00 am CDT on 8 March is whole; 1:59 am CST lies before it."""
    shifts = (ShiftFact(6, time(3), time(7), *ALWAYS),)
    early = visit(wall(SPRING, 1, 59), 60)
    assert "BEFORE_SHIFT" in codes(plan(early, on=SPRING, shifts=shifts))
    inside = visit(wall(SPRING, 3), 240)
    assert codes(plan(inside, on=SPRING, shifts=shifts)) == ["HOME_LATE"]


def test_breaks_time_off_days_without_hours_and_long_days_are_said():
    nine = visit(wall(MONDAY, 9))
    pause = ShiftFact(0, time(7), time(19), *ALWAYS, time(12), time(12, 30))
    assert codes(plan(nine, shifts=(pause,))) == ["ON_BREAK"]
    two = (ShiftFact(0, time(7), time(11), *ALWAYS), ShiftFact(0, time(12), time(19), *ALWAYS))
    assert codes(plan(nine, shifts=two)) == ["ON_BREAK"]
    away = Span(nine.ends_at - timedelta(minutes=1), nine.ends_at + timedelta(hours=1))
    assert codes(plan(nine, time_off=(away,))) == ["AWAY"]
    assert codes(plan(nine, time_off=(Span(nine.ends_at, away.end),))) == []
    assert codes(plan(nine, shifts=())) == ["NO_SHIFT"]
    assert codes(plan(nine, day_limit_minutes=239)) == ["DAY_TOO_LONG"]


@pytest.mark.parametrize(
    ("last_on", "found"),
    [
        (date(2026, 3, 8), ["LICENCE_EXPIRED"]),
        (date(2026, 3, 9), ["LICENCE_EXPIRING"]),
        (date(2026, 4, 1), ["LICENCE_EXPIRING"]),  # 30 days from 2 March
        (date(2026, 4, 2), []),
    ],
)
def test_a_licence_that_runs_out_is_said_thirty_days_before(last_on, found):
    table = plan(visit(wall(MONDAY, 9)), licences=(LicenceFact("TX", False, ALWAYS[0], last_on),))
    assert codes(table) == found
    if found == ["LICENCE_EXPIRING"]:
        assert f"for TX runs out on {last_on:%b} {last_on.day}, 2026" in table.all_cautions[0].text


def test_a_licence_that_has_a_successor_and_one_of_the_compact_run_on():
    old = LicenceFact("TX", False, ALWAYS[0], date(2026, 3, 20))
    new = LicenceFact("OK", True, date(2026, 1, 1), date(2028, 1, 1))
    assert codes(plan(visit(wall(MONDAY, 9)), licences=(old, new))) == []


def test_a_competency_that_runs_out_is_said_too():
    def held(*ends):
        return tuple(CompetencyFact("iv", ALWAYS[0], end) for end in ends)

    nine = visit(wall(MONDAY, 9))
    assert codes(plan(nine, competencies=held(date(2026, 3, 20)))) == ["COMPETENCY_EXPIRING"]
    assert codes(plan(nine, competencies=held(date(2026, 3, 20), None))) == []
    assert codes(plan(nine, competencies=held(date(2026, 3, 8)))) == ["COMPETENCY_EXPIRED"]
    assert codes(plan(nine, competencies=())) == ["NOT_COMPETENT"]


def test_the_licence_counts_on_the_day_of_the_home():
    """11:00 pm in Phoenix on the 8th is 1:00 am in Chicago on the 9th: a licence to the 8th is over there."""
    late = visit(datetime(2026, 3, 9, 6, tzinfo=UTC), 60)
    ended = (LicenceFact("TX", False, ALWAYS[0], date(2026, 3, 8)),)
    assert "LICENCE_EXPIRED" in codes(plan(late, on=date(2026, 3, 8), zone=PHOENIX, licences=ended))


@given(st.lists(st.tuples(st.integers(0, 1380), st.integers(15, 300), PLACES), min_size=1, max_size=6))
def test_the_times_of_any_day_hang_together(rows):
    stops = [visit(wall(SPRING, 0) + timedelta(minutes=s), m, p, key=n) for n, (s, m, p) in enumerate(rows)]
    table = plan(*stops, on=SPRING, road=ESTIMATED)
    assert [stop.key for stop in table.stops] == [
        s.key for s in sorted(stops, key=lambda s: (s.starts_at, s.key))
    ]
    for before, after in pairwise(table.stops):
        assert after.slack_minutes == (after.leave_by - before.ends_at) // timedelta(minutes=1)
    for stop in table.stops:
        assert stop.arrive_at - stop.leave_by == timedelta(minutes=stop.drive.minutes)
        assert stop.ends_at.tzinfo is UTC and stop.leave_by.tzinfo is UTC
    assert table.home_at - table.stops[-1].ends_at == timedelta(minutes=table.home.minutes)
