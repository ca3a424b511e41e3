"""A solution of a home-care instance in the instances' own JSON, within a number of steps or of seconds."""

from __future__ import annotations

import time
from collections.abc import Mapping

from benchmarks._homecare_instance import Instance, parse
from benchmarks._homecare_schedule import Schedule
from benchmarks._homecare_search import anneal


def solve(
    raw: Mapping, *, seed: int = 1, iterations: int | None = None, seconds: float | None = None
) -> dict[str, list]:
    """With `iterations` alone the same seed gives the same solution. Raises ValueError without any limit."""
    if iterations is None and seconds is None:
        raise ValueError("a search needs a number of iterations or of seconds")
    began = time.monotonic()

    def progress(done: int) -> float:
        steps = done / iterations if iterations is not None else 0.0
        return max(steps, (time.monotonic() - began) / seconds if seconds is not None else 0.0)

    instance = parse("", raw)
    return written(instance, anneal(instance, seed=seed, progress=progress))


def written(instance: Instance, schedule: Schedule) -> dict[str, list]:
    routes = []
    for who, caregiver in enumerate(instance.caregivers):
        stops = [
            {
                "patient": instance.patients[instance.patient[s]],
                "service": instance.kinds[s],
                "arrival_time": schedule.start[s],
                "departure_time": schedule.start[s] + instance.lengths[s],
            }
            for s in schedule.route(who)
        ]
        routes.append({"caregiver_id": caregiver, "locations": stops})
    return {"routes": routes}
