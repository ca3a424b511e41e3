"""What a person chooses of a plan is judged anew and booked in one transaction; what changed meanwhile is said."""

from __future__ import annotations

from datetime import time
from functools import partial

import pytest

from patients.models import Patient
from scheduling.models import Event, PlanLine, PlannedDose, Visit
from scheduling.rules.errors import BadInput
from scheduling.services import booking, outcomes, plan_take, together
from tests.makers import (
    DAY,
    NOW,
    at,
    make_check,
    make_dose,
    make_nurse,
    make_patient,
    make_plan,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    plan_line,
    today_at,
)
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db
ON = today_at() + 7 * DAY


def take(plan, lines, **fields):
    wish = {"by": make_user(), "now": NOW, **fields}
    return plan_take.take(plan_id=plan.pk, line_ids=[line.pk for line in lines], **wish)


def three_lines():
    """Three doses with one nurse, at 9:00 of three days."""
    nurse = make_nurse()
    lines = [plan_line(make_dose(), nurse, at(ON + n * DAY, 9)) for n in range(3)]
    return make_plan(lines), lines


def move_line(visit, nurse, starts_at):
    return plan_line(
        visit.dose,
        nurse,
        starts_at,
        kind="move",
        visit=visit,
        visit_version=visit.version,
        group=f"visit {visit.pk}",
    )


def test_what_was_chosen_is_booked_and_the_rest_stays_a_proposal():
    plan, (first, second, third) = three_lines()
    taken = take(plan, [first, second])
    assert len(taken.booked) == 2 and not taken.lost
    for line in (first, second):
        line.refresh_from_db()
        assert line.state == "taken" and line.decided_at == NOW
        visit = line.made_visit
        assert (visit.nurse_id, visit.starts_at, visit.dose_id) == (
            line.nurse_id,
            line.starts_at,
            line.dose_id,
        )
    third.refresh_from_db()
    assert third.state == "proposed" and Visit.objects.count() == 2
    assert Event.objects.get(action="plan_taken").detail == {"booked": 2, "lost": 0}


def test_what_changed_meanwhile_is_said_in_the_words_of_a_booking_and_the_others_are_booked():
    plan, (taken_time, taken_dose, fine) = three_lines()
    make_visit(nurse=taken_time.nurse, starts_at=taken_time.starts_at)
    make_visit(taken_dose.dose, starts_at=at(ON + 4 * DAY))
    found = take(plan, [taken_time, taken_dose, fine])
    assert [line.pk for line in found.booked] == [fine.pk]
    said = {line.pk: (line.state, line.outcome_code, line.outcome) for line in found.lost}
    assert said == {
        taken_time.pk: ("lost", "NURSE_TAKEN", "The nurse has another visit then."),
        taken_dose.pk: ("lost", "DOSE_TAKEN", "This dose has a visit already."),
    }


def test_a_patient_who_went_to_hospital_is_not_booked():
    plan, lines = three_lines()
    Patient.objects.filter(pk=lines[0].patient_id).update(status="in_hospital")
    assert [line.outcome_code for line in take(plan, lines[:1]).lost] == ["PATIENT_AWAY"]


def a_course():
    order = make_prescription(regimen_id="methylprednisolone_iv_3d")
    first = make_dose(order, 1)
    days = [first, make_dose(order, 2, ready=False), make_dose(order, 3, ready=False)]
    nurse = make_nurse(competencies=("iv", "methylprednisolone"))
    group = f"dose {first.pk}"
    lines = [plan_line(dose, nurse, at(first.due_on + n * DAY), group=group) for n, dose in enumerate(days)]
    return make_plan(lines), lines


def test_one_day_of_a_course_chosen_takes_all_its_days():
    plan, lines = a_course()
    assert len(take(plan, lines[1:2]).booked) == 3


def test_a_course_of_which_one_day_is_lost_is_not_begun():
    plan, lines = a_course()
    make_visit(nurse=make_nurse(), dose=make_dose())  # somebody else's, elsewhere
    other = make_dose(regimen_id="methylprednisolone_iv_3d", start_on=lines[2].dose.due_on)
    make_visit(other, lines[2].nurse, lines[2].starts_at)
    before = Visit.objects.count()
    found = take(plan, lines)
    assert len(found.lost) == 3 and Visit.objects.count() == before
    assert {line.outcome_code for line in found.lost} == {"NURSE_TAKEN"}


def test_two_booked_visits_change_places():
    nurse = make_nurse()
    first, second = make_visit(nurse=nurse, starts_at=at(ON)), make_visit(nurse=nurse, starts_at=at(ON, 14))
    lines = [move_line(first, nurse, second.starts_at), move_line(second, nurse, first.starts_at)]
    plan = make_plan(lines)
    assert len(take(plan, lines).booked) == 2
    assert {x.state for x in Visit.objects.filter(pk__in=[first.pk, second.pk])} == {"moved"}


def test_a_visit_moved_by_hand_meanwhile_stays_there_and_the_other_moves():
    nurse, elsewhere = make_nurse(), make_nurse()
    first, second = make_visit(nurse=nurse, starts_at=at(ON)), make_visit(nurse=nurse, starts_at=at(ON, 14))
    lines = [move_line(first, elsewhere, at(ON)), move_line(second, elsewhere, at(ON, 14))]
    plan = make_plan(lines)
    booking.move_visit(
        visit_id=first.pk,
        nurse_id=nurse.pk,
        starts_at=at(ON, 8),
        by=make_user(),
        reason_class="patient",
        now=NOW,
    )
    found = take(plan, lines)
    assert [line.visit_id for line in found.booked] == [second.pk]
    assert [line.visit_id for line in found.lost] == [first.pk]


@pytest.mark.parametrize(("release", "moved"), [("unconfirmed", 0), ("all", 1)])
def test_a_visit_the_patient_said_yes_to_meanwhile_moves_only_where_confirmed_ones_may(release, moved):
    nurse, visit = make_nurse(), make_visit(starts_at=at(ON))
    lines = [move_line(visit, nurse, at(ON, 10))]
    plan = make_plan(lines, release=release)
    outcomes.confirm_visit(visit_id=visit.pk, by=None, via="text", now=NOW)
    found = take(plan, lines)
    assert len(found.booked) == moved
    assert [line.outcome_code for line in found.lost] == ["VISIT_CONFIRMED"] * (1 - moved)
    visit.refresh_from_db()
    assert visit.state == ("moved" if moved else "confirmed")


def test_a_new_visit_goes_where_a_moved_one_made_room():
    nurse, elsewhere = make_nurse(), make_nurse()
    booked = make_visit(nurse=nurse, starts_at=at(ON))
    lines = [plan_line(make_dose(), nurse, at(ON)), move_line(booked, elsewhere, at(ON))]
    assert len(take(make_plan(lines), lines).booked) == 2


def second_dose():
    """A dose with a window: the one after what was given today."""
    first = make_dose(regimen_id="natalizumab_q4w", start_on=today_at())
    make_record(first)
    return make_dose(first.prescription, 2, ready=False)


def test_a_dose_past_its_window_is_booked_with_the_reason_and_not_without():
    dose = second_dose()
    late = [{"code": "LATE", "days": 9}]
    day = dose.window_end_on + 9 * DAY
    lines = [plan_line(dose, make_nurse(), at(day), reasons=late)]
    other = [plan_line(dose, make_nurse(), at(day), reasons=late)]
    (lost,) = take(make_plan(lines), lines).lost
    assert lost.outcome_code == "LATE_OUTSIDE_WINDOW" and not Visit.objects.exists()
    (booked,) = take(make_plan(other), other, override="The prescriber agreed.").booked
    assert booked.made_visit.override_reason == "The prescriber agreed."


def test_a_reason_given_for_late_doses_lets_nothing_else_through():
    dose = second_dose()
    lines = [plan_line(dose, make_nurse(), at(dose.window_end_on + 9 * DAY))]
    assert len(take(make_plan(lines), lines, override="Because I say so.").lost) == 1


def test_the_reason_for_a_late_dose_does_not_speak_for_what_changed_since_the_plan_was_made():
    dose, nurse = second_dose(), make_nurse()
    day = dose.window_end_on + 9 * DAY
    lines = [plan_line(dose, nurse, at(day), reasons=[{"code": "LATE", "days": 9}])]
    plan = make_plan(lines)
    nurse.shifts.all().update(starts=time(13))
    (lost,) = take(plan, lines, override="The prescriber agreed.").lost
    assert lost.outcome_code in {"LATE_OUTSIDE_WINDOW", "OUTSIDE_SHIFT"} and not Visit.objects.exists()
    assert "the nurse works 1:00 pm" in lost.outcome


def test_the_reason_for_a_late_course_does_not_speak_for_its_other_days():
    plan, lines = a_course()
    late, long_ago = [{"code": "LATE", "days": 9}], lines[0].dose.due_on - 30 * DAY
    PlannedDose.objects.filter(pk__in=[line.dose_id for line in lines]).update(
        floor_on=None, due_on=long_ago, window_start_on=long_ago, window_end_on=long_ago
    )
    for line in lines:
        line.reasons = late
        line.save()
    lines[0].nurse.shifts.filter(weekday=lines[2].starts_at.weekday()).update(starts=time(13))
    assert len(take(plan, lines, override="The prescriber agreed.").lost) == 3
    assert not Visit.objects.exists()


def test_a_lab_draw_or_wellness_check_is_booked_too():
    check = make_check(make_patient(), ON)
    line = PlanLine(
        check_owed=check,
        patient=check.patient,
        nurse=make_nurse(),
        minutes=check.minutes,
        time_zone=check.patient.time_zone,
        starts_at=at(ON),
        kind="place",
        group=f"check {check.pk}",
    )
    (booked,) = take(make_plan([line]), [line]).booked
    assert booked.made_visit.planned_check_id == check.pk


def test_taking_the_same_lines_again_changes_nothing():
    plan, lines = three_lines()
    take(plan, lines)
    assert take(plan, lines).lines == ()
    assert Visit.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_people_who_take_the_same_lines_book_each_visit_once():
    plan, lines = three_lines()
    people = [make_user(), make_user()]
    found = all_at_once([partial(take, plan, lines, by=by) for by in people])
    assert sorted(len(one.booked) for one in found) == [0, 3]
    assert Visit.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_without_the_locks_both_would_have_found_the_lines_open(monkeypatch):
    plan, lines = three_lines()
    real, seen = together.lock_all, []

    def nobody_waits(patients, nurses):
        seen.append(PlanLine.objects.filter(plan=plan, state="proposed").count())
        return real([], [])

    monkeypatch.setattr(plan_take.together, "lock_all", nobody_waits)
    all_at_once([partial(take, plan, lines, by=by) for by in (make_user(), make_user())])
    assert seen == [3, 3]


@pytest.mark.parametrize("which", ["nothing", "left", "another plan"])
def test_what_is_not_a_proposal_of_this_plan_is_refused_and_nothing_is_written(which):
    plan, _lines = three_lines()
    left = plan_line(make_dose())
    others = [left] if which == "left" else three_lines()[1] if which == "another plan" else []
    if which == "left":
        left.plan = plan
        left.save()
    with pytest.raises(BadInput) as no:
        take(plan, others)
    assert no.value.field == "line"
    assert not Visit.objects.exists() and not Event.objects.filter(action="plan_taken").exists()
