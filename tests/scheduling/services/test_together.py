"""Several visits of several patients move in one transaction: all of them, or none and no trace."""

from __future__ import annotations

from functools import partial

import pytest

from scheduling.models import Event, Notice, Visit
from scheduling.rules.errors import BadInput, Conflict, NeedsReason, RuleBroken, SlotTaken, StaleVersion
from scheduling.services import booking, outcomes, together
from tests.makers import (
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    make_dose,
    make_lab_visit,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db
ON = today_at() + 7 * DAY


def two_visits():
    """A visit at 9:00 and one at 14:00 of the same nurse, in the same house."""
    nurse = make_nurse()
    return make_visit(nurse=nurse, starts_at=at(ON)), make_visit(nurse=nurse, starts_at=at(ON, 14))


def move(visit, hour, minute=0, **fields):
    wish = {"version": visit.version, "nurse_id": visit.nurse_id, "starts_at": at(ON, hour, minute), **fields}
    return together.Move(visit.pk, **wish)


def go(*moves, by=None, **fields):
    wish = {"reason_class": "organisation", "note": "A shorter way round.", "now": NOW, **fields}
    return together.move_together(moves, by=by or make_user(), **wish)


def test_two_visits_change_places_though_each_stands_where_the_other_goes():
    first, second = two_visits()
    later, earlier = go(move(first, 14), move(second, 9))
    assert (later.moved_from_id, later.starts_at) == (first.pk, at(ON, 14))
    assert (earlier.moved_from_id, earlier.starts_at) == (second.pk, at(ON))
    assert {x.state for x in Visit.objects.filter(pk__in=[first.pk, second.pk])} == {"moved"}
    assert Event.objects.filter(action="visit_moved").count() == 2
    assert set(Event.objects.filter(action="visit_moved").values_list("why", flat=True)) == {
        "A shorter way round."
    }


def test_each_patient_gets_the_message_of_a_new_time():
    first, second = two_visits()
    Notice.objects.filter(kind="booked").update(state="sent", settled_at=NOW)
    made = go(move(first, 14), move(second, 9))
    assert set(Notice.objects.filter(kind="moved").values_list("visit_id", flat=True)) == {
        visit.pk for visit in made
    }


def test_what_was_put_before_counts_for_what_follows_and_the_visit_is_named():
    near = make_visit(starts_at=at(ON))
    far = make_visit(make_dose(make_prescription(make_patient(place=FORT_WORTH))), starts_at=at(ON))
    with pytest.raises(SlotTaken) as no:
        go(move(far, 7, nurse_id=near.nurse_id), move(near, 12))  # Fort Worth until 11:45, then Dallas
    assert (no.value.code, no.value.visit_id) == ("NO_TIME_TO_DRIVE", near.pk)
    assert not Visit.objects.filter(state="moved").exists()
    assert not Event.objects.filter(action="visit_moved").exists()


def test_one_that_breaks_a_rule_leaves_all_where_they_were():
    first, second = two_visits()
    early = second.dose.floor_on - DAY if second.dose.floor_on else None
    wrong = at(early or today_at() - DAY)
    with pytest.raises(RuleBroken) as no:
        go(move(first, 15), move(second, 9, starts_at=wrong))
    assert no.value.visit_id == second.pk
    assert Visit.objects.filter(state="booked").count() == 2


def test_a_visit_changed_meanwhile_stops_all_and_is_named():
    first, second = two_visits()
    with pytest.raises(StaleVersion) as no:
        go(move(first, 14), move(second, 9, version=second.version + 1))
    assert no.value.visit_id == second.pk
    booking.cancel_visit(visit_id=second.pk, by=make_user(), reason_class="patient", now=NOW)
    with pytest.raises(Conflict) as no:
        go(move(first, 14), move(second, 9, version=None))
    assert no.value.visit_id == second.pk


def test_a_visit_under_way_never_moves():
    first, second = two_visits()
    outcomes.set_off(visit_id=first.pk, by=make_user(), now=at(ON, 8))
    with pytest.raises(Conflict) as no:
        go(move(first, 14), move(second, 9))
    assert (no.value.code, no.value.visit_id) == ("VISIT_STATE", first.pk)


def test_a_reason_is_asked_for_once_and_the_one_given_before_counts_again():
    nurse = make_nurse(weekdays=[(ON.weekday() + 1) % 7])
    dose = make_dose()
    visit = make_visit(dose, nurse, at(ON), override="She offered to come.")
    (moved,) = go(move(visit, 10))
    assert (moved.override_codes, moved.override_reason) == (["NO_SHIFT"], "She offered to come.")
    off = make_nurse(weekdays=[(ON.weekday() + 1) % 7])
    fresh = make_visit()
    with pytest.raises(NeedsReason) as no:
        go(move(fresh, 9, nurse_id=off.pk))
    assert no.value.visit_id == fresh.pk
    (given,) = go(move(fresh, 9, nurse_id=off.pk, override="She will come all the same."))
    assert given.override_reason == "She will come all the same."


def test_a_lab_draw_moves_beside_an_infusion():
    nurse = make_nurse()
    lab, visit = make_lab_visit(nurse=nurse, on=ON), make_visit(nurse=nurse, starts_at=at(ON, 11))
    made = go(move(lab, 15, 30), move(visit, 9))
    assert [x.kind for x in made] == ["lab_draw", "infusion"]
    assert made[0].ends_at - made[0].starts_at == 30 * MINUTE


@pytest.mark.parametrize("wrong", ["none", "twice", "unknown", "where it is", "no class"])
def test_what_cannot_be_meant_is_refused_in_words(wrong):
    visit = make_visit(starts_at=at(ON))
    moves = {"none": [], "twice": [move(visit, 10)] * 2, "where it is": [move(visit, 9)]}
    unknown = [together.Move(visit.pk + 1000, None, visit.nurse_id, at(ON, 10))]
    with pytest.raises(BadInput):
        go(*moves.get(wrong, unknown if wrong == "unknown" else [move(visit, 10)]),
           reason_class="" if wrong == "no class" else "organisation")  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_two_who_move_the_same_visits_the_other_way_round_never_wait_for_each_other_in_a_circle():
    first, second = two_visits()
    user = make_user()
    works = [
        partial(go, move(first, 14), move(second, 9), by=user),
        partial(go, move(second, 9, 15), move(first, 14, 15), by=user),
    ]
    results = all_at_once(works)
    assert sorted(type(x).__name__ for x in results) == ["StaleVersion", "list"]
    assert Visit.objects.filter(state="moved").count() == 2


def test_judging_says_of_every_visit_what_stands_against_it_and_leaves_no_trace():
    near, other = make_visit(starts_at=at(ON)), make_visit(starts_at=at(ON))
    far = make_visit(make_dose(make_prescription(make_patient(place=FORT_WORTH))), starts_at=at(ON))
    off = make_nurse(weekdays=[(ON.weekday() + 1) % 7])
    before = Event.objects.count(), Notice.objects.count(), Visit.objects.count()
    moves = [
        move(near, 12),
        move(far, 7, nurse_id=near.nurse_id),
        move(other, 9, nurse_id=off.pk),
    ]
    judged = together.judge_together(moves, by=make_user(), reason_class="organisation", now=NOW)
    assert [one.visit_id for one in judged] == [near.pk, far.pk, other.pk]
    assert [problem.code for problem in judged[0].refused] == ["NO_TIME_TO_DRIVE"]
    assert (judged[1].refused, judged[1].asks) == ((), ())
    assert [notice.channel for notice in judged[1].notices] == ["email"]
    assert [problem.code for problem in judged[2].asks] == ["NO_SHIFT"]
    assert (Event.objects.count(), Notice.objects.count(), Visit.objects.count()) == before
