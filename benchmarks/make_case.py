"""Made-up planning problems in the JSON of docs/planner.md: the same arguments give the same file on any machine.

    python -m benchmarks.make_case --nurses 60 --visits 150 --days 1 --seed 1 --out case.json

Without options: nurses with skills and shifts, visits with windows, prizes, a nurse they know, and some promised
already. Each option adds one thing a real week has: breaks and daily limits (`--spans`), several visits of one
patient (`--patients`), courses on days that follow one another (`--courses`), fair hours (`--targets`), starts at the
quarter hour (`--step 900`), nurses who are asked for or ruled out, skills that end, evenings and told roads
(`--wishes`), visits nobody can serve (`--infeasible`), promises that cannot be kept (`--contradictory`).
"""

from __future__ import annotations

import argparse
import json
import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scheduling.planning.plan_check import contradictions

HOUR, DAY = 3_600, 86_400
# Where people live, how many of a hundred, and how far out (degrees).
TOWNS = (
    ((32.790, -96.790), 30, 0.11),
    ((32.750, -97.330), 22, 0.09),
    ((32.730, -97.110), 14, 0.07),
    ((33.050, -96.740), 18, 0.08),
    ((32.900, -96.980), 10, 0.07),
    ((33.210, -97.130), 6, 0.05),
)
# Competency: of a hundred visits, of a hundred nurses, and minutes at the bedside.
THERAPIES = {
    "antibody": (24, 70, (105, 165, 210)),
    "enzyme": (14, 50, (240, 300)),
    "immunoglobulin": (22, 65, (180, 270, 330)),
    "steroid": (20, 95, (75, 90)),
    "chelation": (8, 35, (120, 150)),
    "hydration": (12, 90, (60,)),
}
ALSO = {"port": (18, 75), "child": (5, 35)}  # of a hundred visits, of a hundred nurses
# Windows: first and last start in hours, and of a hundred visits.
TIMES = (((8, 16), 40), ((8, 11), 24), ((12, 16), 22), ((9, 10), 7), ((14, 15), 7))
PROMISED = 12  # of a hundred visits
PRIZES = (6_000, 12_000, 20_000, 30_000)

Json = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What the case is to be like."""

    nurses: int = 60
    visits: int = 150
    days: int = 1
    seed: int = 1
    step: int = 1
    spans: bool = False
    patients: bool = False
    courses: bool = False
    targets: bool = False
    wishes: bool = False
    infeasible: bool = False
    contradictory: bool = False


def make(wish: Wish) -> Json:
    """The problem as JSON values."""
    rng = random.Random(repr(wish))
    nurses = [_nurse(rng, wish, number) for number in range(wish.nurses)]
    visits: list[Json] = []
    while len(visits) < wish.visits:
        visits += _visits(rng, wish, nurses, len(visits))[: wish.visits - len(visits)]
    meta = {"continuity_penalty": 1_800, "travel": "streets", "step": wish.step, "seed": wish.seed}
    if wish.targets:
        meta |= {"fairness": 0.5}
    if wish.courses:
        meta |= {"course_change": 900}
    case: Json = {"meta": meta, "nurses": nurses, "visits": visits}
    if wish.wishes:
        _add_wishes(rng, case, wish)
    _promise(rng, case)
    if wish.infeasible:
        _add_impossible(rng, case, wish)
    if wish.contradictory:
        _break_a_promise(rng, case)
    return case


def _place(rng: random.Random) -> Json:
    (lat, lon), _share, spread = rng.choices(TOWNS, [share for _town, share, _spread in TOWNS])[0]
    far, way = spread * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
    return {"lat": round(lat + far * math.cos(way), 5), "lon": round(lon + 1.2 * far * math.sin(way), 5)}


def _nurse(rng: random.Random, wish: Wish, number: int) -> Json:
    shares = {name: share for name, (_visits, share, _minutes) in THERAPIES.items()}
    shares |= {name: share for name, (_visits, share) in ALSO.items()}
    skills = [name for name, share in shares.items() if rng.randrange(100) < share]
    begins, hours = rng.choice((14, 15, 16, 17)) * HOUR // 2, rng.choice((8, 8, 9, 10))
    off = rng.randrange(wish.days) if wish.days > 2 and hours >= 9 else None
    shifts = []
    for day in range(wish.days):
        start = day * DAY + begins
        shift: Json = {"day": day, "start": start, "end": start + hours * HOUR}
        if wish.spans:
            lunch = start + rng.choice((4, 5, 10, 11)) * HOUR // 2
            shift["spans"] = [[start, lunch], [lunch + HOUR // 2, shift["end"]]]
            shift["limit"] = rng.choice((6, 7, 8)) * HOUR
        if day != off:
            shifts.append(shift)
    row = {"id": f"nurse-{number:03d}", **_place(rng), "skills": sorted(skills), "shifts": shifts}
    return row | ({"target": rng.choice((5, 6, 7)) * HOUR * len(shifts)} if wish.targets else {})


def _visits(rng: random.Random, wish: Wish, nurses: list[Json], number: int) -> list[Json]:
    """One visit, or those of one patient or course."""
    therapy = rng.choices(list(THERAPIES), [share for share, _nurses, _minutes in THERAPIES.values()])[0]
    needs = sorted([therapy, *(name for name, (share, _) in ALSO.items() if rng.randrange(100) < share)])
    able = [nurse["id"] for nurse in nurses if set(needs) <= set(nurse["skills"])]
    row: Json = {
        **_place(rng),
        "duration": rng.choice(THERAPIES[therapy][2]) * 60,
        "skills": needs,
        "prize": rng.choice(PRIZES),
        "preferred_nurse": rng.choice(able) if able and rng.random() < 0.55 else None,
        "pinned": None,
    }
    (first, last), _share = rng.choices(TIMES, [share for _times, share in TIMES])[0]
    course = wish.courses and wish.days > 1 and rng.random() < 0.25
    several = wish.patients and rng.random() < 0.3
    size = rng.randint(2, min(wish.days, 5)) if course else rng.randint(2, 3) if several else 1
    begins = rng.sample(range(max(wish.days - size + 1, 1)), k=min(2, wish.days - size + 1)) if course else []
    found = []
    for k in range(size):
        days = [day + k for day in begins] or rng.sample(
            range(wish.days), k=rng.randint(1, min(3, wish.days))
        )
        windows = [[day * DAY + first * HOUR, day * DAY + last * HOUR] for day in sorted(days)]
        one = {"id": f"visit-{number + k:04d}", **row, "windows": windows}
        if size > 1:
            one["patient"] = f"patient-{number:04d}"
        if course:
            one |= {"course": f"course-{number:04d}", "course_day": k}
        found.append(one)
    return found


def _add_wishes(rng: random.Random, case: Json, wish: Wish) -> None:
    """Costs and exclusions of nurses, costs of windows, a skill that ends, an evening, roads, the other travel."""
    nurses, visits = case["nurses"], case["visits"]
    case["meta"]["travel"] = rng.choice(("streets", "door_to_door"))
    ids = [nurse["id"] for nurse in nurses]
    for visit in visits:
        if rng.random() < 0.2:
            visit["nurses"] = sorted(rng.sample(ids, k=rng.randint(1, len(ids))))
        if rng.random() < 0.3:
            visit["nurse_costs"] = {
                one: rng.randrange(0, 3_000, 300) for one in rng.sample(ids, k=min(3, len(ids)))
            }
        if rng.random() < 0.3:
            visit["windows"] = [part for window in visit["windows"] for part in _parted(rng, *window)]
    for nurse in nurses:
        for shift in nurse["shifts"]:
            if rng.random() < 0.15:
                shift["skills"] = rng.sample(nurse["skills"], k=len(nurse["skills"]) // 2)
            elif rng.random() < 0.1:  # works until after midnight
                shift |= {"start": shift["start"] + 8 * HOUR, "end": shift["end"] + 8 * HOUR}
                if "spans" in shift:
                    shift["spans"] = [[shift["start"], shift["end"]]]
    places = [(row["lat"], row["lon"]) for row in (*nurses, *visits)]
    legs = {
        (rng.choice(places), rng.choice(places)): rng.randrange(300, 4_000) for _leg in range(len(places))
    }
    case["roads"] = [[*a, *b, seconds] for (a, b), seconds in legs.items() if a != b]


def _parted(rng: random.Random, first: int, last: int) -> list[list[int]]:
    """A window as two: the later half costs something."""
    middle = (first + last) // 2
    return [[first, middle], [middle + 1, last, rng.randrange(300, 3_000, 300)]]


def _promise(rng: random.Random, case: Json) -> None:
    """Pin some visits where they break nothing beside the ones before."""
    for visit in case["visits"]:
        if rng.randrange(100) >= PROMISED or "course" in visit:
            continue
        able = [nurse for nurse in case["nurses"] if set(visit["skills"]) <= set(nurse["skills"])]
        kept = visit["windows"]
        for nurse in rng.sample(able, k=min(4, len(able))):
            first, last = rng.choice(kept)[:2]
            start = rng.randrange(first, last + 1, 300)
            visit["pinned"] = {"nurse": nurse["id"], "day": start // DAY, "start": start}
            visit["windows"] = [[start, start]] if rng.random() < 0.7 else kept
            if not contradictions(case):
                break
            visit |= {"pinned": None, "windows": kept}


def _add_impossible(rng: random.Random, case: Json, wish: Wish) -> None:
    """Visits nobody can serve: a skill nobody has, a time nobody works, longer than any shift, too far away."""
    for visit in rng.sample(case["visits"], k=max(1, len(case["visits"]) // 6)):
        if visit["pinned"]:
            continue
        night = rng.randrange(wish.days) * DAY
        change: tuple[Json, ...] = (
            {"skills": [*visit["skills"], "nobody has this"]},
            {"windows": [[night + HOUR, night + 2 * HOUR]]},
            {"duration": 13 * HOUR},
            {"lat": 47.6, "lon": -122.3},
            {"windows": []},
            {"nurses": []},
        )
        visit |= rng.choice(change)


def _break_a_promise(rng: random.Random, case: Json) -> None:
    """Pin a visit so that no plan can keep it."""
    visit, nurse = rng.choice(case["visits"]), rng.choice(case["nurses"])
    day = rng.randrange(3)
    start = day * DAY + rng.choice((2, 9, 12, 23)) * HOUR
    visit |= {"pinned": {"nurse": nurse["id"], "day": day, "start": start}, "windows": [[start, start]]}
    if not contradictions(case):
        visit["skills"] = [*visit["skills"], "nobody has this"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.make_case", description=(__doc__ or "").split("\n")[0])
    for name, kind in Wish.__annotations__.items():
        if kind == "bool":
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name}", type=int, default=getattr(Wish, name))
    parser.add_argument("--out", required=True, type=Path)
    asked = vars(parser.parse_args())
    out: Path = asked.pop("out")
    if min(asked["nurses"], asked["visits"], asked["days"], asked["step"]) < 1:
        parser.error("nurses, visits, days and step are 1 or more")
    out.write_text(json.dumps(make(Wish(**asked)), separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
