from __future__ import annotations

from scheduling.planning.plan_check import violations
from scheduling.planning.routing.files import plan_as_json, read_problem
from scheduling.planning.routing.first import first_routes
from scheduling.planning.routing.scope import part, whole
from scheduling.planning.routing.search import search
from scheduling.planning.routing.solve import solve
from scheduling.planning.routing.table import table
from scheduling.planning.routing.timing import plan
from tests.scheduling.planning.routing import small


def crowded():
    """Half-hour visits, a dozen a day, with a promise, a lunch break, a step, and a patient who is visited twice."""
    document = small.problem(nurses=2, visits=18, days=2, seed=3, step=300)
    for visit in document["visits"]:
        visit |= {"duration": small.HOUR // 2, "skills": ["a"], "prize": 20_000}
        visit["windows"] = [[a, a // small.DAY * small.DAY + 15 * small.HOUR] for a, _ in visit["windows"]]
    for nurse in document["nurses"]:
        for shift in nurse["shifts"]:
            noon = shift["day"] * small.DAY + 12 * small.HOUR
            shift["spans"] = [[shift["start"], noon], [noon + small.HOUR // 2, shift["end"]]]
    pinned, one, other = document["visits"][:3]
    start = pinned["windows"][0][0] + 2 * small.HOUR + 7
    pinned["pinned"] = {"nurse": "N1", "day": start // small.DAY, "start": start}
    one["patient"] = other["patient"] = "P"
    return document


def rounds(most):
    left = iter(range(most))
    return lambda: next(left, None) is None


def test_what_it_suggests_keeps_every_rule_and_repeats():
    document = crowded()
    built = table(read_problem(document))
    found = [search(built, whole(built), seed=2, stopped=rounds(80)) for _ in range(2)]
    assert found[0] == found[1]
    pins = {index: day.pins for index, day in enumerate(built.days) if day.pins}
    answer = plan(built, pins | found[0], bound=None, iterations=0)
    assert violations(document, plan_as_json(answer, seed=2, seconds=0)) == []
    assert len(answer.left) <= 2


def test_it_leaves_what_stands_outside_its_part_alone():
    built = table(read_problem(crowded()))
    routes = first_routes(built)
    others = {v for i in (1, 2, 3) for v in built.days[i].visit[list(routes.get(i, ()))].tolist()}
    found = search(built, part(built, routes, [0]), seed=1, stopped=rounds(40))
    assert set(found) <= {0}
    assert not others & set(built.days[0].visit[list(found.get(0, ()))].tolist())


def test_crowded_days_are_searched_before_they_are_enumerated(monkeypatch):
    from scheduling.planning.routing import search as searching
    from scheduling.planning.routing import solve as module

    document, asked = crowded(), []
    monkeypatch.setattr(module, "CROWDED", 4.0)
    monkeypatch.setattr(module, "SEARCHES", 60)
    monkeypatch.setattr(searching, "search", lambda *args, **more: asked.append(1) or search(*args, **more))
    found = solve(read_problem(document), seed=1, iterations=2, processes=1)
    assert asked
    assert violations(document, plan_as_json(found, seed=1, seconds=0)) == []
