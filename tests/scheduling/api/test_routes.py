"""A nurse's route over HTTP: to the minute, what was published, what changed since, and nobody else's."""

from __future__ import annotations

from datetime import date

import pytest

from scheduling.services import booking, routes
from tests import makers
from tests.scheduling.api.conftest import Api, check_problem

pytestmark = pytest.mark.django_db
DUE = makers.today_at() + 7 * makers.DAY


def path(nurse, on: date = DUE) -> str:
    return f"nurses/{nurse.pk}/routes/{on}/"


def test_the_route_says_when_to_leave_to_arrive_to_infuse_and_when_she_is_home(office):
    nurse = makers.make_nurse(place=makers.FORT_WORTH)
    visit = makers.make_visit(nurse=nurse, starts_at=makers.at(DUE, 9))
    told = office.get(path(nurse)).json()
    (stop,) = told["stops"]
    assert (stop["visit"], stop["number"], stop["arrive_at"]) == (visit.pk, 1, "2026-03-09T14:00:00Z")
    assert told["leave_home_at"] == stop["leave_by"] < stop["arrive_at"] < stop["infusion_at"]
    assert (
        stop["infusion_at"] < stop["observation_at"] < stop["wrap_up_at"] < stop["ends_at"] < told["home_at"]
    )
    assert stop["slack_minutes"] is None and told["drive_minutes"] > stop["drive_minutes"] > 0
    assert (told["published"], told["up_to_date"], told["time_zone"]) == (None, False, "America/Chicago")


def test_what_was_published_and_what_moved_since_is_marked(office):
    nurse = makers.make_nurse()
    visit = makers.make_visit(nurse=nurse, starts_at=makers.at(DUE, 9))
    routes.publish(nurse_id=nurse.pk, on=DUE, by=office.user, now=makers.NOW)
    told = office.get(path(nurse)).json()
    assert told["published"] == {"version": 1, "made_at": "2026-03-02T15:00:00Z", "seen_at": None}
    assert told["up_to_date"] and told["stops"][0]["change"] is None
    moved = booking.move_visit(
        visit_id=visit.pk, nurse_id=nurse.pk, starts_at=makers.at(DUE, 10), by=office.user,
        reason_class="patient", now=makers.NOW,
    )  # fmt: skip
    told = Api(nurse.user).get(path(nurse)).json()
    assert told["published"]["version"] == 2
    assert told["stops"][0]["change"] == {
        "kind": "moved", "visit": moved.pk, "was_at": "2026-03-09T14:00:00Z"
    }  # fmt: skip


def test_a_day_without_visits_is_an_empty_route(office):
    told = office.get(path(makers.make_nurse(), date(2026, 3, 8))).json()
    assert (told["stops"], told["home_at"], told["drive_minutes"]) == ([], None, 0)


@pytest.mark.parametrize("on", ["2026-02-30", "0001-01-01"])
def test_a_day_that_does_not_exist_is_refused(office, on):
    check_problem(office.get(f"nurses/{makers.make_nurse().pk}/routes/{on}/"), 400, "BAD_INPUT", "on")


def test_another_nurses_route_is_not_found():
    nurse, other = makers.make_nurse(), makers.make_nurse()
    makers.make_visit(nurse=nurse)
    check_problem(Api(other.user).get(path(nurse)), 404, "NOT_FOUND")
