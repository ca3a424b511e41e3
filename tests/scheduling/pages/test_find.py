"""Find a patient from what a caller says, without a name in any address."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from patients.models import Contact
from tests.makers import make_nurse, make_patient, make_user
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def search(text):
    with at_the_desk() as client:
        return client.post(reverse("find"), {"q": text})


@pytest.mark.parametrize(
    "text",
    [
        "oneill", "O’Neill-Peña", "pena oneill", "  ONEILL   jose ", "José", "neil",
        "MX-77", "mx-77", "214-555-0142", "(214) 555-0142", "5550142", "+1 214 555 0142",
        "1982-07-02", "7/2/1982", "July 2 1982", "JUL 2 1982", "07/02/82", "Jul 2, 1982", "2 July 1982", "7-2-1982",
    ],
)  # fmt: skip
def test_a_patient_is_found_by(text):
    patient = make_patient(
        first_name="José", last_name="O'Neill-Peña", mrn="MX-77", date_of_birth=date(1982, 7, 2)
    )
    Contact.objects.create(patient=patient, channel="text", value="+12145550142")
    make_patient(mrn="OTHER-1", date_of_birth=date(1990, 1, 1))
    assert search(text).context["patients"] == [patient]


@pytest.mark.parametrize(
    "text", ["zzz", "30 February 1982", "%%", "__", "'; drop table", "<script>", "😀😀", "555", ".."]
)
def test_nobody_is_found_and_nothing_breaks_by(text):
    make_patient(last_name="Abara")
    answer = search(text)
    assert answer.status_code == 200
    assert answer.context["patients"] == []
    assert "Nobody found." in answer.content.decode()


@pytest.mark.parametrize("text", ["", "   ", "a", " a ", "x" * 10_000])
def test_an_empty_a_one_letter_or_an_endless_search_is_told(text):
    assert search(text).status_code == 422


def test_nurses_are_found_by_name():
    nurse = make_nurse(first_name="Zoë", last_name="Ruiz")
    assert search("zoe").context["nurses"] == [nurse]


def test_a_search_in_the_address_searches_nothing():
    make_patient(last_name="Abara")
    with at_the_desk() as client:
        page = client.get(reverse("find"), {"q": "abara"}).content.decode()
    assert "Abara" not in page


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_find_does_not_exist_for_nurses_and_patients(role):
    with at_the_desk(make_user(role)) as client:
        assert client.post(reverse("find"), {"q": "a"}).status_code == 404


def test_while_one_types_only_the_list_is_sent_and_too_little_is_no_error():
    make_patient(last_name="Abara"), make_nurse(last_name="Abadi")
    with at_the_desk() as client:
        for text, found in (("a", False), ("aba", True), ("zz", False)):
            answer = client.post(reverse("find"), {"q": text}, headers={"HX-Request": "true"})
            page = answer.content.decode()
            assert answer.status_code == 200 and "<html" not in page
            assert ("Abara" in page and "Abadi" in page) is found
            assert ("Nobody found." in page) is (text == "zz")


def test_a_patient_with_two_numbers_is_found_once():
    patient = make_patient()
    for channel in ("text", "voice"):
        Contact.objects.create(patient=patient, channel=channel, value="+12145550142")
    assert search("5550142").context["patients"] == [patient]


def test_a_search_asks_the_database_as_often_for_many_as_for_one():
    def asked() -> int:
        with at_the_desk() as client:
            client.post(reverse("find"), {"q": "tester"})
            with CaptureQueriesContext(connection) as seen:
                client.post(reverse("find"), {"q": "tester"})
        return len(seen)

    make_patient(), make_nurse(last_name="Tester")
    few = asked()
    for _n in range(5):
        make_patient(), make_nurse(last_name="Tester")
    assert asked() == few <= 12
