"""The lifetime counter in mg/m2: it is compared with the cap, never the milligrams (house rule H21)."""

from __future__ import annotations

from decimal import Decimal

from scheduling.rules.amounts import parameter
from scheduling.rules.orders import Given, Order, total_doses
from scheduling.rules.regimen import Regimen


def cap_mg_per_m2(regimen: Regimen, order: Order) -> Decimal | None:
    """The cap this order is under; None for a regimen without one."""
    if regimen.cumulative_cap is None:
        return None
    return parameter(regimen, order.parameters, regimen.cumulative_cap.parameter)


def cumulative_mg_per_m2(regimen: Regimen, order: Order, given: tuple[Given, ...], number: int) -> Decimal:
    """mg/m2 of a lifetime with dose `number` included.

    Doses nobody listed count as prescribed: those in between always, those before the first listed one
    unless the exposure before it is stated.
    """
    listed = {dose.number: dose.mg_per_m2 for dose in given}
    stated = order.prior_cumulative_mg_per_m2
    first = given[0].number if given and stated is not None else 1
    total = stated or Decimal(0)
    for counted in range(first, number + 1):
        total += listed.get(counted) or _prescribed(regimen, counted)
    return total


def is_over(regimen: Regimen, order: Order, given: tuple[Given, ...], number: int) -> bool:
    """Whether dose `number` is beyond the order's total or the lifetime cap."""
    total = total_doses(regimen, order)
    if total is not None and number > total:
        return True
    cap = cap_mg_per_m2(regimen, order)
    return cap is not None and cumulative_mg_per_m2(regimen, order, given, number) > cap


def _prescribed(regimen: Regimen, number: int) -> Decimal:
    step = regimen.step(number)
    assert step is not None
    assert step.amount.mg_per_m2 is not None  # a fact file with a cap has amounts in mg/m2 only
    return step.amount.mg_per_m2
