"""What rarely changes about the nurses, as arrays: homes, limits, papers, hours. Pure.

Made once and kept while nothing of it changes; `team` adds what changes all day. Days are proleptic ordinals,
wall-clock times whole seconds after midnight, nurses stand by their row here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from scheduling.planning.facts import NurseFacts
from scheduling.rules.eligibility import COMPACT_STATES

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Paper = tuple[int, int, int]  # whose, first day, last day

DAY_SECONDS = 86_400
NO_BREAK = -1


@dataclass(frozen=True)
class Hours:
    """One column a weekly shift: whose, on which weekday, from when to when, its break, first and last day."""

    nurse: Ints
    weekday: Ints
    starts: Ints
    ends: Ints
    break_from: Ints  # NO_BREAK where there is none
    break_to: Ints
    first_on: Ints
    last_on: Ints


@dataclass(frozen=True)
class Crew:
    """One row a nurse, by key. Papers are arrays of three rows: whose, first day, last day."""

    keys: Ints  # (n,)
    homes: Floats  # (n, 2) degrees
    limits: Ints  # (n,) minutes of visits a day
    zones: tuple[str, ...]
    zone: Ints  # (n,) which of `zones`
    licences: Mapping[tuple[str, bool], Ints]  # by state, and whether it counts in compact states
    competencies: Mapping[str, Ints]  # by code
    hours: Hours

    def rows(self, keys: Ints) -> tuple[Ints, Flags]:
        """The row of each key, and which keys are here at all (for the others the row means nothing)."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
        row = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return row, self.keys[row] == keys

    def licensed(self, state: str, ordinals: Ints) -> Flags:
        """(n, days): a licence that counts in `state` is good on the day."""
        counts = [
            papers
            for (where, multistate), papers in self.licences.items()
            if where == state or (multistate and {where, state} <= COMPACT_STATES)
        ]
        return self._covered(counts, ordinals)

    def skilled(self, needs: Iterable[str], ordinals: Ints) -> Flags:
        """(n, days): every needed competency is good on the day."""
        found = np.ones((len(self.keys), len(ordinals)), bool)
        for need in dict.fromkeys(needs):
            found &= self._covered([self.competencies[need]] if need in self.competencies else [], ordinals)
        return found

    def able(self, state: str, needs: Iterable[str], days: Iterable[date]) -> Ints:
        """Keys of the nurses whose papers are good on one of `days` or the day after one at least."""
        begins = {day.toordinal() for day in days}
        ordinals = np.array(sorted(begins | {day + 1 for day in begins}), np.int64)
        return self.keys[np.any(self.licensed(state, ordinals) & self.skilled(needs, ordinals), axis=1)]

    def _covered(self, papers: Sequence[Ints], ordinals: Ints) -> Flags:
        found = np.zeros((len(self.keys), len(ordinals)), bool)
        for nurse, first_on, last_on in papers:
            good = (first_on[:, None] <= ordinals) & (ordinals <= last_on[:, None])
            if len(nurse) == len(found) and (nurse[1:] > nurse[:-1]).all():  # one paper each, the usual case
                found |= good
            else:
                np.logical_or.at(found, nurse, good)
        return found


def crew(nurses: Iterable[NurseFacts]) -> Crew:
    """The nurses as arrays; their stops and their time off are not part of it."""
    rows = sorted(nurses, key=lambda nurse: nurse.key)
    zones = tuple(sorted({nurse.zone.key for nurse in rows}))
    licences: dict[tuple[str, bool], list[Paper]] = defaultdict(list)
    competencies: dict[str, list[Paper]] = defaultdict(list)
    for row, nurse in enumerate(rows):
        for held in nurse.licences:
            licences[held.state, held.multistate].append(_paper(row, held.first_on, held.last_on))
        for able in nurse.competencies:
            competencies[able.code].append(_paper(row, able.first_on, able.last_on))
    return Crew(
        keys=np.array([nurse.key for nurse in rows], np.int64),
        homes=np.array([nurse.home for nurse in rows], np.float64).reshape(-1, 2),
        limits=np.array([nurse.day_limit_minutes for nurse in rows], np.int64),
        zones=zones,
        zone=np.array([zones.index(nurse.zone.key) for nurse in rows], np.int64),
        licences={key: columns(papers, 3) for key, papers in licences.items()},
        competencies={key: columns(papers, 3) for key, papers in competencies.items()},
        hours=Hours(*columns(_shifts(rows), 8)),
    )


def columns(rows: Sequence[tuple[int, ...]], width: int) -> Ints:
    """(width, rows): the rows on their side, also when there are none."""
    return np.array(rows, np.int64).reshape(-1, width).T.copy()


def _paper(row: int, first_on: date, last_on: date | None) -> Paper:
    return row, first_on.toordinal(), (last_on or date.max).toordinal()


def _shifts(rows: Sequence[NurseFacts]) -> list[tuple[int, ...]]:
    return [
        (
            row,
            shift.weekday,
            _seconds(shift.starts),
            _seconds(shift.ends),
            _seconds(shift.break_from),
            _seconds(shift.break_to),
            shift.first_on.toordinal(),
            (shift.last_on or date.max).toordinal(),
        )
        for row, nurse in enumerate(rows)
        for shift in nurse.shifts
    ]


def _seconds(wall: time | None) -> int:
    return NO_BREAK if wall is None else wall.hour * 3600 + wall.minute * 60 + wall.second


# --- Days of a zone ----------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def midnight(zone: str, ordinal: int) -> int:
    """When the day begins in the zone, in seconds since the epoch."""
    return instant(zone, ordinal, 0)


@lru_cache(maxsize=4096)
def instant(zone: str, ordinal: int, seconds: int) -> int:
    """When the clocks of the zone show that many seconds after midnight; the first time, where they do it twice."""
    wall = datetime.combine(date.fromordinal(ordinal), time(0)) + timedelta(seconds=seconds)
    return int(wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp())


def midnights(zone: str, first: int, last: int) -> Ints:
    """Beginnings of the days `first` to `last`, both included, and of the day after."""
    return np.array([midnight(zone, ordinal) for ordinal in range(first, last + 2)], np.int64)


def days_of(moments: Ints, first: int, begins: Ints) -> Ints:
    """The day each moment lies in; before the first of `midnights` or after the last, some day outside them."""
    return np.searchsorted(begins, moments, "right") - 1 + first


def instants(zone: str, days: Ints, seconds: Ints) -> Ints:
    """`instant` for many (day, wall clock) pairs of one zone."""
    if not len(days):
        return np.zeros(0, np.int64)
    first, last = int(days.min()), int(days.max())
    begins = midnights(zone, first, last)
    found: Ints = begins[days - first] + seconds
    changed = np.diff(begins) != DAY_SECONDS
    for at in np.nonzero(changed[days - first])[0].tolist():  # the clocks change that day
        found[at] = instant(zone, int(days[at]), int(seconds[at]))
    return found
