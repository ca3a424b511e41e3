"""One case in and out as JSON-like values: what `manage.py plan_doses` and the dosing preview speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from scheduling.rules.calendar import Calendar, Dose, plan
from scheduling.rules.contacts import contacts_after
from scheduling.rules.errors import BadInput, Refused
from scheduling.rules.monitoring import series
from scheduling.rules.orders import HIGHEST_GIVEN, Given, Hold, Order
from scheduling.rules.prerequisites import check
from scheduling.rules.proposals import check_date
from scheduling.rules.reading import Reader
from scheduling.rules.reasons import Reason
from scheduling.rules.regimen import Regimen
from scheduling.rules.switching import SwitchResult, SwitchRule, switch

MOST_DOSES = 1000


class Facts(NamedTuple):
    """Where the case finds its facts: `get` raises a Refused for an id that does not exist."""

    get: Callable[[str], Regimen]
    switches: Sequence[SwitchRule]


class Wish(NamedTuple):
    """One case, understood."""

    regimen: Regimen
    order: Order
    history: tuple[Given, ...]
    as_of: date
    doses: int
    proposal: tuple[int, date] | None
    results: tuple[tuple[str, date], ...]
    check_on: date | None
    switch_to: tuple[Regimen, date] | None
    monitoring_until: date | None


def run_case(inputs: object, facts: Facts) -> dict[str, Any]:
    """The answer to one case: every key, always; what was not asked is `[]` or None.

    Raises BadInput with the path of the field that is not understood.
    """
    wish = read_case(inputs, facts)
    order = wish.order
    if wish.switch_to is not None and order.discontinued_on is None:
        order = order._replace(discontinued_on=wish.switch_to[1])  # house rule H20
    calendar = plan(wish.regimen, order, wish.history, wish.as_of, doses=wish.doses)
    return {
        **_calendar_out(calendar),
        "proposal_result": _proposal(wish, order),
        "monitoring": _monitoring(wish, order),
        "contacts": _contacts(wish, order),
        "prerequisite_check": _prerequisites(wish),
        "switch_result": _switch(wish, facts),
        "regimen_id": wish.regimen.id,
        "regimen_version": wish.regimen.version,
        "static_flags": list(wish.regimen.site_of_care.flags),
    }


def read_case(inputs: object, facts: Facts) -> Wish:
    """The case as values. Raises BadInput for a key, a value or a combination that is not understood."""
    reader = Reader(inputs)
    regimen = _regimen(reader, "regimen_id", facts)
    decided = reader.object("switch")
    proposed = reader.object("proposal")
    wish = Wish(
        regimen=regimen,
        order=_order(reader),
        history=tuple(_given(one) for one in reader.objects("history")),
        as_of=reader.required("as_of", reader.day),
        doses=reader.whole("plan_doses", 0, MOST_DOSES) or 0,
        proposal=_read_proposal(proposed) if proposed else None,
        results=tuple(_result(one, regimen) for one in reader.objects("prerequisites")),
        check_on=reader.day("check_date"),
        switch_to=_read_switch(decided, regimen, facts) if decided else None,
        monitoring_until=reader.day("monitoring_until"),
    )
    reader.finish()
    return wish


def _regimen(reader: Reader, key: str, facts: Facts) -> Regimen:
    regimen_id = reader.required(key, reader.text)
    try:
        return facts.get(regimen_id)
    except Refused as unknown:
        raise BadInput(str(unknown), field=reader.path(key)) from unknown


def _order(reader: Reader) -> Order:
    chosen = reader.object("parameters")
    return Order(
        start_on=reader.required("start_date", reader.day),
        expires_on=reader.day("expires_on"),
        total_doses=reader.whole("total_doses", 1, MOST_DOSES),
        parameters=chosen.numbers() if chosen else {},
        height_cm=reader.number("height_cm"),
        weight_kg=reader.number("weight_kg"),
        prior_cumulative_mg_per_m2=reader.number("prior_cumulative_mg_per_m2"),
        prior_course_starts=reader.days("prior_course_starts"),
        holds=tuple(_hold(one) for one in reader.objects("holds")),
        discontinued_on=reader.day("discontinued_on"),
    )


def _given(reader: Reader) -> Given:
    given = Given(
        number=reader.required("dose_number", lambda key: reader.whole(key, 1, HIGHEST_GIVEN)),
        on=reader.required("date", reader.day),
        reaction="none" if (grade := reader.text("reaction")) is None else grade,
        reaction_type=reader.text("reaction_type"),
        mg_per_m2=reader.number("dose_mg_per_m2"),
    )
    reader.finish()
    return given


def _hold(reader: Reader) -> Hold:
    hold = Hold(
        starts_on=reader.required("from", reader.day),
        clears_on=reader.day("clear_date"),
        reason=reader.text("reason") or "",
    )
    reader.finish()
    return hold


def _read_proposal(reader: Reader) -> tuple[int, date]:
    number = reader.required("dose_number", lambda key: reader.whole(key, 1, HIGHEST_GIVEN + MOST_DOSES))
    on = reader.required("date", reader.day)
    reader.finish()
    return number, on


def _result(reader: Reader, regimen: Regimen) -> tuple[str, date]:
    kind = reader.required("kind", reader.text)
    on = reader.required("date", reader.day)
    reader.finish()
    if all(item.kind != kind for item in regimen.prerequisites):
        raise BadInput(f"{regimen.id} has no such prerequisite", field=reader.path("kind"))
    return kind, on


def _read_switch(reader: Reader, regimen: Regimen, facts: Facts) -> tuple[Regimen, date]:
    to_regimen = _regimen(reader, "to", facts)
    on = reader.required("decision_date", reader.day)
    reader.finish()
    if to_regimen.id == regimen.id:
        raise BadInput("it is the regimen the patient is on", field=reader.path("to"))
    return to_regimen, on


def _day(on: date | None) -> str | None:
    return on.isoformat() if on is not None else None


def _number(value: Decimal | None) -> int | float | None:
    """A plain JSON number: whole where it is whole."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _number(value)
    return value.isoformat() if isinstance(value, date) else value


def _reason_out(reason: Reason) -> dict[str, Any]:
    return {
        "code": reason.code,
        "text": reason.text,
        "inputs": {key: _plain(value) for key, value in reason.inputs.items()},
        "source": reason.source,
        "basis": reason.basis,
        "evidence": reason.evidence,
    }


def _calendar_out(calendar: Calendar) -> dict[str, Any]:
    return {
        "planned": [_dose_out(dose) for dose in calendar.planned],
        "flags": list(calendar.flags),
        "status": calendar.status,
        "notes": [_reason_out(note) for note in calendar.notes],
    }


def _dose_out(dose: Dose) -> dict[str, Any]:
    minutes: Mapping[str, int] = dose.minutes._asdict()
    return {
        "dose_number": dose.number,
        "course": dose.course,
        "label": dose.label,
        "due_date": _day(dose.due_on),
        "planned_date": _day(dose.planned_on),
        "floor_date": _day(dose.floor_on),
        "window_start": _day(dose.window_start),
        "window_end": _day(dose.window_end),
        "dose_mg": _number(dose.amount_mg),
        "cumulative_mg_per_m2": _number(dose.cumulative_mg_per_m2),
        "infusion_minutes": dose.minutes.infusion,
        "observation_minutes": dose.minutes.observation,
        "minutes": {**minutes, "total": dose.minutes.total},
        "gates": [gate.kind for gate in dose.gates],
        "flags": list(dose.flags),
        "needs_renewed_order": dose.needs_renewed_order,
        "reasons": [_reason_out(reason) for reason in dose.reasons],
    }


def _proposal(wish: Wish, order: Order) -> dict[str, Any] | None:
    if wish.proposal is None:
        return None
    number, on = wish.proposal
    result = check_date(wish.regimen, order, wish.history, wish.as_of, number=number, on=on)
    return {
        "decision": result.decision,
        "reason": result.code,
        "earliest_allowed": _day(result.earliest_allowed),
        "text": result.text,
        "source": result.source,
    }


def _monitoring(wish: Wish, order: Order) -> list[dict[str, Any]]:
    found = series(
        wish.regimen, order, wish.history, wish.as_of, until=wish.monitoring_until, results=wish.results
    )
    return [
        {
            "kind": one.kind,
            "after_course": one.after_course,
            "dates": [_day(on) for on in one.dates],
            "source": one.source,
        }
        for one in found
    ]


def _contacts(wish: Wish, order: Order) -> list[dict[str, Any]]:
    return [
        {
            "kind": one.kind,
            "for_dose": one.for_dose,
            "date": _day(one.on),
            "optional": one.optional,
            "source": one.source,
        }
        for one in contacts_after(wish.regimen, order, wish.history)
    ]


def _prerequisites(wish: Wish) -> list[dict[str, Any]]:
    if wish.check_on is None:
        return []
    items = {item.kind: item for item in wish.regimen.prerequisites}
    checked = [check(items[kind], on, wish.check_on) for kind, on in wish.results]
    return [
        {
            "kind": one.kind,
            "valid_through": _day(one.valid_through),
            "earliest_start": _day(one.earliest_start),
            "ok": one.ok,
            "blocks": one.blocks,
            "text": one.text,
        }
        for one in checked
    ]


def _switch(wish: Wish, facts: Facts) -> dict[str, Any] | None:
    if wish.switch_to is None:
        return None
    to_regimen, on = wish.switch_to
    result: SwitchResult = switch(
        wish.regimen, wish.order, wish.history, to_regimen, on, wish.as_of, wish.doses, rules=facts.switches
    )
    return {
        "new_regimen_id": result.new_regimen_id,
        "start_not_before": _day(result.start_not_before),
        "advise_start_by": _day(result.advise_start_by),
        "planned_start": _day(result.planned_start),
        "new_planned_dates": [_day(planned_on) for planned_on in result.new_planned_dates],
        "flags": list(result.flags),
        "text": result.text,
        "source": result.source,
    }
