"""Licences and competencies that run out: 90, 60, 30 days ahead and afterwards, in three tones. Reads only.

Only the paper that counts is looked at: the latest of its kind. What it covers beyond its last day cannot be
booked; what was booked before stands among the visits without their nurse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from nurses.models import Nurse
from scheduling import clock, selectors
from scheduling.readings import words
from scheduling.readings.patient_list import drug_name

TONES = {30: "stop", 60: "wait", 90: "info"}  # days before the last valid day -> status
LONGEST = max(TONES)


@dataclass(frozen=True)
class Paper:
    """One paper that runs out: whose, which, its last valid day, and the days left (below 0 it has)."""

    nurse: Nurse
    what: str
    last_on: date
    days_left: int

    @property
    def status(self) -> str:
        return tone(self.days_left)

    @property
    def word(self) -> str:
        if self.days_left < 0:
            return ngettext("Ended %(n)d day ago", "Ended %(n)d days ago", -self.days_left) % {
                "n": -self.days_left
            }
        if self.days_left == 0:
            return _("Last day today")
        return ngettext("%(n)d day left", "%(n)d days left", self.days_left) % {"n": self.days_left}


def tone(days_left: int) -> str:
    """stop within 30 days and afterwards, wait within 60, info within 90, ok beyond."""
    return next((status for days, status in sorted(TONES.items()) if days_left <= days), "ok")


def expiry(last_on: date | None, today: date) -> dict[str, str]:
    """Status and words of a last valid day: expired, within 30, 60 or 90 days, or good."""
    if last_on is None:
        return {"status": "ok", "word": _("No end date")}
    left = (last_on - today).days
    day = words.day_words(last_on).partition(", ")[2]
    if left < 0:
        return {"status": "stop", "word": _("Ended %(day)s") % {"day": day}}
    within = next((days for days in sorted(TONES) if left <= days), None)
    if within is None:
        return {"status": "ok", "word": _("to %(day)s") % {"day": day}}
    return {
        "status": TONES[within],
        "word": _("%(day)s, within %(days)d days") % {"day": day, "days": within},
    }


def due(user: selectors.Viewer, *, now: datetime | None = None) -> list[Paper]:
    """Papers of active nurses that end within LONGEST days or have ended, the nearest end first. Three queries."""
    nurses = selectors.nurses_for(user).filter(active=True).prefetch_related("licences", "competencies")
    found = [paper for nurse in nurses for paper in papers_of(nurse, clock.today_in(nurse.time_zone, now))]
    return sorted(found, key=lambda paper: (paper.days_left, paper.nurse.last_name, paper.what))


def papers_of(nurse: Nurse, today: date) -> Iterable[Paper]:
    """The papers of one nurse that run out; reads the prefetched rows."""
    for state, last_on in latest_licences(nurse).items():
        yield from _paper(nurse, _("Licence %(state)s") % {"state": state}, last_on, today)
    for code, last in latest_competencies(nurse).items():
        yield from _paper(nurse, code_words(code), last, today)


def latest_licences(nurse: Nurse) -> dict[str, date]:
    """State -> the last valid day that counts."""
    found: dict[str, date] = {}
    for licence in nurse.licences.all():
        found[licence.state] = max(licence.expires_on, found.get(licence.state, licence.expires_on))
    return found


def latest_competencies(nurse: Nurse) -> dict[str, date | None]:
    """Code -> the last valid day that counts: the latest, and no end beats any."""
    found: dict[str, date | None] = {}
    for held in nurse.competencies.all():
        known = found.get(held.code, held.expires_on)
        found[held.code] = None if held.expires_on is None or known is None else max(held.expires_on, known)
    return found


def code_words(code: str) -> str:
    """`iv` and drug names as people write them."""
    return _("IV therapy") if code == "iv" else drug_name(code)


def summary(papers: Iterable[Paper]) -> list[dict[str, str]]:
    """`2 within 30 days`, the most urgent first: status and word of each tone that has any."""
    counted = Counter("ended" if paper.days_left < 0 else paper.status for paper in papers)
    said = {
        "ended": ("stop", ngettext("%(n)d has ended", "%(n)d have ended", counted["ended"])),
        "stop": ("stop", ngettext("%(n)d ends within 30 days", "%(n)d end within 30 days", counted["stop"])),
        "wait": ("wait", ngettext("%(n)d within 60 days", "%(n)d within 60 days", counted["wait"])),
        "info": ("info", ngettext("%(n)d within 90 days", "%(n)d within 90 days", counted["info"])),
    }
    return [
        {"status": status, "word": word % {"n": counted[key]}}
        for key, (status, word) in said.items()
        if counted[key]
    ]


def _paper(nurse: Nurse, what: str, last_on: date | None, today: date) -> Iterable[Paper]:
    if last_on is not None and (last_on - today).days <= LONGEST:
        yield Paper(nurse, what, last_on, (last_on - today).days)
