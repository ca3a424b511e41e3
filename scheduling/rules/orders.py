"""What a calendar is made from: order, doses given and holds; and what can only be a mistake in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from scheduling.rules.amounts import check_plausible
from scheduling.rules.errors import BadInput
from scheduling.rules.intervals import FIRST_DAY, LAST_DAY, in_words
from scheduling.rules.regimen import GRADES, REACTION_TYPES, Regimen

_NO_PARAMETERS: Mapping[str, Decimal] = MappingProxyType({})
# Not clinical: what is higher is a typing error, and no projection walks further.
HIGHEST_GIVEN = 1000
HIGHEST_NUMBER = 3000


class Given(NamedTuple):
    """A dose that was really given, on a local calendar day."""

    number: int
    on: date
    reaction: str = "none"
    reaction_type: str | None = None
    mg_per_m2: Decimal | None = None


class Hold(NamedTuple):
    """No dosing on `starts_on <= day < clears_on`; None means nobody knows yet when it ends."""

    starts_on: date
    clears_on: date | None = None
    reason: str = ""

    def covers(self, on: date) -> bool:
        """Whether the day is inside; dosing is allowed on the day it clears."""
        return self.starts_on <= on and (self.clears_on is None or on < self.clears_on)


class Order(NamedTuple):
    """One patient's order. `start_on` is the day of dose 1, or stands for it (house rule H4)."""

    start_on: date
    expires_on: date | None = None
    total_doses: int | None = None
    parameters: Mapping[str, Decimal] = _NO_PARAMETERS
    height_cm: Decimal | None = None
    weight_kg: Decimal | None = None
    prior_cumulative_mg_per_m2: Decimal | None = None
    prior_course_starts: tuple[date, ...] = ()
    holds: tuple[Hold, ...] = ()
    discontinued_on: date | None = None


def check_day(on: date, field: str) -> None:
    """Raises BadInput for a day no patient of ours can have."""
    if not FIRST_DAY <= on <= LAST_DAY:
        raise BadInput(f"{on.isoformat()} is not between the years 1900 and 2200", field=field)


def check_order(regimen: Regimen, order: Order) -> None:
    """Raises BadInput naming the field that contradicts the regimen or can only be a typing error."""
    check_day(order.start_on, "start_date")
    check_plausible(height_cm=order.height_cm, weight_kg=order.weight_kg)
    if order.discontinued_on is not None:
        check_day(order.discontinued_on, "discontinued_on")
    prior = order.prior_cumulative_mg_per_m2
    if prior is not None and not 0 <= prior <= 1000:
        raise BadInput(f"{prior} mg/m2 is not between 0 and 1000", field="prior_cumulative_mg_per_m2")
    _check_total(regimen, order.total_doses)
    for name, value in order.parameters.items():
        _check_parameter(regimen, name, value)
    for index, hold in enumerate(order.holds):
        _check_hold(hold, f"holds[{index}]")


def _check_total(regimen: Regimen, total: int | None) -> None:
    if total is None:
        return
    most = regimen.max_dose_number or HIGHEST_NUMBER
    if not 1 <= total <= most:
        raise BadInput(f"{total} is not between 1 and {most} doses", field="total_doses")


def _check_parameter(regimen: Regimen, name: str, value: Decimal) -> None:
    field = f"parameters.{name}"
    known = regimen.parameters.get(name)
    if known is None:
        raise BadInput(f"{regimen.id} has no such parameter", field=field)
    if not known.least <= value <= known.most:
        raise BadInput(f"{value} is not between {known.least} and {known.most}", field=field)
    if known.whole and value != value.to_integral_value():
        raise BadInput(f"{value} is not a whole number", field=field)


def _check_hold(hold: Hold, field: str) -> None:
    check_day(hold.starts_on, f"{field}.from")
    if hold.clears_on is None:
        return
    check_day(hold.clears_on, f"{field}.clear_date")
    if hold.clears_on <= hold.starts_on:
        raise BadInput(
            f"{in_words(hold.clears_on)} is not after the day the hold starts, {in_words(hold.starts_on)}",
            field=f"{field}.clear_date",
        )


def check_history(regimen: Regimen, order: Order, history: Iterable[Given], as_of: date) -> tuple[Given, ...]:
    """The doses given, by number. Raises BadInput naming `history[i]` for what cannot have happened.

    Two doses on one day can have happened, and are flagged elsewhere; they are not refused.
    """
    check_day(as_of, "as_of")
    listed = sorted(enumerate(history), key=lambda pair: pair[1].number)
    previous: Given | None = None
    for index, given in listed:
        _check_given(regimen, given, as_of, f"history[{index}]")
        if previous is None:
            if given.number > 1 and given.on < order.start_on:
                raise BadInput(
                    f"{in_words(given.on)} is before the start, {in_words(order.start_on)}",
                    field=f"history[{index}].date",
                )
        elif given.number == previous.number:
            raise BadInput(f"dose {given.number} is listed twice", field=f"history[{index}].dose_number")
        elif given.on < previous.on:
            raise BadInput(
                f"{in_words(given.on)} is before dose {previous.number}, {in_words(previous.on)}",
                field=f"history[{index}].date",
            )
        previous = given
    return tuple(given for _, given in listed)


def _check_given(regimen: Regimen, given: Given, as_of: date, field: str) -> None:
    if not 1 <= given.number <= HIGHEST_GIVEN or regimen.step(given.number) is None:
        raise BadInput(f"{regimen.id} has no dose {given.number}", field=f"{field}.dose_number")
    check_day(given.on, f"{field}.date")
    if given.on > as_of:
        raise BadInput(
            f"{in_words(given.on)} is after {in_words(as_of)}, the day the calendar is made for",
            field=f"{field}.date",
        )
    if given.reaction not in GRADES:
        raise BadInput(f"{given.reaction!r} is not one of {', '.join(GRADES)}", field=f"{field}.reaction")
    if given.reaction_type is not None and given.reaction_type not in REACTION_TYPES:
        # A misspelt hypersensitivity must not pass for a harmless reaction.
        raise BadInput(
            f"{given.reaction_type!r} is not one of {', '.join(REACTION_TYPES)}",
            field=f"{field}.reaction_type",
        )
    if given.mg_per_m2 is not None and not 0 < given.mg_per_m2 <= 1000:
        raise BadInput(
            f"{given.mg_per_m2} mg/m2 is not more than 0 and at most 1000", field=f"{field}.dose_mg_per_m2"
        )


def total_doses(regimen: Regimen, order: Order) -> int | None:
    """How many doses the order is for; None when it goes on."""
    return order.total_doses if order.total_doses is not None else regimen.default_total_doses


def stopping_reaction(regimen: Regimen, given: tuple[Given, ...]) -> Given | None:
    """The first dose whose reaction ends the drug for good (house rule H11); None when there is none."""
    for dose in given:
        if dose.reaction == "life_threatening" or dose.reaction_type in regimen.stopping_reaction_types:
            return dose
    return None


def discontinued_on(regimen: Regimen, order: Order, given: tuple[Given, ...]) -> date | None:
    """The day the drug was stopped: as recorded, else the day of the reaction that stopped it."""
    if order.discontinued_on is not None:
        return order.discontinued_on
    stopped_by = stopping_reaction(regimen, given)
    return stopped_by.on if stopped_by else None
