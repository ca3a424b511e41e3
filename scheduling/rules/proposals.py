"""May this dose be given on that day? Refuse, warn or accept, with the first day that is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from scheduling.rules.caps import cap_mg_per_m2, cumulative_mg_per_m2
from scheduling.rules.errors import BadInput
from scheduling.rules.intervals import in_words
from scheduling.rules.orders import (
    Given,
    Order,
    check_day,
    check_history,
    check_order,
    discontinued_on,
    stopping_reaction,
    total_doses,
)
from scheduling.rules.projection import Slot, project
from scheduling.rules.reasons import plain
from scheduling.rules.regimen import Regimen

FURTHEST_AHEAD = 1000


class Proposal(NamedTuple):
    """`decision` is accept, warn or refuse. A refusal is absolute: no role and no reason makes it allowed."""

    decision: str
    code: str | None
    text: str
    earliest_allowed: date | None
    source: str


def check_date(
    regimen: Regimen, order: Order, history: Iterable[Given], as_of: date, *, number: int, on: date
) -> Proposal:
    """The decision about giving dose `number` on the day `on` (house rules H9, H11, H16, H19).

    Raises BadInput for a dose that was given already or that the regimen does not have.
    """
    check_order(regimen, order)
    given = check_history(regimen, order, history, as_of)
    check_day(on, "proposal.date")
    last = given[-1].number if given else 0
    if number <= last:
        raise BadInput(f"dose {number} was given already", field="proposal.dose_number")
    if number > last + FURTHEST_AHEAD:
        raise BadInput(
            f"dose {number} is more than {FURTHEST_AHEAD} doses ahead", field="proposal.dose_number"
        )
    if refusal := _never(regimen, order, given, number):
        return refusal
    slots = project(regimen, order, given, as_of)
    slot = next(slot for slot in slots if slot.number == number)
    return _against_dates(slot, order, on)


def _never(regimen: Regimen, order: Order, given: tuple[Given, ...], number: int) -> Proposal | None:
    """The refusal of a dose that no day makes possible."""
    if discontinued_on(regimen, order, given) is not None:
        code = "DISCONTINUE_PERMANENT" if stopping_reaction(regimen, given) else "DISCONTINUED"
        return Proposal(
            "refuse", code, "This drug was stopped; no further dose is given.", None, "house rule H16"
        )
    total = total_doses(regimen, order)
    if total is not None and number > total:
        text = f"The order is for {total} doses; there is no dose {number}."
        return Proposal("refuse", "SERIES_COMPLETE", text, None, "house rule H19")
    cap = cap_mg_per_m2(regimen, order)
    if cap is not None:
        assert regimen.cumulative_cap is not None
        would_be = cumulative_mg_per_m2(regimen, order, given, number)
        if would_be > cap:
            text = f"Dose {number} would make the lifetime total {plain(would_be)} mg/m2, above {plain(cap)}."
            return Proposal("refuse", "CAP_REACHED", text, None, regimen.cumulative_cap.source)
    return None


def _against_dates(slot: Slot, order: Order, on: date) -> Proposal:
    separation, floor_on = slot.step.min_separation, slot.floor_on
    if floor_on is not None and on < floor_on:
        assert separation is not None
        text = (
            f"{in_words(on)} is too early: {separation.interval} must pass after dose {slot.number - 1}. "
            f"The first day allowed is {in_words(floor_on)}."
        )
        return Proposal("refuse", "MIN_SEPARATION_VIOLATION", text, floor_on, separation.source)
    held = any(hold.covers(on) for hold in order.holds)
    beside = " A hold covers that day." if held else ""
    window = slot.step.window
    if window is not None:
        assert slot.window_start is not None
        assert slot.window_end is not None
        if on < slot.window_start:
            text = (
                f"{in_words(on)} is before the window, which opens on {in_words(slot.window_start)}.{beside}"
            )
            return Proposal("warn", "EARLY_OUTSIDE_WINDOW", text, floor_on, window.source)
        if on > slot.window_end:
            text = f"{in_words(on)} is after the window, which closed on {in_words(slot.window_end)}.{beside}"
            return Proposal("warn", "LATE_OUTSIDE_WINDOW", text, floor_on, window.source)
    if held:
        text = f"A hold covers {in_words(on)}; no dose is given until it ends."
        return Proposal("warn", "ON_HOLD", text, floor_on, "house rule H6")
    return Proposal("accept", None, f"{in_words(on)} is allowed.", floor_on, "house rule H9")
