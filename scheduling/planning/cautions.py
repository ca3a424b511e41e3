"""What a coordinator should know about a nurse's day before it is published. Pure; nothing here forbids anything.

Codes: NO_TIME_TO_DRIVE, TOO_TIGHT (of a drive); BEFORE_SHIFT, PAST_SHIFT, NO_SHIFT, ON_BREAK, AWAY, LICENCE_EXPIRED,
NOT_LICENSED, COMPETENCY_EXPIRED, NOT_COMPETENT (of a stop); DAY_TOO_LONG, HOME_LATE, LICENCE_EXPIRING,
COMPETENCY_EXPIRING (of the day).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scheduling.planning.busy_hours import Leg
from scheduling.planning.facts import NurseFacts
from scheduling.planning.planned import Planned
from scheduling.rules.eligibility import (
    COMPACT_STATES,
    LicenceFact,
    ShiftFact,
    Span,
    competency_problems,
    day_limit_problem,
    licence_problem,
)

TIGHT_MINUTES = 10
RUNS_OUT_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Caution:
    """`serious`: something does not fit as it stands; else it is only good to know."""

    code: str
    text: str
    serious: bool = True


def of_drive(leg: Leg, slack: int | None) -> Iterator[Caution]:
    """What the drive to a stop says; `slack` None at the first one."""
    if slack is None:
        return
    if slack < 0:
        free = max(leg.minutes + slack, 0)
        yield Caution("NO_TIME_TO_DRIVE", f"The drive takes {leg.minutes} minutes; there are {free}.")
    elif slack < TIGHT_MINUTES:
        said = f"{slack} minutes" if slack != 1 else "1 minute"
        yield Caution("TOO_TIGHT", f"Only {said} to spare before this visit.", serious=False)


def of_stop(nurse: NurseFacts, on: date, planned: Planned) -> Iterator[Caution]:
    """What hours, time off and papers say about one visit. The papers count on the day of the home."""
    visit = Span(planned.starts_at, planned.ends_at)
    if any(away.overlaps(visit) for away in nurse.time_off):
        yield Caution("AWAY", "The nurse is away then.")
    yield from _hours(shifts_on(nurse, on), visit, nurse.zone, on)
    day = planned.starts_at.astimezone(planned.zone).date()
    if planned.state and (licence := licence_problem(nurse.licences, planned.state, day)):
        yield Caution(licence.code, licence.text)
    for problem in competency_problems(nurse.competencies, planned.needs, day):
        yield Caution(problem.code, problem.text)


def of_day(
    nurse: NurseFacts, on: date, stops: Sequence[Planned], home_at: datetime | None, *, today: date
) -> Iterator[Caution]:
    """What the whole day says: its length, the way home, and papers that run out within 30 days of `today`."""
    limit = day_limit_problem(0, sum(stop.held_minutes for stop in stops), nurse.day_limit_minutes)
    if limit:
        yield Caution(limit.code, limit.text)
    shifts = shifts_on(nurse, on)
    if home_at and shifts and home_at > (last := max(span.end for span in _spans(shifts, on, nurse.zone))):
        said = f"Home again at {_clock(home_at.astimezone(nurse.zone).time())}"
        ends = f"the shift ends at {_clock(last.astimezone(nurse.zone).time())}"
        yield Caution("HOME_LATE", f"{said}; {ends}.", serious=False)
    for state in sorted({stop.state for stop in stops if stop.state}):
        if (ends_on := _licence_ends(nurse, state, on)) and ends_on <= today + RUNS_OUT_WITHIN:
            said = f"The nurse's licence for {state} runs out on {_day(ends_on)}."
            yield Caution("LICENCE_EXPIRING", said, serious=False)
    for need in sorted({need for stop in stops for need in stop.needs}):
        if (until := _competency_ends(nurse, need, on)) and until <= today + RUNS_OUT_WITHIN:
            said = f"The nurse's competency “{need}” runs out on {_day(until)}."
            yield Caution("COMPETENCY_EXPIRING", said, serious=False)


def shifts_on(nurse: NurseFacts, on: date) -> list[ShiftFact]:
    """Her hours of the day, earliest first."""
    found = [
        x
        for x in nurse.shifts
        if x.weekday == on.weekday() and x.first_on <= on and (x.last_on is None or on <= x.last_on)
    ]
    return sorted(found, key=lambda shift: shift.starts)


def _hours(shifts: Sequence[ShiftFact], visit: Span, zone: ZoneInfo, on: date) -> Iterator[Caution]:
    if not shifts:
        yield Caution("NO_SHIFT", f"The nurse does not work on {on:%A}, {_day(on)}.")
        return
    spans = _spans(shifts, on, zone)
    around = [
        shift
        for shift, span in zip(shifts, spans, strict=True)
        if span.start <= visit.start and visit.end <= span.end
    ]
    if not around:
        yield from _outside(shifts, spans, visit)
        return
    breaks = [(shift.break_from, shift.break_to) for shift in around if shift.break_from and shift.break_to]
    touched = [pause for pause in breaks if _span(*pause, on, zone).overlaps(visit)]
    if touched and len(touched) == len(around):
        first, last = touched[0]
        said = f"The visit runs over the break, {_clock(first)} to {_clock(last)}."
        yield Caution("ON_BREAK", said)


def _outside(shifts: Sequence[ShiftFact], spans: Sequence[Span], visit: Span) -> Iterator[Caution]:
    begins, ends = min(span.start for span in spans), max(span.end for span in spans)
    if visit.start < begins:
        yield Caution("BEFORE_SHIFT", f"The visit begins before the shift, {_clock(shifts[0].starts)}.")
    if visit.end > ends:
        last = max(shift.ends for shift in shifts)
        yield Caution("PAST_SHIFT", f"The visit ends after the shift, {_clock(last)}.")
    if begins <= visit.start and visit.end <= ends:
        yield Caution("ON_BREAK", "The visit runs over the time between two shifts.")


def _spans(shifts: Sequence[ShiftFact], on: date, zone: ZoneInfo) -> list[Span]:
    return [_span(shift.starts, shift.ends, on, zone) for shift in shifts]


def _span(first: time, last: time, on: date, zone: ZoneInfo) -> Span:
    """Between two walls' clocks, in UTC: by one wall's clock an hour would be lost or won when the clocks change."""
    starts, ends = (datetime.combine(on, wall, zone).astimezone(UTC) for wall in (first, last))
    return Span(starts, ends)


def _licence_ends(nurse: NurseFacts, state: str, on: date) -> date | None:
    """The last day any licence good in the state covers; None when none covers `on`."""

    def good(licence: LicenceFact) -> bool:
        return licence.state == state or (licence.multistate and {licence.state, state} <= COMPACT_STATES)

    held = [x for x in nurse.licences if good(x)]
    return max(x.last_on for x in held) if any(x.first_on <= on <= x.last_on for x in held) else None


def _competency_ends(nurse: NurseFacts, need: str, on: date) -> date | None:
    """The last day the competency covers; None when it has no end, or does not cover `on`."""
    held = [x for x in nurse.competencies if x.code == need]
    if not any(x.first_on <= on and (x.last_on is None or on <= x.last_on) for x in held):
        return None
    ends = [x.last_on for x in held]
    return None if None in ends else max(end for end in ends if end is not None)


def _day(on: date) -> str:
    return f"{on:%b} {on.day}, {on.year}"


def _clock(at: time) -> str:
    return f"{at.hour % 12 or 12}:{at.minute:02d} {'am' if at.hour < 12 else 'pm'}"
