"""`manage.py plan_routes`: a file in, a file out, without a database; bad input is one line and exit 2."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.make_case import Wish, make
from scheduling.planning.plan_check import violations
from tests.scheduling.planning.routing.test_solomon import TEXT

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs/planner.md").read_text(encoding="utf-8")
PROBLEM, PLAN = (
    json.loads(re.search(rf"<!-- {name} -->\n```json\n(.*?)```", DOC, re.DOTALL)[1])
    for name in ("problem", "plan")
)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "manage.py", "plan_routes", *map(str, arguments)]


def bare() -> dict[str, str]:
    """An environment with a database that answers nobody."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return kept | {"DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/none"}


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=ROOT, env=bare(), timeout=120
    )


def written(folder: Path, value: object) -> Path:
    file = folder / "problem.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return file


def test_the_example_of_the_manual_gives_the_plan_of_the_manual_without_a_database(tmp_path):
    out = tmp_path / "plan.json"
    done = run(written(tmp_path, PROBLEM), "--iterations", 1, "--processes", 1, "--out", out)
    assert done.returncode == 0, done.stderr
    plan = json.loads(out.read_text(encoding="utf-8"))
    assert {name: plan[name] for name in PLAN} == PLAN
    assert violations(PROBLEM, plan) == []
    assert "cost 21,240  served 2" in done.stderr
    assert re.fullmatch(
        r"served 2 of 3, left 1, cost 21,240(, bound [\d,]+, gap [\d.]+ %)?, [\d.]+ s\n", done.stdout
    )
    assert {file.name for file in tmp_path.iterdir()} == {"problem.json", "plan.json"}


def test_sigterm_ends_the_search_and_the_best_so_far_is_written(tmp_path):
    case, out = make(Wish(nurses=20, visits=50)), tmp_path / "plan.json"
    asked = command(written(tmp_path, case), "--seconds", 100, "--processes", 1, "--out", out)
    with subprocess.Popen(
        asked, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=bare()
    ) as process:
        assert "cost" in process.stderr.readline()  # the first proposal is there
        process.send_signal(signal.SIGTERM)
        said, _errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.startswith("served ")
    assert violations(case, json.loads(out.read_text(encoding="utf-8"))) == []


def test_an_instance_of_solomon_gives_distance_and_routes(tmp_path):
    out = tmp_path / "routes.json"
    done = run(written(tmp_path, TEXT), "--format", "solomon", "--iterations", 50, "--out", out)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["name"], found["distance"], found["vehicles"]) == ("TINY", 44.8, 2)
    assert sorted(map(sorted, found["routes"])) == [[1, 2], [3, 4]]
    assert done.stdout.startswith("distance 44.8, vehicles 2")


# --- What follows runs the command in this process: a new Python for each would cost half a minute ----------------

NIGHT = {"nurse": "Ana", "day": 0, "start": 3600}


@pytest.fixture
def here(capsys):
    """Runs the command here: exit code, what it printed and what it complained of."""
    from scheduling.management.commands.plan_routes import Command

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            Command().run_from_argv(["manage.py", "plan_routes", *map(str, arguments)])
        except SystemExit as end:
            code = int(end.code)
        else:
            code = 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (None, (), "cannot be read: No such file"),
        ("", (), "the problem is not JSON"),
        ("[" * 100_000, (), "nested too deeply"),
        ("9" * 5_000, (), "the problem is not JSON"),
        ("[]", (), "the problem: an object is needed"),
        (PROBLEM | {"nurses": [{"id": "Ana", "lat": 99}]}, (), "nurse Ana, lat"),
        (
            PROBLEM | {"visits": [PROBLEM["visits"][0] | {"pinned": NIGHT}]},
            (),
            "visit first: pinned to nurse Ana",
        ),
        (PROBLEM, ("--seconds", 0), "--seconds is more than 0"),
        (PROBLEM, ("--seconds", "nan"), "--seconds is more than 0"),
        (PROBLEM, ("--seconds", "soon"), "argument --seconds: invalid float value"),
        (PROBLEM, ("--iterations", 0), "--iterations is from 1"),
        (PROBLEM, ("--processes", 0), "--processes is from 1"),
        (PROBLEM, ("--seed", -1), "--seed is from 0"),
        (PROBLEM, ("--format", "excel"), "argument --format: invalid choice"),
        (PROBLEM, ("--out", "/nowhere/plan.json"), "/nowhere/plan.json cannot be written"),
        (PROBLEM, ("--out", "/"), "/ is not a file"),
        (TEXT.replace("  3         20", "  3"), ("--format", "solomon"), "line 5: the number of vehicles"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(here, tmp_path, text, options, words):
    file = tmp_path / "missing" if text is None else written(tmp_path, text)
    code, said, complained = here(file, "--out", tmp_path / "plan.json", *options)
    assert (code, said) == (2, "")
    assert words in complained
    assert len(complained.splitlines()) == 1
    assert not (tmp_path / "plan.json").exists()


def test_bytes_that_are_no_text_are_bad_input(here, tmp_path):
    (tmp_path / "problem.json").write_bytes(b"\xff\xfe\x00")
    code, _said, complained = here(tmp_path / "problem.json", "--out", tmp_path / "plan.json")
    assert (code, "is not UTF-8 text" in complained) == (2, True)


def test_a_missing_argument_is_one_line(here):
    code, _said, complained = here("problem.json")
    assert (code, len(complained.splitlines())) == (2, 1)
    assert "--out" in complained


def test_a_plan_that_breaks_a_rule_is_not_written(here, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "scheduling.planning.plan_check.violations", lambda _problem, _plan: ["Visit x is late."]
    )
    out = tmp_path / "plan.json"
    out.write_text("what was there", encoding="utf-8")
    code, said, complained = here(
        written(tmp_path, PROBLEM), "--iterations", 1, "--processes", 1, "--out", out
    )
    assert (code, said) == (1, "")
    assert complained.splitlines()[-1] == "the plan breaks a rule and is not written: Visit x is late."
    assert out.read_text(encoding="utf-8") == "what was there"


def test_the_same_seed_and_iterations_give_the_same_plan(here, tmp_path):
    file = written(tmp_path, make(Wish(nurses=4, visits=9, days=2, courses=True)))
    plans = []
    for _time in range(2):
        assert (
            here(file, "--iterations", 2, "--seed", 9, "--processes", 1, "--out", tmp_path / "plan.json")[0]
            == 0
        )
        plans.append(json.loads((tmp_path / "plan.json").read_text(encoding="utf-8")) | {"seconds": 0})
    assert plans[0] == plans[1]
