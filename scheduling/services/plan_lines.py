"""From what the search found to the lines of a proposal: what would be booked or moved, what is left, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scheduling.models import PlanLine, WeekPlan
from scheduling.planning.routing import why
from scheduling.planning.routing.files import read_plan, read_problem
from scheduling.rules.holidays import holiday
from scheduling.services.plan_figures import served_of

FEW = 2  # nurses who may come at all, from which it is worth a word


def lines_of(plan: WeekPlan) -> list[PlanLine]:
    """Rows to be saved. A released visit that stays where it is has none."""
    problem, found = read_problem(plan.problem), read_plan(plan.result)
    placed, left = why.placed(problem, found), why.explain(problem, found)
    origin = datetime.fromisoformat(plan.about["origin"])
    served = {key: (nurse, start) for key, nurse, start in served_of(plan.result)}
    nurses_of: dict[str, set[str]] = defaultdict(set)
    days_of = Counter(line["group"] for line in plan.about["visits"].values())
    for key, (nurse, _start) in served.items():
        if (line := plan.about["visits"].get(key)) is not None:
            nurses_of[line["group"]].add(nurse)
    rows = []
    for key, line in plan.about["visits"].items():
        row = PlanLine(
            plan=plan,
            group=line["group"],
            patient_id=line["patient"],
            dose_id=line["dose"],
            check_owed_id=line["check"],
            visit_id=line["visit"],
            visit_version=line["version"],
            minutes=line["minutes"],
            time_zone=line["zone"],
            kind=PlanLine.Kind.LEFT,
        )
        if key in served:
            nurse, start = served[key]
            row.nurse_id, row.starts_at = int(nurse), origin + timedelta(seconds=start)
            if line["visit"] is not None and _as_booked(row, line):
                continue
            row.kind = PlanLine.Kind.MOVE if line["visit"] is not None else PlanLine.Kind.PLACE
            one_nurse = days_of[line["group"]] > 1 and len(nurses_of[line["group"]]) == 1
            row.reasons = list(_reasons(row, line, placed.get(key), one_nurse=one_nurse))
        elif key in left:
            row.reasons = [{"code": left[key].code}]
            row.helps = [_help(help_, plan.first_on, origin, plan.about) for help_ in left[key].helps]
        rows.append(row)
    return rows


def displaced(about: Mapping[str, Any], result: Mapping[str, Any]) -> set[str]:
    """Booked visits that were released and have no time in what was found."""
    return {key for key in result["left"] if (line := about["visits"].get(key)) and line["visit"] is not None}


def holding(problem: Mapping[str, Any], about: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """The problem with these released visits where they are booked."""
    origin = datetime.fromisoformat(about["origin"])
    visits = []
    for visit in problem["visits"]:
        if visit["id"] in keys:
            line = about["visits"][visit["id"]]
            start = int((datetime.fromisoformat(line["starts_at"]) - origin).total_seconds())
            pin = {"nurse": str(line["nurse"]), "day": start // 86_400, "start": start}
            visit = visit | {"pinned": pin, "windows": [[start, start]]}
        visits.append(visit)
    return {**problem, "visits": visits}


def _as_booked(row: PlanLine, line: Mapping[str, Any]) -> bool:
    return row.nurse_id == line["nurse"] and row.starts_at == datetime.fromisoformat(line["starts_at"])


def _reasons(
    row: PlanLine, line: Mapping[str, Any], placed: why.Placed | None, *, one_nurse: bool
) -> Iterator[dict[str, Any]]:
    """Codes and figures; readings.plan_words says them."""
    assert row.starts_at is not None
    day = row.starts_at.astimezone(ZoneInfo(line["zone"])).date()
    if line["late"]:
        closed = date.fromisoformat(line["closes_on"])
        yield {"code": "LATE", "days": (day - closed).days}
    yield {"code": "DAYS_FROM_DUE", "days": (day - date.fromisoformat(line["due_on"])).days}
    if name := holiday(day):
        yield {"code": "HOLIDAY", "name": name}
    if placed is not None:
        yield {"code": "DRIVE", "added": _minutes(placed.added), "there": _minutes(placed.drive_to)}
    if visits := line["known"].get(str(row.nurse_id)):
        yield {"code": "KNOWN_NURSE", "visits": visits, "all": sum(line["known"].values())}
    elif line["known"]:
        yield {"code": "NEW_NURSE"}
    if line["prefers"]:
        hour = row.starts_at.astimezone(ZoneInfo(line["zone"])).hour
        met = (hour < 12) == (line["prefers"] == "morning")
        yield {"code": "WISH", "met": met, "wish": line["prefers"]}
    if one_nurse:
        yield {"code": "SAME_NURSE_COURSE"}
    if row.nurse_id in line.get("always", ()):
        yield {"code": "PINNED"}
    elif placed is not None and placed.nurses_able == 1:
        yield {"code": "ONLY_NURSE"}
    elif placed is not None and placed.nurses_able <= FEW:
        yield {"code": "ABLE_NURSES", "nurses": placed.nurses_able}
    if placed is not None and placed.next_best is not None and placed.next_best > 0:
        yield {"code": "NEXT_BEST", "minutes": _minutes(placed.next_best)}


def _help(
    found: tuple[Any, ...], first_on: date, origin: datetime, about: Mapping[str, Any]
) -> dict[str, Any]:
    """(code, ...) of routing.why as codes, ids and days a page can say."""
    code, *rest = found

    def on(n: int) -> str:
        return (first_on + timedelta(days=n)).isoformat()

    if code == "LONGER":
        nurse, day, which, at = rest
        wall = (origin + timedelta(seconds=at)).astimezone(ZoneInfo(about["zones"][nurse]))
        return {"code": code, "nurse": int(nurse), "on": on(day), which: f"{wall:%H:%M}"}
    if code == "LIMIT":
        nurse, day, seconds = rest
        return {"code": code, "nurse": int(nurse), "on": on(day), "minutes": _minutes(seconds)}
    if code == "OTHER_DAY":
        return {"code": code, "on": on(rest[0])}
    if code == "SKILL":
        skill, nurse, day = rest
        return {"code": code, "skill": skill, "nurse": int(nurse), "on": on(day)}
    nurse, day, visit = rest
    other = about["visits"].get(visit, {})
    return {"code": code, "nurse": int(nurse), "on": on(day), "visit": other.get("group", "")}


def _minutes(seconds: float) -> int:
    return round(seconds / 60)
