"""One fact file -> one Regimen. Everything that could be a slip of the pen is refused here, at the start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from scheduling.regimens.tables import FactFileError, Table
from scheduling.rules.intervals import Interval
from scheduling.rules.regimen import (
    GRADES,
    REACTION_TYPES,
    Advice,
    Amount,
    ContactRule,
    Course,
    CourseFrequency,
    CumulativeCap,
    ExtendedInterval,
    MinutesRule,
    MonitoringRule,
    Parameter,
    Premedication,
    Prerequisite,
    RateStep,
    RateText,
    Regimen,
    Restart,
    Schedule,
    Separation,
    SiteOfCare,
    Step,
    VisitLength,
    WeightRounding,
    Window,
)

CONDITIONS = {
    "dose_number_at_most": (1, 1000),
    "months_since_previous_dose_at_least": (1, 120),
    "infusions_since_start_or_restart_at_most": (1, 1000),
}
WHEN = ("before_first_dose", "before_every_course", "before_every_infusion", "baseline_and_repeat")
MONITORING_ANCHORS = (
    "first_infusion",
    "each_infusion",
    "each_maintenance_dose",
    "last_dose",
    "last_infusion_of_latest_course",
    "last_result_date",
    "discontinuation_date",
    "periodic",
    "as_clinically_indicated",
)
MONITORING_ENDS = ("therapy_end", "once", "once_per_infusion", "indefinite")
SITE_FLAGS = ("SITE_NOT_HOME", "SITE_TOUCH_REQUIRED", "SITE_CLINIC_PREFERRED")
LABEL_STATUS = ("on_label", "off_label", "off_label_interval", "on_label_indication_customary_dose")
_ID = re.compile(r"[a-z][a-z0-9_]{2,63}")
_DAY = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2})?")


def parse_regimen(file: str, facts: object, *, digest: str, visit_length: VisitLength) -> Regimen:
    """The regimen a fact file describes. Raises FactFileError with file, key and reason."""
    top = Table(file, facts)
    verified = top.table("verified")
    verified_by, verified_on = verified.text("by", empty=True), verified.text("on", empty=True)
    if not _DAY.fullmatch(verified_on) or bool(verified_by) != bool(verified_on):
        raise verified.wrong("on", "needs a name and a day (YYYY-MM-DD), or both empty")
    verified.finish()
    regimen_id = top.text("id")
    if not _ID.fullmatch(regimen_id):
        raise top.wrong("id", f"{regimen_id!r} is not small letters, digits and underscores")
    parameters = {one.name: one for one in map(_parameter, top.tables("parameters", may_lack=True))}
    cap = top.optional_table("cumulative_cap")
    rounding = top.optional_table("weight_rounding")
    pre_hydration = top.optional_table("pre_hydration")
    reactions = top.table("reactions")
    restart = top.optional_table("restart")
    frequency = top.optional_table("course_frequency")
    extended = top.optional_table("extended_interval")
    summary = top.table("summary")
    regimen = Regimen(
        id=regimen_id,
        version=top.whole("version", 1, 10_000),
        digest=digest,
        verified_by=verified_by,
        verified_on=verified_on,
        display_name=top.text("display_name"),
        generic=top.text("generic"),
        brands=top.texts("brands"),
        route=top.text("route"),
        indication=top.text("indication"),
        relapsing_only=top.flag("relapsing_only"),
        label_status=top.one_of("label_status", LABEL_STATUS),
        not_covered=top.text("not_covered", ""),
        default_total_doses=top.optional_whole("total_doses", 1, 1000),
        maintenance_from=top.optional_whole("maintenance_from", 1, 1000),
        steps=tuple(_step(table) for table in top.tables("doses")),
        courses=tuple(_course(table) for table in top.tables("courses", may_lack=True)),
        infusion=tuple(_minutes_rule(table) for table in top.tables("infusion")),
        observation=tuple(_minutes_rule(table) for table in top.tables("observation")),
        pre_hydration_minutes=_pre_hydration(pre_hydration),
        schedules=MappingProxyType(
            {one.name: one for one in map(_schedule, top.tables("schedules", may_lack=True))}
        ),
        rate_steps=tuple(_rate_text(table) for table in top.tables("rate_steps", may_lack=True)),
        premedication=tuple(_premedication(table) for table in top.tables("premedication", may_lack=True)),
        stopping_reaction_types=_stopping_types(reactions),
        reactions=MappingProxyType({name: _advice(reactions.table(name)) for name in reactions.names()}),
        missed_dose=_advice(top.table("missed_dose")),
        restart=_restart(restart) if restart else None,
        prerequisites=tuple(_prerequisite(table) for table in top.tables("prerequisites")),
        monitoring=tuple(_monitoring(table) for table in top.tables("monitoring", may_lack=True)),
        contacts=tuple(_contact(table) for table in top.tables("contacts")),
        site_of_care=_site(top.table("site_of_care")),
        parameters=MappingProxyType(parameters),
        cumulative_cap=_cap(cap) if cap else None,
        weight_rounding=_rounding(rounding) if rounding else None,
        course_frequency=_frequency(frequency) if frequency else None,
        extended_interval=_extended(extended) if extended else None,
        summary=MappingProxyType({name: summary.text(name) for name in summary.names()}),
        visit_length=visit_length,
    )
    top.finish()
    check_whole(file, regimen)
    return regimen


def _step(table: Table) -> Step:
    amount, due = table.table("amount"), table.table("due")
    separation, window = table.optional_table("min_separation"), table.optional_table("window")
    anchor = due.one_of("after", ("start_date", "dose_1", "previous_dose"))
    interval, parameter = Interval(), ""
    if due.has("days_parameter"):
        parameter = due.text("days_parameter")
    elif anchor != "start_date":
        interval = due.interval()
    due.finish()
    step = Step(
        first=table.whole("from", 1, 1000),
        last=table.optional_whole("to", 1, 1000),
        label=table.text("label"),
        amount=_amount(amount),
        anchor=anchor,
        interval=interval,
        interval_parameter=parameter,
        min_separation=_separation(separation) if separation else None,
        window=_window(window) if window else None,
        **table.sourced(),
    )
    table.finish()
    return step


def _amount(table: Table) -> Amount:
    amount = Amount(
        mg=table.optional_number("mg", "0.1", "100000"),
        mg_per_m2=table.optional_number("mg_per_m2", "0.1", "10000"),
        g_per_kg=table.text("g_per_kg", ""),
        round_to_mg=table.optional_number("round_to_mg", "0.1", "1000"),
        max_mg=table.optional_number("max_mg", "0.1", "100000"),
    )
    kinds = [amount.mg is not None, amount.mg_per_m2 is not None, bool(amount.g_per_kg)]
    if sum(kinds) != 1:
        raise table.wrong("", "needs exactly one of mg, mg_per_m2, g_per_kg")
    if (amount.mg_per_m2 is None) != (amount.round_to_mg is None):
        raise table.wrong("round_to_mg", "belongs to mg_per_m2, and mg_per_m2 to it")
    if amount.max_mg is not None and amount.mg_per_m2 is None:
        raise table.wrong("max_mg", "belongs to mg_per_m2")
    table.finish()
    return amount


def _separation(table: Table) -> Separation:
    separation = Separation(interval=table.interval(), **table.sourced())
    table.finish()
    return separation


def _window(table: Table) -> Window:
    window = Window(
        before_days=table.whole("before_days", 0, 60),
        after_days=table.whole("after_days", 0, 90),
        **table.sourced(),
    )
    table.finish()
    return window


def _course(table: Table) -> Course:
    course = Course(
        number=table.whole("number", 1, 100),
        first=table.whole("from", 1, 1000),
        last=table.whole("to", 1, 1000),
        **table.sourced(),
    )
    table.finish()
    return course


def _minutes_rule(table: Table) -> MinutesRule:
    when = table.optional_table("when")
    condition, limit, grade = "always", 0, ""
    if when is not None:
        if len(when.names()) != 1:
            raise when.wrong("", "needs exactly one condition")
        condition = when.names()[0]
        if condition == "any_prior_reaction_at_least":
            grade = when.one_of(condition, GRADES[1:])
        elif condition in CONDITIONS:
            limit = when.whole(condition, *CONDITIONS[condition])
        else:
            raise when.wrong(condition, "is not a rule we know")
    if table.has("minutes") == table.has("schedule"):
        raise table.wrong("", "needs exactly one of minutes, schedule")
    rule = MinutesRule(
        condition=condition,
        limit=limit,
        grade=grade,
        minutes=table.whole("minutes", 0, 720) if table.has("minutes") else 0,
        schedule=table.text("schedule", ""),
        **table.sourced(),
    )
    table.finish()
    return rule


def _pre_hydration(table: Table | None) -> int:
    if table is None:
        return 0
    minutes = table.whole("minutes", 1, 480)
    table.sourced()
    table.finish()
    return minutes


def _schedule(table: Table) -> Schedule:
    by_mg: dict[Decimal, int] = {}
    stages: tuple[RateStep, ...] = ()
    ml_per_g, unit = Decimal(0), 1
    if table.has("minutes_by_mg"):
        minutes = table.table("minutes_by_mg")
        for name in minutes.names():
            if not name.isdecimal():
                raise minutes.wrong(name, "is not a number of mg")
            by_mg[Decimal(name)] = minutes.whole(name, 1, 720)
    else:
        stages = tuple(_stage(stage) for stage in table.tables("stages"))
        if any(stage.minutes is None for stage in stages[:-1]) or stages[-1].minutes is not None:
            raise table.wrong("stages", "every stage but the last needs minutes, and the last has none")
        ml_per_g = table.number("ml_per_g", "1", "100")
        unit = table.whole("round_up_to_minutes", 1, 60)
    schedule = Schedule(
        name=table.text("name"),
        rate=table.text("rate"),
        minutes_by_mg=MappingProxyType(by_mg),
        stages=stages,
        ml_per_g=ml_per_g,
        round_up_to_minutes=unit,
        **table.sourced(),
    )
    table.finish()
    return schedule


def _stage(table: Table) -> RateStep:
    stage = RateStep(
        ml_per_kg_h=table.number("ml_per_kg_h", "0.1", "20"), minutes=table.optional_whole("minutes", 1, 480)
    )
    table.finish()
    return stage


def _rate_text(table: Table) -> RateText:
    text = RateText(applies_to=table.text("applies_to"), steps=table.text("steps"), **table.sourced())
    table.finish()
    return text


def _premedication(table: Table) -> Premedication:
    premedication = Premedication(
        drug=table.text("drug"),
        dose=table.text("dose"),
        lead_minutes_min=table.whole("lead_minutes_min", 0, 240),
        lead_minutes_max=table.whole("lead_minutes_max", 0, 240),
        required=table.flag("required"),
        first_days_of_course=table.optional_whole("first_days_of_course", 1, 31) or 0,
        applies_to=table.text("applies_to"),
        **table.sourced(),
    )
    if premedication.lead_minutes_max < premedication.lead_minutes_min:
        raise table.wrong("lead_minutes_max", "is less than lead_minutes_min")
    table.finish()
    return premedication


def _stopping_types(table: Table) -> tuple[str, ...]:
    types = table.texts("stopping_types", ())
    for name in types:
        if name not in REACTION_TYPES:
            raise table.wrong("stopping_types", f"{name!r} is not one of {', '.join(REACTION_TYPES)}")
    return types


def _advice(table: Table) -> Advice:
    advice = Advice(text=table.text("text"), **table.sourced())
    table.finish()
    return advice


def _restart(table: Table) -> Restart:
    gap = table.table("gap")
    restart = Restart(gap=gap.interval(), text=table.text("text"), **table.sourced())
    gap.finish()
    table.finish()
    return restart


def _prerequisite(table: Table) -> Prerequisite:
    prerequisite = Prerequisite(
        kind=table.text("kind"),
        when=table.one_of("when", WHEN),
        valid_for=table.optional_interval("valid_for", least_days=0),
        repeat_every=table.optional_interval("repeat_every"),
        days_before=table.optional_whole("days_before", 0, 365),
        blocks=table.flag("blocks"),
        **table.sourced(),
    )
    table.finish()
    return prerequisite


def _monitoring(table: Table) -> MonitoringRule:
    months = 0
    if table.holds_table("until"):
        until = table.table("until")
        months, end = until.whole("months", 1, 600), "months"
        until.finish()
    else:
        end = table.one_of("until", MONITORING_ENDS)
    rule = MonitoringRule(
        kind=table.text("kind"),
        anchor=table.one_of("anchor", MONITORING_ANCHORS),
        first_after=table.optional_interval("first_after"),
        then_every=table.optional_interval("then_every"),
        until=end,
        until_months=months,
        **table.sourced(),
    )
    first, every = rule.first_after, rule.then_every
    if every is not None and (first is None or bool(first.months) != bool(every.months)):
        raise table.wrong("then_every", "needs a first_after in the same unit")
    if first is None and rule.anchor not in ("each_maintenance_dose", "periodic", "as_clinically_indicated"):
        raise table.wrong("first_after", "is missing")
    if rule.anchor == "last_infusion_of_latest_course" and end != "months":
        raise table.wrong("until", "needs a number of months")
    table.finish()
    return rule


def _contact(table: Table) -> ContactRule:
    contact = ContactRule(
        kind=table.text("kind"),
        anchor=table.one_of("anchor", ("each_infusion", "last_infusion_of_course")),
        days=table.whole("days", 0, 365),
        optional=table.flag("optional", False),
        **table.sourced(),
    )
    table.finish()
    return contact


def _site(table: Table) -> SiteOfCare:
    site = SiteOfCare(
        home=table.one_of("home", ("yes", "conditional", "no")),
        flags=table.texts("flags"),
        text=table.text("text"),
        **table.sourced(),
    )
    for flag in site.flags:
        if flag not in SITE_FLAGS:
            raise table.wrong("flags", f"{flag!r} is not one of {', '.join(SITE_FLAGS)}")
    table.finish()
    return site


def _parameter(table: Table) -> Parameter:
    parameter = Parameter(
        name=table.text("name"),
        default=table.number("default", "0", "100000"),
        least=table.number("least", "0", "100000"),
        most=table.number("most", "0", "100000"),
        whole=table.flag("whole", False),
        **table.sourced(),
    )
    if not parameter.least <= parameter.default <= parameter.most:
        raise table.wrong("default", "is not between least and most")
    table.finish()
    return parameter


def _cap(table: Table) -> CumulativeCap:
    cap = CumulativeCap(parameter=table.text("parameter"), **table.sourced())
    table.finish()
    return cap


def _rounding(table: Table) -> WeightRounding:
    rounding = WeightRounding(
        nearest_g=table.number("nearest_g", "0.1", "100"),
        tolerance_percent=table.number("tolerance_percent", "0", "100"),
        fallback_g=table.number("fallback_g", "0.1", "100"),
        **table.sourced(),
    )
    table.finish()
    return rounding


def _frequency(table: Table) -> CourseFrequency:
    frequency = CourseFrequency(
        most=table.whole("most", 1, 100), within_days=table.whole("within_days", 1, 3660), **table.sourced()
    )
    table.finish()
    return frequency


def _extended(table: Table) -> ExtendedInterval:
    extended = ExtendedInterval(
        months_at_least=table.whole("months_at_least", 1, 120),
        long_from_days=table.whole("long_from_days", 1, 365),
        **table.sourced(),
    )
    table.finish()
    return extended


def check_whole(file: str, regimen: Regimen) -> None:
    """What only the whole file can show: numbers without gap, names that exist, lists that end."""
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
    schedules: Mapping[str, Schedule] = regimen.schedules
    for index, rule in enumerate(regimen.infusion):
        if not rule.schedule:
            continue
        key = f"infusion[{index}].schedule"
        if rule.schedule not in schedules:
            raise FactFileError(file, key, f"there is no schedule {rule.schedule!r}")
        schedule = schedules[rule.schedule]
        by_weight = bool(step.amount.g_per_kg) and bool(schedule.stages)
        if not by_weight and step.amount.mg not in schedule.minutes_by_mg:
            raise FactFileError(file, key, f"{rule.schedule!r} has no minutes for dose {step.first}")
