"""Where a picked-up visit may be put: the board says beforehand, start by start, what booking will answer."""

from __future__ import annotations

import random
from datetime import date, time, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from nurses.models import Shift
from scheduling.models import Event, PlannedCheck, SlotHold, Visit
from scheduling.readings import targets
from scheduling.rules.errors import NeedsReason, Refused
from scheduling.services import booking, checks, preflight, verdicts
from tests.makers import (
    DALLAS,
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_lab_visit,
    make_nurse,
    make_pair,
    make_patient,
    make_prescription,
    make_time_off,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db

MONDAY = today_at(NOW)
TUESDAY = MONDAY + DAY


def judged(visit, days, *, by_day, user=None):
    visit = Visit.objects.select_related("patient", "nurse", "dose__prescription", "planned_check").get(
        pk=visit.pk
    )
    with clock_stands_at(NOW):
        return targets.find(user or make_user(), visit, days, by_day=by_day, now=NOW)


def expected(visit, nurse, starts_at, by):
    """What the services themselves say to this nurse and start."""
    wanted = targets.wanted_of(visit)
    found = verdicts.problems_of(wanted, nurse, starts_at, by=by, now=NOW, moving=visit)
    try:
        verdicts.settle(found, "")
    except NeedsReason as no:
        return targets.NEEDS_REASON, str(no)
    except Refused as no:
        return targets.BLOCKED, str(no)
    return targets.FREE, ""


def random_world(seed):
    """A visit to move among nurses who lack this and that, with visits, breaks, leave and held times around it."""
    chance = random.Random(seed)
    zone = chance.choice(["America/Chicago", "America/Denver"])
    patient = make_patient(place=chance.choice([DALLAS, FORT_WORTH]), time_zone=zone)
    dose = make_dose(make_prescription(patient, start_on=TUESDAY), ready=chance.random() < 0.6)
    mover = make_user()
    visit = make_visit(dose, make_nurse(), at(TUESDAY, 8, time_zone=zone), by=mover, override="asked for")
    nurses = [visit.nurse]
    for _n in range(3):
        nurse = make_nurse(
            hours=chance.choice([(time(7), time(19)), (time(8), time(16, 30)), None]),
            licence_until=chance.choice([date(2099, 12, 31), MONDAY]),
            competencies=chance.choice([("iv", "ocrelizumab"), ("iv", "ocrelizumab"), ("iv",)]),
            day_limit_minutes=chance.choice([720, 480]),
            active=chance.random() < 0.9,
            place=chance.choice([DALLAS, FORT_WORTH]),
        )
        Shift.objects.filter(nurse=nurse).update(break_starts=time(12), break_ends=time(12, 30))
        nurses.append(nurse)
    fill_days(chance, nurses)
    here = [nurse for nurse in nurses if nurse.active]
    for nurse, kind in zip(chance.sample(here, 2), chance.choice(["nn", "an", "n"]), strict=False):
        make_pair(patient, nurse, "always" if kind == "a" else "never")
    Visit.objects.create(
        patient=patient, nurse=make_nurse(), kind="lab_draw", time_zone=zone,
        starts_at=at(TUESDAY, 18), ends_at=at(TUESDAY, 18, 30),
    )  # fmt: skip
    other = make_dose(start_on=TUESDAY)
    for by in (mover, make_user(first_name="Ben", last_name="Okafor")):
        starts_at = at(TUESDAY, chance.choice([10, 11]))
        SlotHold.objects.create(
            dose=other, patient=other.prescription.patient, nurse=chance.choice(nurses), starts_at=starts_at,
            ends_at=starts_at + 60 * MINUTE, held_by=by, expires_at=NOW + chance.choice([5, 0]) * MINUTE,
        )  # fmt: skip
    return visit, nurses, mover


def fill_days(chance, nurses):
    """Leave, some of it taken back, and other visits for each nurse."""
    for nurse in nurses:
        if chance.random() < 0.4:
            off = make_time_off(nurse, at(TUESDAY, 13), at(TUESDAY, 15))
            off.withdrawn_at = chance.choice([None, NOW])
            off.save()
        for hour in chance.sample([15, 17, 19], 2):
            starts_at = at(TUESDAY, hour, chance.choice([0, 10, 45]))
            place = chance.choice([DALLAS, FORT_WORTH])
            Visit.objects.create(
                patient=make_patient(place=place), nurse=nurse, kind="lab_draw", time_zone="America/Chicago",
                starts_at=starts_at, ends_at=starts_at + 40 * MINUTE,
            )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_the_board_says_of_every_quarter_hour_what_booking_will_answer(seed):
    visit, nurses, mover = random_world(seed)
    found = judged(visit, [TUESDAY], by_day=True, user=mover)
    fresh = found.visit
    seen = set()
    for nurse in nurses:
        answers = found.rows.get(nurse.pk) or [(targets.BLOCKED, targets.LEFT.text)] * len(found.starts)
        for starts_at, answer in zip(found.starts, answers, strict=True):
            if not nurse.active and nurse.pk not in found.rows:
                continue
            assert answer == expected(fresh, nurse, starts_at, mover), f"{nurse.pk} {starts_at}"
            seen.add(answer[0])
    assert len(seen) > 1, "a world where every answer is the same proves nothing"


def test_problems_are_those_of_preflight_word_for_word():
    visit, nurses, mover = random_world(7)
    visit = Visit.objects.select_related("patient", "dose__prescription", "planned_check").get(pk=visit.pk)
    wanted = targets.wanted_of(visit)
    starts = [at(TUESDAY, hour) for hour in range(6, 22)]
    with clock_stands_at(NOW):
        world = targets.read(mover, visit, wanted, starts, NOW)
        against = targets.day_judge(wanted, starts, now=NOW, moving=visit)
        for facts in world.facts:
            nurse = next((nurse for nurse in nurses if nurse.pk == facts.key), None)
            for starts_at in starts if nurse else ():
                theirs = preflight.nurse_problems(
                    nurse, visit.patient, needs=wanted.needs, starts_at=starts_at, length=wanted.length,
                    without=visit.pk, dose_id=visit.dose_id, by=mover, now=NOW,
                )  # fmt: skip
                assert list(targets.nurse_problems(world, facts, starts_at)) == theirs
        for starts_at in starts:
            assert against(starts_at) == preflight.dose_problems(
                wanted.dose, visit.patient, starts_at, now=NOW, moving=visit
            )


@pytest.mark.parametrize("kind", ["lab_draw", "checked", "dose"])
def test_in_the_week_a_visit_of_any_kind_keeps_its_wall_clock_time_across_a_change_of_clocks(kind):
    saturday = date(2026, 3, 7)
    if kind == "dose":
        visit = make_visit(make_dose(start_on=saturday), starts_at=at(saturday, 10), override="labs follow")
    else:
        visit = make_lab_visit(on=saturday)
    if kind == "checked":
        with clock_stands_at(NOW):
            check = checks.ask_check(
                patient_id=visit.patient_id, kind="lab_draw", due_on=saturday, by=make_user(), reason="asked"
            )
        Visit.objects.filter(pk=visit.pk).update(planned_check=PlannedCheck.objects.get(pk=check.pk))
    visit = Visit.objects.select_related("patient", "dose__prescription", "planned_check").get(pk=visit.pk)
    days = [MONDAY + n * DAY for n in range(7)]
    found = judged(visit, days, by_day=False)
    assert found.starts == [at(day, visit.local_start.hour) for day in days]
    mover = make_user()
    for starts_at, answer in zip(found.starts, found.rows[visit.nurse_id], strict=True):
        if starts_at != visit.starts_at:
            assert answer == expected(visit, visit.nurse, starts_at, mover)


def test_a_time_the_clocks_skip_is_no_target():
    visit = make_lab_visit(on=date(2026, 3, 9))
    Visit.objects.filter(pk=visit.pk).update(
        starts_at=at(date(2026, 3, 9), 2, 30), ends_at=at(date(2026, 3, 9), 3)
    )
    visit.refresh_from_db()
    found = judged(visit, [date(2026, 3, 8), date(2026, 3, 9)], by_day=False)
    assert found.starts[0] is None
    assert found.rows[visit.nurse_id][0] == targets.NO_SUCH


def ask(visit, user=None, **asked):
    with at_the_desk(user) as client:
        return client.get(reverse("visit-targets", args=[visit.pk]), {"date": TUESDAY.isoformat(), **asked})


def test_the_answer_is_runs_of_columns_with_their_reasons_and_the_read_is_in_the_trail():
    visit = make_visit(make_dose(start_on=TUESDAY))
    Visit.objects.filter(pk=visit.pk).update(state="confirmed")
    answer = ask(visit, view="day")
    found = answer.json()
    runs = found["rows"][str(visit.nurse_id)]
    assert (runs[0][0], runs[-1][1]) == (0, 64)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(runs))
    kinds = {kind: found["reasons"][why] if why >= 0 else "" for _from, _to, kind, why in runs}
    assert kinds[0] == "" and "the nurse works 7:00 am to 7:00 pm" in kinds[1]
    assert found["width"] == -(-visit.dose.total_minutes // 15)
    assert found["told"] == "Pat was told Tue, Mar 3, 9:00 am and must confirm again."
    assert (found["full"][12], found["words"][12]) == ("Tue, Mar 3, 9:00 am", "9:00 am")
    assert Event.objects.filter(action="chart_read", patient=visit.patient).count() == 1


def test_a_visit_under_way_has_no_targets():
    visit = make_visit(make_dose(start_on=TUESDAY))
    Visit.objects.filter(pk=visit.pk).update(state="in_progress")
    answer = ask(visit)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "This visit is under way; it can no longer change."


@pytest.mark.parametrize("view", ["week", "day"])
def test_as_many_queries_for_sixty_nurses_as_for_five(view):
    visit = make_visit(make_dose(start_on=TUESDAY))

    def asked():
        with CaptureQueriesContext(connection) as seen:
            assert ask(visit, view=view).status_code == 200
        return len(seen)

    few = asked()
    for n in range(12):
        nurse = make_nurse(user=False)
        make_time_off(nurse, at(TUESDAY, 16), at(TUESDAY, 17))
        starts_at = at(TUESDAY, 8 + n % 6)
        Visit.objects.create(
            patient=make_patient(), nurse=nurse, kind="lab_draw", time_zone="America/Chicago",
            starts_at=starts_at, ends_at=starts_at + 30 * MINUTE,
        )  # fmt: skip
    assert asked() == few <= 40


# --- Putting it there --------------------------------------------------------------------------


def put(visit, user=None, accept="application/json", **fields):
    body = {
        "nurse": visit.nurse_id,
        "starts_at": (visit.starts_at + 60 * MINUTE).isoformat(),
        "version": visit.version,
        "reason_class": "patient",
        **fields,
    }
    with at_the_desk(user) as client:
        return client.post(reverse("visit-move", args=[visit.pk]), body, headers={"Accept": accept})


def test_a_visit_put_elsewhere_is_moved_and_can_be_put_back():
    mover, visit = make_user(), make_visit(make_dose(start_on=TUESDAY))
    answer = put(visit, mover)
    assert answer.status_code == 200
    moved = Visit.objects.get(moved_from=visit)
    assert moved.starts_at == visit.starts_at + 60 * MINUTE
    found = answer.json()
    assert found["said"] == f"Moved to Tue, Mar 3, 10:00 am with {visit.nurse.listed_name}."
    with at_the_desk(mover) as client:
        back = client.post(found["undo"], {"version": found["version"]})
    assert back.status_code == 200
    again = Visit.objects.get(pk=back.json()["visit"])
    assert (again.starts_at, again.moved_from) == (visit.starts_at, moved)


def test_what_a_rule_forbids_is_refused_and_nothing_moves():
    visit = make_visit(make_dose(start_on=TUESDAY))
    nurse = make_nurse(competencies=())
    answer = put(visit, nurse=nurse.pk)
    assert (answer.status_code, answer.json()["code"]) == (422, "NOT_COMPETENT")
    late = put(visit, starts_at=at(TUESDAY, 17).isoformat())
    assert (late.status_code, late.json()["code"], late.json()["field"]) == (422, "OUTSIDE_SHIFT", "override")
    assert put(visit, starts_at=at(TUESDAY, 17).isoformat(), override="The patient works").status_code == 200


@pytest.mark.parametrize(
    "bad",
    [
        {"reason_class": ""},
        {"reason_class": "whim"},
        {"starts_at": "soon"},
        {"nurse": "x"},
        {"nurse": 2**52},
        {"version": ""},
        {"note": "x" * 501},
    ],
)
def test_what_cannot_be_understood_is_said_and_writes_nothing(bad):
    visit = make_visit(make_dose(start_on=TUESDAY))
    answer = put(visit, **bad)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert Visit.objects.count() == 1


def test_who_comes_second_is_told_who_moved_it_where_and_when():
    ben, visit = make_user(first_name="Ben", last_name="Okafor"), make_visit(make_dose(start_on=TUESDAY))
    booking.move_visit(
        visit_id=visit.pk,
        nurse_id=visit.nurse_id,
        starts_at=at(TUESDAY, 11),
        by=ben,
        reason_class="patient",
        now=NOW,
    )
    Visit.objects.filter(moved_from=visit).update(created_at=NOW - timedelta(minutes=3))
    answer = put(visit)
    assert answer.status_code == 409
    said = answer.json()["detail"].replace("\xa0", " ")
    assert (
        said
        == f"Ben Okafor moved this visit to Tue, Mar 3, 11:00 am with {visit.nurse.listed_name}, 3 minutes ago."
    )


def test_only_who_moved_it_takes_it_back_and_says_what_they_saw():
    mover, visit = make_user(), make_visit(make_dose(start_on=TUESDAY))
    found = put(visit, mover).json()
    for who, version in ((make_user(), found["version"]), (mover, "x"), (mover, 99)):
        with at_the_desk(who) as client:
            answer = client.post(found["undo"], {"version": version})
        assert answer.status_code in {409, 422}
    assert Visit.objects.count() == 2


def test_the_same_address_is_a_page_for_who_asks_for_one():
    visit = make_visit(make_dose(start_on=TUESDAY))
    answer = put(visit, accept="text/html")
    assert answer.status_code == 422
    assert b"<h1>" in answer.content


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_nobody_but_the_office_is_told_where_a_visit_may_go(role):
    visit = make_visit(make_dose(start_on=TUESDAY))
    user = make_user(role)
    assert ask(visit, user).status_code == 404
    assert put(visit, user).status_code == 404
