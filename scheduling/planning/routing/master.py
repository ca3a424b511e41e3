"""Which of the routes found to drive: set partitioning, relaxed for its prices and then in whole routes (HiGHS).

Rows: each visit once or its prize lost, each nurse-day one route at most, each patient one visit a day, all visits of
a course on days that follow from its first one or none, and of each nurse's time away what is beyond her target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from scheduling.planning.routing.columns import Columns
from scheduling.planning.routing.days import Prices
from scheduling.planning.routing.scope import Scope
from scheduling.planning.routing.table import NO_LIMIT, Table, Whole

Seconds = NDArray[np.float64]
MIP_CLOSE = 1.0 - 1e-6  # costs are whole seconds


class Rows:
    """The rows of a scope, and the columns that are not routes: prizes lost, courses' first days, time too much."""

    def __init__(self, table: Table, scope: Scope) -> None:
        self.table, self.scope = table, scope
        self.on = sorted({table.days[index].day for index in scope.days})
        self.on_index = np.array(
            [self.on.index(day.day) if day.day in self.on else -1 for day in table.days], np.int64
        )
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.extra: list[tuple[float, float, list[int], list[float]]] = []  # cost, upper, rows, values
        self.ones: list[int] = []  # rows that say: one first day of a course, or none
        self.prize_of: dict[int, int] = {}  # row -> prize, of visits that may be left
        self.visit_row = np.full((len(self.on), table.visits + 1), -1, np.int64)
        self.patient_row = np.full((len(self.on), table.visits + 1), -1, np.int64)
        self.day_row = np.full(len(table.days), -1, np.int64)
        self.away_row = np.full(len(table.problem.nurses), -1, np.int64)
        self.course_rows: list[tuple[int, list[tuple[int, list[int]]]]] = []  # prizes, (first day, rows)
        self._visits()
        self._courses()
        self._days()
        self._patients()
        self._targets()
        self.right = np.array(self.upper)
        self.right[self.ones] = 0.0  # what a course comes to is a choice of its own in `bound`

    def _row(self, lower: float, upper: float) -> int:
        self.lower.append(lower)
        self.upper.append(upper)
        return len(self.lower) - 1

    def _visits(self) -> None:
        table, scope = self.table, self.scope
        in_course = np.zeros(table.visits, bool)
        for index in scope.courses:
            in_course[list(table.courses[index].visits)] = True
        for visit in np.nonzero(scope.visits & ~table.pinned & ~in_course)[0].tolist():
            row = self._row(1, 1)
            self.visit_row[:, visit] = row
            if not scope.must[visit]:
                self.prize_of[row] = int(table.prize[visit])
                self.extra.append((float(table.prize[visit]), 1.0, [row], [1.0]))

    def _courses(self) -> None:
        table = self.table
        for index in self.scope.courses:
            course = table.courses[index]
            prizes = int(table.prize[list(course.visits)].sum())
            one = self._row(1, 1)
            self.ones.append(one)
            self.extra.append((float(prizes), 1.0, [one], [1.0]))
            for visit in course.visits:
                for at in range(len(self.on)):
                    self.visit_row[at, visit] = self._row(0, 0)
            firsts = []
            for first in course.first_days:
                on = [first + offset for offset in course.offsets]
                if not set(on) <= set(self.on):
                    continue
                rows = [
                    int(self.visit_row[self.on.index(day), visit])
                    for day, visit in zip(on, course.visits, strict=True)
                ]
                self.extra.append((0.0, 1.0, [one, *rows], [1.0, *[-1.0] * len(rows)]))
                firsts.append((first, rows))
            self.course_rows.append((prizes, firsts))

    def _days(self) -> None:
        for index in self.scope.days:
            # No lower end where a day may stay empty: a row at 0 could have a price above 0, which `bound` would count.
            lower = 1.0 if self.table.days[index].pins else -highspy.kHighsInf
            self.day_row[index] = self._row(lower, 1.0)

    def _patients(self) -> None:
        table, scope = self.table, self.scope
        free = np.nonzero((table.patient >= 0) & scope.visits & ~table.pinned)[0]
        known: dict[tuple[int, int], int] = {}
        several = np.bincount(table.patient[free]) if len(free) else np.zeros(0, np.int64)
        for visit in free.tolist():
            patient = int(table.patient[visit])
            if several[patient] < 2:
                continue
            for at in range(len(self.on)):
                if (patient, at) not in known:
                    known[patient, at] = self._row(-highspy.kHighsInf, 1.0)
                self.patient_row[at, visit] = known[patient, at]

    def _targets(self) -> None:
        table = self.table
        if not table.problem.fairness:
            return
        for nurse in sorted({table.days[index].nurse for index in self.scope.days}):
            target = int(table.target[nurse])
            if target < NO_LIMIT:
                row = self._row(-highspy.kHighsInf, float(max(target - int(self.scope.away[nurse]), 0)))
                self.away_row[nurse] = row
                self.extra.append((table.problem.fairness, highspy.kHighsInf, [row], [-1.0]))

    def entries(self, columns: Columns, rows: Whole) -> tuple[Whole, Whole, Seconds]:
        """The matrix of these routes, by column: where each begins, rows and values."""
        day = columns.day[rows]
        on = self.on_index[day][:, None]
        visits = columns.visits[rows]
        found = [self.visit_row[on, visits], self.patient_row[on, visits], self.day_row[day][:, None]]
        values = [np.ones(part.shape) for part in found]
        if self.table.problem.fairness:
            found.append(self.away_row[columns.nurse[day]][:, None])
            values.append(columns.away[rows][:, None].astype(np.float64))
        matrix, value = np.concatenate(found, axis=1), np.concatenate(values, axis=1)
        there = matrix >= 0
        begin = np.concatenate(([0], np.cumsum(there.sum(axis=1))[:-1]))
        return begin, matrix[there], value[there]

    def prices(self, duals: Seconds, index: int) -> Prices:
        """What the duals say to one nurse-day."""
        day = self.table.days[index]
        at = self.on_index[index]
        padded = np.concatenate((duals, [0.0]))
        visits = padded[self.visit_row[at, :-1]] + padded[self.patient_row[at, :-1]]
        away = -padded[self.away_row[day.nurse]]
        return Prices(visits, -float(duals[self.day_row[index]]), max(0.0, float(away)))

    def spread(self, prices: Seconds) -> Seconds:
        """Duals that give each visit this price, on every day."""
        duals = np.zeros(len(self.lower))
        for at in range(len(self.on)):
            rows = self.visit_row[at, :-1]
            duals[rows[rows >= 0]] = prices[rows >= 0]
        return duals

    def collected(self, duals: Seconds) -> Seconds:
        """The price of each visit, the highest of its days; NaN for those outside the scope."""
        padded = np.concatenate((duals, [np.nan]))
        prices: Seconds = np.fmax.reduce(padded[self.visit_row[:, :-1]], axis=0)
        return prices

    def bound(self, duals: Seconds, least: Seconds, days: Sequence[int]) -> float:
        """No plan costs less. `least`: of each of these nurse-days (all of the scope), its least reduced cost."""
        total = float(duals @ self.right)
        pinned = np.array([bool(self.table.days[index].pins) for index in days], bool)
        total += float(np.where(pinned, least, np.minimum(least, 0.0)).sum())
        for row, prize in self.prize_of.items():
            total += min(0.0, prize - float(duals[row]))
        for prizes, firsts in self.course_rows:
            total += min([float(prizes), *(sum(float(duals[row]) for row in rows) for _, rows in firsts)])
        return total


def _model(rows: Rows, *, seed: int) -> Any:
    """HiGHS with the rows and the columns that are not routes."""
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, setting in (("output_flag", False), ("threads", 1), ("random_seed", seed)):
        highs.setOptionValue(option, setting)
    none = np.zeros(0, np.int32)
    highs.addRows(
        len(rows.lower), np.array(rows.lower), np.array(rows.upper), 0, np.zeros(len(rows.lower), np.int32), none,
        np.zeros(0),
    )  # fmt: skip
    if rows.extra:
        begin = np.concatenate(([0], np.cumsum([len(e[2]) for e in rows.extra])[:-1])).astype(np.int32)
        index = np.array([row for e in rows.extra for row in e[2]], np.int32)
        value = np.array([number for e in rows.extra for number in e[3]], np.float64)
        costs, upper = np.array([e[0] for e in rows.extra]), np.array([e[1] for e in rows.extra])
        highs.addCols(len(costs), costs, np.zeros(len(costs)), upper, len(index), begin, index, value)
    return highs


def _add(highs: Any, rows: Rows, columns: Columns, which: Whole, cost: Whole) -> None:
    begin, index, value = rows.entries(columns, which)
    highs.addCols(
        len(which), cost.astype(np.float64), np.zeros(len(which)), np.full(len(which), highspy.kHighsInf),
        len(index), begin.astype(np.int32), index.astype(np.int32), value,
    )  # fmt: skip


class Relaxed:
    """The master without whole numbers: asked again and again as columns come."""

    def __init__(self, rows: Rows, columns: Columns, nurse_cost: Whole, *, seed: int) -> None:
        self.rows, self.columns, self.nurse_cost = rows, columns, nurse_cost
        self.highs = _model(rows, seed=seed)
        self.highs.setOptionValue("presolve", "off")
        self.highs.setOptionValue("solver", "simplex")
        self.inside = np.zeros(0, np.int64)
        self.feasible = False
        self._taken = np.zeros(0)
        self._place: dict[int, int] = {}  # row of Columns -> place in `inside`
        self._cost = np.zeros(0, np.int64)

    def add(self, which: Whole) -> int:
        """How many of these columns are new to it, or cheaper than they were."""
        rows = np.unique(which)
        place = np.array([self._place.get(row, -1) for row in rows.tolist()], np.int64)
        cost = self.columns.costs(rows, self.nurse_cost)
        known = place >= 0
        cheaper = known & (cost < np.append(self._cost, 0)[place])
        extra = len(self.rows.extra)
        for at, new in zip(place[cheaper].tolist(), cost[cheaper].tolist(), strict=True):
            self.highs.changeColCost(extra + at, float(new))
            self._cost[at] = new
        fresh = rows[~known]
        if len(fresh):
            _add(self.highs, self.rows, self.columns, fresh, cost[~known])
            self._place.update({row: len(self.inside) + at for at, row in enumerate(fresh.tolist())})
            self.inside = np.concatenate((self.inside, fresh))
            self._cost = np.concatenate((self._cost, cost[~known]))
        return len(fresh) + int(cheaper.sum())

    def solve(self) -> tuple[float, Seconds]:
        """Cost and the duals of the rows."""
        self.highs.run()
        solution = self.highs.getSolution()
        self.feasible = self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        self._taken = np.array(solution.col_value)[len(self.rows.extra) :]
        return self.highs.getObjectiveValue(), np.array(solution.row_dual)

    def taken(self) -> Seconds:
        """How much of each column of `inside` the relaxed plan drives."""
        later = np.zeros(len(self.inside) - len(self._taken))  # columns that came after the last answer
        return np.concatenate((self._taken, later))

    def hold(self, at: Whole, least: float) -> None:
        """These columns (places in `inside`) are driven at least so much."""
        where = (at + len(self.rows.extra)).astype(np.int32)
        upper = np.full(len(at), highspy.kHighsInf)
        self.highs.changeColsBounds(len(at), where, np.full(len(at), least), upper)

    def reduced(self, which: Whole, duals: Seconds) -> Seconds:
        return reduced(self.rows, self.columns, which, duals, self.nurse_cost)


def reduced(rows: Rows, columns: Columns, which: Whole, duals: Seconds, nurse_cost: Whole) -> Seconds:
    """Reduced costs of these columns."""
    begin, index, value = rows.entries(columns, which)
    if not len(which):
        return np.zeros(0)
    earned: Seconds = np.add.reduceat(duals[index] * value, begin)
    return columns.costs(which, nurse_cost) - earned


def chosen(
    rows: Rows,
    columns: Columns,
    which: Whole,
    nurse_cost: Whole,
    *,
    start: Whole,
    seed: int,
    seconds: float | None,
    nodes: int | None = None,
    stopped: Callable[[], bool] | None = None,
) -> tuple[Whole, bool]:
    """The best columns among `which`, beginning from those in `start` (all of them in `which`); whether proven.

    `start` comes back where nothing better was found in time.
    """
    highs = _model(rows, seed=seed)
    _add(highs, rows, columns, which, columns.costs(which, nurse_cost))
    extra, size = len(rows.extra), len(which)
    whole_ones = np.arange(extra + size, dtype=np.int32)
    if rows.table.problem.fairness:
        continuous = [at for at, e in enumerate(rows.extra) if e[1] > 1]
        whole_ones = np.setdiff1d(whole_ones, np.array(continuous, np.int32)).astype(np.int32)
    kind = np.full(len(whole_ones), int(highspy.HighsVarType.kInteger), np.uint8)
    highs.changeColsIntegrality(len(whole_ones), whole_ones, kind)
    highs.setOptionValue("mip_abs_gap", MIP_CLOSE)
    highs.setOptionValue("mip_rel_gap", 0.0)
    if seconds is not None:
        highs.setOptionValue("time_limit", max(seconds, 0.05))
    if nodes is not None:
        highs.setOptionValue("mip_max_nodes", nodes)
    if stopped is not None:
        _interruptible(highs, stopped)
    at = np.nonzero(np.isin(which, start))[0] + extra
    highs.setSolution(extra + size, *_start(rows, columns, which, at))
    highs.run()
    value = np.array(highs.getSolution().col_value)
    proven = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    if len(value) != extra + size or highs.getInfo().primal_solution_status != 2:
        return start, False
    return which[value[extra:] > 0.5], proven


def _start(rows: Rows, columns: Columns, which: Whole, at: Whole) -> tuple[NDArray[np.int32], Seconds]:
    """A whole solution for HiGHS: the routes at these places, and the other columns as they follow."""
    value = np.zeros(len(rows.extra) + len(which))
    value[at] = 1.0
    _begin, index, entry = rows.entries(columns, which[at - len(rows.extra)])
    filled = np.zeros(len(rows.lower))
    np.add.at(filled, index, entry)
    for place, (_, upper, extra_rows, _values) in enumerate(rows.extra):
        if upper > 1:  # time beyond a target
            value[place] = max(0.0, filled[extra_rows[0]] - rows.upper[extra_rows[0]])
        elif len(extra_rows) > 1:  # a first day of a course
            value[place] = float(all(filled[row] > 0.5 for row in extra_rows[1:]))
    served = {e[2][0] for place, e in enumerate(rows.extra) if len(e[2]) > 1 and value[place] > 0.5}
    for place, (_, upper, extra_rows, _values) in enumerate(rows.extra):
        if upper <= 1 and len(extra_rows) == 1:
            row = extra_rows[0]
            value[place] = float(filled[row] < 0.5 and row not in served)
    return np.arange(len(value), dtype=np.int32), value


def _interruptible(highs: Any, stopped: Callable[[], bool]) -> None:
    def asked(_kind: Any, _message: Any, _told: Any, answer: Any, _data: Any) -> None:
        if stopped():
            answer.user_interrupt = True

    highs.setCallback(asked, None)
    highs.startCallback(highspy.cb.HighsCallbackType.kCallbackMipInterrupt)
