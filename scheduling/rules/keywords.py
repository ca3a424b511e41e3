"""What a text from a patient says, where it is one of the words we know. Pure.

Sources: 47 CFR 64.1200(a)(10) for the words that stop (and "any clear wording"); Twilio's default list of opt-out
words, which carriers act on whatever we do. YES belongs to START there, so visits are confirmed by digits.
"""

from __future__ import annotations

import re
import unicodedata

STOP_IN_SPANISH = frozenset({
    "alto", "parar", "pare", "detener", "basta", "salir", "baja", "dar de baja", "cancelar suscripcion",
    "cancelar mensajes", "no mas", "no mas mensajes", "no mas textos", "no quiero mas mensajes",
    "ya no quiero mensajes", "no me manden mensajes", "no me manden mas mensajes", "dejen de mandarme mensajes",
})  # fmt: skip
STOP = STOP_IN_SPANISH | frozenset({
    "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "opt out", "optout",
    "stop texting me", "stop texting", "stop texts", "stop messages", "please stop", "stop please", "no more texts",
    "stop it", "do not text me", "dont text me", "unsubscribe me", "remove me",
})  # fmt: skip
START = frozenset({"start", "unstop", "yes", "opt in", "iniciar", "comenzar"})
HELP = frozenset({"help", "info", "ayuda", "informacion"})
DIGITS = {"1": "confirm", "2": "move", "9": "call_me"}
# These stop texts, and may be meant for the visit: a person looks.
MAYBE_THE_VISIT = frozenset({"cancel", "end"})
MANNERS = re.compile(r"^(please|por favor) | (please|now|thanks|thank you|por favor|gracias)$")
SPANISH = STOP_IN_SPANISH | frozenset({"ayuda", "informacion", "iniciar", "comenzar"})


def word_of(body: str) -> str:
    """The text in small letters without accents, outer punctuation and doubled blanks: " ¡Alto! " is "alto"."""
    plain = unicodedata.normalize("NFKD", body.replace("’", "").replace("'", ""))
    plain = "".join(x for x in plain if not unicodedata.combining(x)).casefold()
    return re.sub(r"[\s_-]+", " ", re.sub(r"^\W+|\W+$", "", plain)).strip()


def _plain_stop(body: str) -> bool:
    """A stop that cannot be meant for the visit, said politely or with a signature below it."""
    first, _newline, _signature = body.strip().partition("\n")
    return word_of(MANNERS.sub("", word_of(first))) in STOP - MAYBE_THE_VISIT


def meaning(body: str) -> str:
    """One of stop, start, help, confirm, move, call_me and other (the codes of Reply.Meaning)."""
    word = word_of(body)
    if word in STOP or _plain_stop(body):
        return "stop"
    if word in START:
        return "start"
    if word in HELP:
        return "help"
    return DIGITS.get(word, "other")
