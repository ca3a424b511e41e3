"""Changing what is on file about a patient: audited by field, versioned, and honest about booked visits."""

from __future__ import annotations

import pytest
from django.urls import reverse

from patients.models import Contact, Patient
from scheduling.models import Event, Visit
from scheduling.services import dispatch, doses, patient_changes
from tests.makers import (
    FORT_WORTH,
    MINUTE,
    NOW,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def url(patient: Patient) -> str:
    return reverse("patient-edit", args=[patient.pk])


def as_it_is(client, patient: Patient, **changes: str) -> dict[str, str]:
    """What a browser would send back unchanged, with changes."""
    form = client.get(url(patient)).context["form"]
    born = patient.date_of_birth
    sent = {name: form[name].value() for name in form.fields if name not in ("date_of_birth", "consent")}
    sent |= {f"date_of_birth_{part}": getattr(born, part) for part in ("month", "day", "year")}
    if form["consent"].value():
        sent["consent"] = "on"
    if form["pregnancy_possible"].value() is False:
        sent.pop("pregnancy_possible")
    return {**{name: str(value) for name, value in sent.items()}, **changes}


def last_change() -> Event:
    return Event.objects.filter(action="patient_updated").latest("pk")


def test_a_page_sent_back_unchanged_changes_nothing():
    patient = make_patient(allergies="latex")
    with at_the_desk() as client:
        assert client.post(url(patient), as_it_is(client, patient)).status_code == 302
    assert not Event.objects.filter(action="patient_updated").exists()
    assert patient_changes.terms_of(Patient.objects.get()) == patient_changes.terms_of(patient)


def test_the_trail_names_the_fields_and_never_what_was_in_them():
    patient = make_patient()
    with at_the_desk() as client:
        wish = as_it_is(client, patient, last_name="Neuhaus", allergies="penicillin")
        assert client.post(url(patient), wish).status_code == 302
    patient.refresh_from_db()
    assert (patient.last_name, patient.search_name.split()[0]) == ("Neuhaus", "neuhaus")
    told = last_change()
    assert (told.patient_id, told.detail) == (patient.pk, {"changed": ["allergies", "last_name"]})
    assert "Neuhaus" not in str(vars(told)) and "penicillin" not in str(vars(told))


def test_a_new_address_for_messages_asks_for_consent_and_taking_it_back_stops_them():
    patient = make_patient()
    visit = make_visit(make_dose(make_prescription(patient)))
    with at_the_desk() as client:
        wish = as_it_is(client, patient, email="new@example.com")
        wish.pop("consent")
        answer = client.post(url(patient), wish)
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["consent"])
        assert client.post(url(patient), {**wish, "consent": "on"}).status_code == 302
        contact = Contact.objects.get(patient=patient)
        assert (contact.value, contact.usable) == ("new@example.com", True)
        wish = as_it_is(client, patient)
        wish.pop("consent")
        assert client.post(url(patient), wish).status_code == 302
    contact.refresh_from_db()
    assert contact.opted_out_at is not None
    assert last_change().detail["changed"] == ["consent"]
    dispatch.send_due(now=NOW + MINUTE)
    assert visit.notices.get(kind="booked").state == "suppressed"


def test_a_new_address_in_the_place_of_a_dead_one_is_used_again():
    patient = make_patient(email="old@example.com")
    Contact.objects.filter(patient=patient).update(failed_at=NOW)
    with at_the_desk() as client:
        wish = as_it_is(client, patient, email="new@example.com", consent="on")
        assert client.post(url(patient), wish).status_code == 302
    assert Contact.objects.get(patient=patient, channel="email").usable


def test_two_people_at_once_the_second_is_told_and_loses_nothing_typed():
    patient = make_patient()
    with at_the_desk() as client:
        first, second = (as_it_is(client, patient, wishes=text) for text in ("no dogs", "mornings please"))
        assert client.post(url(patient), first).status_code == 302
        answer = client.post(url(patient), second)
        assert answer.status_code == 409
        assert "mornings please" in answer.content.decode()
        assert Patient.objects.get().wishes == "no dogs"
        again = {**second, "saw": answer.context["form"]["saw"].value()}
        assert client.post(url(patient), again).status_code == 302
    assert Patient.objects.get().wishes == "mornings please"


def test_a_home_that_moved_flags_the_visit_whose_road_no_longer_fits_and_keeps_the_flag():
    nurse, far = make_nurse(), make_patient()
    first = make_visit(make_dose(make_prescription(make_patient())), nurse)
    second = make_visit(
        make_dose(make_prescription(far)), nurse, first.ends_at + 30 * MINUTE, override="short wait"
    )
    with at_the_desk() as client:
        wish = as_it_is(client, far, address="9 Main Street", city="Fort Worth")
        answer = client.post(url(far), wish)
        assert list(answer.context["form"].errors) == ["latitude"], (
            "the old coordinates are not the new home's"
        )
        wish |= {"latitude": str(FORT_WORTH[0]), "longitude": str(FORT_WORTH[1])}
        assert client.post(url(far), wish).status_code == 302
        doses.sync(doses.lock(second.dose.prescription_id))
    assert list(Visit.objects.filter(attention_code="HOME_MOVED")) == [second]
    assert "drive" in Visit.objects.get(pk=second.pk).attention


def test_a_home_in_another_zone_flags_what_was_booked_by_the_old_clock():
    visit = make_visit()
    with clock_stands_at(NOW):
        patient_changes.update_patient(
            patient_id=visit.patient_id, wish={"time_zone": "America/Denver"}, by=make_user()
        )
    visit.refresh_from_db()
    assert visit.attention_code == "HOME_MOVED" and "America/Denver" in visit.attention


def test_somebody_elses_mrn_is_refused_beside_its_field():
    other, patient = make_patient(), make_patient()
    with at_the_desk() as client:
        answer = client.post(url(patient), as_it_is(client, patient, mrn=other.mrn))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["mrn"])
