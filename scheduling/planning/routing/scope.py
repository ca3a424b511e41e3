"""A part of the problem that is planned while the rest stands still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scheduling.planning.routing.columns import Columns
from scheduling.planning.routing.table import Flags, Table, Whole
from scheduling.planning.routing.timing import Routes, nurse_days


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of the problem that is planned while the rest stands still. The whole is one, too.

    `days`: its nurse-days. `visits`: those that may be in their routes. `must`: of them, those that have to be.
    `only_on`: the day a visit is bound to, for those that are (course members whose others stand still).
    `blocked`: (patient, day) that visits elsewhere take. `away`: of each nurse, outside the scope.
    """

    days: tuple[int, ...]
    visits: Flags
    must: Flags
    only_on: dict[int, int]
    blocked: frozenset[tuple[int, int]]
    courses: tuple[int, ...]
    away: Whole


def whole(table: Table) -> Scope:
    return Scope(
        days=tuple(range(len(table.days))),
        visits=np.ones(table.visits, bool),
        must=table.pinned.copy(),
        only_on={},
        blocked=frozenset(),
        courses=tuple(index for index, course in enumerate(table.courses) if course.visits),
        away=np.zeros(len(table.problem.nurses), np.int64),
    )


def part(table: Table, routes: Routes, days: Sequence[int], *, hidden: Sequence[int] = ()) -> Scope:
    """These nurse-days, with what is on them and what is on none, but for what is `hidden`."""
    chosen = set(days)
    where = nurse_days(table, routes)
    inside = np.isin(where, list(chosen))
    left = where < 0
    left[list(hidden)] = False
    courses, only_on, must = [], {}, table.pinned & inside
    for index, course in enumerate(table.courses):
        members = list(course.visits)
        if not members:
            continue
        if (where[members] < 0).all():
            if left[members].all():
                courses.append(index)
            else:
                left[members] = False
            continue
        for visit in members:
            if inside[visit]:
                only_on[visit] = table.days[where[visit]].day
                must[visit] = True
    outside = np.nonzero((where >= 0) & ~inside & (table.patient >= 0))[0].tolist()
    away = np.zeros(len(table.problem.nurses), np.int64)
    if table.problem.fairness:
        rest = Columns(table)
        rows = rest.add_routes({index: nodes for index, nodes in routes.items() if index not in chosen})
        np.add.at(away, rest.nurse[rest.day[rows]], rest.away[rows])
    return Scope(
        days=tuple(sorted(chosen)),
        visits=inside | left,
        must=must,
        only_on=only_on,
        blocked=frozenset((int(table.patient[v]), table.days[where[v]].day) for v in outside),
        courses=tuple(courses),
        away=away,
    )


def usable(table: Table, scope: Scope, index: int) -> Flags:
    """Which nodes of a nurse-day the scope allows."""
    day = table.days[index]
    allowed = scope.visits[day.visit]
    if scope.only_on or scope.blocked:
        visits = day.visit.tolist()
        allowed &= np.array([scope.only_on.get(v, day.day) == day.day for v in visits], bool)
        allowed &= np.array([(int(table.patient[v]), day.day) not in scope.blocked for v in visits], bool)
    return allowed
