"""Go and no-go on the nurse's phone, and the lead's permissions on the page of overrides."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from patients.models import Evidence
from scheduling.models import Event, GateOverride, Visit
from scheduling.services import records, starting, supplies
from tests import makers

pytestmark = pytest.mark.django_db

TODAY = makers.today_at()


@pytest.fixture(autouse=True)
def standing_clock():
    with makers.clock_stands_at():
        yield


@pytest.fixture
def lead():
    return makers.make_user(Role.LEAD)


def visit_today(*, ready: bool = True, **fields) -> Visit:
    """A visit at 10:00 today; `ready` with authorization, drug and health screen on file."""
    dose = makers.make_dose(start_on=TODAY, **fields)
    if ready:
        patient, by = dose.prescription.patient, makers.make_user()
        makers.make_evidence(patient, "prior_authorization", TODAY, units=900, reference="A1", by=by)
        makers.make_evidence(patient, "health_screen", TODAY, by=by)
        supplies.record_step(
            dose_id=dose.pk, step="received", on=TODAY, lowest_c=Decimal(3), highest_c=Decimal(6), by=by
        )
    return makers.make_visit(dose, starts_at=makers.at(TODAY, 10))


def door(visit: Visit) -> str:
    client = Client()
    client.force_login(visit.nurse.user)
    return client.get(reverse("nurse-visit", args=[visit.pk])).content.decode()


def send(visit: Visit, **said):
    client = Client()
    client.force_login(visit.nurse.user)
    body = {"version": visit.version, "identity": "on", "check_infection_check": "yes", **said}
    return client.post(reverse("nurse-start", args=[visit.pk]), {k: v for k, v in body.items() if v})


def test_a_visit_with_everything_in_place_asks_the_nurse_and_starts():
    visit = visit_today()
    page = door(visit)
    assert "Nothing on file stands against the start." in page and "No infection or fever" in page
    assert "No-go" not in page and page.count("btn-primary") == 1  # one thing to do next
    answer = send(visit)
    assert (answer.status_code, answer.url) == (302, reverse("nurse-visit", args=[visit.pk]))
    page = door(visit)
    assert "Go given at 9:00 am." in page and "Start visit" not in page
    assert page.count("btn-primary") == 1 and "Record given" in page


def test_what_stands_against_the_start_is_listed_with_who_may_open_it():
    page = door(visit_today(ready=False))
    for words in (
        "No-go", "3 things stand against the start.", "None on file.", "Not ordered yet.",
        "The clinical lead may let this pass.", "Call the office before you start",
    ):  # fmt: skip
        assert words in page
    assert page.count("btn-primary") == 1  # the call, not the start


def test_a_start_that_is_refused_keeps_what_was_answered_and_says_why():
    visit = visit_today(ready=False)
    answer = send(visit)
    page = answer.content.decode()
    assert answer.status_code == 422 and "Drug: Not ordered yet." in page
    assert (
        'value="yes" checked' in page.replace('" id="id_check_infection_check_0"', '"') or "checked" in page
    )
    assert Evidence.objects.filter(kind="infection_check", dated_on=TODAY, clear=True).count() == 1
    visit.refresh_from_db()
    assert visit.state == "booked"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"identity": ""}, "Check name and date of birth, then tick this."),
        ({"check_infection_check": ""}, "Answer this check."),
        ({"check_infection_check": "perhaps"}, "Select a valid choice"),
    ],
)
def test_what_is_not_answered_is_asked_again(said, words):
    visit = visit_today()
    answer = send(visit, **said)
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not Event.objects.filter(action="visit_started").exists()


def test_an_infection_is_a_no_go_that_stays_on_file_and_nobody_may_let_pass():
    visit = visit_today()
    answer = send(visit, check_infection_check="no")
    assert answer.status_code == 422 and "does not allow the dose" in answer.content.decode()
    assert Evidence.objects.filter(kind="infection_check", dated_on=TODAY, clear=False).exists()


def test_a_page_that_is_out_of_date_is_told_so():
    visit = visit_today()
    starting.start_visit(
        visit_id=visit.pk, by=visit.nurse.user, identity_checked=True, doorstep={"infection_check": True}
    )
    assert send(visit).status_code == 409


def test_the_leads_permission_is_shown_with_its_reason(lead):
    visit = visit_today(ready=False)
    for gate in ("drug", "authorization", "health_screen"):
        starting.override_gate(dose_id=visit.dose_id, gate=gate, why="prescriber agrees", by=lead)
    page = door(visit)
    assert page.count("The clinical lead lets this pass: prescriber agrees") == 3 and "No-go" not in page
    assert send(visit).status_code == 302


def test_tomorrows_visit_shows_its_gates_and_offers_no_start():
    dose = makers.make_dose(start_on=TODAY + makers.DAY)
    page = door(makers.make_visit(dose))
    assert "No-go" in page and "Start visit" not in page and "No infection or fever" in page


def test_the_route_of_today_says_where_nobody_should_drive_yet():
    held = visit_today(ready=False)
    client = Client()
    client.force_login(held.nurse.user)
    assert "No-go: call the office" in client.get(reverse("nurse-today")).content.decode()
    fine = visit_today()
    client.force_login(fine.nurse.user)
    assert "No-go" not in client.get(reverse("nurse-today")).content.decode()


def test_another_nurses_visit_cannot_be_started():
    visit = visit_today()
    client = Client()
    client.force_login(makers.make_nurse().user)
    assert client.post(reverse("nurse-start", args=[visit.pk]), {}).status_code == 404


def test_a_record_without_a_go_is_taken_and_says_so_beforehand():
    visit = visit_today()
    client = Client()
    client.force_login(visit.nurse.user)
    address = reverse("nurse-record", args=[visit.pk])
    assert "No go was given for this visit." in client.get(address).content.decode()
    body = {"given_on": TODAY.isoformat(), "amount_mg": "300", "reaction": "none"}
    assert client.post(address, body).status_code == 302
    assert Event.objects.get(action="dose_recorded").detail["go_given"] is False


def test_a_record_without_a_go_is_marked_on_the_page_of_its_dose():
    visit = visit_today()
    records.record_given(dose_id=visit.dose_id, given_on=TODAY, by=visit.nurse.user)
    client = Client()
    client.force_login(makers.make_user())
    address = reverse("dose", args=[visit.dose_id])
    assert "No go was given before it" in client.get(address).content.decode()
    Visit.objects.filter(pk=visit.pk).update(started_at=makers.NOW)
    assert "No go was given before it" not in client.get(address).content.decode()


# --- Overrides ------------------------------------------------------------------------------------


def test_every_gate_let_pass_is_listed_with_who_and_why_and_the_lead_takes_it_back(lead):
    visit = visit_today(ready=False)
    override = starting.override_gate(
        dose_id=visit.dose_id, gate="drug", why="in the fridge since May", by=lead
    )
    client = Client()
    client.force_login(lead)
    page = client.get(reverse("overrides")).content.decode()
    assert "in the fridge since May" in page and visit.patient.listed_name in page and "Take back" in page
    address = reverse("override-withdraw", args=[override.pk])
    assert client.post(address, {"why": ""}).status_code == 422
    assert client.post(address, {"why": "the parcel was opened"}).status_code == 302
    assert "Taken back" in client.get(reverse("overrides")).content.decode()
    assert GateOverride.objects.get().withdrawn_at is not None
    assert client.get(address).status_code == 404


def test_the_administrator_reads_the_permissions_and_takes_none_back(lead):
    visit = visit_today(ready=False)
    override = starting.override_gate(dose_id=visit.dose_id, gate="drug", why="x", by=lead)
    client = Client()
    client.force_login(makers.make_user(Role.ADMIN))
    assert "Take back" not in client.get(reverse("overrides")).content.decode()
    assert client.post(reverse("override-withdraw", args=[override.pk]), {"why": "x"}).status_code == 404


# --- A diagnosis that does not fit ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("regimen_id", "code", "words"),
    [
        ("ublituximab_iv", "G35.B1", "G35.B1 does not fit: this regimen is for relapsing MS"),
        ("ocrelizumab_iv", "G35", "G35 alone is not billable since Oct 1, 2025."),
    ],
)
def test_a_diagnosis_that_does_not_fit_warns_on_the_chart_and_stops_nothing(regimen_id, code, words):
    dose = makers.make_dose(regimen_id=regimen_id, diagnosis_code=code)
    client = Client()
    client.force_login(makers.make_user())
    address = reverse("chart", args=[dose.prescription.patient_id])
    assert words in client.get(address).content.decode()
    assert makers.make_visit(dose).state == "booked"


def test_an_authorization_is_recorded_with_its_units_and_no_other_paper_has_any():
    dose = makers.make_dose()
    client = Client()
    client.force_login(makers.make_user())
    address = reverse("evidence-new", args=[dose.prescription.patient_id])
    body = {
        "kind": "prior_authorization",
        "dated_on": "3/2/2026",
        "clear": "yes",
        "reference": "A1",
        "units": "600",
    }
    for change in ({"kind": "hbv_screening"}, {"units": "0"}, {"units": "many"}):
        answer = client.post(address, body | change)
        assert answer.status_code == 422 and "units" in answer.context["form"].errors
    assert client.post(address, body).status_code == 302
    assert Evidence.objects.get(kind="prior_authorization").units == 600
