"""Messages owed: the row first, in the transaction of the booking; the queue only a hint.

Sent at most once. A row is claimed, marked as attempted and committed before the network is used; a
claim that outlived its worker after that mark is never sent again but shown to a person as unknown.
"""

from __future__ import annotations

import logging
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from celery import signature
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from patients.models import Contact, Patient
from scheduling.models import Notice, Visit
from scheduling.rules import states
from scheduling.transports import Doubt, Outcome, Sent, TryAgain, compose, transport_for

CLAIM_IS_STALE = timedelta(minutes=2)
MAX_ATTEMPTS = 5
AWAY = "the patient is not with us at the moment"
MAYBE_HEARD = (Notice.State.CLAIMED, Notice.State.SENT, Notice.State.DELIVERED, Notice.State.UNKNOWN)
CHANNELS = (Contact.Channel.EMAIL,)

log = logging.getLogger(__name__)


def queue(kind: str, *, visit: Visit, now: datetime | None = None) -> list[Notice]:
    """Owe the patient a message about the visit, one row a channel. Call inside the visit's transaction.

    A channel that cannot be used gets a row too, suppressed with the reason: "why did nothing go out"
    has an answer.
    """
    now = now or timezone.now()
    told = _last_told(visit)
    if kind == Notice.Kind.MOVED and (told is None or told.kind == Notice.Kind.CANCELLED):
        kind = Notice.Kind.BOOKED  # a "new time" means nothing to somebody who never heard the old one
    contacts = {contact.channel: contact for contact in visit.patient.contacts.all()}
    owed = []
    for channel in CHANNELS:
        notice, _created = Notice.objects.get_or_create(
            patient_id=visit.patient_id,
            visit=visit,
            visit_version=visit.version,
            kind=kind,
            channel=channel,
            defaults={"due_at": now + settings.NOTICE_DELAY, "expires_at": max(visit.starts_at, now)},
        )
        reason = _unreachable(contacts.get(channel))
        if kind == Notice.Kind.CANCELLED and told is None and visit.confirmed_at is None:
            reason = "the patient had not been told of the visit"
        if kind == Notice.Kind.MOVED and told is not None and _same_time(told.visit, visit):
            reason = "the patient knows this time already"
        if reason:
            _settle(notice, Notice.State.SUPPRESSED, reason, now)
        owed.append(notice)
    # A booking outlives a dead broker: if the hint is lost, the next heartbeat finds the row.
    transaction.on_commit(_hint, robust=True)
    return owed


def drop(visit: Visit, reason: str) -> int:
    """Suppress what is still unsent about a visit that moved or ended. Returns how many rows."""
    return Notice.objects.filter(visit=visit, state=Notice.State.PLANNED).update(
        state=Notice.State.SUPPRESSED, reason=reason, settled_at=timezone.now()
    )


def stop(patient: Patient, *, now: datetime | None = None) -> int:
    """Suppress what must not reach somebody who is not at home, as `why_not` has it. Returns how many rows."""
    waiting = Notice.objects.filter(patient=patient, state=Notice.State.PLANNED)
    if patient.status != Patient.Status.DIED:
        waiting = waiting.exclude(kind=Notice.Kind.CANCELLED)
    return waiting.update(state=Notice.State.SUPPRESSED, reason=AWAY, settled_at=now or timezone.now())


def resume(patient: Patient, *, now: datetime | None = None) -> int:
    """Owe again what was stopped because the patient was away and nobody tried to send: the visit must stand as
    it did then and its time be ahead. Returns how many rows."""
    now = now or timezone.now()
    stopped = Notice.objects.filter(
        patient=patient,
        state=Notice.State.SUPPRESSED,
        reason=AWAY,
        attempted_at__isnull=True,
        expires_at__gt=now,
        visit__state__in=states.OPEN,
        visit__version=F("visit_version"),
    )
    due_at = now + settings.NOTICE_DELAY
    return stopped.update(
        state=Notice.State.PLANNED, reason="", settled_at=None, claimed_at=None, due_at=due_at
    )


def send_due(*, batch: int = 100, now: datetime | None = None) -> int:
    """Send everything that is due; returns how many rows were settled. Any number may run at once."""
    recover_stale(now=now)
    settled = 0
    while claimed := claim_due(batch, now=now):
        for notice in claimed:
            _deliver_alone(notice, now)
        settled += len(claimed)
    return settled


def _deliver_alone(notice: Notice, now: datetime | None) -> None:
    """One row nobody can read ends as failed; its neighbours go on. A database that is gone stops them all."""
    try:
        deliver(notice, now=now)
    except DatabaseError:
        raise
    except Exception as error:
        log.error("notice %s could not be prepared: %s", notice.pk, type(error).__name__)
        _settle(notice, Notice.State.FAILED, type(error).__name__, now or timezone.now())


@transaction.atomic
def claim_due(batch: int, *, now: datetime | None = None) -> list[Notice]:
    """Take up to `batch` due rows that nobody else holds."""
    now = now or timezone.now()
    due = (
        Notice.objects.filter(state=Notice.State.PLANNED, due_at__lte=now)
        .select_for_update(skip_locked=True, no_key=True, of=("self",))
        .order_by("due_at", "pk")[:batch]
    )
    ids = [notice.pk for notice in due]
    Notice.objects.filter(pk__in=ids).update(state=Notice.State.CLAIMED, claimed_at=now)
    return list(
        Notice.objects.filter(pk__in=ids)
        .select_related("patient", "visit", "visit__nurse")
        .order_by("due_at", "pk")
    )


def deliver(notice: Notice, *, now: datetime | None = None) -> None:
    """Check everything again, mark the attempt, then send outside any transaction."""
    now = now or timezone.now()
    contact = Contact.objects.filter(patient_id=notice.patient_id, channel=notice.channel).first()
    visit = Visit.objects.select_related("patient").get(pk=notice.visit_id)
    if now >= notice.expires_at and notice.kind != Notice.Kind.CANCELLED:
        _settle(notice, Notice.State.EXPIRED, "the visit's time had come", now)
        return
    if reason := why_not(notice, visit, contact):
        _settle(notice, Notice.State.SUPPRESSED, reason, now)
        return
    if opening := quiet_until(visit.time_zone, now):
        _put_back(notice, due_at=opening)
        return
    notice.message_id = notice.message_id or f"notice-{notice.pk}"
    marked = _held(notice).update(
        attempted_at=now, attempts=notice.attempts + 1, message_id=notice.message_id
    )
    if not marked:
        return  # the claim was taken for stale: whoever has it now decides
    notice.attempted_at, notice.attempts = now, notice.attempts + 1
    try:
        outcome = transport_for(notice.channel).send(notice, visit, contact)
    except Exception as error:  # a poison row must not stop its neighbours; nobody knows how far it came
        outcome = Doubt(type(error).__name__)
    _conclude(notice, outcome, now)


def _conclude(notice: Notice, outcome: Outcome, now: datetime) -> None:
    if isinstance(outcome, Sent):
        _settle(notice, Notice.State.SENT, "", now)
    elif isinstance(outcome, TryAgain) and notice.attempts < MAX_ATTEMPTS:
        _put_back(notice, due_at=now + timedelta(minutes=2**notice.attempts), reason=outcome.reason)
    elif isinstance(outcome, Doubt):
        _settle(notice, Notice.State.UNKNOWN, outcome.reason, now)
    else:
        _settle(notice, Notice.State.FAILED, outcome.reason, now)


def why_not(notice: Notice, visit: Visit, contact: Contact | None) -> str:
    """The reason a message must not go out now, or "" when it may."""
    if reason := _unreachable(contact):
        return reason
    status = visit.patient.status  # as it is now: the claim may be older than the news
    if status == Patient.Status.DIED or (
        status != Patient.Status.ACTIVE and notice.kind != Notice.Kind.CANCELLED
    ):
        return AWAY
    if visit.version != notice.visit_version:
        return "the visit changed after this was planned"
    if notice.kind == Notice.Kind.CANCELLED:
        return "" if visit.state == "cancelled" else "the visit is not cancelled"
    if visit.state not in states.OPEN:
        return f"the visit is {visit.get_state_display().lower()}"
    return ""


def quiet_until(time_zone: str, now: datetime) -> datetime | None:
    """When sending opens again in the home's zone; None when it is open now."""
    first, last = settings.NOTICE_HOURS
    local = now.astimezone(ZoneInfo(time_zone))
    if first <= local.hour < last:
        return None
    day = local.date() if local.hour < first else local.date() + timedelta(days=1)
    return datetime.combine(day, time(first), ZoneInfo(time_zone))


def recover_stale(*, now: datetime | None = None) -> int:
    """Settle claims whose worker is gone: back to planned if nothing was tried, else unknown."""
    now = now or timezone.now()
    claimed, since = Notice.objects.filter(state=Notice.State.CLAIMED), now - CLAIM_IS_STALE
    freed = claimed.filter(attempted_at__isnull=True, claimed_at__lt=since).update(
        state=Notice.State.PLANNED, claimed_at=None
    )
    doubtful = claimed.filter(attempted_at__lt=since).update(
        state=Notice.State.UNKNOWN, reason="the worker ended while sending", settled_at=now
    )
    return freed + doubtful


def _last_told(visit: Visit) -> Notice | None:
    """The last thing the patient may have heard of this visit, or of those it was moved from."""
    chain: list[int] = []
    step: Visit | None = visit
    while step is not None:
        chain.append(step.pk)
        step = step.moved_from
    heard = Notice.objects.filter(visit_id__in=chain, state__in=MAYBE_HEARD).select_related("visit")
    return heard.order_by("-due_at", "-pk").first()


def _same_time(told: Visit, visit: Visit) -> bool:
    """Whether what was told still holds: a visit moved and moved back."""
    return (told.starts_at, told.nurse_id) == (visit.starts_at, visit.nurse_id)


def preview(notice: Notice) -> tuple[str, str]:
    """Subject and body as they go out; reads the notice's patient and visit with its nurse."""
    return compose(notice, notice.visit)


def _unreachable(contact: Contact | None) -> str:
    if contact is None or not contact.value:
        return "no address on file"
    if contact.opted_out_at:
        return "the patient opted out of this channel"
    return "" if contact.consented_at else "no consent on file for this channel"


def _held(notice: Notice) -> QuerySet[Notice]:
    """The row while it is as this worker last left it, else nothing.

    A worker that was slow may find its claim freed, taken by another and the message sent: what it
    decides then must not undo that. Its own attempt it may conclude even after it was given up as unknown.
    """
    mine = Notice.objects.filter(pk=notice.pk, claimed_at=notice.claimed_at, attempted_at=notice.attempted_at)
    if notice.attempted_at is None:
        return mine.filter(state__in=(Notice.State.CLAIMED, Notice.State.PLANNED))
    return mine.filter(state__in=(Notice.State.CLAIMED, Notice.State.UNKNOWN))


def _settle(notice: Notice, state: str, reason: str, now: datetime) -> None:
    _held(notice).update(state=state, reason=reason[:200], settled_at=now)


def _put_back(notice: Notice, *, due_at: datetime, reason: str = "") -> None:
    _held(notice).update(
        state=Notice.State.PLANNED,
        due_at=due_at,
        reason=reason[:200],
        claimed_at=None,
        attempted_at=None,
        settled_at=None,
    )


def _hint() -> None:
    if settings.NOTICE_DELAY:
        return  # the heartbeat is soon enough, and a task with a delay may run twice
    signature("scheduling.tasks.send_due_notices").apply_async(retry=False, expires=600)
