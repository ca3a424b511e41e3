"""Asking for a lab draw or a wellness check, and settling one without a visit of ours."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from scheduling.models import Event, PlannedCheck
from tests.makers import DAY, make_check, make_dose, make_patient, make_user, today_at
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def wish(**fields):
    due_on = (today_at() + 5 * DAY).isoformat()
    return {"kind": "wellness", "due_on": due_on, "minutes": "30", "reason": "after the fall", **fields}


def test_who_asks_for_a_check_finds_it_in_the_list():
    patient, user = make_patient(), make_user()
    with at_the_desk(user) as client:
        answer = client.post(reverse("check-ask", args=[patient.pk]), wish(), follow=True)
    check = PlannedCheck.objects.get()
    assert (check.patient, check.asked_by, check.minutes, check.reason) == (
        patient,
        user,
        30,
        "after the fall",
    )
    assert f"line-check-{check.pk}" in answer.content.decode()
    assert "is in the list" in answer.content.decode()


def test_from_the_queue_the_patient_is_named_by_mrn_in_the_form_and_never_in_the_address():
    patient = make_patient(mrn="MX-77")
    with at_the_desk() as client:
        assert client.post(reverse("check-new"), wish(mrn="mx-77 ")).status_code == 302
        unknown = client.post(reverse("check-new"), wish(mrn="nobody"))
        assert unknown.status_code == 422 and "No patient has this MRN." in unknown.content.decode()
        named = client.get(reverse("check-new"), {"mrn": "MX-77"}).content.decode()
    assert PlannedCheck.objects.get().patient == patient
    assert "MX-77" not in named


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"due_on": "2020-01-01"}, "due_on"),
        ({"due_on": "2026-02-30"}, "due_on"),
        ({"due_on": "2126-02-03"}, "due_on"),
        ({"minutes": "0"}, "minutes"),
        ({"minutes": "481"}, "minutes"),
        ({"minutes": "x"}, "minutes"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"kind": "infusion"}, "kind"),
        ({"kind": ""}, "kind"),
    ],
)
def test_what_cannot_be_asked_is_told_beside_its_field_and_keeps_what_was_typed(wrong, field):
    with at_the_desk() as client:
        answer = client.post(reverse("check-ask", args=[make_patient().pk]), wish(**wrong))
    assert answer.status_code == 422
    form = answer.context["form"]
    assert field in form.errors and form[field].value() == wrong[field]
    assert not PlannedCheck.objects.exists()


def test_a_check_done_elsewhere_leaves_the_list():
    check = make_check()
    with at_the_desk() as client:
        address = reverse("check", args=[check.pk])
        early = client.post(address, {"done_on": (timezone.now() + timedelta(days=2)).date().isoformat()})
        assert early.status_code in {400, 422} and "future" in early.content.decode()
        assert client.post(address, {"done_on": today_at().isoformat()}).status_code == 302
        again = client.post(address, {"done_on": today_at().isoformat()})
    check.refresh_from_db()
    assert (check.state, check.done_on) == ("done", today_at()) and again.status_code == 409


def test_what_a_person_asked_for_is_taken_off_the_list_with_a_reason():
    check, user = make_check(), make_user()
    with at_the_desk(user) as client:
        address = reverse("check", args=[check.pk])
        assert client.post(address, {"why": ""}).status_code == 422
        assert client.post(address, {"why": "asked twice"}).status_code == 302
    check.refresh_from_db()
    assert check.state == "cancelled"
    assert Event.objects.get(action="check_cancelled").why == "asked twice"


def test_what_an_order_owes_cannot_be_taken_off_by_hand():
    dose = make_dose()
    check = make_check(dose.prescription.patient, prescription=dose.prescription)
    with at_the_desk() as client:
        address = reverse("check", args=[check.pk])
        assert "Take it off the list" not in client.get(address).content.decode()
        assert client.post(address, {"why": "no time"}).status_code == 409
    check.refresh_from_db()
    assert check.state == "planned"


def test_opening_a_check_is_in_the_audit_trail():
    check, user = make_check(), make_user()
    with at_the_desk(user) as client:
        client.get(reverse("check", args=[check.pk]))
    assert Event.objects.filter(action="chart_read", actor=user, patient=check.patient).count() == 1
