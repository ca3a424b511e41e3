"""A nurse's papers, hours and road, judged on plain values; every edge is decided."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.rules.eligibility import (
    CompetencyFact,
    LicenceFact,
    Pairs,
    Problem,
    ShiftFact,
    Span,
    Stop,
    competency_problems,
    day_limit_problem,
    hours_problem,
    licence_problem,
    pair_problem,
    room_problems,
)

CHICAGO = ZoneInfo("America/Chicago")
DAY = date(2026, 3, 10)  # a Tuesday
HERE, THERE = (32.0, -96.0), (33.0, -97.0)


def licence(state="TX", first=date(2025, 1, 1), last=date(2026, 12, 31), multistate=False):
    return LicenceFact(state, multistate, first, last)


def span(start: str, end: str, on: date = DAY) -> Span:
    return Span(
        *(datetime.combine(on, time.fromisoformat(at), CHICAGO).astimezone(UTC) for at in (start, end))
    )


@pytest.mark.parametrize("day", [date(2025, 1, 1), DAY, date(2026, 12, 31)])
def test_a_licence_counts_from_its_first_to_its_last_day(day):
    assert licence_problem([licence()], "TX", day) is None


@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2027, 1, 1)])
def test_a_licence_does_not_count_the_day_before_or_after(day):
    assert licence_problem([licence()], "TX", day) == Problem(
        "LICENCE_EXPIRED", "The nurse's licence for TX is valid to Dec 31, 2026."
    )


def test_the_latest_of_two_old_licences_is_named():
    old = [licence(last=date(2025, 2, 1)), licence(last=date(2025, 6, 30))]
    problem = licence_problem(old, "TX", DAY)
    assert problem is not None
    assert problem.text.endswith("Jun 30, 2025.")


@pytest.mark.parametrize(
    ("held", "state", "good"),
    [
        (licence("OK", multistate=True), "TX", True),
        (licence("OK"), "TX", False),
        (licence("CA", multistate=True), "TX", False),
        (licence("TX", multistate=True), "CA", False),
        (licence("CA"), "CA", True),
    ],
)
def test_a_multistate_licence_counts_between_compact_states_only(held, state, good):
    problem = licence_problem([held], state, DAY)
    assert problem == (None if good else Problem("NOT_LICENSED", f"The nurse has no licence for {state}."))


@pytest.mark.parametrize("state", ["AR", "CO", "KS", "LA", "MO", "MS", "NM", "OK", "TN", "TX"])
def test_a_multistate_licence_of_each_compact_state_around_us_counts_in_texas(state):
    assert licence_problem([licence(state, multistate=True)], "TX", DAY) is None


def test_a_problem_is_absolute_and_nobody_elses_doing_unless_it_says_otherwise():
    problem = Problem("NOT_LICENSED", "No.")
    assert (problem.absolute, problem.taken) == (True, False)


def test_each_competency_that_is_missing_or_run_out_is_named():
    held = [
        CompetencyFact("iv", date(2025, 1, 1), None),
        CompetencyFact("rituximab", date(2025, 1, 1), DAY - timedelta(days=1)),
        CompetencyFact("ivig", DAY + timedelta(days=1), None),
    ]
    found = list(competency_problems(held, ["iv", "rituximab", "ivig", "ocrelizumab"], DAY))
    assert [problem.code for problem in found] == [
        "COMPETENCY_EXPIRED",
        "COMPETENCY_EXPIRED",
        "NOT_COMPETENT",
    ]
    assert found[0].text == "The nurse's competency “rituximab” does not cover Mar 10, 2026."
    assert found[2].text == "The nurse has no competency “ocrelizumab”."
    assert all(problem.absolute for problem in found)


@pytest.mark.parametrize(("first", "last"), [(DAY, None), (DAY, DAY), (date(2020, 1, 1), DAY)])
def test_a_competency_counts_on_its_first_and_last_day(first, last):
    assert list(competency_problems([CompetencyFact("iv", first, last)], ["iv"], DAY)) == []


def shift(weekday=1, starts=time(8), ends=time(17), first=date(2026, 1, 1), last=None):
    return ShiftFact(weekday, starts, ends, first, last)


@pytest.mark.parametrize(("start", "end"), [("08:00", "17:00"), ("09:00", "12:00"), ("16:00", "17:00")])
def test_a_visit_inside_the_shift_is_fine_to_the_minute(start, end):
    assert hours_problem([shift()], [], span(start, end), CHICAGO) is None


@pytest.mark.parametrize(("start", "end"), [("07:59", "12:00"), ("09:00", "17:01"), ("05:00", "07:00")])
def test_a_visit_outside_the_shift_needs_a_reason_and_names_both_hours(start, end):
    problem = hours_problem([shift()], [], span(start, end), CHICAGO)
    assert problem is not None
    assert (problem.code, problem.absolute) == ("OUTSIDE_SHIFT", False)
    assert "the nurse works 8:00 am to 5:00 pm." in problem.text


def test_two_shifts_of_a_day_are_both_looked_at_and_both_named():
    halves = [shift(ends=time(12)), shift(starts=time(13))]
    assert hours_problem(halves, [], span("13:00", "17:00"), CHICAGO) is None
    problem = hours_problem(halves, [], span("11:00", "14:00"), CHICAGO)
    assert problem is not None
    assert problem.text == (
        "The visit runs from 11:00 am to 2:00 pm; the nurse works 8:00 am to 12:00 pm, 1:00 pm to 5:00 pm."
    )


def test_a_visit_over_midnight_fits_no_shift_even_when_the_clock_times_would():
    over = Span(span("16:00", "17:00").start, span("16:30", "16:45", DAY + timedelta(days=1)).end)
    assert hours_problem([shift(), shift(weekday=2)], [], over, CHICAGO) is not None


@pytest.mark.parametrize(
    "other",
    [shift(weekday=2), shift(first=DAY + timedelta(days=1)), shift(last=DAY - timedelta(days=1))],
)
def test_a_day_without_a_shift_says_so(other):
    problem = hours_problem([other], [], span("09:00", "10:00"), CHICAGO)
    assert problem == Problem("NO_SHIFT", "The nurse does not work on Tuesday, Mar 10, 2026.", absolute=False)


def broken(starts=time(8), ends=time(17), pause=(time(12), time(12, 30))):
    return ShiftFact(1, starts, ends, date(2026, 1, 1), None, *pause)


@pytest.mark.parametrize(("start", "end"), [("09:00", "12:00"), ("12:30", "15:00"), ("08:00", "09:00")])
def test_a_visit_may_touch_a_break(start, end):
    assert hours_problem([broken()], [], span(start, end), CHICAGO) is None


@pytest.mark.parametrize(("start", "end"), [("09:00", "12:01"), ("12:29", "15:00"), ("09:00", "16:00")])
def test_a_visit_over_a_break_needs_a_reason_and_names_the_break(start, end):
    assert hours_problem([broken()], [], span(start, end), CHICAGO) == Problem(
        "ON_BREAK", "The visit runs over the nurse's break, 12:00 pm to 12:30 pm.", absolute=False
    )


def test_of_two_shifts_around_a_visit_the_one_without_a_break_counts():
    assert hours_problem([broken(), shift()], [], span("11:00", "13:00"), CHICAGO) is None


def test_outside_the_hours_the_break_is_not_what_is_told():
    problem = hours_problem([broken()], [], span("11:00", "18:00"), CHICAGO)
    assert problem is not None
    assert problem.code == "OUTSIDE_SHIFT"


@pytest.mark.parametrize("edges", [{"first": DAY}, {"last": DAY}])
def test_a_shift_counts_on_its_first_and_last_day(edges):
    assert hours_problem([shift(**edges)], [], span("09:00", "10:00"), CHICAGO) is None


def test_time_off_is_absolute_and_touching_it_is_not_overlapping_it():
    away = [span("12:00", "14:00")]
    assert hours_problem([shift()], away, span("11:00", "12:00"), CHICAGO) is None
    assert hours_problem([shift()], away, span("14:00", "15:00"), CHICAGO) is None
    assert hours_problem([shift()], away, span("11:00", "12:01"), CHICAGO) == Problem(
        "TIME_OFF", "The nurse is away then."
    )


def test_the_shift_is_on_the_nurses_wall_clock():
    assert hours_problem([shift()], [], span("08:00", "17:00"), ZoneInfo("America/New_York")) is not None


def drive(a, b):
    return 0 if a == b else 20


def rooms(visit, stops=(), patient=()):
    return [problem.code for problem in room_problems(visit, HERE, stops, patient, drive)]


def test_ends_that_touch_do_not_overlap():
    visit = span("10:00", "12:00")
    assert rooms(visit, [Stop(span("08:00", "10:00"), HERE)], [span("12:00", "13:00")]) == []
    assert rooms(visit, [Stop(span("08:00", "10:01"), HERE)]) == ["NURSE_TAKEN"]
    assert rooms(visit, [], [span("11:59", "13:00")]) == ["PATIENT_TAKEN"]


def test_both_the_patient_and_the_nurse_are_named_when_both_are_taken():
    visit = span("10:00", "12:00")
    assert rooms(visit, [Stop(visit, THERE)], [visit, visit]) == ["PATIENT_TAKEN", "NURSE_TAKEN"]


def test_who_has_the_time_is_said_in_words():
    visit = span("10:00", "12:00")
    assert list(room_problems(visit, HERE, [Stop(visit, THERE)], [visit], drive)) == [
        Problem("PATIENT_TAKEN", "The patient has another visit then.", taken=True),
        Problem("NURSE_TAKEN", "The nurse has another visit then.", taken=True),
    ]


def test_the_road_is_asked_for_in_the_direction_it_is_driven():
    asked = []

    def road(start, end):
        asked.append((start, end))
        return 0

    stops = [Stop(span("08:00", "09:00"), THERE), Stop(span("13:00", "14:00"), THERE)]
    assert list(room_problems(span("10:00", "12:00"), HERE, stops, [], road)) == []
    assert asked == [(THERE, HERE), (HERE, THERE)]


@pytest.mark.parametrize(
    ("other", "fits"),
    [
        (("08:00", "09:40"), True),
        (("08:00", "09:41"), False),
        (("12:20", "13:00"), True),
        (("12:19", "13:00"), False),
    ],
)
def test_the_drive_must_fit_to_the_minute_before_and_after(other, fits):
    found = list(room_problems(span("10:00", "12:00"), HERE, [Stop(span(*other), THERE)], [], drive))
    assert [problem.code for problem in found] == ([] if fits else ["NO_TIME_TO_DRIVE"])
    if not fits:
        assert found[0].text == "The drive to or from the visit beside it takes 20 minutes; there are 19."
        assert found[0].taken


def test_a_stop_too_close_is_found_behind_one_that_is_far_enough():
    stops = [Stop(span("08:00", "09:00"), THERE), Stop(span("12:05", "13:00"), THERE)]
    assert rooms(span("10:00", "12:00"), stops) == ["NO_TIME_TO_DRIVE"]


def test_the_daily_maximum_may_be_reached_and_not_passed():
    assert day_limit_problem(300, 300, 600) is None
    assert day_limit_problem(301, 300, 600) == Problem(
        "DAY_TOO_LONG",
        "That makes 10 h 01 of visits that day; the nurse's limit is 10 h.",
        absolute=False,
    )


@pytest.mark.parametrize(
    ("only", "never", "code"),
    [
        ((), (), None),
        ((), (2,), None),
        ((1,), (), None),
        ((1, 2), (2,), None),
        ((), (1,), "NURSE_NOT_WANTED"),
        ((2,), (1,), "NURSE_NOT_WANTED"),
        ((1,), (1,), "NURSE_NOT_WANTED"),  # never is the safe side
        ((2, 3), (), "OTHER_NURSE_PINNED"),
    ],
)
def test_a_pair_speaks_for_or_against_a_nurse_and_a_reason_opens_it(only, never, code):
    pairs = Pairs(frozenset(only), frozenset(never))
    problem = pair_problem(1, pairs)
    assert (problem and problem.code) == code
    assert pairs.allow(1) == (problem is None)
    assert problem is None or not (problem.absolute or problem.taken)


def test_a_pair_is_told_in_a_sentence():
    never = pair_problem(1, Pairs(never=frozenset({1})))
    other = pair_problem(1, Pairs(only=frozenset({2})))
    assert never and never.text == "This nurse is marked never to come to this patient."
    assert other and other.text == "This patient is marked always to have another nurse."
