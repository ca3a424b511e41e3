"""Fifty at once over HTTP: one gets the hour, the others are told so, and nothing is left of them."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
from django.http import HttpResponse

from nurses.models import Nurse
from scheduling.models import Event, IdempotencyKey, Notice, PlannedDose, Visit
from tests import makers
from tests.scheduling.api.conftest import Api, check_problem
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 50


def _book_all(pairs: list[tuple[PlannedDose, Nurse]]) -> list[HttpResponse]:
    """Each pair wished for at the same hour and moment, each with a key of its own, by two coordinators."""
    people = [Api(makers.make_user()) for _ in range(2)]
    return all_at_once(
        [
            partial(
                people[index % 2].post,
                "visits/",
                {"dose": dose.pk, "nurse": nurse.pk, "starts_at": makers.at(dose.due_on).isoformat()},
                Idempotency_Key=f"wish {index}",
            )
            for index, (dose, nurse) in enumerate(pairs)
        ]
    )


def _check_one_won(answers: list[HttpResponse], *codes: str) -> None:
    assert Counter(one.status_code for one in answers) == {201: 1, 409: MANY - 1}
    for lost in answers:
        if lost.status_code == 409:
            told = lost.json()["code"]
            assert told in codes
            check_problem(lost, 409, told)
    visit = Visit.objects.get()
    assert visit.pk == next(one.json()["id"] for one in answers if one.status_code == 201)
    assert Event.objects.filter(action="visit_booked").count() == 1
    assert Notice.objects.filter(kind="booked").count() == IdempotencyKey.objects.count() == 1


def test_of_fifty_for_one_nurses_hour_one_is_booked():
    nurse, by = makers.make_nurse(), makers.make_user()
    pairs = [(makers.make_dose(by=by), nurse) for _ in range(MANY)]
    _check_one_won(_book_all(pairs), "NURSE_TAKEN", "BUSY")


def test_of_fifty_nurses_for_one_patient_one_is_booked():
    dose = makers.make_dose()
    pairs = [(dose, makers.make_nurse(user=False)) for _ in range(MANY)]
    _check_one_won(_book_all(pairs), "DOSE_TAKEN", "BUSY")
