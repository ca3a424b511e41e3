"""The board: each nurse's week and day, in the agency's columns and the homes' own times."""

from __future__ import annotations

from datetime import date, time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from nurses.models import Nurse, Shift
from scheduling.models import SlotHold, Visit
from scheduling.services import slot_holds
from tests.makers import (
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    make_dose,
    make_nurse,
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


def board(**asked):
    with at_the_desk() as client:
        answer = client.get(reverse("board"), {"date": MONDAY.isoformat(), **asked})
    assert answer.status_code == 200
    return answer.context


def cell(context, nurse, day):
    row = next(row for row in context["board"]["rows"] if row["nurse"] == nurse.listed_name)
    return row["cells"][(day - MONDAY).days]


def row_of(context, nurse):
    (row,) = [row for row in context["board"]["rows"] if row["nurse"] == nurse.listed_name]
    return row


def drawn(context, nurse):
    """The visits and drives of the nurse's day, without the hours around them."""
    return [x for x in row_of(context, nurse)["items"] if x.get("kind") not in {"out", "off", "break"}]


def drawn_end(visit):
    """The column after the visit's last."""
    return round((visit.ends_at - at(MONDAY + DAY, 6)) / (15 * MINUTE))


def test_a_visit_stands_with_its_nurse_on_its_day_with_its_time_state_and_parts():
    visit = make_visit(make_dose(start_on=MONDAY + 2 * DAY))
    (chip,) = cell(board(), visit.nurse, MONDAY + 2 * DAY)["visits"]
    assert (chip["when"], chip["name"], chip["status"]) == ("9:00 am", visit.patient.listed_name, "wait")
    assert (chip["prepare"], chip["infusion"]) == (visit.preparation_minutes, visit.infusion_minutes)
    assert chip["url"] == reverse("visit", args=[visit.pk])


def test_cancelled_and_moved_visits_leave_the_board():
    visit = make_visit(make_dose(start_on=MONDAY + DAY))
    Visit.objects.filter(pk=visit.pk).update(state="cancelled")
    assert cell(board(), visit.nurse, MONDAY + DAY)["visits"] == []


def test_what_needs_a_decision_stands_out_and_is_counted():
    visit = make_visit(make_dose(start_on=MONDAY + DAY))
    Visit.objects.filter(pk=visit.pk).update(attention="Too early now.")
    context = board()
    assert cell(context, visit.nurse, MONDAY + DAY)["visits"][0]["status"] == "stop"
    assert context["summary"]["decide"] == 1


def test_a_day_off_is_marked_and_offers_no_booking():
    nurse = make_nurse()
    make_time_off(nurse, at(MONDAY + DAY, 0), at(MONDAY + 2 * DAY, 0))
    make_time_off(nurse, at(MONDAY + 3 * DAY, 13), at(MONDAY + 3 * DAY, 19))
    context = board()
    assert cell(context, nurse, MONDAY + DAY)["off"] == "Off"
    assert cell(context, nurse, MONDAY + DAY)["add_url"] == ""
    part = cell(context, nurse, MONDAY + 3 * DAY)
    assert part["off"] == "Off 1:00 pm – 7:00 pm"
    assert part["capacity"] == 6 * 60


def test_the_load_is_minutes_of_visits_against_hours_of_shift():
    nurse = make_nurse(day_limit_minutes=600)
    visit = make_visit(make_dose(start_on=MONDAY + DAY), nurse)
    found = cell(board(), nurse, MONDAY + DAY)
    assert (found["used"], found["capacity"]) == (visit.dose.total_minutes, 600)


def test_windows_that_close_are_counted_on_their_day():
    dose = make_dose(start_on=MONDAY + DAY)
    dose.window_start_on, dose.window_end_on = dose.due_on, MONDAY + 4 * DAY
    dose.save()
    assert [day["note"] for day in board()["board"]["days"]][4] == "1 window closes"


def test_friday_tells_of_the_windows_that_close_at_the_weekend():
    for on in (MONDAY + 4 * DAY, MONDAY + 5 * DAY, MONDAY + 6 * DAY):
        dose = make_dose(start_on=MONDAY + DAY)
        dose.window_start_on, dose.window_end_on = dose.due_on, on
        dose.save()
    notes = [day["note"] for day in board()["board"]["days"]]
    assert notes[4:] == ["1 window closes · 2 close this weekend", "1 window closes", "1 window closes"]


def test_a_visit_near_midnight_stands_in_the_agencys_column_with_the_homes_time():
    patient = make_patient(time_zone="Pacific/Honolulu")
    dose = make_dose(make_prescription(patient, start_on=MONDAY + DAY))
    nurse = make_nurse(hours=None)
    visit = make_visit(dose, nurse, at(MONDAY + DAY, 19, time_zone="Pacific/Honolulu"), override="asked for")
    assert visit.local_start.hour == 19  # 23:00 in Dallas
    context = board()
    (chip,) = cell(context, nurse, MONDAY + DAY)["visits"]
    assert chip["when"] == "7:00 pm"


def test_the_day_shows_the_drive_between_two_visits():
    nurse = make_nurse()
    first = make_visit(make_dose(start_on=MONDAY + DAY), nurse, at(MONDAY + DAY, 8))
    far = make_prescription(make_patient(place=FORT_WORTH), start_on=MONDAY + DAY)
    second = make_visit(make_dose(far), nurse, at(MONDAY + DAY, 14, 15))
    context = board(view="day", date=(MONDAY + DAY).isoformat())
    early, drive, late = drawn(context, nurse)
    assert [item.get("kind", "visit") for item in (early, drive, late)] == ["visit", "drive", "visit"]
    assert early["column"] == 8 and late["column"] == 33
    assert early["width"] == round((first.ends_at - first.starts_at) / (15 * MINUTE))
    assert not drive["bad"]
    Visit.objects.filter(pk=second.pk).update(starts_at=first.ends_at + 30 * MINUTE)
    assert drawn(board(view="day", date=(MONDAY + DAY).isoformat()), nurse)[1]["bad"]


def test_a_drive_that_has_no_room_at_all_is_marked_where_the_visits_meet():
    nurse = make_nurse()
    first = make_visit(make_dose(start_on=MONDAY + DAY), nurse, at(MONDAY + DAY, 8))
    far = make_prescription(make_patient(place=FORT_WORTH), start_on=MONDAY + DAY)
    second = make_visit(make_dose(far), nurse, at(MONDAY + DAY, 14, 15))
    Visit.objects.filter(pk=second.pk).update(starts_at=first.ends_at)
    (mark,) = [x for x in drawn(board(view="day", date=(MONDAY + DAY).isoformat()), nurse) if x.get("bad")]
    assert (mark["column"], mark["width"]) == (drawn_end(first) - 1, 2)


def test_hours_off_breaks_and_time_off_are_drawn_where_they_are():
    nurse = make_nurse(hours=(time(8), time(17)))
    Shift.objects.filter(nurse=nurse).update(break_starts=time(12), break_ends=time(12, 30))
    make_time_off(nurse, at(MONDAY, 15), at(MONDAY, 17))
    taken_back = make_time_off(nurse, at(MONDAY, 9), at(MONDAY, 10))
    taken_back.withdrawn_at = NOW
    taken_back.save()
    found = [(x["kind"], x["column"], x["width"]) for x in row_of(board(view="day"), nurse)["items"]]
    assert found == [("out", 0, 8), ("break", 24, 2), ("off", 36, 8), ("out", 44, 20)]


@pytest.mark.parametrize("view", ["day", "week"])
def test_a_time_kept_for_a_patient_on_the_phone_shows_until_it_runs_out(view):
    dose, nurse, ben = make_dose(start_on=MONDAY + DAY), make_nurse(), make_user(first_name="Ben")
    hold = slot_holds.hold_slot(
        dose_id=dose.pk, nurse_id=nurse.pk, starts_at=at(MONDAY + DAY, 9), by=ben, now=NOW
    )
    asked = {"view": view, "date": (MONDAY + DAY).isoformat()}

    def held():
        row = row_of(board(**asked), nurse)
        return (
            row["cells"][1]["holds"]
            if view == "week"
            else [x for x in row["items"] if x.get("kind") == "held"]
        )

    (shown,) = held()
    assert (shown["when"], shown["word"]) == ("9:00 am", "Held by Ben until 9:05 am")
    SlotHold.objects.filter(pk=hold.pk).update(expires_at=NOW)
    assert held() == []


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_days_on_which_the_clocks_change_are_drawn_right(day):
    visit = make_visit(make_dose(start_on=day), starts_at=at(day, 9), override="labs follow")
    context = board(view="day", date=day.isoformat())
    items = drawn(context, visit.nurse)
    assert [(item["column"], item["when"][:5]) for item in items] == [(12, "9:00–")]
    assert visit.nurse.listed_name in [row["nurse"] for row in context["board"]["rows"]]


@pytest.mark.parametrize("asked", ["", "2026-02-30", "9999-99-99", "<script>", "0001-01-01"])
@pytest.mark.parametrize("view", ["week", "day", "nonsense"])
def test_a_day_that_cannot_be_read_is_today(asked, view):
    context = board(date=asked, view=view)
    assert context["chosen"] == MONDAY


def test_a_nurse_who_left_shows_while_visits_are_still_theirs():
    visit = make_visit(make_dose(start_on=MONDAY + DAY))
    idle = make_nurse(active=False)
    Nurse.objects.filter(pk=visit.nurse_id).update(active=False)
    listed = [row["nurse"] for row in board()["board"]["rows"]]
    assert visit.nurse.listed_name in listed
    assert idle.listed_name not in listed


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_the_board_does_not_exist_for_nurses_and_patients(role):
    with at_the_desk(make_user(role)) as client:
        assert client.get(reverse("board")).status_code == 404


@pytest.mark.parametrize("view", ["week", "day"])
def test_the_board_asks_the_database_as_often_for_sixty_nurses_as_for_five(view):
    def asked() -> int:
        with at_the_desk() as client, CaptureQueriesContext(connection) as seen:
            client.get(reverse("board"), {"view": view, "date": (MONDAY + DAY).isoformat()})
        return len(seen)

    def fill(nurses: int) -> None:
        for _n in range(nurses):
            nurse = make_nurse(user=False)
            make_time_off(nurse, at(MONDAY + DAY, 16), at(MONDAY + DAY, 17))
            Visit.objects.bulk_create(
                Visit(
                    patient=patients.pop(), kind="lab_draw", nurse=nurse, time_zone="America/Chicago",
                    starts_at=at(MONDAY + DAY, hour), ends_at=at(MONDAY + DAY, hour) + 30 * MINUTE,
                )
                for hour in (8, 10)
            )  # fmt: skip

    by = make_user()
    patients = [make_patient(by=by) for _n in range(120)]
    make_visit(make_dose(start_on=MONDAY + DAY), make_nurse(user=False))
    fill(4)
    few = asked()
    fill(55)
    assert asked() == few <= 24


def test_today_is_marked_where_it_is():
    days = board()["board"]["days"]
    assert [day["today"] for day in days] == [True] + [False] * 6
    assert board(view="day")["board"]["now"] == 12  # 9:00, three hours into the grid
