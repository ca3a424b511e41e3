"""What decides about the days of one order, read in one statement: a search asks it for every dose it is shown.

The rows are those the helpers of services.doses and services.readiness read one kind at a time; a test holds both
to the same answer. PostgreSQL hands them over as JSON, from which they become objects of their models again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models

from patients.models import Evidence, Hold, Measurement, Prescription
from scheduling import clock
from scheduling.models import DoseRecord, PlannedDose, Visit
from scheduling.rules import states
from scheduling.services import doses

Row = TypeVar("Row", bound=models.Model)

_PARTS = {
    "measured": """SELECT json_agg(x) FROM (SELECT DISTINCT ON (kind) kind, value FROM {Measurement}
        WHERE patient_id = %(patient)s ORDER BY kind, measured_on DESC, id DESC) x""",
    "holds": """SELECT json_agg(x ORDER BY x.starts_on, x.id) FROM {Hold} x
        WHERE x.prescription_id = %(prescription)s AND x.withdrawn_at IS NULL""",
    "records": """SELECT json_object_agg(d.number, x) FROM {DoseRecord} x JOIN {PlannedDose} d ON d.id = x.dose_id
        WHERE d.prescription_id = %(prescription)s
        AND NOT EXISTS (SELECT FROM {DoseRecord} y WHERE y.amends_id = x.id)""",
    "booked": """SELECT json_agg(json_build_array(d.number, x.starts_at, x.time_zone))
        FROM {Visit} x JOIN {PlannedDose} d ON d.id = x.dose_id
        WHERE d.prescription_id = %(prescription)s AND x.state = ANY(%(holding)s) AND x.id <> %(without)s""",
    "papers": """SELECT json_agg(x) FROM (SELECT DISTINCT ON (kind) * FROM {Evidence}
        WHERE patient_id = %(patient)s AND withdrawn_at IS NULL ORDER BY kind, dated_on DESC, id DESC) x""",
}


@dataclass(frozen=True)
class Files:
    """`booked`: dose number -> local day of its live visit. `papers`: the newest of each kind, by (patient, kind)."""

    case: doses.Case
    booked: Mapping[int, date]
    papers: dict[tuple[int, str], Evidence]


def files_of(prescription: Prescription, *, without: int | None = None) -> Files:
    """The files of an order with its patient; `without` leaves a visit out."""
    asked = {
        "patient": prescription.patient_id, "prescription": prescription.pk, "without": without or 0,
        "holding": sorted(states.HOLDING),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_statement(), asked)
        found = json.loads(cursor.fetchone()[0], parse_float=Decimal)
    records = {int(number): _row(DoseRecord, one) for number, one in (found["records"] or {}).items()}
    papers = [_row(Evidence, one) for one in found["papers"] or ()]
    holds = [_row(Hold, one) for one in found["holds"] or ()]
    return Files(
        case=doses.case_of_rows(
            prescription,
            measured={one["kind"]: Decimal(one["value"]) for one in found["measured"] or ()},
            holds=holds,
            records=records,
        ),
        booked={
            number: clock.local_day(datetime.fromisoformat(starts_at), time_zone)
            for number, starts_at, time_zone in found["booked"] or ()
        },
        papers={(paper.patient_id, paper.kind): paper for paper in papers},
    )


@cache
def _statement() -> str:
    """Only the names of our own tables go into it."""
    tables = {
        model.__name__: model._meta.db_table
        for model in (Measurement, Hold, DoseRecord, PlannedDose, Visit, Evidence)
    }
    parts = ", ".join(f"'{name}', ({part.format(**tables)})" for name, part in _PARTS.items())
    return f"SELECT json_build_object({parts})::text"


def _row(model: type[Row], found: dict[str, Any]) -> Row:
    fields = model._meta.concrete_fields
    values = [field.to_python(found[field.column]) for field in fields]
    return model.from_db(connection.alias, [field.attname for field in fields], values)
