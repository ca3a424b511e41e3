"""The agency's days as the planner is told them: right in every zone, and nothing a booking would refuse."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nurses.models import Licence, Nurse, Shift
from scheduling.models import Visit
from scheduling.planning.plan_check import contradictions
from scheduling.planning.travel import PARKING_MINUTES
from scheduling.readings import plan_roads
from scheduling.readings.plan_problem import problem_of
from scheduling.rules.errors import BadInput
from scheduling.services import pairs
from tests.makers import (
    DALLAS,
    DAY,
    FORT_WORTH,
    NOW,
    at,
    make_check,
    make_dose,
    make_lab_visit,
    make_nurse,
    make_patient,
    make_prescription,
    make_record,
    make_time_off,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.osrm_server import osrm_server

pytestmark = pytest.mark.django_db
MONDAY = today_at() + 7 * DAY  # 9 March 2026, the day after the clocks went forward
HOUR = 3600


def gathered(first_on=MONDAY, last_on=None, release="none", now=NOW):
    return problem_of(make_user(), first_on, last_on or first_on + 6 * DAY, release, now=now)


def row_of(found, key):
    return next(row for row in found.problem["visits"] if row["id"] == key)


def nurse_row(found, nurse):
    return next(row for row in found.problem["nurses"] if row["id"] == str(nurse.pk))


def test_a_dose_may_begin_at_the_quarter_hours_people_like_on_the_days_that_need_no_reason():
    dose = make_dose()
    row = row_of(gathered(), f"d{dose.pk}")
    firsts = [(first % 86_400, last % 86_400) for first, last, _cost in row["windows"]]
    assert set(firsts) == {(8 * HOUR, 17 * HOUR)}
    assert [first // 86_400 for first, _last, _cost in row["windows"]] == list(range(7))
    assert [cost for _first, _last, cost in row["windows"]] == [n * 20 * 60 for n in range(7)]
    assert row["duration"] == (dose.total_minutes + 10) * 60, "and ten minutes to spare before the next drive"
    assert row["skills"] == ["iv", "licence:TX", "ocrelizumab"]


def test_eight_in_the_morning_stays_eight_on_the_wall_when_the_clocks_change():
    """8 March 2026: midnight to 8:00 is seven hours; 1 November: nine."""
    spring, autumn = date(2026, 3, 8), date(2026, 11, 1)
    now = datetime(2026, 3, 6, 15, tzinfo=UTC)
    dose = make_dose(now=now, start_on=spring)
    row = row_of(gathered(spring, spring, now=now), f"d{dose.pk}")
    assert row["windows"][0][:2] == [7 * HOUR, 16 * HOUR]
    now = datetime(2026, 10, 30, 15, tzinfo=UTC)
    dose = make_dose(now=now, start_on=autumn)
    row = row_of(gathered(autumn, autumn, now=now), f"d{dose.pk}")
    assert row["windows"][0][:2] == [9 * HOUR, 18 * HOUR]


def test_a_home_in_another_zone_has_its_own_morning():
    patient = make_patient(time_zone="America/Denver")
    dose = make_dose(make_prescription(patient))
    assert row_of(gathered(), f"d{dose.pk}")["windows"][0][:2] == [9 * HOUR, 18 * HOUR]


def test_a_wish_for_mornings_makes_afternoons_dearer_and_not_impossible():
    dose = make_dose(make_prescription(make_patient(prefers="morning")))
    assert row_of(gathered(MONDAY, MONDAY), f"d{dose.pk}")["windows"] == [
        [8 * HOUR, 11 * HOUR + 2700, 0],
        [12 * HOUR, 17 * HOUR, 1800],
    ]


def test_a_holiday_is_left_alone_where_another_day_is_nearly_as_good():
    thanksgiving = date(2026, 11, 26)
    now = datetime(2026, 11, 20, 15, tzinfo=UTC)
    dose = make_dose(now=now, start_on=thanksgiving)
    windows = row_of(gathered(thanksgiving, thanksgiving + 2 * DAY, now=now), f"d{dose.pk}")["windows"]
    assert [cost // 60 for _first, _last, cost in windows] == [90, 20, 40]


def test_hours_are_told_without_breaks_and_time_off():
    nurse = make_nurse(hours=(time(8), time(16)))
    Shift.objects.filter(nurse=nurse).update(break_starts=time(12), break_ends=time(12, 30))
    make_time_off(nurse, at(MONDAY, 14), at(MONDAY, 23))
    make_dose()
    monday, tuesday = nurse_row(gathered(MONDAY, MONDAY + DAY), nurse)["shifts"]
    noon = 12 * HOUR
    assert monday["spans"] == [[8 * HOUR, noon], [noon + 1800, 14 * HOUR]]
    assert (monday["start"], monday["end"]) == (8 * HOUR - 5400, 14 * HOUR + 5400)
    assert [[a - 86_400, b - 86_400] for a, b in tuesday["spans"]] == [
        [8 * HOUR, noon],
        [noon + 1800, 16 * HOUR],
    ]


def test_a_licence_that_runs_out_on_tuesday_does_not_count_on_wednesday():
    nurse = make_nurse()
    Licence.objects.filter(nurse=nurse).update(expires_on=MONDAY + DAY)
    make_dose()
    days = nurse_row(gathered(), nurse)["shifts"]
    assert ["licence:TX" in day["skills"] for day in days] == [True, True, False, False, False, False, False]


def test_a_booked_visit_stays_where_it_is_and_keeps_its_patient_from_being_elsewhere():
    visit = make_visit(starts_at=at(MONDAY, 9))
    check = make_check(visit.patient, MONDAY)
    found = gathered()
    pin = row_of(found, f"b{visit.pk}")
    assert pin["pinned"] == {"nurse": str(visit.nurse_id), "day": 0, "start": 9 * HOUR}
    ends = 9 * HOUR + pin["duration"]
    windows = row_of(found, f"c{check.pk}")["windows"]
    length = check.minutes * 60
    for first, last, _cost in windows:
        assert last + length <= 9 * HOUR or first >= ends


def test_a_nurses_day_that_breaks_a_rule_already_is_left_alone():
    nurse = make_nurse(hours=(time(13), time(19)))
    visit = make_visit(nurse=nurse, starts_at=at(MONDAY, 9), override="Nobody else could.")
    found = gathered()
    assert found.counts.frozen == 1 and found.about["frozen"] == [[nurse.pk, 0]]
    assert [day["day"] for day in nurse_row(found, nurse)["shifts"]] == [1, 2, 3, 4, 5, 6]
    assert f"b{visit.pk}" not in {row["id"] for row in found.problem["visits"]}
    assert contradictions(found.problem) == []


def test_released_visits_may_move_and_confirmed_ones_only_when_somebody_says_so():
    loose, firm = make_visit(starts_at=at(MONDAY, 9)), make_visit(starts_at=at(MONDAY, 9))
    Visit.objects.filter(pk=firm.pk).update(state="confirmed", confirmed_at=NOW)
    for release, expected in (("none", set()), ("unconfirmed", {loose.pk}), ("all", {loose.pk, firm.pk})):
        found = gathered(release=release)
        assert {key for key in found.about["visits"] if key[0] == "v"} == {f"v{pk}" for pk in expected}
        assert found.counts.fixed == 2 - len(expected)
    row = row_of(found, f"v{loose.pk}")
    assert [9 * HOUR, 9 * HOUR, 0] in row["windows"]
    assert row["nurse_costs"] == {str(loose.nurse_id): 0}
    starts = [start for start, last, cost in row["windows"] if cost == 0 for start in (start, last)]
    assert set(starts) == {9 * HOUR}, "only its own time costs the patient nothing"


def test_a_visit_that_begins_between_quarter_hours_stays():
    visit = make_visit(starts_at=at(MONDAY, 9, 20))
    found = gathered(release="all")
    assert found.counts.released == 0 and row_of(found, f"b{visit.pk}")["pinned"]["start"] == 9 * HOUR + 1200


def test_a_dose_past_its_window_comes_first_and_says_that_it_needs_a_reason():
    first = make_dose(regimen_id="natalizumab_q4w", start_on=today_at())
    make_record(first)
    late, soon = make_dose(first.prescription, 2, ready=False), make_dose()
    monday = late.window_end_on + 3 * DAY
    found = gathered(monday, now=NOW + 30 * DAY)
    assert found.about["visits"][f"d{late.pk}"]["late"] is True
    assert found.about["visits"][f"d{soon.pk}"]["late"] is True
    early = gathered(MONDAY)
    assert early.about["visits"][f"d{soon.pk}"]["late"] is False
    assert row_of(found, f"d{late.pk}")["prize"] > row_of(early, f"d{soon.pk}")["prize"]


def test_what_its_papers_keep_from_being_booked_is_counted_and_not_proposed():
    make_dose(ready=False)
    found = gathered()
    assert (found.counts.visits, found.counts.without_day) == (0, 1)


def test_a_drug_never_given_at_home_is_no_matter_of_the_plan():
    make_dose(regimen_id="alemtuzumab_ms")
    assert not [row for row in gathered().problem["visits"] if row["id"].startswith("d")]


def test_the_days_of_a_course_belong_together_and_each_has_its_own_days():
    order = make_prescription(regimen_id="methylprednisolone_iv_3d", start_on=MONDAY)
    make_dose(order)
    rows = sorted(
        (row for row in gathered().problem["visits"] if row.get("course")), key=lambda row: row["course_day"]
    )
    assert [row["course_day"] for row in rows] == [0, 1, 2]
    assert len({row["course"] for row in rows}) == 1
    days = [{first // 86_400 for first, _last, _cost in row["windows"]} for row in rows]
    assert {day + 1 for day in days[0]} == days[1] and {day + 2 for day in days[0]} == days[2]


def test_pinned_pairs_bind_the_plan():
    always, never, else_ = make_nurse(), make_nurse(), make_nurse()
    one, two = make_dose(), make_dose()
    by = make_user()
    for dose, nurse, kind in ((one, always, "always"), (two, never, "never")):
        pairs.pin(
            patient_id=dose.prescription.patient_id, nurse_id=nurse.pk, kind=kind, why="asked", by=by, now=NOW
        )
    found = gathered()
    assert row_of(found, f"d{one.pk}")["nurses"] == [str(always.pk)]
    assert row_of(found, f"d{two.pk}")["nurses"] == sorted([str(always.pk), str(else_.pk)])


def test_a_booked_visit_of_a_nurse_who_is_not_to_come_any_more_is_a_persons_to_settle_and_stays():
    free, lost = make_visit(starts_at=at(MONDAY, 9)), make_visit(starts_at=at(MONDAY, 9))
    pairs.pin(
        patient_id=lost.patient_id, nurse_id=lost.nurse_id, kind="never", why="asked", by=make_user(), now=NOW
    )
    found = problem_of(make_user(), MONDAY, MONDAY, "all", now=NOW)
    assert [visit["id"] for visit in found.problem["visits"] if visit.get("pinned")] == [f"b{lost.pk}"]
    assert found.counts.released == 1 and free.pk in {
        line["visit"] for line in found.about["visits"].values()
    }


def test_a_nurse_the_patient_knows_costs_less():
    nurse = make_nurse()
    make_nurse()
    patient = make_patient()
    visit = make_lab_visit(patient, nurse, today_at() - 7 * DAY)
    Visit.objects.filter(pk=visit.pk).update(state="completed")
    dose = make_dose(make_prescription(patient))
    found = gathered()
    assert row_of(found, f"d{dose.pk}")["nurse_costs"] == {str(nurse.pk): 0}
    assert found.problem["meta"]["continuity_penalty"] == 1800


def test_roads_a_travel_service_tells_are_asked_for_before_and_given_to_the_planner(settings):
    make_nurse(place=FORT_WORTH)
    make_dose()
    with osrm_server() as server:
        settings.OSRM_URL = server.url
        server.road = lambda a, b: 0 if a == b else 1980
        assert gathered().problem["roads"] == []
        plan_roads.ask(make_user(), MONDAY, MONDAY, now=NOW)
        told = gathered(MONDAY, MONDAY).problem["roads"]
    assert sorted(told) == sorted(
        [[*a, *b, (33 + PARKING_MINUTES) * 60] for a, b in ((DALLAS, FORT_WORTH), (FORT_WORTH, DALLAS))]
    )


def test_what_may_be_taken_is_only_what_is_still_to_come():
    dose = make_dose(start_on=today_at())
    now = at(today_at(), 10, 7)
    (first, *_rest) = row_of(gathered(today_at(), today_at(), now=now), f"d{dose.pk}")["windows"]
    assert first[0] == 10 * HOUR + 900


@pytest.mark.parametrize(
    ("first", "last", "release", "field"),
    [
        (1, 0, "none", "last_on"),
        (0, 14, "none", "last_on"),
        (-9, -8, "none", "first_on"),
        (0, 0, "any", "release"),
    ],
)
def test_days_that_make_no_sense_are_refused_beside_their_field(first, last, release, field):
    with pytest.raises(BadInput) as no:
        problem_of(make_user(), today_at() + first * DAY, today_at() + last * DAY, release, now=NOW)
    assert no.value.field == field


def test_as_many_queries_for_many_visits_as_for_few():
    def world():
        for n in range(2):
            make_dose()
            make_check(make_patient(), MONDAY)
            make_visit(starts_at=at(MONDAY, 9 + n))

    user = make_user()
    counts = []
    for _n in range(2):
        world()
        with CaptureQueriesContext(connection) as queries:
            problem_of(user, MONDAY, MONDAY + 6 * DAY, "all", now=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_visit_of_a_nurse_who_left_still_takes_the_patients_time():
    gone, patient = make_nurse(), make_patient()
    visit = make_visit(make_dose(make_prescription(patient)), gone, at(MONDAY, 10))
    check = make_check(patient, MONDAY, window_end_on=MONDAY)
    Nurse.objects.filter(pk=gone.pk).update(active=False)
    row = row_of(gathered(), f"c{check.pk}")
    ends = 10 * HOUR + int((visit.ends_at - visit.starts_at).total_seconds())
    assert row["windows"]
    for first, last, _cost in row["windows"]:
        assert last + check.minutes * 60 <= 10 * HOUR or first >= ends


def test_a_released_first_day_keeps_its_day_while_the_rest_of_its_course_waits():
    """Moved to another day it might come after what is placed beside it."""
    order = make_prescription(regimen_id="methylprednisolone_iv_3d", start_on=MONDAY)
    nurse = make_nurse(competencies=("iv", "methylprednisolone"))
    visit = make_visit(make_dose(order), nurse, at(MONDAY))
    found = gathered(release="all")
    assert {row["id"][0] for row in found.problem["visits"]} == {"v", "d"}
    assert {first // 86_400 for first, _last, _cost in row_of(found, f"v{visit.pk}")["windows"]} == {0}


def test_a_visit_whose_nurse_lost_her_licence_since_is_not_released():
    """Nobody else may come: a plan that may move it could only take its time away."""
    visit = make_visit(starts_at=at(MONDAY))
    Licence.objects.filter(nurse=visit.nurse_id).update(expires_on=MONDAY - DAY)
    found = gathered(release="all")
    assert not found.about["visits"] and row_of(found, f"b{visit.pk}")["pinned"]


def test_a_visit_near_midnight_after_the_clocks_changed_takes_its_own_day_too():
    """From 1 November on a day of the wall begins an hour after the planner's: half past eleven is on its next day."""
    first_on, night = date(2026, 10, 26), date(2026, 11, 3)
    nurse = make_nurse(hours=(time(7), time(23, 55)))
    visit = make_lab_visit(nurse=nurse, on=night)
    Visit.objects.filter(pk=visit.pk).update(starts_at=at(night, 23, 15), ends_at=at(night, 23, 45))
    make_dose(now=datetime(2026, 10, 20, 15, tzinfo=UTC))
    found = gathered(first_on, first_on + 13 * DAY, now=datetime(2026, 10, 20, 15, tzinfo=UTC))
    assert [day for _nurse, day in found.about["frozen"]] == [8, 9]
    assert not {8, 9} & {day["day"] for day in nurse_row(found, nurse)["shifts"]}


def test_what_is_booked_already_and_released_takes_no_more_time_than_it_has():
    """With minutes to spare added, a tight day could not stay as it is, and somebody would lose theirs."""
    visit = make_visit(starts_at=at(MONDAY))
    row = row_of(gathered(release="all"), f"v{visit.pk}")
    assert row["duration"] == (visit.ends_at - visit.starts_at).total_seconds()
