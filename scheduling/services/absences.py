"""A nurse is away: recorded, taken back. Nothing is cancelled; the visits that lose their nurse are flagged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse, TimeOff
from scheduling.models import Visit
from scheduling.rules import states
from scheduling.rules.errors import BadInput, Conflict
from scheduling.services import attention, events
from scheduling.services.guard import fits, writes

REASONS = ("sick", "leave", "training", "other")
LONGEST = timedelta(days=400)


@dataclass(frozen=True)
class Absence:
    """The time off, and the visits that stay booked with a nurse who cannot come, earliest first."""

    time_off: TimeOff
    uncovered: tuple[Visit, ...]


def standing() -> QuerySet[TimeOff]:
    """Time off that counts: recorded and not taken back."""
    return TimeOff.objects.filter(withdrawn_at__isnull=True)


@writes
def record_time_off(
    *,
    nurse_id: int,
    starts_at: datetime,
    ends_at: datetime,
    reason_class: str,
    by: User,
    now: datetime | None = None,
) -> Absence:
    """The nurse is away for `[starts_at, ends_at)` (aware). Her visits stay as they are and ask for a decision.

    Locks the nurse, then the visits: a booking that is under way is either seen here or sees the time off.
    Raises BadInput for a time that makes no sense, Conflict when she is recorded as away all that time already.
    """
    now = now or timezone.now()
    _check(starts_at, ends_at, reason_class, now)
    nurse = Nurse.objects.select_for_update(no_key=True).get(pk=nurse_id)
    if standing().filter(nurse=nurse, starts_at__lte=starts_at, ends_at__gte=ends_at).exists():
        raise Conflict("This nurse is recorded as away then already.", code="ALREADY_AWAY", field="starts_at")
    off = TimeOff.objects.create(
        nurse=nurse,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason_class,
        recorded_by=by,
        recorded_at=now,
    )
    _flag(off, now)
    uncovered = list(_touched(off, now))
    events.write(
        "nurse_away",
        by=by,
        subject=off,
        nurse=nurse.pk,
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat(),
        reason_class=reason_class,
        visits=[visit.pk for visit in uncovered],
    )
    return Absence(off, tuple(uncovered))


@writes
def withdraw_time_off(*, time_off_id: int, by: User, why: str = "", now: datetime | None = None) -> TimeOff:
    """The nurse comes after all: the row is kept, no longer counts, and visits no other absence touches are covered.

    Raises Conflict when it was taken back before.
    """
    now = now or timezone.now()
    nurse_id = TimeOff.objects.values_list("nurse_id", flat=True).get(pk=time_off_id)
    Nurse.objects.select_for_update(no_key=True).get(pk=nurse_id)
    off = TimeOff.objects.select_for_update(no_key=True).get(pk=time_off_id)
    if off.withdrawn_at is not None:
        raise Conflict("This time off was taken back already.", code="ALREADY_WITHDRAWN")
    why = fits(why, "why")
    off.withdrawn_at = now
    off.save(update_fields=["withdrawn_at"])
    covered = _flag(off, now)
    events.write(
        "nurse_back", by=by, subject=off, why=why, nurse=nurse_id, visits=[visit.pk for visit in covered]
    )
    return off


def _check(starts_at: datetime, ends_at: datetime, reason_class: str, now: datetime) -> None:
    if reason_class not in REASONS:
        raise BadInput("Choose why.", field="reason_class")
    if ends_at <= starts_at:
        raise BadInput("The end must be after the beginning.", field="ends_at")
    if ends_at <= now:
        raise BadInput("That time has passed.", field="ends_at")
    if ends_at - starts_at > LONGEST:
        raise BadInput(f"Time off is at most {LONGEST.days} days. Check the year.", field="ends_at")


def _touched(off: TimeOff, now: datetime) -> QuerySet[Visit]:
    """The open visits the time off touches that are not over yet, earliest first."""
    return Visit.objects.filter(
        nurse=off.nurse_id,
        state__in=states.OPEN,
        starts_at__lt=off.ends_at,
        ends_at__gt=max(off.starts_at, now),
    )


def _flag(off: TimeOff, now: datetime) -> list[Visit]:
    """Set or clear NURSE_AWAY on the visits `off` touches, as all her time off stands now. Those it changed.

    A visit that asks for another decision already keeps that one.
    """
    changed = []
    for visit in _touched(off, now).select_for_update(no_key=True):
        code, sentence = attention.nurse_away(visit)
        if visit.attention_code in {"", attention.NURSE_AWAY} and code != visit.attention_code:
            visit.attention_code, visit.attention = code, sentence
            visit.save(update_fields=["attention_code", "attention", "changed_at"])
            changed.append(visit)
    return changed
