"""The chart: what was given, what is due and why, what stands in the way; every look at it is in the trail."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from patients.models import Prescription
from scheduling.models import Call, Event, Visit
from scheduling.readings.chart import chart_cards
from scheduling.services import prescribing, records
from scheduling.services.prescribing import GivenElsewhere
from tests.makers import (
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_evidence,
    make_papers,
    make_patient,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db
TODAY = today_at(NOW)


def only_card(order: Prescription):
    with clock_stands_at(NOW):
        return chart_cards(order.patient, TODAY)[0]


def page_of(order: Prescription, **query: str) -> str:
    with at_the_desk() as client:
        answer = client.get(reverse("chart", args=[order.patient_id]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_three_years_of_doses_are_listed_with_a_way_to_ask_why():
    order = make_prescription()
    page = page_of(order)
    lines = only_card(order).lines
    assert len(lines) >= 7 and lines[-1].due_on > TODAY + timedelta(days=2 * 365)
    for line in lines:
        assert reverse("dose", args=[line.row.pk]) in page


def test_an_overdue_dose_counts_from_today_and_says_what_was_due():
    order = make_prescription(start_on=TODAY - timedelta(days=10))
    line = only_card(order).next
    assert line is not None and line.on == TODAY and line.due_on == TODAY - timedelta(days=10)
    assert (line.status, line.word) == ("stop", "Overdue")
    assert "Was due Feb 20, 2026. Counted from today because it is overdue." in page_of(order)
    second = only_card(order).lines[1]
    assert second.on == TODAY + timedelta(days=14) and "follows the dose before it" in second.moved


def test_a_booked_visit_stands_for_its_dose():
    dose = make_dose()
    visit = make_visit(dose, starts_at=at(dose.due_on + timedelta(days=3)))
    order = visit.dose.prescription
    first, second = only_card(order).lines[:2]
    assert (first.state, first.on) == ("booked", dose.due_on + timedelta(days=3))
    assert (second.on, second.moved) == (dose.due_on + timedelta(days=17), "")


def test_a_hold_without_an_end_leaves_no_day_and_offers_to_clear_it():
    order = make_prescription()
    with clock_stands_at(NOW):
        hold = prescribing.hold(
            prescription_id=order.pk, starts_on=TODAY, clears_on=None, reason="fever", by=make_user()
        )
    line = only_card(order).next
    assert line is not None and line.on is None and line.word == "On hold"
    page = page_of(order)
    assert reverse("hold-clear", args=[hold.pk]) in page and "fever" in page
    assert f'href="{reverse("dose-book", args=[line.row.pk])}"' not in page


def test_a_missing_screen_is_named_with_the_way_to_record_it_and_comes_before_booking():
    order = make_prescription()
    page = page_of(order)
    card = only_card(order)
    assert card.blocked_by is not None and card.blocked_by.kind == "hbv_screening"
    assert (
        f"{reverse('evidence-new', args=[order.patient_id])}?kind=hbv_screening&amp;prescription={order.pk}"
        in page
    )
    with clock_stands_at(NOW):
        make_papers(order)
    assert only_card(order).blocked_by is None


def test_a_paper_that_forbids_dosing_never_counts_as_met():
    order = make_prescription()
    with clock_stands_at(NOW):
        make_papers(order)
        make_evidence(order.patient, "hbv_screening", TODAY, clear=False)
    gate = next(gate for gate in only_card(order).gates if gate.kind == "hbv_screening")
    assert gate.status == "stop" and gate.blocks


def test_a_life_threatening_reaction_ends_the_drug_and_the_chart_says_so():
    order = make_prescription(given=[GivenElsewhere(1, date(2026, 2, 1), Decimal(300), "life_threatening")])
    card = only_card(order)
    assert card.word == "Discontinued" and card.next is None
    assert any(caution.status == "stop" for caution in card.warnings)
    assert "ends this drug for good" in page_of(order)


def test_the_version_of_the_facts_and_who_verified_them_is_shown():
    assert "not yet verified by a pharmacist" in page_of(make_prescription())


def test_a_visit_that_needs_a_decision_is_the_first_thing_said():
    visit = make_visit()
    Visit.objects.filter(pk=visit.pk).update(
        attention_code="TOO_SHORT", attention="The visit is too short now."
    )
    page = page_of(visit.dose.prescription)
    assert "needs a decision" in page and "The visit is too short now." in page


def test_a_drug_that_is_never_given_at_home_has_no_book_button():
    order = make_prescription(regimen_id="alemtuzumab_ms")
    page = page_of(order)
    line = only_card(order).next
    assert line is not None
    assert reverse("dose-book", args=[line.row.pk]) not in page
    assert reverse("dose-record", args=[line.row.pk]) in page


@pytest.mark.parametrize("tab", ["calendar", "visits", "papers", "records", "notices", "history", "nonsense"])
def test_every_tab_opens_and_every_look_is_in_the_trail(tab):
    visit = make_visit()
    order = visit.dose.prescription
    with clock_stands_at(NOW):
        make_evidence(order.patient, "cbc", TODAY, note="<i>n</i>")
    before = Event.objects.filter(action="chart_read", patient=order.patient).count()
    page = page_of(order, tab=tab)
    assert "<i>n</i>" not in page
    assert Event.objects.filter(action="chart_read", patient=order.patient).count() == before + 1


def test_a_record_shows_its_correction_and_only_the_newest_can_be_corrected():
    wrong = make_record(make_dose(ready=False, start_on=TODAY))
    with clock_stands_at(NOW):
        right = records.correct_record(
            record_id=wrong.pk,
            given_on=TODAY,
            reaction="mild",
            why="read the wrong sheet",
            by=make_user(),
            now=NOW,
        )
    page = page_of(wrong.dose.prescription, tab="records")
    assert reverse("record-correct", args=[right.pk]) in page
    assert reverse("record-correct", args=[wrong.pk]) not in page
    assert "read the wrong sheet" in page


def test_the_chart_costs_the_same_with_one_order_or_many():
    patient = make_patient()

    def queries() -> int:
        with at_the_desk(desk) as client, CaptureQueriesContext(connection) as seen:
            assert client.get(reverse("chart", args=[patient.pk])).status_code == 200
        return len(seen)

    desk = make_user()
    with clock_stands_at(NOW):
        make_prescription(patient)
    few = queries()
    with clock_stands_at(NOW):
        for regimen_id in ("natalizumab_q4w", "ivig_ms", "ublituximab_iv"):
            make_prescription(patient, regimen_id, weight_kg=Decimal(70), height_cm=Decimal(170))
        make_visit(make_dose(patient.prescriptions.get(regimen_id="natalizumab_q4w")))
        make_papers(patient.prescriptions.get(regimen_id="ivig_ms"))
    assert queries() == few


def test_the_page_about_a_dose_gives_rule_numbers_source_and_history():
    order = make_prescription(
        given=[GivenElsewhere(1, date(2026, 2, 1)), GivenElsewhere(2, date(2026, 2, 15))]
    )
    dose = order.doses.get(number=3)
    with at_the_desk() as client:
        page = client.get(reverse("dose", args=[dose.pk])).content.decode()
    assert "6 months after dose 1" in page and "Not before" in page
    assert "US PI" in page and "<u>numbers</u>" in page
    assert "Dose 2, Feb 15, 2026" in page
    assert Event.objects.filter(action="chart_read", subject="dose", patient=order.patient).count() == 1


def test_a_booked_dose_explains_itself_with_its_numbers_too():
    visit = make_visit(make_dose(start_on=TODAY + timedelta(days=7)))
    with at_the_desk() as client:
        answer = client.get(reverse("dose", args=[visit.dose_id]))
    assert answer.context["steps"][0].numbers and answer.context["steps"][0].basis == "US label"


def test_an_override_is_told_with_the_person_and_the_reason():
    dose = make_dose(start_on=TODAY + timedelta(days=60))
    lead = make_user(Role.COORDINATOR, first_name="Lena", last_name="Ortiz")
    visit = make_visit(dose)
    Visit.objects.filter(pk=visit.pk).update(override_reason="travels", override_by=lead)
    with at_the_desk() as client:
        page = client.get(reverse("dose", args=[dose.pk])).content.decode()
    assert "Override by Lena Ortiz: travels" in page


def test_the_chart_lists_the_follow_up_calls_with_what_came_of_them():
    patient = make_patient()
    owed = Call.objects.create(
        patient=patient,
        kind="call_back",
        about="reply 1",
        due_on=TODAY,
        next_at=NOW,
        tries=2,
        last_outcome="no_answer",
    )
    with at_the_desk() as client:
        page = client.get(reverse("chart", args=[patient.pk]) + "?tab=notices").content.decode()
    assert reverse("call", args=[owed.pk]) in page
    assert "Asked for a call" in page and "No answer" in page
