"""The open solvers beside ours: PyVRP, OR-Tools and VROOM, each modelled as it did best on infusion days.

Each takes a `Case`, seconds of wall clock and a seed, and returns routes. What a model leaves out is said where it
does; everybody's plan is checked and costed by planning.plan_check. A rival's module is loaded when it is called.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scheduling.planning.plan_check import cost
from scheduling.planning.routing.problem import DAY, STREETS, Place
from scheduling.planning.routing.travel import matrix

Routes = list[tuple[int, list[int]]]  # index of the nurse-day, indexes of its visits in order
Whole = NDArray[np.int64]
NOT_HERS = 100_000  # seconds of an edge no shift is long enough for
# A matrix for each nurse says what the visits cost that know another one; 100 million cells are 1.6 GB in PyVRP.
CELLS, CELLS_IN_LISTS = 10**8, 10**7
UNKNOWN = ("course", "patient", "nurses", "nurse_costs", "spans", "limit")


class NotModelled(ValueError):
    """The problem has a rule the models here do not know: what they found would not be compared fairly."""


@dataclass(frozen=True)
class Case:
    """A problem as routers want it: nurse-days are the vehicles; in `drive` the homes come before the visits."""

    problem: Mapping[str, Any]
    drive: Whole = field(repr=False)

    @property
    def nurses(self) -> Sequence[Mapping[str, Any]]:
        return self.problem["nurses"]  # type: ignore[no-any-return]

    @property
    def visits(self) -> Sequence[Mapping[str, Any]]:
        return self.problem["visits"]  # type: ignore[no-any-return]

    @cached_property
    def days(self) -> list[tuple[int, Mapping[str, Any]]]:
        """Nurse-days: index of the nurse, her shift."""
        return [(at, shift) for at, nurse in enumerate(self.nurses) for shift in nurse["shifts"]]

    @cached_property
    def number(self) -> dict[str, int]:
        """Index of a nurse."""
        return {nurse["id"]: at for at, nurse in enumerate(self.nurses)}

    @cached_property
    def service(self) -> Whole:
        return np.array([0] * len(self.nurses) + [visit["duration"] for visit in self.visits])

    @cached_property
    def prefers(self) -> Whole:
        """Index of the nurse each visit knows, -1 for none."""
        return np.array([self.number.get(visit.get("preferred_nurse") or "", -1) for visit in self.visits])

    @property
    def cells(self) -> int:
        return len(self.nurses) * len(self.drive) ** 2

    @cached_property
    def profiles(self) -> list[list[int]]:
        """Nurses who are told apart by their costs: each by herself, or, where that is too many matrices, as many
        groups as there is room for, of nurses who live far apart, so that few visits are near two of a group."""
        many = min(len(self.nurses), max(1, CELLS // len(self.drive) ** 2))
        along = sorted(
            self.number.values(), key=lambda at: (round(self.nurses[at]["lat"], 1), self.nurses[at]["lon"])
        )
        return [along[first::many] for first in range(many)]

    @cached_property
    def profile(self) -> dict[int, int]:
        return {nurse: at for at, group in enumerate(self.profiles) for nurse in group}

    def costs(self, nurses: Sequence[int]) -> Whole:
        """What each visit costs beside the drive when one of these comes and counts as the one it knows."""
        other = (self.prefers >= 0) & ~np.isin(self.prefers, nurses)
        return other * int(self.problem["meta"].get("continuity_penalty", 0))

    def may(self, nurse: int, visit: Mapping[str, Any]) -> bool:
        """She has the skills; a promised visit is its nurse's alone."""
        if pin := visit.get("pinned"):
            return bool(self.number[pin["nurse"]] == nurse)
        return set(visit["skills"]) <= set(self.nurses[nurse]["skills"])

    def not_theirs(self, group: Sequence[int]) -> list[int]:
        """Rows of `drive`: visits that none of these nurses may serve."""
        homes, visits = len(self.nurses), enumerate(self.visits)
        return [homes + at for at, one in visits if not any(self.may(nurse, one) for nurse in group)]


def case(problem: Mapping[str, Any]) -> Case:
    """Raises NotModelled."""
    rows = [*problem["visits"], *(shift for nurse in problem["nurses"] for shift in nurse["shifts"])]
    meta = problem["meta"]
    if (
        meta.get("step", 1) != 1
        or meta.get("fairness")
        or any(row.get(key) for row in rows for key in UNKNOWN)
    ):
        raise NotModelled(
            "steps, fairness, courses, patients, spans and limits are not in the rivals' models"
        )
    places = [Place(row["lat"], row["lon"]) for row in (*problem["nurses"], *problem["visits"])]
    return Case(problem, matrix(places, kind=STREETS, roads={}))


def windows(visit: Mapping[str, Any]) -> list[tuple[int, int]]:
    if pin := visit.get("pinned"):
        return [(pin["start"], pin["start"])]
    return sorted((first, last) for first, last, *_cost in visit["windows"])


def plan(it: Case, routes: Routes) -> dict[str, Any]:
    """The routes as a plan in JSON, every visit as early as its window allows."""
    rows = [_row(it, *it.days[day], visits) for day, visits in routes if visits]
    served = {stop["visit"] for row in rows for stop in row["stops"]}
    made = {"routes": rows, "left": [visit["id"] for visit in it.visits if visit["id"] not in served]}
    return made | {"cost": cost(dict(it.problem), made)}


def _row(it: Case, nurse: int, shift: Mapping[str, Any], visits: Sequence[int]) -> dict[str, Any]:
    path = [nurse, *(len(it.nurses) + at for at in visits), nurse]
    legs = [int(it.drive[a, b]) for a, b in pairwise(path)]
    clock, stops = shift["start"], []
    for at, leg in zip(visits, legs, strict=False):
        opens = [first for first, _last in windows(it.visits[at]) if first // DAY == shift["day"]]
        start = max([clock + leg, *opens])
        stops.append({"visit": it.visits[at]["id"], "start": start})
        clock = start + it.visits[at]["duration"]
    return {"nurse": it.nurses[nurse]["id"], "day": shift["day"], "leave": stops[0]["start"] - legs[0],
            "back": clock + legs[-1], "drive": sum(legs), "stops": stops}  # fmt: skip


# PyVRP: a vehicle type a nurse-day; a client a visit and day, those of one visit in a group of which at most one is
# served; prizes. Each nurse has her own matrices, where a visit that is not hers is a day and more away and one that
# knows another nurse costs more; that did no worse here than skills as load dimensions. Where no room is for so many
# matrices: load dimensions for skills and promises, and matrices for groups of nurses. It begins with the promises:
# from its own random beginning plans were dearer, and the largest case had none.
def pyvrp(it: Case, *, seconds: float, seed: int) -> Routes:
    """One thread."""
    from pyvrp import ProblemData, Route, Solution, solve
    from pyvrp.stop import MaxRuntime

    until = time.monotonic() + seconds
    clients, of_client, groups = _clients(it)
    locations, depots, types, *matrices = _fleet(it)
    data = ProblemData(locations, clients, depots, types, *matrices, groups)
    matrices.clear()  # it has its own
    first = Solution(data, [Route(data, visits, day) for day, visits in _promised(it, of_client).items()])
    left = MaxRuntime(max(until - time.monotonic(), 0.1))
    best = solve(data, left, seed=seed, collect_stats=False, display=False, initial_solution=first).best
    if not best.is_feasible():
        return []
    return [
        (route.vehicle_type(), [of_client[stop.idx] for stop in route if stop.is_client()])
        for route in best.routes()
    ]


def _clients(it: Case) -> tuple[list[Any], list[int], list[Any]]:
    """Clients, the visit of each, and groups."""
    from pyvrp import Client, ClientGroup

    clients: list[Any] = []
    of_client: list[int] = []
    groups: list[Any] = []
    dimensions = _dimensions(it)
    for at, visit in enumerate(it.visits):
        starts, pin = windows(visit), visit.get("pinned")
        group = len(groups) if len(starts) > 1 else None
        if group is not None:
            groups.append(ClientGroup(list(range(len(clients), len(clients) + len(starts))), required=False))
        needs = {_seat(it, it.number[pin["nurse"]])} if pin else set(visit["skills"])
        for first, last in starts:
            of_client.append(at)
            clients.append(
                Client(
                    len(it.nurses) + at, delivery=[int(one in needs) for one in dimensions],
                    service_duration=visit["duration"], tw_early=first, tw_late=last,
                    prize=0 if pin else visit["prize"], required=bool(pin), group=group,
                )
            )  # fmt: skip
    return clients, of_client, groups


def _promised(it: Case, of_client: Sequence[int]) -> dict[int, list[int]]:
    """The clients promised to each nurse-day, in order."""
    index = {(it.nurses[nurse]["id"], shift["day"]): day for day, (nurse, shift) in enumerate(it.days)}
    found: dict[int, list[int]] = {}
    pins = [
        (it.visits[at]["pinned"], client)
        for client, at in enumerate(of_client)
        if it.visits[at].get("pinned")
    ]
    for pin, client in sorted(pins, key=lambda one: one[0]["start"]):
        found.setdefault(index[pin["nurse"], pin["day"]], []).append(client)
    return found


def _dimensions(it: Case) -> list[str]:
    """What tells the nurses of a group apart, who has no room for what she lacks: skills, and her seat in the group
    for what is promised. Nothing where every nurse has matrices of her own, for those say it."""
    if all(len(group) == 1 for group in it.profiles):
        return []
    seats = {_seat(it, nurse) for nurse in it.profile}
    return sorted({skill for visit in it.visits for skill in visit["skills"]} | seats)


def _seat(it: Case, nurse: int) -> str:
    return f"seat {it.profiles[it.profile[nurse]].index(nurse)}"


def _fleet(it: Case) -> list[list[Any]]:
    """Locations, depots, vehicle types, distances and durations."""
    from pyvrp import Depot, Location, VehicleType

    rows, homes = [*it.nurses, *it.visits], len(it.nurses)
    distances, durations = [], []
    for group in it.profiles:
        dear, took = it.drive.copy(), it.drive.copy()
        dear[:, homes:] += it.costs(group)
        dear[:, it.not_theirs(group)] = took[:, it.not_theirs(group)] = NOT_HERS
        np.fill_diagonal(dear, 0)
        np.fill_diagonal(took, 0)
        distances.append(dear)
        durations.append(took)
    dimensions = _dimensions(it)
    room = [
        [len(it.visits) * (one in {*nurse["skills"], _seat(it, at)}) for one in dimensions]
        for at, nurse in enumerate(it.nurses)
    ]
    types = [
        VehicleType(
            capacity=room[nurse], start_depot=nurse, end_depot=nurse, tw_early=shift["start"],
            tw_late=shift["end"], profile=it.profile[nurse],
        )
        for nurse, shift in it.days
    ]  # fmt: skip
    places = [Location(row["lon"], row["lat"]) for row in rows]
    return [places, [Depot(nurse) for nurse in range(homes)], types, distances, durations]


# OR-Tools: a vehicle a nurse-day with the visits it may serve, one node a visit with its prize as the price of
# leaving it out, a time dimension with holes between a visit's days, guided local search. Who is preferred is in the
# arcs' costs, or, where that would be too many numbers in lists, in a dimension whose span costs.
def ortools(it: Case, *, seconds: float, seed: int) -> Routes:
    """One thread; knows no seed, so every seed is the same but for the clock."""
    from ortools.constraint_solver import pywrapcp
    from ortools.constraint_solver.routing_enums_pb2 import FirstSolutionStrategy, LocalSearchMetaheuristic

    until, homes = time.monotonic() + seconds, [nurse for nurse, _shift in it.days]
    nodes = pywrapcp.RoutingIndexManager(len(it.drive), len(homes), homes, homes)
    model = pywrapcp.RoutingModel(nodes)
    _arcs(it, model)
    moving = model.RegisterTransitMatrix((it.drive + it.service[:, None]).tolist())
    end = max(shift["end"] for _nurse, shift in it.days)
    model.AddDimension(moving, end, end, False, "time")
    clock = model.GetDimensionOrDie("time")
    for day, (_nurse, shift) in enumerate(it.days):
        for end_of in (model.Start(day), model.End(day)):
            clock.CumulVar(end_of).SetRange(shift["start"], shift["end"])
    for at, visit in enumerate(it.visits):
        _node(it, model, clock, nodes.NodeToIndex(len(it.nurses) + at), visit)
    asked = pywrapcp.DefaultRoutingSearchParameters()
    asked.first_solution_strategy = FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    asked.local_search_metaheuristic = LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    asked.guided_local_search_lambda_coefficient = 1.0  # with 0.1, the default, plans were dearer
    asked.time_limit.FromMilliseconds(max(int((until - time.monotonic()) * 1000), 100))
    found = model.SolveWithParameters(asked)
    return [(day, _path(it, model, nodes, found, day)) for day in range(len(homes))] if found else []


def _arcs(it: Case, model: Any) -> None:
    homes = len(it.nurses)
    if it.cells <= CELLS_IN_LISTS:
        hers = []
        for nurse in range(homes):
            dear = it.drive.copy()
            dear[:, homes:] += it.costs([nurse])
            hers.append(model.RegisterTransitMatrix(dear.tolist()))
        for day, (nurse, _shift) in enumerate(it.days):
            model.SetArcCostEvaluatorOfVehicle(hers[nurse], day)
        return
    model.SetArcCostEvaluatorOfAllVehicles(model.RegisterTransitMatrix(it.drive.tolist()))
    none = [0] * homes
    other = [model.RegisterUnaryTransitVector(none + it.costs([nurse]).tolist()) for nurse in range(homes)]
    model.AddDimensionWithVehicleTransits(
        [other[nurse] for nurse, _shift in it.days], 0, 10**9, True, "nurses"
    )
    model.GetDimensionOrDie("nurses").SetSpanCostCoefficientForAllVehicles(1)


def _node(it: Case, model: Any, clock: Any, index: int, visit: Mapping[str, Any]) -> None:
    starts = windows(visit)
    start = clock.CumulVar(index)
    start.SetRange(starts[0][0], max(last for _first, last in starts))
    for (_first, last), (again, _last) in pairwise(starts):
        start.RemoveInterval(last + 1, again - 1)
    may = {nurse for nurse in range(len(it.nurses)) if it.may(nurse, visit)}
    on = {first // DAY for first, _last in starts}
    days = [at for at, (nurse, shift) in enumerate(it.days) if nurse in may and shift["day"] in on]
    if not visit.get("pinned"):
        model.AddDisjunction([index], visit["prize"])
        days.append(-1)
    model.VehicleVar(index).SetValues(days)


def _path(it: Case, model: Any, nodes: Any, found: Any, day: int) -> list[int]:
    visits, index = [], found.Value(model.NextVar(model.Start(day)))
    while not model.IsEnd(index):
        visits.append(nodes.IndexToNode(index) - len(it.nurses))
        index = found.Value(model.NextVar(index))
    return visits


# VROOM: a vehicle a nurse-day, a job a visit with a window a day, skills (a promise is a skill of its nurse). It
# serves as much priority as it can and then drives as little as it can: a prize is a priority, never weighed against
# driving. A profile a nurse, or a group of nurses as above, says who is preferred. It begins with the promises, too.
def vroom(it: Case, *, seconds: float, seed: int) -> Routes:
    """Two threads; knows no seed, and ends by itself where it finds nothing more."""
    from vroom import Input, Job, Vehicle, VehicleStepEnd, VehicleStepSingle, VehicleStepStart

    until, homes, model = time.monotonic() + seconds, len(it.nurses), Input()
    _profiles(it, model)
    pins = {f"nurse {visit['pinned']['nurse']}" for visit in it.visits if visit.get("pinned")}
    skills = sorted({skill for visit in it.visits for skill in visit["skills"]} | pins)
    names = {name: at for at, name in enumerate(skills)}
    promised = _promised(it, range(len(it.visits)))
    for day, (nurse, shift) in enumerate(it.days):
        steps = [VehicleStepSingle(at) for at in promised.get(day, ())]
        able = {*it.nurses[nurse]["skills"], f"nurse {it.nurses[nurse]['id']}"} & set(names)
        model.add_vehicle(
            Vehicle(day, start=nurse, end=nurse, profile=str(it.profile[nurse]),
                    skills={names[one] for one in able}, time_window=(shift["start"], shift["end"]),
                    steps=[VehicleStepStart(), *steps, VehicleStepEnd()] if steps else [])
        )  # fmt: skip
    most = max(visit["prize"] for visit in it.visits)
    for at, visit in enumerate(it.visits):
        pin = visit.get("pinned")
        needs = [f"nurse {pin['nurse']}"] if pin else visit["skills"]
        model.add_job(
            Job(at, location=homes + at, default_service=visit["duration"], skills={names[one] for one in needs},
                priority=100 if pin else max(1, 20 * visit["prize"] // most), time_windows=windows(visit))
        )  # fmt: skip
    left = timedelta(seconds=max(until - time.monotonic(), 0.1))
    # At any level above 0 it looks at the clock too late for the largest case: minutes after 20 s.
    level = 5 if it.cells <= CELLS else 0
    found = model.solve(exploration_level=level, nb_threads=2, timeout=left).routes
    routes: dict[int, list[int]] = {}
    for day, kind, at in zip(found["vehicle_id"], found["type"], found["id"], strict=True):
        if kind == "job":
            routes.setdefault(int(day), []).append(int(at))
    return list(routes.items())


def _profiles(it: Case, model: Any) -> None:
    drive, homes = it.drive.astype(np.uint32), len(it.nurses)
    for at, group in enumerate(it.profiles):
        dear = drive.copy()
        dear[:, homes:] += it.costs(group).astype(np.uint32)
        np.fill_diagonal(dear, 0)
        model.set_durations_matrix(str(at), drive)
        model.set_costs_matrix(str(at), dear)


RIVALS: dict[str, Callable[..., Routes]] = {"PyVRP": pyvrp, "OR-Tools": ortools, "VROOM": vroom}
