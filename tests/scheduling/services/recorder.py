"""A way out that writes down what it is given, and answers as it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from scheduling.services import dispatch
from scheduling.transports import Doubt, Message, Outcome, Sent, TryAgain


class Recorder:
    """Takes every message. `answer` says what comes of one; `there` whether look-ups find what was taken."""

    def __init__(self, lot: int = 25) -> None:
        self.lot = lot
        self.taken: list[Message] = []
        self.answer: Callable[[Message], Outcome] = lambda message: Sent(f"SM{message.id}")
        self.there: Callable[[Message], Sent | TryAgain | Doubt] = self._there
        self.asked: list[str] = []

    def send(self, message: Message) -> Outcome:
        outcome = self.answer(message)
        if isinstance(outcome, Sent):
            self.taken.append(message)
        return outcome

    def look_up(self, message: Message, since: datetime) -> Sent | TryAgain | Doubt:
        self.asked.append(message.id)
        return self.there(message)

    def _there(self, message: Message) -> Sent | TryAgain | Doubt:
        found = any((one.to, one.body) == (message.to, message.body) for one in self.taken)
        return Sent(f"SM{message.id}") if found else TryAgain("it never arrived")

    @property
    def bodies(self) -> list[str]:
        return [message.body for message in self.taken]


def record(monkeypatch, **ways: Recorder) -> None:
    """Send the named channels through these; the others stay as they are."""
    real = dispatch.transport_for
    monkeypatch.setattr(dispatch, "transport_for", lambda channel: ways.get(channel) or real(channel))
