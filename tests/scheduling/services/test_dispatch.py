"""Messages at their time: sent once, on time, by what is true at that moment; or the row says why not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from threading import Barrier

import pytest
from django.core import mail

from patients.models import Contact, Patient
from scheduling.models import Alert, Notice, Visit
from scheduling.services import booking, consents, dispatch, notices, outcomes, policy, sendable, tries
from scheduling.transports import Doubt, NotSent, Sent, TryAgain
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_evidence,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    phone,
)  # fmt: skip
from tests.scheduling.services.recorder import Recorder, record
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db

SOON = NOW + timedelta(seconds=1)
MONDAY = date(2026, 3, 9)  # the day of a visit that make_visit books
BEFORE = ("week_before", "confirm", "health_screen", "preparation", "day_before")


@pytest.fixture
def texts(monkeypatch) -> Recorder:
    way = Recorder()
    record(monkeypatch, text=way)
    return way


def texted(number: int = 1, **fields) -> Patient:
    """A patient who is reached by text alone."""
    patient = make_patient(email="", **fields)
    Contact.objects.create(
        patient=patient, channel="text", value=phone(number), consented_at=NOW, consent_source="test"
    )
    return patient


def visit_of(patient: Patient, **fields) -> Visit:
    return make_visit(make_dose(make_prescription(patient)), **fields)


def rows(**where) -> dict[str, tuple[str, str]]:
    """kind -> state and reason, of one channel."""
    return {row.kind: (row.state, row.reason) for row in Notice.objects.filter(**where)}


def states(**where) -> dict[str, str]:
    return {kind: state for kind, (state, _reason) in rows(**where).items()}


def clear_the_way(visit: Visit) -> None:
    """The news of the booking is old."""
    Notice.objects.filter(visit=visit, kind="booked").update(
        state="sent", attempted_at=NOW - 30 * DAY, settled_at=NOW - 30 * DAY
    )


# --- The series ---------------------------------------------------------------------------------


def test_a_visit_owes_its_whole_series_once_a_channel():
    patient = texted()
    Contact.objects.create(patient=patient, channel="email", value="a@example.com", consented_at=NOW)
    visit = visit_of(patient)
    for channel in ("email", "text"):
        assert set(states(visit=visit, channel=channel)) == {"booked", *BEFORE}
    notices.queue("booked", visit=visit, now=NOW)
    assert Notice.objects.filter(visit=visit).count() == 12


def test_a_lead_time_that_is_past_at_booking_is_skipped_and_says_so():
    visit = make_visit(make_dose(), now=at(MONDAY - 2 * DAY, 11))
    assert rows(visit=visit)["confirm"] == ("suppressed", "its time had passed when the visit was planned")
    assert states(visit=visit)["day_before"] == "planned"


def test_each_message_of_the_series_goes_at_its_time_and_the_three_of_one_day_are_one(texts):
    visit = visit_of(texted())
    clear_the_way(visit)
    for days in (7, 2, 1):
        dispatch.send_due(now=at(MONDAY - days * DAY, 10))
    assert len(texts.taken) == 3
    assert states(visit=visit) == {
        "booked": "sent", "week_before": "sent", "confirm": "sent", "health_screen": "suppressed",
        "preparation": "suppressed", "day_before": "sent",
    }  # fmt: skip
    assert "said in the message" in rows(visit=visit)["preparation"][1]


def test_who_has_confirmed_is_not_asked_to_but_is_asked_for_their_health(texts):
    visit = visit_of(texted())
    clear_the_way(visit)
    outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=NOW + DAY)
    assert rows(visit=visit)["confirm"] == ("suppressed", "the patient has confirmed already")
    dispatch.send_due(now=at(MONDAY - 2 * DAY, 10))
    assert states(visit=visit)["health_screen"] == "sent"
    assert states(visit=visit)["preparation"] == "suppressed"
    assert len(texts.taken) == 1


def test_who_has_confirmed_and_answered_still_hears_how_to_get_ready(texts):
    visit = visit_of(texted())
    clear_the_way(visit)
    outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=NOW + DAY)
    with clock_stands_at(NOW + 6 * DAY):
        make_evidence(visit.patient, kind="health_screen", dated_on=MONDAY - 2 * DAY)
    dispatch.send_due(now=at(MONDAY - 2 * DAY, 10))
    assert rows(visit=visit)["health_screen"] == ("suppressed", "the health questions are answered")
    assert rows(visit=visit)["preparation"] == ("sent", "")


def test_what_was_told_within_a_day_is_not_repeated():
    visit = make_visit()
    dispatch.send_due(now=SOON)
    dispatch.send_due(now=at(MONDAY - 7 * DAY, 10))
    assert rows(visit=visit)["week_before"] == (
        "suppressed",
        "they were told of the visit within the last day",
    )
    assert len(mail.outbox) == 1


def course(patient: Patient, *, now: datetime = NOW) -> list[Visit]:
    """Three days in a row, booked at once."""
    prescription = make_prescription(patient, regimen_id="methylprednisolone_iv_3d")
    nurse, by = make_nurse(competencies=("iv", "methylprednisolone", "corticosteroid")), make_user()
    doses = list(prescription.doses.order_by("number")[:3])
    return [make_visit(dose, nurse, by=by, override="Agreed.", now=now) for dose in doses]


def test_the_days_of_a_course_are_told_in_one_message_with_their_number(texts):
    first, second, third = course(texted())
    dispatch.send_due(now=SOON)
    assert [states(visit=visit)["booked"] for visit in (first, second, third)] == [
        "sent",
        "suppressed",
        "suppressed",
    ]
    assert rows(visit=second)["booked"][1] == "said with the first day of the course"
    assert "3 days in a row" in texts.bodies[0]


def test_a_patients_yes_counts_for_the_days_of_the_course_that_follow():
    first, second, third = course(make_patient())
    outcomes.confirm_visit(visit_id=second.pk, by=None, via="text", now=NOW)
    states_now = dict(Visit.objects.values_list("pk", "state"))
    assert [states_now[visit.pk] for visit in (first, second, third)] == ["booked", "confirmed", "confirmed"]
    event = second.patient.events.get(action="visit_confirmed", subject=f"visit {second.pk}")
    assert (event.actor, event.role, event.detail["via"]) == (None, "patient", "text")


# --- Caps and hours -----------------------------------------------------------------------------


def test_at_most_one_text_a_day_and_the_row_says_so(texts):
    patient = texted()
    first, second = visit_of(patient), None
    dispatch.send_due(now=SOON)
    booking.cancel_visit(visit_id=first.pk, by=make_user(), reason_class="patient", now=SOON)
    dispatch.send_due(now=SOON + MINUTE)
    assert rows(visit=first)["cancelled"] == ("suppressed", "they had a text today")
    assert (len(texts.taken), second) == (1, None)


def test_two_that_are_due_at_once_go_by_importance(texts):
    patient = texted()
    visit = visit_of(patient)
    clear_the_way(visit)
    Notice.objects.filter(visit=visit, kind="day_before").update(due_at=NOW)
    Notice.objects.filter(visit=visit, kind="booked").update(state="planned", due_at=NOW, attempted_at=None)
    dispatch.send_due(now=SOON)
    assert states(visit=visit)["booked"] == "sent"
    assert states(visit=visit)["day_before"] == "suppressed"


def test_the_mail_is_not_capped():
    visit = make_visit()
    dispatch.send_due(now=SOON)
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=SOON)
    dispatch.send_due(now=SOON)
    assert len(mail.outbox) == 2


def test_quiet_hours_are_those_of_each_home_while_the_server_counts_in_utc(settings):
    settings.NOTICE_HOURS = (9, 20)
    early = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)  # 8:30 in Dallas, 9:30 in New York
    dallas = make_visit(now=early - MINUTE)
    patient = make_patient(time_zone="America/New_York")
    new_york = make_visit(make_dose(make_prescription(patient, now=early - MINUTE)), now=early - MINUTE)
    dispatch.send_due(now=early)
    assert states(visit=new_york)["booked"] == "sent"
    waiting = Notice.objects.get(visit=dallas, kind="booked")
    assert (waiting.state, waiting.due_at, waiting.reason) == ("planned", early + 30 * MINUTE, "quiet hours")


def test_the_repeated_hour_sends_nothing_twice_and_nothing_at_night(settings):
    first_half = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 1:30 in Dallas, for the first time
    visit = make_visit(now=first_half - MINUTE)
    assert dispatch.send_due(now=first_half) == 1
    assert dispatch.send_due(now=first_half + timedelta(hours=1)) == 0
    assert len(mail.outbox) == 1
    settings.NOTICE_HOURS = (9, 20)
    again = make_visit(now=first_half)
    for half in (first_half, first_half + timedelta(hours=1)):
        dispatch.send_due(now=half)
    assert Notice.objects.get(visit=again, kind="booked").due_at == at(date(2026, 11, 1), 9)
    assert (len(mail.outbox), visit.pk != again.pk) == (1, True)


# --- Outages and races --------------------------------------------------------------------------


def test_a_job_that_was_off_for_26_hours_catches_up_within_the_caps_and_expires_what_makes_no_sense(texts):
    patients = [texted(number) for number in range(3)]
    visits = [visit_of(patient) for patient in patients]
    for visit in visits:
        clear_the_way(visit)
    dispatch.send_due(now=at(MONDAY - 7 * DAY, 10))
    texts.taken.clear()
    dispatch.send_due(now=at(MONDAY - 1 * DAY, 12))  # off since the day of the request to confirm
    assert len(texts.taken) == 3, "one a person, not two"
    assert {states(visit=visit)["confirm"] for visit in visits} == {"sent"}
    assert {rows(visit=visit)["day_before"] for visit in visits} == {("suppressed", "they had a text today")}


def test_a_week_before_is_not_sent_four_days_before():
    visit = make_visit()
    clear_the_way(visit)
    dispatch.send_due(now=at(MONDAY - 4 * DAY, 11))
    assert states(visit=visit)["week_before"] == "expired"


def test_a_patient_without_a_number_first_in_the_batch_stops_nobody(texts):
    silent = make_patient(email="")
    visit_of(silent)
    Notice.objects.filter(patient=silent).update(channel="text", state="planned", reason="", settled_at=None)
    visit_of(texted())
    dispatch.send_due(now=SOON)
    assert rows(patient=silent)["booked"] == ("suppressed", "no address on file")
    assert len(texts.taken) == 1


@pytest.mark.parametrize("what", ["cancel", "move"])
def test_what_changed_one_second_before_the_send_is_not_sent_as_it_was(texts, what):
    visit = visit_of(texted())
    clear_the_way(visit)
    claimed = dispatch.claim_due(10, now=at(MONDAY - 7 * DAY, 10))
    assert [notice.kind for notice in claimed] == ["week_before"]
    by = make_user()
    if what == "cancel":
        booking.cancel_visit(visit_id=visit.pk, by=by, reason_class="patient", now=NOW)
    else:
        later = visit.starts_at + timedelta(hours=1)
        booking.move_visit(
            visit_id=visit.pk,
            nurse_id=visit.nurse_id,
            starts_at=later,
            by=by,
            reason_class="patient",
            now=NOW,
        )
    dispatch.send_claimed(claimed, clock=lambda: at(MONDAY - 7 * DAY, 10))
    assert rows(visit=visit)["week_before"] == ("suppressed", "the visit changed after this was planned")
    assert texts.taken == []


def test_who_opts_out_between_planning_and_sending_hears_nothing(texts):
    patient = texted()
    visit = visit_of(patient)
    claimed = dispatch.claim_due(10, now=SOON)
    consents.opt_out(patient, "text", source="text STOP", now=SOON)
    dispatch.send_claimed(claimed, clock=lambda: SOON)
    assert texts.taken == []
    assert set(states(visit=visit).values()) == {"suppressed"}


def test_a_visit_that_waits_for_another_nurse_is_not_announced_with_the_old_one(texts):
    visit = visit_of(texted())
    clear_the_way(visit)
    Visit.objects.filter(pk=visit.pk).update(attention_code="NURSE_AWAY")
    dispatch.send_due(now=at(MONDAY - DAY, 10))
    row = Notice.objects.get(visit=visit, kind="day_before")
    assert (row.state, row.reason) == ("planned", "the visit waits for another nurse")
    assert row.due_at > at(MONDAY - DAY, 10)


def test_a_lot_that_was_checked_too_long_ago_is_checked_again(texts, monkeypatch):
    first, second = visit_of(texted(1)), visit_of(texted(2))
    ticks = iter(range(0, 1000, 5))
    monkeypatch.setattr(dispatch, "monotonic", lambda: next(ticks))

    def cancels_the_other(message):
        other = second if message.to == phone(1) else first
        if other.pk == second.pk:
            booking.cancel_visit(visit_id=second.pk, by=make_user(), reason_class="patient", now=SOON)
        return Sent("SM1")

    texts.answer = cancels_the_other
    dispatch.send_due(now=SOON)
    assert [message.to for message in texts.taken] == [phone(1)]
    assert states(visit=second)["booked"] == "suppressed"
    assert Notice.objects.get(visit=second, kind="booked").attempts == 0


def test_a_worker_that_stood_still_after_its_last_check_sends_nothing_when_it_wakes(texts, monkeypatch):
    visit = visit_of(texted())
    ticks = iter((0.0, *[31.0] * 20))
    monkeypatch.setattr(dispatch, "monotonic", lambda: next(ticks))
    dispatch.send_claimed(dispatch.claim_due(10, now=SOON), clock=lambda: SOON)
    assert (texts.taken, states(visit=visit)["booked"]) == ([], "claimed")
    monkeypatch.undo()


def mark_tried(notice: Notice, when: datetime) -> None:
    """As a worker leaves a row that was killed between the provider's yes and its own commit."""
    [ready] = dispatch.prepare([notice], now=when)
    transport = dispatch.transport_for(notice.channel)
    assert transport is not None
    transport.send(ready.message)


def test_a_worker_killed_after_the_provider_took_it_is_settled_by_asking_and_nothing_goes_twice(texts):
    visit = visit_of(texted())
    [notice] = dispatch.claim_due(10, now=SOON)
    mark_tried(notice, SOON)
    dispatch.send_due(now=SOON + 59 * timedelta(seconds=1))
    assert states(visit=visit)["booked"] == "claimed", "it may still be at work"
    dispatch.send_due(now=SOON + 62 * timedelta(seconds=1))
    assert states(visit=visit)["booked"] == "sent"
    assert (len(texts.taken), texts.asked) == (1, [f"notice-{notice.pk}"])


def test_a_worker_killed_before_the_provider_took_it_is_settled_by_asking_and_it_goes(texts):
    visit = visit_of(texted())
    [notice] = dispatch.claim_due(10, now=SOON)
    dispatch.prepare([notice], now=SOON)
    dispatch.send_due(now=SOON + 2 * MINUTE)
    dispatch.send_due(now=SOON + 10 * MINUTE)
    assert states(visit=visit)["booked"] == "sent"
    assert len(texts.taken) == 1


def test_what_the_provider_has_of_another_row_proves_nothing_about_this_one(texts):
    patient = texted()
    first, second = visit_of(patient), visit_of(texted())
    [one, two] = dispatch.claim_due(10, now=SOON)
    dispatch.send_claimed([one], clock=lambda: SOON)
    dispatch.prepare([two], now=SOON)
    texts.there = lambda message: Sent(f"SMnotice-{one.pk}")
    dispatch.send_due(now=SOON + 2 * MINUTE)
    assert states(visit=first)["booked"] == "sent"
    assert rows(visit=second)["booked"] == (
        "unknown",
        "another message with the same words went to the same number",
    )


def test_a_mail_server_cannot_be_asked_so_a_person_is():
    visit = make_visit()
    [notice] = dispatch.claim_due(10, now=SOON)
    dispatch.prepare([notice], now=SOON)
    dispatch.send_due(now=SOON + 2 * MINUTE)
    assert rows(visit=visit)["booked"] == ("unknown", "the worker ended while sending")
    alert = Alert.objects.get(notice=notice)
    assert (alert.kind, alert.alarm, alert.handled_at) == ("notice", False, None)


def test_a_try_the_provider_may_have_taken_is_asked_for_a_minute_later(texts):
    visit = visit_of(texted())
    texts.answer = lambda message: Doubt("the connection broke", can_ask=True)
    dispatch.send_due(now=SOON)
    assert states(visit=visit)["booked"] == "claimed"
    texts.answer = lambda message: Sent("SM7")
    dispatch.send_due(now=SOON + 2 * MINUTE)
    dispatch.send_due(now=SOON + 5 * MINUTE)
    assert (states(visit=visit)["booked"], len(texts.taken)) == ("sent", 1)


def test_an_opt_out_the_provider_knows_of_is_an_opt_out_here_and_no_failure(texts):
    patient = texted()
    visit = visit_of(patient)
    texts.answer = lambda message: NotSent("they opted out", opted_out=True)
    dispatch.send_due(now=SOON)
    assert states(visit=visit)["booked"] == "suppressed"
    assert patient.contacts.get(channel="text").opted_out_at == SOON


def test_a_number_nobody_has_is_not_tried_again_and_the_office_is_told(texts):
    patient = texted()
    visit = visit_of(patient)
    texts.answer = lambda message: NotSent("no such number", bad_address=True)
    dispatch.send_due(now=SOON)
    assert rows(visit=visit)["booked"] == ("failed", "no such number")
    assert patient.contacts.get(channel="text").failed_at == SOON
    assert Alert.objects.filter(patient=patient, kind="number").count() == 1


def test_a_provider_that_asks_to_wait_is_given_the_time_it_asks_for(texts):
    visit = visit_of(texted())
    texts.answer = lambda message: TryAgain("too many at once", after_seconds=600)
    dispatch.send_due(now=SOON)
    row = Notice.objects.get(visit=visit, kind="booked")
    assert row.state == "planned"
    assert 600 <= (row.due_at - SOON).total_seconds() <= 750


def test_tries_come_at_growing_distance_and_end():
    pauses = []
    for count in range(1, tries.MAX_ATTEMPTS + 1):
        notice = Notice(channel="email", attempts=count)
        pauses.append(tries.pause_after(notice, TryAgain("no")).total_seconds())
    longest = tries.LONGEST_PAUSE.total_seconds()
    least = [min(60 * 2**n, longest) for n in range(tries.MAX_ATTEMPTS)]
    assert all(short <= pause <= short * 1.25 for short, pause in zip(least, pauses, strict=True))
    assert sum(least) >= 2 * 60 * 60


def test_a_row_the_database_refuses_fails_alone(texts, monkeypatch):
    broken, good = visit_of(texted(1)), visit_of(texted(2))
    real = dispatch.message_of

    def poison(notice):
        message = real(notice)
        if notice.visit_id == broken.pk:
            notice.subject = "x" * 201  # more than the column holds
        return message

    monkeypatch.setattr(dispatch, "message_of", poison)
    dispatch.send_due(now=SOON)
    assert states(visit=broken)["booked"] == "failed"
    assert states(visit=good)["booked"] == "sent"


def test_a_channel_that_is_not_set_up_says_so():
    visit = visit_of(texted())
    dispatch.send_due(now=SOON)
    assert rows(visit=visit)["booked"] == ("suppressed", dispatch.NOT_SET_UP)


def test_nothing_goes_while_sending_is_paused_and_everything_afterwards():
    make_visit()
    by = make_user("admin")
    policy.pause(by=by, why="A test of the alarm.")
    assert dispatch.send_due(now=SOON) == 0
    policy.resume(by=by, why="Done.")
    dispatch.send_due(now=SOON)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("many", [2, 20])
def test_a_lot_costs_the_same_queries_however_many_rows_it_has(many, texts, django_assert_max_num_queries):
    for number in range(many):
        visit_of(texted(number))
    claimed = dispatch.claim_due(100, now=SOON)
    with django_assert_max_num_queries(16):
        dispatch.send_claimed(claimed, clock=lambda: SOON)
    assert len(texts.taken) == many


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_a_text_each_for_one_person_send_one(texts):
    two_texts_for_one_person()
    all_at_once([partial(dispatch.send_due, batch=1, now=SOON)] * 2)
    assert len(texts.taken) == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_on_the_contact_both_would_go(texts, monkeypatch):
    two_texts_for_one_person()
    real_judge, met = sendable.judge, Barrier(2)

    def unlocked(lot):
        people = {notice.patient_id for notice in lot}
        return {(c.patient_id, c.channel): c for c in Contact.objects.filter(patient_id__in=people)}

    def judge(notice, context, now):
        verdict = real_judge(notice, context, now)
        met.wait(timeout=10)
        return verdict

    monkeypatch.setattr(sendable, "lock_contacts", unlocked)
    monkeypatch.setattr(sendable, "judge", judge)
    all_at_once([partial(dispatch.send_due, batch=1, now=SOON)] * 2)
    assert len(texts.taken) == 2


def two_texts_for_one_person() -> None:
    """Of the same importance, so that neither leaves its place to the other."""
    visit = visit_of(texted())
    Notice.objects.filter(visit=visit).exclude(kind="booked").delete()
    twin = Notice.objects.get(visit=visit)
    twin.pk, twin.about = None, f"{twin.about} again 1"
    twin.save()
