"""Nurses: papers that run out are seen in time, the week's load is counted, what comes next is named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from scheduling.readings.papers_due import expiry
from tests.makers import DAY, at, make_dose, make_nurse, make_time_off, make_user, make_visit, today_at
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
