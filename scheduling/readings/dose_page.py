"""One dose explained: the calendar of today, every reason with its numbers and source, history, overrides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from scheduling.models import DoseRecord, PlannedDose, Visit
from scheduling.readings.chart import chart_cards
from scheduling.readings.chart_words import as_sentence, day_words, plain
from scheduling.readings.trail import who
from scheduling.readings.warnings import Caution
from scheduling.rules.reasons import Reason
from scheduling.rules.regimen import Regimen

__all__ = ["advice", "explained", "plain"]

BASIS = {
    "label": "US label",
    "label-eu": "EU label",
    "customary": "customary",
    "decision": "our decision",
}


@dataclass(frozen=True)
class Step:
    """One reason as the page shows it."""

    text: str
    source: str
    basis: str
    recalled: bool
    numbers: Sequence[tuple[str, str]]


def explained(dose: PlannedDose, today: date) -> dict[str, Any]:
    """What the page about one dose shows; reads the whole chart, so that both always agree."""
    order = dose.prescription
    card = next(card for card in chart_cards(order.patient, today) if card.prescription.pk == order.pk)
    line = next((line for line in card.lines if line.row.pk == dose.pk), None)
    records = list(
        DoseRecord.objects.filter(dose=dose).select_related("recorded_by", "amends", "visit").order_by("-pk")
    )
    visits = list(Visit.objects.filter(dose=dose).select_related("nurse", "override_by").order_by("-pk"))
    return {
        "dose": dose,
        "card": card,
        "line": line,
        "regimen": card.regimen,
        "steps": [step_of(reason) for reason in (line.reasons if line else dose.reasons)],
        "history": [one for one in card.given if one.number < dose.number],
        "records": [
            {"record": record, "who": who(record.recorded_by), "no_go": _without_a_go(record)}
            for record in records
        ],
        "visits": [
            {"visit": visit, "by": who(visit.override_by) if visit.override_by_id else ""} for visit in visits
        ],
    }


def _without_a_go(record: DoseRecord) -> bool:
    """Given at a visit of ours that nobody had started: recorded as it happened, and told."""
    return record.visit is not None and record.visit.started_at is None


def step_of(reason: Any) -> Step:
    """A reason of today's calendar (with its numbers), or one stored with the dose (without)."""
    if isinstance(reason, Reason):
        numbers = [
            (key.replace("_", " "), _value(value))
            for key, value in reason.inputs.items()
            if value is not None
        ]
        return Step(
            reason.text,
            reason.source,
            BASIS.get(reason.basis, reason.basis),
            reason.evidence == "recalled",
            numbers,
        )
    return Step(reason.get("text", ""), reason.get("source", ""), "", False, ())


def _value(value: Any) -> str:
    if isinstance(value, date):
        return day_words(value)
    return plain(value) if isinstance(value, Decimal) else str(value)


def advice(regimen: Regimen, reaction: str | None, kind: str | None) -> list[Caution]:
    """What the facts say to do after such a reaction, the hardest first."""
    found = []
    stops = bool(kind and kind in regimen.stopping_reaction_types) or reaction == "life_threatening"
    if stops:
        title = _("The drug is stopped for good when this is saved; no further dose is planned.")
        found.append(Caution("stop", title))
    status = "stop" if stops or reaction == "severe" else "wait"
    names = [name for name in regimen.reactions if kind and stops and name.startswith(kind)]
    for name in [*names, reaction or "none"]:
        told = regimen.reactions.get(name)
        if told is not None:
            found.append(Caution(status, as_sentence(told.text), told.source))
    return found
