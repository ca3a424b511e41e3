"""`make bench`: runs every benchmark module and prints what it found as a table.

A benchmark module has `TITLE` and `run(seconds)`, which returns rows: dictionaries with the same keys.
`seconds` is about how long it may take.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules

import benchmarks

# The whole of `make bench` stays under five minutes.
SECONDS, SECONDS_FULL = 210, 1800
NOT_RUN = {"make_case", "world"}  # what benchmarks are made of


def modules() -> list[str]:
    return sorted(
        module.name
        for module in iter_modules(benchmarks.__path__)
        if not module.name.startswith("_") and module.name not in NOT_RUN
    )


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Columns in the order of the first row's keys, numbers to the right."""
    if not rows:
        return "nothing was measured"
    heads = list(rows[0])
    cells = [heads, *([shown(row.get(head, "")) for head in heads] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    right = [all(isinstance(row.get(head), int | float) for row in rows) for head in heads]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in cells
    )


def shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--full", action="store_true", help="half an hour instead of minutes")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(modules())}; all when left out")
    wish = parser.parse_args()
    if unknown := set(wish.names) - set(modules()):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    # The long table of planning is benchmarks._plans_full, which can be stopped and goes on.
    names = wish.names or [name for name in modules() if not (wish.full and name == "plans")]
    seconds = (SECONDS_FULL if wish.full else SECONDS) / max(len(names), 1)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}")
    for name in names:
        module = import_module(f"benchmarks.{name}")
        began_at = time.monotonic()
        rows = module.run(seconds)
        title = getattr(module, "TITLE", name.replace("_", " "))
        print(f"\n{title} ({time.monotonic() - began_at:.0f} s)\n{table(rows)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
