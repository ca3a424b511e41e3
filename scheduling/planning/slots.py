"""The best times for a visit: every one bookable, ranked by road, day, continuity and wish. Pure.

Between two stops, and inside one stretch of a shift, every start costs the same road. So the search is over
gaps, not over starts: a gap's earliest and latest start are known at once, and the grid gives the best start in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from scheduling.planning.crew import Flags, Floats, Ints
from scheduling.planning.facts import Wanted
from scheduling.planning.starts import EARLIEST, LATEST, STEP, Starts, near, starts_of, wish_met
from scheduling.planning.team import FAR, Team
from scheduling.planning.travel import Minutes, Places, drives

__all__ = [
    "EARLIEST", "KNOWN_TO_PATIENT", "LATEST", "STEP", "WHY_NOT", "Found", "Slot", "Starts", "near", "search",
    "starts_of", "wish_met",
]  # fmt: skip

KNOWN_TO_PATIENT = (
    30  # minutes of road, for a nurse who made all the visits so far; a share of it for a share
)
OWN_TIME_LOST = 30  # and for the nurse of a time that was lost: the patient was told her name

WHY_NOT = {
    "NOT_LICENSED": "No licence for the home's state on these days",
    "NOT_COMPETENT": "Not signed off for this drug on these days",
    "NURSE_NOT_WANTED": "Marked never to come to this patient",
    "OTHER_NURSE_PINNED": "The patient always has another nurse",
    "NO_SHIFT": "Does not work on these days",
    "TIME_OFF": "Away on these days",
    "SHIFT_TOO_SHORT": "Hours too short for this visit",
    "ON_BREAK": "No time long enough beside the break",
    "DAY_TOO_LONG": "At the day's limit of visits",
    "NO_ROOM": "No room between other visits and the drive",
    "NO_TIME_LEFT": "No start is left on these days",
}

# Minutes of road from each place to the one beside it in the other array.
Road = Callable[[Places, Places], Minutes]


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


def continuity_bonus(visits: int, all_visits: int) -> int:
    """What it is worth, in minutes of road, that the patient knows the nurse."""
    return KNOWN_TO_PATIENT * visits // all_visits if all_visits else 0


def search(
    nurses: Team,
    wanted: Wanted,
    starts: Starts,
    *,
    visits_before: Mapping[int, int] | None = None,
    told: int | None = None,
    limit: int = 10,
    road: Road = drives,
) -> Found:
    """At most one slot a nurse and day of the nurse: the cheapest, of equals the earliest, then the lower key.

    `told` is the nurse the patient was told about, when a time was lost.
    """
    known = dict(visits_before or {})
    gaps = gaps_of(nurses, wanted, starts, road)
    cost = gaps.cost + gaps.added - bonuses(nurses, known, told)[gaps.nurse]
    slots = tuple(
        _slot(nurses, wanted, starts, gaps, row, int(cost[row]), known)
        for row in _best(gaps, cost, len(nurses.keys), len(starts.at), limit)
    )
    return Found(slots, ruled_out(nurses, wanted, starts, gaps.nurse))


def bonuses(nurses: Team, known: Mapping[int, int], told: int | None = None) -> Ints:
    """By row, the minutes of road each nurse is worth to this patient."""
    found = np.zeros(len(nurses.keys), np.int64)
    total = sum(known.values())
    worth = {key: continuity_bonus(visits, total) for key, visits in known.items()}
    if told is not None:
        worth[told] = worth.get(told, 0) + OWN_TIME_LOST
    for key, minutes in worth.items():
        found[nurses.keys == key] = minutes
    return found


@dataclass(frozen=True, slots=True)
class Gaps:
    """One row a gap with room: the nurse's row, the day there, the grid's starts [first, after_last) that lie in
    it, of those the best one's row and its cost, and the road."""

    nurse: Ints
    day: Ints
    first: Ints
    after_last: Ints
    start: Ints
    cost: Ints
    drive: Ints
    added: Ints


def gaps_of(nurses: Team, wanted: Wanted, starts: Starts, road: Road = drives) -> Gaps:
    """Every gap in which some start of the grid fits, for a nurse whose papers and hours allow it."""
    length = int(wanted.length.total_seconds())
    papers = np.any(nurses.licensed & nurses.skilled, axis=1) & _allowed(nurses, wanted)
    window = np.nonzero(
        papers[nurses.window_nurse]
        & (nurses.window_booked + length // 60 <= nurses.limits[nurses.window_nurse])
        & (nurses.window_to - nurses.window_from >= length)
    )[0]
    nurse = nurses.window_nurse[window]
    there, back = _to_and_from(nurses, wanted, papers, road)
    earliest, latest = _bounds(nurses, there * 60, back * 60)
    low = np.maximum(nurses.window_from[window, None], earliest[nurse])
    high = np.minimum(nurses.window_to[window, None], latest[nurse]) - length
    row, gap = np.nonzero(low <= high)
    first = np.searchsorted(starts.at, low[row, gap], "left")
    after_last = np.searchsorted(starts.at, high[row, gap], "right")
    best, cost = _best_starts(nurses, starts, nurse[row], first, after_last)
    kept = np.nonzero(best >= 0)[0]
    row, gap = row[kept], gap[kept]
    nurse, day = nurse[row], nurses.window_day[window[row]]
    drive, added = _detour(nurses, wanted, (there, back), nurse, gap, day, road)
    return Gaps(nurse, day, first[kept], after_last[kept], best[kept], cost[kept], drive, added)


def _allowed(nurses: Team, wanted: Wanted) -> Flags:
    """By row, whether the patient's pairs let the nurse come."""
    only, never = wanted.pairs.only, wanted.pairs.never
    found: Flags = ~np.isin(nurses.keys, list(never))
    return found & np.isin(nurses.keys, list(only)) if only else found


def _to_and_from(nurses: Team, wanted: Wanted, papers: Flags, road: Road) -> tuple[Ints, Ints]:
    """Minutes from every stop to the home, and from the home to every stop; for nurses who may come at all."""
    there = np.zeros(nurses.stop_from.shape, np.int64)
    real = (nurses.stop_from < FAR) & papers[:, None]
    stops = nurses.stop_place[real]
    here = np.broadcast_to(np.array(wanted.place), stops.shape)
    there[real] = road(stops, here)
    if road is drives:  # as long one way as the other
        return there, there
    back = np.zeros(there.shape, np.int64)
    back[real] = road(here, stops)
    return there, back


def _bounds(nurses: Team, there: Ints, back: Ints) -> tuple[Ints, Ints]:
    """(n, stops + 1): the earliest start after the stops before a gap, the latest end before those after it.

    Over all stops, not only the next: where booked visits leave no time to drive, one further off may decide.
    """
    count, most = nurses.stop_from.shape
    earliest = np.full((count, most + 1), -FAR, np.int64)
    latest = np.full((count, most + 1), FAR, np.int64)
    earliest[:, 1:] = np.where(nurses.stop_to == FAR, FAR, nurses.stop_to + there)
    latest[:, :-1] = np.where(nurses.stop_from == FAR, FAR, nurses.stop_from - back)
    np.maximum.accumulate(earliest, axis=1, out=earliest)
    return earliest, np.minimum.accumulate(latest[:, ::-1], axis=1)[:, ::-1]


def _best_starts(
    nurses: Team, starts: Starts, nurse: Ints, first: Ints, after_last: Ints
) -> tuple[Ints, Ints]:
    """Of the starts [first, after_last) the cheapest on which the papers are good; -1 where there is none.

    Cost and start are one number, the least of them the cheapest and of equals the earliest; the least of any
    stretch is that of two overlapping stretches of a power of two, which are worked out once.
    """
    size = len(starts.at)
    least = np.full(len(nurse), FAR, np.int64)
    if not size:
        return np.full(len(nurse), -1, np.int64), least
    table = _least_of_powers(starts.cost * size + np.arange(size))
    changes = np.nonzero((np.diff(starts.day) != 0) | (np.diff(starts.last_day) != 0))[0] + 1
    edges = np.append(
        changes, size
    )  # papers are judged by the day: a stretch of starts with one answer ends here
    good, begin = nurses.licensed & nurses.skilled, nurses.first_day
    left = np.nonzero(first < after_last)[0]
    at = first[left]
    while len(left):
        stop = np.minimum(after_last[left], edges[np.searchsorted(edges, at, "right")])
        level = np.frexp((stop - at).astype(np.float64))[1] - 1
        value = np.minimum(table[level, at], table[level, stop - (1 << level)])
        able = good[nurse[left], starts.day[at] - begin] & good[nurse[left], starts.last_day[at] - begin]
        least[left] = np.minimum(least[left], np.where(able, value, FAR))
        more = stop < after_last[left]
        left, at = left[more], stop[more]
    return np.where(least < FAR, least % size, -1), least // size


def _least_of_powers(values: Ints) -> Ints:
    """(levels, n): the least of the 2**level values from each place on."""
    levels = [values]
    while 2 ** len(levels) <= len(values):
        half, before = 2 ** (len(levels) - 1), levels[-1]
        level = before.copy()
        level[:-half] = np.minimum(before[:-half], before[half:])
        levels.append(level)
    return np.array(levels)


def _detour(
    nurses: Team, wanted: Wanted, roads: tuple[Ints, Ints], nurse: Ints, gap: Ints, day: Ints, road: Road
) -> tuple[Ints, Ints]:
    """Minutes to the home from the stop before (or home base), and what the detour adds to the day."""
    there, back = roads
    here = np.broadcast_to(np.array(wanted.place), nurses.homes.shape)
    from_base = road(nurses.homes, here)
    to_base = from_base if road is drives else road(here, nurses.homes)
    before, drive_in = _beside(nurses, there, nurse, gap - 1, day, from_base[nurse])
    after, drive_on = _beside(nurses, back, nurse, gap, day, to_base[nurse])
    straight = np.zeros(len(nurse), np.int64)
    apart = np.nonzero((before != after).any(axis=1))[0]  # most days have one visit or none: home and back
    straight[apart] = road(before[apart], after[apart])
    return drive_in, drive_in + drive_on - straight


def _beside(
    nurses: Team, there: Ints, nurse: Ints, column: Ints, day: Ints, base: Ints
) -> tuple[Floats, Ints]:
    """The place beside the gap and the minutes between it and the home: a stop of that day, else the base."""
    most = there.shape[1]
    if not most:
        return nurses.homes[nurse], base
    at = np.clip(column, 0, most - 1)
    stop = (column == at) & (nurses.stop_day[nurse, at] == day)
    places = np.where(stop[:, None], nurses.stop_place[nurse, at], nurses.homes[nurse])
    return places, np.where(stop, there[nurse, at], base)


def _best(gaps: Gaps, cost: Ints, nurses: int, starts: int, limit: int) -> list[int]:
    """Rows of the cheapest gaps, one a nurse and day. The order is one number, and most of it is never sorted."""
    if not len(cost):
        return []
    order = ((cost - cost.min()) * starts + gaps.start) * nurses + gaps.nurse
    many = 8 * limit
    while True:
        least = np.argpartition(order, many)[:many] if many < len(order) else np.arange(len(order))
        chosen: dict[tuple[int, int], int] = {}
        ranked = least[np.argsort(order[least], kind="stable")]
        keys = zip(gaps.nurse[ranked].tolist(), gaps.day[ranked].tolist(), strict=True)
        for row, key in zip(ranked.tolist(), keys, strict=True):
            chosen.setdefault(key, row)
        if len(chosen) >= limit or many >= len(order):
            return list(chosen.values())[:limit]
        many *= 8


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


def ruled_out(nurses: Team, wanted: Wanted, starts: Starts, placed: Ints) -> dict[str, tuple[int, ...]]:
    """Who has no slot, each under the first reason that is enough."""
    count, length = len(nurses.keys), int(wanted.length.total_seconds())
    left = np.ones(count, bool)
    left[placed] = False
    if not left.any():
        return {}
    if not len(starts.at):
        return {"NO_TIME_LEFT": tuple(nurses.keys.tolist())}
    days = nurses.licensed.shape[1]
    asked = np.zeros(days + 2, bool)  # windows lie up to a day outside
    asked[np.unique(starts.day) - nurses.first_day + 1] = True
    row = nurses.window_nurse
    windows = asked[nurses.window_day - nurses.first_day + 1] & left[row]

    def has(more: Flags) -> Flags:
        return np.bincount(row[windows & more], minlength=count) > 0

    long_enough = nurses.window_to - nurses.window_from >= length
    below_limit = nurses.window_booked + length // 60 <= nurses.limits[row]
    licensed = nurses.licensed[:, asked[1:-1]]
    checks = {
        "NOT_LICENSED": licensed.any(axis=1),
        "NOT_COMPETENT": (licensed & nurses.skilled[:, asked[1:-1]]).any(axis=1),
        "NURSE_NOT_WANTED": ~np.isin(nurses.keys, list(wanted.pairs.never)),
        "OTHER_NURSE_PINNED": _allowed(nurses, wanted),
        "NO_SHIFT": nurses.works,
        "TIME_OFF": has(np.ones(len(row), bool)),
        "SHIFT_TOO_SHORT": has(nurses.window_whole >= length),
        "ON_BREAK": has(long_enough),
        "DAY_TOO_LONG": has(long_enough & below_limit),
        "NO_ROOM": np.zeros(count, bool),
    }
    found: dict[str, tuple[int, ...]] = {}
    for code, passed in checks.items():
        out = left & ~passed
        if out.any():
            found[code] = tuple(nurses.keys[out].tolist())
        left &= passed
    return found
