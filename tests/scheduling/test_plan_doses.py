"""`manage.py plan_doses`: JSON in, JSON out; one line and exit 2 for what is not understood."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scheduling.rules.test_examples import CASES, check_answer

ROOT = Path(__file__).parents[2]
GOOD = CASES[0]["inputs"]


def plan_doses(text: str | bytes) -> subprocess.CompletedProcess:
    """The command as a user runs it: a process of its own, with nothing configured."""
    bare = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    raw = text if isinstance(text, bytes) else text.encode()
    return subprocess.run(
        [sys.executable, "manage.py", "plan_doses"],
        input=raw,
        capture_output=True,
        cwd=ROOT,
        env=bare,
        timeout=120,
    )


def test_all_examples_pass_through_the_command_in_one_call():
    run = plan_doses(json.dumps([case["inputs"] for case in CASES]))
    assert run.returncode == 0, run.stderr.decode()
    answers = json.loads(run.stdout)
    assert len(answers) == len(CASES)
    for case, answer in zip(CASES, answers, strict=True):
        check_answer(answer, case["expected"])


def test_one_case_gives_one_answer():
    run = plan_doses(json.dumps(GOOD))
    assert run.returncode == 0, run.stderr.decode()
    check_answer(json.loads(run.stdout), CASES[0]["expected"])


ONE = json.dumps(GOOD)
HUGE, ENDLESS, DIGITS, NAN = (
    ONE.replace('"plan_doses": 4', f'"plan_doses": {number}')
    for number in ("1e400000000", "1e99999999999999999999", "9" * 6000, "NaN")
)
TWICE = ONE[:-1] + ', "as_of": "2025-01-15"}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (b"\xff\xfe", "UTF-8"),
        ('"ocrelizumab_iv"', "not an object"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps([GOOD, {**GOOD, "as_of": "2025-02-30"}]), "element 2, as_of: 2025-02-30 is not a date"),
        (f"[{ONE}, {HUGE}]", "element 2, plan_doses: 1E+400000000 is not a number that can be used"),
        (f"[{ONE}, {ENDLESS}]", "element 2, plan_doses: 1e99999999999999999999 is not a number"),
        (f"[{ONE}, {DIGITS}]", "element 2, plan_doses: 999999"),
        (f"[{ONE}, {NAN}]", "element 2, plan_doses: NaN is not a number"),
        (f"[{ONE}, {TWICE}]", "element 2, as_of: a key that is there twice is not a date"),
    ],
    ids=[
        "empty",
        "not text",
        "a string",
        "deep",
        "one bad element",
        "huge",
        "endless exponent",
        "thousands of digits",
        "nan",
        "twice",
    ],
)
def test_bad_input_ends_with_exit_2_and_one_line(text, words):
    run = plan_doses(text)
    assert run.returncode == 2
    assert run.stdout == b""
    line = run.stderr.decode()
    assert line.count("\n") == 1
    assert words in line
