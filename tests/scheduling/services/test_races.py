"""Two people at once: one wins, the other is told, and nothing half done stays behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from django.db import IntegrityError, OperationalError, transaction

from scheduling.models import Event, Notice, PlannedDose, Visit
from scheduling.rules.errors import Conflict, SlotTaken
from scheduling.services import booking, preflight, records
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    make_dose,
    make_nurse,
    make_papers,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)
from tests.threads import all_at_once, own_connection

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 50


def book(dose: PlannedDose, nurse, user, starts_at=None, override=""):
    return booking.book_visit(
        dose_id=dose.pk,
        nurse_id=nurse.pk,
        starts_at=starts_at or at(dose.due_on),
        by=user,
        now=NOW,
        override=override,
    )


def test_of_50_bookings_of_one_nurses_hour_exactly_one_wins():
    user, nurse = make_user(), make_nurse()
    wanted = [make_dose(by=user) for _ in range(ROUNDS)]
    outcomes = all_at_once([partial(book, dose, nurse, user) for dose in wanted])
    won = [x for x in outcomes if isinstance(x, Visit)]
    lost = [x for x in outcomes if isinstance(x, SlotTaken)]
    assert (len(won), len(lost)) == (1, ROUNDS - 1)
    assert Visit.objects.count() == 1
    assert Notice.objects.filter(kind="booked").count() == 1
    assert Event.objects.filter(action="visit_booked").count() == 1


def test_of_50_nurses_booked_for_one_patient_exactly_one_wins():
    user, dose = make_user(), make_dose()
    team = [make_nurse() for _ in range(ROUNDS)]
    outcomes = all_at_once([partial(book, dose, nurse, user) for nurse in team])
    assert sum(isinstance(x, Visit) for x in outcomes) == 1
    assert {x.code for x in outcomes if isinstance(x, Exception)} == {"DOSE_TAKEN"}
    assert Visit.objects.count() == 1


def test_20_different_hours_of_one_nurse_asked_for_at_once_are_all_booked():
    user, nurse = make_user(), make_nurse()
    wanted = [make_dose(by=user, start_on=today_at() + (7 + i) * DAY) for i in range(20)]
    outcomes = all_at_once([partial(book, dose, nurse, user) for dose in wanted])
    assert all(isinstance(x, Visit) for x in outcomes), outcomes


def test_without_the_lock_two_coordinators_both_find_the_hour_free():
    """The twin of the tests above: the check alone lets both through; only the constraint stops the second."""
    user, nurse = make_user(), make_nurse()
    first, second = make_dose(by=user), make_dose(by=user)
    both_checked = Barrier(2)

    def check_then_insert(dose: PlannedDose):
        patient = dose.prescription.patient
        with transaction.atomic():
            problems = preflight.nurse_problems(
                nurse, patient, needs=preflight.needs_of(dose), starts_at=at(dose.due_on), length=dose.length
            )
            both_checked.wait(timeout=20)
            assert problems == []
            return Visit.objects.create(
                patient=patient,
                dose=dose,
                nurse=nurse,
                starts_at=at(dose.due_on),
                ends_at=at(dose.due_on) + dose.length,
                time_zone=patient.time_zone,
            )

    outcomes = all_at_once([partial(check_then_insert, first), partial(check_then_insert, second)])
    assert sum(isinstance(x, Visit) for x in outcomes) == 1
    # Two inserts that meet inside the constraint may also end as a deadlock: one more reason for the lock.
    assert sum(isinstance(x, IntegrityError | OperationalError) for x in outcomes) == 1


def test_a_booking_waits_for_the_rival_and_then_sees_it():
    nurse, user = make_nurse(), make_user()
    first, second = make_dose(by=user), make_dose(by=user)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():  # the rival has booked and not committed
            book(first, nurse, user)
            after = at(first.due_on) + first.length + 3 * MINUTE
            late = pool.submit(own_connection, book, second, nurse, user, after)
            with pytest.raises(TimeoutError):
                late.result(timeout=0.5)
        # The homes are next door in the maker, but not the same door.
        assert isinstance(late.result(timeout=10), Visit)


def test_a_booking_that_leaves_no_time_to_drive_loses_to_the_rival_it_waited_for():
    nurse, user = make_nurse(), make_user()
    first = make_dose(by=user)
    far = make_patient(by=user, place=(32.7555, -97.3308), city="Fort Worth")
    second = make_dose(make_prescription(far, by=user), by=user)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            book(first, nurse, user)
            after = at(first.due_on) + first.length + 10 * MINUTE
            late = pool.submit(own_connection, book, second, nurse, user, after)
            with pytest.raises(TimeoutError):
                late.result(timeout=0.5)
        with pytest.raises(SlotTaken) as lost:
            late.result(timeout=10)
    assert lost.value.code == "NO_TIME_TO_DRIVE"


def test_cancel_against_book_never_leaves_two_live_visits():
    user, nurse, other = make_user(), make_nurse(), make_nurse()
    for _ in range(10):
        dose = make_dose(by=user)
        visit = make_visit(dose, nurse, by=user)
        outcomes = all_at_once(
            [
                partial(
                    booking.cancel_visit,
                    visit_id=visit.pk,
                    by=user,
                    reason_class="patient",
                    version=1,
                    now=NOW,
                ),
                partial(book, dose, other, user),
            ]
        )
        assert all(isinstance(x, Visit | Conflict) for x in outcomes), outcomes
        live = Visit.objects.filter(dose=dose, state="booked")
        assert live.count() <= 1
        visit.refresh_from_db()
        assert visit.state == "cancelled"
        booking.cancel_visit(
            visit_id=live.get().pk, by=user, reason_class="patient", now=NOW
        ) if live.exists() else None


def test_of_two_moves_of_one_visit_one_wins_and_the_other_is_told_to_look_again():
    user, nurse = make_user(), make_nurse()
    visit = make_visit(nurse=nurse, by=user)

    def move(hours: int):
        return booking.move_visit(
            visit_id=visit.pk,
            nurse_id=nurse.pk,
            starts_at=visit.starts_at + timedelta(hours=hours),
            by=user,
            reason_class="patient",
            version=1,
            now=NOW,
        )

    outcomes = all_at_once([partial(move, 1), partial(move, 2)])
    assert sum(isinstance(x, Visit) for x in outcomes) == 1
    assert sum(isinstance(x, Conflict) for x in outcomes) == 1
    assert Visit.objects.filter(dose=visit.dose, state="booked").count() == 1


def test_swapping_two_nurses_visits_at_once_ends_without_a_deadlock_error():
    user, ana, ben = make_user(), make_nurse(), make_nurse()
    morning = make_visit(make_dose(by=user), ana, by=user)
    noon = make_visit(make_dose(by=user), ben, at(morning.dose.due_on, 14), by=user)

    def give(visit: Visit, nurse):
        return booking.move_visit(
            visit_id=visit.pk,
            nurse_id=nurse.pk,
            starts_at=visit.starts_at,
            by=user,
            reason_class="provider",
            now=NOW,
        )

    outcomes = all_at_once([partial(give, morning, ben), partial(give, noon, ana)])
    assert all(isinstance(x, Visit) for x in outcomes), outcomes


def test_a_dose_recorded_twice_at_once_is_recorded_once():
    user, dose = make_user(), make_dose(ready=False)
    record = partial(records.record_given, dose_id=dose.pk, given_on=today_at(), by=user, now=NOW)
    outcomes = all_at_once([record, record])
    assert sorted(getattr(x, "code", "recorded") for x in outcomes) == ["ALREADY_RECORDED", "recorded"]
    assert dose.records.count() == 1


def test_two_orders_of_one_regimen_written_at_once_leave_one():
    user, patient = make_user(), make_patient()
    outcomes = all_at_once([partial(make_prescription, patient, by=user)] * 2)
    assert sorted(getattr(x, "code", "written") for x in outcomes) == ["DUPLICATE_ORDER", "written"]
    assert patient.prescriptions.count() == 1
    assert make_papers(patient.prescriptions.get(), by=user)
