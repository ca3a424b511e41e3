"""Texts and calls by Twilio, against a server that speaks its wire format well and badly."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from scheduling.transports import Doubt, Message, NotSent, Sent, TryAgain, transport_for
from scheduling.transports import twilio as module
from tests.provider import twilio_server as fake
from tests.provider.twilio_server import SENDER, twilio_server

TO = "+12145550101"
SERVICE = "MG" + "a" * 32
A_WHILE_AGO = timedelta(minutes=2)


def text(body: str = "Trinity: your nurse visit is Tue, Jan 6 at 9:00 am CST.", number: int = 12) -> Message:
    return Message(
        id=f"notice-{number}",
        channel="text",
        to=TO,
        body=body,
        status_url=f"https://care.example/hooks/twilio/status/notice-{number}/",
        answer_url=f"https://care.example/hooks/twilio/voice/notice-{number}/",
    )


@pytest.fixture
def twilio(settings):
    with twilio_server() as server:
        settings.TEXT_URL = settings.VOICE_URL = server.url()
        yield server


def test_a_text_carries_our_id_and_comes_back_with_the_providers(twilio):
    sent = transport_for("text").send(text())
    (taken,) = twilio.messages
    assert sent == Sent(taken.sid)
    assert taken.form == {
        "To": TO, "From": SENDER, "Body": text().body,
        "StatusCallback": "https://care.example/hooks/twilio/status/notice-12/",
    }  # fmt: skip


def test_a_messaging_service_may_be_the_sender(twilio, settings):
    settings.TEXT_URL = twilio.url(SERVICE)
    assert isinstance(transport_for("text").send(text()), Sent)
    assert twilio.messages[0].form["MessagingServiceSid"] == SERVICE
    assert "From" not in twilio.messages[0].form


def test_a_call_tells_where_to_ask_what_to_say_and_where_to_report(twilio):
    sent = transport_for("voice").send(text())
    (taken,) = twilio.calls
    assert sent == Sent(taken.sid)
    assert taken.form["Url"] == "https://care.example/hooks/twilio/voice/notice-12/"
    assert taken.form["StatusCallback"] == "https://care.example/hooks/twilio/status/notice-12/"
    assert taken.form["MachineDetection"] == "DetectMessageEnd"


def test_a_number_that_opted_out_at_the_carrier_is_an_opt_out_and_no_failure_to_try_again(twilio):
    twilio.world.opted_out.add(TO)
    outcome = transport_for("text").send(text())
    assert isinstance(outcome, NotSent)
    assert (outcome.opted_out, outcome.bad_address) == (True, False)


@pytest.mark.parametrize("code", [21211, 21614, 30003, 30004, 30005, 30006])
def test_a_number_that_is_nobodys_or_takes_no_texts_is_told_as_such(twilio, code):
    twilio.world.ill = [fake.says(400, code)]
    outcome = transport_for("text").send(text())
    assert isinstance(outcome, NotSent)
    assert (outcome.opted_out, outcome.bad_address) == (False, True)


def test_any_other_refusal_is_for_a_person(twilio):
    twilio.world.ill = [fake.says(400, 21408)]
    assert transport_for("text").send(text()) == NotSent("the provider refused it (21408)")


@pytest.mark.parametrize(("said", "waits"), [("7", 7), ("soon", None), ("86400", 3600)])
def test_too_many_at_once_waits_as_long_as_the_provider_asks_and_no_longer_than_an_hour(twilio, said, waits):
    twilio.world.ill = [fake.turned_away(said)]
    assert transport_for("text").send(text()) == TryAgain("the provider asked to wait (429)", waits)


@pytest.mark.parametrize("ill", [fake.unwell, fake.moved, fake.says(401, 20003), fake.says(404, 20404)])
def test_what_the_provider_surely_did_not_take_is_tried_again(twilio, ill):
    twilio.world.ill = [ill]
    assert isinstance(transport_for("text").send(text()), TryAgain)
    assert twilio.messages == []


def test_a_provider_that_is_not_there_is_tried_again(settings):
    with twilio_server() as server:
        url = server.url()
    settings.TEXT_URL = url
    assert transport_for("text").send(text()) == TryAgain("the provider does not answer")


@pytest.mark.parametrize(
    "ill",
    [
        fake.cut_off_after_taking,
        fake.failed_after_taking,
        fake.garbage_after_taking,
        fake.silent_after_taking,
    ],
)
def test_what_may_have_been_taken_is_in_doubt_and_the_look_up_finds_it(twilio, ill, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.3)
    twilio.world.ill = [ill]
    tried_at = datetime.now(UTC)
    doubt = transport_for("text").send(text())
    assert isinstance(doubt, Doubt)
    assert doubt.can_ask
    assert transport_for("text").look_up(text(), tried_at - A_WHILE_AGO) == Sent(twilio.messages[0].sid)


@pytest.mark.parametrize("ill", [fake.cut_off_before_taking, fake.failed_before_taking])
def test_what_was_in_doubt_and_is_not_in_the_list_never_arrived(twilio, ill):
    twilio.world.ill = [ill]
    assert isinstance(transport_for("text").send(text()), Doubt)
    found = transport_for("text").look_up(text(), datetime.now(UTC) - A_WHILE_AGO)
    assert found == TryAgain("the provider never got it")


def test_a_look_up_is_by_number_words_sender_and_time(twilio, settings):
    way = transport_for("text")
    since = datetime.now(UTC) - A_WHILE_AGO
    way.send(text("Trinity: other words."))
    assert isinstance(way.look_up(text(), since), TryAgain)
    way.send(text())
    assert isinstance(way.look_up(text(), since), Sent)
    old = twilio.messages[-1]
    old.created_at = since - timedelta(days=1)
    assert isinstance(way.look_up(text(), since), TryAgain), (
        "last week's reminder in the same words is another one"
    )
    settings.TEXT_URL = twilio.url("+12145550199")
    old.created_at = datetime.now(UTC)
    assert isinstance(transport_for("text").look_up(text(), since), TryAgain), (
        "another number of ours sent it"
    )


def test_a_look_up_finds_what_is_still_queued_and_what_stands_on_a_later_page(twilio):
    way = transport_for("text")
    way.send(text())
    for number in range(60):  # a page has fifty
        way.send(text(f"Trinity: number {number}."))
    assert twilio.messages[0].status == "queued", (
        "it has no time of sending, so no filter by one would find it"
    )
    found = way.look_up(text(), datetime.now(UTC) - A_WHILE_AGO)
    assert found == Sent(twilio.messages[0].sid)
    assert twilio.world.asked.count("GET Messages") == 2


def test_a_look_up_finds_a_call_to_the_number(twilio):
    way, since = transport_for("voice"), datetime.now(UTC) - A_WHILE_AGO
    assert isinstance(way.look_up(text(), since), TryAgain)
    way.send(text())
    assert way.look_up(text(), since) == Sent(twilio.calls[0].sid)


def test_what_was_sent_this_moment_may_still_be_on_its_way_into_the_list(twilio):
    assert isinstance(transport_for("text").look_up(text(), datetime.now(UTC)), Doubt)


@pytest.mark.parametrize(
    "ill",
    [fake.turned_away(), fake.unwell, fake.failed_before_taking, fake.cut_off_before_taking, fake.moved],
)
def test_a_provider_that_cannot_be_asked_leaves_the_doubt(twilio, ill):
    way = transport_for("text")
    way.send(text())
    twilio.world.lists_are_ill = ill
    assert isinstance(way.look_up(text(), datetime.now(UTC) - A_WHILE_AGO), Doubt)


def test_no_number_and_no_word_of_a_message_reaches_the_log(twilio, caplog):
    caplog.set_level(logging.DEBUG)
    way = transport_for("text")
    way.send(text())
    way.look_up(text(), datetime.now(UTC) - A_WHILE_AGO)
    assert "12145550101" not in caplog.text
    assert "nurse" not in caplog.text


def test_a_channel_that_is_not_set_up_has_no_way_out(settings):
    settings.TEXT_URL = settings.VOICE_URL = ""
    assert (transport_for("text"), transport_for("voice")) == (None, None)


def test_one_way_out_serves_many_messages_and_a_forked_worker_makes_its_own(twilio, monkeypatch):
    first = transport_for("text")
    assert transport_for("text") is first
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert transport_for("text") is not first
