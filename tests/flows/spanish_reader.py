"""Reads a page as somebody who knows no English, and reports every piece that is not Spanish.

Two readers look at each page. One knows every Spanish word the product has (its catalogue, its messages, and Django's
names of days and months) and reports any other; one knows every English sentence of the catalogue and reports it
whole, so that a word both languages have hides nothing. Names and places are data; what has a `lang` of its own is
read by that.
"""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser

from django import forms
from django.core.validators import MaxLengthValidator
from django.utils import dates, translation

from tests.accounts import spanish

SPOKEN = ("title", "aria-label", "aria-description", "aria-valuetext", "placeholder", "alt", "label")
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SILENT = {"script", "style"}
WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?")
ADDRESS = re.compile(r"\S+@\S+|https?://\S+")
PLACE = re.compile(r"%\(\w+\)\d*[ds]")
SLIPS = re.compile(r"\.\.(?!\.)|\ba las 1:|%\(|\{\w+\}")  # "a. m..", "a las 1:00", a place nobody filled
# A brand, units, and a language in its own words.
SAME_IN_BOTH = {"infusion", "home", "h", "min", "mg", "g", "english"}


class Page(HTMLParser):
    """What a page says: pieces of visible or spoken text, without parts in another language."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.language = ""
        self._open: list[tuple[str, bool]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = found.get("lang", "")
        hidden = tag in SILENT or found.get("lang", self.language) != self.language
        if not (hidden or self._hidden):
            self.said += [found[name] for name in SPOKEN if found.get(name)]
            if tag == "input" and found.get("type") in {"submit", "button", "reset"}:
                self.said.append(found.get("value", ""))
        if tag not in VOID:
            self._open.append((tag, hidden))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.said.append(" ".join(data.split()))

    @property
    def _hidden(self) -> bool:
        return any(hidden for _tag, hidden in self._open)


def _of_forms() -> list[str]:
    """What Django's own forms say about an answer they cannot read."""
    fields = (forms.CharField, forms.ChoiceField, forms.MultipleChoiceField, forms.BooleanField)
    said = [text for field in fields for text in field.default_error_messages.values()]
    said.append(MaxLengthValidator.message % {"limit_value": 2, "show_value": 3})
    return [PLACE.sub(" ", str(text)) for text in said]


@cache
def spanish_words() -> frozenset[str]:
    """Every word of the catalogue's Spanish, of the messages, and of dates."""
    with translation.override("es"):
        names = [*dates.WEEKDAYS.values(), *dates.MONTHS.values()]
        said = [str(name) for name in (*names, *_of_forms())]
    for text, found in spanish.entries().items():
        if text:
            said += [PLACE.sub(" ", one) for one in found]
    sent = spanish.words_in(spanish.message_words("es"))
    return frozenset(word.lower() for sentence in said for word in WORD.findall(sentence)) | sent


@cache
def english_sentences() -> re.Pattern[str]:
    """Any message a patient may be shown that is not the same in Spanish, as a whole piece of text."""
    translated = spanish.entries()
    found = []
    for text in spanish.messages():
        if translated.get(text) == [text] or not WORD.search(PLACE.sub("", text)):
            continue
        parts = [re.escape(re.sub(r"\s+", " ", part)) for part in PLACE.split(text.strip())]
        found.append(".+".join(parts))
    return re.compile("|".join(sorted(found, key=len, reverse=True)))


@cache
def american_dates() -> re.Pattern[str]:
    """A Spanish month before its day or year: `marzo 9`."""
    with translation.override("es"):
        return re.compile(rf"\b({'|'.join(str(name) for name in dates.MONTHS.values())}) \d", re.IGNORECASE)


def english_in(html: str, names: frozenset[str]) -> list[str]:
    """The pieces of a page that are not Spanish. `names` are words of people and places, in small letters."""
    wrong = []
    for piece in (ADDRESS.sub(" ", said) for said in Page(html).said):
        strange = [
            word for word in WORD.findall(piece) if word.lower() not in spanish_words() | SAME_IN_BOTH | names
        ]
        if (
            strange
            or english_sentences().fullmatch(piece.strip())
            or SLIPS.search(piece)
            or american_dates().search(piece)
        ):
            wrong.append(f"{piece} {strange}")
    return wrong
