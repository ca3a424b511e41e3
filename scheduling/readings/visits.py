"""What the page of one visit shows. Reads only."""

from __future__ import annotations

from typing import Any

from scheduling import clock
from scheduling.models import Visit
from scheduling.readings import words
from scheduling.rules import states
from scheduling.services import doses, readiness

NOTICE_STATUS = {
    "planned": "wait",
    "suppressed": "hold",
    "claimed": "live",
    "sent": "ok",
    "delivered": "ok",
    "failed": "stop",
    "unknown": "stop",
    "expired": "hold",
}


def file_of(visit: Visit) -> dict[str, Any]:
    """Status, order, gates, moves and messages of a visit loaded with patient, nurse, dose and prescription."""
    dose = visit.dose
    status, word = words.visit_status(visit)
    found: dict[str, Any] = {
        "status": status,
        "word": word,
        "open": visit.state in states.OPEN,
        "notices": [_notice(notice) for notice in visit.notices.order_by("pk")],
        "moves": [],
    }
    if dose is None:
        return found
    day = clock.local_day(visit.starts_at, visit.time_zone)
    found["regimen"] = doses.regimen_of(dose.prescription)
    found["gates"] = [
        {
            "word": gate.title,
            "status": "ok" if gate.met else "stop" if gate.bites_at_booking else "wait",
            "text": gate.sentence.removeprefix(f"{gate.title}:").strip(),
        }
        for gate in readiness.gates(dose, day)
    ]
    others = dose.visits.exclude(pk=visit.pk).select_related("nurse").order_by("pk")
    found["moves"] = [_earlier(other) for other in others]
    return found


def _notice(notice: Any) -> dict[str, Any]:
    return {"row": notice, "status": NOTICE_STATUS[notice.state], "word": notice.get_state_display()}


def _earlier(visit: Visit) -> dict[str, Any]:
    status, word = words.visit_status(visit)
    return {"visit": visit, "status": status, "word": word}
