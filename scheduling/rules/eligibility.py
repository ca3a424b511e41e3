"""May this nurse do this visit then? Pure checks over plain values; times are aware, days are local."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Nurse Licensure Compact members a multistate licence counts in, as far as our service area goes.
# Source: NCSBN compact map, state list of 2026; add states with the agency's area.
COMPACT_STATES = frozenset({"TX", "OK", "AR", "LA", "NM", "KS", "MO", "TN", "MS", "CO"})

Place = tuple[float, float]
Drive = Callable[[Place, Place], int]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a booking is refused, or needs a reason when not `absolute`. `taken`: somebody else has the time."""

    code: str
    text: str
    absolute: bool = True
    taken: bool = False


@dataclass(frozen=True, slots=True)
class LicenceFact:
    state: str
    multistate: bool
    first_on: date
    last_on: date


@dataclass(frozen=True, slots=True)
class CompetencyFact:
    code: str
    first_on: date
    last_on: date | None


@dataclass(frozen=True, slots=True)
class ShiftFact:
    """Weekly hours in the nurse's zone; 0 is Monday. A break lies inside the hours, or is None."""

    weekday: int
    starts: time
    ends: time
    first_on: date
    last_on: date | None
    break_from: time | None = None
    break_to: time | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open [start, end), aware."""

    start: datetime
    end: datetime

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Stop:
    """Another visit of the nurse: when and where."""

    span: Span
    place: Place


@dataclass(frozen=True, slots=True)
class Pairs:
    """Nurses a patient is pinned to (`only`; empty: to nobody) and those who are not to come, by key."""

    only: frozenset[int] = frozenset()
    never: frozenset[int] = frozenset()

    def allow(self, nurse: int) -> bool:
        """Nothing was said against this nurse."""
        return nurse not in self.never and (not self.only or nurse in self.only)


NO_PAIRS = Pairs()


def licence_problem(licences: Iterable[LicenceFact], state: str, day: date) -> Problem | None:
    """None when one licence is good in `state` on `day` (first and last day included)."""
    good_there = [
        x for x in licences if x.state == state or (x.multistate and {x.state, state} <= COMPACT_STATES)
    ]
    if any(x.first_on <= day <= x.last_on for x in good_there):
        return None
    if good_there:
        last = max(x.last_on for x in good_there)
        return Problem("LICENCE_EXPIRED", f"The nurse's licence for {state} is valid to {_day(last)}.")
    return Problem("NOT_LICENSED", f"The nurse has no licence for {state}.")


def competency_problems(
    competencies: Iterable[CompetencyFact], needs: Iterable[str], day: date
) -> Iterator[Problem]:
    """One problem for each needed competency that is missing or run out on `day`."""
    held = list(competencies)
    for need in needs:
        own = [x for x in held if x.code == need]
        if any(x.first_on <= day and (x.last_on is None or day <= x.last_on) for x in own):
            continue
        if own:
            yield Problem(
                "COMPETENCY_EXPIRED", f"The nurse's competency “{need}” does not cover {_day(day)}."
            )
        else:
            yield Problem("NOT_COMPETENT", f"The nurse has no competency “{need}”.")


def pair_problem(nurse: int, pairs: Pairs) -> Problem | None:
    """None when the nurse may come to this patient; a wish, so a reason opens it."""
    if pairs.allow(nurse):
        return None
    if nurse in pairs.never:
        return Problem(
            "NURSE_NOT_WANTED", "This nurse is marked never to come to this patient.", absolute=False
        )
    return Problem(
        "OTHER_NURSE_PINNED", "This patient is marked always to have another nurse.", absolute=False
    )


def hours_problem(
    shifts: Iterable[ShiftFact], time_off: Iterable[Span], visit: Span, zone: ZoneInfo
) -> Problem | None:
    """None when the whole visit lies in one shift, clear of its break, and touches no time off.

    A shift's end may be the visit's end.
    """
    if any(away.overlaps(visit) for away in time_off):
        return Problem("TIME_OFF", "The nurse is away then.")
    starts, ends = visit.start.astimezone(zone), visit.end.astimezone(zone)
    day = starts.date()
    todays = [
        x
        for x in shifts
        if x.weekday == day.weekday() and x.first_on <= day and (x.last_on is None or day <= x.last_on)
    ]
    if not todays:
        return Problem("NO_SHIFT", f"The nurse does not work on {day:%A}, {_day(day)}.", absolute=False)
    around = [x for x in todays if ends.date() == day and x.starts <= starts.time() and ends.time() <= x.ends]
    if around:
        return _break_problem(around, starts.time(), ends.time())
    hours = ", ".join(f"{_clock(x.starts)} to {_clock(x.ends)}" for x in todays)
    return Problem(
        "OUTSIDE_SHIFT",
        f"The visit runs from {_clock(starts.time())} to {_clock(ends.time())}; the nurse works {hours}.",
        absolute=False,
    )


def _break_problem(shifts: Sequence[ShiftFact], starts: time, ends: time) -> Problem | None:
    """None when one of the shifts around the visit has no break in it. A visit may touch the break."""
    over = [
        (x.break_from, x.break_to)
        for x in shifts
        if x.break_from and x.break_to and x.break_from < ends and starts < x.break_to
    ]
    if len(over) < len(shifts):
        return None
    first, last = over[0]
    return Problem(
        "ON_BREAK",
        f"The visit runs over the nurse's break, {_clock(first)} to {_clock(last)}.",
        absolute=False,
    )


def room_problems(
    visit: Span, place: Place, nurse_stops: Iterable[Stop], patient_spans: Iterable[Span], drive: Drive
) -> Iterator[Problem]:
    """Overlap for nurse or patient, and driving that does not fit before or after. Ends that touch do not overlap."""
    for other in patient_spans:
        if other.overlaps(visit):
            yield Problem("PATIENT_TAKEN", "The patient has another visit then.", taken=True)
            break
    for stop in nurse_stops:
        if stop.span.overlaps(visit):
            yield Problem("NURSE_TAKEN", "The nurse has another visit then.", taken=True)
            return
    for stop in nurse_stops:
        if stop.span.end <= visit.start:
            gap, minutes = visit.start - stop.span.end, drive(stop.place, place)
        else:
            gap, minutes = stop.span.start - visit.end, drive(place, stop.place)
        if gap < timedelta(minutes=minutes):
            free = gap // timedelta(minutes=1)
            yield Problem(
                "NO_TIME_TO_DRIVE",
                f"The drive to or from the visit beside it takes {minutes} minutes; there are {free}.",
                taken=True,
            )
            return


def day_limit_problem(minutes_booked: int, visit_minutes: int, limit: int) -> Problem | None:
    """Visit minutes of one day against the nurse's daily maximum."""
    total = minutes_booked + visit_minutes
    if total <= limit:
        return None
    return Problem(
        "DAY_TOO_LONG",
        f"That makes {_hours(total)} of visits that day; the nurse's limit is {_hours(limit)}.",
        absolute=False,
    )


def _hours(minutes: int) -> str:
    return f"{minutes // 60} h {minutes % 60:02d}" if minutes % 60 else f"{minutes // 60} h"


def _day(on: date) -> str:
    return f"{on:%b} {on.day}, {on.year}"


def _clock(at: time) -> str:
    return f"{at.hour % 12 or 12}:{at.minute:02d} {'am' if at.hour < 12 else 'pm'}"
