"""PyVRP on an instance as `routing.solomon` reads it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pyvrp import Client, Depot, Location, ProblemData, Solution, VehicleType, solve

from scheduling.planning.routing.solomon import Instance

Routes = list[list[int]]


def search(instance: Instance, *, seed: int, stopped: Callable[[int], bool]) -> Routes | None:
    """The best routes found, each as customers in order; None when none that keeps every rule was found.

    `stopped` is asked after every iteration with the best distance so far in tenths (a number without meaning
    until it is feasible) and ends the search. The same seed and number of iterations give the same routes.
    """
    data = _data(instance)
    best = solve(
        data, lambda best_cost: stopped(best_cost), seed=seed, collect_stats=False, display=False
    ).best
    return _routes(best) if best.is_feasible() else None


def _data(instance: Instance) -> ProblemData:
    depot, *customers = instance.customers
    places = np.array([(customer.x, customer.y) for customer in instance.customers])
    apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=-1))
    distances = (10 * apart).astype(np.int64)
    durations = distances.copy()
    durations[0] += depot.service
    return ProblemData(
        locations=[Location(customer.x, customer.y) for customer in instance.customers],
        clients=[
            Client(
                place,
                delivery=[customer.demand],
                service_duration=customer.service,
                tw_early=customer.ready,
                tw_late=customer.due,
            )
            for place, customer in enumerate(customers, start=1)
        ],
        depots=[Depot(0)],
        vehicle_types=[
            VehicleType(
                instance.vehicles, capacity=[instance.capacity], tw_early=depot.ready, tw_late=depot.due
            )
        ],
        distance_matrices=[distances],
        duration_matrices=[durations],
    )


def _routes(best: Solution) -> Routes:
    return [[stop.idx + 1 for stop in route if stop.is_client()] for route in best.routes()]
