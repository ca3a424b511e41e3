"""Ways out: one class a channel. They use the network, and neither models nor the database."""

from scheduling.transports.base import Doubt, Message, NotSent, Outcome, Sent, Transport, TryAgain
from scheduling.transports.choice import tokens, transport_for

__all__ = [
    "Doubt",
    "Message",
    "NotSent",
    "Outcome",
    "Sent",
    "Transport",
    "TryAgain",
    "tokens",
    "transport_for",
]
