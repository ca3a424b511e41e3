"""What a set of days costs in figures people compare: drive, waiting for the due day, known nurses, overtime."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import pstdev
from typing import Any
from zoneinfo import ZoneInfo

from scheduling.planning.travel import Place, Roads, point_of, road_km

Stop = tuple[str, int]  # visit's id, start in seconds of the problem
Days = Mapping[tuple[str, int], Sequence[Stop]]  # (nurse's id, day) -> stops in order


def before(problem: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """The days as they stand: what is pinned, and released visits where they are booked."""
    origin = datetime.fromisoformat(about["origin"])
    days: dict[tuple[str, int], list[Stop]] = defaultdict(list)
    for visit in problem["visits"]:
        if visit.get("pinned"):
            pin = visit["pinned"]
            days[pin["nurse"], pin["day"]].append((visit["id"], pin["start"]))
        elif (line := about["visits"].get(visit["id"])) and line["visit"] is not None:
            start = int((datetime.fromisoformat(line["starts_at"]) - origin).total_seconds())
            days[str(line["nurse"]), start // 86_400].append((visit["id"], start))
    for stops in days.values():
        stops.sort(key=lambda stop: stop[1])
    return _figures(problem, about, days)


def after(problem: Mapping[str, Any], about: Mapping[str, Any], plan: Mapping[str, Any]) -> dict[str, Any]:
    """The days as the plan would have them."""
    days = {
        (route["nurse"], route["day"]): [(stop["visit"], stop["start"]) for stop in route["stops"]]
        for route in plan["routes"]
    }
    return _figures(problem, about, days)


def _figures(problem: Mapping[str, Any], about: Mapping[str, Any], days: Days) -> dict[str, Any]:
    """`drive_minutes`, `miles`; `unserved` and `late_unserved` visits; of those placed `days_from_due` in all,
    `known_nurse` of `with_history`, `wishes_met` of `wishes`; `overtime_minutes` on the way or at bedsides outside
    the hours; `busiest_minutes`, `hours_spread` (standard deviation of nurses' minutes away from home)."""
    visits = {visit["id"]: visit for visit in problem["visits"]}
    homes = {nurse["id"]: (nurse["lat"], nurse["lon"]) for nurse in problem["nurses"]}
    hours = {(nurse["id"], x["day"]): x["spans"] for nurse in problem["nurses"] for x in nurse["shifts"]}
    road = roads_of(problem)
    drive, km, overtime = 0, 0.0, 0
    away: dict[str, int] = dict.fromkeys(homes, 0)
    for (nurse, day), stops in days.items():
        if not stops or nurse not in homes:
            continue
        places = [homes[nurse], *(_place(visits[key]) for key, _start in stops), homes[nurse]]
        minutes = [road(a, b) for a, b in pairwise(places)]
        drive += sum(minutes)
        km += sum(road_km(a, b) for a, b in pairwise(places))
        leave = stops[0][1] - 60 * minutes[0]
        back = stops[-1][1] + _seconds(visits[stops[-1][0]], about) + 60 * minutes[-1]
        away[nurse] += back - leave
        spans = hours.get((nurse, day), [[leave, back]])
        overtime += max(spans[0][0] - leave, 0) + max(back - spans[-1][1], 0)
    served = {key: (nurse, start) for (nurse, _day), stops in days.items() for key, start in stops}
    return {
        "drive_minutes": drive,
        "miles": round(km / 1.609344),
        "overtime_minutes": overtime // 60,
        "busiest_minutes": max(away.values(), default=0) // 60,
        "hours_spread": round(pstdev(away.values()) / 60) if len(away) > 1 else 0,
        **_of_lines(about, served),
    }


def _of_lines(about: Mapping[str, Any], served: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    origin = datetime.fromisoformat(about["origin"])
    found = dict.fromkeys(
        ("placed", "unserved", "late_unserved", "days_from_due", "with_history", "known_nurse", "wishes",
         "wishes_met"), 0,
    )  # fmt: skip
    for key, line in about["visits"].items():
        if key not in served:
            found["unserved"] += 1
            found["late_unserved"] += line["late"]
            continue
        nurse, start = served[key]
        local = (origin + timedelta(seconds=start)).astimezone(ZoneInfo(line["zone"]))
        found["placed"] += 1
        found["days_from_due"] += abs((local.date() - date.fromisoformat(line["due_on"])).days)
        if line["known"]:
            found["with_history"] += 1
            found["known_nurse"] += nurse in line["known"]
        if line["prefers"]:
            found["wishes"] += 1
            found["wishes_met"] += (local.hour < 12) == (line["prefers"] == "morning")
    return found


def roads_of(problem: Mapping[str, Any]) -> Roads:
    """Minutes from door to door as the problem has them."""
    told: dict[Any, int] = {}
    for from_lat, from_lon, to_lat, to_lon, seconds in problem.get("roads") or ():
        told[point_of((from_lat, from_lon)), point_of((to_lat, to_lon))] = seconds // 60
    return _Told(told)


class _Told(Roads):
    """The problem's legs have the parking in them already."""

    def __call__(self, a: Place, b: Place) -> int:
        key = (point_of(a), point_of(b))
        return self.known[key] if a != b and key in self.known else super().__call__(a, b)


def _seconds(visit: Mapping[str, Any], about: Mapping[str, Any]) -> int:
    """At the bedside, without what a plan keeps to spare after it."""
    line = about["visits"].get(visit["id"])
    return int(line["minutes"] * 60 if line else visit["duration"])


def _place(visit: Mapping[str, Any]) -> Place:
    return visit["lat"], visit["lon"]


def served_of(plan: Mapping[str, Any]) -> Iterable[tuple[str, str, int]]:
    """(visit's id, nurse's id, start) of everything the plan serves."""
    for route in plan["routes"]:
        for stop in route["stops"]:
            yield stop["visit"], route["nurse"], stop["start"]
