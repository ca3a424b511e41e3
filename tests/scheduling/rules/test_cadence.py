"""When messages go, and what the caps leave out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.rules import cadence
from scheduling.rules.cadence import Policy, Timing, Waiting

CHICAGO = "America/Chicago"
RULES = Policy()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def local(text: str, zone: str = CHICAGO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


VISIT = local("2026-03-09T09:00")  # a Monday; the clocks went forward on the Sunday before


@pytest.mark.parametrize(
    ("kind", "at"),
    [
        ("week_before", "2026-03-02T10:00"),
        ("confirm", "2026-03-07T10:00"),
        ("health_screen", "2026-03-07T10:00"),
        ("preparation", "2026-03-07T10:00"),
        ("day_before", "2026-03-08T10:00"),
    ],
)
def test_a_message_goes_by_the_clock_of_the_home_also_across_the_change_of_hour(kind, at):
    due = cadence.due(kind, VISIT, CHICAGO, RULES, planned_at=LONG_AGO)
    assert (due.at, due.skip) == (local(at), "")


def test_the_one_a_week_before_makes_no_sense_three_days_later_and_the_others_do_until_the_start():
    assert cadence.due("week_before", VISIT, CHICAGO, RULES, planned_at=LONG_AGO).until == local(
        "2026-03-05T10:00"
    )
    assert cadence.due("day_before", VISIT, CHICAGO, RULES, planned_at=LONG_AGO).until == VISIT


def test_a_lead_time_that_is_past_when_the_visit_is_planned_is_skipped_with_the_reason():
    due = cadence.due("confirm", VISIT, CHICAGO, RULES, planned_at=local("2026-03-07T10:00:01"))
    assert "had passed" in due.skip
    assert not cadence.due("confirm", VISIT, CHICAGO, RULES, planned_at=local("2026-03-07T10:00")).skip


def test_a_kind_that_is_switched_off_is_skipped():
    rules = Policy(timings={"confirm": Timing(2, time(10), on=False)})
    assert "switched off" in cadence.due("confirm", VISIT, CHICAGO, rules, planned_at=LONG_AGO).skip


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-03-02T08:59:59", "2026-03-02T09:00"),
        ("2026-03-02T09:00", None),
        ("2026-03-02T19:59:59", None),
        ("2026-03-02T20:00", "2026-03-03T09:00"),
        ("2026-03-07T23:30", "2026-03-08T09:00"),
        ("2026-11-01T01:30", "2026-11-01T09:00"),
    ],
)
def test_quiet_hours_are_those_of_the_home(at, opens):
    assert cadence.quiet_until(local(at), CHICAGO, (9, 20)) == (local(opens) if opens else None)


def test_the_repeated_hour_has_one_meaning_and_both_of_its_halves_are_quiet():
    first = cadence.wall(date(2026, 11, 1), time(1, 30), ZoneInfo(CHICAGO))
    assert first == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    for at in (first, first + HOUR):
        assert cadence.quiet_until(at, CHICAGO, (9, 20)) == datetime(2026, 11, 1, 15, tzinfo=UTC)


def test_a_missing_hour_is_the_hour_after():
    at = cadence.wall(date(2026, 3, 8), time(2, 30), ZoneInfo(CHICAGO))
    assert at.astimezone(ZoneInfo(CHICAGO)).hour == 3


def test_a_message_due_at_night_goes_at_the_next_opening_or_the_evening_before_when_the_visit_comes_first():
    hours = (9, 20)
    night, visit = local("2026-03-04T23:00"), local("2026-03-05T08:00")
    assert cadence.in_hours(night, CHICAGO, hours) == local("2026-03-05T09:00")
    assert cadence.in_hours(night, CHICAGO, hours, before=local("2026-03-06T08:00")) == local(
        "2026-03-05T09:00"
    )
    assert cadence.in_hours(night, CHICAGO, hours, before=visit) == local("2026-03-04T19:00")
    early = local("2026-03-05T06:00")
    assert cadence.in_hours(early, CHICAGO, hours, before=visit) == local("2026-03-04T19:00")
    assert cadence.in_hours(local("2026-03-05T12:00"), CHICAGO, hours) == local("2026-03-05T12:00")


def test_the_question_after_a_visit_goes_that_day_and_not_the_day_after_the_next():
    on = date(2026, 3, 10)
    due = cadence.follow_up(on, CHICAGO, RULES, planned_at=LONG_AGO)
    assert (due.at, due.until, due.skip) == (local("2026-03-10T10:00"), local("2026-03-12T00:00"), "")
    late = cadence.follow_up(on, CHICAGO, RULES, planned_at=local("2026-03-10T15:00"))
    assert (late.at, late.skip) == (local("2026-03-10T15:00"), "")
    assert cadence.follow_up(on, CHICAGO, RULES, planned_at=local("2026-03-12T00:00")).skip
    off = Policy(timings={"next_day": Timing(1, time(10), on=False)})
    assert "switched off" in cadence.follow_up(on, CHICAGO, off, planned_at=LONG_AGO).skip


NOON = local("2026-03-04T12:00")
CONFIRM, DAY_BEFORE, WEEK = (cadence.PRIORITY[kind] for kind in ("confirm", "day_before", "week_before"))
MOVED = cadence.PRIORITY["moved"]


def capped(priority: int, sent=(), waiting=(), now: datetime = NOON) -> str:
    return cadence.over_cap(priority, now, CHICAGO, policy=RULES, sent=sent, waiting=waiting)


def test_one_text_a_day_by_the_calendar_of_the_home():
    assert capped(DAY_BEFORE, [local("2026-03-04T00:30")]) == "they had a text today"
    assert capped(DAY_BEFORE, [local("2026-03-03T23:30")]) == ""


def test_three_texts_in_seven_days_and_not_a_fourth():
    three = [NOON - n * DAY for n in (1, 3, 6)]
    assert "seven days" in capped(MOVED, three)
    assert capped(MOVED, [*three[:2], NOON - 7 * DAY]) == ""


def test_the_lesser_text_leaves_its_place_to_a_better_one_of_the_same_day():
    later = Waiting(NOON + HOUR, CONFIRM)
    assert "due today" in capped(WEEK, waiting=[later])
    assert capped(MOVED, waiting=[later]) == ""
    assert capped(WEEK, waiting=[Waiting(NOON - HOUR, CONFIRM)]) == "", "what is past takes no place"


def test_the_lesser_text_leaves_its_place_to_a_better_one_of_the_same_week():
    to_come = [Waiting(NOON + 2 * DAY, CONFIRM), Waiting(NOON + 3 * DAY, DAY_BEFORE)]
    assert (
        capped(WEEK, [NOON - 2 * DAY], to_come)
        == "it would take the place of a more important text this week"
    )
    assert capped(WEEK, [NOON - 5 * DAY], to_come) == "", "that one has left the week by then"
    assert capped(WEEK, [], to_come) == ""
    assert capped(WEEK, [NOON - DAY], [Waiting(NOON + 9 * DAY, CONFIRM)]) == ""


def test_the_usual_series_of_a_visit_fits_into_the_caps_with_the_nurse_on_the_way():
    sent: list[datetime] = []
    for kind in ("week_before", "confirm", "day_before"):
        at = cadence.due(kind, VISIT, CHICAGO, RULES, planned_at=LONG_AGO).at
        assert capped(cadence.PRIORITY[kind], sent, now=at) == "", kind
        sent.append(at)
    assert capped(cadence.PRIORITY["on_the_way"], sent, now=VISIT - HOUR) == ""


def test_what_is_new_goes_before_what_asks_and_what_asks_before_what_reminds():
    order = ["moved", "booked", "confirm", "day_before", "week_before"]
    assert sorted(order, key=lambda kind: cadence.PRIORITY[kind]) == order
