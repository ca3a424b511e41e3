"""How a patient can be reached, and what they said about it: the People tab and the patient's own choices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients.models import Contact, Patient
from scheduling.readings import pairs, words
from scheduling.services import ways

NAMES = {
    "email": gettext_lazy("E-mail"),
    "text": gettext_lazy("Text messages"),
    "voice": gettext_lazy("Phone calls"),
}


@dataclass(frozen=True)
class Way:
    """One channel of a patient, with or without something on file."""

    channel: str
    contact: Contact | None
    time_zone: str

    @property
    def name(self) -> str:
        return str(NAMES[self.channel])

    @property
    def value(self) -> str:
        return self.contact.value if self.contact else ""

    @property
    def shown(self) -> str:
        """As people write it: 214-555-0142."""
        digits = self.value.removeprefix("+1")
        if self.channel == "email" or len(digits) != 10:
            return self.value
        return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"

    @property
    def usable(self) -> bool:
        return self.contact is not None and self.contact.usable

    @property
    def choice(self) -> str:
        """What the form shows as chosen: "" when nobody asked yet."""
        if self.contact is None:
            return ""
        return "no" if self.contact.opted_out_at else "yes" if self.contact.consented_at else ""

    @property
    def saw(self) -> str:
        return ways.seen(self.contact)

    @property
    def status(self) -> tuple[str, str]:
        """Status and word, for ui/tag.html."""
        one = self.contact
        if one is None or not one.value:
            return "done", _("Nothing on file")
        if one.opted_out_at:
            return "hold", _("Opted out")
        if one.failed_at:
            return "stop", _("Does not work")
        if not one.consented_at:
            return "wait", _("No consent yet")
        return "ok", _("May be used")

    @property
    def told(self) -> list[str]:
        """When and how consent was given, taken back, and since when it does not work; the latest last."""
        one = self.contact
        if one is None:
            return []
        facts = [
            (one.consented_at, _("Agreed"), one.consent_source),
            (one.opted_out_at, _("Opted out"), one.opt_out_source),
            (one.failed_at, _("Found not to work"), ""),
        ]
        return [self._told(at, what, how) for at, what, how in sorted_by_time(facts)]

    def _told(self, at: datetime, what: str, how: str) -> str:
        when = words.day_words(at.astimezone(ZoneInfo(self.time_zone)).date())
        said = {"what": what, "when": when, "how": how}
        return (_("%(what)s %(when)s: %(how)s") if how else _("%(what)s %(when)s")) % said


def sorted_by_time(facts: list[tuple[datetime | None, str, str]]) -> list[tuple[datetime, str, str]]:
    return sorted((at, what, how) for at, what, how in facts if at is not None)


def way_of(patient: Patient, channel: str) -> Way:
    return Way(channel, patient.contacts.filter(channel=channel).first(), patient.time_zone)


def ways_of(patient: Patient) -> list[Way]:
    """All three channels, with or without something on file. One query."""
    found = {contact.channel: contact for contact in patient.contacts.all()}
    return [Way(channel, found.get(channel), patient.time_zone) for channel in NAMES]


def people(patient: Patient) -> dict[str, Any]:
    """The People tab: who is written to and called, and whether they agreed; which nurses come."""
    return {"ways": ways_of(patient), "pairs": pairs.rows(patient)}
