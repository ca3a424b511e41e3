"""Dates of the doses not given yet, one after the other, without amounts or minutes.

Pure date rules (house rules H1 to H7): the calendar, the proposals, the monitoring and the switch all walk
the same way, so that no two of them can disagree about a date.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from scheduling.rules.amounts import parameter
from scheduling.rules.intervals import Interval, add_months, due_after, earliest_after
from scheduling.rules.orders import HIGHEST_NUMBER, Given, Hold, Order
from scheduling.rules.regimen import Regimen, Step


class Slot(NamedTuple):
    """One dose not given yet.

    `rule_on` is anchor plus interval; `due_on` the later of it and the floor; `possible_on` the first day not
    before today and outside every hold that ends; `planned_on` the same, or None inside a hold without an end.
    `anchor_number` is 0 when the start date is the anchor; `months` counts from `anchor_on`, across doses.
    """

    number: int
    step: Step
    anchor_number: int
    anchor_on: date
    interval: Interval
    rule_on: date
    previous_on: date | None
    floor_on: date | None
    due_on: date
    window_start: date | None
    window_end: date | None
    overdue: bool
    possible_on: date
    planned_on: date | None


def after_holds(on: date, holds: tuple[Hold, ...]) -> date:
    """The first day from `on` that no hold with an end covers: one hold may clear into the next."""
    moved = True
    while moved:
        moved = False
        for hold in holds:
            if hold.clears_on is not None and hold.covers(on):
                on, moved = hold.clears_on, True
    return on


def held_without_end(on: date, holds: tuple[Hold, ...]) -> bool:
    """Whether a hold that nobody has ended yet covers the day."""
    return any(hold.clears_on is None and hold.covers(on) for hold in holds)


def step_interval(regimen: Regimen, step: Step, order: Order) -> Interval:
    """The step's interval, or the number of days the order chose for it."""
    if step.interval_parameter:
        return Interval(days=int(parameter(regimen, order.parameters, step.interval_parameter)))
    return step.interval


def first_infusion_on(order: Order, given: tuple[Given, ...]) -> date:
    """The day of dose 1; the start date stands for it when it is not listed (house rule H4)."""
    return given[0].on if given and given[0].number == 1 else order.start_on


def project(regimen: Regimen, order: Order, given: tuple[Given, ...], as_of: date) -> Iterator[Slot]:
    """Every dose after the last one given, as far as the regimen has rules.

    `given` is sorted and checked (`orders.check_history`). Walks on through a hold without an end, from the
    day the dose would have had: who lists doses stops there, who only needs a floor does not.
    Months are counted from the last re-anchor day (house rule H3): 31 Aug, 28 Feb, 31 Aug again.
    """
    start_on, holds = order.start_on, order.holds
    first_on = first_infusion_on(order, given)
    number = given[-1].number + 1 if given else 1
    previous_on = given[-1].on if given else None
    anchor_on, anchor_number, months = previous_on or start_on, number - 1, 0
    may_be_overdue = True
    while number <= HIGHEST_NUMBER and (step := regimen.step(number)) is not None:
        interval = step_interval(regimen, step, order)
        if step.anchor == "dose_1":
            anchor_on, anchor_number, months = first_on, 1, 0
        elif step.anchor == "start_date":
            anchor_on, anchor_number, months = start_on, 0, 0
        elif months and not interval.months:  # the unit changes: days count from the dose itself
            anchor_on, anchor_number, months = previous_on or start_on, number - 1, 0
        if interval.months:
            months += interval.months
            rule_on = add_months(anchor_on, months)
        else:
            rule_on = anchor_on + timedelta(days=interval.length_days)
        due_on, floor_on = rule_on, None
        if step.min_separation is not None and previous_on is not None:
            floor_on = earliest_after(previous_on, step.min_separation.interval)
            due_on = max(rule_on, floor_on)
        overdue = may_be_overdue and as_of > due_on
        possible_on = as_of if overdue else due_on
        held = False
        if holds:
            possible_on = after_holds(possible_on, holds)
            held = held_without_end(possible_on, holds)
        window_start = window_end = None
        if step.window is not None:
            window_start = due_on - step.window.before
            if floor_on is not None and floor_on > window_start:
                window_start = floor_on
            window_end = due_on + step.window.after
        yield Slot(
            number, step, anchor_number, anchor_on, Interval(months) if interval.months else interval,
            rule_on, previous_on, floor_on, due_on, window_start, window_end,
            overdue, possible_on, None if held else possible_on,
        )  # fmt: skip
        if number == 1:
            first_on = possible_on
        if possible_on != rule_on or not interval.months:
            anchor_on, anchor_number, months = possible_on, number, 0
        previous_on, number, may_be_overdue = possible_on, number + 1, False


def count_restarts_at(regimen: Regimen, order: Order, given: tuple[Given, ...]) -> int:
    """The dose from which infusions are counted: 1, or the first after the latest long gap (house rule H15).

    Only gaps between consecutive listed doses can be known; the start date stands for dose 1.
    """
    restarted_at = 1
    if regimen.restart is None:
        return restarted_at
    for earlier, later in consecutive(order, given):
        if later.on >= due_after(earlier.on, regimen.restart.gap):
            restarted_at = later.number
    return restarted_at


def consecutive(order: Order, given: tuple[Given, ...]) -> Iterator[tuple[Given, Given]]:
    """Pairs of listed doses with neighbouring numbers; the start date stands for dose 1 before a listed dose 2."""
    doses = given
    if given and given[0].number == 2:
        doses = (Given(1, order.start_on), *given)
    for earlier, later in zip(doses, doses[1:], strict=False):
        if later.number == earlier.number + 1:
            yield earlier, later
