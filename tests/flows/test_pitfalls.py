"""What breaks in neighbouring software and has no better home. docs/pitfalls.md has every pitfall and its test."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from nurses.models import Licence
from patients.models import Patient, Prescription
from scheduling import tasks
from scheduling.models import DriveTime, Event, Notice, PlannedDose, SlotHold, Visit
from scheduling.rules.errors import Refused, SlotTaken
from scheduling.services import booking, outcomes, prescribing, slot_holds
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_lab_visit,
    make_nurse,
    make_papers,
    make_patient,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.api.conftest import Api

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def listed(api: Api, path: str, **query) -> list[dict]:
    """Every row of a list, page after page."""
    rows, page = [], 1
    while True:
        answer = api.get(path, page=page, **query)
        assert answer.status_code == 200, answer.content
        told = answer.json()
        rows += told["results"]
        if told["next"] is None:
            assert told["count"] == len(rows)
            return rows
        page += 1


# --- Double booking ----------------------------------------------------------------------------


def test_looking_for_a_time_writes_nothing_but_that_somebody_looked():
    """Slots are worked out, not stored: two who look at once make no twins and take nothing from each other."""
    dose = make_dose()
    make_nurse()
    api, client = Api(make_user()), Api(make_user()).http
    client.force_login(make_user())
    with clock_stands_at(NOW), CaptureQueriesContext(connection) as seen:
        for _ in range(2):
            assert api.get(f"doses/{dose.pk}/slots/").json()["slots"]
            assert client.get(reverse("dose-book", args=[dose.pk])).status_code == 200
    written = [q["sql"] for q in seen if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert all(
        sql.startswith(('INSERT INTO "scheduling_event"', 'UPDATE "knox_', 'UPDATE "django_session"'))
        for sql in written
    ), written
    assert not Visit.objects.exists() and not SlotHold.objects.exists() and not DriveTime.objects.exists()


def test_whoever_comes_back_after_a_hold_is_over_is_checked_anew():
    """A promise kept in a browser is worth nothing: what counts is what is free when the booking arrives."""
    dose, rival, nurse, mine = make_dose(), make_dose(), make_nurse(), make_user()
    nine = at(dose.due_on)
    slot_holds.hold_slot(dose_id=dose.pk, nurse_id=nurse.pk, starts_at=nine, by=mine, now=NOW)
    later = NOW + slot_holds.HOLD_FOR + MINUTE
    booking.book_visit(dose_id=rival.pk, nurse_id=nurse.pk, starts_at=nine, by=make_user(), now=later)
    with pytest.raises(SlotTaken) as refused:
        booking.book_visit(dose_id=dose.pk, nurse_id=nurse.pk, starts_at=nine, by=mine, now=later)
    assert refused.value.code == "NURSE_TAKEN"


def test_a_refused_booking_leaves_nothing_of_itself():
    visit, dose, by = make_visit(), make_dose(), make_user()
    counts = [model.objects.count() for model in (Visit, Event, Notice, SlotHold)]
    with pytest.raises(Refused):
        booking.book_visit(
            dose_id=dose.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at, by=by, override="x", now=NOW
        )
    assert counts == [model.objects.count() for model in (Visit, Event, Notice, SlotHold)]


def test_a_list_is_whole_however_long_it_is():
    """No loop ends early without a word: seventy visits of one day are seventy, on every page."""
    nurses, day = [make_nurse() for _ in range(7)], today_at() + 7 * DAY
    patient, api = make_patient(), Api(make_user())
    model = make_lab_visit(patient, nurses[0], day)
    start = at(day, 6)
    Visit.objects.bulk_create(
        Visit(
            patient=make_patient(), kind="lab_draw", nurse=nurse, time_zone=model.time_zone,
            starts_at=start + n * 30 * MINUTE, ends_at=start + n * 30 * MINUTE + 20 * MINUTE,
        )
        for nurse in nurses[1:] for n in range(12)
    )  # fmt: skip
    with clock_stands_at(NOW):
        assert len(listed(api, "visits/", **{"from": day.isoformat(), "to": day.isoformat()})) == 73
        client = api.http
        client.force_login(make_user())
        for view in ("week", "day"):
            page = client.get(reverse("board"), {"view": view, "date": day.isoformat()}).content.decode()
            shown = [v for v in Visit.objects.all() if reverse("visit", args=[v.pk]) in page]
            assert len(shown) == 73, view


# --- Series ------------------------------------------------------------------------------------


def four_weekly(start: date, now) -> Prescription:
    """Natalizumab every four weeks, three doses booked at 9:00, the clocks changing among them."""
    prescription = make_prescription(regimen_id="natalizumab_q4w", start_on=start, now=now)
    make_papers(prescription, now=now)
    return prescription


def book_at_nine(prescription: Prescription, number: int, now) -> Visit:
    dose = PlannedDose.objects.get(prescription=prescription, number=number)
    return booking.book_visit(
        dose_id=dose.pk, nurse_id=make_nurse().pk, starts_at=at(dose.due_on), by=make_user(),
        override="the papers follow", now=now,
    )  # fmt: skip


@pytest.mark.parametrize("change", [date(2026, 3, 8), date(2026, 11, 1)])
def test_a_series_over_a_change_of_the_clocks_keeps_its_hour_and_a_moved_visit_stays_one(change):
    now = at(change - 40 * DAY)
    with clock_stands_at(now):
        prescription = four_weekly(change - 28 * DAY, now)
        visits = [book_at_nine(prescription, number, now) for number in (1, 2, 3)]
        assert [visit.local_start.hour for visit in visits] == [9, 9, 9]
        assert visits[1].local_start.date() == change
        moved = booking.move_visit(
            visit_id=visits[1].pk, nurse_id=visits[1].nurse_id, starts_at=visits[1].starts_at + HOUR,
            by=make_user(), reason_class="patient", override="the papers follow", now=now,
        )  # fmt: skip
        tasks.extend_calendars()
    live = Visit.objects.filter(patient=prescription.patient, state="booked").order_by("starts_at")
    assert [visit.pk for visit in live] == [visits[0].pk, moved.pk, visits[2].pk]
    assert [visit.local_start.hour for visit in live] == [9, 10, 9]
    assert PlannedDose.objects.filter(prescription=prescription, due_on=change, state="planned").count() == 1


def test_a_cancelled_visit_stays_cancelled_whatever_is_planned_later():
    now = at(date(2026, 2, 2))
    with clock_stands_at(now):
        prescription = four_weekly(date(2026, 2, 9), now)
        visits = [book_at_nine(prescription, number, now) for number in (1, 2, 3)]
        booking.cancel_visit(visit_id=visits[1].pk, by=make_user(), reason_class="patient", now=now)
    with clock_stands_at(at(date(2026, 2, 10))):
        make_record(visits[0].dose, date(2026, 2, 9), now=at(date(2026, 2, 10)))
        tasks.extend_calendars()
    states = {visit.pk: visit.state for visit in Visit.objects.all()}
    assert states == {visits[0].pk: "completed", visits[1].pk: "cancelled", visits[2].pk: "booked"}
    assert not PlannedDose.objects.get(pk=visits[1].dose_id).visits.exclude(state="cancelled").exists()


def test_one_visit_cancelled_or_moved_leaves_its_neighbours_as_they_were():
    now = at(date(2026, 2, 2))
    with clock_stands_at(now):
        prescription = four_weekly(date(2026, 2, 9), now)
        first, second, third = (book_at_nine(prescription, number, now) for number in (1, 2, 3))
        before = Visit.objects.filter(pk__in=[first.pk, third.pk]).values(
            "pk", "state", "starts_at", "version"
        )
        stood = list(before.order_by("pk"))
        booking.cancel_visit(visit_id=second.pk, by=make_user(), reason_class="patient", now=now)
    assert list(before.order_by("pk")) == stood


# --- Change and its traces ---------------------------------------------------------------------


def test_a_program_can_tell_a_move_from_a_cancellation():
    visit, other, api = make_visit(), make_visit(), Api(make_user())
    with clock_stands_at(NOW):
        moved = api.post(
            f"visits/{visit.pk}/move/",
            {"starts_at": (visit.starts_at + HOUR).isoformat(), "reason_class": "patient"},
        ).json()
        api.post(f"visits/{other.pk}/cancel/", {"reason_class": "patient"})
        assert api.get(f"visits/{visit.pk}/").json()["state"] == "moved"
        assert api.get(f"visits/{other.pk}/").json()["state"] == "cancelled"
    assert moved["moved_from"] == visit.pk
    actions = Event.objects.filter(action__in=["visit_moved", "visit_cancelled"]).values_list(
        "action", flat=True
    )
    assert sorted(actions) == ["visit_cancelled", "visit_moved"]


def test_a_visit_can_be_cancelled_whatever_else_has_become_wrong():
    """What a new booking would be refused for never keeps anybody from calling an old one off."""
    visit, by = make_visit(), make_user()
    Licence.objects.all().delete()
    visit.nurse.competencies.all().delete()
    visit.nurse.shifts.all().delete()
    type(visit.nurse).objects.update(active=False)
    Prescription.objects.update(status="discontinued")
    Patient.objects.update(status="in_hospital", latitude=0, longitude=0)
    gone = booking.cancel_visit(visit_id=visit.pk, by=by, reason_class="clinical", now=NOW)
    assert gone.state == "cancelled"


def test_every_change_of_a_visit_names_who_made_it():
    by, nurse = make_user(), make_nurse()
    visit = make_visit(nurse=nurse, by=by)
    moved = booking.move_visit(
        visit_id=visit.pk, nurse_id=nurse.pk, starts_at=visit.starts_at + HOUR, by=by,
        reason_class="patient", now=NOW,
    )  # fmt: skip
    outcomes.confirm_visit(visit_id=moved.pk, by=by, now=NOW)
    booking.cancel_visit(visit_id=moved.pk, by=by, reason_class="patient", now=NOW)
    changes = Event.objects.filter(action__startswith="visit_")
    told = set(changes.values_list("action", "actor"))
    wanted = ("visit_booked", "visit_moved", "visit_confirmed", "visit_cancelled")
    assert told == {(action, by.pk) for action in wanted}


def test_a_past_visit_is_marked_by_a_person_and_never_by_a_clock():
    visit = make_visit(now=NOW)
    weeks_later = visit.ends_at + 30 * DAY
    with clock_stands_at(weeks_later):
        for task in (tasks.send_due_notices, tasks.extend_calendars, tasks.tidy, tasks.refresh_roads):
            task()
        untouched = Visit.objects.get(pk=visit.pk)
        assert (untouched.state, untouched.version) == ("booked", visit.version)
        client = Api(make_user()).http
        client.force_login(make_user())
        page = client.get(reverse("unresolved")).content.decode()
    assert reverse("visit", args=[visit.pk]) in page


# --- Who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_only_the_office_books_moves_and_cancels(role):
    """A nurse is not booked by another nurse, and patients see their visits and ask for a change."""
    nurse = make_nurse()
    patient = make_patient(user=True)
    visit = make_visit(make_dose(make_prescription(patient)), nurse)
    dose = make_dose(make_prescription(patient, "natalizumab_q4w"))
    api = Api(nurse.user if role == Role.NURSE else patient.user)
    body = {"starts_at": (visit.starts_at + DAY).isoformat(), "reason_class": "patient"}
    tries = (
        ("visits/", {"dose": dose.pk, "nurse": nurse.pk, **body}),
        (f"visits/{visit.pk}/move/", body),
        (f"visits/{visit.pk}/cancel/", body),
    )
    with clock_stands_at(visit.starts_at - DAY):
        for path, sent in tries:
            assert api.post(path, sent).status_code in {403, 404}, path
        assert api.get(f"doses/{dose.pk}/slots/").status_code in {403, 404}
        for name, key in (("dose-book", dose.pk), ("visit-move", visit.pk), ("visit-cancel", visit.pk)):
            api.http.force_login(api.user)
            answer = api.http.post(reverse(name, args=[key]), {})
            assert answer.status_code == 404, name
            assert patient.last_name not in answer.content.decode()
    assert Visit.objects.get().state == "booked"


def test_a_change_of_the_order_asks_a_person_and_moves_no_booked_visit():
    visit = make_visit()
    with clock_stands_at(NOW):
        prescribing.stop(
            prescription_id=visit.dose.prescription_id,
            stopped_on=today_at(),
            why="no longer wanted",
            by=make_user(),
        )
    visit.refresh_from_db()
    assert visit.state == "booked" and visit.attention


# --- Messages ----------------------------------------------------------------------------------


def test_a_message_says_the_time_on_the_wall_of_the_home(mailoutbox):
    """The server keeps UTC, the agency is in Dallas: the patient in Denver reads Denver's time."""
    patient = make_patient(time_zone="America/Denver", state="NM")
    dose = make_dose(make_prescription(patient))
    nurse = make_nurse(licence_state="NM", time_zone="America/Denver")
    visit = make_visit(dose, nurse, at(dose.due_on, 10, time_zone="America/Denver"))
    with clock_stands_at(NOW + 10 * MINUTE):
        tasks.send_due_notices()
    (mail,) = mailoutbox
    assert "10:00 am" in mail.body
    assert visit.starts_at.strftime("%H:%M") not in mail.body


def test_sending_changes_nothing_about_the_visit(mailoutbox):
    visit = make_visit()
    stood = Visit.objects.values().get(pk=visit.pk)
    with clock_stands_at(NOW + 10 * MINUTE):
        tasks.send_due_notices()
    assert mailoutbox
    assert Visit.objects.values().get(pk=visit.pk) == stood
