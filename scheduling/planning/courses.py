"""The best ways to give a course: one visit on each of several days that follow one another, all of them or none. Pure.

A way is judged by its first day: that day's nurse and time on the clock are what the other days are wished to have.
Each of them then takes what is cheapest for it: the same nurse at the same time, the same nurse at another, or
somebody else. The days are apart, so the cheapest for each is the cheapest of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce

import numpy as np

from scheduling.planning.crew import Flags, Ints
from scheduling.planning.facts import Wanted
from scheduling.planning.slots import Road, bonuses, gaps_of, ruled_out
from scheduling.planning.starts import (
    DAY_FROM_DUE,
    OUTSIDE_WINDOW,
    WALLS,
    WISH_MISSED,
    all_starts,
    starts_of,
    wishes_missed,
)
from scheduling.planning.team import FAR, Team
from scheduling.planning.travel import drives

# What it costs, in minutes of road, that a day differs from the first.
OTHER_TIME = 45
OTHER_NURSE = 120

NOT_ALL_DAYS = "NOT_ALL_DAYS"
NONE = FAR // 2  # what costs this much is not possible; a nurse the patient knows may make a cost less than 0


@dataclass(frozen=True, slots=True)
class Stop:
    """One day of a course: a start (aware, UTC) with a nurse, and its road as in Slot."""

    nurse: int
    starts_at: datetime
    on: date
    drive_minutes: int
    added_minutes: int


@dataclass(frozen=True, slots=True)
class Way:
    """A visit for every day of the course, in order."""

    stops: tuple[Stop, ...]
    days_from_due: int  # of the first day
    visits_before: int  # of the first day's nurse
    same_nurse: bool
    same_time: bool
    cost: int


@dataclass(frozen=True, slots=True)
class Ways:
    """The best ways first, at most one a first day and its nurse; and who cannot take the whole course alone."""

    ways: tuple[Way, ...]
    ruled_out: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Day:
    """What a day of the course costs by (nurse, first day, quarter hour); NONE or more where nothing fits."""

    cost: Ints
    at: Ints  # (first days, quarter hours): the start
    drive: Ints
    added: Ints


def search_course(
    nurses: Team,
    wanted: Sequence[Wanted],
    firsts: Sequence[date],
    *,
    after: datetime,
    outside: frozenset[date] = frozenset(),
    visits_before: Mapping[int, int] | None = None,
    limit: int = 10,
    road: Road = drives,
) -> Ways:
    """Ways to give the course, its n-th visit `wanted[n]`, beginning on one of `firsts` (none may be twice).

    `nurses` covers all its days. `outside` are first days for which some day needs a reason: they come last.
    """
    begins = sorted(firsts)
    known = dict(visits_before or {})
    bonus = bonuses(nurses, known)
    days = [
        _day(nurses, one, [first + timedelta(days=n) for first in begins], after, bonus, road)
        for n, one in enumerate(wanted)
    ]
    cost = _totals(days, wanted[0], begins, outside)
    ways = tuple(
        _way(nurses, days, lead, int(cost[lead]), begins, wanted[0], known) for lead in _best(cost, limit)
    )
    return Ways(ways, _who_cannot(nurses, wanted[0], begins, after, days))


def _day(nurses: Team, wanted: Wanted, on: Sequence[date], after: datetime, bonus: Ints, road: Road) -> _Day:
    """What fits on the days `on`, each start by itself: those of a gap share its road."""
    starts = starts_of(on, wanted, after=after)
    gaps = gaps_of(nurses, wanted, starts, road)
    counts = gaps.after_last - gaps.first
    gap = np.repeat(np.arange(len(counts)), counts)
    start = np.arange(len(gap)) + np.repeat(gaps.first - (np.cumsum(counts) - counts), counts)
    good, begin = nurses.licensed & nurses.skilled, nurses.first_day
    able: Flags = good[gaps.nurse[gap], starts.day[start] - begin]
    able = able & good[gaps.nurse[gap], starts.last_day[start] - begin]
    gap, start = gap[able], start[able]
    dearest_first = np.argsort(
        -gaps.added[gap], kind="stable"
    )  # shifts may overlap: the last one written counts
    gap, start = gap[dearest_first], start[dearest_first]
    at = all_starts(on, wanted)
    cell = (gaps.nurse[gap], *np.divmod(np.searchsorted(at.ravel(), starts.at[start]), len(WALLS)))
    shape = (len(nurses.keys), *at.shape)
    cost, drive, added = np.full(shape, FAR, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    wish = WISH_MISSED * wishes_missed(wanted.prefers)
    cost[cell] = gaps.added[gap] + wish[cell[2]] - bonus[cell[0]]
    drive[cell], added[cell] = gaps.drive[gap], gaps.added[gap]
    return _Day(cost, at, drive, added)


def _totals(days: Sequence[_Day], wanted: Wanted, begins: Sequence[date], outside: frozenset[date]) -> Ints:
    """What a way costs that begins with (nurse, first day, quarter hour); NONE or more where there is none."""
    found: Ints = days[0].cost.copy()
    for day in days[1:]:
        found = np.minimum(found + reduce(np.minimum, [part.cost for part in _choices(day)]), FAR)
    about = np.array([OUTSIDE_WINDOW * (first in outside) for first in begins], np.int64)
    if wanted.due_on is not None:
        about += np.array([DAY_FROM_DUE * abs((first - wanted.due_on).days) for first in begins], np.int64)
    return found + about[:, None]


@dataclass(frozen=True, slots=True)
class _Choice:
    """One kind of answer a day can give to (nurse, first day, quarter hour), with what it costs more."""

    cost: Ints
    other_nurse: bool
    other_time: bool


def _choices(day: _Day) -> list[_Choice]:
    """What the first day had, then what differs from it; of equal costs the earlier one is taken."""
    anyone = day.cost.min(axis=0, keepdims=True)
    return [
        _Choice(day.cost, False, False),
        _Choice(day.cost.min(axis=2, keepdims=True) + OTHER_TIME, False, True),
        _Choice(anyone + OTHER_NURSE, True, False),
        _Choice(anyone.min(axis=2, keepdims=True) + OTHER_NURSE + OTHER_TIME, True, True),
    ]


def _best(cost: Ints, limit: int) -> list[tuple[int, int, int]]:
    """(nurse, first day, quarter hour) of the cheapest, one a nurse and first day; of equals the earliest."""
    walls = cost.argmin(axis=2)
    least = np.take_along_axis(cost, walls[..., None], axis=2)[..., 0]
    row, first = np.nonzero(least < NONE)
    wall = walls[row, first]
    order = np.lexsort((row, wall, first, least[row, first]))[:limit]
    return list(zip(row[order].tolist(), first[order].tolist(), wall[order].tolist(), strict=True))


def _way(
    nurses: Team, days: Sequence[_Day], lead: tuple[int, int, int], cost: int, begins: Sequence[date],
    wanted: Wanted, known: Mapping[int, int],
) -> Way:  # fmt: skip
    row, first, wall = lead
    cells = [(row, wall)] + [_cell(day, row, first, wall) for day in days[1:]]
    stops = tuple(
        Stop(
            nurse=int(nurses.keys[nurse]),
            starts_at=datetime.fromtimestamp(int(day.at[first, quarter]), UTC),
            on=begins[first] + timedelta(days=n),
            drive_minutes=int(day.drive[nurse, first, quarter]),
            added_minutes=int(day.added[nurse, first, quarter]),
        )
        for n, (day, (nurse, quarter)) in enumerate(zip(days, cells, strict=True))
    )
    return Way(
        stops=stops,
        days_from_due=(begins[first] - wanted.due_on).days if wanted.due_on else 0,
        visits_before=known.get(stops[0].nurse, 0),
        same_nurse=all(nurse == row for nurse, _quarter in cells),
        same_time=all(quarter == wall for _nurse, quarter in cells),
        cost=cost,
    )


def _cell(day: _Day, row: int, first: int, wall: int) -> tuple[int, int]:
    """(nurse, quarter hour) of the cheapest answer of a day."""
    there = day.cost[:, first]
    costs = [np.broadcast_to(x.cost, day.cost.shape)[row, first, wall] for x in _choices(day)]
    choice = _choices(day)[int(np.argmin(costs))]
    nurse = row if not choice.other_nurse else -1
    quarter = wall if not choice.other_time else -1
    if nurse < 0 and quarter < 0:
        at, who = np.unravel_index(int(there.T.argmin()), there.T.shape)
        return int(who), int(at)
    if nurse < 0:
        return int(there[:, quarter].argmin()), quarter
    return nurse, quarter if quarter >= 0 else int(there[nurse].argmin())


def _who_cannot(
    nurses: Team, wanted: Wanted, begins: Sequence[date], after: datetime, days: Sequence[_Day]
) -> dict[str, tuple[int, ...]]:
    """Who cannot come every day, from any first day: not at all for one reason, or not on all of them."""
    fits: list[Flags] = [np.any(day.cost < NONE, axis=2) for day in days]  # (nurse, first day)
    first: Flags = np.any(fits[0], axis=1)
    alone: Flags = np.any(np.all(np.array(fits), axis=0), axis=1)
    found = ruled_out(nurses, wanted, starts_of(begins, wanted, after=after), np.nonzero(first)[0])
    some = nurses.keys[first & ~alone]
    return {**found, NOT_ALL_DAYS: tuple(some.tolist())} if len(some) else found
