"""Booking a visit by hand: the verdict before, the refusals beside their fields, nothing typed is lost."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from patients.models import Hold
from scheduling.models import Event, Visit
from scheduling.services import outcomes
from tests.makers import (
    DAY,
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


def wish(nurse, day: date, start: str = "09:00", **more):
    """A form that names a day of the list."""
    return {
        "nurse": nurse.pk,
        "day": day.isoformat(),
        "other_day": "",
        "start": start,
        "override": "",
        **more,
    }


def url(dose):
    return reverse("dose-book", args=[dose.pk])


def test_booking_leads_to_the_queue_with_a_way_to_undo():
    dose, nurse = make_dose(), make_nurse()
    with at_the_desk() as client:
        answer = client.post(url(dose), wish(nurse, dose.due_on))
        assert answer.status_code == 302 and answer["Location"] == reverse("queue")
        visit = Visit.objects.get(dose=dose)
        assert visit.starts_at == at(dose.due_on)
        page = client.get(reverse("queue")).content.decode()
        assert "Undo" in page
        assert "Undo" not in client.get(reverse("queue")).content.decode()  # only until the next page
        undone = client.post(reverse("visit-undo", args=[visit.pk]), follow=True)
    assert "needs booking again" in undone.content.decode()
    visit.refresh_from_db()
    assert (visit.state, visit.cancel_note) == ("cancelled", outcomes.UNDONE)


def test_a_proposed_time_books_at_once():
    dose = make_dose()
    make_nurse()
    with at_the_desk() as client:
        slots = client.get(url(dose)).context["slots"]
        answer = client.post(url(dose), {"slot": slots[0]["value"]})
    assert answer.status_code == 302
    assert Visit.objects.get(dose=dose).local_start.date() == dose.due_on


def test_up_to_three_times_are_proposed_none_of_which_is_refused():
    dose = make_dose()
    make_nurse(), make_nurse(hours=None), make_nurse(competencies=())
    with at_the_desk() as client:
        slots = client.get(url(dose)).context["slots"]
        assert 1 <= len(slots) <= 3
        for slot in slots:
            assert client.post(url(dose), {"slot": slot["value"]}).status_code == 302
            Visit.objects.filter(dose=dose).update(state="cancelled")


@pytest.mark.parametrize("slot", ["", "x", "1|2|3", "9" * 400, "1|2026-02-30|09:00", "|||||"])
def test_a_slot_that_makes_no_sense_is_told_and_books_nothing(slot):
    dose = make_dose()
    make_nurse()
    with at_the_desk() as client:
        answer = client.post(url(dose), {"slot": slot})
    assert answer.status_code == 422
    assert not Visit.objects.exists()


def test_who_lost_the_race_is_told_who_was_first_and_keeps_the_form():
    dose, nurse, ben = make_dose(), make_nurse(), make_user(first_name="Ben", last_name="Ortiz")
    make_visit(dose, nurse, by=ben)
    with at_the_desk() as client:
        answer = client.post(url(dose), wish(make_nurse(), dose.due_on, "13:00"))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "This dose has a visit already." in page and "Ben Ortiz booked" in page
    assert '<option value="13:00" selected>' in page


def test_a_nurse_taken_by_another_patient_is_a_lost_race_that_names_the_other_booking():
    nurse, ben = make_nurse(), make_user(first_name="Ben", last_name="Ortiz")
    dose, other = make_dose(), make_dose()
    make_visit(other, nurse, by=ben)
    with at_the_desk() as client:
        answer = client.post(url(dose), wish(nurse, dose.due_on, "10:00"))
    assert answer.status_code == 409
    assert "Ben Ortiz booked" in answer.content.decode()
    assert not Visit.objects.filter(dose=dose).exists()


def test_a_rule_is_told_beside_the_field_that_broke_it():
    dose, nurse = make_dose(), make_nurse(competencies=("iv",))
    with at_the_desk() as client:
        answer = client.post(url(dose), wish(nurse, dose.due_on))
    assert answer.status_code == 422
    assert "no competency" in str(answer.context["form"].errors["nurse"])
    assert answer.content.decode().count("<title>Error:") == 1


def test_what_needs_a_reason_asks_for_one_and_books_with_it():
    dose, nurse, user = make_dose(ready=False), make_nurse(), make_user()
    with at_the_desk(user) as client:
        asked = client.post(url(dose), wish(nurse, dose.due_on))
        assert asked.status_code == 422
        assert "Hepatitis B" in str(asked.context["form"].errors["override"])
        assert not Visit.objects.exists()
        answer = client.post(
            url(dose), wish(nurse, dose.due_on, override="Result seen on paper, being filed")
        )
    assert answer.status_code == 302
    visit = Visit.objects.get(dose=dose)
    assert (visit.override_by, visit.override_reason) == (user, "Result seen on paper, being filed")


def test_the_verdict_comes_before_the_booking_and_writes_nothing():
    dose, nurse = make_dose(), make_nurse()
    away = at(dose.due_on, 12)
    make_time_off(nurse, away, away + 2 * 60 * MINUTE)
    said = {}
    with at_the_desk() as client:
        for start in ("07:00", "11:00", "20:00"):
            answer = client.get(url(dose), wish(nurse, dose.due_on, start), headers={"HX-Request": "true"})
            said[start] = answer.context["verdict"].status
            assert "<html" not in answer.content.decode()
    assert said == {"07:00": "ok", "11:00": "stop", "20:00": "wait"}
    assert not Visit.objects.exists()
    looks = Event.objects.filter(action="chart_read", patient=dose.prescription.patient)
    assert looks.count() == 1, "one look, however many times are tried"


def test_without_script_a_button_gives_the_same_verdict():
    dose, nurse = make_dose(), make_nurse()
    with at_the_desk() as client:
        answer = client.post(url(dose), wish(nurse, dose.due_on, check="1"))
    assert answer.status_code == 200
    assert "This time works." in answer.content.decode()
    assert not Visit.objects.exists()


def test_a_time_the_clocks_skip_is_refused_beside_the_field():
    start_on = date(2026, 3, 8)  # clocks go forward at 2:00 in Dallas
    dose, nurse = make_dose(start_on=start_on), make_nurse(hours=None)
    with at_the_desk() as client:
        answer = client.post(url(dose), wish(nurse, start_on, "02:30"))
    assert answer.status_code == 422
    assert "clocks go forward" in str(answer.context["form"].errors["start"])


def test_a_skipped_time_is_told_before_the_booking_too():
    start_on = date(2026, 3, 8)
    dose, nurse = make_dose(start_on=start_on), make_nurse()
    with at_the_desk() as client:
        part = client.get(url(dose), wish(nurse, start_on, "02:30"), headers={"HX-Request": "true"})
    assert "clocks go forward" in part.content.decode()


def test_of_a_time_that_comes_twice_the_first_is_meant_and_told():
    start_on = date(2026, 11, 1)  # clocks go back at 2:00 in Dallas
    dose, nurse = make_dose(start_on=start_on), make_nurse()
    with at_the_desk() as client:
        answer = client.post(url(dose), wish(nurse, start_on, "01:30", check="1"))
        assert answer.context["form"].starts_at == datetime.fromisoformat("2026-11-01T06:30:00+00:00")
        assert "comes twice" in answer.content.decode()
        reason = {"override": "asked for the night"}
        booked = client.post(url(dose), wish(nurse, start_on, "01:30", **reason), follow=True)
    assert "first of the two times" in booked.content.decode()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"nurse": ""}, "nurse"),
        ({"nurse": "999999"}, "nurse"),
        ({"nurse": "<script>"}, "nurse"),
        ({"day": ""}, "day"),
        ({"day": "2026-02-30"}, "day"),
        ({"day": "other", "other_day": "2026-02-30"}, "other_day"),
        ({"day": "other", "other_day": ""}, "other_day"),
        ({"day": "other", "other_day": "9999-12-31"}, "other_day"),
        ({"start": ""}, "start"),
        ({"start": "25:61"}, "start"),
        ({"override": "x" * 10_000}, "override"),
    ],
)
def test_what_cannot_be_understood_is_told_beside_its_field_and_kept(wrong, field):
    dose, nurse = make_dose(), make_nurse()
    with at_the_desk() as client:
        answer = client.post(url(dose), {**wish(nurse, dose.due_on), **wrong})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Visit.objects.exists()
    if field == "override":
        assert "x" * 10_000 in answer.content.decode()


def test_a_double_click_books_once():
    dose, nurse = make_dose(), make_nurse()
    with at_the_desk() as client:
        statuses = [client.post(url(dose), wish(nurse, dose.due_on)).status_code for _n in range(2)]
    assert statuses == [302, 409]
    assert Visit.objects.count() == 1


def test_the_board_can_ask_for_a_nurse_and_a_day():
    dose, nurse = make_dose(), make_nurse()
    with at_the_desk() as client:
        form = client.get(url(dose), {"nurse": nurse.pk, "day": (dose.due_on + DAY).isoformat()}).context[
            "form"
        ]
        strange = client.get(url(dose), {"nurse": "x", "day": "2026-02-30"})
    assert (str(form["nurse"].value()), form["day"].value()) == (
        str(nurse.pk),
        (dose.due_on + DAY).isoformat(),
    )
    assert strange.status_code == 200


def test_a_drug_never_given_at_home_has_no_booking_form():
    dose = make_dose(regimen_id="alemtuzumab_ms", ready=False)
    make_nurse()
    with at_the_desk() as client:
        page = client.get(url(dose))
        assert 'name="nurse"' not in page.content.decode()
        assert client.post(url(dose), wish(make_nurse(), dose.due_on)).status_code == 422


def test_nurses_who_cannot_give_the_drug_come_last_with_the_reason():
    dose = make_dose()
    cannot, can = make_nurse(last_name="Aaron", competencies=("iv",)), make_nurse(last_name="Zuniga")
    with at_the_desk() as client:
        groups = client.get(url(dose)).context["form"].fields["nurse"].choices[1:]
    assert [[key for key, _label in members] for _name, members in groups] == [
        [str(can.pk)],
        [str(cannot.pk)],
    ]
    assert "no competency" in groups[1][1][0][1]


def test_first_times_keep_clear_of_holds():
    dose = make_dose()
    make_nurse()
    Hold.objects.create(
        prescription=dose.prescription,
        starts_on=today_at(),
        clears_on=dose.due_on + 3 * DAY,
        reason="infection",
    )
    with at_the_desk() as client:
        slots = client.get(url(dose)).context["slots"]
    assert slots and all(slot["value"].split("|")[1] >= (dose.due_on + 3 * DAY).isoformat() for slot in slots)


def finder(dose):
    return reverse("dose-slots", args=[dose.pk])


def test_the_slot_finder_shows_three_and_keeps_the_others_at_hand():
    dose = make_dose()
    for _n in range(5):
        make_nurse()
    make_nurse(competencies=("iv",))
    with at_the_desk() as client:
        answer = client.get(finder(dose))
        page = answer.content.decode()
        assert len(answer.context["slots"]) == 3 and len(answer.context["more_slots"]) == 7
        assert "More times" in page and "1 nurse ruled out: why" in page
        assert "1 nurse: not signed off for this drug" in page
        last = answer.context["more_slots"][-1]
        assert client.post(finder(dose), {"slot": last["value"]}).status_code == 302
    assert Visit.objects.filter(dose=dose).count() == 1


def test_the_slot_finder_says_why_there_is_no_time():
    visit = make_visit()
    with at_the_desk() as client:
        taken = client.get(finder(visit.dose)).content.decode()
        assert "It has a visit." in taken and reverse("visit", args=[visit.pk]) in taken
        dose = make_dose(regimen_id="alemtuzumab_ms", ready=False)
        page = client.get(finder(dose)).content.decode()
    assert "never given at home" in page and "Best times" not in page


def test_without_a_slot_the_page_says_who_was_ruled_out():
    dose, nurse = make_dose(), make_nurse()
    make_time_off(nurse, NOW - DAY, NOW + 99 * DAY)
    with at_the_desk() as client:
        page = client.get(url(dose)).content.decode()
    assert "1 nurse: away on these days" in page


def test_opening_the_page_is_in_the_audit_trail():
    dose, user = make_dose(), make_user()
    with at_the_desk(user) as client:
        client.get(url(dose))
    assert (
        Event.objects.filter(action="chart_read", actor=user, patient=dose.prescription.patient).count() == 1
    )


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_the_page_does_not_exist_for_nurses_and_patients(role):
    dose = make_dose()
    with at_the_desk(make_user(role)) as client:
        assert client.get(url(dose)).status_code == 404
        assert client.post(url(dose)).status_code == 404


def test_a_guessed_dose_is_not_found():
    with at_the_desk() as client:
        assert client.get(reverse("dose-book", args=[987654])).status_code == 404


def test_the_page_asks_the_database_as_often_for_many_nurses_as_for_few():
    dose = make_dose()

    def asked() -> int:
        with at_the_desk() as client:
            client.get(url(dose))
            with CaptureQueriesContext(connection) as seen:
                client.get(url(dose))
        return len(seen)

    make_visit(nurse=make_nurse())
    few = asked()
    for _n in range(5):
        make_visit(nurse=make_nurse())
    assert asked() == few <= 30


def test_the_times_are_those_of_the_home_not_of_the_agency():
    patient = make_patient(time_zone="America/Denver", state="CO")
    dose = make_dose(make_prescription(patient))
    nurse = make_nurse(licence_state="CO")
    with at_the_desk() as client:
        client.post(url(dose), wish(nurse, dose.due_on, "09:00"))
    visit = Visit.objects.get(dose=dose)
    assert visit.starts_at == at(dose.due_on, 9, time_zone="America/Denver")
    assert visit.starts_at - NOW > timedelta()


def test_a_proposed_time_that_needs_a_reason_asks_for_it_in_the_filled_form():
    dose = make_dose(ready=False)
    make_nurse()
    with at_the_desk() as client:
        slot = client.get(url(dose)).context["slots"][0]["value"]
        answer = client.post(url(dose), {"slot": slot})
        assert answer.status_code == 422
        form = answer.context["form"]
        assert "Hepatitis B" in str(form.errors["override"])
        typed = {name: form[name].value() for name in ("nurse", "day", "other_day", "start")}
        assert client.post(url(dose), {**typed, "override": "Result seen on paper"}).status_code == 302


def test_a_hold_over_every_day_on_offer_is_said_instead_of_blaming_the_nurses():
    dose = make_dose()
    make_nurse()
    Hold.objects.create(prescription=dose.prescription, starts_on=today_at(), reason="infection")
    with at_the_desk() as client:
        page = client.get(url(dose)).content.decode()
    assert "A hold covers all these days" in page
    assert "No nurse is free" not in page
