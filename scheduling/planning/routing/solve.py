"""The search as a whole: a first plan, routes worth having, the best of them together, and again while time is left."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import numpy as np

from scheduling.planning.routing.budget import Budget
from scheduling.planning.routing.columns import Columns
from scheduling.planning.routing.dive import dive
from scheduling.planning.routing.first import Board, fill, first_routes
from scheduling.planning.routing.generate import Generator, guessed
from scheduling.planning.routing.master import Seconds, chosen
from scheduling.planning.routing.neighbourhoods import Answer, Task, around, groups
from scheduling.planning.routing.problem import Plan, Problem, Progress, Stopped, Told
from scheduling.planning.routing.scope import part, whole
from scheduling.planning.routing.table import Flags, Table, Whole, table
from scheduling.planning.routing.team import Team
from scheduling.planning.routing.timing import Routes, course_nurses, nurse_days, plan, whole_courses

SECONDS = 20.0  # where nobody says how long
MOST_PROCESSES = 4
SMALL = 9_000  # nodes of all nurse-days: up to here the whole is priced at once, and a bound comes of it
ALONE = 1_500  # and up to here other processes would only cost time
GROUP = 34  # nurse-days of a neighbourhood
WHOLE = 4  # times what the groups took have to be left for pricing the whole
FEW = 15  # of the first groups, where the whole follows soon
FEWEST = 8  # where there are so many
AT_ONCE = 2  # neighbourhoods planned beside one another, whatever the processes are
STALE = 12  # neighbourhoods without a better plan before they grow
KNOWN = 15  # routes of each nurse-day a neighbourhood begins with
PROVABLE = 4_000  # columns among which the best plan is looked for to the end
CROWDED = 5.0  # stops a day, on average
SEARCHES = 300  # iterations of PyVRP for one group, where runs have to repeat
NODES = 60  # of one choice among whole routes, where runs have to repeat


def solve(
    problem: Problem,
    *,
    seed: int = 1,
    seconds: float | None = None,
    iterations: int | None = None,
    processes: int | None = None,
    told: Told | None = None,
    stopped: Stopped | None = None,
) -> Plan:
    """The best plan found within `seconds` of wall time or `iterations`, whichever ends first; else 20 s.

    An iteration is a round of pricing the whole or a neighbourhood planned again. The same seed and iterations give
    the same plan, whatever `processes` are. `told` hears of every better plan, `stopped` is asked several times a
    second. Raises BadProblem where pins contradict the rules.
    """
    if seconds is None and iterations is None:
        seconds = SECONDS
    budget = Budget(seconds, iterations, stopped)
    return _Search(table(problem), budget, seed, processes, told).run()


class _Search:
    def __init__(
        self, built: Table, budget: Budget, seed: int, processes: int | None, told: Told | None
    ) -> None:
        self.table, self.budget, self.seed, self.told = built, budget, seed, told
        self.rng = np.random.default_rng(seed)
        self.columns = Columns(built)
        self.routes: Routes = {}
        self.cost = 0
        self.bound: int | None = None
        self.prices: Seconds = np.zeros(0)  # of each visit: the last that a master had
        self.nodes = sum(len(day.visit) for day in built.days)
        self.size, self.stale = min(GROUP, max(FEWEST, (len(built.days) + 1) // AT_ONCE)), 0
        self.maker: Generator | None = None  # of the whole, until the best plan is looked for to the end
        if processes is None:
            processes = min(len(os.sched_getaffinity(0)), MOST_PROCESSES)
        self.processes = processes if self.nodes > ALONE else 1

    def run(self) -> Plan:
        self.routes = first_routes(self.table)
        self.cost = self._plan(self.routes).cost.total
        self.prices = guessed(self.table, self.routes)
        self._tell("first")
        if self.nodes and not self.budget.over():
            team = Team(self.table, self.processes, self.budget.late)
            try:
                if self._crowded():
                    self._search()
                self._begin(team)
                while not self._finished():
                    self._improve(team)
            finally:
                team.close()
        self._tell("done")
        return self._plan(self.routes)

    def _finished(self) -> bool:
        return self.budget.over() or (self.bound is not None and self.cost <= self.bound)

    def _begin(self, team: Team) -> None:
        """Groups of neighbours, and then the whole where it is small enough for the time that is left."""
        began = self.budget.left
        if self.nodes > min(ALONE, SMALL):
            self._grouped(team, GROUP if self.nodes > SMALL else FEW)
        if self.nodes > SMALL or self.budget.over():
            return
        took = began - self.budget.left
        if self.budget.repeats or self.budget.left > WHOLE * took:
            self._whole(team)
        else:
            self.size = FEW

    def _crowded(self) -> bool:
        """Days of many stops: their routes are too many to enumerate, so PyVRP goes first."""
        stops = [len(nodes) for nodes in self.routes.values()]
        return bool(stops) and sum(stops) / len(stops) > CROWDED

    def _search(self) -> None:
        """PyVRP on neighbours, one group after another. It takes a while to load, and most branches never need it."""
        from scheduling.planning.routing.search import search

        parts = groups(self.table, GROUP)
        for at, days in enumerate(parts):
            end = self.budget.left - self.budget.left * 0.4 / (len(parts) - at)
            asked = 0

            def stopped(end: float = end) -> bool:
                nonlocal asked
                asked += 1
                limit = asked > SEARCHES if self.budget.repeats else self.budget.left < end
                return limit or self.budget.halted()

            if self.budget.over():
                return
            self.budget.done += 1
            built = replace(self.table, nurse_cost=self._nurse_cost())
            found = search(built, part(built, self.routes, days), seed=self.seed, stopped=stopped)
            pins = {index: self.table.days[index].pins for index in days if self.table.days[index].pins}
            outside = {index: nodes for index, nodes in self.routes.items() if index not in set(days)}
            routes = self._mended(whole_courses(self.table, outside | pins | found))
            self.columns.add_routes(routes)
            self._offer(routes, "search")

    def _whole(self, team: Team) -> None:
        """All nurse-days at once: prices, a bound, whole routes; the best plan of all where few columns are left."""
        end, last = self.budget.left * 0.65, self.budget.half_done

        def over() -> bool:
            self.budget.done += 1
            return self.budget.over() or self.budget.left < end or self.budget.done >= last

        start = self.columns.add_routes(self.routes)
        maker = Generator(
            self.table, whole(self.table), self.columns, start, pricer=team.price(self.table), seed=self.seed
        )
        maker.run(over=over, told=self._bounded)
        self._learn(maker.rows.collected(maker.duals))
        self._down(maker, team)
        self.maker = maker if maker.done else None

    def _down(self, maker: Generator, team: Team) -> None:
        """Whole routes for most nurse-days from the relaxed plan; the others are planned together after it."""
        end = self.budget.left * 0.6
        over = lambda: self.budget.halted() or self.budget.left < end  # noqa: E731
        held = self.columns.routes(dive(maker, rest=self.size, over=over))
        pins = {index: day.pins for index, day in enumerate(self.table.days) if day.pins}
        routes = self._mended(pins | whole_courses(self.table, held))
        self._offer(routes, "recombine")
        days = tuple(index for index in range(len(self.table.days)) if index not in held)
        if days and not self.budget.over():
            for answer in team.replan([replace(self._task(days), routes=routes)]):
                self._offer(self._with(routes, answer), "recombine")

    def _prove(self) -> None:
        """Looks for the best plan of all where few columns could be in it."""
        maker, self.maker = self.maker, None
        if maker is None or maker.bound is None or self.table.problem.course_change:
            return
        gap = self.cost - maker.bound
        which, every = maker.cheap(gap, PROVABLE)
        if len(which) > PROVABLE or not every:
            return
        which = np.union1d(which, maker.which)
        start = self.columns.add_routes(self.routes)
        best, proven = chosen(
            maker.rows, self.columns, np.union1d(which, start), self.table.nurse_cost, start=start, seed=self.seed,
            seconds=self.budget.within(0.5), nodes=50 * NODES if self.budget.repeats else None,
            stopped=self.budget.halted,
        )  # fmt: skip
        self._offer(self.columns.routes(best), "recombine")
        if proven:  # every cheaper plan is made of these columns
            self._bounded(float(self.cost))

    def _grouped(self, team: Team, size: int) -> None:
        """Neighbours among themselves first: the whole takes long, and begins better from there."""
        parts = groups(self.table, size)
        for at in range(0, len(parts), AT_ONCE):
            if self.budget.over():
                return
            self._work(team, [self._task(days) for days in parts[at : at + AT_ONCE]], "search")

    def _improve(self, team: Team) -> None:
        if self.size >= len(self.table.days):
            tasks = [self._task(tuple(range(len(self.table.days))))]
        else:
            tasks, busy = [], list[int]()
            for _ in range(AT_ONCE):
                # Beside one another where there is room, and else two ways to go on of which the better counts.
                but = busy if len(self.table.days) - len(busy) >= self.size else []
                days = around(self.table, self.routes, self.rng, self.size, but=but)
                busy += days
                tasks.append(self._task(days))
        before = self.cost
        self._work(team, [task for task in tasks if task.days], "improve")
        self.stale = 0 if self.cost < before else self.stale + len(tasks)
        if self.stale >= STALE or (self.stale and self.size >= len(self.table.days)):
            self._prove()
        if self.stale >= STALE:
            self.size, self.stale = self.size + max(1, self.size // 4), 0

    def _work(self, team: Team, tasks: list[Task], phase: str) -> None:
        answers = team.replan(self._apart(tasks))
        self.budget.done += len(tasks)
        for answer in answers:
            self._learn(answer.prices)
            for index, nodes in answer.known:
                self.columns.add(index, nodes)
        taken: set[int] = set()
        base = self.routes
        merged = dict(base)
        ranked = sorted(answers, key=lambda a: self._plan(self._with(base, a)).cost.total)
        for answer in ranked:
            if not taken & set(answer.days) and self._agrees(merged, answer):
                taken |= set(answer.days)
                merged = self._with(merged, answer)
        self._offer(merged, phase)

    def _apart(self, tasks: list[Task]) -> list[Task]:
        """Tasks that do not both serve a visit which is left: it is offered where a nurse lives nearest."""
        left = np.nonzero(nurse_days(self.table, self.routes) < 0)[0]
        if len(tasks) < 2 or not len(left) or set(tasks[0].days) & set(tasks[1].days):
            return tasks
        homes = [np.unique([self.table.days[index].home for index in task.days]) for task in tasks]
        nearest = np.array([self.table.travel[home][:, left].min(axis=0) for home in homes]).argmin(axis=0)
        for course in self.table.courses:  # whole ones
            nearest[np.isin(left, course.visits)] = (len(course.visits) + course.everyone[0]) % len(tasks)
        return [replace(task, hidden=tuple(left[nearest != at].tolist())) for at, task in enumerate(tasks)]

    def _with(self, routes: Routes, answer: Answer) -> dict[int, tuple[int, ...]]:
        inside = set(answer.days)
        return {i: nodes for i, nodes in routes.items() if i not in inside} | dict(answer.routes)

    def _agrees(self, routes: Routes, answer: Answer) -> bool:
        """Whether nothing in this answer is served elsewhere by now, nor its patient seen on that day."""
        built = self.table
        elsewhere = nurse_days(built, {i: nodes for i, nodes in routes.items() if i not in set(answer.days)})
        seen = {
            (int(built.patient[v]), built.days[elsewhere[v]].day)
            for v in np.nonzero((elsewhere >= 0) & (built.patient >= 0) & ~built.pinned)[0].tolist()
        }
        for index, nodes in answer.routes.items():
            for v in built.days[index].visit[list(nodes)].tolist():
                if elsewhere[v] >= 0 or (int(built.patient[v]), built.days[index].day) in seen:
                    return False
        return True

    def _task(self, days: tuple[int, ...]) -> Task:
        share = self.budget.within(0.7)
        return Task(
            routes=self.routes,
            days=days,
            nurse_cost=self._nurse_cost(),
            seed=self.seed,
            prices=self.prices,
            known=self._known(days),
            seconds=None if share is None else min(share, 10.0),
            nodes=NODES if self.budget.repeats else None,
        )

    def _known(self, days: tuple[int, ...]) -> tuple[tuple[int, Whole], ...]:
        """The best routes of these days that take nothing from the others."""
        where = nurse_days(self.table, self.routes)
        inside: Flags = np.zeros(len(self.table.days) + 1, bool)
        inside[[*days, len(self.table.days)]] = True  # a visit that is left is at -1
        rows = self.columns.within(np.append(inside[where], True), inside[:-1])
        if not len(rows):
            return ()
        prices = np.append(self.prices, 0.0)
        reduced = self.columns.costs(rows, self.table.nurse_cost) - prices[self.columns.visits[rows]].sum(
            axis=1
        )
        rows = rows[np.lexsort((rows, reduced, self.columns.day[rows]))]
        day = self.columns.day[rows]
        begin = np.concatenate(([True], day[1:] != day[:-1]))
        rank = np.arange(len(rows)) - np.maximum.accumulate(np.where(begin, np.arange(len(rows)), 0))
        rows, day = rows[rank < KNOWN], day[rank < KNOWN]
        return tuple((index, self.columns.nodes[rows[day == index]]) for index in np.unique(day).tolist())

    def _nurse_cost(self) -> Whole:
        """With a change of nurse charged to whoever is not the one her course has most of now."""
        change = self.table.problem.course_change
        if not change or not self.table.courses:
            return self.table.nurse_cost
        costs = self.table.nurse_cost.copy()
        for course, nurses in course_nurses(self.table, self.routes).items():
            (most, _), *_ = Counter(nurses).most_common(1)
            others = np.arange(len(costs)) != most
            costs[np.ix_(others, list(self.table.courses[course].visits))] += change
        return costs

    def _mended(self, routes: Routes) -> Routes:
        """With what still fits put in by hand."""
        board = Board(self.table, routes)
        fill(board, stopped=self.budget.halted)
        return board.result()

    def _learn(self, prices: Seconds) -> None:
        self.prices = np.where(np.isnan(prices), self.prices, prices)

    def _offer(self, routes: Routes, phase: str) -> None:
        cost = self._plan(routes).cost.total
        if cost <= self.cost:
            better = cost < self.cost
            self.routes, self.cost = routes, cost
            if better:
                self._tell(phase)

    def _bounded(self, bound: float) -> None:
        whole_seconds = int(np.ceil(bound - 1e-6))
        if self.bound is None or whole_seconds > self.bound:
            self.bound = whole_seconds
            self._tell("search")

    def _plan(self, routes: Routes) -> Plan:
        return plan(self.table, routes, bound=self.bound, iterations=self.budget.done)

    def _tell(self, phase: str) -> None:
        if self.told is not None:
            served = sum(len(nodes) for nodes in self.routes.values())
            self.told(Progress(round(self.budget.spent, 3), self.cost, served, self.bound, phase))
