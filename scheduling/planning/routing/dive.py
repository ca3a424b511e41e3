"""From the relaxed plan to whole routes: the surest are held and the others priced again, until few are left."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scheduling.planning.routing.generate import Generator
from scheduling.planning.routing.table import Whole

LEAST = 1e-6  # taken less is not taken
SURE = 0.9  # taken at least so much, a column is held
LIKELY = 0.6  # or so much, where there are few sure ones
AT_ONCE = 0.08  # of the nurse-days
ROUNDS = 3  # of new columns after each step


def dive(maker: Generator, *, rest: int, over: Callable[[], bool]) -> Whole:
    """Columns that agree with one another, for all nurse-days but about `rest`: those are better chosen together.

    `maker` knows more columns after it, and no less.
    """
    kept = maker.value, maker.duals, maker.centre, maker.days, dict(maker.usable), maker.done
    held = np.zeros(0, np.int64)
    while not over() and maker.relaxed.feasible and len(maker.days) > rest:
        step = _step(maker, held)
        if not len(step):
            break
        maker.relaxed.hold(step, 1.0)
        held = np.concatenate((held, step))
        _close(maker, maker.relaxed.inside[held], maker.columns.day)
        maker.value, maker.duals = maker.relaxed.solve()
        maker.centre = maker.duals
        maker.run(over=over, most=ROUNDS)
    maker.relaxed.hold(held, 0.0)
    maker.value, maker.duals, maker.centre, maker.days, maker.usable, maker.done = kept
    return maker.relaxed.inside[held]


def _step(maker: Generator, held: Whole) -> Whole:
    """What to hold next (places in the master): the sure ones, else some likely ones, else the likeliest."""
    taken = maker.relaxed.taken()
    open_ones = np.nonzero(taken > LEAST)[0]
    open_ones = open_ones[~np.isin(open_ones, held)]
    order = open_ones[np.argsort(-taken[open_ones], kind="stable")]
    sure, likely = (int((taken[order] >= share).sum()) for share in (SURE, LIKELY))
    step = order[: max(sure, min(likely, int(AT_ONCE * len(maker.scope.days))), 1)]
    return _compatible(maker, held, step)


def _compatible(maker: Generator, held: Whole, step: Whole) -> Whole:
    """Of the step, in its order, those that share no nurse-day and no visit with another or with what is held."""
    columns, inside, none = maker.columns, maker.relaxed.inside, maker.table.visits
    days = set(columns.day[inside[held]].tolist())
    visits = set(columns.visits[inside[held]].reshape(-1).tolist()) - {none}
    good = []
    for at in step.tolist():
        row = inside[at]
        stops = set(columns.visits[row].tolist()) - {none}
        if int(columns.day[row]) in days or stops & visits:
            continue
        days.add(int(columns.day[row]))
        visits |= stops
        good.append(at)
    return np.array(good, np.int64)


def _close(maker: Generator, held: Whole, day: Whole) -> None:
    """What is held is priced no more, neither its nurse-days nor its visits."""
    gone = set(day[held].tolist())
    maker.days = [index for index in maker.days if index not in gone]
    served = np.zeros(maker.table.visits + 1, bool)
    served[maker.columns.visits[held].reshape(-1)] = True
    for index in maker.days:
        nodes = maker.table.days[index]
        pinned = np.arange(len(nodes.visit)) < len(nodes.pins)
        maker.usable[index] = maker.usable[index] & (pinned | ~served[nodes.visit])
