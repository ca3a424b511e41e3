"""Who may see what: one table over every selector and every role."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from scheduling import selectors
from scheduling.models import Reply
from scheduling.services import alerts, booking, calendar_feeds, prescribing, routes
from tests.makers import (
    DAY,
    NOW,
    make_dose,
    make_evidence,
    make_nurse,
    make_pair,
    make_papers,
    make_patient,
    make_plan,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    """One patient with a visit by one nurse, and everything that hangs on it; strangers of each role."""
    patient = make_patient(user=True)
    prescription = make_prescription(patient, start_on=today_at())
    make_papers(prescription)
    make_evidence(patient, "hbv_screening", today_at())
    make_record(make_dose(prescription, ready=False), today_at())
    visit = make_visit(make_dose(prescription, 2, ready=False))
    prescribing.hold(
        prescription_id=prescription.pk, starts_on=today_at() - 9 * DAY, clears_on=today_at() - 8 * DAY,
        reason="cold", by=make_user(),
    )  # fmt: skip
    Reply.objects.create(patient=patient, via="text", meaning="other", body="Thanks", received_at=NOW)
    alerts.raise_alert("symptoms", patient=patient, about="x", sentence="Look.")
    make_plan()
    make_pair(patient, make_nurse())
    return {"patient": patient, "visit": visit, "nurse": visit.nurse}


WITH_CLOCK = ["patients_for", "prescriptions_for", "doses_for", "evidence_for", "holds_for", "records_for"]
WITH_CLOCK += ["visits_for", "checks_for"]
WITHOUT = ["notices_for", "replies_for"]
OFFICE_ALONE = ["calls_for", "alerts_for", "plans_for", "pairs_for"]


def sees(selector: str, user, now=NOW) -> bool:
    read = getattr(selectors, selector)
    return (read(user, now=now) if selector in WITH_CLOCK else read(user)).exists()


def test_every_selector_has_its_line_in_these_tests():
    named = {name for name in vars(selectors) if name.endswith("_for")}
    assert named == {
        *WITH_CLOCK,
        *WITHOUT,
        *OFFICE_ALONE,
        "nurses_for",
        "events_for",
        "routes_for",
        "feeds_for",
    }


@pytest.mark.parametrize("selector", WITH_CLOCK + WITHOUT + OFFICE_ALONE)
@pytest.mark.parametrize("role", ["coordinator", "lead", "admin"])
def test_the_office_sees_everything_of_the_agency(world, selector, role):
    assert sees(selector, make_user(role))


@pytest.mark.parametrize("selector", WITH_CLOCK + WITHOUT)
def test_a_patient_sees_their_own_and_nobody_elses(world, selector):
    assert sees(selector, world["patient"].user)
    read = getattr(selectors, selector)
    own = {"patients_for": 1}.get(selector, 0)  # a stranger sees their own row and nothing else
    assert read(make_patient(user=True).user).count() == own


@pytest.mark.parametrize("selector", WITH_CLOCK)
def test_a_nurse_sees_a_patient_from_14_days_before_a_visit_to_14_days_after(world, selector):
    user, starts_at = world["nurse"].user, world["visit"].starts_at
    assert sees(selector, user, starts_at - 14 * DAY)
    assert not sees(selector, user, starts_at - 14 * DAY - DAY / 86400)
    assert sees(selector, user, starts_at + 14 * DAY)
    assert not sees(selector, user, starts_at + 15 * DAY)
    assert not sees(selector, make_nurse().user, starts_at)


@pytest.mark.parametrize("selector", OFFICE_ALONE)
def test_calls_alerts_and_plans_are_for_the_office_alone(world, selector):
    assert not sees(selector, world["nurse"].user)
    assert not sees(selector, world["patient"].user)


def test_a_cancelled_visit_shows_a_nurse_no_chart(world):
    booking.cancel_visit(visit_id=world["visit"].pk, by=make_user(), reason_class="patient", now=NOW)
    assert not sees("patients_for", world["nurse"].user)
    assert not sees("visits_for", world["nurse"].user)


@pytest.mark.parametrize("selector", [*WITH_CLOCK, *WITHOUT, *OFFICE_ALONE, "nurses_for", "events_for"])
def test_strangers_and_deactivated_people_see_nothing(world, selector):
    gone = make_user("coordinator", is_active=False)
    for user in (AnonymousUser(), gone):
        assert not sees(selector, user)


def test_only_lead_and_admin_read_the_trail(world):
    readers = [
        role
        for role in ("coordinator", "nurse", "patient", "lead", "admin")
        if sees("events_for", make_user(role))
    ]
    assert readers == ["lead", "admin"]


def test_a_nurse_sees_her_own_published_days_and_the_office_all(world):
    visit, nurse = world["visit"], world["nurse"]
    routes.publish(nurse_id=nurse.pk, on=visit.local_start.date(), by=make_user(), now=NOW)
    assert sees("routes_for", nurse.user) and all(
        sees("routes_for", make_user(role)) for role in ("coordinator", "lead", "admin")
    )
    for stranger in (make_nurse().user, world["patient"].user, AnonymousUser(), make_user(is_active=False)):
        assert not sees("routes_for", stranger)


def test_a_calendar_feed_is_known_to_its_nurse_alone(world):
    calendar_feeds.make(by=world["nurse"].user, now=NOW)
    assert sees("feeds_for", world["nurse"].user)
    people = [make_user(role) for role in ("coordinator", "lead", "admin")]
    for stranger in (*people, make_nurse().user, world["patient"].user, AnonymousUser()):
        assert not sees("feeds_for", stranger)


def test_a_nurse_may_record_the_dose_of_an_own_visit_only(world):
    dose = world["visit"].dose
    assert selectors.may_record(world["nurse"].user, dose)
    assert not selectors.may_record(make_nurse().user, dose)
    assert not selectors.may_record(world["patient"].user, dose)
    assert selectors.may_record(make_user(), dose)


def test_a_nurse_with_many_visits_to_a_patient_sees_the_patient_once(world):
    prescription = world["visit"].dose.prescription
    make_visit(make_dose(prescription, 3, ready=False), world["nurse"], override="ahead")
    assert selectors.patients_for(world["nurse"].user, now=world["visit"].starts_at).count() == 1


def test_the_offices_list_of_patients_needs_no_sorting_out_of_doubles(world):
    assert "DISTINCT" not in str(selectors.patients_for(make_user()).query)
