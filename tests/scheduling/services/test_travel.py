"""Roads are asked for beforehand, kept, and read without a network; a server that fails stops nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.models import Patient
from scheduling import osrm
from scheduling.models import DriveTime, Heartbeat, Visit
from scheduling.planning.busy_hours import Leg
from scheduling.planning.travel import ESTIMATED, PARKING_MINUTES, Roads, drive_minutes
from scheduling.readings.day import day_of
from scheduling.rules.errors import SlotTaken
from scheduling.services import booking, travel
from scheduling.tasks import refresh_roads
from tests.makers import (
    DALLAS,
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)
from tests.scheduling import osrm_server as fake
from tests.scheduling.api.conftest import Api
from tests.scheduling.osrm_server import FakeOsrm
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db
PLANO = (33.0198, -96.6989)


@pytest.fixture
def server(settings) -> Iterator[FakeOsrm]:
    with fake.osrm_server() as server:
        settings.OSRM_URL = server.url
        yield server


def test_without_a_service_every_drive_is_estimated_and_nothing_is_asked_or_read(settings):
    settings.OSRM_URL = ""
    patient = make_patient()
    with CaptureQueriesContext(connection) as seen:
        assert travel.drives([(DALLAS, PLANO)]) is ESTIMATED
        assert travel.warm([DALLAS], [PLANO]) == travel.warm_search(patient, None, None) == 0
        assert travel.warm_visit(DALLAS, [1], NOW) == 0
        assert travel.state() == "off"
    assert not seen.captured_queries


def test_what_was_asked_is_kept_and_read_in_one_query_without_the_network(server):
    server.road = lambda a, b: 1980 if a == DALLAS else 2400
    assert travel.warm([DALLAS], [PLANO]) == travel.warm([PLANO], [DALLAS]) == 1
    server.asked.clear()
    with CaptureQueriesContext(connection) as seen:
        drive = travel.drives([(DALLAS, PLANO), (PLANO, DALLAS), (DALLAS, FORT_WORTH)])
        assert drive(DALLAS, PLANO) == 33 + PARKING_MINUTES
        assert drive(PLANO, DALLAS) == 40 + PARKING_MINUTES
        assert drive(DALLAS, FORT_WORTH) == drive_minutes(DALLAS, FORT_WORTH)
    assert len(seen) == 1
    assert server.asked == []
    assert DriveTime.objects.order_by("minutes").first().metres == round(1980 * 15.5)


def test_what_is_known_is_not_asked_for_again_until_ninety_days_are_over(server):
    assert travel.warm([DALLAS], [PLANO, FORT_WORTH], now=NOW) == 2
    assert travel.warm([DALLAS], [PLANO, FORT_WORTH], now=NOW + 90 * DAY) == 0
    server.road = lambda a, b: 3000
    assert travel.warm([DALLAS], [PLANO, FORT_WORTH], now=NOW + 90 * DAY + MINUTE) == 2
    assert len(server.asked) == 2
    assert set(DriveTime.objects.values_list("minutes", flat=True)) == {50}


def test_only_what_is_missing_is_asked_for(server):
    travel.warm([DALLAS], [PLANO])
    travel.warm([DALLAS], [PLANO, FORT_WORTH, DALLAS])
    assert server.asked == [([DALLAS], [PLANO]), ([DALLAS], [FORT_WORTH])]


def test_nobody_is_asked_about_a_place_no_nurse_could_drive_to(server):
    assert travel.warm([DALLAS], [(41.8781, -87.6298)]) == 0
    assert server.asked == []


def test_what_is_known_survives_the_server(server):
    travel.warm([DALLAS], [PLANO])
    server.shutdown()
    server.server_close()
    assert travel.warm([DALLAS], [FORT_WORTH]) == 0
    drive = travel.drives([(DALLAS, PLANO), (DALLAS, FORT_WORTH)])
    assert drive(DALLAS, PLANO) == 30 + PARKING_MINUTES
    assert drive(DALLAS, FORT_WORTH) == drive_minutes(DALLAS, FORT_WORTH)


def test_no_road_is_kept_as_an_estimate_and_not_asked_every_time(server):
    server.road = lambda a, b: None
    assert travel.warm([DALLAS], [PLANO]) == 1
    assert travel.warm([DALLAS], [PLANO]) == 0
    assert travel.drives([(DALLAS, PLANO)])(DALLAS, PLANO) == drive_minutes(DALLAS, PLANO)
    assert DriveTime.objects.get().metres == 0


def test_a_failure_is_told_without_a_place_and_asked_again_after_a_minute(server, caplog, client):
    server.ill = fake.too_many_requests
    with caplog.at_level(logging.WARNING):
        assert travel.warm([DALLAS], [PLANO], now=NOW) == 0
    (line,) = [record.getMessage() for record in caplog.records if record.name == travel.__name__]
    assert "drive times are estimated" in line and "429" in line
    assert "32.7" not in line and "96.7" not in line
    assert travel.state() == "estimated"
    assert travel.warm([DALLAS], [PLANO], now=NOW + 59 * timedelta(seconds=1)) == 0
    assert len(server.asked) == 1
    server.ill = None
    assert travel.warm([DALLAS], [PLANO], now=NOW + MINUTE) == 1
    assert travel.state() == "ok"


def test_a_failing_service_is_seen_on_readyz_and_is_no_reason_not_to_be_ready(server, client):
    with clock_stands_at(NOW):
        Heartbeat.objects.create(name="worker", at=NOW)
        Heartbeat.objects.create(name="beat", at=NOW)
        assert client.get("/readyz").json()["roads"] == "not asked yet"
        travel.warm([DALLAS], [PLANO], now=NOW)
        assert client.get("/readyz").json()["roads"] == "ok"
        server.ill = fake.broken
        travel.warm([DALLAS], [FORT_WORTH], now=NOW + MINUTE)
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["roads"]) == (200, "estimated")


def test_what_came_before_a_failure_is_kept(server):
    def then_ill(handler, body):
        (fake.broken if len(server.asked) > 1 else fake.says())(handler, body)

    server.ill = then_ill
    targets = [(33 + n / 1000, -96.9) for n in range(150)]
    assert travel.warm([DALLAS], targets) == DriveTime.objects.count() == 99
    assert travel.state() == "estimated"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1"])
def test_the_network_is_refused_inside_a_transaction_whether_there_is_a_service_or_not(settings, url):
    settings.OSRM_URL = url
    asks = (
        lambda: travel.warm([DALLAS], [PLANO]),
        lambda: travel.warm_search(Patient(), None, None),
        lambda: travel.warm_visit(DALLAS, [1], NOW),
        travel.refresh,
    )
    for ask in asks:
        with transaction.atomic(), pytest.raises(RuntimeError):
            ask()


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_server_is_asked(server):
    seen = []

    def look(*args, **kwargs):
        seen.append(connection.in_atomic_block)
        raise osrm.NoAnswer("enough")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(osrm, "legs", look)
        travel.warm([DALLAS], [PLANO])
    assert seen == [False]


# --- What the roads decide ---------------------------------------------------------------------


def beside(place, gap):
    """A visit in Dallas, and a dose in `place` wanted `gap` after it by the same nurse."""
    first = make_visit(nurse=make_nurse(day_limit_minutes=1000, hours=(time(6), time(22))))
    dose = make_dose(make_prescription(make_patient(place=place), start_on=first.dose.due_on))
    return first, dose, first.ends_at + gap


def book(dose, nurse_id, starts_at) -> Visit:
    return booking.book_visit(
        dose_id=dose.pk, nurse_id=nurse_id, starts_at=starts_at, by=make_user(), override="late", now=NOW
    )


def test_a_detour_only_the_service_knows_refuses_what_the_estimate_would_allow(server):
    server.road = lambda a, b: 3600  # a bridge is closed
    first, dose, starts_at = beside(PLANO, 55 * MINUTE)
    assert drive_minutes(DALLAS, PLANO) < 55
    travel.warm_visit(dose.prescription.patient.place, [first.nurse_id], starts_at)
    with pytest.raises(SlotTaken) as refused:
        book(dose, first.nurse_id, starts_at)
    assert refused.value.code == "NO_TIME_TO_DRIVE"
    assert f"takes {60 + PARKING_MINUTES} minutes; there are 55" in str(refused.value)
    assert book(dose, first.nurse_id, first.ends_at + (60 + PARKING_MINUTES) * MINUTE)


def test_a_highway_only_the_service_knows_allows_what_the_estimate_would_refuse(server):
    server.road = lambda a, b: 15 * 60
    first, dose, starts_at = beside(PLANO, 20 * MINUTE)
    assert drive_minutes(DALLAS, PLANO) > 20
    with pytest.raises(SlotTaken):
        book(dose, first.nurse_id, starts_at)
    travel.warm_visit(dose.prescription.patient.place, [first.nurse_id], starts_at)
    assert book(dose, first.nurse_id, starts_at)


def test_the_road_is_the_one_driven_and_not_the_one_back(server):
    """Before the other visit the nurse drives from the new home to the old one: that direction is slow."""
    server.road = lambda a, b: 3600 if a == PLANO else 600
    first, dose, _ = beside(PLANO, MINUTE)
    travel.warm_visit(PLANO, [first.nurse_id], first.starts_at)
    assert book(dose, first.nurse_id, first.ends_at + (10 + PARKING_MINUTES) * MINUTE)
    nurse = make_nurse(day_limit_minutes=1000)
    other = make_visit(nurse=nurse, starts_at=first.starts_at + timedelta(hours=4))
    early = make_dose(make_prescription(make_patient(place=PLANO), start_on=first.dose.due_on))
    with pytest.raises(SlotTaken) as refused:
        book(early, nurse.pk, other.starts_at - early.length - (10 + PARKING_MINUTES) * MINUTE)
    assert refused.value.code == "NO_TIME_TO_DRIVE"


def test_a_booking_asks_no_server_even_when_it_knows_no_road(server):
    first, dose, starts_at = beside(PLANO, 90 * MINUTE)
    assert book(dose, first.nurse_id, starts_at)
    assert server.asked == []


def test_before_a_booking_the_roads_to_the_stops_beside_it_are_asked_for_both_ways(server):
    first, dose, starts_at = beside(PLANO, 45 * MINUTE)
    home = dose.prescription.patient.place
    kept = travel.warm_visit(home, [first.nurse_id], starts_at)
    assert kept == 2  # the nurse lives where the first visit is
    assert {(a, b) for one, other in server.asked for a in one for b in other} == {
        (PLANO, DALLAS),
        (DALLAS, PLANO),
    }
    assert travel.warm_visit(home, [first.nurse_id], starts_at) == 0


def test_before_a_search_the_roads_to_every_nurse_and_stop_are_asked_for_once(server):
    visit, patient = make_visit(), make_patient(place=PLANO)
    make_nurse(place=FORT_WORTH)
    make_nurse(place=(33.2, -97.1), active=False)

    def warm(first=visit.dose.due_on, last=visit.dose.due_on) -> int:
        return travel.warm_search(patient, first, last, now=NOW)

    assert warm() == 4
    with CaptureQueriesContext(connection) as few:
        assert warm() == 0
    for n in range(5):
        home = make_patient(place=(32.8 + n / 100, -96.9))
        make_visit(make_dose(make_prescription(home, start_on=visit.dose.due_on)))
    assert warm() == 10
    with CaptureQueriesContext(connection) as many:
        assert warm() == 0
    assert len(few) == len(many) == 3


def test_a_search_asks_about_the_stops_of_its_own_days_only(server):
    patient = make_patient(place=PLANO)
    visit = make_visit(nurse=make_nurse(place=PLANO))
    assert travel.warm_search(patient, None, visit.dose.due_on - 2 * DAY, now=NOW) == 0
    assert travel.warm_search(patient, NOW.date() - 9 * DAY, NOW.date() - DAY, now=NOW) == 2  # long overdue
    assert travel.warm_search(patient, None, None, now=NOW) == 0


def test_the_worker_asks_for_new_homes_and_forgets_what_nobody_needs(server):
    make_prescription(make_patient(place=PLANO))
    make_patient(place=(32.9, -97.0))  # no order: nobody drives there
    make_prescription(make_patient(place=(32.8, -96.6), status="transferred"))
    make_nurse(place=FORT_WORTH)
    travel.warm([DALLAS], [PLANO], now=NOW - 181 * DAY)
    with clock_stands_at(NOW):
        assert refresh_roads() == 2
        assert refresh_roads() == 0
    ends = DriveTime.objects.values_list("from_lat", "to_lat")
    assert set(ends) == {(3_275_550, 3_301_980), (3_301_980, 3_275_550)}


def test_the_workers_round_ends_when_the_service_fails(server, monkeypatch):
    monkeypatch.setattr(travel, "HOMES_AT_ONCE", 1)
    for n in range(4):
        make_prescription(make_patient(place=(32.8 + n / 100, -96.9)))
    make_nurse(place=FORT_WORTH)
    server.ill = fake.broken
    assert travel.refresh(now=NOW) == 0
    assert len(server.asked) == 1


def test_a_home_has_only_the_nurses_nearest_to_it_asked_for_beforehand(server, monkeypatch):
    monkeypatch.setattr(travel, "NEAREST", 2)
    for place in (FORT_WORTH, DALLAS, (32.9, -96.75)):
        make_nurse(place=place)
    make_prescription(make_patient(place=PLANO))
    assert travel.refresh() == 4
    assert not DriveTime.objects.filter(from_lat=round(FORT_WORTH[0] * 100_000)).exists()


def test_roads_read_from_the_table_are_the_roads_of_planning(server):
    travel.warm([DALLAS], [PLANO])
    drive = travel.drive_for(PLANO, [DALLAS])
    assert isinstance(drive, Roads) and len(drive.known) == 1


# --- Who asks ----------------------------------------------------------------------------------


def office() -> Api:
    return Api(make_user())


def test_a_program_is_shown_times_by_the_roads_and_can_book_each_as_it_is_told(server):
    """The bridge is closed on the way to Plano only: the search knows it, and so does the booking."""
    server.road = lambda a, b: 5400 if b == PLANO else 900
    first, dose, _ = beside(PLANO, 0 * MINUTE)
    with clock_stands_at(NOW):
        api, day = office(), first.dose.due_on.isoformat()
        found = api.get(f"doses/{dose.pk}/slots/", **{"from": day, "to": day}).json()["slots"]
        assert found[0]["drive_minutes"] == 90 + PARKING_MINUTES
        body = {key: found[0][key] for key in ("nurse", "starts_at")}
        assert api.post("visits/", {"dose": dose.pk, **body}, Idempotency_Key="one").status_code == 201


def test_a_program_that_searched_nothing_is_judged_by_the_roads_all_the_same(server):
    server.road = lambda a, b: 3600
    first, dose, starts_at = beside(PLANO, 55 * MINUTE)
    body = {"dose": dose.pk, "nurse": first.nurse_id, "starts_at": starts_at.isoformat()}
    with clock_stands_at(NOW):
        answer = office().post("visits/", body, Idempotency_Key="another")
    assert (answer.status_code, answer.json()["code"]) == (409, "NO_TIME_TO_DRIVE")


def test_a_program_moves_a_visit_by_the_roads(server):
    server.road = lambda a, b: 3600
    first, dose, _ = beside(PLANO, 0 * MINUTE)
    second = make_visit(dose, make_nurse(place=PLANO))
    body = {"nurse": first.nurse_id, "reason_class": "patient"}
    body["starts_at"] = (first.ends_at + 55 * MINUTE).isoformat()
    with clock_stands_at(NOW):
        answer = office().post(f"visits/{second.pk}/move/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "NO_TIME_TO_DRIVE")


def opened(client, name: str, *keys: int, **asked: str) -> str:
    answer = client.get(reverse(name, args=keys), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_pages_show_the_roads_and_ask_for_them_when_a_person_looks_for_a_time(server, client):
    server.road = lambda a, b: 72 * 60
    first, dose, _ = beside(PLANO, 0 * MINUTE)
    with clock_stands_at(NOW):
        client.force_login(make_user())
        assert f"({72 + PARKING_MINUTES} min there)" in opened(client, "dose-slots", dose.pk)
        assert server.asked
        second = book(dose, first.nurse_id, first.ends_at + 2 * 60 * MINUTE)
        day = {"view": "day", "date": first.dose.due_on.isoformat()}
        assert str(72 + PARKING_MINUTES) in opened(client, "board", **day)
    with clock_stands_at(first.starts_at - DAY):
        client.force_login(first.nurse.user)
        told = day_of(first.nurse.user, first.nurse, first.dose.due_on)
        assert [stop.leg.minutes for stop in told.stops] == [0, 72 + PARKING_MINUTES]
    assert second.starts_at > first.ends_at


@pytest.mark.parametrize("path", ["dose-book", "dose-slots"])
def test_every_way_to_book_asks_before_it_books(server, client, path):
    """A form can name a time nobody searched for: weeks later, with a nurse whose stops were not asked about."""
    server.road = lambda a, b: 3600
    first, dose, starts_at = beside(PLANO, 55 * MINUTE)
    wall = starts_at.astimezone(ZoneInfo("America/Chicago"))
    slot = f"{first.nurse_id}|{wall:%Y-%m-%d|%H:%M}"
    with clock_stands_at(NOW):
        client.force_login(make_user())
        answer = client.post(reverse(path, args=[dose.pk]), {"slot": slot, "override": "late"})
    assert answer.status_code == 409
    assert f"{60 + PARKING_MINUTES} minutes" in answer.content.decode()


@pytest.mark.parametrize("path", ["dose-book", "dose-slots"])
def test_who_looks_for_a_time_is_told_while_drives_are_estimated(server, client, path):
    dose, said = make_dose(), "Drives are estimated just now"
    make_nurse(place=PLANO)
    with clock_stands_at(NOW):
        client.force_login(make_user())
        assert said not in opened(client, path, dose.pk)
        DriveTime.objects.all().delete()
        server.ill = fake.broken
        assert said in opened(client, path, dose.pk)


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_for_the_same_roads_at_once_keep_each_once(server):
    """In no order of theirs do they wait for each other in a circle, and nobody is told of a race."""
    places = [(32.5 + n / 50, -97 + n / 50) for n in range(12)]
    works = [partial(travel.warm, places[n:] + places[:n], places[::-1], seconds=30) for n in range(6)]
    results = all_at_once(works)
    assert not [error for error in results if isinstance(error, Exception)]
    assert DriveTime.objects.count() == 12 * 11


def test_several_searches_ask_about_each_leg_once_and_about_each_other(server):
    """Visits placed together may follow one another."""
    patients = [make_patient(place=PLANO), make_patient(place=(32.9, -97.0))]
    make_nurse(place=FORT_WORTH)
    assert travel.warm_searches(((patient, None, None) for patient in patients), now=NOW) == 6
    legs = [(a, b) for one, other in server.asked for a in one for b in other]
    assert len(legs) == len(set(legs))
    assert travel.warm_searches([], now=NOW) == 0


# --- The line of a route -----------------------------------------------------------------------


@pytest.fixture
def empty_cache(settings, tmp_path):
    own = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(tmp_path)}
    settings.CACHES = {"default": own}


def test_the_line_of_a_road_is_asked_for_once_and_kept(server, empty_cache):
    first = travel.road_line([DALLAS, PLANO, PLANO, DALLAS], now=NOW)
    assert len(first.legs) == 2 and first.line[0] == first.line[-1] == DALLAS
    assert travel.road_line([DALLAS, PLANO, DALLAS], now=NOW) == first
    assert server.routed == [[DALLAS, PLANO, DALLAS]]


def test_that_there_is_no_road_is_kept_too_and_is_no_failure(server, empty_cache):
    server.ill = fake.no_route
    assert travel.road_line([DALLAS, PLANO], now=NOW) is None
    assert travel.road_line([DALLAS, PLANO], now=NOW) is None
    assert len(server.routed) == 1 and travel.state() == "ok"


def test_a_service_that_fails_leaves_straight_lines_and_is_left_alone_for_a_minute(server, empty_cache):
    server.ill = fake.broken
    for now in (NOW, NOW + 59 * timedelta(seconds=1)):
        assert travel.road_line([DALLAS, PLANO], now=now) is None
    assert len(server.routed) == 1 and travel.state() == "estimated"
    server.ill = None
    assert travel.road_line([DALLAS, PLANO], now=NOW + MINUTE) is not None


def test_a_cache_out_of_reach_costs_a_question_and_no_page(server, monkeypatch, empty_cache):
    def gone(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(LocMemCache, "get", gone)
    monkeypatch.setattr(LocMemCache, "set", gone)
    assert travel.road_line([DALLAS, PLANO], now=NOW) is not None


def test_without_a_service_there_is_no_line_and_no_question(empty_cache):
    assert travel.road_line([DALLAS, PLANO], now=NOW) is None


def test_the_route_of_a_day_takes_told_minutes_and_metres_at_any_hour_and_estimates_the_rest(server):
    server.road = lambda a, b: 1980 if b == PLANO else None
    travel.warm_route([DALLAS, PLANO, FORT_WORTH], now=NOW)
    with CaptureQueriesContext(connection) as seen:
        road = travel.roads_at([(DALLAS, PLANO), (PLANO, FORT_WORTH)])
    assert len(seen) == 1
    zone = ZoneInfo("America/Chicago")
    for hour in (3, 8, 12):
        leg = road(DALLAS, PLANO, NOW.replace(hour=hour), zone)
        assert leg == Leg(33 + PARKING_MINUTES, round(1980 * 15.5), told=True)
    assert not road(PLANO, FORT_WORTH, NOW, zone).told
