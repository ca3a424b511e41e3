"""Nurses as arrays: hours, visits and papers over a stretch of days, ready for a search. Pure.

Times are whole seconds since the epoch (UTC), days proleptic ordinals, nurses by their row here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from scheduling.planning.crew import (
    NO_BREAK,
    Crew,
    Flags,
    Floats,
    Ints,
    columns,
    crew,
    days_of,
    instants,
    midnights,
)
from scheduling.planning.facts import NurseFacts
from scheduling.rules.eligibility import Span

FAR = 2**55  # later than any visit


@dataclass(frozen=True)
class Busy:
    """What changes all day, one entry each, in any order: where nurses have to be, and when they are away.

    `stop_minutes` count towards the day's limit: those of a visit, none for a slot somebody only holds.
    """

    stop_nurse: Ints  # rows of the crew
    stop_from: Ints
    stop_to: Ints
    stop_minutes: Ints
    stop_place: Floats  # (stops, 2)
    away_nurse: Ints
    away_from: Ints
    away_to: Ints


@dataclass(frozen=True)
class Team:
    """One row a nurse, by key. Stops stand in the order of their starts, padded with FAR at the end."""

    keys: Ints  # (n,)
    homes: Floats  # (n, 2) degrees
    limits: Ints  # (n,) minutes of visits a day
    licensed: Flags  # (n, days) for the wanted state
    skilled: Flags  # (n, days) all needed competencies
    first_day: int  # ordinal of the first of `days`
    works: Flags  # (n,) has hours on a wanted day, away or not; not looked at without papers
    window_nurse: Ints  # (w,) a stretch of one shift, clear of time off and of its break; of who has papers
    window_day: Ints  # (w,) in the nurse's zone
    window_from: Ints
    window_to: Ints
    window_whole: Ints  # seconds of the stretch, had it no break
    window_booked: Ints  # minutes of visits that start on the nurse's day
    stop_from: Ints  # (n, most stops)
    stop_to: Ints
    stop_day: Ints  # in the nurse's zone
    stop_place: Floats  # (n, most stops, 2)


def team(nurses: Iterable[NurseFacts], days: Sequence[date], state: str, needs: Sequence[str]) -> Team:
    """The nurses over `days` (of the home; not empty), their papers judged for `state` and `needs`."""
    rows = sorted(nurses, key=lambda nurse: nurse.key)
    return assemble(crew(rows), busy(rows), days, state, needs)


def busy(rows: Sequence[NurseFacts]) -> Busy:
    """The stops and the time off of nurses in the order of their keys."""
    stops = [
        (
            row,
            floor_second(x.span.start),
            ceil_second(x.span.end),
            (x.span.end - x.span.start).total_seconds() // 60,
        )
        for row, nurse in enumerate(rows)
        for x in nurse.stops
    ]
    places = [x.place for nurse in rows for x in nurse.stops]
    away = [
        (row, floor_second(x.start), ceil_second(x.end))
        for row, nurse in enumerate(rows)
        for x in nurse.time_off
    ]
    nurse, starts, ends, minutes = columns([(*stop[:3], int(stop[3])) for stop in stops], 4)
    return Busy(nurse, starts, ends, minutes, np.array(places, np.float64).reshape(-1, 2), *columns(away, 3))


def assemble(known: Crew, changing: Busy, days: Sequence[date], state: str, needs: Sequence[str]) -> Team:
    """What is known of the nurses and what changes, over `days` (of the home; not empty)."""
    first, last = min(days).toordinal(), max(days).toordinal()
    ordinals = np.arange(first, last + 2)  # a visit may end on the day after
    licensed, skilled = known.licensed(state, ordinals), known.skilled(needs, ordinals)
    able = np.any(licensed & skilled, axis=1)
    shift, day = _worked(known, days, able)
    works = np.zeros(len(known.keys), bool)
    works[known.hours.nurse[shift[np.isin(day, [x.toordinal() for x in days])]]] = True
    nurse, day, starts, ends, whole = _windows(known, changing, shift, day)
    stop_from, stop_to, stop_day, stop_place, booked = _stops(known, changing, first - 1, last + 1)
    return Team(
        keys=known.keys,
        homes=known.homes,
        limits=known.limits,
        licensed=licensed,
        skilled=skilled,
        first_day=first,
        works=works,
        window_nurse=nurse,
        window_day=day,
        window_from=starts,
        window_to=ends,
        window_whole=whole,
        window_booked=booked[nurse, day - (first - 1)],
        stop_from=stop_from,
        stop_to=stop_to,
        stop_day=stop_day,
        stop_place=stop_place,
    )


def floor_second(at: datetime) -> int:
    return int(at.timestamp() // 1)


def ceil_second(at: datetime) -> int:
    return -int(-at.timestamp() // 1)


def seconds_of(spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Spans as seconds, rounded outwards."""
    return [(floor_second(span.start), ceil_second(span.end)) for span in spans]


def _worked(known: Crew, days: Sequence[date], able: Flags) -> tuple[Ints, Ints]:
    """(shift, day) of the shifts on or beside `days`, of able nurses: a day of the home touches both in other zones."""
    wanted = np.array([x.toordinal() for x in days], np.int64)
    near = np.unique(np.concatenate([wanted - 1, wanted, wanted + 1]))
    hours = known.hours
    theirs = np.nonzero(able[hours.nurse])[0]
    worked = (
        (hours.weekday[theirs, None] == (near - 1) % 7)  # ordinal 1 was a Monday
        & (hours.first_on[theirs, None] <= near)
        & (near <= hours.last_on[theirs, None])
    )
    shift, column = np.nonzero(worked)
    return theirs[shift], near[column]


def _windows(known: Crew, changing: Busy, shift: Ints, day: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Row, day, from, to, and how long it were without the break: stretches free of time off and of breaks."""
    hours = known.hours
    nurse = hours.nurse[shift]
    starts, ends = _wall(known, nurse, day, hours.starts[shift]), _wall(known, nurse, day, hours.ends[shift])
    pause, resume = np.full((2, len(shift)), FAR, np.int64)
    some = np.nonzero(hours.break_from[shift] != NO_BREAK)[0]
    for moments, column in ((pause, hours.break_from), (resume, hours.break_to)):
        moments[some] = _wall(known, nurse[some], day[some], column[shift[some]])
    cut = np.array([nurse, day, starts, ends, pause, resume])
    if len(changing.away_nurse):
        cut = _present(cut, changing)
    nurse, day, starts, ends, pause, resume = cut
    whole = ends - starts
    before = np.array([nurse, day, starts, np.minimum(ends, pause), whole])
    after = np.array([nurse, day, np.maximum(starts, resume), ends, whole])
    found = np.hstack([before, after])
    found = found[:, found[2] < found[3]]
    return found[0], found[1], found[2], found[3], found[4]


def _wall(known: Crew, nurse: Ints, day: Ints, seconds: Ints) -> Ints:
    """The moments of wall-clock times, each in the nurse's own zone."""
    if len(known.zones) == 1:
        return instants(known.zones[0], day, seconds)
    found = np.zeros(len(day), np.int64)
    for number, zone in enumerate(known.zones):
        there = known.zone[nurse] == number
        found[there] = instants(zone, day[there], seconds[there])
    return found


def _present(cut: Ints, changing: Busy) -> Ints:
    """The stretches without those of time off."""
    away: dict[int, list[tuple[int, int]]] = {}
    gone = zip(
        changing.away_nurse.tolist(), changing.away_from.tolist(), changing.away_to.tolist(), strict=True
    )
    for nurse, start, end in gone:
        away.setdefault(nurse, []).append((start, end))
    touched = np.isin(cut[0], changing.away_nurse)
    pieces = [
        (nurse, day, start, end, pause, resume)
        for nurse, day, starts, ends, pause, resume in cut[:, touched].T.tolist()
        for start, end in _without(starts, ends, away[nurse])
    ]
    return np.hstack([cut[:, ~touched], columns(pieces, 6)])


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


def _stops(known: Crew, changing: Busy, first: int, last: int) -> tuple[Ints, Ints, Ints, Floats, Ints]:
    """Padded arrays of the stops, and the minutes booked by row and day (from `first`) in the nurse's zone."""
    count, width = len(known.keys), last - first + 1
    order = np.lexsort((changing.stop_from, changing.stop_nurse))
    row, begin = changing.stop_nurse[order], changing.stop_from[order]
    many = np.bincount(row, minlength=count)
    most = int(many.max(initial=0))
    column = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
    day = np.full(len(row), first - 1, np.int64)
    for number, zone in enumerate(known.zones):
        there = known.zone[row] == number
        day[there] = days_of(begin[there], first, midnights(zone, first, last))
    starts = np.full((count, most), FAR, np.int64)
    ends, days = starts.copy(), np.full((count, most), first - 1, np.int64)
    places = np.zeros((count, most, 2))
    starts[row, column], ends[row, column], days[row, column] = begin, changing.stop_to[order], day
    places[row, column] = changing.stop_place[order]
    inside = (day >= first) & (day <= last)
    cell, minutes = row[inside] * width + day[inside] - first, changing.stop_minutes[order][inside]
    booked = np.bincount(cell, minutes, minlength=count * width).astype(np.int64).reshape(count, width)
    return starts, ends, days, places, booked
