"""A thousand random problems and not one broken rule, judged by the checker, which sees whatever is broken."""

from collections import Counter, defaultdict
from copy import deepcopy
from random import Random

import pytest

from benchmarks.make_case import Wish, make
from scheduling.planning.plan_check import contradictions, cost, violations
from scheduling.planning.routing.files import plan_as_json, read_problem
from scheduling.planning.routing.problem import BadProblem
from scheduling.planning.routing.solve import solve

PROBLEMS, PARTS = 1_000, 8


def wish(seed):
    """Small, and each option in a share of them; one in eight contradicts itself."""
    rng = Random(seed)
    options = ("spans", "patients", "courses", "targets", "wishes", "infeasible")
    return Wish(
        nurses=rng.randint(3, 8),
        visits=4 + int(17 * rng.random() ** 3),  # mostly few: the whole suite waits for them
        days=rng.randint(1, 3),
        seed=seed,
        step=rng.choice((1, 300, 900)),
        contradictory=rng.random() < 0.125,
        **{option: rng.random() < 0.4 for option in options},
    )


def planned(case, seed):
    """One in ten is searched until neighbourhoods are planned anew; the others see the beginning of it."""
    iterations = 4 if seed % 10 else 15
    plan = solve(read_problem(case), seed=seed, iterations=iterations, processes=1)
    return plan_as_json(plan, seed=seed, seconds=0)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_plan_of_a_thousand_problems_breaks_a_rule(part):
    seen = Counter()
    for seed in range(part, PROBLEMS, PARTS):
        case = make(wish(seed))
        said = contradictions(case)
        try:
            plan = planned(case, seed)
        except BadProblem as no:
            assert said, f"problem {seed} is in order, and the engine says: {no}"
            assert len(str(no).splitlines()) == 1
            seen["contradictory"] += 1
            continue
        assert not said, f"problem {seed} contradicts itself, and there is a plan: {said}"
        assert violations(case, plan) == [], f"problem {seed}"
        assert cost(case, plan) == plan["cost"], f"problem {seed}"
        seen["served"] += sum(len(route["stops"]) for route in plan["routes"])
        seen["left"] += len(plan["left"])
    assert seen["contradictory"] > 5
    assert min(seen["served"], seen["left"]) > 200  # neither all of it possible nor nothing


# --- The checker sees what is broken: each of these breaks one rule of a good plan and says which -----------------


def stops(plan):
    return [(route, stop) for route in plan["routes"] for stop in route["stops"]]


def row_of(case, name):
    return next(row for row in case["visits"] if row["id"] == name)


def shift_of(case, route):
    who = next(row for row in case["nurses"] if row["id"] == route["nurse"])
    return who, next(shift for shift in who["shifts"] if shift["day"] == route["day"])


def free_stops(case, plan):
    return [(route, stop) for route, stop in stops(plan) if not row_of(case, stop["visit"])["pinned"]]


def before_its_window(case, plan, rng):
    _route, stop = rng.choice(free_stops(case, plan))
    stop["start"] = min(window[0] for window in row_of(case, stop["visit"])["windows"]) - 1
    return "outside its windows"


def off_the_step(case, plan, rng):
    _route, stop = rng.choice(free_stops(case, plan))
    case["meta"]["step"] = stop["start"] + 1
    return "no multiple of"


def forgotten(case, plan, rng):
    route, stop = rng.choice(stops(plan))
    route["stops"].remove(stop)
    return "is there 0 times"


def there_twice(case, plan, rng):
    plan["left"].append(rng.choice(stops(plan))[1]["visit"])
    return "is there 2 times"


def with_two_nurses(case, plan, rng):
    plan["routes"].append(deepcopy(rng.choice(plan["routes"])))
    return "2 routes on day"


def course_members(case, plan):
    found = defaultdict(list)
    for route, stop in free_stops(case, plan):
        if course := row_of(case, stop["visit"]).get("course"):
            found[course].append((route, stop))
    return next(rows for rows in found.values() if len(rows) > 1)


def half_a_course(case, plan, rng):
    route, stop = rng.choice(course_members(case, plan))
    route["stops"].remove(stop)
    plan["left"].append(stop["visit"])
    return "is served in part"


def days_of_a_course(case, plan, rng):
    _route, stop = rng.choice(course_members(case, plan))
    row_of(case, stop["visit"])["course_day"] += 1
    return "not as many days apart"


def without_the_skill(case, plan, rng):
    _route, stop = rng.choice(stops(plan))
    row_of(case, stop["visit"])["skills"].append("a new one")
    return "she lacks a new one"


def not_her(case, plan, rng):
    route, stop = rng.choice(stops(plan))
    row_of(case, stop["visit"])["nurses"] = [
        row["id"] for row in case["nurses"] if row["id"] != route["nurse"]
    ]
    return "not one of those who may come"


def long_route(plan):
    return next(route for route in plan["routes"] if len(route["stops"]) > 1)["stops"][:2]


def a_second_too_early(case, plan, rng):
    one, other = long_route(plan)
    other["start"] = one["start"] + row_of(case, one["visit"])["duration"] - 1
    return "cannot be at visit"


def a_road_too_long(case, plan, rng):
    here, there = (row_of(case, stop["visit"]) for stop in long_route(plan))
    there["lat"] += 0.00001  # a course has one home
    case["roads"] = [[here["lat"], here["lon"], there["lat"], there["lon"], 86_400]]
    return "cannot be at visit"


def home_too_late(case, plan, rng):
    route = rng.choice(plan["routes"])
    shift_of(case, route)[1]["end"] = route["back"] - 1
    return "after her shift"


def out_too_early(case, plan, rng):
    route = rng.choice(plan["routes"])
    shift_of(case, route)[1]["start"] = route["leave"] + 1
    return "before her shift"


def over_the_limit(case, plan, rng):
    route = rng.choice(plan["routes"])
    busy = sum(row_of(case, stop["visit"])["duration"] for stop in route["stops"])
    shift_of(case, route)[1]["limit"] = busy - 1
    return "s at bedsides"


def into_her_break(case, plan, rng):
    route, stop = rng.choice(stops(plan))
    shift = shift_of(case, route)[1]
    shift["spans"] = [[shift["start"], stop["start"] + 60], [stop["start"] + 60, shift["end"]]]
    return "not whole inside her hours"


def on_her_day_off(case, plan, rng):
    route = rng.choice(plan["routes"])
    who, shift = shift_of(case, route)
    who["shifts"].remove(shift)
    return "when she does not work"


def not_as_promised(case, plan, rng):
    _route, stop = rng.choice([x for x in stops(plan) if row_of(case, x[1]["visit"])["pinned"]])
    stop["start"] += 1
    return "is promised"


def two_a_day(case, plan, rng):
    for stop in long_route(plan):
        row_of(case, stop["visit"]).update({"patient": "the same", "pinned": None})
    return "Patient the same has visits"


def wrong_sum(case, plan, rng):
    plan["cost"][rng.choice(sorted(plan["cost"]))] += 1
    return "The plan says its cost in"


def wrong_times(case, plan, rng):
    rng.choice(plan["routes"])[rng.choice(("leave", "back", "drive"))] += 1
    return " says "


def wrong_bound(case, plan, rng):
    plan["bound"] = plan["cost"]["total"] + 1
    return "none costs less than"


MUTATIONS = [
    before_its_window, off_the_step, forgotten, there_twice, with_two_nurses, half_a_course, days_of_a_course,
    without_the_skill, not_her, a_second_too_early, a_road_too_long, home_too_late, out_too_early,
    over_the_limit, into_her_break, on_her_day_off, not_as_promised, two_a_day, wrong_sum, wrong_times, wrong_bound,
]  # fmt: skip


@pytest.fixture(scope="module")
def good():
    """Plans without a broken rule, as the engine makes them."""
    found = []
    for seed in range(2_000, 2_030):
        case = make(wish(seed))
        if not contradictions(case) and (plan := planned(case, seed))["routes"]:
            assert violations(case, plan) == []
            found.append((case, plan))
    return found


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_whatever_is_broken_in_a_good_plan_is_named(good, mutation):
    rng, broken = Random(7), 0
    for case, plan in deepcopy(good):
        try:
            words = mutation(case, plan, rng)
        except (StopIteration, IndexError):  # this plan has no course, no promise, no second stop
            continue
        broken += 1
        said = violations(case, plan)
        assert any(words in line for line in said), said
    assert broken > 2
