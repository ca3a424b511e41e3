"""A message is owed once, sent once, or says why not."""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta
from functools import partial
from socket import gaierror
from ssl import SSLCertVerificationError

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from patients.models import Contact, Patient
from scheduling import transports
from scheduling.models import Notice, Visit
from scheduling.services import booking, dispatch, tries
from tests.makers import DAY, MINUTE, NOW, make_dose, make_patient, make_prescription, make_user, make_visit
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db

SOON = NOW + timedelta(seconds=1)


AT_ONCE = ("booked", "moved", "cancelled")


def states(**where) -> list[tuple[str, str]]:
    """Kind and state of what is sent at once; the messages at their time before a visit are in test_series."""
    where.setdefault("kind__in", AT_ONCE)
    return list(Notice.objects.filter(**where).order_by("pk").values_list("kind", "state"))


def the_notice() -> Notice:
    return Notice.objects.get(kind__in=AT_ONCE)


def test_booking_owes_one_message_and_sending_twice_sends_it_once():
    make_visit()
    assert states() == [("booked", "planned")]
    assert dispatch.send_due(now=SOON) == 1
    assert dispatch.send_due(now=SOON) == 0
    assert len(mail.outbox) == 1
    assert states() == [("booked", "sent")]


def test_a_refused_booking_owes_nothing_and_a_rolled_back_one_neither():
    with pytest.raises(RuntimeError), transaction.atomic():
        make_visit()
        raise RuntimeError
    assert not Notice.objects.exists()


def test_a_message_names_no_drug_no_diagnosis_and_no_last_name():
    visit = make_visit()
    dispatch.send_due(now=SOON)
    message = mail.outbox[0]
    for text in (message.subject, message.body):
        for word in (
            "ocrelizumab",
            "Ocrevus",
            "infusion",
            "sclerosis",
            "MS ",
            visit.patient.last_name,
            visit.nurse.last_name,
        ):
            assert word.lower() not in text.lower()
    assert "Monday, March 9, 2026" in message.body
    assert "9:00 am to about 1:45 pm" in message.body
    assert "CDT" in message.body


def test_our_id_travels_with_the_message():
    make_visit()
    dispatch.send_due(now=SOON)
    notice = the_notice()
    assert mail.outbox[0].extra_headers["Message-ID"] == f"<{notice.message_id}@localhost>"


def test_a_patient_without_an_address_gets_a_row_that_says_so_and_the_next_patient_gets_the_mail():
    patient = make_patient(email="")
    make_visit(make_dose(make_prescription(patient)))
    make_visit()
    dispatch.send_due(now=SOON)
    assert states() == [("booked", "suppressed"), ("booked", "sent")]
    assert Notice.objects.get(patient=patient, kind="booked").reason == "no address on file"


def test_who_opted_out_between_planning_and_sending_hears_nothing():
    visit = make_visit()
    Contact.objects.filter(patient=visit.patient).update(opted_out_at=NOW)
    dispatch.send_due(now=SOON)
    assert (states(), mail.outbox) == ([("booked", "suppressed")], [])


def test_a_visit_cancelled_one_second_before_sending_sends_nothing_at_all():
    visit = make_visit()
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=NOW)
    dispatch.send_due(now=SOON)
    assert states() == [("booked", "suppressed"), ("cancelled", "suppressed")]
    assert mail.outbox == []


def test_who_was_told_of_a_visit_is_told_that_it_is_cancelled():
    visit = make_visit()
    dispatch.send_due(now=SOON)
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=SOON)
    dispatch.send_due(now=SOON)
    assert states() == [("booked", "sent"), ("cancelled", "sent")]
    assert mail.outbox[1].subject == "Your nurse visit on Monday, March 9, 2026 is cancelled"


def test_a_claimed_message_is_checked_again_before_it_goes():
    visit = make_visit()
    claimed = dispatch.claim_due(10, now=SOON)
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=NOW)
    dispatch.send_claimed(claimed, clock=lambda: SOON)
    assert Notice.objects.get(kind="booked").state == "suppressed"
    assert mail.outbox == []


def later(visit, hours: int = 1):
    return booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at + timedelta(hours=hours),
        by=make_user(), reason_class="patient", now=NOW,
    )  # fmt: skip


def test_a_visit_moved_before_anything_went_out_is_told_once_as_booked():
    later(make_visit())
    dispatch.send_due(now=SOON)
    assert states() == [("booked", "suppressed"), ("booked", "sent")]
    assert "10:00 am" in mail.outbox[0].body


def test_a_patient_who_knew_the_old_time_is_told_each_new_one():
    visit = make_visit()
    dispatch.send_due(now=SOON)
    once = later(visit)
    later(once, hours=2)
    dispatch.send_due(now=SOON)
    assert states() == [("booked", "sent"), ("moved", "suppressed"), ("moved", "sent")]
    assert "12:00 pm" in mail.outbox[1].body


def test_nothing_is_sent_in_quiet_hours_of_the_home(settings):
    settings.NOTICE_HOURS = (9, 20)
    make_visit()
    late = NOW.replace(hour=2) + DAY  # 20:00 in Dallas
    dispatch.send_due(now=late)
    notice = the_notice()
    assert (notice.state, mail.outbox) == ("planned", [])
    assert notice.due_at == NOW + DAY, "opens at 9:00 the next morning in Dallas"
    dispatch.send_due(now=notice.due_at)
    assert len(mail.outbox) == 1


def test_a_message_whose_visit_has_begun_expires():
    visit = make_visit()
    dispatch.send_due(now=visit.starts_at)
    assert (states(), mail.outbox) == ([("booked", "expired")], [])


def test_nothing_goes_out_in_the_first_minutes_so_that_an_undo_is_silent(settings):
    settings.NOTICE_DELAY = timedelta(minutes=5)
    visit = make_visit()
    assert dispatch.send_due(now=NOW + timedelta(minutes=4)) == 0
    booking.cancel_visit(
        visit_id=visit.pk, by=make_user(), reason_class="organisation", now=NOW + timedelta(minutes=4)
    )
    dispatch.send_due(now=NOW + timedelta(minutes=10))
    assert mail.outbox == []
    assert states() == [("booked", "suppressed"), ("cancelled", "suppressed")]


class Failing(EmailBackend):
    error: Exception = ConnectionRefusedError()

    def send_messages(self, messages):
        raise self.error


@pytest.fixture
def mail_server_raises(settings):
    settings.EMAIL_BACKEND = "tests.scheduling.services.test_notices.Failing"

    def raising(error: Exception) -> None:
        Failing.error = error

    return raising


def test_a_mail_server_that_does_not_answer_is_tried_again_later_and_not_for_ever(mail_server_raises):
    make_visit()
    mail_server_raises(ConnectionRefusedError())
    now = SOON
    for _ in range(tries.MAX_ATTEMPTS):
        assert the_notice().state == "planned"
        dispatch.send_due(now=now)
        now = the_notice().due_at
    assert the_notice().state == "failed"


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPAuthenticationError(535, b"no"),
        smtplib.SMTPRecipientsRefused({"a@example.com": (450, b"greylisted")}),
        smtplib.SMTPDataError(451, b"later"),
        gaierror("no such host"),
        SSLCertVerificationError("self-signed"),
    ],
)
def test_what_the_mail_server_surely_did_not_take_is_tried_again(mail_server_raises, error):
    make_visit()
    mail_server_raises(error)
    dispatch.send_due(now=SOON)
    notice = the_notice()
    assert (notice.state, notice.attempted_at) == ("planned", None)
    assert notice.due_at > SOON


@pytest.mark.parametrize(
    "error",
    [smtplib.SMTPRecipientsRefused({"a@example.com": (550, b"unknown")}), smtplib.SMTPDataError(554, b"")],
)
def test_an_address_refused_for_good_is_for_a_person(mail_server_raises, error):
    make_visit()
    mail_server_raises(error)
    dispatch.send_due(now=SOON)
    assert the_notice().state == "failed"


@pytest.mark.parametrize(
    "error", [smtplib.SMTPServerDisconnected("gone"), TimeoutError(), ConnectionResetError(), RuntimeError()]
)
def test_a_mail_server_that_falls_silent_leaves_a_doubt_for_a_person_and_no_second_try(
    mail_server_raises, error
):
    make_visit()
    mail_server_raises(error)
    dispatch.send_due(now=SOON)
    assert dispatch.send_due(now=SOON + 30 * MINUTE) == 0
    assert the_notice().state == "unknown"


def test_a_poison_row_fails_alone(mail_server_raises):
    make_visit()
    mail_server_raises(ValueError("cannot be encoded"))
    dispatch.send_due(now=SOON)
    assert (the_notice().state, the_notice().reason) == ("failed", "ValueError")


def test_a_claim_whose_worker_died_before_trying_is_sent_and_after_trying_never_again():
    make_visit()
    make_visit()
    untouched, tried = dispatch.claim_due(10, now=SOON)
    Notice.objects.filter(pk=tried.pk).update(attempted_at=SOON)
    later = SOON + dispatch.CLAIM_IS_STALE + timedelta(seconds=1)
    dispatch.send_due(now=later)
    assert [Notice.objects.get(pk=n.pk).state for n in (untouched, tried)] == ["sent", "unknown"]
    assert len(mail.outbox) == 1


def stalled_and_overtaken() -> tuple[Notice, datetime]:
    """A claim whose worker stood still so long that another one took the row and sent the message."""
    make_visit()
    stalled = dispatch.claim_due(10, now=SOON)[0]
    later = SOON + dispatch.CLAIM_IS_STALE + timedelta(seconds=1)
    dispatch.send_due(now=later)
    assert (len(mail.outbox), states()) == (1, [("booked", "sent")])
    return stalled, later


def test_a_worker_that_was_overtaken_sends_nothing_and_undoes_nothing(settings):
    stalled, later = stalled_and_overtaken()
    dispatch.send_claimed([stalled], clock=lambda: later)
    assert (len(mail.outbox), states()) == (1, [("booked", "sent")])
    settings.NOTICE_HOURS = (19, 20)  # it wakes up in the quiet hours and would put the message back
    dispatch.send_claimed([stalled], clock=lambda: later)
    assert states() == [("booked", "sent")]
    Contact.objects.update(opted_out_at=NOW)
    dispatch.send_claimed([stalled], clock=lambda: later)
    assert states() == [("booked", "sent")]


def test_a_slow_batch_is_not_given_up_while_its_last_message_is_being_sent():
    make_visit()
    notice = dispatch.claim_due(10, now=SOON)[0]
    later = SOON + dispatch.CLAIM_IS_STALE + timedelta(seconds=1)
    Notice.objects.update(attempted_at=later - timedelta(seconds=5))
    assert dispatch.recover(now=later) == 0
    assert Notice.objects.get(pk=notice.pk).state == "claimed"


def test_an_attempt_that_was_given_up_as_unknown_may_still_say_how_it_ended(monkeypatch):
    make_visit()
    claimed = dispatch.claim_due(10, now=SOON)[0]

    class Slow:
        lot = 1

        def look_up(self, message, since):
            return transports.Doubt("cannot tell")

        def send(self, message):
            dispatch.recover(now=SOON + dispatch.CLAIM_IS_STALE + timedelta(seconds=1))
            assert states() == [("booked", "unknown")]
            return transports.Sent()

    slow = Slow()
    monkeypatch.setattr(dispatch, "transport_for", lambda channel: slow)
    dispatch.send_claimed([claimed], clock=lambda: SOON)
    assert states() == [("booked", "sent")]


def test_a_row_nobody_can_read_fails_alone(monkeypatch):
    make_visit()
    make_visit()
    broken = Notice.objects.order_by("pk").first()
    Visit.objects.filter(pk=broken.visit_id).update(time_zone="Nowhere/At_All")
    dispatch.send_due(now=SOON)
    assert states() == [("booked", "failed"), ("booked", "sent")]


def test_a_family_hears_nothing_of_visits_after_a_death():
    visit = make_visit()
    Patient.objects.filter(pk=visit.patient_id).update(status="died")
    dispatch.send_due(now=SOON)
    assert (states(), mail.outbox) == ([("booked", "suppressed")], [])


def test_an_empty_set_is_no_work():
    assert dispatch.send_due(now=NOW) == 0


@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_send_each_message_once():
    for _ in range(12):
        make_visit()
    settled = all_at_once([partial(dispatch.send_due, batch=2, now=SOON)] * 4)
    assert sum(settled) == 12
    assert len(mail.outbox) == 12
    assert {state for _kind, state in states()} == {"sent"}


@pytest.mark.django_db(transaction=True)
def test_a_booking_outlives_a_dead_broker(settings, monkeypatch):
    def dead(*args, **kwargs):
        raise ConnectionError("no broker")

    monkeypatch.setattr("celery.canvas.Signature.apply_async", dead)
    visit = make_visit()
    assert states(visit=visit) == [("booked", "planned")]
