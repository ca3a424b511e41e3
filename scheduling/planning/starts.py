"""The grid of starts a search looks at, in order, each with what it costs whoever comes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import numpy as np

from scheduling.planning.crew import Flags, Ints, days_of, instants, midnights
from scheduling.planning.facts import Wanted
from scheduling.planning.team import floor_second, seconds_of

EARLIEST, LATEST = time(8), time(17)  # starts people like to be visited at
STEP = timedelta(minutes=15)
NOON = time(12)

# What ranks the slots, in minutes of driving that it weighs.
DAY_FROM_DUE = 20
WISH_MISSED = 30
OUTSIDE_WINDOW = 600

WALLS = np.arange(EARLIEST.hour * 3600, LATEST.hour * 3600 + 1, int(STEP.total_seconds()))
MORNING: Flags = np.less(WALLS, NOON.hour * 3600)


@dataclass(frozen=True, slots=True)
class Starts:
    """One entry a start, in order."""

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
    ordinals = np.array(sorted({day.toordinal() for day in days}), np.int64)
    cost = np.zeros(len(ordinals), np.int64)
    cost[np.isin(ordinals, [day.toordinal() for day in outside])] += OUTSIDE_WINDOW
    if wanted.due_on is not None:
        cost += DAY_FROM_DUE * np.abs(ordinals - wanted.due_on.toordinal())
    day = np.repeat(ordinals, len(WALLS))
    at = all_starts(days, wanted).ravel()
    each = (cost[:, None] + WISH_MISSED * wishes_missed(wanted.prefers)).ravel()
    length = int(wanted.length.total_seconds())
    free = at > floor_second(after)
    for begins, ends in seconds_of(wanted.patient_spans):
        free &= (begins >= at + length) | (at >= ends)
    return _grid(at[free], day[free], each[free], length, wanted.zone.key)


def all_starts(days: Sequence[date], wanted: Wanted) -> Ints:
    """(days, quarter hours): the moments of WALLS on each of `days`, in order, whatever is free then."""
    ordinals = np.array(sorted({day.toordinal() for day in days}), np.int64)
    walls = np.tile(WALLS, len(ordinals))
    at = instants(wanted.zone.key, np.repeat(ordinals, len(WALLS)), walls)
    return at.reshape(len(ordinals), len(WALLS))


def wishes_missed(prefers: str) -> Flags:
    """Of WALLS, which a wish for the morning or the afternoon would not have."""
    if prefers not in WISHES:
        return np.zeros(len(WALLS), bool)
    missed: Flags = ~MORNING if prefers == "morning" else MORNING
    return missed


def near(starts: Starts, at: datetime, *, outside: frozenset[date] = frozenset()) -> Starts:
    """The same starts, ranked by their distance from a time; `outside` as in `starts_of`."""
    cost = np.abs(starts.at - floor_second(at)) // 60
    cost[np.isin(starts.day, [day.toordinal() for day in outside])] += OUTSIDE_WINDOW
    return replace(starts, cost=cost)


WISHES = frozenset({"morning", "afternoon"})


def wish_met(start: time, prefers: str) -> bool | None:
    """Whether a start suits a wish for the morning or the afternoon; None without one."""
    return (start < NOON) == (prefers == "morning") if prefers in WISHES else None


def _grid(at: Ints, day: Ints, cost: Ints, length: int, zone: str) -> Starts:
    """The day a visit ends on: that of its start, or some days later."""
    if not len(at):
        return Starts(at, day, day, cost)
    first, last = int(day[0]), int(day[-1]) + length // 86_400 + 1
    return Starts(at, day, days_of(at + length, first, midnights(zone, first, last)), cost)
