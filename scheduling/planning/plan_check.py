"""Does a plan keep every rule, and does it cost what it says? Asked of every plan before anybody sees it.

Reads the two JSON documents of docs/planner.md as they are, with nothing but the standard library and with travel
formulas of its own: a mistake in the engine, or in what reads its files, cannot hide itself here.
Times are seconds, a day is 86,400 of them. The problem has been read by `routing.files` before, so it is in order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import combinations, pairwise
from math import asin, ceil, cos, radians, sin, sqrt
from typing import Any

DAY = 86_400
FIGURES = ("drive", "nurses", "windows", "courses", "fairness", "prizes")

Json = dict[str, Any]
Point = tuple[float, float]


def violations(problem: Json, plan: Json) -> list[str]:
    """Every rule the plan breaks, in plain sentences; [] when it breaks none. Its figures count as rules.

    A plan with parts missing, or of another shape, is one sentence.
    """
    if broken := _shape(plan):
        return [broken]
    case = _Case(problem)
    found = [*_who(case, plan)]
    if found:  # ids that do not exist, or twice: nothing after this could be looked up
        return found
    for route in plan["routes"]:
        found += _route(case, route)
    found += _pins(case, plan)
    found += _patients(case, plan)
    found += _courses(case, plan)
    return found + list(_figures(case, plan))


def cost(problem: Json, plan: Json) -> dict[str, int]:
    """What the plan costs, in seconds: FIGURES and their `total`. KeyError for ids that do not exist."""
    return _cost(_Case(problem), plan)


def _cost(case: _Case, plan: Json) -> dict[str, int]:
    parts = dict.fromkeys(FIGURES, 0)
    away: Counter[str] = Counter()
    nurses_of: dict[str, set[str]] = defaultdict(set)
    for route, visit, start in case.served(plan):
        parts["nurses"] += case.nurse_cost(visit, route["nurse"])
        parts["windows"] += min(
            (cost for low, high, cost in case.windows(visit) if low <= start <= high), default=0
        )
        if visit.get("course") is not None:
            nurses_of[visit["course"]].add(route["nurse"])
    for route in plan["routes"]:
        if route["stops"]:
            leave, back, drive = case.times(route)
            parts["drive"] += drive
            away[route["nurse"]] += back - leave
    parts["courses"] = (case.meta.get("course_change") or 0) * sum(
        len(nurses) - 1 for nurses in nurses_of.values()
    )
    for name, nurse in case.nurses.items():
        if nurse.get("target") is not None:
            over = max(away[name] - nurse["target"], 0)
            parts["fairness"] += round((case.meta.get("fairness") or 0) * over)
    parts["prizes"] = sum(case.visits[name]["prize"] for name in plan["left"])
    return parts | {"total": sum(parts.values())}


def contradictions(problem: Json) -> list[str]:
    """What no plan could keep, because the pinned visits by themselves break it; [] when a plan exists."""
    case = _Case(problem)
    days: dict[tuple[str, int], list[Json]] = defaultdict(list)
    for visit in case.visits.values():
        if visit.get("pinned"):
            days[visit["pinned"]["nurse"], visit["pinned"]["day"]].append(visit)
    routes = []
    for (nurse, day), visits in sorted(days.items()):
        visits.sort(key=lambda visit: (visit["pinned"]["start"], visit["id"]))
        stops = [{"visit": visit["id"], "start": visit["pinned"]["start"]} for visit in visits]
        routes.append({"nurse": nurse, "day": day, "stops": stops})
    found = [broken for route in routes for broken in _stops(case, route)]
    promised: Json = {"routes": routes}
    return [*found, *_patients(case, promised), *_course_days(case, promised)]


class _Case:
    """The problem, looked up by id."""

    def __init__(self, problem: Json) -> None:
        self.meta: Json = problem.get("meta") or {}
        self.nurses: dict[str, Json] = {nurse["id"]: nurse for nurse in problem["nurses"]}
        self.visits: dict[str, Json] = {visit["id"]: visit for visit in problem["visits"]}
        self.shifts: dict[tuple[str, int], Json] = {
            (nurse["id"], shift["day"]): shift
            for nurse in problem["nurses"]
            for shift in nurse.get("shifts") or ()
        }
        self.roads: dict[tuple[Point, Point], int] = {
            ((a_lat, a_lon), (b_lat, b_lon)): took
            for a_lat, a_lon, b_lat, b_lon, took in problem.get("roads") or ()
        }
        self.doors = self.meta.get("travel") == "door_to_door"
        self.known: dict[tuple[Point, Point], int] = {}

    @cached_property
    def step(self) -> int:
        return int(self.meta.get("step") or 1)

    def drive(self, a: Json, b: Json) -> int:
        """Seconds from one row's place to another's."""
        leg = ((a["lat"], a["lon"]), (b["lat"], b["lon"]))
        if leg not in self.known:
            self.known[leg] = self._drive(*leg)
        return self.known[leg]

    def _drive(self, a: Point, b: Point) -> int:
        if a == b:
            return 0
        if (a, b) in self.roads:
            return self.roads[a, b]
        p, q = radians(a[0]), radians(b[0])
        h = sin((q - p) / 2) ** 2 + cos(p) * cos(q) * sin(radians(b[1] - a[1]) / 2) ** 2
        km = 12742 * asin(sqrt(min(h, 1))) * 1.3
        if self.doors:  # 50 km/h and five minutes to find the door, in whole minutes
            return (ceil(km / 50 * 60) + 5) * 60
        return round(240 + min(km, 8) * 90 + max(km - 8, 0) * 45)

    def windows(self, visit: Json) -> list[tuple[int, int, int]]:
        return [(row[0], row[1], row[2] if len(row) > 2 else 0) for row in visit.get("windows") or ()]

    def nurse_cost(self, visit: Json, nurse: str) -> int:
        costs: dict[str, int] = dict(visit.get("nurse_costs") or {})
        if visit.get("preferred_nurse") is not None:
            costs.setdefault(visit["preferred_nurse"], 0)
        if nurse in costs:
            return costs[nurse]
        if visit.get("other_nurse") is not None:
            return int(visit["other_nurse"])
        return int(self.meta.get("continuity_penalty") or 0) if costs else 0

    def served(self, plan: Json) -> Iterator[tuple[Json, Json, int]]:
        """Route, visit and start of every stop."""
        for route in plan["routes"]:
            for stop in route["stops"]:
                yield route, self.visits[stop["visit"]], stop["start"]

    def times(self, route: Json) -> tuple[int, int, int]:
        """Leave home, back home, and the drive of a route with at least one stop."""
        home, stops = self.nurses[route["nurse"]], route["stops"]
        places = [home, *(self.visits[stop["visit"]] for stop in stops), home]
        legs = [self.drive(a, b) for a, b in pairwise(places)]
        last = stops[-1]
        leave = stops[0]["start"] - legs[0]
        return leave, last["start"] + self.visits[last["visit"]]["duration"] + legs[-1], sum(legs)


def _shape(plan: Json) -> str:
    """What is missing so badly that nothing can be checked, or ""."""

    def rows(value: object) -> bool:
        return isinstance(value, list) and all(isinstance(row, dict) for row in value)

    if not isinstance(plan, dict) or not rows(plan.get("routes")) or not isinstance(plan.get("left"), list):
        return "The plan has no list of routes, or no list of visits left."
    if not all(isinstance(name, str) for name in plan["left"]):
        return "The visits left are not all ids."
    for route in plan["routes"]:
        if not isinstance(route.get("nurse"), str) or not rows(route.get("stops")):
            return "A route has no nurse or no list of stops."
        if not all(type(route.get(field)) is int for field in ("day", "leave", "back", "drive")):
            return f"A route of nurse {route['nurse']} lacks its day, leave, back or drive."
        if not all(isinstance(x.get("visit"), str) and type(x.get("start")) is int for x in route["stops"]):
            return f"A stop of nurse {route['nurse']} lacks its visit or its start."
    return "" if isinstance(plan.get("cost"), dict) else "The plan does not say what it costs."


def _who(case: _Case, plan: Json) -> Iterator[str]:
    """Every visit once, served or left; every nurse's day once; nobody and nothing that does not exist."""
    served = Counter(stop["visit"] for route in plan["routes"] for stop in route["stops"])
    left: Counter[str] = Counter(plan["left"])
    for name in sorted({*served, *left} - set(case.visits)):
        yield f"There is no visit {name}."
    for name in case.visits:
        if (times := served[name] + left[name]) != 1:
            yield f"Visit {name} is there {times} times, served or left, and not once."
    for (nurse, day), times in Counter((route["nurse"], route["day"]) for route in plan["routes"]).items():
        if nurse not in case.nurses:
            yield f"There is no nurse {nurse}."
        if times > 1:
            yield f"Nurse {nurse} has {times} routes on day {day}."


def _route(case: _Case, route: Json) -> Iterator[str]:
    who = f"nurse {route['nurse']} on day {route['day']}"
    if not route["stops"]:
        yield f"The route of {who} has no stops."
        return
    yield from _stops(case, route)
    for field, right in zip(("leave", "back", "drive"), case.times(route), strict=True):
        if route[field] != right:
            yield f"The route of {who} says {field} {route[field]}, and it is {right}."


def _stops(case: _Case, route: Json) -> Iterator[str]:
    """What the stops of one nurse's day break, whatever the route says of itself."""
    nurse, day, stops = case.nurses[route["nurse"]], route["day"], route["stops"]
    shift = case.shifts.get((nurse["id"], day))
    if shift is None:
        yield f"Visit {stops[0]['visit']} is with nurse {nurse['id']} on day {day}, when she does not work."
        return
    for stop in stops:
        yield from _stop(case, nurse, shift, stop)
    for one, other in pairwise(stops):
        here, there = case.visits[one["visit"]], case.visits[other["visit"]]
        if (free := one["start"] + here["duration"] + case.drive(here, there)) > other["start"]:
            yield (
                f"Nurse {nurse['id']} cannot be at visit {there['id']} at {other['start']}: from visit {here['id']} "
                f"she is there at {free}."
            )
    leave, back, _drive = case.times(route)
    if leave < shift["start"]:
        yield f"Nurse {nurse['id']} leaves at {leave} for visit {stops[0]['visit']}, before her shift of day {day}."
    if back > shift["end"]:
        yield f"Nurse {nurse['id']} is back from visit {stops[-1]['visit']} at {back}, after her shift of day {day}."
    busy = sum(case.visits[stop["visit"]]["duration"] for stop in stops)
    if shift.get("limit") is not None and busy > shift["limit"]:
        yield f"Nurse {nurse['id']} has {busy} s at bedsides on day {day}, more than {shift['limit']}."


def _stop(case: _Case, nurse: Json, shift: Json, stop: Json) -> Iterator[str]:
    visit, start = case.visits[stop["visit"]], stop["start"]
    end = start + visit["duration"]
    said = f"Visit {visit['id']} with nurse {nurse['id']} at {start}"
    skills = nurse.get("skills") if shift.get("skills") is None else shift["skills"]
    if lacking := sorted(set(visit.get("skills") or ()) - set(skills or ())):
        yield f"{said}: she lacks {', '.join(lacking)} on day {shift['day']}."
    if visit.get("nurses") is not None and nurse["id"] not in visit["nurses"]:
        yield f"{said}: she is not one of those who may come."
    if not any(first <= start <= last for first, last, _cost in case.windows(visit)):
        yield f"{said}: that is outside its windows."
    if start // DAY != shift["day"]:
        yield f"{said}: that is not on day {shift['day']}."
    if start % case.step and not visit.get("pinned"):
        yield f"{said}: that is no multiple of {case.step}."
    spans = shift.get("spans") or [[shift["start"], shift["end"]]]
    if not any(low <= start and end <= high for low, high in spans):
        yield f"{said}: until {end} it is not whole inside her hours."


def _pins(case: _Case, plan: Json) -> Iterator[str]:
    there = {visit["id"]: (route["nurse"], route["day"], start) for route, visit, start in case.served(plan)}
    for visit in case.visits.values():
        pin = visit.get("pinned")
        if pin and there.get(visit["id"]) != (pin["nurse"], pin["day"], pin["start"]):
            yield (
                f"Visit {visit['id']} is promised with nurse {pin['nurse']} on day {pin['day']} at {pin['start']}, "
                "and the plan has it otherwise."
            )


def _patients(case: _Case, plan: Json) -> Iterator[str]:
    """One visit a patient a day. Promised ones may be more, and then nothing is added; nowhere do they overlap."""
    theirs: dict[str, list[tuple[int, str, int, Json]]] = defaultdict(list)
    for route, visit, start in case.served(plan):
        if visit.get("patient") is not None:
            theirs[visit["patient"]].append((start, visit["id"], route["day"], visit))
    for patient, visits in theirs.items():
        for (start, _, day, one), (then, _, that_day, other) in combinations(
            sorted(visits, key=lambda x: x[:2]), 2
        ):
            promised = one.get("pinned") and other.get("pinned")
            if then < start + one["duration"] if promised else day == that_day:
                yield f"Patient {patient} has visits {one['id']} and {other['id']} on day {day}."


def _courses(case: _Case, plan: Json) -> Iterator[str]:
    """All days of a course or none, in its order; of one that is promised in part, all others or none."""
    served = {visit["id"] for _route, visit, _start in case.served(plan)}
    open_days: dict[str, list[str]] = defaultdict(list)
    for visit in case.visits.values():
        if visit.get("course") is not None and not visit.get("pinned"):
            open_days[visit["course"]].append(visit["id"])
    for course, names in open_days.items():
        there = [name for name in names if name in served]
        if 0 < len(there) < len(names):
            missing = ", ".join(name for name in names if name not in served)
            yield f"Course {course} is served in part: {missing} is left."
    yield from _course_days(case, plan)


def _course_days(case: _Case, plan: Json) -> Iterator[str]:
    first_days: dict[str, tuple[int, str]] = {}
    for route, visit, _start in case.served(plan):
        if visit.get("course") is None:
            continue
        first_on = route["day"] - (visit.get("course_day") or 0)
        known, name = first_days.setdefault(visit["course"], (first_on, visit["id"]))
        if known != first_on:
            yield f"Course {visit['course']}: visits {name} and {visit['id']} are not as many days apart as it says."


def _figures(case: _Case, plan: Json) -> Iterator[str]:
    right = _cost(case, plan)
    for name, figure in right.items():
        if plan["cost"].get(name) != figure:
            yield f"The plan says its cost in {name} is {plan['cost'].get(name)}, and it is {figure}."
    if plan.get("bound") is not None and plan["bound"] > right["total"]:
        yield f"The plan says none costs less than {plan['bound']}, and it costs {right['total']} itself."
