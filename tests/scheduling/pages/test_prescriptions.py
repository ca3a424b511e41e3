"""An order is previewed before it is saved, refused beside the field that is wrong, changed with a reason."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from patients.models import Hold, Prescription
from scheduling.forms.prescriptions import Order
from scheduling.models import Event
from scheduling.readings.chart_words import as_sentence
from scheduling.services import prescribing
from tests.makers import (
    NOW,
    clock_stands_at,
    make_patient,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    npi,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk, save_as_shown

pytestmark = pytest.mark.django_db
TODAY = today_at(NOW)


def typed(**changes: str) -> dict[str, str]:
    """A complete order for ocrelizumab, with changes."""
    return {
        "regimen_id": "ocrelizumab_iv", "start_on": "3/9/2026", "expires_on": "3/9/2027",
        "prescriber_name": "Ana Lopez MD", "prescriber_npi": npi(1), "diagnosis_code": "G35.A", "note": "",
        "given-count": "0", "do": "save", **changes,
    }  # fmt: skip


def row(index: int, number: str, on: str, **more: str) -> dict[str, str]:
    """One dose given elsewhere as the form sends it."""
    said = {"number": number, "on": on, "amount_mg": "", "reaction": "none", "reaction_type": "", **more}
    return {f"given-{index}-{name}": value for name, value in said.items()}


def send(patient, data, name="prescription-new"):
    with at_the_desk() as client:
        return client.post(reverse(name, args=[patient.pk]), data)


def test_an_order_is_saved_and_its_doses_are_on_the_chart():
    patient = make_patient()
    answer = send(patient, typed())
    assert answer.status_code == 302 and answer["Location"] == reverse("chart", args=[patient.pk])
    order = Prescription.objects.get()
    assert order.doses.get(number=1).due_on == date(2026, 3, 9)


def test_doses_given_elsewhere_move_the_next_date():
    patient = make_patient()
    rows = row(0, "2", "2/15/2026") | row(1, "1", "2/1/2026", amount_mg="300") | row(2, "", "")
    assert send(patient, typed(start_on="2/1/2026", **{"given-count": "3"}, **rows)).status_code == 302
    order = Prescription.objects.get()
    assert list(order.doses.filter(state="given").values_list("number", flat=True)) == [1, 2]
    assert order.doses.get(number=3).due_on == date(2026, 8, 1)


def test_the_preview_writes_nothing_and_shows_every_dose_with_its_reasons():
    patient = make_patient()
    answer = send(patient, typed(do="preview"), "prescription-preview")
    page = answer.content.decode()
    assert answer.status_code == 200 and not Prescription.objects.exists()
    assert "Mon, Mar 9, 2026" in page and "Mon, Mar 23, 2026" in page and "US PI" in page
    assert "need a renewed order" in page and page.count("Why?") == answer.context["count"] >= 7
    without_script = send(patient, typed(do="preview"))
    assert "Mon, Mar 23, 2026" in without_script.content.decode() and not Prescription.objects.exists()


def test_the_preview_waits_for_a_regimen_and_a_start_without_scolding():
    page = send(
        make_patient(), {"regimen_id": "", "given-count": "0"}, "prescription-preview"
    ).content.decode()
    assert "Choose a regimen and a start" in page and "required" not in page


def test_another_regimen_asks_for_what_it_needs_and_keeps_what_was_typed():
    patient = make_patient()
    data = typed(regimen_id="mitoxantrone_ms_q3m", do="regimen", note="call first", expires_on="13/45/2027")
    page = send(patient, data, "prescription-preview").content.decode()
    for name in ("weight_kg", "height_cm", "param_cap_mg_per_m2", "prior_cumulative_mg_per_m2"):
        assert f'name="{name}"' in page
    assert "call first" in page and "13/45/2027" in page
    plain = send(patient, typed(do="regimen")).content.decode()
    assert 'name="weight_kg"' not in plain


def test_a_row_more_keeps_the_rows_there_are():
    data = typed(do="add-row", **{"given-count": "1"}, **row(0, "1", "2/30/2026"))
    for name in ("prescription-new", "prescription-preview"):
        page = send(make_patient(), data, name).content.decode()
        assert "2/30/2026" in page and 'name="given-1-on"' in page and 'value="2"' in page


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"regimen_id": ""}, "regimen_id"),
        ({"regimen_id": "no_such_drug"}, "regimen_id"),
        ({"start_on": "2/30/2026"}, "start_on"),
        ({"start_on": "1/1/1066"}, "start_on"),
        ({"start_on": "1/1/2033"}, "expires_on"),
        ({"start_on": "1/1/2033", "expires_on": "1/1/2034"}, "start_on"),
        ({"expires_on": "1/1/2025"}, "expires_on"),
        ({"expires_on": "3/1/2026", "start_on": "2/1/2026"}, "expires_on"),
        ({"prescriber_npi": "2900000000"}, "prescriber_npi"),
        ({"prescriber_name": ""}, "prescriber_name"),
        ({"note": "x" * 10_000}, "note"),
        ({"regimen_id": "mitoxantrone_ms_q3m"}, "weight_kg"),
        ({"regimen_id": "mitoxantrone_ms_q3m", "weight_kg": "70"}, "height_cm"),
        ({"regimen_id": "mitoxantrone_ms_q3m", "weight_kg": "7000", "height_cm": "170"}, "weight_kg"),
        (
            {"regimen_id": "mitoxantrone_ms_q3m", "weight_kg": "70", "height_cm": "170", "param_cap_mg_per_m2": "900"},
            "param_cap_mg_per_m2",
        ),
        (
            {"regimen_id": "mitoxantrone_ms_q3m", "weight_kg": "70", "height_cm": "170",
             "prior_cumulative_mg_per_m2": "9999"},
            "prior_cumulative_mg_per_m2",
        ),
        ({"regimen_id": "methylprednisolone_iv_3d", "total_doses": "99"}, "total_doses"),
        (
            {"regimen_id": "methylprednisolone_iv_3d", "prior_course_starts": "1/1/2026\n2/30/2026"},
            "prior_course_starts",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_saved_or_lost(changes, field):
    answer = send(make_patient(), typed(**changes))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors, answer.context["form"].errors
    assert not Prescription.objects.exists()
    page = answer.content.decode()
    assert "<title>Error: " in page
    for name, value in changes.items():
        assert not value or name == "regimen_id" or value.splitlines()[0] in page


@pytest.mark.parametrize(
    ("rows", "line", "field"),
    [
        (row(0, "1", "2/30/2026"), 0, "on"),
        (row(0, "1", "3/3/2026"), 0, "on"),  # tomorrow
        (row(0, "2", "2/20/2026") | row(1, "1", "2/21/2026"), 0, "on"),  # dose 2 before dose 1
        (row(0, "1", "2/20/2026") | row(1, "1", "2/21/2026"), 1, "number"),
        (row(0, "", "2/20/2026"), 0, "number"),
        (row(0, "1", "2/20/2026", reaction="awful"), 0, "reaction"),
    ],
)
def test_a_wrong_earlier_dose_is_marked_in_its_own_line(rows, line, field):
    answer = send(make_patient(), typed(start_on="2/1/2026", **{"given-count": "2"}, **rows))
    order: Order = answer.context["order"]
    assert answer.status_code == 422
    assert field in order.rows[line].errors
    assert f"line {line + 1}" in str(order.form.non_field_errors())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"diagnosis_code": "G35"}, "not billable"),
        ({"regimen_id": "ublituximab_iv", "diagnosis_code": "G35.B1"}, "does not fit"),
        ({"diagnosis_code": "E11"}, "not a code for MS"),
        ({"start_on": "1/1/2024"}, "no earlier dose is listed"),
        ({"regimen_id": "alemtuzumab_ms"}, "Not a drug for home"),
    ],
)
def test_what_looks_odd_is_said_and_does_not_stand_in_the_way(changes, words):
    patient = make_patient()
    page = send(patient, typed(**changes, do="preview")).content.decode()
    assert words in page
    assert send(patient, typed(**changes)).status_code == 302


def test_the_same_order_sent_twice_is_one_order():
    patient = make_patient()
    assert send(patient, typed()).status_code == 302
    again = send(patient, typed())
    assert again.status_code == 422 and "regimen_id" in again.context["form"].errors
    assert Prescription.objects.count() == 1


def test_a_drug_ended_by_a_reaction_is_never_ordered_again_under_any_schedule():
    reaction = row(0, "1", "2/1/2026", reaction="life_threatening")
    patient = make_patient()
    first = typed(regimen_id="natalizumab_q4w", start_on="2/1/2026", **{"given-count": "1"}, **reaction)
    assert send(patient, first).status_code == 302
    for do in ("preview", "save"):
        again = send(patient, typed(regimen_id="natalizumab_eid_q6w", do=do))
        assert "ended this drug for good" in again.content.decode()
    assert Prescription.objects.count() == 1
    assert send(patient, typed(regimen_id="ocrelizumab_iv")).status_code == 302


def test_a_new_order_cannot_forget_the_lifetime_dose_of_an_earlier_one():
    patient = make_patient()
    sizes = {
        "regimen_id": "mitoxantrone_ms_q3m",
        "weight_kg": "70",
        "height_cm": "170",
        "start_on": "1/5/2026",
    }
    first = typed(**sizes, **{"given-count": "1"}, **row(0, "1", "1/5/2026"))
    assert send(patient, first).status_code == 302
    with clock_stands_at(NOW):
        prescribing.stop(
            prescription_id=Prescription.objects.get().pk, stopped_on=TODAY, why="moved", by=make_user()
        )
    forgotten = send(patient, typed(**{**sizes, "start_on": "4/6/2026"}))
    assert forgotten.status_code == 422
    assert "12 mg/m2" in str(forgotten.context["form"].errors["prior_cumulative_mg_per_m2"])
    told = typed(**{**sizes, "start_on": "4/6/2026", "prior_cumulative_mg_per_m2": "12"})
    assert send(patient, told).status_code == 302


def test_an_order_is_amended_with_a_reason_and_the_old_terms_stay():
    order = make_prescription()
    address = reverse("prescription-amend", args=[order.pk])
    with at_the_desk() as client:
        terms = {name: client.get(address).context["form"][name].value() for name in
                 ("prescriber_name", "prescriber_npi", "diagnosis_code", "note")}  # fmt: skip
        no_reason = client.post(address, {**terms, "expires_on": "6/1/2026", "why": ""})
        assert no_reason.status_code == 422 and "why" in no_reason.context["form"].errors
        shorter = {**terms, "expires_on": "6/1/2026", "why": "shorter authorization"}
        good = save_as_shown(client, address, shorter)
    order.refresh_from_db()
    assert good.status_code == 302 and order.expires_on == date(2026, 6, 1)
    assert order.versions.count() == 2
    assert order.doses.filter(needs_renewed_order=True, state="planned").exists()


def test_a_hold_shows_the_booked_visit_it_would_flag_before_it_is_placed():
    visit = make_visit()
    order = visit.dose.prescription
    address = reverse("prescription-hold", args=[order.pk])
    with at_the_desk() as client:
        shown = client.get(address).context["effects"]
        assert [(row.visit, row.misfit) for row in shown.visits] == [(visit, True)]
        data = {"starts_on": "3/2/2026", "clears_on": "", "reason": "fever", "shown": shown.signature}
        saved = client.post(address, data)
        assert saved["Location"] == reverse("patient-decide", args=[order.patient_id])
        assert client.post(address, data).status_code == 302, "the same form sent twice"
    visit.refresh_from_db()
    assert visit.attention and visit.state == "booked"
    assert Hold.objects.count() == 1


def test_a_hold_that_ends_before_it_starts_is_refused_beside_its_field():
    order = make_prescription()
    with at_the_desk() as client:
        answer = client.post(
            reverse("prescription-hold", args=[order.pk]),
            {"starts_on": "3/2/2026", "clears_on": "3/1/2026", "reason": "fever"},
        )
    assert answer.status_code == 422 and "clears_on" in answer.context["form"].errors


def test_a_hold_is_cleared_and_the_doses_are_planned_again():
    order = make_prescription()
    with at_the_desk() as client:
        fever = {"starts_on": "3/2/2026", "reason": "fever"}
        save_as_shown(client, reverse("prescription-hold", args=[order.pk]), fever)
        hold = Hold.objects.get()
        clears = {"clears_on": "3/20/2026"}
        saved = save_as_shown(client, reverse("hold-clear", args=[hold.pk]), clears)
        assert saved["Location"] == reverse("chart", args=[order.patient_id])
        chart = client.get(reverse("chart", args=[order.patient_id]))
    assert chart.context["cards"][0].next.on == date(2026, 3, 20)


def test_stopping_says_what_falls_away_and_leaves_the_visit_to_a_person():
    visit = make_visit()
    order = visit.dose.prescription
    address = reverse("prescription-stop", args=[order.pk])
    with at_the_desk() as client:
        shown = client.get(address).context["effects"]
        assert shown.orders and [(row.visit, row.misfit) for row in shown.visits] == [(visit, True)]
        assert all(row.facts[0].becomes == "no longer planned" for row in (*shown.first, *shown.more))
        data = {"stopped_on": "3/2/2026", "why": "moved away", "shown": shown.signature}
        assert client.post(address, data).status_code == 302
        again = client.post(address, data)
    order.refresh_from_db()
    visit.refresh_from_db()
    assert order.status == "discontinued" and visit.state == "booked" and visit.attention
    assert again.status_code == 409


def test_the_effect_of_a_hold_that_nobody_placed_changes_nothing():
    record = make_record()
    order = record.dose.prescription
    with at_the_desk() as client:
        client.get(reverse("prescription-hold", args=[order.pk]))
        client.get(reverse("prescription-stop", args=[order.pk]))
    order.refresh_from_db()
    assert order.status == "active" and not Hold.objects.exists()
    assert not Event.objects.filter(action__in=["hold_placed", "prescription_stopped"]).exists()


def test_a_preview_of_a_patient_of_nobody_is_not_found():
    with clock_stands_at(NOW):
        patient = make_patient()
    with at_the_desk(make_user("nurse")) as client:
        assert client.post(reverse("prescription-preview", args=[patient.pk]), typed()).status_code == 404
    with at_the_desk() as client:
        assert client.get(reverse("prescription-preview", args=[patient.pk])).status_code == 405


def test_three_years_are_shown_and_not_more():
    answer = send(make_patient(), typed(regimen_id="natalizumab_q4w", do="preview"))
    last = [*answer.context["first"], *answer.context["rest"]][-1]
    assert last.dose.due_on <= TODAY + timedelta(days=3 * 365 + 1)
    assert answer.context["count"] == 39


def test_a_fact_becomes_a_sentence_and_keeps_its_names():
    assert as_sentence("Ocrevus Zunovo is another product") == "Ocrevus Zunovo is another product."
    assert as_sentence("give as soon as possible.") == "Give as soon as possible."


def amended(order: Prescription, **changes: str) -> dict[str, str]:
    """The amendment page as it stands, with changes."""
    return {
        "expires_on": f"{order.expires_on:%m/%d/%Y}", "prescriber_name": order.prescriber_name,
        "prescriber_npi": order.prescriber_npi, "diagnosis_code": order.diagnosis_code, "note": order.note,
        "why": "", "version": "1", **changes,
    }  # fmt: skip


def test_what_an_amendment_would_change_is_shown_before_it_is_saved():
    order = make_prescription(regimen_id="ivig_ms", weight_kg=Decimal(70), height_cm=Decimal(170))
    every = order.parameters.get("maintenance_interval_days")
    wish = amended(order, param_maintenance_interval_days="42", do="preview")
    answer = send(order, wish, "prescription-amend")
    assert answer.status_code == 200
    assert any(fact.label == "Day" for row in answer.context["effects"].first for fact in row.facts)
    assert "What changes" in answer.content.decode()
    order.refresh_from_db()
    assert (order.versions.count(), order.parameters.get("maintenance_interval_days")) == (1, every)
    assert not Event.objects.filter(action="prescription_amended").exists()


def test_of_two_people_who_amend_at_once_the_second_is_told_and_undoes_nothing():
    order = make_prescription()
    address = reverse("prescription-amend", args=[order.pk])
    with at_the_desk() as client:
        first = save_as_shown(client, address, amended(order, expires_on="3/9/2030", why="renewed"))
        assert first.status_code == 302
    answer = send(
        order, amended(order, note="call before coming", why="asked for", do="save"), "prescription-amend"
    )
    assert answer.status_code == 409
    assert "call before coming" in answer.content.decode()
    order.refresh_from_db()
    assert (order.expires_on, order.note) == (date(2030, 3, 9), "")


def test_a_weight_measured_for_an_order_is_in_the_trail_like_any_other():
    order = make_prescription(regimen_id="ivig_ms", weight_kg=Decimal(80))
    assert Event.objects.filter(action="measured", patient=order.patient).count() == 1
