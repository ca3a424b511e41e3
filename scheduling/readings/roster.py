"""Nurses with all that decides about them, read at once for a stretch of time. Six queries, however many nurses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from nurses.models import Nurse
from scheduling import clock, selectors
from scheduling.models import Visit
from scheduling.planning.facts import NurseFacts
from scheduling.readings import words
from scheduling.readings.staffing import LONGEST
from scheduling.rules import states
from scheduling.rules.eligibility import CompetencyFact, LicenceFact, ShiftFact, Span, Stop
from scheduling.services import travel


@dataclass(frozen=True)
class Member:
    """A nurse with the facts the rules read, and the live visits of the stretch in order."""

    nurse: Nurse
    facts: NurseFacts
    visits: tuple[Visit, ...]


def roster(
    user: selectors.Viewer, starts_at: datetime, ends_at: datetime, *, without: int | None = None
) -> list[Member]:
    """Active nurses by name, with their live visits that touch `[starts_at, ends_at)`; `without` leaves one out."""
    nurses = (
        selectors.nurses_for(user)
        .filter(active=True)
        .prefetch_related("licences", "competencies", "shifts", "time_off")
    )
    by_nurse: dict[int, list[Visit]] = defaultdict(list)
    for visit in (
        selectors.visits_for(user)
        .filter(state__in=states.HOLDING, starts_at__lt=ends_at, ends_at__gt=starts_at)
        .filter(starts_at__gte=starts_at - LONGEST)  # so that the index finds them in years of visits
        .exclude(pk=without)
        .order_by("starts_at", "pk")
    ):
        by_nurse[visit.nurse_id].append(visit)
    return [Member(nurse, facts_of(nurse, by_nurse[nurse.pk]), tuple(by_nurse[nurse.pk])) for nurse in nurses]


def facts_of(nurse: Nurse, visits: Iterable[Visit]) -> NurseFacts:
    """What the rules ask about a nurse; reads the prefetched rows."""
    return NurseFacts(
        key=nurse.pk,
        home=nurse.place,
        zone=ZoneInfo(nurse.time_zone),
        day_limit_minutes=nurse.day_limit_minutes,
        licences=tuple(
            LicenceFact(x.state, x.multistate, x.issued_on, x.expires_on) for x in nurse.licences.all()
        ),
        competencies=tuple(
            CompetencyFact(x.code, x.granted_on, x.expires_on) for x in nurse.competencies.all()
        ),
        shifts=tuple(
            ShiftFact(x.weekday, x.starts, x.ends, x.from_on, x.until_on, x.break_starts, x.break_ends)
            for x in nurse.shifts.all()
        ),
        time_off=tuple(Span(x.starts_at, x.ends_at) for x in nurse.time_off.all() if x.withdrawn_at is None),
        stops=tuple(Stop(Span(x.starts_at, x.ends_at), x.patient.place) for x in visits),
    )


def shifts_on(nurse: Nurse, day: date) -> list[ShiftFact]:
    """The hours of the nurse on a day of their own zone, earliest first."""
    return sorted(
        (
            ShiftFact(x.weekday, x.starts, x.ends, x.from_on, x.until_on, x.break_starts, x.break_ends)
            for x in nurse.shifts.all()
            if x.weekday == day.weekday() and x.from_on <= day and (x.until_on is None or day <= x.until_on)
        ),
        key=lambda shift: shift.starts,
    )


def hours_words(nurse: Nurse, day: date) -> str:
    """`7:00 am to 3:30 pm`; nothing on a day without a shift."""
    return ", ".join(
        f"{words.clock_words(shift.starts)} – {words.clock_words(shift.ends)}"
        for shift in shifts_on(nurse, day)
    )


def away_on(nurse: Nurse, day: date) -> list[Span]:
    """Time off that touches the day, cut to it."""
    first, last = clock.day_bounds(day, nurse.time_zone)
    return [
        Span(max(x.starts_at, first), min(x.ends_at, last))
        for x in nurse.time_off.all()
        if x.withdrawn_at is None and x.starts_at < last and x.ends_at > first
    ]


def capacity_minutes(nurse: Nurse, day: date) -> int:
    """Minutes of shift on the day without breaks and time off, at most the nurse's daily limit."""
    total = sum((span.end - span.start for span in free_spans(nurse, day)), timedelta())
    return min(int(total.total_seconds() // 60), nurse.day_limit_minutes)


def free_spans(nurse: Nurse, day: date) -> list[Span]:
    """The hours of the day without breaks and time off, in order."""
    found, away = [], away_on(nurse, day)
    for shift in shifts_on(nurse, day):
        worked = [_span(nurse, day, shift.starts, shift.ends)]
        pause = (
            [_span(nurse, day, shift.break_from, shift.break_to)]
            if shift.break_from and shift.break_to
            else []
        )
        for gone in (*away, *pause):
            worked = [piece for span in worked for piece in _around(span, gone)]
        found += worked
    return sorted(found, key=lambda span: span.start)


def _span(nurse: Nurse, day: date, first: time, last: time) -> Span:
    """Between two walls' clocks, in UTC: by one wall's clock an hour would be lost or won when the clocks change."""
    zone = ZoneInfo(nurse.time_zone)
    return Span(*(datetime.combine(day, wall, zone).astimezone(UTC) for wall in (first, last)))


def _around(span: Span, gone: Span) -> Iterator[Span]:
    """What is left of the span before and after `gone`."""
    if span.start < min(span.end, gone.start):
        yield Span(span.start, min(span.end, gone.start))
    if max(span.start, gone.end) < span.end:
        yield Span(max(span.start, gone.end), span.end)


@dataclass(frozen=True)
class DayStop:
    """One line of a nurse's day: a visit, and the drive to it from the stop before."""

    visit: Visit
    drive_minutes: int
    tight: bool  # the drive does not fit before it


@dataclass(frozen=True)
class NurseDay:
    """A nurse's day in the nurse's own zone, as the booking page shows it."""

    nurse: Nurse
    day: date
    hours: str
    away: tuple[str, ...]
    stops: tuple[DayStop, ...]
    used: int
    capacity: int


def nurse_day(member: Member, day: date) -> NurseDay:
    """The visits of one day with the drives between, hours and time away."""
    nurse, stops = member.nurse, []
    before = None
    todays = [x for x in member.visits if clock.local_day(x.starts_at, nurse.time_zone) == day]
    roads = travel.drives(pairwise([nurse.place, *(visit.patient.place for visit in todays)]))
    for visit in todays:
        origin = before.patient.place if before else nurse.place
        minutes = roads(origin, visit.patient.place)
        tight = before is not None and visit.starts_at - before.ends_at < timedelta(minutes=minutes)
        stops.append(DayStop(visit, minutes, tight))
        before = visit
    zone = ZoneInfo(nurse.time_zone)
    away = tuple(
        f"{words.clock_words(span.start.astimezone(zone))} – {words.clock_words(span.end.astimezone(zone))}"
        for span in away_on(nurse, day)
    )
    return NurseDay(
        nurse=nurse,
        day=day,
        hours=hours_words(nurse, day),
        away=away,
        stops=tuple(stops),
        used=sum(int((s.visit.ends_at - s.visit.starts_at).total_seconds() // 60) for s in stops),
        capacity=capacity_minutes(nurse, day),
    )
