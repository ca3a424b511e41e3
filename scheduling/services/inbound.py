"""Texts that come in: kept as they came, acted on where they are a word or a digit we know, else read by a person.

The words answered go out as the provider's answer to the same request: in the patient's language, one part of a
text, and without anything that tells of care.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from patients.models import Contact, Patient
from patients.validators import e164
from scheduling.models import Notice, Reply, Visit
from scheduling.rules import gsm7, keywords, states
from scheduling.rules import wording as rules
from scheduling.rules.errors import Refused
from scheduling.services import consents, outcomes, policy, replies
from scheduling.services.guard import writes
from scheduling.services.wording import dialled

TEXT = Contact.Channel.TEXT
Meaning = Reply.Meaning
GONE_OUT = (Notice.State.CLAIMED, Notice.State.SENT, Notice.State.DELIVERED, Notice.State.UNKNOWN)
ASKED_WITHIN = timedelta(days=14)
# The message that asks for a yes, or another one whose words do: "1=yes", "Reply 1", "Responda 1".
ASKING = re.compile(r"(?<!\d)1 ?=|\b(reply|text|responda|envíe|envie) 1\b", re.IGNORECASE)
# Two machines that answer each other would never stop.
QUIET_AFTER_A_THANKS = timedelta(hours=12)
LONGEST_SENDER = 254


@dataclass(frozen=True)
class Text:
    """One text as it came."""

    sender: str
    body: str
    provider_id: str
    at: datetime

    def id_for(self, place: int) -> str:
        """The provider's id; the second patient with the number has a row of their own."""
        return f"{self.provider_id}/{place + 1}" if self.provider_id and place else self.provider_id


@writes
def receive_text(*, sender: str, body: str, provider_id: str, now: datetime | None = None) -> str:
    """Take in a text from a number; returns the words to answer, "" for none.

    The number may be that of several patients: STOP, START and what a person must read count for each of them, a
    "1" only where it is plain whose visit it is for. A number nobody has is kept too. A text that is delivered again
    (`provider_id`) does nothing and is answered nothing. Locks the patients by id, then as what it does.
    """
    now = now or timezone.now()
    text = Text(e164(sender)[:LONGEST_SENDER], body.replace("\x00", ""), provider_id[:60], now)
    patients = _patients(text.sender)
    if provider_id and Reply.objects.filter(provider_id=text.provider_id).exists():
        return ""
    if not patients:
        return _from_nobody(text)
    with translation.override(patients[0].language):
        said = _said(keywords.meaning(text.body), text, patients)
        return _one_part(said) if said else ""


def _patients(number: str) -> list[Patient]:
    """Whose number for texts it is, locked; else whose phone it is. No number is nobody's."""
    if not number:
        return []
    for channel in (TEXT, Contact.Channel.VOICE):
        ids = Contact.objects.filter(channel=channel, value=number).values("patient")
        if found := list(Patient.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")):
            # All at once, by id, as a lot of messages does before it goes: two orders would be a deadlock.
            list(Contact.objects.select_for_update(no_key=True).filter(patient__in=found).order_by("pk"))
            return found
    return []


def _from_nobody(text: Text) -> str:
    """Nobody's number: a person finds out whose. Only a cry for help is answered, by its own language."""
    meaning = keywords.meaning(text.body)
    replies.record(
        patient=None, via="text", meaning=meaning, body=text.body, sender=text.sender,
        provider_id=text.provider_id, needs_a_person=meaning != Meaning.HELP, now=text.at,
    )  # fmt: skip
    if meaning != Meaning.HELP:
        return ""
    spanish = keywords.word_of(text.body) in keywords.SPANISH
    with translation.override("es" if spanish else "en"):
        return _one_part(_help())


def _said(meaning: str, text: Text, patients: Sequence[Patient]) -> str:
    if meaning == Meaning.STOP:
        return _stop(text, patients)
    if meaning == Meaning.START:
        return _start(text, patients)
    if meaning == Meaning.HELP:
        _keep(text, patients, Meaning.HELP, a_person=False)
        return _help()
    if meaning in {Meaning.CONFIRM, Meaning.MOVE, Meaning.CALL_ME}:
        return _about_a_visit(meaning, text, patients)
    return _other(text, patients)


def _keep(
    text: Text, patients: Iterable[Patient], meaning: str, *, a_person: bool, notice: Notice | None = None
) -> None:
    """The text as it came, with each patient whose it may be."""
    for place, patient in enumerate(patients):
        replies.record(
            patient=patient, visit=notice.visit if notice else None, notice=notice, via="text", meaning=meaning,
            body=text.body, sender=text.sender, provider_id=text.id_for(place), needs_a_person=a_person, now=text.at,
        )  # fmt: skip


def _stop(text: Text, patients: Sequence[Patient]) -> str:
    word = keywords.word_of(text.body)
    theirs = [contact for patient in patients for contact in _contacts(patient, text.sender)]
    for contact in theirs:
        consents.opt_out(contact.patient, TEXT, source="text STOP", now=text.at)
    visits = Visit.objects.filter(patient__in=patients, state__in=states.OPEN, starts_at__gt=text.at)
    # CANCEL may be meant for the visit, and a STOP from a number we send no texts to for something else.
    a_person = (word in keywords.MAYBE_THE_VISIT and visits.exists()) or not theirs
    _keep(text, patients, Meaning.STOP, a_person=a_person)
    return _("You will get no more texts from us. Reply START to get them again. Questions? Call %(phone)s.")


def _start(text: Text, patients: Sequence[Patient]) -> str:
    theirs = [contact for patient in patients for contact in _contacts(patient, text.sender)]
    asked = [
        notice for patient in patients if (notice := _asked(patient, text)) and not _stale(notice, text.at)
    ]
    if keywords.word_of(text.body) == "yes" and asked and all(contact.usable for contact in theirs):
        _keep(text, patients, Meaning.OTHER, a_person=True)
        return _("Thank you. To say yes to your visit, reply 1. For another time, reply 2.")
    refused = not theirs
    for contact in theirs:
        try:
            consents.opt_in(contact.patient, TEXT, source="text START", now=text.at)
        except Refused:
            refused = True
    _keep(text, patients, Meaning.START, a_person=refused)
    if refused:
        return _("We have no permission on file to text you. Please call %(phone)s.")
    return _("You get texts from us again. Reply STOP to end, HELP for help.")


def _contacts(patient: Patient, number: str) -> list[Contact]:
    return list(patient.contacts.filter(channel=TEXT, value=number).select_related("patient"))


def _help() -> str:
    return _("Questions? Call %(phone)s, day or night. Very unwell? Call 911. Reply STOP to end texts.")


def _other(text: Text, patients: Sequence[Patient]) -> str:
    since = text.at - QUIET_AFTER_A_THANKS
    thanked = Reply.objects.filter(
        sender=text.sender, meaning=Meaning.OTHER, via="text", received_at__gt=since
    ).exists()
    _keep(text, patients, Meaning.OTHER, a_person=True)
    if thanked:
        return ""
    return _(
        "Thank you. Somebody at our office will read this. Urgent? Call %(phone)s. Very unwell? Call 911."
    )


def _about_a_visit(meaning: str, text: Text, patients: Sequence[Patient]) -> str:
    """A digit answers the last text that asked. Where it is not plain whose, a person asks."""
    asked = [notice for patient in patients if (notice := _asked(patient, text))]
    valid = [notice for notice in asked if not _stale(notice, text.at)]
    waiting = [notice for notice in valid if notice.visit and notice.visit.state == "booked"] or valid
    if meaning == Meaning.CALL_ME:
        return _call_me(text, patients, waiting)
    if len(waiting) != 1:
        changed = bool(asked) and not valid
        _keep(text, patients, meaning, a_person=True, notice=asked[0] if len(asked) == 1 else None)
        if changed:
            return _("That visit has changed since our text. Somebody at our office will call you about it.")
        return _("Thank you. Somebody at our office will call you about your visit. Urgent? Call %(phone)s.")
    return _answered(meaning, text, waiting[0])


def _answered(meaning: str, text: Text, notice: Notice) -> str:
    """A yes, or the wish for another time, to the visit of one text."""
    visit = notice.visit
    assert visit is not None
    told = {
        "via": "text", "notice": notice, "body": text.body, "sender": text.sender,
        "provider_id": text.provider_id, "now": text.at,
    }  # fmt: skip
    try:
        if meaning == Meaning.MOVE:
            replies.ask_move(visit=visit, **told)
            return _when(
                _("We will call you to find another time. Until then your visit stays on %(day)s, %(time)s."),
                visit,
            )
        outcomes.confirm_visit(
            visit_id=visit.pk, by=None, version=notice.visit_version, via="text", now=text.at
        )
        replies.record(patient=visit.patient, visit=visit, meaning=Meaning.CONFIRM, **told)
    except Refused:  # it changed while we read it
        _keep(text, [visit.patient], meaning, a_person=True, notice=notice)
        return _("That visit has changed since our text. Somebody at our office will call you about it.")
    return _when(_("Thank you. Your visit on %(day)s, %(time)s is confirmed. Another time? Reply 2."), visit)


def _call_me(text: Text, patients: Sequence[Patient], waiting: Sequence[Notice]) -> str:
    visits = {notice.patient_id: notice.visit for notice in waiting}
    for place, patient in enumerate(patients):
        replies.call_me(
            patient=patient, via="text", visit=visits.get(patient.pk), body=text.body, sender=text.sender,
            provider_id=text.id_for(place), now=text.at,
        )  # fmt: skip
    return _("Somebody at our office will call you back. Very unwell? Call 911.")


def _asked(patient: Patient, text: Text) -> Notice | None:
    """The last text that asked this patient something, with its visit."""
    texts = Notice.objects.filter(
        patient=patient, channel=TEXT, state__in=GONE_OUT, visit__isnull=False,
        attempted_at__gt=text.at - ASKED_WITHIN, attempted_at__lte=text.at,
    )  # fmt: skip
    for notice in texts.select_related("visit__patient").order_by("-attempted_at", "-pk"):
        if notice.kind == Notice.Kind.CONFIRM or ASKING.search(notice.body):
            return notice
    return None


def _stale(notice: Notice, now: datetime) -> bool:
    """Whether the visit is not any more what the text said of it, or nobody comes because the patient is away."""
    visit = notice.visit
    return (
        visit is None
        or visit.patient.status != Patient.Status.ACTIVE
        or visit.version != notice.visit_version
        or visit.state not in states.OPEN
        or visit.starts_at <= now
    )


def _when(sentence: str, visit: Visit) -> str:
    language = (translation.get_language() or "en")[:2]
    start = visit.starts_at.astimezone(ZoneInfo(visit.time_zone))
    return sentence % {"day": rules.short_day(start, language), "time": rules.clock_time(start, language)}


def _one_part(sentence: str) -> str:
    """The sentence with the number to call, in the alphabet of telephones; our name before it where there is room."""
    if "%(phone)s" in sentence:
        sentence = sentence % {"phone": dialled(settings.AGENCY_PHONE)}
    plain = gsm7.to_gsm7(sentence)
    named = gsm7.to_gsm7(f"{policy.current().sender or settings.AGENCY_NAME}: ") + plain
    return named if gsm7.fits(named) else plain
