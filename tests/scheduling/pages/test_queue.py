"""Needs booking: what is due without a visit, most urgent first, with what blocks it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from patients.models import Hold
from scheduling.models import PlannedDose, Visit
from scheduling.readings import queue
from scheduling.services import booking
from tests.makers import (
    DAY,
    NOW,
    clock_stands_at,
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


def rows(user=None):
    return queue.rows(user or make_user(), now=NOW)


def test_a_dose_without_a_visit_is_in_the_queue_and_leaves_it_when_booked():
    dose = make_dose()
    assert [row.dose for row in rows()] == [dose]
    make_visit(dose)
    assert dose not in [row.dose for row in rows()]


def test_a_cancelled_visit_puts_its_dose_back():
    visit = make_visit()
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=NOW)
    assert visit.dose in [row.dose for row in rows()]


def test_only_the_next_dose_of_a_prescription_waits_until_it_is_booked():
    first = make_dose()
    assert (
        PlannedDose.objects.filter(prescription=first.prescription, due_on__lt=today_at() + 60 * DAY).count()
        > 1
    )
    assert [row.dose.number for row in rows()] == [1]
    make_visit(first)
    assert [row.dose.number for row in rows()] == [2]


def test_the_days_of_a_course_wait_together_as_one_line():
    make_dose(regimen_id="methylprednisolone_iv_5d")
    (row,) = rows()
    assert [dose.number for dose in row.doses] == [1, 2, 3, 4, 5]
    assert row.numbers == "doses 1 to 5"


def test_what_is_due_later_than_sixty_days_waits_its_turn():
    make_dose(start_on=today_at() + timedelta(days=61))
    assert rows() == []


def test_overdue_doses_come_first_then_the_fewest_days_left():
    later = make_dose(start_on=today_at() + 20 * DAY)
    overdue = make_dose(start_on=today_at() - 3 * DAY)
    soon = make_dose(start_on=today_at() + 2 * DAY)
    found = rows()
    assert [row.dose for row in found] == [overdue, soon, later]
    assert [row.days_left for row in found] == [-3, 2, 20]


def test_an_overdue_dose_is_planned_for_today_and_a_held_one_for_the_end_of_its_hold():
    overdue = make_dose(start_on=today_at() - 3 * DAY)
    held = make_dose(start_on=today_at() + 2 * DAY)
    Hold.objects.create(
        prescription=held.prescription,
        starts_on=today_at(),
        clears_on=today_at() + 9 * DAY,
        reason="infection",
    )
    planned = {row.dose: row.planned_on for row in rows()}
    assert planned == {overdue: today_at(), held: today_at() + 9 * DAY}


def test_a_hold_without_an_end_leaves_no_planned_day_and_says_so():
    dose = make_dose()
    Hold.objects.create(prescription=dose.prescription, starts_on=today_at(), reason="infection")
    (row,) = rows()
    assert row.planned_on is None
    assert row.on_hold
    assert "infection" in row.blockers[0].text


def test_a_missing_paper_is_named_and_the_dose_is_clear_once_it_is_there():
    dose = make_dose(ready=False)
    (row,) = rows()
    assert "Hepatitis B screening: none on file." in [blocker.text for blocker in row.blockers]
    assert [blocker.how for blocker in row.blockers] == ["reason"] * len(row.blockers)
    make_dose(dose.prescription)  # files what the regimen asks for
    assert rows()[0].blockers == ()


def test_a_drug_never_given_at_home_is_offered_for_recording_not_for_booking():
    dose = make_dose(regimen_id="alemtuzumab_ms", ready=False)
    (row,) = rows()
    assert row.at_facility and row.never
    with at_the_desk() as client:
        page = client.get(reverse("queue")).content.decode()
    assert reverse("dose-book", args=[dose.pk]) not in page
    assert "Record it" in page


def test_an_order_that_ends_before_the_dose_is_told():
    make_dose(expires_on=today_at() + 7 * DAY, start_on=today_at() + 7 * DAY)
    make_dose(expires_on=today_at() + 8 * DAY, start_on=today_at() - 3 * DAY)
    PlannedDose.objects.filter(number=1).update(
        due_on=today_at() + 9 * DAY, window_start_on=None, window_end_on=None
    )
    assert [blocker.code for row in rows() for blocker in row.blockers] == ["ORDER_EXPIRES"] * 2


def test_visits_that_no_longer_fit_stand_on_top_with_their_reason():
    visit = make_visit()
    Visit.objects.filter(pk=visit.pk).update(attention="Too early now.", attention_code="X")
    with at_the_desk() as client:
        page = client.get(reverse("queue")).content.decode()
    assert "Too early now." in page
    assert reverse("visit-move", args=[visit.pk]) in page


def test_visits_that_lost_their_nurse_are_told_once_by_the_note_and_not_listed_again():
    visit = make_visit(nurse=(away := make_nurse()))
    other = make_visit(nurse=make_nurse())
    make_time_off(away, visit.starts_at - DAY, visit.ends_at + DAY)
    Visit.objects.filter(pk=visit.pk).update(attention="The nurse is away then.", attention_code="NURSE_AWAY")
    Visit.objects.filter(pk=other.pk).update(attention="Too early now.", attention_code="X")
    with at_the_desk() as client:
        page = client.get(reverse("queue"))
    assert page.context["lost"] == 1
    assert "1 visit has lost its nurse." in page.content.decode()
    assert page.context["decisions"] == [other]


def test_the_number_in_the_navigation_is_the_number_of_lines():
    make_dose(), make_dose(regimen_id="methylprednisolone_iv_5d")
    visit = make_visit()
    Visit.objects.filter(pk=visit.pk).update(attention="Too early now.", attention_code="X")
    user = make_user()
    with at_the_desk(user) as client:
        assert queue.count(user) == len(rows(user)) + 1
        assert (
            f'<span class="count">{queue.count(user)}</span>' in client.get(reverse("queue")).content.decode()
        )


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("", {"late", "soon", "held"}),
        ("?show=overdue", {"late"}),
        ("?show=week", {"soon"}),
        ("?show=hold", {"held"}),
        ("?language=es", {"soon"}),
        ("?drug=rituximab", set()),
        ("?show=<script>", {"late", "soon", "held"}),
    ],
)
def test_filters_narrow_the_list_and_nonsense_does_not(asked, kept):
    by = make_user()
    named = {
        "late": make_dose(start_on=today_at() - 3 * DAY),
        "soon": make_dose(
            make_prescription(make_patient(by=by, language="es"), start_on=today_at() + 2 * DAY)
        ),
        "held": make_dose(start_on=today_at() + 20 * DAY),
    }
    Hold.objects.create(prescription=named["held"].prescription, starts_on=today_at(), reason="infection")
    with at_the_desk() as client:
        shown = client.get(reverse("queue") + asked).context["page"].object_list
    assert {row.dose for row in shown} == {named[name] for name in kept}


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_the_queue_does_not_exist_for_nurses_and_patients(role):
    with at_the_desk(make_user(role)) as client:
        assert client.get(reverse("queue")).status_code == 404


def test_a_name_with_markup_is_shown_as_text():
    make_dose(make_prescription(make_patient(last_name="<img src=x onerror=alert(1)>")))
    with at_the_desk() as client:
        page = client.get(reverse("queue")).content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_the_queue_asks_the_database_as_often_for_many_lines_as_for_few():
    def asked() -> int:
        with at_the_desk() as client:
            client.get(reverse("queue"))
            with CaptureQueriesContext(
                connection,
            ) as seen:
                client.get(reverse("queue"))
        return len(seen)

    make_dose(), make_dose(regimen_id="natalizumab_q4w"), make_visit(nurse=make_nurse())
    few = asked()
    for _n in range(6):
        make_dose(), make_dose(regimen_id="natalizumab_q4w", ready=False), make_visit(nurse=make_nurse())
    assert asked() == few <= 28


def test_a_window_that_ends_today_in_the_home_may_have_ended_elsewhere():
    here = make_dose(make_prescription(make_patient(time_zone="Pacific/Honolulu"), start_on=date(2026, 3, 2)))
    with clock_stands_at(NOW.replace(day=3, hour=7)):  # 1:00 am in Dallas, still March 2 in Honolulu
        (row,) = queue.rows(make_user())
    assert (row.dose, row.days_left) == (here, 0)


def test_a_nurse_and_day_from_the_board_travel_on_to_the_booking_page():
    dose, nurse = make_dose(), make_nurse()
    asked = {"nurse": nurse.pk, "day": dose.due_on.isoformat()}
    with at_the_desk() as client:
        page = client.get(reverse("queue"), asked).content.decode()
        strange = client.get(reverse("queue"), {"nurse": "²", "day": "2026-02-30"})
    assert f"{reverse('dose-book', args=[dose.pk])}?nurse={nurse.pk}&amp;day={dose.due_on}" in page
    assert nurse.listed_name in page
    assert strange.status_code == 200 and strange.context["chosen"] == ""
