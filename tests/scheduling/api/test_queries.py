"""A longer list costs the database no more questions."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from patients.models import Prescription
from scheduling.models import PlannedDose
from tests import makers
from tests.scheduling.api.conftest import Api

pytestmark = pytest.mark.django_db

LISTS = ["patients/", "prescriptions/", "doses/", "visits/", "nurses/"]


def _questions(api: Api, path: str) -> tuple[int, int]:
    """How many rows were answered, and with how many queries."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        rows = api.get(path, page_size=200).json()["results"]
    return len(rows), len(asked)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("role", ["office", "nurse"])
def test_a_longer_list_asks_no_more(path, role):
    nurse = makers.make_nurse()
    api = Api(makers.make_user() if role == "office" else nurse.user)
    makers.make_visit(nurse=nurse)
    few, asked = _questions(api, path)
    for day in range(1, 4):
        dose = makers.make_dose(start_on=makers.today_at() + (7 + day) * makers.DAY)
        makers.make_visit(dose, nurse)
        makers.make_nurse()
    many, asked_then = _questions(api, path)
    assert many > few or (path, role) == ("nurses/", "nurse")
    assert asked_then == asked <= 8


def test_a_longer_calendar_asks_no_more(office):
    short = makers.make_prescription(total_doses=2)
    long = makers.make_prescription(regimen_id="natalizumab_q4w")
    assert PlannedDose.objects.filter(prescription=long).count() > 30
    counts = []
    for order in (short, long):
        with CaptureQueriesContext(connection) as asked:
            assert office.get(f"prescriptions/{order.pk}/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 15
    assert Prescription.objects.count() == 2
