"""Who can come, and when: the nurses' days in memory, judged by the same rules as a real booking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from nurses.models import Competency, Licence, Nurse, Shift, TimeOff
from scheduling.planning.travel import drive_minutes
from scheduling.rules import eligibility
from scheduling.rules.eligibility import Span, Stop

ZONE = ZoneInfo("America/Chicago")
GRID_MINUTES = 15
NOON = time(12, 30)

FAMILIAR_MINUTES = 20  # a nurse the patient knows is worth this much more driving
EMPTY_DAY_MINUTES = 15  # filling a day that has visits already is worth this much
WRONG_HALF_MINUTES = 60  # against the patient's wish for mornings or afternoons

Place = tuple[float, float]


@dataclass
class NurseFile:
    """One nurse with everything the rules ask about; nothing of it is stored yet."""

    nurse: Nurse
    licences: list[Licence] = field(default_factory=list)
    competencies: list[Competency] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    away: list[TimeOff] = field(default_factory=list)
    stops: dict[date, list[Stop]] = field(default_factory=lambda: defaultdict(list))

    def hours_on(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        for shift in self.shifts:
            if shift.weekday == day.weekday():
                yield at(day, shift.starts), at(day, shift.ends)


@dataclass(frozen=True)
class Wish:
    """What a visit needs. `only` limits it to one nurse; `familiar` is one the patient knows."""

    place: Place
    needs: tuple[str, ...]
    minutes: int
    prefers: str = ""
    only: NurseFile | None = None
    familiar: NurseFile | None = None


@dataclass(frozen=True)
class Booking:
    """A place in a nurse's day, taken."""

    file: NurseFile
    span: Span

    @property
    def day(self) -> date:
        return self.span.start.astimezone(ZONE).date()


def at(day: date, wall: time) -> datetime:
    """A time on the wall in Dallas, in UTC."""
    return datetime.combine(day, wall, ZONE).astimezone(UTC)


class Diary:
    """The days of all nurses. `book` takes the best place on the first day that has one.

    `kept`: days of a nurse (by index) that only wishes for her may take.
    """

    def __init__(self, files: list[NurseFile], kept: frozenset[tuple[int, date]] = frozenset()) -> None:
        self.files = files
        self.kept = kept
        self.taken: dict[Place, list[Span]] = defaultdict(list)

    def book(self, wish: Wish, days: Iterable[date]) -> Booking | None:
        """None when nobody can come on any of the days."""
        for day in days:
            best = min(self._possible(wish, day), key=lambda found: found[:3], default=None)
            if best is not None:
                booking = Booking(best[3], best[4])
                booking.file.stops[day].append(Stop(booking.span, wish.place))
                booking.file.stops[day].sort(key=lambda stop: stop.span.start)
                self.taken[wish.place].append(booking.span)
                return booking
        return None

    def release(self, booking: Booking, place: Place) -> None:
        """The visit did not happen: its time is free again."""
        booking.file.stops[booking.day].remove(Stop(booking.span, place))
        self.taken[place].remove(booking.span)

    def _possible(self, wish: Wish, day: date) -> Iterator[tuple[float, datetime, int, NurseFile, Span]]:
        """(cost, start, nurse, file, span) of each place that breaks no rule."""
        files = [wish.only] if wish.only else self.files
        for index, file in enumerate(files):
            if not _qualified(file, wish, day) or (not wish.only and (index, day) in self.kept):
                continue
            for start in _starts(file, wish, day):
                span = Span(start, start + timedelta(minutes=wish.minutes))
                if self._allowed(file, wish, span, day):
                    yield _cost(file, wish, span, day), start, index, file, span

    def _allowed(self, file: NurseFile, wish: Wish, span: Span, day: date) -> bool:
        shifts = [
            eligibility.ShiftFact(x.weekday, x.starts, x.ends, x.from_on, x.until_on) for x in file.shifts
        ]
        away = [Span(x.starts_at, x.ends_at) for x in file.away]
        if eligibility.hours_problem(shifts, away, span, ZONE):
            return False
        stops = file.stops[day]
        booked = sum(_minutes(stop.span) for stop in stops)
        if eligibility.day_limit_problem(booked, wish.minutes, file.nurse.day_limit_minutes):
            return False
        return not any(
            eligibility.room_problems(span, wish.place, stops, self.taken[wish.place], drive_minutes)
        )


def _qualified(file: NurseFile, wish: Wish, day: date) -> bool:
    licences = [
        eligibility.LicenceFact(x.state, x.multistate, x.issued_on, x.expires_on) for x in file.licences
    ]
    skills = [eligibility.CompetencyFact(x.code, x.granted_on, x.expires_on) for x in file.competencies]
    if eligibility.licence_problem(licences, "TX", day):
        return False
    return not any(eligibility.competency_problems(skills, wish.needs, day))


def _starts(file: NurseFile, wish: Wish, day: date) -> Iterator[datetime]:
    """Starts worth trying: when the shift begins, when the afternoon does, and right beside the other visits."""
    length = timedelta(minutes=wish.minutes)
    for opens, _closes in file.hours_on(day):
        yield opens + timedelta(minutes=30)
        yield max(opens, at(day, NOON))
    for stop in file.stops[day]:
        drive = timedelta(minutes=drive_minutes(stop.place, wish.place))
        yield _on_grid(stop.span.end + drive, up=True)
        yield _on_grid(stop.span.start - drive - length, up=False)


def _cost(file: NurseFile, wish: Wish, span: Span, day: date) -> float:
    """Minutes of driving, made larger and smaller by what people would rather have."""
    stops = file.stops[day]
    before = [stop for stop in stops if stop.span.end <= span.start]
    cost = float(drive_minutes(before[-1].place if before else file.nurse.place, wish.place))
    cost += 0 if stops else EMPTY_DAY_MINUTES
    cost -= FAMILIAR_MINUTES if file is wish.familiar else 0
    half = "morning" if span.start < at(day, NOON) else "afternoon"
    return cost + (WRONG_HALF_MINUTES if wish.prefers and wish.prefers != half else 0)


def _minutes(span: Span) -> int:
    return int((span.end - span.start).total_seconds() // 60)


def _on_grid(moment: datetime, *, up: bool) -> datetime:
    over = moment.minute % GRID_MINUTES
    if not over:
        return moment
    return moment + timedelta(minutes=GRID_MINUTES - over if up else -over)
