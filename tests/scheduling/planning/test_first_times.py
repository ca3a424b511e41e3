"""First free times: every one of them fits, nearest day first, least driving first within a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.planning.first_times import NurseFacts, Wanted, first_times, fits, may_give
from scheduling.planning.travel import drive_minutes
from scheduling.rules.eligibility import CompetencyFact, LicenceFact, ShiftFact, Span, Stop

ZONE = ZoneInfo("America/Chicago")
DALLAS, FORT_WORTH = (32.7767, -96.7970), (32.7555, -97.3308)
MONDAY = date(2026, 3, 2)
LONG_AGO = date(2020, 1, 1)
HOUR = timedelta(hours=1)
BEFORE = datetime(2026, 3, 1, tzinfo=UTC)


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)


def nurse(
    key: int = 1, *, home=DALLAS, codes=("iv", "ocrelizumab"), stops=(), away=(), limit=600, hours=(8, 17)
):
    return NurseFacts(
        key=key,
        home=home,
        zone=ZONE,
        day_limit_minutes=limit,
        licences=(LicenceFact("TX", False, LONG_AGO, date(2099, 1, 1)),),
        competencies=tuple(CompetencyFact(code, LONG_AGO, None) for code in codes),
        shifts=tuple(ShiftFact(day, time(hours[0]), time(hours[1]), LONG_AGO, None) for day in range(7)),
        time_off=tuple(away),
        stops=tuple(stops),
    )


def wanted(**changed) -> Wanted:
    facts = {"place": DALLAS, "state": "TX", "zone": ZONE, "length": 4 * HOUR, "needs": ("iv", "ocrelizumab")}
    return Wanted(**{**facts, **changed})


def found(nurses, days=(MONDAY,), after=BEFORE, limit=3, **changed):
    return first_times(nurses, wanted(**changed), days, drive=drive_minutes, after=after, limit=limit)


def test_a_free_nurse_comes_at_the_start_of_the_day():
    (time_found,) = found([nurse()])
    assert (time_found.nurse, time_found.starts_at, time_found.on) == (1, local(MONDAY, 8), MONDAY)


def test_days_come_in_the_order_asked_for_with_one_time_each():
    days = [MONDAY + timedelta(days=n) for n in (2, 1, 3, 0)]
    times = found([nurse(1), nurse(2)], days)
    assert [x.on for x in times] == days[:3]


def test_one_narrow_day_still_offers_a_choice_of_nurses():
    assert sorted(x.nurse for x in found([nurse(1), nurse(2), nurse(3), nurse(4)])) == [1, 2, 3]


def test_the_nurse_with_the_least_driving_comes_first():
    far, near = nurse(1, home=FORT_WORTH), nurse(2, home=DALLAS)
    assert [x.nurse for x in found([far, near])] == [2, 1]


def test_driving_counts_from_the_stop_before_not_from_home():
    before = Stop(Span(local(MONDAY, 8), local(MONDAY, 9)), FORT_WORTH)
    (time_found,) = found([nurse(home=DALLAS, stops=[before])])
    assert time_found.drive_minutes == drive_minutes(FORT_WORTH, DALLAS)


@pytest.mark.parametrize(
    "unable",
    [
        nurse(codes=("iv",)),
        nurse(hours=(9, 12)),
        nurse(away=[Span(local(MONDAY, 0), local(MONDAY, 23))]),
        nurse(limit=239),
        nurse(stops=[Stop(Span(local(MONDAY, 8), local(MONDAY, 17)), DALLAS)]),
    ],
)
def test_who_cannot_come_is_not_offered(unable):
    assert found([unable]) == []


def test_a_licence_of_another_state_is_told_and_not_offered():
    assert [problem.code for problem in may_give(nurse(), wanted(state="NY"), MONDAY)] == ["NOT_LICENSED"]
    assert found([nurse()], state="NY") == []


def test_nothing_starts_at_or_before_now():
    (time_found,) = found([nurse()], after=local(MONDAY, 9))
    assert time_found.starts_at == local(MONDAY, 9, 30)


def test_the_patients_other_visits_are_left_alone():
    (time_found,) = found([nurse()], patient_spans=(Span(local(MONDAY, 7), local(MONDAY, 10)),))
    assert time_found.starts_at == local(MONDAY, 10)


def test_a_day_limit_counts_what_is_booked_that_day_only():
    booked = [Stop(Span(local(MONDAY, 13), local(MONDAY, 17)), DALLAS)]
    busy = nurse(limit=420, stops=booked)
    assert found([busy]) == []
    assert len(found([busy], [MONDAY + timedelta(days=1)])) == 1


def test_every_time_offered_fits():
    stops = [Stop(Span(local(MONDAY, 10), local(MONDAY, 11)), FORT_WORTH)]
    nurses = [nurse(1, stops=stops, hours=(7, 19)), nurse(2, hours=(12, 20)), nurse(3, home=FORT_WORTH)]
    times = found(nurses, [MONDAY + timedelta(days=n) for n in range(5)], limit=9)
    assert times
    facts = {x.key: x for x in nurses}
    assert all(fits(facts[x.nurse], wanted(), x.starts_at, drive_minutes) for x in times)


def test_on_the_day_the_clocks_go_forward_the_wall_clock_is_kept():
    (time_found,) = found([nurse()], [date(2026, 3, 8)])
    assert time_found.starts_at == datetime(2026, 3, 8, 13, tzinfo=UTC)  # 8:00 in summer time


def test_the_same_input_gives_the_same_answer():
    nurses = [nurse(n) for n in (3, 1, 2)]
    assert found(nurses) == found(list(reversed(nurses)))
