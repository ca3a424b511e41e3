"""The words and digits of a text that comes in."""

from __future__ import annotations

import pytest

from scheduling.rules.keywords import meaning, word_of


@pytest.mark.parametrize(
    "body",
    [
        "STOP", "stop", " Stop. ", "STOPALL", "Unsubscribe", "CANCEL", "end", "Quit!", "REVOKE", "OPT OUT", "opt-out",
        "OptOut", "“Stop”", "ALTO", "¡Alto!", "parar", "Don’t text me", "stop  texting\nme", "Please stop texting me.",
        "STOP\n\nSent from my iPhone", "Stop, thank you", "Alto por favor",
    ],
)  # fmt: skip
def test_every_word_that_stops_texts_is_understood_however_it_is_written(body):
    assert meaning(body) == "stop"


@pytest.mark.parametrize(
    ("body", "means"),
    [
        ("START", "start"), ("unstop", "start"), ("Yes", "start"), ("HELP", "help"), ("info?", "help"),
        ("Ayuda", "help"), ("1", "confirm"), (" 1. ", "confirm"), ("#1", "confirm"), ("1️⃣", "confirm"),
        ("2", "move"), ("9!", "call_me"),
    ],
)  # fmt: skip
def test_the_words_and_digits_we_ask_for_are_understood(body, means):
    assert meaning(body) == means


@pytest.mark.parametrize(
    "body",
    [
        "",
        "…",
        "12",
        "1 or 2",
        "can you stop by at five",
        "the end is near",
        "no",
        "3",
        "👍",
        "yes please",
        "cancel please",
        "Cancel\nmy visit on Monday",
        "please",
    ],
)
def test_anything_else_is_for_a_person(body):
    assert meaning(body) == "other"


def test_a_word_is_read_without_accents_punctuation_and_doubled_blanks():
    assert word_of("  ¡Cancelar   suscripción! ") == "cancelar suscripcion"


@pytest.mark.parametrize(
    "body",
    [
        "Detener",
        "¡Basta!",
        "SALIR",
        "No más mensajes",
        "no mas",
        "Ya no quiero mensajes.",
        "No me manden más mensajes",
    ],
)
def test_clear_wording_in_spanish_stops_texts_like_the_english(body):
    assert meaning(body) == "stop"


def test_cancelar_alone_may_be_the_visit_and_no_carrier_acts_on_it_so_a_person_reads_it():
    assert meaning("Cancelar") == "other"
