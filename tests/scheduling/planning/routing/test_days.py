from __future__ import annotations

import numpy as np
import pytest

from scheduling.planning.routing.days import Prices, priced
from scheduling.planning.routing.files import read_problem
from scheduling.planning.routing.table import table
from scheduling.planning.routing.timing import timed
from scheduling.planning.routing.travel import street_seconds
from tests.scheduling.planning.routing import small


def legs(a, b):
    return street_seconds((a["lat"], a["lon"]), (b["lat"], b["lon"]))


def found(built, index, prices, below, **more):
    day = built.days[index]
    answer = priced(built, day, prices, below=below, keep=10_000, **more)
    routes = [[n for n in row if n >= 0] for row in answer.nodes.tolist()]
    return answer, [
        (frozenset(day.visit[row].tolist()), cost) for row, cost in zip(routes, answer.costs, strict=True)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_every_set_of_stops_that_can_be_driven_is_found_at_its_least_cost(seed):
    document = small.problem(nurses=2, visits=7, days=2, seed=seed)
    built = table(read_problem(document))
    free = Prices(np.zeros(built.visits))
    names = [visit["id"] for visit in document["visits"]]
    for index, best in enumerate(small.ways(document, legs).values()):
        answer, routes = found(built, index, free, below=10**7)
        assert {(frozenset(names[v] for v in stops), int(cost)) for stops, cost in routes} == {
            (stops, cost) for stops, cost in best.items() if stops
        }
        assert answer.least == min((cost for _, cost in routes), default=0)


@pytest.mark.parametrize("seed", range(4))
def test_with_prices_the_cheapest_is_found_and_nothing_above_the_wanted_cost(seed):
    document = small.problem(nurses=1, visits=8, days=1, seed=seed)
    built = table(read_problem(document))
    earns = np.random.default_rng(seed).integers(0, 4_000, built.visits).astype(float)
    prices = Prices(earns, day=150.0)
    names = [visit["id"] for visit in document["visits"]]
    (best,) = small.ways(document, legs).values()
    reduced = {
        stops: cost - sum(earns[names.index(v)] for v in stops) + 150 for stops, cost in best.items() if stops
    }
    answer, routes = found(built, 0, prices, below=-0.01)
    assert dict(routes).keys() <= {frozenset(names.index(v) for v in stops) for stops in reduced}
    assert answer.least == pytest.approx(min([-0.01, *reduced.values()]))
    assert all(cost < -0.01 for _, cost in routes)
    few, _ = found(built, 0, prices, below=-0.01, labels=1)
    assert few.least is None or few.least == answer.least  # never said to be exact when it was cut short


def test_a_route_always_has_the_pins_and_keeps_spans_step_and_limit():
    document = small.problem(nurses=1, visits=9, days=1, seed=3, step=900)
    nurse, pinned = document["nurses"][0], document["visits"][0]
    shift = nurse["shifts"][0]
    noon = shift["start"] + 3 * small.HOUR
    shift["spans"] = [[shift["start"], noon], [noon + small.HOUR, shift["end"]]]
    shift["limit"] = 5 * small.HOUR
    start = shift["start"] + 4 * small.HOUR + 61
    pinned |= {"skills": ["a"], "duration": small.HOUR, "windows": [[start, start]],
               "pinned": {"nurse": "N0", "day": 0, "start": start}}  # fmt: skip
    for visit in document["visits"][1:]:
        visit |= {"skills": ["a"], "duration": small.HOUR, "windows": [[shift["start"], shift["end"]]]}
    built = table(read_problem(document))
    day = built.days[0]
    answer, routes = found(built, 0, Prices(np.full(built.visits, 3_000.0)), below=10**7)
    assert len(routes) > 20
    assert all(0 in stops for stops, _ in routes)
    for row in answer.nodes:
        nodes = [n for n in row.tolist() if n >= 0]
        route = timed(built, day, nodes)
        assert route is not None
        for node, begin in zip(nodes, route.starts, strict=True):
            length = int(built.duration[day.visit[node]])
            assert any(a <= begin and begin + length <= b for a, b in shift["spans"])
            assert begin == start if day.visit[node] == 0 else begin % 900 == 0
        assert sum(int(built.duration[v]) for v in day.visit[nodes]) <= shift["limit"]


def test_two_visits_of_one_patient_are_never_in_one_day():
    document = small.problem(nurses=1, visits=6, days=1, seed=1)
    for visit in document["visits"]:
        visit |= {
            "skills": ["a"],
            "duration": small.HOUR,
            "windows": [[8 * small.HOUR, 15 * small.HOUR]],
            "patient": "P",
        }
    document["visits"][5]["patient"] = "Q"
    _, routes = found(table(read_problem(document)), 0, Prices(np.full(6, 9_000.0)), below=0)
    assert routes
    assert all(len(stops - {5}) <= 1 for stops, _ in routes)
