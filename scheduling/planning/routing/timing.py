"""A route to the second: the nodes of one nurse-day in an order, each started as early as it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scheduling.planning.routing.problem import Cost, Plan, Route, Stop
from scheduling.planning.routing.table import NO_LIMIT, Day, Table, Whole

Routes = Mapping[
    int, tuple[int, ...]
]  # index of a nurse-day -> its nodes in order; days without a stop are absent


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds. `windows`: of the nodes chosen."""

    starts: tuple[int, ...]
    leave: int
    back: int
    drive: int
    windows: int


def timed(table: Table, day: Day, nodes: Sequence[int]) -> Timed | None:
    """None where the order breaks a rule of the day; pins left out do not count here."""
    at, free, drive, starts = day.home, day.start, 0, []
    step, kin = table.problem.step, set()
    for node in nodes:
        visit = int(day.visit[node])
        leg = int(table.travel[at, visit])
        start = max(free + leg, int(day.first[node]))
        if day.first[node] < day.last[node]:
            start = -(-start // step) * step
        if start > day.last[node] or int(day.kin[node]) in kin:
            return None
        kin.add(int(day.kin[node]))
        starts.append(start)
        drive += leg
        at, free = visit, start + int(table.duration[visit])
    if not starts:
        return None
    leg = int(table.travel[at, day.home])
    visits = day.visit[list(nodes)]
    if free + leg > day.end or int(table.duration[visits].sum()) > day.limit:
        return None
    leave = starts[0] - int(table.travel[day.home, visits[0]])
    return Timed(tuple(starts), leave, free + leg, drive + leg, int(day.cost[list(nodes)].sum()))


def plan(table: Table, routes: Routes, *, bound: int | None, iterations: int) -> Plan:
    """The answer, with its cost as the rules have it: course changes and fairness counted too."""
    problem, found, served = table.problem, [], set()
    drive = windows = nurses = 0
    for index in sorted(routes):
        day, nodes = table.days[index], routes[index]
        told = timed(table, day, nodes)
        assert told is not None, "a route that breaks a rule"
        visits = day.visit[list(nodes)].tolist()
        served |= set(visits)
        drive, windows = drive + told.drive, windows + told.windows
        nurses += int(table.nurse_cost[day.nurse, visits].sum())
        stops = (Stop(problem.visits[v].id, s) for v, s in zip(visits, told.starts, strict=True))
        name = problem.nurses[day.nurse].id
        found.append(Route(name, day.day, tuple(stops), told.leave, told.back, told.drive))
    left = [v for v in range(table.visits) if v not in served]
    cost = Cost(
        drive=drive,
        nurses=nurses,
        windows=windows,
        courses=_changes(table, routes) * problem.course_change,
        fairness=_fairness(table, found),
        prizes=int(table.prize[left].sum()),
    )
    return Plan(tuple(found), tuple(problem.visits[v].id for v in left), cost, bound, iterations)


def nurse_days(table: Table, routes: Routes) -> Whole:
    """Of each visit: index of its nurse-day, or -1."""
    where = np.full(table.visits, -1, np.int64)
    for index, nodes in routes.items():
        where[table.days[index].visit[list(nodes)]] = index
    return where


def course_nurses(table: Table, routes: Routes) -> dict[int, list[int]]:
    """Course -> the nurse of each of its visits that is served, where any is."""
    if not table.courses:
        return {}
    where = nurse_days(table, routes)
    found = {
        index: [table.days[where[v]].nurse for v in course.everyone if where[v] >= 0]
        for index, course in enumerate(table.courses)
    }
    return {index: nurses for index, nurses in found.items() if nurses}


def whole_courses(table: Table, routes: Routes) -> dict[int, tuple[int, ...]]:
    """These routes without the visits of courses that are served in part."""
    where, gone = nurse_days(table, routes), set[int]()
    for course in table.courses:
        members = list(course.visits)
        if (where[members] < 0).any():
            gone |= set(members)
    found: dict[int, tuple[int, ...]] = {}
    lost = False
    for index, nodes in routes.items():
        day = table.days[index]
        kept = tuple(node for node in nodes if int(day.visit[node]) not in gone)
        if (
            kept and kept != nodes and timed(table, day, kept) is None
        ):  # a told leg can be longer than the way round
            kept, lost = day.pins, True
        if kept:
            found[index] = kept
    return whole_courses(table, found) if lost else found


def _changes(table: Table, routes: Routes) -> int:
    return sum(len(set(nurses)) - 1 for nurses in course_nurses(table, routes).values())


def _fairness(table: Table, routes: Sequence[Route]) -> int:
    """Each nurse's share is rounded by itself."""
    if not table.problem.fairness:
        return 0
    away: dict[str, int] = {}
    for route in routes:
        away[route.nurse] = away.get(route.nurse, 0) + route.back - route.leave
    cost = 0
    for nurse, target in zip(table.problem.nurses, table.target.tolist(), strict=True):
        if target < NO_LIMIT:
            cost += round(table.problem.fairness * max(0, away.get(nurse.id, 0) - target))
    return cost
