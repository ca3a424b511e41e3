"""How a patient's calendar stands: doses, visits, checks and orders as values that compare. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q

from patients.models import Patient, Prescription
from scheduling import clock
from scheduling.models import DoseRecord, PlannedCheck, PlannedDose, Visit
from scheduling.rules import states
from scheduling.rules.calendar import plan
from scheduling.rules.errors import BadInput
from scheduling.rules.orders import Given
from scheduling.services import doses

DoseKey = tuple[int, int]  # prescription, number of the dose
OPEN = (Prescription.Status.DRAFT, Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)


@dataclass(frozen=True)
class DoseStands:
    """A dose given or to come. `on` is the day it was given, or the day today's calendar plans it for: None
    inside a hold without an end. Amount in mg, `minutes` of the whole visit."""

    state: str
    on: date | None
    due_on: date
    floor_on: date | None
    window_start_on: date | None
    window_end_on: date | None
    amount_mg: Decimal | None
    minutes: int
    needs_renewed_order: bool
    reaction: str = ""


@dataclass(frozen=True)
class VisitStands:
    """A visit: `code` and `sentence` say what is wrong with it, empty when it fits. `short_by` minutes more are
    needed by its dose than the visit has."""

    state: str
    code: str
    sentence: str
    starts_at: datetime
    dose: DoseKey | None
    short_by: int

    @property
    def open(self) -> bool:
        """Booked and not begun."""
        return self.state in states.OPEN


class CheckStands(NamedTuple):
    """A lab draw or wellness check that is owed; order 0 when a person asked for it."""

    due_on: date
    kind: str
    window_end_on: date
    what: tuple[str, ...]
    order_id: int
    minutes: int


@dataclass(frozen=True)
class Standing:
    """Everything a change of one order, record or measurement can touch."""

    orders: Mapping[int, str]
    doses: Mapping[DoseKey, DoseStands]
    visits: Mapping[int, VisitStands]
    checks: frozenset[CheckStands]


def of(patient: Patient, *, also: Iterable[int] = ()) -> Standing:
    """The patient's calendar now, in a number of queries that does not grow with it. Call with the patient locked.

    Visits are those that hold time and are not over with their dose; `also` names others to be told of.
    """
    today = clock.today_in(patient.time_zone)
    orders = list(Prescription.objects.filter(patient=patient).prefetch_related("holds").order_by("pk"))
    for order in orders:
        order.patient = patient
    rows = list(PlannedDose.objects.filter(prescription__patient=patient).exclude(state="cancelled"))
    records = _standing_records(patient)
    visits = _visits(patient, also)
    days = _planned_days(patient, orders, records, visits, today)
    return Standing(
        orders={order.pk: order.status for order in orders},
        doses={_key(row): _dose(row, records[row.prescription_id].get(row.number), days) for row in rows},
        visits={visit.pk: _visit(visit) for visit in visits},
        checks=frozenset(_checks(patient)),
    )


def _key(row: PlannedDose) -> DoseKey:
    return row.prescription_id, row.number


def _standing_records(patient: Patient) -> Mapping[int, dict[int, DoseRecord]]:
    """Order -> dose number -> the record in force."""
    found: dict[int, dict[int, DoseRecord]] = defaultdict(dict)
    in_force = DoseRecord.objects.filter(dose__prescription__patient=patient, amended_by__isnull=True)
    for record in in_force.select_related("dose"):
        found[record.dose.prescription_id][record.dose.number] = record
    return found


def _visits(patient: Patient, also: Iterable[int]) -> list[Visit]:
    over = Q(state="completed", dose__isnull=True) | Q(state="completed", dose__state="given")
    standing = Q(state__in=states.HOLDING) & ~over
    found = Visit.objects.filter(patient=patient).filter(standing | Q(pk__in=list(also)))
    return list(found.select_related("dose").order_by("pk"))


def _planned_days(
    patient: Patient,
    orders: Iterable[Prescription],
    records: Mapping[int, dict[int, DoseRecord]],
    visits: Iterable[Visit],
    today: date,
) -> Mapping[DoseKey, date | None]:
    """The day of today's calendar for each dose neither given nor booked; what is overdue counts from today."""
    booked: dict[int, dict[int, date]] = defaultdict(dict)
    for visit in visits:
        if visit.dose is not None and visit.state in states.HOLDING:
            day = clock.local_day(visit.starts_at, visit.time_zone)
            booked[visit.dose.prescription_id][visit.dose.number] = day
    measured = doses.latest_measurements(patient)
    found: dict[DoseKey, date | None] = {}
    for order in orders:
        if order.status in OPEN:
            holds = [hold for hold in order.holds.all() if hold.withdrawn_at is None]
            case = doses.case_of_rows(order, measured, holds, records[order.pk])
            found |= {(order.pk, n): day for n, day in _days(case, booked[order.pk], today).items()}
    return found


def _days(case: doses.Case, booked: Mapping[int, date], today: date) -> Mapping[int, date | None]:
    """As the chart has it: a booked visit stands for its dose, so only the first dose without one can be overdue."""
    history = list(case.history)
    number = history[-1].number + 1 if history else 1
    while number in booked and (not history or booked[number] >= history[-1].on):
        history.append(Given(number, booked[number]))
        number += 1
    as_of = max([today, *(given.on for given in history)])
    try:
        calendar = plan(case.regimen, case.order, history, as_of, until=today + doses.HORIZON)
    except BadInput:  # the rules cannot read it as it stands: the stored days are all there is
        return {}
    return {dose.number: dose.planned_on for dose in calendar.planned}


def _dose(row: PlannedDose, record: DoseRecord | None, days: Mapping[DoseKey, date | None]) -> DoseStands:
    given = record if row.state == PlannedDose.State.GIVEN else None
    return DoseStands(
        state=row.state,
        on=given.given_on if given else days.get(_key(row), row.due_on),
        due_on=row.due_on,
        floor_on=None if given else row.floor_on,
        window_start_on=None if given else row.window_start_on,
        window_end_on=None if given else row.window_end_on,
        amount_mg=given.amount_mg if given else row.amount_mg,
        minutes=0 if given else row.total_minutes,
        needs_renewed_order=not given and row.needs_renewed_order,
        reaction=given.reaction if given else "",
    )


def _visit(visit: Visit) -> VisitStands:
    dose = visit.dose
    needs = dose.total_minutes if dose is not None and dose.state == PlannedDose.State.PLANNED else 0
    has = int((visit.ends_at - visit.starts_at).total_seconds() // 60)
    return VisitStands(
        state=visit.state,
        code=visit.attention_code,
        sentence=visit.attention,
        starts_at=visit.starts_at,
        dose=None if dose is None else _key(dose),
        short_by=max(0, needs - has) if visit.state in states.OPEN else 0,
    )


def _checks(patient: Patient) -> Iterable[CheckStands]:
    owed = PlannedCheck.objects.filter(patient=patient, state=PlannedCheck.State.PLANNED)
    for check in owed:
        what = tuple(str(kind) for kind in check.what)
        yield CheckStands(
            check.due_on, check.kind, check.window_end_on, what, check.prescription_id or 0, check.minutes
        )
