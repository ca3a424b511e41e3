"""Booked visits of the next days that are not ready: not confirmed, not authorized, no drug, a paper run out.

Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from scheduling import selectors
from scheduling.models import Visit
from scheduling.readings import gates
from scheduling.readings.unresolved import what_of
from scheduling.rules import states
from scheduling.services.gate_files import Files

WITHIN = timedelta(days=3)  # the last reminder is out by then: somebody should call
ASKED = timedelta(days=2)  # the message that asks for a yes is out by then
STOPPING = {"order", "place", "papers", "labs", "drug"}  # the rest is asked at the door, or is a decision


@dataclass(frozen=True)
class AtRisk:
    """A visit, what it is for, and what is not ready: (title, sentence), the patient's yes first."""

    visit: Visit
    what: str
    warnings: tuple[tuple[str, str], ...]
    unconfirmed: bool = False  # nobody said yes, and it is in the next two days

    @property
    def may_confirm(self) -> bool:
        return self.visit.state == "booked"


def lines(user: selectors.Viewer, *, now: datetime | None = None) -> list[AtRisk]:
    """Open visits of the next days with something not ready; first those of the next two days that nobody confirmed,
    then the next one first. A constant number of queries."""
    now = now or timezone.now()
    soon = selectors.visits_for(user).filter(
        state__in=states.OPEN, starts_at__gt=now, starts_at__lte=now + WITHIN
    )
    visits = list(
        soon.select_related("patient", "nurse", "dose__prescription__patient", "planned_check").order_by(
            "starts_at", "pk"
        )
    )
    files = Files.of([visit.dose for visit in visits if visit.dose is not None], now=now)
    found = [
        AtRisk(visit, what_of(visit), tuple(_warnings(visit, files)), _unconfirmed(visit, now))
        for visit in visits
    ]
    return sorted((line for line in found if line.warnings), key=lambda line: not line.unconfirmed)


def _unconfirmed(visit: Visit, now: datetime) -> bool:
    return visit.state == "booked" and visit.starts_at <= now + ASKED


def _warnings(visit: Visit, files: Files) -> list[tuple[str, str]]:
    if visit.dose is None:
        return [(_("Patient"), _("Not confirmed"))] if visit.state == "booked" else []
    row = gates.row_of(visit.dose, files)
    stopped = [gate for gate in row.closed if gate.group in STOPPING and gate.kind != "patient"]
    risen = [*row.warnings, *(gate for gate in stopped if gate.warning is None)]
    told = [(gate.title, gate.sentence.removeprefix(f"{gate.title}:").strip()) for gate in risen]
    return sorted(told, key=lambda pair: pair[0])
