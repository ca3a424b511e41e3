"""Lab draws and wellness checks that wait for a visit, as lines of the queue. Reads only, in one query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from patients.models import Patient, Prescription
from scheduling import clock, selectors
from scheduling.models import PlannedCheck, Visit
from scheduling.readings import words
from scheduling.readings.plan_mark import PlanMark
from scheduling.rules import states
from scheduling.services import readiness

AHEAD = timedelta(days=60)
BUSY = (Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)


@dataclass(frozen=True)
class CheckRow:
    """One line of the queue that gives no drug. Has what the list reads of a dose's line."""

    check: PlannedCheck
    today: date
    days_left: int
    plan: PlanMark | None = None  # what the newest plan says of it, see readings.plan_marks

    blockers = marks = ()
    blocked = on_hold = never = at_facility = False
    drug = drug_code = amount = numbers = ""
    dose = held = None

    @property
    def key(self) -> str:
        """What a checkbox of the list posts."""
        return f"check-{self.check.pk}"

    @property
    def kind(self) -> str:
        return self.check.kind

    @property
    def patient(self) -> Patient:
        return self.check.patient

    @property
    def title(self) -> str:
        """`Lab draw: Blood count, Liver tests`."""
        return title_of(self.check)

    @property
    def minutes(self) -> int:
        return self.check.minutes

    @property
    def due_on(self) -> date:
        return self.check.due_on

    @property
    def window(self) -> tuple[date, date] | None:
        """First and last day; None when that is the due day alone."""
        first, last = self.check.window_start_on, self.check.window_end_on
        return (first, last) if first != last else None

    @property
    def urgency(self) -> dict[str, str]:
        """Status and words of the days left."""
        status, word = words.days_left(self.days_left)
        return {"status": status, "word": word}


def title_of(check: PlannedCheck) -> str:
    """`Lab draw: Blood count, Liver tests`; the kind alone when nothing more is known."""
    kind = str(check.get_kind_display())
    what = ", ".join(readiness.title_of(kind) for kind in check.what)
    return f"{kind}: {what}" if what else kind


def owed(user: selectors.Viewer, *, today: date) -> QuerySet[PlannedCheck]:
    """Planned checks without a live visit, due within AHEAD of the agency's `today` or overdue."""
    live = Visit.objects.filter(planned_check=OuterRef("pk"), state__in=states.HOLDING)
    return selectors.checks_for(user).filter(
        ~Exists(live),
        Q(prescription__isnull=True) | Q(prescription__status__in=BUSY),
        state=PlannedCheck.State.PLANNED,
        due_on__lte=today + AHEAD,
        patient__status=Patient.Status.ACTIVE,
    )


def rows(user: selectors.Viewer, *, today: date, now: datetime | None = None) -> list[CheckRow]:
    """Every check that waits, in no order."""
    found = []
    for check in owed(user, today=today).order_by():
        there = clock.today_in(check.patient.time_zone, now)
        found.append(CheckRow(check, there, (check.window_end_on - there).days))
    return found
