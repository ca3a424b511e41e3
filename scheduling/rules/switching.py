"""From one regimen to another: the first day of the new drug, and its dates from there (house rule H20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import NamedTuple

from scheduling.rules.caps import is_over
from scheduling.rules.extended import long_enough
from scheduling.rules.intervals import Interval, due_after, earliest_after, in_words
from scheduling.rules.orders import Given, Order, check_day, check_history, check_order, stopping_reaction
from scheduling.rules.projection import project
from scheduling.rules.regimen import Regimen, Sourced


@dataclass(frozen=True, kw_only=True)
class SwitchRule(Sourced):
    """A line of the switch table. `anchor`: `last_dose`, `next_due_date_of_old_regimen`. `*`: any regimen."""

    from_ids: tuple[str, ...]
    to_ids: tuple[str, ...]
    anchor: str
    not_before: Interval | None
    advise_by: Interval | None


class SwitchResult(NamedTuple):
    """Days of the new regimen; `new_planned_dates` has None where a hold without an end stops it."""

    new_regimen_id: str
    start_not_before: date | None
    advise_start_by: date | None
    planned_start: date
    new_planned_dates: tuple[date | None, ...]
    flags: tuple[str, ...]
    text: str
    source: str


def find_rule(rules: Sequence[SwitchRule], from_id: str, to_id: str) -> SwitchRule | None:
    """The first line of the table for this pair; None when the table says nothing about it."""
    for rule in rules:
        if to_id in rule.to_ids and (from_id in rule.from_ids or "*" in rule.from_ids):
            return rule
    return None


def switch(
    regimen: Regimen,
    order: Order,
    history: Iterable[Given],
    to_regimen: Regimen,
    decision_on: date,
    as_of: date,
    doses: int,
    *,
    rules: Sequence[SwitchRule],
) -> SwitchResult:
    """The new drug starts on the later of the decision and the first day the table allows.

    Without a line in the table the prescriber sets the date: it starts on the day of the decision. The
    same drug under another regimen goes on at the new regimen's pace, and not at all after a reaction
    that ended it for good. Raises BadInput as `calendar.plan` does.
    """
    check_order(regimen, order)
    given = check_history(regimen, order, history, as_of)
    check_day(decision_on, "switch.decision_date")
    rule = find_rule(rules, regimen.id, to_regimen.id)
    not_before = advise_by = None
    anchor_on = _anchor_on(rule, regimen, order, given, as_of)
    if rule is not None and rule.not_before is not None and anchor_on is not None:
        not_before = due_after(anchor_on, rule.not_before)
        advise_by = due_after(anchor_on, rule.advise_by) if rule.advise_by is not None else None
    same_drug = regimen.generic == to_regimen.generic
    if same_drug and given:
        not_before = _goes_on(to_regimen, given)
    start_on = max(decision_on, not_before or decision_on)
    new_order = Order(
        start_on, holds=order.holds, prior_cumulative_mg_per_m2=order.prior_cumulative_mg_per_m2
    )
    barred = same_drug and stopping_reaction(regimen, given) is not None
    planned = () if barred else tuple(_new_dates(to_regimen, new_order, as_of, doses))
    flags = []
    if barred or _too_late(start_on, planned, advise_by):
        flags.append("PRESCRIBER_REVIEW")
    if (
        same_drug
        and to_regimen.extended_interval
        and not long_enough(to_regimen.extended_interval, order, given)
    ):
        flags.insert(0, "EID_BEFORE_12_MONTHS")
    text, source = _words(rule, not_before, start_on)
    if barred:
        text, source = "A reaction ended this drug for good; it is never given again.", "house rule H11"
    return SwitchResult(to_regimen.id, not_before, advise_by, start_on, planned, tuple(flags), text, source)


def _anchor_on(
    rule: SwitchRule | None, regimen: Regimen, order: Order, given: tuple[Given, ...], as_of: date
) -> date | None:
    if rule is None:
        return None
    if rule.anchor == "last_dose":
        return given[-1].on if given else None
    # the rule's own date, whether or not the old drug was stopped meanwhile
    following = next(project(regimen, order, given, as_of), None)
    return following.due_on if following else None


def _new_dates(regimen: Regimen, order: Order, as_of: date, doses: int) -> Iterator[date | None]:
    """Dates need no amount, so a missing weight does not stand in the way; total and lifetime cap do."""
    for slot in islice(project(regimen, order, (), as_of), doses):
        if is_over(regimen, order, (), slot.number):
            return
        yield slot.planned_on
        if slot.planned_on is None:
            return


def _goes_on(to_regimen: Regimen, given: tuple[Given, ...]) -> date:
    """The same drug goes on one interval of the new regimen after the last dose, never before its floor."""
    step = to_regimen.steps[-1]
    floor_on = (
        earliest_after(given[-1].on, step.min_separation.interval) if step.min_separation else given[-1].on
    )
    return max(due_after(given[-1].on, step.interval), floor_on)


def _too_late(start_on: date, planned: tuple[date | None, ...], advise_by: date | None) -> bool:
    """Past the advised day, or held beyond it: the old drug's protection ends whatever the reason."""
    if advise_by is None:
        return False
    first_on = planned[0] if planned else start_on
    return first_on is None or max(start_on, first_on) > advise_by


def _words(rule: SwitchRule | None, not_before: date | None, start_on: date) -> tuple[str, str]:
    if not_before is not None and rule is None:
        return (
            f"The same drug goes on from {in_words(not_before)}; planned from {in_words(start_on)}.",
            "house rule H4",
        )
    if rule is None or not_before is None:
        return (
            f"No fixed rule; the prescriber sets the date. Planned from {in_words(start_on)}.",
            "house rule H20",
        )
    return f"Not before {in_words(not_before)}; planned from {in_words(start_on)}.", rule.source
