"""The timetable of visits that stand in the database: what planning.timetable computes, for rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

from nurses.models import Nurse
from scheduling.models import Visit
from scheduling.planning.busy_hours import RoadAt
from scheduling.planning.facts import NurseFacts
from scheduling.planning.planned import Planned
from scheduling.planning.timetable import Timetable, timetable
from scheduling.planning.travel import Place
from scheduling.rules import durations, states
from scheduling.services import bookable, doses, preflight, travel


def planned_of(visit: Visit) -> Planned:
    """The visit as a stop of a day; its patient, dose and prescription are loaded."""
    patient, dose = visit.patient, visit.dose
    lead = 0
    if dose is not None:
        lead = durations.premedication_lead(doses.regimen_of(dose.prescription), dose.number)
    return Planned(
        key=visit.pk,
        place=patient.place,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        zone=ZoneInfo(visit.time_zone),
        state=patient.state,
        needs=preflight.needs_of(dose) if dose is not None else bookable.needs_of_kind(visit.kind),
        preparation_minutes=visit.preparation_minutes,
        infusion_minutes=visit.infusion_minutes,
        observation_minutes=visit.observation_minutes,
        wrap_up_minutes=visit.wrap_up_minutes,
        premedication_lead=lead,
        fixed=visit.state != "booked",
        missed=visit.state not in states.HOLDING,
    )


def pairs_of(nurse: Nurse, visits: Sequence[Visit]) -> list[tuple[Place, Place]]:
    """The drives of the day: from home over the visits in the order given, and home again."""
    return list(pairwise([nurse.place, *(visit.patient.place for visit in visits), nurse.place]))


def of_day(
    nurse: Nurse,
    on: date,
    visits: Iterable[Visit],
    *,
    today: date,
    facts: NurseFacts | None = None,
    road: RoadAt | None = None,
) -> Timetable:
    """The timetable of her visits that start on `on`. `facts`: hours and papers to judge by; without them only the
    times count. `road`: where the caller has read it for many days at once; else one query."""
    rows = sorted(visits, key=lambda visit: (visit.starts_at, visit.pk))
    roads = road or travel.roads_at(pairs_of(nurse, rows))
    return timetable(facts or bare(nurse), on, [planned_of(visit) for visit in rows], roads, today=today)


def bare(nurse: Nurse) -> NurseFacts:
    """The nurse without hours and papers: for the times alone."""
    return NurseFacts(
        key=nurse.pk,
        home=nurse.place,
        zone=ZoneInfo(nurse.time_zone),
        day_limit_minutes=nurse.day_limit_minutes,
        licences=(),
        competencies=(),
        shifts=(),
        time_off=(),
        stops=(),
    )
