"""Nothing a patient may read is left without Spanish."""

from __future__ import annotations

import re
from datetime import date
from gettext import GNUTranslations

import pytest
from django.utils import translation

from scheduling.readings import my, words
from tests.accounts import spanish
from tests.makers import NOW

PLACE = re.compile(r"%\(\w+\)[ds]|%\(\w+\)02d")


def test_every_message_patients_may_meet_has_spanish_words():
    translated = spanish.entries()
    missing = {text for text in spanish.messages() if not all(translated.get(text, [""]))}
    assert not missing


def test_the_reader_of_templates_sees_more_than_it_misses():
    found = spanish.messages()
    assert {"Your next infusion", "Hello %(name)s", "Around %(day)s", "(optional)", "Day"} <= found


def test_a_translation_keeps_the_places_where_values_go():
    wrong = [
        text
        for text, found in spanish.entries().items()
        for one in found
        if text and sorted(PLACE.findall(text)) != sorted(PLACE.findall(one))
    ]
    assert not wrong


def test_the_compiled_catalogue_says_what_the_written_one_says():
    with spanish.CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for text, found in spanish.entries().items():
        if not text:
            continue
        assert (
            compiled.ngettext(text, text, 1) == found[0]
            if len(found) > 1
            else compiled.gettext(text) == found[0]
        )


@pytest.mark.parametrize(
    ("language", "day", "clock"),
    [("en", "Tuesday, January 12", "9:00 am"), ("es", "martes 12 de enero", "9:00\u00a0a.\u00a0m.")],
)
def test_days_and_times_follow_the_language(language, day, clock):
    with translation.override(language):
        assert my.long_day(date(2027, 1, 12)) == day
        assert words.clock_words(NOW.replace(hour=9)) == clock


SHIPPED = {"messages": spanish.message_words, "calls": spanish.call_words}


@pytest.mark.parametrize("what", SHIPPED)
def test_what_is_sent_and_what_is_said_in_a_call_are_whole_in_both_languages(what):
    english, in_spanish = SHIPPED[what]("en"), SHIPPED[what]("es")
    assert set(english) == set(in_spanish)
    for name, sentences in in_spanish.items():
        assert len(sentences) == len(english[name]) and all(map(str.strip, sentences)), name


@pytest.mark.parametrize("what", SHIPPED)
def test_no_english_word_is_left_in_what_is_sent_or_said(what):
    said = {language: spanish.words_in(SHIPPED[what](language)) for language in ("en", "es")}
    # STOP is the word telephone companies act on, in every language; °F is what a thermometer here shows.
    assert said["en"] & said["es"] <= {"no", "a", "stop", "f"}
    assert len(said["es"]) > 100


@pytest.mark.parametrize("what", SHIPPED)
def test_patients_are_spoken_to_formally(what):
    said = spanish.words_in(SHIPPED[what]("es"))
    assert not said & {"tú", "tu", "tus", "te", "ti", "tienes", "puedes", "responde", "vosotros"}


def test_the_pages_speak_formally():
    said = spanish.words_in(spanish.entries())
    assert not said & {
        "tú",
        "tu",
        "tus",
        "te",
        "ti",
        "tienes",
        "puedes",
        "vosotros",
        "vuestro",
        "ordenador",
        "móvil",
    }
