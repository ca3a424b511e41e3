"""Minutes of premedication, infusion and observation, by dose, gap and reaction history (house rule H12)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from scheduling.rules.amounts import parameter
from scheduling.rules.intervals import add_months
from scheduling.rules.regimen import GRADES, MinutesRule, Premedication, Regimen, Schedule, Step


class Minutes(NamedTuple):
    """Whole minutes of each part of a visit, in the order they happen."""

    setup: int
    premedication: int
    prehydration: int
    infusion: int
    observation: int
    wrap_up: int

    @property
    def preparation(self) -> int:
        """Minutes in the home before the infusion starts."""
        return self.setup + self.premedication + self.prehydration

    @property
    def total(self) -> int:
        """Minutes of the whole visit."""
        return self.preparation + self.infusion + self.observation + self.wrap_up


class Situation(NamedTuple):
    """What a minutes rule may look at. `infusion_count` runs from the start or last restart."""

    number: int
    on: date
    previous_on: date | None
    worst_reaction: int
    infusion_count: int


def matches(rule: MinutesRule, situation: Situation) -> bool:
    """Whether the rule's condition holds for this dose."""
    if rule.condition == "always":
        return True
    if rule.condition == "dose_number_at_most":
        return situation.number <= rule.limit
    if rule.condition == "any_prior_reaction_at_least":
        return situation.worst_reaction >= GRADES.index(rule.grade)
    if rule.condition == "infusions_since_start_or_restart_at_most":
        return situation.infusion_count <= rule.limit
    previous_on = situation.previous_on
    return previous_on is not None and situation.on >= add_months(previous_on, rule.limit)


def first_match(rules: tuple[MinutesRule, ...], situation: Situation) -> MinutesRule:
    """The first rule that holds; a fact file always ends its list with one that has no condition."""
    return next(rule for rule in rules if matches(rule, situation))


def infusion_minutes(
    regimen: Regimen, rule: MinutesRule, step: Step, parameters: Mapping[str, Decimal]
) -> int:
    """Minutes of the infusion itself: the rule's own number, or its schedule applied to the dose."""
    if not rule.schedule:
        return rule.minutes
    schedule = regimen.schedules[rule.schedule]
    if step.amount.mg is not None:
        return schedule.minutes_by_mg[step.amount.mg]
    return minutes_by_weight(schedule, parameter(regimen, parameters, step.amount.g_per_kg))


def minutes_by_weight(schedule: Schedule, g_per_kg: Decimal) -> int:
    """Minutes until the volume is in, rounded up to the schedule's step.

    Uses the prescribed g/kg, not the rounded grams, so the body weight cancels out.
    """
    left_ml_kg = g_per_kg * schedule.ml_per_g
    minutes = Decimal(0)
    for stage in schedule.stages:
        needed = left_ml_kg * 60 / stage.ml_per_kg_h
        spent = needed if stage.minutes is None else min(needed, Decimal(stage.minutes))
        minutes += spent
        left_ml_kg -= stage.ml_per_kg_h * spent / 60
    unit = schedule.round_up_to_minutes
    return int((minutes / unit).to_integral_value(ROUND_CEILING)) * unit


def applies(premedication: Premedication, regimen: Regimen, number: int) -> bool:
    """Whether the premedication belongs to this dose: every infusion, or the first days of its course."""
    if not premedication.first_days_of_course:
        return True
    course = regimen.course_of(number)
    return course is not None and number - course.first < premedication.first_days_of_course


def premedication_lead(regimen: Regimen, number: int) -> int:
    """The longest lead of what is required before this dose; 0 when nothing is."""
    return max(
        (p.lead_minutes_min for p in regimen.premedication if p.required and applies(p, regimen, number)),
        default=0,
    )
