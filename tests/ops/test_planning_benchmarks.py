"""The tables that say how good the planner is: rivals are given the same problem, and no run is counted wrongly."""

from __future__ import annotations

import json
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from benchmarks import _plans_full, _rivals, make_case
from benchmarks._plan_runs import OURS, SOLVERS, Json
from benchmarks._plans_table import tables
from benchmarks._rivals import RIVALS, NotModelled, case, plan
from scheduling.planning.plan_check import cost, violations


def kept(
    solver: str, cost: int | None, *, seed: int = 1, bound: int | None = None, engine: str = "e"
) -> Json:
    return {
        "case": "20/50", "seconds": 5, "seed": seed, "solver": solver, "cost": cost, "served": cost and 42, "of": 50,
        "bound": bound, "took": 5.0, "first": 0.5, "why": "" if cost else "no plan after 18 s", "mb": 60,
        "engine": engine, "on": "2026-11-21", "instead": False,
    }  # fmt: skip


def planned(name: str, cells: int, problem: Json) -> Json:
    """What a rival plans. Called in a process of its own: OR-Tools and our solver each bring a HiGHS, and only one
    can live in it."""
    _rivals.CELLS = _rivals.CELLS_IN_LISTS = cells
    it = case(problem)
    seconds = 4.0 if name == "OR-Tools" else 0.5  # on a busy machine its first plan may take a second
    return plan(it, RIVALS[name](it, seconds=seconds, seed=1))


@pytest.mark.parametrize("cells", [10**8, 10**3])
@pytest.mark.parametrize("name", sorted(RIVALS))
def test_every_rival_keeps_the_rules_of_several_days_and_promises(name: str, cells: int) -> None:
    """Also where there is no room for a matrix for each nurse."""
    problem = make_case.make(make_case.Wish(nurses=6, visits=18, days=2, seed=1))
    assert any(visit["pinned"] for visit in problem["visits"])
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        made = alone.submit(planned, name, cells, problem).result(timeout=120)
    assert violations(problem, made) == []
    assert made["routes"]
    assert made["cost"] == cost(problem, made)


def test_a_rule_the_rivals_do_not_know_is_not_compared() -> None:
    with pytest.raises(NotModelled):
        case(make_case.make(make_case.Wish(nurses=5, visits=12, days=2, courses=True, spans=True)))


def test_a_run_that_is_kept_is_not_run_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_plans_full, "KEPT", tmp_path / "kept.jsonl")
    lines = [kept(OURS, 100), kept(OURS, 90), kept("PyVRP", None)]
    _plans_full.KEPT.write_text("".join(json.dumps(line) + "\n" for line in lines))
    wish = Namespace(cases=["20/50"], seconds=[5], seeds=[1], solvers=list(SOLVERS), again=False, stale=False)
    assert {run.solver for run in _plans_full._runs(wish)} == {"PyVRP x2", "OR-Tools", "VROOM"}
    assert [row["cost"] for row in _plans_full.latest()] == [
        90,
        None,
    ]  # the last line of a run is what counts
    wish.seeds = [2, 1]  # who knows no seed is run once, with the first
    assert [run.seed for run in _plans_full._runs(wish) if run.solver == "VROOM"] == [2]
    wish.seeds = [1]
    wish.stale = True  # by another engine than today's
    assert [run.solver for run in _plans_full._runs(wish)] == [OURS]


def test_the_table_says_ratios_of_medians_and_who_had_no_plan() -> None:
    rows = [kept(OURS, cost, seed=seed, bound=98) for seed, cost in enumerate((100, 101, 120), start=1)]
    rows += [kept("PyVRP", 202, seed=1), kept("PyVRP", None, seed=2), kept("VROOM", None)]
    page = tables(rows, "e")
    assert "| 20/50 | 5 | 101 | 42 | 3.06 | 2.000 (42), 1 without a plan |  |  | no plan |" in page
    assert "is wrong" not in page and "earlier engine" not in page


def test_the_table_tells_on_itself() -> None:
    """A plan below a bound, and runs of an engine that is not today's."""
    page = tables([kept(OURS, 100, bound=105), kept("PyVRP", 103)], "another")
    assert "The bound of 20/50 is wrong: 105, and there is a plan of 100." in page
    assert "1 of 1 runs of ours are of an earlier engine." in page
