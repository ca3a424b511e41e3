"""Needs booking: doses that fall due without a visit, most urgent first, each with what blocks it.

Reads only, in a number of queries that does not grow with the rows. What depends on today is worked out
here for the day in the patient's zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from patients.models import Hold, Patient
from scheduling import clock, selectors
from scheduling.models import PlannedDose, SlotHold, Visit
from scheduling.readings import checks, words
from scheduling.readings.patient_list import drug_name
from scheduling.readings.plan_mark import PlanMark
from scheduling.readings.queue_marks import (
    Blocker,
    Files,
    Mark,
    drug_mark,
    hold_blockers,
    marks_of,
    order_blockers,
    site_blockers,
)
from scheduling.rules import states
from scheduling.services import doses, readiness
from scheduling.services.bookable import Bookable

AHEAD = checks.AHEAD
BUSY = checks.BUSY


@dataclass(frozen=True)
class Row:
    """One line of the queue: a dose, or the days of one course that are given together."""

    doses: tuple[PlannedDose, ...]
    patient: Patient
    drug: str
    today: date
    planned_on: date | None  # the day it is planned for as of today; None inside a hold without an end
    days_left: int
    blockers: tuple[Blocker, ...]
    marks: tuple[Mark, ...]
    at_facility: bool
    held: SlotHold | None = None  # a time somebody keeps for one of its doses just now
    plan: PlanMark | None = None  # what the newest plan says of it, see readings.plan_marks

    kind = Visit.Kind.INFUSION

    @property
    def key(self) -> str:
        """What a checkbox of the list posts."""
        return f"dose-{self.dose.pk}"

    @property
    def dose(self) -> PlannedDose:
        """The first one: what a button acts on."""
        return self.doses[0]

    @property
    def drug_code(self) -> str:
        return doses.drug_code(self.dose.prescription.regimen_id)

    @property
    def drug_name(self) -> str:
        """The drug alone, where the schedule says too much."""
        return drug_name(self.drug_code)

    @property
    def title(self) -> str:
        """`Ocrelizumab IV, dose 5`."""
        return f"{self.drug}, {self.numbers}"

    @property
    def minutes(self) -> int:
        """Of one visit."""
        return self.dose.total_minutes

    @property
    def due_on(self) -> date:
        return self.dose.due_on

    @property
    def window(self) -> tuple[date, date] | None:
        """First and last day; None when there is none, or it is the due day alone."""
        first, last = self.dose.window_start_on, self.dose.window_end_on
        return (first, last) if first and last and first != last else None

    @property
    def numbers(self) -> str:
        """`dose 5`, or `doses 4 to 8`."""
        if len(self.doses) == 1:
            return _("dose %(number)d") % {"number": self.dose.number}
        return _("doses %(first)d to %(last)d") % {
            "first": self.dose.number,
            "last": self.doses[-1].number,
        }

    @property
    def amount(self) -> str:
        """Milligrams of one dose."""
        each = words.mg_words(self.dose.amount_mg)
        if len(self.doses) == 1 or not each:
            return each
        return _("%(amount)s on each of %(days)d days") % {"amount": each, "days": len(self.doses)}

    @property
    def urgency(self) -> dict[str, str]:
        """Status and words of the days left."""
        status, word = words.days_left(self.days_left)
        return {"status": status, "word": word}

    @property
    def blocked(self) -> bool:
        return bool(self.blockers)

    @property
    def on_hold(self) -> bool:
        return any(blocker.how == "hold" for blocker in self.blockers)

    @property
    def never(self) -> bool:
        """No reason makes it bookable as it stands."""
        return any(blocker.how == "absolute" for blocker in self.blockers)


Line = Row | checks.CheckRow


def unbooked(user: selectors.Viewer, *, today: date) -> QuerySet[PlannedDose]:
    """Planned doses without a live visit, due within AHEAD of the agency's `today` or overdue."""
    live = Visit.objects.filter(dose=OuterRef("pk"), state__in=states.HOLDING)
    return (
        selectors.doses_for(user)
        .filter(
            ~Exists(live),
            state=PlannedDose.State.PLANNED,
            due_on__lte=today + AHEAD,
            prescription__status__in=BUSY,
            prescription__patient__status=Patient.Status.ACTIVE,
        )
        .order_by("prescription_id", "number")
    )


def needing_a_decision(user: selectors.Viewer, *, now: datetime | None = None) -> QuerySet[Visit]:
    """Visits still to come that no longer fit, with why (invariant 4). Those over are in readings.unresolved."""
    found = selectors.visits_for(user).filter(state__in=states.OPEN, ends_at__gt=now or timezone.now())
    return found.exclude(attention="").order_by("starts_at", "pk")


def run_of(user: selectors.Viewer, dose: PlannedDose) -> tuple[PlannedDose, ...]:
    """The dose with the unbooked days of its course that follow it day by day; the dose alone otherwise."""
    if not doses.regimen_of(dose.prescription).goes_on_next_day(dose.number):
        return (dose,)
    live = Visit.objects.filter(dose=OuterRef("pk"), state__in=states.HOLDING)
    course = selectors.doses_for(user).filter(
        ~Exists(live),
        state=PlannedDose.State.PLANNED,
        prescription=dose.prescription_id,
        course=dose.course,
        number__gte=dose.number,
    )
    return next(iter(_next_runs(course.order_by("number"))), (dose,))


def count(user: selectors.Viewer, *, now: datetime | None = None) -> int:
    """How many lines and decisions wait: three queries."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE, now)
    lines = unbooked(user, today=today).order_by().values("prescription_id").distinct().count()
    return lines + checks.owed(user, today=today).count() + needing_a_decision(user, now=now).count()


def lines(user: selectors.Viewer, *, now: datetime | None = None) -> list[Line]:
    """Doses and checks that wait for a visit together, the fewest days left first."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE, now)
    found: list[Line] = [*rows(user, now=now), *checks.rows(user, today=today, now=now)]
    return sorted(found, key=lambda line: (line.days_left, line.due_on, line.patient.search_name, line.key))


def rows(user: selectors.Viewer, *, now: datetime | None = None) -> list[Row]:
    """Every dose that waits, the fewest days left first."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE, now)
    runs = list(_next_runs(unbooked(user, today=today)))
    files = Files.of(runs, now)
    lines = [_row(run, files, now) for run in runs]
    return sorted(
        lines, key=lambda row: (row.days_left, row.dose.due_on, row.patient.search_name, row.dose.pk)
    )


def line_of(user: selectors.Viewer, wanted: Bookable, *, now: datetime | None = None) -> Line | None:
    """The line a dose or a check has now; None when it does not wait any more."""
    if wanted.check is not None:
        owed = checks.rows(user, today=clock.today_in(settings.AGENCY_TIME_ZONE, now), now=now)
        return next((line for line in owed if line.check == wanted.check), None)
    run = run_of(user, wanted.dose)
    return _row(run, Files.of([run], now), now)


def _next_runs(planned: Iterable[PlannedDose]) -> Iterable[tuple[PlannedDose, ...]]:
    """Per prescription the next dose, with the days of its course that follow one another."""
    by_prescription: dict[int, list[PlannedDose]] = defaultdict(list)
    for dose in planned:
        by_prescription[dose.prescription_id].append(dose)
    for waiting in by_prescription.values():
        run = [waiting[0]]
        for dose in waiting[1:]:
            if dose.course != run[0].course or (dose.due_on - run[-1].due_on).days > 1:
                break
            run.append(dose)
        yield tuple(run)


def _row(run: tuple[PlannedDose, ...], files: Files, now: datetime | None) -> Row:
    dose = run[0]
    prescription = dose.prescription
    today = clock.today_in(prescription.patient.time_zone, now)
    day, hold = _planned_day(dose, files, today)
    regimen = doses.regimen_of(prescription)
    gates = readiness.gates(dose, day or today, files.papers)
    site = list(site_blockers(dose, day or today, files))
    order = list(order_blockers(dose, day or today))
    blockers = [*site, *hold_blockers(hold), *order]
    blockers += [
        Blocker(f"MISSING_{gate.kind.upper()}", gate.sentence, "reason")
        for gate in gates
        if gate.bites_at_booking and not gate.met
    ]
    return Row(
        doses=run,
        patient=prescription.patient,
        drug=regimen.display_name,
        today=today,
        planned_on=day,
        days_left=((dose.window_end_on or dose.due_on) - today).days,
        blockers=tuple(blockers),
        marks=(*marks_of(gates, site, order, hold), drug_mark(files.supplies.get(dose.pk))),
        at_facility=any(blocker.code == "SITE_NOT_HOME" for blocker in site),
        held=next((files.held[each.pk] for each in run if each.pk in files.held), None),
    )


def _planned_day(dose: PlannedDose, files: Files, today: date) -> tuple[date | None, Hold | None]:
    """The day the dose is planned for as of today: not before today, and after any hold; with the first hold met."""
    day, first = max(dose.due_on, today), None
    while hold := files.hold_on(dose.prescription, day):
        first = first or hold
        if hold.clears_on is None:
            return None, first
        day = hold.clears_on
    # A hold that covers today matters even when the dose is due after it ends.
    return day, first or files.hold_on(dose.prescription, today)
