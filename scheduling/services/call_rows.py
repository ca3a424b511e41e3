"""Calls owed to patients: written once, moved and dropped with what owes them. Tries are in services.calls."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from patients.models import Patient, Prescription
from scheduling import clock
from scheduling.models import Call, Notice, PlannedDose, Visit
from scheduling.rules import cadence
from scheduling.rules import calls as rules
from scheduling.rules.orders import Given, Order
from scheduling.rules.regimen import Regimen
from scheduling.services import events, notices, policy
from scheduling.services.guard import writes

HISTORY = timedelta(
    days=3
)  # a call that fell due earlier, when it is first seen, is history: imports bring years
AWAY = "the patient is not at home"
NEXT_DOSE = "the next dose was given"
NOT_OWED = "the record was corrected"
TOO_LATE = "too late"
# What the system took back by itself comes back when it is owed again.
OURS = frozenset({AWAY, NEXT_DOSE, NOT_OWED})
ABOUT_A_VISIT = (Call.Kind.SCREEN, Call.Kind.TELL)
SETTLED = ["state", "settled_at", "settled_why", "changed_at"]


@writes
def owe(
    *,
    patient: Patient,
    kind: str,
    about: str,
    due_on: date,
    now: datetime | None = None,
    due_at: datetime | None = None,
    last_on: date | None = None,
    visit: Visit | None = None,
    dose: PlannedDose | None = None,
    prescription: Prescription | None = None,
    optional: bool = False,
    reason: str = "",
    source: str = "",
    by: User | None = None,
) -> Call:
    """Owe the patient a call on a local day, once for (kind, about); one that was taken back is owed again.

    `due_at`: the first try, when it is not the usual hour of its kind. Either is moved into the calling hours of
    the home. `last_on`: the last local day on which it makes sense; None: as usual for its kind. `reason` is for the
    caller: plain words. Takes no lock beyond its own row, so it may be called inside any writer.
    """
    now = now or timezone.now()
    next_at = in_hours(due_at, patient, now) if due_at else first_try(kind, due_on, patient, now)
    call, created = Call.objects.get_or_create(
        patient=patient,
        kind=kind,
        about=about,
        defaults={
            "prescription": prescription,
            "dose": dose,
            "visit": visit,
            "due_on": due_on,
            "last_on": last_on or rules.last_day(kind, due_on),
            "next_at": next_at,
            "optional": optional,
            "reason": reason[:500],
            "source": source[:300],
        },
    )
    if not created:
        call = Call.objects.select_for_update(no_key=True, of=("self",)).get(pk=call.pk)
        if call.state != Call.State.MOOT:
            return call
        reopen(call, next_at)
    events.write("call_owed", by=by, patient=patient, subject=call, kind=kind, due_on=due_on.isoformat())
    return call


def in_hours(wanted: datetime, patient: Patient, now: datetime) -> datetime:
    """The wanted time, never before `now`, inside the calling hours of the home."""
    return cadence.in_hours(max(wanted, now), patient.time_zone, policy.current().hours)


def reopen(call: Call, next_at: datetime) -> None:
    """Owed again after it was taken back. Call with the row locked."""
    call.state, call.next_at, call.settled_at, call.settled_why = Call.State.OWED, next_at, None, ""
    call.save(update_fields=[*SETTLED, "next_at"])


def settle(call: Call, state: str, why: str, now: datetime) -> None:
    """Done, given up or not needed any more; messages that ask for its answer stop by themselves (sendable).

    Call with the row locked.
    """
    call.state, call.settled_at, call.settled_why = state, now, why[:200]
    call.save(update_fields=SETTLED)


def drop(visit: Visit, why: str, *, now: datetime | None = None) -> int:
    """Calls that were about this visit are not needed any more: it moved, ended or is cancelled. Returns how many."""
    rows = Call.objects.filter(visit=visit, kind__in=ABOUT_A_VISIT)
    return take_back(rows, why, now or timezone.now())


def shipped(dose: PlannedDose, *, now: datetime | None = None) -> int:
    """The drug for this dose is on its way: nobody asks where to send it. Returns how many calls were taken back."""
    rows = Call.objects.filter(dose=dose, kind=Call.Kind.SHIPMENT)
    return take_back(rows, "the drug is on its way", now or timezone.now())


def stop(patient: Patient, *, now: datetime | None = None) -> int:
    """Nobody calls somebody who is in hospital, has left us or has died. Returns how many calls were taken back."""
    return take_back(Call.objects.filter(patient=patient), AWAY, now or timezone.now())


def resume(patient: Patient, *, now: datetime | None = None) -> int:
    """Owe again what was taken back because the patient was away, unless its time has passed. Returns how many."""
    now = now or timezone.now()
    today, count = clock.today_in(patient.time_zone, now), 0
    stopped = Call.objects.filter(patient=patient, state=Call.State.MOOT, settled_why=AWAY)
    for call in stopped.select_for_update(no_key=True).order_by("pk"):
        if call.last_on is None or call.last_on >= today:
            reopen(call, in_hours(call.next_at, patient, now))
            count += 1
    return count


def take_back(rows: QuerySet[Call], why: str, now: datetime) -> int:
    """Those of the rows that are still owed are not needed any more. Returns how many."""
    return rows.filter(state=Call.State.OWED).update(
        state=Call.State.MOOT, settled_at=now, settled_why=why[:200], changed_at=now
    )


def sync(
    prescription: Prescription,
    regimen: Regimen,
    order: Order,
    history: tuple[Given, ...],
    *,
    today: date,
    now: datetime | None = None,
) -> None:
    """Write the calls the latest dose owes. Call with the patient locked, in the transaction of the change.

    A call follows the day of its record while nobody has tried it; it is taken back when a later dose is given or
    the record no longer owes it. Rows are kept: what is owed again is the same row.
    """
    wanted = rules.follow_ups(regimen, order, history)
    stored = {
        (call.kind, call.about): call
        for call in Call.objects.select_for_update(no_key=True).filter(
            prescription=prescription, kind__in=rules.CONTACTS
        )
    }
    if not wanted and not stored:
        return
    now = now or timezone.now()
    doses = {dose.number: dose for dose in prescription.doses.filter(number__in={c.for_dose for c in wanted})}
    kept = set()
    for follow_up in wanted:
        dose = doses[follow_up.for_dose]
        key = (follow_up.kind, f"dose {dose.pk} +{follow_up.days}")
        kept.add(key)
        if key in stored:
            _follow(stored[key], follow_up, prescription.patient, today, now)
        else:
            _create(key[1], follow_up, prescription, dose, today, now)
    for key, call in stored.items():
        if key not in kept and call.state == Call.State.OWED:
            later = bool(wanted) and call.dose_id not in {dose.pk for dose in doses.values()}
            settle(call, Call.State.MOOT, NEXT_DOSE if later else NOT_OWED, now)


def _create(
    about: str,
    follow_up: rules.FollowUp,
    prescription: Prescription,
    dose: PlannedDose,
    today: date,
    now: datetime,
) -> None:
    patient, last_on = prescription.patient, rules.last_day(follow_up.kind, follow_up.on)
    if patient.status != Patient.Status.ACTIVE or follow_up.on < today - HISTORY:
        return
    if last_on is not None and last_on < today:
        return
    call = Call.objects.create(
        patient=patient,
        kind=follow_up.kind,
        about=about,
        prescription=prescription,
        dose=dose,
        due_on=follow_up.on,
        last_on=last_on,
        next_at=first_try(follow_up.kind, follow_up.on, patient, now),
        optional=follow_up.optional,
        source=follow_up.source[:300],
    )
    if follow_up.days == 1:
        notices.ask_how(call, now=now)


def _follow(call: Call, follow_up: rules.FollowUp, patient: Patient, today: date, now: datetime) -> None:
    """The same call on the day the record gives it now; owed again when it was taken back by itself."""
    last_on = rules.last_day(follow_up.kind, follow_up.on)
    in_time = last_on is None or last_on >= today
    back = (
        call.state == Call.State.MOOT
        and call.settled_why in OURS
        and in_time
        and patient.status == Patient.Status.ACTIVE
    )
    moved = call.due_on != follow_up.on and not call.tries
    if not back and not (moved and call.state == Call.State.OWED):
        return
    later = follow_up.on - call.due_on
    # "How are you today" goes on the day of the call.
    asking = call.notices.filter(state=Notice.State.PLANNED)
    asking.update(due_at=F("due_at") + later, expires_at=F("expires_at") + later)
    call.due_on, call.last_on = follow_up.on, last_on
    call.save(update_fields=["due_on", "last_on", "changed_at"])
    reopen(call, first_try(follow_up.kind, follow_up.on, patient, now))


def first_try(kind: str, due_on: date, patient: Patient, now: datetime) -> datetime:
    """When a call owed on that day is tried first, in the calling hours of the home."""
    hours = policy.current().hours
    return rules.first_try(kind, due_on, patient.time_zone, hours, prefers=patient.prefers, now=now)
