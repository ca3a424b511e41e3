"""What a person decides about one message: send it now, leave it out, send it again, say what became of it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from scheduling.models import Alert, Notice
from scheduling.rules.errors import BadInput, Conflict
from scheduling.services import events
from scheduling.services.guard import fits, writes

ENDED = (Notice.State.FAILED, Notice.State.UNKNOWN, Notice.State.SUPPRESSED, Notice.State.EXPIRED)
KEPT = timedelta(days=2)


@writes
def send_now(notice_id: int, *, by: User, now: datetime | None = None) -> Notice:
    """Bring the time forward; everything is checked all the same when it goes. Raises Conflict unless planned."""
    notice = _locked(notice_id, Notice.State.PLANNED)
    notice.due_at = now or timezone.now()
    notice.save(update_fields=["due_at"])
    _told(notice, "notice_sent_now", by, "")
    return notice


@writes
def skip(notice_id: int, *, by: User, why: str, now: datetime | None = None) -> Notice:
    """Leave it out. Raises BadInput without a reason, Conflict unless it is planned."""
    why = _asked(why, "Say why it is left out.")
    notice = _locked(notice_id, Notice.State.PLANNED)
    _end(notice, Notice.State.SUPPRESSED, f"left out by {by.get_short_name() or by.username}: {why}", now)
    _told(notice, "notice_skipped", by, why)
    return notice


@writes
def settle_unknown(
    notice_id: int, *, by: User, went: bool, why: str = "", now: datetime | None = None
) -> Notice:
    """A person found out whether it arrived. Raises Conflict unless nobody knew."""
    notice = _locked(notice_id, Notice.State.UNKNOWN)
    name = by.get_short_name() or by.username
    if went:
        _end(notice, Notice.State.SENT, f"{name} found out that it arrived", now)
    else:
        _end(notice, Notice.State.FAILED, f"{name} found out that it did not arrive", now)
    _told(notice, "notice_settled", by, why, went=went)
    Alert.objects.filter(kind="notice", about=f"notice {notice.pk}", handled_at=None).update(
        handled_at=now or timezone.now(), handled_by=by
    )
    return notice


@writes
def send_again(notice_id: int, *, by: User, why: str, now: datetime | None = None) -> Notice:
    """Owe it once more, on purpose: a new row beside the old one, checked like any when it goes.

    Raises BadInput without a reason, Conflict for one that is still to go, went out, or was sent again already.
    """
    now, why = now or timezone.now(), _asked(why, "Say why it is sent again.")
    old = _locked(notice_id, *ENDED)
    until = old.visit.starts_at if old.visit and old.kind != Notice.Kind.CANCELLED else now + KEPT
    if until <= now:
        raise Conflict("The visit has begun. Call the patient instead.", code="TOO_LATE_TO_SEND")
    stem, count = _times_sent(old.about)
    fields = ("patient", "user", "visit", "dose", "call", "kind", "channel", "priority")
    new, created = Notice.objects.get_or_create(
        patient=old.patient,
        user=old.user,
        about=f"{stem} again {count + 1}",
        kind=old.kind,
        channel=old.channel,
        defaults={
            **{name: getattr(old, name) for name in fields},
            "visit_version": old.visit.version if old.visit else None,
            "due_at": now,
            "expires_at": until,
        },
    )
    if not created:
        raise Conflict("It was sent again already.", code="SENT_AGAIN")
    _told(new, "notice_sent_again", by, why, old=old.pk)
    return new


def _times_sent(about: str) -> tuple[str, int]:
    """What it is about, and how often a person sent it again: "visit 3 v1 again 2" is ("visit 3 v1", 2)."""
    found = re.fullmatch(r"(.*) again (\d+)", about)
    return (found[1], int(found[2])) if found else (about, 0)


def _locked(notice_id: int, *states: str) -> Notice:
    notice = (
        Notice.objects.select_for_update(no_key=True, of=("self",))
        .select_related("visit", "patient", "user", "call")
        .get(pk=notice_id)
    )
    if notice.state not in states:
        raise Conflict(
            f"This message is {notice.get_state_display().lower()} by now. Look again.", code="NOTICE_STATE"
        )
    return notice


def _asked(why: str, sentence: str) -> str:
    why = fits(why, "why", 100)
    if not why:
        raise BadInput(sentence, field="why")
    return why


def _end(notice: Notice, state: str, reason: str, now: datetime | None) -> None:
    notice.state, notice.reason, notice.settled_at = state, reason[:200], now or timezone.now()
    notice.save(update_fields=["state", "reason", "settled_at"])


def _told(notice: Notice, action: str, by: User, why: str, **detail: object) -> None:
    events.write(
        action, by=by, patient=notice.patient_id, subject=notice, why=why, kind=notice.kind, **detail
    )
