"""An open board stays true: it learns of every change by one small question, and fetches no more than changed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from nurses.models import Shift
from scheduling.models import SlotHold, Visit
from scheduling.services import outcomes, slot_holds
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_time_off,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db

MONDAY = today_at(NOW)
TUESDAY = MONDAY + DAY
VIEWS = [{"view": "day", "date": TUESDAY.isoformat()}, {"view": "week", "date": MONDAY.isoformat()}]


def poll(client: Client, version: str = "", **asked):
    headers = {"If-None-Match": f'"{version}"', "X-Background-Poll": "1"}
    return client.get(reverse("board-changes"), asked, headers=headers)


def booked(visit):
    make_visit(make_dose(start_on=TUESDAY), visit.nurse, at(TUESDAY, 14, 30), override="asked for")


def moved(visit):
    Visit.objects.filter(pk=visit.pk).update(nurse=make_nurse())


def confirmed(visit):
    outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=NOW)


def flagged(visit):
    Visit.objects.filter(pk=visit.pk).update(attention="Too early now.")


def cancelled(visit):
    Visit.objects.filter(pk=visit.pk).update(state="cancelled")


def away(visit):
    make_time_off(visit.nurse, at(TUESDAY, 9), at(TUESDAY, 12))


def other_hours(visit):
    Shift.objects.filter(nurse=visit.nurse, weekday=1).update(ends="16:00")


def no_hours(visit):
    Shift.objects.filter(nurse=visit.nurse, weekday=1).delete()


def held(visit):
    dose = make_dose(start_on=TUESDAY)
    slot_holds.hold_slot(
        dose_id=dose.pk, nurse_id=visit.nurse_id, starts_at=at(TUESDAY, 14), by=make_user(), now=NOW
    )


def patient_renamed(visit):
    visit.patient.last_name = "Novak"
    visit.patient.save()


def nurse_left(visit):
    visit.nurse.active = False
    visit.nurse.save()


@pytest.mark.parametrize("asked", VIEWS, ids=["day", "week"])
@pytest.mark.parametrize(
    "change",
    [
        booked,
        moved,
        confirmed,
        flagged,
        cancelled,
        away,
        other_hours,
        no_hours,
        held,
        patient_renamed,
        nurse_left,
    ],
)
def test_whatever_changes_on_the_board_is_noticed_and_only_those_rows_differ(change, asked):
    visit, idle = make_visit(make_dose(start_on=TUESDAY)), make_nurse()
    with at_the_desk() as client:
        before = poll(client, **asked).json()
        assert poll(client, before["version"], **asked).status_code == 304
        change(visit)
        after = poll(client, before["version"], **asked)
    assert after.status_code == 200
    found = after.json()
    changed = {key for key, sign in found["rows"].items() if before["rows"].get(key) != sign}
    assert str(visit.nurse_id) in changed
    assert str(idle.pk) not in changed
    assert after["ETag"] == f'"{found["version"]}"'


def test_what_is_not_on_the_board_does_not_stir_it():
    make_visit(make_dose(start_on=TUESDAY))
    asked = VIEWS[0]
    with at_the_desk() as client:
        version = poll(client, **asked).json()["version"]
        other = make_visit(make_dose(start_on=TUESDAY + DAY), make_nurse(), at(TUESDAY + DAY, 9))
        nurse_rows = poll(client, version, **asked).json()["rows"]
        version = poll(client, **asked).json()["version"]
        Visit.objects.filter(pk=other.pk).update(attention="Elsewhere.")
        client.get(reverse("visit", args=[other.pk]))  # a chart read is written to the trail
        assert str(other.nurse_id) in nurse_rows
        assert poll(client, version, **asked).status_code == 304


def test_a_time_held_leaves_the_board_when_it_runs_out_though_nobody_writes():
    dose, nurse = make_dose(start_on=TUESDAY), make_nurse()
    slot_holds.hold_slot(
        dose_id=dose.pk, nurse_id=nurse.pk, starts_at=at(TUESDAY, 9), by=make_user(), now=NOW
    )
    client = Client()
    client.force_login(make_user())
    with clock_stands_at(NOW):
        version = poll(client, **VIEWS[0]).json()["version"]
        assert SlotHold.objects.count() == 1
    with clock_stands_at(NOW + 5 * MINUTE):
        assert poll(client, version, **VIEWS[0]).status_code == 200


def test_the_question_costs_one_query_and_the_board_itself_names_the_version_it_shows(
    django_assert_num_queries,
):
    make_visit(make_dose(start_on=TUESDAY))
    with at_the_desk() as client:
        page = client.get(reverse("board"), VIEWS[1]).content.decode()
        version = re.search(r'data-version="(\w+)"', page)[1]
        with django_assert_num_queries(3):  # session, user, and the board
            assert poll(client, version, **VIEWS[1]).status_code == 304


def test_the_now_line_moves_with_the_quarter_hours_of_today_alone():
    make_nurse()
    client = Client()
    client.force_login(make_user())
    today, other = {"view": "day", "date": MONDAY.isoformat()}, VIEWS[0]
    with clock_stands_at(NOW):
        first, elsewhere = poll(client, **today).json(), poll(client, **other).json()
    with clock_stands_at(NOW + 15 * MINUTE):
        later = poll(client, first["version"], **today).json()
        assert poll(client, elsewhere["version"], **other).status_code == 304
    assert (first["now"], later["now"], elsewhere["now"]) == (12, 13, None)
    assert first["rows"] == later["rows"]


@pytest.mark.parametrize("asked", VIEWS, ids=["day", "week"])
def test_only_the_rows_asked_for_are_sent_with_the_line_above_the_board(asked):
    visit, other = make_visit(make_dose(start_on=TUESDAY)), make_visit(make_dose(start_on=TUESDAY))
    with at_the_desk() as client:
        page = client.get(reverse("board"), asked).content.decode()
        part = client.get(
            reverse("board-changes"), {**asked, "rows": f"{visit.nurse_id},x,99999999"}
        ).content.decode()
    rows = re.findall(r'data-row="(\d+)"', part)
    assert rows == [str(visit.nurse_id)]
    assert f'data-visit="{visit.pk}"' in part and f'data-visit="{other.pk}"' not in part
    assert "2 not confirmed" in part
    order = re.search(r'data-order="([\d,]+)"', part)[1].split(",")
    assert set(order) == set(re.findall(r'data-row="(\d+)"', page))


def test_an_open_board_is_not_a_person_at_work(settings):
    settings.IDLE_MINUTES = dict.fromkeys(Role.values, 15)
    client = Client()
    client.force_login(make_user())
    with clock_stands_at(NOW):
        client.get(reverse("board"), VIEWS[0])
    for minutes in (5, 10, 14):
        with clock_stands_at(NOW + timedelta(minutes=minutes)):
            assert poll(client, **VIEWS[0]).status_code == 200
    with clock_stands_at(NOW + timedelta(minutes=16)):
        ended = client.get(
            reverse("board-changes"), VIEWS[0], headers={"X-Background-Poll": "1", "HX-Request": "true"}
        )
    assert ended.status_code == 204


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_nobody_but_the_office_hears_of_changes(role):
    with at_the_desk(make_user(role)) as client:
        assert poll(client, **VIEWS[0]).status_code == 404
