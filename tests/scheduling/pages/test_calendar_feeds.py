"""A nurse's calendar feed: who can read it, what it says, and how a visit stays one event."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from scheduling.models import CalendarFeed, Event, Visit
from scheduling.services import booking, calendar_feeds, outcomes
from tests.makers import (
    DAY,
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


@pytest.fixture(autouse=True)
def clock(settings, tmp_path):
    own = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(tmp_path)}
    settings.CACHES = {"default": own}
    with clock_stands_at(NOW) as now:
        yield now


def booked(nurse, hour=9, on=SOON):
    patient = make_patient(first_name="Xenia", last_name="Quill", city="Plano", address="12 Oak Lane")
    return make_visit(
        make_dose(make_prescription(patient, "natalizumab_q4w")), nurse, at(on, hour), override="so"
    )


def move(visit, starts_at, nurse=None, by=None):
    return booking.move_visit(
        visit_id=visit.pk, nurse_id=(nurse or visit.nurse).pk, starts_at=starts_at, by=by or make_user(),
        reason_class="patient", note="asked", override="asked",
    )  # fmt: skip


def cancel(visit, by=None):
    return booking.cancel_visit(visit_id=visit.pk, by=by or make_user(), reason_class="patient")


def read(client, token):
    return client.get(reverse("calendar-feed", args=[token]))


def events(client, token):
    """UID -> the fields of its event, and that no UID comes twice."""
    text = read(client, token).content.decode()
    blocks = re.findall(r"BEGIN:VEVENT\r\n(.*?)END:VEVENT", text, re.S)
    found = [dict(line.split(":", 1) for line in block.strip().split("\r\n")) for block in blocks]
    assert len({one["UID"] for one in found}) == len(found)
    return {one["UID"]: one for one in found}


# --- Who can read it ---------------------------------------------------------------------------


def test_the_address_is_the_secret_and_is_kept_as_a_digest_only(client):
    nurse = make_nurse()
    booked(nurse)
    token = calendar_feeds.make(by=nurse.user)
    assert len(token) >= 22  # 128 bits in 64 characters
    feed = CalendarFeed.objects.get()
    assert token not in (feed.digest, str(feed.__dict__))
    answer = read(client, token)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Cache-Control"].startswith("private") and not answer.cookies
    assert not client.session.keys()


@pytest.mark.parametrize("wrong", ["", "x" * 32, "x" * 5000, "\u00e9" * 20])
def test_an_address_that_is_none_is_not_found(client, wrong):
    calendar_feeds.make(by=make_nurse().user)
    assert client.get(f"/cal/{wrong}.ics").status_code == 404


def test_a_feed_ends_when_it_is_taken_back_made_anew_or_the_nurse_leaves(client):
    nurse = make_nurse()
    old = calendar_feeds.make(by=nurse.user)
    new = calendar_feeds.make(by=nurse.user)
    assert (read(client, old).status_code, read(client, new).status_code) == (404, 200)
    assert calendar_feeds.revoke(by=nurse.user) and not calendar_feeds.revoke(by=nurse.user)
    assert read(client, new).status_code == 404
    for change in ("nurse", "user"):
        token = calendar_feeds.make(by=nurse.user)
        assert read(client, token).status_code == 200
        row, field = (nurse, "active") if change == "nurse" else (nurse.user, "is_active")
        setattr(row, field, False)
        row.save()
        assert read(client, token).status_code == 404
        setattr(row, field, True)
        row.save()
    actions = Event.objects.filter(action__startswith="calendar_feed").values_list("action", flat=True)
    assert sorted(set(actions)) == ["calendar_feed_made", "calendar_feed_revoked"]
    assert CalendarFeed.objects.count() == 4  # none was deleted


def test_a_calendar_that_asks_without_end_is_told_to_wait_and_the_others_are_not(client):
    token, other = (calendar_feeds.make(by=make_nurse().user) for _ in range(2))
    answers = [read(client, token) for _ in range(calendar_feeds.MOST_READS + 1)]
    assert [answer.status_code for answer in answers[-2:]] == [200, 429]
    assert answers[-1]["Retry-After"] == "600"
    assert read(client, other).status_code == 200


def test_no_log_line_holds_an_address(client, caplog, settings):
    from infusion_home.logs import LineFormatter

    token = calendar_feeds.make(by=make_nurse().user)
    with caplog.at_level(logging.DEBUG):
        for _ in range(calendar_feeds.MOST_READS + 1):
            read(client, token)
        calendar_feeds.revoke(by=CalendarFeed.objects.get().nurse.user)
        read(client, token)
    lines = [LineFormatter("{name} {message}", style="{").format(record) for record in caplog.records]
    assert any("/cal/…" in line for line in lines), "the test means something"
    assert not any(token in line for line in lines)


def test_what_a_calendar_has_already_is_not_sent_again(client):
    nurse = make_nurse()
    visit = booked(nurse)
    token = calendar_feeds.make(by=nurse.user)
    mark = read(client, token)["ETag"]
    path = reverse("calendar-feed", args=[token])
    assert client.get(path, headers={"If-None-Match": mark}).status_code == 304
    cancel(visit)
    assert client.get(path, headers={"If-None-Match": mark}).status_code == 200


def test_when_it_was_read_last_is_kept_without_a_write_for_every_read(client):
    nurse = make_nurse()
    token = calendar_feeds.make(by=nurse.user)
    for minutes, said in ((0, 0), (14, 0), (15, 15)):
        with clock_stands_at(NOW + minutes * MINUTE):
            read(client, token)
        assert CalendarFeed.objects.get().read_at == NOW + said * MINUTE


# --- What it says ------------------------------------------------------------------------------


def test_a_feed_names_nobody_and_nothing_but_the_time(client):
    nurse = make_nurse()
    visit = booked(nurse)
    text = read(client, calendar_feeds.make(by=nurse.user)).content.decode()
    for word in (
        "Xenia",
        "Quill",
        "Plano",
        "Oak",
        "atalizumab",
        "nfusion\r",
        "LOCATION",
        "DESCRIPTION",
        "VALARM",
    ):
        assert word not in text, word
    assert "SUMMARY:Home visit\r\n" in text
    assert f"DTSTART:{visit.starts_at:%Y%m%dT%H%M%S}Z\r\n" in text
    assert Event.objects.filter(action="chart_read").count() == 0


def test_a_visit_moved_three_times_and_cancelled_is_one_event_that_counts_up(client):
    nurse = make_nurse()
    visit = booked(nurse)
    token = calendar_feeds.make(by=nurse.user)
    said = [events(client, token)]
    for hour in (11, 13, 8):
        visit = move(visit, at(SOON, hour))
        said.append(events(client, token))
    cancel(visit)
    said.append(events(client, token))
    assert len({tuple(one) for one in said}) == 1  # one UID throughout
    last = [next(iter(one.values())) for one in said]
    counts = [int(one["SEQUENCE"]) for one in last]
    assert counts == sorted(set(counts))
    assert [one["DTSTART"][9:13] for one in last] == ["1400", "1600", "1800", "1300", "1300"]
    assert [one["STATUS"] for one in last] == ["CONFIRMED"] * 4 + ["CANCELLED"]


def test_a_cancelled_visit_that_is_put_back_is_the_same_event_with_a_higher_count(client):
    nurse, by = make_nurse(), make_user()
    visit = booked(nurse)
    token = calendar_feeds.make(by=nurse.user)
    cancel(visit, by)
    (gone,) = events(client, token).values()
    outcomes.undo(visit_id=visit.pk, by=by)
    (back,) = events(client, token).values()
    assert (gone["UID"], back["STATUS"]) == (back["UID"], "CONFIRMED")
    assert int(back["SEQUENCE"]) > int(gone["SEQUENCE"])


def test_a_visit_given_to_another_nurse_leaves_the_one_calendar_and_enters_the_other(client):
    one, other = make_nurse(), make_nurse()
    visit = booked(one)
    tokens = [calendar_feeds.make(by=nurse.user) for nurse in (one, other)]
    visit = move(visit, visit.starts_at, other)
    (left,), (came,) = (events(client, token).values() for token in tokens)
    assert (left["STATUS"], came["STATUS"]) == ("CANCELLED", "CONFIRMED")
    move(visit, visit.starts_at, one)
    (back,), (gone,) = (events(client, token).values() for token in tokens)
    assert (back["STATUS"], gone["STATUS"]) == ("CONFIRMED", "CANCELLED")
    assert int(back["SEQUENCE"]) > int(left["SEQUENCE"]) and int(gone["SEQUENCE"]) > int(came["SEQUENCE"])


def test_a_visit_stays_in_the_feed_for_two_weeks_and_a_cancelled_one_too(client):
    nurse = make_nurse()
    visit, other = booked(nurse, 8), booked(nurse, 13)
    token = calendar_feeds.make(by=nurse.user)
    cancel(other)
    assert len(events(client, token)) == 2
    Visit.objects.filter(pk=other.pk).update(cancelled_at=timezone.now() - 14 * DAY - timedelta(seconds=1))
    assert len(events(client, token)) == 1
    for edge, count in ((visit.starts_at - 14 * DAY, 1), (visit.starts_at + 14 * DAY, 1)):
        with clock_stands_at(edge):
            assert len(events(client, token)) == count
    with clock_stands_at(visit.starts_at + 14 * DAY + MINUTE):
        assert events(client, token) == {}


@pytest.mark.parametrize(("on", "utc"), [("2026-03-08", "14"), ("2026-11-01", "15"), ("2026-11-02", "15")])
def test_nine_in_the_morning_is_right_on_the_days_the_clocks_change(client, on, utc):
    nurse = make_nurse()
    visit = booked(nurse)
    day = type(SOON).fromisoformat(on)
    Visit.objects.filter(pk=visit.pk).update(starts_at=at(day, 9), ends_at=at(day, 13))
    with clock_stands_at(at(day, 6)):
        (one,) = events(client, calendar_feeds.make(by=nurse.user)).values()
    assert (
        one["DTSTART"] == f"{day:%Y%m%d}T{utc}0000Z" and one["DTEND"] == f"{day:%Y%m%d}T{int(utc) + 4}0000Z"
    )


def test_a_feed_costs_the_same_for_one_visit_and_for_many(client, django_assert_max_num_queries):
    nurse = make_nurse()
    token, counts = calendar_feeds.make(by=nurse.user), []
    for days in ((0,), (1, 2, 3)):
        for day in days:
            move(booked(nurse, on=SOON + day * DAY), at(SOON + day * DAY, 10))
        read(client, token)
        with django_assert_max_num_queries(4) as asked:
            assert read(client, token).status_code == 200
        counts.append(len(asked.captured_queries))
    assert counts[0] == counts[1] and len(events(client, token)) == 4


# --- The page ----------------------------------------------------------------------------------


def test_the_address_is_shown_once_and_opens_the_feed(client, settings):
    settings.PUBLIC_URL = "https://care.example/"
    nurse = make_nurse()
    client.force_login(nurse.user)
    path = reverse("nurse-feed")
    assert "Make my calendar address" in client.get(path).content.decode()
    made = client.post(path)
    page = made.content.decode()
    address = re.search(r'value="(https://care\.example/cal/[\w-]+\.ics)"', page)[1]
    assert address.replace("https://", "webcal://") in page
    assert "no-store" in made["Cache-Control"]
    assert client.get(address.removeprefix("https://care.example")).status_code == 200
    again = client.get(path).content.decode()
    assert "/cal/" not in again and "Stop the feed" in again and "Last read by a calendar" in again
    client.post(reverse("nurse-feed-revoke"))
    assert client.get(address.removeprefix("https://care.example")).status_code == 404
    assert "Make my calendar address" in client.get(path).content.decode()


def test_a_sign_in_without_a_nurse_has_no_feed(client):
    client.force_login(make_user("nurse"))
    assert (
        client.get(reverse("nurse-feed")).status_code == client.post(reverse("nurse-feed")).status_code == 404
    )
    assert client.post(reverse("nurse-feed-revoke")).status_code == 404
