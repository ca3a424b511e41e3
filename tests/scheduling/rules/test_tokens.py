"""Links carry a key, a purpose and a seal: short, and of no use when one character differs."""

from __future__ import annotations

import hmac
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.rules import tokens


def sealed_with(secret: bytes) -> tokens.Seal:
    return lambda front: hmac.digest(secret, front.encode(), "sha256")


OURS, THEIRS = sealed_with(b"ours"), sealed_with(b"theirs")
KEYS = st.integers(min_value=0, max_value=2**63 - 1)
HANDS = string.ascii_letters + string.digits + "-_"


@given(KEYS, st.sampled_from(sorted(tokens.LETTERS)))
def test_what_was_written_is_read_again(key, purpose):
    assert tokens.read(tokens.write(key, purpose, OURS), OURS) == (key, purpose)


@given(KEYS, st.sampled_from(sorted(tokens.LETTERS)), st.data())
def test_a_token_with_one_other_character_is_nothing(key, purpose, data):
    token = tokens.write(key, purpose, OURS)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(HANDS).filter(lambda one: one != token[place]))
    assert tokens.read(token[:place] + other + token[place + 1 :], OURS) is None


def test_a_token_of_another_key_is_nothing_and_an_earlier_key_still_counts():
    token = tokens.write(7, "confirm", THEIRS)
    assert tokens.read(token, OURS) is None
    assert tokens.read(token, OURS, THEIRS) == (7, "confirm")


@pytest.mark.parametrize("said", ["", "c", "7c", "é" * 20, "A" * 400, "c" + "A" * 16, "7x" + "A" * 16])
def test_what_is_no_token_is_nothing(said):
    assert tokens.read(said, OURS) is None


def test_a_sealed_front_with_an_unknown_purpose_is_nothing():
    front = "7q"
    assert tokens.read(front + tokens._sealed(front, OURS), OURS) is None


def test_ten_million_links_leave_an_address_of_60_characters():
    host = "https://" + "h" * 22  # 30 characters
    assert len(f"{host}/s/{tokens.write(10_000_000, 'confirm', OURS)}/") <= 60


@pytest.mark.parametrize(("number", "written"), [(0, "0"), (35, "z"), (36, "10"), (46_655, "zzz")])
def test_keys_are_written_short(number, written):
    assert tokens.base36(number) == written
