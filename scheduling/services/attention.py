"""Booked visits that no longer fit their dose: flagged with the reason for a person, never moved."""

from __future__ import annotations

from django.db.models import Q

from nurses.models import TimeOff
from patients.models import Patient, Prescription
from scheduling import clock
from scheduling.models import PlannedDose, Visit
from scheduling.rules import states

AWAY = "PATIENT_AWAY"
NURSE_AWAY = "NURSE_AWAY"
HOME_MOVED = "HOME_MOVED"  # set when an address changes; only moving or cancelling settles it
NO_GO = "NO_GO"  # the nurse found it at the door; a better answer that day, moving or cancelling settles it
HOME_CODES = frozenset({"NO_TIME_TO_DRIVE", "NOT_LICENSED", "LICENCE_EXPIRED"})


def review(prescription: Prescription) -> None:
    """Set or clear the flag on every open visit of the prescription. Call after its doses were written."""
    visits = Visit.objects.filter(dose__prescription=prescription, state__in=states.OPEN)
    for visit in visits.select_related("dose").select_for_update(no_key=True, of=("self",)):
        visit.dose.prescription = prescription
        code, sentence = misfit(visit, visit.dose)
        if not code and visit.attention_code in {HOME_MOVED, NO_GO}:
            continue
        if not code:
            code, sentence = nurse_away(visit)
        if (code, sentence) != (visit.attention_code, visit.attention):
            visit.attention_code, visit.attention = code, sentence
            visit.save(update_fields=["attention_code", "attention", "changed_at"])


def at_the_door(visit: Visit, wrong: list[str]) -> None:
    """The nurse's answers of the day: what forbids the start is put before the office, a better answer takes it back.

    Call with the visit locked.
    """
    if wrong:
        said = f"No go at the door. Answered no: {', '.join(wrong)}. Decide what becomes of the visit."
        visit.attention_code, visit.attention = NO_GO, said[:300]
    elif visit.attention_code == NO_GO:
        visit.attention_code = visit.attention = ""
    visit.save(update_fields=["attention_code", "attention", "changed_at"])


def misfit(visit: Visit, dose: PlannedDose) -> tuple[str, str]:
    """Code and sentence of the worst thing wrong with a booked visit; two empty strings when it fits.

    What a person has overridden with a reason already does not come back.
    """
    day = clock.local_day(visit.starts_at, visit.time_zone)
    minutes = int((visit.ends_at - visit.starts_at).total_seconds() // 60)
    patient = dose.prescription.patient
    if patient.status != Patient.Status.ACTIVE:
        return away(patient)
    if dose.state == PlannedDose.State.CANCELLED:
        return (
            "DOSE_CANCELLED",
            "This dose is no longer planned: the drug was stopped, held or its series ended.",
        )
    if dose.state == PlannedDose.State.GIVEN:
        return "DOSE_GIVEN", "This dose has been recorded as given on another day."
    if dose.floor_on and day < dose.floor_on:
        return (
            "MIN_SEPARATION_VIOLATION",
            f"Too early now: this dose may not be given before {_day(dose.floor_on)}.",
        )
    if minutes < dose.total_minutes:
        return "TOO_SHORT", f"The visit is {minutes} minutes; this dose now needs {dose.total_minutes}."
    accepted = set(visit.override_codes)
    if dose.window_start_on and day < dose.window_start_on and "EARLY_OUTSIDE_WINDOW" not in accepted:
        return (
            "EARLY_OUTSIDE_WINDOW",
            f"Earlier than the window, which now opens {_day(dose.window_start_on)}.",
        )
    if dose.window_end_on and day > dose.window_end_on and "LATE_OUTSIDE_WINDOW" not in accepted:
        return "LATE_OUTSIDE_WINDOW", f"Later than the window, which now closes {_day(dose.window_end_on)}."
    if "ON_HOLD" not in accepted and _held(dose, day):
        return "ON_HOLD", "The visit is inside a hold."
    return "", ""


def away(patient: Patient) -> tuple[str, str]:
    """Code and sentence for a visit of somebody who is not at home; empty for an active patient."""
    if patient.status == Patient.Status.ACTIVE:
        return "", ""
    return AWAY, f"The patient's status is: {patient.get_status_display().lower()}."


def nurse_away(visit: Visit) -> tuple[str, str]:
    """Code and sentence while standing time off of its nurse touches the visit; two empty strings otherwise."""
    off = TimeOff.objects.filter(
        nurse=visit.nurse_id,
        withdrawn_at__isnull=True,
        starts_at__lt=visit.ends_at,
        ends_at__gt=visit.starts_at,
    )
    return (NURSE_AWAY, "The nurse is away then.") if off.exists() else ("", "")


def _held(dose: PlannedDose, day) -> bool:
    inside = Q(starts_on__lte=day) & (Q(clears_on__isnull=True) | Q(clears_on__gt=day))
    return dose.prescription.holds.filter(inside, withdrawn_at__isnull=True).exists()


def _day(on) -> str:
    return f"{on:%b} {on.day}, {on.year}"
