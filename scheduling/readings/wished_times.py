"""The times that fit a patient's wish for another one, beside the form that moves the visit. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from scheduling import selectors
from scheduling.models import PlannedDose, Visit
from scheduling.planning.slots import Slot
from scheduling.readings import replies, slots, words

MOST = 5
LOOKED_AT = 40  # so that the half of the day asked for is found among cheaper times of the other one


def times_for(
    user: selectors.Viewer,
    visit: Visit,
    asked: replies.Answer,
    days: Sequence[date],
    *,
    now: datetime | None = None,
) -> list[dict[str, Any]]:
    """Up to five times on the days asked for that are among `days` (all of them when none was named): `when`, `nurse`,
    `reasons`, and the `query` that opens the form with it. The half of the day asked for comes first.

    [] where nothing fits, and for a visit that is neither of a dose nor of a check.
    """
    wished = [day for day in days if replies.is_wished(asked, day)] or list(days)
    if visit.dose is not None:
        found = slots.find(
            user, _as_wished(visit.dose, asked), wished, moving=visit, limit=LOOKED_AT, now=now
        )
    elif visit.planned_check is not None:
        found = slots.find_for_check(
            user, visit.planned_check, wished, moving=visit, limit=LOOKED_AT, now=now
        )
    else:
        return []
    zone = ZoneInfo(visit.patient.time_zone)

    def as_asked(slot: Slot) -> bool:
        start = slot.starts_at.astimezone(zone).time().replace(second=0)
        return replies.wished_start(asked, start) == start

    in_order = sorted(found.slots, key=lambda slot: not as_asked(slot))
    return [
        {
            "when": words.at_words(slot.starts_at, visit.patient.time_zone),
            "nurse": found.names[slot.nurse],
            "reasons": slots.reasons(found, slot),
            "query": _query(slot, slot.starts_at.astimezone(zone).time()),
        }
        for slot in in_order[:MOST]
    ]


def _as_wished(dose: PlannedDose, asked: replies.Answer) -> PlannedDose:
    """A copy, not to be saved, of a patient who always prefers the half of the day they ask for this time."""
    part = (asked.reply.wishes or {}).get("part")
    if not part:
        return dose
    dose = copy(dose)
    dose.prescription = copy(dose.prescription)
    dose.prescription.patient = copy(dose.prescription.patient)
    dose.prescription.patient.prefers = part
    return dose


def _query(slot: Slot, start: time) -> str:
    return urlencode({"nurse": slot.nurse, "day": slot.on.isoformat(), "start": f"{start:%H:%M}"})
