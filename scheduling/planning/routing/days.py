"""Which routes of one nurse-day are worth most, when serving a visit earns its price: labelling, level by level.

A label is the beginning of a route: its stops, when the nurse is free again and what it cost so far, prices taken
off. Two labels with the same stops and the same last one differ in time and cost alone; one that is no better in
either is dropped. First a bound: the least that any way home from a node at a time of day can still cost, with
repeated stops allowed and times rounded down to a grid. A label that cannot come out below the wanted cost is never
extended, which leaves few of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduling.planning.routing.table import Day, Flags, Table, Whole

GRID, FINEST = 11, 8  # seconds between the times of the bound, as powers of two: a shift is a quick division
MOST_LABELS = 20_000  # of one level; the best are kept and the answer is no longer exact
DEEP, DEEP_LABELS = 4, 1_000  # beyond so many stops fewer are kept: such days are another search's
MOST_STOPS = 40
NONE = -1
FAR = 1e15

Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prices:
    """What one nurse-day earns and owes. `visits`: seconds earned for each visit (length V); `away`: owed for each
    second away from home; `day`: owed for going out at all."""

    visits: Seconds
    day: float = 0.0
    away: float = 0.0


@dataclass(frozen=True, slots=True)
class Priced:
    """`nodes`: a row a route, padded with NONE, at most one for the same stops. `costs`: reduced, least first.
    `least`: no route costs less; None where that is not known."""

    nodes: Whole
    costs: Seconds
    least: float | None


@dataclass(frozen=True, slots=True)
class _Graph:
    """The nodes worth looking at, and the arcs between them, by their beginning."""

    node: Whole  # index in the day
    first: Whole
    last: Whole
    duration: Whole
    kin: Whole
    earns: Seconds
    out: Whole  # seconds from home
    back: Whole  # and to it
    begin: Whole  # of the arcs of each node, one more at the end
    to: Whole
    leg: Whole
    pin: Whole  # which pin of the day a node is, or NONE


def priced(
    table: Table,
    day: Day,
    prices: Prices,
    *,
    below: float,
    keep: int,
    usable: Flags | None = None,
    labels: int = MOST_LABELS,
) -> Priced:
    """Routes with a reduced cost below `below`, the `keep` best. `usable`: of the day's nodes, pins always."""
    graph = _graph(table, day, prices, usable, below)
    if not len(graph.node):
        return Priced(np.zeros((0, 1), np.int64), np.zeros(0), 0.0 if below > 0 or not day.pins else None)
    bound = _Bound(day, graph, prices)
    if bound.least >= below and not day.pins:
        return Priced(np.zeros((0, 1), np.int64), np.zeros(0), bound.least)
    walk = _Walk(table, day, prices, graph, bound, below, labels)
    nodes, costs = walk.routes(keep)
    exact = walk.exact and bound.exact
    least = min([below, *costs[:1].tolist()])
    return Priced(graph.node[nodes] * (nodes >= 0) + NONE * (nodes < 0), costs, least if exact else None)


def _graph(table: Table, day: Day, prices: Prices, usable: Flags | None, below: float) -> _Graph:
    pinned = len(day.pins)
    earns = prices.visits[day.visit] - day.cost - table.nurse_cost[day.nurse, day.visit]
    worth = np.ones(len(earns), bool) if usable is None else usable.copy()
    if not table.problem.roads and below <= 0:
        # Without it the route would be no dearer: the drive obeys the triangle where nobody told us a leg.
        worth &= earns > 0
    worth[:pinned] = True
    node = np.nonzero(worth)[0]
    visit, first, last = day.visit[node], day.first[node], day.last[node]
    legs = table.travel[np.ix_(visit, visit)]
    duration, kin = table.duration[visit], day.kin[node]
    there = (first + duration)[:, None] + legs <= last[None]
    there &= kin[:, None] != kin[None]
    at, to = np.nonzero(there)
    return _Graph(
        node=node,
        first=first,
        last=last,
        duration=duration,
        kin=kin,
        earns=earns[node].astype(np.float64),
        out=table.travel[day.home, visit],
        back=table.travel[visit, day.home],
        begin=np.searchsorted(at, np.arange(len(node) + 1)),
        to=to,
        leg=legs[at, to],
        pin=np.where(node < pinned, node, NONE),
    )


class _Bound:
    """(time on the grid, node) -> the least reduced cost from there to home, ways that repeat a stop included."""

    def __init__(self, day: Day, graph: _Graph, prices: Prices) -> None:
        shortest = int(graph.duration.min())
        self.start, self.shift = day.start, max(FINEST, min(GRID, shortest.bit_length() - 1))
        self.exact = shortest >= 1 << self.shift
        self.rows = ((day.end - day.start) >> self.shift) + 2
        home = graph.back + prices.away * graph.back
        times = day.start + (np.arange(self.rows) << self.shift)
        self.rest = home[None] + prices.away * times[:, None].astype(np.float64)
        self._fill(graph)
        first = graph.out - graph.earns - prices.away * (graph.first - graph.out)
        total = first + self.at(graph.first + graph.duration, np.arange(len(graph.node)))
        self.least = float(total.min()) + prices.day

    def at(self, free: Whole, node: Whole) -> Seconds:
        rest: Seconds = self.rest[(free - self.start) >> self.shift, node]
        return rest

    def _fill(self, graph: _Graph) -> None:
        begin = graph.begin[:-1]
        some = np.nonzero(graph.begin[1:] > begin)[0]
        if not len(some):
            return
        begin, to = begin[some], graph.to.astype(np.int32)
        # Half the width of other arrays: this is where the time goes.
        first = (graph.first - self.start).astype(np.int32)[to]
        last = (graph.last - self.start).astype(np.int32)[to]
        length, leg = graph.duration.astype(np.int32)[to], graph.leg.astype(np.int32)
        cost = graph.leg - graph.earns[to]
        earliest = int((graph.first + graph.duration).min()) - self.start
        flat, wide = self.rest.reshape(-1), np.int32(self.rest.shape[1])
        for row in range(self.rows - 1, (earliest >> self.shift) - 1, -1):
            start = np.maximum(leg + np.int32(row << self.shift), first)
            fits = np.nonzero(start <= last)[0]
            if not len(fits):
                continue
            then = (start[fits] + length[fits]) >> self.shift
            if not self.exact:  # a finish in the same row would need what is being computed
                then = np.maximum(then, row + 1)
            value = np.full(len(start), FAR)
            value[fits] = cost[fits] + flat[then * wide + to[fits]]
            self.rest[row, some] = np.minimum(self.rest[row, some], np.minimum.reduceat(value, begin))


class _Walk:
    """The labels of one nurse-day, a level for each stop."""

    def __init__(
        self, table: Table, day: Day, prices: Prices, graph: _Graph, bound: _Bound, below: float, most: int
    ) -> None:
        self.day, self.prices, self.graph, self.bound = day, prices, graph, bound
        self.below, self.most, self.exact = below, most, True
        self.step = table.problem.step
        self.sign = table.signs[graph.kin]

    def routes(self, keep: int) -> tuple[Whole, Seconds]:
        """The nodes of each route (indices of the graph, padded) and the reduced costs, best first."""
        graph, prices = self.graph, self.prices
        self.path = np.arange(len(graph.node))[:, None]
        self.kins = graph.kin[:, None]
        self.free = graph.first + graph.duration
        self.cost = graph.out - graph.earns - prices.away * (graph.first - graph.out) + prices.day
        self.busy = graph.duration.copy()
        self.set = self.sign.copy()
        self.pins = np.zeros(len(graph.node), np.int64)
        self._keep(self._pinned(self.pins, graph.pin))
        found: list[tuple[Whole, Seconds, NDArray[np.uint64]]] = []
        for _ in range(MOST_STOPS):
            self._thin()
            if not len(self.free):
                break
            found.append(self._homeward(keep))
            self._extend()
        return _best(found, keep)

    def _homeward(self, keep: int) -> tuple[Whole, Seconds, NDArray[np.uint64]]:
        """The labels of this level as whole routes."""
        back = self.graph.back[self.path[:, -1]]
        cost = self.cost + back + self.prices.away * (self.free + back)
        good = np.nonzero((cost < self.below) & (self.pins == len(self.day.pins)))[0]
        good = good[np.argsort(cost[good], kind="stable")]
        _, at = np.unique(self.set[good], return_index=True)
        good = good[np.sort(at)[:keep]]
        return self.path[good], cost[good], self.set[good]

    def _extend(self) -> None:
        graph, last = self.graph, self.path[:, -1]
        counts = graph.begin[last + 1] - graph.begin[last]
        label = np.repeat(np.arange(len(last)), counts)
        arc = np.arange(len(label)) + np.repeat(graph.begin[last] - np.cumsum(counts) + counts, counts)
        to = graph.to[arc]
        start = np.maximum(self.free[label] + graph.leg[arc], graph.first[to])
        if self.step > 1:
            start = np.where(graph.pin[to] >= 0, start, -(-start // self.step) * self.step)
        fits = np.nonzero(start <= graph.last[to])[0]
        label, arc, to, start = label[fits], arc[fits], to[fits], start[fits]
        free = start + graph.duration[to]
        cost = self.cost[label] + graph.leg[arc] - graph.earns[to]
        # What the next `_thin` would drop is dropped before the rest is copied.
        good = cost + self.bound.at(free, to) < self.below
        good &= self.busy[label] + graph.duration[to] <= self.day.limit
        for column in range(self.path.shape[1]):
            good &= self.kins[label, column] != graph.kin[to]
        label, to, self.free, self.cost = label[good], to[good], free[good], cost[good]
        self.path = np.concatenate((self.path[label], to[:, None]), axis=1)
        self.kins = np.concatenate((self.kins[label], graph.kin[to][:, None]), axis=1)
        self.busy = self.busy[label] + graph.duration[to]
        self.set = self.set[label] + self.sign[to]
        self._keep(self._pinned(self.pins[label], graph.pin[to]))

    def _pinned(self, before: Whole, pin: Whole) -> Flags:
        """Pins come in their order, and each label can still be in time for the next one."""
        many = len(self.day.pins)
        good: Flags = (pin == NONE) | (pin == before)
        self.pins = before + (pin >= 0)
        if many:
            following = np.minimum(self.pins, many - 1)
            reach = self.free + self._legs_to_pins()[self.path[:, -1], following]
            good &= (self.pins >= many) | (reach <= self.graph.first[following])
        return good

    def _legs_to_pins(self) -> Whole:
        """From each node to each pin, FAR-like where there is no arc."""
        graph, many = self.graph, len(self.day.pins)
        legs = np.full((len(graph.node), many), 2**40, np.int64)
        at = np.repeat(np.arange(len(graph.node)), np.diff(graph.begin))
        pins = graph.to < many
        legs[at[pins], graph.to[pins]] = graph.leg[pins]
        return legs

    def _thin(self) -> None:
        """Drops what cannot come out below the wanted cost, and what another label is no worse than."""
        hope = self.cost + self.bound.at(self.free, self.path[:, -1])
        good = hope < self.below
        self._keep(good)
        if len(self.free) > 1 and self.path.shape[1] > 2:
            self._keep(self._undominated())
        most = self.most if self.path.shape[1] <= DEEP else min(self.most, DEEP_LABELS)
        if len(self.free) > most:
            self.exact = False
            hope = self.cost + self.bound.at(self.free, self.path[:, -1])
            self._keep(np.sort(np.argpartition(hope, most)[:most]))

    def _undominated(self) -> Whole:
        last = self.sign[self.path[:, -1]]
        key = self.set ^ (last << np.uint64(1))
        order = np.lexsort((self.cost, self.free, key))
        sorted_key, cost = key[order], self.cost[order]
        new = np.concatenate(([True], sorted_key[1:] != sorted_key[:-1]))
        # Later groups lie far below earlier ones, so that one running minimum serves them all.
        shifted = cost - 1e9 * np.cumsum(new)
        running = np.concatenate(([np.inf], np.minimum.accumulate(shifted)[:-1]))
        return np.sort(order[new | (shifted < running - 1e-9)])

    def _keep(self, which: Flags | Whole) -> None:
        self.path, self.kins = self.path[which], self.kins[which]
        self.free, self.cost = self.free[which], self.cost[which]
        self.busy, self.set, self.pins = self.busy[which], self.set[which], self.pins[which]


def _best(found: list[tuple[Whole, Seconds, NDArray[np.uint64]]], keep: int) -> tuple[Whole, Seconds]:
    if not found:
        return np.zeros((0, 1), np.int64), np.zeros(0)
    widest = max(paths.shape[1] for paths, _, _ in found)
    paths = np.full((sum(len(costs) for _, costs, _ in found), widest), NONE, np.int64)
    row = 0
    for level, costs, _ in found:
        paths[row : row + len(costs), : level.shape[1]] = level
        row += len(costs)
    total = np.concatenate([costs for _, costs, _ in found])
    order = np.argsort(total, kind="stable")[:keep]
    return paths[order], total[order]
