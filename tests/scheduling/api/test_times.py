"""Times over HTTP: others when one is lost, a time kept for some minutes, and a course booked whole or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scheduling.models import PlannedDose, SlotHold, Visit
from scheduling.readings import queue, slots
from scheduling.services import slot_holds
from tests import makers
from tests.scheduling.api.conftest import Api, check_problem

pytestmark = pytest.mark.django_db
STEROID = "methylprednisolone_iv_5d"


def body(dose, nurse, starts_at):
    return {"dose": dose.pk, "nurse": nurse.pk, "starts_at": starts_at.isoformat()}


def alternatives(api, answer):
    """What the link of a lost race answers."""
    link = answer.json()["alternatives"]
    assert link.startswith("/api/v1/")
    return api.http.get(link, headers=api.headers).json()


# --- A time that was lost ------------------------------------------------------------------------------


def test_who_loses_a_time_is_offered_the_three_nearest_to_it(office):
    nurse, other = makers.make_nurse(), makers.make_nurse()
    first, second = makers.make_dose(), makers.make_dose()
    nine = makers.at(first.due_on)
    assert office.post("visits/", body(first, nurse, nine)).status_code == 201
    answer = office.post("visits/", body(second, nurse, nine))
    check_problem(answer, 409, "NURSE_TAKEN")
    told = alternatives(office, answer)["slots"]
    assert len(told) == 3
    assert (told[0]["nurse"], told[0]["starts_at"]) == (other.pk, nine.isoformat().replace("+00:00", "Z"))
    assert (
        office.post(
            "visits/", {"dose": second.pk, **{k: told[0][k] for k in ("nurse", "starts_at")}}
        ).status_code
        == 201
    )


def test_a_dose_somebody_booked_meanwhile_is_told_with_where_it_could_be_moved(office):
    visit = makers.make_visit()
    other = makers.make_nurse()
    answer = office.post("visits/", body(visit.dose, other, visit.starts_at))
    check_problem(answer, 409, "DOSE_TAKEN")
    told = alternatives(office, answer)
    assert [one["code"] for one in told["refused"]] == ["DOSE_TAKEN"]
    assert len(told["slots"]) == 3


def test_a_move_that_loses_its_time_is_offered_others_without_its_own_visit_in_the_way(office):
    nurse = makers.make_nurse()
    first, second = makers.make_visit(nurse=nurse), makers.make_visit()
    wish = {"nurse": nurse.pk, "starts_at": first.starts_at.isoformat(), "reason_class": "patient"}
    answer = office.post(f"visits/{second.pk}/move/", wish)
    check_problem(answer, 409, "NURSE_TAKEN")
    assert f"moving={second.pk}" in answer.json()["alternatives"]
    told = alternatives(office, answer)
    assert len(told["slots"]) == 3 and told["refused"] == []


def test_the_alternatives_are_worked_out_only_when_asked(office):
    visit = makers.make_visit()
    dose = makers.make_dose()
    with CaptureQueriesContext(connection) as lost:
        office.post("visits/", body(dose, visit.nurse, visit.starts_at))
    assert not any("hashtidextended" in query["sql"] for query in lost)


def test_a_rule_that_forbids_names_no_alternatives(office):
    dose = makers.make_dose()
    answer = office.post("visits/", body(dose, makers.make_nurse(competencies=()), makers.at(dose.due_on)))
    assert answer.status_code == 422 and "alternatives" not in answer.json()


def test_only_the_visit_of_the_dose_can_be_moved(office):
    dose, visit = makers.make_dose(), makers.make_visit()
    check_problem(office.get(f"doses/{dose.pk}/slots/", moving=visit.pk), 400, "BAD_INPUT", "moving")


# --- A time kept for somebody on the phone -----------------------------------------------------------------


def test_a_held_time_is_offered_to_nobody_else_until_it_ends_by_itself(office, api):
    ben = api(makers.make_user(first_name="Ben"))
    dose, other, nurse = makers.make_dose(), makers.make_dose(), makers.make_nurse()
    nine = makers.at(dose.due_on)
    told = ben.post(f"doses/{dose.pk}/holds/", {"nurse": nurse.pk, "starts_at": nine.isoformat()})
    assert told.status_code == 201
    assert told.json()["expires_at"] == (makers.NOW + slot_holds.HOLD_FOR).isoformat().replace("+00:00", "Z")
    lost = office.post("visits/", body(other, nurse, nine))
    check_problem(lost, 409, "SLOT_HELD")
    day = {"from": dose.due_on, "to": dose.due_on}
    (slot,) = office.get(f"doses/{other.pk}/slots/", **day).json()["slots"]
    held_until = told.json()["ends_at"]
    assert slot["starts_at"] >= held_until
    with makers.clock_stands_at(makers.NOW + slot_holds.HOLD_FOR):
        (slot,) = office.get(f"doses/{other.pk}/slots/", **day).json()["slots"]
        assert slot["starts_at"] < held_until


def test_a_dose_somebody_holds_has_no_slots_and_says_who(office, api):
    ben = api(makers.make_user(first_name="Ben", last_name="Ortiz"))
    dose, nurse = makers.make_dose(), makers.make_nurse()
    nine = makers.at(dose.due_on).isoformat()
    hold = ben.post(f"doses/{dose.pk}/holds/", {"nurse": nurse.pk, "starts_at": nine}).json()
    told = office.get(f"doses/{dose.pk}/slots/").json()
    assert told["slots"] == [] and [one["code"] for one in told["refused"]] == ["SLOT_HELD"]
    assert "Ben Ortiz" in told["refused"][0]["text"]
    assert ben.get(f"doses/{dose.pk}/slots/").json()["slots"]  # one's own hold is in nobody's way
    assert ben.delete(f"doses/{dose.pk}/holds/{hold['id']}/").status_code == 204
    assert office.get(f"doses/{dose.pk}/slots/").json()["slots"]


def test_a_hold_is_released_by_who_holds_it_and_belongs_to_its_dose(office, api):
    ben = api(makers.make_user())
    dose, other, nurse = makers.make_dose(), makers.make_dose(), makers.make_nurse()
    nine = makers.at(dose.due_on).isoformat()
    hold = ben.post(f"doses/{dose.pk}/holds/", {"nurse": nurse.pk, "starts_at": nine}).json()
    check_problem(office.delete(f"doses/{dose.pk}/holds/{hold['id']}/"), 409, "SLOT_HELD")
    check_problem(ben.delete(f"doses/{other.pk}/holds/{hold['id']}/"), 404, "NOT_FOUND")
    assert SlotHold.objects.get(pk=hold["id"]).released_at is None


def test_a_hold_that_loses_names_other_times(office):
    visit, dose = makers.make_visit(), makers.make_dose()
    wish = {"nurse": visit.nurse_id, "starts_at": visit.starts_at.isoformat()}
    answer = office.post(f"doses/{dose.pk}/holds/", wish)
    check_problem(answer, 409, "NURSE_TAKEN")
    assert len(alternatives(office, answer)["slots"]) == 3


# --- Courses -----------------------------------------------------------------------------------------------


def course(**fields):
    """The five doses of a steroid course, papers on file."""
    order = makers.make_prescription(regimen_id=STEROID, **fields)
    makers.make_papers(order)
    return list(PlannedDose.objects.select_related("prescription__patient").filter(prescription=order)[:5])


def make_steroid_nurse(**fields):
    return makers.make_nurse(competencies=("iv", "methylprednisolone"), **fields)


def test_a_course_is_booked_as_it_is_told(office):
    doses, nurse = course(), make_steroid_nurse()
    told = office.get(f"doses/{doses[0].pk}/slots/").json()
    way = told["course"][0]
    assert [day["dose"] for day in way["days"]] == [dose.pk for dose in doses]
    assert way["same_nurse"] and way["same_time"] and way["needs_reason"] == []
    assert way["reasons"][:3] == ["On the due date", "The same nurse every day", "The same time every day"]
    days = [{name: day[name] for name in ("dose", "nurse", "starts_at")} for day in way["days"]]
    booked = office.post("visits/course/", {"days": days})
    assert booked.status_code == 201
    assert [one["ends_at"] for one in booked.json()] == [day["ends_at"] for day in way["days"]]
    assert Visit.objects.filter(nurse=nurse).count() == 5


def test_a_course_that_loses_one_day_books_none_and_names_where_others_are_found(office):
    doses, nurse = course(), make_steroid_nurse()
    way = office.get(f"doses/{doses[0].pk}/slots/").json()["course"][0]
    third = way["days"][2]
    makers.make_lab_visit(makers.make_patient(), nurse, doses[2].due_on)
    rival = Visit.objects.get()
    rival.starts_at, rival.ends_at = third["starts_at"], third["ends_at"]
    rival.save()
    days = [{name: day[name] for name in ("dose", "nurse", "starts_at")} for day in way["days"]]
    answer = office.post("visits/course/", {"days": days})
    told = check_problem(answer, 409, "NURSE_TAKEN")
    assert told["detail"].startswith("Mar 11")
    assert Visit.objects.count() == 1
    link = told["alternatives"].split("?")[0]
    assert office.http.get(link, headers=office.headers).json()["course"]


def test_a_dose_that_begins_no_course_has_none(office):
    makers.make_nurse()
    assert office.get(f"doses/{makers.make_dose().pk}/slots/").json()["course"] == []


@pytest.mark.parametrize("days", [None, [], [{}], [{"dose": 1, "nurse": 1, "starts_at": "2026-03-09T09:00"}]])
def test_a_course_that_cannot_be_understood_is_refused(office, days):
    check_problem(office.post("visits/course/", {"days": days}), 400, "BAD_INPUT")


def test_no_course_is_found_for_a_day_its_rules_forbid():
    doses, by = course(), makers.make_user()
    make_steroid_nurse()
    early = makers.today_at() + makers.DAY
    finding = slots.find_course(by, doses, [early, doses[0].due_on], now=makers.NOW)
    assert doses[0].due_on in {way.stops[0].on for way in finding.ways}
    for way in finding.ways:
        assert [stop.on for stop in way.stops] == [way.stops[0].on + n * makers.DAY for n in range(5)]


def test_the_course_of_a_dose_goes_on_where_its_first_days_are_booked(office):
    doses, nurse = course(), make_steroid_nurse()
    makers.make_visit(doses[0], nurse)
    run = queue.run_of(
        office.user, PlannedDose.objects.select_related("prescription__patient").get(pk=doses[1].pk)
    )
    assert [dose.number for dose in run] == [2, 3, 4, 5]
    way = office.get(f"doses/{doses[1].pk}/slots/").json()["course"][0]
    assert way["days"][0]["on"] == (doses[0].due_on + makers.DAY).isoformat()


def test_a_longer_course_of_more_nurses_costs_no_more_queries(office):
    doses = course()
    make_steroid_nurse()
    office.get(f"doses/{doses[0].pk}/slots/")
    counts = []
    for more in (0, 6):
        for _n in range(more):
            make_steroid_nurse(user=False)
        with CaptureQueriesContext(connection) as asked:
            assert office.get(f"doses/{doses[0].pk}/slots/").json()["course"]
        counts.append(len(asked))
    assert counts[1] - counts[0] <= 8  # the nurses are read again, once for each of the two searches at most


def test_days_of_a_course_never_overlap_what_somebody_holds(office):
    ben, doses, nurse = makers.make_user(), course(), make_steroid_nurse()
    other = makers.make_dose(makers.make_prescription(regimen_id=STEROID))
    slot_holds.hold_slot(
        dose_id=other.pk, nurse_id=nurse.pk, starts_at=makers.at(doses[0].due_on, 8), by=ben, now=makers.NOW
    )
    way = office.get(f"doses/{doses[0].pk}/slots/").json()["course"][0]
    assert way["days"][0]["starts_at"] > (makers.at(doses[0].due_on, 8) + timedelta(hours=2)).isoformat()


def test_a_nurse_may_not_hold_or_book(api):
    dose, nurse = makers.make_dose(), makers.make_nurse()
    stranger: Api = api(nurse.user)
    check_problem(stranger.post("visits/course/", {"days": []}), 403, "FORBIDDEN")
    check_problem(stranger.post(f"doses/{dose.pk}/holds/", {}), 404, "NOT_FOUND")
