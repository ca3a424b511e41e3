"""Nurses: papers that run out are seen in time, the week's load is counted, what comes next is named."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from nurses.models import Licence
from scheduling.readings import papers_due
from scheduling.readings.papers_due import expiry
from tests.makers import DAY, NOW, at, make_dose, make_nurse, make_time_off, make_user, make_visit, today_at
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db
TODAY = today_at()


@pytest.mark.parametrize(
    ("days", "status"),
    [
        (-1, "stop"),
        (0, "stop"),
        (30, "stop"),
        (31, "wait"),
        (60, "wait"),
        (61, "info"),
        (90, "info"),
        (91, "ok"),
    ],
)
def test_a_paper_warns_thirty_sixty_and_ninety_days_before_its_last_day(days, status):
    assert expiry(TODAY + timedelta(days=days), TODAY)["status"] == status


def test_the_words_name_the_nearest_warning():
    said = [expiry(TODAY + timedelta(days=days), TODAY)["word"] for days in (10, 45, 80)]
    assert [word.rpartition("within ")[2] for word in said] == ["30 days", "60 days", "90 days"]


def test_the_list_shows_licence_load_and_next_visit():
    nurse = make_nurse(licence_until=TODAY + 20 * DAY, day_limit_minutes=600)
    visit = make_visit(make_dose(start_on=TODAY + 2 * DAY), nurse)
    with at_the_desk() as client:
        (line,) = client.get(reverse("nurses")).context["lines"]
    assert line.licence["status"] == "stop"
    assert (line.used, line.capacity) == (visit.dose.total_minutes, 7 * 600)
    assert line.next_visit == visit


def test_time_off_leaves_the_capacity():
    nurse = make_nurse(day_limit_minutes=600)
    make_time_off(nurse, at(TODAY + DAY, 0), at(TODAY + 2 * DAY, 0))
    with at_the_desk() as client:
        (line,) = client.get(reverse("nurses")).context["lines"]
    assert line.capacity == 6 * 600


def test_the_page_of_a_nurse_shows_papers_hours_and_visits():
    nurse = make_nurse(last_name="<b>Ruiz</b>")
    visit = make_visit(make_dose(start_on=TODAY + 2 * DAY), nurse)
    with at_the_desk() as client:
        page = client.get(reverse("nurse", args=[nurse.pk])).content.decode()
    for said in (
        "&lt;b&gt;Ruiz",
        "7:00 am – 7:00 pm",
        "Ocrelizumab",
        "IV therapy",
        reverse("visit", args=[visit.pk]),
    ):
        assert said in page, said


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_nurses_do_not_exist_for_nurses_and_patients(role):
    nurse = make_nurse()
    with at_the_desk(make_user(role)) as client:
        assert client.get(reverse("nurses")).status_code == 404
        assert client.get(reverse("nurse", args=[nurse.pk])).status_code == 404
    with at_the_desk() as client:
        assert client.get(reverse("nurse", args=[987654])).status_code == 404


def test_papers_that_run_out_are_counted_and_named_in_three_tones():
    urgent, soon, later, good = (make_nurse(licence_until=TODAY + n * DAY) for n in (10, 45, 80, 200))
    gone = make_nurse(licence_until=TODAY - DAY)
    good.competencies.filter(code="iv").update(expires_on=TODAY + 89 * DAY)
    make_nurse(licence_until=TODAY + 5 * DAY, active=False)
    with at_the_desk() as client:
        page = client.get(reverse("nurses"))
    assert [(x["status"], x["word"]) for x in page.context["summary"]] == [
        ("stop", "1 has ended"),
        ("stop", "1 ends within 30 days"),
        ("wait", "1 within 60 days"),
        ("info", "2 within 90 days"),
    ]
    assert [paper.nurse for paper in page.context["papers"]] == [gone, urgent, soon, later, good]
    assert [paper.status for paper in page.context["papers"]] == ["stop", "stop", "wait", "info", "info"]


def test_a_renewed_paper_is_the_one_that_counts():
    nurse = make_nurse(licence_until=TODAY + 10 * DAY)
    Licence.objects.create(
        nurse=nurse, state="TX", number="NEW", issued_on=TODAY, expires_on=TODAY + 700 * DAY
    )
    assert papers_due.due(make_user(), now=NOW) == []


def test_the_list_leads_to_visits_booked_beyond_a_last_day():
    nurse = make_nurse()
    visit = make_visit(nurse=nurse)
    Licence.objects.filter(nurse=nurse).update(expires_on=visit.local_start.date() - DAY)
    with at_the_desk() as client:
        (line,) = client.get(reverse("nurses")).context["lines"]
        page = client.get(reverse("nurse", args=[nurse.pk])).content.decode()
    assert line.uncovered == 1
    assert f"{reverse('uncovered')}?nurse={nurse.pk}" in page and "Without its nurse" in page


def test_hours_are_shown_with_their_break_and_the_daily_maximum():
    nurse = make_nurse(day_limit_minutes=450)
    nurse.shifts.update(break_starts=time(12), break_ends=time(12, 30))
    with at_the_desk() as client:
        page = client.get(reverse("nurse", args=[nurse.pk])).content.decode()
    assert "7:00 am – 7:00 pm, break 12:00 pm – 12:30 pm" in page
    assert "At most 7 h 30 of visits a day." in page


def test_a_nurse_who_is_away_now_or_has_left_is_not_sent_home_again():
    away, left = make_nurse(), make_nurse(active=False)
    make_time_off(away, NOW - DAY, NOW + DAY)
    with at_the_desk() as client:
        for nurse in (away, left):
            assert "Off today" not in client.get(reverse("nurse", args=[nurse.pk])).content.decode()


def shift_form(nurse, **changed):
    """The administration's page of a nurse without papers, one new shift."""
    fields = {name: getattr(nurse, name) for name in ("first_name", "last_name", "phone", "npi", "city", "latitude",
              "longitude", "time_zone", "day_limit_minutes")}  # fmt: skip
    empty = {f"{name}-{part}": 0 for name in ("licences", "competencies", "shifts", "time_off")
             for part in ("TOTAL_FORMS", "INITIAL_FORMS")}  # fmt: skip
    shift = {"weekday": 0, "starts": "8:00", "ends": "17:00", "from_on": "2026-01-01", "break_starts": "12:00",
             "break_ends": "12:30", **changed}  # fmt: skip
    return {
        **fields,
        **empty,
        "active": "on",
        "shifts-TOTAL_FORMS": 1,
        **{f"shifts-0-{name}": value for name, value in shift.items()},
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"break_starts": "", "break_ends": ""}, ""),
        ({"break_ends": ""}, "A break has a beginning and an end."),
        ({"break_starts": "7:00"}, "A break lies inside the hours."),
        ({"break_ends": "11:00"}, "A break lies inside the hours."),
    ],
)
def test_an_administrator_enters_hours_with_a_break_inside_them(changed, said):
    nurse = make_nurse(hours=None, licence_state=None, competencies=(), user=False)
    with at_the_desk(make_user(Role.ADMIN, is_staff=True, is_superuser=True)) as client:
        page = client.post(
            reverse("admin:nurses_nurse_change", args=[nurse.pk]), shift_form(nurse, **changed)
        )
    assert nurse.shifts.count() == (0 if said else 1)
    assert page.status_code == (200 if said else 302)
    assert said in page.content.decode()


def test_time_off_is_recorded_where_its_visits_are_dealt_with_not_in_the_administration():
    nurse = make_nurse()
    make_time_off(nurse, NOW, NOW + DAY)
    with at_the_desk(make_user(Role.ADMIN, is_staff=True, is_superuser=True)) as client:
        page = client.get(reverse("admin:nurses_nurse_change", args=[nurse.pk])).content.decode()
    assert "leave" in page and "time_off-0-starts_at" not in page


def test_the_list_asks_the_database_as_often_for_many_nurses_as_for_few():
    def asked() -> int:
        with at_the_desk() as client, CaptureQueriesContext(connection) as seen:
            client.get(reverse("nurses"))
        return len(seen)

    make_visit(nurse=make_nurse())
    few = asked()
    for _n in range(5):
        make_visit(nurse=make_nurse())
    assert asked() == few <= 26
