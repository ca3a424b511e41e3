"""A calendar as lines: what was given, what is planned, and how that stands today. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from patients.models import Prescription
from scheduling import clock
from scheduling.models import DoseRecord, PlannedDose
from scheduling.rules.calendar import Calendar, Dose
from scheduling.rules.reasons import Reason
from scheduling.services import doses, readiness


def of_preview(calendar: Calendar) -> dict[str, Any]:
    """A calendar that is not stored yet."""
    lines = []
    for row in calendar.planned:
        dose = PlannedDose(number=row.number)
        doses.fill(dose, row)
        lines.append(_line(dose, {row.number: row}, {}, row.due_on))
    return _whole(calendar, lines)


def of_prescription(prescription: Prescription) -> dict[str, Any]:
    """Every dose of a stored order, given and planned, as of today in the patient's zone."""
    today = clock.today_in(prescription.patient.time_zone)
    calendar = doses.calendar_on(prescription, today)
    rows = {row.number: row for row in calendar.planned}
    records = doses.standing_records(prescription)
    stored = prescription.doses.exclude(state=PlannedDose.State.CANCELLED).order_by("number")
    return _whole(calendar, [_line(dose, rows, records, today) for dose in stored])


def dose_today(dose: PlannedDose) -> PlannedDose:
    """The dose with `planned_on`, `flags`, `reasons` and `gates` as they stand today."""
    prescription = dose.prescription
    today = clock.today_in(prescription.patient.time_zone)
    dose.planned_on, dose.gates = None, []  # type: ignore[attr-defined]
    if dose.state == PlannedDose.State.PLANNED:
        rows = {row.number: row for row in doses.calendar_on(prescription, today).planned}
        seen = _as_it_stands(dose, rows.get(dose.number), today)
        dose.planned_on, dose.flags, dose.reasons = seen  # type: ignore[attr-defined]
        dose.gates = readiness.gates(dose, dose.planned_on or today)  # type: ignore[attr-defined]
    return dose


def _whole(calendar: Calendar, lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "status": calendar.status,
        "flags": list(calendar.flags),
        "notes": reasons_out(calendar.notes),
        "doses": lines,
    }


def _line(
    dose: PlannedDose, rows: Mapping[int, Dose], records: Mapping[int, DoseRecord], today: date
) -> dict[str, Any]:
    record = records.get(dose.number)
    planned_on, flags, reasons = None, dose.flags, dose.reasons
    if dose.state == PlannedDose.State.PLANNED:
        planned_on, flags, reasons = _as_it_stands(dose, rows.get(dose.number), today)
    return {
        **{name: getattr(dose, name) for name in STORED},
        "id": dose.pk,
        "amount_mg": record.amount_mg if record else dose.amount_mg,
        "planned_on": planned_on,
        "given_on": record.given_on if record else None,
        "flags": flags,
        "reasons": reasons,
    }


STORED = (
    "number", "course", "label", "state", "due_on", "floor_on", "window_start_on", "window_end_on",
    "total_minutes", "needs_renewed_order",
)  # fmt: skip


def _as_it_stands(
    dose: PlannedDose, row: Dose | None, today: date
) -> tuple[date | None, list[str], list[dict[str, str]]]:
    """Planned day, flags and reasons today. A dose whose due day hangs on an earlier booking keeps its own."""
    if row is not None and row.due_on == dose.due_on:
        return row.planned_on, list(row.flags), reasons_out(row.reasons)
    return max(dose.due_on, today), dose.flags, dose.reasons


def reasons_out(reasons: Iterable[Reason]) -> list[dict[str, str]]:
    """Reasons as they are stored and sent."""
    return [{"code": one.code, "text": one.text, "source": one.source} for one in reasons]
