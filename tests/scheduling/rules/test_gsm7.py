"""What a text costs. Source of the alphabet: 3GPP TS 23.038, 6.2.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.rules import gsm7


def test_the_alphabet_has_its_128_places_less_the_escape():
    assert len(gsm7.BASIC) == 127 and len(gsm7.EXTENSION) == 9


@pytest.mark.parametrize(
    ("text", "takes"),
    [("", 0), ("a" * 160, 160), ("ñéü¿¡", 5), ("€", 2), ("[x]", 5), ("{}", 4), ("a\nb", 3)],
)
def test_what_needs_an_escape_counts_twice(text, takes):
    assert gsm7.septets(text) == takes


def test_one_part_ends_at_160_and_an_escape_is_never_split():
    assert gsm7.fits("a" * 160) and not gsm7.fits("a" * 161)
    assert gsm7.fits("a" * 158 + "€") and not gsm7.fits("a" * 159 + "€")


def test_what_cannot_be_written_is_named_and_not_counted():
    assert gsm7.unwritable("Hi 😀 李 á 😀") == "😀李á"
    assert not gsm7.fits("á")
    with pytest.raises(ValueError, match="á"):
        gsm7.septets("á")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("María, ¿mañana a las 9? ¡Sí!", "Maria, ¿mañana a las 9? ¡Si!"),
        ("miércoles, sábado, pingüino, José Núñez", "miércoles, sabado, pingüino, José Nuñez"),
        ("“Hi” – it’s… 9\u00a0am", '"Hi" - it\'s... 9 am'),
        ("Åse Łukasz Œuvre Đặng", "Åse Lukasz OEuvre Dang"),
        ("nin\u0303o", "niño"),  # two characters that are one letter
    ],
)
def test_accents_the_alphabet_lacks_are_taken_off_and_those_it_has_stay(written, plain):
    assert gsm7.to_gsm7(written) == plain


def test_what_has_no_plain_form_stays_so_that_somebody_hears_of_it():
    assert gsm7.to_gsm7("李 😀") == "李 😀"


@given(st.text())
def test_writing_plainly_twice_changes_nothing_more(text):
    once = gsm7.to_gsm7(text)
    assert gsm7.to_gsm7(once) == once


@given(st.text(alphabet=sorted(gsm7.BASIC | gsm7.EXTENSION)))
def test_what_is_in_the_alphabet_is_left_as_it_is(text):
    assert gsm7.to_gsm7(text) == text and gsm7.septets(text) >= len(text)
