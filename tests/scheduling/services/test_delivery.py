"""What the provider reports of a message, in any order and as often as it likes."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from patients.models import Contact
from scheduling.models import Alert, Notice
from scheduling.services import delivery, dispatch
from tests.makers import MINUTE, NOW, make_dose, make_patient, make_prescription, make_visit, make_way
from tests.provider.twilio_server import twilio_server

pytestmark = pytest.mark.django_db

SOON, SID = NOW + timedelta(seconds=1), "SM" + "0" * 31 + "1"


@pytest.fixture
def sent(settings):
    """A text that Twilio took."""
    with twilio_server() as twilio:
        settings.TEXT_URL = twilio.url()
        patient = make_patient()
        make_way(patient)
        make_visit(make_dose(make_prescription(patient)))
        dispatch.send_due(now=SOON)
    notice = Notice.objects.get(channel="text", kind="booked")
    assert (notice.state, notice.provider_id) == ("sent", SID)
    return notice


def told(notice: Notice, *statuses: str, error: str = "", at=SOON, sid: str = SID) -> Notice:
    for status in statuses:
        delivery.report(message_id=f"notice-{notice.pk}", provider_id=sid, status=status, error=error, now=at)
    notice.refresh_from_db()
    return notice


@pytest.mark.parametrize("order", list(permutations(["queued", "sent", "delivered"])))
def test_delivered_stays_delivered_in_whatever_order_reports_come(sent, order):
    notice = told(sent, *order, *order, at=SOON + MINUTE)
    assert (notice.state, notice.delivered_at, notice.settled_at) == ("delivered", SOON + MINUTE, SOON)


def test_a_report_that_comes_twice_changes_nothing_the_second_time(sent):
    told(sent, "delivered")
    assert told(sent, "delivered", "undelivered", at=SOON + MINUTE).delivered_at == SOON
    assert sent.state == "delivered"


@pytest.mark.parametrize("state", ["claimed", "unknown", "planned", "suppressed", "expired"])
def test_a_report_proves_that_it_went_whatever_we_had_made_of_it(sent, state):
    Notice.objects.filter(pk=sent.pk).update(
        state=state, provider_id="", reason="the worker ended while sending"
    )
    notice = told(sent, "sent")
    assert (notice.state, notice.provider_id, notice.reason) == ("sent", SID, "")


def test_a_message_never_tried_cannot_be_reported_on():
    make_visit()
    notice = Notice.objects.filter(kind="booked").get()
    assert told(notice, "delivered", "failed").state == "planned"


@pytest.mark.parametrize(
    "words", ["notice-0", "notice-x", "notice-99999999", "reply-1", "", "notice-1; drop"]
)
def test_a_report_about_nothing_of_ours_does_nothing(db, words):
    assert not delivery.report(message_id=words, provider_id=SID, status="delivered")
    assert not delivery.report(message_id=words, provider_id=SID, status="undelivered", error="30005")


def test_a_text_to_a_dead_number_has_failed_in_words_and_the_number_is_not_used_again(sent):
    notice = told(sent, "undelivered", error="30005")
    assert (notice.state, notice.reason) == ("failed", "nobody has this number (30005)")
    assert Contact.objects.get(patient=notice.patient, channel="text").failed_at == SOON
    assert set(Alert.objects.values_list("kind", flat=True)) == {"number", "notice"}
    assert told(notice, "sent", at=SOON + MINUTE).state == "failed", (
        "a report that comes late changes nothing back"
    )


def test_a_phone_that_is_off_today_is_not_a_dead_number(sent):
    assert told(sent, "undelivered", error="30003").state == "failed"
    assert Contact.objects.get(patient=sent.patient, channel="text").failed_at is None
    assert Alert.objects.get().kind == "notice"


def test_an_opt_out_the_carrier_tells_late_is_an_opt_out(sent):
    assert told(sent, "failed", error="21610").state == "failed"
    contact = Contact.objects.get(patient=sent.patient, channel="text")
    assert (contact.opted_out_at, contact.opt_out_source) == (SOON, "provider")
    assert not Notice.objects.filter(channel="text", state="planned").exists()
    assert not Alert.objects.exists(), "what the patient wishes is no fault"


def test_a_loss_reported_twice_is_told_to_the_office_once(sent):
    told(sent, "undelivered", "failed", "undelivered", error="30008")
    assert Alert.objects.count() == 1


def test_a_loss_of_another_try_does_not_undo_this_one(sent):
    assert told(sent, "failed", error="30005", sid="SM" + "f" * 32).state == "sent"


def test_a_number_that_was_put_right_before_the_report_came_is_left_alone(sent):
    Contact.objects.filter(patient=sent.patient, channel="text").update(value="+12145550188")
    told(sent, "undelivered", error="30005")
    assert Contact.objects.get(patient=sent.patient, channel="text").failed_at is None
