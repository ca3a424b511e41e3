"""The best times for a visit: every one bookable, ranked by road, day, continuity and wish. Pure.

Between two stops, and inside one stretch of a shift, every start costs the same road. So the search is over
gaps, not over starts: a gap's earliest and latest start are known at once, and the grid gives the best start in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from scheduling.planning.facts import Wanted
from scheduling.planning.team import FAR, Flags, Floats, Ints, Team, floor_second, seconds_of
from scheduling.planning.travel import drives

EARLIEST, LATEST = time(8), time(17)  # starts people like to be visited at
STEP = timedelta(minutes=15)
NOON = time(12)

# What ranks the slots, in minutes of driving that it weighs.
DAY_FROM_DUE = 20
WISH_MISSED = 30
KNOWN_TO_PATIENT = 30  # for a nurse who made all the visits so far; a share of it for a share of them
OUTSIDE_WINDOW = 600

WHY_NOT = {
    "NOT_LICENSED": "No licence for the home's state on these days",
    "NOT_COMPETENT": "Not signed off for this drug on these days",
    "NO_SHIFT": "Does not work on these days",
    "TIME_OFF": "Away on these days",
    "SHIFT_TOO_SHORT": "Hours too short for this visit",
    "DAY_TOO_LONG": "At the day's limit of visits",
    "NO_ROOM": "No room between other visits and the drive",
    "NO_TIME_LEFT": "No start is left on these days",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """A start (aware, UTC) with a nurse. `added_minutes` of road: by way of this home instead of straight on."""

    nurse: int
    starts_at: datetime
    on: date
    drive_minutes: int
    added_minutes: int
    days_from_due: int
    visits_before: int
    wish_met: bool | None  # None when there is no wish
    cost: int


@dataclass(frozen=True, slots=True)
class Found:
    """The best slots first, and by code of WHY_NOT the nurses who have none."""

    slots: tuple[Slot, ...]
    ruled_out: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Starts:
    """The grid: every start asked about, in order, with what it costs whoever comes."""

    at: Ints
    day: Ints  # ordinal, of the home
    last_day: Ints  # the day the visit ends on, of the home
    cost: Ints


def starts_of(
    days: Sequence[date], wanted: Wanted, *, after: datetime, outside: frozenset[date] = frozenset()
) -> Starts:
    """Quarter hours of `days` on the home's wall, later than `after`, clear of the patient's other visits.

    `outside` are the days that need a reason: they come last.
    """
    busy, limit = seconds_of(wanted.patient_spans), floor_second(after)
    length = int(wanted.length.total_seconds())
    rows = []
    for day in sorted(set(days)):
        ordinal = day.toordinal()
        cost = OUTSIDE_WINDOW if day in outside else 0
        if wanted.due_on is not None:
            cost += DAY_FROM_DUE * abs((day - wanted.due_on).days)
        for wall in _walls(day):
            at = wall.replace(tzinfo=wanted.zone).timestamp()
            start = int(at)
            if start <= limit or any(x < start + length and start < y for x, y in busy):
                continue
            missed = wish_met(wall.time(), wanted.prefers) is False
            ends_on = datetime.fromtimestamp(start + length, wanted.zone).toordinal()
            rows.append((start, ordinal, ends_on, cost + WISH_MISSED * missed))
    return Starts(*np.array(rows, np.int64).reshape(-1, 4).T.copy())


def wish_met(start: time, prefers: str) -> bool | None:
    """Whether a start suits a wish for the morning or the afternoon; None without one."""
    if prefers not in {"morning", "afternoon"}:
        return None
    return (start < NOON) == (prefers == "morning")


def continuity_bonus(visits: int, all_visits: int) -> int:
    """What it is worth, in minutes of road, that the patient knows the nurse."""
    return KNOWN_TO_PATIENT * visits // all_visits if all_visits else 0


def search(
    nurses: Team,
    wanted: Wanted,
    starts: Starts,
    *,
    visits_before: Mapping[int, int] | None = None,
    limit: int = 10,
) -> Found:
    """At most one slot a nurse and day of the nurse: the cheapest, of equals the earliest, then the lower key."""
    known = dict(visits_before or {})
    gaps = _gaps(nurses, wanted, starts)
    if not len(gaps.nurse):
        return Found((), _ruled_out(nurses, wanted, starts, np.zeros(0, np.int64)))
    total = sum(known.values())
    bonus = np.array([continuity_bonus(known.get(key, 0), total) for key in nurses.keys.tolist()], np.int64)
    cost = gaps.cost + gaps.added - bonus[gaps.nurse]
    order = np.lexsort((gaps.nurse, gaps.start, cost))
    chosen: dict[tuple[int, int], int] = {}
    for row, nurse, day in zip(
        order.tolist(), gaps.nurse[order].tolist(), gaps.day[order].tolist(), strict=True
    ):
        chosen.setdefault((nurse, day), row)
        if len(chosen) == limit:
            break
    slots = tuple(_slot(nurses, wanted, starts, gaps, row, int(cost[row]), known) for row in chosen.values())
    return Found(slots, _ruled_out(nurses, wanted, starts, gaps.nurse))


@dataclass(frozen=True, slots=True)
class Gaps:
    """One row a gap with room: the nurse's row, the day there, the best start's row and cost, and the road."""

    nurse: Ints
    day: Ints
    start: Ints
    cost: Ints
    drive: Ints
    added: Ints


def _gaps(nurses: Team, wanted: Wanted, starts: Starts) -> Gaps:
    length = int(wanted.length.total_seconds())
    fits_day = nurses.window_booked + length // 60 <= nurses.limits[nurses.window_nurse]
    papers: Flags = np.any(nurses.licensed & nurses.skilled, axis=1)
    window = np.nonzero(
        fits_day & papers[nurses.window_nurse] & (nurses.window_to - nurses.window_from >= length)
    )[0]
    nurse = nurses.window_nurse[window]
    there = np.zeros(nurses.stop_from.shape, np.int64)
    real = nurses.stop_from < FAR
    stops = nurses.stop_place[real]
    there[real] = drives(stops, np.broadcast_to(np.array(wanted.place), stops.shape))
    earliest, latest = _bounds(nurses, there * 60)
    low = np.maximum(nurses.window_from[window, None], earliest[nurse])
    high = np.minimum(nurses.window_to[window, None], latest[nurse]) - length
    row, gap = np.nonzero(low <= high)
    first = np.searchsorted(starts.at, low[row, gap], "left")
    after_last = np.searchsorted(starts.at, high[row, gap], "right")
    best, cost = _best_starts(nurses, starts, nurse[row], first, after_last)
    kept = np.nonzero(best >= 0)[0]
    row, gap = row[kept], gap[kept]
    drive, added = _road(nurses, wanted, there, nurse[row], gap, nurses.window_day[window[row]])
    return Gaps(nurse[row], nurses.window_day[window[row]], best[kept], cost[kept], drive, added)


def _bounds(nurses: Team, there: Ints) -> tuple[Ints, Ints]:
    """(n, stops + 1): the earliest start after the stops before a gap, the latest end before those after it.

    Over all stops, not only the next: where booked visits leave no time to drive, one further off may decide.
    """
    edge = np.full((len(nurses.keys), 1), FAR, np.int64)
    ready = np.where(nurses.stop_to == FAR, FAR, nurses.stop_to + there)
    leave = np.where(nurses.stop_from == FAR, FAR, nurses.stop_from - there)
    earliest = np.hstack([-edge, np.maximum.accumulate(ready, axis=1)])
    latest = np.hstack([np.minimum.accumulate(leave[:, ::-1], axis=1)[:, ::-1], edge])
    return earliest, latest


def _best_starts(
    nurses: Team, starts: Starts, nurse: Ints, first: Ints, after_last: Ints
) -> tuple[Ints, Ints]:
    """Of the starts [first, after_last) the cheapest on which the papers are good; -1 where there is none."""
    best, best_cost = np.full(len(nurse), -1, np.int64), np.zeros(len(nurse), np.int64)
    some = np.nonzero(after_last > first)[0]
    if not len(some):
        return best, best_cost
    counts = (after_last - first)[some]
    begins = np.cumsum(counts) - counts
    start = np.arange(counts.sum()) + np.repeat(first[some] - begins, counts)
    good = (nurses.licensed & nurses.skilled).ravel()
    row = np.repeat(nurse[some] * nurses.licensed.shape[1] - nurses.first_day, counts)
    able = good[row + starts.day[start]] & good[row + starts.last_day[start]]
    # Cost and start in one number: the least is the cheapest, and of equals the earliest.
    size = len(starts.at)
    least = np.minimum.reduceat(np.where(able, starts.cost[start] * size + start, FAR), begins)
    found = least < FAR
    best[some[found]], best_cost[some[found]] = least[found] % size, least[found] // size
    return best, best_cost


def _road(nurses: Team, wanted: Wanted, there: Ints, nurse: Ints, gap: Ints, day: Ints) -> tuple[Ints, Ints]:
    """Minutes to the home from the stop before (or home base), and what the detour adds to the day."""
    here = np.array(wanted.place)
    from_base = drives(nurses.homes, np.broadcast_to(here, nurses.homes.shape))[nurse]
    before, drive_in = _beside(nurses, there, nurse, gap - 1, day, from_base)
    after, drive_on = _beside(nurses, there, nurse, gap, day, from_base)
    return drive_in, drive_in + drive_on - drives(before, after)


def _beside(
    nurses: Team, there: Ints, nurse: Ints, column: Ints, day: Ints, from_base: Ints
) -> tuple[Floats, Ints]:
    """The place beside the gap and the minutes between it and the home: a stop of that day, else the base."""
    places = nurses.homes[nurse]
    minutes = from_base.copy()
    most = there.shape[1]
    if most:
        at = np.clip(column, 0, most - 1)
        stop = (column == at) & (nurses.stop_day[nurse, at] == day)
        places = np.where(stop[:, None], nurses.stop_place[nurse, at], places)
        minutes = np.where(stop, there[nurse, at], minutes)
    return places, minutes


def _slot(
    nurses: Team, wanted: Wanted, starts: Starts, gaps: Gaps, row: int, cost: int, known: Mapping[int, int]
) -> Slot:
    start, key = int(gaps.start[row]), int(nurses.keys[gaps.nurse[row]])
    starts_at = datetime.fromtimestamp(int(starts.at[start]), UTC)
    on = date.fromordinal(int(starts.day[start]))
    return Slot(
        nurse=key,
        starts_at=starts_at,
        on=on,
        drive_minutes=int(gaps.drive[row]),
        added_minutes=int(gaps.added[row]),
        days_from_due=(on - wanted.due_on).days if wanted.due_on else 0,
        visits_before=known.get(key, 0),
        wish_met=wish_met(starts_at.astimezone(wanted.zone).time(), wanted.prefers),
        cost=cost,
    )


def _ruled_out(nurses: Team, wanted: Wanted, starts: Starts, placed: Ints) -> dict[str, tuple[int, ...]]:
    """Who has no slot, each under the first reason that is enough."""
    count, length = len(nurses.keys), int(wanted.length.total_seconds())
    asked = np.unique(starts.day) - nurses.first_day
    left = np.ones(count, bool)
    left[placed] = False
    if not len(asked):
        return {"NO_TIME_LEFT": tuple(nurses.keys.tolist())} if count else {}
    row = nurses.window_nurse
    near = np.isin(nurses.window_day - nurses.first_day, asked)
    long_enough = near & (nurses.window_to - nurses.window_from >= length)
    below_limit = nurses.window_booked + length // 60 <= nurses.limits[row]

    def has(windows: Ints) -> Ints:
        return np.bincount(windows, minlength=count)

    checks = {
        "NOT_LICENSED": nurses.licensed[:, asked].any(axis=1),
        "NOT_COMPETENT": (nurses.licensed & nurses.skilled)[:, asked].any(axis=1),
        "NO_SHIFT": nurses.works,
        "TIME_OFF": has(row[near]) > 0,
        "SHIFT_TOO_SHORT": has(row[long_enough]) > 0,
        "DAY_TOO_LONG": has(row[long_enough & below_limit]) > 0,
        "NO_ROOM": np.zeros(count, bool),
    }
    found: dict[str, tuple[int, ...]] = {}
    for code, passed in checks.items():
        out = left & ~passed
        if out.any():
            found[code] = tuple(nurses.keys[out].tolist())
        left &= passed
    return found


def _walls(day: date) -> Iterator[datetime]:
    wall, last = datetime.combine(day, EARLIEST), datetime.combine(day, LATEST)
    while wall <= last:
        yield wall
        wall += STEP
