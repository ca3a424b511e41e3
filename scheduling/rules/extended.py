"""How long the ordinary interval was kept before the extended one (fact: months on 4-weekly dosing)."""

from __future__ import annotations

from datetime import date

from scheduling.rules.intervals import add_months
from scheduling.rules.orders import Given, Order
from scheduling.rules.projection import consecutive, first_infusion_on
from scheduling.rules.regimen import ExtendedInterval


def ordinary_stretch(rule: ExtendedInterval, order: Order, given: tuple[Given, ...]) -> tuple[date, date]:
    """First infusion, and the last dose on the ordinary interval: where the unbroken run of long intervals
    that leads to the latest dose began. One late dose in the middle does not end the ordinary stretch."""
    first_on = first_infusion_on(order, given)
    last_on = given[-1].on if given else first_on
    for earlier, later in reversed(list(consecutive(order, given))):
        if later.on != last_on or (later.on - earlier.on).days < rule.long_from_days:
            break
        last_on = earlier.on
    return first_on, last_on


def long_enough(rule: ExtendedInterval, order: Order, given: tuple[Given, ...]) -> bool:
    """Whether the ordinary interval was kept for the months the extended one asks for."""
    first_on, last_on = ordinary_stretch(rule, order, given)
    return last_on >= add_months(first_on, rule.months_at_least)
