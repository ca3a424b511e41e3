"""VRPTW instances in Solomon's text format, and what is written about them.

Distances follow the DIMACS challenge: every distance, and with it every travel time, is cut to one decimal. Inside,
all of it is tenths in whole numbers; a total distance is written with its decimal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, sqrt
from typing import Any

from scheduling.planning.routing.problem import BadProblem

MOST_CUSTOMERS = 3_000  # their distances are a square
MOST = 10**6
FIELDS = ("customer number", "x", "y", "demand", "ready time", "due date", "service time")


@dataclass(frozen=True, slots=True)
class Customer:
    """`ready`, `due` (of the start, both included) and `service` in tenths. The first customer is the depot."""

    x: float
    y: float
    demand: int
    ready: int
    due: int
    service: int


@dataclass(frozen=True, slots=True)
class Instance:
    name: str
    vehicles: int
    capacity: int
    customers: tuple[Customer, ...]

    def distance(self, a: int, b: int) -> int:
        """Tenths, between two customers by number."""
        one, other = self.customers[a], self.customers[b]
        return int(10 * sqrt((one.x - other.x) ** 2 + (one.y - other.y) ** 2))


def read(text: str) -> Instance:
    """Raises BadProblem in one line with the number of the bad line."""
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    words = [" ".join(line).upper() for _number, line in lines]
    if len(lines) < 7 or words[1] != "VEHICLE" or words[4] != "CUSTOMER":
        raise BadProblem(
            "this is not Solomon's format: a name, VEHICLE, its figures and CUSTOMER with its rows are needed"
        )
    number, figures = lines[3]
    if len(figures) != 2:
        raise BadProblem(f"line {number}: the number of vehicles and their capacity are needed")
    vehicles = _whole(number, "the number of vehicles", figures[0], 1)
    capacity = _whole(number, "the capacity", figures[1], 0)
    if len(lines) - 6 > MOST_CUSTOMERS + 1:
        raise BadProblem(f"line {lines[-1][0]}: more than {MOST_CUSTOMERS} customers")
    customers = tuple(_customer(number, row, place) for place, (number, row) in enumerate(lines[6:]))
    for place, customer in enumerate(customers):
        if customer.demand > capacity:
            raise BadProblem(f"line {lines[6 + place][0]}: the demand is more than a vehicle holds")
    return Instance(" ".join(lines[0][1])[:100], vehicles, capacity, customers)


def _customer(number: int, row: Sequence[str], place: int) -> Customer:
    if len(row) != len(FIELDS):
        raise BadProblem(f"line {number}: {len(FIELDS)} numbers are needed ({', '.join(FIELDS)})")
    if row[0] != str(place):
        raise BadProblem(f"line {number}: customer {place} is expected here, not {row[0][:20]}")
    x, y = (_coordinate(number, name, text) for name, text in zip(FIELDS[1:3], row[1:3], strict=True))
    demand, ready, due, service = (
        _whole(number, f"the {name}", text, 0) for name, text in zip(FIELDS[3:], row[3:], strict=True)
    )
    if due < ready:
        raise BadProblem(f"line {number}: the due date is before the ready time")
    return Customer(x, y, demand, 10 * ready, 10 * due, 10 * service)


def _whole(number: int, name: str, text: str, low: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and low <= int(text) <= MOST):
        raise BadProblem(f"line {number}: {name} is a whole number from {low} to {MOST}, not {text[:20]}")
    return int(text)


def _coordinate(number: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value) or abs(value) > MOST:
        raise BadProblem(f"line {number}: {name} is a number, not {text[:20]}")
    return value


def violations(instance: Instance, routes: Sequence[Sequence[int]]) -> list[str]:
    """Every rule the routes break, as plain sentences; [] when none. Shares nothing with the search."""
    served = Counter(customer for route in routes for customer in route)
    known = range(1, len(instance.customers))
    found = [
        f"Customer {customer} is not served exactly once." for customer in known if served[customer] != 1
    ]
    found += [f"There is no customer {customer}." for customer in sorted(set(served) - set(known))]
    if len(routes) > instance.vehicles:
        found.append(f"There are {len(routes)} routes for {instance.vehicles} vehicles.")
    if not found:
        for route in routes:
            found += _route(instance, route)
    return found


def _route(instance: Instance, route: Sequence[int]) -> Iterator[str]:
    if sum(instance.customers[customer].demand for customer in route) > instance.capacity:
        yield f"The route {route[0]}-{route[-1]} carries more than {instance.capacity}."
    at = instance.customers[0].ready
    for here, there in pairwise((0, *route, 0)):
        customer = instance.customers[there]
        at = max(at + instance.customers[here].service + instance.distance(here, there), customer.ready)
        if at > customer.due:
            yield f"The route {route[0]}-{route[-1]} is at {there} at {at / 10}, after {customer.due / 10}."


def length(instance: Instance, routes: Sequence[Sequence[int]]) -> int:
    """Total distance in tenths."""
    return sum(instance.distance(a, b) for route in routes for a, b in pairwise((0, *route, 0)))


def as_json(
    instance: Instance, routes: Sequence[Sequence[int]], *, seed: int, seconds: float
) -> dict[str, Any]:
    """What `plan_routes --format solomon` writes."""
    return {
        "name": instance.name,
        "distance": length(instance, routes) / 10,
        "vehicles": len(routes),
        "routes": [list(route) for route in routes],
        "seed": seed,
        "seconds": round(seconds, 3),
    }
