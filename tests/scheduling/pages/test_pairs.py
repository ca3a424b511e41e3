"""Nurses who always or never come, on the chart and wherever a nurse is chosen."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scheduling.models import Event, PinnedPair
from scheduling.readings import desk, freed, replacements, slots, uncovered
from scheduling.services import absences, booking, pairs
from tests.makers import DAY, NOW, at, make_dose, make_nurse, make_pair, make_patient, make_user, make_visit
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def people(patient):
    return reverse("chart", args=[patient.pk]) + "?tab=people"


def test_a_nurse_is_marked_never_and_the_chart_says_so_with_who_and_why():
    visit = make_visit()
    patient, address = visit.patient, reverse("pair-new", args=[visit.patient_id])
    with at_the_desk(make_user(first_name="Ada", last_name="Cole")) as client:
        wish = {"nurse": visit.nurse_id, "kind": "never", "why": "The patient asked for somebody else"}
        answer = client.post(address, wish, follow=True)
        assert answer.redirect_chain == [(people(patient), 302)]
        page = answer.content.decode()
    for said in (
        visit.nurse.listed_name, "Never", "The patient asked for somebody else", "Ada Cole",
        "1 booked visit needs another nurse",
    ):  # fmt: skip
        assert said in page


@pytest.mark.parametrize(
    ("wish", "status", "field"),
    [
        ({}, 422, "nurse"),
        ({"nurse": "x", "kind": "never", "why": "asked"}, 422, "nurse"),
        ({"nurse": "own", "kind": "sometimes", "why": "asked"}, 422, "kind"),
        ({"nurse": "own", "kind": "never", "why": " "}, 422, "why"),
        ({"nurse": "pinned", "kind": "always", "why": "asked"}, 409, "nurse"),
    ],
)
def test_what_is_missing_or_stands_already_is_said_beside_its_field_and_nothing_typed_is_lost(
    wish, status, field
):
    patient, nurses = make_patient(), {"own": make_nurse(), "pinned": make_nurse()}
    make_pair(patient, nurses["pinned"])
    wish = {**wish, "nurse": getattr(nurses.get(wish.get("nurse")), "pk", wish.get("nurse", ""))}
    with at_the_desk() as client:
        answer = client.post(reverse("pair-new", args=[patient.pk]), wish)
    assert answer.status_code == status and field in answer.context["form"].errors
    assert answer.context["form"]["why"].value() == wish.get("why")
    assert PinnedPair.objects.count() == 1


def test_a_pair_is_taken_back_once_and_its_page_is_gone():
    patient = make_patient()
    address = reverse("pair-take-back", args=[make_pair(patient, make_nurse()).pk])
    with at_the_desk() as client:
        assert client.get(address).status_code == 200
        assert client.post(address, {"why": ""}).status_code == 422
        assert client.post(address, {"why": "They made up"}).url == people(patient)
        assert client.post(address, {"why": "They made up"}).status_code == 409
        assert client.get(address).status_code == 404
        assert "Any nurse with the papers for it may come." in client.get(people(patient)).content.decode()


def test_a_look_at_the_pairs_is_in_the_trail():
    patient = make_patient()
    pair = make_pair(patient, make_nurse())
    with at_the_desk() as client:
        client.get(reverse("pair-new", args=[patient.pk]))
        client.get(reverse("pair-take-back", args=[pair.pk]))
    assert Event.objects.filter(action="chart_read", subject="nurses", patient=patient).count() == 2


def test_times_are_found_only_with_nurses_who_may_come():
    user, dose = make_user(), make_dose()
    own, never, other = (make_nurse() for _n in range(3))
    patient = dose.prescription.patient
    make_pair(patient, own, "always")
    make_pair(patient, never)
    found = slots.find(user, dose, now=NOW)
    assert {slot.nurse for slot in found.slots} == {own.pk}
    assert found.ruled_out == {"NURSE_NOT_WANTED": (never.pk,), "OTHER_NURSE_PINNED": (other.pk,)}
    assert set(slots.ruled_out_words(found)) == {
        "1 nurse: marked never to come to this patient",
        "1 nurse: not the nurse this patient always has",
    }


def test_who_books_by_hand_sees_who_needs_a_reason_apart_from_who_cannot_come():
    user, dose, day = make_user(), make_dose(), None
    able, never, unskilled = make_nurse(), make_nurse(), make_nurse(competencies=("iv",))
    make_pair(dose.prescription.patient, never)
    day = dose.due_on
    groups = desk.Desk.of_dose(user, dose).nurse_choices(day)
    assert [(name, [key for key, _said in members]) for name, members in groups] == [
        ("Can give this", [str(able.pk)]),
        ("Only with a reason", [str(never.pk)]),
        ("Cannot give this", [str(unskilled.pk)]),
    ]


def test_a_booked_visit_whose_nurse_is_not_to_come_any_more_stays_and_is_put_before_the_office():
    user, visit, other = make_user(), make_visit(), make_nurse()
    accepted = make_visit(make_dose(), visit.nurse, visit.starts_at + DAY)
    make_pair(visit.patient, visit.nurse)
    booking_reason = make_pair(accepted.patient, other, "always")
    accepted.override_codes = ["OTHER_NURSE_PINNED"]
    accepted.save(update_fields=["override_codes"])
    (lost,) = uncovered.find(user, now=NOW)
    assert (lost.visit.pk, [one.code for one in lost.why]) == (visit.pk, ["NURSE_NOT_WANTED"])
    plan = replacements.propose(user, [lost], now=NOW)
    (case,) = plan.cases
    assert plan.chosen(case).nurse == other.pk and visit.nurse_id not in {slot.nurse for slot in case.slots}
    pairs.take_back(
        pair_id=PinnedPair.objects.exclude(pk=booking_reason.pk).get().pk, by=user, why="They made up"
    )
    assert uncovered.find(user, now=NOW) == []


def test_time_given_back_is_not_offered_to_a_patient_who_is_not_to_have_the_nurse():
    user, nurse = make_user(), make_nurse()
    visit = make_visit(nurse=nurse)
    waits, avoids = make_dose(start_on=visit.dose.due_on), make_dose(start_on=visit.dose.due_on)
    make_pair(avoids.prescription.patient, nurse)
    booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", now=NOW)
    (time,) = freed.offers(user, now=NOW)
    assert avoids.pk not in {offer.dose.pk for offer in time.offers} >= {waits.pk}


def test_the_pages_ask_the_database_as_often_for_many_pairs_as_for_one():
    user, patient, visit = make_user(), make_patient(), make_visit()
    absences.record_time_off(
        nurse_id=visit.nurse_id, starts_at=at(visit.dose.due_on, 0), ends_at=at(visit.dose.due_on, 23),
        reason_class="sick", by=user, now=NOW,
    )  # fmt: skip
    counts = []
    for many in (1, 6):
        for _n in range(many):
            make_pair(patient, make_nurse(user=False), by=user)
            make_pair(visit.patient, make_nurse(user=False), by=user)
        with at_the_desk() as client, CaptureQueriesContext(connection) as asked:
            client.get(people(patient))
            client.get(reverse("uncovered"))
        counts.append(len(asked))
    assert counts[0] == counts[1]
