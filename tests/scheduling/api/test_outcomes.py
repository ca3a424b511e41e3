"""What becomes of a visit, and checks without a dose, told and read by programs."""

from __future__ import annotations

import pytest

from scheduling.models import PlannedCheck, Visit
from tests import makers
from tests.scheduling.api.conftest import Api, check_problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Api:
    return Api(makers.make_user())


def test_a_visit_is_confirmed_and_a_newer_version_is_not_confirmed_unseen(office):
    visit = makers.make_visit()
    check_problem(office.post(f"visits/{visit.pk}/confirm/", {"version": 9}), 409, "STALE_VERSION")
    assert office.post(f"visits/{visit.pk}/confirm/", {"version": 1}).json()["state"] == "confirmed"


def test_a_visit_to_come_is_not_told_as_missed(office):
    visit = makers.make_visit()
    body = {"reason_class": "patient", "note": "Nobody home."}
    check_problem(office.post(f"visits/{visit.pk}/missed/", body), 422, "NOT_BEGUN")
    with makers.clock_stands_at(visit.ends_at):
        later = Api(office.user)  # a token does not live that long
        assert later.post(f"visits/{visit.pk}/missed/", body).json()["state"] == "missed"


def test_only_ones_own_fresh_booking_is_undone(office):
    visit = makers.make_visit(by=office.user)
    check_problem(Api(makers.make_user()).post(f"visits/{visit.pk}/undo/"), 409, "NOT_YOURS_TO_UNDO")
    assert office.post(f"visits/{visit.pk}/undo/").json()["state"] == "cancelled"


def test_a_check_is_asked_for_booked_and_done(office):
    patient, nurse = makers.make_patient(), makers.make_nurse()
    due_on = makers.today_at() + 3 * makers.DAY
    wish = {"patient": patient.pk, "kind": "wellness", "due_on": due_on.isoformat(), "reason": "New pump."}
    check = office.post("checks/", wish).json()
    assert (check["state"], check["window_end_on"]) == ("planned", (due_on + 7 * makers.DAY).isoformat())
    slot = {"nurse": nurse.pk, "starts_at": makers.at(due_on).isoformat()}
    visit = office.post(f"checks/{check['id']}/book/", slot).json()
    assert (visit["kind"], visit["dose"], visit["state"]) == ("wellness", None, "booked")
    with makers.clock_stands_at(makers.at(due_on, 12)):
        done = Api(office.user).post(f"checks/{check['id']}/done/", {"done_on": due_on.isoformat()})
    assert done.json()["state"] == "done"
    assert Visit.objects.get(pk=visit["id"]).state == "completed"
    listed = Api(office.user).get("checks/", patient=patient.pk, state="done").json()["results"]
    assert [row["id"] for row in listed] == [check["id"]]


def test_a_check_that_makes_no_sense_is_told_beside_its_field(office):
    wish = {"patient": makers.make_patient().pk, "kind": "wellness", "due_on": "2020-01-01", "reason": "Old."}
    check_problem(office.post("checks/", wish), 400, "BAD_INPUT", "due_on")
    assert not PlannedCheck.objects.exists()
