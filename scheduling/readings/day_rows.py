"""A day's visits as plain rows, for programs: one nurse's or the whole branch's. One query, however many rows."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings

from nurses.models import Nurse
from scheduling import clock, selectors
from scheduling.rules import states

SHOWN = sorted(states.HOLDING | {"missed"})
FIELDS = (
    "id", "nurse", "patient", "kind", "dose", "dose__number", "planned_check", "starts_at", "ends_at", "time_zone",
    "preparation_minutes", "infusion_minutes", "observation_minutes", "wrap_up_minutes", "state", "version",
    "attention_code",
)  # fmt: skip
NAMES = tuple(name.replace("__", "_") for name in FIELDS)


def of_day(user: selectors.Viewer, on: date, nurse: Nurse | None = None) -> list[dict[str, Any]]:
    """The visits that start on `on`, by nurse and start: on the nurse's own wall, or for the branch the agency's.

    Ids and times only, nothing of a chart: whom to visit and what to bring is read from the visit.
    """
    zone = nurse.time_zone if nurse else settings.AGENCY_TIME_ZONE
    opens, closes = clock.day_bounds(on, zone)
    visits = selectors.visits_for(user).filter(starts_at__gte=opens, starts_at__lt=closes, state__in=SHOWN)
    if nurse is not None:
        visits = visits.filter(nurse=nurse)
    rows = visits.order_by("nurse_id", "starts_at", "pk").values_list(*FIELDS)
    return [dict(zip(NAMES, row, strict=True)) for row in rows.iterator(chunk_size=2_000)]
