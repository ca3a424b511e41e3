"""What the provider says became of a message it took. Said twice or in the wrong order, it changes nothing back."""

from __future__ import annotations

import re
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from patients.models import Patient
from scheduling.models import Notice
from scheduling.services import alerts, consents
from scheduling.services.guard import writes

# Twilio's words for texts (MessageStatus) and calls (CallStatus).
TOOK_IT = frozenset({
    "accepted", "scheduled", "queued", "sending", "sent", "initiated", "ringing", "in-progress", "answered",
})  # fmt: skip
ARRIVED = frozenset({"delivered", "read", "completed"})
NOT_ANSWERED = {
    "busy": "the line was busy",
    "no-answer": "nobody answered",
    "canceled": "the call was called off",
}
LOST = frozenset({"failed", "undelivered", *NOT_ANSWERED})
OPTED_OUT = "21610"
# Nobody is there, or no texts are taken there (twilio.com/docs/api/errors).
DEAD = {
    "21211": "it is not a phone number",
    "21214": "the number cannot be reached",
    "21217": "it is not a phone number",
    "21614": "the number takes no texts",
    "30003": "the phone is off or out of reach",
    "30004": "the number blocks our messages",
    "30005": "nobody has this number",
    "30006": "it is a landline, or its carrier cannot be reached",
    "13224": "it is not a phone number",
}
WHY = {
    OPTED_OUT: "the patient opted out at their carrier",
    "30001": "too many messages were waiting at the provider",
    "30002": "our account at the provider is suspended",
    "30007": "the carrier took it for spam",
    "30008": "the carrier gave no reason",
    "30034": "our number is not registered for texts",
}
# A phone that is off today is not a dead number.
FOR_A_WHILE = frozenset({"30003"})

Went = Notice.State


def report(
    *, message_id: str, provider_id: str, status: str, error: str = "", now: datetime | None = None
) -> bool:
    """Take in one report about "notice-12"; returns whether it changed anything. An unknown id or status is nothing.

    That the provider has it proves that it went, whatever we had made of it: a row still held by its worker, put
    back, or in doubt is sent. `error` is the provider's number for what went wrong.
    """
    now = now or timezone.now()
    found = re.fullmatch(r"notice-(\d{1,18})", message_id)
    if not found or status not in TOOK_IT | ARRIVED | LOST:
        return False
    row = Notice.objects.filter(pk=int(found[1]), attempts__gt=0)
    if status in LOST:
        notice = row.select_related("patient", "visit").first()
        return notice is not None and _lost(notice, provider_id, status, error, now)
    # One statement each, no lock that others wait for: receipts come by the thousand.
    changed = _arrived(row, provider_id, now) if status in ARRIVED else _taken(row, provider_id, now)
    if changed:
        alerts.it_went([int(found[1])], now=now)
    return bool(changed)


def _arrived(row, provider_id: str, now: datetime) -> int:  # type: ignore[no-untyped-def]
    return int(
        row.exclude(state=Went.DELIVERED).update(
            state=Went.DELIVERED, delivered_at=now, reason="", provider_id=provider_id[:64],
            attempted_at=Coalesce("attempted_at", now), settled_at=Coalesce("settled_at", now),
        )
    )  # fmt: skip


def _taken(row, provider_id: str, now: datetime) -> int:  # type: ignore[no-untyped-def]
    open_end = Q(state__in=[Went.PLANNED, Went.CLAIMED, Went.UNKNOWN, Went.SUPPRESSED, Went.EXPIRED])
    # What failed at the provider carries its id; what we gave up ourselves does not, and went after all.
    given_up = Q(state=Went.FAILED, provider_id="")
    return int(
        row.filter(open_end | given_up).update(
            state=Went.SENT, reason="", provider_id=provider_id[:64],
            attempted_at=Coalesce("attempted_at", now), settled_at=now,
        )
    )  # fmt: skip


@writes
def _lost(notice: Notice, provider_id: str, status: str, error: str, now: datetime) -> bool:
    """It went and did not arrive. Locks the patient: two reports of one loss are one."""
    if notice.patient is not None:
        Patient.objects.select_for_update(no_key=True).get(pk=notice.patient_id)
        notice.refresh_from_db(fields=["state", "provider_id"])
    known = notice.provider_id
    if (
        notice.state == Went.DELIVERED
        or (notice.state == Went.FAILED and known)
        or known not in {"", provider_id}
    ):
        return False
    if notice.patient is not None:
        _follow(notice, notice.patient, status, error, now)
    changed = (
        Notice.objects.filter(pk=notice.pk)
        .exclude(state=Went.DELIVERED)
        .update(
            state=Went.FAILED, reason=words(status, error)[:200], provider_id=provider_id[:64], settled_at=now
        )
    )
    return bool(changed)


def _follow(notice: Notice, patient: Patient, status: str, error: str, now: datetime) -> None:
    """What the loss means for this way to reach the patient, and for the office."""
    if error == OPTED_OUT:
        consents.opt_out(patient, notice.channel, source="provider", now=now)
        return
    if error in DEAD and error not in FOR_A_WHILE:
        consents.mark_failed(patient, notice.channel, value=notice.sent_to, now=now)
    if status not in NOT_ANSWERED:
        alerts.raise_alert(
            "notice",
            patient=patient,
            about=f"notice {notice.pk}",
            sentence=f"A message did not arrive: {words(status, error)}.",
            visit=notice.visit,
            notice=notice,
            now=now,
        )


def words(status: str, error: str) -> str:
    """What went wrong, as a person reads it, with the provider's number for it."""
    if not error:
        return NOT_ANSWERED.get(status, "the provider could not deliver it")
    return f"{DEAD.get(error) or WHY.get(error, 'the provider could not deliver it')} ({error})"
