"""(regimen, order, history, as-of day) -> the doses to come, each with its reasons.

A pure function of its arguments: no clock, no database. All days are local calendar days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from scheduling.rules import reasons
from scheduling.rules.amounts import amount_mg
from scheduling.rules.caps import cap_mg_per_m2, cumulative_mg_per_m2
from scheduling.rules.durations import (
    Minutes,
    Situation,
    first_match,
    infusion_minutes,
    premedication_lead,
)
from scheduling.rules.extended import long_enough, ordinary_stretch
from scheduling.rules.intervals import Interval, due_after, earliest_after, in_words
from scheduling.rules.orders import (
    Given,
    Hold,
    Order,
    check_history,
    check_order,
    discontinued_on,
    stopping_reaction,
    total_doses,
)
from scheduling.rules.prerequisites import required_for
from scheduling.rules.projection import (
    Slot,
    consecutive,
    count_restarts_at,
    first_infusion_on,
    project,
)
from scheduling.rules.reasons import Reason, plain
from scheduling.rules.regimen import GRADES, MinutesRule, Prerequisite, Regimen, Step

__all__ = ["FLAGS", "Calendar", "Dose", "Given", "Hold", "Minutes", "Order", "Reason", "plan"]

FLAGS = (
    "OVERDUE",
    "MISSED",
    "ON_HOLD",
    "MIN_SEPARATION_VIOLATION",
    "EARLY_OUTSIDE_WINDOW",
    "LATE_OUTSIDE_WINDOW",
    "RESTART_REVIEW",
    "DISCONTINUE_PERMANENT",
    "DISCONTINUED",
    "CAP_REACHED",
    "DOSE_CAPPED",
    "EID_BEFORE_12_MONTHS",
    "COURSE_FREQUENCY",
    "PRESCRIBER_REVIEW",
)


class Why(NamedTuple):
    """The values a dose's reasons are written from."""

    regimen: Regimen
    order: Order
    as_of: date
    slot: Slot
    infusion: MinutesRule
    observation: MinutesRule


class _Kind(NamedTuple):
    """What the number of a dose alone decides."""

    course: int | None
    gates: tuple[Prerequisite, ...]
    premedication_minutes: int


def _kind_of(regimen: Regimen, number: int) -> _Kind:
    """Worked out once a regimen: past the first dose and the courses, every number is alike."""
    alike_from = regimen.courses[-1].last + 1 if regimen.courses else 2
    key = ("kind", min(number, alike_from))
    kind: _Kind | None = regimen.memo.get(key)
    if kind is None:
        course = regimen.course_of(number)
        kind = regimen.memo[key] = _Kind(
            course.number if course else None,
            required_for(regimen, number),
            premedication_lead(regimen, number),
        )
    return kind


class Dose(NamedTuple):
    """One administration that falls due.

    `planned_on` is None inside a hold without an end; `floor_on` and the window are None for dose 1. `gates`
    are the prerequisites this dose needs.
    """

    number: int
    course: int | None
    label: str
    amount_mg: Decimal
    cumulative_mg_per_m2: Decimal | None
    due_on: date
    planned_on: date | None
    floor_on: date | None
    window_start: date | None
    window_end: date | None
    minutes: Minutes
    gates: tuple[Prerequisite, ...]
    flags: tuple[str, ...]
    needs_renewed_order: bool
    why: Why

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why this date, amount and length; written when read."""
        return reasons.of_dose(self)


class Calendar(NamedTuple):
    """The doses to come, and what is true of the whole order.

    `status` is active, on_hold, discontinued, completed or capped; `flags` are unique, in the order of FLAGS.
    """

    planned: tuple[Dose, ...]
    flags: tuple[str, ...]
    status: str
    notes: tuple[Reason, ...]


def plan(
    regimen: Regimen,
    order: Order,
    history: Iterable[Given],
    as_of: date,
    *,
    doses: int | None = None,
    until: date | None = None,
) -> Calendar:
    """`doses` doses to come, or every dose due up to `until` (included); both: whichever ends first.

    Raises BadInput naming the field for an order or history that contradicts the regimen, and for a missing
    height or weight when an amount has to be worked out. With neither limit nothing is listed; flags and
    status are still those of the next dose.
    """
    check_order(regimen, order)
    given = check_history(regimen, order, history, as_of)
    if doses is None and until is None:
        doses = 0
    return _Planner(regimen, order, given, as_of).calendar(doses, until)


class _Planner:
    """One call of `plan`: what is worked out once for all doses, and the flags as they are met."""

    def __init__(self, regimen: Regimen, order: Order, given: tuple[Given, ...], as_of: date) -> None:
        self.regimen, self.order, self.given, self.as_of = regimen, order, given, as_of
        self.restarted_at = count_restarts_at(regimen, order, given)
        self.worst_reaction = max((GRADES.index(dose.reaction) for dose in given), default=0)
        self.flags: set[str] = set()
        self.notes: list[Reason] = []
        self.total = total_doses(regimen, order)
        self.cap = cap_mg_per_m2(regimen, order)
        self.amounts: dict[int, tuple[Decimal, bool]] = {}
        # minutes depend on the facts alone unless the order chose its parameters
        self.minutes: dict[tuple[int, int, int, int], Minutes] = (
            {} if order.parameters else regimen.memo.setdefault("minutes", {})
        )
        gap = regimen.restart.gap if regimen.restart is not None else Interval()
        self.shortest_gap = timedelta(days=gap.months * 28 + gap.length_days)

    def calendar(self, doses: int | None, until: date | None) -> Calendar:
        self._flag_history()
        status = self._ended()
        planned: tuple[Dose, ...] = ()
        if status is None:
            planned = tuple(self._upcoming(doses, until))
            status = self._status_of_next(planned)
        flags = tuple(flag for flag in FLAGS if flag in self.flags) if self.flags else ()
        return Calendar(planned, flags, status, tuple(self.notes))

    def _ended(self) -> str | None:
        """`discontinued` or `completed` when no dose is to come at all."""
        stopped_on = discontinued_on(self.regimen, self.order, self.given)
        if stopped_on is not None:
            reaction = stopping_reaction(self.regimen, self.given)
            code = "DISCONTINUE_PERMANENT" if reaction else "DISCONTINUED"
            text = f"The drug was stopped on {in_words(stopped_on)}; no further dose is planned."
            if reaction:
                text = (
                    f"The reaction to dose {reaction.number} on {in_words(reaction.on)} ends this drug "
                    "for good; it is never given again."
                )
            self._note(code, text, {"stopped_on": stopped_on}, "H11" if reaction else "H16")
            return "discontinued"
        if self.given and self.total is not None and self.given[-1].number >= self.total:
            return "completed"
        return None

    def _status_of_next(self, planned: tuple[Dose, ...]) -> str:
        """What holds whatever number of doses was asked for.

        A hold without an end that covers today covers the next dose as well, whose flags are known by now.
        """
        if not planned:
            slot = next(project(self.regimen, self.order, self.given, self.as_of))
            if not self._within_cap(slot.number):
                return "capped"
            self.flags.update(self._date_flags(slot, self._after_long_gap(slot)))
        return "on_hold" if "ON_HOLD" in self.flags else "active"

    def _upcoming(self, doses: int | None, until: date | None) -> Iterator[Dose]:
        total, restarted_at, holds = self.total, self.restarted_at, self.order.holds
        for slot in islice(project(self.regimen, self.order, self.given, self.as_of), doses):
            if (total is not None and slot.number > total) or (until is not None and slot.due_on > until):
                return
            if not self._within_cap(slot.number):
                return
            long_gap = self._after_long_gap(slot)
            if long_gap:
                restarted_at = slot.number
            flags = self._date_flags(slot, long_gap) if long_gap or slot.overdue or holds else ()
            yield self._dose(slot, flags, restarted_at)
            if slot.planned_on is None:
                return

    def _date_flags(self, slot: Slot, long_gap: bool) -> tuple[str, ...]:
        flags: tuple[str, ...] = ()
        if slot.overdue:
            flags = ("OVERDUE",)
            if slot.window_end is None or self.as_of > slot.window_end:
                flags = ("OVERDUE", "MISSED")
        if slot.planned_on is None:
            flags = (*flags, "ON_HOLD")
        elif long_gap:
            flags = (*flags, "RESTART_REVIEW")
        return flags

    def _after_long_gap(self, slot: Slot) -> bool:
        restart, previous_on = self.regimen.restart, slot.previous_on
        if restart is None or previous_on is None or slot.possible_on - previous_on < self.shortest_gap:
            return False
        return slot.possible_on >= due_after(previous_on, restart.gap)

    def _dose(self, slot: Slot, flags: tuple[str, ...], restarted_at: int) -> Dose:
        regimen, order, step, number = self.regimen, self.order, slot.step, slot.number
        kind = _kind_of(regimen, number)
        situation = Situation(
            number, slot.possible_on, slot.previous_on, self.worst_reaction, number - restarted_at + 1
        )
        infusion = first_match(regimen.infusion, situation)
        observation = first_match(regimen.observation, situation)
        key = (kind.premedication_minutes, id(infusion), id(observation), id(step))
        minutes = self.minutes.get(key)
        if minutes is None:
            minutes = self.minutes[key] = self._minutes(kind, infusion, observation, step)
        mg = step.amount.mg
        if mg is None:
            mg, cut = self._measured(step)
            if cut:
                flags = (*flags, "DOSE_CAPPED")
        if flags:
            self.flags.update(flags)
        return Dose(
            number,
            kind.course,
            step.label,
            mg,
            None if self.cap is None else cumulative_mg_per_m2(regimen, order, self.given, number),
            slot.due_on,
            slot.planned_on,
            slot.floor_on,
            slot.window_start,
            slot.window_end,
            minutes,
            kind.gates,
            flags,
            # an overdue dose that was due in time still cannot be given after the order ended
            order.expires_on is not None and slot.possible_on > order.expires_on,
            Why(regimen, order, self.as_of, slot, infusion, observation),
        )

    def _minutes(self, kind: _Kind, infusion: MinutesRule, observation: MinutesRule, step: Step) -> Minutes:
        regimen = self.regimen
        return Minutes(
            regimen.visit_length.setup_minutes,
            kind.premedication_minutes,
            regimen.pre_hydration_minutes,
            infusion_minutes(regimen, infusion, step, self.order.parameters),
            observation.minutes,
            regimen.visit_length.wrap_up_minutes,
        )

    def _measured(self, step: Step) -> tuple[Decimal, bool]:
        """The amount by weight or surface: the same for every dose of a step, so worked out once a call."""
        found = self.amounts.get(step.first)
        if found is None:
            found = self.amounts[step.first] = amount_mg(
                self.regimen,
                step.amount,
                parameters=self.order.parameters,
                height_cm=self.order.height_cm,
                weight_kg=self.order.weight_kg,
            )
        return found

    def _within_cap(self, number: int) -> bool:
        if self.cap is None:
            return True
        would_be = cumulative_mg_per_m2(self.regimen, self.order, self.given, number)
        if would_be <= self.cap:
            return True
        assert self.regimen.cumulative_cap is not None
        if "CAP_REACHED" not in self.flags:
            self.flags.add("CAP_REACHED")
            text = (
                f"Dose {number} would bring the lifetime total to {plain(would_be)} mg/m2, above "
                f"{plain(self.cap)} mg/m2; it is not planned."
            )
            inputs = {"cap_mg_per_m2": self.cap, "would_be_mg_per_m2": would_be}
            self.notes.append(reasons.sourced("CAP_REACHED", text, inputs, self.regimen.cumulative_cap))
        return False

    def _note(self, code: str, text: str, inputs: dict[str, object], rule: str) -> None:
        self.flags.add(code)
        self.notes.append(reasons.house(code, text, inputs, rule))

    def _flag_history(self) -> None:
        for earlier, later in consecutive(self.order, self.given):
            step = self.regimen.step(later.number)
            assert step is not None
            assert step.min_separation is not None  # every dose but dose 1 has one
            floor_on = earliest_after(earlier.on, step.min_separation.interval)
            if later.on < floor_on:
                text = (
                    f"Dose {later.number} was given on {in_words(later.on)}, before {in_words(floor_on)}, "
                    f"{step.min_separation.interval} after dose {earlier.number}."
                )
                self._note("MIN_SEPARATION_VIOLATION", text, {"on": later.on, "floor_on": floor_on}, "H10")
        if self.regimen.extended_interval is not None:
            self._flag_extended_interval(self.regimen.extended_interval.months_at_least)
        if self.regimen.course_frequency is not None:
            self._flag_course_frequency(self.regimen.course_frequency.most)

    def _flag_extended_interval(self, months: int) -> None:
        rule = self.regimen.extended_interval
        assert rule is not None
        first_on, last_on = ordinary_stretch(rule, self.order, self.given)
        if not long_enough(rule, self.order, self.given):
            text = (
                f"Fewer than {months} months on the 4-weekly interval, from {in_words(first_on)} "
                f"to {in_words(last_on)}."
            )
            self.flags.add("EID_BEFORE_12_MONTHS")
            inputs = {"first_on": first_on, "last_on": last_on}
            self.notes.append(reasons.sourced("EID_BEFORE_12_MONTHS", text, inputs, rule))

    def _flag_course_frequency(self, most: int) -> None:
        rule = self.regimen.course_frequency
        assert rule is not None
        start_on = first_infusion_on(self.order, self.given)
        if not self.given and self.order.discontinued_on is None:
            first = next(project(self.regimen, self.order, (), self.as_of))
            start_on = first.planned_on or first.due_on
        recent = [on for on in self.order.prior_course_starts if 0 < (start_on - on).days <= rule.within_days]
        if len(recent) >= most:
            text = (
                f"{len(recent)} courses started in the {rule.within_days} days before {in_words(start_on)}; "
                "the prescriber confirms another."
            )
            self.flags.add("COURSE_FREQUENCY")
            self.notes.append(reasons.sourced("COURSE_FREQUENCY", text, {"start_on": start_on}, rule))
