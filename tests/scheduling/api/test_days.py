"""A day for programs: whose it is, which hours it has, and four queries however long."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests import makers
from tests.scheduling.api.conftest import Api, check_problem

pytestmark = pytest.mark.django_db
DUE = makers.today_at() + 7 * makers.DAY


def fill(nurse, times):
    for hour, minute in times:
        makers.make_visit(
            makers.make_dose(regimen_id="natalizumab_q4w"),
            nurse,
            makers.at(DUE, hour, minute),
            override="Long day.",
        )


def test_a_nurse_reads_her_own_day_in_order_and_never_another_nurses():
    nurse, other = makers.make_nurse(), makers.make_nurse()
    late = makers.make_visit(nurse=nurse, starts_at=makers.at(DUE, 13))
    early = makers.make_visit(makers.make_dose(), nurse, makers.at(DUE, 7))
    makers.make_visit(makers.make_dose(), other)
    told = Api(nurse.user).get("days/", on=DUE.isoformat()).json()
    assert (told["on"], told["nurse"]) == (DUE.isoformat(), nurse.pk)
    assert [row["id"] for row in told["visits"]] == [early.pk, late.pk]
    assert told["visits"][0]["starts_at"] == "2026-03-09T12:00:00Z"
    check_problem(Api(nurse.user).get("days/", on=DUE.isoformat(), nurse=other.pk), 404, "NOT_FOUND")


def test_the_office_reads_the_whole_branch_or_one_nurse():
    user, first, second = makers.make_user(), makers.make_nurse(), makers.make_nurse()
    both = [makers.make_visit(makers.make_dose(), nurse) for nurse in (first, second)]
    api = Api(user)
    assert [row["id"] for row in api.get("days/", on=DUE.isoformat()).json()["visits"]] == [
        x.pk for x in both
    ]
    one = api.get("days/", on=DUE.isoformat(), nurse=second.pk).json()
    assert [row["id"] for row in one["visits"]] == [both[1].pk]


def test_the_day_is_the_one_on_the_nurses_wall_when_the_clocks_change():
    nurse, spring = makers.make_nurse(time_zone="America/Phoenix"), date(2026, 3, 8)
    before = makers.make_lab_visit(nurse=nurse, on=spring - makers.DAY)
    before.starts_at = makers.at(spring, 0, 30, "America/Phoenix") - timedelta(hours=1)
    before.ends_at = before.starts_at + 30 * makers.MINUTE
    before.save()
    inside = makers.make_lab_visit(nurse=nurse, on=spring)
    inside.starts_at = makers.at(spring, 23, 15, "America/Phoenix")
    inside.ends_at = inside.starts_at + 30 * makers.MINUTE
    inside.save()
    told = Api(makers.make_user()).get("days/", on="2026-03-08", nurse=nurse.pk).json()
    assert [row["id"] for row in told["visits"]] == [inside.pk]


def test_a_nurses_day_takes_four_queries_at_most_whatever_its_length(django_assert_max_num_queries):
    nurse = makers.make_nurse(day_limit_minutes=1440, hours=None)
    api = Api(nurse.user)
    for times in ([(8, 0)], [(11, 0), (14, 0), (17, 0)]):
        fill(nurse, times)
        with django_assert_max_num_queries(4):
            assert api.get("days/", on=DUE.isoformat()).status_code == 200


def test_the_branchs_day_takes_the_same_queries_for_one_nurse_and_for_ten(django_assert_max_num_queries):
    api = Api(makers.make_user())
    for count in (1, 9):
        for _ in range(count):
            makers.make_visit()
        with django_assert_max_num_queries(3):
            answer = api.get("days/", on=DUE.isoformat())
    assert len(answer.json()["visits"]) == 10


def test_nothing_of_a_chart_is_in_the_answer():
    visit = makers.make_visit()
    text = Api(makers.make_user()).get("days/", on=DUE.isoformat()).content.decode()
    patient = visit.patient
    for word in (patient.last_name, patient.address, patient.mrn, "ocrelizumab"):
        assert word not in text


@pytest.mark.parametrize(
    "query", [{}, {"on": "2026-02-30"}, {"on": "2026-03-09", "nurse": "x"}, {"day": "1"}]
)
def test_what_cannot_be_read_is_named(query):
    check_problem(Api(makers.make_user()).get("days/", **query), 400, "BAD_INPUT")
