"""Judges a home-care solution by the instance's own JSON. Shares nothing with the search: not the reader either."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

EPSILON = 1e-6  # minutes; the instances have three decimals


def violations(instance: Mapping, solution: Mapping) -> list[str]:
    """One sentence for each broken rule; none for a feasible solution.

    Every service of every patient is given once, by a caregiver who can; not before the window opens; each caregiver
    starts at the office, once, and drives from stop to stop; the two services of a double one are given by
    two caregivers and start together, or as far apart as the patient says.
    """
    return [*_caregivers(instance, solution), *_roads(instance, solution), *_patients(instance, solution)]


def cost(instance: Mapping, solution: Mapping) -> dict[str, float]:
    """Minutes: `distance`, `total_tardiness`, `max_tardiness`, and `total_cost`, which is a third of their sum."""
    row = {patient["id"]: at for at, patient in enumerate(instance["patients"], start=1)}
    closes = {patient["id"]: patient["time_window"][1] for patient in instance["patients"]}
    distance, late = 0.0, [0.0]
    for route in solution["routes"]:
        stops = route.get("locations", [])
        way = [0, *(row[stop["patient"]] for stop in stops), 0]
        distance += sum(instance["distances"][a][b] for a, b in pairwise(way))
        late += [max(0.0, stop["arrival_time"] - closes[stop["patient"]]) for stop in stops]
    return {
        "distance": distance,
        "total_tardiness": sum(late),
        "max_tardiness": max(late),
        "total_cost": (distance + sum(late) + max(late)) / 3,
    }


def _caregivers(instance: Mapping, solution: Mapping) -> list[str]:
    able = {one["id"]: set(one["abilities"]) for one in instance["caregivers"]}
    ids = [route["caregiver_id"] for route in solution["routes"]]
    faults = [f"caregiver {one} is not of this instance" for one in ids if one not in able]
    faults += [f"caregiver {one} has two routes" for one in sorted(set(ids)) if ids.count(one) > 1]
    for route in solution["routes"]:
        for stop in route.get("locations", []):
            if stop["service"] not in able.get(route["caregiver_id"], ()):
                faults.append(f"{route['caregiver_id']} cannot give {stop['service']} to {stop['patient']}")
    return faults


def _roads(instance: Mapping, solution: Mapping) -> list[str]:
    """Leaves the office at 0 at the soonest, and each stop when its service is over."""
    row = {patient["id"]: at for at, patient in enumerate(instance["patients"], start=1)}
    minutes = {
        (patient["id"], want["service"]): want["duration"]
        for patient in instance["patients"]
        for want in patient["required_caregivers"]
    }
    faults = []
    for route in solution["routes"]:
        free, place = 0.0, 0
        for stop in route.get("locations", []):
            if stop["patient"] not in row:
                faults.append(f"{stop['patient']} is not of this instance")
                continue
            here, starts = row[stop["patient"]], stop["arrival_time"]
            if starts < free + instance["distances"][place][here] - EPSILON:
                faults.append(f"{route['caregiver_id']} cannot be with {stop['patient']} at {starts}")
            free = starts + minutes.get((stop["patient"], stop["service"]), 0.0)
            if abs(stop.get("departure_time", free) - free) > EPSILON:
                faults.append(
                    f"{route['caregiver_id']} leaves {stop['patient']} at another time than the service ends"
                )
            place = here
    return faults


def _patients(instance: Mapping, solution: Mapping) -> list[str]:
    given: dict[str, list[tuple[str, float, str]]] = {patient["id"]: [] for patient in instance["patients"]}
    for route in solution["routes"]:
        for stop in route.get("locations", []):
            given.setdefault(stop["patient"], []).append(
                (stop["service"], stop["arrival_time"], route["caregiver_id"])
            )
    faults = []
    for patient in instance["patients"]:
        theirs = given[patient["id"]]
        wanted = [want["service"] for want in patient["required_caregivers"]]
        if sorted(service for service, _, _ in theirs) != sorted(wanted):
            faults.append(f"{patient['id']} is not given each service once")
            continue
        if any(starts < patient["time_window"][0] - EPSILON for _, starts, _ in theirs):
            faults.append(f"{patient['id']} is visited before the window opens")
        if len(wanted) == 2:
            faults += _double(patient, {service: (starts, who) for service, starts, who in theirs}, wanted)
    return faults


def _double(patient: Mapping, given: Mapping[str, tuple[float, str]], wanted: list[str]) -> list[str]:
    (first, one), (second, other) = given[wanted[0]], given[wanted[1]]
    together = patient["synchronization"]
    least, most = (0, 0) if together["type"] == "simultaneous" else together["distance"]
    faults = []
    if one == other:
        faults.append(f"{patient['id']} has one caregiver for both services")
    if not least - EPSILON <= second - first <= most + EPSILON:
        faults.append(
            f"{patient['id']}'s services start {second - first:g} minutes apart, not {least} to {most}"
        )
    return faults
