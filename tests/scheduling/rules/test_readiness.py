"""The table of gates: the same in the documentation, in the data and in what booking answers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduling.rules import readiness as table

ROOT = Path(__file__).resolve().parents[3]
# Everything that makes a Problem or a Proposal: what a booking may be answered with.
SOURCES = [
    *sorted((ROOT / "scheduling" / "services").glob("*.py")),
    *sorted((ROOT / "scheduling" / "rules").glob("*.py")),
]


def _rows_of_the_document() -> list[tuple[str, ...]]:
    lines = (ROOT / "docs" / "readiness.md").read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return [tuple(cell.strip(" |") for cell in row) for row in rows]


def test_the_document_and_the_data_are_the_same_table():
    said = {}
    for gate, means, bites, power, following, who, *codes in _rows_of_the_document():
        key, title = re.fullmatch(r"`(\w+)` (.+)", gate).groups()
        said[key] = (
            title,
            means,
            bites,
            power,
            following,
            who,
            tuple(re.findall(r"`([^`]+)`", " ".join(codes))),
        )
    assert list(said) == [rule.key for rule in table.GATES]
    for rule in table.GATES:
        assert said[rule.key] == (
            rule.title, rule.means, rule.bites, rule.power, rule.next, rule.who, rule.codes
        )  # fmt: skip


def test_every_gate_bites_at_one_moment_with_a_power_that_fits_it():
    fits = {
        table.BOOKING: {table.ABSOLUTE, table.REASON},
        table.START: {table.ABSOLUTE, table.LEAD},
        table.NEVER: {table.WARNING},
    }
    assert all(rule.power in fits[rule.bites] for rule in table.GATES)
    codes = [code for rule in table.GATES for code in rule.codes]
    assert len(codes) == len(set(codes)) and all(
        rule.bites == table.BOOKING for rule in table.GATES if rule.codes
    )


def _problems(file: Path) -> Iterator[tuple[str, bool, str]]:
    """Code, whether it is absolute, and where it stands, of each Problem and Proposal made in a file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        where = f"{file.name}:{node.lineno}"
        if node.func.id == "Problem":
            flags = {word.arg: word.value for word in node.keywords}
            absolute = "absolute" not in flags or ast.literal_eval(flags["absolute"])
            yield from ((code, absolute, where) for code in _texts(node.args[0]))
        elif node.func.id == "Proposal":
            for code in _texts(node.args[1]):
                yield code, ast.literal_eval(node.args[0]) == "refuse", where


def _texts(node: ast.expr) -> list[str]:
    """The codes an argument can be: a text, a text that begins one, or the texts in `x or "Y"`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [f"{node.values[0].value}X"]
    return [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


def test_every_answer_of_booking_is_in_the_table_with_its_power():
    found = [one for file in SOURCES for one in _problems(file)]
    assert len(found) > 30
    for code, absolute, where in found:
        rule = table.rule_of_code(code)
        assert rule is not None, f"{where}: {code} is in no row of the table"
        assert (rule.power == table.ABSOLUTE) == absolute, f"{where}: {code} is {rule.power} in the table"
    known = {code for code, _absolute, _where in found}
    computed = {"REFUSED", "WARNING", "DISCONTINUED", "DISCONTINUE_PERMANENT", "MISSING_*"}
    unused = {code for rule in table.GATES for code in rule.codes} - known - computed
    assert not unused, f"nothing answers {unused}"


@pytest.mark.parametrize(
    ("kind", "state", "fields", "key"),
    [
        ("hbv_screening", "missing", {"first": True, "booked": False}, "first_result"),
        ("hbv_screening", "missing", {"first": True, "booked": True}, "result_in_date"),
        ("lvef", "expired", {"booked": False}, "result_in_date"),  # wanted at the start, not at booking
        ("lvef", "forbids", {"booked": False}, "first_result"),
        ("lvef", "forbids", {"booked": True}, "forbidding_result"),
        ("touch_patient_authorization", "expired", {}, "rems"),
        ("touch_pre_infusion_checklist", "missing", {}, "rems"),
        ("infection_check", "missing", {}, "infection"),
        ("infection_check", "forbids", {}, "infection"),
        ("anti_jcv_antibody", "missing", {"blocks": False}, "result_advised"),
        ("health_screen", "missing", {"booked": False}, "health_screen"),
        ("health_screen", "forbids", {}, "forbidding_result"),
        ("order", "expired", {"booked": False}, "order_ends"),
        ("order", "expired", {}, "order_in_force"),
        ("order", "forbids", {"booked": False}, "stopped"),
        ("order", "forbids", {}, "still_allowed"),
        ("site", "missing", {"booked": False}, "site"),
        ("site", "missing", {}, "still_allowed"),
        ("hold", "pending", {"booked": False}, "hold"),
        ("hold", "pending", {}, "hold_today"),
        ("drug", "forbids", {}, "drug_received"),
        ("authorization", "forbids", {}, "authorization"),
    ],
)
def test_what_bites_next_depends_on_the_gate_and_its_state(kind, state, fields, key):
    assert table.rule_of(kind, state, **fields).key == key


def test_what_the_label_makes_absolute_has_no_override():
    for key in (
        "rems",
        "infection",
        "forbidding_result",
        "identity",
        "still_allowed",
        "site",
        "floor",
        "stopped",
    ):
        assert table.RULES[key].power == table.ABSOLUTE
    for key in ("result_in_date", "authorization", "drug_received", "health_screen", "order_in_force"):
        assert table.RULES[key].power == table.LEAD


def test_not_confirmed_not_authorized_and_not_shipped_rise():
    assert {kind for kind in table.RISES if table.rises(kind, "pending")} == {
        "authorization",
        "drug",
        "confirmed",
    }
    assert table.rises("drug", "met") is None and table.rises("order", "expired") is None
