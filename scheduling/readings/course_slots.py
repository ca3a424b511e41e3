"""Times for the days of a course together, found and told. Reads only, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from patients.models import Patient
from scheduling import clock, selectors
from scheduling.models import PlannedDose
from scheduling.planning.courses import Stop, Way, search_course
from scheduling.planning.team import assemble
from scheduling.readings import slot_words, staffing, words
from scheduling.readings.slot_search import (
    aim_of,
    days_of,
    held_problem,
    nearest,
    refusal,
    road_to,
    stretch,
)
from scheduling.rules.eligibility import Problem
from scheduling.rules.holidays import holiday
from scheduling.services import bookable, preflight
from scheduling.services.bookable import Bookable


@dataclass(frozen=True)
class CourseFinding:
    """`firsts` are the first days asked about, `refused` why a course cannot begin on one, `warnings` what needs a
    reason when it begins on one. `doses` are those of the course in order, one a day."""

    doses: tuple[PlannedDose, ...]
    wanted: tuple[Bookable, ...]
    firsts: tuple[date, ...]
    ways: tuple[Way, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    all_visits_before: int = 0
    blocked: tuple[Problem, ...] = ()
    refused: Mapping[date, Problem] = field(default_factory=dict)
    warnings: Mapping[date, tuple[Problem, ...]] = field(default_factory=dict)
    ruled_out: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def patient(self) -> Patient:
        return self.wanted[0].patient

    @property
    def dose(self) -> PlannedDose:
        """The first one."""
        return self.doses[0]

    @property
    def days(self) -> tuple[date, ...]:
        """Every day some visit of the course may be on."""
        apart = range(len(self.doses))
        return tuple(sorted({first + timedelta(days=n) for first in self.firsts for n in apart}))


def find_course(
    user: selectors.Viewer,
    doses: Sequence[PlannedDose],
    firsts: Sequence[date] | None = None,
    *,
    limit: int = 10,
    now: datetime | None = None,
) -> CourseFinding:
    """The best ways to give `doses` (of one order, by number) on days that follow one another, all or none.

    `firsts` are days of the home the first may be given on; by default those of its window, nearest its due date.
    Each day is judged as if the days before it were booked, as services.courses does when it books them.
    """
    now = now or timezone.now()
    first = doses[0]
    patient = first.prescription.patient
    judge = preflight.judge_of(first, now=now)
    if firsts is None:
        today = clock.today_in(patient.time_zone, now)
        firsts = nearest(first.due_on, days_of(first, today))
    found = CourseFinding(
        tuple(doses), tuple(bookable.of_dose(dose) for dose in doses), tuple(sorted(set(firsts)))
    )
    for dose in doses:
        taken = dose.number in judge.booked
        if blocked := preflight.dose_wide_problems(dose, patient, taken=taken):
            return replace(found, blocked=tuple(blocked))
    judged = {day: _problems(judge, doses, day) for day in found.firsts}
    return _searched(user, found, judged, limit, now)


def _problems(judge: preflight.Judge, doses: Sequence[PlannedDose], first: date) -> list[Problem]:
    """What stands against a course that begins on `first`, each code once; the day is named beyond the first."""
    assumed: dict[int, date] = {}
    found: dict[str, Problem] = {}
    for n, dose in enumerate(doses):
        day = first + timedelta(days=n)
        for problem in judge.problems(dose, day, assumed=assumed):
            text = problem.text if n == 0 else f"{words.day_words(day, year=False)}: {problem.text}"
            found.setdefault(problem.code, Problem(problem.code, text, problem.absolute, problem.taken))
        assumed[dose.number] = day
    return sorted(found.values(), key=lambda problem: not problem.absolute)


def _searched(
    user: selectors.Viewer,
    found: CourseFinding,
    judged: Mapping[date, list[Problem]],
    limit: int,
    now: datetime,
) -> CourseFinding:
    refused = {day: problem for day, problems in judged.items() if (problem := refusal(problems))}
    begins = [day for day in found.firsts if day not in refused]
    if not begins:
        return replace(found, refused=refused)
    days = sorted({day + timedelta(days=n) for day in begins for n in range(len(found.doses))})
    patient = found.patient
    papers = staffing.Papers(patient.state, found.wanted[0].needs, days)
    first, last = stretch(days, patient.time_zone)
    reading = staffing.read(user, patient.pk, first, last, now=now, papers=papers, doses=found.doses)
    if reading.held:
        return replace(found, blocked=(held_problem(reading.held, found.wanted[0]),))
    aims = [aim_of(bookable.of_dose(dose), dose.due_on, reading) for dose in found.doses]
    nurses = assemble(reading.staff.crew, reading.busy, days, aims[0].state, aims[0].needs)
    answer = search_course(
        nurses,
        aims,
        begins,
        after=now,
        outside=frozenset(day for day in begins if judged[day]),
        visits_before=reading.visits_before,
        limit=limit,
        road=road_to(patient.place, nurses),
    )
    return replace(
        found,
        ways=answer.ways,
        names=reading.staff.names,
        all_visits_before=sum(reading.visits_before.values()),
        refused=refused,
        warnings={day: tuple(judged[day]) for day in begins},
        ruled_out=answer.ruled_out,
    )


# --- Words -------------------------------------------------------------------------------------


def reasons(finding: CourseFinding, way: Way) -> list[str]:
    """Why this way, the weightiest first."""
    said = [slot_words.from_due(way.days_from_due)]
    said += [problem.text for problem in finding.warnings.get(way.stops[0].on, ())]
    for stop in way.stops:
        if name := holiday(stop.on):
            said.append(
                _("%(day)s is a holiday: %(name)s")
                % {"day": words.day_words(stop.on, year=False), "name": name}
            )
    said.append(_nurses(way))
    said.append(_("The same time every day") if way.same_time else _("Not the same time every day"))
    added = sum(stop.added_minutes for stop in way.stops)
    said.append(_("+%(added)d min driving in all") % {"added": added})
    if way.visits_before and way.same_nurse:
        said.append(slot_words.seen_before(way.visits_before, finding.all_visits_before))
    return said


def _nurses(way: Way) -> str:
    many = len({stop.nurse for stop in way.stops})
    if many == 1:
        return _("The same nurse every day")
    return ngettext("%(n)d nurse", "%(n)d nurses", many) % {"n": many}


def course_cards(finding: CourseFinding, action: str) -> list[dict[str, Any]]:
    """The ways as ui/slot_card.html shows them: `value` joins the days with `;`, `days` tells each."""
    zone = finding.patient.time_zone
    return [
        {
            "when": _("%(first)s to %(last)s") % {
                "first": words.at_words(way.stops[0].starts_at, zone),
                "last": words.day_words(way.stops[-1].on, year=False),
            },
            "nurse": ", ".join(dict.fromkeys(finding.names[stop.nurse] for stop in way.stops)),
            "days": [
                {"when": words.at_words(stop.starts_at, zone), "nurse": finding.names[stop.nurse]}
                for stop in way.stops
            ],
            "reasons": reasons(finding, way),
            "best": place == 0,
            "action": action,
            "value": ";".join(_value(stop, zone) for stop in way.stops),
        }
        for place, way in enumerate(finding.ways)
    ]  # fmt: skip


def _value(stop: Stop, zone: str) -> str:
    return f"{stop.nurse}|{stop.starts_at.astimezone(ZoneInfo(zone)):%Y-%m-%d|%H:%M}"


def course_shown(finding: CourseFinding) -> dict[str, Any]:
    """The whole answer as JSON has it; its shape is told by api.serializers.CourseOut."""
    return {
        "course": [_shown(finding, way) for way in finding.ways],
        "ruled_out": slot_words.ruled_out_shown(finding.ruled_out),
        "refused": slot_words.refused_shown(finding.blocked, finding.refused),
    }


def _shown(finding: CourseFinding, way: Way) -> dict[str, Any]:
    return {
        "days": [
            {
                "dose": dose.pk,
                "nurse": stop.nurse,
                "nurse_name": finding.names[stop.nurse],
                "starts_at": slot_words.moment_shown(stop.starts_at),
                "ends_at": slot_words.moment_shown(stop.starts_at + wanted.length),
                "on": stop.on.isoformat(),
                "drive_minutes": stop.drive_minutes,
                "added_drive_minutes": stop.added_minutes,
                **slot_words.minutes_shown(wanted),
            }
            for stop, dose, wanted in zip(way.stops, finding.doses, finding.wanted, strict=True)
        ],
        "same_nurse": way.same_nurse,
        "same_time": way.same_time,
        "days_from_due": way.days_from_due,
        "needs_reason": [problem.code for problem in finding.warnings[way.stops[0].on]],
        "reasons": reasons(finding, way),
    }
