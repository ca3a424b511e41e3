"""Adding a patient over the API asks the same question as the page: is this somebody we know?"""

from __future__ import annotations

import pytest

from patients.models import Patient
from scheduling.models import Event
from tests.makers import make_patient, make_user, patient_fields
from tests.scheduling.api.conftest import check_problem

pytestmark = pytest.mark.django_db


def test_somebody_alike_is_refused_with_a_code_until_a_reason_is_given(api):
    known = make_patient(first_name="Grace", last_name="Abara")
    body = patient_fields(first_name="Gracie", last_name="Abara")
    body["date_of_birth"] = body["date_of_birth"].isoformat()
    caller = api(make_user())
    told = check_problem(caller.post("patients/", body), 422, "LIKELY_DUPLICATE", "different")
    assert known.mrn in told["detail"] and told["absolute"] is False
    assert Patient.objects.count() == 1
    added = caller.post("patients/", {**body, "different": "her twin sister"})
    assert added.status_code == 201
    assert Event.objects.get(action="duplicate_dismissed").why == "her twin sister"
