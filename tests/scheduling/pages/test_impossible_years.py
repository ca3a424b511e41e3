"""A year nobody means is a typing error told beside its field, at whatever door it comes in: never a crash."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse

from scheduling.models import Visit
from scheduling.rules.errors import BadInput
from scheduling.services import absences, checks, supplies
from tests.makers import (
    NOW,
    clock_stands_at,
    make_check,
    make_dose,
    make_nurse,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db
EDGES = ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:00-12:00"]


@pytest.mark.parametrize("starts_at", EDGES)
def test_a_visit_put_down_at_the_edge_of_the_calendar_is_refused(starts_at):
    visit = make_visit()
    wish = {"nurse": visit.nurse_id, "starts_at": starts_at, "version": 1, "reason_class": "patient"}
    with at_the_desk() as client:
        answer = client.post(
            reverse("visit-move", args=[visit.pk]), wish, headers={"Accept": "application/json"}
        )
    assert (answer.status_code, answer.json()["field"]) == (422, "starts_at")


@pytest.mark.parametrize("starts_at", EDGES)
@pytest.mark.parametrize("page", ["uncovered", "uncovered-settle"])
def test_a_replacement_at_the_edge_of_the_calendar_settles_nothing(page, starts_at):
    user, other = make_user(), make_nurse()
    visit = make_visit()
    absences.record_time_off(
        nurse_id=visit.nurse_id, starts_at=visit.starts_at, ends_at=visit.ends_at, reason_class="sick",
        by=user, now=NOW,
    )  # fmt: skip
    said = f"{visit.pk}|1|{other.pk}|{starts_at}"
    with at_the_desk(user) as client:
        answer = client.post(reverse(page), {"give": said, "take": visit.pk, f"choice-{visit.pk}": said})
    assert answer.status_code == 409
    assert Visit.objects.get().state == "booked"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"on": date(1, 1, 1)}, "on"),
        ({"on": today_at() - timedelta(days=400)}, "on"),
        ({"on": today_at(), "expected_on": date(9999, 12, 31)}, "expected_on"),
    ],
)
def test_a_parcel_of_another_year_is_asked_about(wrong, field):
    dose = make_dose(ready=False)
    with clock_stands_at(), pytest.raises(BadInput) as no:
        supplies.record_step(dose_id=dose.pk, step="ordered", by=make_user(), **wrong)
    assert no.value.field == field


def test_a_check_done_long_before_it_was_owed_was_another_one():
    check = make_check()
    with clock_stands_at(), pytest.raises(BadInput) as no:
        checks.record_done(check_id=check.pk, done_on=today_at() - timedelta(days=365), by=make_user())
    assert no.value.field == "done_on"
