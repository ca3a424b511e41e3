"""A proposal as it stands, and every gap in it: between two stops, before the first, after the last, a whole day off.

A visit put into a gap moves nothing else. Arrays, a row a gap and span; the visits are asked one after the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scheduling.planning.routing import travel
from scheduling.planning.routing.problem import DAY, Plan, Problem, Shift, Window

Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_LIMIT = 2**40
NOT = np.int64(2**60)  # dearer than anything

Stops = Sequence[tuple[int, int]]  # visit and start, in order


@dataclass(frozen=True, slots=True)
class Gaps:
    """`free`: when she may leave `before` (a place); `by`: when she must be at `after`. `low`, `high`: her span.
    `busy`: seconds at bedsides on that day. `gone`: the visit taken out to make the gap, or -1.
    """

    shift: Whole
    before: Whole
    after: Whole
    free: Whole
    by: Whole
    low: Whole
    high: Whole
    busy: Whole
    opens: Flags  # nothing before it on that day, in her first span
    closes: Flags  # nothing after it, in her last span
    gone: Whole


class Desk:
    """The problem by number: visit v is place v, nurse n is place V + n; shifts are numbered through."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem = problem
        visits, nurses = problem.visits, problem.nurses
        self.number = {visit.id: v for v, visit in enumerate(visits)}
        places = [visit.place for visit in visits] + [nurse.home for nurse in nurses]
        self.seconds = travel.matrix(places, kind=problem.travel, roads=problem.roads)
        self.shifts: list[Shift] = [shift for nurse in nurses for shift in nurse.shifts]
        self.nurse = np.array([n for n, nurse in enumerate(nurses) for _ in nurse.shifts], np.int64)
        self.day = np.array([shift.day for shift in self.shifts], np.int64)
        self.limit = np.array([NO_LIMIT if x.limit is None else x.limit for x in self.shifts], np.int64)
        self.at = {
            (nurses[n].id, x.day): s for s, (n, x) in enumerate(zip(self.nurse, self.shifts, strict=True))
        }
        self.duration = np.array([visit.duration for visit in visits], np.int64)
        self.prize = np.array([visit.prize for visit in visits], np.int64)
        self.routes: dict[int, Stops] = {
            self.at[route.nurse, route.day]: [(self.number[stop.visit], stop.start) for stop in route.stops]
            for route in plan.routes
        }
        self.served = {v: (s, start) for s, stops in self.routes.items() for v, start in stops}
        self.patient_days: dict[str, dict[int, int]] = defaultdict(dict)  # patient -> visit -> day
        for v, (s, _start) in self.served.items():
            if (patient := visits[v].patient) is not None:
                self.patient_days[patient][v] = int(self.day[s])
        self._needs = {needs: row for row, needs in enumerate(dict.fromkeys(v.skills for v in visits))}
        self._lacking = self._skills_lacking()
        self._index = {nurse.id: n for n, nurse in enumerate(nurses)}

    def _skills_lacking(self) -> Whole:
        """(kind of visit, shift) -> how many of the skills it needs she has not on that day."""
        nurses = self.problem.nurses
        found = np.zeros((len(self._needs), len(self.shifts)), np.int64)
        for s, shift in enumerate(self.shifts):
            skills = nurses[self.nurse[s]].skills if shift.skills is None else shift.skills
            for needs, row in self._needs.items():
                found[row, s] = len(needs - skills)
        return found

    def lacking(self, v: int) -> Whole:
        """Skills each shift lacks for a visit; many for a nurse who may not come anyway."""
        visit = self.problem.visits[v]
        found: Whole = self._lacking[self._needs[visit.skills]]
        if visit.nurses is None:
            return found
        allowed = np.zeros(len(self.problem.nurses), bool)
        allowed[[self._index[nurse] for nurse in visit.nurses]] = True
        return np.where(allowed[self.nurse], found, 99)

    def nurse_costs(self, v: int) -> Whole:
        """Of each nurse, by number."""
        visit = self.problem.visits[v]
        found = np.full(len(self.problem.nurses), visit.other_nurse, np.int64)
        for nurse, cost in visit.nurse_costs.items():
            found[self._index[nurse]] = cost
        return found

    def busy_days(self, v: int) -> set[int]:
        """Days on which the patient has another visit in the proposal."""
        patient = self.problem.visits[v].patient
        if patient is None:
            return set()
        return {day for other, day in self.patient_days[patient].items() if other != v}

    def promised(self) -> dict[int, Stops]:
        """The proposal without what is not pinned."""
        visits = self.problem.visits
        return {s: [x for x in stops if visits[x[0]].pin is not None] for s, stops in self.routes.items()}

    def gaps(self, routes: Mapping[int, Stops]) -> Gaps:
        """Every gap of every shift; a shift that is not in `routes` is one gap."""
        rows = [row for s in range(len(self.shifts)) for row in self._gaps_of(s, routes.get(s, ()), width=0)]
        return _table(rows)

    def swaps(self) -> Gaps:
        """The gaps that arise where one visit, not pinned and of no course, is taken out of the proposal."""
        visits = self.problem.visits
        rows = [row for s, stops in self.routes.items() for row in self._gaps_of(s, stops, width=1)]
        gone = (visits[row[-1]] for row in rows)
        return _table(
            [row for row, visit in zip(rows, gone, strict=True) if not visit.pin and not visit.course]
        )

    def _gaps_of(self, s: int, stops: Stops, *, width: int) -> list[tuple[int, ...]]:
        """Rows of Gaps. `width`: how many stops are taken out for each, 0 or 1."""
        shift, home = self.shifts[s], len(self.duration) + int(self.nurse[s])
        spans = shift.spans or ((shift.start, shift.end),)
        busy = sum(int(self.duration[v]) for v, _start in stops)
        found: list[tuple[int, ...]] = []
        for k in range(len(stops) + 1 - width):
            before, free = home, shift.start
            if k:
                before, start = stops[k - 1]
                free = start + int(self.duration[before])
            after, by = stops[k + width] if k + width < len(stops) else (home, shift.end)
            gone = stops[k][0] if width else -1
            left = busy - (int(self.duration[gone]) if width else 0)
            for i, (low, high) in enumerate(spans):
                opens, closes = k == 0 and i == 0, after == home and i == len(spans) - 1
                found.append((s, before, after, free, by, low, high, left, opens, closes, gone))
        return found

    # --- Would a visit fit? --------------------------------------------------------------

    def added(self, gaps: Gaps, v: int) -> Whole:
        """Seconds of drive more, by gap."""
        legs = self.seconds[gaps.before, gaps.after]  # 0 from home to home
        more: Whole = self.seconds[gaps.before, v] + self.seconds[v, gaps.after] - legs
        return more

    def earliest(self, gaps: Gaps, v: int, window: Window) -> Whole:
        """When it could begin, by gap; whether that is in time is another question."""
        step, at = self.problem.step, gaps.free + self.seconds[gaps.before, v]
        at = np.maximum(np.maximum(at, gaps.low), np.maximum(window.first, self.day[gaps.shift] * DAY))
        rounded: Whole = -(-at // step) * step
        return rounded

    def latest(self, gaps: Gaps, v: int, window: Window) -> Whole:
        step, length = self.problem.step, self.duration[v]
        at = np.minimum(gaps.by - self.seconds[v, gaps.after], gaps.high) - length
        at = np.minimum(np.minimum(at, window.last), (self.day[gaps.shift] + 1) * DAY - 1)
        rounded: Whole = at // step * step
        return rounded

    def room(self, gaps: Gaps, v: int) -> Flags:
        """Gaps whose day has seconds at bedsides left for it."""
        enough: Flags = gaps.busy + self.duration[v] <= self.limit[gaps.shift]
        return enough

    def costs(self, gaps: Gaps, v: int, windows: Sequence[Window], among: Flags) -> Whole:
        """What it costs in each gap `among` those given, in its best window; NOT where it does not fit."""
        found = np.full(len(gaps.shift), NOT)
        for window in windows:
            fits = self.earliest(gaps, v, window) <= self.latest(gaps, v, window)
            found = np.where(fits, np.minimum(found, window.cost), found)
        base = self.added(gaps, v) + self.nurse_costs(v)[self.nurse[gaps.shift]]
        fine = (found < NOT) & among & self.room(gaps, v)
        return np.where(fine, found + base, NOT)


def _table(rows: Sequence[tuple[int, ...]]) -> Gaps:
    columns: list[Any] = list(np.array(rows, np.int64).reshape(-1, len(fields(Gaps))).T)
    named = dict(zip((field.name for field in fields(Gaps)), columns, strict=True))
    for name in ("opens", "closes"):
        named[name] = named[name].astype(bool)
    return Gaps(**named)
