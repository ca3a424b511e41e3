"""Days that belong together are booked together or not at all."""

from __future__ import annotations

import pytest

from scheduling.models import Event, Notice, Visit
from scheduling.rules.errors import BadInput, Conflict, NeedsReason, RuleBroken, SlotTaken
from scheduling.services import courses, outcomes
from tests.makers import (
    DAY,
    NOW,
    at,
    make_dose,
    make_nurse,
    make_papers,
    make_prescription,
    make_user,
    make_visit,
)

pytestmark = pytest.mark.django_db


def make_course(days: int = 3):
    prescription = make_prescription(regimen_id=f"methylprednisolone_iv_{days}d", total_doses=days)
    make_papers(prescription)
    return list(prescription.doses.order_by("number"))


def steroid_nurse(**fields):
    return make_nurse(competencies=("iv", "methylprednisolone"), **fields)


def days(doses, nurse, hour: int = 9) -> list[courses.Day]:
    return [courses.Day(dose.pk, nurse.pk, at(dose.due_on, hour)) for dose in doses]


def test_a_course_is_booked_whole_each_day_judged_beside_the_days_before_it():
    doses, nurse = make_course(5), steroid_nurse()
    visits = courses.book_course(days=list(reversed(days(doses, nurse))), by=make_user(), now=NOW)
    assert [visit.dose_id for visit in visits] == [dose.pk for dose in doses]
    assert [visit.local_start.date() for visit in visits] == [dose.due_on for dose in doses]
    assert Event.objects.filter(action="visit_booked").count() == 5


def test_one_day_that_cannot_be_leaves_no_day_booked_and_is_named():
    doses, nurse = make_course(), steroid_nurse()
    other = make_dose(start_on=doses[1].due_on)
    busy = steroid_nurse()
    busy.competencies.create(code="ocrelizumab", granted_on=NOW.date() - 400 * DAY)
    make_visit(other, busy, at(doses[1].due_on, 9))
    wish = days(doses, nurse)
    wish[1] = courses.Day(doses[1].pk, busy.pk, at(doses[1].due_on, 9))
    with pytest.raises(SlotTaken) as lost:
        courses.book_course(days=wish, by=make_user(), now=NOW)
    assert str(lost.value).startswith(f"{doses[1].due_on:%b} {doses[1].due_on.day}: ")
    assert Visit.objects.count() == 1
    assert Notice.objects.filter(patient=doses[0].prescription.patient).count() == 0


def test_two_days_of_a_course_cannot_change_their_order():
    doses, nurse = make_course(), steroid_nurse()
    wish = days(doses, nurse)
    wish[1] = courses.Day(doses[1].pk, nurse.pk, at(doses[0].due_on, 14))
    with pytest.raises(RuleBroken):
        courses.book_course(days=wish, by=make_user(), now=NOW)
    assert not Visit.objects.exists()


def test_one_reason_speaks_for_all_days_and_stands_at_those_it_is_for():
    doses, nurse = make_course(), steroid_nurse(weekdays=[0, 1])  # the third day is a Wednesday
    wish = days(doses, nurse)
    with pytest.raises(NeedsReason) as asked:
        courses.book_course(days=wish, by=make_user(), now=NOW)
    assert asked.value.codes == ("NO_SHIFT",)
    visits = courses.book_course(days=wish, by=make_user(), override="She offered to come.", now=NOW)
    assert [visit.override_codes for visit in visits] == [[], [], ["NO_SHIFT"]]
    assert [visit.override_reason for visit in visits] == ["", "", "She offered to come."]


def test_a_course_is_one_orders_and_each_dose_once():
    doses, nurse = make_course(), steroid_nurse()
    stranger = make_course()[0]
    for wish in (
        [],
        [*days(doses, nurse), days(doses, nurse)[0]],
        [*days(doses[:2], nurse), courses.Day(stranger.pk, nurse.pk, at(stranger.due_on))],
    ):
        with pytest.raises(BadInput):
            courses.book_course(days=wish, by=make_user(), now=NOW)


def test_cancelling_the_rest_of_a_course_leaves_the_days_before_it():
    doses, user = make_course(5), make_user()
    visits = courses.book_course(days=days(doses, steroid_nurse()), by=user, now=NOW)
    gone = courses.cancel_rest(visit_id=visits[2].pk, by=user, reason_class="clinical", now=NOW)
    assert [visit.pk for visit in gone] == [visit.pk for visit in visits[2:]]
    states = Visit.objects.order_by("starts_at").values_list("state", flat=True)
    assert list(states) == ["booked", "booked", "cancelled", "cancelled", "cancelled"]
    assert [visit.pk for visit in courses.days_of(visits[0])] == [visits[0].pk, visits[1].pk]


def test_days_of_a_course_at_other_hours_are_one_course_and_a_day_left_out_ends_it():
    doses, nurse, user = make_course(5), steroid_nurse(), make_user()
    hours = (8, 12, 8, 12, 8)
    wish = [
        courses.Day(dose.pk, nurse.pk, at(dose.due_on, hour)) for dose, hour in zip(doses, hours, strict=True)
    ]
    visits = courses.book_course(days=wish, by=user, now=NOW)
    assert [len(courses.days_of(visit)) for visit in visits] == [5] * 5
    courses.cancel_visit(visit_id=visits[4].pk, by=user, reason_class="clinical", now=NOW)
    later = make_visit(visits[4].dose, nurse, at(doses[4].due_on + DAY, 7), by=user, override="As wished.")
    assert len(courses.days_of(visits[0])) == 4
    assert courses.days_of(later) == [later]


def test_a_course_is_undone_whole_or_not_at_all():
    doses, user = make_course(), make_user()
    visits = courses.book_course(days=days(doses, steroid_nurse()), by=user, now=NOW)
    outcomes.confirm_visit(visit_id=visits[1].pk, by=make_user(), now=NOW)
    keys = [visit.pk for visit in visits]
    with pytest.raises(Conflict):
        courses.undo_all(visit_ids=keys, by=user, now=NOW)
    assert Visit.objects.filter(state="cancelled").count() == 0
    Visit.objects.filter(pk=visits[1].pk).update(state="booked")
    courses.undo_all(visit_ids=keys, by=user, now=NOW)
    assert Visit.objects.filter(state="cancelled").count() == 3
