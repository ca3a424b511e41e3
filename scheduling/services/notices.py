"""Messages owed: the row first, in the transaction of the change it tells of; the queue only a hint.

What is owed is written here; services.dispatch sends it, and checks everything again when it does. A channel
that cannot be used gets a row too, suppressed with the reason: "why did nothing go out" has an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from celery import signature
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from patients.models import Contact, Patient
from scheduling.models import Call, Notice, Visit
from scheduling.rules import cadence, states
from scheduling.rules.errors import Conflict
from scheduling.services import policy, sendable
from scheduling.services.guard import writes
from scheduling.services.notice_acts import send_again, send_now, settle_unknown, skip

__all__ = [
    "AWAY", "about_visit", "ask_by_voice", "ask_how", "confirmed", "drop", "queue", "replan", "resume",
    "send_again", "send_now", "settle_unknown", "skip", "stop", "tell_staff",
]  # fmt: skip

AWAY = sendable.AWAY
CHANNELS = (Contact.Channel.EMAIL, Contact.Channel.TEXT)
OFF, PASSED = "this kind of message is switched off", "its time had passed when the visit was planned"
STAFF_KEPT = timedelta(days=7)
VOICE_KEPT = timedelta(hours=12)
CHUNK = 500  # visits, or rows, at a time


def queue(kind: str, *, visit: Visit, now: datetime | None = None) -> list[Notice]:
    """Owe the patient a message about the visit; with one that is booked or moved all those before it, too.

    One row a channel the patient has. Call inside the visit's transaction. Owing it twice changes nothing.
    """
    now = now or timezone.now()
    rules = policy.current()
    contacts = {contact.channel: contact for contact in visit.patient.contacts.all()}
    told = _may_know(visit)
    if kind == Notice.Kind.MOVED and (told is None or told.kind == Notice.Kind.CANCELLED):
        kind = Notice.Kind.BOOKED  # a "new time" means nothing to somebody who never heard the old one
    reason = _needless(kind, visit, told)
    due = cadence.Due(now + settings.NOTICE_DELAY, max(visit.starts_at, now), reason)
    if kind == Notice.Kind.CANCELLED:  # worth knowing still on the day itself
        due = cadence.Due(due.at, max(visit.ends_at, now + timedelta(days=1)), reason)
    if kind == Notice.Kind.ON_THE_WAY:
        due = cadence.Due(now, max(visit.starts_at, now + timedelta(hours=1)), reason)
    owed = [_row(kind, visit, channel, due, contacts, now) for channel in _channels(contacts)]
    if kind in {Notice.Kind.BOOKED, Notice.Kind.MOVED}:
        owed += _series(visit, contacts, rules, now)
    Notice.objects.bulk_create(owed, ignore_conflicts=True)
    # A booking outlives a dead broker: if the hint is lost, the next heartbeat finds the row.
    transaction.on_commit(_hint, robust=True)
    return list(
        Notice.objects.filter(patient_id=visit.patient_id, about=about_visit(visit), kind=kind).order_by("pk")
    )


def about_visit(visit: Visit) -> str:
    """The visit and its version, as `Notice.about` names it."""
    return f"visit {visit.pk} v{visit.version}"


def confirmed(visit: Visit, *, now: datetime | None = None) -> int:
    """The patient said yes: what asks for it is not sent any more. What it would have said besides goes alone."""
    asking = Notice.objects.filter(visit=visit, state=Notice.State.PLANNED)
    return asking.filter(kind__in=(Notice.Kind.CONFIRM, Notice.Kind.UNCONFIRMED)).update(
        state=Notice.State.SUPPRESSED,
        reason="the patient has confirmed already",
        settled_at=now or timezone.now(),
    )


def drop(visit: Visit, reason: str) -> int:
    """Suppress what is still unsent about a visit that moved or ended. Returns how many rows."""
    return Notice.objects.filter(visit=visit, state=Notice.State.PLANNED).update(
        state=Notice.State.SUPPRESSED, reason=reason, settled_at=timezone.now()
    )


def stop(patient: Patient, *, now: datetime | None = None) -> int:
    """Suppress what must not reach somebody who is not at home, as `sendable` has it. Returns how many rows."""
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
    again = {"state": Notice.State.PLANNED, "reason": "", "settled_at": None, "claimed_at": None}
    soon = now + settings.NOTICE_DELAY
    return stopped.filter(due_at__lt=soon).update(due_at=soon, **again) + stopped.update(**again)


def tell_staff(
    kind: str,
    *,
    users: Iterable[User],
    about: str,
    visit: Visit | None = None,
    call: Call | None = None,
    now: datetime | None = None,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> list[Notice]:
    """Owe people of the agency an e-mail, one each; once for the same `about`. It names no patient."""
    now = now or timezone.now()
    people = [user for user in users if user.is_active]
    Notice.objects.bulk_create(
        [
            Notice(
                user=user,
                visit=visit,
                visit_version=visit.version if visit else None,
                call=call,
                about=about,
                kind=kind,
                channel=Contact.Channel.EMAIL,
                priority=cadence.PRIORITY[kind],
                due_at=due_at or now,
                expires_at=expires_at or now + STAFF_KEPT,
                **({} if user.email else _suppressed("no address on file", now)),
            )
            for user in people
        ],
        ignore_conflicts=True,
    )
    transaction.on_commit(_hint, robust=True)
    return list(Notice.objects.filter(user__in=people, about=about, kind=kind).order_by("pk"))


def ask_how(call: Call, *, now: datetime | None = None) -> list[Notice]:
    """Ask the day after a visit how the patient is: the answer lands in the call that is owed that day."""
    now = now or timezone.now()
    contacts = {contact.channel: contact for contact in call.patient.contacts.all()}
    due = cadence.follow_up(call.due_on, call.patient.time_zone, policy.current(), planned_at=now)
    about = f"call {call.pk}"
    Notice.objects.bulk_create(
        [
            _owed(Notice.Kind.NEXT_DAY, call.patient, about, channel, due, contacts, now, call=call)
            for channel in _channels(contacts)
        ],
        ignore_conflicts=True,
    )
    return list(call.notices.filter(about=about).order_by("pk"))


@writes
def ask_by_voice(call: Call, *, by: User, now: datetime | None = None) -> Notice:
    """An automatic call instead of a person's next try, through the same ledger. Raises Conflict when it cannot be."""
    now = now or timezone.now()
    call = Call.objects.select_for_update(no_key=True).select_related("patient").get(pk=call.pk)
    if call.state != Call.State.OWED:
        raise Conflict("This call is not owed any more.", code="CALL_SETTLED")
    voice = Contact.objects.filter(patient=call.patient, channel=Contact.Channel.VOICE).first()
    if reason := sendable.unreachable(voice):
        raise Conflict(f"No automatic call: {reason}.", code="NO_VOICE_CONSENT")
    notice, _created = Notice.objects.get_or_create(
        patient=call.patient,
        user=None,
        about=f"call {call.pk} try {call.tries + 1}",
        kind=Notice.Kind.NEXT_DAY,
        channel=Contact.Channel.VOICE,
        defaults={
            "call": call,
            "due_at": now,
            "expires_at": now + VOICE_KEPT,
            "priority": cadence.PRIORITY[Notice.Kind.NEXT_DAY],
        },
    )
    transaction.on_commit(_hint, robust=True)
    return notice


def replan(*, patient: Patient | None = None, now: datetime | None = None) -> int:
    """After the settings changed: what is still to go before a visit gets its new time, what was left out only
    because of the old times is owed again, and what is missing is added. Returns how many rows changed.

    `patient`: for this one alone, who has a new way to be reached.
    Everything is worked out before the first row is locked, so that bookings and opt-outs wait for a moment only.
    """
    now, rules = now or timezone.now(), policy.current()
    missing: list[Notice] = []
    moved: list[tuple[int, Notice]] = []
    visits = Visit.objects.filter(state__in=states.OPEN, starts_at__gt=now).order_by("pk")
    if patient is not None:
        visits = visits.filter(patient=patient)
    keys = list(visits.values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        _compare(keys[start : start + CHUNK], rules, now, missing, moved)
    Notice.objects.bulk_create(missing, ignore_conflicts=True, batch_size=CHUNK)
    moved.sort(key=lambda one: one[0])
    parts = (moved[start : start + CHUNK] for start in range(0, len(moved), CHUNK))
    return len(missing) + sum(_retime(part) for part in parts)


def _compare(
    keys: Sequence[int],
    rules: cadence.Policy,
    now: datetime,
    missing: list[Notice],
    moved: list[tuple[int, Notice]],
) -> None:
    """What these visits lack, and the rows that stand at another time than they should: key and what is wanted."""
    visits = Visit.objects.filter(pk__in=keys).select_related("patient").prefetch_related("patient__contacts")
    stored = Notice.objects.filter(visit__in=keys, patient__isnull=False, kind__in=cadence.BEFORE)
    rows = {
        (row.about, row.kind, row.channel): row
        for row in stored.only(
            "about", "kind", "channel", "state", "reason", "due_at", "expires_at", "attempted_at"
        )
    }
    for visit in visits:
        contacts = {contact.channel: contact for contact in visit.patient.contacts.all()}
        for wanted in _series(visit, contacts, rules, now):
            row = rows.get((wanted.about, wanted.kind, wanted.channel))
            if row is None:
                missing.append(wanted)
            elif _differs(row, wanted):
                moved.append((row.pk, wanted))


def _differs(row: Notice, wanted: Notice) -> bool:
    """Whether the row takes the new time. One that was tried, or left out for another reason, stays as it is; so
    does one that waits while its new time has passed: nobody loses a message because of a setting."""
    if row.attempted_at is not None:
        return False
    if row.state == Notice.State.PLANNED:
        if wanted.reason == PASSED:
            return False
    elif row.state != Notice.State.SUPPRESSED or row.reason not in (OFF, PASSED):
        return False
    fields = ("due_at", "expires_at", "state", "reason")
    return any(getattr(row, name) != getattr(wanted, name) for name in fields)


def _retime(moved: Sequence[tuple[int, Notice]]) -> int:
    """Write the new times in one statement, into rows that are still as they were; how many."""
    columns: tuple[list[object], ...] = ([], [], [], [], [], [])
    for key, wanted in moved:
        row = (key, wanted.due_at, wanted.expires_at, wanted.state, wanted.reason, wanted.settled_at)
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE scheduling_notice AS old SET due_at = new.due_at, expires_at = new.expires_at,"
            " state = new.state, reason = new.reason, settled_at = new.settled_at"
            " FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[],"
            " %s::timestamptz[]) AS new(pk, due_at, expires_at, state, reason, settled_at)"
            " WHERE old.id = new.pk AND old.attempted_at IS NULL AND (old.state = 'planned'"
            " OR (old.state = 'suppressed' AND old.reason IN (%s, %s)))",
            [*columns, OFF, PASSED],
        )
        return cursor.rowcount


def _series(visit: Visit, contacts: dict[str, Contact], rules: cadence.Policy, now: datetime) -> list[Notice]:
    """What goes at its time before the visit: a row a kind and channel."""
    rows = []
    for kind in cadence.BEFORE:
        if kind in {"health_screen", "preparation"} and visit.kind != Visit.Kind.INFUSION:
            continue
        due = cadence.due(
            kind, visit.starts_at, visit.time_zone, rules, planned_at=now + settings.NOTICE_DELAY
        )
        rows += [_row(kind, visit, channel, due, contacts, now) for channel in _channels(contacts)]
    return rows


def _channels(contacts: dict[str, Contact]) -> Sequence[str]:
    """The channels the patient has; for somebody with none, e-mail, so that a row says so."""
    return [channel for channel in CHANNELS if channel in contacts] or CHANNELS[:1]


def _row(
    kind: str, visit: Visit, channel: str, due: cadence.Due, contacts: dict[str, Contact], now: datetime
) -> Notice:
    return _owed(kind, visit.patient, about_visit(visit), channel, due, contacts, now, visit=visit)


def _owed(
    kind: str,
    patient: Patient,
    about: str,
    channel: str,
    due: cadence.Due,
    contacts: dict[str, Contact],
    now: datetime,
    *,
    visit: Visit | None = None,
    call: Call | None = None,
) -> Notice:
    reason = due.skip or sendable.unreachable(contacts.get(channel))
    return Notice(
        patient=patient,
        visit=visit,
        visit_version=visit.version if visit else None,
        call=call,
        about=about,
        kind=kind,
        channel=channel,
        priority=cadence.PRIORITY[kind],
        due_at=due.at,
        expires_at=due.until,
        **(_suppressed(reason, now) if reason else {}),
    )


def _suppressed(reason: str, now: datetime) -> dict[str, object]:
    return {"state": Notice.State.SUPPRESSED, "reason": reason[:200], "settled_at": now}


def _needless(kind: str, visit: Visit, told: Notice | None) -> str:
    """Why the patient need not hear of it at all, or ""."""
    if kind == Notice.Kind.CANCELLED and told is None and visit.confirmed_at is None:
        return sendable.NEVER_TOLD
    if kind == Notice.Kind.MOVED and told is not None and told.visit and _same_time(told.visit, visit):
        return "the patient knows this time already"
    return ""


def _may_know(visit: Visit) -> Notice | None:
    """As `sendable.last_told`, with what a worker has in hand: it may have passed its last check already."""
    told = sendable.last_told(visit)
    in_hand = Notice.objects.filter(visit=visit, patient=visit.patient_id, state=Notice.State.CLAIMED)
    return told or in_hand.select_related("visit").first()


def _same_time(told: Visit, visit: Visit) -> bool:
    """Whether what was told still holds: a visit moved and moved back."""
    return (told.starts_at, told.nurse_id) == (visit.starts_at, visit.nurse_id)


def _hint() -> None:
    if settings.NOTICE_DELAY:
        return  # the heartbeat is soon enough, and a task with a delay may run twice
    signature("scheduling.tasks.send_due_notices").apply_async(retry=False, expires=600)
