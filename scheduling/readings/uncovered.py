"""Visits that lost their nurse: she is away, has left, her papers or hours end before the day, or she is not to come
to this patient any more. Reads only.

Worked out from what is on file, not from a mark on the visit: a licence that a renewal changes, or hours an
administrator ends, need nobody to remember the visits. Eight queries, however many visits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Prefetch
from django.utils import timezone

from nurses.models import Nurse
from scheduling import clock, selectors
from scheduling.models import Visit
from scheduling.planning.facts import NurseFacts
from scheduling.readings import roster
from scheduling.rules import eligibility, states
from scheduling.rules.eligibility import Problem, Span
from scheduling.services import absences, bookable, doses, pairs_on_file, preflight

Papers = tuple[int, str, tuple[str, ...], date]  # whose, for which state, competencies, day
COLUMNS = (
    "pk", "nurse_id", "starts_at", "ends_at", "patient__time_zone", "patient__state", "kind",
    "dose__prescription__regimen_id", "override_codes", "patient_id",
)  # fmt: skip


@dataclass(frozen=True)
class Uncovered:
    """A booked visit that needs another nurse or time. `why` is never empty; `latest_on` closes its window."""

    visit: Visit
    why: tuple[Problem, ...]
    latest_on: date
    days_left: int

    @property
    def reason(self) -> str:
        """The weightiest reason, as a sentence."""
        return self.why[0].text


def find(
    user: selectors.Viewer, *, nurse_id: int | None = None, now: datetime | None = None
) -> list[Uncovered]:
    """The open visits, not over yet, that no longer fit their nurse; the least slack first."""
    now = now or timezone.now()
    why = reasons(user, nurse_id=nurse_id, now=now)
    visits = selectors.visits_for(user).filter(pk__in=why)
    found = [
        _uncovered(visit, why[visit.pk], now)
        for visit in visits.select_related("planned_check", "dose__prescription__patient")
    ]
    return sorted(found, key=lambda one: (one.days_left, one.visit.starts_at, one.visit.pk))


def count(user: selectors.Viewer, *, now: datetime | None = None) -> int:
    """How many there are."""
    return len(reasons(user, now=now))


def by_nurse(user: selectors.Viewer, *, now: datetime | None = None) -> Counter[int]:
    """Nurse -> how many of her visits are uncovered."""
    pks = reasons(user, now=now)
    return Counter(
        selectors.visits_for(user).filter(pk__in=pks).order_by().values_list("nurse_id", flat=True)
    )


def reasons(
    user: selectors.Viewer, *, nurse_id: int | None = None, now: datetime | None = None
) -> dict[int, tuple[Problem, ...]]:
    """Id of each uncovered visit -> what is wrong with its nurse, for pages that mark them."""
    now = now or timezone.now()
    open_visits = selectors.visits_for(user).filter(state__in=states.OPEN, ends_at__gt=now)
    if nurse_id is not None:
        open_visits = open_visits.filter(nurse_id=nurse_id)
    rows = list(open_visits.order_by().values_list(*COLUMNS))
    judge = _Judge(_nurses({row[1] for row in rows}))
    pairs = pairs_on_file.may_come({row[-1] for row in rows}) if rows else {}
    found = {}
    for pk, nurse, starts_at, ends_at, home_zone, state, kind, regimen_id, accepted, patient in rows:
        needs = (
            (preflight.IV, doses.drug_code(regimen_id)) if regimen_id else tuple(bookable.needs_of_kind(kind))
        )
        problems = judge.problems(nurse, Span(starts_at, ends_at), home_zone, state, needs, accepted)
        pair = eligibility.pair_problem(nurse, pairs[patient])
        if pair and pair.code not in accepted:
            problems += (pair,)
        if problems:
            found[pk] = problems
    return found


def _uncovered(visit: Visit, why: tuple[Problem, ...], now: datetime) -> Uncovered:
    day = clock.local_day(visit.starts_at, visit.time_zone)
    latest = day
    if visit.dose is not None:
        latest = visit.dose.window_end_on or day
    elif visit.planned_check is not None:
        latest = visit.planned_check.window_end_on
    return Uncovered(visit, why, latest, (latest - clock.today_in(visit.time_zone, now)).days)


def _nurses(ids: Iterable[int]) -> dict[int, tuple[bool, NurseFacts]]:
    """Whether they work here, and what decides about them; their stops are left out."""
    nurses = Nurse.objects.filter(pk__in=ids).prefetch_related(
        "licences", "competencies", "shifts", Prefetch("time_off", absences.standing())
    )
    return {nurse.pk: (nurse.active, roster.facts_of(nurse, ())) for nurse in nurses}


class _Judge:
    """Nurses against visits. Papers are looked at once for each nurse, home state, need and day."""

    def __init__(self, nurses: Mapping[int, tuple[bool, NurseFacts]]) -> None:
        self.nurses = nurses
        self.papers: dict[Papers, tuple[Problem, ...]] = {}

    def problems(
        self, nurse: int, span: Span, home_zone: str, state: str, needs: tuple[str, ...], accepted: list[str]
    ) -> tuple[Problem, ...]:
        """Without what a named person accepted with a reason, and without a break: she is there all the same."""
        active, facts = self.nurses[nurse]
        found = [] if active else [Problem("NURSE_INACTIVE", "The nurse no longer works here.")]
        hours = eligibility.hours_problem(facts.shifts, facts.time_off, span, facts.zone)
        if hours and hours.code != "ON_BREAK" and (hours.absolute or hours.code not in accepted):
            found.append(hours)
        zone = ZoneInfo(home_zone)
        for day in sorted({span.start.astimezone(zone).date(), span.end.astimezone(zone).date()}):
            found += self._papers((nurse, state, needs, day))
        return tuple(dict.fromkeys(found))

    def _papers(self, key: Papers) -> tuple[Problem, ...]:
        if key not in self.papers:
            nurse, state, needs, day = key
            facts = self.nurses[nurse][1]
            licence = eligibility.licence_problem(facts.licences, state, day)
            able = eligibility.competency_problems(facts.competencies, needs, day)
            self.papers[key] = (*([licence] if licence else []), *able)
        return self.papers[key]
