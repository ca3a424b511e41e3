"""Nurses as arrays: hours, visits and papers over a stretch of days, ready for a search. Pure.

Times are whole seconds since the epoch (UTC), days proleptic ordinals, nurses by their row here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from scheduling.planning.facts import NurseFacts
from scheduling.rules.eligibility import COMPACT_STATES, CompetencyFact, LicenceFact, ShiftFact, Span

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

FAR = 2**55  # later than any visit


@dataclass(frozen=True)
class Team:
    """One row a nurse, by key. Stops stand in the order of their starts, padded with FAR at the end."""

    keys: Ints  # (n,)
    homes: Floats  # (n, 2) degrees
    limits: Ints  # (n,) minutes of visits a day
    licensed: Flags  # (n, days) for the wanted state
    skilled: Flags  # (n, days) all needed competencies
    first_day: int  # ordinal of the first of `days`
    works: Flags  # (n,) has hours on a wanted day, away or not
    window_nurse: Ints  # (w,) a stretch of one shift without time off
    window_day: Ints  # (w,) in the nurse's zone
    window_from: Ints
    window_to: Ints
    window_booked: Ints  # minutes of visits that start on the nurse's day
    stop_from: Ints  # (n, most stops)
    stop_to: Ints
    stop_day: Ints  # in the nurse's zone
    stop_place: Floats  # (n, most stops, 2)


def team(nurses: Iterable[NurseFacts], days: Sequence[date], state: str, needs: Sequence[str]) -> Team:
    """The nurses over `days` (of the home; not empty), their papers judged for `state` and `needs`."""
    rows = sorted(nurses, key=lambda nurse: nurse.key)
    first, last = min(days), max(days) + timedelta(days=1)  # a visit may end on the day after
    ordinals = np.arange(first.toordinal(), last.toordinal() + 1)
    skilled = np.ones((len(rows), len(ordinals)), bool)
    for need in dict.fromkeys(needs):
        held = ((row, x) for row, nurse in enumerate(rows) for x in nurse.competencies if x.code == need)
        skilled &= _covered(held, len(rows), ordinals)
    good = (
        (row, x)
        for row, nurse in enumerate(rows)
        for x in nurse.licences
        if x.state == state or (x.multistate and {x.state, state} <= COMPACT_STATES)
    )
    stop_from, stop_to, stop_day, stop_place, booked = _stops(rows)
    windows, works = _windows(rows, set(days), booked)
    return Team(
        keys=np.array([nurse.key for nurse in rows], np.int64),
        homes=np.array([nurse.home for nurse in rows], np.float64).reshape(-1, 2),
        limits=np.array([nurse.day_limit_minutes for nurse in rows], np.int64),
        licensed=_covered(good, len(rows), ordinals),
        skilled=skilled,
        first_day=first.toordinal(),
        works=works,
        window_nurse=windows[0],
        window_day=windows[1],
        window_from=windows[2],
        window_to=windows[3],
        window_booked=windows[4],
        stop_from=stop_from,
        stop_to=stop_to,
        stop_day=stop_day,
        stop_place=stop_place,
    )


def floor_second(at: datetime) -> int:
    return int(at.timestamp() // 1)


def ceil_second(at: datetime) -> int:
    return -int(-at.timestamp() // 1)


def _covered(papers: Iterable[tuple[int, LicenceFact | CompetencyFact]], count: int, ordinals: Ints) -> Flags:
    """(count, days): some paper of the nurse is good on the day, its first and last day included."""
    held = [(row, x.first_on.toordinal(), (x.last_on or date.max).toordinal()) for row, x in papers]
    found = np.zeros((count, len(ordinals)), bool)
    if held:
        row, first, last = np.array(held, np.int64).T
        good = (first[:, None] <= ordinals) & (ordinals <= last[:, None])
        np.logical_or.at(found, row, good)
    return found


def _stops(rows: Sequence[NurseFacts]) -> tuple[Ints, Ints, Ints, Floats, dict[tuple[int, int], int]]:
    """Padded arrays of the stops, and the minutes booked by (row, day in the nurse's zone)."""
    most = max((len(nurse.stops) for nurse in rows), default=0)
    starts = np.full((len(rows), most), FAR, np.int64)
    ends, days = starts.copy(), np.full((len(rows), most), -1, np.int64)
    places = np.zeros((len(rows), most, 2))
    booked: dict[tuple[int, int], int] = defaultdict(int)
    for row, nurse in enumerate(rows):
        for column, stop in enumerate(sorted(nurse.stops, key=lambda stop: stop.span.start)):
            span = stop.span
            day = span.start.astimezone(nurse.zone).toordinal()
            starts[row, column], ends[row, column] = floor_second(span.start), ceil_second(span.end)
            days[row, column], places[row, column] = day, stop.place
            booked[row, day] += int((span.end - span.start).total_seconds() // 60)
    return starts, ends, days, places, booked


def _windows(
    rows: Sequence[NurseFacts], wanted: set[date], booked: dict[tuple[int, int], int]
) -> tuple[Ints, Flags]:
    """(5, w): row, day, from, to, minutes booked; and who has hours on a wanted day at all."""
    # A day of the home touches the day before and after in another zone.
    near = sorted({day + timedelta(days=n) for day in wanted for n in (-1, 0, 1)})
    known: dict[tuple[str, ShiftFact], list[tuple[int, int, int]]] = {}  # nurses share their hours
    ordinals = {day.toordinal() for day in wanted}
    works = np.zeros(len(rows), bool)
    found: list[tuple[int, int, int, int, int]] = []
    for row, nurse in enumerate(rows):
        away = [(floor_second(x.start), ceil_second(x.end)) for x in nurse.time_off]
        for shift in nurse.shifts:
            key = (nurse.zone.key, shift)
            if key not in known:
                known[key] = _hours(shift, near, nurse.zone)
            for day, begins, ends in known[key]:
                works[row] |= day in ordinals
                minutes = booked.get((row, day), 0)
                if away:
                    found += [(row, day, x, y, minutes) for x, y in _without(begins, ends, away)]
                else:
                    found.append((row, day, begins, ends, minutes))
    return np.array(found, np.int64).reshape(-1, 5).T.copy(), works


def _hours(shift: ShiftFact, days: Iterable[date], zone: ZoneInfo) -> list[tuple[int, int, int]]:
    """Day, begin and end of the shift on those of `days` it is worked on."""
    return [
        (day.toordinal(), _instant(day, shift.starts, zone), _instant(day, shift.ends, zone))
        for day in days
        if day.weekday() == shift.weekday
        and shift.first_on <= day
        and (shift.last_on is None or day <= shift.last_on)
    ]


def _instant(day: date, wall: time, zone: ZoneInfo) -> int:
    return floor_second(datetime.combine(day, wall, zone).astimezone(UTC))


def _without(begins: int, ends: int, away: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The stretches of [begins, ends) that touch no time away."""
    for gone, back in sorted(away):
        if back <= begins or gone >= ends:
            continue
        if begins < gone:
            yield begins, gone
        begins = max(begins, back)
    if begins < ends:
        yield begins, ends


def seconds_of(spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Spans as seconds, rounded outwards."""
    return [(floor_second(span.start), ceil_second(span.end)) for span in spans]
