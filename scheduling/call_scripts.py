"""What a caller reads out, by kind of call and drug; call_scripts.toml has the words and where they are from.

Plain values: the caller's page, the automatic call and the service that records a try read the same list.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "es")
DATA: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing to ask for: in the patient's words, and as the office reads it. `urgent`: call 911."""

    code: str
    label: str
    en: str
    es: str
    urgent: bool

    def said(self, language: str) -> str:
        """The question as it is read out."""
        return self.es if language == "es" else self.en


@dataclass(frozen=True, slots=True)
class Script:
    """The words of one call in one language, places filled in; the symptoms the emergencies first."""

    language: str
    opening: str
    emergency: str
    asks: tuple[str, ...]
    symptoms: tuple[Symptom, ...]
    unwell: str
    closing: str
    voicemail: str
    sources: tuple[str, ...]


SYMPTOMS: Mapping[str, Symptom] = {
    code: Symptom(code, entry["label"], entry["en"], entry["es"], entry.get("urgent", False))
    for code, entry in DATA["symptoms"].items()
}
TITLES: Mapping[str, str] = {kind: entry["title"] for kind, entry in DATA["kinds"].items()}
AFTER_A_DOSE = frozenset(
    {"reaction_check_call", "stroke_and_reaction_call", "two_week_call", "patient_navigator_call"}
)


def script(kind: str, language: str, *, drug: str = "", **places: str) -> Script:
    """The script of a call. `drug` is a code (`ocrelizumab`) or ""; `places`: caller, agency, first_name, phone.

    A language we have no words for is read in English. No drug is ever named.
    """
    language = language if language in LANGUAGES else "en"
    entry, more = DATA["kinds"][kind], {}
    if kind in AFTER_A_DOSE:
        more = DATA["drugs"].get(drug, {})
    codes = {*entry["symptoms"], *more.get("symptoms", ())}
    return Script(
        language=language,
        opening=_filled("opening", language, places),
        emergency=_filled("emergency", language, places),
        asks=tuple(entry[language]),
        symptoms=tuple(SYMPTOMS[code] for code in SYMPTOMS if code in codes),
        unwell=_filled("unwell", language, places),
        closing=_filled("closing", language, places),
        voicemail=_filled("voicemail", language, places),
        sources=tuple(source for source in (entry["source"], more.get("source", "")) if source),
    )


def automatic(step: str, language: str, **places: str) -> str:
    """What an automatic call says at a step: hello, ask, again, well, symptoms, later, stopped,
    nothing, voicemail, closed."""
    words: str = DATA["automatic"][step][language if language in LANGUAGES else "en"]
    return words.format(**places)


def spoken(number: str) -> str:
    """A number as it is read out: "+12145550142" is 214-555-0142. Another is left as it is."""
    digits = number.removeprefix("+1")
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}" if digits.isdigit() and len(digits) == 10 else number


def _filled(part: str, language: str, places: Mapping[str, str]) -> str:
    words: str = DATA[part][language]
    return words.format(**places)
