"""The first proposal: each visit where it costs least at that moment, the dearest to leave out first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from scheduling.planning.routing.table import Course, Flags, Table, Whole
from scheduling.planning.routing.timing import Routes

FAR = 2**40  # more than any cost: not possible
STOPS = 8  # columns to begin with; they double as a day fills


@dataclass(frozen=True, slots=True)
class Gap:
    """A node of a nurse-day and the position it would have there, at `cost` seconds."""

    day: int
    node: int
    position: int
    cost: int


class Board:
    """Routes under construction: a row for each nurse-day, a column for each position, home first and last."""

    def __init__(self, table: Table, routes: Routes) -> None:
        self.table, self.routes = table, {index: list(nodes) for index, nodes in routes.items()}
        days, width = table.days, max([STOPS, *(len(nodes) + 3 for nodes in routes.values())])
        self.home = np.array([day.home for day in days], np.int64)
        self.nurse = np.array([day.nurse for day in days], np.int64)
        self.on = np.array([day.day for day in days], np.int64)
        self.starts = np.array([day.start for day in days], np.int64)
        self.ends = np.array([day.end for day in days], np.int64)
        self.limit = np.array([day.limit for day in days], np.int64)
        self.place = np.repeat(self.home[:, None], width, axis=1)
        self.free = np.repeat(self.starts[:, None], width, axis=1)
        self.late = np.repeat(self.ends[:, None], width, axis=1)
        self.count = np.zeros(len(days), np.int64)
        self.busy = np.zeros(len(days), np.int64)
        self.where = np.full(table.visits, -1, np.int64)
        self.taken: set[tuple[int, int]] = set()  # (patient, day)
        self._entries()
        for index, nodes in self.routes.items():
            self._set(index, nodes)

    def gaps(self, visit: int, *, on: int | None = None) -> tuple[Whole, Whole, Whole, Whole]:
        """Nurse-days, nodes, best positions and costs; FAR where it does not fit. `on`: that day only."""
        entries = self.order[self.begin[visit] : self.begin[visit + 1]]
        days = self.of_day[entries]
        allowed = np.ones(len(days), bool) if on is None else self.on[days] == on
        patient = int(self.table.patient[visit])
        if patient >= 0:
            allowed &= ~np.isin(self.on[days], [day for who, day in self.taken if who == patient])
        entries, days = entries[allowed], days[allowed]
        positions, costs = self._costs(visit, days, entries)
        return days, self.of_node[entries], positions, costs

    def best(self, visit: int, *, on: int | None = None) -> Gap | None:
        days, nodes, positions, costs = self.gaps(visit, on=on)
        if not len(costs) or costs.min() >= FAR:
            return None
        at = int(costs.argmin())
        return Gap(int(days[at]), int(nodes[at]), int(positions[at]), int(costs[at]))

    def insert(self, gap: Gap) -> None:
        nodes = self.routes.get(gap.day, [])
        self._set(gap.day, [*nodes[: gap.position], gap.node, *nodes[gap.position :]])

    def remove(self, visit: int) -> None:
        day = int(self.where[visit])
        nodes = self.table.days[day].visit
        self._set(day, [node for node in self.routes[day] if nodes[node] != visit])

    def result(self) -> dict[int, tuple[int, ...]]:
        return {index: tuple(nodes) for index, nodes in self.routes.items() if nodes}

    def _costs(self, visit: int, days: Whole, entries: Whole) -> tuple[Whole, Whole]:
        table = self.table
        width = int(self.count.max(initial=0)) + 2
        place, late = self.place[days, :width], self.late[days, 1:width]
        before, after = place[:, :-1], place[:, 1:]
        there, on = table.travel[before, visit], table.travel[visit, after]
        start = np.maximum(self.free[days, : width - 1] + there, self.node_first[entries][:, None])
        if table.problem.step > 1:
            start = -(-start // table.problem.step) * table.problem.step
        fits = start <= self.node_last[entries][:, None]
        fits &= start + table.duration[visit] + on <= late
        fits &= np.arange(width - 1) <= self.count[days][:, None]
        fits &= (self.busy[days] + table.duration[visit] <= self.limit[days])[:, None]
        cost = np.where(fits, there + on - table.travel[before, after], FAR)
        position = cost.argmin(axis=1)
        least = cost[np.arange(len(days)), position]
        fixed = self.node_cost[entries] + table.nurse_cost[self.nurse[days], visit]
        return position, np.where(least < FAR, least + fixed, FAR)

    def _set(self, index: int, nodes: list[int]) -> None:
        """Writes one row again, and what follows from it."""
        table, day = self.table, self.table.days[index]
        for node in self.routes.get(index, ()):
            self.where[day.visit[node]] = -1
            self.taken.discard((int(table.patient[day.visit[node]]), day.day))
        if len(nodes) + 2 > self.place.shape[1]:
            self._widen()
        visits = day.visit[nodes].tolist()
        places = [day.home, *visits, day.home]
        free, frees = day.start, [day.start]
        for node, visit, before in zip(nodes, visits, places, strict=False):
            start = max(free + int(table.travel[before, visit]), int(day.first[node]))
            if day.first[node] < day.last[node]:
                start = -(-start // table.problem.step) * table.problem.step
            free = start + int(table.duration[visit])
            frees.append(free)
        late, lates = day.end, [day.end]
        for node, visit, after in zip(nodes[::-1], visits[::-1], places[::-1], strict=False):
            latest = late - int(table.travel[visit, after]) - int(table.duration[visit])
            late = min(int(day.last[node]), latest)
            if day.first[node] < day.last[node]:
                late = late // table.problem.step * table.problem.step
            lates.append(late)
        size = len(nodes)
        self.place[index] = day.home
        self.place[index, : size + 2] = places
        self.free[index, : size + 1] = frees
        self.late[index, 1 : size + 2] = lates[::-1]
        self.count[index], self.busy[index] = size, int(table.duration[visits].sum())
        self.where[visits] = index
        self.taken |= {(int(table.patient[v]), day.day) for v in visits if table.patient[v] >= 0}
        self.routes[index] = nodes

    def _widen(self) -> None:
        self.place = np.concatenate(
            (self.place, np.repeat(self.home[:, None], self.place.shape[1], axis=1)), axis=1
        )
        self.free = np.concatenate((self.free, self.free), axis=1)
        self.late = np.concatenate((self.late, self.late), axis=1)

    def _entries(self) -> None:
        """All nodes of all days, and for each visit which of them are its own. Pins are placed, not offered."""
        days = self.table.days
        free = [np.arange(len(day.pins), len(day.visit)) for day in days]
        self.of_day = np.repeat(np.arange(len(days)), [len(nodes) for nodes in free])
        self.of_node = _joined(free)
        visit = _joined([day.visit[n] for day, n in zip(days, free, strict=True)])
        self.node_first = _joined([day.first[n] for day, n in zip(days, free, strict=True)])
        self.node_last = _joined([day.last[n] for day, n in zip(days, free, strict=True)])
        self.node_cost = _joined([day.cost[n] for day, n in zip(days, free, strict=True)])
        self.order = np.argsort(visit, kind="stable")
        self.begin = np.searchsorted(visit[self.order], np.arange(self.table.visits + 1))


def first_routes(table: Table) -> dict[int, tuple[int, ...]]:
    """A complete plan that breaks no rule: pins, then whole courses, then visits by what leaving them out costs."""
    board = Board(table, {index: day.pins for index, day in enumerate(table.days) if day.pins})
    fill(board)
    return board.result()


def fill(board: Board, *, stopped: Callable[[], bool] = lambda: False) -> None:
    """Puts in what is not there yet and costs less than leaving it out."""
    table = board.table
    courses = [course for course in table.courses if course.visits and board.where[course.visits[0]] < 0]
    for course in sorted(courses, key=lambda c: -int(table.prize[list(c.visits)].sum())):
        _insert_course(board, course)
    left: Flags = (board.where < 0) & (table.course < 0) & ~table.pinned
    options = np.diff(board.begin)
    for visit in sorted(
        np.nonzero(left)[0].tolist(), key=lambda v: (-int(table.prize[v]), int(options[v]), v)
    ):
        gap = board.best(visit)
        if gap is not None and gap.cost < table.prize[visit]:
            board.insert(gap)
        if stopped():
            return


def _insert_course(board: Board, course: Course) -> None:
    """On the first day that costs least, with one nurse for all of it where that is cheaper."""
    table = board.table
    options = [_course_nurses(board, course, first) for first in course.first_days]
    possible = [
        (cost, first, nurse)
        for cost, first, nurse in options
        if cost < table.prize[list(course.visits)].sum()
    ]
    if not possible:
        return
    _, first, nurse = min(possible)
    done: list[int] = []
    for visit, offset in zip(course.visits, course.offsets, strict=True):
        gap = _with_nurse(board, visit, first + offset, nurse)
        if gap is None:
            for other in done:
                board.remove(other)
            return
        board.insert(gap)
        done.append(visit)


def _course_nurses(board: Board, course: Course, first: int) -> tuple[int, int, int]:
    """(Cost, first day, nurse it is built around); FAR or more where a visit has no place."""
    table = board.table
    total = np.zeros(len(table.problem.nurses), np.int64)
    for visit, offset in zip(course.visits, course.offsets, strict=True):
        days, _, _, costs = board.gaps(visit, on=first + offset)
        by_nurse = np.full(len(total), FAR, np.int64)
        np.minimum.at(by_nurse, board.nurse[days], costs)
        total += np.minimum(by_nurse, by_nurse.min(initial=FAR) + table.problem.course_change)
    nurse = int(total.argmin())
    return int(total[nurse]), first, nurse


def _with_nurse(board: Board, visit: int, on: int, nurse: int) -> Gap | None:
    days, nodes, positions, costs = board.gaps(visit, on=on)
    if not len(costs):
        return None
    weighed = costs + np.where(board.nurse[days] == nurse, 0, board.table.problem.course_change)
    at = int(weighed.argmin())
    if costs[at] >= FAR:
        return None
    return Gap(int(days[at]), int(nodes[at]), int(positions[at]), int(costs[at]))


def _joined(parts: Iterable[Whole]) -> Whole:
    return np.concatenate([np.zeros(0, np.int64), *parts])
