"""The queue as rows of plain words, for a file that people open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from django.utils.translation import gettext as _

from scheduling.models import Visit
from scheduling.readings.queue import Line

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def rows(lines: Iterable[Line]) -> Iterator[Sequence[str]]:
    """A row of heads, then one a line. Days are ISO days, so that they sort."""
    yield [
        _("Patient"), _("MRN"), _("Kind"), _("What"), _("Amount"), _("Minutes"), _("Due"), _("Window from"),
        _("Window to"), _("Days left"), _("City"), _("Language"), _("Prefers"), _("In the way"), _("Held by"),
    ]  # fmt: skip
    kinds = dict(Visit.Kind.choices)
    for line in lines:
        first, last = line.window or (line.due_on, line.due_on)
        held = line.held.held_by if line.held else None
        yield [
            safe(cell)
            for cell in (
                line.patient.listed_name,
                line.patient.mrn,
                str(kinds[line.kind]),
                line.title,
                line.amount,
                str(line.minutes),
                _iso(line.due_on),
                _iso(first),
                _iso(last),
                str(line.days_left) if line.days_left >= 0 else _late(-line.days_left),
                line.patient.city,
                str(line.patient.get_language_display()),
                str(line.patient.get_prefers_display()),
                " ".join(blocker.text for blocker in line.blockers),
                (held.get_full_name() or held.get_username()) if held else "",
            )
        ]


def safe(cell: str) -> str:
    """The cell as text: a spreadsheet runs what begins like a formula, so a leading `'` goes before it."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _iso(day: date) -> str:
    return day.isoformat()


def _late(days: int) -> str:
    return _("%(n)d late") % {"n": days}
