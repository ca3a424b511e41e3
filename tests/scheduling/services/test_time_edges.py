"""Visits at the edges of time: that touch, cross midnight, run over a change of the clocks, or span two zones.

`test_booking.py` has the plain cases; here each edge goes through the services and the pages that show it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from nurses.models import Nurse
from patients.models import Patient
from scheduling.models import Visit
from scheduling.planning.travel import drive_minutes
from scheduling.readings import roster, slots
from scheduling.rules.errors import NeedsReason, Refused, RuleBroken, SlotTaken
from scheduling.services import booking, checks
from tests.makers import (
    CHICAGO,
    DALLAS,
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    today_at,
)
from tests.scheduling.api.conftest import Api

pytestmark = pytest.mark.django_db

PHOENIX, DENVER = "America/Phoenix", "America/Denver"
SPRING, FALL = date(2026, 3, 8), date(2026, 11, 1)  # the clocks of Dallas change at 2:00
LENGTH = timedelta(minutes=285)  # the first dose of ocrelizumab, parts and all
MONDAY = today_at() + 7 * DAY
NUMBERS = count(1)
AWAKE = (time(0), time(23, 59))


def dose_on(day: date, *, place=DALLAS, zone=CHICAGO, **patient):
    """A first dose due on the day, ordered a week before."""
    state = "AZ" if zone == PHOENIX else "TX"
    someone = make_patient(place=place, time_zone=zone, **{"state": state, **patient})
    before = at(day - 7 * DAY)
    return make_dose(make_prescription(someone, now=before, start_on=day), ready=False, now=before)


def book(dose, nurse: Nurse, starts_at: datetime, override: str = "the papers follow") -> Visit:
    before = at(dose.due_on - 7 * DAY)
    visit = booking.book_visit(
        dose_id=dose.pk, nurse_id=nurse.pk, starts_at=starts_at, by=make_user(), override=override, now=before
    )
    return Visit.objects.get(pk=visit.pk)  # as the database has it


def move(visit: Visit, starts_at: datetime, nurse: Nurse | None = None, now: datetime | None = None) -> Visit:
    moved = booking.move_visit(
        visit_id=visit.pk,
        nurse_id=(nurse or visit.nurse).pk,
        starts_at=starts_at,
        by=make_user(),
        reason_class="patient",
        override="the papers follow",
        now=now or visit.starts_at - 7 * DAY,
    )
    return Visit.objects.get(pk=moved.pk)


def book_check(patient: Patient, nurse: Nurse, starts_at: datetime, override: str = "") -> Visit:
    """A wellness check of 45 minutes, which needs no papers."""
    day = starts_at.astimezone(ZoneInfo(patient.time_zone)).date()
    before, by = starts_at - 2 * DAY, make_user()
    with clock_stands_at(before):
        check = checks.ask_check(
            patient_id=patient.pk, kind="wellness", due_on=day, by=by, reason=f"asked for {next(NUMBERS)}"
        )
    return booking.book_check(
        check_id=check.pk, nurse_id=nurse.pk, starts_at=starts_at, by=by, override=override, now=before
    )


# --- Ends that touch, roads that do not fit ----------------------------------------------------


def test_visits_of_two_patients_under_one_roof_may_touch():
    nurse = make_nurse()
    first = book(dose_on(MONDAY), nurse, at(MONDAY, 8))
    assert book(dose_on(MONDAY), nurse, first.ends_at).starts_at == first.ends_at


@pytest.mark.parametrize("after", [True, False])
def test_a_road_that_fits_to_the_minute_fits_and_one_minute_less_does_not(after):
    nurse, road = make_nurse(hours=AWAKE), drive_minutes(DALLAS, FORT_WORTH) * MINUTE
    first = book(dose_on(MONDAY), nurse, at(MONDAY, 9))
    far = dose_on(MONDAY, place=FORT_WORTH)
    fits = first.ends_at + road if after else first.starts_at - road - LENGTH
    with pytest.raises(SlotTaken) as refused:
        book(far, nurse, fits + (-MINUTE if after else MINUTE))
    assert refused.value.code == "NO_TIME_TO_DRIVE"
    assert book(far, nurse, fits)


def test_a_visit_may_end_as_time_off_begins_and_begin_as_it_ends():
    nurse, dose = make_nurse(), dose_on(MONDAY)
    nurse.time_off.create(starts_at=at(MONDAY, 13, 45), ends_at=at(MONDAY, 14))
    assert book(dose, nurse, at(MONDAY, 9))
    with pytest.raises(RuleBroken):
        book(dose_on(MONDAY), nurse, at(MONDAY, 13, 59))
    assert book(dose_on(MONDAY), nurse, at(MONDAY, 14))


def test_a_visit_beyond_the_shift_keeps_the_reason_and_the_person():
    dose, nurse = dose_on(MONDAY), make_nurse(hours=(time(7), time(17)))
    visit = book(dose, nurse, at(MONDAY, 12, 16), override="her daughter drives her only then")
    assert "OUTSIDE_SHIFT" in visit.override_codes
    assert visit.override_reason == "her daughter drives her only then" and visit.override_by is not None


# --- Midnight ----------------------------------------------------------------------------------


def late_visit(nurse: Nurse) -> Visit:
    """From 21:00 to 1:45."""
    visit = book(dose_on(MONDAY), nurse, at(MONDAY, 21))
    assert visit.ends_at == at(MONDAY + DAY, 1, 45)
    return visit


def test_a_visit_over_midnight_needs_a_reason_whatever_the_hours():
    with pytest.raises(NeedsReason) as refused:
        book(dose_on(MONDAY), make_nurse(hours=AWAKE), at(MONDAY, 21), override="")
    assert "OUTSIDE_SHIFT" in refused.value.codes


def test_papers_must_be_good_on_both_days_of_a_visit_over_midnight():
    nurse = make_nurse(licence_until=MONDAY)
    with pytest.raises(RuleBroken) as refused:
        late_visit(nurse)
    assert refused.value.code == "LICENCE_EXPIRED"
    assert late_visit(make_nurse(licence_until=MONDAY + DAY))


def test_the_road_after_a_visit_over_midnight_is_looked_at_on_the_next_day():
    nurse = make_nurse(hours=AWAKE)
    first = late_visit(nurse)
    far = make_patient(place=FORT_WORTH)
    with pytest.raises(SlotTaken) as refused:
        book_check(far, nurse, first.ends_at + 30 * MINUTE)
    assert refused.value.code == "NO_TIME_TO_DRIVE"
    with pytest.raises(SlotTaken) as refused:
        book_check(far, nurse, first.ends_at - MINUTE)
    assert refused.value.code == "NURSE_TAKEN"
    assert book_check(far, nurse, first.ends_at + drive_minutes(DALLAS, FORT_WORTH) * MINUTE)


def test_minutes_of_a_visit_over_midnight_count_to_the_day_it_begins():
    nurse = make_nurse(hours=AWAKE, day_limit_minutes=300)
    first = late_visit(nurse)
    patient = first.patient
    with pytest.raises(NeedsReason) as refused:
        book_check(patient, nurse, at(MONDAY, 12))
    assert refused.value.code == "DAY_TOO_LONG"
    assert book_check(patient, nurse, at(MONDAY + DAY, 12))


def test_a_visit_over_midnight_stands_once_on_the_board_and_on_the_nurses_first_day(client):
    nurse = make_nurse()
    visit = late_visit(nurse)
    with clock_stands_at(NOW):
        client.force_login(make_user())
        for day, count in ((MONDAY, 1), (MONDAY + DAY, 0)):
            page = client.get(reverse("board"), {"view": "day", "date": day.isoformat()})
            shown = page.content.decode().count(reverse("visit", args=[visit.pk]))
            assert bool(shown) is bool(count), day
    with clock_stands_at(visit.starts_at - timedelta(hours=2)):
        client.force_login(nurse.user)
        today = client.get(reverse("nurse-day", kwargs={"on": MONDAY})).content.decode()
        assert "9:00 pm" in today and "1:45 am" in today
        tomorrow = client.get(reverse("nurse-day", kwargs={"on": MONDAY + DAY})).content.decode()
        assert "9:00 pm" not in tomorrow


# --- Days on which the clocks change -----------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "zone", "until"),
    [
        (SPRING, CHICAGO, time(6, 15)),  # 2:00 to 3:00 does not happen
        (FALL, CHICAGO, time(4, 15)),  # 1:00 to 2:00 happens twice
        (SPRING, PHOENIX, time(5, 15)),
        (FALL, PHOENIX, time(5, 15)),
    ],
)
def test_a_visit_across_the_change_is_as_long_as_the_dose_needs(day, zone, until):
    dose = dose_on(day, zone=zone)
    nurse = make_nurse(time_zone=zone, licence_state=dose.prescription.patient.state, hours=AWAKE)
    visit = book(dose, nurse, at(day, 0, 30, time_zone=zone))
    assert visit.ends_at - visit.starts_at == LENGTH
    assert (visit.local_start.time(), visit.local_end.time()) == (time(0, 30), until)


@pytest.mark.parametrize(
    ("day", "hours", "codes"),
    [
        (SPRING, (time(0), time(5)), True),  # four hours on that day: too short
        (SPRING, (time(0), time(5, 45)), False),
        (FALL, (time(0), time(3, 45)), False),  # four hours and three quarters, by the wall three
        (FALL, (time(0), time(3, 44)), True),
    ],
)
def test_hours_are_the_walls_and_the_visit_is_as_long_as_it_is(day, hours, codes):
    dose, nurse = dose_on(day), make_nurse(hours=hours)
    visit = book(dose, nurse, at(day, 0))
    assert ("OUTSIDE_SHIFT" in visit.override_codes) is codes


@pytest.mark.parametrize("day", [SPRING, FALL])
@pytest.mark.parametrize("zone", [CHICAGO, PHOENIX])
def test_a_visit_moved_to_the_day_of_the_change_by_a_program_keeps_the_wall_clock_it_asked_for(day, zone):
    dose = dose_on(day - DAY, zone=zone)
    nurse = make_nurse(time_zone=zone, licence_state=dose.prescription.patient.state)
    visit = book(dose, nurse, at(day - DAY, 9, time_zone=zone))
    wanted = datetime.combine(day, time(9), ZoneInfo(zone))
    with clock_stands_at(visit.starts_at - 2 * DAY):
        answer = Api(make_user()).post(
            f"visits/{visit.pk}/move/",
            {"starts_at": wanted.isoformat(), "reason_class": "patient", "override": "papers", "version": 1},
        )
    assert answer.status_code == 201, answer.content
    moved = Visit.objects.get(pk=answer.json()["id"])
    assert moved.local_start.replace(tzinfo=None) == datetime.combine(day, time(9))
    assert moved.local_end.time() == time(13, 45)
    assert moved.ends_at - moved.starts_at == LENGTH


@pytest.mark.parametrize(("day", "hours_apart"), [(SPRING, 23), (FALL, 25)])
def test_the_same_wall_clock_a_day_later_is_not_twenty_four_hours_later(day, hours_apart):
    nurse = make_nurse()
    visit = book(dose_on(day - DAY), nurse, at(day - DAY, 9))
    moved = move(visit, at(day, 9))
    assert moved.local_start.time() == time(9)
    assert moved.starts_at - visit.starts_at == timedelta(hours=hours_apart)


@pytest.mark.parametrize("day", [SPRING, FALL])
def test_board_nurse_and_visit_pages_show_the_wall_clock_of_the_day_of_the_change(client, day):
    nurse = make_nurse()
    visit = book(dose_on(day), nurse, at(day, 8))
    with clock_stands_at(at(day, 6)):
        client.force_login(make_user())
        for view in ("week", "day"):
            page = client.get(reverse("board"), {"view": view, "date": day.isoformat()}).content.decode()
            assert reverse("visit", args=[visit.pk]) in page and "8:00" in page, view
        page = client.get(reverse("visit", args=[visit.pk])).content.decode()
        assert "8:00 am" in page and "12:45 pm" in page
        client.force_login(nurse.user)
        page = client.get(reverse("nurse-day", kwargs={"on": day})).content.decode()
        assert "8:00 am" in page and "12:45 pm" in page


@pytest.mark.parametrize("day", [SPRING, FALL])
@pytest.mark.parametrize("hours", [(time(0), time(5, 30)), (time(0), time(4)), (time(7), time(19))])
def test_every_slot_found_on_the_day_of_the_change_can_be_booked_as_it_is(day, hours):
    nurse, dose = make_nurse(hours=hours), dose_on(day)
    before = at(day - 7 * DAY)
    found = slots.find(make_user(), dose, [day], now=before)
    assert bool(found.slots) == (hours == (time(7), time(19)))  # people are visited from 8 to 17
    for slot in found.slots:
        with clock_stands_at(before):
            visit = book(dose, nurse, slot.starts_at)
        assert "OUTSIDE_SHIFT" not in visit.override_codes
        assert visit.local_start.date() == day


@pytest.mark.parametrize(("day", "minutes"), [(SPRING, 420), (FALL, 540), (FALL + DAY, 480)])
def test_hours_on_offer_are_those_that_happen(day, minutes):
    """Midnight to eight is seven hours in spring and nine in the fall."""
    nurse = make_nurse(hours=(time(0), time(8)))
    assert roster.capacity_minutes(nurse, day) == minutes
    nurse.time_off.create(starts_at=at(day, 0, 30), ends_at=at(day, 0, 30) + timedelta(hours=2))
    assert roster.capacity_minutes(Nurse.objects.get(pk=nurse.pk), day) == minutes - 120


# --- The hour that comes twice -----------------------------------------------------------------


def half_past_one(fold: int) -> datetime:
    return datetime.combine(FALL, time(1, 30, fold=fold), ZoneInfo(CHICAGO)).astimezone(UTC)


def test_the_hour_that_comes_twice_is_two_times_and_a_visit_in_each_fits():
    patient, nurse = make_patient(), make_nurse(hours=AWAKE)
    first = book_check(patient, nurse, half_past_one(0))
    with pytest.raises(SlotTaken) as refused:
        book_check(make_patient(), nurse, half_past_one(0))
    assert refused.value.code == "NURSE_TAKEN"
    second = book_check(patient, nurse, half_past_one(1))
    assert second.starts_at - first.starts_at == timedelta(hours=1)
    assert first.local_start.time() == second.local_start.time() == time(1, 30)
    assert (first.local_start.fold, second.local_start.fold) == (0, 1)


def test_a_program_names_the_one_it_means_by_its_offset():
    dose, nurse = dose_on(FALL), make_nurse(hours=AWAKE)
    with clock_stands_at(at(FALL - 7 * DAY)):
        answer = Api(make_user()).post(
            "visits/",
            {"dose": dose.pk, "nurse": nurse.pk, "starts_at": "2026-11-01T01:30:00-06:00", "override": "x"},
        )
    assert answer.status_code == 201, answer.content
    visit = Visit.objects.get()
    assert visit.starts_at == half_past_one(1)
    assert visit.local_end.time() == time(6, 15)


# --- A nurse in one zone, a patient in another -------------------------------------------------


def two_zones(day: date) -> tuple:
    """A home in Denver's zone, and a nurse who works from 7:00 to 19:00 by Phoenix's clock."""
    dose = dose_on(day, zone=DENVER, state="NM")
    return dose, make_nurse(time_zone=PHOENIX, licence_state="NM", hours=(time(7), time(19)))


@pytest.mark.parametrize(
    ("day", "wall", "inside"),
    [
        (date(2026, 10, 26), time(7, 59), False),  # an hour apart until the clocks of Denver change
        (date(2026, 10, 26), time(8), True),
        (date(2026, 11, 2), time(6, 59), False),
        (date(2026, 11, 2), time(7), True),
    ],
)
def test_the_home_says_the_time_and_the_nurses_own_clock_her_hours(day, wall, inside):
    dose, nurse = two_zones(day)
    visit = book(dose, nurse, datetime.combine(day, wall, ZoneInfo(DENVER)))
    assert visit.local_start.time() == wall and visit.time_zone == DENVER
    assert ("OUTSIDE_SHIFT" not in visit.override_codes) is inside


def test_a_visit_may_be_on_one_day_for_the_home_and_on_another_for_the_nurse():
    """0:30 on Tuesday in Dallas is 22:30 on Monday in Los Angeles: her Monday's hours, limit and page."""
    patient = make_patient()
    nurse = make_nurse(time_zone="America/Los_Angeles", hours=AWAKE, weekdays=[0], day_limit_minutes=60)
    visit = book_check(patient, nurse, at(MONDAY + DAY, 0, 30))
    assert visit.override_codes == []
    assert visit.local_start.date() == MONDAY + DAY
    with pytest.raises(NeedsReason) as refused:
        book_check(patient, nurse, at(MONDAY, 12))
    assert refused.value.codes == ("DAY_TOO_LONG",)


def test_the_licence_is_looked_at_on_the_day_of_the_home():
    patient = make_patient()
    nurse = make_nurse(time_zone="America/Los_Angeles", hours=AWAKE, licence_until=MONDAY)
    nurse.competencies.all().delete()
    with pytest.raises(RuleBroken) as refused:
        book_check(patient, nurse, at(MONDAY + DAY, 0, 30))  # still Monday where she lives
    assert refused.value.code == "LICENCE_EXPIRED"
    assert book_check(patient, nurse, at(MONDAY, 23))


def test_each_sees_the_day_by_their_own_clock(client):
    dose, nurse = two_zones(date(2026, 10, 26))
    visit = book(dose, nurse, at(dose.due_on, 9, time_zone=DENVER))
    with clock_stands_at(visit.starts_at - 2 * timedelta(hours=1)):
        client.force_login(nurse.user)
        page = client.get(reverse("nurse-day", kwargs={"on": dose.due_on})).content.decode()
        assert "8:00 am" in page and "9:00 am at the home" in page
        client.force_login(make_user())
        assert "9:00 am" in client.get(reverse("visit", args=[visit.pk])).content.decode()


def test_every_refusal_of_an_edge_writes_nothing():
    nurse = make_nurse(hours=(time(7), time(17)))
    late_visit(nurse)
    count = Visit.objects.count()
    for start, override in ((at(MONDAY, 20), "x"), (at(MONDAY + DAY, 1), "x"), (at(MONDAY, 13), "")):
        with pytest.raises(Refused):
            book(dose_on(MONDAY), nurse, start, override)
    assert Visit.objects.count() == count
