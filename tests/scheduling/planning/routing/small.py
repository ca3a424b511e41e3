"""Tiny problems for the engine, and the best plan of one found by trying everything."""

from __future__ import annotations

import random
from itertools import permutations, product
from typing import Any

HOUR = 3_600
DAY = 86_400


def problem(*, nurses: int, visits: int, days: int, seed: int, **meta: Any) -> dict[str, Any]:
    """A problem as JSON: nurses of eight hours, visits with windows, skills, wishes and prizes."""
    rng = random.Random(seed)

    def place() -> dict[str, float]:
        return {"lat": round(rng.uniform(32.7, 33.0), 5), "lon": round(rng.uniform(-97.0, -96.7), 5)}

    staff = [
        {"id": f"N{n}", **place(), "skills": ["a", "b"] if n % 2 else ["a"],
         "shifts": [{"day": d, "start": d * DAY + 8 * HOUR, "end": d * DAY + 16 * HOUR} for d in range(days)]}
        for n in range(nurses)
    ]  # fmt: skip
    wanted = []
    for v in range(visits):
        on = rng.sample(range(days), rng.randint(1, days))
        opens = rng.choice([8, 9, 11]) * HOUR
        wanted.append({
            "id": f"V{v}", **place(), "duration": rng.choice([90, 120, 200]) * 60,
            "skills": [rng.choice("aab")], "prize": rng.choice([2_000, 9_000, 20_000]),
            "windows": [[d * DAY + opens, d * DAY + opens + rng.choice([2, 4]) * HOUR] for d in sorted(on)],
            "preferred_nurse": rng.choice(staff)["id"] if rng.random() < 0.4 else None, "pinned": None,
        })  # fmt: skip
    return {"meta": {"continuity_penalty": 1_800, **meta}, "nurses": staff, "visits": wanted}


def course(document: dict[str, Any], *, days: int, prize: int = 30_000) -> dict[str, Any]:
    """The problem with a course of `days` visits that may begin on any day, for one patient."""
    first = document["visits"][0]
    on = {shift["day"] for nurse in document["nurses"] for shift in nurse["shifts"]}
    members = [
        {**first, "id": f"C{k}", "skills": ["a"], "duration": HOUR, "prize": prize, "preferred_nurse": None,
         "windows": [[d * DAY + 9 * HOUR, d * DAY + 14 * HOUR] for d in sorted(on)],
         "course": "C", "course_day": k, "patient": "P"}
        for k in range(days)
    ]  # fmt: skip
    return {**document, "visits": document["visits"] + members}


def ways(document: dict[str, Any], legs: Any) -> dict[tuple[str, int], dict[frozenset[str], int]]:
    """Of each nurse-day the sets of visits it can serve, and the least drive and nurse costs of each; all tried."""
    found: dict[tuple[str, int], dict[frozenset[str], int]] = {}
    for nurse in document["nurses"]:
        for shift in nurse["shifts"]:
            able = [v for v in document["visits"] if set(v["skills"]) <= set(nurse["skills"])]
            best = {frozenset[str](): 0}
            for size in range(1, 5):
                for order in permutations(able, size):
                    cost = _drive(document, nurse, shift, order, legs)
                    key = frozenset(v["id"] for v in order)
                    if cost is not None and cost < best.get(key, 10**9):
                        best[key] = cost
            found[nurse["id"], shift["day"]] = best
    return found


def least(document: dict[str, Any], legs: Any) -> int:
    """The cost of the best plan."""
    prizes = {v["id"]: v["prize"] for v in document["visits"]}
    best = sum(prizes.values())
    for picks in product(*(way.items() for way in ways(document, legs).values())):
        served = [v for visits, _ in picks for v in visits]
        if len(served) == len(set(served)):
            cost = sum(c for _, c in picks) + sum(p for v, p in prizes.items() if v not in served)
            best = min(best, cost)
    return best


def _drive(document: Any, nurse: Any, shift: Any, order: Any, legs: Any) -> int | None:
    at, free, cost = nurse, shift["start"], 0
    for visit in order:
        leg = legs(at, visit)
        fits = [
            max(free + leg, a) for a, b in visit["windows"] if a // DAY == shift["day"] and free + leg <= b
        ]
        if not fits:
            return None
        other = visit["preferred_nurse"] not in (None, nurse["id"])
        cost += leg + (document["meta"]["continuity_penalty"] if other else 0)
        at, free = visit, min(fits) + visit["duration"]
    leg = legs(at, nurse)
    return None if free + leg > shift["end"] else cost + leg
