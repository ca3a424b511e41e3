"""The page that says where a patient is: what it will do is told before, and done in one step."""

from __future__ import annotations

import pytest
from django.urls import reverse

from patients.models import Patient
from scheduling.models import Event, Notice, PlannedCheck
from scheduling.services import patient_changes
from tests.makers import (
    DAY,
    make_dose,
    make_lab_visit,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def url(patient: Patient) -> str:
    return reverse("patient-status", args=[patient.pk])


def said(**changes: str) -> dict[str, str]:
    """What a browser sends, with changes."""
    return {
        "status": "in_hospital",
        "since_on": "3/1/2026",
        "back_on": "",
        "why": "the son called",
        "saw": "active",
        **changes,
    }


def test_what_saving_will_do_is_listed_before_it_is_done():
    patient = make_patient()
    visit = make_visit(make_dose(make_prescription(patient)))
    make_lab_visit(patient, on=visit.local_start.date() + DAY)
    PlannedCheck.objects.create(
        patient=patient,
        kind="wellness",
        due_on=today_at(),
        window_start_on=today_at(),
        window_end_on=today_at(),
    )
    with at_the_desk() as client:
        page = client.get(url(patient)).content.decode()
        assert "2 booked visits go to" in page and "6 messages that wait are not sent." in page
        assert "1 dose leaves" in page and "1 lab draw or check leaves the list." in page
        assert reverse("visit", args=[visit.pk]) in page
        assert page.count("btn-primary") == 1
        answer = client.post(url(patient), said(back_on="3/9/2026"))
        assert (answer.status_code, answer["Location"]) == (302, reverse("chart", args=[patient.pk]))
        again = client.get(url(patient)).content.decode()
    assert "since Sun, Mar 1, 2026; expected home Mon, Mar 9, 2026" in again
    assert "“the son called”" in again and "2 booked visits stand again" in again
    assert "6 messages that were stopped go out" in again
    assert set(Notice.objects.values_list("state", flat=True)) == {"suppressed"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": ""}, "status"),
        ({"status": "asleep"}, "status"),
        ({"since_on": "3/3/2026"}, "since_on"),
        ({"since_on": "2/30/2026"}, "since_on"),
        ({"status": "died", "back_on": "3/9/2026"}, "back_on"),
        ({"why": " "}, "why"),
    ],
)
def test_what_cannot_be_right_is_said_beside_its_field_and_nothing_typed_is_lost(changes, field):
    patient = make_patient()
    with at_the_desk() as client:
        answer = client.post(url(patient), said(**changes))
    assert answer.status_code == 422 and field in answer.context["form"].errors
    assert changes.get("since_on", "3/1/2026") in answer.content.decode()
    patient.refresh_from_db()
    assert patient.status == "active"


def test_taking_back_a_death_asks_for_a_tick_and_a_reason():
    patient = make_patient()
    with at_the_desk() as client:
        client.post(url(patient), said(status="died"))
        back = said(status="active", saw="died", why="the wrong patient")
        asked = client.post(url(patient), back)
        assert (asked.status_code, list(asked.context["form"].errors)) == (422, ["alive"])
        assert client.post(url(patient), {**back, "alive": "on"}).status_code == 302
    patient.refresh_from_db()
    assert patient.status == "active"
    assert Event.objects.filter(action="patient_status").latest("pk").why == "the wrong patient"


def test_the_second_of_two_people_is_told_and_may_decide_again():
    patient = make_patient()
    with at_the_desk() as client:
        assert client.post(url(patient), said()).status_code == 302
        late = client.post(url(patient), said(status="transferred"))
        assert late.status_code == 409 and "the son called" in late.content.decode()
        saw = late.context["form"]["saw"].value()
        assert client.post(url(patient), said(status="transferred", saw=saw)).status_code == 302
    patient.refresh_from_db()
    assert patient.status == "transferred"


def test_the_chart_and_the_edit_page_lead_there_and_the_read_is_in_the_trail():
    patient = make_patient()
    with at_the_desk() as client:
        for name in ("chart", "patient-edit"):
            assert url(patient) in client.get(reverse(name, args=[patient.pk])).content.decode()
        client.get(url(patient))
    assert Event.objects.filter(action="chart_read", patient=patient, subject="status").count() == 1


def test_the_page_costs_the_same_however_much_is_booked(django_assert_max_num_queries):
    patient, nurse = make_patient(), make_nurse()
    for week in range(6):
        make_lab_visit(patient, nurse, on=today_at() + (3 + week) * DAY)
    with at_the_desk() as client, django_assert_max_num_queries(24):
        assert client.get(url(patient)).status_code == 200
    patient_changes.set_status(
        patient_id=patient.pk, status="in_hospital", since_on=today_at() - DAY, why="fall", by=make_user()
    )
    with at_the_desk() as client, django_assert_max_num_queries(24):
        assert client.get(url(patient)).status_code == 200
