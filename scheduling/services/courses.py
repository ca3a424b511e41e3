"""Book the days of a course together: all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from patients.models import Patient
from scheduling import clock
from scheduling.models import PlannedDose, Visit
from scheduling.rules import states
from scheduling.rules.errors import BadInput, Refused
from scheduling.services import bookable, doses, locks, outcomes
from scheduling.services.booking import cancel_visit, put
from scheduling.services.guard import writes
from scheduling.services.verdicts import problems_of, settle

MOST_DAYS = 14


@dataclass(frozen=True)
class Day:
    """One day of a course: which dose, who comes, and when (aware)."""

    dose_id: int
    nurse_id: int
    starts_at: datetime


@writes
def book_course(
    *, days: Sequence[Day], by: User, override: str = "", now: datetime | None = None
) -> list[Visit]:
    """Book every day, in the order of their doses, or raise a kind of Refused that names the day, writing nothing.

    The doses belong to one prescription. Each day is judged as if the days before it were booked already,
    which inside this transaction they are. One `override` speaks for all the days that need a reason.
    """
    now = now or timezone.now()
    patient, nurses, planned = _locked(days)
    ordered = sorted(days, key=lambda day: planned[day.dose_id].number)
    booked = [
        _book_day(day, planned[day.dose_id], nurses, by=by, override=override, now=now) for day in ordered
    ]
    doses.sync(planned[ordered[0].dose_id].prescription, today=clock.today_in(patient.time_zone, now))
    return booked


@writes
def cancel_rest(
    *,
    visit_id: int,
    by: User,
    reason_class: str,
    note: str = "",
    version: int | None = None,
    now: datetime | None = None,
) -> list[Visit]:
    """Cancel this day of a course and those that follow it; days before it stay. All or none."""
    seen = Visit.objects.select_related("dose").get(pk=visit_id)
    # All nurses at once, by id: taken visit by visit, two courses could wait for each other.
    locks.patient_and_nurses(seen.patient_id, {visit.nurse_id for visit in days_of(seen)})
    first = Visit.objects.select_related("dose").get(pk=visit_id)
    rest = [visit for visit in days_of(first) if visit.starts_at > first.starts_at]
    cancelled = [
        cancel_visit(visit_id=first.pk, by=by, reason_class=reason_class, note=note, version=version, now=now)
    ]
    return cancelled + [
        cancel_visit(visit_id=visit.pk, by=by, reason_class=reason_class, note=note, now=now)
        for visit in rest
    ]


@writes
def undo_all(*, visit_ids: Sequence[int], by: User, now: datetime | None = None) -> list[Visit]:
    """Take back all of several visits of one patient, as `outcomes.undo` does each, or none of them."""
    seen = list(
        Visit.objects.filter(pk__in=visit_ids).values("patient_id", "nurse_id", "moved_from__nurse_id")
    )
    nurses = {row[key] for row in seen for key in ("nurse_id", "moved_from__nurse_id")} - {None}
    for patient_id in {row["patient_id"] for row in seen}:
        locks.patient_and_nurses(patient_id, nurses)
    return [outcomes.undo(visit_id=visit_id, by=by, now=now) for visit_id in visit_ids]


def days_of(visit: Visit) -> list[Visit]:
    """The open visits of the same course, this one included, by time: one order's doses, day after day."""
    if visit.dose is None:
        return [visit]
    rows = Visit.objects.filter(
        dose__prescription=visit.dose.prescription_id, dose__course=visit.dose.course, state__in=states.OPEN
    ).select_related("dose")
    by_number = {row.dose.number: row for row in rows if row.dose}
    run = [visit]
    for step in (1, -1):
        number, last = visit.dose.number + step, visit
        while (row := by_number.get(number)) and abs((_day(row) - _day(last)).days) <= 1:
            run.append(row)
            number, last = number + step, row
    return sorted(run, key=lambda row: row.starts_at)


def _day(visit: Visit) -> date:
    return clock.local_day(visit.starts_at, visit.time_zone)


def _locked(days: Sequence[Day]) -> tuple[Patient, dict[int, Nurse], dict[int, PlannedDose]]:
    """Patient, nurses by id, doses by id; one prescription's, each dose once."""
    ids = sorted({day.dose_id for day in days})
    if not days or len(ids) < len(days) or len(days) > MOST_DAYS:
        raise BadInput(f"A course has 1 to {MOST_DAYS} days, each dose once.", field="days")
    prescriptions = set(PlannedDose.objects.filter(pk__in=ids).values_list("prescription_id", flat=True))
    if len(prescriptions) != 1:
        raise BadInput("The days of a course belong to one order.", field="days")
    patient, nurses = locks.patient_and_nurses(locks.patient_of(ids[0]), [day.nurse_id for day in days])
    planned = {dose_id: locks.dose(dose_id, patient) for dose_id in ids}
    return patient, nurses, planned


def _book_day(
    day: Day, dose: PlannedDose, nurses: dict[int, Nurse], *, by: User, override: str, now: datetime
) -> Visit:
    """One day, judged beside those booked before it. What refuses it names the day."""
    wanted, nurse = bookable.of_dose(dose), nurses[day.nurse_id]
    problems = problems_of(wanted, nurse, day.starts_at, by=by, now=now)
    try:
        soft = settle(problems, override)
    except Refused as no:
        local = clock.local_day(day.starts_at, wanted.patient.time_zone)
        raise type(no)(f"{local:%b} {local.day}: {no}", code=no.code, field=no.field, codes=no.codes) from no
    return put(wanted, nurse, day.starts_at, by=by, override=override, soft=soft, now=now)
