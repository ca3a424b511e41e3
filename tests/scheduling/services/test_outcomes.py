"""Confirmed, not done, undone: what becomes of a visit is said by somebody, never guessed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduling.models import Event, Notice, Visit
from scheduling.rules.errors import BadInput, Conflict, RuleBroken
from scheduling.rules.states import MoveNotAllowed
from scheduling.services import booking, dispatch, outcomes, prescribing
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_record,
    make_user,
    make_visit,
)

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def move(visit, by, hours=1, now=NOW, **fields):
    return booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at + hours * HOUR, by=by,
        reason_class="patient", now=now, **fields,
    )  # fmt: skip


def test_confirming_twice_is_once_and_keeps_the_message_that_was_owed():
    user, visit = make_user(), make_visit()
    outcomes.confirm_visit(visit_id=visit.pk, by=user, now=NOW)
    again = outcomes.confirm_visit(visit_id=visit.pk, by=user, now=NOW + HOUR)
    assert (again.state, again.confirmed_at) == ("confirmed", NOW)
    assert Event.objects.filter(action="visit_confirmed").count() == 1
    owed = Notice.objects.get(visit=visit, kind="booked")
    dispatch.send_due(now=NOW + HOUR)
    owed.refresh_from_db()
    assert owed.state == "sent"


def test_a_moved_visit_has_to_be_confirmed_again():
    user, visit = make_user(), make_visit()
    outcomes.confirm_visit(visit_id=visit.pk, by=user, now=NOW)
    moved = move(visit, user)
    assert (moved.state, moved.confirmed_at) == ("booked", None)


def test_what_is_over_or_cancelled_is_not_confirmed():
    user, visit = make_user(), make_visit()
    with pytest.raises(RuleBroken):
        outcomes.confirm_visit(visit_id=visit.pk, by=user, now=visit.ends_at)
    booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", now=NOW)
    with pytest.raises(MoveNotAllowed):
        outcomes.confirm_visit(visit_id=visit.pk, by=user, now=NOW)


def test_a_visit_is_not_done_only_once_it_began_and_its_dose_needs_booking_again():
    user, visit = make_user(), make_visit()
    with pytest.raises(RuleBroken) as early:
        outcomes.record_missed(visit_id=visit.pk, by=user, reason_class="patient", now=NOW)
    assert early.value.code == "NOT_BEGUN"
    with pytest.raises(BadInput):
        outcomes.record_missed(visit_id=visit.pk, by=user, reason_class="", now=visit.starts_at)
    missed = outcomes.record_missed(
        visit_id=visit.pk, by=user, reason_class="patient", note="Nobody home.", now=visit.starts_at
    )
    assert (missed.state, missed.cancel_class, missed.cancel_note) == ("missed", "patient", "Nobody home.")
    assert not outcomes.late_cancel(missed)
    assert make_visit(visit.dose, make_nurse(), visit.starts_at + DAY, now=NOW).live


def test_a_cancellation_within_a_day_is_late_and_one_before_is_not():
    user, first, second = make_user(), make_visit(), make_visit()
    for visit, before in ((first, 24 * HOUR), (second, 24 * HOUR - MINUTE)):
        booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", now=visit.starts_at - before)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (outcomes.late_cancel(first), outcomes.late_cancel(second)) == (False, True)


def test_an_undone_booking_is_silent_when_nothing_was_sent():
    user, visit = make_user(), None
    visit = make_visit(by=user)
    undone = outcomes.undo(visit_id=visit.pk, by=user, version=1, now=NOW + MINUTE)
    assert undone.state == "cancelled"
    assert set(Notice.objects.values_list("state", flat=True)) == {"suppressed"}


def test_an_undone_move_goes_back_and_says_nothing_the_patient_knows():
    user = make_user()
    visit = make_visit(by=user)
    Notice.objects.filter(visit=visit).update(state="sent")
    moved = move(visit, user)
    back = outcomes.undo(visit_id=moved.pk, by=user, now=NOW + MINUTE)
    assert (back.starts_at, back.nurse_id, back.state) == (visit.starts_at, visit.nurse_id, "booked")
    assert [row.pk for row in (back.moved_from, back.moved_from.moved_from)] == [moved.pk, visit.pk]
    assert not Notice.objects.filter(state="planned", kind__in=("booked", "moved", "cancelled")).exists()
    known = Notice.objects.get(visit=back, kind__in=("booked", "moved"))
    assert (known.state, known.reason) == ("suppressed", "the patient knows this time already")


def test_a_move_the_patient_heard_of_is_told_when_it_is_taken_back():
    user = make_user()
    visit = make_visit(by=user)
    moved = move(visit, user)
    Notice.objects.filter(visit=moved).update(state="sent")
    back = outcomes.undo(visit_id=moved.pk, by=user, now=NOW + MINUTE)
    owed = Notice.objects.get(visit=back, kind__in=("booked", "moved"))
    assert (owed.kind, owed.state) == ("moved", "planned")


def test_an_undone_cancellation_books_the_same_time_again_once():
    user = make_user()
    visit = make_visit(by=user)
    booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", now=NOW)
    back = outcomes.undo(visit_id=visit.pk, by=user, now=NOW + MINUTE)
    assert (back.starts_at, back.moved_from_id, back.state) == (visit.starts_at, visit.pk, "booked")
    with pytest.raises(Conflict):
        outcomes.undo(visit_id=visit.pk, by=user, now=NOW + MINUTE)


def test_somebody_elses_doing_and_what_is_too_old_are_not_undone():
    ben, ana = make_user(), make_user()
    visit = make_visit(by=ben)
    Visit.objects.filter(pk=visit.pk).update(created_at=NOW)
    with pytest.raises(Conflict) as other:
        outcomes.undo(visit_id=visit.pk, by=ana, now=NOW)
    assert other.value.code == "NOT_YOURS_TO_UNDO"
    with pytest.raises(Conflict) as late:
        outcomes.undo(visit_id=visit.pk, by=ben, now=NOW + outcomes.UNDO_FOR + MINUTE)
    assert late.value.code == "TOO_LATE_TO_UNDO"
    visit.refresh_from_db()
    assert visit.state == "booked"


def test_a_time_somebody_took_meanwhile_is_not_put_back():
    user, nurse = make_user(), make_nurse()
    visit = make_visit(nurse=nurse, by=user)
    booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", now=NOW)
    make_visit(make_dose(), nurse, at(visit.dose.due_on))
    with pytest.raises(Conflict) as taken:
        outcomes.undo(visit_id=visit.pk, by=user, now=NOW + MINUTE)
    assert taken.value.code == "NURSE_TAKEN"


def held_visit(user, **fields):
    """A visit booked for a day that a hold covers since."""
    visit = make_visit(by=user, **fields)
    prescribing.hold(
        prescription_id=visit.dose.prescription_id, starts_on=visit.local_start.date(),
        clears_on=visit.local_start.date() + DAY, reason="fever", by=user,
    )  # fmt: skip
    visit.refresh_from_db()
    return visit


@pytest.mark.parametrize("change", ["moved", "cancelled"])
def test_what_nobody_accepted_needs_a_decision_again_when_a_change_is_undone(change):
    user = make_user()
    with clock_stands_at():
        visit = held_visit(user)
        assert visit.attention_code == "ON_HOLD"
        if change == "moved":
            gone = move(visit, user, hours=24)
        else:
            gone = booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", now=NOW)
        back = outcomes.undo(visit_id=gone.pk, by=user, now=NOW + MINUTE)
    assert (back.starts_at, back.attention_code) == (visit.starts_at, "ON_HOLD")
    assert (back.override_codes, back.override_reason, back.override_by) == ([], "", None)


def test_what_a_person_accepted_stays_accepted_in_that_persons_name_when_a_move_is_undone():
    ana, ben = make_user(), make_user()
    with clock_stands_at():
        visit = held_visit(ana)
        there = move(visit, ana, hours=2, override="Seen by the doctor.")
        moved = move(there, ben, hours=24)
        back = outcomes.undo(visit_id=moved.pk, by=ben, now=NOW + MINUTE)
    assert (back.override_codes, back.override_reason) == (["ON_HOLD"], "Seen by the doctor.")
    assert (back.override_by, back.attention_code) == (ana, "")


def test_who_said_yes_on_the_phone_hears_of_the_cancellation_though_no_message_had_gone_out():
    user, visit = make_user(), make_visit()
    outcomes.confirm_visit(visit_id=visit.pk, by=user, now=NOW)
    booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="provider", now=NOW + MINUTE)
    assert Notice.objects.get(visit=visit, kind="cancelled").state == "planned"
    assert Notice.objects.get(visit=visit, kind="booked").state == "suppressed"


def test_what_the_patient_has_said_yes_to_is_not_undone():
    user = make_user()
    visit = make_visit(by=user)
    outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=NOW)
    with pytest.raises(Conflict) as told:
        outcomes.undo(visit_id=visit.pk, by=user, now=NOW + MINUTE)
    assert told.value.code == "TOO_LATE_TO_UNDO"


@pytest.mark.parametrize("grade", ["mild", "moderate", "severe"])
def test_where_an_allergic_reaction_ends_the_drug_its_kind_is_not_left_open(grade):
    dose = make_dose(regimen_id="natalizumab_q4w", ready=False)
    with pytest.raises(BadInput) as asked:
        make_record(dose, reaction=grade)
    assert asked.value.field == "reaction_type"
    assert make_record(dose, reaction=grade, reaction_type="non_allergic").pk
    assert make_record(make_dose(ready=False), reaction=grade).pk
