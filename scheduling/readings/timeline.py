"""What the timeline of an order shows: doses with their windows, papers on file, tests that fall due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from patients.models import Evidence
from scheduling.drawing import Mark
from scheduling.readings.chart_words import day_words
from scheduling.rules.errors import BadInput
from scheduling.rules.monitoring import series
from scheduling.services import doses
from scheduling.services.doses import Case
from scheduling.services.readiness import title_of

if TYPE_CHECKING:
    from scheduling.readings.chart import Card, Line

MOST_TESTS = 6  # the next ones of all kinds: a picture of three years of monthly labs shows nothing
FORGOTTEN_AFTER = timedelta(days=60)


def marks(card: Card, case: Case, evidence: Sequence[Evidence]) -> list[Mark]:
    """The marks of one order, in order of day."""
    found = [mark for line in card.lines for mark in _of_line(line)]
    found += _papers(card, evidence)
    if card.open:
        found += _tests(card, case, evidence)
    return sorted(found, key=lambda mark: (mark.on, mark.is_lab))


def _of_line(line: Line) -> list[Mark]:
    number, amount = str(line.number), f", {line.amount}" if line.amount else ""
    named = {"n": number, "amount": amount}
    if line.state == "given":
        assert line.on is not None
        words = _("Dose %(n)s given %(day)s%(amount)s") % {**named, "day": day_words(line.on)}
        return [Mark(line.on, "given", number, words)]
    if line.on is None:
        words = _("Dose %(n)s on hold, due %(day)s%(amount)s") % {**named, "day": day_words(line.due_on)}
        return [Mark(line.due_on, "hold", number, words)]
    day = {**named, "day": day_words(line.on)}
    if line.state == "booked":
        words = _("Dose %(n)s booked %(day)s%(amount)s") % day
    else:
        words = _("Dose %(n)s planned %(day)s%(amount)s") % day
    if line.needs_renewed_order:
        words += ". " + _("Needs a renewed order")
    found = [Mark(line.on, line.state, number, words, line.window_start, line.window_end)]
    if "MISSED" in line.flags and line.on != line.due_on:
        missed = _("Dose %(n)s was due %(day)s and is not given") % {**named, "day": day_words(line.due_on)}
        found.insert(0, Mark(line.due_on, "missed", number, missed))
    return found


def _papers(card: Card, evidence: Sequence[Evidence]) -> list[Mark]:
    """Results that belong to this drug: what it asks for before a dose or follows over time."""
    asked = {item.kind for item in card.regimen.prerequisites} | {
        rule.kind for rule in card.regimen.monitoring
    }
    first_on = card.lines[0].on if card.lines else card.prescription.start_on
    since = (first_on or card.prescription.start_on) - timedelta(days=120)
    return [
        Mark(
            paper.dated_on,
            "lab",
            title_of(paper.kind),
            f"{title_of(paper.kind)}: {day_words(paper.dated_on)}",
        )
        for paper in evidence
        if paper.kind in asked and paper.dated_on >= since
    ]


def _tests(card: Card, case: Case, evidence: Sequence[Evidence]) -> list[Mark]:
    """The next tests that fall due, and those that fell due lately without a result."""
    results = [(paper.kind, paper.dated_on) for paper in evidence]
    as_of = max([card.today, *(given.on for given in case.history)])
    try:
        owed = series(
            case.regimen, case.order, case.history, as_of, until=card.today + doses.HORIZON, results=results
        )
    except BadInput:  # said on the chart already, where the calendar would be
        return []
    found = []
    for one in owed:
        latest = max((on for kind, on in results if kind == one.kind), default=None)
        for on in one.dates:
            done = latest is not None and on <= latest + timedelta(days=30)
            if on >= card.today - FORGOTTEN_AFTER and not done:
                words = _("%(what)s due %(day)s") % {"what": title_of(one.kind), "day": day_words(on)}
                found.append(Mark(on, "lab-due", title_of(one.kind), words))
                break
    return sorted(found, key=lambda mark: mark.on)[:MOST_TESTS]
