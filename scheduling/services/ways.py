"""A patient's number or address on one channel, as the office is told it: with consent, or with the wish for none."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db.models import F
from django.utils import timezone

from accounts.models import User
from patients.models import Contact, Patient
from scheduling.models import Notice
from scheduling.rules import states
from scheduling.rules.errors import BadInput, StaleVersion
from scheduling.services import consents, events, notices, sendable
from scheduling.services.guard import writes

OWN_PAGE = "their own page"


def seen(contact: Contact | None) -> str:
    """A short sign of what a person saw before changing it; another one means that somebody was first."""
    kept = contact and (contact.value, contact.consented_at, contact.opted_out_at, contact.failed_at)
    return hashlib.sha256(repr(kept).encode()).hexdigest()[:16]


@writes
def record(
    *,
    patient_id: int,
    channel: str,
    value: str,
    agreed: bool,
    source: str,
    by: User,
    saw: str = "",
    now: datetime | None = None,
) -> Contact:
    """Keep what the patient said: where to, and whether it may be used. The trail names the channel, not the number.

    A new number or address is taken to work, and needs consent of its own. Locks the patient. Raises BadInput
    for consent to nothing, StaleVersion when the contact is not as `saw` any more.
    """
    now = now or timezone.now()
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    contact = Contact.objects.filter(patient=patient, channel=channel).first()
    if saw and saw != seen(contact):
        raise StaleVersion("Somebody changed this after you opened the page. Look again, then decide.")
    if agreed and not value:
        raise BadInput("Enter what they agreed to.", field="value")
    contact = contact or Contact(patient=patient, channel=channel)
    stopped = sendable.unreachable(contact)
    if contact.value != value:
        contact.value, contact.failed_at = value, None
        contact.consented_at, contact.consent_source = None, ""
        contact.save()
        events.write("contact_changed", by=by, patient=patient, subject=patient, channel=channel)
    if not agreed:
        contact.save()
        consents.opt_out(patient, channel, source=source, by=by, now=now)
    elif contact.consented_at is None:
        contact.consented_at, contact.consent_source = now, source[:60]
        contact.opted_out_at, contact.opt_out_source, contact.failed_at = None, "", None
        contact.save()
        back = owed_again(patient, channel, stopped, now)
        events.write(
            "consented", by=by, patient=patient, subject=contact, why=source, channel=channel, messages=back
        )
    else:
        consents.opt_in(patient, channel, source=source, by=by, now=now)
    return Contact.objects.get(patient=patient, channel=channel)


def choose(patient: Patient, channel: str, *, on: bool, by: User, now: datetime | None = None) -> Contact:
    """The patient stops or starts a way on their own page. Raises BadInput where there is nothing on file."""
    contact = Contact.objects.filter(patient=patient, channel=channel).first()
    if contact is None or not contact.value:
        raise BadInput("Nothing is on file to be written to.", field="channel")
    return record(
        patient_id=patient.pk,
        channel=channel,
        value=contact.value,
        agreed=on,
        source=OWN_PAGE,
        by=by,
        now=now,
    )


def owed_again(patient: Patient, channel: str, stopped: str, now: datetime) -> int:
    """There is a way now: what was left out for want of one (`stopped` says the reason) goes out if its time is still
    to come, and what a channel nobody had before has never had is added. Returns how many rows.
    """
    rows = Notice.objects.filter(
        patient=patient, channel=channel, state=Notice.State.SUPPRESSED, reason=stopped, attempted_at__isnull=True,
        due_at__gt=now, visit__state__in=states.OPEN, visit__version=F("visit_version"),
    )  # fmt: skip
    back = rows.update(state=Notice.State.PLANNED, reason="", settled_at=None, claimed_at=None)
    return back + notices.replan(patient=patient, now=now)
