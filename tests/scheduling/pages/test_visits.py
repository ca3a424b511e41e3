"""The page of a visit, and moving and cancelling it: classified, versioned, told when somebody was first."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Role
from scheduling.models import Event, Notice, Visit
from scheduling.services import booking, replies, screens
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    make_dose,
    make_lab_visit,
    make_nurse,
    make_patient,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def move_wish(visit, nurse=None, start="13:00", **more):
    return {
        "nurse": (nurse or visit.nurse).pk,
        "day": visit.local_start.date().isoformat(),
        "other_day": "",
        "start": start,
        "reason_class": "patient",
        "note": "asked for the afternoon",
        "override": "",
        "version": visit.version,
        **more,
    }


def url(name, visit):
    return reverse(name, args=[visit.pk])


def test_the_page_tells_everything_of_a_visit():
    user = make_user(first_name="Ben", last_name="Ortiz")
    dose = make_dose(ready=False)
    visit = make_visit(dose, by=user, override="Result seen on paper")
    moved = booking.move_visit(
        visit_id=visit.pk, nurse_id=make_nurse().pk, starts_at=at(dose.due_on, 13), by=user,
        reason_class="weather", note="ice on the road", override="Result seen on paper", now=NOW,
    )  # fmt: skip
    with at_the_desk() as client:
        page = client.get(url("visit", moved)).content.decode()
    shown = [
        "1:00 pm",
        "Result seen on paper",
        "Ben Ortiz",
        "Weather",
        "ice on the road",
        "Visit booked",
        "Hepatitis B",
    ]
    for said in shown:
        assert said in page, said


def test_reading_a_visit_is_in_the_audit_trail():
    visit, user = make_visit(), make_user()
    with at_the_desk(user) as client:
        client.get(url("visit", visit))
    assert Event.objects.filter(action="chart_read", actor=user, patient=visit.patient).count() == 1


def test_a_move_keeps_the_old_visit_and_leads_to_the_new_one():
    visit = make_visit()
    with at_the_desk() as client:
        answer = client.post(url("visit-move", visit), move_wish(visit), follow=True)
    new = Visit.objects.get(moved_from=visit)
    assert answer.redirect_chain == [(url("visit", new), 302)]
    assert "Moved to" in answer.content.decode()
    visit.refresh_from_db()
    assert (visit.state, visit.cancel_class, visit.cancel_note) == (
        "moved",
        "patient",
        "asked for the afternoon",
    )
    assert new.starts_at == at(visit.local_start.date(), 13)


def test_the_move_form_opens_with_the_visit_as_it_is():
    visit = make_visit()
    with at_the_desk() as client:
        form = client.get(url("visit-move", visit)).context["form"]
    assert form["nurse"].value() == visit.nurse_id
    assert form["day"].value() == visit.local_start.date().isoformat()
    assert form["start"].value() == "09:00"


def test_the_move_form_opens_with_what_the_patient_asked_for():
    visit = make_visit()
    day = visit.local_start.date() + DAY
    replies.ask_move(
        visit=visit, via="link", wishes={"days": [day.isoformat()], "part": "afternoon"}, now=NOW
    )
    with at_the_desk() as client:
        form = client.get(url("visit-move", visit)).context["form"]
    assert form["day"].value() == day.isoformat()
    assert form["start"].value() == "13:00"
    assert form["reason_class"].value() == "patient"


def test_a_wish_for_another_time_is_met_with_the_times_that_fit_and_one_fills_the_form():
    visit = make_visit()
    day = (visit.local_start.date() + DAY).isoformat()
    replies.ask_move(visit=visit, via="link", wishes={"days": [day], "part": "afternoon"}, now=NOW)
    with at_the_desk() as client:
        times = client.get(url("visit-move", visit)).context["times"]
        assert times and all(f"day={day}" in one["query"] for one in times)
        assert times[0]["when"].endswith("pm"), times
        form = client.get(f"{url('visit-move', visit)}?{times[0]['query']}").context["form"]
    told = [f"{name}={form[name].value()}".replace(":", "%3A") for name in ("nurse", "day", "start")]
    assert "&".join(told) == times[0]["query"]


def test_a_worrying_health_answer_stands_on_the_visit_until_all_is_well():
    visit = make_visit()
    asked = screens.questions(visit, own=True)
    no = dict.fromkeys(asked, "no")
    for said, worry in (({**no, "fever": "yes"}, True), (no, False)):
        screens.by_phone(visit_id=visit.pk, answers=said, by=make_user(), now=NOW)
        with at_the_desk() as client:
            page = client.get(url("visit", visit)).content.decode()
        assert ("Health answers need a nurse." in page) is worry
    assert reverse("visit-screen", args=[visit.pk]) in page


def test_a_visit_that_no_longer_fits_opens_with_a_day_that_does():
    dose = make_dose(start_on=today_at())
    second = make_visit(make_dose(dose.prescription, 2, ready=False))
    make_record(dose, today_at())
    early = at(today_at() + DAY)
    Visit.objects.filter(pk=second.pk).update(
        attention="Too early.", starts_at=early, ends_at=early + 180 * MINUTE
    )
    with at_the_desk() as client:
        form = client.get(url("visit-move", second)).context["form"]
    second.dose.refresh_from_db()
    assert form["day"].value() == second.dose.due_on.isoformat()


def test_a_move_to_where_it_is_already_is_told_beside_the_time():
    visit = make_visit()
    with at_the_desk() as client:
        answer = client.post(url("visit-move", visit), move_wish(visit, start="09:00"))
    assert answer.status_code == 422
    assert "already" in str(answer.context["form"].errors["start"])


def test_a_move_without_a_classified_reason_is_refused_and_keeps_the_note():
    visit = make_visit()
    with at_the_desk() as client:
        answer = client.post(url("visit-move", visit), move_wish(visit, reason_class=""))
    assert answer.status_code == 422
    assert "asked for the afternoon" in answer.content.decode()
    assert "reason_class" in answer.context["form"].errors


def test_whoever_moves_a_visit_moved_meanwhile_sees_both():
    visit = make_visit()
    booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=at(visit.local_start.date(), 14), by=make_user(),
        reason_class="patient", now=NOW,
    )  # fmt: skip
    with at_the_desk() as client:
        answer = client.post(url("visit-move", visit), move_wish(visit))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "2:00 pm" in page and "Nothing was changed." in page
    assert url("visit", Visit.objects.get(moved_from=visit)) in page


@pytest.mark.parametrize("name", ["visit-move", "visit-cancel"])
def test_a_change_after_the_page_was_opened_is_shown_before_it_is_overwritten(name):
    visit = make_visit()
    seen = move_wish(visit)
    Visit.objects.filter(pk=visit.pk).update(version=visit.version + 1, state="confirmed")
    with at_the_desk() as client:
        answer = client.post(url(name, visit), seen)
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "Somebody changed this visit." in page and "asked for the afternoon" in page
        assert f'name="version" value="{visit.version + 1}"' in page
        visit.refresh_from_db()
        assert visit.state == "confirmed"
        assert client.post(url(name, visit), {**seen, "version": visit.version}).status_code == 302


def test_a_cancelled_visit_frees_its_dose_and_owes_the_patient_a_message():
    visit = make_visit()
    with at_the_desk() as client:
        wish = {"reason_class": "clinical", "note": "<b>fever</b>", "version": visit.version}
        answer = client.post(url("visit-cancel", visit), wish, follow=True)
        assert "needs booking again" in answer.content.decode()
        page = client.get(url("visit", visit)).content.decode()
    visit.refresh_from_db()
    assert (visit.state, visit.cancel_class) == ("cancelled", "clinical")
    assert "&lt;b&gt;fever" in page and "<b>fever" not in page
    assert Notice.objects.filter(visit=visit, kind="cancelled").exists()


def test_a_note_too_long_is_told_and_kept():
    visit = make_visit()
    with at_the_desk() as client:
        answer = client.post(
            url("visit-cancel", visit),
            {"reason_class": "patient", "note": "y" * 10_000, "version": visit.version},
        )
    assert answer.status_code == 422
    assert "y" * 10_000 in answer.content.decode()
    visit.refresh_from_db()
    assert visit.state == "booked"


def test_a_finished_visit_cannot_be_moved_or_cancelled():
    visit = make_visit()
    Visit.objects.filter(pk=visit.pk).update(state="completed")
    with at_the_desk() as client:
        assert client.get(url("visit-move", visit)).status_code == 302
        assert (
            client.post(url("visit-cancel", visit), {"reason_class": "patient", "version": 1}).status_code
            == 409
        )
        assert url("visit-move", visit) not in client.get(url("visit", visit)).content.decode()


@pytest.mark.parametrize("name", ["visit", "visit-move", "visit-cancel"])
@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_strangers_and_guessed_ids_are_not_found(name, role):
    visit = make_visit()
    with at_the_desk(make_user(role)) as client:
        assert client.get(url(name, visit)).status_code == 404
        assert client.post(url(name, visit), {}).status_code in {404, 405}
    with at_the_desk() as client:
        assert client.get(reverse(name, args=[987654])).status_code == 404


def test_a_visit_shows_the_time_on_the_patients_wall():
    patient = make_patient(time_zone="America/Denver", state="CO")
    dose = make_dose(make_prescription(patient))
    visit = make_visit(dose, make_nurse(licence_state="CO"))
    with at_the_desk() as client:
        assert ", 9:00 am" in client.get(url("visit", visit)).content.decode()


def test_a_visit_does_not_stand_in_its_own_way_when_it_is_moved_a_little():
    visit = make_visit()
    with at_the_desk() as client:
        answer = client.get(
            url("visit-move", visit), move_wish(visit, start="09:30"), headers={"HX-Request": "true"}
        )
        assert answer.context["verdict"].status == "ok"
        assert client.post(url("visit-move", visit), move_wish(visit, start="09:30")).status_code == 302


def test_a_visit_without_a_dose_is_moved_and_cancelled_like_any_other():
    lab = make_lab_visit()
    with at_the_desk() as client:
        assert url("visit-move", lab) in client.get(url("visit", lab)).content.decode()
        assert client.get(url("visit-move", lab)).status_code == 200
        assert client.post(url("visit-move", lab), move_wish(lab)).status_code == 302
        moved = Visit.objects.get(moved_from=lab)
        assert (moved.kind, moved.ends_at - moved.starts_at) == (lab.kind, lab.ends_at - lab.starts_at)
        assert "goes back" not in client.get(url("visit-cancel", moved)).content.decode()
        wish = {"reason_class": "patient", "version": moved.version}
        assert client.post(url("visit-cancel", moved), wish).status_code == 302
    moved.refresh_from_db()
    assert moved.state == "cancelled"
