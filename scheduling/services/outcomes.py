"""What becomes of a booked visit before anything is given: confirmed, not done, or taken back at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Role, User
from patients.models import Patient
from scheduling import clock
from scheduling.models import Event, Visit
from scheduling.rules import states
from scheduling.rules.errors import BadInput, Conflict, RuleBroken
from scheduling.services import (
    attention,
    bookable,
    booking,
    doses,
    events,
    locks,
    notices,
    notices_staff,
    sendable,
)
from scheduling.services.guard import writes
from scheduling.services.verdicts import problems_of, settle

UNDO_FOR = timedelta(minutes=10)
UNDONE = "Undone right after."
LATE_CANCEL = timedelta(hours=24)


@writes
def confirm_visit(
    *,
    visit_id: int,
    by: User | None,
    version: int | None = None,
    via: str = "",
    now: datetime | None = None,
) -> Visit:
    """The patient said yes. Saying it twice changes nothing; a confirmed time that moves must be confirmed again.

    `by` None with `via` ("text", "link", "voice"), or the signed-in patient, is the patient's own answer: it speaks for
    the days of a course that follow this one, too. The message that asks for it is not sent any more; those after it
    are.
    """
    now = now or timezone.now()
    patient_id = Visit.objects.values_list("patient_id", flat=True).get(pk=visit_id)
    patient, _nurses = locks.patient_and_nurses(patient_id, [])
    visit = locks.visit(visit_id, version=version)
    _confirm(visit, patient, by, via, now)
    if by is None or by.role == Role.PATIENT:
        for other in days_after(visit):
            _confirm(locks.visit(other.pk), patient, by, via, now)
    return visit


def _confirm(visit: Visit, patient: Patient, by: User | None, via: str, now: datetime) -> None:
    if visit.state == "confirmed":
        return
    states.check_move(visit.state, "confirmed")
    if visit.ends_at <= now:
        raise RuleBroken("That time has passed. Record what became of the visit.", code="IN_THE_PAST")
    visit.state, visit.confirmed_at = "confirmed", now
    visit.save(update_fields=["state", "confirmed_at", "changed_at"])
    said = {"role": "patient", "via": via} if by is None else {}
    events.write("visit_confirmed", by=by, patient=patient, subject=visit, **said)
    notices.confirmed(visit, now=now)
    notices_staff.settled(visit, "The patient said yes.", now)


def days_after(visit: Visit) -> list[Visit]:
    """The open days of the same course after this one, day after day, confirmed or not. One query at most."""
    dose = visit.dose
    if dose is None:
        return []
    rows = Visit.objects.filter(
        dose__prescription=dose.prescription_id,
        dose__course=dose.course,
        dose__number__gt=dose.number,
        state__in=states.OPEN,
    ).select_related("dose")
    found, last = [], visit
    for row in sorted(rows, key=lambda row: row.starts_at):
        if row.starts_at - last.starts_at > sendable.COURSE_GAP:
            break
        found.append(row)
        last = row
    return found


@writes
def set_off(*, visit_id: int, by: User, now: datetime | None = None) -> Visit:
    """The nurse is on the way: the patient hears of it. Twice changes nothing. Only on the day of the visit."""
    now = now or timezone.now()
    seen = Visit.objects.values("patient_id", "nurse_id").get(pk=visit_id)
    patient, _nurses = locks.patient_and_nurses(seen["patient_id"], [seen["nurse_id"]])
    visit = locks.visit(visit_id, nurse_id=seen["nurse_id"])
    if visit.state == "en_route":
        return visit
    states.check_move(visit.state, "en_route")
    if clock.local_day(visit.starts_at, visit.time_zone) != clock.today_in(visit.time_zone, now):
        raise RuleBroken("This visit is not today.", code="NOT_TODAY")
    visit.state = "en_route"
    visit.save(update_fields=["state", "changed_at"])
    events.write("visit_set_off", by=by, patient=patient, subject=visit)
    notices.drop(visit, "the nurse is on the way")
    notices.queue("on_the_way", visit=visit, now=now)
    return visit


@writes
def record_missed(
    *, visit_id: int, by: User, reason_class: str, note: str = "", now: datetime | None = None
) -> Visit:
    """The visit did not take place: nobody home, refused at the door, the nurse did not come. Only after its start.

    What is called off before its start is cancelled instead; neither is ever guessed from the clock.
    """
    now = now or timezone.now()
    booking.check_class(reason_class)
    seen = Visit.objects.values("patient_id", "nurse_id").get(pk=visit_id)
    patient, _nurses = locks.patient_and_nurses(seen["patient_id"], [seen["nurse_id"]])
    visit = locks.visit(visit_id, nurse_id=seen["nurse_id"])
    states.check_move(visit.state, "missed")
    if visit.starts_at > now:
        raise RuleBroken("It has not begun yet. Cancel the visit instead.", code="NOT_BEGUN")
    booking.retire(visit, "missed", reason_class, note, now)
    events.write("visit_missed", by=by, patient=patient, subject=visit, why=note, reason_class=reason_class)
    booking.follow(visit, patient, now)
    booking.let_go(visit, "the visit did not take place", now)
    return visit


@writes
def undo(*, visit_id: int, by: User, version: int | None = None, now: datetime | None = None) -> Visit:
    """Take back what this person did to the visit within UNDO_FOR: a booking, a move, or a cancellation.

    A booking is cancelled, a moved visit goes back to where it was, a cancelled one is booked again, each
    with every check of its own. What needs a reason goes back as it was: accepted by who accepted it before, and
    before a person's eyes again where nobody had. The patient hears nothing when nothing had been sent. Returns
    the visit as it is now. Raises Conflict when it is too late, or was somebody else's doing.
    """
    now = now or timezone.now()
    visit = Visit.objects.select_related("moved_from").get(pk=visit_id)
    if visit.state == "cancelled":
        _check_undo(_done_by(visit), visit.cancelled_at, by, now)
        return _put_back(visit.pk, by, version, now)
    _check_undo(visit.booked_by_id, visit.created_at, by, now)
    if visit.state == "confirmed":
        raise Conflict(
            "The patient has said yes to it. Cancel or move the visit instead.", code="TOO_LATE_TO_UNDO"
        )
    if visit.moved_from is None:
        return booking.cancel_visit(
            visit_id=visit.pk, by=by, reason_class="organisation", note=UNDONE, version=version, now=now
        )
    if visit.moved_from.state == "cancelled":
        raise Conflict(
            "This was put back already. Cancel or move the visit instead.", code="TOO_LATE_TO_UNDO"
        )
    back = booking.move_visit(
        visit_id=visit.pk,
        nurse_id=visit.moved_from.nurse_id,
        starts_at=visit.moved_from.starts_at,
        by=by,
        reason_class="organisation",
        note=UNDONE,
        override=UNDONE,
        version=version,
        now=now,
    )
    return _accepted_as(back, visit.moved_from)


def late_cancel(visit: Visit) -> bool:
    """Whether it was cancelled within LATE_CANCEL of its start. A late cancel is not a missed visit."""
    return bool(
        visit.state == "cancelled"
        and visit.cancelled_at
        and visit.starts_at - LATE_CANCEL < visit.cancelled_at
    )


def _check_undo(actor_id: int | None, at: datetime | None, by: User, now: datetime) -> None:
    if actor_id != by.pk:
        raise Conflict("Somebody else did this. Move or cancel the visit instead.", code="NOT_YOURS_TO_UNDO")
    if at is None or at < now - UNDO_FOR:
        raise Conflict(
            "It is too late to undo this. Move or cancel the visit instead.", code="TOO_LATE_TO_UNDO"
        )


def _done_by(visit: Visit) -> int | None:
    """Who cancelled the visit."""
    told = Event.objects.filter(
        action="visit_cancelled", patient=visit.patient_id, subject=f"visit {visit.pk}"
    )
    return told.values_list("actor_id", flat=True).first()


def _put_back(visit_id: int, by: User, version: int | None, now: datetime) -> Visit:
    """Book a cancelled visit's time again for the same dose or check; the new row names the old one."""
    seen = Visit.objects.values("patient_id", "nurse_id", "dose_id", "planned_check_id").get(pk=visit_id)
    patient, nurses = locks.patient_and_nurses(seen["patient_id"], [seen["nurse_id"]])
    if seen["dose_id"] is not None:
        wanted = bookable.of_dose(locks.dose(seen["dose_id"], patient))
    elif seen["planned_check_id"] is not None:
        wanted = bookable.of_check(locks.check(seen["planned_check_id"], patient))
    else:
        wanted = None
    old = locks.visit(visit_id, version=version, nurse_id=seen["nurse_id"])
    if old.moved_to.exists():
        raise Conflict("This was put back already.", code="TOO_LATE_TO_UNDO")
    if old.state != "cancelled":
        raise BadInput("This visit is not cancelled.")
    wanted = wanted or bookable.like(old, patient)
    nurse = nurses[old.nurse_id]
    soft = settle(problems_of(wanted, nurse, old.starts_at, by=by, now=now), UNDONE)
    visit = booking.put(
        wanted, nurse, old.starts_at, by=by, override=UNDONE, soft=soft, now=now, old=old, why=UNDONE
    )
    if wanted.dose is not None:
        doses.sync(wanted.dose.prescription, today=clock.today_in(patient.time_zone, now))
    return _accepted_as(visit, old)


def _accepted_as(visit: Visit, before: Visit) -> Visit:
    """Undoing accepts nothing: only what a person had a reason for before stays accepted, with that reason.

    The rest is flagged, or stands among the uncovered visits, as it did before. Call with the visit locked.
    """
    if not visit.override_codes:
        return visit
    visit.override_codes = [code for code in visit.override_codes if code in before.override_codes]
    visit.override_reason = before.override_reason if visit.override_codes else ""
    visit.override_by = before.override_by if visit.override_codes else None
    visit.save(update_fields=["override_codes", "override_reason", "override_by", "changed_at"])
    if visit.dose is not None:
        attention.review(visit.dose.prescription)
        visit.refresh_from_db(fields=["attention_code", "attention"])
    return visit
