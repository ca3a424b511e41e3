"""How the words of a message are filled in, shortened and checked. Pure: plain strings, no clock.

A wording has places in braces, each from PLACES, and may have parts in [brackets]. A part holding a place that
has no value is left out; so are parts, the last first, where a text would not fit. Nothing is ever cut.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from scheduling.rules import gsm7
from scheduling.rules.errors import BadInput

TEXT, EMAIL, VOICE = "text", "email", "voice"
PLACES: Mapping[str, str] = {
    "hello": "“Hi Maria, ”; left out when the text would not fit",
    "first_name": "the patient's first name",
    "nurse": "the nurse's first name",
    "day": "the day of the visit; short in a text, with the year in an e-mail",
    "time": "when the visit begins",
    "until": "about when it ends",
    "zone": "the time zone, like CST; left out when the text would not fit",
    "days_in_a_row": "“5 days in a row” when the visit begins a course; otherwise nothing",
    "paper": "what runs out, like “A licence”",
    "agency": "the sender's name",
    "phone": "the number to call back",
    "link": "the page for an answer, or for the staff the page to look at",
}
GREETING = ("hello", "zone")  # the first that a text does without
MAY_LACK = frozenset(GREETING)  # without a value they leave no gap
# How a text ends; telephone companies act on the word STOP themselves, in every language.
CLOSING = {"en": "Reply STOP to end", "es": "STOP para no recibir más"}
LEAST_CLOSING = {"en": "STOP to end", "es": "STOP para no recibir"}
LONGEST = {
    "en": {"day": "Wed, Nov 25", "time": "10:30 am", "until": "12:30 pm", "days_in_a_row": "5 days in a row"},
    "es": {
        "day": "mié 25 nov",
        "time": "10:30 a. m.",
        "until": "12:30 p. m.",
        "days_in_a_row": "5 días seguidos",
    },
}
LONGEST_ANY = {"hello": "", "zone": "", "first_name": "M" * 30, "nurse": "M" * 20, "agency": "M" * 20,
               "phone": "214-555-0142", "link": "https://" + "m" * 52}  # fmt: skip

DIAGNOSES = ("ms", "sclerosis", "esclerosis")
TELL_TALE = ("infusion", "infusions", "infusiones", "multiple")
_CODE = re.compile(r"\bG35\b|\b[A-TV-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}\b")
_SHORT_FORM = re.compile(r"\bEM\b")  # esclerosis múltiple; in small letters it is no word
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_PLACE = re.compile(r"\{(\w*)\}")
_GAP, _LINE_END, _LINES = re.compile(r" {2,}"), re.compile(r" +\n"), re.compile(r"\n{3,}")
_BEFORE_MARK = re.compile(r" +([.,;!?)])")
_TWO_POINTS = re.compile(r"( [ap]\. m\.)\.(?!\.)")  # the point of "a. m." ends the sentence, too
_PART = re.compile(r"(\[[^\[\]]*\])")

MONTHS = {
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "es": (
        *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
        *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
    ),
}
WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}


@dataclass(frozen=True, slots=True)
class Filled:
    """A wording with its values, and what was left out so that it fits."""

    body: str
    left_out: tuple[str, ...] = ()


def short_day(local: datetime, language: str) -> str:
    """`Mon, Dec 21`; in Spanish `lun 21 dic`."""
    weekday, month = WEEKDAYS[language][local.weekday()][:3], MONTHS[language][local.month - 1][:3]
    return f"{weekday} {local.day} {month}" if language == "es" else f"{weekday}, {month} {local.day}"


def long_day(local: datetime, language: str, *, year: bool = True) -> str:
    """`Monday, December 21, 2026`; in Spanish `lunes 21 de diciembre de 2026`."""
    weekday, month = WEEKDAYS[language][local.weekday()], MONTHS[language][local.month - 1]
    if language == "es":
        return f"{weekday} {local.day} de {month}" + (f" de {local.year}" if year else "")
    return f"{weekday}, {month} {local.day}" + (f", {local.year}" if year else "")


def clock_time(local: datetime, language: str) -> str:
    """`9:00 am`; in Spanish `9:00 a. m.`. A time the clocks show twice that day names its zone."""
    half = "am" if local.hour < 12 else "pm"
    if language == "es":
        half = f"{half[0]}. m."
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local.hour % 12 or 12}:{local.minute:02d} {half}" + (f" {local.tzname()}" if twice else "")


def fill(body: str, values: Mapping[str, str], *, channel: str) -> Filled:
    """The wording with its values; a text in the telephones' alphabet, shortened until it is one part.

    Left out in this order: the greeting, the zone, then the parts in brackets from the last to the first; what there
    is room for in the end goes back in. A part with the link stays. Raises BadInput when a place has no value, or
    when the shortest form does not fit.
    """
    parts = [part for part in _PART.split(body) if part and not _empty(part, values)]
    if channel != TEXT:
        return Filled(_joined(parts, values))
    parts = [gsm7.to_gsm7(part) for part in parts]
    values = {name: gsm7.to_gsm7(value) for name, value in values.items()}
    may_go = [name for name in GREETING if f"{{{name}}}" in body and values.get(name)]
    order: list[str | int] = [*may_go, *(n for n in range(len(parts) - 1, -1, -1) if _may_go(parts[n]))]
    out: list[str | int] = []
    while not _one_part(text := _without(parts, values, out)):
        if not order:
            raise BadInput(_too_long(text), field="body")
        out.append(order.pop(0))
    for one in reversed(out[:-1]):
        rest = [other for other in out if other != one]
        if _one_part(longer := _without(parts, values, rest)):
            out, text = rest, longer
    return Filled(text, tuple(f"{{{x}}}" if isinstance(x, str) else parts[x][1:-1].strip() for x in out))


def _without(parts: Sequence[str], values: Mapping[str, str], out: Sequence[str | int]) -> str:
    kept = [part for n, part in enumerate(parts) if n not in out]
    return _joined(kept, {**values, **dict.fromkeys((x for x in out if isinstance(x, str)), "")})


def _one_part(text: str) -> bool:
    missing = gsm7.unwritable(text)
    if missing:
        raise BadInput(f"A text cannot carry these characters: {missing}", field="body")
    return gsm7.septets(text) <= gsm7.ONE_PART


def _too_long(text: str) -> str:
    return (
        f"It would take {gsm7.septets(text)} of the {gsm7.ONE_PART} characters of one text, with everything "
        "left out that may be."
    )


def _empty(part: str, values: Mapping[str, str]) -> bool:
    return part[0] == "[" and any(
        not values.get(name) for name in _PLACE.findall(part) if name not in MAY_LACK
    )


def _may_go(part: str) -> bool:
    return part[0] == "[" and "{link}" not in part


def _joined(parts: Iterable[str], values: Mapping[str, str]) -> str:
    """The parts with their values, and no gaps where something was left out."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if not values.get(name) and name not in MAY_LACK:
            raise BadInput(f"This message has nothing to put in the place of {{{name}}}.", field="body")
        return values.get(name, "")

    whole = "".join(part[1:-1] if part[0] == "[" else part for part in parts)
    text = _GAP.sub(" ", _PLACE.sub(value, whole))
    text = _TWO_POINTS.sub(r"\1", _BEFORE_MARK.sub(r"\1", text))
    return _LINES.sub("\n\n", _LINE_END.sub("\n", text)).strip()


def forbidden(text: str, *, drugs: Iterable[str], strict: bool) -> str:
    """The first word a message must not carry, as it is written there; "" when there is none.

    Whole words, in any case, with or without accents: drugs and diagnoses anywhere; with `strict` (texts, calls,
    subjects, the sender's name) what gives them away, too.
    """
    found = _words(tuple(drugs), strict).search(_bare(text)) or _CODE.search(text) or _SHORT_FORM.search(text)
    return text[found.start() : found.end()] if found else ""


@lru_cache(maxsize=8)
def _words(drugs: tuple[str, ...], strict: bool) -> re.Pattern[str]:
    words = (*DIAGNOSES, *(TELL_TALE if strict else ()), *drugs)
    longest_first = sorted((re.escape(_bare(word)) for word in words), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)")


def _bare(text: str) -> str:
    """Small letters without accents, one for one, so that a place in it is a place in the text."""
    return _NOT_ASCII.sub(lambda letter: unicodedata.normalize("NFD", letter[0])[0], text).lower()


def check_places(body: str, *, places: Iterable[str], field: str = "body") -> None:
    """Refuse a place nobody fills and brackets that do not close. Raises BadInput naming it."""
    allowed = set(places)
    for name in _PLACE.findall(body):
        if name not in allowed:
            raise BadInput(f"{{{name}}} is not one of the places of this message.", field=field)
    rest = _PART.sub(lambda part: part[0][1:-1], _PLACE.sub("", body))
    stray = next((mark for mark in "{}[]" if mark in rest), "")
    if stray:
        raise BadInput(f"There is a {stray} too many, or one inside another.", field=field)


def check_text(body: str, language: str) -> None:
    """What each text message has: who writes, the number to call, how to end them, and room in one part.

    Raises BadInput with what is missing. Source: 47 CFR 64.1200(a)(9)(iv).
    """
    shortest = _PART.sub(lambda part: part[0][1:-1] if "{link}" in part[0] else "", body).strip()
    whole = body.replace("[", "").replace("]", "").strip()
    if not whole.startswith("{agency}") or not shortest.startswith("{agency}"):
        raise BadInput("A text begins with {agency}: people must see who writes.", field="body")
    if "{phone}" not in shortest:
        raise BadInput("A text has {phone}, not in brackets: people must be able to call back.", field="body")
    if not whole.rstrip(".").endswith(CLOSING[language]) or not shortest.rstrip(".").endswith(
        LEAST_CLOSING[language]
    ):
        raise BadInput(f"A text ends with “{CLOSING[language]}”.", field="body")
    fill(body, {**LONGEST_ANY, **LONGEST[language]}, channel=TEXT)
