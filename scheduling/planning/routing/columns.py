"""The routes found so far, as columns of arrays: one a row, each set of stops of a nurse-day once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scheduling.planning.routing.days import NONE
from scheduling.planning.routing.table import Flags, Table, Whole
from scheduling.planning.routing.timing import Routes


class Columns:
    """`day`: index of the nurse-day. `nodes`, `visits`: padded with NONE and with V. `fixed`: drive and windows,
    in seconds. `away`: from leaving home to being back. Rows never move; a dearer order of known stops is not kept."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.day = np.zeros(0, np.int64)
        self.nodes = np.zeros((0, 1), np.int64)
        self.visits = np.zeros((0, 1), np.int64)
        self.fixed = np.zeros(0, np.int64)
        self.away = np.zeros(0, np.int64)
        self.nurse = np.array([day.nurse for day in table.days], np.int64)
        self._row: dict[tuple[int, int], int] = {}
        self._sign = np.append(table.signs[: table.visits], np.uint64(0))

    def __len__(self) -> int:
        return len(self.day)

    def add(self, index: int, nodes: Whole) -> Whole:
        """The rows of these routes of one nurse-day, all of which keep its rules; new ones are appended."""
        if not len(nodes):
            return np.zeros(0, np.int64)
        day = self.table.days[index]
        there = nodes >= 0
        visits = np.where(there, day.visit[nodes], self.table.visits)
        fixed, away = self._measured(index, nodes, visits, there)
        keys = self._sign[visits].sum(axis=1, dtype=np.uint64).tolist()
        rows = np.zeros(len(nodes), np.int64)
        new: list[int] = []
        for at, key in enumerate((index, sign) for sign in keys):
            row = self._row.get(key)
            if row is None:
                row = self._row[key] = len(self.day) + len(new)
                new.append(at)
            elif row < len(self.day) and fixed[at] < self.fixed[row]:
                self._replace(row, nodes[at], visits[at], int(fixed[at]), int(away[at]))
            rows[at] = row
        if new:
            self._append(index, nodes[new], visits[new], fixed[new], away[new])
        return rows

    def add_routes(self, routes: Routes) -> Whole:
        rows = [
            self.add(index, np.array([nodes], np.int64)) for index, nodes in sorted(routes.items()) if nodes
        ]
        return np.concatenate([np.zeros(0, np.int64), *rows])

    def costs(self, rows: Whole, nurse_cost: Whole) -> Whole:
        """`nurse_cost`: (nurse, visit), as in Table."""
        nurses = self.nurse[self.day[rows]]
        cost: Whole = self.fixed[rows] + nurse_cost[nurses[:, None], self.visits[rows]].sum(axis=1)
        return cost

    def routes(self, rows: Whole) -> dict[int, tuple[int, ...]]:
        return {
            int(self.day[row]): tuple(n for n in self.nodes[row].tolist() if n != NONE)
            for row in rows.tolist()
        }

    def within(self, usable: Flags, days: Flags) -> Whole:
        """Rows of these nurse-days whose visits are all usable; `usable` has one flag a visit and True at V."""
        near = np.nonzero(days[self.day])[0]
        inside: Whole = near[usable[self.visits[near]].all(axis=1)]
        return inside

    def _measured(self, index: int, nodes: Whole, visits: Whole, there: Flags) -> tuple[Whole, Whole]:
        """Drive and windows, and seconds away, of each row: the clock runs along all rows at once."""
        table, day = self.table, self.table.days[index]
        at = np.full(len(nodes), day.home, np.int64)
        free = np.full(len(nodes), day.start, np.int64)
        fixed, leave = np.zeros(len(nodes), np.int64), np.zeros(len(nodes), np.int64)
        step = table.problem.step
        for column in range(nodes.shape[1]):
            on, node, visit = there[:, column], nodes[:, column], visits[:, column] % max(table.visits, 1)
            leg = table.travel[at, visit]
            start = np.maximum(free + leg, day.first[node])
            start = np.where(day.first[node] < day.last[node], -(-start // step) * step, start)
            if not column:
                leave = start - leg
            fixed += np.where(on, leg + day.cost[node], 0)
            free = np.where(on, start + table.duration[visit], free)
            at = np.where(on, visit, at)
        leg = table.travel[at, day.home]
        return fixed + leg, free + leg - leave

    def _replace(self, row: int, nodes: Whole, visits: Whole, fixed: int, away: int) -> None:
        self._widen(len(nodes))
        self.nodes[row], self.visits[row] = NONE, self.table.visits
        self.nodes[row, : len(nodes)], self.visits[row, : len(nodes)] = nodes, visits
        self.fixed[row], self.away[row] = fixed, away

    def _append(self, index: int, nodes: Whole, visits: Whole, fixed: Whole, away: Whole) -> None:
        self._widen(nodes.shape[1])
        width = self.nodes.shape[1]
        self.nodes = np.concatenate((self.nodes, _padded(nodes, width, NONE)))
        self.visits = np.concatenate((self.visits, _padded(visits, width, self.table.visits)))
        self.day = np.concatenate((self.day, np.full(len(nodes), index, np.int64)))
        self.fixed = np.concatenate((self.fixed, fixed))
        self.away = np.concatenate((self.away, away))

    def _widen(self, width: int) -> None:
        if width > self.nodes.shape[1]:
            self.nodes = _padded(self.nodes, width, NONE)
            self.visits = _padded(self.visits, width, self.table.visits)


def _padded(rows: NDArray[np.int64], width: int, value: int) -> Whole:
    wider = np.full((len(rows), width), value, np.int64)
    wider[:, : rows.shape[1]] = rows
    return wider
