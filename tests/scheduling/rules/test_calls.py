"""Which calls are owed, when they are tried again, and when nobody tries any more."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from scheduling.regimens import catalogue
from scheduling.rules import calls
from scheduling.rules.calls import Try, after, best_half, first_try, follow_ups, last_day
from scheduling.rules.orders import Given, Order

ZONE, HOURS = "America/Chicago", (9, 20)
MONDAY = date(2026, 3, 2)
DAY = timedelta(days=1)


def home(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    """The aware time of a clock on a wall in Dallas (CST)."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) + timedelta(hours=6)


def order(**fields) -> Order:
    return Order(**{"start_on": MONDAY, "expires_on": MONDAY + 700 * DAY, "total_doses": None, **fields})


def owed(regimen_id: str, days: list[date], **fields) -> list[tuple[str, int, date]]:
    history = [Given(number, on, "none", None, None) for number, on in enumerate(days, 1)]
    found = follow_ups(catalogue.get(regimen_id), order(**fields), history)
    return [(one.kind, one.days, one.on) for one in found]


def test_nothing_is_owed_before_the_first_dose():
    assert owed("ocrelizumab_iv", []) == []


def test_ocrelizumab_owes_the_next_day_two_weeks_and_four():
    assert owed("ocrelizumab_iv", [MONDAY]) == [
        (calls.CHECK, 1, MONDAY + DAY),
        (calls.TWO_WEEK, 14, MONDAY + 14 * DAY),
        (calls.NAVIGATOR, 28, MONDAY + 28 * DAY),
    ]


@pytest.mark.parametrize("given", [1, 2, 3])
def test_a_course_of_days_in_a_row_has_one_check_the_day_after_the_last(given):
    days = [MONDAY + n * DAY for n in range(given)]
    assert owed("methylprednisolone_iv_3d", days) == [(calls.CHECK, 1, MONDAY + 3 * DAY)]


def test_a_course_that_was_stopped_is_checked_the_next_day():
    assert owed("methylprednisolone_iv_3d", [MONDAY], discontinued_on=MONDAY) == [
        (calls.CHECK, 1, MONDAY + DAY)
    ]


def test_an_order_for_fewer_doses_ends_the_course_there():
    assert owed("methylprednisolone_iv_3d", [MONDAY], total_doses=2) == [(calls.CHECK, 1, MONDAY + 2 * DAY)]


def test_after_an_alemtuzumab_course_each_of_three_days_has_one_call():
    days = [MONDAY + n * DAY for n in range(5)]
    last = days[-1]
    assert owed("alemtuzumab_ms", days) == [
        (calls.STROKE, 1, last + DAY),
        (calls.STROKE, 2, last + 2 * DAY),
        (calls.STROKE, 3, last + 3 * DAY),
    ]


def test_inside_an_alemtuzumab_course_the_check_waits_for_its_end():
    assert owed("alemtuzumab_ms", [MONDAY, MONDAY + DAY]) == [(calls.CHECK, 1, MONDAY + 5 * DAY)]


@pytest.mark.parametrize(
    ("kind", "prefers", "now", "at"),
    [
        (calls.CHECK, "", home(8), home(10)),
        (calls.CHECK, "morning", home(8), home(10)),
        (calls.CHECK, "afternoon", home(8), home(13)),
        (calls.SCREEN, "afternoon", home(8), home(13)),
        (calls.CHECK, "", home(15, 30), home(15, 30)),
        (calls.CHECK, "", home(21), home(9, day=MONDAY + DAY)),  # quiet hours: the next morning
        (calls.CHECK, "", home(23, day=MONDAY - DAY), home(10)),
    ],
)
def test_the_first_try_is_at_the_hour_of_its_kind_and_never_in_quiet_hours(kind, prefers, now, at):
    assert first_try(kind, MONDAY, ZONE, HOURS, prefers=prefers, now=now) == at


def test_a_check_makes_no_sense_after_three_days_and_a_call_back_always_does():
    assert last_day(calls.CHECK, MONDAY) == MONDAY + 3 * DAY
    assert last_day(calls.CALL_BACK, MONDAY) is None


def plan(*tries: tuple[datetime, str], kind=calls.CHECK, optional=False, again=None, hours=HOURS):
    return after(
        [Try(at, outcome) for at, outcome in tries],
        kind=kind,
        optional=optional,
        time_zone=ZONE,
        hours=hours,
        call_again_at=again,
    )


@pytest.mark.parametrize(
    ("outcome", "state", "alert", "alarm"),
    [
        ("well", "done", "", False),
        ("symptoms", "done", "symptoms", True),
        ("wrong_number", "given_up", "number", False),
        ("declined", "done", "not_reached", False),
    ],
)
def test_an_outcome_that_settles_says_who_must_hear_of_it(outcome, state, alert, alarm):
    found = plan((home(10), outcome))
    assert (found.state, found.alert, found.alarm, found.at) == (state, alert, alarm, None)


@pytest.mark.parametrize(("kind", "optional"), [(calls.TWO_WEEK, True), (calls.NAVIGATOR, False)])
def test_declining_a_call_that_is_no_check_is_simply_done(kind, optional):
    assert plan((home(10), "declined"), kind=kind, optional=optional).alert == ""


def test_a_check_that_is_optional_may_be_declined():
    assert plan((home(10), "declined"), optional=True).alert == ""


def test_no_answer_in_the_morning_is_tried_in_the_afternoon_at_least_two_hours_later():
    assert plan((home(10), "no_answer")).at == home(13)
    assert plan((home(12), "no_answer")).at == home(14)


def test_after_three_tries_a_day_the_next_is_the_other_half_of_the_next_day():
    tries = [(home(10), "no_answer"), (home(13), "no_answer")]
    assert plan(*tries).at == home(15)
    assert plan(*tries, (home(15), "no_answer")).at == home(9, day=MONDAY + DAY)


def test_where_the_day_has_no_two_hours_left_the_next_try_is_tomorrow():
    assert plan((home(18, 30), "no_answer")).at == home(9, day=MONDAY + DAY)
    # Two hours later is a new day already: it does not count as today's second try.
    assert plan((home(23), "no_answer"), hours=(0, 24)).at == home(0, day=MONDAY + DAY)


def test_a_voicemail_waits_for_the_other_half_of_the_next_day():
    assert plan((home(10), "voicemail")).at == home(13, day=MONDAY + DAY)
    assert plan((home(14), "voicemail")).at == home(9, day=MONDAY + DAY)


def test_where_calling_ends_at_noon_the_next_try_is_the_next_morning():
    assert plan((home(10), "no_answer"), hours=(9, 12)).at == home(9, day=MONDAY + DAY)
    assert first_try(calls.CHECK, MONDAY, ZONE, (9, 12), prefers="afternoon", now=home(8)) == home(10)


def test_two_days_of_tries_are_enough_and_a_check_that_reached_nobody_is_an_alarm():
    tries = [(home(10), "voicemail"), (home(13, day=MONDAY + DAY), "voicemail")]
    found = plan(*tries)
    assert (found.state, found.alert, found.alarm) == ("given_up", "not_reached", True)
    assert found.why == "not reached after 2 tries on 2 days"
    assert plan(*tries, kind=calls.NAVIGATOR).alarm is False
    assert plan(*tries, kind=calls.TWO_WEEK, optional=True).alert == ""


def test_later_is_when_they_said_inside_the_hours_and_two_hours_on_when_they_said_nothing():
    friday = home(11, day=MONDAY + 4 * DAY)
    assert plan((home(10), "later"), again=friday).at == friday
    assert plan((home(10), "later"), again=home(22)).at == home(9, day=MONDAY + DAY)
    assert plan((home(10), "later")).at == home(12)


def test_a_time_they_named_does_not_use_up_a_day_of_tries():
    tries = [(home(10), "later"), (home(11, day=MONDAY + 3 * DAY), "no_answer")]
    assert plan(*tries).at == home(13, day=MONDAY + 3 * DAY)


def test_the_clock_that_jumps_keeps_the_next_try_on_the_wall():
    saturday = date(2026, 3, 7)  # the night to the 8th loses an hour
    evening = datetime(2026, 3, 8, 0, 30, tzinfo=UTC)  # 18:30 on the 7th
    assert evening.astimezone(UTC).date() == saturday + DAY
    assert plan((evening, "no_answer")).at == datetime(2026, 3, 8, 14, 0, tzinfo=UTC)  # 9:00 CDT


@pytest.mark.parametrize(
    ("hours", "prefers", "best"),
    [
        ([], "", ""),
        ([], "morning", "morning"),
        ([10], "afternoon", "morning"),
        ([10, 11, 15], "", "morning"),
        ([10, 15], "", "afternoon"),
        ([15, 10], "", "morning"),
    ],
)
def test_the_best_time_is_when_they_were_reached_most(hours, prefers, best):
    assert best_half([home(hour) for hour in hours], ZONE, prefers) == best
