"""docs/pitfalls.md speaks of every pitfall, and every test it names is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
DOC = TESTS.parent / "docs" / "pitfalls.md"
WISHES = ("travel", "waitlist", "series", "cadence", "reminders", "view-only", "override", "reasons", "leave",
          "wide", "credentials", "missed", "sync", "calls")  # fmt: skip
WANTED = [*(f"A-{wish}" for wish in WISHES), *map(str, range(1, 39)), *(f"T{n}" for n in range(1, 13))]


def rows() -> dict[str, str]:
    """The id of each line of the tables, and what it says."""
    found: dict[str, str] = {}
    for line in DOC.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and re.fullmatch(r"A-[a-z-]+|T?\d+|M\d+", cells[0]):
            assert cells[0] not in found, f"{cells[0]} has two lines"
            assert len(cells) == 4 and all(cells), line
            found[cells[0]] = line
    return found


@cache
def names_in(file: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE))


def named() -> list[str]:
    return re.findall(r"`([\w/]+\.py::\w+)`", DOC.read_text(encoding="utf-8"))


def test_every_pitfall_has_its_line():
    assert [key for key in rows() if not key.startswith("M")] == WANTED


@pytest.mark.parametrize("key", WANTED)
def test_a_line_names_a_test_or_says_where_it_waits(key):
    line = rows()[key]
    assert re.search(r"`[\w/]+\.py::test_\w+`", line) or "| later: " in line


@pytest.mark.parametrize("test", sorted(set(named())))
def test_a_named_test_exists(test):
    path, name = test.split("::")
    assert name in names_in(TESTS / path)


def test_a_test_that_was_renamed_would_be_found():
    assert "test_that_was_never_written" not in names_in(Path(__file__))
    assert len(named()) > 100
