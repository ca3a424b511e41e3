"""The tables of a fact file, one function a kind. Each refuses what it does not know (FactFileError)."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType

from scheduling.regimens.tables import Table
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
    Restart,
    Schedule,
    Separation,
    SiteOfCare,
    Step,
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


def read_step(table: Table) -> Step:
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
        amount=read_amount(amount),
        anchor=anchor,
        interval=interval,
        interval_parameter=parameter,
        min_separation=read_separation(separation) if separation else None,
        window=read_window(window) if window else None,
        **table.sourced(),
    )
    table.finish()
    return step


def read_amount(table: Table) -> Amount:
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


def read_separation(table: Table) -> Separation:
    separation = Separation(interval=table.interval(), **table.sourced())
    table.finish()
    return separation


def read_window(table: Table) -> Window:
    window = Window(
        before_days=table.whole("before_days", 0, 60),
        after_days=table.whole("after_days", 0, 90),
        **table.sourced(),
    )
    table.finish()
    return window


def read_course(table: Table) -> Course:
    course = Course(
        number=table.whole("number", 1, 100),
        first=table.whole("from", 1, 1000),
        last=table.whole("to", 1, 1000),
        **table.sourced(),
    )
    table.finish()
    return course


def read_minutes_rule(table: Table) -> MinutesRule:
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


def read_pre_hydration(table: Table | None) -> int:
    if table is None:
        return 0
    minutes = table.whole("minutes", 1, 480)
    table.sourced()
    table.finish()
    return minutes


def read_schedule(table: Table) -> Schedule:
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
        stages = tuple(read_stage(stage) for stage in table.tables("stages"))
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


def read_stage(table: Table) -> RateStep:
    stage = RateStep(
        ml_per_kg_h=table.number("ml_per_kg_h", "0.1", "20"), minutes=table.optional_whole("minutes", 1, 480)
    )
    table.finish()
    return stage


def read_rate_text(table: Table) -> RateText:
    text = RateText(applies_to=table.text("applies_to"), steps=table.text("steps"), **table.sourced())
    table.finish()
    return text


def read_premedication(table: Table) -> Premedication:
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


def read_stopping_types(table: Table) -> tuple[str, ...]:
    types = table.texts("stopping_types", ())
    for name in types:
        if name not in REACTION_TYPES:
            raise table.wrong("stopping_types", f"{name!r} is not one of {', '.join(REACTION_TYPES)}")
    return types


def read_advice(table: Table) -> Advice:
    advice = Advice(text=table.text("text"), **table.sourced())
    table.finish()
    return advice


def read_restart(table: Table) -> Restart:
    gap = table.table("gap")
    restart = Restart(gap=gap.interval(), text=table.text("text"), **table.sourced())
    gap.finish()
    table.finish()
    return restart


def read_prerequisite(table: Table) -> Prerequisite:
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


def read_monitoring(table: Table) -> MonitoringRule:
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


def read_contact(table: Table) -> ContactRule:
    contact = ContactRule(
        kind=table.text("kind"),
        anchor=table.one_of("anchor", ("each_infusion", "last_infusion_of_course")),
        days=table.whole("days", 0, 365),
        optional=table.flag("optional", False),
        **table.sourced(),
    )
    table.finish()
    return contact


def read_site(table: Table) -> SiteOfCare:
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


def read_parameter(table: Table) -> Parameter:
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


def read_cap(table: Table) -> CumulativeCap:
    cap = CumulativeCap(parameter=table.text("parameter"), **table.sourced())
    table.finish()
    return cap


def read_rounding(table: Table) -> WeightRounding:
    rounding = WeightRounding(
        nearest_g=table.number("nearest_g", "0.1", "100"),
        tolerance_percent=table.number("tolerance_percent", "0", "100"),
        fallback_g=table.number("fallback_g", "0.1", "100"),
        **table.sourced(),
    )
    table.finish()
    return rounding


def read_frequency(table: Table) -> CourseFrequency:
    frequency = CourseFrequency(
        most=table.whole("most", 1, 100), within_days=table.whole("within_days", 1, 3660), **table.sourced()
    )
    table.finish()
    return frequency


def read_extended(table: Table) -> ExtendedInterval:
    extended = ExtendedInterval(
        months_at_least=table.whole("months_at_least", 1, 120),
        long_from_days=table.whole("long_from_days", 1, 365),
        **table.sourced(),
    )
    table.finish()
    return extended
