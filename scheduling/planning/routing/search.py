"""PyVRP on a part of the problem: where a day holds many short visits, its moves find what enumeration cannot.

What it answers is a suggestion. Its windows are a little wider than ours (a visit's on one day, whoever comes), it
knows neither steps nor breaks nor courses; every route is timed again by our rules, and what breaks one is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pyvrp import Client, ClientGroup, Depot, Location, ProblemData, VehicleType, solve

from scheduling.planning.routing.scope import Scope, usable
from scheduling.planning.routing.table import Day, Flags, Table
from scheduling.planning.routing.timing import timed

NOT_HERS = 10**7  # seconds: no way there
Found = dict[int, tuple[int, ...]]


def search(table: Table, scope: Scope, *, seed: int, stopped: Callable[[], bool]) -> Found:
    """Routes of the scope's nurse-days, each by itself in order; `stopped` is asked after every iteration.

    The same seed and number of iterations give the same routes. Courses may be served in part.
    """
    flags = {index: usable(table, scope, index) for index in scope.days}
    clients, of_client, groups = _clients(table, flags)
    if not clients:
        return {}
    data = _data(table, scope, flags, clients, of_client, groups)
    best = solve(data, lambda _best: stopped(), seed=seed, collect_stats=False, display=False).best
    found: Found = {}
    seen: set[tuple[int, int]] = set()  # (patient, day)
    for route in best.routes():
        index = scope.days[route.vehicle_type()]
        visits = [of_client[stop.idx][0] for stop in route if stop.is_client()]
        nodes = _kept(table, table.days[index], flags[index], visits, seen)
        if nodes:
            found[index] = nodes
    return found


def _clients(
    table: Table, flags: dict[int, Flags]
) -> tuple[list[Client], list[tuple[int, int]], list[ClientGroup]]:
    """A client for each visit and day of it, the days of one visit in a group."""
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    for index, usable_nodes in flags.items():
        day = table.days[index]
        for node in np.nonzero(usable_nodes)[0].tolist():
            key, first, last = (int(day.visit[node]), day.day), int(day.first[node]), int(day.last[node])
            known = spans.get(key, (first, last))
            spans[key] = min(known[0], first), max(known[1], last)
    of_client = sorted(spans)
    by_visit: dict[int, list[int]] = {}
    for client, (visit, _) in enumerate(of_client):
        by_visit.setdefault(visit, []).append(client)
    several = [visit for visit, its in by_visit.items() if len(its) > 1]
    group_of = {visit: at for at, visit in enumerate(several)}
    clients = [
        Client(
            len(flags) + at,
            service_duration=int(table.duration[visit]),
            tw_early=max(spans[visit, on][0], 0),
            tw_late=max(spans[visit, on][1], 0),
            prize=0 if table.pinned[visit] else int(table.prize[visit]),
            required=bool(table.pinned[visit]),
            group=group_of.get(visit),
        )
        for at, (visit, on) in enumerate(of_client)
    ]
    return clients, of_client, [ClientGroup(by_visit[visit], required=False) for visit in several]


def _data(
    table: Table,
    scope: Scope,
    flags: dict[int, Flags],
    clients: list[Client],
    of_client: list[tuple[int, int]],
    groups: list[ClientGroup],
) -> ProblemData:
    """A vehicle for each nurse-day, with drives of her own: what she may not serve is out of reach."""
    days = [table.days[index] for index in scope.days]
    rows = np.array([day.home for day in days] + [visit for visit, _ in of_client], np.int64)
    drive = table.travel[np.ix_(rows, rows)]
    distances: list[Any] = []
    durations: list[Any] = []
    for index, day in zip(scope.days, days, strict=True):
        hers = set(zip(day.visit[flags[index]].tolist(), [day.day] * len(day.visit), strict=False))
        dear, took = drive.copy(), drive.copy()
        out = np.array([False] * len(days) + [key not in hers for key in of_client])
        dear[:, len(days) :] += table.nurse_cost[day.nurse, [visit for visit, _ in of_client]]
        dear[:, out] = took[:, out] = NOT_HERS
        np.fill_diagonal(dear, 0)
        np.fill_diagonal(took, 0)
        distances.append(dear)
        durations.append(took)
    types = [
        VehicleType(
            start_depot=at, end_depot=at, tw_early=max(day.start, 0), tw_late=max(day.end, 0), profile=at
        )
        for at, day in enumerate(days)
    ]  # fmt: skip
    places = [Location(0, 0)] * len(rows)  # where they are is in the matrices
    depots = [Depot(at) for at in range(len(days))]
    return ProblemData(places, clients, depots, types, distances, durations, groups)


def _kept(
    table: Table, day: Day, flags: Flags, visits: list[int], seen: set[tuple[int, int]]
) -> tuple[int, ...]:
    """The longest beginnings of the order that keep our rules, the pins of the day always; () where those cannot be."""
    nodes: list[int] = []
    pins = set(day.pins)
    for visit in visits:
        patient = (int(table.patient[visit]), day.day)
        mine = [
            n
            for n in np.nonzero(flags & (day.visit == visit))[0].tolist()
            if patient not in seen or n in pins
        ]
        good = [(route.starts[-1], n) for n in mine if (route := timed(table, day, [*nodes, n])) is not None]
        if good:
            nodes.append(min(good)[1])
            if patient[0] >= 0:
                seen.add(patient)
    return tuple(nodes) if pins <= set(nodes) else ()
