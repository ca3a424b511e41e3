"""Book, move and cancel visits. The locks live here; docs/locking.md tells their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from patients.models import Patient
from scheduling import clock
from scheduling.models import PlannedDose, Visit
from scheduling.rules import states
from scheduling.rules.eligibility import Problem
from scheduling.rules.errors import BadInput, NeedsReason, RuleBroken, SlotTaken, StaleVersion
from scheduling.services import doses, events, notices, preflight
from scheduling.services.guard import fits, writes

MOVE_OR_CANCEL_CLASSES = frozenset(
    {"patient", "provider", "organisation", "payer", "drug_supply", "clinical", "weather"}
)


@writes
def book_visit(
    *,
    dose_id: int,
    nurse_id: int,
    starts_at: datetime,
    by: User,
    override: str = "",
    now: datetime | None = None,
) -> Visit:
    """Book the nurse to give the dose at `starts_at` (aware). Raises a kind of Refused, writing nothing.

    `override` is the reason a named person gives for what is allowed only with one. Locks patient,
    nurse, prescription and dose: the order every writer keeps.
    """
    now = now or timezone.now()
    patient, nurses, dose = _locked(dose_id, [nurse_id])
    nurse = nurses[nurse_id]
    # Every check reads after the locks: what was read before them may be stale already.
    problems = preflight.dose_problems(dose, patient, starts_at, now=now)
    problems += preflight.nurse_problems(
        nurse, patient, needs=preflight.needs_of(dose), starts_at=starts_at, length=dose.length
    )
    soft = settle(problems, override)
    visit = _create(dose, patient, nurse, starts_at, by=by, override=override, soft=soft)
    events.write(
        "visit_booked",
        by=by,
        patient=patient,
        subject=visit,
        why=override,
        dose=dose.pk,
        nurse=nurse.pk,
        starts_at=starts_at.isoformat(),
        overridden=soft,
    )
    doses.sync(dose.prescription, today=clock.today_in(patient.time_zone, now))
    notices.queue("booked", visit=visit, now=now)
    return visit


@writes
def move_visit(
    *,
    visit_id: int,
    nurse_id: int,
    starts_at: datetime,
    by: User,
    reason_class: str,
    note: str = "",
    override: str = "",
    version: int | None = None,
    now: datetime | None = None,
) -> Visit:
    """Give the visit another nurse or time: the old row becomes `moved`, a new one names it.

    `version` is what the person saw; a newer one raises StaleVersion. Returns the new visit.
    """
    now = now or timezone.now()
    _check_class(reason_class)
    seen = Visit.objects.values("dose_id", "nurse_id").get(pk=visit_id)
    if seen["dose_id"] is None:
        raise RuleBroken("Cancel this visit and make a new one: it gives no dose.", code="NO_DOSE")
    patient, nurses, dose = _locked(seen["dose_id"], sorted({seen["nurse_id"], nurse_id}))
    old = _fresh_visit(visit_id, version, seen["nurse_id"])
    states.check_move(old.state, "moved")
    if old.nurse_id == nurse_id and old.starts_at == starts_at:
        raise BadInput("The visit is there already.", field="starts_at")
    nurse = nurses[nurse_id]
    problems = preflight.dose_problems(dose, patient, starts_at, now=now, moving=old)
    problems += preflight.nurse_problems(
        nurse,
        patient,
        needs=preflight.needs_of(dose),
        starts_at=starts_at,
        length=dose.length,
        without=old.pk,
    )
    soft = settle(problems, override)
    _retire(old, "moved", reason_class, note, now)
    visit = _create(dose, patient, nurse, starts_at, by=by, override=override, soft=soft, old=old)
    events.write(
        "visit_moved",
        by=by,
        patient=patient,
        subject=visit,
        why=override or note,
        old_visit=old.pk,
        reason_class=reason_class,
        nurse=nurse.pk,
        starts_at=starts_at.isoformat(),
        overridden=soft,
    )
    doses.sync(dose.prescription, today=clock.today_in(patient.time_zone, now))
    notices.drop(old, "the visit was moved")
    notices.queue("moved", visit=visit, now=now)
    return visit


@writes
def cancel_visit(
    *,
    visit_id: int,
    by: User,
    reason_class: str,
    note: str = "",
    version: int | None = None,
    now: datetime | None = None,
) -> Visit:
    """Cancel a visit of any kind; its dose needs booking again. Raises StaleVersion or MoveNotAllowed."""
    now = now or timezone.now()
    _check_class(reason_class)
    seen = Visit.objects.values("patient_id", "nurse_id").get(pk=visit_id)
    patient = Patient.objects.select_for_update(no_key=True).get(pk=seen["patient_id"])
    _lock_nurses([seen["nurse_id"]])
    visit = _fresh_visit(visit_id, version, seen["nurse_id"])
    states.check_move(visit.state, "cancelled")
    _retire(visit, "cancelled", reason_class, note, now)
    events.write(
        "visit_cancelled", by=by, patient=patient, subject=visit, why=note, reason_class=reason_class
    )
    if visit.dose is not None:  # a lab draw and a wellness check have none
        visit.dose.prescription.patient = patient
        doses.sync(visit.dose.prescription, today=clock.today_in(patient.time_zone, now))
    notices.drop(visit, "the visit was cancelled")
    notices.queue("cancelled", visit=visit, now=now)
    return visit


def settle(problems: Sequence[Problem], override: str) -> list[str]:
    """Raise for what forbids the booking; otherwise the codes a reason was given for.

    What is absolute comes first, then lost races, then what needs a reason: a person should not type
    a reason for a booking that is impossible anyway.
    """
    for problem in problems:
        if problem.absolute and not problem.taken:
            raise RuleBroken(problem.text, code=problem.code, field=preflight.field_of(problem.code))
    for problem in problems:
        if problem.taken:
            raise SlotTaken(problem.text, code=problem.code, field="starts_at")
    soft = [problem for problem in problems if not problem.absolute]
    if soft and not override.strip():
        raise NeedsReason(
            " ".join(problem.text for problem in soft),
            code=soft[0].code,
            field="override",
            codes=tuple(problem.code for problem in soft),
        )
    return [problem.code for problem in soft]


def _locked(dose_id: int, nurse_ids: list[int]) -> tuple[Patient, dict[int, Nurse], PlannedDose]:
    """Patient, nurses by id, prescription, dose: locked in this order, read after."""
    patient = Patient.objects.select_for_update(no_key=True).get(prescriptions__doses=dose_id)
    nurses = _lock_nurses(nurse_ids)
    for nurse_id in nurse_ids:
        if nurse_id not in nurses:
            raise BadInput("There is no such nurse.", field="nurse")
    dose = PlannedDose.objects.select_for_update(no_key=True).select_related("prescription").get(pk=dose_id)
    dose.prescription.patient = patient
    return patient, nurses, dose


def _lock_nurses(nurse_ids: list[int]) -> dict[int, Nurse]:
    """Nurses by id, locked in the order of their ids."""
    rows = Nurse.objects.select_for_update(no_key=True).filter(pk__in=nurse_ids).order_by("pk")
    return {nurse.pk: nurse for nurse in rows}


def _fresh_visit(visit_id: int, version: int | None, nurse_id: int) -> Visit:
    visit = Visit.objects.select_for_update(no_key=True).get(pk=visit_id)
    if (version is not None and visit.version != version) or visit.nurse_id != nurse_id:
        raise StaleVersion("Somebody changed this visit after you opened it. Look again, then decide.")
    return visit


def _retire(visit: Visit, state: str, reason_class: str, note: str, now: datetime) -> None:
    """The visit will not happen as booked: it frees the time, keeps the reason and needs no decision any more."""
    visit.state, visit.version = state, visit.version + 1
    visit.cancel_class, visit.cancel_note, visit.cancelled_at = reason_class, fits(note, "note"), now
    visit.attention_code = visit.attention = ""
    visit.save()


def _create(
    dose: PlannedDose,
    patient: Patient,
    nurse: Nurse,
    starts_at: datetime,
    *,
    by: User,
    override: str,
    soft: list[str],
    old: Visit | None = None,
) -> Visit:
    return Visit.objects.create(
        patient=patient,
        kind=Visit.Kind.INFUSION,
        dose=dose,
        nurse=nurse,
        site=preflight.site_for(dose, clock.local_day(starts_at, patient.time_zone)),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=dose.total_minutes),
        time_zone=patient.time_zone,
        preparation_minutes=dose.preparation_minutes,
        infusion_minutes=dose.infusion_minutes,
        observation_minutes=dose.observation_minutes,
        wrap_up_minutes=dose.wrap_up_minutes,
        version=old.version if old else 1,
        moved_from=old,
        override_reason=fits(override, "override") if soft else "",
        override_codes=soft,
        override_by=by if soft else None,
        booked_by=by,
    )


def _check_class(reason_class: str) -> None:
    if reason_class not in MOVE_OR_CANCEL_CLASSES:
        raise BadInput("Choose whose reason it is.", field="reason_class")
