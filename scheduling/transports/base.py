"""What goes out, and how it ended: the words every way out shares. No models, no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it goes out. `id` is ours ("notice-12") and travels along.

    `status_url` is where the provider tells how it went on, `answer_url` (calls) where it asks what to say.
    """

    id: str
    channel: str
    to: str
    subject: str = ""
    body: str = ""
    language: str = "en"
    status_url: str = ""
    answer_url: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side took it. `provider_id` is its name for it, where it told one."""

    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class NotSent:
    """It will never go: a person must look. The other side says that they opted out, or that nobody is there."""

    reason: str
    opted_out: bool = False
    bad_address: bool = False


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The other side surely did not take it, and may later: after `after_seconds`, when it said so."""

    reason: str
    after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """It may or may not have gone: never sent again blindly. `can_ask`: `look_up` may tell, a minute from now."""

    reason: str
    can_ask: bool = False


Outcome = Sent | NotSent | TryAgain | Doubt


class Transport(Protocol):
    """`lot`: how many messages may be marked as tried before the first of them is sent.

    That many are in doubt when a process ends in the middle; where the other side can be asked, it costs nothing.
    """

    lot: int

    def send(self, message: Message) -> Outcome: ...

    def look_up(self, message: Message, since: datetime) -> Sent | TryAgain | Doubt:
        """Whether a message that was tried at `since` is there. TryAgain: it surely never arrived."""
        ...
