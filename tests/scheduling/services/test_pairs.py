"""A nurse who always or never comes: said with a reason, asked of every booking, taken back, never lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from scheduling.models import Event, PinnedPair
from scheduling.rules.eligibility import NO_PAIRS, Pairs
from scheduling.rules.errors import BadInput, Conflict, NeedsReason
from scheduling.services import booking, courses, pairs
from tests.makers import (
    NOW,
    at,
    make_dose,
    make_nurse,
    make_pair,
    make_papers,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)
from tests.threads import all_at_once, own_connection
from tests.unguarded import no_locks

pytestmark = pytest.mark.django_db


def pin(patient, nurse, kind="never", why="The patient asked", by=None):
    return pairs.pin(
        patient_id=patient.pk, nurse_id=nurse.pk, kind=kind, why=why, by=by or make_user(), now=NOW
    )


def test_what_was_said_stands_with_who_and_why_and_is_in_the_trail():
    patient, nurse, user = make_patient(), make_nurse(), make_user()
    pair = pin(patient, nurse, why="  Shouted at the door  ", by=user)
    assert (pair.why, pair.set_by, pair.set_at, pair.withdrawn_at) == ("Shouted at the door", user, NOW, None)
    event = Event.objects.get(action="pair_pinned")
    assert (event.patient, event.actor, event.why) == (patient, user, "Shouted at the door")
    assert event.detail == {"nurse": nurse.pk, "kind": "never"}
    assert pairs.standing([patient.pk]) == {patient.pk: [pair]}


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"why": "  "}, "why"), ({"why": "x" * 301}, "why"), ({"kind": "sometimes"}, "kind")],
)
def test_without_a_reason_or_with_a_kind_there_is_not_it_is_not_understood(changed, field):
    with pytest.raises(BadInput) as no:
        pin(make_patient(), make_nurse(), **changed)
    assert no.value.field == field and not PinnedPair.objects.exists()


def test_a_nurse_who_has_left_is_not_pinned():
    with pytest.raises(BadInput) as no:
        pin(make_patient(), make_nurse(active=False), "always")
    assert no.value.field == "nurse"


@pytest.mark.parametrize("kind", ["always", "never"])
def test_a_second_word_about_the_two_waits_until_the_first_is_taken_back(kind):
    patient, nurse, user = make_patient(), make_nurse(), make_user()
    pair = pin(patient, nurse, "never")
    with pytest.raises(Conflict) as no:
        pin(patient, nurse, kind)
    assert (no.value.code, no.value.field) == ("ALREADY_PINNED", "nurse")
    pairs.take_back(pair_id=pair.pk, by=user, why="They made up", now=NOW)
    assert pairs.may_come([patient.pk]) == {patient.pk: NO_PAIRS}
    pin(patient, nurse, kind)
    assert PinnedPair.objects.count() == 2


def test_taking_back_needs_a_reason_and_counts_once():
    pair, user = make_pair(make_patient(), make_nurse()), make_user()
    with pytest.raises(BadInput):
        pairs.take_back(pair_id=pair.pk, by=user, why=" ", now=NOW)
    pairs.take_back(pair_id=pair.pk, by=user, why="They made up", now=NOW)
    pair.refresh_from_db()
    assert (pair.withdrawn_at, pair.withdrawn_by) == (NOW, user)
    assert Event.objects.get(action="pair_taken_back").why == "They made up"
    with pytest.raises(Conflict) as no:
        pairs.take_back(pair_id=pair.pk, by=user, why="Again", now=NOW)
    assert no.value.code == "PAIR_TAKEN_BACK"


def test_who_may_come_is_read_for_many_patients_at_once():
    user, nurses = make_user(), [make_nurse(user=False) for _n in range(3)]
    pinned, free, avoids = (make_patient(by=user) for _n in range(3))
    make_pair(pinned, nurses[0], "always", by=user)
    make_pair(pinned, nurses[1], "always", by=user)
    make_pair(avoids, nurses[2], by=user)
    with CaptureQueriesContext(connection) as asked:
        found = pairs.may_come([pinned.pk, free.pk, avoids.pk])
    assert len(asked) == 1
    assert found == {
        pinned.pk: Pairs(only=frozenset({nurses[0].pk, nurses[1].pk})),
        free.pk: Pairs(),
        avoids.pk: Pairs(never=frozenset({nurses[2].pk})),
    }
    assert pairs.pairs_of(pinned) == found[pinned.pk]


@pytest.mark.parametrize(("kind", "code"), [("never", "NURSE_NOT_WANTED"), ("always", "OTHER_NURSE_PINNED")])
def test_a_booking_against_a_pair_asks_for_a_reason_and_keeps_it(kind, code):
    user, dose, nurse = make_user(), make_dose(), make_nurse()
    make_pair(dose.prescription.patient, nurse if kind == "never" else make_nurse(), kind)
    book = partial(booking.book_visit, dose_id=dose.pk, nurse_id=nurse.pk, by=user, now=NOW)
    with pytest.raises(NeedsReason) as no:
        book(starts_at=at(dose.due_on))
    assert no.value.codes == (code,)
    visit = book(starts_at=at(dose.due_on), override="Nobody else is left; the patient agreed")
    assert visit.override_codes == [code] and visit.override_by == user


def test_a_visit_is_moved_to_a_nurse_who_may_come_without_a_word():
    user, visit, other = make_user(), make_visit(), make_nurse()
    make_pair(visit.patient, other, "always")
    moved = booking.move_visit(
        visit_id=visit.pk,
        nurse_id=other.pk,
        starts_at=visit.starts_at,
        by=user,
        reason_class="patient",
        now=NOW,
    )
    assert (moved.nurse, moved.override_codes) == (other, [])


def test_no_day_of_a_course_is_booked_with_a_nurse_who_is_not_to_come():
    user, nurse = make_user(), make_nurse(competencies=("iv", "methylprednisolone"))
    order = make_prescription(regimen_id="methylprednisolone_iv_3d", total_doses=3, by=user)
    make_papers(order)
    make_pair(order.patient, nurse)
    wanted = [courses.Day(dose.pk, nurse.pk, at(dose.due_on)) for dose in order.doses.order_by("number")]
    with pytest.raises(NeedsReason) as no:
        courses.book_course(days=wanted, by=user, now=NOW)
    assert "NURSE_NOT_WANTED" in no.value.codes and not order.patient.visits.exists()


# --- Two at once ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_who_say_the_opposite_at_once_one_is_told():
    patient, nurse, user = make_patient(), make_nurse(), make_user()
    results = all_at_once([partial(pin, patient, nurse, kind, by=user) for kind in ("always", "never")])
    assert sorted(type(x).__name__ for x in results) == ["Conflict", "PinnedPair"]
    assert PinnedPair.objects.count() == 1


def booked_while_never_is_said(dose, nurse, user, patience: float = 0.5):
    """What becomes of a booking that begins after somebody said "never" and before it is committed."""
    book = partial(
        booking.book_visit, dose_id=dose.pk, nurse_id=nurse.pk, starts_at=at(dose.due_on), by=user, now=NOW
    )
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            pin(dose.prescription.patient, nurse, by=user)
            late = pool.submit(own_connection, book)
            wait([late], timeout=patience)
            waited = not late.done()
        return waited, late.exception(timeout=10)


@pytest.mark.django_db(transaction=True)
def test_a_booking_waits_for_what_is_being_said_about_the_two_and_asks_for_a_reason():
    waited, refused = booked_while_never_is_said(make_dose(), make_nurse(), make_user())
    assert waited and isinstance(refused, NeedsReason) and refused.codes == ("NURSE_NOT_WANTED",)


@pytest.mark.django_db(transaction=True)
def test_twin_without_locks_the_nurse_who_is_not_wanted_is_booked_without_a_word():
    dose, nurse, user = make_dose(), make_nurse(), make_user()
    with no_locks():
        waited, refused = booked_while_never_is_said(dose, nurse, user, patience=10)
    assert (waited, refused) == (False, None) and not dose.visits.get().override_codes
