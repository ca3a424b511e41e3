"""Every pair of writers that can meet over a visit: with the locks one is told, without them both go through.

The twin of each test takes the locks away and lets both writers stand between check and write at the same
moment: it proves that the race is real, so that the test beside it means something. Where the database's
own constraint still stops the twin, the twin shows that only the constraint did.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import pytest
from django.db import IntegrityError, OperationalError

from scheduling.models import SlotHold, Visit
from scheduling.rules.errors import Conflict, SlotTaken
from scheduling.services import booking, courses, outcomes, slot_holds
from tests.makers import (
    DAY,
    FORT_WORTH,
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
)
from tests.threads import all_at_once
from tests.unguarded import checks_meet, meeting_before, no_locks

pytestmark = pytest.mark.django_db(transaction=True)


def book(dose, nurse, user, starts_at: datetime | None = None):
    return booking.book_visit(
        dose_id=dose.pk, nurse_id=nurse.pk, starts_at=starts_at or at(dose.due_on), by=user, now=NOW
    )


def move(visit, user, nurse=None, starts_at: datetime | None = None, version: int | None = None):
    return booking.move_visit(
        visit_id=visit.pk, nurse_id=(nurse or visit.nurse).pk, starts_at=starts_at or visit.starts_at, by=user,
        reason_class="patient", version=version, now=NOW,
    )  # fmt: skip


def cancel(visit, user, version: int | None = None):
    return booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", version=version, now=NOW)


def kinds(results) -> list[str]:
    return sorted(type(x).__name__ if isinstance(x, Exception) else "done" for x in results)


def stopped_by_the_database(result) -> bool:
    cause = getattr(result, "__cause__", None)
    return isinstance(cause, IntegrityError | OperationalError)


# --- one nurse, two homes too far apart: no constraint knows about the road -------------------


def two_far_bookings():
    user, nurse, near = make_user(), make_nurse(), make_dose()
    far = make_dose(make_prescription(make_patient(place=FORT_WORTH)))
    after = at(near.due_on) + near.length + 10 * MINUTE
    return [partial(book, near, nurse, user), partial(book, far, nurse, user, after)]


def test_of_two_visits_with_no_time_to_drive_between_them_one_is_booked():
    with meeting_before(booking, "put"):
        results = all_at_once(two_far_bookings())
    assert kinds(results) == ["SlotTaken", "done"]
    assert Visit.objects.count() == 1


def test_twin_without_locks_a_nurse_would_have_to_be_in_two_cities():
    works = two_far_bookings()
    with no_locks(), meeting_before(booking, "put"):
        results = all_at_once(works)
    assert kinds(results) == ["done", "done"]


# --- one patient, two nurses ------------------------------------------------------------------


def two_nurses_for_one_patient():
    user, patient = make_user(), make_patient()
    first = make_dose(make_prescription(patient))
    second = make_dose(make_prescription(patient, "natalizumab_q4w"))
    return [partial(book, first, make_nurse(), user), partial(book, second, make_nurse(), user)]


def test_a_patient_is_not_booked_twice_for_one_hour():
    with meeting_before(booking, "put"):
        results = all_at_once(two_nurses_for_one_patient())
    assert kinds(results) == ["SlotTaken", "done"]
    assert not any(stopped_by_the_database(x) for x in results)


def test_twin_without_locks_only_the_constraint_keeps_two_nurses_from_one_door():
    works = two_nurses_for_one_patient()
    with no_locks(), meeting_before(booking, "put"):
        results = all_at_once(works)
    assert sum(stopped_by_the_database(x) for x in results) == 1


# --- cancel against move ----------------------------------------------------------------------


def cancel_and_move():
    user, visit = make_user(), make_visit()
    later = visit.starts_at + 60 * MINUTE
    return visit, [partial(cancel, visit, user, 1), partial(move, visit, user, None, later, 1)]


def test_a_visit_is_cancelled_or_moved_never_both():
    visit, works = cancel_and_move()
    with meeting_before(booking, "retire"):
        results = all_at_once(works)
    assert kinds(results) == ["StaleVersion", "done"]
    live = Visit.objects.filter(dose=visit.dose, state="booked").count()
    visit.refresh_from_db()
    assert (visit.state, live) in {("cancelled", 0), ("moved", 1)}


def test_twin_without_locks_a_cancelled_visit_is_moved_all_the_same():
    visit, works = cancel_and_move()
    with no_locks(), meeting_before(booking, "retire"):
        results = all_at_once(works)
    assert kinds(results) == ["done", "done"]
    assert Visit.objects.filter(dose=visit.dose, state="booked").count() == 1


# --- book against cancel: the freed hour -----------------------------------------------------


def book_and_cancel():
    user, nurse = make_user(), make_nurse()
    standing = make_visit(nurse=nurse)
    wanted = make_dose(start_on=standing.dose.due_on)
    return standing, [partial(cancel, standing, user), partial(book, wanted, nurse, user)]


def test_booking_an_hour_while_it_is_cancelled_wins_it_or_is_told_but_never_shares_it():
    for _ in range(10):
        standing, works = book_and_cancel()
        results = all_at_once(works)
        assert isinstance(results[0], Visit), results
        assert isinstance(results[1], Visit | SlotTaken), results
        live = Visit.objects.filter(nurse=standing.nurse_id, state="booked")
        assert live.count() == isinstance(results[1], Visit)


def test_twin_without_locks_two_cancellations_of_one_visit_both_think_they_did_it():
    user, visit = make_user(), make_visit()
    works = [partial(cancel, visit, user), partial(cancel, visit, user)]
    with no_locks(), meeting_before(booking, "retire"):
        assert kinds(all_at_once(works)) == ["done", "done"]


def test_of_two_cancellations_of_one_visit_the_second_is_told():
    user, visit = make_user(), make_visit()
    works = [partial(cancel, visit, user), partial(cancel, visit, user)]
    with meeting_before(booking, "retire"):
        results = all_at_once(works)
    assert kinds(results) == ["MoveNotAllowed", "done"]


# --- move against move ------------------------------------------------------------------------


def two_moves_to_one_hour():
    """Two visits of two nurses, both given to a third for hours with no road between them."""
    user, third = make_user(), make_nurse()
    first = make_visit()
    far = make_dose(make_prescription(make_patient(place=FORT_WORTH)))
    second = make_visit(far)
    after = first.ends_at + 10 * MINUTE
    return [partial(move, first, user, third), partial(move, second, user, third, after)]


def test_of_two_moves_into_one_nurses_time_one_wins():
    with meeting_before(booking, "retire"):
        results = all_at_once(two_moves_to_one_hour())
    assert kinds(results) == ["SlotTaken", "done"]


def test_twin_without_locks_both_moves_arrive():
    works = two_moves_to_one_hour()
    with no_locks(), meeting_before(booking, "retire"):
        assert kinds(all_at_once(works)) == ["done", "done"]


# --- hold against book ------------------------------------------------------------------------


def hold_and_book():
    nurse, held, wanted = make_nurse(), make_dose(), make_dose()
    hold = partial(
        slot_holds.hold_slot, dose_id=held.pk, nurse_id=nurse.pk, starts_at=at(held.due_on), by=make_user(),
        now=NOW,
    )  # fmt: skip
    return [hold, partial(book, wanted, nurse, make_user())]


def test_a_time_is_held_for_one_or_booked_for_the_other():
    for _ in range(10):
        results = all_at_once(hold_and_book())
        assert kinds(results) == ["SlotTaken", "done"], results


def test_twin_without_locks_a_held_time_is_booked_by_somebody_else():
    works = hold_and_book()
    with no_locks(), checks_meet((slot_holds, 1), (booking, 1)):
        results = all_at_once(works)
    assert kinds(results) == ["done", "done"]
    assert (SlotHold.objects.count(), Visit.objects.count()) == (1, 1)


# --- a course against a single visit ----------------------------------------------------------


def course_and_single():
    prescription = make_prescription(regimen_id="methylprednisolone_iv_3d", total_doses=3)
    make_papers(prescription)
    doses = list(prescription.doses.order_by("number"))
    nurse = make_nurse(competencies=("iv", "methylprednisolone", "ocrelizumab"))
    far = make_prescription(make_patient(place=FORT_WORTH), start_on=doses[2].due_on)
    single = make_dose(far)
    days = [courses.Day(dose.pk, nurse.pk, at(dose.due_on)) for dose in doses]
    after = at(doses[2].due_on) + doses[2].length + 10 * MINUTE
    return [
        partial(courses.book_course, days=days, by=make_user(), now=NOW),
        partial(book, single, nurse, make_user(), after),
    ]


def test_a_course_and_a_visit_beside_its_last_day_are_not_both_booked():
    for _ in range(5):
        results = all_at_once(course_and_single())
        assert kinds(results) == ["SlotTaken", "done"], results
        won = 3 if isinstance(results[0], list) else 1
        assert Visit.objects.filter(state="booked").count() == won
        Visit.objects.update(state="cancelled")


def test_twin_without_locks_the_course_and_the_visit_are_both_booked():
    works = course_and_single()
    with no_locks(), checks_meet((courses, 3), (booking, 1)):
        results = all_at_once(works)
    assert kinds(results) == ["done", "done"]
    assert Visit.objects.count() == 4


def test_two_courses_with_the_same_nurses_the_other_way_round_are_cancelled_without_a_deadlock():
    user = make_user()
    ana, ben = (make_nurse(competencies=("iv", "methylprednisolone")) for _n in range(2))

    def course(order):
        prescription = make_prescription(regimen_id="methylprednisolone_iv_3d", total_doses=3)
        make_papers(prescription)
        planned = list(prescription.doses.order_by("number"))
        hour = 9 if order[0] is ana else 14
        days = [
            courses.Day(dose.pk, nurse.pk, at(dose.due_on, hour))
            for dose, nurse in zip(planned, order, strict=True)
        ]
        return courses.book_course(days=days, by=user, now=NOW)[0]

    firsts = [course((ana, ben, ana)), course((ben, ana, ben))]
    works = [
        partial(courses.cancel_rest, visit_id=visit.pk, by=user, reason_class="clinical", now=NOW)
        for visit in firsts
    ]
    with meeting_before(booking, "retire"):
        results = all_at_once(works)
    assert kinds(results) == ["done", "done"], results
    assert not Visit.objects.filter(state="booked").exists()


# --- the whole dance --------------------------------------------------------------------------


def test_twenty_writers_over_three_visits_end_without_a_deadlock_error():
    user, team = make_user(), [make_nurse() for _ in range(3)]
    visits = [make_visit(make_dose(), nurse) for nurse in team]
    works = []
    for turn in range(20):
        visit, nurse = visits[turn % 3], team[(turn + 1) % 3]
        works.append(
            (
                partial(move, visit, user, nurse, visit.starts_at + DAY),
                partial(cancel, visit, user),
                partial(outcomes.confirm_visit, visit_id=visit.pk, by=user, now=NOW),
            )[turn // 3 % 3]
        )
    results = all_at_once(works)
    assert all(isinstance(x, Visit | Conflict) for x in results), results
    assert not any(getattr(x, "code", "") == "BUSY" for x in results), results
