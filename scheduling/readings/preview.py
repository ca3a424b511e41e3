"""A calendar nobody has saved yet. Writes nothing; what a change does to a saved one is in readings/effects.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from scheduling.readings.chart_words import as_sentence, day_words
from scheduling.readings.warnings import Caution, of_diagnosis
from scheduling.readings.words import mg_words
from scheduling.rules.calendar import Calendar, Dose
from scheduling.rules.regimen import Regimen
from scheduling.services.prescribing import Wish

FLAG_WORDS = {
    "OVERDUE": "stop", "MISSED": "stop", "ON_HOLD": "hold", "RESTART_REVIEW": "wait", "DOSE_CAPPED": "wait",
}  # fmt: skip
SHOWN = 8


@dataclass(frozen=True)
class PreviewLine:
    """One dose of a calendar not saved yet."""

    dose: Dose
    on: date | None
    amount: str
    tags: tuple[tuple[str, str], ...]


def flag_words(flag: str) -> str:
    """A flag of the calendar as people say it."""
    return {
        "OVERDUE": _("Overdue"),
        "MISSED": _("Past its window"),
        "ON_HOLD": _("On hold"),
        "RESTART_REVIEW": _("Prescriber reviews the restart"),
        "DOSE_CAPPED": _("Largest single dose"),
    }.get(flag, flag.replace("_", " ").capitalize())


def lines(calendar: Calendar) -> list[PreviewLine]:
    """Every dose to come, in order."""
    return [_line(dose) for dose in calendar.planned]


def _line(dose: Dose) -> PreviewLine:
    tags = [(FLAG_WORDS.get(flag, "wait"), flag_words(flag)) for flag in dose.flags]
    return PreviewLine(dose, dose.planned_on, mg_words(dose.amount_mg), tuple(tags))


def cautions(calendar: Calendar, regimen: Regimen, wish: Wish, today: date) -> list[Caution]:
    """What a person should look at before saving; none of it stands in the way."""
    found = [Caution("wait", note.text, note.source) for note in calendar.notes]
    first = next((dose.planned_on or dose.due_on for dose in calendar.planned), today)
    found += of_diagnosis(wish.diagnosis_code, regimen, first)
    if not wish.given and wish.start_on < today - timedelta(days=30):
        title = _("The start is in the past and no earlier dose is listed.")
        found.append(Caution("wait", title, _("Dose 1 counts as overdue. Add the doses given elsewhere.")))
    if regimen.site_of_care.home == "no":
        found.append(Caution("wait", _("Not a drug for home."), as_sentence(regimen.site_of_care.text)))
    if regimen.not_covered:
        found.append(Caution("info", as_sentence(regimen.not_covered)))
    return found


def preview_context(calendar: Calendar, regimen: Regimen, wish: Wish, today: date) -> dict[str, Any]:
    """What the preview beside the form shows."""
    found = lines(calendar)
    last = found[-1].dose if found else None
    return {
        "first": found[:SHOWN],
        "rest": found[SHOWN:],
        "count": len(found),
        "given": wish.given,
        "cautions": cautions(calendar, regimen, wish, today),
        "regimen": regimen,
        "until": day_words(last.planned_on or last.due_on) if last else "",
        "unrenewed": sum(1 for line in found if line.dose.needs_renewed_order),
    }
