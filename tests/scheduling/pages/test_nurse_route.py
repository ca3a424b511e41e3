"""The nurse's day with all its times, what changed since she saw it, and the list that renews itself."""

from __future__ import annotations

import re
from datetime import time

import pytest
from django.test import Client
from django.urls import reverse

from scheduling.models import Event, RouteVersion
from scheduling.services import booking, routes
from tests.makers import (
    DALLAS,
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)

pytestmark = pytest.mark.django_db
SOON = today_at(NOW) + 7 * DAY
PUBLISHED_AT = at(SOON, 6, 2)


@pytest.fixture(autouse=True)
def clock():
    """The morning of the visits: 6:05 in Dallas."""
    with clock_stands_at(at(SOON, 6, 5)) as now:
        yield now


def booked(nurse, hour=9, *, place=DALLAS, regimen="ocrelizumab_iv", now=NOW, **fields):
    patient = make_patient(place=place, **fields)
    return make_visit(make_dose(make_prescription(patient, regimen)), nurse, at(SOON, hour), now=now)


def publish(nurse):
    return routes.publish(nurse_id=nurse.pk, on=SOON, by=make_user(), now=PUBLISHED_AT)


def move(visit, starts_at, nurse=None):
    return booking.move_visit(
        visit_id=visit.pk, nurse_id=(nurse or visit.nurse).pk, starts_at=starts_at, by=make_user(),
        reason_class="patient", note="asked", override="asked",
    )  # fmt: skip


def cancel(visit):
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient")


def words(response):
    """The page as it reads: no tags, single blanks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def page_of(client, nurse, name="nurse-today", **kwargs):
    client.force_login(nurse.user)
    return client.get(reverse(name, kwargs=kwargs))


def poll(client, page):
    """What the list asks for by itself, as the page says."""
    path = re.search(r'hx-get="([^"]+)"', page.content.decode())[1]
    return client.get(path, headers={"HX-Request": "true", "X-Background-Poll": "1"})


def see(client, version, on=SOON):
    return client.post(reverse("nurse-day-seen", kwargs={"on": on}), {"version": version}, follow=True)


# --- The times ---------------------------------------------------------------------------------


def test_every_time_of_the_day_is_on_the_page(client):
    """30 minutes to set up, 30 of premedication, 150 of infusion, 60 of observation (ocrelizumab, first)."""
    nurse = make_nurse(place=FORT_WORTH)
    booked(nurse, 9)
    booked(nurse, 16, place=FORT_WORTH, regimen="natalizumab_q4w")
    read = words(page_of(client, nurse))
    # 64.96 km, all of it in the busy hours before nine: 78 minutes at 50 km/h, and 5 to park
    assert "83 min drive · 40.4 mi" in read and "Leave by 7:37 am" in read
    assert "Premedication 9:30 am · Infusion 10:00 am · Observation 12:30 pm" in read
    # home base and the second patient are one place
    assert "to spare" in read and "Drive times are estimated." in read


def test_the_day_sheet_for_the_dashboard_says_when_to_leave(client):
    nurse = make_nurse(place=FORT_WORTH)
    booked(nurse, 9)
    assert "leave by 7:37 am, 83 min drive, 40.4 mi" in words(page_of(client, nurse))


def test_a_drive_that_does_not_fit_has_nothing_to_spare_and_says_so(client):
    nurse = make_nurse()
    first = booked(nurse, 8)
    second = booked(nurse, 16, place=FORT_WORTH, regimen="natalizumab_q4w")
    type(second).objects.filter(pk=second.pk).update(starts_at=first.ends_at + 5 * MINUTE)
    read = words(page_of(client, nurse))
    assert "does not fit" in read and "to spare" not in read


def test_she_hears_of_a_late_home_and_of_a_licence_of_hers_that_runs_out(client):
    nurse = make_nurse(place=FORT_WORTH, hours=(time(7), time(14, 15)), licence_until=SOON + 20 * DAY)
    booked(nurse, 9)
    read = words(page_of(client, nurse))
    assert "Your licence for TX runs out on Mar 29, 2026." in read
    assert "the shift ends at 2:15 pm." in read


# --- Published, changed, seen ------------------------------------------------------------------


def test_a_day_that_is_not_published_says_that_it_may_change(client):
    nurse = make_nurse()
    booked(nurse)
    read = words(page_of(client, nurse))
    assert "Not published yet: may change" in read and "I have seen it" not in read


def test_a_published_day_says_its_version_and_when_and_asks_once_whether_it_was_seen(client):
    nurse = make_nurse()
    booked(nurse)
    publish(nurse)
    read = words(page_of(client, nurse))
    assert "Published, version 1, 6:02 am" in read and "I have seen it" in read
    answer = see(client, 1)
    assert "The office sees that you know this day." in words(answer)
    assert "I have seen it" not in words(answer)
    assert RouteVersion.objects.get().seen_at is not None


def test_changes_are_marked_until_they_are_seen(client):
    nurse = make_nurse()
    visit = booked(nurse, 8, regimen="natalizumab_q4w")
    gone = booked(nurse, 16, regimen="natalizumab_q4w", first_name="Xenia", last_name="Quill", city="Plano")
    publish(nurse)
    page_of(client, nurse)
    see(client, 1)
    move(visit, at(SOON, 9))
    new = booked(nurse, 13, regimen="natalizumab_q4w", now=at(SOON, 6, 4))
    cancel(gone)
    page = page_of(client, nurse)
    read = words(page)
    assert "3 changes on your day" in read and "Published, version 4, 6:05 am" in read
    assert "Moved from 8:00 am" in read and read.count("New") == 1
    # what is not hers any more keeps its time and its town, and shows no name
    assert "<s>4:00 pm · Plano</s> Cancelled" in page.content.decode() and "Quill" not in read
    assert new.patient.last_name in read
    read = words(see(client, 4))
    assert "Moved from" not in read and "Plano" not in read and "changes on your day" not in read


def test_a_visit_given_to_somebody_else_is_not_called_cancelled(client):
    nurse = make_nurse()
    visit = booked(nurse, city="Plano")
    publish(nurse)
    move(visit, visit.starts_at, make_nurse())
    read = words(page_of(client, nurse))
    assert "9:00 am · Plano Not on your day any more" in read and "Cancelled" not in read
    assert "No visits on this day." in read


def test_who_says_seen_to_an_older_version_is_shown_the_newer_one(client):
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    page_of(client, nurse)
    move(visit, at(SOON, 10))
    read = words(see(client, 1))
    assert "Your day has changed once more. Look again." in read and "I have seen it" in read
    assert not RouteVersion.objects.filter(seen_at__isnull=False).exists()


@pytest.mark.parametrize("version", ["", "x", "0", "-1", "²", "9" * 40])
def test_a_version_nobody_published_is_not_seen(client, version):
    nurse = make_nurse()
    booked(nurse)
    publish(nurse)
    page_of(client, nurse)
    assert see(client, version).status_code == 200
    assert RouteVersion.objects.get().seen_at is None


# --- The list renews itself --------------------------------------------------------------------


def test_the_list_answers_nothing_while_nothing_changed_and_reads_no_chart_for_it(client):
    nurse = make_nurse()
    booked(nurse)
    page = page_of(client, nurse)
    read = Event.objects.filter(action="chart_read").count()
    for _ in range(2):
        answer = poll(client, page)
        assert (answer.status_code, answer.content) == (204, b"")
    assert Event.objects.filter(action="chart_read").count() == read


def test_the_list_brings_a_change_and_then_rests_again(client):
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    page = page_of(client, nurse)
    assert poll(client, page).status_code == 204
    move(visit, at(SOON, 10))
    reads = Event.objects.filter(action="chart_read").count()
    answer = poll(client, page)
    assert answer.status_code == 200 and "Moved from 9:00 am" in words(answer)
    assert "<html" not in answer.content.decode()
    assert Event.objects.filter(action="chart_read").count() == reads + 1
    assert poll(client, answer).status_code == 204


def test_what_the_list_brings_can_be_answered(client):
    """The button in a part that came later carries a token of its own."""
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    strict = Client(enforce_csrf_checks=True)
    page = page_of(strict, nurse)
    move(visit, at(SOON, 10))
    part = poll(strict, page).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', part)[1]
    path = reverse("nurse-day-seen", kwargs={"on": SOON})
    assert strict.post(path, {"version": 2, "csrfmiddlewaretoken": token}).status_code == 302
    assert RouteVersion.objects.get(version=2).seen_at is not None


def test_the_list_does_not_keep_a_session_alive(client):
    page = page_of(client, make_nurse())
    text = page.content.decode()
    assert 'hx-trigger="every 30s"' in text and "X-Background-Poll" in text


def test_the_list_of_another_day_or_beyond_sight_is_as_the_page(client):
    nurse = make_nurse()
    client.force_login(nurse.user)
    for days, status in ((-15, 404), (14, 200), (15, 404)):
        for name in ("nurse-day-list", "nurse-day-seen"):
            path = reverse(name, kwargs={"on": SOON + days * DAY})
            answer = client.get(path) if name == "nurse-day-list" else client.post(path, follow=True)
            assert answer.status_code == status, (name, days)


def test_a_day_with_changes_costs_the_same_for_two_visits_and_for_four(client, django_assert_max_num_queries):
    nurse = make_nurse()
    client.force_login(nurse.user)
    gone = [booked(nurse, hour, regimen="natalizumab_q4w") for hour in (7, 16)]
    publish(nurse)
    client.get(reverse("nurse-today"))
    counts = []
    for hour in (10, 13):
        cancel(gone.pop())
        booked(nurse, hour, regimen="natalizumab_q4w", now=at(SOON, 6, 4))
        with django_assert_max_num_queries(30) as asked:
            assert client.get(reverse("nurse-today")).status_code == 200
        counts.append(len(asked.captured_queries))
    assert counts[0] == counts[1]
