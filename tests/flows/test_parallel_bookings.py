"""Fifty people book over HTTP at the same moment: one 201, the rest 409, nothing half done."""

from __future__ import annotations

from functools import partial

import pytest
from rest_framework.test import APIClient

from scheduling.models import Event, IdempotencyKey, Notice, Visit
from tests.makers import at, clock_stands_at, make_dose, make_nurse, make_user
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS = 50


def post_visit(user, dose, nurse, key: str = ""):
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(user)
    headers = {"Idempotency-Key": key} if key else {}
    body = {"dose": dose.pk, "nurse": nurse.pk, "starts_at": at(dose.due_on).isoformat()}
    return client.post("/api/v1/visits/", body, format="json", headers=headers)


def check(answers) -> None:
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [201] + [409] * (CLIENTS - 1), [
        a.content[:200] for a in answers if a.status_code >= 500
    ]
    assert all(a["Content-Type"] == "application/problem+json" for a in answers if a.status_code == 409)
    assert Visit.objects.count() == 1
    assert Notice.objects.count() == 1
    assert Event.objects.filter(action="visit_booked").count() == 1


def test_50_clients_and_one_nurses_hour():
    user, nurse = make_user(), make_nurse()
    wanted = [make_dose(by=user) for _ in range(CLIENTS)]
    with clock_stands_at():
        answers = all_at_once([partial(post_visit, user, dose, nurse) for dose in wanted])
    check(answers)


def test_50_clients_and_one_patient_with_50_nurses():
    user, dose = make_user(), make_dose()
    team = [make_nurse() for _ in range(CLIENTS)]
    with clock_stands_at():
        answers = all_at_once([partial(post_visit, user, dose, nurse) for nurse in team])
    check(answers)


def test_one_impatient_client_with_one_key_books_once_and_hears_it_each_time():
    user, dose, nurse = make_user(), make_dose(), make_nurse()
    with clock_stands_at():
        answers = all_at_once([partial(post_visit, user, dose, nurse, "the-same-click")] * 8)
    created = {a.json()["id"] for a in answers if a.status_code == 201}
    assert created == {Visit.objects.get().pk}
    assert {a.status_code for a in answers} <= {201, 409}
    assert IdempotencyKey.objects.count() == 1
