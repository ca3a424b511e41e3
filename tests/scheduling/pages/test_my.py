"""The patient's pages: the next infusion, one visit, the whole treatment, in plain words and two languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from scheduling.models import Event, Visit
from scheduling.readings import my as readings
from scheduling.services import booking, prescribing, records
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_papers,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)

pytestmark = pytest.mark.django_db
SOON = today_at(NOW) + 7 * DAY  # the first dose of a new prescription: Monday, March 9, 2026


@pytest.fixture(autouse=True)
def clock():
    with clock_stands_at(NOW) as now:
        yield now


@pytest.fixture
def patient():
    return make_patient(user=True, first_name="Maria")


@pytest.fixture
def visit(patient):
    return make_visit(make_dose(make_prescription(patient)), make_nurse(first_name="Ana"))


def read(client, patient, name="my-home", **kwargs) -> str:
    client.force_login(patient.user)
    answer = client.get(reverse(name, kwargs=kwargs))
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_first_page_says_day_hours_and_who_comes_in_both_languages(client, patient, visit):
    page = read(client, patient)
    for words in (
        "Hello Maria",
        "Monday, March 9",
        "9:00 am to about 1:45 pm",
        "Nurse Ana comes to your home.",
        "tel:911",
    ):
        assert words in page
    patient.user.language = "es"
    patient.user.save()
    page = read(client, patient)
    for words in (
        "Hola, Maria",
        "Lunes 9 de marzo",
        "De 9:00\u00a0a.\u00a0m. a 1:45\u00a0p.\u00a0m., más o menos",
        "Ana va a su casa para la visita de enfermería.",
    ):
        assert words in page
    assert '<html lang="es"' in page


def test_the_first_page_names_no_drug_and_no_last_name(client, patient, visit):
    page = read(client, patient)
    assert "crelizumab" not in page and patient.last_name not in page and visit.nurse.last_name not in page


def test_days_without_a_visit_are_only_ever_around_a_day(client, patient, visit):
    page = read(client, patient)
    assert "Around March 9 " not in page  # that one is booked
    assert "Around March 23" in page and "Around September 9" in page and "Not booked yet" in page


def test_a_second_booked_visit_is_listed_with_its_link(client, patient, visit):
    dose = visit.dose.prescription.doses.get(number=2)
    second = make_visit(dose, visit.nurse)
    page = read(client, patient)
    assert reverse("my-visit", kwargs={"visit_id": second.pk}) in page and "Monday, March 23" in page


def test_when_nothing_is_booked_the_page_says_when_the_patient_hears_from_us(client, patient):
    make_prescription(patient, start_on=today_at(NOW) + 20 * DAY)
    page = read(client, patient)
    assert "We have not set your next visit yet." in page
    assert "due around March 22." in page and "You will hear from us by Sunday, March 15." in page


@pytest.mark.parametrize("days", [6, 0, -10])
def test_a_dose_too_near_for_a_promise_asks_for_a_call(client, patient, days):
    make_prescription(patient, start_on=today_at(NOW) + timedelta(days=days))
    page = read(client, patient)
    assert "It is time to set it. Call us today." in page and "You will hear from us" not in page
    assert ("due around" in page) is (days >= 0)


@pytest.mark.parametrize("clears_on", [None, SOON + 30 * DAY])
def test_nobody_is_told_a_day_while_the_treatment_is_on_hold(client, patient, clears_on):
    prescription = make_prescription(patient)
    prescribing.hold(
        prescription_id=prescription.pk,
        starts_on=today_at(NOW),
        clears_on=clears_on,
        reason="secret",
        by=make_user(),
    )
    page = read(client, patient)
    assert "Your treatment is on hold." in page and "secret" not in page and "round " not in page


def test_a_day_inside_a_coming_hold_is_said_after_it(client, patient):
    prescription = make_prescription(patient, start_on=SOON + 10 * DAY)
    prescribing.hold(
        prescription_id=prescription.pk,
        starts_on=SOON,
        clears_on=SOON + 30 * DAY,
        reason="away",
        by=make_user(),
    )
    assert "due around April 8." in read(client, patient)
    assert "Around April 8" in read(client, patient, "my-therapy")


def test_a_visit_that_is_over_but_not_written_up_is_not_asked_for_again(client, patient, visit):
    with clock_stands_at(visit.ends_at + MINUTE):
        page, therapy = read(client, patient), read(client, patient, "my-therapy")
    assert "due around March 23." in page and "It is time" not in page
    assert "Being written up" in therapy


def test_a_visit_that_no_longer_fits_says_we_will_call_and_not_why(client, patient, visit):
    Visit.objects.filter(pk=visit.pk).update(attention_code="TOO_SHORT", attention="The visit is 10 minutes.")
    for page in (read(client, patient), read(client, patient, "my-visit", visit_id=visit.pk)):
        assert "We may need to change this visit." in page and "10 minutes" not in page


def test_a_visit_under_way_is_still_the_next_one_and_a_finished_one_is_not(client, patient, visit):
    with clock_stands_at(visit.ends_at - MINUTE):
        assert "Today, Monday, March 9" in read(client, patient)
    with clock_stands_at(visit.ends_at + MINUTE):
        assert "Monday, March 9" not in read(client, patient)


def test_without_any_treatment_the_page_says_so(client, patient):
    assert "No infusion is planned." in read(client, patient)
    assert "No infusion is planned." in read(client, patient, "my-therapy")


def test_a_sign_in_that_belongs_to_nobody_is_told_whom_to_call(client):
    client.force_login(make_user("patient"))
    assert b"not linked to your care" in client.get(reverse("my-home")).content
    assert client.get(reverse("my-therapy")).status_code == 404


def test_a_visit_tells_each_part_with_its_hour(client, patient, visit):
    page = read(client, patient, "my-visit", visit_id=visit.pk)
    for words in ("9:00 am", "10:00 am", "12:30 pm", "1:30 pm", "The medicine goes in", "Ocrelizumab"):
        assert words in page
    parts = readings.visit_of(visit, now=NOW).parts
    assert sum(part.minutes for part in parts) * MINUTE == visit.ends_at - visit.starts_at


def test_a_moved_visit_leads_to_its_new_time_and_a_cancelled_one_says_so(client, patient, visit):
    office = make_user()
    moved = booking.move_visit(
        visit_id=visit.pk,
        nurse_id=visit.nurse_id,
        starts_at=at(SOON + DAY),
        by=office,
        reason_class="patient",
        override="asked for",
    )
    page = read(client, patient, "my-visit", visit_id=visit.pk)
    assert "This visit has a new time." in page
    assert reverse("my-visit", kwargs={"visit_id": moved.pk}) in page
    booking.cancel_visit(visit_id=moved.pk, by=office, reason_class="weather", note="not for the patient")
    page = read(client, patient, "my-visit", visit_id=moved.pk)
    assert "This visit is cancelled." in page and "not for the patient" not in page


def test_the_treatment_shows_what_was_given_booked_and_planned(client, patient, visit):
    later = visit.starts_at + 60 * MINUTE
    records.record_given(dose_id=visit.dose_id, given_on=SOON, by=make_user(), reaction="mild", now=later)
    prescription = visit.dose.prescription
    make_papers(prescription)
    second = make_visit(make_dose(prescription, 2, ready=False), visit.nurse)
    with clock_stands_at(later):
        page = read(client, patient, "my-therapy")
        therapy = readings.therapies_of(patient.user, patient)[0]
    assert therapy.medicine == "Ocrelizumab"
    assert [line.on for line in therapy.given] == [SOON]
    assert therapy.ahead[0].visit_id == second.pk and therapy.ahead[0].word == "Booked"
    assert therapy.ahead[-1].on <= SOON + readings.THERAPY_AHEAD
    assert "Monday, March 9, 2026" in page and "Around September 9" in page and "mild" not in page.lower()


def test_the_treatment_looks_three_years_ahead_and_no_further(client, patient):
    prescription = make_prescription(patient)
    last = prescription.doses.order_by("-number")[0]
    far = today_at(NOW) + readings.THERAPY_AHEAD + DAY
    prescription.doses.filter(pk=last.pk).update(due_on=far, window_start_on=None, window_end_on=None)
    therapy = readings.therapies_of(patient.user, patient)[0]
    assert len(therapy.ahead) == prescription.doses.count() - 1 and far not in [
        line.on for line in therapy.ahead
    ]


def test_an_order_that_ends_says_from_when_the_doctor_renews_it(client, patient):
    make_prescription(patient, expires_on=SOON + 365 * DAY)
    assert "From September 2027 on, your doctor renews the order first." in read(
        client, patient, "my-therapy"
    )


def test_a_stopped_treatment_keeps_what_was_given_and_plans_nothing(client, patient, visit):
    later = visit.starts_at + 60 * MINUTE
    records.record_given(
        dose_id=visit.dose_id, given_on=SOON, by=make_user(), reaction="life_threatening", now=later
    )
    with clock_stands_at(later):
        page = read(client, patient, "my-therapy")
    assert "This treatment has ended." in page and "Around" not in page


def test_every_reading_of_ones_own_chart_is_in_the_audit_trail(client, patient, visit):
    read(client, patient)
    read(client, patient, "my-visit", visit_id=visit.pk)
    read(client, patient, "my-therapy")
    trail = Event.objects.filter(action="chart_read", actor=patient.user, patient=patient)
    assert sorted(trail.values_list("subject", flat=True)) == ["my next infusion", "my therapy", "my visit"]


def test_another_patients_visit_does_not_exist(client, visit):
    client.force_login(make_patient(user=True).user)
    assert client.get(reverse("my-visit", kwargs={"visit_id": visit.pk})).status_code == 404
    assert client.get(reverse("my-visit", kwargs={"visit_id": visit.pk + 10_000})).status_code == 404
    assert b"Monday, March 9" not in client.get(reverse("my-home")).content


@pytest.mark.parametrize("role", ["coordinator", "lead", "admin", "nurse", None])
def test_other_roles_find_no_patient_pages(client, visit, role):
    if role:
        client.force_login(make_user(role))
    for name, kwargs in (("my-home", {}), ("my-therapy", {}), ("my-visit", {"visit_id": visit.pk})):
        answer = client.get(reverse(name, kwargs=kwargs))
        assert answer.status_code == (404 if role else 302), name


def test_markup_in_a_name_stays_text(client):
    patient = make_patient(user=True, first_name="<img src=x>")
    assert "Hello &lt;img src=x&gt;" in read(client, patient)


@pytest.mark.parametrize("name", ["my-home", "my-therapy"])
def test_the_number_of_queries_does_not_grow_with_the_treatment(
    client, patient, visit, django_assert_max_num_queries, name
):
    read(client, patient, name)
    counts = []
    for regimen in ("methylprednisolone_iv_3d", "natalizumab_q4w"):
        with django_assert_max_num_queries(25) as asked:
            read(client, patient, name)
        counts.append(len(asked.captured_queries))
        make_prescription(patient, regimen)
    assert counts[0] == counts[1]
