"""Names folded for search: the same letters whatever the case, accents or apostrophes."""

from __future__ import annotations

import unicodedata

# Letters that NFKD leaves whole.
PLAIN = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})


def folded(text: str) -> str:
    """Lower-case letters, digits and single spaces; accents and punctuation gone.

    `O’Neill-Peña` gives `oneill pena`, so that a search by either spelling finds it.
    """
    text = unicodedata.normalize("NFKD", text.casefold()).translate(PLAIN)
    kept = "".join(
        c if c.isalnum() else " " if c.isspace() or c == "-" else ""
        for c in text
        if not unicodedata.combining(c)
    )
    return " ".join(kept.split())
