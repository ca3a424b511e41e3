"""Why a visit is left, what would help it, and what a placed one costs: held to what the checker allows."""

from copy import deepcopy
from itertools import count
from random import Random

import pytest

from benchmarks.make_case import Wish, make
from scheduling.planning.plan_check import violations
from scheduling.planning.routing import why
from scheduling.planning.routing.files import plan_as_json, read_plan, read_problem
from scheduling.planning.routing.solve import solve

HOUR, DAY = 3_600, 86_400
EIGHT, FIVE = 8 * HOUR, 17 * HOUR


def nurse(name, *, lat=32.80, skills=("iv",), shifts=None, **more):
    shifts = shifts or [{"day": 0, "start": EIGHT, "end": FIVE}]
    return {"id": name, "lat": lat, "lon": -97.0, "skills": list(skills), "shifts": shifts} | more


def visit(name, *, lat=32.81, window=(EIGHT, 16 * HOUR), duration=2 * HOUR, prize=9_000, **more):
    row = {
        "id": name,
        "lat": lat,
        "lon": -97.0,
        "duration": duration,
        "skills": ["iv"],
        "windows": [list(window)],
    }
    return row | {"prize": prize, "preferred_nurse": None, "pinned": None} | more


def left(case, *routes):
    """Why "x" is left, with what stands in `routes`: (nurse, day, [(visit, start), ...])."""
    case = {"meta": {}} | case
    served = {name for _nurse, _day, stops in routes for name, _start in stops}
    rows = [
        {
            "nurse": who,
            "day": day,
            "leave": 0,
            "back": 0,
            "drive": 0,
            "stops": [{"visit": v, "start": s} for v, s in stops],
        }
        for who, day, stops in routes
    ]
    cost = dict.fromkeys(("drive", "nurses", "windows", "courses", "fairness", "prizes"), 0)
    names = [row["id"] for row in case["visits"] if row["id"] not in served]
    plan = read_plan({"routes": rows, "left": names, "cost": cost})
    return why.explain(read_problem(case), plan)["x"]


ANA = nurse("Ana")
TOMORROW = {"day": 1, "start": DAY + EIGHT, "end": DAY + FIVE}
LONG_DAY = ("Ana", 0, [("a", 29_170), ("b", 40_000), ("c", 50_000)])  # 8:06 to 15:53
FULL = [visit("a", duration=3 * HOUR), visit("b"), visit("c")]
PINNED = [
    row | {"pinned": {"nurse": "Ana", "day": 0, "start": s}}
    for row, (_, s) in zip(FULL, LONG_DAY[2], strict=True)
]


@pytest.mark.parametrize(
    ("code", "nurses", "visits", "routes"),
    [
        (why.NOBODY_MAY, [nurse("Ana", skills=())], [visit("x")], []),
        (why.NOBODY_MAY, [ANA], [visit("x", nurses=[])], []),
        (why.NOBODY_WORKS, [nurse("Ana", shifts=[TOMORROW])], [visit("x")], []),
        (why.NOBODY_WORKS, [ANA], [visit("x", window=(18 * HOUR, 19 * HOUR))], []),
        (why.NOBODY_WORKS, [ANA], [visit("x", windows=[])], []),
        (why.TOO_LONG, [ANA], [visit("x", duration=9 * HOUR)], []),
        (why.TOO_LONG, [ANA], [visit("x", lat=47.0)], []),
        (why.NO_ROOM, [ANA], [visit("x"), *PINNED], [LONG_DAY]),
        (why.TIMES_GIVEN, [ANA], [visit("x"), *FULL], [LONG_DAY]),
        (why.DEAR, [ANA], [visit("x"), visit("a")], [("Ana", 0, [("a", 29_170)])]),
        (
            why.SAME_DAY,
            [ANA, nurse("Ben")],
            [visit("x", patient="p"), visit("a", patient="p")],
            [("Ben", 0, [("a", 29_170)])],
        ),
    ],
)
def test_each_reason_has_its_code(code, nurses, visits, routes):
    assert left({"nurses": nurses, "visits": visits}, *routes).code == code


def test_what_stands_against_one_day_of_a_course_stands_against_all():
    both = nurse("Ana", shifts=[{"day": 0, "start": EIGHT, "end": FIVE}, TOMORROW])
    rows = [
        visit("x", course="k"),
        visit("y", course="k", course_day=1, window=(DAY + EIGHT, DAY + 10 * HOUR)),
    ]
    assert left({"nurses": [both], "visits": rows}).code == why.DEAR
    rows[1]["skills"] = ["port"]
    assert left({"nurses": [both], "visits": rows}).code == why.COURSE
    rows[1] |= {"skills": ["iv"], "windows": [[10 * HOUR, 11 * HOUR]]}  # never the day after
    assert left({"nurses": [both], "visits": rows}).code == why.COURSE


@pytest.mark.parametrize(
    ("help_", "nurses", "visits", "routes"),
    [
        # Home by 17:00 is too early by 370 s of road from a start at 15:00: a quarter of an hour.
        (("LONGER", "Ana", 0, "until", FIVE + 900), [ANA], [visit("x", window=(15 * HOUR, 16 * HOUR))], []),
        (("LONGER", "Ana", 0, "from", EIGHT - 900), [ANA], [visit("x", window=(28_900, 29_000))], []),
        # Only in the morning: what stands there moves back, and the last one ends at 17:06.
        (
            ("LONGER", "Ana", 0, "until", FIVE + 900),
            [ANA],
            [
                visit("x", window=(EIGHT, 9 * HOUR)),
                visit("a", duration=4 * HOUR),
                visit("b", duration=3 * HOUR),
            ],
            [("Ana", 0, [("a", 29_170), ("b", 43_940)])],
        ),
        (
            ("LIMIT", "Ana", 0, 1_800),
            [nurse("Ana", shifts=[{"day": 0, "start": EIGHT, "end": FIVE, "limit": 5_400}])],
            [visit("x")],
            [],
        ),
        (
            ("OTHER_DAY", 1),
            [nurse("Ana", shifts=[{"day": 0, "start": EIGHT, "end": 9 * HOUR}, TOMORROW])],
            [visit("x", window=(EIGHT, 9 * HOUR))],
            [],
        ),
        (("SKILL", "port", "Ana", 0), [ANA], [visit("x", skills=["iv", "port"])], []),
        (
            ("INSTEAD", "Ana", 0, "b"),
            [ANA],
            [visit("x"), FULL[0], FULL[1] | {"prize": 8_000}, FULL[2]],
            [LONG_DAY],
        ),
    ],
)
def test_each_help_is_offered_where_it_helps(help_, nurses, visits, routes):
    assert help_ in left({"nurses": nurses, "visits": visits}, *routes).helps


def test_no_more_hours_are_asked_for_than_two():
    case = {"nurses": [ANA], "visits": [visit("x", window=(18 * HOUR, 18 * HOUR))]}
    assert left(case).helps == ()
    case["visits"] = [visit("x", window=(16 * HOUR, 16 * HOUR))]
    assert left(case).helps == (("LONGER", "Ana", 0, "until", 18 * HOUR + 900),)


def test_a_placed_visit_tells_what_it_costs_there_and_elsewhere():
    ben = nurse("Ben", lat=32.83)
    rows = [visit("a"), visit("x", lat=32.82, preferred_nurse="Ben", windows=[[EIGHT, DAY - 1, 50]])]
    case = {"meta": {"continuity_penalty": 300}, "nurses": [ANA, ben], "visits": rows}
    stops = [{"visit": "a", "start": 29_170}, {"visit": "x", "start": 36_740}]
    routes = [{"nurse": "Ana", "day": 0, "leave": 0, "back": 0, "drive": 0, "stops": stops}]
    cost = dict.fromkeys(("drive", "nurses", "windows", "courses", "fairness", "prizes"), 0)
    found = why.placed(read_problem(case), read_plan({"routes": routes, "left": [], "cost": cost}))["x"]
    # 0.01 degrees are 370 s, 0.02 are 500: from a 370, home 500, where a to home alone were 370.
    assert found == why.Placed(370, 500, 300, 50, nurses_able=2, next_best=2 * 370 + 50 - 850)


CASES = [
    make(
        Wish(nurses=4, visits=14, days=2, seed=seed, step=900, infeasible=True, **{option: True, other: True})
    )
    for seed, (option, other) in enumerate(
        [("spans", "patients"), ("courses", "wishes"), ("targets", "spans")] * 3
    )
]


def fits(case, plan, name):
    """Whether the visit can be put into the plan, nothing else moved: every quarter hour, judged by the checker."""
    row = next(row for row in case["visits"] if row["id"] == name)
    routes = {(route["nurse"], route["day"]): route for route in plan["routes"]}
    starts = {
        start for low, high, *_ in row["windows"] for start in range(-(-low // 900) * 900, high + 1, 900)
    }
    for who in case["nurses"]:
        for day in {shift["day"] for shift in who["shifts"]}:
            route = routes.get((who["id"], day), {"nurse": who["id"], "day": day, "stops": []})
            others = [other for other in plan["routes"] if other is not route]
            for start in starts:
                stops = sorted(
                    [*route["stops"], {"visit": name, "start": start}], key=lambda stop: stop["start"]
                )
                tried = [*others, route | {"stops": stops, "leave": 0, "back": 0, "drive": 0}]
                said = violations(case, {"routes": tried, "left": left_of(case, tried), "cost": {}})
                if start // DAY == day and all(" says " in line or "Course" in line for line in said):
                    return True
    return False


def left_of(case, routes):
    served = {stop["visit"] for route in routes for stop in route["stops"]}
    return [row["id"] for row in case["visits"] if row["id"] not in served]


def fits_when_moved(case, plan, name, who, day):
    """Whether her day holds the visit when its other stops may move within their windows."""
    route = next((x for x in plan["routes"] if (x["nurse"], x["day"]) == (who, day)), {"stops": []})
    wanted = {name, *(stop["visit"] for stop in route["stops"])}
    rows = [row | {"prize": 10**6, "course": None} for row in case["visits"] if row["id"] in wanted]
    shifts = [
        shift for one in case["nurses"] if one["id"] == who for shift in one["shifts"] if shift["day"] == day
    ]
    staff = [one | {"shifts": shifts if one["id"] == who else []} for one in case["nurses"]]
    return (
        solve(read_problem(case | {"nurses": staff, "visits": rows}), iterations=20, processes=1).left == ()
    )


def helped(case, plan, name, help_):
    """The problem and the plan with the help given."""
    case, plan = deepcopy(case), deepcopy(plan)
    row = next(row for row in case["visits"] if row["id"] == name)
    kind, *what = help_
    if kind == "OTHER_DAY":
        row["windows"] += [
            [a + way, b + way] for a, b, *_ in row["windows"] for way in (-DAY, DAY) if a + way >= 0
        ]
        return case, plan
    who, day = what[1:3] if kind == "SKILL" else what[:2]
    shift = next(s for n in case["nurses"] if n["id"] == who for s in n["shifts"] if s["day"] == day)
    if kind == "LONGER":
        until, at = what[2] == "until", what[3]
        spans = shift.setdefault("spans", [[shift["start"], shift["end"]]])
        spans[-1 if until else 0][1 if until else 0] = at
        shift["end" if until else "start"] = at
    elif kind == "LIMIT":
        shift["limit"] += what[2]
    elif kind == "SKILL":
        row["skills"].remove(what[0])
    else:
        for route in plan["routes"]:
            route["stops"] = [stop for stop in route["stops"] if stop["visit"] != what[2]]
        plan["routes"] = [route for route in plan["routes"] if route["stops"]]
    return case, plan


def test_what_is_said_to_help_does_and_without_it_nothing_does():
    rng, tried = Random(3), count()
    for case in CASES:
        problem = read_problem(case)
        plan = solve(problem, seed=1, iterations=1, processes=1)
        made = plan_as_json(plan, seed=1, seconds=0)
        for name, said in why.explain(problem, plan).items():
            if (
                problem.visits[[v.id for v in problem.visits].index(name)].course
                or not said.helps
                or rng.random() < 0.5
            ):
                continue
            assert not fits(case, made, name), (name, said)
            for help_ in said.helps:
                next(tried)
                better = helped(case, made, name, help_)
                moved = help_[0] == "LONGER" and fits_when_moved(*better, name, *help_[1:3])
                assert moved or fits(*better, name), (name, help_)
    assert next(tried) > 12
