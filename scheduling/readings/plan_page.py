"""A plan as its page shows it: what it proposes line by line, and what became of each line.

Reads only, in a number of queries that does not grow with the lines. Times are those of the home's wall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from nurses.models import Nurse
from patients.models import Patient
from scheduling import clock, selectors
from scheduling.models import PlanLine, WeekPlan
from scheduling.readings import checks, plan_words, words
from scheduling.services import doses

STATUS = {"waiting": "wait", "running": "live", "done": "ok", "cancelled": "done", "failed": "stop"}
LINE_STATUS = {"proposed": "wait", "taken": "ok", "lost": "stop"}


# --- The proposal -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What one checkbox stands for: a visit, or the days of a course, which are taken together."""

    lines: tuple[PlanLine, ...]
    on: date  # of the first day, on the home's wall
    what: str
    reasons: tuple[str, ...]
    was: str
    again: str  # said of a visit the patient had confirmed

    @property
    def line(self) -> PlanLine:
        return self.lines[0]

    @property
    def others(self) -> tuple[PlanLine, ...]:
        """The later days of a course."""
        return self.lines[1:]

    @property
    def key(self) -> int:
        """What the checkbox posts."""
        return self.line.pk

    @property
    def patient(self) -> Patient:
        return self.line.patient

    @property
    def open(self) -> bool:
        return self.line.state == PlanLine.State.PROPOSED

    @property
    def status(self) -> str:
        return LINE_STATUS[self.line.state]

    @property
    def nurses(self) -> set[int]:
        return {line.nurse_id for line in self.lines if line.nurse_id}

    @property
    def late(self) -> bool:
        """Proposed past its window: whoever takes it says why."""
        return any(reason.get("code") == "LATE" for line in self.lines for reason in line.reasons)

    @property
    def minutes(self) -> int:
        return self.line.minutes


@dataclass(frozen=True)
class Left:
    """A visit no time was found for."""

    line: PlanLine
    what: str
    why: str
    helps: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """All lines of a plan, read once."""

    rows: tuple[Row, ...]
    left: tuple[Left, ...]

    @property
    def days(self) -> list[tuple[date, list[Row]]]:
        """Day -> its rows, in order."""
        found: dict[date, list[Row]] = defaultdict(list)
        for row in self.rows:
            found[row.on].append(row)
        return sorted(found.items())

    @property
    def open(self) -> list[Row]:
        return [row for row in self.rows if row.open]

    @property
    def taken(self) -> list[Row]:
        return [row for row in self.rows if row.line.state == PlanLine.State.TAKEN]

    @property
    def booked(self) -> int:
        """Visits booked from it; each day of a course is one."""
        return sum(len(row.lines) for row in self.taken)

    @property
    def lost(self) -> list[Row]:
        return [row for row in self.rows if row.line.state == PlanLine.State.LOST]

    @property
    def moves(self) -> bool:
        return any(row.line.kind == PlanLine.Kind.MOVE for row in self.open)

    @property
    def nurses(self) -> list[Nurse]:
        found = {line.nurse_id: line.nurse for row in self.open for line in row.lines if line.nurse}
        return sorted(found.values(), key=lambda nurse: nurse.listed_name)

    @property
    def patients(self) -> set[Patient]:
        return {row.patient for row in self.rows} | {one.line.patient for one in self.left}


def lines_of(plan: WeekPlan) -> QuerySet[PlanLine]:
    """The lines with everything a page says of them."""
    return plan.lines.select_related(
        "patient", "dose__prescription", "check_owed", "visit__nurse", "nurse", "made_visit"
    ).order_by("starts_at", "pk")


def proposal(plan: WeekPlan) -> Proposal:
    """Two queries, however many lines."""
    groups: dict[str, list[PlanLine]] = defaultdict(list)
    left: dict[str, list[PlanLine]] = defaultdict(list)
    for line in lines_of(plan):
        (left if line.kind == PlanLine.Kind.LEFT else groups)[line.group].append(line)
    names = nurse_names(line.helps for lines in left.values() for line in lines)
    rows = [_row(tuple(lines)) for lines in groups.values()]
    return Proposal(
        rows=tuple(sorted(rows, key=lambda row: (row.on, row.line.starts_at, row.key))),
        left=tuple(_left(lines, names) for lines in left.values()),
    )


def nurse_names(helps: Iterable[Sequence[Any]]) -> dict[int, str]:
    """Names of the nurses that helps speak of. One query, none when there are none."""
    keys = plan_words.nurse_ids(helps)
    if not keys:
        return {}
    nurses = Nurse.objects.filter(pk__in=keys).only("first_name", "last_name")
    return {nurse.pk: f"{nurse.first_name} {nurse.last_name}" for nurse in nurses}


def _row(lines: tuple[PlanLine, ...]) -> Row:
    first = lines[0]
    return Row(
        lines=lines,
        on=clock.local_day(first.starts_at, first.time_zone),
        what=what_of(lines),
        reasons=tuple(plan_words.reasons(first.reasons)),
        was=_was(first),
        again=_again(first),
    )


def _left(lines: list[PlanLine], names: plan_words.Names) -> Left:
    return Left(
        line=lines[0],
        what=what_of(lines),
        why=plan_words.why_left(lines[0].reasons),
        helps=tuple(plan_words.helps(lines[0].helps, names)),
    )


def what_of(lines: Sequence[PlanLine]) -> str:
    """`Ocrelizumab IV, dose 5`, or `doses 4 to 8` of a course; a check by its kind."""
    first = lines[0]
    if first.dose is not None:
        name = doses.regimen_of(first.dose.prescription).display_name
        numbers = sorted(line.dose.number for line in lines if line.dose is not None)
        if len(numbers) == 1:
            return _("%(drug)s, dose %(n)d") % {"drug": name, "n": numbers[0]}
        return _("%(drug)s, doses %(a)d to %(b)d") % {"drug": name, "a": numbers[0], "b": numbers[-1]}
    if first.check_owed is not None:
        return checks.title_of(first.check_owed)
    return str(first.visit.get_kind_display()) if first.visit is not None else ""


def _was(line: PlanLine) -> str:
    """When and with whom a visit that is to move stands now."""
    if line.kind != PlanLine.Kind.MOVE or line.visit is None:
        return ""
    return _("%(when)s, %(nurse)s") % {
        "when": words.at_words(line.visit.starts_at, line.time_zone),
        "nurse": line.visit.nurse.listed_name,
    }


def _again(line: PlanLine) -> str:
    visit = line.visit
    if visit is None or visit.state != "confirmed":
        return ""
    return _("%(name)s had confirmed and must confirm again.") % {"name": line.patient.first_name}


# --- The list of plans --------------------------------------------------------------------------


@dataclass(frozen=True)
class Earlier:
    """A plan in a list."""

    plan: WeekPlan
    status: str
    became: str


def plans_of(user: selectors.Viewer, first_on: date, last_on: date) -> list[Earlier]:
    """Plans that cover one of the days, the newest first. One query."""
    visits = ~Q(lines__kind=PlanLine.Kind.LEFT)
    found = (
        selectors.plans_for(user)
        .filter(first_on__lte=last_on, last_on__gte=first_on)
        .defer("problem", "result", "progress", "about", "before", "after")
        .annotate(
            proposed=Count("lines__group", filter=visits, distinct=True),
            taken=Count("lines__group", filter=visits & Q(lines__state=PlanLine.State.TAKEN), distinct=True),
            left=Count("lines__group", filter=~visits, distinct=True),
        )
    )
    newest = found.order_by(F("requested_at").desc(), "-pk")[:20]
    return [Earlier(plan, STATUS[plan.state], _became(plan)) for plan in newest]


def _became(plan: Any) -> str:
    """`4 of 12 booked, 2 without a time`."""
    if not plan.proposed and not plan.left:
        return ""
    said = _("%(taken)d of %(n)d booked") % {"taken": plan.taken, "n": plan.proposed}
    if plan.left:
        rest = ngettext("%(n)d without a time", "%(n)d without a time", plan.left) % {"n": plan.left}
        said = _("%(said)s, %(rest)s") % {"said": said, "rest": rest}
    return said


def days_words(first_on: date, last_on: date) -> str:
    """`Nov 23 to Nov 29`, or the one day, `Mon, Nov 23`."""
    first, last = (words.day_words(on, year=False) for on in (first_on, last_on))
    if first_on == last_on:
        return first
    return _("%(first)s to %(last)s") % {"first": first.partition(", ")[2], "last": last.partition(", ")[2]}
