"""Ways to reach a patient: consent per channel with when and how, on the chart and on the patient's own page."""

from __future__ import annotations

import pytest
from django.urls import reverse

from patients.models import Contact
from scheduling.models import Event, Notice
from scheduling.services import consents, patient_changes, ways
from tests.makers import (
    DAY,
    NOW,
    clock_stands_at,
    make_dose,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)
from tests.scheduling.pages.booking_desk import at_the_desk
from tests.scheduling.pages.test_notices import text_of

pytestmark = pytest.mark.django_db


def tab(patient) -> str:
    with at_the_desk() as client:
        return text_of(client.get(reverse("chart", args=[patient.pk]), {"tab": "people"}))


def say(patient, channel="text", **said):
    with at_the_desk() as client:
        address = reverse("contact", args=[patient.pk, channel])
        saw = client.get(address).context["way"].saw
        return client.post(address, {"source": "phone", "saw": saw, "choice": "yes", "value": "", **said})


def my_page(patient, **post):
    with at_the_desk(patient.user) as client:
        return client.post(reverse("my-notices"), post) if post else client.get(reverse("my-notices"))


def test_the_tab_says_for_each_way_whether_when_and_how():
    patient = make_patient()
    consents.opt_out(patient, "email", source="letter", now=NOW)
    page = tab(patient)
    for said in ("Opted out", "letter", "Mon, Mar 2, 2026", "Text messages", "Nothing on file"):
        assert said in page, said


def test_consent_to_a_new_number_is_kept_with_time_and_source_and_the_trail_has_no_number():
    patient = make_patient()
    assert say(patient, value="(214) 555-0142").status_code == 302
    contact = Contact.objects.get(patient=patient, channel="text")
    assert (contact.value, contact.consented_at, contact.consent_source) == ("+12145550142", NOW, "phone")
    assert contact.usable
    told = " ".join(
        f"{event.subject} {event.why} {event.detail}" for event in Event.objects.filter(patient=patient)
    )
    assert "5550142" not in told and "'channel': 'text'" in told


def test_what_waited_for_a_consent_is_owed_again():
    patient = make_patient(email="")
    visit = make_visit(make_dose(make_prescription(patient)))
    ahead = visit.notices.filter(channel="email", due_at__gt=NOW)
    assert set(ahead.values_list("state", flat=True)) == {"suppressed"}
    say(patient, "email", value="pat@example.com")
    assert set(ahead.values_list("state", flat=True)) == {"planned"}


def test_a_number_for_texts_brings_the_texts_before_visits_that_are_booked_already():
    patient = make_patient()
    visit = make_visit(make_dose(make_prescription(patient)))
    say(patient, value="214-555-0142")
    texts = visit.notices.filter(channel="text", due_at__gt=NOW)
    assert {"confirm", "day_before"} <= set(texts.values_list("kind", flat=True))
    assert set(texts.values_list("state", flat=True)) == {"planned"}


def test_an_address_put_right_on_the_page_of_details_brings_back_what_waited_for_one():
    patient = make_patient(email="")
    visit = make_visit(make_dose(make_prescription(patient)))
    wish = {**patient_changes.terms_of(patient), "email": "pat@example.com", "consent": True}
    with clock_stands_at(NOW):
        patient_changes.update_patient(patient_id=patient.pk, wish=wish, by=make_user())
    assert set(visit.notices.filter(due_at__gt=NOW).values_list("state", flat=True)) == {"planned"}


def test_a_no_stops_what_is_planned_and_a_yes_brings_it_back():
    patient = make_patient(email="pat@example.com")
    visit = make_visit(make_dose(make_prescription(patient)))
    coming = visit.notices.filter(due_at__gt=NOW)
    say(patient, "email", value="pat@example.com", choice="no")
    assert set(coming.values_list("state", flat=True)) == {"suppressed"}
    say(patient, "email", value="pat@example.com")
    assert set(coming.values_list("state", flat=True)) == {"planned"}


def test_a_no_without_a_number_is_kept_too():
    patient = make_patient()
    assert say(patient, choice="no").status_code == 302
    contact = Contact.objects.get(patient=patient, channel="text")
    assert contact.opted_out_at == NOW and not contact.usable


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"value": "12"}, "Enter a phone number with area code"),
        ({"value": ""}, "Enter what they agreed to."),
        ({"value": "2145550142", "source": ""}, "How did they say so?"),
    ],
)
def test_what_cannot_be_kept_is_told_beside_its_field(said, words):
    response = say(make_patient(), **said)
    assert response.status_code == 422 and words in text_of(response)


def test_who_changes_it_after_somebody_else_is_told():
    patient = make_patient(email="pat@example.com")
    with at_the_desk() as client:
        address = reverse("contact", args=[patient.pk, "email"])
        saw = client.get(address).context["way"].saw
        consents.opt_out(patient, "email", source="letter", now=NOW)
        response = client.post(
            address, {"value": "new@example.com", "choice": "yes", "source": "phone", "saw": saw}
        )
    assert response.status_code == 409 and "Somebody changed this" in text_of(response)
    assert Contact.objects.get(patient=patient, channel="email").value == "pat@example.com"


def test_a_channel_that_does_not_exist_is_not_found():
    with at_the_desk() as client:
        assert client.get(reverse("contact", args=[make_patient().pk, "fax"])).status_code == 404


# --- The patient's own page ----------------------------------------------------------------------


def test_a_patient_stops_and_starts_a_way_and_the_chart_says_so():
    patient = make_patient(user=True)
    assert my_page(patient, channel="email", do="stop").status_code == 302
    assert not patient.contacts.get(channel="email").usable
    assert "their own page" in tab(patient)
    my_page(patient, channel="email", do="start")
    assert patient.contacts.get(channel="email").usable


def test_stopping_texts_leaves_letters_as_they_are():
    patient = make_patient(user=True)
    ways.record(
        patient_id=patient.pk, channel="text", value="+12145550142", agreed=True, source="phone", by=make_user(),
        now=NOW,
    )  # fmt: skip
    my_page(patient, channel="text", do="stop")
    assert not patient.contacts.get(channel="text").usable
    assert patient.contacts.get(channel="email").usable


@pytest.mark.parametrize("post", [{"channel": "fax", "do": "stop"}, {"channel": "email", "do": "burn"}])
def test_what_is_no_choice_changes_nothing(post):
    patient = make_patient(user=True)
    assert my_page(patient, **post).status_code == 422
    assert patient.contacts.get(channel="email").usable


def test_a_way_without_a_number_cannot_be_started():
    patient = make_patient(user=True)
    assert my_page(patient, channel="voice", do="start").status_code == 302
    assert not patient.contacts.filter(channel="voice").exists()


def test_a_patient_reads_what_was_sent_without_the_key_of_a_link_and_nobody_elses():
    patient, other = make_patient(user=True), make_patient(user=True)
    for one in (patient, other):
        visit = make_visit(make_dose(make_prescription(one)))
        Notice.objects.filter(visit=visit, kind="booked").update(
            state="sent", settled_at=NOW, body=f"Hello {one.mrn} http://x.example/s/secret/"
        )
    page = text_of(my_page(patient))
    assert patient.mrn in page and other.mrn not in page and "secret" not in page
    assert Event.objects.filter(action="chart_read", subject="my messages", patient=patient).exists()


def test_a_number_that_was_found_dead_asks_for_a_call_not_for_a_button():
    patient = make_patient(user=True)
    consents.mark_failed(patient, "email", now=NOW - DAY)
    page = text_of(my_page(patient))
    assert "Our messages do not arrive there. Call us." in page and "Start these" not in page
