"""Why a dose has its date, amount and minutes: sentences made from values, when somebody reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from scheduling.rules.amounts import parameter, surface_area_m2
from scheduling.rules.intervals import in_words
from scheduling.rules.regimen import Amount, MinutesRule, Sourced

if TYPE_CHECKING:
    from scheduling.rules.calendar import Dose


class Reason(NamedTuple):
    """One step of an explanation. `code` is stable; `basis` is label, label-eu, customary or decision."""

    code: str
    text: str
    inputs: Mapping[str, Any]
    source: str
    basis: str
    evidence: str = "seen"


def house(code: str, text: str, inputs: Mapping[str, Any], rule: str) -> Reason:
    """A reason that rests on a house rule."""
    return Reason(code, text, inputs, f"house rule {rule}", "decision")


def sourced(code: str, text: str, inputs: Mapping[str, Any], fact: Sourced) -> Reason:
    """A reason that rests on a fact of the regimen."""
    return Reason(code, text, inputs, fact.source, fact.basis, fact.evidence)


def of_dose(dose: Dose) -> tuple[Reason, ...]:
    """Every reason of one dose: its date first, then floor and window, amount, minutes and warnings."""
    return (
        *_date_reasons(dose),
        *_limit_reasons(dose),
        *_amount_reasons(dose),
        *_minutes_reasons(dose),
        *_warning_reasons(dose),
    )


def _anchor_words(number: int, on: date) -> str:
    return f"dose {number} ({in_words(on)})" if number else f"the start date ({in_words(on)})"


def _date_reasons(dose: Dose) -> Iterator[Reason]:
    slot = dose.why.slot
    anchor = _anchor_words(slot.anchor_number, slot.anchor_on)
    inputs = {
        "anchor_number": slot.anchor_number,
        "anchor_on": slot.anchor_on,
        "interval": str(slot.interval),
        "rule_on": slot.rule_on,
    }
    when = f"on {anchor}" if slot.rule_on == slot.anchor_on else f"{slot.interval} after {anchor}"
    yield sourced("RULE", f"Dose {dose.number} is due {when}: {in_words(slot.rule_on)}.", inputs, slot.step)
    if slot.due_on != slot.rule_on:
        yield house(
            "FLOOR_WINS",
            f"That is before the minimum separation has passed, so it is due on {in_words(slot.due_on)}.",
            {"rule_on": slot.rule_on, "floor_on": slot.floor_on},
            "H5",
        )
    moved_to = dose.why.as_of if slot.overdue else slot.due_on
    if slot.overdue:
        yield house(
            "OVERDUE",
            f"It was due on {in_words(slot.due_on)} and is not given; the first possible day is "
            f"{in_words(dose.why.as_of)}.",
            {"due_on": slot.due_on, "as_of": dose.why.as_of},
            "H6",
        )
    if slot.possible_on != moved_to:
        yield house(
            "HOLD",
            f"A hold covers {in_words(moved_to)}; it clears on {in_words(slot.possible_on)}.",
            {"from": moved_to, "clears_on": slot.possible_on},
            "H6",
        )
    if slot.planned_on is None:
        yield house(
            "ON_HOLD",
            "A hold without an end covers this dose; it cannot be planned until the hold ends.",
            {"possible_on": slot.possible_on},
            "H6",
        )


def _limit_reasons(dose: Dose) -> Iterator[Reason]:
    slot = dose.why.slot
    separation, window = slot.step.min_separation, slot.step.window
    if slot.floor_on is not None:
        assert separation is not None
        assert slot.previous_on is not None
        yield sourced(
            "FLOOR",
            f"Not before {in_words(slot.floor_on)}: {separation.interval} after dose {dose.number - 1} "
            f"({in_words(slot.previous_on)}).",
            {
                "previous_on": slot.previous_on,
                "separation": str(separation.interval),
                "floor_on": slot.floor_on,
            },
            separation,
        )
    if window is not None:
        assert slot.window_start is not None
        assert slot.window_end is not None
        yield sourced(
            "WINDOW",
            f"Window {in_words(slot.window_start)} to {in_words(slot.window_end)}: {window.before_days} days "
            f"before and {window.after_days} days after the due date, never before the floor.",
            {"before_days": window.before_days, "after_days": window.after_days},
            window,
        )


def plain(value: Decimal) -> str:
    """A decimal as people write it: 22.5, 1000."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _amount_reasons(dose: Dose) -> Iterator[Reason]:
    amount, mg = dose.why.slot.step.amount, plain(dose.amount_mg)
    text, inputs = _amount_words(dose, amount, mg)
    yield sourced("AMOUNT", text, inputs, dose.why.slot.step)
    if "DOSE_CAPPED" in dose.flags:
        yield sourced(
            "DOSE_CAPPED",
            f"Cut to the largest single dose, {mg} mg.",
            {"max_mg": amount.max_mg},
            dose.why.slot.step,
        )
    cap = dose.why.regimen.cumulative_cap
    if cap is not None:
        assert dose.cumulative_mg_per_m2 is not None
        limit = parameter(dose.why.regimen, dose.why.order.parameters, cap.parameter)
        yield sourced(
            "CUMULATIVE",
            f"Lifetime total with it {plain(dose.cumulative_mg_per_m2)} mg/m2 of at most {plain(limit)}.",
            {"cumulative_mg_per_m2": dose.cumulative_mg_per_m2, "cap_mg_per_m2": limit},
            cap,
        )


def _amount_words(dose: Dose, amount: Amount, mg: str) -> tuple[str, dict[str, Any]]:
    order, regimen = dose.why.order, dose.why.regimen
    if amount.mg is not None:
        return f"{mg} mg, the same for everybody.", {"mg": dose.amount_mg}
    assert order.weight_kg is not None  # the amount could not have been worked out without
    if amount.mg_per_m2 is not None:
        assert order.height_cm is not None
        area = surface_area_m2(height_cm=order.height_cm, weight_kg=order.weight_kg)
        return (
            f"{plain(amount.mg_per_m2)} mg/m2 for {area} m2 ({plain(order.height_cm)} cm, "
            f"{plain(order.weight_kg)} kg): {mg} mg.",
            {"mg_per_m2": amount.mg_per_m2, "area_m2": area, "mg": dose.amount_mg},
        )
    g_per_kg = parameter(regimen, order.parameters, amount.g_per_kg)
    assert dose.amount_mg is not None
    grams = plain(dose.amount_mg / 1000)
    return (
        f"{plain(g_per_kg)} g/kg for {plain(order.weight_kg)} kg, rounded to whole packs: {grams} g.",
        {"g_per_kg": g_per_kg, "weight_kg": order.weight_kg, "mg": dose.amount_mg},
    )


_CONDITION = {
    "always": "",
    "dose_number_at_most": " because this is one of the first {limit} doses",
    "any_prior_reaction_at_least": " because an earlier reaction was {grade} or worse",
    "months_since_previous_dose_at_least": " because {limit} months or more passed since the previous dose",
    "infusions_since_start_or_restart_at_most": " for the first {limit} infusions after a start or restart",
}


# The same conditions, for the rules that were looked at first and did not apply.
_EXCEPTION = {
    "dose_number_at_most": "one of the first {limit} doses",
    "any_prior_reaction_at_least": "an earlier reaction that was {grade} or worse",
    "months_since_previous_dose_at_least": "{limit} months since the previous dose",
    "infusions_since_start_or_restart_at_most": "the first {limit} infusions after a start or restart",
}


def _minutes_words(rule: MinutesRule, rules: tuple[MinutesRule, ...], minutes: int, what: str) -> str:
    if rule.condition == "dose_number_at_most" and rule.limit == 1:
        because = " because this is the first dose"
    else:
        because = _filled(_CONDITION, rule)
    exceptions = [_filled(_EXCEPTION, other) for other in rules if other.condition != "always"]
    if rule.condition == "always" and exceptions:
        because = f"; none of these asks for another length: {', '.join(exceptions)}"
    return f"{what} {minutes} minutes{because}."


def _filled(words: Mapping[str, str], rule: MinutesRule) -> str:
    return words[rule.condition].format(limit=rule.limit, grade=rule.grade.replace("_", "-"))


def _minutes_reasons(dose: Dose) -> Iterator[Reason]:
    infusion, observation = dose.why.infusion, dose.why.observation
    regimen = dose.why.regimen
    text = _minutes_words(infusion, regimen.infusion, dose.minutes.infusion, "Infusion")
    yield sourced("INFUSION_MINUTES", text, {"minutes": dose.minutes.infusion}, infusion)
    text = _minutes_words(observation, regimen.observation, dose.minutes.observation, "Observation")
    yield sourced("OBSERVATION_MINUTES", text, {"minutes": dose.minutes.observation}, observation)
    length = regimen.visit_length
    yield sourced(
        "VISIT_MINUTES",
        f"The whole visit takes {dose.minutes.total} minutes: {dose.minutes.preparation} to prepare, "
        f"the infusion, the observation and {dose.minutes.wrap_up} to finish.",
        {"total": dose.minutes.total, "preparation": dose.minutes.preparation},
        length,
    )


def _warning_reasons(dose: Dose) -> Iterator[Reason]:
    restart = dose.why.regimen.restart
    if "RESTART_REVIEW" in dose.flags:
        assert restart is not None
        assert dose.why.slot.previous_on is not None
        yield sourced(
            "RESTART_REVIEW",
            f"{restart.gap} or more since the previous dose ({in_words(dose.why.slot.previous_on)}): "
            f"the prescriber reviews the restart.",
            {"previous_on": dose.why.slot.previous_on, "gap": str(restart.gap)},
            restart,
        )
    expires_on = dose.why.order.expires_on
    if dose.needs_renewed_order:
        assert expires_on is not None
        text = f"The order ends on {in_words(expires_on)}; this dose needs a renewed order."
        yield Reason("ORDER_EXPIRED", text, {"expires_on": expires_on}, "the order", "decision")
