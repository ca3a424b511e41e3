"""The facts of one drug and schedule, as values. A fact file fills them; nothing here computes a date.

Every fact carries `source` (label and section, study, or house rule), `basis` (`label`, `label-eu`,
`customary`, `decision`) and `evidence` (`recalled` marks what a pharmacist should check first).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from scheduling.rules.intervals import Interval

GRADES = ("none", "mild", "moderate", "severe", "life_threatening")
REACTION_TYPES = ("hypersensitivity", "infusion_related", "non_allergic", "other")


@dataclass(frozen=True, kw_only=True)
class Sourced:
    """Where a fact is from, and how sure we are of it."""

    source: str
    basis: str
    evidence: str = "seen"
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much: `mg`, `mg_per_m2` of body surface, or g per kg named by a parameter. Exactly one is set."""

    mg: Decimal | None = None
    mg_per_m2: Decimal | None = None
    g_per_kg: str = ""
    round_to_mg: Decimal | None = None
    max_mg: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Separation(Sourced):
    """The least distance from the previous dose: before it, refused."""

    interval: Interval


@dataclass(frozen=True, kw_only=True)
class Window(Sourced):
    """Days before and after the due date, both included: outside it, a warning."""

    before_days: int
    after_days: int

    @cached_property
    def before(self) -> timedelta:
        return timedelta(days=self.before_days)

    @cached_property
    def after(self) -> timedelta:
        return timedelta(days=self.after_days)


@dataclass(frozen=True, kw_only=True)
class Step(Sourced):
    """The rule of the doses numbered `first` to `last` (None: and all that follow).

    `anchor` is `start_date`, `dose_1` or `previous_dose`. `interval_parameter` names the parameter that
    holds the interval in days, when the order may choose it.
    """

    first: int
    last: int | None
    label: str
    amount: Amount
    anchor: str
    interval: Interval
    interval_parameter: str = ""
    min_separation: Separation | None = None
    window: Window | None = None


@dataclass(frozen=True, kw_only=True)
class Course(Sourced):
    """Doses that belong together, given on consecutive days."""

    number: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class MinutesRule(Sourced):
    """One line of a minutes list; the first whose `condition` holds wins (house rule H12).

    `condition` is `always`, `dose_number_at_most`, `any_prior_reaction_at_least`,
    `months_since_previous_dose_at_least` or `infusions_since_start_or_restart_at_most`, with its `limit`.
    """

    condition: str
    limit: int = 0
    grade: str = ""
    minutes: int = 0
    schedule: str = ""


@dataclass(frozen=True, kw_only=True)
class RateStep:
    """One stage of an infusion by weight; `minutes` None means until the volume is in."""

    ml_per_kg_h: Decimal
    minutes: int | None


@dataclass(frozen=True, kw_only=True)
class Schedule(Sourced):
    """Named infusion speed: minutes by mg, or stages by weight for a dose in g/kg."""

    name: str
    rate: str
    minutes_by_mg: Mapping[Decimal, int]
    stages: tuple[RateStep, ...] = ()
    ml_per_g: Decimal = Decimal(0)
    round_up_to_minutes: int = 1


@dataclass(frozen=True, kw_only=True)
class RateText(Sourced):
    """The rate steps a nurse follows, as the label words them."""

    applies_to: str
    steps: str


@dataclass(frozen=True, kw_only=True)
class Premedication(Sourced):
    """`first_days_of_course` 0 means every infusion."""

    drug: str
    dose: str
    lead_minutes_min: int
    lead_minutes_max: int
    required: bool
    first_days_of_course: int = 0
    applies_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Advice(Sourced):
    """A sentence for people; no rule reads it."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Restart(Sourced):
    """From which gap on a restart needs a prescriber's review (house rule H15)."""

    gap: Interval
    text: str


@dataclass(frozen=True, kw_only=True)
class Prerequisite(Sourced):
    """Something that must be true before a dose.

    `when` is `before_first_dose`, `before_every_course`, `before_every_infusion` or `baseline_and_repeat`.
    """

    kind: str
    when: str
    valid_for: Interval | None
    repeat_every: Interval | None
    days_before: int | None
    blocks: bool


@dataclass(frozen=True, kw_only=True)
class MonitoringRule(Sourced):
    """One series of follow-up dates.

    `until` is `therapy_end`, `once`, `once_per_infusion`, `indefinite` or `months` (then `until_months`).
    """

    kind: str
    anchor: str
    first_after: Interval | None
    then_every: Interval | None
    until: str
    until_months: int = 0


@dataclass(frozen=True, kw_only=True)
class ContactRule(Sourced):
    """A call owed after a dose; `anchor` is `each_infusion` or `last_infusion_of_course`."""

    kind: str
    anchor: str
    days: int
    optional: bool


@dataclass(frozen=True, kw_only=True)
class SiteOfCare(Sourced):
    """`home` is `yes`, `conditional` or `no`; `flags` are standing facts about the site, not about a dose."""

    home: str
    flags: tuple[str, ...]
    text: str


@dataclass(frozen=True, kw_only=True)
class Parameter(Sourced):
    """A number the order may choose between `least` and `most`, both allowed."""

    name: str
    default: Decimal
    least: Decimal
    most: Decimal
    whole: bool


@dataclass(frozen=True, kw_only=True)
class CumulativeCap(Sourced):
    """Lifetime limit in mg/m2; `parameter` names the parameter that holds it."""

    parameter: str


@dataclass(frozen=True, kw_only=True)
class WeightRounding(Sourced):
    """Grams to the nearest `nearest_g`; when that is off by more than the tolerance, to `fallback_g`."""

    nearest_g: Decimal
    tolerance_percent: Decimal
    fallback_g: Decimal


@dataclass(frozen=True, kw_only=True)
class CourseFrequency(Sourced):
    """Warn when `most` courses started within `within_days` before this one."""

    most: int
    within_days: int


@dataclass(frozen=True, kw_only=True)
class ExtendedInterval(Sourced):
    """Months on the ordinary interval wanted first; intervals from `long_from_days` on count as extended."""

    months_at_least: int
    long_from_days: int


@dataclass(frozen=True, kw_only=True)
class VisitLength(Sourced):
    """Minutes every visit needs besides the infusion."""

    setup_minutes: int
    wrap_up_minutes: int


@dataclass(frozen=True, kw_only=True)
class Regimen:
    """The sourced rules of one drug and schedule. `digest` covers all facts but `verified`."""

    id: str
    version: int
    digest: str
    verified_by: str
    verified_on: str
    display_name: str
    generic: str
    brands: tuple[str, ...]
    route: str
    indication: str
    relapsing_only: bool
    label_status: str
    not_covered: str
    default_total_doses: int | None
    maintenance_from: int | None
    steps: tuple[Step, ...]
    courses: tuple[Course, ...]
    infusion: tuple[MinutesRule, ...]
    observation: tuple[MinutesRule, ...]
    pre_hydration_minutes: int
    schedules: Mapping[str, Schedule]
    rate_steps: tuple[RateText, ...]
    premedication: tuple[Premedication, ...]
    reactions: Mapping[str, Advice]
    stopping_reaction_types: tuple[str, ...]
    missed_dose: Advice
    restart: Restart | None
    prerequisites: tuple[Prerequisite, ...]
    monitoring: tuple[MonitoringRule, ...]
    contacts: tuple[ContactRule, ...]
    site_of_care: SiteOfCare
    parameters: Mapping[str, Parameter]
    cumulative_cap: CumulativeCap | None
    weight_rounding: WeightRounding | None
    course_frequency: CourseFrequency | None
    extended_interval: ExtendedInterval | None
    summary: Mapping[str, str]
    visit_length: VisitLength

    @cached_property
    def max_dose_number(self) -> int | None:
        """The last dose number that has a rule; None when doses may go on without end."""
        return self.steps[-1].last

    @cached_property
    def needs_weight(self) -> bool:
        """True when an amount depends on the weight."""
        return any(step.amount.mg is None for step in self.steps)

    @cached_property
    def needs_height(self) -> bool:
        """True when an amount depends on the body surface."""
        return any(step.amount.mg_per_m2 is not None for step in self.steps)

    @cached_property
    def _numbered(self) -> tuple[Step, ...]:
        """The step of each number up to the first of the last step."""
        return tuple(step for step in self.steps[:-1] for _ in range(step.first, (step.last or 0) + 1))

    def step(self, number: int) -> Step | None:
        """The rule of a dose number from 1; None beyond the last dose of a bounded regimen."""
        if number <= len(self._numbered):
            return self._numbered[number - 1]
        tail = self.steps[-1]
        return tail if tail.last is None or number <= tail.last else None

    @cached_property
    def memo(self) -> dict[Any, Any]:
        """Room for what other rules work out once from these facts alone; no answer depends on it."""
        return {}

    def goes_on_next_day(self, number: int) -> bool:
        """The next dose falls due on the day after this one: they are given as one course."""
        following = self.step(number + 1)
        return bool(
            following and following.anchor == "previous_dose" and following.interval == Interval(days=1)
        )

    def course_of(self, number: int) -> Course | None:
        """The course a dose belongs to; None for a regimen that has no courses."""
        for course in self.courses:
            if course.first <= number <= course.last:
                return course
        return None
