"""One fact file -> one Regimen. Everything that could be a slip of the pen is refused here, at the start."""

from __future__ import annotations

import re
from types import MappingProxyType

from scheduling.regimens.checking import check_whole
from scheduling.regimens.sections import (
    read_advice,
    read_cap,
    read_contact,
    read_course,
    read_extended,
    read_frequency,
    read_minutes_rule,
    read_monitoring,
    read_parameter,
    read_pre_hydration,
    read_premedication,
    read_prerequisite,
    read_rate_text,
    read_restart,
    read_rounding,
    read_schedule,
    read_site,
    read_step,
    read_stopping_types,
)
from scheduling.regimens.tables import Table
from scheduling.rules.regimen import Regimen, VisitLength

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
    parameters = [read_parameter(table) for table in top.tables("parameters", may_lack=True)]
    schedules = [read_schedule(table) for table in top.tables("schedules", may_lack=True)]
    for key, names in (
        ("parameters", [p.name for p in parameters]),
        ("schedules", [s.name for s in schedules]),
    ):
        if len(set(names)) < len(names):
            raise top.wrong(key, "have one name twice")
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
        steps=tuple(read_step(table) for table in top.tables("doses")),
        courses=tuple(read_course(table) for table in top.tables("courses", may_lack=True)),
        infusion=tuple(read_minutes_rule(table) for table in top.tables("infusion")),
        observation=tuple(read_minutes_rule(table) for table in top.tables("observation")),
        pre_hydration_minutes=read_pre_hydration(pre_hydration),
        schedules=MappingProxyType({schedule.name: schedule for schedule in schedules}),
        rate_steps=tuple(read_rate_text(table) for table in top.tables("rate_steps", may_lack=True)),
        premedication=tuple(
            read_premedication(table) for table in top.tables("premedication", may_lack=True)
        ),
        stopping_reaction_types=read_stopping_types(reactions),
        reactions=MappingProxyType({name: read_advice(reactions.table(name)) for name in reactions.names()}),
        missed_dose=read_advice(top.table("missed_dose")),
        restart=read_restart(restart) if restart else None,
        prerequisites=tuple(read_prerequisite(table) for table in top.tables("prerequisites")),
        monitoring=tuple(read_monitoring(table) for table in top.tables("monitoring", may_lack=True)),
        contacts=tuple(read_contact(table) for table in top.tables("contacts")),
        site_of_care=read_site(top.table("site_of_care")),
        parameters=MappingProxyType({parameter.name: parameter for parameter in parameters}),
        cumulative_cap=read_cap(cap) if cap else None,
        weight_rounding=read_rounding(rounding) if rounding else None,
        course_frequency=read_frequency(frequency) if frequency else None,
        extended_interval=read_extended(extended) if extended else None,
        summary=MappingProxyType({name: summary.text(name) for name in summary.names()}),
        visit_length=visit_length,
    )
    top.finish()
    check_whole(file, regimen)
    return regimen
