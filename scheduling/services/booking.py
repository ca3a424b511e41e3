"""Book, move and cancel visits. The locks live here; docs/locking.md tells their order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from patients.models import Patient
from scheduling import clock
from scheduling.models import PlannedCheck, PlannedDose, Visit
from scheduling.models.visit import CANCEL_CLASSES
from scheduling.rules import states
from scheduling.rules.errors import BadInput
from scheduling.services import (
    bookable,
    call_rows,
    doses,
    events,
    locks,
    notices,
    notices_staff,
    routes,
    screens,
    slot_holds,
)
from scheduling.services.bookable import Bookable
from scheduling.services.guard import fits, writes
from scheduling.services.verdicts import problems_of, refuse_taken, settle

REASON_CLASSES = frozenset(code for code, _label in CANCEL_CLASSES)


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
    nurse and dose: the order every writer keeps.
    """
    now = now or timezone.now()
    seen = PlannedDose.objects.select_related("prescription__patient").get(pk=dose_id)
    refuse_taken(bookable.of_dose(seen), nurse_id, starts_at)
    patient, nurses = locks.patient_and_nurses(seen.prescription.patient_id, [nurse_id])
    dose = locks.dose(dose_id, patient)
    # Every check reads after the locks: what was read before them may be stale already.
    wanted = bookable.of_dose(dose)
    refuse_taken(wanted, nurse_id, starts_at)
    soft = settle(problems_of(wanted, nurses[nurse_id], starts_at, by=by, now=now), override)
    visit = put(wanted, nurses[nurse_id], starts_at, by=by, override=override, soft=soft, now=now)
    doses.sync(dose.prescription, today=clock.today_in(patient.time_zone, now))
    return visit


@writes
def book_check(
    *,
    check_id: int,
    nurse_id: int,
    starts_at: datetime,
    by: User,
    override: str = "",
    now: datetime | None = None,
) -> Visit:
    """The same for a lab draw or a wellness check that is owed."""
    now = now or timezone.now()
    patient_id = PlannedCheck.objects.values_list("patient_id", flat=True).get(pk=check_id)
    patient, nurses = locks.patient_and_nurses(patient_id, [nurse_id])
    wanted = bookable.of_check(locks.check(check_id, patient))
    soft = settle(problems_of(wanted, nurses[nurse_id], starts_at, by=by, now=now), override)
    return put(wanted, nurses[nurse_id], starts_at, by=by, override=override, soft=soft, now=now)


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
    check_class(reason_class)
    seen = Visit.objects.values("patient_id", "nurse_id").get(pk=visit_id)
    patient, nurses = locks.patient_and_nurses(seen["patient_id"], [seen["nurse_id"], nurse_id])
    wanted, old = _again(visit_id, patient, version, seen["nurse_id"])
    states.check_move(old.state, "moved")
    if old.nurse_id == nurse_id and old.starts_at == starts_at:
        raise BadInput("The visit is there already.", field="starts_at")
    soft = settle(problems_of(wanted, nurses[nurse_id], starts_at, by=by, now=now, moving=old), override)
    retire(old, "moved", reason_class, note, now)
    visit = put(
        wanted, nurses[nurse_id], starts_at, by=by, override=override, soft=soft, now=now, old=old,
        why=override or note, reason_class=reason_class,
    )  # fmt: skip
    if wanted.dose is not None:
        doses.sync(wanted.dose.prescription, today=clock.today_in(patient.time_zone, now))
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
    """Cancel a visit of any kind; its dose or check needs booking again. Raises StaleVersion or MoveNotAllowed."""
    now = now or timezone.now()
    check_class(reason_class)
    seen = Visit.objects.values("patient_id", "nurse_id").get(pk=visit_id)
    patient, _nurses = locks.patient_and_nurses(seen["patient_id"], [seen["nurse_id"]])
    visit = locks.visit(visit_id, version=version, nurse_id=seen["nurse_id"])
    states.check_move(visit.state, "cancelled")
    retire(visit, "cancelled", reason_class, note, now)
    events.write(
        "visit_cancelled", by=by, patient=patient, subject=visit, why=note, reason_class=reason_class
    )
    follow(visit, patient, now)
    let_go(visit, "the visit was cancelled", now)
    notices.queue("cancelled", visit=visit, now=now)
    return visit


def put(
    wanted: Bookable,
    nurse: Nurse,
    starts_at: datetime,
    *,
    by: User,
    override: str,
    soft: list[str],
    now: datetime,
    old: Visit | None = None,
    why: str = "",
    **detail: Any,
) -> Visit:
    """The row, its line in the trail and its message, after the checks. `old` is what it takes the place of."""
    visit = _row(wanted, nurse, starts_at, by=by, override=override, soft=soft, old=old)
    if wanted.dose is not None:
        slot_holds.use_up(wanted.dose, by=by, now=now)
        detail["dose"] = wanted.dose.pk
    if old is not None:
        detail["old_visit"] = old.pk
    done = "visit_moved" if old else "visit_booked"
    routes.follow(nurse.pk, starts_at, why=done, now=now)
    events.write(
        done,
        by=by,
        patient=wanted.patient,
        subject=visit,
        why=why or override,
        nurse=nurse.pk,
        starts_at=starts_at.isoformat(),
        overridden=soft,
        **detail,
    )
    if old is not None:
        let_go(old, "the visit was moved", now)
    notices.queue("moved" if old else "booked", visit=visit, now=now)
    return visit


def _row(
    wanted: Bookable,
    nurse: Nurse,
    starts_at: datetime,
    *,
    by: User,
    override: str,
    soft: list[str],
    old: Visit | None,
) -> Visit:
    patient, minutes = wanted.patient, wanted.minutes
    return Visit.objects.create(
        patient=patient,
        kind=wanted.kind,
        dose=wanted.dose,
        planned_check=wanted.check,
        nurse=nurse,
        site=wanted.site(clock.local_day(starts_at, patient.time_zone)),
        starts_at=starts_at,
        ends_at=starts_at + wanted.length,
        time_zone=patient.time_zone,
        preparation_minutes=minutes.preparation,
        infusion_minutes=minutes.infusion,
        observation_minutes=minutes.observation,
        wrap_up_minutes=minutes.wrap_up,
        version=old.version if old else 1,
        moved_from=old,
        override_reason=fits(override, "override") if soft else "",
        override_codes=soft,
        override_by=by if soft else None,
        booked_by=by,
    )


def retire(visit: Visit, state: str, reason_class: str, note: str, now: datetime) -> None:
    """The visit will not happen as booked: it frees the time, keeps the reason and needs no decision any more."""
    visit.state, visit.version = state, visit.version + 1
    visit.cancel_class, visit.cancel_note, visit.cancelled_at = reason_class, fits(note, "note"), now
    visit.attention_code = visit.attention = ""
    visit.save()
    routes.follow(visit.nurse_id, visit.starts_at, why=f"visit_{state}", now=now)


def let_go(visit: Visit, why: str, now: datetime) -> None:
    """What waited for a visit that moved or ended: messages, calls about it, health questions half answered, and the
    question who says yes."""
    notices.drop(visit, why)
    call_rows.drop(visit, why, now=now)
    screens.drop(visit)
    notices_staff.settled(visit, why, now)


def follow(visit: Visit, patient: Patient, now: datetime) -> None:
    """Let the calendar of a dose's order follow what became of its visit. Call with `patient` locked."""
    if visit.dose is not None:  # a lab draw and a wellness check have none
        visit.dose.prescription.patient = patient
        doses.sync(visit.dose.prescription, today=clock.today_in(patient.time_zone, now))


def check_class(reason_class: str) -> None:
    """Raises BadInput unless it says whose reason it is."""
    if reason_class not in REASON_CLASSES:
        raise BadInput("Choose whose reason it is.", field="reason_class")


def _again(visit_id: int, patient: Patient, version: int | None, nurse_id: int) -> tuple[Bookable, Visit]:
    """What the visit is for, locked before the visit itself."""
    ids = Visit.objects.values("dose_id", "planned_check_id").get(pk=visit_id)
    if ids["dose_id"] is not None:
        wanted = bookable.of_dose(locks.dose(ids["dose_id"], patient))
    elif ids["planned_check_id"] is not None:
        wanted = bookable.of_check(locks.check(ids["planned_check_id"], patient))
    else:
        wanted = None
    old = locks.visit(visit_id, version=version, nurse_id=nurse_id)
    return wanted or bookable.like(old, patient), old
