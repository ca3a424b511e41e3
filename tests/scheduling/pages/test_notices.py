"""Notices: who is told what, how, when and with which result, or why not."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from scheduling.models import Notice
from tests.makers import make_dose, make_patient, make_prescription, make_user, make_visit
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def shown(**asked):
    with at_the_desk() as client:
        return client.get(reverse("notices"), asked)


def test_a_message_shows_result_reason_and_its_own_words():
    visit = make_visit(make_dose(make_prescription(make_patient(first_name="Grace", email=""))))
    page = shown().content.decode()
    for said in (visit.patient.listed_name, "Not sent", "No address on file", "Visit booked", "Grace,"):
        assert said in page, said


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("", {"planned", "sent", "failed", "suppressed"}),
        ("due", {"planned"}),
        ("sent", {"sent"}),
        ("failed", {"failed"}),
        ("not-sent", {"suppressed"}),
        ("nonsense", {"planned", "sent", "failed", "suppressed"}),
    ],
)
def test_filters_keep_their_states_and_count_them(asked, kept):
    for state in ("planned", "sent", "failed", "suppressed"):
        Notice.objects.filter(visit=make_visit()).update(state=state)
    context = shown(show=asked).context
    assert {notice.state for notice in context["page"].object_list} == kept
    assert [line["count"] for line in context["filters"]] == [4, 1, 1, 1, 1]


def test_no_messages_is_told():
    assert "No messages yet." in shown().content.decode()


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_the_outbox_does_not_exist_for_nurses_and_patients(role):
    with at_the_desk(make_user(role)) as client:
        assert client.get(reverse("notices")).status_code == 404


def test_the_list_asks_the_database_as_often_for_many_messages_as_for_few():
    def asked() -> int:
        with at_the_desk() as client, CaptureQueriesContext(connection) as seen:
            client.get(reverse("notices"))
        return len(seen)

    make_visit()
    few = asked()
    for _n in range(4):
        make_visit()
    assert asked() == few <= 12
