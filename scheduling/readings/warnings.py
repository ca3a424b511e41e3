"""What a person must know about an order before doing anything with it, worst first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from scheduling.readings.chart_words import as_sentence, day_words
from scheduling.rules import diagnosis
from scheduling.rules.calendar import Calendar
from scheduling.rules.errors import BadInput
from scheduling.rules.regimen import Regimen

if TYPE_CHECKING:
    from scheduling.readings.chart import Card

STOPPED = {"DISCONTINUED", "DISCONTINUE_PERMANENT", "CAP_REACHED"}


@dataclass(frozen=True)
class Caution:
    """A banner: `status` as in ui/banner.html; `hold_id` names the hold it tells of."""

    status: str
    title: str
    text: str = ""
    hold_id: int | None = None


def of_card(card: Card, calendar: Calendar | None, wrong: BadInput | None) -> list[Caution]:
    """The banners of one order."""
    found: list[Caution] = []
    if wrong is not None:
        found.append(Caution("stop", _("The calendar cannot be worked out."), str(wrong)))
    if calendar is not None:
        found += [
            Caution(
                "stop" if note.code in STOPPED and not calendar.planned else "wait", note.text, note.source
            )
            for note in calendar.notes
        ]
    if card.prescription.discontinued_why:
        found.append(Caution("info", _("Why it was stopped:"), card.prescription.discontinued_why))
    if not card.open:
        return found
    code = card.prescription.diagnosis_code or card.prescription.patient.diagnosis_code
    found += of_diagnosis(code, card.regimen, _next_day(card))
    found += _of_visits(card) + _of_next(card) + _of_holds(card)
    if card.prescription.expires_on < card.today:
        ended = {"day": day_words(card.prescription.expires_on)}
        found.append(
            Caution(
                "stop",
                _("The order ended %(day)s.") % ended,
                _("No dose can be booked without a renewed one."),
            )
        )
    return found


def of_diagnosis(code: str, regimen: Regimen, service_on: date) -> list[Caution]:
    """What is wrong with the diagnosis code for this drug on a day of service; it warns, nothing more."""
    return [
        Caution("wait", problem.text, problem.remedy)
        for problem in diagnosis.problems(code, regimen, service_on)
    ]


def _next_day(card: Card) -> date:
    """The day of the next dose: its visit's, else the planned one, else today."""
    line = card.next
    if line is None:
        return card.today
    return line.visit.local_start.date() if line.visit else max(line.row.due_on, card.today)


def _of_visits(card: Card) -> list[Caution]:
    return [
        Caution(
            "stop",
            _("The visit on %(day)s needs a decision.") % {"day": day_words(line.visit.local_start.date())},
            line.visit.attention,
        )
        for line in card.lines
        if line.visit is not None and line.visit.attention
    ]


def _of_next(card: Card) -> list[Caution]:
    line = card.next
    if line is None or line.visit is not None:
        return []
    found = []
    if line.overdue:
        title = _("Dose %(n)s is overdue.") % {"n": line.number}
        found.append(Caution("stop", title, line.moved))
        if "MISSED" in line.flags:
            found[-1] = Caution("stop", title, f"{line.moved} " + as_sentence(card.regimen.missed_dose.text))
    if "RESTART_REVIEW" in line.flags and card.regimen.restart is not None:
        found.append(Caution("wait", _("The prescriber reviews the restart."), card.regimen.restart.text))
    return found


def _of_holds(card: Card) -> list[Caution]:
    found = []
    for hold in card.holds:
        if hold.clears_on is not None and hold.clears_on <= card.today:
            continue
        if hold.clears_on is None:
            title = _("On hold from %(day)s, no end yet.") % {"day": day_words(hold.starts_on)}
        else:
            said = {"day": day_words(hold.starts_on), "end": day_words(hold.clears_on)}
            title = _("On hold from %(day)s; dosing again from %(end)s.") % said
        found.append(Caution("hold", title, hold.reason, hold.pk))
    return found
