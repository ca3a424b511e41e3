"""One search in a process of its own, on two cores, with its memory watched: what every row of the planning tables is.

Everybody has the same seconds of wall clock, from the problem read to the plan handed over; loading libraries comes
before. What is not there after half as much again and ten seconds is ended and counts as no plan, and so does a plan
that breaks a rule.

    echo '{"solver": "ours", "case": "60/150", "seconds": 5, "seed": 1}' | python -m benchmarks._plan_runs
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import make_case

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "benchmarks"  # the public instances and the first cases, where there are any
CORES = 2
CASES = {  # nurses/visits: the file, where it is there, and else what is made in its place
    "20/50": ("cases/c_20_50_1.json", make_case.Wish(20, 50, 1)),
    "60/150": ("cases/c_60_150_1.json", make_case.Wish(60, 150, 1)),
    "200/500": ("cases/c_200_500_1.json", make_case.Wish(200, 500, 1)),
    "200/2000": (None, make_case.Wish(200, 2000, 5)),
    "60/600": ("cases/c_60_600_5.json", make_case.Wish(60, 600, 5)),
}
OURS, TWICE, VRPTW = "ours", "PyVRP x2", "vrptw"
SEEDLESS = ("OR-Tools", "VROOM")  # one run says it all
SOLVERS = (OURS, "PyVRP", TWICE, "OR-Tools", "VROOM")

Json = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """`case` of CASES; with the solver VRPTW a public instance by its name."""

    case: str
    seconds: float
    seed: int
    solver: str


def measured(wish: Wish) -> Json:
    """The wish and what became of it. `cost`, `served` and `bound` are None where there is no plan, and `why` says why
    not; `took` is the search's wall clock, `first` what passed from the start of the process to the first complete
    proposal, `mb` the most memory of all its processes together (shared pages counted in each).
    RuntimeError where the process fails by a mistake in it."""
    began, limit = time.time(), wish.seconds * 1.5 + 10
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._plan_runs"], cwd=ROOT, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(json.dumps(asdict(wish) | {"began": began}))
    process.stdin.close()
    process.stdin = None
    most = 0.0
    try:
        while process.poll() is None and time.time() - began < limit:
            most = max(most, sum(map(_resident, _family(process.pid))))
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
    finally:
        late = process.poll() is None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        said, complaint = process.communicate()
    empty: Json = dict.fromkeys(("cost", "served", "of", "bound", "took", "first"))
    if late:
        found: Json = {"why": f"no plan after {limit:.0f} s"}
    elif process.returncode < 0:
        found = {"why": f"ended by signal {-process.returncode}"}
    elif process.returncode:
        raise RuntimeError(f"{wish}: {complaint[-2_000:]}")
    else:
        found = json.loads(said.strip().splitlines()[-1])
    most = max(most, found.pop("mb", 0))
    return {**asdict(wish), **empty, "why": "", **found, "mb": round(most), "instead": instead(wish.case)}


def _family(pid: int) -> Iterator[int]:
    """The process and those it started."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _resident(pid: int) -> float:
    """MB."""
    with suppress(OSError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    return 0.0


def problem_of(case: str) -> Json:
    file, wish = CASES[case]
    if file is None or instead(case):
        return make_case.make(wish)
    found: Json = json.loads((DATA / file).read_text())
    return found


def instead(case: str) -> bool:
    """The case has a file, it is absent, and another of the same size is made: not to be mixed with it."""
    file = CASES[case][0] if case in CASES else None
    return bool(file) and not (DATA / str(file)).exists()


def instances() -> dict[str, float]:
    """Names and best known distances of the public VRPTW instances; {} where they are absent."""
    known = DATA / "vrptw" / "bks.json"
    found: dict[str, float] = json.loads(known.read_text()) if known.exists() else {}
    return found


def main() -> None:
    asked = json.load(sys.stdin)
    began = asked.pop("began", time.time())
    wish = Wish(**asked)
    with suppress(AttributeError):  # not on every system
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    if wish.solver == VRPTW:
        print(json.dumps(_vrptw(wish)))
    else:
        problem = problem_of(wish.case)
        solver: Callable[..., Json] = _ours if wish.solver == OURS else _rival
        print(json.dumps(_judged(problem, solver(problem, wish, began))))


def _judged(problem: Json, found: Json) -> Json:
    """The figures of the plan by the checker, or why it does not count."""
    from scheduling.planning import plan_check

    made = found.pop("plan")
    found |= {"mb": _own_memory(), "of": len(problem["visits"])}
    if broken := plan_check.violations(problem, made):
        return found | {"why": f"breaks {len(broken)} rules: {broken[0]}", "bound": None}
    cost = plan_check.cost(problem, made)["total"]
    return found | {"cost": cost, "served": len(problem["visits"]) - len(made["left"])}


def _own_memory() -> float:
    """MB; of the children the largest alone."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def _ours(problem: Json, wish: Wish, began: float) -> Json:
    from scheduling.planning.routing.files import plan_as_json, read_problem
    from scheduling.planning.routing.problem import Progress
    from scheduling.planning.routing.solve import solve

    told: list[float] = []

    def tell(_progress: Progress) -> None:
        if not told:
            told.append(round(time.time() - began, 2))

    started = time.monotonic()
    plan = solve(read_problem(problem), seed=wish.seed, seconds=wish.seconds, processes=CORES, told=tell)
    took = time.monotonic() - started
    made = plan_as_json(plan, seed=wish.seed, seconds=took)
    return {"plan": made, "took": round(took, 2), "first": told[0] if told else None, "bound": plan.bound}


def _rival(problem: Json, wish: Wish, began: float) -> Json:
    """PyVRP x2 is PyVRP with two seeds at once, and the better of them."""
    from benchmarks import _rivals

    name = "PyVRP" if wish.solver == TWICE else wish.solver
    seeds = [wish.seed, wish.seed + 1_000] if wish.solver == TWICE else [wish.seed]
    started = time.monotonic()
    it = _rivals.case(problem)
    job = partial(_search, name, it, wish.seconds - (time.monotonic() - started))
    if len(seeds) > 1:
        with ProcessPoolExecutor(len(seeds), mp_context=get_context("fork")) as pool:
            found = list(pool.map(job, seeds))
    else:
        found = [job(seeds[0])]
    took = time.monotonic() - started
    plans = [_rivals.plan(it, routes) for routes in found if routes]
    nothing = {"routes": [], "left": [visit["id"] for visit in it.visits], "cost": {}}
    best = min(plans, key=lambda one: one["cost"]["total"], default=nothing)
    return {"plan": best, "took": round(took, 2)}


def _search(name: str, it: Any, seconds: float, seed: int) -> Any:
    from benchmarks._rivals import RIVALS

    return RIVALS[name](it, seconds=seconds, seed=seed)


def _vrptw(wish: Wish) -> Json:
    """Distance in tenths, as `plan_routes --format solomon` finds it."""
    from scheduling.planning.routing import solomon, vrptw

    started = time.monotonic()
    instance = solomon.read((DATA / "vrptw" / f"{wish.case}.txt").read_text())
    until = started + wish.seconds
    routes = vrptw.search(instance, seed=wish.seed, stopped=lambda _best: time.monotonic() >= until)
    took = round(time.monotonic() - started, 2)
    customers = len(instance.customers) - 1
    found: Json = {"took": took, "of": customers, "mb": _own_memory()}
    if routes is None:
        return found | {"why": "no routes that keep every rule"}
    if broken := solomon.violations(instance, routes):
        return found | {"why": f"breaks {len(broken)} rules: {broken[0]}"}
    return found | {"cost": solomon.length(instance, routes), "served": customers}


if __name__ == "__main__":
    main()
