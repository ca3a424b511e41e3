"""A few plain times at which a visit fits: not yet the best ones, but each of them bookable. Pure.

For every wished day, nearest first, each nurse's first start that breaks no rule; of these the one with
the least driving. Days left over are filled with the next nurses, so that one narrow day still has a choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scheduling.rules.eligibility import (
    CompetencyFact,
    Drive,
    LicenceFact,
    Place,
    Problem,
    ShiftFact,
    Span,
    Stop,
    competency_problems,
    day_limit_problem,
    hours_problem,
    licence_problem,
    room_problems,
)

EARLIEST, LATEST = time(8), time(17)  # starts people like to be visited at
STEP = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class NurseFacts:
    """All that decides about one nurse. `stops` are the live visits near the days asked about."""

    key: int
    home: Place
    zone: ZoneInfo
    day_limit_minutes: int
    licences: tuple[LicenceFact, ...]
    competencies: tuple[CompetencyFact, ...]
    shifts: tuple[ShiftFact, ...]
    time_off: tuple[Span, ...]
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The visit to place: where, whose time zone, how long, which competencies, and the patient's other visits."""

    place: Place
    state: str
    zone: ZoneInfo
    length: timedelta
    needs: tuple[str, ...]
    patient_spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class FirstTime:
    """A start (aware, UTC) with a nurse, and the minutes of road to it from where the nurse is before."""

    nurse: int
    starts_at: datetime
    on: date
    drive_minutes: int


def may_give(nurse: NurseFacts, wanted: Wanted, day: date) -> list[Problem]:
    """What the nurse's papers say against a visit on `day`; empty when nothing does."""
    licence = licence_problem(nurse.licences, wanted.state, day)
    return ([licence] if licence else []) + list(competency_problems(nurse.competencies, wanted.needs, day))


def first_times(
    nurses: Sequence[NurseFacts],
    wanted: Wanted,
    days: Iterable[date],
    *,
    drive: Drive,
    after: datetime,
    limit: int = 3,
) -> list[FirstTime]:
    """Up to `limit` times, in the order of `days` (local to the home); none starts at or before `after`."""
    chosen: list[FirstTime] = []
    spare: list[FirstTime] = []
    for day in days:
        found = sorted(
            _of_day(nurses, wanted, day, drive, after), key=lambda x: (x.drive_minutes, x.starts_at, x.nurse)
        )
        chosen += found[:1]
        spare += found[1:limit]
        if len(chosen) == limit:
            break
    return chosen + spare[: limit - len(chosen)]


def _of_day(
    nurses: Sequence[NurseFacts], wanted: Wanted, day: date, drive: Drive, after: datetime
) -> Iterator[FirstTime]:
    for nurse in nurses:
        if may_give(nurse, wanted, day):
            continue
        start = next((at for at in _starts(day, wanted.zone, after) if fits(nurse, wanted, at, drive)), None)
        if start is not None:
            yield FirstTime(nurse.key, start, day, _road_to(nurse, wanted.place, start, drive))


def _starts(day: date, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    wall, last = datetime.combine(day, EARLIEST), datetime.combine(day, LATEST)
    while wall <= last:
        at = wall.replace(tzinfo=zone).astimezone(UTC)
        if at > after:
            yield at
        wall += STEP


def fits(nurse: NurseFacts, wanted: Wanted, start: datetime, drive: Drive) -> bool:
    """Whether hours, other visits, the road and the day's limit leave room for the visit at `start`."""
    span = Span(start, start + wanted.length)
    if hours_problem(nurse.shifts, nurse.time_off, span, nurse.zone):
        return False
    if any(room_problems(span, wanted.place, nurse.stops, wanted.patient_spans, drive)):
        return False
    day = start.astimezone(nurse.zone).date()
    booked = sum(
        _minutes(stop.span) for stop in nurse.stops if stop.span.start.astimezone(nurse.zone).date() == day
    )
    return day_limit_problem(booked, _minutes(span), nurse.day_limit_minutes) is None


def _road_to(nurse: NurseFacts, place: Place, start: datetime, drive: Drive) -> int:
    day = start.astimezone(nurse.zone).date()
    before = [
        stop
        for stop in nurse.stops
        if stop.span.end <= start and stop.span.start.astimezone(nurse.zone).date() == day
    ]
    origin = max(before, key=lambda stop: stop.span.end).place if before else nurse.home
    return drive(origin, place)


def _minutes(span: Span) -> int:
    return int((span.end - span.start).total_seconds() // 60)
