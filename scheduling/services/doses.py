"""Keeps the stored doses of a prescription equal to its calendar. What depends on today is derived on reading."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from django.db import DatabaseError, transaction
from django.db.models import Max, Q

from patients.models import Hold as HoldRow
from patients.models import Measurement, Patient, Prescription
from scheduling import clock
from scheduling.models import DoseRecord, PlannedDose, Visit
from scheduling.regimens import catalogue
from scheduling.rules import states
from scheduling.rules.calendar import Calendar, Dose, plan
from scheduling.rules.orders import Given, Hold, Order
from scheduling.rules.regimen import Regimen
from scheduling.services import attention, call_rows, checks

HORIZON = relativedelta(years=3)

log = logging.getLogger(__name__)

STATUS = {
    "active": Prescription.Status.ACTIVE,
    "on_hold": Prescription.Status.ON_HOLD,
    "completed": Prescription.Status.COMPLETED,
    "capped": Prescription.Status.COMPLETED,
    "discontinued": Prescription.Status.DISCONTINUED,
}


@dataclass(frozen=True)
class Case:
    """Everything the rules ask for about one prescription, read once."""

    regimen: Regimen
    order: Order
    history: tuple[Given, ...]


def regimen_of(prescription: Prescription) -> Regimen:
    """The facts the prescription was made with, not today's."""
    return catalogue.get(prescription.regimen_id, prescription.regimen_version)


def drug_code(regimen_id: str) -> str:
    """The drug a regimen id names (`rituximab`): competencies and site authorizations are by drug."""
    return regimen_id.split("_", 1)[0]


def latest_measurements(patient: Patient) -> dict[str, Decimal]:
    """The newest weight_kg and height_cm on file; a missing kind is absent."""
    newest = (
        Measurement.objects.filter(patient=patient)
        .order_by("kind", "-measured_on", "-pk")
        .distinct("kind")
        .values_list("kind", "value")
    )
    return dict(newest)


def order_of(
    prescription: Prescription,
    *,
    measured: Mapping[str, Decimal] | None = None,
    holds: Iterable[HoldRow] | None = None,
) -> Order:
    """The prescription as the rules read it, with the patient's latest measurements and standing holds.

    `measured` and `holds` save their queries when many prescriptions are read at once.
    """
    if measured is None:
        measured = latest_measurements(prescription.patient)
    if holds is None:
        holds = prescription.holds.filter(withdrawn_at__isnull=True)
    return Order(
        start_on=prescription.start_on,
        expires_on=prescription.expires_on,
        total_doses=prescription.total_doses,
        parameters={name: Decimal(str(value)) for name, value in prescription.parameters.items()},
        height_cm=measured.get("height_cm"),
        weight_kg=measured.get("weight_kg"),
        prior_cumulative_mg_per_m2=prescription.prior_cumulative_mg_per_m2,
        prior_course_starts=tuple(date.fromisoformat(day) for day in prescription.prior_course_starts),
        holds=tuple(Hold(hold.starts_on, hold.clears_on, hold.reason) for hold in holds),
        discontinued_on=prescription.discontinued_on,
    )


def standing_records(prescription: Prescription) -> Mapping[int, DoseRecord]:
    """Dose number -> the record in force (corrections replace what they amend)."""
    records = DoseRecord.objects.filter(dose__prescription=prescription, amended_by__isnull=True)
    return {record.dose.number: record for record in records.select_related("dose").order_by("dose__number")}


def history_of(
    prescription: Prescription, *, records: Mapping[int, DoseRecord] | None = None
) -> tuple[Given, ...]:
    """The doses given, by number, as the rules read them; `records` saves the query."""
    if records is None:
        records = standing_records(prescription)
    return tuple(
        Given(number, record.given_on, record.reaction, record.reaction_type or None, record.mg_per_m2)
        for number, record in sorted(records.items())
    )


def case_of(prescription: Prescription) -> Case:
    """Regimen, order and history of a prescription."""
    return Case(regimen_of(prescription), order_of(prescription), history_of(prescription))


def case_of_rows(
    prescription: Prescription,
    measured: Mapping[str, Decimal],
    holds: Iterable[HoldRow],
    records: Mapping[int, DoseRecord],
) -> Case:
    """The same from rows already read: standing holds, and by dose number the records in force. No query."""
    order = order_of(prescription, measured=measured, holds=holds)
    return Case(regimen_of(prescription), order, history_of(prescription, records=records))


def booked_days(prescription: Prescription, *, without: int | None = None) -> dict[int, date]:
    """Dose number -> local day of its live visit; `without` leaves one visit out."""
    visits = Visit.objects.filter(dose__prescription=prescription, state__in=states.HOLDING)
    return {
        visit.dose.number: clock.local_day(visit.starts_at, visit.time_zone)
        for visit in visits.exclude(pk=without).select_related("dose")
    }


def lay_out(case: Case, booked: Mapping[int, date], until: date) -> tuple[list[Dose], Calendar]:
    """The doses to come whatever today is, and the calendar they began with.

    A booked visit stands for its dose when the next one is worked out: the calendar counts from the
    day somebody will really come. Days are never "overdue" here: that is derived on reading.
    """
    history = list(case.history)
    rows: list[Dose] = []
    first: Calendar | None = None
    while True:
        as_of = history[-1].on if history else min(case.order.start_on, until)
        calendar = plan(case.regimen, case.order, history, as_of, until=max(until, as_of))
        first = first or calendar
        upcoming = calendar.planned
        if not upcoming:
            return rows, first
        nearest = upcoming[0]
        day = booked.get(nearest.number)
        if day is None or (history and day < history[-1].on):
            return rows + list(upcoming), first
        rows.append(nearest)
        history.append(Given(nearest.number, day))


def sync(prescription: Prescription, *, today: date | None = None, now: datetime | None = None) -> Calendar:
    """Write the calendar into the planned doses; flag booked visits that no longer fit.

    Call inside the transaction of the change, with the patient's row locked. Given doses are never
    touched; doses that fell away are cancelled, kept, and come back if planning resumes.
    """
    today = today or clock.today_in(prescription.patient.time_zone)
    case = case_of(prescription)
    rows, calendar = lay_out(case, booked_days(prescription), today + HORIZON)
    stored = {dose.number: dose for dose in prescription.doses.select_for_update(no_key=True)}
    kept: set[int] = set()
    new: list[PlannedDose] = []
    for row in rows:
        kept.add(row.number)
        dose = stored.get(row.number)
        if dose is None:
            new.append(PlannedDose(prescription=prescription, number=row.number))
            fill(new[-1], row)
        elif dose.state != PlannedDose.State.GIVEN:
            _write(dose, row)
    PlannedDose.objects.bulk_create(new)
    for number, dose in stored.items():
        if number not in kept and dose.state == PlannedDose.State.PLANNED:
            dose.state = PlannedDose.State.CANCELLED
            dose.save(update_fields=["state", "replanned_at"])
    if prescription.status != Prescription.Status.DRAFT:
        status = STATUS[calendar.status]
        if status != prescription.status:
            prescription.status = status
            prescription.save(update_fields=["status"])
        checks.sync(prescription, case.regimen, case.order, case.history, today=today)
    attention.review(prescription)
    if prescription.status != Prescription.Status.DRAFT:  # calls are the last rows to be locked
        call_rows.sync(prescription, case.regimen, case.order, case.history, today=today, now=now)
    return calendar


COMPARED = (
    "course", "label", "amount_mg", "due_on", "floor_on", "window_start_on", "window_end_on",
    "preparation_minutes", "infusion_minutes", "observation_minutes", "wrap_up_minutes",
    "flags", "reasons", "needs_renewed_order", "state",
)  # fmt: skip


def _write(dose: PlannedDose, row: Dose) -> None:
    before = [getattr(dose, name) for name in COMPARED]
    fill(dose, row)
    if before != [getattr(dose, name) for name in COMPARED]:
        dose.save()


def fill(dose: PlannedDose, row: Dose) -> None:
    """Copy what the rules worked out into a stored dose. Writes nothing."""
    dose.course = row.course
    dose.label = row.label or ""
    dose.amount_mg = row.amount_mg
    dose.due_on = row.due_on
    dose.floor_on = row.floor_on
    dose.window_start_on = row.window_start
    dose.window_end_on = row.window_end
    dose.preparation_minutes = row.minutes.preparation
    dose.infusion_minutes = row.minutes.infusion
    dose.observation_minutes = row.minutes.observation
    dose.wrap_up_minutes = row.minutes.wrap_up
    dose.flags = list(row.flags)
    dose.needs_renewed_order = row.needs_renewed_order
    dose.reasons = [
        {"code": reason.code, "text": reason.text, "source": reason.source} for reason in row.reasons
    ]
    dose.state = PlannedDose.State.PLANNED


def extend_calendars(*, today: date | None = None, now: datetime | None = None) -> int:
    """Plan further ahead where less than two years are left; returns how many were extended.

    Run daily: a calendar has no end, its stored doses have. Each order is a transaction of its own, and one
    that cannot be planned does not keep the others from it.
    """
    today = today or clock.today_in("UTC")
    count = 0
    for pk in sorted(_running_short(today)):
        try:
            count += _extended(pk, today, now)
        except DatabaseError:
            raise
        except Exception as error:
            log.error("prescription %s could not be planned ahead: %s", pk, type(error).__name__)
    return count


def _running_short(today: date) -> set[int]:
    """Orders with less than two years of doses stored, whose lab draws end within 200 days or were never stored.

    Nothing is planned for somebody who is not at home: coming back plans it (patient_changes.set_status).
    """
    running = Prescription.objects.filter(patient__status=Patient.Status.ACTIVE)
    doses_end = (
        running.filter(status=Prescription.Status.ACTIVE, total_doses__isnull=True)
        .annotate(last_due=Max("doses__due_on", filter=Q(doses__state="planned")))
        .filter(last_due__lt=today + relativedelta(years=2))
    )
    draws_end = (  # after the drug is stopped, too: some are watched for years
        running.exclude(status=Prescription.Status.DRAFT)
        .annotate(last_draw=Max("planned_checks__due_on"))
        .filter(last_draw__gte=today - timedelta(days=90), last_draw__lt=today + timedelta(days=200))
    )
    drawn = [name for name, regimen in catalogue.all_current().items() if checks.draws(regimen)]
    never_drawn = running.filter(status=Prescription.Status.ACTIVE, regimen_id__in=drawn, planned_checks=None)
    found = (doses_end, draws_end, never_drawn)
    return {pk for orders in found for pk in orders.values_list("pk", flat=True)}


@transaction.atomic
def _extended(prescription_id: int, today: date, now: datetime | None) -> bool:
    prescription = lock(prescription_id)
    before = prescription.doses.count(), prescription.planned_checks.count()
    sync(prescription, today=today, now=now)
    return (prescription.doses.count(), prescription.planned_checks.count()) > before


def lock(prescription_id: int) -> Prescription:
    """The prescription with its patient's row locked first, then its own (docs/locking.md)."""
    patient_id = Prescription.objects.values_list("patient_id", flat=True).get(pk=prescription_id)
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    prescription = Prescription.objects.select_for_update(no_key=True).get(pk=prescription_id)
    prescription.patient = patient
    return prescription


def calendar_on(prescription: Prescription, day: date, *, months: int = 36) -> Calendar:
    """The calendar as it stands on `day`: overdue doses moved to it, holds applied. Reads only."""
    case = case_of(prescription)
    as_of = max([day, *(given.on for given in case.history)])
    return plan(case.regimen, case.order, case.history, as_of, until=day + timedelta(days=31 * months))
