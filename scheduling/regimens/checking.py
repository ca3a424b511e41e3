"""What only the whole fact file can show: numbers without gap or overlap, names that exist."""

from __future__ import annotations

from scheduling.regimens.tables import FactFileError
from scheduling.rules.regimen import GRADES, REACTION_TYPES, Regimen, Step


def check_whole(file: str, regimen: Regimen) -> None:
    """Raises FactFileError for a file whose tables do not fit together."""
    _check_numbers(file, regimen)
    _check_names(file, regimen)
    for name, rules in (("infusion", regimen.infusion), ("observation", regimen.observation)):
        if rules[-1].condition != "always" or any(rule.condition == "always" for rule in rules[:-1]):
            raise FactFileError(file, name, "the last rule, and only the last, has no condition")
    if any(rule.schedule for rule in regimen.observation):
        raise FactFileError(file, "observation", "has minutes, not a schedule")
    for grade in GRADES[1:]:
        if grade not in regimen.reactions:
            raise FactFileError(file, f"reactions.{grade}", "is missing")
    for name in regimen.reactions:
        if name not in (*GRADES[1:], *(f"{kind}_any_grade" for kind in REACTION_TYPES)):
            raise FactFileError(file, f"reactions.{name}", "is not a grade we know")
    kinds = [item.kind for item in regimen.prerequisites]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise FactFileError(file, "prerequisites", f"{kind} is there twice")
    anchors = {rule.anchor for rule in regimen.monitoring} | {rule.anchor for rule in regimen.contacts}
    if anchors & {"last_infusion_of_latest_course", "last_infusion_of_course"} and not regimen.courses:
        raise FactFileError(file, "courses", "are missing: a series or a call counts from them")
    needs_maintenance = any(rule.anchor == "each_maintenance_dose" for rule in regimen.monitoring)
    if needs_maintenance and regimen.maintenance_from is None:
        raise FactFileError(file, "maintenance_from", "is missing: a monitoring series counts from it")


def _check_numbers(file: str, regimen: Regimen) -> None:
    following = 1
    for index, step in enumerate(regimen.steps):
        where = f"doses[{index}]"
        if step.first != following:
            raise FactFileError(
                file, f"{where}.from", f"is {step.first}, and the doses before it end at {following - 1}"
            )
        if step.last is None and index < len(regimen.steps) - 1:
            raise FactFileError(file, f"{where}.to", "is missing, and other doses follow")
        if step.last is not None and step.last < step.first:
            raise FactFileError(file, f"{where}.to", f"is {step.last}, less than from")
        following = (step.last or step.first) + 1
        if (step.anchor == "start_date") != (index == 0) or (index == 0 and step.last != 1):
            raise FactFileError(file, f"{where}.due.after", "dose 1, and no other, follows the start_date")
        if step.anchor == "dose_1" and step.last != step.first:
            raise FactFileError(
                file, f"{where}.to", "is not from, and only one dose can be counted from dose 1"
            )
        if (index == 0) != (step.min_separation is None) or (index == 0) != (step.window is None):
            raise FactFileError(file, where, "every dose but dose 1 has a min_separation and a window")
    last = regimen.max_dose_number
    if last is not None and not (regimen.default_total_doses and regimen.default_total_doses <= last):
        raise FactFileError(
            file, "total_doses", f"is not between 1 and {last}, the last dose that has a rule"
        )
    covered = 0
    for index, course in enumerate(regimen.courses):
        if (course.number, course.first) != (index + 1, covered + 1) or course.last < course.first:
            raise FactFileError(file, f"courses[{index}]", "does not follow the course before it")
        covered = course.last
    if regimen.courses and covered != last:
        raise FactFileError(file, "courses", f"end at dose {covered}, and the doses at {last}")


def _check_names(file: str, regimen: Regimen) -> None:
    def parameter(key: str, name: str) -> None:
        if name and name not in regimen.parameters:
            raise FactFileError(file, key, f"there is no parameter {name!r}")

    for index, step in enumerate(regimen.steps):
        parameter(f"doses[{index}].amount.g_per_kg", step.amount.g_per_kg)
        parameter(f"doses[{index}].due.days_parameter", step.interval_parameter)
        if step.amount.g_per_kg and regimen.weight_rounding is None:
            raise FactFileError(file, "weight_rounding", "is missing: an amount depends on the weight")
        if regimen.cumulative_cap is not None and step.amount.mg_per_m2 is None:
            raise FactFileError(
                file, f"doses[{index}].amount", "needs mg_per_m2: the regimen has a lifetime cap"
            )
        _check_schedules(file, regimen, step)
    if regimen.cumulative_cap is not None:
        parameter("cumulative_cap.parameter", regimen.cumulative_cap.parameter)


def _check_schedules(file: str, regimen: Regimen, step: Step) -> None:
    for index, rule in enumerate(regimen.infusion):
        if not rule.schedule:
            continue
        key = f"infusion[{index}].schedule"
        if rule.schedule not in regimen.schedules:
            raise FactFileError(file, key, f"there is no schedule {rule.schedule!r}")
        schedule = regimen.schedules[rule.schedule]
        by_weight = bool(step.amount.g_per_kg) and bool(schedule.stages)
        if not by_weight and step.amount.mg not in schedule.minutes_by_mg:
            raise FactFileError(file, key, f"{rule.schedule!r} has no minutes for dose {step.first}")
