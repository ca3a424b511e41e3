"""The search as a whole: a first plan, routes worth having, the best of them together, and again while time is left."""

from __future__ import annotations

import numpy as np

from scheduling.planning.routing.budget import Budget
from scheduling.planning.routing.columns import Columns
from scheduling.planning.routing.first import first_routes
from scheduling.planning.routing.generate import Generated, Pricer, generate, guessed, here
from scheduling.planning.routing.master import Rows, chosen, whole
from scheduling.planning.routing.problem import Plan, Problem, Progress, Stopped, Told
from scheduling.planning.routing.table import Table, Whole, table
from scheduling.planning.routing.timing import plan

SECONDS = 20.0  # where nobody says how long


def solve(
    problem: Problem,
    *,
    seed: int = 1,
    seconds: float | None = None,
    iterations: int | None = None,
    processes: int | None = None,
    told: Told | None = None,
    stopped: Stopped | None = None,
) -> Plan:
    """The best plan found within `seconds` of wall time or `iterations`, whichever ends first; else 20 s.

    The same seed and iterations give the same plan, whatever `processes` are. `told` hears of every better plan.
    Raises BadProblem where pins contradict the rules.
    """
    if seconds is None and iterations is None:
        seconds = SECONDS
    search = _Search(table(problem), Budget(seconds, iterations, stopped), seed, told)
    return search.run()


class _Search:
    def __init__(self, built: Table, budget: Budget, seed: int, told: Told | None) -> None:
        self.table, self.budget, self.seed, self.told = built, budget, seed, told
        self.columns = Columns(built)
        self.best: Plan | None = None
        self.rows_of_best: Whole = np.zeros(0, np.int64)
        self.bound: int | None = None

    def run(self) -> Plan:
        routes = first_routes(self.table)
        self._offer(self.columns.add_routes(routes), "first")
        if not self.table.days or not self.table.visits:
            return self._done()
        scope = whole(self.table)
        rows = Rows(self.table, scope)
        made = generate(
            self.table,
            rows,
            scope,
            self.columns,
            self.rows_of_best,
            guessed(self.table, rows, routes),
            pricer=here(self.table),
            over=self.budget.over,
            seed=self.seed,
            told=self._bounded,
        )
        for cut in (0.0, 300.0, 1000.0, 3000.0):
            if self.budget.halted() or self.budget.left <= 0:
                break
            which = self._near(rows, made, cut)
            best, _ = chosen(
                rows, self.columns, which, self.table.nurse_cost, start=self.rows_of_best, seed=self.seed,
                seconds=self.budget.within(0.4), nodes=200 if self.budget.repeats else None,
                stopped=self.budget.halted,
            )  # fmt: skip
            self._offer(best, "recombine")
        return self._done()

    def _near(self, rows: Rows, made: Generated, cut: float) -> Whole:
        """The columns of the master, and with `cut` all others whose reduced cost is below it."""
        found = [made.which, self.rows_of_best]
        pricer: Pricer = here(self.table)
        if cut and made.done:
            days = list(made.usable)
            asks = [(index, rows.prices(made.duals, index), made.usable[index]) for index in days]
            for index, answer in zip(days, pricer(asks, cut, 500, 20_000), strict=True):
                found.append(self.columns.add(index, answer.nodes))
        return np.unique(np.concatenate(found))

    def _offer(self, which: Whole, phase: str) -> None:
        better = plan(self.table, self.columns.routes(which), bound=self.bound, iterations=self.budget.done)
        if self.best is None or better.cost.total < self.best.cost.total:
            self.best, self.rows_of_best = better, which
            self._tell(phase)

    def _bounded(self, bound: float | None) -> None:
        if bound is not None:
            self.bound = int(np.ceil(bound - 1e-6))
            self._tell("search")

    def _tell(self, phase: str) -> None:
        if self.told is not None and self.best is not None:
            served = sum(len(route.stops) for route in self.best.routes)
            self.told(Progress(self.budget.spent, self.best.cost.total, served, self.bound, phase))

    def _done(self) -> Plan:
        self._tell("done")
        routes = self.columns.routes(self.rows_of_best)
        return plan(self.table, routes, bound=self.bound, iterations=self.budget.done)
