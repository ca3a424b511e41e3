"""The JSON of a planning problem and of a plan: read as it is written, refused in one line that says where."""

import hashlib
import json
from copy import deepcopy
from random import Random

import pytest

from benchmarks.make_case import Wish, make
from scheduling.planning.routing.files import plan_as_json, problem_as_json, read_plan, read_problem
from scheduling.planning.routing.problem import (
    DOOR_TO_DOOR,
    STREETS,
    BadProblem,
    Cost,
    Pin,
    Place,
    Plan,
    Route,
    Shift,
    Stop,
    Window,
)

# As the first cases were written: more meta than is read, no optional field.
PLAIN = {
    "meta": {
        "nurses": 2,
        "unit": "s",
        "continuity_penalty": 1800,
        "travel": "240 s + 1.3 x haversine: 90 s/km up to 8 km, 45 s/km beyond",
    },
    "nurses": [
        {"id": "N0", "lat": 32.8, "lon": -97, "skills": ["iv"], "shifts": [{"day": 0, "start": 28800, "end": 57600}]},
        {"id": "N1", "lat": 32.9, "lon": -97.1, "skills": [], "shifts": []},
    ],
    "visits": [
        {
            "id": "V0", "lat": 32.7, "lon": -97.0, "drug": "D", "duration": 3600, "skills": ["iv"], "due_day": 3,
            "prize": 7200, "windows": [[28800, 43200]], "preferred_nurse": "N0", "pinned": None,
        },
        {
            "id": "V1", "lat": 32.7, "lon": -97.1, "drug": "D", "duration": 3600, "skills": [], "due_day": 3,
            "prize": 7200, "windows": [[36000, 36000]], "preferred_nurse": None,
            "pinned": {"nurse": "N0", "day": 0, "start": 36000},
        },
    ],
}  # fmt: skip
EVERYTHING = [
    Wish(nurses=6, visits=20, days=4, seed=seed, step=900, spans=True, patients=True, courses=True, targets=True,
         wishes=True, infeasible=True)
    for seed in range(8)
]  # fmt: skip


def test_a_case_without_any_option_is_read_as_it_was_meant():
    problem = read_problem(PLAIN)
    assert (problem.step, problem.travel, problem.fairness, problem.course_change) == (1, STREETS, 0.0, 0)
    assert problem.nurses[0].home == Place(32.8, -97.0)
    assert problem.nurses[0].shifts == (Shift(0, 28800, 57600),)
    first, second = problem.visits
    assert first.windows == (Window(28800, 43200),)
    assert (first.nurse_costs, first.other_nurse, first.nurses) == ({"N0": 0}, 1800, None)
    assert (second.nurse_costs, second.other_nurse) == ({}, 0)  # nobody preferred: nobody costs
    assert second.pin == Pin("N0", 0, 36000)


def test_costs_of_nurses_stand_beside_the_preferred_one():
    case = deepcopy(PLAIN)
    case["visits"][0]["nurse_costs"] = {"N1": 600}
    assert read_problem(case).visits[0].nurse_costs == {"N0": 0, "N1": 600}
    case["visits"][0]["other_nurse"] = 50
    assert read_problem(case).visits[0].other_nurse == 50


def test_travel_door_to_door_and_told_roads_are_read():
    case = PLAIN | {"meta": {"travel": "door_to_door"}, "roads": [[32.8, -97, 32.7, -97.0, 901]]}
    problem = read_problem(case)
    assert problem.travel == DOOR_TO_DOOR
    assert problem.roads == {(Place(32.8, -97.0), Place(32.7, -97.0)): 901}


@pytest.mark.parametrize("wish", EVERYTHING, ids=lambda wish: str(wish.seed))
def test_what_is_written_is_read_as_the_same_problem(wish):
    problem = read_problem(make(wish))
    assert read_problem(json.loads(json.dumps(problem_as_json(problem)))) == problem


def test_the_same_arguments_make_the_same_problem_on_any_machine():
    """A change of what the generator makes changes the figures that were measured with it: say so there, and here."""
    made = json.dumps(make(EVERYTHING[0]), separators=(",", ":"))
    assert hashlib.sha256(made.encode()).hexdigest()[:16] == "7506e2479d43568f"


def test_a_plan_comes_back_as_it_was():
    plan = Plan(
        routes=(Route("N0", 0, (Stop("V1", 36000),), leave=35000, back=41000, drive=2400),),
        left=("V0",),
        cost=Cost(2400, 1800, 300, 0, 7, 7200),
        bound=9000,
        iterations=12,
    )
    written = json.loads(json.dumps(plan_as_json(plan, seed=3, seconds=1.23456)))
    assert written["cost"]["total"] == 11707
    assert (written["seed"], written["seconds"]) == (3, 1.235)
    assert read_plan(written) == plan


def edited(*path, value):
    case = deepcopy(PLAIN)
    row = case
    for part in path[:-1]:
        row = row[part]
    row[path[-1]] = value
    return case


NURSE, SHIFT, VISIT = ("nurses", 0), ("nurses", 0, "shifts", 0), ("visits", 0)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (None, "the problem: an object"),
        ([], "the problem: an object"),
        ({"nurses": []}, "the problem, visits"),
        (edited("nurses", value={}), "the problem, nurses: a list"),
        (edited("meta", value=[1]), "meta: an object"),
        (edited("meta", "travel", value="by boat"), "meta, travel: one of streets, door_to_door"),
        (edited("meta", "step", value=0), "meta, step"),
        (edited("meta", "fairness", value=float("inf")), "meta, fairness"),
        (edited("meta", "continuity_penalty", value=-1), "meta, continuity_penalty"),
        (edited("nurses", 1, value="N1"), "nurse 2: an object"),
        (edited(*NURSE, "id", value=7), "nurse 1, id"),
        (edited(*NURSE, "id", value="a\nb"), "nurse 1, id"),
        (edited(*NURSE, "id", value="N1"), "nurse N1, id: it is there twice"),
        (edited(*NURSE, "lat", value=90.1), "nurse N0, lat"),
        (edited(*NURSE, "lon", value=float("nan")), "nurse N0, lon"),
        (edited(*NURSE, "lon", value=10**400), "nurse N0, lon"),
        (edited(*NURSE, "lat", value=True), "nurse N0, lat"),
        (edited(*NURSE, "skills", value="iv"), "nurse N0, skills: a list"),
        (edited(*NURSE, "skills", value=[1]), "nurse N0, skills"),
        (edited(*NURSE, "target", value=1.5), "nurse N0, target"),
        (edited(*SHIFT, "day", value=-1), "nurse N0, shift 1, day"),
        (edited(*SHIFT, "start", value=86400), "shift of day 0, start: 86400 is not before the end of day 0"),
        (edited(*SHIFT, "end", value=28800), "shift of day 0, end"),
        (edited(*SHIFT, "end", value=2 * 86400 + 1), "shift of day 0, end"),
        (edited(*SHIFT, "limit", value=-5), "shift of day 0, limit"),
        (edited(*SHIFT, "spans", value=[[28800, 28800]]), "shift of day 0, spans"),
        (edited(*SHIFT, "spans", value=[[40000, 50000], [30000, 35000]]), "shift of day 0, spans"),
        (edited(*SHIFT, "spans", value=[[28800, 57601]]), "shift of day 0, spans"),
        (edited(*SHIFT, "spans", value=[[28800]]), "shift of day 0, spans: lists of 2"),
        (
            edited(*NURSE, "shifts", value=[PLAIN["nurses"][0]["shifts"][0]] * 2),
            "nurse N0, shifts: two on day 0",
        ),
        (
            edited(
                *NURSE,
                "shifts",
                value=[{"day": 1, "start": 90000, "end": 99000}, {"day": 0, "start": 50000, "end": 91000}],
            ),
            "nurse N0, shifts: her hours of days 0 and 1 overlap",
        ),
        (edited(*VISIT, "id", value="V1"), "visit V1, id: it is there twice"),
        (edited(*VISIT, "id", value=""), "visit 1, id"),
        (edited(*VISIT, "duration", value=0), "visit V0, duration"),
        (edited(*VISIT, "duration", value=60.0), "visit V0, duration"),
        (edited(*VISIT, "prize", value=-1), "visit V0, prize"),
        (
            edited(*VISIT, "prize", value=None),
            "visit V0, prize: a whole number from 0 to 1000000000 is needed, not no",
        ),
        (edited(*VISIT, "windows", value=[[5, 4]]), "visit V0, windows: [5, 4] ends before it begins"),
        (
            edited(*VISIT, "windows", value=[[86399, 86400]]),
            "visit V0, windows: [86399, 86400] lies on two days",
        ),
        (edited(*VISIT, "windows", value=[[1, 2, -3]]), "visit V0, windows"),
        (edited(*VISIT, "windows", value=[[1, 2, 3, 4]]), "visit V0, windows: lists of 2 or 3"),
        (edited(*VISIT, "windows", value=[[1, 2]] * 401), "visit V0, windows: more than 400"),
        (edited(*VISIT, "preferred_nurse", value="N9"), "visit V0, preferred_nurse: there is no nurse N9"),
        (edited(*VISIT, "nurse_costs", value={"N9": 1}), "visit V0, nurse_costs: there is no nurse N9"),
        (edited(*VISIT, "nurse_costs", value=[1]), "visit V0, nurse_costs: an object"),
        (edited(*VISIT, "nurses", value=["N9"]), "visit V0, nurses: there is no nurse N9"),
        (
            edited(*VISIT, "pinned", value={"nurse": "N9", "day": 0, "start": 1}),
            "visit V0, pinned: there is no nurse",
        ),
        (edited(*VISIT, "pinned", value={"nurse": "N0", "day": 1, "start": 1}), "visit V0, pinned, start"),
        (edited(*VISIT, "pinned", value="N0"), "visit V0, pinned: an object"),
        (edited(*VISIT, "course_day", value=40), "visit V0, course_day"),
        (edited("roads", value=[[1, 2, 3, 4]]), "the problem, roads: each is"),
        (edited("roads", value=[[1, 2, 300, 4, 5]]), "the problem, roads"),
        (edited("roads", value=[[1, 2, 3, 4, 5], [1, 2, 3, 4, 6]]), "is there twice"),
        (edited("visits", value=[{}] * 20_001), "20001 are more than the 20000"),
    ],
)
def test_what_is_not_in_order_is_one_line_that_names_row_and_field(case, words):
    with pytest.raises(BadProblem) as no:
        read_problem(case)
    assert words in str(no.value)
    assert len(str(no.value).splitlines()) == 1


def test_a_nurse_may_be_on_the_road_before_and_after_the_day_of_her_visits():
    round_the_clock = [
        {
            "day": day,
            "start": day * 86400 - 5400,
            "end": (day + 1) * 86400 + 5400,
            "spans": [[day * 86400, day * 86400 + 86400]],
        }
        for day in range(2)
    ]
    assert len(read_problem(edited(*NURSE, "shifts", value=round_the_clock)).nurses[0].shifts) == 2


def test_two_visits_are_not_the_same_day_of_a_course():
    case = deepcopy(PLAIN)
    for visit in case["visits"]:
        visit |= {"course": "C", "course_day": 1}
    with pytest.raises(BadProblem, match="visit V1, course_day: V0 is day 1 of course C too"):
        read_problem(case)


@pytest.mark.parametrize(
    "plan", [None, {}, {"cost": {}}, {"cost": {"drive": 1}}, {"cost": None, "routes": [], "left": []}]
)
def test_a_plan_that_is_none_is_refused_in_one_line(plan):
    with pytest.raises(BadProblem) as no:
        read_plan(plan)
    assert "the plan" in str(no.value)


def test_no_value_in_any_place_does_more_than_be_refused():
    """Every field of a full case, replaced by what JSON allows and nobody expects."""
    rng, strange = (
        Random(5),
        [None, True, -1, 1.5, 10**30, float("nan"), "", "x", [], [[]], [None], {}, {"a": []}],
    )
    full = make(EVERYTHING[0])
    refused = 0
    for row in (full["meta"], *full["nurses"][:2], full["nurses"][0]["shifts"][0], *full["visits"][:6]):
        for field in list(row):
            kept, row[field] = row[field], rng.choice(strange)
            try:
                read_problem(full)
            except BadProblem as no:
                refused += 1
                assert len(str(no).splitlines()) == 1
            row[field] = kept
    assert refused > 40
