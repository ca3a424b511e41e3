"""The 42 worked examples of the house, through the function."""

import json
from pathlib import Path

import pytest

from scheduling.regimens import catalogue

CASES = json.loads((Path(__file__).parents[2] / "data" / "examples.json").read_text())["cases"]
KEYS = {
    "planned",
    "flags",
    "status",
    "proposal_result",
    "monitoring",
    "contacts",
    "prerequisite_check",
    "switch_result",
}


def check_answer(answer: dict, expected: dict) -> None:
    """What the example says must be so; what it leaves out is not looked at."""
    assert answer.keys() >= KEYS
    for key, wanted in expected.items():
        CHECKS.get(key, check_same)(answer[key], wanted)


def check_same(got, wanted):
    assert got == wanted


def check_rows(got, wanted):
    assert len(got) == len(wanted)
    for row, wish in zip(got, wanted, strict=True):
        assert {key: row[key] for key in wish} == wish


def check_part(got, wanted):
    assert {key: got[key] for key in wanted} == wanted


def check_contacts(got, wanted):
    def plain(rows):
        return sorted((row["date"], row["kind"], row["for_dose"]) for row in rows)

    assert plain(got) == plain(wanted)


def check_monitoring(got, wanted):
    for wish in wanted:
        (one,) = [
            s for s in got if (s["kind"], s["after_course"]) == (wish["kind"], wish.get("after_course"))
        ]
        dates = one["dates"]
        assert dates == sorted(set(dates))
        facts = {
            "kind": one["kind"],
            "after_course": one["after_course"],
            "dates": dates,
            "count": len(dates),
            "first": dates[0],
            "last": dates[-1],
        }
        assert {key: facts[key] for key in wish if key != "nth"} == {
            k: v for k, v in wish.items() if k != "nth"
        }
        for ordinal, on in wish.get("nth", {}).items():
            assert dates[int(ordinal) - 1] == on


CHECKS = {
    "planned": check_rows,
    "prerequisite_check": check_rows,
    "proposal_result": check_part,
    "switch_result": check_part,
    "contacts": check_contacts,
    "monitoring": check_monitoring,
}


def test_all_examples_are_here():
    assert len(CASES) == 42


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_example(case):
    check_answer(catalogue.run_case(case["inputs"]), case["expected"])
