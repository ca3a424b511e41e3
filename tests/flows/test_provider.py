"""From the booking to the provider's own count: a text goes once, whatever the provider does on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduling.models import Alert, Notice
from scheduling.services import delivery, dispatch
from tests.makers import NOW, make_dose, make_patient, make_prescription, make_visit, make_way
from tests.provider import twilio_server as fake
from tests.provider.twilio_server import twilio_server

pytestmark = pytest.mark.django_db

SOON = NOW + timedelta(seconds=1)


@pytest.fixture
def twilio(settings):
    with twilio_server() as server:
        settings.TEXT_URL = server.url()
        yield server


def owe_a_text() -> Notice:
    patient = make_patient(email="")
    make_way(patient)
    make_visit(make_dose(make_prescription(patient)))
    return Notice.objects.get(patient=patient, channel="text", kind="booked")


def minutes_later(count: int, start=SOON) -> None:
    """Beat for a while: a tick each minute."""
    for minute in range(1, count + 1):
        dispatch.send_due(now=start + timedelta(minutes=minute))


@pytest.mark.parametrize(
    "ill", [fake.cut_off_after_taking, fake.failed_after_taking, fake.garbage_after_taking]
)
def test_a_text_that_was_taken_though_the_answer_was_lost_is_found_and_not_sent_again(twilio, ill):
    notice = owe_a_text()
    twilio.world.ill = [ill]
    dispatch.send_due(now=SOON)
    minutes_later(5)
    notice.refresh_from_db()
    assert (notice.state, notice.provider_id) == ("sent", twilio.messages[0].sid)
    assert twilio.world.asked.count("POST Messages") == 1
    assert not Alert.objects.exists()


@pytest.mark.parametrize(
    "ill", [fake.cut_off_before_taking, fake.failed_before_taking, fake.turned_away(), fake.unwell]
)
def test_a_text_that_never_arrived_is_sent_after_all_and_once(twilio, ill):
    notice = owe_a_text()
    twilio.world.ill = [ill]
    dispatch.send_due(now=SOON)
    minutes_later(10)
    notice.refresh_from_db()
    assert notice.state == "sent"
    assert [*twilio.count().values()] == [1]


def test_a_text_in_doubt_while_the_provider_cannot_be_asked_is_for_a_person_and_never_sent_again(twilio):
    notice = owe_a_text()
    twilio.world.ill = [fake.cut_off_after_taking]
    twilio.world.lists_are_ill = fake.unwell
    dispatch.send_due(now=SOON)
    minutes_later(10)
    notice.refresh_from_db()
    assert notice.state == "claimed"  # asked again each minute
    dispatch.send_due(now=SOON + dispatch.ASK_FOR)
    notice.refresh_from_db()
    assert notice.state == "unknown"
    assert [*twilio.count().values()] == [1]
    assert Alert.objects.get().kind == "notice"


def test_a_report_settles_what_was_in_doubt(twilio):
    notice = owe_a_text()
    twilio.world.ill = [fake.cut_off_after_taking]
    twilio.world.lists_are_ill = fake.unwell
    dispatch.send_due(now=SOON)
    minutes_later(3)
    delivery.report(message_id=f"notice-{notice.pk}", provider_id=twilio.messages[0].sid, status="sent")
    notice.refresh_from_db()
    assert (notice.state, notice.provider_id) == ("sent", twilio.messages[0].sid)


def test_with_a_third_of_all_requests_going_wrong_every_text_goes_once(twilio):
    owed = [owe_a_text() for _ in range(15)]
    twilio.world.fail_percent = 35
    dispatch.send_due(now=SOON)
    minutes_later(40)
    found = Notice.objects.filter(pk__in=[notice.pk for notice in owed])
    assert set(found.values_list("state", flat=True)) == {"sent"}
    assert len(twilio.messages) == len(owed)
    sids = set(found.values_list("provider_id", flat=True))
    assert sids == {one.sid for one in twilio.messages}
    assert len([asked for asked in twilio.world.asked if asked == "POST Messages"]) > len(owed)
