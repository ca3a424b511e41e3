import gzip
import re

import pytest

from .palette import STYLESHEET, colours, contrast

STATUSES = ("ok", "wait", "live", "done", "hold", "stop")
SHEETS = ("paper", "surface")
TEXT = [
    *((ink, sheet, 7.0) for ink in ("ink", "ink-2", "brand") for sheet in SHEETS),
    ("ink", "sunken", 7.0),
    ("ink-2", "sunken", 7.0),
    ("brand-ink", "brand", 7.0),
    ("brand", "brand-tint", 7.0),
    ("ink", "brand-tint", 7.0),
    ("ink-2", "brand-tint", 7.0),
    ("hero-ink", "hero", 7.0),
    ("paper", "ink", 7.0),
    *((status, sheet, 7.0) for status in STATUSES for sheet in SHEETS),
    *((status, f"{status}-tint", 7.0) for status in STATUSES),
    *(("ink", f"{status}-tint", 7.0) for status in STATUSES),
    *(("now", sheet, 5.2) for sheet in SHEETS),
]
CONTROLS = [("edge", "paper", 3.0), ("edge", "surface", 3.0), ("edge", "sunken", 3.0), ("focus", "halo", 3.0)]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), TEXT + CONTROLS)
def test_every_pair_of_colours_reads(front, back, least, theme):
    palette = colours()
    assert contrast(palette[front][theme], palette[back][theme]) >= least


def test_contrast_is_the_known_formula():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


def test_the_stylesheet_stays_within_its_budget():
    assert len(gzip.compress(STYLESHEET.read_bytes())) <= 10_000


def test_every_colour_that_is_used_is_defined():
    css = STYLESHEET.read_text()
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", css))
    assert used - set(re.findall(r"--([a-z0-9-]+):", css)) == set()


def test_every_quarter_hour_of_the_board_has_its_classes():
    css = STYLESHEET.read_text()
    for quarter in range(64):
        assert f".c{quarter} {{ grid-column-start: {quarter + 1}; }}" in css
        assert f".w{quarter + 1} {{ grid-column-end: span {quarter + 1}; }}" in css
