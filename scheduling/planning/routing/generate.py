"""Column generation: prices from the relaxed master, routes worth having at those prices, and a bound on every plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from scheduling.planning.routing.columns import Columns
from scheduling.planning.routing.days import MOST_LABELS, Priced, Prices, priced
from scheduling.planning.routing.master import Relaxed, Rows, Scope, Seconds, usable
from scheduling.planning.routing.table import Flags, Table, Whole
from scheduling.planning.routing.timing import Routes

WORTH = -0.01  # a reduced cost below this is worth a column
FEW_LABELS = 250  # of the first rounds, when prices are still far off
KEEP = 12  # columns of one nurse-day and round
SMOOTH = 0.7  # share of the best prices so far in those asked: it calms them

Ask = tuple[int, Prices, Flags | None]  # index of a nurse-day, what it earns, which nodes it may use
Pricer = Callable[[Sequence[Ask], float, int, int], list[Priced]]  # asks, below, keep, labels


@dataclass(slots=True)
class Generated:
    """`which`: the columns of the master. `bound`: no plan of the scope costs less; None where that is not known."""

    which: Whole
    duals: Seconds
    relaxed: float
    bound: float | None
    rounds: int
    done: bool = False
    usable: dict[int, Flags] = field(default_factory=dict)


def here(table: Table) -> Pricer:
    """Prices in this process."""

    def ask(asks: Sequence[Ask], below: float, keep: int, labels: int) -> list[Priced]:
        return [
            priced(table, table.days[index], prices, below=below, keep=keep, usable=flags, labels=labels)
            for index, prices, flags in asks
        ]

    return ask


def guessed(table: Table, rows: Rows, routes: Routes) -> Seconds:
    """Prices to begin with: what each visit of these routes costs in them, or its prize where it is left."""
    duals = np.zeros(len(rows.lower))
    served = np.zeros(table.visits, bool)
    for index, nodes in routes.items():
        if rows.day_row[index] < 0:
            continue
        day = table.days[index]
        visits = day.visit[list(nodes)].tolist()
        places = [day.home, *visits, day.home]
        served[visits] = True
        for node, visit, before, after in zip(nodes, visits, places, places[2:], strict=False):
            detour = table.travel[before, visit] + table.travel[visit, after] - table.travel[before, after]
            row = rows.visit_row[rows.on_index[index], visit]
            if row >= 0:
                duals[row] = detour + day.cost[node] + table.nurse_cost[day.nurse, visit]
    for row, prize in rows.prize_of.items():
        duals[row] = min(duals[row], prize) if duals[row] else prize
    return duals


def generate(
    table: Table,
    rows: Rows,
    scope: Scope,
    columns: Columns,
    start: Whole,
    centre: Seconds,
    *,
    pricer: Pricer,
    over: Callable[[], bool],
    most_rounds: int = 200,
    seed: int = 1,
    told: Callable[[float | None], None] = lambda bound: None,
) -> Generated:
    """Columns until none is worth having, `over()` or `most_rounds`. `start`: columns that make a plan."""
    relaxed = Relaxed(rows, columns, table.nurse_cost, seed=seed)
    relaxed.add(start)
    flags = {index: usable(table, scope, index) for index in scope.days}
    value, duals = relaxed.solve()
    made = Generated(relaxed.inside, duals, value, None, 0, usable=flags)
    smooth, labels, best = SMOOTH, FEW_LABELS, -np.inf
    claims = not table.problem.fairness
    while made.rounds < most_rounds and not over():
        made.rounds += 1
        asked = smooth * centre + (1 - smooth) * duals
        asks: list[Ask] = [(index, rows.prices(asked, index), flags[index]) for index in scope.days]
        answers = pricer(asks, WORTH, KEEP, labels)
        least = np.array([a.least if a.least is not None else min([0.0, *a.costs[:1]]) for a in answers])
        exact = all(answer.least is not None for answer in answers)
        bound = rows.bound(asked, least)
        if bound > best:
            best, centre = bound, asked
        if exact and claims and (made.bound is None or bound > made.bound):
            made.bound = bound
            told(bound)
        found = [columns.add(index, a.nodes) for index, a in zip(scope.days, answers, strict=True)]
        fresh = np.concatenate([np.zeros(0, np.int64), *found])
        worth = bool((relaxed.reduced(fresh, duals) < WORTH).any())
        relaxed.add(fresh)
        if worth:
            value, duals = relaxed.solve()
            made.which, made.duals, made.relaxed = relaxed.inside, duals, value
            smooth = SMOOTH
        elif smooth > 0:
            smooth = 0.0 if smooth < 0.3 else smooth / 3
        elif labels < MOST_LABELS and not exact:
            labels = MOST_LABELS
        else:
            made.done = True
            break
        if made.bound is not None and value - made.bound < 0.5:
            made.done = True
            break
    return made
