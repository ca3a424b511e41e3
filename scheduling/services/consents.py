"""Whether a way to reach a patient may be used: taken back, given again, or found dead. One channel at a time.

STOP in a text stops texts; calls and e-mails go on until they are stopped too. Each change is in the trail.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F
from django.utils import timezone

from accounts.models import User
from patients.models import Contact, Patient
from scheduling.models import Notice
from scheduling.rules import states
from scheduling.rules.errors import RuleBroken
from scheduling.services import alerts, events, sendable
from scheduling.services.guard import writes

DEAD = {
    Contact.Channel.EMAIL: "E-mails to this patient come back. Ask for another address.",
    Contact.Channel.TEXT: "Texts to this patient do not arrive: the number does not take them. Ask for another one.",
    Contact.Channel.VOICE: "The patient's phone number does not work. Ask for another one.",
}


@writes
def opt_out(
    patient: Patient, channel: str, *, source: str, by: User | None = None, now: datetime | None = None
) -> bool:
    """No more messages on this channel from this moment; those planned are taken back. Twice is once.

    Returns whether anything changed. `source`: how we know ("text STOP", "provider", "told the office"). Locks the
    patient, the contact, then the notices.
    """
    now = now or timezone.now()
    contact = _locked(patient, channel)
    if contact is None or contact.opted_out_at is not None:
        return False
    contact.opted_out_at, contact.opt_out_source = now, source[:60]
    contact.save(update_fields=["opted_out_at", "opt_out_source"])
    waiting = Notice.objects.filter(patient=patient, channel=channel, state=Notice.State.PLANNED)
    stopped = waiting.update(
        state=Notice.State.SUPPRESSED, reason=sendable.unreachable(contact), settled_at=now
    )
    events.write(
        "opted_out", by=by, patient=patient, subject=contact, why=source, channel=channel, messages=stopped
    )
    return True


@writes
def opt_in(
    patient: Patient, channel: str, *, source: str, by: User | None = None, now: datetime | None = None
) -> bool:
    """Messages on this channel again; what the opt-out took back goes out if its time is still to come.

    Said to or by a person (`by`) it is a consent of its own. Without one (START) it gives back what STOP took and no
    more: RuleBroken where there never was a consent. Returns whether anything changed. Locks as `opt_out`.
    """
    now = now or timezone.now()
    contact = _locked(patient, channel)
    if contact is None or (contact.consented_at is None and by is None):
        raise RuleBroken("There is no consent on file that this could give back.", code="NO_CONSENT")
    if contact.usable:
        return False
    stopped = sendable.unreachable(contact)
    if by is not None:
        contact.consented_at, contact.consent_source = now, source[:60]
    contact.opted_out_at = contact.failed_at = None
    contact.opt_out_source = ""
    contact.save(
        update_fields=["consented_at", "consent_source", "opted_out_at", "opt_out_source", "failed_at"]
    )
    back = Notice.objects.filter(
        patient=patient, channel=channel, state=Notice.State.SUPPRESSED, reason=stopped, attempted_at__isnull=True,
        due_at__gt=now, visit__state__in=states.OPEN, visit__version=F("visit_version"),
    ).update(state=Notice.State.PLANNED, reason="", settled_at=None, claimed_at=None)  # fmt: skip
    events.write(
        "opted_in", by=by, patient=patient, subject=contact, why=source, channel=channel, messages=back
    )
    return True


@writes
def mark_failed(
    patient: Patient,
    channel: str,
    *,
    value: str = "",
    source: str = "provider",
    tell: bool = True,
    now: datetime | None = None,
) -> bool:
    """The other side says that nobody is there: nothing goes there until the office has another one, and is told so
    (unless whoever calls this tells it: `tell` False).

    `value`: the address or number that was tried; one that was put right meanwhile is left alone. Returns whether
    anything changed.
    """
    now = now or timezone.now()
    contact = _locked(patient, channel)
    if contact is None or contact.failed_at is not None or (value and value != contact.value):
        return False
    contact.failed_at = now
    contact.save(update_fields=["failed_at"])
    events.write("contact_failed", by=None, patient=patient, subject=contact, why=source, channel=channel)
    if tell:
        alerts.raise_alert(
            "number",
            patient=patient,
            about=f"contact {contact.pk} {now:%Y-%m-%d %H:%M}",
            sentence=DEAD[Contact.Channel(channel)],
            now=now,
        )
    return True


def _locked(patient: Patient, channel: str) -> Contact | None:
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    return Contact.objects.select_for_update(no_key=True).filter(patient=patient, channel=channel).first()
