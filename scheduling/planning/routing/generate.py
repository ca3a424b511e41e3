"""Column generation: prices from the relaxed master, routes worth having at those prices, and a bound on every plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from scheduling.planning.routing.columns import Columns
from scheduling.planning.routing.days import MOST_LABELS, Priced, Prices, priced
from scheduling.planning.routing.master import Relaxed, Rows, Seconds
from scheduling.planning.routing.scope import Scope, usable
from scheduling.planning.routing.table import Flags, Table, Whole
from scheduling.planning.routing.timing import Routes

WORTH = -0.01  # a reduced cost below this is worth a column
FEW_LABELS = 250  # of the first rounds, when prices are still far off
KEEP = 12  # columns of one nurse-day and round
CLOSE = 0.5  # costs are whole seconds
SMOOTH = 0.7  # share of the best prices so far in those asked: it calms them

Ask = tuple[int, Prices, Flags | None]  # index of a nurse-day, what it earns, which nodes it may use
Pricer = Callable[[Sequence[Ask], float, int, int], list[Priced]]  # asks, below, keep, labels


def here(table: Table) -> Pricer:
    """Prices in this process."""

    def ask(asks: Sequence[Ask], below: float, keep: int, labels: int) -> list[Priced]:
        return [
            priced(table, table.days[index], prices, below=below, keep=keep, usable=flags, labels=labels)
            for index, prices, flags in asks
        ]

    return ask


def guessed(table: Table, routes: Routes) -> Seconds:
    """Prices to begin with: what each visit costs in these routes, or its prize where it is left."""
    prices: Seconds = table.prize.astype(np.float64)
    for index, nodes in routes.items():
        day = table.days[index]
        visits = day.visit[list(nodes)].tolist()
        places = [day.home, *visits, day.home]
        for node, visit, before, after in zip(nodes, visits, places, places[2:], strict=False):
            detour = table.travel[before, visit] + table.travel[visit, after] - table.travel[before, after]
            prices[visit] = detour + day.cost[node] + table.nurse_cost[day.nurse, visit]
    return prices


class Generator:
    """The relaxed master of a scope and what it has learnt. `bound`: no plan of the scope costs less; None where that
    is not known. `done`: no other column would make the relaxed plan cheaper."""

    def __init__(
        self,
        table: Table,
        scope: Scope,
        columns: Columns,
        start: Whole,
        *,
        pricer: Pricer,
        seed: int = 1,
        prices: Seconds | None = None,
    ) -> None:
        """`start`: columns that make a plan. `prices`: of each visit, to begin with."""
        self.table, self.scope, self.columns, self.pricer = table, scope, columns, pricer
        self.rows = Rows(table, scope)
        self.relaxed = Relaxed(self.rows, columns, table.nurse_cost, seed=seed)
        self.relaxed.add(start)
        self.usable = {index: usable(table, scope, index) for index in scope.days}
        self.days = list(scope.days)  # that are priced
        self.value, self.duals = self.relaxed.solve()
        self.centre = self.rows.spread(guessed(table, columns.routes(start)) if prices is None else prices)
        self.bound: float | None = None
        self.rounds = 0
        self.done = False

    @property
    def which(self) -> Whole:
        """The columns of the master."""
        return self.relaxed.inside

    def run(
        self,
        *,
        over: Callable[[], bool],
        most: int = 200,
        labels: int = FEW_LABELS,
        enough: float = 0.0,
        told: Callable[[float], None] | None = None,
    ) -> None:
        """Columns until none is worth having, `over()` or `most` rounds; or until they could save only `enough`."""
        smooth, best = SMOOTH, -np.inf
        self.done = False
        for _ in range(most):
            if over():
                return
            self.rounds += 1
            asked = smooth * self.centre + (1 - smooth) * self.duals
            answers = self._ask(asked, labels)
            bound, exact = self._bounded(asked, answers)
            if bound > best:
                best, self.centre = bound, asked
            if exact and told is not None and bound == self.bound:
                told(bound)
            if self._take(answers):
                smooth = SMOOTH
            elif smooth > 0:
                smooth = 0.0 if smooth < 0.3 else smooth / 3
            elif not exact and labels < MOST_LABELS:
                labels = MOST_LABELS
            else:
                self.done = True
            known = self.bound is not None and self.value - self.bound < CLOSE
            if self.done or known or (enough and self.value - best < enough):
                self.done = True
                return

    def cheap(self, below: float, keep: int) -> tuple[Whole, bool]:
        """Columns with a reduced cost under `below` (`keep` a nurse-day), once `done`; whether these are all."""
        asks: list[Ask] = [(i, self.rows.prices(self.duals, i), self.usable[i]) for i in self.days]
        answers = self.pricer(asks, below, keep, MOST_LABELS)
        found = [self.columns.add(index, a.nodes) for index, a in zip(self.days, answers, strict=True)]
        every = all(a.least is not None and len(a.costs) < keep for a in answers)
        return np.concatenate([np.zeros(0, np.int64), *found]), every

    def _ask(self, asked: Seconds, labels: int) -> list[Priced]:
        asks: list[Ask] = [(index, self.rows.prices(asked, index), self.usable[index]) for index in self.days]
        return self.pricer(asks, WORTH, KEEP, labels)

    def _bounded(self, asked: Seconds, answers: list[Priced]) -> tuple[float, bool]:
        """A bound, and whether it is one: it only guides where some answer was not exact."""
        least = np.array([a.least if a.least is not None else min([0.0, *a.costs[:1]]) for a in answers])
        exact = all(answer.least is not None for answer in answers) and len(self.days) == len(self.scope.days)
        bound = self.rows.bound(asked, least, self.days)
        if exact and not self.table.problem.fairness:
            self.bound = bound if self.bound is None else max(self.bound, bound)
        return bound, exact

    def _take(self, answers: list[Priced]) -> bool:
        """Adds what was found; whether any of it is worth having at the master's own prices."""
        found = [self.columns.add(index, a.nodes) for index, a in zip(self.days, answers, strict=True)]
        fresh = np.concatenate([np.zeros(0, np.int64), *found])
        worth = bool((self.relaxed.reduced(fresh, self.duals) < WORTH).any())
        if self.relaxed.add(fresh) and worth:
            self.value, self.duals = self.relaxed.solve()
        return worth
