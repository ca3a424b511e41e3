"""Dates of the doses not given yet, one after the other, without amounts or minutes.

Pure date rules (house rules H1 to H7): the calendar, the proposals, the monitoring and the switch all walk
the same way, so that no two of them can disagree about a date.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from scheduling.rules.amounts import parameter
from scheduling.rules.intervals import Interval, add_months, due_after, earliest_after
from scheduling.rules.orders import HIGHEST_NUMBER, Given, Hold, Order
from scheduling.rules.regimen import Regimen, Step, Window


class Slot(NamedTuple):
    """One dose not given yet.

    `rule_on` is anchor plus interval; `due_on` the later of it and the floor; `possible_on` the first day not
    before today and outside every hold that ends; `planned_on` the same, None inside a hold without an end.
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


class _Pace(NamedTuple):
    """What one step asks for, worked out once for all the doses it covers."""

    step: Step
    interval: Interval
    months: int
    days: timedelta
    separation: Interval
    separation_days: timedelta

    @classmethod
    def of(cls, regimen: Regimen, step: Step, order: Order) -> _Pace:
        interval = step_interval(regimen, step, order)
        separation = step.min_separation.interval if step.min_separation is not None else Interval()
        return cls(
            step,
            interval,
            interval.months,
            timedelta(days=interval.length_days),
            separation,
            timedelta(days=separation.length_days),
        )

    def floor_after(self, previous_on: date) -> date:
        """The first day this step's minimum separation allows."""
        if self.separation.months:
            return earliest_after(previous_on, self.separation)
        return previous_on + self.separation_days


class _Anchor:
    """The dose the next one counts from, and how many months have been counted from it (house rule H3).

    Number 0 is the start date. Months are counted from one day as long as every dose falls on its rule date.
    """

    __slots__ = ("months", "number", "on")

    def __init__(self, on: date, number: int) -> None:
        self.on, self.number, self.months = on, number, 0

    def move_to(self, on: date, number: int) -> None:
        self.on, self.number, self.months = on, number, 0

    def next_rule_on(self, pace: _Pace) -> date:
        """The next rule date: one interval further on."""
        if pace.months:
            self.months += pace.months
            return add_months(self.on, self.months)
        return self.on + pace.days


def window_around(
    due_on: date, floor_on: date | None, window: Window | None
) -> tuple[date | None, date | None]:
    """First and last day of the window, both included; it never opens before the floor (house rule H7)."""
    if window is None:
        return None, None
    opens_on = due_on - window.before
    if floor_on is not None and floor_on > opens_on:
        opens_on = floor_on
    return opens_on, due_on + window.after


def first_infusion_on(order: Order, given: tuple[Given, ...]) -> date:
    """The day of dose 1; the start date stands for it when it is not listed (house rule H4)."""
    return given[0].on if given and given[0].number == 1 else order.start_on


def project(regimen: Regimen, order: Order, given: tuple[Given, ...], as_of: date) -> Iterator[Slot]:
    """Every dose after the last one given, as far as the regimen has rules.

    `given` is sorted and checked (`orders.check_history`). Walks on through a hold without an end, from the
    day the dose would have had: who lists doses stops there, who only needs a floor does not.
    Months are counted from the last re-anchor day (house rule H3): 31 Aug, 28 Feb, 31 Aug again.
    """
    number = given[-1].number + 1 if given else 1
    previous_on = given[-1].on if given else None
    first_on = first_infusion_on(order, given)
    anchor = _Anchor(previous_on or order.start_on, number - 1)
    pace = None
    while number <= HIGHEST_NUMBER and (step := regimen.step(number)) is not None:
        if pace is None or pace.step is not step:
            pace = _Pace.of(regimen, step, order)
            if step.anchor == "dose_1":
                anchor.move_to(first_on, 1)
            elif anchor.months and not pace.months:  # the unit changes: days count from the dose itself
                anchor.move_to(previous_on or order.start_on, number - 1)
        rule_on = anchor.next_rule_on(pace)
        floor_on = pace.floor_after(previous_on) if previous_on is not None else None
        due_on = rule_on if floor_on is None or floor_on <= rule_on else floor_on
        overdue = as_of > due_on  # the first at most: the floor of every later one is not before today
        possible_on = as_of if overdue else due_on
        if order.holds:
            possible_on = after_holds(possible_on, order.holds)
        yield Slot(
            number,
            step,
            anchor.number,
            anchor.on,
            Interval(anchor.months) if anchor.months else pace.interval,
            rule_on,
            previous_on,
            floor_on,
            due_on,
            *window_around(due_on, floor_on, step.window),
            overdue,
            possible_on,
            None if order.holds and held_without_end(possible_on, order.holds) else possible_on,
        )
        if number == 1:
            first_on = possible_on
        if not anchor.months or possible_on != rule_on:
            anchor.move_to(possible_on, number)
        previous_on, number = possible_on, number + 1


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
    """Pairs of listed doses with neighbouring numbers; the start date stands for a dose 1 nobody listed."""
    doses = given
    if given and given[0].number == 2:
        doses = (Given(1, order.start_on), *given)
    for earlier, later in pairwise(doses):
        if later.number == earlier.number + 1:
            yield earlier, later
