"""Orders over HTTP: previewed, saved, amended, held, stopped; each date with its reasons."""

from __future__ import annotations

from datetime import timedelta

import pytest

from patients.models import Prescription, PrescriptionVersion
from scheduling.models import DoseRecord, Event, PlannedDose
from scheduling.rules.errors import BadInput
from scheduling.services import prescribing
from tests import makers
from tests.scheduling.api.conftest import check_problem

pytestmark = pytest.mark.django_db


def _body(patient, **fields):
    return {
        "patient": patient.pk,
        "regimen_id": "ocrelizumab_iv",
        "start_on": "2026-03-09",
        "expires_on": "2028-03-01",
        "prescriber_name": "Ana Lopez MD",
        "prescriber_npi": makers.npi(1),
        **fields,
    }


def test_an_order_is_saved_with_its_calendar_and_read_back(office):
    patient = makers.make_patient()
    answer = office.post("prescriptions/", _body(patient, note="by phone"))
    assert answer.status_code == 201, answer.content
    told = office.get(f"prescriptions/{answer.json()['id']}/").json()
    assert told["calendar"] == answer.json()["calendar"]
    assert told["regimen_verified"] is None
    doses = told["calendar"]["doses"]
    assert [dose["due_on"] for dose in doses[:3]] == ["2026-03-09", "2026-03-23", "2026-09-09"]
    assert doses[2]["floor_on"] == "2026-08-23"
    assert doses[0]["amount_mg"] == "300.00"
    assert all(dose["reasons"] and all(one["source"] for one in dose["reasons"]) for dose in doses)
    assert [dose["needs_renewed_order"] for dose in doses[-2:]] == [True, True]
    assert all(PlannedDose.objects.filter(pk=dose["id"], number=dose["number"]).exists() for dose in doses)
    assert Event.objects.filter(action="chart_read", patient=patient, actor=office.user).count() == 1


def test_a_preview_is_the_calendar_that_saving_makes_and_writes_nothing(office):
    body = _body(makers.make_patient())
    seen = office.post("prescriptions/preview/", body)
    assert seen.status_code == 200, seen.content
    assert not Prescription.objects.exists()
    saved = office.post("prescriptions/", body).json()["calendar"]
    compared = ("number", "due_on", "floor_on", "window_end_on", "amount_mg", "total_minutes", "reasons")
    assert [[dose[name] for name in compared] for dose in seen.json()["doses"]] == [
        [dose[name] for name in compared] for dose in saved["doses"]
    ]
    assert {dose["id"] for dose in seen.json()["doses"]} == {None}


def test_a_transferred_patients_next_dose_counts_from_the_doses_given_elsewhere(office):
    given = [
        {"number": 1, "on": "2025-08-01", "amount_mg": 300},
        {"number": 2, "on": "2025-08-15", "reaction": "severe"},
    ]
    answer = office.post("prescriptions/", _body(makers.make_patient(), start_on="2025-08-01", given=given))
    assert answer.status_code == 201, answer.content
    doses = answer.json()["calendar"]["doses"]
    assert [dose["state"] for dose in doses[:3]] == ["given", "given", "planned"]
    assert doses[0]["given_on"] == "2025-08-01"
    assert doses[2]["due_on"] == "2026-02-01"
    assert doses[2]["planned_on"] == "2026-03-02"
    assert "OVERDUE" in doses[2]["flags"]
    assert DoseRecord.objects.filter(elsewhere=True, recorded_by=office.user).count() == 2


@pytest.mark.parametrize(
    ("field", "said", "named"),
    [
        ("start_on", "2026-02-30", "start_on"),
        ("start_on", None, "start_on"),
        ("start_on", "2199-01-01", "expires_on"),
        ("expires_on", "2026-03-08", "expires_on"),
        ("prescriber_npi", "1234567890", "prescriber_npi"),
        ("prescriber_npi", 1.5, "prescriber_npi"),
        ("prescriber_name", " ", "prescriber_name"),
        ("regimen_id", "no_such_drug", "regimen_id"),
        ("regimen_id", "../etc/passwd", "regimen_id"),
        ("regimen_id", "ivig_ms", "weight_kg"),
        ("patient", 999_999, "patient"),
        ("total_doses", 0, "total_doses"),
        ("total_doses", 10**12, "total_doses"),
        ("total_doses", True, "total_doses"),
        ("weight_kg", 7000, "weight_kg"),
        ("weight_kg", 0, "weight_kg"),
        ("height_cm", -1, "height_cm"),
        ("weight_kg", "heavy", "weight_kg"),
        ("weight_kg", 10**20, "weight_kg"),
        ("parameters", {"speed": 1}, "parameters.speed"),
        ("parameters", {"speed": "x"}, "parameters.speed"),
        ("parameters", [1], "parameters"),
        ("prior_course_starts", ["2026-02-30"], "prior_course_starts[0]"),
        ("note", "x" * 10_000, "note"),
        ("given", [{"number": 1, "on": "2026-03-03"}], "given[0].on"),
        ("given", [{"number": 1, "on": "2026-02-30"}], "given[0].on"),
        ("given", [{"number": 1}], "given[0].on"),
        ("given", [{"number": 1, "on": "2026-03-01", "reaction": "bad"}], "given[0].reaction"),
        ("given", [{"number": 1, "on": "2026-03-01", "dose": 1}], "given[0].dose"),
        ("given", {"number": 1}, "given"),
        ("given", [5], "given[0]"),
        ("strength", 1, "strength"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_in_preview_and_on_saving_and_nothing_is_saved(office, field, said, named):
    body = {**_body(makers.make_patient()), field: said}
    asked = (
        ("prescriptions/",)
        if field.startswith("prescriber")
        else ("prescriptions/preview/", "prescriptions/")
    )
    for path in asked:
        answer = office.post(path, body)
        told = check_problem(answer, 400, "BAD_INPUT", named)
        assert not told["detail"][0].islower()
    assert not Prescription.objects.exists()


def test_a_contradiction_among_doses_given_is_beside_the_one_that_was_sent(office):
    """The rules put the doses in order; the sender's list need not be."""
    given = [{"number": 2, "on": "2026-02-01"}, {"number": 1, "on": "2026-02-15"}]
    answer = office.post(
        "prescriptions/preview/", _body(makers.make_patient(), start_on="2026-01-01", given=given)
    )
    check_problem(answer, 400, "BAD_INPUT", "given[0].on")


def test_an_order_that_has_ended_is_refused(office):
    body = _body(makers.make_patient(), start_on="2025-01-01", expires_on="2026-03-01")
    check_problem(office.post("prescriptions/", body), 400, "BAD_INPUT", "expires_on")


def test_a_second_open_order_for_a_regimen_breaks_a_rule(office):
    body = _body(makers.make_patient())
    assert office.post("prescriptions/", body).status_code == 201
    check_problem(office.post("prescriptions/", body), 422, "DUPLICATE_ORDER", "regimen_id")


def test_a_weight_makes_the_order_by_weight_possible(office):
    answer = office.post("prescriptions/", _body(makers.make_patient(), regimen_id="ivig_ms", weight_kg=70.5))
    assert answer.status_code == 201, answer.content
    assert answer.json()["calendar"]["doses"][0]["amount_mg"] is not None


def test_an_amendment_keeps_the_old_terms(office):
    order = makers.make_prescription()
    body = {"expires_on": "2027-01-01", "why": "shorter"}
    told = office.post(f"prescriptions/{order.pk}/amend/", body).json()
    assert told["expires_on"] == "2027-01-01"
    assert PrescriptionVersion.objects.filter(prescription=order).count() == 2
    check_problem(office.post(f"prescriptions/{order.pk}/amend/", {"why": "x", "start_on": "2026-03-10"}), 400,
                  "BAD_INPUT", "start_on")  # fmt: skip
    check_problem(office.post(f"prescriptions/{order.pk}/amend/", {"expires_on": "2027-01-01"}), 400, "BAD_INPUT",
                  "why")  # fmt: skip
    check_problem(office.post(f"prescriptions/{order.pk}/amend/", {"why": "x", "total_doses": 0}), 400,
                  "BAD_INPUT", "total_doses")  # fmt: skip


def test_a_hold_without_an_end_leaves_nothing_planned(office):
    order = makers.make_prescription()
    answer = office.post(
        f"prescriptions/{order.pk}/hold/", {"starts_on": "2026-03-01", "reason": "infection"}
    )
    told = answer.json()
    assert answer.status_code == 200, told
    assert told["status"] == "on_hold"
    assert told["holds"][0]["clears_on"] is None
    assert [dose["planned_on"] for dose in told["calendar"]["doses"] if dose["state"] == "planned"] == [None]
    wrong = {"starts_on": "2026-03-01", "clears_on": "2026-03-01", "reason": "x"}
    check_problem(office.post(f"prescriptions/{order.pk}/hold/", wrong), 400, "BAD_INPUT", "clears_on")


def test_a_hold_is_cleared_and_planning_goes_on(office):
    order, other = makers.make_prescription(), makers.make_prescription()
    path = f"prescriptions/{order.pk}"
    body = {"starts_on": "2026-03-01", "reason": "infection"}
    hold = office.post(f"{path}/hold/", body).json()["holds"][0]["id"]
    cleared = {"hold": hold, "clears_on": "2026-03-20"}
    check_problem(office.post(f"prescriptions/{other.pk}/clear-hold/", cleared), 400, "BAD_INPUT", "hold")
    check_problem(office.post(f"{path}/clear-hold/", {**cleared, "hold": 999_999}), 400, "BAD_INPUT", "hold")
    told = office.post(f"{path}/clear-hold/", cleared).json()
    assert told["holds"][0]["clears_on"] == "2026-03-20"
    assert told["calendar"]["doses"][0]["planned_on"] == "2026-03-20"


def test_a_stopped_drug_is_stopped_once(office):
    order = makers.make_prescription()
    body = {"stopped_on": "2026-03-02", "why": "patient's wish"}
    told = office.post(f"prescriptions/{order.pk}/stop/", body).json()
    assert told["status"] == "discontinued"
    assert told["calendar"]["doses"] == []
    check_problem(office.post(f"prescriptions/{order.pk}/stop/", body), 409, "ORDER_ENDED")


def test_orders_are_listed_by_patient(office):
    mine = makers.make_prescription()
    makers.make_prescription()
    rows = office.get("prescriptions/", patient=mine.patient_id).json()["results"]
    assert [row["id"] for row in rows] == [mine.pk]
    check_problem(office.get("prescriptions/", patient="x"), 400, "BAD_INPUT", "patient")
    check_problem(office.get("prescriptions/", patient=10**40), 400, "BAD_INPUT", "patient")


def test_a_list_of_one_patients_orders_or_doses_is_a_look_at_the_chart(office, api):
    order = makers.make_prescription()
    looks = Event.objects.filter(action="chart_read", patient=order.patient_id)
    office.get("prescriptions/", patient=order.patient_id)
    office.get("doses/", prescription=order.pk)
    assert list(looks.values_list("subject", "actor")) == [
        ("doses", office.user.pk),
        ("prescriptions", office.user.pk),
    ]
    stranger = api(makers.make_nurse().user)
    assert stranger.get("prescriptions/", patient=order.patient_id).json()["count"] == 0
    assert stranger.get("doses/", prescription=order.pk).json()["count"] == 0
    assert looks.count() == 2


def test_a_field_the_rules_name_is_named_as_it_was_sent(office, monkeypatch):
    def refuse(*args, **kwargs):
        raise BadInput("it is before the start", field="start_date")

    monkeypatch.setattr(prescribing, "preview", refuse)
    told = check_problem(office.post("prescriptions/preview/", _body(makers.make_patient())), 400, "BAD_INPUT",
                         "start_on")  # fmt: skip
    assert told["detail"] == "It is before the start."


# --- Doses and papers ----------------------------------------------------------------------------


def test_a_dose_tells_why_and_what_stands_before_it(office):
    dose = makers.make_dose(ready=False)
    told = office.get(f"doses/{dose.pk}/").json()
    assert told["due_on"] == told["planned_on"] == "2026-03-09"
    assert told["reasons"][0]["code"] == "RULE"
    assert {gate["kind"]: gate["state"] for gate in told["gates"]}["hbv_screening"] == "missing"
    assert told["overdue"] is False
    with makers.clock_stands_at(makers.NOW + timedelta(days=8)):
        late = office.get(f"doses/{dose.pk}/")
        # The token has ended by then: a new one reads on.
        assert late.status_code == 401


def test_what_is_overdue_is_planned_for_today(api):
    dose = makers.make_dose(ready=False)
    with makers.clock_stands_at(makers.NOW + timedelta(days=8)):
        told = api(makers.make_user()).get(f"doses/{dose.pk}/").json()
    assert told["due_on"] == "2026-03-09"
    assert told["planned_on"] == "2026-03-10"
    assert told["overdue"] is True
    assert "OVERDUE" in told["flags"]
    assert "OVERDUE" in [reason["code"] for reason in told["reasons"]]


def test_a_paper_closes_its_gate(office):
    dose = makers.make_dose(ready=False)
    body = {"patient": dose.prescription.patient_id, "kind": "hbv_screening", "dated_on": "2026-03-01"}
    assert office.post("evidence/", body).status_code == 201
    gates = office.get(f"doses/{dose.pk}/").json()["gates"]
    assert {gate["kind"]: gate["state"] for gate in gates}["hbv_screening"] == "met"


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("dated_on", "2026-03-03"), ("dated_on", "2026-02-30"), ("valid_until_on", "2026-02-01"),
        ("kind", "<b>"), ("kind", ""), ("note", "x" * 10_000), ("patient", 0), ("prescription", 999_999),
        ("clear", "perhaps"), ("reference", "x" * 121),
    ],
)  # fmt: skip
def test_a_wrong_paper_is_named(office, field, said):
    body = {"patient": makers.make_patient().pk, "kind": "hbv_screening", "dated_on": "2026-03-01"}
    check_problem(office.post("evidence/", {**body, field: said}), 400, "BAD_INPUT", field)


def test_a_paper_of_somebody_elses_order_is_refused(office):
    order, patient = makers.make_prescription(), makers.make_patient()
    body = {
        "patient": patient.pk,
        "prescription": order.pk,
        "kind": "hbv_screening",
        "dated_on": "2026-03-01",
    }
    check_problem(office.post("evidence/", body), 400, "BAD_INPUT", "prescription")


def test_doses_that_want_a_visit_are_found(office):
    waiting, booked = makers.make_dose(), makers.make_dose()
    makers.make_visit(booked)
    held = makers.make_prescription(regimen_id="alemtuzumab_ms")
    rows = office.get("doses/", needs_booking="true", due_before="2026-03-10").json()["results"]
    assert [row["id"] for row in rows] == [waiting.pk]
    assert office.get("doses/", due_before="2026-03-09").json()["results"] == []
    rows = office.get("doses/", needs_booking="false", prescription=booked.prescription_id).json()["results"]
    assert [row["id"] for row in rows] == [booked.pk]
    assert rows[0]["visit"] is not None
    assert office.get("doses/", prescription=held.pk).json()["count"] > 0
    check_problem(office.get("doses/", needs_booking="perhaps"), 400, "BAD_INPUT", "needs_booking")


def test_what_was_given_moves_the_rest(office):
    dose = makers.make_dose(start_on=makers.today_at() - makers.DAY)
    body = {"given_on": "2026-03-02", "amount_mg": 300, "reaction": "mild", "note": "well"}
    answer = office.post(f"doses/{dose.pk}/record/", body)
    assert answer.status_code == 201, answer.content
    assert answer.json()["reaction"] == "mild"
    second = PlannedDose.objects.get(prescription=dose.prescription_id, number=2)
    assert second.due_on.isoformat() == "2026-03-16"
    told = office.get(f"doses/{dose.pk}/").json()
    assert (told["state"], told["planned_on"], told["gates"]) == ("given", None, [])
    check_problem(office.post(f"doses/{dose.pk}/record/", body), 409, "ALREADY_RECORDED")


@pytest.mark.parametrize(
    ("field", "said", "named"),
    [
        ("given_on", "2026-03-03", "given_on"), ("given_on", "2026-02-30", "given_on"),
        ("amount_mg", 0, "amount_mg"), ("amount_mg", -5, "amount_mg"), ("amount_mg", 10**9, "amount_mg"),
        ("amount_mg", "1e400", "amount_mg"), ("amount_mg", True, "amount_mg"), ("reaction", "dead", "reaction"),
        ("note", "x" * 10_000, "note"), ("reaction_type", "odd", "reaction_type"), ("nurse", 1, "nurse"),
    ],
)  # fmt: skip
def test_a_wrong_record_is_named_and_nothing_is_saved(office, field, said, named):
    dose = makers.make_dose(ready=False, start_on=makers.today_at() - makers.DAY)
    answer = office.post(f"doses/{dose.pk}/record/", {"given_on": "2026-03-02", field: said})
    check_problem(answer, 400, "BAD_INPUT", named)
    assert not DoseRecord.objects.exists()


def test_a_nurse_records_the_dose_of_her_own_visit(api):
    dose, nurse = makers.make_dose(start_on=makers.today_at()), makers.make_nurse()
    makers.make_visit(dose, nurse, makers.at(dose.due_on, 11))
    answer = api(nurse.user).post(f"doses/{dose.pk}/record/", {"given_on": "2026-03-02"})
    assert answer.status_code == 201, answer.content
    assert DoseRecord.objects.get().visit.state == "completed"


def test_nurses_are_listed_with_what_they_may_do(office):
    nurse = makers.make_nurse(competencies=["iv"])
    told = office.get(f"nurses/{nurse.pk}/").json()
    assert [one["code"] for one in told["competencies"]] == ["iv"]
    assert told["licences"][0]["state"] == "TX"
