"""The same wish sent twice is done once: after an answer that got lost, and by two at the same moment."""

from __future__ import annotations

from functools import partial

import pytest

from patients.models import Evidence, Patient, Prescription
from scheduling.models import DoseRecord, Event, IdempotencyKey, Visit
from tests import makers
from tests.scheduling.api.conftest import Api, check_problem
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db

KEY = "b3c1f6a2-7d55"


def _bodies(name: str) -> tuple[str, dict, type]:
    """Path, body and model of each create that takes a key."""
    dose = makers.make_dose(start_on=makers.today_at())
    patient = dose.prescription.patient
    said = makers.patient_fields()
    return {
        "patient": ("patients/", {**said, "date_of_birth": str(said["date_of_birth"])}, Patient),
        "prescription": (
            "prescriptions/",
            {
                "patient": patient.pk, "regimen_id": "methylprednisolone_iv_3d", "start_on": "2026-03-09",
                "expires_on": "2026-12-31", "prescriber_name": "Ana Lopez MD", "prescriber_npi": makers.npi(1),
            },
            Prescription,
        ),
        "evidence": (
            "evidence/", {"patient": patient.pk, "kind": "brain_mri", "dated_on": "2026-03-01"}, Evidence,
        ),
        "record": (f"doses/{dose.pk}/record/", {"given_on": "2026-03-02"}, DoseRecord),
        "visit": (
            "visits/",
            {"dose": dose.pk, "nurse": makers.make_nurse().pk, "starts_at": makers.at(dose.due_on, 11).isoformat()},
            Visit,
        ),
    }[name]  # fmt: skip


@pytest.mark.parametrize("name", ["patient", "prescription", "evidence", "record", "visit"])
def test_the_same_key_and_body_is_done_once_and_answered_twice(office, name):
    path, body, model = _bodies(name)
    before = model.objects.count()
    first = office.post(path, body, Idempotency_Key=KEY)
    assert first.status_code == 201, first.content
    written = Event.objects.count()
    # The order of the keys is no part of the wish.
    again = office.post(path, dict(reversed(body.items())), Idempotency_Key=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert model.objects.count() == before + 1
    assert Event.objects.count() == written


def test_a_key_belongs_to_one_wish(office):
    path, body, _model = _bodies("patient")
    office.post(path, body, Idempotency_Key=KEY)
    answer = office.post(path, {**body, "mrn": "OTHER"}, Idempotency_Key=KEY)
    check_problem(answer, 422, "IDEMPOTENCY_MISMATCH", "Idempotency-Key")
    elsewhere = office.post("evidence/", body, Idempotency_Key=KEY)
    check_problem(elsewhere, 422, "IDEMPOTENCY_MISMATCH")
    assert not Patient.objects.filter(mrn="OTHER").exists()


def test_a_key_is_its_users_own(office):
    path, body, _model = _bodies("evidence")
    other = Api(makers.make_user())
    assert office.post(path, body, Idempotency_Key=KEY).status_code == 201
    answer = other.post(path, {**body, "reference": "another"}, Idempotency_Key=KEY)
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer
    assert Evidence.objects.filter(kind="brain_mri").count() == 2


def test_a_create_that_failed_leaves_the_key_free(office):
    path, body, _model = _bodies("visit")
    check_problem(office.post(path, {**body, "starts_at": "never"}, Idempotency_Key=KEY), 400, "BAD_INPUT")
    early = {**body, "starts_at": "2020-01-01T09:00:00Z"}
    assert office.post(path, early, Idempotency_Key=KEY).status_code == 422
    assert not IdempotencyKey.objects.exists()
    assert office.post(path, body, Idempotency_Key=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 101, "a\tb", "é"])
def test_a_key_that_cannot_be_one_is_refused(office, key):
    path, body, model = _bodies("evidence")
    before = model.objects.count()
    check_problem(office.post(path, body, Idempotency_Key=key), 400, "BAD_INPUT", "Idempotency-Key")
    assert model.objects.count() == before


def test_the_longest_key_is_taken(office):
    path, body, _model = _bodies("evidence")
    assert office.post(path, body, Idempotency_Key="x" * 100).status_code == 201


def test_without_a_key_a_wish_sent_again_is_a_wish_of_its_own(office):
    path, body, _model = _bodies("visit")
    assert office.post(path, body).status_code == 201
    check_problem(office.post(path, body), 409, "DOSE_TAKEN")


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_with_one_key_one_does_it_and_all_get_its_answer():
    user = makers.make_user()
    path, body, _model = _bodies("visit")
    answers = all_at_once([partial(Api(user).post, path, body, Idempotency_Key=KEY) for _ in range(6)])
    assert [one.status_code for one in answers] == [201] * 6
    assert len({one.content for one in answers}) == 1
    assert sorted(one.get("Idempotency-Replayed", "first") for one in answers) == ["first", *["true"] * 5]
    assert Visit.objects.count() == 1
    assert Event.objects.filter(action="visit_booked").count() == 1
