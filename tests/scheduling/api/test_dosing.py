"""The rules over HTTP speak as `manage.py plan_doses` does, and the schema tells of everything."""

from __future__ import annotations

import json
import re
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from drf_spectacular.validation import validate_schema

from scheduling.api.urls import urlpatterns
from tests.scheduling.api.conftest import Api, check_problem

pytestmark = pytest.mark.django_db

EXAMPLES = json.loads((Path(__file__).parents[2] / "data" / "examples.json").read_text())
CASES = [case["inputs"] for case in (EXAMPLES["cases"] if isinstance(EXAMPLES, dict) else EXAMPLES)]

# What makes something and is made once, however often it is sent.
KEYED = [
    "checks/", "doses/{id}/gate-overrides/", "doses/{id}/holds/", "doses/{id}/record/", "doses/{id}/supply/",
    "evidence/", "patients/", "plans/", "prescriptions/", "visits/", "visits/course/",
]  # fmt: skip


def _command(monkeypatch, said) -> object:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(json.dumps(said).encode())))
    out = StringIO()
    call_command("plan_doses", stdout=out)
    return json.loads(out.getvalue())


def test_a_list_of_cases_is_answered_as_the_command_answers_it(office, monkeypatch):
    answer = office.post("dosing/preview/", CASES)
    assert answer.status_code == 200, answer.content
    assert answer.json() == _command(monkeypatch, CASES)
    assert len(answer.json()) == len(CASES) > 40


def test_one_case_is_answered_with_one_object(office, monkeypatch):
    assert office.post("dosing/preview/", CASES[0]).json() == _command(monkeypatch, CASES[0])


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("regimen_id", "no_such_drug"), ("regimen_id", None), ("regimen_id", 5), ("start_date", "2026-02-30"),
        ("start_date", None), ("as_of", "soon"), ("plan_doses", -1), ("plan_doses", 10**9), ("plan_doses", "many"),
        ("plan_doses", 1.5), ("weight_kg", "heavy"), ("history", 5), ("colour", "blue"),
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_case_is_named(office, field, said):
    bad = {**CASES[0], field: said}
    check_problem(office.post("dosing/preview/", bad), 400, "BAD_INPUT", field)
    check_problem(office.post("dosing/preview/", [CASES[0], bad]), 400, "BAD_INPUT", f"[1].{field}")


@pytest.mark.parametrize("said", ["[5]", "5", '"x"', "null", "true", "{}"])
def test_what_is_no_case_is_a_400(office, said):
    check_problem(office.post("dosing/preview/", said), 400, "BAD_INPUT")


def test_no_case_at_all_is_no_answer_at_all(office):
    assert office.post("dosing/preview/", []).json() == []


def test_too_many_cases_are_refused_at_once(office):
    check_problem(office.post("dosing/preview/", [CASES[0]] * 201), 400, "BAD_INPUT")


def test_the_schema_is_json_and_valid_and_names_every_address():
    answer = Api().get("schema/")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/json")
    told = answer.json()
    validate_schema(told)
    assert told["openapi"].startswith("3.")
    wanted = {
        "/api/v1/"
        + re.sub(
            r"\(\?P<(\w+)>[^)]*\)",
            r"{\1}",
            str(one.pattern).lstrip("^").removesuffix("$").removesuffix("\\Z"),
        ).replace("{pk}", "{id}")
        for one in urlpatterns
        if one.name != "api-schema"
    }
    assert wanted == told["paths"].keys()
    keyed = [
        path
        for path, methods in told["paths"].items()
        if any(one["name"] == "Idempotency-Key" for one in methods.get("post", {}).get("parameters", []))
    ]
    assert sorted(path.removeprefix("/api/v1/") for path in keyed) == KEYED
