"""Keep a slot for a few minutes while the patient is on the phone. A hold ends by itself, whatever runs or not."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from scheduling.models import PlannedDose, SlotHold
from scheduling.rules.errors import Conflict
from scheduling.services import bookable, events, locks
from scheduling.services.guard import writes
from scheduling.services.verdicts import problems_of, refuse_hard

HOLD_FOR = timedelta(minutes=5)


def standing(now: datetime | None = None) -> QuerySet[SlotHold]:
    """Holds that count at `now`: not released, used up or expired."""
    return SlotHold.objects.filter(released_at__isnull=True, expires_at__gt=now or timezone.now())


@writes
def hold_slot(
    *, dose_id: int, nurse_id: int, starts_at: datetime, by: User, now: datetime | None = None
) -> SlotHold:
    """Keep the nurse and the patient free for the dose at `starts_at` (aware), for HOLD_FOR and no longer.

    A person's hold on another time of the same dose gives way to this one and leaves it its end: changing
    one's mind does not lengthen it. What needs a reason may be held; the reason is asked for when booking.
    """
    now = now or timezone.now()
    patient, nurses = locks.patient_and_nurses(locks.patient_of(dose_id), [nurse_id])
    wanted = bookable.of_dose(locks.dose(dose_id, patient))
    refuse_hard(problems_of(wanted, nurses[nurse_id], starts_at, by=by, now=now))
    earlier = standing(now).filter(dose_id=dose_id, held_by=by).first()
    if earlier is not None:
        _release(earlier, now)
    hold = SlotHold.objects.create(
        dose_id=dose_id,
        patient=patient,
        nurse=nurses[nurse_id],
        starts_at=starts_at,
        ends_at=starts_at + wanted.length,
        held_by=by,
        expires_at=earlier.expires_at if earlier else now + HOLD_FOR,
    )
    events.write("slot_held", by=by, patient=patient, subject=hold, dose=dose_id, nurse=nurse_id)
    return hold


@writes
def release_slot(*, hold_id: int, by: User, now: datetime | None = None) -> SlotHold:
    """Give the time free before the hold ends. Only who holds it may; once is enough."""
    now = now or timezone.now()
    hold = SlotHold.objects.select_for_update(no_key=True).get(pk=hold_id)
    if hold.held_by_id != by.pk:
        raise Conflict("Somebody else holds this time; it ends by itself.", code="SLOT_HELD")
    if hold.released_at is None and hold.expires_at > now:
        _release(hold, now)
        events.write("slot_released", by=by, patient=hold.patient_id, subject=hold)
    return hold


def use_up(dose: PlannedDose, *, by: User, now: datetime) -> int:
    """End the holds on a dose that has its visit now. Call with the patient locked."""
    return standing(now).filter(dose=dose, held_by=by).update(released_at=now)


def _release(hold: SlotHold, now: datetime) -> None:
    hold.released_at = now
    hold.save(update_fields=["released_at"])
