"""Visits that are over without an outcome, and what a person says became of them. Nothing is guessed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scheduling.models import Notice, PlannedCheck, Visit
from scheduling.readings import unresolved, words
from scheduling.services import booking
from tests.makers import (
    DAY,
    NOW,
    at,
    clock_stands_at,
    make_check,
    make_dose,
    make_lab_visit,
    make_nurse,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def desk_at(now, user=None):
    client = Client()
    client.force_login(user or make_user())
    return clock_stands_at(now), client


def test_a_visit_is_unresolved_from_its_end_until_somebody_says_what_happened():
    visit, user = make_visit(make_dose(start_on=today_at()), starts_at=NOW + timedelta(hours=1)), make_user()
    assert list(unresolved.unresolved(user, now=visit.ends_at - timedelta(seconds=1))) == []
    for state in ("booked", "confirmed", "en_route", "arrived", "in_progress"):
        Visit.objects.filter(pk=visit.pk).update(state=state)
        assert list(unresolved.unresolved(user, now=visit.ends_at)) == [visit]
    for state in ("completed", "missed", "cancelled", "moved"):
        Visit.objects.filter(pk=visit.pk).update(state=state)
        assert list(unresolved.unresolved(user, now=visit.ends_at)) == []


def test_the_worklist_shows_the_oldest_first_with_what_can_be_said():
    young = make_visit(make_dose(start_on=today_at() + DAY))
    old = make_visit(make_dose(start_on=today_at()), starts_at=NOW + timedelta(hours=1))
    clock, client = desk_at(NOW + 3 * DAY)
    with clock:
        answer = client.get(reverse("unresolved"))
        page = answer.content.decode()
        assert [line.visit for line in answer.context["lines"]] == [old, young]
        for name in ("visit-missed", "visit-cancel"):
            assert reverse(name, args=[old.pk]) in page
        assert reverse("dose-record", args=[old.dose_id]) in page
        assert '<span class="count">2</span>' in client.get(reverse("queue")).content.decode()
    assert set(Visit.objects.values_list("state", flat=True)) == {"booked"}


def test_what_is_under_way_is_recorded_or_told_as_not_done_and_never_cancelled():
    visit = make_visit(make_dose(start_on=today_at()), starts_at=NOW + timedelta(hours=1))
    Visit.objects.update(state="in_progress")
    clock, client = desk_at(NOW + DAY)
    with clock:
        page = client.get(reverse("unresolved")).content.decode()
        cancelled = client.post(
            reverse("visit-cancel", args=[visit.pk]), {"reason_class": "patient", "version": 1}
        )
    assert reverse("visit-missed", args=[visit.pk]) in page
    assert reverse("visit-cancel", args=[visit.pk]) not in page and cancelled.status_code == 409


def test_not_done_asks_whose_reason_it_is_and_the_dose_needs_booking_again():
    visit = make_visit(make_dose(start_on=today_at()), starts_at=NOW + timedelta(hours=1))
    clock, client = desk_at(NOW + DAY)
    with clock:
        address = reverse("visit-missed", args=[visit.pk])
        assert client.post(address, {"version": visit.version}).status_code == 422
        wish = {"reason_class": "patient", "note": "nobody home", "version": visit.version}
        answer = client.post(address, wish, follow=True)
    visit.refresh_from_db()
    assert answer.redirect_chain[0][0] == reverse("unresolved")
    assert (visit.state, visit.cancel_class, visit.cancel_note) == ("missed", "patient", "nobody home")
    assert words.visit_status(visit) == ("stop", "Not done")


def test_a_visit_to_come_cannot_have_been_missed():
    visit = make_visit()
    with at_the_desk() as client:
        wish = {"reason_class": "patient", "version": visit.version}
        answer = client.post(reverse("visit-missed", args=[visit.pk]), wish)
        assert (
            reverse("visit-missed", args=[visit.pk])
            not in client.get(reverse("visit", args=[visit.pk])).content.decode()
        )
    visit.refresh_from_db()
    assert answer.status_code == 422 and visit.state == "booked"


def test_a_late_cancel_is_called_that_and_is_never_a_missed_visit():
    start = NOW + timedelta(hours=23)
    late = make_visit(make_dose(start_on=today_at()), starts_at=start)
    early = make_visit(make_dose(start_on=today_at() + 2 * DAY))
    with at_the_desk() as client:
        for visit, told in ((late, True), (early, False)):
            address = reverse("visit-cancel", args=[visit.pk])
            assert ("late cancel" in client.get(address).content.decode()) is told
            client.post(address, {"reason_class": "patient", "version": visit.version})
            visit.refresh_from_db()
            assert visit.state == "cancelled"
            assert (words.visit_status(visit)[1] == "Late cancel") is told
            assert ("Late cancel" in client.get(reverse("visit", args=[visit.pk])).content.decode()) is told


def test_one_day_of_a_course_is_cancelled_alone_or_with_those_that_follow():
    first = make_dose(regimen_id="methylprednisolone_iv_5d")
    nurse = make_nurse(competencies=("iv", "methylprednisolone"))
    doses = list(first.prescription.doses.order_by("number"))
    visits = [make_visit(dose, nurse) for dose in doses]
    with at_the_desk() as client:
        address = reverse("visit-cancel", args=[visits[4].pk])
        wish = {"reason_class": "clinical", "version": visits[4].version}
        assert "scope" not in client.get(address).context["form"].fields  # nothing follows the last day
        address = reverse("visit-cancel", args=[visits[0].pk])
        assert client.post(address, wish).status_code == 422  # how much of the course must be said
        client.post(address, {**wish, "scope": "one"})
        assert state_of(visits) == ["cancelled", "booked", "booked", "booked", "booked"]
        address = reverse("visit-cancel", args=[visits[2].pk])
        wish = {"reason_class": "clinical", "version": visits[2].version, "scope": "following"}
        page = client.post(address, wish, follow=True).content.decode()
    assert state_of(visits) == ["cancelled", "booked", "cancelled", "cancelled", "cancelled"]
    assert "Cancelled: 3 days" in page


def state_of(visits) -> list[str]:
    found = dict(Visit.objects.values_list("pk", "state"))
    return [found[visit.pk] for visit in visits]


def test_a_cancellation_is_taken_back_from_the_next_page():
    visit, user = make_visit(), make_user()
    with at_the_desk(user) as client:
        wish = {"reason_class": "patient", "version": visit.version}
        page = client.post(reverse("visit-cancel", args=[visit.pk]), wish, follow=True).content.decode()
        assert reverse("visit-undo", args=[visit.pk]) in page
        client.post(reverse("visit-undo", args=[visit.pk]))
    assert Visit.objects.get(dose=visit.dose, state="booked").starts_at == visit.starts_at


def test_the_times_a_visit_had_lead_both_ways():
    visit, user = make_visit(), make_user()
    day = visit.local_start.date()
    second = booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=at(day, 13), by=user, reason_class="weather", now=NOW
    )  # fmt: skip
    third = booking.move_visit(
        visit_id=second.pk, nurse_id=visit.nurse_id, starts_at=at(day, 11), by=user, reason_class="patient", now=NOW
    )  # fmt: skip
    with at_the_desk() as client:
        for here in (visit, second, third):
            answer = client.get(reverse("visit", args=[here.pk]))
            assert [link["visit"] for link in answer.context["chain"]] == [visit, second, third]
            for other in {visit, second, third} - {here}:
                assert reverse("visit", args=[other.pk]) in answer.content.decode()


def test_a_visit_without_a_dose_keeps_its_chain_too():
    lab, user = make_lab_visit(), make_user()
    moved = booking.move_visit(
        visit_id=lab.pk, nurse_id=lab.nurse_id, starts_at=lab.starts_at + DAY, by=user, reason_class="patient", now=NOW
    )  # fmt: skip
    with at_the_desk() as client:
        chain = client.get(reverse("visit", args=[lab.pk])).context["chain"]
    assert [link["visit"] for link in chain] == [lab, moved]


def test_a_move_is_undone_from_the_visit_and_the_patient_hears_nothing_twice():
    visit, user = make_visit(), make_user()
    with at_the_desk(user) as client:
        moved = booking.move_visit(
            visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=at(visit.local_start.date(), 13), by=user,
            reason_class="patient",
        )  # fmt: skip
        assert (
            reverse("visit-undo", args=[moved.pk])
            in client.get(reverse("visit", args=[moved.pk])).content.decode()
        )
        client.post(reverse("visit-undo", args=[moved.pk]))
    assert Visit.objects.get(dose=visit.dose, state="booked").starts_at == visit.starts_at
    assert not Notice.objects.filter(kind="moved", state="planned").exclude(visit__state="booked").exists()


def test_a_visit_is_confirmed_by_phone_once_and_for_all():
    visit = make_visit()
    with at_the_desk() as client:
        address = reverse("visit-confirm", args=[visit.pk])
        assert "Confirmed by phone." in client.post(address, follow=True).content.decode()
        client.post(address)
        assert address not in client.get(reverse("visit", args=[visit.pk])).content.decode()
    visit.refresh_from_db()
    assert (visit.state, visit.confirmed_at) == ("confirmed", NOW)


def test_a_check_that_was_done_completes_its_visit():
    check = make_check(due_on=today_at())
    visit = Visit.objects.create(
        patient=check.patient, nurse=make_nurse(), kind="wellness", planned_check=check, time_zone="America/Chicago",
        starts_at=at(today_at(), 7), ends_at=at(today_at(), 8),
    )  # fmt: skip
    with at_the_desk() as client:
        assert reverse("check", args=[check.pk]) in client.get(reverse("unresolved")).content.decode()
        wish = {"done_on": today_at().isoformat()}
        assert client.post(reverse("check", args=[check.pk]), wish).status_code == 302
    check.refresh_from_db(), visit.refresh_from_db()
    assert (check.state, visit.state) == (PlannedCheck.State.DONE, "completed")


def test_the_worklist_asks_the_database_as_often_for_many_as_for_few():
    def asked() -> int:
        clock, client = desk_at(NOW + 30 * DAY)
        with clock:
            client.get(reverse("unresolved"))
            with CaptureQueriesContext(connection) as seen:
                client.get(reverse("unresolved"))
        return len(seen)

    make_visit(), make_lab_visit()
    few = asked()
    for _n in range(5):
        make_visit(), make_lab_visit()
    assert asked() == few <= 15
