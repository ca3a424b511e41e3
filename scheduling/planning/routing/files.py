"""The planning problem and its answer as JSON, which docs/planner.md describes, and back.

What is read here is in order by itself: types, ranges, ids that exist. Whether pins contradict the rules is the
engine's to say.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from scheduling.planning.routing.problem import (
    DAY,
    DOOR_TO_DOOR,
    STREETS,
    BadProblem,
    Cost,
    Nurse,
    Pin,
    Place,
    Plan,
    Problem,
    Route,
    Shift,
    Stop,
    Visit,
    Window,
)
from scheduling.planning.routing.rows import MOST, Row

# Travel as the first cases described it, before it had a name.
TRAVEL_IN_WORDS = "240 s + 1.3 x haversine: 90 s/km up to 8 km, 45 s/km beyond"

MOST_NURSES, MOST_VISITS, MOST_ROADS = 5_000, 20_000, 5_000_000
MOST_DAYS, MOST_WINDOWS, LONGEST_COURSE = 366, 400, 31
COSTS = ("drive", "nurses", "windows", "courses", "fairness", "prizes")

Json = dict[str, Any]


def read_problem(data: object) -> Problem:
    """The problem of a JSON document. Raises BadProblem, one line with row and field, for anything not in order."""
    document = Row(data, "the problem")
    meta = Row(document.value["meta"] if document.has("meta") else {}, "meta")
    for needed in ("nurses", "visits"):
        if not document.has(needed):
            raise document.bad(needed, "a list is needed, and there is none")
    nurses = tuple(_nurse(row) for row in document.rows("nurses", "nurse", MOST_NURSES))
    known = _unique([nurse.id for nurse in nurses], "nurse")
    other_nurse = meta.whole("continuity_penalty", default=0)
    visits = tuple(_visit(row, known, other_nurse) for row in document.rows("visits", "visit", MOST_VISITS))
    _unique([visit.id for visit in visits], "visit")
    _check_courses(visits)
    return Problem(
        nurses=nurses,
        visits=visits,
        step=meta.whole("step", 1, DAY, default=1),
        travel=_travel(meta),
        roads=_roads(document),
        fairness=meta.number("fairness", 0, 1_000, default=0.0),
        course_change=meta.whole("course_change", default=0),
    )


def _travel(meta: Row) -> str:
    if not meta.has("travel") or meta.value["travel"] == TRAVEL_IN_WORDS:
        return STREETS
    return meta.choice("travel", (STREETS, DOOR_TO_DOOR))


def _place(row: Row) -> Place:
    return Place(row.number("lat", -90, 90), row.number("lon", -180, 180))


def _nurse(row: Row) -> Nurse:
    name = row.id("id")
    row.where = f"nurse {name}"
    shifts = tuple(_shift(shift, name) for shift in row.rows("shifts", f"nurse {name}, shift", MOST_DAYS))
    days = [shift.day for shift in shifts]
    if twice := sorted(day for day in set(days) if days.count(day) > 1):
        raise row.bad("shifts", f"two on day {twice[0]}")
    spans = sorted(
        (span, shift.day) for shift in shifts for span in shift.spans or ((shift.start, shift.end),)
    )
    for ((_, end), one), ((start, _), other) in pairwise(spans):
        if start < end:
            raise row.bad("shifts", f"her hours of days {one} and {other} overlap")
    target = row.whole("target") if row.has("target") else None
    return Nurse(name, _place(row), row.ids("skills"), shifts, target)


def _shift(row: Row, nurse: str) -> Shift:
    day = row.whole("day", 0, MOST_DAYS)
    row.where = f"nurse {nurse}, shift of day {day}"
    start, end = row.whole("start", -DAY), row.whole("end")
    # A nurse may set out the evening before, or be home after midnight: the day is that of her visits.
    if not day * DAY - DAY <= start < (day + 1) * DAY:
        raise row.bad(
            "start", f"{start} is not before the end of day {day}, {(day + 1) * DAY}, or a day too early"
        )
    if not max(start, day * DAY) < end <= (day + 2) * DAY:
        raise row.bad("end", f"{end} is not after the start, {start}, on day {day} or the next")
    spans = tuple((low, high) for low, high in row.wholes("spans", (2,), -DAY))
    free_from = start
    for low, high in spans:
        if not free_from <= low < high <= end:
            raise row.bad("spans", f"[{low}, {high}] is empty, out of order or outside the shift")
        free_from = high
    limit = row.whole("limit") if row.has("limit") else None
    return Shift(day, start, end, spans, limit, row.ids("skills") if row.has("skills") else None)


def _visit(row: Row, nurses: frozenset[str], penalty: int) -> Visit:
    name = row.id("id")
    row.where = f"visit {name}"
    preferred, costs = row.optional_id("preferred_nurse"), row.costs("nurse_costs")
    allowed = row.ids("nurses") if row.has("nurses") else None
    pin = _pin(row)
    for field, ids in (
        ("preferred_nurse", {preferred} - {None}),
        ("nurse_costs", set(costs)),
        ("nurses", allowed or set()),
        ("pinned", {pin.nurse} if pin else set()),
    ):
        if strangers := sorted(str(one) for one in ids - nurses):
            raise row.bad(field, f"there is no nurse {strangers[0]}")
    if preferred is not None:
        costs = {preferred: 0} | costs
    return Visit(
        id=name,
        place=_place(row),
        duration=row.whole("duration", 1, DAY),
        skills=row.ids("skills"),
        windows=tuple(_windows(row)),
        prize=row.whole("prize"),
        pin=pin,
        patient=row.optional_id("patient"),
        course=row.optional_id("course"),
        course_day=row.whole("course_day", 0, LONGEST_COURSE, default=0),
        nurses=allowed,
        nurse_costs=costs,
        other_nurse=row.whole("other_nurse", default=penalty if costs else 0),
    )


def _pin(row: Row) -> Pin | None:
    if not row.has("pinned"):
        return None
    pinned = Row(row.value["pinned"], f"{row.where}, pinned")
    pin = Pin(pinned.id("nurse"), pinned.whole("day", 0, MOST_DAYS), pinned.whole("start"))
    if pin.start // DAY != pin.day:
        raise pinned.bad("start", f"{pin.start} is not on day {pin.day}")
    return pin


def _windows(row: Row) -> list[Window]:
    if len(row.items("windows")) > MOST_WINDOWS:
        raise row.bad("windows", f"more than {MOST_WINDOWS}")
    found = []
    for first, last, *cost in row.wholes("windows", (2, 3)):
        if last < first:
            raise row.bad("windows", f"[{first}, {last}] ends before it begins")
        if first // DAY != last // DAY:
            raise row.bad("windows", f"[{first}, {last}] lies on two days; give one window a day")
        found.append(Window(first, last, *cost))
    return found


def _roads(document: Row) -> dict[tuple[Place, Place], int]:
    found: dict[tuple[Place, Place], int] = {}
    for lat, lon, to_lat, to_lon, seconds in document.legs("roads", MOST_ROADS):
        leg = (Place(lat, lon), Place(to_lat, to_lon))
        if found.setdefault(leg, seconds) != seconds:
            raise document.bad(
                "roads", f"{lat}, {lon} to {to_lat}, {to_lon} is there twice with different seconds"
            )
    return found


def _unique(ids: list[str], what: str) -> frozenset[str]:
    known: set[str] = set()
    for one in ids:
        if one in known:
            raise BadProblem(f"{what} {one}, id: it is there twice")
        known.add(one)
    return frozenset(known)


def _check_courses(visits: tuple[Visit, ...]) -> None:
    seen: dict[tuple[str, int], str] = {}
    for visit in visits:
        if visit.course is None:
            continue
        other = seen.setdefault((visit.course, visit.course_day), visit.id)
        if other != visit.id:
            raise BadProblem(
                f"visit {visit.id}, course_day: {other} is day {visit.course_day} of course {visit.course} too"
            )


def problem_as_json(problem: Problem) -> Json:
    """A document that `read_problem` reads as the same problem."""
    meta = {
        "continuity_penalty": 0,  # every visit that has nurse_costs says its own
        "travel": problem.travel,
        "step": problem.step,
        "fairness": problem.fairness,
        "course_change": problem.course_change,
    }
    document: Json = {
        "meta": meta,
        "nurses": [_nurse_as_json(nurse) for nurse in problem.nurses],
        "visits": [_visit_as_json(visit) for visit in problem.visits],
    }
    if problem.roads:
        document["roads"] = [[a.lat, a.lon, b.lat, b.lon, took] for (a, b), took in problem.roads.items()]
    return document


def _nurse_as_json(nurse: Nurse) -> Json:
    row: Json = {"id": nurse.id, "lat": nurse.home.lat, "lon": nurse.home.lon, "skills": sorted(nurse.skills)}
    row["shifts"] = [_shift_as_json(shift) for shift in nurse.shifts]
    return row | _given(target=nurse.target)


def _shift_as_json(shift: Shift) -> Json:
    row: Json = {"day": shift.day, "start": shift.start, "end": shift.end}
    return row | _given(
        spans=[list(span) for span in shift.spans] or None,
        limit=shift.limit,
        skills=None if shift.skills is None else sorted(shift.skills),
    )


def _visit_as_json(visit: Visit) -> Json:
    pin = visit.pin
    row: Json = {
        "id": visit.id,
        "lat": visit.place.lat,
        "lon": visit.place.lon,
        "duration": visit.duration,
        "skills": sorted(visit.skills),
        "windows": [[w.first, w.last, w.cost] if w.cost else [w.first, w.last] for w in visit.windows],
        "prize": visit.prize,
        "preferred_nurse": None,  # nurse_costs says it
        "pinned": {"nurse": pin.nurse, "day": pin.day, "start": pin.start} if pin else None,
    }
    return row | _given(
        patient=visit.patient,
        course=visit.course,
        course_day=visit.course_day or None,
        nurses=None if visit.nurses is None else sorted(visit.nurses),
        nurse_costs=dict(visit.nurse_costs) or None,
        other_nurse=visit.other_nurse or None,
    )


def _given(**fields: object) -> Json:
    """What is not None: a field that says nothing new is not written."""
    return {name: value for name, value in fields.items() if value is not None}


def plan_as_json(plan: Plan, *, seed: int, seconds: float) -> Json:
    """The answer as a document, with the seed it was searched with and the seconds that took."""
    return {
        "cost": cost_as_json(plan.cost),
        "bound": plan.bound,
        "routes": [_route_as_json(route) for route in plan.routes],
        "left": list(plan.left),
        "iterations": plan.iterations,
        "seed": seed,
        "seconds": round(seconds, 3),
    }


def cost_as_json(cost: Cost) -> dict[str, int]:
    return {name: getattr(cost, name) for name in COSTS} | {"total": cost.total}


def _route_as_json(route: Route) -> Json:
    return {
        "nurse": route.nurse,
        "day": route.day,
        "leave": route.leave,
        "back": route.back,
        "drive": route.drive,
        "stops": [{"visit": stop.visit, "start": stop.start} for stop in route.stops],
    }


def read_plan(data: object) -> Plan:
    """The plan of a JSON document. Raises BadProblem in one line. Whether it keeps the rules is plan_check's to say."""
    document = Row(data, "the plan")
    costs = Row(document.value.get("cost"), "the plan, cost")
    left = Row({"left": document.value.get("left")}, "the plan")
    return Plan(
        routes=tuple(_route(row) for row in document.rows("routes", "route", MOST)),
        left=tuple(Row({"id": one}, "the plan, left").id("id") for one in left.items("left")),
        cost=Cost(**{name: costs.whole(name, 0, MOST**2) for name in COSTS}),
        bound=document.whole("bound", -(MOST**2), MOST**2) if document.has("bound") else None,
        iterations=document.whole("iterations", default=0),
    )


def _route(row: Row) -> Route:
    return Route(
        nurse=row.id("nurse"),
        day=row.whole("day", 0, MOST_DAYS),
        stops=tuple(
            Stop(stop.id("visit"), stop.whole("start")) for stop in row.rows("stops", f"{row.where}, stop")
        ),
        leave=row.whole("leave", -MOST),
        back=row.whole("back"),
        drive=row.whole("drive"),
    )
