"""A nurse's day in another order: the earliest times it can be done at. Pure.

What is promised or under way keeps its time. Of the others those that stand before and after the part that changes
keep theirs, too, as long as it fits: each new time is a patient who must be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scheduling.planning.starts import EARLIEST, LATEST, STEP
from scheduling.rules.eligibility import Drive, Place, ShiftFact, Span, Stop, room_problems

OUT_OF_ORDER, NO_TIME_TO_DRIVE, NO_TIME = "OUT_OF_ORDER", "NO_TIME_TO_DRIVE", "NO_TIME"


@dataclass(frozen=True, slots=True)
class Item:
    """A visit of the day as it stands. `fixed`: keeps its time whatever the order.

    `length` is what it takes when it moves: the dose may ask for more minutes by now than were booked. `any_hours`:
    somebody gave a reason for a time outside the nurse's hours already. `taken`: the patient's other visits and times
    somebody else holds for the patient.
    """

    key: int
    place: Place
    span: Span
    length: timedelta
    zone: ZoneInfo  # the home's
    fixed: bool = False
    any_hours: bool = False
    taken: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the visit comes to stand: None when no quarter hour of the day fits. `why`: a code where it cannot be."""

    key: int
    span: Span | None
    why: str = ""


@dataclass(frozen=True)
class Day:
    """What the new order must keep: the nurse's hours without breaks and time off, times others hold, the road.

    `after`: no visit is put at or before this moment. `first_at`: the day begins then; None: when it begins now.
    `close_gaps`: everything that may move comes as early as it can.
    """

    on: date
    zone: ZoneInfo  # the nurse's
    hours: Sequence[Span]
    held: Sequence[Stop]
    drive: Drive
    after: datetime
    first_at: datetime | None = None
    close_gaps: bool = False


def rearrange(items: Sequence[Item], day: Day) -> list[Placed]:
    """The visits in the order given, each with its time. Quarter hours on the home's wall, greedy from the front:
    earlier is never worse for those that follow."""
    present = sorted(items, key=lambda item: (item.span.start, item.key))
    first, last = _changed(items, present)
    begins = day.first_at or (present[0].span.start if present else day.after)
    placed: list[Placed] = []
    before: tuple[Span, Place] | None = None  # the visit before it
    for at, item in enumerate(items):
        earliest = (
            before[0].end + day.drive(before[1], item.place) * timedelta(minutes=1) if before else begins
        )
        moved_by_hand = day.close_gaps or (at == 0 and day.first_at is not None)
        stays = not moved_by_hand and not first <= at <= last and item.span.start >= earliest
        if item.fixed:
            found = Placed(item.key, item.span, _clash(item, earliest, before))
        elif stays:
            found = Placed(item.key, item.span)
        else:
            span = next(_spans(item, day, earliest), None)
            found = Placed(item.key, span, "" if span else NO_TIME)
        placed.append(found)
        if found.span is not None:
            before = found.span, item.place
    return placed


def _clash(item: Item, earliest: datetime, before: tuple[Span, Place] | None) -> str:
    """What stands against a fixed time after the visit before it."""
    if before is None or item.span.start >= earliest:
        return ""
    return OUT_OF_ORDER if item.span.start < before[0].start else NO_TIME_TO_DRIVE


def _changed(items: Sequence[Item], present: Sequence[Item]) -> tuple[int, int]:
    """First and last place that somebody else comes to stand at; an empty stretch (1, 0) when the order stays."""
    differ = [at for at, (new, old) in enumerate(zip(items, present, strict=True)) if new.key != old.key]
    return (differ[0], differ[-1]) if differ else (1, 0)


def _spans(item: Item, day: Day, earliest: datetime) -> Iterator[Span]:
    """The quarter hours of the day that fit the nurse, the patient and the road, earliest first."""
    own = item.span.start.astimezone(item.zone).time().replace(tzinfo=None)
    typed = day.first_at.astimezone(item.zone).time().replace(tzinfo=None) if day.first_at else EARLIEST
    walls = _quarters(min(EARLIEST, own, typed), max(LATEST, own))
    for start in _instants(walls, day, item.zone):
        same = start == item.span.start
        span = item.span if same else Span(start, start + item.length)
        if start < earliest or start <= day.after:
            continue
        if not item.any_hours and not any(x.start <= span.start and span.end <= x.end for x in day.hours):
            continue
        if not any(room_problems(span, item.place, day.held, item.taken, day.drive)):
            yield span


def _quarters(first: time, last: time) -> list[time]:
    """Quarter hours of a wall's clock, both ends included."""
    step = int(STEP.total_seconds()) // 60
    low, high = first.hour * 60 + first.minute, last.hour * 60 + last.minute
    return [time(at // 60, at % 60) for at in range(-(-low // step) * step, high + 1, step)]


def _instants(walls: Sequence[time], day: Day, zone: ZoneInfo) -> Iterator[datetime]:
    """These walls as moments of the nurse's day, in order; what the clocks skip that night does not happen."""
    found = set()
    for on in (day.on - timedelta(days=1), day.on, day.on + timedelta(days=1)):
        for wall in walls:
            moment = datetime.combine(on, wall, zone).astimezone(UTC)
            happens = moment.astimezone(zone).time() == wall
            if happens and moment.astimezone(day.zone).date() == day.on:
                found.add(moment)
    yield from sorted(found)


def working(shifts: Sequence[ShiftFact], away: Sequence[Span], on: date, zone: ZoneInfo) -> list[Span]:
    """The nurse's hours of the local day `on` without breaks and time off, earliest first."""
    found: list[Span] = []
    for shift in shifts:
        if (
            shift.weekday != on.weekday()
            or shift.first_on > on
            or (shift.last_on is not None and shift.last_on < on)
        ):
            continue
        out = list(away)
        if shift.break_from and shift.break_to:
            out.append(_span(shift.break_from, shift.break_to, on, zone))
        found += _without(_span(shift.starts, shift.ends, on, zone), out)
    return sorted(found, key=lambda span: span.start)


def _without(span: Span, out: Sequence[Span]) -> list[Span]:
    left, start = [], span.start
    for hole in sorted(out, key=lambda hole: hole.start):
        if hole.end <= start or hole.start >= span.end:
            continue
        if hole.start > start:
            left.append(Span(start, hole.start))
        start = max(start, hole.end)
    return [*left, Span(start, span.end)] if start < span.end else left


def _span(first: time, last: time, on: date, zone: ZoneInfo) -> Span:
    starts, ends = (datetime.combine(on, wall, zone).astimezone(UTC) for wall in (first, last))
    return Span(starts, ends)
