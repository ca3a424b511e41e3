"""The engine as a process of its own: one JSON document on standard input, JSON lines on standard output.

In: {"problem", "seed", "seconds", "iterations", "processes"}. Out: {"progress": {...}} whenever there is news, and
last {"plan": {...}} or {"error": "one line"}. SIGTERM asks for the best plan so far, at once.
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from typing import Any

from scheduling.planning.routing.budget import Budget
from scheduling.planning.routing.files import plan_as_json, read_problem
from scheduling.planning.routing.problem import BadProblem, Progress

ENOUGH: list[bool] = []  # not empty: somebody wants the best so far


def say(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def progress(news: Progress) -> None:
    say({"progress": asdict(news)})


def main() -> int:
    """0 with a plan; 2 where the problem cannot be read or contradicts itself."""
    signal.signal(signal.SIGTERM, lambda *_: ENOUGH.append(True))
    clock = Budget(None, None)
    # Not above: helpers load this module too, and would wait for solvers they do not use.
    from scheduling.planning.routing.solve import solve

    try:
        asked = json.load(sys.stdin)
        problem, seed = read_problem(asked["problem"]), int(asked.get("seed") or 1)
        plan = solve(
            problem,
            seed=seed,
            seconds=asked.get("seconds"),
            iterations=asked.get("iterations"),
            processes=asked.get("processes"),
            told=progress,
            stopped=lambda: bool(ENOUGH),
        )
    except (BadProblem, ValueError, KeyError, TypeError, AttributeError) as bad:
        say({"error": " ".join(str(bad).split()) or "The problem cannot be read."})
        return 2
    say({"plan": plan_as_json(plan, seed=seed, seconds=round(clock.spent, 3))})
    return 0


if __name__ == "__main__":
    sys.exit(main())
