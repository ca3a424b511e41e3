"""Before and after on the pages: seen first, saved as seen, told again when it is something else by then."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.models import Hold, Measurement, Prescription
from scheduling.models import DoseRecord, Event, Visit
from scheduling.readings import effects as readings
from scheduling.services import booking, prescribing, records, rehearsal
from scheduling.services.prescribing import GivenElsewhere
from tests.makers import (
    DAY,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_lab_visit,
    make_papers,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk, save_as_shown

pytestmark = pytest.mark.django_db
TODAY = today_at(NOW)
FEVER = {"starts_on": "3/2/2026", "clears_on": "4/20/2026", "reason": "fever"}


def late_order() -> tuple[Prescription, Visit]:
    """Two doses given long ago; dose 3 falls due, dose 4 is booked half a year on for the minutes of today."""
    order = make_prescription(
        given=[GivenElsewhere(1, TODAY - 190 * DAY), GivenElsewhere(2, TODAY - 176 * DAY)]
    )
    make_papers(order)
    return order, make_visit(make_dose(order, 4, ready=False), override="ahead")


def test_what_was_never_shown_is_shown_first_and_saved_the_second_time():
    visit = make_visit()
    address = reverse("prescription-hold", args=[visit.dose.prescription_id])
    with at_the_desk() as client:
        first = client.post(address, FEVER)
        assert first.status_code == 200 and "Not saved yet." in first.content.decode()
        assert not Hold.objects.exists()
        assert 'value="fever"' in first.content.decode(), "nothing typed is lost"
        second = client.post(address, {**FEVER, "shown": first.context["effects"].signature})
    assert second.status_code == 302 and Hold.objects.count() == 1


def test_another_effect_than_the_one_shown_is_a_conflict_that_shows_the_new_one():
    visit = make_visit()
    address = reverse("prescription-hold", args=[visit.dose.prescription_id])
    with at_the_desk() as client:
        seen = client.post(address, {**FEVER, "do": "preview"}).context["effects"]
        assert seen.misfits == 1
        booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient")
        answer = client.post(address, {**FEVER, "shown": seen.signature})
        assert answer.status_code == 409 and "not what was shown before" in answer.content.decode()
        now = answer.context["effects"]
        assert now.misfits == 0 and not Hold.objects.exists()
        assert client.post(address, {**FEVER, "shown": now.signature}).status_code == 302


def test_other_values_than_those_looked_at_are_shown_before_they_are_saved():
    order = make_prescription()
    address = reverse("prescription-hold", args=[order.pk])
    with at_the_desk() as client:
        opened = client.get(address).context["effects"]
        answer = client.post(address, {**FEVER, "shown": opened.signature})
    assert answer.status_code == 409 and not Hold.objects.exists()


def test_a_reaction_leads_to_the_visits_that_no_longer_fit_and_to_other_times():
    order, visit = late_order()
    third = order.doses.get(number=3)
    said = {"given_on": "3/2/2026", "amount_mg": "600", "reaction": "severe", "reaction_type": "", "note": ""}
    with at_the_desk() as client:
        address = reverse("dose-record", args=[third.pk])
        shown = client.post(address, {**said, "do": "preview"}).context["effects"]
        (row,) = shown.visits
        assert row.misfit and "Too short: needs" in row.verdict and "more minutes" in row.verdict
        saved = save_as_shown(client, address, said, follow=True)
    page = saved.content.decode()
    assert saved.redirect_chain[0][0] == reverse("patient-decide", args=[order.patient_id])
    assert "Find times" in page and reverse("visit-move", args=[visit.pk]) in page


def test_a_visit_with_nothing_left_to_give_is_to_be_cancelled_not_moved():
    visit = make_visit()
    prescribing.stop(
        prescription_id=visit.dose.prescription_id, stopped_on=today_at(), why="moved", by=make_user()
    )
    with at_the_desk() as client:
        page = client.get(reverse("patient-decide", args=[visit.patient_id])).content.decode()
        assert reverse("visit-cancel", args=[visit.pk]) in page
        assert reverse("visit-move", args=[visit.pk]) not in page
        other = client.get(reverse("patient-decide", args=[make_prescription().patient_id]))
    assert "Every booked visit fits." in other.content.decode()


def test_a_preview_that_cannot_be_read_says_so_in_the_part_that_is_swapped():
    order = make_prescription()
    with at_the_desk() as client:
        answer = client.post(
            reverse("prescription-hold", args=[order.pk]),
            {**FEVER, "starts_on": "2/30/2026", "do": "preview"},
        )
    part = answer.content.decode().split('id="effects"')[1]
    assert answer.status_code == 422 and "Enter a day that exists" in part
    assert 'name="shown"' not in part, "there is nothing to agree to"


def test_what_is_missing_is_not_wrong_while_the_form_is_filled_in():
    address = reverse("measurement-new", args=[make_prescription().patient_id])
    with at_the_desk() as client:
        answer = client.post(address, {"kind": "weight_kg", "value": "", "do": "preview"})
    page = answer.content.decode()
    assert answer.status_code == 200 and not answer.context["form"].errors
    assert "Fill in the form" in page and "is required" not in page


def test_a_preview_asks_for_no_reason_yet_and_leaves_none_behind():
    order = make_prescription()
    with at_the_desk() as client:
        answer = client.post(
            reverse("prescription-hold", args=[order.pk]), {**FEVER, "reason": "", "do": "preview"}
        )
        saved = client.post(
            reverse("prescription-hold", args=[order.pk]),
            {**FEVER, "reason": "", "shown": answer.context["effects"].signature},
        )
    assert answer.status_code == 200 and answer.context["effects"].first
    assert answer.context["form"].fields["reason"].required, "saving asks for it, and the page says so"
    assert saved.status_code == 422 and "reason" in saved.context["form"].errors
    assert saved.context["effects"], "what changes stays in view"
    assert not Event.objects.filter(action="hold_placed").exists()


def test_a_look_is_in_the_trail_once_not_with_every_word_typed():
    dose = make_dose(ready=False, start_on=TODAY)
    order = dose.prescription
    reads = Event.objects.filter(action="chart_read", patient=order.patient)
    said = {"given_on": "3/2/2026", "amount_mg": "300", "reaction": "mild", "do": "preview"}
    order_typed = {
        "regimen_id": "natalizumab_q4w",
        "start_on": "3/9/2026",
        "given-count": "0",
        "do": "preview",
    }
    with at_the_desk() as client:
        for name, pk, typed in [
            ("dose-record", dose.pk, said),
            ("prescription-preview", order.patient_id, order_typed),
            ("prescription-hold", order.pk, {**FEVER, "do": "preview"}),
        ]:
            before = reads.count()
            for _ in range(3):
                client.post(reverse(name, args=[pk]), typed)
            assert reads.count() == before + 1, f"{name}: who never opened the form has looked all the same"
        opened = reads.count()
        client.get(reverse("dose-record", args=[dose.pk]))
        client.post(reverse("dose-record", args=[dose.pk]), said)
        assert reads.count() == opened + 1


def test_showing_costs_the_same_queries_beside_those_of_the_change_itself():
    later = {"starts_on": date(2029, 1, 5), "clears_on": date(2029, 1, 6), "reason": "later"}

    def beside(order: Prescription) -> int:
        """Queries of the page less those of the service it rehearses."""
        typed = {**later, "starts_on": "1/5/2029", "clears_on": "1/6/2029", "do": "preview"}
        with at_the_desk() as client:
            with CaptureQueriesContext(connection) as page:
                client.post(reverse("prescription-hold", args=[order.pk]), typed)
            with CaptureQueriesContext(connection) as alone:
                prescribing.hold(prescription_id=order.pk, by=make_user(), **later)
        return len(page) - len(alone)

    small = make_prescription(start_on=TODAY)
    big = make_prescription(start_on=TODAY - 30 * DAY, now=NOW - 30 * DAY)
    make_papers(big)
    for number, day in [(1, TODAY - 30 * DAY), (2, TODAY - 16 * DAY)]:
        make_record(make_dose(big, number, ready=False), day)
    for number in (3, 4, 5):
        make_visit(make_dose(big, number, ready=False), override="ahead")
    for days in range(3):
        make_lab_visit(big.patient, on=TODAY + timedelta(days=20 + days))
    few = beside(small)
    assert few <= 36 and beside(big) == few


def test_a_weight_typed_for_a_new_order_shows_what_it_changes_in_the_others():
    running = make_prescription(regimen_id="ivig_ms", weight_kg=Decimal(70))
    typed = {
        "regimen_id": "mitoxantrone_ms_q3m", "start_on": "3/9/2026", "weight_kg": "95", "height_cm": "170",
        "given-count": "0",
    }  # fmt: skip
    with at_the_desk() as client:
        address = reverse("prescription-preview", args=[running.patient_id])
        told = client.post(address, {**typed, "do": "preview"})
        without = client.post(address, {**typed, "weight_kg": "", "do": "preview"})
    (first, *_rest) = told.context["others"].first
    assert (first.facts[0].label, first.facts[0].was) == ("Amount", "30 g")
    assert "counts for the other orders, too" in told.content.decode()
    assert without.context["others"] is None
    assert Measurement.objects.filter(patient=running.patient, kind="weight_kg").count() == 1


def test_a_sentence_for_who_does_not_book_names_no_drug_and_no_person():
    order, _visit = late_order()
    third = order.doses.get(number=3)
    with clock_stands_at(NOW):
        change = partial(
            records.record_given, dose_id=third.pk, given_on=TODAY, reaction="severe", by=make_user(), now=NOW
        )
        effects = rehearsal.rehearse(change, patient_id=order.patient_id)
        assert not DoseRecord.objects.filter(elsewhere=False).exists()
    words = readings.in_a_sentence(effects)
    assert "1 booked visit no longer fits. The office has been told." in words
    assert "later doses change." in words


def test_a_late_visit_kept_on_its_day_still_fits():
    order = make_prescription(start_on=TODAY)
    make_papers(order)
    second = make_dose(order, 2, ready=False)
    visit = make_visit(second, starts_at=at(second.due_on + 2 * DAY))
    with at_the_desk() as client:
        said = {"given_on": "3/2/2026", "amount_mg": "300", "reaction": "none"}
        address = reverse("dose-record", args=[order.doses.get(number=1).pk])
        saved = save_as_shown(client, address, said)
    visit.refresh_from_db()
    assert saved["Location"] == reverse("chart", args=[order.patient_id]) and visit.attention == ""


def test_a_record_whose_day_is_not_typed_yet_shows_nothing_though_another_field_is_wrong():
    dose = make_dose(ready=False)
    half = {"given_on": "", "reaction": "none", "reaction_type": "hypersensitivity", "do": "preview"}
    with at_the_desk() as client:
        answer = client.post(reverse("dose-record", args=[dose.pk]), half)
    assert answer.status_code == 422
    assert answer.context["effects"] is None
