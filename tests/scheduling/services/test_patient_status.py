"""A patient who is not at home: one step stops messages, held times and planning, and shows the visits."""

from __future__ import annotations

from datetime import date
from functools import partial
from threading import Barrier

import pytest
from django.db import transaction

from patients.models import Patient
from scheduling.models import Event, Notice, SlotHold, Visit
from scheduling.readings import queue
from scheduling.rules.errors import BadInput, RuleBroken, StaleVersion
from scheduling.services import booking, dispatch, doses, notices, patient_changes
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_evidence,
    make_lab_visit,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)
from tests.threads import all_at_once

NEWS_AND_SERIES = 6  # that it is booked, and five before it
AWAY = ["in_hospital", "transferred", "died"]
everything = pytest.mark.django_db
real_connections = pytest.mark.django_db(transaction=True)


def say(patient: Patient, status: str, *, why: str = "the daughter called", **fields) -> Patient:
    """Somebody tells where the patient is, today."""
    given = {"since_on": today_at(), "by": fields.pop("by", None) or make_user(), **fields}
    return patient_changes.set_status(patient_id=patient.pk, status=status, why=why, now=NOW, **given)


def told() -> Event:
    return Event.objects.filter(action="patient_status").latest("pk")


@pytest.fixture(autouse=True)
def at_nine():
    with clock_stands_at(NOW):
        yield


@everything
@pytest.mark.parametrize("status", AWAY)
def test_one_step_stops_messages_held_times_and_planning_and_shows_the_visits(status):
    user, patient = make_user(), make_patient()
    visit = make_visit(make_dose(make_prescription(patient)))
    lab = make_lab_visit(patient, on=visit.local_start.date() + DAY)
    other = make_dose(make_prescription(patient, "ublituximab_iv"), ready=False)
    hold = SlotHold.objects.create(
        dose=other, patient=patient, nurse=visit.nurse, held_by=user, starts_at=at(other.due_on),
        ends_at=at(other.due_on, 12), expires_at=NOW + 5 * MINUTE,
    )  # fmt: skip
    assert {row.patient for row in queue.rows(user)} == {patient}
    say(patient, status, by=user)
    hold.refresh_from_db()
    assert hold.released_at == NOW
    assert [(row.state, row.reason) for row in visit.notices.filter(kind="booked")] == [
        ("suppressed", notices.AWAY)
    ]
    assert queue.rows(user) == []
    assert set(queue.needing_a_decision(user)) == {visit, lab}
    with pytest.raises(RuleBroken) as no:
        make_visit(other, override="I insist")
    assert no.value.code == "PATIENT_AWAY"
    known = {"was": "active", "status": status, "messages": NEWS_AND_SERIES, "slot_holds": 1}
    assert known.items() <= told().detail.items()
    assert (told().why, told().actor) == ("the daughter called", user)


@everything
def test_who_comes_home_is_planned_again_and_hears_of_the_visits_that_stand():
    patient = make_patient()
    visit = make_visit(make_dose(make_prescription(patient)))
    say(patient, "in_hospital")
    dispatch.send_due(now=NOW + MINUTE)
    say(patient, "active", why="home again")
    visit.refresh_from_db()
    assert (visit.state, visit.attention_code) == ("booked", "")
    assert list(queue.needing_a_decision(make_user())) == []
    notice = visit.notices.get(kind="booked")
    assert (notice.state, notice.reason, notice.settled_at) == ("planned", "", None)
    dispatch.send_due(now=NOW + MINUTE)
    notice.refresh_from_db()
    assert notice.state == "sent"


@everything
def test_a_message_of_a_visit_that_was_cancelled_meanwhile_stays_unsent():
    patient = make_patient()
    visit = make_visit(make_dose(make_prescription(patient)))
    say(patient, "in_hospital")
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="clinical", now=NOW)
    say(patient, "active", why="home again")
    assert visit.notices.get(kind=Notice.Kind.BOOKED).state == "suppressed"


@everything
@pytest.mark.parametrize(("status", "state"), [("transferred", "planned"), ("died", "suppressed")])
def test_a_cancellation_on_its_way_still_reaches_somebody_elsewhere_and_nobody_after_a_death(status, state):
    patient = make_patient()
    visit = make_visit(make_dose(make_prescription(patient)))
    dispatch.send_due(now=NOW + MINUTE)
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=NOW)
    say(patient, status)
    assert visit.notices.get(kind=Notice.Kind.CANCELLED).state == state


@everything
def test_a_message_already_claimed_is_not_sent_after_the_news():
    patient = make_patient()
    visit = make_visit(make_dose(make_prescription(patient)))
    [claimed] = dispatch.claim_due(10, now=NOW)
    say(patient, "died")
    dispatch.send_claimed([claimed], clock=lambda: NOW)
    assert visit.notices.get(kind="booked").state == "suppressed"


@everything
def test_a_death_is_taken_back_only_with_a_reason_and_the_trail_keeps_both():
    patient = make_patient()
    say(patient, "died")
    with pytest.raises(BadInput) as no:
        say(patient, "active", why=" ")
    assert no.value.field == "why"
    say(patient, "active", why="wrong patient, same last name")
    steps = Event.objects.filter(action="patient_status").order_by("pk")
    assert [(one.detail["was"], one.detail["status"]) for one in steps] == [
        ("active", "died"),
        ("died", "active"),
    ]


@everything
def test_said_twice_it_is_told_once_and_a_corrected_day_is_told_again():
    patient = make_patient()
    say(patient, "in_hospital")
    say(patient, "in_hospital")
    assert Event.objects.filter(action="patient_status").count() == 1
    say(patient, "in_hospital", back_on=today_at() + 4 * DAY, why="the ward called")
    assert told().detail["back_on"] == (today_at() + 4 * DAY).isoformat()
    say(patient, "active", why="home")
    say(patient, "active", why="home")
    assert Event.objects.filter(action="patient_status").count() == 3


@everything
@pytest.mark.parametrize(
    ("status", "fields", "field"),
    [
        ("asleep", {}, "status"),
        ("in_hospital", {"since_on": today_at() + DAY}, "since_on"),
        ("died", {"since_on": date(1900, 1, 1)}, "since_on"),
        ("died", {"back_on": today_at() + DAY}, "back_on"),
        ("in_hospital", {"back_on": today_at() - DAY}, "back_on"),
        ("in_hospital", {"why": ""}, "why"),
        ("in_hospital", {"why": "x" * 501}, "why"),
    ],
)
def test_what_cannot_be_right_is_refused_and_changes_nothing(status, fields, field):
    patient = make_patient()
    with pytest.raises(BadInput) as no:
        say(patient, status, **fields)
    assert no.value.field == field
    patient.refresh_from_db()
    assert patient.status == "active"
    assert not Event.objects.filter(action="patient_status").exists()


@everything
def test_a_status_seen_before_somebody_changed_it_is_stale():
    patient = make_patient()
    say(patient, "in_hospital")
    with pytest.raises(StaleVersion):
        say(patient, "transferred", saw="active")


@everything
def test_editing_the_status_with_the_details_goes_the_same_way():
    patient = make_patient()
    visit = make_visit(make_dose(make_prescription(patient)))
    wish = {"status": "transferred", "allergies": "latex"}
    with pytest.raises(BadInput):
        patient_changes.update_patient(patient_id=patient.pk, wish=wish, by=make_user())
    patient_changes.update_patient(
        patient_id=patient.pk, wish={**wish, "why": "moved to Ohio"}, by=make_user()
    )
    assert visit.notices.get(kind="booked").state == "suppressed"
    assert told().why == "moved to Ohio"
    assert Event.objects.get(action="patient_updated").detail == {"changed": ["allergies"]}


def unseen() -> int:
    """Open visits of somebody who is away that no person is told of, and messages that would still go out."""
    visits = Visit.objects.filter(state="booked", attention="").exclude(patient__status="active")
    return visits.count() + Notice.objects.filter(state="planned").exclude(patient__status="active").count()


@real_connections
def test_booking_against_the_news_never_leaves_a_visit_nobody_looks_at():
    user, nurse = make_user(), make_nurse()
    for turn in range(8):
        dose = make_dose(by=user, start_on=today_at() + (7 + turn) * DAY)
        works = [
            partial(make_visit, dose, nurse, by=user),
            partial(say, dose.prescription.patient, "in_hospital", by=user),
        ]
        booked, stopped = all_at_once(works if turn % 2 else works[::-1])[:: 1 if turn % 2 else -1]
        assert isinstance(stopped, Patient)
        assert isinstance(booked, Visit) or booked.code == "PATIENT_AWAY"
        assert unseen() == 0


@real_connections
def test_without_the_patients_lock_a_visit_slips_past_the_news():
    """The twin: each checks, then writes; neither waits for the other."""
    user, nurse, dose = make_user(), make_nurse(), make_dose()
    patient, both_looked = dose.prescription.patient, Barrier(2)

    def book() -> None:
        with transaction.atomic():
            assert Patient.objects.get(pk=patient.pk).status == "active"
            both_looked.wait(timeout=20)
            Visit.objects.create(
                patient=patient, dose=dose, nurse=nurse, starts_at=at(dose.due_on), ends_at=at(dose.due_on, 14),
                time_zone=patient.time_zone, booked_by=user,
            )  # fmt: skip

    def stop() -> None:
        with transaction.atomic():
            visits = list(Visit.objects.filter(patient=patient, state="booked"))
            both_looked.wait(timeout=20)
            Patient.objects.filter(pk=patient.pk).update(status="in_hospital")
            assert visits == []

    assert all_at_once([book, stop]) == [None, None]
    assert unseen() == 1


@everything
def test_a_result_recorded_for_somebody_away_starts_nothing():
    patient = make_patient()
    make_dose(make_prescription(patient), ready=False)
    say(patient, "in_hospital")
    make_evidence(patient, "hbv_screening", today_at())
    assert queue.rows(make_user()) == []


@everything
def test_nothing_is_planned_further_for_somebody_away_until_they_are_back():
    patient = make_patient()
    make_prescription(patient)
    later = today_at() + 700 * DAY
    say(patient, "transferred")
    assert doses.extend_calendars(today=later) == 0
    say(patient, "active", why="back with us")
    assert doses.extend_calendars(today=later) == 1
