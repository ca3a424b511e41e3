"""A time kept for somebody on the phone: it counts for a few minutes, and then it does not."""

from __future__ import annotations

import pytest

from scheduling.models import Event, SlotHold, Visit
from scheduling.rules.errors import Conflict, RuleBroken, SlotTaken
from scheduling.services import booking, slot_holds
from tests.makers import (
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)

pytestmark = pytest.mark.django_db


def hold(dose, nurse, by, starts_at=None, now=NOW) -> SlotHold:
    return slot_holds.hold_slot(
        dose_id=dose.pk, nurse_id=nurse.pk, starts_at=starts_at or at(dose.due_on), by=by, now=now
    )


def book(dose, nurse, by, starts_at=None, now=NOW) -> Visit:
    return booking.book_visit(
        dose_id=dose.pk, nurse_id=nurse.pk, starts_at=starts_at or at(dose.due_on), by=by, now=now
    )


def test_a_held_time_is_refused_to_others_by_name_and_until_when():
    ben, ana = make_user(first_name="Ben", last_name="Ode"), make_user()
    nurse, dose, other = make_nurse(), make_dose(), make_dose()
    hold(dose, nurse, ben)
    with pytest.raises(SlotTaken) as lost:
        book(other, nurse, ana)
    assert (lost.value.code, str(lost.value)) == (
        "SLOT_HELD",
        "Ben Ode holds this for a patient until 9:05 am.",
    )
    assert not Visit.objects.exists()


def test_who_holds_a_time_books_it_and_the_hold_is_used_up():
    ben, nurse, dose = make_user(), make_nurse(), make_dose()
    hold(dose, nurse, ben)
    assert book(dose, nurse, ben)
    assert not slot_holds.standing(NOW).exists()


def test_a_hold_ends_by_itself_and_never_blocks_for_longer():
    ben, ana = make_user(), make_user()
    nurse, dose, other = make_nurse(), make_dose(), make_dose()
    hold(dose, nurse, ben)
    with pytest.raises(SlotTaken):
        book(other, nurse, ana, now=NOW + slot_holds.HOLD_FOR - MINUTE)
    assert book(other, nurse, ana, now=NOW + slot_holds.HOLD_FOR)


def test_another_time_of_the_same_dose_replaces_the_hold_and_does_not_lengthen_it():
    ben, nurse, dose = make_user(), make_nurse(), make_dose()
    first = hold(dose, nurse, ben)
    second = hold(dose, nurse, ben, at(dose.due_on, 11), now=NOW + 4 * MINUTE)
    first.refresh_from_db()
    assert first.released_at is not None
    assert second.expires_at == first.expires_at


def test_a_held_nurse_keeps_the_drive_to_the_held_home_free_too():
    ben, ana, nurse = make_user(), make_user(), make_nurse()
    far = make_dose(make_prescription(make_patient(place=FORT_WORTH)))
    near = make_dose()
    held = hold(far, nurse, ben)
    with pytest.raises(SlotTaken) as lost:
        book(near, nurse, ana, held.ends_at + 10 * MINUTE)
    assert lost.value.code == "SLOT_HELD"


def test_a_dose_held_at_one_time_is_not_booked_by_somebody_else_at_another():
    ben, ana, dose = make_user(), make_user(), make_dose()
    hold(dose, make_nurse(), ben)
    with pytest.raises(SlotTaken) as lost:
        book(dose, make_nurse(), ana, at(dose.due_on + DAY))
    assert lost.value.code == "SLOT_HELD"


def test_a_taken_or_forbidden_time_cannot_be_held():
    ben, nurse, dose = make_user(), make_nurse(), make_dose()
    make_visit(make_dose(), nurse)
    with pytest.raises(SlotTaken):
        hold(dose, nurse, ben)
    with pytest.raises(RuleBroken):
        hold(dose, make_nurse(licence_state=None), ben)
    assert not SlotHold.objects.exists()


def test_only_who_holds_a_time_gives_it_free_and_both_are_in_the_trail():
    ben, ana, nurse, dose = make_user(), make_user(), make_nurse(), make_dose()
    held = hold(dose, nurse, ben)
    with pytest.raises(Conflict):
        slot_holds.release_slot(hold_id=held.pk, by=ana, now=NOW)
    slot_holds.release_slot(hold_id=held.pk, by=ben, now=NOW)
    slot_holds.release_slot(hold_id=held.pk, by=ben, now=NOW)
    assert book(make_dose(), nurse, ana, at(dose.due_on))
    told = Event.objects.filter(patient=dose.prescription.patient, action__startswith="slot_")
    assert sorted(told.values_list("action", flat=True)) == ["slot_held", "slot_released"]
