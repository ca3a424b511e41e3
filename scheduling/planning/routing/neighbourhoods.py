"""A few nurse-days planned again while the others stand still: which ones, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduling.planning.routing.columns import Columns
from scheduling.planning.routing.generate import Generator, here
from scheduling.planning.routing.master import Seconds, chosen
from scheduling.planning.routing.scope import Scope, part, usable
from scheduling.planning.routing.table import Table, Whole
from scheduling.planning.routing.timing import Routes, nurse_days

ROUNDS = 25  # of new columns in one neighbourhood
ENOUGH = 150.0  # seconds of cost: its prices need not be better than that
NEAR, NEAR_KEEP = 300.0, 60  # of the columns not in its master: most reduced cost, and how many a nurse-day
HANDED_BACK = 600.0  # reduced cost of the columns the others hear of
JITTER = 900  # seconds by which distances are disturbed, so that no two choices are alike

Known = tuple[tuple[int, NDArray[np.int64]], ...]  # nurse-day, its routes as rows of nodes


@dataclass(frozen=True, slots=True)
class Task:
    """`routes`: the plan as it stands. `known`: routes of these days worth trying. `prices`: of visits, a guess.
    `seconds`: for all of it; `nodes`: of the choice among whole routes. None has no end."""

    routes: Routes
    days: tuple[int, ...]
    nurse_cost: Whole
    seed: int
    hidden: tuple[int, ...] = ()  # visits that are left, and are another task's to serve
    prices: Seconds | None = None
    known: Known = ()
    seconds: float | None = None
    nodes: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`routes` of the task's days, no worse than they were. `prices` of its visits, NaN elsewhere."""

    days: tuple[int, ...]
    routes: Routes
    known: Known
    prices: Seconds
    proven: bool


def replan(table: Table, task: Task, *, over: Callable[[], bool], halted: Callable[[], bool]) -> Answer:
    """The same task gives the same answer, wherever it is worked on, as long as nothing cuts it short.

    `over` ends the pricing, after which the best of the routes found is chosen; `halted` ends that, too.
    """
    scope = part(table, task.routes, task.days, hidden=task.hidden)
    columns = Columns(table)
    start = columns.add_routes({i: task.routes[i] for i in task.days if i in task.routes})
    known = [columns.add(index, _allowed(table, scope, index, nodes)) for index, nodes in task.known]
    maker = Generator(table, scope, columns, start, pricer=here(table), seed=task.seed, prices=task.prices)
    if known:
        maker.relaxed.add(np.concatenate(known))
        maker.value, maker.duals = maker.relaxed.solve()
    maker.run(over=over, most=ROUNDS, enough=ENOUGH)  # leaves half of the time to the choice
    found = [start, maker.which]
    if maker.done:
        found.append(maker.cheap(NEAR, NEAR_KEEP)[0])
    which = np.unique(np.concatenate(found))
    best, proven = start, False
    if not halted():
        best, proven = chosen(
            maker.rows, columns, which, table.nurse_cost, start=start, seed=task.seed,
            seconds=None if task.seconds is None else task.seconds / 2, nodes=task.nodes, stopped=halted,
        )  # fmt: skip
    back = which[maker.relaxed.reduced(which, maker.duals) < HANDED_BACK]
    return Answer(
        days=task.days,
        routes=columns.routes(best),
        known=tuple((index, columns.nodes[back[columns.day[back] == index]]) for index in task.days),
        prices=maker.rows.collected(maker.duals),
        proven=proven,
    )


def _allowed(table: Table, scope: Scope, index: int, nodes: Whole) -> Whole:
    """Of these routes, those that stay within the scope: they come from other plans."""
    flags = np.append(usable(table, scope, index), True)  # padding is at -1
    allowed: Whole = nodes[flags[nodes].all(axis=1)]
    return allowed


def around(
    table: Table, routes: Routes, rng: np.random.Generator, size: int, *, but: Sequence[int] = ()
) -> tuple[int, ...]:
    """About `size` nurse-days near a visit, one that was left rather than one that is served.

    Of a period of several days either few nurses with all their days or more nurses on some days. `but`: not these.
    """
    where = nurse_days(table, routes)
    left = np.nonzero(where < 0)[0]
    free = np.setdiff1d(np.arange(len(table.days)), np.array(but, np.int64))
    if not len(free):
        return ()
    seed = (
        int(left[rng.integers(len(left))])
        if len(left) and rng.random() < 0.3
        else int(rng.integers(table.visits))
    )
    nurse = np.array([day.nurse for day in table.days], np.int64)
    on = np.array([day.day for day in table.days], np.int64)
    far = table.travel[table.visits :, seed] + rng.integers(0, JITTER, len(table.problem.nurses))
    days = np.unique(on)
    if len(days) > 1 and rng.random() < 0.6:
        several = int(rng.integers(1, min(3, len(days)) + 1))
        first = int(rng.integers(len(days)))
        chosen_days = days[(first + np.arange(several)) % len(days)]
        if where[seed] >= 0 and on[where[seed]] not in chosen_days:
            chosen_days[0] = on[where[seed]]
        free = free[np.isin(on[free], chosen_days)]
    order = free[np.lexsort((on[free], nurse[free], far[nurse[free]]))]
    return tuple(sorted(order[:size].tolist()))


def groups(table: Table, size: int) -> list[tuple[int, ...]]:
    """All nurse-days in groups of about `size`, of nurses who live beside one another."""
    homes = np.array([(nurse.home.lat, nurse.home.lon) for nurse in table.problem.nurses]).reshape(-1, 2)
    days: dict[int, list[int]] = {}
    for index, day in enumerate(table.days):
        days.setdefault(day.nurse, []).append(index)
    found: list[tuple[int, ...]] = []

    def split(nurses: list[int]) -> None:
        mine = [index for nurse in nurses for index in days[nurse]]
        if len(mine) <= size * 1.3 or len(nurses) < 2:
            found.append(tuple(sorted(mine)))
            return
        places = homes[nurses]
        wide = int(np.argmax(places.max(axis=0) - places.min(axis=0)))
        nurses = [nurses[at] for at in np.argsort(places[:, wide], kind="stable")]
        split(nurses[: len(nurses) // 2])
        split(nurses[len(nurses) // 2 :])

    split(sorted(days))
    return [group for group in found if group]
