"""What a text message costs in the alphabet of telephones: 160 septets a part. Pure.

One character outside it makes the whole message UCS-2, with 70 a part. Source: 3GPP TS 23.038, 6.2.1 (the
default alphabet and its extension table); docs/messages.md.
"""

from __future__ import annotations

import re
import unicodedata

ONE_PART = 160
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("^{}\\[~]|€")  # each goes out as an escape and a character
# What word processors put in the place of plain characters, and letters that have no accent to take off.
PLAIN = {
    "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "´": "'", "`": "'",
    "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "…": "...", "•": "-", "\u00a0": " ", "\u202f": " ",
    "\u2009": " ", "\t": " ", "\u200b": "", "\ufeff": "", "º": "o", "ª": "a", "ł": "l", "Ł": "L", "đ": "d",
    "Đ": "D", "ı": "i", "œ": "oe", "Œ": "OE", "ħ": "h", "Ħ": "H", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
}  # fmt: skip


_OUTSIDE = re.compile(f"[^{re.escape(''.join(sorted(BASIC | EXTENSION)))}]")
_ESCAPED = re.compile(f"[{re.escape(''.join(sorted(EXTENSION)))}]")


def septets(text: str) -> int:
    """How many of a part's 160 the text takes. Raises ValueError for a character it cannot write."""
    missing = unwritable(text)
    if missing:
        raise ValueError(f"not in the alphabet of text messages: {missing}")
    return len(text) + len(_ESCAPED.findall(text))


def fits(text: str) -> bool:
    """Whether the text is one part, written as it stands."""
    return not unwritable(text) and septets(text) <= ONE_PART


def unwritable(text: str) -> str:
    """The characters no telephone's alphabet has, each once, in order; "" when there are none."""
    return "".join(dict.fromkeys(_OUTSIDE.findall(text)))


def to_gsm7(text: str) -> str:
    """The same words in the alphabet: á becomes a, a curly quote a plain one; ñ, é, ü, ¿ and ¡ are in it.

    What has no plain form (an emoji, another script) stays as it is: ask `unwritable` about the answer.
    """
    return _OUTSIDE.sub(lambda letter: _plain(letter[0]), unicodedata.normalize("NFC", text))


def _plain(letter: str) -> str:
    if letter in PLAIN:
        return PLAIN[letter]
    bare = "".join(x for x in unicodedata.normalize("NFD", letter) if not unicodedata.combining(x))
    return bare if bare and not unwritable(bare) else letter
