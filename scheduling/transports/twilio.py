"""Texts and calls by Twilio's REST API, with its own library. Docs: twilio.com/docs/messaging/api/message-resource.

Twilio does not drop a second request for the same message. What may have been taken is therefore never sent
again before its list was read; what the list shows is not sent, what it does not show never arrived.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from requests import exceptions as net
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProxyError

from infusion_home.environment import Channel
from scheduling.transports.base import Doubt, Message, NotSent, Outcome, Sent, TryAgain

API = "https://api.twilio.com"
SECONDS = 7.0  # to connect, and again between two parts of the answer
OPTED_OUT = 21610
# 21211 not a number, 21614 cannot take texts, 21217 and 21214 cannot be called, 30003 to 30006 nobody there.
BAD_NUMBER = frozenset({21211, 21214, 21217, 21614, 30003, 30004, 30005, 30006})
# Refused at the door, by definition of the status: too many at once, or not serving at all.
TURNED_AWAY = frozenset({429, 503})
LONGEST_WAIT = 3600
TOO_SOON = timedelta(seconds=30)  # what was sent this lately may still be on its way into the list
CLOCKS_DIFFER = timedelta(minutes=1)
PAGE, MOST = 50, 500
TRIAL = "Sent from your Twilio trial account - "


class TurnedAway(Exception):
    """429 or 503: not taken; come back after so many seconds, when it said so."""

    def __init__(self, status: int, after_seconds: int | None) -> None:
        super().__init__(status)
        self.status, self.after_seconds = status, after_seconds


class Http(TwilioHttpClient):
    """Twilio's client with a time-out, at the address that is set, and silent: what it would log are numbers."""

    def __init__(self, base: str) -> None:
        super().__init__(timeout=SECONDS, max_retries=0, logger=logging.getLogger("twilio.silent"))
        self.base = base

    def log_request(self, kwargs: dict[str, Any]) -> None:
        """Nothing: address and parameters hold phone numbers."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Nothing."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        response = super().request(method, url.replace(API, self.base, 1), *args, **kwargs)
        # Twilio's library keeps the last request for tests; it holds a person's number and words.
        self._test_only_last_request = self._test_only_last_response = None
        if response.status_code in TURNED_AWAY:
            raise TurnedAway(response.status_code, _seconds(response.headers or {}))
        return response


class _Twilio:
    """What texts and calls share: one way to judge an answer, one way to look one up."""

    lot = 25

    def __init__(self, way: Channel) -> None:
        self.sender = way.sender
        # An environment of its own: TWILIO_EDGE and the like of the machine must not change the address.
        self.client = Client(way.account, way.token, http_client=Http(way.base), environment={"": ""})

    def send(self, message: Message) -> Outcome:
        try:
            return Sent(provider_id=self._create(message) or "")
        except TurnedAway as answer:
            return TryAgain(f"the provider asked to wait ({answer.status})", answer.after_seconds)
        except TwilioException as error:
            return _refused(error)
        except net.RequestException as error:
            return _broken(error)
        except ValueError:  # an answer that is no JSON: taken or not, it does not say
            return Doubt("the provider's answer could not be read", can_ask=True)

    def look_up(self, message: Message, since: datetime) -> Sent | TryAgain | Doubt:
        """Read what Twilio lists for the number since then; queued ones count, they have no time of sending yet."""
        if timezone.now() - since < TOO_SOON:
            return Doubt("it is too soon to ask the provider", can_ask=True)
        try:
            found = [one for one in self._recent(message, since) if self._same(one, message)]
        except (TurnedAway, TwilioException, net.RequestException, ValueError):
            return Doubt("the provider could not be asked", can_ask=True)
        if not found:
            return TryAgain("the provider never got it")
        return Sent(provider_id=found[-1].sid or "")

    def _recent(self, message: Message, since: datetime) -> Iterator[Any]:
        """Ours to this number, newest first, back to `since`.

        Not filtered by the time of sending, which Twilio leaves empty until a message has left its queue.
        """
        for one in self._listed(message.to):
            if one.date_created is not None and one.date_created < since - CLOCKS_DIFFER:
                return
            if (one.direction or "").startswith("outbound"):
                yield one

    def _create(self, message: Message) -> str | None:
        raise TypeError("texts and calls differ here")

    def _listed(self, to: str) -> Iterable[Any]:
        raise TypeError("texts and calls differ here")

    def _same(self, one: Any, message: Message) -> bool:
        raise TypeError("texts and calls differ here")


class Texter(_Twilio):
    """Texts. `sender` is a number of ours or a messaging service."""

    def _create(self, message: Message) -> str | None:
        who = {"messaging_service_sid" if self.sender.startswith("MG") else "from_": self.sender}
        made = self.client.messages.create(
            to=message.to, body=message.body, status_callback=message.status_url, **who
        )
        return made.sid

    def _listed(self, to: str) -> Iterable[Any]:
        return self.client.messages.stream(to=to, limit=MOST, page_size=PAGE)

    def _same(self, one: Any, message: Message) -> bool:
        if self.sender.startswith("MG"):
            ours = one.messaging_service_sid in {None, "", self.sender}
        else:
            ours = one.from_ in {None, "", self.sender}
        return ours and (one.body or "").removeprefix(TRIAL).strip() == message.body.strip()


class Caller(_Twilio):
    """Calls by machine: Twilio asks `answer_url` what to say once somebody, or a machine, has answered."""

    def _create(self, message: Message) -> str | None:
        made = self.client.calls.create(
            to=message.to,
            from_=self.sender,
            url=message.answer_url,
            method="POST",
            status_callback=message.status_url,
            status_callback_method="POST",
            status_callback_event=["completed"],
            timeout=25,  # seconds of ringing: about five rings, before most mailboxes
            machine_detection="DetectMessageEnd",  # a mailbox hears our sentence after its tone
        )
        return made.sid

    def _listed(self, to: str) -> Iterable[Any]:
        return self.client.calls.stream(to=to, limit=MOST, page_size=PAGE)

    def _same(self, one: Any, message: Message) -> bool:
        return getattr(one, "_from", None) in {None, "", self.sender}


def _seconds(headers: Any) -> int | None:
    """Retry-After as whole seconds; None when it is missing, a date or nonsense."""
    said = str(next((value for name, value in headers.items() if name.lower() == "retry-after"), "")).strip()
    return min(int(said), LONGEST_WAIT) if said.isdigit() else None


def _refused(error: TwilioException) -> Outcome:
    """An answer with an error in it. A 5xx may come after the message was taken: only the list can tell."""
    if not isinstance(error, TwilioRestException | TwilioServiceException):
        return Doubt("the provider's answer could not be read", can_ask=True)
    status, code = error.status, error.code or 0
    if code == OPTED_OUT:
        return NotSent("the provider says that they opted out (21610)", opted_out=True)
    if code in BAD_NUMBER:
        return NotSent(f"the provider says that this number does not work ({code})", bad_address=True)
    if status >= 500:
        return Doubt(f"the provider failed while taking it ({status})", can_ask=True)
    if status in {401, 403}:
        return TryAgain("the provider refused our sign-in")
    if status == 404:
        return TryAgain("the provider does not know our account")
    if 400 <= status < 500:
        return NotSent(f"the provider refused it ({code or status})")
    return TryAgain(f"the provider's address leads elsewhere ({status})")


def _broken(error: net.RequestException) -> Outcome:
    """Before the request could go nothing was taken; after that nobody knows."""
    reason: Any = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    if isinstance(reason, ProxyError):
        reason = reason.original_error
    if isinstance(error, net.InvalidURL) or isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return TryAgain("the provider does not answer")
    if "CERTIFICATE_VERIFY_FAILED" in str(reason):
        return TryAgain("the provider's certificate cannot be trusted")
    return Doubt("the connection to the provider broke while it was taking it", can_ask=True)
