"""The readiness board's rows: every dose due in the next 60 days with its gates. Reads only.

The number of queries does not grow with the rows. The caller writes the audit rows of what was shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings

from patients.models import Patient, Prescription
from scheduling import clock, selectors
from scheduling.models import PlannedDose, Visit
from scheduling.readings.medicines import drug_name
from scheduling.rules import readiness as table
from scheduling.services import doses, readiness
from scheduling.services.readiness import Files, Gate

AHEAD_DAYS = 60
BUSY = (Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)
GROUPS = ("order", "place", "papers", "labs", "authorization", "drug", "nurse", "confirmed", "screen")
# The worst first: how a mark of several gates reads.
WORST = ("forbids", "expired", "missing", "too_soon", "pending", "not_yet", "met")


@dataclass(frozen=True)
class Filters:
    """What the board is narrowed to. `group` and `state` "" for all; `days` ahead, at most 60; `closed`: rows
    with something in the way only; `dose_id` one dose."""

    group: str = ""
    state: str = ""
    days: int = AHEAD_DAYS
    closed: bool = False
    dose_id: int | None = None


@dataclass(frozen=True)
class Mark:
    """One cell: the worst state of a group's gates, and whether it stands in the way or only warns."""

    group: str
    state: str
    gates: tuple[Gate, ...]

    @property
    def met(self) -> bool:
        return all(gate.met for gate in self.gates)

    @property
    def closed(self) -> bool:
        return any(gate.closed for gate in self.gates)

    @property
    def unmet(self) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.gates if not gate.met)

    @property
    def overridden(self) -> bool:
        """Everything that stood in the way was opened by the lead."""
        return not self.closed and any(gate.override for gate in self.gates)


@dataclass(frozen=True)
class Row:
    """One dose on the board. `day`: the visit's, else the planned one; `days_left` until its latest date."""

    dose: PlannedDose
    patient: Patient
    drug: str
    day: date
    days_left: int
    visit: Visit | None
    gates: tuple[Gate, ...]
    at_facility: bool

    @property
    def marks(self) -> list[Mark]:
        """One cell a column, always the same nine in the same order."""
        return [self.mark(group) for group in GROUPS]

    def mark(self, group: str) -> Mark:
        gates = tuple(gate for gate in self.gates if gate.group == group)
        state = min((gate.state for gate in gates), key=WORST.index, default="met")
        return Mark(group, state, gates)

    @property
    def unmet(self) -> list[Gate]:
        return [gate for gate in self.gates if not gate.met]

    @property
    def closed(self) -> list[Gate]:
        """What stands in the way of the next moment: the booking, or the start of a booked visit."""
        return [gate for gate in self.gates if gate.closed]

    @property
    def booking_closed(self) -> list[Gate]:
        """What a booking meets today; empty for a booked dose."""
        return [gate for gate in self.closed if gate.bites == table.BOOKING]

    @property
    def warnings(self) -> list[Gate]:
        """What lifts the dose in the queue: not authorized, not shipped, not confirmed."""
        return [gate for gate in self.gates if gate.warning is not None]


def rows(user: selectors.Viewer, filters: Filters | None = None, *, now: datetime | None = None) -> list[Row]:
    """The doses due within `filters.days`, or overdue, the fewest days left first. Eleven queries."""
    wanted = filters or Filters()
    today = clock.today_in(settings.AGENCY_TIME_ZONE, now)
    due = list(_due(user, today, wanted))
    files = Files.of(due, now=now)
    found = [row_of(dose, files) for dose in _with_a_day(due, files)]
    kept = [row for row in found if _wanted(row, wanted)]
    return sorted(kept, key=lambda row: (row.days_left, row.day, row.patient.search_name, row.dose.pk))


def row_of(dose: PlannedDose, files: Files) -> Row:
    """One dose with its gates; no query."""
    prescription, day = dose.prescription, files.day_of(dose)
    regimen = doses.regimen_of(prescription)
    return Row(
        dose=dose,
        patient=prescription.patient,
        drug=drug_name(regimen),
        day=day,
        days_left=((dose.window_end_on or dose.due_on) - files.today(dose)).days,
        visit=files.visits.get(dose.pk),
        gates=tuple(readiness.gates_for(dose, day, files)),
        at_facility="SITE_NOT_HOME" in regimen.site_of_care.flags,
    )


def counts(found: Iterable[Row]) -> dict[str, int]:
    """Group -> how many rows have something in the way there: the figures above the board."""
    counted = Counter(mark.group for row in found for mark in row.marks if not mark.met)
    return {group: counted[group] for group in GROUPS}


def _due(user: selectors.Viewer, today: date, wanted: Filters) -> Iterable[PlannedDose]:
    found = selectors.doses_for(user).filter(
        state=PlannedDose.State.PLANNED,
        prescription__status__in=BUSY,
        prescription__patient__status=Patient.Status.ACTIVE,
    )
    if wanted.dose_id is not None:
        return found.filter(pk=wanted.dose_id)
    days = max(0, min(wanted.days, AHEAD_DAYS))
    return found.filter(due_on__lte=today + timedelta(days=days)).order_by("due_on", "pk")


def _with_a_day(due: Iterable[PlannedDose], files: Files) -> Iterator[PlannedDose]:
    """Without what follows a dose that is late and unbooked: only the first dose not given can be late (house rule
    H8), and the day of the next depends on when it is given. The days of one course stay together."""
    late: dict[int, PlannedDose] = {}
    for dose in sorted(due, key=lambda dose: (dose.prescription_id, dose.number)):
        first = late.get(dose.prescription_id)
        if first is not None:
            regimen = doses.regimen_of(dose.prescription)
            if not all(regimen.goes_on_next_day(number) for number in range(first.number, dose.number)):
                continue
        elif dose.pk not in files.visits and dose.due_on < files.today(dose):
            late[dose.prescription_id] = dose
        yield dose


def _wanted(row: Row, wanted: Filters) -> bool:
    marks: Sequence[Mark] = row.marks
    if wanted.closed and not row.closed:
        return False
    if wanted.group:
        marks = [mark for mark in marks if mark.group == wanted.group]
        if not wanted.state:
            return any(not mark.met for mark in marks)
    if wanted.state:
        return any(gate.state == wanted.state for mark in marks for gate in mark.gates)
    return True
