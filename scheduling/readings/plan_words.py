"""A plan's lines in words: why this nurse and time, why none was found, and what would help.

A line keeps codes and figures, never sentences: `reasons` and `helps` are lists of {"code", ...figures}.

Reasons of a visit that has a time: LATE days (past its window, so that taking it asks for a reason) ·
DAYS_FROM_DUE days · HOLIDAY name · DRIVE added, there (minutes) · KNOWN_NURSE visits, all ·
NEW_NURSE · ONLY_NURSE · ABLE_NURSES nurses · WISH met, wish · NO_WISH · PINNED · CLOSING days (until the window does) ·
SAME_NURSE_COURSE · NEXT_BEST minutes (what the next best would cost more).
Reasons of one without: NOBODY_MAY · NOBODY_WORKS · TOO_LONG · NO_ROOM · TIMES_GIVEN · COURSE · SAME_DAY ·
DEAR · BLOCKED text.
Helps: LONGER nurse, on, until or from ("17:00", the nurse's clock) · LIMIT nurse, on, minutes · OTHER_DAY on ·
SKILL skill, nurse, on · INSTEAD nurse, on, visit.
`nurse` is an id, `on` an ISO day. A code nobody knows here is left out: better no reason than a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from scheduling.readings import words
from scheduling.readings.slot_words import from_due, seen_before

Names = Mapping[int, str]  # nurse -> "Ana Torres"
Said = Mapping[str, Any]

WHY_LEFT = {
    "NOBODY_MAY": gettext_lazy("No nurse who may come has the papers for it on these days."),
    "NOBODY_WORKS": gettext_lazy("No nurse who may come works on these days."),
    "TOO_LONG": gettext_lazy("No nurse's hours are long enough for it."),
    "NO_ROOM": gettext_lazy("The nurses who may come are full with visits already booked."),
    "TIMES_GIVEN": gettext_lazy("Every time that fits is needed for a more urgent visit."),
    "COURSE": gettext_lazy("Not all days of the course fit together."),
    "SAME_DAY": gettext_lazy("The patient has another visit on each of these days."),
    "DEAR": gettext_lazy("It would fit, with more driving than waiting for next week costs."),
    "NOT_READY": gettext_lazy("It cannot be booked yet."),
}
NO_ANSWER = gettext_lazy("No time was found.")


def reasons(said: Iterable[Said]) -> list[str]:
    """Why this nurse and time, in the order they were kept."""
    return [words_for for one in said if (words_for := _reason(one))]


def why_left(said: Iterable[Said]) -> str:
    """Why no time was found, in one sentence or two."""
    found = [
        str(one["text"]) if one.get("text") else str(WHY_LEFT.get(str(one.get("code")), "")) for one in said
    ]
    return " ".join(dict.fromkeys(text for text in found if text)) or str(NO_ANSWER)


def helps(said: Iterable[Said], names: Names) -> list[str]:
    """What would help, the cheapest first."""
    return [words_for for one in said if (words_for := _help(one, names))]


def nurse_ids(lines: Iterable[Sequence[Said]]) -> set[int]:
    """The nurses that helps name, to be read at once."""
    return {int(one["nurse"]) for said in lines for one in said if str(one.get("nurse", "")).isdecimal()}


def _reason(said: Said) -> str:
    tell = REASONS.get(str(said.get("code")))
    try:
        return tell(said) if tell else ""
    except (KeyError, TypeError, ValueError):  # a figure is missing: a row of another version
        return ""


def _help(said: Said, names: Names) -> str:
    tell = HELPS.get(str(said.get("code")))
    try:
        return tell(said, names) if tell else ""
    except (KeyError, TypeError, ValueError):
        return ""


def _drive(said: Said) -> str:
    if "there" not in said:
        return _("+%(added)d min driving") % {"added": said["added"]}
    return _("+%(added)d min driving (%(there)d min there)") % {
        "added": said["added"],
        "there": said["there"],
    }


def _able(said: Said) -> str:
    count = int(said["nurses"])
    if count == 1:
        return _("Only nurse who may")
    return ngettext("%(n)d nurse may", "%(n)d nurses may", count) % {"n": count}


def _wish(said: Said) -> str:
    wish = {"morning": _("mornings"), "afternoon": _("afternoons")}.get(str(said["wish"]), str(said["wish"]))
    return (_("As wished: %(wish)s") if said["met"] else _("Not as wished: %(wish)s")) % {"wish": wish}


def _closing(said: Said) -> str:
    days = int(said["days"])
    if days == 0:
        return _("Last day of the window")
    return ngettext("Window closes %(n)d day later", "Window closes %(n)d days later", days) % {"n": days}


def _late(said: Said) -> str:
    days = int(said["days"])
    return ngettext(
        "%(n)d day past its window: asks for a reason", "%(n)d days past its window: asks for a reason", days
    ) % {"n": days}


REASONS: dict[str, Callable[[Said], str]] = {
    "LATE": _late,
    "HOLIDAY": lambda said: _("A holiday: %(name)s") % {"name": said["name"]},
    "DAYS_FROM_DUE": lambda said: from_due(int(said["days"])),
    "DRIVE": _drive,
    "KNOWN_NURSE": lambda said: seen_before(int(said["visits"]), int(said["all"])),
    "NEW_NURSE": lambda said: _("New nurse for this patient"),
    "ONLY_NURSE": lambda said: _("Only nurse who may"),
    "ABLE_NURSES": _able,
    "WISH": _wish,
    "PINNED": lambda said: _("Always this nurse"),
    "CLOSING": _closing,
    "SAME_NURSE_COURSE": lambda said: _("One nurse for the whole course"),
    "NEXT_BEST": lambda said: _("Next best costs %(n)d min more") % {"n": int(said["minutes"])},
}


def _longer(said: Said, names: Names) -> str:
    kept = {"nurse": _name(said, names), "on": _on(said)}
    if said.get("until"):
        return _("%(nurse)s until %(at)s on %(on)s") % {**kept, "at": _clock(said["until"])}
    return _("%(nurse)s from %(at)s on %(on)s") % {**kept, "at": _clock(said["from"])}


def _limit(said: Said, names: Names) -> str:
    return _("%(n)d min more of visits for %(nurse)s on %(on)s") % {
        "n": int(said["minutes"]),
        "nurse": _name(said, names),
        "on": _on(said),
    }


def _skill(said: Said, names: Names) -> str:
    skill, kept = str(said.get("skill")), {"nurse": _name(said, names), "on": _on(said)}
    if skill == "iv":
        return _("IV papers for %(nurse)s, who has room on %(on)s") % kept
    if skill.startswith("licence:"):
        state = skill.partition(":")[2]
        return _("A licence for %(state)s for %(nurse)s, who has room on %(on)s") % {**kept, "state": state}
    return _("The drug's papers for %(nurse)s, who has room on %(on)s") % kept


HELPS: dict[str, Callable[[Said, Names], str]] = {
    "LONGER": _longer,
    "LIMIT": _limit,
    "OTHER_DAY": lambda said, names: _("%(on)s instead, outside its window") % {"on": _on(said)},
    "SKILL": _skill,
    "INSTEAD": lambda said, names: _("%(nurse)s on %(on)s, in place of a less urgent visit") % {
        "nurse": _name(said, names),
        "on": _on(said),
    },
}  # fmt: skip


def _name(said: Said, names: Names) -> str:
    return names.get(int(said["nurse"])) or _("A nurse")


def _on(said: Said) -> str:
    return words.day_words(date.fromisoformat(str(said["on"])), year=False)


def _clock(at: str) -> str:
    """`5:00 pm` of "17:00", or of an ISO moment on the agency's clock."""
    if "T" in at or " " in at:
        return words.clock_words(datetime.fromisoformat(at).astimezone(ZoneInfo(settings.AGENCY_TIME_ZONE)))
    return words.clock_words(time.fromisoformat(at))
