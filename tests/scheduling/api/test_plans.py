"""Plans over HTTP: asked for once, watched, stopped, and booked line by line with what became of each."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scheduling.models import Event, PlanLine, Visit, WeekPlan
from tests import makers
from tests.scheduling.api.conftest import check_problem

pytestmark = pytest.mark.django_db
MONDAY = makers.today_at() + 7 * makers.DAY
WEEK = {"first_on": MONDAY.isoformat(), "last_on": (MONDAY + 6 * makers.DAY).isoformat()}


def test_a_plan_asked_for_waits_for_a_worker_and_changes_nothing(office):
    dose = makers.make_dose()
    makers.make_nurse()
    answer = office.post("plans/", {**WEEK, "seconds": 5, "seed": 7})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["state"], told["first_on"], told["release"]) == ("waiting", WEEK["first_on"], "none")
    assert (told["seconds"], told["seed"], told["requested_by"]) == (5, 7, office.user.pk)
    plan = WeekPlan.objects.get(pk=told["id"])
    assert len(plan.problem["visits"]) == 1 and not dose.visits.exists()
    assert Event.objects.filter(action="plan_asked", actor=office.user).exists()


def test_the_same_wish_with_its_key_is_one_plan(office):
    makers.make_nurse()
    first, again = (office.post("plans/", WEEK, Idempotency_Key="week 11") for _n in range(2))
    assert first.json() == again.json() and again["Idempotency-Replayed"] == "true"
    assert WeekPlan.objects.count() == 1


def test_days_that_are_being_planned_are_not_planned_twice(office):
    makers.make_nurse()
    assert office.post("plans/", WEEK).status_code == 201
    check_problem(office.post("plans/", WEEK), 409, "PLAN_UNDER_WAY", "first_on")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "first_on"),
        ({**WEEK, "last_on": "2026-03-01"}, "last_on"),
        ({**WEEK, "last_on": "2026-04-09"}, "last_on"),
        ({"first_on": "2026-02-02", "last_on": "2026-02-03"}, "first_on"),
        ({**WEEK, "release": "some"}, "release"),
        ({**WEEK, "seconds": 301}, "seconds"),
        ({**WEEK, "seed": -1}, "seed"),
        ({**WEEK, "iterations": 0}, "iterations"),
        ({**WEEK, "nurses": []}, "nurses"),
    ],
)
def test_what_cannot_be_planned_is_refused_beside_its_field(office, wish, field):
    check_problem(office.post("plans/", wish), 400, "BAD_INPUT", field)
    assert not WeekPlan.objects.exists()


def test_a_plan_is_read_with_its_lines_their_reasons_and_the_look_is_in_the_trail(office):
    nurse, dose, left = makers.make_nurse(), makers.make_dose(), makers.make_dose()
    plan = makers.make_plan(
        [
            makers.plan_line(dose, nurse, reasons=[{"code": "DAYS_FROM_DUE", "days": 0}]),
            makers.plan_line(left, reasons=[{"code": "NOBODY_WORKS"}], helps=[{"code": "OTHER_DAY"}]),
        ],
        result={"cost": {"total": 900}, "bound": 800},
        progress=[{"seconds": 1.0, "cost": 900, "served": 1, "bound": None, "phase": "search"}],
    )
    told = office.get(f"plans/{plan.pk}/").json()
    assert (told["state"], told["cost"], told["bound"]) == ("done", {"total": 900}, 800)
    assert told["progress"][0]["cost"] == 900
    by_kind = {line["kind"]: line for line in told["lines"]}
    assert by_kind["place"]["nurse"] == nurse.pk and by_kind["place"]["why"] == ["On the due date"]
    assert by_kind["place"]["starts_at"] == "2026-03-09T14:00:00Z"
    assert by_kind["left"]["nurse"] is None
    assert by_kind["left"]["why"] == ["No nurse who may come works on these days."]
    read = Event.objects.filter(action="chart_read", subject=f"plan {plan.pk}", actor=office.user)
    assert {event.patient_id for event in read} == {
        one.prescription.patient_id for one in (dose, left)
    }  # fmt: skip


def test_a_plan_of_many_lines_costs_no_more_queries_than_one_of_few(office):
    nurse, counts = makers.make_nurse(), []
    for many in (1, 4):
        plan = makers.make_plan([makers.plan_line(makers.make_dose(), nurse) for _n in range(many)])
        with CaptureQueriesContext(connection) as asked:
            assert len(office.get(f"plans/{plan.pk}/").json()["lines"]) == many
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_search_is_stopped_once(office):
    plan = makers.make_plan(state="running", finished_at=None)
    assert office.post(f"plans/{plan.pk}/stop/").json()["stop_asked_at"] == "2026-03-02T15:00:00Z"
    WeekPlan.objects.filter(pk=plan.pk).update(state="cancelled")
    check_problem(office.post(f"plans/{plan.pk}/stop/"), 409, "PLAN_OVER")
    check_problem(office.post(f"plans/{plan.pk}/stop/", {"now": True}), 400, "BAD_INPUT", "now")


def test_chosen_lines_are_booked_and_one_that_was_lost_meanwhile_says_why(office):
    nurse = makers.make_nurse()
    free, taken = makers.make_dose(), makers.make_dose()
    lines = [
        makers.plan_line(free, nurse, makers.at(free.due_on, 7)),
        makers.plan_line(taken, nurse, makers.at(free.due_on, 14)),
    ]
    plan = makers.make_plan(lines)
    makers.make_visit(taken)
    body = {"lines": [line.pk for line in lines]}
    told = office.post(f"plans/{plan.pk}/take/", body).json()
    assert (told["booked"], told["lost"]) == (1, 1)
    by_id = {line["id"]: line for line in told["lines"]}
    assert by_id[lines[0].pk]["made_visit"] == free.visits.get().pk
    assert by_id[lines[1].pk]["outcome_code"] == "DOSE_TAKEN" and by_id[lines[1].pk]["outcome"]
    again = office.post(f"plans/{plan.pk}/take/", body).json()
    assert (again["booked"], again["lost"]) == (0, 0) and Visit.objects.count() == 2


def test_a_line_past_its_window_asks_for_a_reason_and_is_not_lost_for_want_of_it(office):
    dose = makers.make_dose()
    line = makers.plan_line(dose, makers.make_nurse(), reasons=[{"code": "LATE", "days": 2}])
    plan = makers.make_plan([line])
    told = check_problem(
        office.post(f"plans/{plan.pk}/take/", {"lines": [line.pk]}), 422, "LATE_OUTSIDE_WINDOW", "override"
    )
    assert told["absolute"] is False
    line.refresh_from_db()
    assert line.state == PlanLine.State.PROPOSED
    body = {"lines": [line.pk], "override": "The patient was away"}
    assert office.post(f"plans/{plan.pk}/take/", body).json()["booked"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "lines"), ({"lines": []}, "lines"), ({"lines": ["x"]}, "lines[0]"), ({"lines": [2**40]}, "lines")],
)
def test_lines_that_are_not_of_the_plan_are_refused(office, body, field):
    plan = makers.make_plan([makers.plan_line(makers.make_dose(), makers.make_nurse())])
    check_problem(office.post(f"plans/{plan.pk}/take/", body), 400, "BAD_INPUT", field)


def test_the_list_has_the_newest_first_without_what_is_heavy(office):
    old = makers.make_plan(now=makers.NOW - makers.DAY)
    new = makers.make_plan()
    rows = office.get("plans/").json()["results"]
    assert [row["id"] for row in rows] == [new.pk, old.pk] and "lines" not in rows[0]
