"""A nurse's published day: versions, what follows by itself, and what she has seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from scheduling.models import Event, RouteVersion
from scheduling.readings.route import day_route, day_routes
from scheduling.rules.errors import Conflict, RuleBroken, StaleVersion
from scheduling.services import booking, outcomes, routes
from tests.makers import (
    DALLAS,
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)

pytestmark = pytest.mark.django_db
SOON = today_at(NOW) + 7 * DAY


def booked(nurse, hour=9, *, place=DALLAS, regimen="natalizumab_q4w", **fields):
    prescription = make_prescription(make_patient(place=place, **fields), regimen)
    return make_visit(make_dose(prescription), nurse, at(SOON, hour))


def move(visit, starts_at, nurse=None, by=None):
    return booking.move_visit(
        visit_id=visit.pk, nurse_id=(nurse or visit.nurse).pk, starts_at=starts_at, by=by or make_user(),
        reason_class="patient", note="asked", override="asked", now=NOW + MINUTE,
    )  # fmt: skip


def versions(nurse, on=SOON):
    return list(RouteVersion.objects.filter(nurse=nurse, on=on).order_by("version"))


def test_the_first_publication_is_version_one_and_the_same_day_is_not_told_twice():
    nurse, by = make_nurse(place=FORT_WORTH), make_user()
    visit = booked(nurse)
    first = routes.publish(nurse_id=nurse.pk, on=SOON, by=by, now=NOW)
    assert (first.version, first.made_by, first.why) == (1, by, "")
    (stop,) = first.stops
    assert stop["visit"] == stop["root"] == visit.pk
    assert stop["starts_at"] == visit.starts_at.isoformat()
    with pytest.raises(Conflict) as refused:
        routes.publish(nurse_id=nurse.pk, on=SOON, by=by, now=NOW)
    assert refused.value.code == "NOTHING_NEW"
    assert Event.objects.get(action="route_published").detail["version"] == 1
