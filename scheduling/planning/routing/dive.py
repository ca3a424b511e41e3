"""From the relaxed plan to whole routes: the surest are held, the others priced again, until all are whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scheduling.planning.routing.generate import Generator
from scheduling.planning.routing.table import Whole

SURE = 0.9  # taken at least so much, a column is held
AT_ONCE = 0.08  # of the nurse-days, held in one step beside the sure ones
ROUNDS = 2  # of new columns after each step


def dive(maker: Generator, *, over: Callable[[], bool]) -> Whole | None:
    """Columns that make a plan, or None where the way down ended. `maker` knows more columns after it, and no less."""
    value, duals, centre = maker.value, maker.duals, maker.centre
    days, usable, done = maker.days, dict(maker.usable), maker.done
    found, held = _down(maker, over)
    maker.relaxed.hold(held, 0.0)
    maker.value, maker.duals, maker.centre, maker.days, maker.usable = value, duals, centre, days, usable
    maker.done = done
    return found


def _down(maker: Generator, over: Callable[[], bool]) -> tuple[Whole | None, Whole]:
    """What `dive` answers, and what is held by then (places in the master)."""
    relaxed, columns = maker.relaxed, maker.columns
    held = np.zeros(0, np.int64)
    while True:
        taken = relaxed.taken()
        if not relaxed.feasible():
            return None, held
        open_ones = np.nonzero(taken > 1e-6)[0]
        open_ones = open_ones[~np.isin(open_ones, held)]
        if not len(open_ones):
            return relaxed.inside[held], held
        order = open_ones[np.argsort(-taken[open_ones], kind="stable")]
        sure = order[taken[order] >= SURE]
        more = max(1, int(AT_ONCE * len(maker.scope.days)))
        step = order[: max(len(sure), more)]
        step = _compatible(maker, held, step)
        if not len(step):
            return None, held
        relaxed.hold(step, 1.0)
        held = np.concatenate((held, step))
        _close(maker, relaxed.inside[held], columns.day)
        maker.value, maker.duals = relaxed.solve()
        maker.centre = maker.duals
        if not relaxed.feasible():
            return None, held
        if (relaxed.taken() % 1 > 1e-6).any():
            maker.run(over=over, most=ROUNDS)


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
