"""The tables of docs/benchmarks.md, section Planning, from the runs that were kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks._plan_runs import CASES, OURS, SOLVERS, VRPTW, Json, instances
from benchmarks.plans import gap

RIVALS = [solver for solver in SOLVERS if solver != OURS]


def tables(rows: Sequence[Json], engine: str) -> str:
    """Markdown. `engine`: the engine of today; how many runs are of another one is said."""
    planned = [row for row in rows if row["solver"] != VRPTW]
    if not planned:
        return "Nothing was measured yet.\n"
    parts = [_costs(planned), _resources(planned)]
    if public := [row for row in rows if row["solver"] == VRPTW]:
        parts.append(_public(public))
    return "\n".join([*parts, *_remarks(planned, engine)])


def _of(rows: Sequence[Json], case: str, seconds: float, solver: str) -> list[Json]:
    return [row for row in rows if (row["case"], row["seconds"], row["solver"]) == (case, seconds, solver)]


def _asked(rows: Sequence[Json]) -> list[tuple[str, float]]:
    """Case and seconds, in the order of CASES."""
    found = {(row["case"], row["seconds"]) for row in rows}
    return sorted(found, key=lambda one: (list(CASES).index(one[0]), one[1]))


def _middle(rows: Sequence[Json], key: str) -> float | None:
    values = [row[key] for row in rows if row[key] is not None]
    return median(values) if values else None


def _bound(rows: Sequence[Json], case: str) -> int | None:
    """The best one known: each of them holds for every plan of the case."""
    return max((row["bound"] for row in rows if row["case"] == case and row["bound"]), default=None)


def _costs(rows: Sequence[Json]) -> str:
    heads = ["nurses/visits", "seconds", "ours: cost", "served", "gap %", *RIVALS]
    lines = []
    for case, seconds in _asked(rows):
        ours = _of(rows, case, seconds, OURS)
        base = _middle(ours, "cost")
        cells = [case, f"{seconds:g}", _figure(base, _whole), _figure(_middle(ours, "served"), _whole)]
        cells.append(_figure(gap(base, _bound(rows, case)), lambda value: f"{value:.2f}"))
        cells += [_rival(_of(rows, case, seconds, rival), base) for rival in RIVALS]
        lines.append(cells)
    return _markdown(heads, lines)


def _rival(runs: Sequence[Json], base: float | None) -> str:
    """Ratio of the medians, and visits served; how many of its runs gave no plan."""
    if not runs:
        return ""
    cost, none = _middle(runs, "cost"), sum(row["cost"] is None for row in runs)
    if cost is None:
        return "no plan"
    if not base:
        return f"costs {cost:,.0f}"
    return f"{cost / base:.3f} ({_middle(runs, 'served'):.0f})" + (f", {none} without a plan" if none else "")


def _resources(rows: Sequence[Json]) -> str:
    """The worst of the runs."""
    heads = ["nurses/visits", "seconds", "ours: first proposal, s", "all, s", "MB"]
    heads += [f"{rival}: MB" for rival in RIVALS]
    lines = []
    for case, seconds in _asked(rows):
        ours = _of(rows, case, seconds, OURS)
        cells = [
            case,
            f"{seconds:g}",
            *(_figure(_most(ours, key), lambda v: f"{v:.1f}") for key in ("first", "took")),
        ]
        cells += [_figure(_most(_of(rows, case, seconds, solver), "mb"), _whole) for solver in SOLVERS]
        lines.append(cells)
    return _markdown(heads, lines)


def _most(rows: Sequence[Json], key: str) -> float | None:
    return max((row[key] for row in rows if row[key] is not None), default=None)


def _public(rows: Sequence[Json]) -> str:
    known, lines = instances(), []
    for name in sorted({row["case"] for row in rows} & set(known), key=lambda one: (len(one), one)):
        runs = [row for row in rows if row["case"] == name]
        tenths = _middle(runs, "cost")
        distance = tenths and tenths / 10
        lines.append([
            name, f"{runs[0]['of'] or 0:,}", f"{known[name]:,.1f}", _figure(distance, lambda v: f"{v:,.1f}"),
            _figure(gap(distance, known[name]), lambda v: f"{v:.2f}"),
        ])  # fmt: skip
    heads = ["VRPTW instance", "customers", "best known", f"ours, {rows[0]['seconds']:g} s", "gap %"]
    return _markdown(heads, lines)


def _remarks(rows: Sequence[Json], engine: str) -> list[str]:
    """What a reader of the tables must know about the runs behind them."""
    seeds, days = sorted({row["seed"] for row in rows}), sorted({row["on"] for row in rows})
    found = [
        f"{len(rows)} runs, seeds {', '.join(map(str, seeds))}, {' to '.join(dict.fromkeys((days[0], days[-1])))}."
    ]
    ours = [row for row in rows if row["solver"] == OURS]
    if old := sum(row["engine"] != engine for row in ours):
        found.append(f"{old} of {len(ours)} runs of ours are of an earlier engine.")
    if other := sorted({row["case"] for row in rows if row["instead"]}):
        found.append(f"Cases made in place of files that were absent: {', '.join(other)}.")
    for case, bound in ((case, _bound(rows, case)) for case in CASES):
        costs = [row["cost"] for row in rows if row["case"] == case and row["cost"]]
        if bound and costs and min(costs) < bound:
            found.append(f"The bound of {case} is wrong: {bound:,}, and there is a plan of {min(costs):,}.")
    return found


def _figure(value: float | None, shown: Callable[[float], str]) -> str:
    return "" if value is None else shown(value)


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = [" --- ", *(" ---: " for _head in heads[1:])]
    rows = ["| " + " | ".join(cells) + " |" for cells in (heads, *lines)]
    return "\n".join([rows[0], "|" + "|".join(rule) + "|", *rows[1:], ""])
