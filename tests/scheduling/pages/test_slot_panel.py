"""The times beside the queue: found, booked, held, lost to somebody else, taken back; with script and without."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from patients.models import Hold
from scheduling.models import Event, PlannedCheck, SlotHold, Visit
from scheduling.services import booking, outcomes, slot_holds
from tests.makers import (
    DAY,
    NOW,
    at,
    clock_stands_at,
    make_check,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db

PANEL = {"HX-Request": "true", "HX-Target": "panel"}


def url(dose) -> str:
    return reverse("dose-slots", args=[dose.pk])


def slot(nurse, on, start="09:00") -> str:
    return f"{nurse.pk}|{on.isoformat()}|{start}"


def test_the_panel_is_a_part_and_the_page_is_whole():
    dose = make_dose()
    make_nurse()
    with at_the_desk() as client:
        part = client.get(url(dose), headers=PANEL).content.decode()
        page = client.get(url(dose)).content.decode()
    assert "<html" not in part and "<html" in page
    for said in (part, page):
        assert f"Times for {dose.prescription.patient.listed_name}" in said and "Hold 5 min" in said
    assert 'hx-target="#panel"' in part and 'hx-target="#panel"' not in page


def test_opening_the_times_is_in_the_audit_trail():
    dose, user = make_dose(), make_user()
    with at_the_desk(user) as client:
        client.get(url(dose), headers=PANEL)
    assert (
        Event.objects.filter(action="chart_read", actor=user, patient=dose.prescription.patient).count() == 1
    )


def test_booking_in_the_panel_leaves_the_list_says_booked_and_changes_the_line():
    dose = make_dose()
    make_nurse()
    with at_the_desk() as client:
        best = client.get(url(dose), headers=PANEL).context["slots"][0]
        answer = client.post(url(dose), {"slot": best["value"]}, headers=PANEL)
    page = answer.content.decode()
    visit = Visit.objects.get(dose=dose)
    assert answer.status_code == 200 and answer["HX-Trigger"] == "queue-changed"
    assert "Booked." in page and reverse("visit-undo", args=[visit.pk]) in page
    assert f'<tr id="line-dose-{dose.pk}" class="line-booked" hx-swap-oob="true">' in page


def test_without_script_the_booking_leads_back_to_the_list_with_a_way_to_undo():
    dose = make_dose()
    make_nurse()
    with at_the_desk() as client:
        best = client.get(url(dose)).context["slots"][0]
        answer = client.post(url(dose), {"slot": best["value"], "do": "book"}, follow=True)
        assert answer.redirect_chain == [(reverse("queue"), 302)]
        assert reverse("visit-undo", args=[Visit.objects.get().pk]) in answer.content.decode()
        assert "visit-undo" not in client.get(reverse("queue")).content.decode()


def test_an_undo_in_the_panel_puts_the_line_back():
    dose, user = make_dose(), make_user()
    make_nurse()
    with at_the_desk(user) as client:
        best = client.get(url(dose), headers=PANEL).context["slots"][0]
        client.post(url(dose), {"slot": best["value"]}, headers=PANEL)
        visit = Visit.objects.get(dose=dose)
        answer = client.post(reverse("visit-undo", args=[visit.pk]), headers=PANEL)
    page = answer.content.decode()
    visit.refresh_from_db()
    assert visit.state == "cancelled" and "Undone." in page
    assert f'<tr id="line-dose-{dose.pk}" hx-swap-oob="true">' in page
    assert answer.context["slots"][0]["value"] == best["value"]


def test_nobody_undoes_what_somebody_else_booked():
    visit = make_visit()
    with at_the_desk() as client:
        answer = client.post(reverse("visit-undo", args=[visit.pk]), headers=PANEL)
    visit.refresh_from_db()
    assert (answer.status_code, visit.state) == (409, "booked")
    assert "Somebody else did this." in answer.content.decode()


def test_after_ten_minutes_an_undo_is_refused_and_says_so():
    user = make_user()
    with clock_stands_at(NOW):
        visit = make_visit(by=user)
    with clock_stands_at(NOW + outcomes.UNDO_FOR + timedelta(seconds=1)):
        client = Client()
        client.force_login(user)
        answer = client.post(reverse("visit-undo", args=[visit.pk]), follow=True)
    visit.refresh_from_db()
    assert visit.state == "booked" and "too late" in answer.content.decode()


def test_who_loses_the_race_is_told_who_won_and_offered_the_next_best():
    nurse, ben = make_nurse(), make_user(first_name="Ben", last_name="Ortiz")
    mine, other = make_dose(), make_dose()
    make_nurse()
    with at_the_desk() as client:
        best = next(
            card
            for card in client.get(url(mine), headers=PANEL).context["slots"]
            if card["nurse"] == nurse.listed_name
        )
        _day, start = best["value"].split("|")[1:]
        make_visit(other, nurse, at(mine.due_on, int(start[:2]), int(start[3:])), by=ben)
        answer = client.post(url(mine), {"slot": best["value"]}, headers=PANEL)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Ben Ortiz booked" in page
    offered = [card["value"] for card in answer.context["slots"]]
    assert offered and best["value"] not in offered
    assert not Visit.objects.filter(dose=mine).exists()


def test_a_dose_somebody_else_booked_meanwhile_shows_its_visit():
    dose, nurse = make_dose(), make_nurse()
    ben = make_user(first_name="Ben", last_name="Ortiz")
    with at_the_desk() as client:
        best = client.get(url(dose), headers=PANEL).context["slots"][0]
        visit = make_visit(dose, nurse, by=ben)
        answer = client.post(url(dose), {"slot": best["value"]}, headers=PANEL)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Ben Ortiz booked" in page and reverse("visit", args=[visit.pk]) in page


def test_what_needs_a_reason_asks_for_it_in_the_panel_and_books_with_it():
    dose, user = make_dose(ready=False), make_user()
    make_nurse()
    with at_the_desk(user) as client:
        best = client.get(url(dose), headers=PANEL).context["slots"][0]
        asked = client.post(url(dose), {"slot": best["value"]}, headers=PANEL)
        page = asked.content.decode()
        assert asked.status_code == 422 and "Book with this reason" in page
        assert f"<b>{best['when']} · {best['nurse']}</b></p>" in page  # which time it is asked for
        assert page.count("btn-primary") == 1
        assert not Visit.objects.exists()
        wish = {"slot": best["value"], "override": "Result seen on paper"}
        assert "Booked." in client.post(url(dose), wish, headers=PANEL).content.decode()
    assert (Visit.objects.get().override_by, Visit.objects.get().override_reason) == (
        user,
        "Result seen on paper",
    )


@pytest.mark.parametrize(
    "said",
    ["", "x", "1|2|3", "9" * 600, "1|2026-02-30|09:00", "²|2026-03-09|09:00", "1|2026-03-08|02:30", ";;"],
)
@pytest.mark.parametrize("do", ["book", "hold", "nonsense"])
def test_a_time_that_makes_no_sense_is_told_and_writes_nothing(said, do):
    dose = make_dose()
    make_nurse()
    with at_the_desk() as client:
        assert client.post(url(dose), {"slot": said, "do": do}, headers=PANEL).status_code == 422
    assert not Visit.objects.exists() and not SlotHold.objects.exists()


def test_a_held_time_is_shown_to_its_holder_with_its_end_and_given_back():
    dose, nurse, user = make_dose(), make_nurse(), make_user()
    with at_the_desk(user) as client:
        answer = client.post(url(dose), {"slot": slot(nurse, dose.due_on), "do": "hold"}, headers=PANEL)
        page = answer.content.decode()
        assert "Held for you until 9:05 am." in page and 'data-left="300"' in page
        assert slot(nurse, dose.due_on) not in [card["value"] for card in answer.context["slots"]]
        hold = SlotHold.objects.get()
        answer = client.post(url(dose), {"hold": hold.pk, "do": "release"}, headers=PANEL)
    hold.refresh_from_db()
    assert hold.released_at and "Released." in answer.content.decode()
    assert "Held for you" not in answer.content.decode()


def test_a_held_time_is_booked_by_its_holder():
    dose, nurse = make_dose(), make_nurse()
    wish = {"slot": slot(nurse, dose.due_on)}
    with at_the_desk() as client:
        client.post(url(dose), {**wish, "do": "hold"}, headers=PANEL)
        assert "Booked." in client.post(url(dose), {**wish, "do": "book"}, headers=PANEL).content.decode()
    assert Visit.objects.filter(dose=dose).exists()
    assert not slot_holds.standing(NOW).exists()


def test_a_colleague_sees_who_holds_and_until_when_and_never_for_whom():
    mine, theirs, nurse = make_dose(), make_dose(), make_nurse()
    make_nurse()
    ben = make_user(first_name="Ben", last_name="Ortiz")
    with at_the_desk() as client:
        slot_holds.hold_slot(dose_id=theirs.pk, nurse_id=nurse.pk, starts_at=at(mine.due_on), by=ben)
        answer = client.get(url(mine), headers=PANEL)
        page = answer.content.decode()
        assert "held by Ben Ortiz until 9:05 am" in page
        assert theirs.prescription.patient.last_name not in page
        lost = client.post(url(mine), {"slot": slot(nurse, mine.due_on)}, headers=PANEL)
        listed = client.get(reverse("queue")).content.decode()
    assert lost.status_code == 409 and "Ben Ortiz holds this" in lost.content.decode()
    assert "Held by Ben Ortiz until 9:05 am" in listed


def test_a_hold_that_ran_out_is_not_shown_any_more():
    dose, nurse, ben = make_dose(), make_nurse(), make_user(first_name="Ben", last_name="Ortiz")
    with clock_stands_at(NOW - slot_holds.HOLD_FOR - timedelta(seconds=1)):
        slot_holds.hold_slot(dose_id=dose.pk, nurse_id=nurse.pk, starts_at=at(dose.due_on), by=ben)
    with at_the_desk() as client:
        for page in (client.get(url(dose), headers=PANEL), client.get(reverse("queue"))):
            assert "Ben Ortiz" not in page.content.decode()


def test_a_course_is_booked_in_one_click_and_undone_in_one():
    dose, user = make_dose(regimen_id="methylprednisolone_iv_5d"), make_user()
    make_nurse(competencies=("iv", "methylprednisolone"))
    with at_the_desk(user) as client:
        best = client.get(url(dose), headers=PANEL).context["slots"][0]
        assert len(best["days"]) == 5
        page = client.post(url(dose), {"slot": best["value"]}, headers=PANEL).content.decode()
        visits = list(Visit.objects.order_by("starts_at"))
        assert len(visits) == 5 and len({visit.local_start.date() for visit in visits}) == 5
        assert f'<tr id="line-dose-{dose.pk}" class="line-booked"' in page
        also = [visit.pk for visit in visits[1:]]
        client.post(reverse("visit-undo", args=[visits[0].pk]), {"also": also}, headers=PANEL)
    assert set(Visit.objects.values_list("state", flat=True)) == {"cancelled"}


def test_a_check_is_booked_through_the_same_panel():
    check, nurse = make_check(), make_nurse()
    address = reverse("check-slots", args=[check.pk])
    with at_the_desk() as client:
        best = client.get(address, headers=PANEL).context["slots"][0]
        page = client.post(address, {"slot": best["value"]}, headers=PANEL).content.decode()
    visit = Visit.objects.get(planned_check=check)
    assert visit.nurse == nurse and visit.kind == PlannedCheck.Kind.WELLNESS
    assert f'<tr id="line-check-{check.pk}" class="line-booked"' in page


def test_a_check_is_booked_at_a_time_one_chooses_oneself():
    check, nurse = make_check(), make_nurse()
    wish = {"nurse": nurse.pk, "day": check.due_on.isoformat(), "start": "10:00", "override": ""}
    with at_the_desk() as client:
        address = reverse("check-book", args=[check.pk])
        assert client.get(address).status_code == 200
        assert client.post(address, wish).status_code == 302
    assert Visit.objects.get(planned_check=check).local_start.hour == 10


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_the_panel_does_not_exist_for_nurses_and_patients(role):
    dose = make_dose()
    with at_the_desk(make_user(role)) as client:
        assert client.get(url(dose), headers=PANEL).status_code == 404
        assert client.post(url(dose), {"slot": "x"}, headers=PANEL).status_code == 404


def test_the_panel_asks_the_database_as_often_with_many_nurses_visits_and_holds_as_with_few():
    dose, ben = make_dose(), make_user()

    def asked() -> int:
        with at_the_desk() as client:
            client.get(url(dose), headers=PANEL)
            with CaptureQueriesContext(connection) as seen:
                client.get(url(dose), headers=PANEL)
        return len(seen)

    def more() -> None:
        busy, kept = make_nurse(), make_nurse()
        make_visit(nurse=busy)
        with clock_stands_at(NOW):
            slot_holds.hold_slot(dose_id=make_dose().pk, nurse_id=kept.pk, starts_at=at(dose.due_on), by=ben)

    more()
    few = asked()
    for _n in range(4):
        more()
    assert asked() == few <= 40


def test_a_booked_dose_gives_its_visit_and_no_times():
    visit = make_visit()
    with at_the_desk() as client:
        page = client.get(url(visit.dose), headers=PANEL).content.decode()
    assert "It has a visit." in page and "Hold 5 min" not in page


def test_undoing_a_cancellation_books_the_time_again():
    user = make_user()
    visit = make_visit()
    with at_the_desk(user) as client:
        booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient")
        answer = client.post(reverse("visit-undo", args=[visit.pk]), follow=True)
    again = Visit.objects.get(dose=visit.dose, state="booked")
    assert again.starts_at == visit.starts_at and "again" in answer.content.decode()


def test_the_panel_says_how_the_time_is_spent_and_what_the_patient_wishes():
    patient = make_patient(wishes="Not on Wednesdays")
    dose = make_dose(make_prescription(patient))
    make_nurse()
    with at_the_desk() as client:
        page = client.get(url(dose), headers=PANEL).content.decode()
    assert "Not on Wednesdays" in page
    assert "Infusion" in page and "to wrap up" in page


def test_a_hold_that_outlasts_the_window_leads_to_the_times_after_it_and_one_without_an_end_says_so():
    dose = make_dose()
    make_nurse()
    hold = Hold(prescription=dose.prescription, starts_on=today_at() - DAY, reason="infection")
    hold.clears_on = today_at() + 30 * DAY
    hold.save()
    with at_the_desk() as client:
        times = client.get(url(dose), headers=PANEL).context["slots"]
        assert times and all(time["value"].split("|")[1] >= str(hold.clears_on) for time in times)
        Hold.objects.update(clears_on=None)
        page = client.get(url(dose), headers=PANEL).content.decode()
    assert "A hold covers all these days" in page and "No nurse is free" not in page


def test_a_day_that_is_a_holiday_says_so():
    dose = make_dose(start_on=NOW.date().replace(month=5, day=25), now=NOW + 60 * DAY)  # Memorial Day 2026
    make_nurse()
    with clock_stands_at(NOW + 60 * DAY):
        client = Client()
        client.force_login(make_user())
        page = client.get(url(dose), headers=PANEL).content.decode()
    assert "A holiday: Memorial Day" in page
