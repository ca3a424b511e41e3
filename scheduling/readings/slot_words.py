"""How the times that were found are told: why this one, who was ruled out, cards for pages, values for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from scheduling.planning.slots import Slot
from scheduling.readings import words
from scheduling.rules.eligibility import Problem
from scheduling.rules.holidays import holiday
from scheduling.services.bookable import Bookable

if TYPE_CHECKING:
    from scheduling.readings.course_slots import CourseFinding
    from scheduling.readings.slot_search import Finding

WHY_NOT = {
    "NOT_LICENSED": gettext_lazy("no licence for the home's state on these days"),
    "NOT_COMPETENT": gettext_lazy("not signed off for this drug on these days"),
    "NURSE_NOT_WANTED": gettext_lazy("marked never to come to this patient"),
    "OTHER_NURSE_PINNED": gettext_lazy("not the nurse this patient always has"),
    "NO_SHIFT": gettext_lazy("not working on these days"),
    "TIME_OFF": gettext_lazy("away on these days"),
    "SHIFT_TOO_SHORT": gettext_lazy("hours too short for this visit"),
    "ON_BREAK": gettext_lazy("no time long enough beside the break"),
    "DAY_TOO_LONG": gettext_lazy("at the day's limit of visits"),
    "NO_ROOM": gettext_lazy("no room between other visits and the drive"),
    "NO_TIME_LEFT": gettext_lazy("no start left on these days"),
    "NOT_ALL_DAYS": gettext_lazy("not free on every day of the course"),
}

NO_VEIN = gettext_lazy("not signed off to draw blood on these days")


def reasons(finding: Finding, slot: Slot) -> list[str]:
    """Why this slot, the weightiest first."""
    said = [from_due(slot.days_from_due)]
    said += [problem.text for problem in finding.warnings.get(slot.on, ())]
    if name := holiday(slot.on):
        said.append(_("A holiday: %(name)s") % {"name": name})
    said.append(_("+%(added)d min driving (%(there)d min there)") % {
        "added": slot.added_minutes, "there": slot.drive_minutes,
    })  # fmt: skip
    if slot.visits_before:
        said.append(seen_before(slot.visits_before, finding.all_visits_before))
    if slot.wish_met is not None:
        wished = finding.patient.get_prefers_display()
        wish = _("As wished: %(wish)s") if slot.wish_met else _("Not as wished: %(wish)s")
        said.append(wish % {"wish": wished.lower()})
    return said


def seen_before(visits: int, all_visits: int) -> str:
    """Continuity: how often the nurse came to this patient."""
    return _("Seen by this nurse %(n)d of %(all)d times") % {"n": visits, "all": all_visits}


def from_due(apart: int) -> str:
    """`2 days after the due date`."""
    if apart == 0:
        return _("On the due date")
    if apart > 0:
        words_for = ngettext("%(n)d day after the due date", "%(n)d days after the due date", apart)
    else:
        words_for = ngettext("%(n)d day before the due date", "%(n)d days before the due date", -apart)
    return words_for % {"n": abs(apart)}


def ruled_out_words(finding: Finding | CourseFinding) -> list[str]:
    """`2 nurses: away on these days`, most nurses first."""
    return who_is_out(finding.ruled_out, drug=finding.dose is not None)


def who_is_out(ruled_out: Mapping[str, Sequence[int]], *, drug: bool = True) -> list[str]:
    """The same for nurses by code of WHY_NOT; `drug` is False for a visit that gives none."""
    groups = sorted(ruled_out.items(), key=lambda group: -len(group[1]))
    return [
        ngettext("%(n)d nurse: %(why)s", "%(n)d nurses: %(why)s", len(keys))
        % {"n": len(keys), "why": why_not(code, drug=drug)}
        for code, keys in groups
    ]


def why_not(code: str, *, drug: bool = True) -> str:
    """The words of a code; a visit without a drug may need somebody who draws blood."""
    return str(WHY_NOT[code] if drug or code != "NOT_COMPETENT" else NO_VEIN)


def cards(finding: Finding, action: str) -> list[dict[str, Any]]:
    """The slots as ui/slot_card.html shows them; the first is the best."""
    zone = finding.patient.time_zone
    return [
        {
            "when": words.at_words(slot.starts_at, zone),
            "nurse": finding.names[slot.nurse],
            "reasons": reasons(finding, slot),
            "best": place == 0,
            "action": action,
            "value": f"{slot.nurse}|{slot.starts_at.astimezone(ZoneInfo(zone)):%Y-%m-%d|%H:%M}",
        }
        for place, slot in enumerate(finding.slots)
    ]


def shown(finding: Finding) -> dict[str, Any]:
    """The whole answer as JSON has it, for programs; its shape is told by api.serializers.SlotsOut."""
    minutes = minutes_shown(finding.wanted)
    return {
        "slots": [{**_shown(finding, slot), **minutes} for slot in finding.slots],
        "ruled_out": ruled_out_shown(finding.ruled_out),
        "refused": refused_shown(finding.blocked, finding.refused),
    }


def ruled_out_shown(ruled_out: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]:
    """Who has no slot, by reason."""
    return [{"code": code, "text": why_not(code), "nurses": list(keys)} for code, keys in ruled_out.items()]


def refused_shown(blocked: Iterable[Problem], refused: Mapping[date, Problem]) -> list[dict[str, Any]]:
    """Why no time is possible, and why a day is not."""
    return [
        *({"on": None, "code": problem.code, "text": problem.text} for problem in blocked),
        *(
            {"on": day.isoformat(), "code": problem.code, "text": problem.text}
            for day, problem in sorted(refused.items())
        ),
    ]


def minutes_shown(wanted: Bookable) -> dict[str, int]:
    """The parts of the visit; arrival counts as preparation."""
    minutes = wanted.minutes
    return {
        "preparation_minutes": minutes.preparation,
        "infusion_minutes": minutes.infusion,
        "observation_minutes": minutes.observation,
        "wrap_up_minutes": minutes.wrap_up,
    }


def moment_shown(at: datetime) -> str:
    """As the API writes a moment: in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _shown(finding: Finding, slot: Slot) -> dict[str, Any]:
    return {
        "nurse": slot.nurse,
        "nurse_name": finding.names[slot.nurse],
        "starts_at": moment_shown(slot.starts_at),
        "ends_at": moment_shown(slot.starts_at + finding.wanted.length),
        "on": slot.on.isoformat(),
        "drive_minutes": slot.drive_minutes,
        "added_drive_minutes": slot.added_minutes,
        "days_from_due": slot.days_from_due,
        "visits_by_nurse": slot.visits_before,
        "visits_before": finding.all_visits_before,
        "wish_met": slot.wish_met,
        "needs_reason": [problem.code for problem in finding.warnings[slot.on]],
        "holiday": holiday(slot.on),
        "reasons": reasons(finding, slot),
    }
