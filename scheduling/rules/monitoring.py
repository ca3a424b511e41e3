"""Tests and evaluations owed over time: one series of days a kind, and a course where courses count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import takewhile
from typing import NamedTuple

from scheduling.rules.caps import is_over
from scheduling.rules.intervals import LAST_DAY, Interval, add_months, due_after
from scheduling.rules.orders import (
    Given,
    Order,
    check_day,
    check_history,
    check_order,
    discontinued_on,
)
from scheduling.rules.projection import project
from scheduling.rules.regimen import MonitoringRule, Regimen

OPEN_ENDED_MONTHS = 24


class Series(NamedTuple):
    """The days of one kind, sorted and unique; `after_course` for a series that follows one course."""

    kind: str
    after_course: int | None
    dates: tuple[date, ...]
    source: str


class _Treatment(NamedTuple):
    """Doses given and to come, by number, and how the drug ends.

    `ended` is true when nothing follows the last of `doses`; `stopped_on` is the day the drug was stopped.
    """

    doses: Mapping[int, date]
    first_on: date
    stopped_on: date | None
    ended: bool
    horizon_on: date
    cut_on: date


def series(
    regimen: Regimen,
    order: Order,
    history: Iterable[Given],
    as_of: date,
    *,
    until: date | None = None,
    results: Iterable[tuple[str, date]] = (),
) -> tuple[Series, ...]:
    """Every kind of the regimen, past days included; `results` are (kind, day) already on file.

    Complete up to `until`. Without it an open-ended series stops 24 months after `as_of` and a bounded one
    runs to its end. A kind without a calendar has no dates. Raises BadInput as `calendar.plan` does.
    """
    check_order(regimen, order)
    given = check_history(regimen, order, history, as_of)
    if until is not None:
        check_day(until, "monitoring_until")
    treatment = _treatment(regimen, order, given, as_of, until)
    latest = dict(sorted(results))
    found: dict[tuple[str, int | None], tuple[set[date], str]] = {}
    for rule in regimen.monitoring:
        for course, days in _days(rule, regimen, treatment, latest):
            dates, _ = found.setdefault((rule.kind, course), (set(), rule.source))
            dates.update(days)
    return tuple(
        Series(kind, course, tuple(sorted(dates)), source)
        for (kind, course), (dates, source) in found.items()
    )


def _treatment(
    regimen: Regimen, order: Order, given: tuple[Given, ...], as_of: date, until: date | None
) -> _Treatment:
    """A bounded drug is followed to its last dose, an open-ended one to the horizon."""
    stopped_on = discontinued_on(regimen, order, given)
    horizon_on = until or add_months(as_of, OPEN_ENDED_MONTHS)
    last_on = LAST_DAY if regimen.max_dose_number is not None else horizon_on
    doses = {dose.number: dose.on for dose in given}
    first_on = doses.get(1, order.start_on)
    ended = stopped_on is not None
    if not ended:
        ended = True
        for slot in project(regimen, order, given, as_of):
            if slot.number == 1:
                first_on = slot.possible_on
            if is_over(regimen, order, given, slot.number):
                break
            if slot.planned_on is None or slot.planned_on > last_on:
                ended = False
                break
            doses[slot.number] = slot.planned_on
    return _Treatment(doses, first_on, stopped_on, ended, horizon_on, until or LAST_DAY)


def _days(
    rule: MonitoringRule, regimen: Regimen, treatment: _Treatment, latest: Mapping[str, date]
) -> Iterator[tuple[int | None, Iterable[date]]]:
    """(course, days) of one rule; a kind without a calendar gives no days, but is there."""
    if rule.anchor == "last_infusion_of_latest_course":
        yield from _after_each_course(rule, regimen, treatment)
    elif rule.anchor == "each_maintenance_dose":
        first = regimen.maintenance_from
        assert first is not None  # a fact file with this anchor says where maintenance starts
        yield (
            None,
            [on for number, on in treatment.doses.items() if number >= first and _wanted(on, treatment)],
        )
    elif rule.anchor == "each_infusion" and rule.first_after is not None:
        days = (due_after(on, rule.first_after) for on in treatment.doses.values())
        yield None, [on for on in days if on <= treatment.cut_on]
    else:
        yield None, _from_one_day(rule, _anchor_on(rule, treatment, latest), treatment)


def _wanted(on: date, treatment: _Treatment) -> bool:
    """Whether an open-ended series still runs on that day."""
    return on <= treatment.horizon_on and (treatment.stopped_on is None or on <= treatment.stopped_on)


def _anchor_on(rule: MonitoringRule, treatment: _Treatment, latest: Mapping[str, date]) -> date | None:
    if rule.anchor == "first_infusion":
        return treatment.first_on
    if rule.anchor == "discontinuation_date":
        return treatment.stopped_on
    if rule.anchor == "last_result_date":
        return latest.get(rule.kind)
    if rule.anchor == "last_dose" and treatment.ended and treatment.doses:
        return treatment.doses[max(treatment.doses)]
    return None


def _from_one_day(rule: MonitoringRule, anchor_on: date | None, treatment: _Treatment) -> Iterable[date]:
    if anchor_on is None or rule.first_after is None:
        return []
    if rule.until == "once":
        return [on for on in [due_after(anchor_on, rule.first_after)] if on <= treatment.cut_on]
    last_on = treatment.horizon_on
    if rule.until == "therapy_end" and treatment.stopped_on is not None:
        last_on = min(last_on, treatment.stopped_on)
    return _repeated(anchor_on, rule, last_on)


def _repeated(anchor_on: date, rule: MonitoringRule, last_on: date) -> Iterable[date]:
    """Multiples of the interval from the anchor, so that a month end does not drift (house rule H3)."""
    assert rule.first_after is not None
    if rule.then_every is None:
        return takewhile(lambda on: on <= last_on, [due_after(anchor_on, rule.first_after)])
    return takewhile(lambda on: on <= last_on, _endless(anchor_on, rule.first_after, rule.then_every))


def _endless(anchor_on: date, first: Interval, every: Interval) -> Iterator[date]:
    months, days = first.months, first.length_days
    while True:
        yield due_after(anchor_on, Interval(months, days=days))
        months, days = months + every.months, days + every.length_days


def _after_each_course(
    rule: MonitoringRule, regimen: Regimen, treatment: _Treatment
) -> Iterator[tuple[int, Iterable[date]]]:
    """Counted from the last infusion of each course; a later course cuts it (house rule H18).

    A pause inside a course is watched too, from the dose before it: a hold must not leave months without labs.
    """
    course_days: dict[int, list[date]] = {}
    for number, on in treatment.doses.items():
        course = regimen.course_of(number)
        assert course is not None  # a fact file with this anchor has courses for every dose
        course_days.setdefault(course.number, []).append(on)
    for course_number in range(1, max(course_days, default=1) + 1):
        infusions = course_days.get(course_number, [])
        following = [on for number, days in course_days.items() if number > course_number for on in days[:1]]
        until = [*infusions[1:], min(following, default=LAST_DAY)]
        yield (
            course_number,
            [
                on
                for anchor_on, next_on in zip(infusions, until, strict=False)
                for on in _repeated(
                    anchor_on, rule, min(add_months(anchor_on, rule.until_months), treatment.cut_on)
                )
                if on < next_on
            ],
        )
