"""How a link in a message is written: the key of its row, its purpose and a seal. Pure; the caller makes the seal.

The key in base 36, one letter for the purpose, 16 characters of seal. With a PUBLIC_URL
of 30 characters the whole address stays below 60, so that it fits a text message.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hmac import compare_digest
from typing import NamedTuple

LETTERS = {"confirm": "c", "move": "m", "screen": "s", "feel": "f"}
PURPOSES = {letter: purpose for purpose, letter in LETTERS.items()}
SEAL_BYTES = 12  # 96 bits, 16 characters of url-safe base64
SEAL = 16
LONGEST = 13 + 1 + SEAL  # a key of 64 bits has 13 figures in base 36
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

Seal = Callable[[str], bytes]  # at least SEAL_BYTES bytes for the text in front of the seal


class Opened(NamedTuple):
    """What a token says: the row's key and what it may be used for."""

    key: int
    purpose: str


def write(key: int, purpose: str, seal: Seal) -> str:
    """The token of a row; the same row has the same token always."""
    front = base36(key) + LETTERS[purpose]
    return front + _sealed(front, seal)


def read(token: str, *seals: Seal) -> Opened | None:
    """What the token says; None when it is not ours. Several seals: the keys of the past, the present first."""
    front, end = token[:-SEAL], token[-SEAL:]
    if not front[:-1] or len(token) > LONGEST or not token.isascii():
        return None
    if not any(compare_digest(end, _sealed(front, seal)) for seal in seals):
        return None
    purpose = PURPOSES.get(front[-1:], "")
    return Opened(int(front[:-1], 36), purpose) if purpose else None


def base36(number: int) -> str:
    """A whole number from 0 on, as short as figures and small letters make it."""
    written = ""
    while number:
        number, figure = divmod(number, 36)
        written = DIGITS[figure] + written
    return written or "0"


def _sealed(front: str, seal: Seal) -> str:
    return urlsafe_b64encode(seal(front)[:SEAL_BYTES]).decode("ascii")
