"""The list of patients and adding one: what a coordinator types is kept, checked and never doubled."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from patients.models import Measurement, Patient
from scheduling.models import Event
from tests.makers import make_patient, make_prescription, make_user, make_visit, patient_fields
from tests.scheduling.pages.booking_desk import at_the_desk, save_as_shown

pytestmark = pytest.mark.django_db


def typed(**changes: str) -> dict[str, str]:
    """A complete form, with changes."""
    return {
        "first_name": "Grace", "last_name": "Abara", "date_of_birth_month": "7", "date_of_birth_day": "2",
        "date_of_birth_year": "1982", "mrn": "IH-1", "address": "1 Elm Street", "city": "Plano", "state": "TX",
        "postal_code": "75023", "latitude": "", "longitude": "", "time_zone": "America/Chicago", "language": "en",
        "diagnosis_code": "", "allergies": "", "access_notes": "", "wishes": "", "prefers": "", "email": "",
        "phone": "", **changes,
    }  # fmt: skip


def test_a_patient_is_added_and_lands_on_the_chart():
    with at_the_desk() as client:
        answer = client.post(
            reverse("patient-new"), typed(email="g@example.com", phone="214-555-0142", consent="on")
        )
    patient = Patient.objects.get(mrn="IH-1")
    assert answer.status_code == 302 and answer["Location"] == reverse("chart", args=[patient.pk])
    assert {contact.value for contact in patient.contacts.all()} == {"g@example.com", "+12145550142"}
    assert Event.objects.filter(action="patient_registered", patient=patient).count() == 1


def test_a_home_without_coordinates_is_placed_in_the_middle_of_its_city():
    with at_the_desk() as client:
        client.post(reverse("patient-new"), typed(city="fort WORTH"))
    assert Patient.objects.get(mrn="IH-1").place == pytest.approx((32.756, -97.331))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"city": "Springfield"}, "latitude"),
        ({"latitude": "32.7"}, "longitude"),
        ({"latitude": "91", "longitude": "0"}, "latitude"),
        ({"latitude": "NaN", "longitude": "0"}, "latitude"),
        ({"date_of_birth_month": "2", "date_of_birth_day": "30"}, "date_of_birth"),
        ({"date_of_birth_year": "2099"}, "date_of_birth"),
        ({"email": "g@example.com"}, "consent"),
        ({"phone": "12"}, "phone"),
        ({"state": "Texas"}, "state"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"access_notes": "x" * 10_000}, "access_notes"),
        ({"first_name": "a\x00b"}, "first_name"),
        ({"last_name": ""}, "last_name"),
    ],
)
def test_what_cannot_be_right_is_said_beside_its_field_and_nothing_typed_is_lost(changes, field):
    with at_the_desk() as client:
        answer = client.post(reverse("patient-new"), typed(**changes))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Patient.objects.exists()
    page = answer.content.decode()
    assert "<title>Error: " in page
    for value in changes.values():
        assert not value or "\x00" in value or value == "Mars/Base" or value in page


def test_html_in_a_name_is_a_name():
    with at_the_desk() as client:
        client.post(reverse("patient-new"), typed(last_name="<b>Bold</b>"))
        chart = client.get(reverse("chart", args=[Patient.objects.get().pk])).content.decode()
        listed = client.get(reverse("patients")).content.decode()
    for page in (chart, listed):
        assert "&lt;b&gt;Bold&lt;/b&gt;" in page and "<b>Bold</b>" not in page


def test_somebody_who_may_be_there_already_is_shown_and_added_anyway_only_with_a_reason_on_file():
    known = make_patient(first_name="Grace", last_name="Ábara", date_of_birth=date(1982, 7, 2))
    with at_the_desk() as client:
        asked = client.post(reverse("patient-new"), typed())
        page = asked.content.decode()
        assert asked.status_code == 422 and reverse("chart", args=[known.pk]) in page
        assert "The same last name and birthday." in page and "Add anyway" in page
        assert Patient.objects.count() == 1
        added = client.post(reverse("patient-new"), typed(different="twins, I asked"))
        assert added.status_code == 302
    patient = Patient.objects.get(mrn="IH-1")
    told = Event.objects.get(action="duplicate_dismissed")
    assert (told.patient_id, told.why, told.detail) == (
        patient.pk,
        "twins, I asked",
        {"patients": [known.pk]},
    )
    assert Event.objects.filter(action="chart_read", patient=known, subject="duplicates").count() == 1


def test_the_page_asks_the_same_number_of_questions_however_many_are_alike():
    def queries() -> int:
        with at_the_desk() as client, CaptureQueriesContext(connection) as seen:
            client.post(reverse("patient-new"), typed())
        return len(seen)

    for _ in range(2):
        make_patient(first_name="Grace", last_name="Abara")
    few = queries()
    for _ in range(5):
        make_patient(first_name="Grace", last_name="Abara", date_of_birth=date(1982, 7, 2))
    assert queries() == few


def test_the_same_form_sent_twice_adds_one_patient():
    with at_the_desk() as client:
        client.post(reverse("patient-new"), typed(different="twins"))
        again = client.post(reverse("patient-new"), typed(different="twins"))
    assert again.status_code == 422 and "mrn" in again.context["form"].errors
    assert Patient.objects.count() == 1


def test_the_list_is_narrowed_by_drug_and_status_and_sorted_by_its_links():
    quiet = make_patient(last_name="Aaa")
    on_drug = make_prescription(make_patient(last_name="Bbb")).patient
    with at_the_desk() as client:
        everybody = client.get(reverse("patients"))
        narrowed = client.get(reverse("patients"), {"drug": "ocrelizumab"})
        without = client.get(reverse("patients"), {"status": "none"})
        backwards = client.get(reverse("patients"), {"sort": "-name"})
        by_due = client.get(reverse("patients"), {"sort": "due"})
        odd = client.get(reverse("patients"), {"sort": "'; --", "status": "?", "drug": "?", "page": "x"})
    people = [[row.patient for row in answer.context["rows"]] for answer in (everybody, narrowed, without)]
    assert people == [[quiet, on_drug], [on_drug], [quiet]]
    assert [row.patient for row in backwards.context["rows"]] == [on_drug, quiet]
    assert [row.patient for row in by_due.context["rows"]] == [on_drug, quiet]
    assert odd.status_code == 200


def test_an_overdue_dose_without_a_visit_shows_as_overdue():
    late = make_prescription(start_on=date(2026, 2, 1)).patient
    with at_the_desk() as client:
        row = client.get(reverse("patients")).context["rows"][0]
    assert (row.patient, row.word) == (late, "Overdue")


def test_the_list_costs_the_same_however_long_it_is():
    def queries() -> int:
        with at_the_desk() as client, CaptureQueriesContext(connection) as seen:
            client.get(reverse("patients"))
        return len(seen)

    for _ in range(2):
        make_prescription()
    few = queries()
    for _ in range(6):
        make_visit()
    assert queries() == few


def test_a_measurement_is_recorded_and_a_typing_error_refused():
    patient = make_patient()
    address = reverse("measurement-new", args=[patient.pk])
    with at_the_desk() as client:
        assert client.get(address).status_code == 200
        wrong = client.post(address, {"kind": "weight_kg", "value": "7000", "measured_on": "3/1/2026"})
        assert wrong.status_code == 422 and "value" in wrong.context["form"].errors
        future = client.post(address, {"kind": "weight_kg", "value": "70", "measured_on": "3/3/2026"})
        assert future.status_code == 422 and "measured_on" in future.context["form"].errors
        good = save_as_shown(
            client, address, {"kind": "weight_kg", "value": "70.5", "measured_on": "3/1/2026"}
        )
    assert good.status_code == 302
    assert [str(one.value) for one in Measurement.objects.all()] == ["70.50"]


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
@pytest.mark.parametrize(
    "name", ["patients", "patient-new", "chart", "prescription-new", "evidence-new", "measurement-new"]
)
def test_pages_of_the_office_do_not_exist_for_others(role, name):
    arguments = [] if name in {"patients", "patient-new"} else [make_patient().pk]
    with at_the_desk(make_user(role)) as client:
        assert client.get(reverse(name, args=arguments)).status_code == 404
        assert client.post(reverse(name, args=arguments)).status_code == 404
        client.logout()
        assert client.get(reverse(name, args=arguments)).status_code == 302


@pytest.mark.parametrize(
    "name",
    ["chart", "prescription-new", "evidence-new", "measurement-new", "prescription-amend", "prescription-hold",
     "prescription-stop", "hold-clear", "evidence-withdraw", "dose", "dose-record", "record-correct"],
)  # fmt: skip
def test_a_guessed_id_is_not_found(name):
    with at_the_desk() as client:
        assert client.get(reverse(name, args=[987654])).status_code == 404
        assert client.get(reverse(name, args=[10**30])).status_code == 404


def test_makers_and_the_form_ask_for_the_same():
    assert set(patient_fields()) <= set(typed()) | {"date_of_birth"}
