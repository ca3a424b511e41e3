"""E-mail by SMTP, against a server that counts and breaks off where it is told to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scheduling.transports import Doubt, Message, NotSent, Sent, TryAgain, transport_for
from scheduling.transports import mail as module
from tests.provider.smtp_server import HUNG_UP, smtp_server


def mail(number: int = 1) -> Message:
    return Message(
        id=f"notice-{number}",
        channel="email",
        to="pat@example.com",
        subject="Your nurse visit on Tuesday",
        body="Hello Pat,\n",
    )


@pytest.fixture
def server(settings):
    with smtp_server() as smtp:
        settings.EMAIL_BACKEND = module.SMTP
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", smtp.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_TIMEOUT = 5
        yield smtp
        transport_for("email")._drop()


def test_our_id_travels_as_message_id_and_one_connection_serves_mails_that_follow(server):
    way = transport_for("email")
    assert [way.send(mail(number)) for number in (1, 2, 3)] == [Sent()] * 3
    assert server.count() == {"notice-1": 1, "notice-2": 1, "notice-3": 1}
    assert server.connections == 1
    assert "Auto-Submitted: auto-generated" in server.last_words


def test_a_kept_connection_that_is_gone_took_nothing_and_the_next_try_opens_another(server):
    way = transport_for("email")
    way.send(mail(1))
    server.says["MAIL"] = HUNG_UP
    assert isinstance(way.send(mail(2)), TryAgain)
    server.says.clear()
    assert way.send(mail(2)) == Sent()
    assert server.count() == {"notice-1": 1, "notice-2": 1}
    assert server.connections == 2


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT"])
def test_a_connection_that_breaks_before_the_words_went_over_is_tried_again(server, verb):
    server.says[verb] = HUNG_UP
    if verb == "EHLO":
        server.says["HELO"] = HUNG_UP
    assert isinstance(transport_for("email").send(mail()), TryAgain)


def test_a_connection_that_breaks_while_the_server_takes_it_leaves_a_doubt_nobody_can_settle(server):
    server.says["."] = HUNG_UP
    way = transport_for("email")
    doubt = way.send(mail())
    assert isinstance(doubt, Doubt)
    assert not doubt.can_ask
    assert server.count() == {"notice-1": 1}
    assert isinstance(way.look_up(mail(), datetime.now(UTC)), Doubt)


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        (
            {"RCPT": "550 5.1.1 no such user"},
            NotSent("the mail server refused the address", bad_address=True),
        ),
        ({"RCPT": "550 5.7.1 we do not like you"}, NotSent("the mail server refused the address")),
        ({"RCPT": "450 4.2.0 greylisted"}, TryAgain("the mail server asked to wait (450)")),
        ({".": "452 4.3.1 disk full"}, TryAgain("the mail server asked to wait (452)")),
        ({".": "554 5.6.0 spam"}, NotSent("the mail server refused it (554)")),
    ],
)
def test_what_the_server_says_decides_whether_it_is_tried_again(server, says, outcome):
    server.says.update(says)
    assert transport_for("email").send(mail()) == outcome


def test_a_server_that_is_not_there_is_tried_again(server, settings):
    settings.EMAIL_PORT = 1
    assert transport_for("email").send(mail()) == TryAgain("the mail server does not answer")


def test_mail_goes_one_at_a_time_since_nobody_can_ask_a_mail_server_later(server):
    assert transport_for("email").lot == 1


def test_an_old_connection_is_not_used_again(server, monkeypatch):
    monkeypatch.setattr(module, "KEEP_MAILS", 2)
    way = transport_for("email")
    for number in range(5):
        way.send(mail(number))
    assert server.connections == 3
