"""`make bench-full`: every planning case at every time and seed, ours beside the open solvers, one run at a time.

Each run that ends is a line of docs/plans-bench.jsonl, and what is there is not run again: stop it and start it again
as you like. A later line for the same run replaces an earlier one.

    make bench-full                                      all that is missing (an hour and a half from nothing)
    make bench-full ARGS='--cases 60/150 --seconds 20'   some of it; also --seeds, --solvers, --minutes, --again
    make bench-full ARGS=--stale                         ours again where the engine is another one by now
    make bench-full ARGS=--write                         no run: the tables from what is there, into docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256

from benchmarks._plan_runs import CASES, OURS, ROOT, SEEDLESS, SOLVERS, VRPTW, Json, Wish, instances, measured
from benchmarks._plans_table import tables

KEPT, PAGE = ROOT / "docs" / "plans-bench.jsonl", ROOT / "docs" / "benchmarks.md"
ENGINE = ROOT / "scheduling" / "planning" / "routing"
BEGIN, END = "<!-- planning: begin -->\n", "<!-- planning: end -->\n"
SEEDS, PUBLIC, PUBLIC_SECONDS = (1, 2, 3), "public", 20
# What matters most comes first, one seed of all of it before the next.
TABLE = (
    ("60/150", 20), ("200/500", 20), ("20/50", 5), ("200/2000", 60), ("60/150", 5), ("200/500", 60),
    ("60/150", 60), ("200/2000", 20), ("200/500", 5), ("20/50", 20), ("200/2000", 5), ("20/50", 60),
)  # fmt: skip


def main() -> int:
    wish = _asked()
    if wish.write or wish.print:
        page = tables(latest(), engine())
        print(page)
        if wish.write:
            _write(page)
        return 0
    runs = list(_runs(wish))
    if not instances() and (not wish.cases or PUBLIC in wish.cases):
        print("the public VRPTW instances are absent")
    ends_at = time.monotonic() + 60 * wish.minutes
    print(
        f"{len(runs)} runs, {sum(run.seconds for run in runs) / 60:.0f} minutes of search at most", flush=True
    )
    for number, run in enumerate(runs, start=1):
        if time.monotonic() + run.seconds > ends_at:
            print(f"time is over; {len(runs) - number + 1} runs are for another time")
            break
        row = measured(run) | {"engine": engine(), "on": f"{datetime.now(tz=UTC):%Y-%m-%d}"}
        with KEPT.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(row) + "\n")
        print(f"{number}/{len(runs)} {_line(row)}", flush=True)
    return 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-full", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", nargs="+", choices=[*CASES, PUBLIC], help="all of the table when left out")
    parser.add_argument("--seconds", nargs="+", type=int)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--solvers", nargs="+", choices=SOLVERS, default=list(SOLVERS))
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="starts no run it could not end in these"
    )
    parser.add_argument("--again", action="store_true", help="also what was run already")
    parser.add_argument("--stale", action="store_true", help="ours again where the engine was another one")
    parser.add_argument("--print", action="store_true", help="no run: the tables")
    parser.add_argument(
        "--write", action="store_true", help="no run: the tables, into docs/benchmarks.md too"
    )
    return parser.parse_args()


def _runs(wish: argparse.Namespace) -> Iterator[Wish]:
    """What is asked for and not there yet, what matters most first."""
    kept = {_key(row): row for row in latest()}
    table = [(case, seconds) for case, seconds in TABLE if not wish.cases or case in wish.cases]
    table += [(case, seconds) for case in wish.cases or () for seconds in wish.seconds or () if case in CASES]
    for seed in wish.seeds:
        for case, seconds in dict.fromkeys(table):
            if not wish.seconds or seconds in wish.seconds:
                for solver in _seeded(wish, seed):
                    yield from _missing(Wish(case, seconds, seed, solver), kept, wish)
        if (not wish.cases or PUBLIC in wish.cases) and OURS in wish.solvers:
            for name in instances():
                yield from _missing(Wish(name, PUBLIC_SECONDS, seed, VRPTW), kept, wish)


def _seeded(wish: argparse.Namespace, seed: int) -> list[str]:
    """Who knows no seed is run with the first one only."""
    return [solver for solver in wish.solvers if solver not in SEEDLESS or seed == wish.seeds[0]]


def _missing(run: Wish, kept: dict[tuple[object, ...], Json], wish: argparse.Namespace) -> Iterator[Wish]:
    there = kept.get((run.case, run.seconds, run.seed, run.solver))
    stale = there and wish.stale and run.solver == OURS and there["engine"] != engine()
    if wish.again or stale or (not there and not wish.stale):
        yield run


def latest() -> list[Json]:
    """The last line of each run."""
    if not KEPT.exists():
        return []
    rows: Iterable[Json] = map(json.loads, KEPT.read_text(encoding="utf-8").splitlines())
    return list({_key(row): row for row in rows}.values())


def _key(row: Json) -> tuple[object, ...]:
    return row["case"], row["seconds"], row["seed"], row["solver"]


def engine() -> str:
    """Changes with the engine's code."""
    seen = sha256()
    for file in sorted(ENGINE.glob("*.py")):
        seen.update(file.read_bytes())
    return seen.hexdigest()[:10]


def _line(row: Json) -> str:
    what = f"{row['cost']:,}, {row['served']} of {row['of']}" if row["cost"] else row["why"]
    return f"{row['case']} {row['seconds']} s seed {row['seed']} {row['solver']}: {what}, {row['mb']} MB"


def _write(page: str) -> None:
    """Between the two marks of docs/benchmarks.md."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} has no place for the tables: {BEGIN.strip()} and {END.strip()}")
    PAGE.write_text(f"{before}{begin}\n{page}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; what has ended is kept, and the same command goes on")
