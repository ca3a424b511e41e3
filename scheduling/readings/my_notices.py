"""What a patient reads about the messages they get: what we sent, and which ways they chose. Reads only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients.models import Patient
from scheduling import selectors
from scheduling.models import Notice
from scheduling.readings import my, people, words
from scheduling.readings.notice_page import masked

SHOWN = 20
# In every Spanish wording that is shipped, and in no English one; saved ones say their language themselves.
SPANISH = re.compile(r"\b(visita|llame|para no recibir)\b", re.IGNORECASE)
HOW = {
    "email": gettext_lazy("by e-mail"),
    "text": gettext_lazy("by text"),
    "voice": gettext_lazy("by phone"),
}
EXPLAINED = {
    "email": gettext_lazy("E-mails about your visits."),
    "text": gettext_lazy("Short texts about your visits. One a day at most."),
    "voice": gettext_lazy("Automatic calls. A person may still call you."),
}


@dataclass(frozen=True)
class Choice:
    """One way to be reached, as its owner sees it."""

    way: people.Way

    @property
    def name(self) -> str:
        return self.way.name

    @property
    def explained(self) -> str:
        return str(EXPLAINED[self.way.channel])

    @property
    def on(self) -> bool:
        return self.way.usable

    @property
    def on_file(self) -> bool:
        return bool(self.way.value)

    @property
    def broken(self) -> bool:
        return self.way.contact is not None and self.way.contact.failed_at is not None

    @property
    def texted_stop(self) -> bool:
        """The phone company holds texts back until they send START."""
        contact = self.way.contact
        return self.way.channel == "text" and contact is not None and "STOP" in contact.opt_out_source.upper()


@dataclass(frozen=True)
class Letter:
    """One message that was sent: what it was, when and how, and its words without the link."""

    notice: Notice
    time_zone: str

    @property
    def title(self) -> str:
        return str(self.notice.get_kind_display())

    @property
    def when(self) -> str:
        at = self.notice.settled_at or self.notice.due_at
        local = at.astimezone(ZoneInfo(self.time_zone))
        said = {"day": my.long_day(local.date()), "time": words.clock_words(local)}
        return _("%(day)s, %(time)s") % said

    @property
    def how(self) -> str:
        return str(HOW.get(self.notice.channel, ""))

    @property
    def language(self) -> str:
        """What it was written in: the patient may have chosen another language since."""
        if self.notice.text is not None:
            return self.notice.text.language
        return "es" if SPANISH.search(self.notice.body) else "en"

    @property
    def body(self) -> str:
        return masked(self.notice.body)


def choices_of(patient: Patient) -> list[Choice]:
    """The three ways. One query."""
    return [Choice(way) for way in people.ways_of(patient)]


def letters_of(user: selectors.Viewer, patient: Patient) -> list[Letter]:
    """The latest messages that went out, newest first. One query."""
    sent = selectors.notices_for(user).filter(patient=patient, state__in=("sent", "delivered"))
    sent = sent.select_related("text")
    return [Letter(notice, patient.time_zone) for notice in sent.order_by("-settled_at", "-pk")[:SHOWN]]
