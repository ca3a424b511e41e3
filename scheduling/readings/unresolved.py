"""Visits that are over with nothing recorded. Reads only.

A past visit is never taken for done or for missed: it is unresolved until a person says what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from scheduling import selectors
from scheduling.models import Visit
from scheduling.readings import checks, words
from scheduling.readings.patient_list import drug_name
from scheduling.rules import states
from scheduling.services import doses

UNFINISHED = states.HOLDING - {"completed"}


@dataclass(frozen=True)
class Silent:
    """A visit that waits for a person's word, with what may be said of it."""

    visit: Visit
    what: str
    may_record: bool
    may_cancel: bool
    may_miss: bool

    @property
    def status(self) -> tuple[str, str]:
        """Status and word of the state it was left in."""
        return words.visit_status(self.visit)


def unresolved(user: selectors.Viewer, *, now: datetime | None = None) -> QuerySet[Visit]:
    """Visits whose end has passed without an outcome, the oldest first."""
    found = selectors.visits_for(user).filter(state__in=UNFINISHED, ends_at__lte=now or timezone.now())
    return found.order_by("starts_at", "pk")


def lines(visits: QuerySet[Visit]) -> list[Silent]:
    """The visits as lists show them: one query."""
    return [_line(visit) for visit in visits.select_related("planned_check")]


def _line(visit: Visit) -> Silent:
    allowed = states.MOVES[visit.state]
    return Silent(
        visit=visit,
        what=what_of(visit),
        may_record="completed" in allowed and (visit.dose is not None or visit.planned_check is not None),
        may_cancel="cancelled" in allowed,
        may_miss="missed" in allowed,
    )


def what_of(visit: Visit) -> str:
    """`Ocrelizumab, dose 5`; what is drawn; or the kind of visit."""
    if visit.dose is not None:
        drug = drug_name(doses.drug_code(visit.dose.prescription.regimen_id))
        return _("%(drug)s, dose %(number)d") % {"drug": drug, "number": visit.dose.number}
    if visit.planned_check is not None:
        return checks.title_of(visit.planned_check)
    return str(visit.get_kind_display())
