"""The engine as others call it: limits of time, interruption, repetition, and its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest

from scheduling.planning.plan_check import violations
from scheduling.planning.routing.files import plan_as_json, read_problem
from scheduling.planning.routing.neighbourhoods import Task
from scheduling.planning.routing.problem import BadProblem
from scheduling.planning.routing.solve import solve
from scheduling.planning.routing.table import table
from scheduling.planning.routing.team import Team
from scheduling.planning.routing.timing import plan
from tests.scheduling.planning.routing import small


def checked(document, **limits):
    found = solve(read_problem(document), **{"seed": 1, "iterations": 20, "processes": 1} | limits)
    assert violations(document, plan_as_json(found, seed=1, seconds=0)) == []
    return found


def everywhere(document, **what):
    """The problem with these fields in all of its visits."""
    return {**document, "visits": [{**visit, **what} for visit in document["visits"]]}


def test_the_same_seed_and_iterations_give_the_same_plan_with_one_process_and_with_two(monkeypatch):
    from scheduling.planning.routing import solve as module

    monkeypatch.setattr(module, "ALONE", 0)  # small enough to be quick, and shared all the same
    monkeypatch.setattr(module, "GROUP", 5)
    problem = read_problem(small.problem(nurses=8, visits=26, days=2, seed=4))
    found = [solve(problem, seed=5, iterations=14, processes=many) for many in (1, 2, 1)]
    assert found[0] == found[1] == found[2]
    assert found[0].iterations >= 14


def test_a_large_branch_is_planned_in_groups_and_then_across_them(monkeypatch):
    from scheduling.planning.routing import solve as module

    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "GROUP", 4)
    document = small.course(small.problem(nurses=9, visits=30, days=2, seed=6), days=2)
    heard = []
    found = checked(document, iterations=16, told=heard.append)
    assert [news.cost for news in heard] == sorted((news.cost for news in heard), reverse=True)
    assert {"first", "search", "done"} <= {news.phase for news in heard}
    assert heard[-1].cost == found.cost.total < heard[0].cost
    assert found.bound is None  # of which nothing is known here


def test_being_stopped_gives_a_complete_plan_at_once():
    document = small.problem(nurses=6, visits=20, days=2, seed=3)
    found = checked(document, iterations=None, seconds=60, stopped=lambda: True)
    assert found.routes and found.iterations == 0


def test_a_course_is_served_whole_or_not_at_all():
    document = small.course(small.problem(nurses=3, visits=6, days=3, seed=5), days=3)
    found = checked(document)
    assert not {"C0", "C1", "C2"} & set(found.left)
    for nurse in document["nurses"]:
        nurse["shifts"] = nurse["shifts"][:2]  # the third day is nobody's
    assert {"C0", "C1", "C2"} <= set(checked(document).left)


def test_one_nurse_keeps_a_course_when_a_change_costs_more_than_the_detour():
    document = small.problem(nurses=2, visits=1, days=2, seed=2)
    near, far = document["nurses"]
    document = small.course(document, days=2)
    document["visits"] = document["visits"][1:]  # the course alone
    for visit in document["visits"]:
        visit |= {"lat": near["lat"], "lon": near["lon"]}
    far["shifts"], near["shifts"] = far["shifts"], near["shifts"][:1]  # the near one cannot do the second day
    nurses = lambda found: {route.nurse for route in found.routes}  # noqa: E731
    assert nurses(checked(document)) == {"N0", "N1"}
    document["meta"]["course_change"] = 20_000
    found = checked(document)
    assert nurses(found) == {"N1"} and found.cost.courses == 0


def test_fairness_moves_a_visit_to_the_nurse_who_has_time():
    document = everywhere(
        small.problem(nurses=2, visits=2, days=1, seed=9),
        skills=["a"], duration=small.HOUR, windows=[[8 * small.HOUR, 14 * small.HOUR]], preferred_nurse="N0",
        prize=30_000,
    )  # fmt: skip
    assert Counter(r.nurse for r in checked(document).routes for _ in r.stops) == {"N0": 2}
    for nurse in document["nurses"]:
        nurse["target"] = 2 * small.HOUR
    document["meta"]["fairness"] = 5
    assert Counter(r.nurse for r in checked(document).routes for _ in r.stops) == {"N0": 1, "N1": 1}


def test_nobody_and_nothing_are_problems_too():
    document = small.problem(nurses=2, visits=3, days=1, seed=1)
    assert checked({**document, "visits": []}).routes == ()
    assert (
        len(
            checked(
                {**document, "nurses": []} | {"visits": everywhere(document, preferred_nurse=None)["visits"]}
            ).left
        )
        == 3
    )
    assert len(checked(everywhere(document, skills=["nobody has it"])).left) == 3


@pytest.mark.parametrize(
    ("starts", "word"),
    [
        ((10, 10.5), "too early to come there"),
        ((6, None), "outside its windows"),
        ((15.5, None), "not to be at"),
    ],
)
def test_pins_that_contradict_the_rules_are_one_line_that_names_the_visit(starts, word):
    document = everywhere(
        small.problem(nurses=1, visits=2, days=1, seed=1), skills=["a"], duration=small.HOUR,
        windows=[[7 * small.HOUR, 18 * small.HOUR]],
    )  # fmt: skip
    for visit, hour in zip(document["visits"], starts, strict=True):
        if hour is not None:
            visit["pinned"] = {"nurse": "N0", "day": 0, "start": int(hour * small.HOUR)}
    with pytest.raises(BadProblem, match=rf"^visit V\d: .*{word}.*$"):
        solve(read_problem(document), iterations=1)


def test_a_helper_that_dies_costs_nothing_but_time_and_none_is_left_behind():
    built = table(read_problem(small.problem(nurses=6, visits=18, days=1, seed=4)))
    alone, team = Team(built, 1, lambda: False), Team(built, 2, lambda: False)
    tasks = [
        Task(routes={}, days=days, nurse_cost=built.nurse_cost, seed=1, hidden=hidden)
        for days, hidden in (((0, 1, 2), tuple(range(9))), ((3, 4, 5), tuple(range(9, 18))))
    ]
    expected = [answer.routes for answer in alone.replan(tasks)]
    assert [answer.routes for answer in team.replan(tasks)] == expected
    helpers = list(team.pool._processes.values())
    os.kill(helpers[0].pid, signal.SIGKILL)
    assert [answer.routes for answer in team.replan(tasks)] == expected
    team.close()
    assert not any(helper.is_alive() for helper in helpers)
    assert plan(built, expected[0] | expected[1], bound=None, iterations=0).cost.total > 0


def engine(document, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "scheduling.planning.routing"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_process_tells_its_progress_and_hands_over_the_best_so_far_when_asked_to_end():
    document = small.problem(nurses=6, visits=20, days=2, seed=3, fairness=1)  # no bound: it would go on
    process = engine(document)
    process.stdin.write(json.dumps({"problem": document, "seed": 2, "seconds": 300, "processes": 1}))
    process.stdin.close()
    first = json.loads(process.stdout.readline())
    assert first["progress"]["phase"] == "first" and first["progress"]["cost"] > 0
    process.send_signal(signal.SIGTERM)
    *_, last = [json.loads(line) for line in process.stdout]
    assert process.wait() == 0
    assert violations(document, last["plan"]) == []
    assert last["plan"]["seed"] == 2 and last["plan"]["seconds"] < 300


def test_the_process_says_in_one_line_what_is_wrong():
    process = engine({})
    out, _ = process.communicate('{"problem": {"nurses": []}}')
    assert process.returncode == 2
    (line,) = out.splitlines()
    assert "visits" in json.loads(line)["error"]
