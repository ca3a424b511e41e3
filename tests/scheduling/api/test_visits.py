"""Visits over HTTP: booked, moved, cancelled; and who reads what of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduling.models import Event, Visit
from tests import makers
from tests.scheduling.api.conftest import check_problem

pytestmark = pytest.mark.django_db


def _wish(dose, nurse, **more):
    return {"dose": dose.pk, "nurse": nurse.pk, "starts_at": makers.at(dose.due_on).isoformat(), **more}


def test_a_dose_is_booked_and_the_answer_is_the_visit(office):
    dose, nurse = makers.make_dose(), makers.make_nurse()
    answer = office.post("visits/", _wish(dose, nurse))
    assert answer.status_code == 201, answer.content
    visit = Visit.objects.get()
    told = answer.json()
    assert told["id"] == visit.pk
    assert told["starts_at"] == "2026-03-09T14:00:00Z"
    assert told["dose_number"] == 1
    assert told["state"] == "booked"
    assert Event.objects.filter(action="visit_booked", actor=office.user).count() == 1
    assert Event.objects.get(action="visit_booked").origin.startswith("api")


def test_a_taken_nurse_is_a_409_with_a_stable_code(office):
    nurse = makers.make_nurse()
    makers.make_visit(nurse=nurse)
    check_problem(office.post("visits/", _wish(makers.make_dose(), nurse)), 409, "NURSE_TAKEN", "starts_at")
    assert Visit.objects.count() == 1


def test_a_dose_that_has_a_visit_is_a_409(office):
    dose = makers.make_dose()
    makers.make_visit(dose)
    check_problem(office.post("visits/", _wish(dose, makers.make_nurse())), 409, "DOSE_TAKEN")


def test_a_rule_is_a_422_with_its_own_code(office):
    dose = makers.make_dose()
    late = _wish(dose, makers.make_nurse(competencies=["iv"]))
    check_problem(office.post("visits/", late), 422, "NOT_COMPETENT", "nurse")


def test_what_needs_a_reason_says_so_and_takes_one(office):
    dose, nurse = makers.make_dose(ready=False), makers.make_nurse()
    told = check_problem(office.post("visits/", _wish(dose, nurse)), 422, "MISSING_HBV_SCREENING", "override")
    assert told["absolute"] is False
    assert "MISSING_LIVER_FUNCTION_TESTS" in told["codes"]
    assert office.post("visits/", _wish(dose, nurse, override="Seen on paper")).status_code == 201
    assert Visit.objects.get().override_by == office.user


def test_a_time_without_an_offset_is_refused_beside_its_field(office):
    dose, nurse = makers.make_dose(), makers.make_nurse()
    for said in (
        "2026-03-09T09:00:00",
        "2026-03-09",
        "yesterday",
        5,
        None,
        "0001-01-01T00:00:00+14:00",
        "1900-01-01T00:00:00Z",
    ):
        answer = office.post("visits/", _wish(dose, nurse) | {"starts_at": said})
        check_problem(answer, 400, "BAD_INPUT", "starts_at")


@pytest.mark.parametrize("bad", [10**30, 2**63, -1, True, "x", 0, 1.5, [], {}, "9" * 5000, None])
def test_an_id_that_cannot_be_is_a_400_beside_its_field(office, bad):
    dose, nurse = makers.make_dose(), makers.make_nurse()
    check_problem(office.post("visits/", _wish(dose, nurse) | {"dose": bad}), 400, "BAD_INPUT", "dose")
    check_problem(office.post("visits/", _wish(dose, nurse) | {"nurse": bad}), 400, "BAD_INPUT", "nurse")


def test_a_visit_moves_and_the_old_one_says_so(office):
    visit, other = makers.make_visit(), makers.make_nurse()
    answer = office.post(
        f"visits/{visit.pk}/move/", {"nurse": other.pk, "reason_class": "patient", "version": visit.version}
    )
    assert answer.status_code == 201, answer.content
    assert answer.json()["moved_from"] == visit.pk
    assert answer.json()["starts_at"] == "2026-03-09T14:00:00Z"
    assert Visit.objects.get(pk=visit.pk).state == "moved"


def test_a_visit_changed_since_it_was_seen_is_a_409(office):
    visit = makers.make_visit()
    stale = {"reason_class": "patient", "version": visit.version + 1}
    check_problem(office.post(f"visits/{visit.pk}/cancel/", stale), 409, "STALE_VERSION")
    later = {**stale, "starts_at": (visit.starts_at + timedelta(hours=1)).isoformat()}
    check_problem(office.post(f"visits/{visit.pk}/move/", later), 409, "STALE_VERSION")


def test_a_visit_is_cancelled_once(office):
    visit = makers.make_visit()
    assert (
        office.post(f"visits/{visit.pk}/cancel/", {"reason_class": "weather"}).json()["state"] == "cancelled"
    )
    check_problem(office.post(f"visits/{visit.pk}/cancel/", {"reason_class": "weather"}), 409, "VISIT_STATE")


def test_days_of_the_list_are_those_of_each_home(office):
    dose = makers.make_dose(makers.make_prescription(makers.make_patient(time_zone="Pacific/Honolulu")))
    late = makers.at(dose.due_on, 16, time_zone="Pacific/Honolulu")  # the next day already in UTC
    nurse = makers.make_nurse(time_zone="Pacific/Honolulu")
    visit = makers.make_visit(dose, nurse, late, override="An evening is what the patient can do")
    day, after = dose.due_on.isoformat(), (dose.due_on + makers.DAY).isoformat()
    assert [one["id"] for one in office.get("visits/", **{"from": day, "to": day}).json()["results"]] == [
        visit.pk
    ]
    assert office.get("visits/", **{"from": after, "to": after}).json()["results"] == []
    assert office.get("visits/", nurse=visit.nurse_id + 1).json()["results"] == []


def test_a_filter_nobody_knows_is_refused_rather_than_ignored(office):
    check_problem(office.get("visits/", nurze=1), 400, "BAD_INPUT", "nurze")
    check_problem(office.get("visits/", **{"from": "2026-02-30"}), 400, "BAD_INPUT", "from")
    check_problem(office.get("visits/", page="x"), 400, "BAD_INPUT", "page")
    check_problem(office.get("visits/", page=99), 404, "NOT_FOUND")


def test_a_patient_reads_the_own_visit_without_what_the_office_decides(api):
    patient = makers.make_patient(user=True)
    visit = makers.make_visit(makers.make_dose(makers.make_prescription(patient)))
    told = api(patient.user).get(f"visits/{visit.pk}/").json()
    assert told["nurse_name"] == "Maria R."
    assert not {"attention", "override_reason", "cancel_note"} & told.keys()
    assert Event.objects.filter(action="chart_read", actor=patient.user, patient=patient).count() == 1
