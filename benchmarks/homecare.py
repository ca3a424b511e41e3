"""The public home-care instances: is every solution feasible, and how far is its cost from the best one known?

Mankowska, Meisel and Bierwirth (2014) and three Italian cities of Ceschia, Di Gaspero, Rosati and Schaerf (2024), read
from `../shared/benchmarks/hhcrsp`. Two caregivers who have to meet and windows that may be missed at a price are
not in the product's problem (docs/planner.md), so its planner is not what is measured: the search beside this is.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks import _homecare_check as check
from benchmarks.__main__ import SECONDS
from benchmarks._homecare_instance import FOLDER
from benchmarks._homecare_solve import solve

TITLE = "Home-care instances (benchmarks/homecare.py)"
SHORT = 15  # seconds are enough; more than the whole of `make bench` can only be bench-full, and there all are taken
PROCESSES = min(2, os.cpu_count() or 1)


def run(seconds: float) -> list[dict[str, object]]:
    """A row an instance, the larger the longer; one row that says so where the instances are not there."""
    return rows(FOLDER, seconds if seconds > SECONDS else min(seconds, SHORT))


def rows(folder: Path, seconds: float, seed: int = 1) -> list[dict[str, object]]:
    if not (folder / "bks.json").exists():
        return [{"instance": f"not measured: there is no {folder}"}]
    best = json.loads((folder / "bks.json").read_text(encoding="utf-8"))
    size = {name: services(folder / name) ** 1.5 for name in best}  # a step at a larger one takes longer, too
    share = seconds * PROCESSES / sum(size.values())
    with ProcessPoolExecutor(PROCESSES) as pool:
        waiting = {
            name: pool.submit(row, folder / name, best[name]["total_cost"], size[name] * share, seed)
            for name in sorted(best, key=size.__getitem__, reverse=True)
        }
        return [waiting[name].result() for name in best]


def services(path: Path) -> int:
    return sum(
        len(one["required_caregivers"]) for one in json.loads(path.read_text(encoding="utf-8"))["patients"]
    )


def row(path: Path, best_known: float, seconds: float, seed: int) -> dict[str, object]:
    raw = json.loads(path.read_text(encoding="utf-8"))
    solution = solve(raw, seed=seed, seconds=seconds)
    cost = check.cost(raw, solution)["total_cost"]
    return {
        "instance": path.stem.removeprefix("Instanz"),
        "patients": len(raw["patients"]),
        "caregivers": len(raw["caregivers"]),
        "feasible": "no" if check.violations(raw, solution) else "yes",
        "cost": cost,
        "best known": best_known,
        "gap %": 100 * (cost / best_known - 1),
        "seconds": seconds,
    }
