"""Nurses and their days as the planner wants them. Reads what a roster has read already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from scheduling import clock
from scheduling.models import Visit
from scheduling.readings import roster
from scheduling.readings.plan_wishes import Period, licence_of
from scheduling.readings.roster import Member
from scheduling.rules.eligibility import competency_problems, licence_problem
from scheduling.services import travel
from scheduling.services.bookable import needs_of_kind
from scheduling.services.preflight import needs_of

# Booking lets a nurse leave home whenever she must. A plan sends nobody on the road longer than this before her
# hours, or brings her home later than this after them.
REACH = timedelta(minutes=90)


def row(
    member: Member, period: Period, frozen: Collection[tuple[int, int]], states: Iterable[str]
) -> dict[str, Any]:
    """One nurse of the planner's JSON, without her `frozen` days; `states` are those of the homes."""
    shifts = []
    for n, day in enumerate(period.days):
        shift = None if (member.nurse.pk, n) in frozen else shift_of(member, n, period)
        if shift is not None:
            shifts.append(shift | {"skills": _skills(member, day, states)})
    return {
        "id": str(member.nurse.pk),
        "lat": member.nurse.latitude,
        "lon": member.nurse.longitude,
        "skills": sorted({skill for shift in shifts for skill in shift["skills"]}),
        "shifts": shifts,
    }


def shift_of(member: Member, n: int, period: Period) -> dict[str, Any] | None:
    """Her hours on the n-th day without breaks and time off, and from when until when she may be on the road."""
    spans = [
        [period.seconds(span.start), period.seconds(span.end)]
        for span in roster.free_spans(member.nurse, period.days[n])
    ]
    if not spans:
        return None
    reach = int(REACH.total_seconds())
    return {
        "day": n,
        "start": spans[0][0] - reach,
        "end": spans[-1][1] + reach,
        "spans": spans,
        "limit": member.nurse.day_limit_minutes * 60,
    }


def sound(member: Member, n: int, visits: Sequence[Visit], period: Period) -> bool:
    """Whether what is booked on the n-th day keeps the planner's rules by itself; `visits` in order."""
    shift = shift_of(member, n, period)
    if shift is None:
        return False
    home = member.nurse.place
    places = [home, *(visit.patient.place for visit in visits), home]
    road = travel.drives(pairwise(places))
    leave = period.seconds(visits[0].starts_at) - 60 * road(home, places[1])
    back = period.seconds(visits[-1].ends_at) + 60 * road(places[-2], home)
    at_bedsides = sum(int((visit.ends_at - visit.starts_at).total_seconds()) for visit in visits)
    return (
        shift["start"] <= leave
        and back <= shift["end"]
        and at_bedsides <= shift["limit"]
        and all(_inside(visit, shift["spans"], period) for visit in visits)
        and all(
            a.ends_at + timedelta(minutes=road(a.patient.place, b.patient.place)) <= b.starts_at
            for a, b in pairwise(visits)
        )
    )


def may(member: Member, visit: Visit) -> bool:
    """Whether her papers still allow what she is booked for. Where they do not, a person settles it: a plan that could
    leave the visit with nobody would have to take its time away."""
    needs = needs_of(visit.dose) if visit.dose is not None else needs_of_kind(visit.kind)
    day, facts = clock.local_day(visit.starts_at, visit.time_zone), member.facts
    return not (
        licence_problem(facts.licences, visit.patient.state, day)
        or list(competency_problems(facts.competencies, needs, day))
    )


def _inside(visit: Visit, spans: Iterable[Sequence[int]], period: Period) -> bool:
    begins, ends = period.seconds(visit.starts_at), period.seconds(visit.ends_at)
    return any(a <= begins and ends <= b for a, b in spans)


def _skills(member: Member, day: date, states: Iterable[str]) -> list[str]:
    """Competencies and licences good on the day."""
    held = member.facts.competencies
    able = [code for code in {x.code for x in held} if not list(competency_problems(held, [code], day))]
    licences = member.facts.licences
    licensed = [licence_of(state) for state in states if not licence_problem(licences, state, day)]
    return sorted([*able, *licensed])
