"""What may be booked, what needs a reason, and what nobody can book at all."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from patients.models import Patient
from scheduling.models import Event, PlannedDose, Visit
from scheduling.rules.errors import BadInput, Conflict, NeedsReason, RuleBroken, SlotTaken, StaleVersion
from scheduling.services import booking, prescribing
from tests.makers import (
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    make_dose,
    make_evidence,
    make_lab_visit,
    make_nurse,
    make_papers,
    make_patient,
    make_prescription,
    make_record,
    make_site,
    make_time_off,
    make_user,
    make_visit,
    today_at,
)

pytestmark = pytest.mark.django_db


def book(dose: PlannedDose, starts_at=None, *, nurse=None, override="", now=NOW) -> Visit:
    return booking.book_visit(
        dose_id=dose.pk,
        nurse_id=(nurse or make_nurse()).pk,
        starts_at=starts_at or at(dose.due_on),
        by=make_user(),
        override=override,
        now=now,
    )


def code_of(refused: pytest.ExceptionInfo) -> str:
    return refused.value.code


def test_a_visit_is_as_long_as_the_dose_needs_and_remembers_the_homes_zone():
    visit = make_visit()
    assert visit.ends_at - visit.starts_at == timedelta(minutes=30 + 30 + 150 + 60 + 15)
    assert visit.local_start.strftime("%H:%M %Z") == "09:00 CDT"
    assert visit.time_zone == "America/Chicago"


def test_a_refused_booking_writes_nothing():
    dose = make_dose(ready=False)
    with pytest.raises(NeedsReason):
        book(dose)
    assert not Visit.objects.exists()
    assert not Event.objects.filter(action="visit_booked").exists()


def test_a_dose_is_never_booked_before_its_floor_even_with_a_reason():
    prescription = make_prescription()
    first = make_dose(prescription)
    make_record(first, today_at())
    second = make_dose(prescription, 2)
    with pytest.raises(RuleBroken) as refused:
        book(second, at(second.floor_on - DAY), override="the patient travels")
    assert code_of(refused) == "MIN_SEPARATION_VIOLATION"
    assert book(second, at(second.floor_on))


def test_a_day_outside_the_window_needs_a_named_reason_and_is_in_the_trail():
    prescription = make_prescription()
    make_record(make_dose(prescription), today_at())
    second = make_dose(prescription, 2)
    late = at(second.window_end_on + DAY)
    with pytest.raises(NeedsReason) as refused:
        book(second, late)
    assert code_of(refused) == "LATE_OUTSIDE_WINDOW"
    visit = book(second, late, override="family abroad")
    assert (visit.override_codes, visit.override_reason) == (["LATE_OUTSIDE_WINDOW"], "family abroad")
    event = Event.objects.get(action="visit_booked")
    assert (event.why, event.detail["overridden"], event.actor) == (
        "family abroad",
        ["LATE_OUTSIDE_WINDOW"],
        visit.override_by,
    )


def test_a_reason_nobody_needed_is_not_kept_as_an_override():
    visit = book(make_dose(), override="just because")
    assert (visit.override_reason, visit.override_by) == ("", None)


def test_booking_an_earlier_dose_too_close_to_a_booked_later_one_is_refused():
    prescription = make_prescription()
    make_papers(prescription)
    first, second = (make_dose(prescription, n, ready=False) for n in (1, 2))
    make_visit(first)
    later = make_visit(second)
    with pytest.raises(RuleBroken) as refused:
        booking.move_visit(
            visit_id=first.visits.get().pk,
            nurse_id=make_nurse().pk,
            starts_at=later.starts_at - 10 * DAY,
            by=make_user(),
            reason_class="patient",
            override="asked",
            now=NOW,
        )
    assert code_of(refused) == "NEXT_DOSE_TOO_CLOSE"


def test_the_next_dose_counts_from_the_day_the_earlier_one_is_booked():
    prescription = make_prescription()
    make_papers(prescription)
    first = make_dose(prescription, 1, ready=False)
    make_visit(first, starts_at=at(first.due_on + 3 * DAY))
    assert make_dose(prescription, 2, ready=False).due_on == first.due_on + 17 * DAY


@pytest.mark.parametrize(
    ("regimen_id", "code"),
    [
        ("alemtuzumab_ms", "SITE_NOT_HOME"),
        ("natalizumab_q4w", "SITE_NOT_AUTHORIZED"),
        ("cyclophosphamide_ssc_monthly", "SITE_CLINIC_PREFERRED"),
    ],
)
def test_the_site_of_care_cannot_be_overridden(regimen_id, code):
    measured = {"weight_kg": 70, "height_cm": 170} if regimen_id.startswith("cyclo") else {}
    dose = make_dose(regimen_id=regimen_id, ready=False, **measured)
    nurse = make_nurse(competencies=("iv", "alemtuzumab", "natalizumab", "cyclophosphamide"))
    with pytest.raises(RuleBroken) as refused:
        book(dose, nurse=nurse, override="the patient insists")
    assert code_of(refused) == code


def test_natalizumab_is_booked_at_home_once_an_authorization_that_covers_homes_is_on_file():
    dose = make_dose(regimen_id="natalizumab_q4w", ready=False)
    make_site("natalizumab", covers_homes=False)
    make_site("natalizumab", expires_on=dose.due_on - DAY)
    with pytest.raises(RuleBroken):
        book(dose, override="x")
    site = make_site("natalizumab", expires_on=dose.due_on)
    assert book(dose, override="papers follow").site == site


def test_a_recorded_decision_allows_a_clinic_preferred_drug_at_home():
    prescription = make_prescription(regimen_id="cyclophosphamide_ssc_monthly", weight_kg=70, height_cm=170)
    make_evidence(prescription.patient, "site_decision", today_at(), prescription_id=prescription.pk)
    nurse = make_nurse(competencies=("iv", "cyclophosphamide"))
    assert book(make_dose(prescription, ready=False), nurse=nurse, override="labs follow")


def test_a_missing_first_dose_result_needs_a_reason_and_a_result_that_forbids_dosing_too():
    prescription = make_prescription()
    dose = make_dose(prescription, ready=False)
    with pytest.raises(NeedsReason) as refused:
        book(dose)
    assert set(refused.value.codes) == {
        "MISSING_HBV_SCREENING",
        "MISSING_SERUM_IMMUNOGLOBULINS",
        "MISSING_LIVER_FUNCTION_TESTS",
    }
    make_papers(prescription)
    make_evidence(prescription.patient, "hbv_screening", today_at(), clear=False)
    with pytest.raises(NeedsReason) as refused:
        book(dose)
    assert refused.value.codes == ("MISSING_HBV_SCREENING",)


def test_a_hold_without_an_end_needs_a_reason():
    prescription = make_prescription()
    dose = make_dose(prescription)
    prescribing.hold(
        prescription_id=prescription.pk,
        starts_on=today_at(),
        clears_on=None,
        reason="infection",
        by=make_user(),
    )
    with pytest.raises(NeedsReason) as refused:
        book(dose)
    assert code_of(refused) == "ON_HOLD"


def test_a_visit_after_the_orders_last_day_needs_a_reason():
    prescription = make_prescription(expires_on=today_at() + 7 * DAY)
    dose = make_dose(prescription)
    with pytest.raises(NeedsReason) as refused:
        book(dose, at(today_at() + 8 * DAY))
    assert "ORDER_EXPIRES" in refused.value.codes
    assert book(dose, at(today_at() + 7 * DAY))


@pytest.mark.parametrize(
    "status", [Patient.Status.IN_HOSPITAL, Patient.Status.DIED, Patient.Status.TRANSFERRED]
)
def test_nobody_is_booked_who_is_not_at_home(status):
    dose = make_dose()
    Patient.objects.update(status=status)
    with pytest.raises(RuleBroken) as refused:
        book(dose, override="x")
    assert code_of(refused) == "PATIENT_AWAY"


def test_a_time_that_has_passed_is_refused():
    with pytest.raises(RuleBroken) as refused:
        book(make_dose(), NOW, override="x")
    assert code_of(refused) == "IN_THE_PAST"


NURSES = [
    ({"licence_state": None}, "NOT_LICENSED"),
    ({"licence_state": "CA"}, "NOT_LICENSED"),
    ({"licence_until": date(2026, 3, 8)}, "LICENCE_EXPIRED"),
    ({"competencies": ("ocrelizumab",)}, "NOT_COMPETENT"),
    ({"competencies": ("iv",)}, "NOT_COMPETENT"),
    ({"active": False}, "NURSE_INACTIVE"),
]


@pytest.mark.parametrize(("who", "code"), NURSES)
def test_a_nurse_without_licence_or_competency_is_never_booked(who, code):
    dose = make_dose()
    with pytest.raises(RuleBroken) as refused:
        book(dose, nurse=make_nurse(**who), override="short of staff")
    assert (code_of(refused), refused.value.field) == (code, "nurse")


def test_a_licence_counts_on_its_last_day():
    dose = make_dose()
    assert book(dose, nurse=make_nurse(licence_until=dose.due_on))


def test_time_off_is_never_booked_over():
    dose, nurse = make_dose(), make_nurse()
    make_time_off(nurse, at(dose.due_on, 13), at(dose.due_on, 17))
    with pytest.raises(RuleBroken) as refused:
        book(dose, nurse=nurse, override="x")
    assert code_of(refused) == "TIME_OFF"


@pytest.mark.parametrize(
    ("hour", "minute", "code"),
    [
        (7, 0, None),
        (6, 59, "OUTSIDE_SHIFT"),
        (12, 15, None),
        (12, 16, "OUTSIDE_SHIFT"),
        (20, 0, "OUTSIDE_SHIFT"),
    ],
)
def test_a_visit_may_fill_the_shift_to_its_last_minute_and_not_one_more(hour, minute, code):
    dose = make_dose()  # 285 minutes
    nurse = make_nurse(hours=(time(7), time(17)))
    if code is None:
        assert book(dose, at(dose.due_on, hour, minute), nurse=nurse)
        return
    with pytest.raises(NeedsReason) as refused:
        book(dose, at(dose.due_on, hour, minute), nurse=nurse)
    assert code in refused.value.codes


def test_a_visit_over_midnight_is_outside_every_shift():
    dose = make_dose()
    with pytest.raises(NeedsReason) as refused:
        book(dose, at(dose.due_on, 21))
    assert "OUTSIDE_SHIFT" in refused.value.codes


def test_a_day_longer_than_the_nurses_limit_needs_a_reason():
    nurse, user = make_nurse(day_limit_minutes=500), make_user()
    first = make_visit(nurse=nurse, by=user)
    with pytest.raises(NeedsReason) as refused:
        book(make_dose(), first.ends_at + 30 * MINUTE, nurse=nurse)
    assert code_of(refused) == "DAY_TOO_LONG"


def test_visits_that_touch_at_one_home_fit_and_one_minute_of_overlap_does_not():
    patient = make_patient()
    nurse = make_nurse()
    first = make_visit(make_dose(make_prescription(patient)), nurse)
    other = make_dose(make_prescription(patient, "methylprednisolone_iv_3d"))
    nurse.competencies.create(code="methylprednisolone", granted_on=date(2020, 1, 1))
    with pytest.raises(SlotTaken):
        book(other, first.ends_at - MINUTE, nurse=nurse)
    assert book(other, first.ends_at, nurse=nurse)


def test_the_drive_between_two_homes_must_fit_before_and_after():
    nurse = make_nurse()
    middle = make_visit(nurse=nurse, starts_at=at(today_at() + 7 * DAY, 10))
    far = make_patient(place=FORT_WORTH, city="Fort Worth")
    dose = make_dose(make_prescription(far, "methylprednisolone_iv_3d"))
    nurse.competencies.create(code="methylprednisolone", granted_on=date(2020, 1, 1))
    for start in (middle.ends_at + 30 * MINUTE, middle.starts_at - dose.length - 30 * MINUTE):
        with pytest.raises(SlotTaken) as refused:
            book(dose, start, nurse=nurse)
        assert code_of(refused) == "NO_TIME_TO_DRIVE"
    assert book(dose, middle.ends_at + 90 * MINUTE, nurse=nurse)


def test_a_patient_is_never_in_two_visits_at_once():
    patient = make_patient()
    first = make_visit(make_dose(make_prescription(patient)))
    other = make_dose(make_prescription(patient, "methylprednisolone_iv_3d"))
    with pytest.raises(SlotTaken) as refused:
        book(other, first.starts_at, nurse=make_nurse(competencies=("iv", "methylprednisolone")))
    assert code_of(refused) == "PATIENT_TAKEN"


def test_what_is_impossible_is_said_before_anything_that_needs_a_reason():
    dose = make_dose(ready=False)
    with pytest.raises(RuleBroken) as refused:
        book(dose, nurse=make_nurse(licence_state=None))
    assert code_of(refused) == "NOT_LICENSED"


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
@pytest.mark.parametrize("zone", ["America/Chicago", "America/Phoenix"])
def test_visits_on_the_days_clocks_change_keep_wall_clock_and_true_length(day, zone):
    before = datetime.combine(day - 7 * DAY, time(15), ZoneInfo("UTC"))
    patient = make_patient(time_zone=zone, state="AZ" if zone.endswith("Phoenix") else "TX")
    prescription = make_prescription(patient, now=before, start_on=day)
    nurse = make_nurse(time_zone=zone, licence_state=patient.state, weekdays=range(7))
    visit = book(
        make_dose(prescription, ready=False),
        at(day, 8, time_zone=zone),
        nurse=nurse,
        override="papers",
        now=before,
    )
    visit = Visit.objects.get(pk=visit.pk)
    assert visit.local_start.replace(tzinfo=None) == datetime.combine(day, time(8))
    assert visit.local_end.replace(tzinfo=None) == datetime.combine(day, time(12, 45))
    assert visit.ends_at - visit.starts_at == timedelta(minutes=285)


def test_a_move_links_old_and_new_and_keeps_both():
    visit, other = make_visit(), make_nurse()
    moved = booking.move_visit(
        visit_id=visit.pk,
        nurse_id=other.pk,
        starts_at=visit.starts_at + 60 * MINUTE,
        by=make_user(),
        reason_class="patient",
        note="school play",
        version=1,
        now=NOW,
    )
    visit.refresh_from_db()
    assert (visit.state, visit.cancel_class, moved.moved_from_id, moved.state) == (
        "moved",
        "patient",
        visit.pk,
        "booked",
    )
    assert Event.objects.filter(action="visit_cancelled").count() == 0


def test_a_move_to_where_the_visit_is_already_is_said_plainly():
    visit = make_visit()
    with pytest.raises(BadInput):
        booking.move_visit(
            visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at, by=make_user(),
            reason_class="patient", now=NOW,
        )  # fmt: skip


def test_a_page_that_is_out_of_date_cannot_cancel():
    visit = make_visit()
    Visit.objects.update(version=2)
    with pytest.raises(StaleVersion):
        booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", version=1, now=NOW)


def test_a_cancelled_visit_frees_the_hour_and_the_dose_and_cannot_be_cancelled_twice():
    visit, user = make_visit(), make_user()
    booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="weather", note="ice", now=NOW)
    with pytest.raises(Conflict):
        booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="weather", now=NOW)
    again = book(visit.dose, visit.starts_at, nurse=visit.nurse)
    assert again.pk != visit.pk
    visit.refresh_from_db()
    assert (visit.state, visit.cancel_class, visit.cancel_note) == ("cancelled", "weather", "ice")


def test_a_cancellation_asks_whose_reason_it_is():
    with pytest.raises(BadInput) as refused:
        booking.cancel_visit(visit_id=make_visit().pk, by=make_user(), reason_class="whatever", now=NOW)
    assert refused.value.field == "reason_class"


def test_a_reason_is_never_cut_off():
    dose = make_dose(ready=False)
    with pytest.raises(BadInput) as refused:
        book(dose, override="x" * 501)
    assert (refused.value.field, str(refused.value)) == (
        "override",
        "Keep it to 500 characters; this has 501.",
    )
    assert book(dose, override="x" * 500).override_reason == "x" * 500


def test_a_lab_draw_gives_no_dose_and_can_be_moved_and_cancelled_like_any_visit():
    old, user = make_lab_visit(), make_user()
    visit = booking.move_visit(
        visit_id=old.pk, nurse_id=old.nurse_id, starts_at=old.starts_at + DAY, by=user,
        reason_class="patient", now=NOW,
    )  # fmt: skip
    assert (visit.kind, visit.moved_from, visit.ends_at - visit.starts_at) == (old.kind, old, 30 * MINUTE)
    booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", now=NOW)
    visit.refresh_from_db()
    assert visit.state == "cancelled"
    assert Event.objects.filter(action="visit_cancelled", patient=visit.patient).exists()
