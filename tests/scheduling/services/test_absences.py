"""A nurse is away: nothing is cancelled, what lost its nurse says so, and taking it back makes all well again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from django.db import transaction

from nurses.models import Licence, TimeOff
from scheduling.models import Event, Notice, Visit
from scheduling.rules.errors import BadInput, Conflict, RuleBroken
from scheduling.services import absences, booking, doses, preflight
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    make_dose,
    make_lab_visit,
    make_nurse,
    make_user,
    make_visit,
    today_at,
)
from tests.threads import all_at_once, own_connection

pytestmark = pytest.mark.django_db
TODAY = today_at()
HOUR = 60 * MINUTE


def away(nurse, first=TODAY + 7 * DAY, last=None, *, reason="sick", by=None, now=NOW):
    """Off from the beginning of the first day to the end of the last."""
    return absences.record_time_off(
        nurse_id=nurse.pk, starts_at=at(first, 0), ends_at=at((last or first) + DAY, 0), reason_class=reason,
        by=by or make_user(), now=now,
    )  # fmt: skip


def test_visits_of_a_nurse_who_is_away_stay_booked_and_ask_for_a_decision():
    nurse = make_nurse()
    visit, lab = make_visit(nurse=nurse), make_lab_visit(nurse=nurse, on=TODAY + 8 * DAY)
    later = make_visit(make_dose(start_on=TODAY + 9 * DAY), nurse)
    messages = Notice.objects.count()
    absence = away(nurse, visit.local_start.date(), lab.local_start.date())
    assert [x.pk for x in absence.uncovered] == [visit.pk, lab.pk]
    for row in (visit, lab, later):
        row.refresh_from_db()
    assert [row.state for row in (visit, lab, later)] == ["booked"] * 3
    assert [row.attention_code for row in (visit, lab, later)] == ["NURSE_AWAY", "NURSE_AWAY", ""]
    assert Notice.objects.count() == messages, "the patient hears once, when it is settled"
    event = Event.objects.get(action="nurse_away")
    assert event.detail["visits"] == [visit.pk, lab.pk] and event.detail["reason_class"] == "sick"


def test_the_flag_outlives_a_new_calendar_and_goes_with_the_visit_to_another_nurse():
    nurse, other, user = make_nurse(), make_nurse(), make_user()
    visit = make_visit(nurse=nurse)
    away(nurse, visit.local_start.date())
    doses.sync(visit.dose.prescription, today=TODAY)
    visit.refresh_from_db()
    assert visit.attention_code == "NURSE_AWAY"
    moved = booking.move_visit(
        visit_id=visit.pk, nurse_id=other.pk, starts_at=visit.starts_at, by=user, reason_class="provider", now=NOW
    )  # fmt: skip
    moved.refresh_from_db()
    assert (moved.attention_code, moved.nurse) == ("", other)


def test_time_off_taken_back_covers_the_visits_again_unless_she_is_away_for_another_reason():
    nurse, user = make_nurse(), make_user()
    visit = make_visit(nurse=nurse)
    day = visit.local_start.date()
    sick = away(nurse, day).time_off
    leave = away(nurse, day - DAY, day + DAY, reason="leave").time_off
    absences.withdraw_time_off(time_off_id=sick.pk, by=user, why="better", now=NOW)
    visit.refresh_from_db()
    assert visit.attention_code == "NURSE_AWAY"
    absences.withdraw_time_off(time_off_id=leave.pk, by=user, now=NOW)
    visit.refresh_from_db()
    assert (visit.attention_code, visit.attention) == ("", "")
    assert TimeOff.objects.filter(withdrawn_at__isnull=False).count() == 2, "taken back, never deleted"
    assert Event.objects.filter(action="nurse_back", why="better").count() == 1
    with pytest.raises(Conflict) as no:
        absences.withdraw_time_off(time_off_id=leave.pk, by=user, now=NOW)
    assert no.value.code == "ALREADY_WITHDRAWN"


def test_a_visit_with_a_worse_question_keeps_it():
    nurse = make_nurse()
    visit = make_visit(nurse=nurse)
    Visit.objects.filter(pk=visit.pk).update(attention_code="TOO_SHORT", attention="Too short now.")
    absence = away(nurse, visit.local_start.date())
    assert [x.pk for x in absence.uncovered] == [visit.pk]
    absences.withdraw_time_off(time_off_id=absence.time_off.pk, by=make_user(), now=NOW)
    visit.refresh_from_db()
    assert visit.attention_code == "TOO_SHORT"


def test_nobody_is_booked_into_time_off_and_into_what_was_taken_back_somebody_may():
    nurse, dose, user = make_nurse(), make_dose(), make_user()
    book = partial(
        booking.book_visit, dose_id=dose.pk, nurse_id=nurse.pk, starts_at=at(dose.due_on), by=user, now=NOW
    )
    off = away(nurse, dose.due_on).time_off
    with pytest.raises(RuleBroken) as no:
        book(override="please")
    assert no.value.code == "TIME_OFF"
    absences.withdraw_time_off(time_off_id=off.pk, by=user, now=NOW)
    assert book().nurse == nurse


def test_time_off_begins_and_ends_to_the_minute():
    nurse = make_nurse()
    visit = make_visit(nurse=nurse)
    before = (visit.starts_at - HOUR, visit.starts_at)
    after = (visit.ends_at, visit.ends_at + HOUR)
    for starts_at, ends_at in (before, after):
        found = absences.record_time_off(
            nurse_id=nurse.pk,
            starts_at=starts_at,
            ends_at=ends_at,
            reason_class="other",
            by=make_user(),
            now=NOW,
        )
        assert found.uncovered == ()


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "reason", "field"),
    [
        (NOW, NOW, "sick", "ends_at"),
        (NOW - DAY, NOW, "sick", "ends_at"),
        (NOW, NOW + 401 * DAY, "leave", "ends_at"),
        (NOW, NOW + DAY, "tired", "reason_class"),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(starts_at, ends_at, reason, field):
    nurse = make_nurse()
    with pytest.raises(BadInput) as no:
        absences.record_time_off(
            nurse_id=nurse.pk,
            starts_at=starts_at,
            ends_at=ends_at,
            reason_class=reason,
            by=make_user(),
            now=NOW,
        )
    assert no.value.field == field
    assert not TimeOff.objects.exists()


def test_a_double_click_records_one_absence():
    nurse = make_nurse()
    away(nurse)
    with pytest.raises(Conflict) as no:
        away(nurse)
    assert no.value.code == "ALREADY_AWAY"


def test_booking_beyond_the_last_day_of_a_licence_is_refused():
    nurse, dose = make_nurse(), make_dose()
    Licence.objects.filter(nurse=nurse).update(expires_on=dose.due_on - DAY)
    book = partial(
        booking.book_visit,
        dose_id=dose.pk,
        nurse_id=nurse.pk,
        starts_at=at(dose.due_on),
        by=make_user(),
        now=NOW,
    )
    with pytest.raises(RuleBroken) as no:
        book(override="please")
    assert no.value.code == "LICENCE_EXPIRED"
    Licence.objects.filter(nurse=nurse).update(expires_on=dose.due_on)
    assert book().nurse == nurse


def test_booking_beyond_the_last_day_of_a_competency_is_refused():
    nurse, dose = make_nurse(), make_dose()
    nurse.competencies.filter(code="iv").update(expires_on=dose.due_on - DAY)
    book = partial(
        booking.book_visit,
        dose_id=dose.pk,
        nurse_id=nurse.pk,
        starts_at=at(dose.due_on),
        by=make_user(),
        now=NOW,
    )
    with pytest.raises(RuleBroken) as no:
        book(override="please")
    assert no.value.code == "COMPETENCY_EXPIRED"
    nurse.competencies.filter(code="iv").update(expires_on=dose.due_on)
    assert book().nurse == nurse


@pytest.mark.django_db(transaction=True)
def test_a_booking_and_time_off_at_the_same_moment_never_miss_each_other():
    user = make_user()
    for _round in range(8):
        nurse, dose = make_nurse(user=False), make_dose(by=user)
        book = partial(
            booking.book_visit,
            dose_id=dose.pk,
            nurse_id=nurse.pk,
            starts_at=at(dose.due_on),
            by=user,
            now=NOW,
        )
        booked, off = all_at_once([book, partial(away, nurse, dose.due_on, by=user)])
        assert isinstance(off, absences.Absence), off
        if isinstance(booked, Visit):
            booked.refresh_from_db()
            assert booked.attention_code == "NURSE_AWAY"
        else:
            assert isinstance(booked, RuleBroken) and booked.code == "TIME_OFF"


@pytest.mark.django_db(transaction=True)
def test_time_off_waits_for_a_booking_under_way_and_then_sees_its_visit():
    user, nurse, dose = make_user(), make_nurse(), make_dose()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():  # booked and not committed
            visit = make_visit(dose, nurse, by=user)
            late = pool.submit(own_connection, away, nurse, dose.due_on, by=user)
            with pytest.raises(TimeoutError):
                late.result(timeout=0.5)
        assert [x.pk for x in late.result(timeout=10).uncovered] == [visit.pk]


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_a_booking_and_time_off_pass_each_other_unseen():
    """The twin: both look before either writes, and a visit stands in time off with no word about it."""
    nurse, dose = make_nurse(), make_dose()
    patient, starts_at = dose.prescription.patient, at(dose.due_on)
    both_looked = Barrier(2)

    def book():
        with transaction.atomic():
            problems = preflight.nurse_problems(
                nurse, patient, needs=preflight.needs_of(dose), starts_at=starts_at, length=dose.length
            )
            both_looked.wait(timeout=20)
            assert problems == []
            return Visit.objects.create(
                patient=patient, dose=dose, nurse=nurse, starts_at=starts_at, ends_at=starts_at + dose.length,
                time_zone=patient.time_zone,
            )  # fmt: skip

    def go_away():
        with transaction.atomic():
            seen = list(Visit.objects.filter(nurse=nurse))
            both_looked.wait(timeout=20)
            TimeOff.objects.create(nurse=nurse, starts_at=starts_at, ends_at=starts_at + timedelta(days=1))
            return seen

    visit, seen = all_at_once([book, go_away])
    assert isinstance(visit, Visit) and seen == []
    visit.refresh_from_db()
    assert visit.attention_code == ""
