"""Planning beside PyVRP, OR-Tools and VROOM, in short: the long table is `make bench-full` (benchmarks/_plans_full.py).

Every search is a process of its own with the same wall clock and two cores; all costs are the checker's.
"""

from __future__ import annotations

from benchmarks._plan_runs import OURS, SOLVERS, TWICE, VRPTW, Json, Wish, instances, measured

TITLE = "Planning (cost: ratio to ours)"
# Shares of the time: of each solver on a case, of each public instance. The rest goes to starting processes.
CASES = {"20/50": 0.06, "60/150": 0.15}
PUBLIC, PUBLIC_SHARE = ("RC104", "R1_2_4"), 0.05
RIVALS = tuple(solver for solver in SOLVERS if solver not in (OURS, TWICE))


def run(seconds: float) -> list[dict[str, object]]:
    """One seed. `gap %` is to a lower bound where the search gave one; of a public instance, to the best known."""
    rows: list[dict[str, object]] = []
    for case, share in CASES.items():
        runs = [measured(Wish(case, round(seconds * share, 1), 1, solver)) for solver in (OURS, *RIVALS)]
        base = runs[0]["cost"]
        rows += [_row(one, one["cost"], base, gap(one["cost"], runs[0]["bound"])) for one in runs]
    known = instances()
    for name in PUBLIC if known else ():
        one = measured(Wish(name, round(seconds * PUBLIC_SHARE, 1), 1, VRPTW))
        tenths = one["cost"]
        rows.append(_row(one, tenths and tenths / 10, None, gap(tenths and tenths / 10, known[name])))
    if not known:
        rows.append(dict.fromkeys(rows[0], "") | {"case": "public VRPTW instances: absent"})
    return rows


def _row(one: Json, cost: float | None, base: float | None, gap_: float | None) -> dict[str, object]:
    return {
        "case": one["case"], "solver": OURS if one["solver"] == VRPTW else one["solver"], "seconds": one["seconds"],
        "cost": cost or one["why"], "ratio": cost / base if cost and base else "", "served": one["served"] or "",
        "gap %": "" if gap_ is None else gap_, "MB": one["mb"],
    }  # fmt: skip


def gap(cost: float | None, bound: float | None) -> float | None:
    """Percent above the bound."""
    return 100 * (cost - bound) / bound if cost and bound else None
