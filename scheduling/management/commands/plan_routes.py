"""`manage.py plan_routes`: a planning problem in a file, the plan in another. No database. docs/planner.md."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser

from scheduling.planning import plan_check
from scheduling.planning.routing import solomon
from scheduling.planning.routing.files import plan_as_json, read_problem
from scheduling.planning.routing.problem import BadProblem, Plan, Progress

_LONGEST_INPUT = 500_000_000
_SECONDS = 20.0  # when neither seconds nor iterations are asked for
_LONGEST_RUN = 7 * 24 * 3_600

Json = dict[str, Any]


class Command(BaseCommand):
    """Exit 0 with the plan written; 2 with one line for bad input; 1, and nothing written, when there is no plan
    that keeps every rule."""

    help = (
        "Plans the visits of PROBLEM as docs/planner.md describes it and writes the plan to --out. Ctrl-C or SIGTERM "
        "ends the search early: the best so far is written. Bad input is exit code 2 and one line."
    )
    requires_system_checks = ()
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.error = self._fail  # one line, without the usage
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("problem", type=Path, help="JSON, or text with --format solomon")
        parser.add_argument("--out", type=Path, required=True, help="the plan; replaced when it is there")
        parser.add_argument(
            "--seconds", type=float, help=f"how long to search; {_SECONDS:.0f} without iterations"
        )
        parser.add_argument("--iterations", type=int, help="search this far, which repeats for a seed")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--processes", type=int, help="at once; as many as the engine finds good when left out"
        )
        parser.add_argument("--format", choices=("infusion", "solomon"), default="infusion")

    def handle(self, *args: Any, **options: Any) -> None:
        wish = Wish(options)
        try:
            wish.check()
            text = _read(options["problem"])
            _check_writable(options["out"])
            with _asked_to_stop() as stopped:
                made, summary = PLANNERS[options["format"]](self, text, wish, stopped)
            _write(options["out"], made)
        except BadProblem as no:
            self._fail(str(no))
        except NoPlan as no:
            self._fail(str(no), code=1)
        self.stdout.write(summary)

    def infusion(self, text: str, wish: Wish, stopped: Callable[[], bool]) -> tuple[Json, str]:
        """The plan of our own JSON, which the checker has agreed to, and a line about it."""
        from scheduling.planning.routing.solve import solve  # heavy, and a bad file needs none of it

        document = _parsed(text)
        problem = read_problem(document)
        plan = solve(
            problem,
            seed=wish.seed,
            seconds=wish.seconds,
            iterations=wish.iterations,
            processes=wish.processes,
            told=self._teller(),
            stopped=stopped,
        )
        made = plan_as_json(plan, seed=wish.seed, seconds=wish.spent)
        if broken := plan_check.violations(document, made):
            raise NoPlan(f"the plan breaks a rule and is not written: {broken[0]}")
        return made, _summary(plan, len(problem.visits), wish.spent)

    def solomon(self, text: str, wish: Wish, stopped: Callable[[], bool]) -> tuple[Json, str]:
        """Routes of a VRPTW instance, checked, and a line about them."""
        from scheduling.planning.routing import vrptw

        instance = solomon.read(text)
        done, best = 0, math.inf

        def over(cost: int) -> bool:
            nonlocal done, best
            if cost < best:
                best = cost
                self.stderr.write(f"{wish.spent:8.1f} s  distance {cost / 10:,.1f}")
            done += 1
            late = wish.seconds is not None and wish.spent >= wish.seconds
            return late or stopped() or (wish.iterations is not None and done > wish.iterations)

        routes = vrptw.search(instance, seed=wish.seed, stopped=over)
        if routes is None:
            raise NoPlan(f"no routes that keep every rule were found in {wish.spent:.1f} s")
        if broken := solomon.violations(instance, routes):
            raise NoPlan(f"the routes break a rule and are not written: {broken[0]}")
        made = solomon.as_json(instance, routes, seed=wish.seed, seconds=wish.spent)
        return made, f"distance {made['distance']:,.1f}, vehicles {len(routes)}, {wish.spent:.1f} s"

    def _teller(self) -> Callable[[Progress], None]:
        """Writes a line whenever the best so far is better."""
        best: list[int] = []

        def tell(progress: Progress) -> None:
            if best and progress.cost >= best[-1]:
                return
            best.append(progress.cost)
            bound = "" if progress.bound is None else f"  bound {progress.bound:,}"
            self.stderr.write(
                f"{progress.seconds:8.1f} s  cost {progress.cost:,}  served {progress.served}{bound}  {progress.phase}"
            )

        return tell

    def _fail(self, line: str, code: int = 2) -> NoReturn:
        self.stderr.write(" ".join(line.split()))
        sys.exit(code)


class NoPlan(Exception):
    """There is nothing to write."""


class Wish:
    """How to search, and the clock."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.seed: int = options["seed"]
        self.iterations: int | None = options["iterations"]
        self.processes: int | None = options["processes"]
        self.seconds: float | None = options["seconds"]
        if self.seconds is None and self.iterations is None:
            self.seconds = _SECONDS
        self.began = time.monotonic()

    @property
    def spent(self) -> float:
        return time.monotonic() - self.began

    def check(self) -> None:
        if self.seconds is not None and not 0 < self.seconds <= _LONGEST_RUN:
            raise BadProblem(f"--seconds is more than 0 and at most {_LONGEST_RUN}, not {self.seconds}")
        for name, value, low, high in (
            ("iterations", self.iterations, 1, 10**9),
            ("processes", self.processes, 1, 256),
            ("seed", self.seed, 0, 2**31 - 1),
        ):
            if value is not None and not low <= value <= high:
                raise BadProblem(f"--{name} is from {low} to {high}, not {value}")


PLANNERS = {"infusion": Command.infusion, "solomon": Command.solomon}


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Tells whether somebody has pressed Ctrl-C or sent SIGTERM meanwhile."""
    asked: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, lambda number, _frame: asked.append(number)) for kind in kinds]
    try:
        yield lambda: bool(asked)
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LONGEST_INPUT:
            raise BadProblem(f"{path} is longer than {_LONGEST_INPUT // 10**6} MB")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadProblem(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadProblem(f"{path} is not UTF-8 text") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise BadProblem("the problem is nested too deeply") from None
    except ValueError as error:  # no JSON, or a number of thousands of digits
        raise BadProblem(f"the problem is not JSON: {error}") from None


def _part(out: Path) -> Path:
    return out.with_name(f".{out.name}.{os.getpid()}.part")


def _check_writable(out: Path) -> None:
    """Before the search and not after it: a mistyped folder costs no minute."""
    try:
        if out.exists() and not out.is_file():
            raise BadProblem(f"{out} is not a file")
        _part(out).touch(exist_ok=False)
        _part(out).unlink()
    except (OSError, ValueError) as error:
        raise BadProblem(f"{out} cannot be written: {getattr(error, 'strerror', error)}") from None


def _write(out: Path, made: Json) -> None:
    """All of it or nothing: beside it first, then in its place."""
    part = _part(out)
    try:
        part.write_text(json.dumps(made) + "\n", encoding="utf-8")
        part.replace(out)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise BadProblem(f"{out} cannot be written: {error.strerror}") from None


def _summary(plan: Plan, visits: int, seconds: float) -> str:
    total = plan.cost.total
    said = [f"served {visits - len(plan.left)} of {visits}", f"left {len(plan.left)}", f"cost {total:,}"]
    if plan.bound is not None:
        gap = 100 * (total - plan.bound) / total if total else 0.0
        said += [f"bound {plan.bound:,}", f"gap {gap:.2f} %"]
    return ", ".join([*said, f"{seconds:.1f} s"])
