"""Amounts as pages say them."""

from decimal import Decimal

import pytest

from scheduling.readings import words


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (None, ""),
        (Decimal("600.00"), "600 mg"),
        (Decimal("22.50"), "22.5 mg"),
        (Decimal("9999.99"), "9999.99 mg"),
        (Decimal("10000.00"), "10 g"),
        (Decimal("35000"), "35 g"),
        (Decimal("32500"), "32.5 g"),
    ],
)
def test_amounts_of_ten_grams_and_more_are_said_in_grams(amount, said):
    assert words.mg_words(amount) == said
