from __future__ import annotations

import numpy as np
import pytest

from scheduling.planning.plan_check import violations
from scheduling.planning.routing.columns import Columns
from scheduling.planning.routing.dive import dive
from scheduling.planning.routing.files import plan_as_json, read_problem
from scheduling.planning.routing.first import first_routes
from scheduling.planning.routing.generate import Generator, here
from scheduling.planning.routing.master import chosen
from scheduling.planning.routing.neighbourhoods import Task, replan
from scheduling.planning.routing.scope import part, whole
from scheduling.planning.routing.solve import solve
from scheduling.planning.routing.table import table
from scheduling.planning.routing.timing import plan, timed
from tests.scheduling.planning.routing import small
from tests.scheduling.planning.routing.test_days import legs


def never():
    return False


def generated(document):
    built = table(read_problem(document))
    columns = Columns(built)
    start = columns.add_routes(first_routes(built))
    maker = Generator(built, whole(built), columns, start, pricer=here(built))
    maker.run(over=never)
    return built, columns, start, maker


@pytest.mark.parametrize("seed", range(5))
def test_the_chosen_routes_cost_what_the_best_of_all_plans_costs(seed):
    document = small.problem(nurses=2, visits=6, days=1 + seed % 2, seed=seed)
    found = solve(read_problem(document), seed=seed, iterations=40, processes=1)
    assert found.cost.total == small.least(document, legs)
    assert found.bound == found.cost.total  # and it is known that nothing is cheaper
    assert violations(document, plan_as_json(found, seed=seed, seconds=0)) == []


@pytest.mark.parametrize("seed", range(5))
def test_no_plan_costs_less_than_the_bound(seed):
    document = small.problem(nurses=3, visits=6, days=1, seed=10 + seed)
    _, columns, start, maker = generated(document)
    assert maker.done
    assert maker.bound <= maker.value + 1e-6
    assert maker.value <= small.least(document, legs) + 1e-6
    which, every = maker.cheap(10**7, 10_000)
    best, proven = chosen(
        maker.rows,
        columns,
        np.union1d(which, start),
        maker.table.nurse_cost,
        start=start,
        seed=1,
        seconds=None,
    )
    assert every and proven
    assert plan(maker.table, columns.routes(best), bound=None, iterations=0).cost.total == small.least(
        document, legs
    )


def test_going_down_holds_routes_that_agree_and_leaves_the_master_as_it_was():
    document = small.problem(nurses=8, visits=24, days=1, seed=7)
    built, columns, _, maker = generated(document)
    before = maker.value
    held = columns.routes(dive(maker, rest=2, over=never))
    assert len(held) >= 4
    visits = [v for index, nodes in held.items() for v in built.days[index].visit[list(nodes)].tolist()]
    assert len(visits) == len(set(visits))
    assert all(timed(built, built.days[index], nodes) for index, nodes in held.items())
    assert maker.value == before and len(maker.days) == 8
    assert maker.relaxed.solve()[0] <= before + 1e-6


def test_a_neighbourhood_leaves_the_others_alone_and_is_no_worse():
    document = small.course(small.problem(nurses=6, visits=20, days=3, seed=8), days=2)
    built = table(read_problem(document))
    routes = first_routes(built)
    days = tuple(range(0, len(built.days), 2))
    answer = replan(
        built, Task(routes=routes, days=days, nurse_cost=built.nurse_cost, seed=1), over=never, halted=never
    )
    assert set(answer.routes) <= set(days)
    after = {index: nodes for index, nodes in routes.items() if index not in days} | dict(answer.routes)
    found = plan(built, after, bound=None, iterations=0)
    assert found.cost.total < plan(built, routes, bound=None, iterations=0).cost.total
    assert violations(document, plan_as_json(found, seed=1, seconds=0)) == []


def test_what_is_hidden_from_a_neighbourhood_is_not_served_by_it():
    built = table(read_problem(small.problem(nurses=2, visits=6, days=1, seed=2)))
    assert part(built, {}, [0, 1], hidden=[3]).visits.tolist() == [True, True, True, False, True, True]
