"""Several visits placed together: one time each, the most urgent served, the rest at the least cost. Pure.

Every option is good by itself; what makes it hard is that two may want the same nurse. Which options exclude
each other is worked out once, as bit masks, so that a choice is one operation. Parts of the problem that do
not touch are solved apart: small ones exactly (branch and bound), large ones by regret and then, a handful of
visits at a time, exactly again. The same input gives the same plan: no clock, no chance, a budget of nodes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduling.rules.eligibility import Drive, Place, Span, Stop

EXACT_WISHES, EXACT_OPTIONS = 12, 240  # a part no larger than this is solved exactly
BUDGET = 20_000  # nodes of one exact search; what is best by then stands
NEAR, NEAR_BUDGET = 7, 2_000  # a large part: visits freed beside one, and nodes each time
ROUNDS = 3
LATE_COUNTS = 20  # days left from which a visit is no less urgent

WHY_LEFT = {
    "NO_OPTION": "No nurse has a time for it",
    "NO_ROOM": "Its times have been taken meanwhile",
    "TIMES_GIVEN": "Every time that fits is needed for the other visits",
}


@dataclass(frozen=True, slots=True)
class Option:
    """A start (aware) with a nurse that breaks no rule by itself. `cost`: minutes of road it weighs; less is better."""

    nurse: int
    starts_at: datetime
    cost: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A visit to place: `weight` (1 or more) says how much it matters that it is placed at all."""

    key: int
    patient: int
    place: Place
    length: timedelta
    options: tuple[Option, ...]
    weight: int = 1

    @property
    def minutes(self) -> int:
        return int(self.length.total_seconds() // 60)


@dataclass(frozen=True, slots=True)
class Room:
    """A nurse's days as they stand, without the visits that are being placed."""

    zone: ZoneInfo
    day_limit_minutes: int
    stops: tuple[Stop, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Key -> its time, or the code of WHY_LEFT. `exact`: no other plan serves more, or the same for less."""

    chosen: Mapping[int, Option]
    left: Mapping[int, str]
    exact: bool


def assign(wishes: Sequence[Wish], rooms: Mapping[int, Room], drive: Drive, *, budget: int = BUDGET) -> Plan:
    """The plan of greatest weight and, of those, of least cost.

    What it chooses never overlaps, for a nurse or a patient; leaves the drive between any two visits of a nurse;
    and keeps each nurse's daily maximum. `rooms` has every nurse of the options (KeyError otherwise).
    """
    board = _Board(wishes, rooms, drive)
    choice: dict[int, int] = {}
    exact = True
    for rows in board.parts():
        found, sure = _solve(board, rows, budget)
        choice |= found
        exact = exact and sure
    chosen = {wishes[row].key: board.options[at] for row, at in sorted(choice.items())}
    left = {wish.key: board.why_left(row) for row, wish in enumerate(wishes) if row not in choice}
    return Plan(chosen, left, exact)


def urgency(days_left: int) -> int:
    """A weight for days until the latest date: one urgent visit counts for less than two others."""
    return 2 * LATE_COUNTS - min(max(days_left, 0), LATE_COUNTS - 1)


class _Board:
    """All options of all wishes in one row, wish by wish and cheapest first; sets of them are bits of a number."""

    def __init__(self, wishes: Sequence[Wish], rooms: Mapping[int, Room], drive: Drive) -> None:
        self.wishes, self.rooms, self.drive = wishes, rooms, drive
        self.roads: dict[tuple[Place, Place], int] = {}
        self.options: list[Option] = []
        self.owner: list[int] = []
        self.days: dict[tuple[int, int], int] = {}  # (nurse, day there) -> number
        self.day: list[int] = []
        self.left: list[int] = []  # by number of the nurse's day: minutes
        self.mask = [0] * len(wishes)
        for row, wish in enumerate(wishes):
            for option in sorted(wish.options, key=lambda x: (x.cost, x.starts_at, x.nurse)):
                self._add(row, option)
        self.of_day = [0] * len(self.left)
        for at, day in enumerate(self.day):
            self.of_day[day] |= 1 << at
        self.clash = [self.mask[row] for row in self.owner]
        self._exclude()

    def _add(self, row: int, option: Option) -> None:
        wish, room = self.wishes[row], self.rooms[option.nurse]
        day = self._day(option, room)
        if self.left[day] < wish.minutes or any(
            self._clash(span_of(wish, option), wish.place, stop.span, stop.place) for stop in room.stops
        ):
            return
        self.mask[row] |= 1 << len(self.options)
        self.options.append(option)
        self.owner.append(row)
        self.day.append(day)

    def _day(self, option: Option, room: Room) -> int:
        local = option.starts_at.astimezone(room.zone).toordinal()
        key = (option.nurse, local)
        if key not in self.days:
            booked = (x.span for x in room.stops if x.span.start.astimezone(room.zone).toordinal() == local)
            used = sum(int((span.end - span.start).total_seconds() // 60) for span in booked)
            self.days[key] = len(self.left)
            self.left.append(room.day_limit_minutes - used)
        return self.days[key]

    def _exclude(self) -> None:
        """Fill `clash`: pairs of one nurse without the time to drive between, and of one patient that overlap."""
        for group in _grouped(option.nurse for option in self.options):
            self._compare(group, road=True)
        for group in _grouped(self.wishes[row].patient for row in self.owner):
            self._compare(group, road=False)

    def _compare(self, group: Sequence[int], *, road: bool) -> None:
        for place, one in enumerate(group):
            for other in group[place + 1 :]:
                if self.owner[one] != self.owner[other] and self._exclusive(one, other, road=road):
                    self.clash[one] |= 1 << other
                    self.clash[other] |= 1 << one

    def _exclusive(self, one: int, other: int, *, road: bool) -> bool:
        first, second = self.wishes[self.owner[one]], self.wishes[self.owner[other]]
        a, b = span_of(first, self.options[one]), span_of(second, self.options[other])
        return self._clash(a, first.place, b, second.place) if road else a.overlaps(b)

    def _clash(self, a: Span, there: Place, b: Span, here: Place) -> bool:
        if a.overlaps(b):
            return True
        early, late = ((a, there), (b, here)) if a.end <= b.start else ((b, here), (a, there))
        gap = late[0].start - early[0].end
        return gap < timedelta(days=1) and gap < timedelta(minutes=self._road(early[1], late[1]))

    def _road(self, here: Place, there: Place) -> int:
        key = (here, there)
        if key not in self.roads:
            self.roads[key] = self.drive(here, there)
        return self.roads[key]

    def parts(self) -> list[list[int]]:
        """Rows that touch one another, directly or by way of others; the others can be solved apart."""
        leader = list(range(len(self.wishes)))

        def find(row: int) -> int:
            while leader[row] != row:
                row = leader[row]
            return row

        def join(rows: Iterable[int]) -> None:
            first, *others = rows
            for row in others:
                low, high = sorted((find(first), find(row)))
                leader[high] = low

        for at, row in enumerate(self.owner):
            join({row, *(self.owner[x] for x in bits(self.clash[at]))})
        for day, members in enumerate(self.of_day):
            rows = sorted({self.owner[at] for at in bits(members)})
            if sum(self.wishes[row].minutes for row in rows) > self.left[day]:
                join(rows)
        found: dict[int, list[int]] = defaultdict(list)
        for row in range(len(self.wishes)):
            found[find(row)].append(row)
        return list(found.values())

    def take(self, at: int, alive: int, left: Sequence[int]) -> tuple[int, list[int]]:
        """What stays possible once an option is chosen, and the minutes left of each nurse's day."""
        rest, day = list(left), self.day[at]
        rest[day] -= self.wishes[self.owner[at]].minutes
        alive &= ~self.clash[at]
        for other in bits(alive & self.of_day[day]):
            if self.wishes[self.owner[other]].minutes > rest[day]:
                alive &= ~(1 << other)
        return alive, rest

    def after(self, taken: Iterable[int]) -> tuple[int, list[int]]:
        """The same from the beginning, for several."""
        alive, left = (1 << len(self.options)) - 1, list(self.left)
        for at in taken:
            alive, left = self.take(at, alive, left)
        return alive, left

    def score(self, choice: Mapping[int, int]) -> tuple[int, int]:
        """Weight served, then what is saved: the greater the better."""
        served = sum(self.wishes[row].weight for row in choice)
        return served, -sum(self.options[at].cost for at in choice.values())

    def why_left(self, row: int) -> str:
        if not self.wishes[row].options:
            return "NO_OPTION"
        return "TIMES_GIVEN" if self.mask[row] else "NO_ROOM"


def span_of(wish: Wish, option: Option) -> Span:
    """When the visit would be."""
    return Span(option.starts_at, option.starts_at + wish.length)


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _grouped(values: Iterable[int]) -> list[list[int]]:
    """Positions of equal values together."""
    found: dict[int, list[int]] = defaultdict(list)
    for at, value in enumerate(values):
        found[value].append(at)
    return list(found.values())


def _solve(board: _Board, rows: Sequence[int], budget: int) -> tuple[dict[int, int], bool]:
    """Row -> option for one part, and whether it is the best there is."""
    known = _by_regret(board, rows)
    size = sum(board.mask[row].bit_count() for row in rows)
    if len(rows) <= EXACT_WISHES and size <= EXACT_OPTIONS:
        alive, left = board.after(())
        tree = _Tree(board, known, budget)
        tree.walk(rows, alive, left, {})
        if not tree.cut:
            return tree.best, True
        known = tree.best
    return _improved(board, rows, known), False


def _by_regret(board: _Board, rows: Sequence[int]) -> dict[int, int]:
    """First whoever would lose most by waiting: few options left, or a second best that is far worse."""
    alive, left = board.after(())
    waiting, choice = list(rows), {}
    while waiting:
        open_rows = [(row, alive & board.mask[row]) for row in waiting]
        open_rows = [(row, options) for row, options in open_rows if options]
        if not open_rows:
            break
        row, options = max(open_rows, key=lambda x: (_regret(board, x[1]), board.wishes[x[0]].weight, -x[0]))
        at = next(bits(options))
        choice[row] = at
        alive, left = board.take(at, alive, left)
        waiting.remove(row)
    return choice


def _regret(board: _Board, options: int) -> tuple[bool, int]:
    best, *others = (board.options[at].cost for at in bits(options))
    return not others, others[0] - best if others else 0


def _improved(board: _Board, rows: Sequence[int], known: dict[int, int]) -> dict[int, int]:
    """A large part, a neighbourhood at a time: the visits that stand in each other's way are placed anew."""
    near = {row: _nearest(board, row, rows) for row in rows}
    for _round in range(ROUNDS):
        before = known
        for row in rows:
            freed = near[row]
            kept = {other: at for other, at in known.items() if other not in freed}
            alive, left = board.after(kept.values())
            tree = _Tree(board, {other: at for other, at in known.items() if other in freed}, NEAR_BUDGET)
            tree.walk(sorted(freed), alive, left, {})
            known = kept | tree.best
        if known == before:
            break
    return known


def _nearest(board: _Board, row: int, rows: Sequence[int]) -> frozenset[int]:
    """The row and those whose options stand most in the way of its own."""
    ways: dict[int, int] = defaultdict(int)
    for at in bits(board.mask[row]):
        for other in bits(board.clash[at] & ~board.mask[row]):
            ways[board.owner[other]] += 1
    near = sorted((other for other in rows if ways.get(other)), key=lambda other: (-ways[other], other))
    return frozenset([row, *near[:NEAR]])


@dataclass
class _Tree:
    """Branch and bound over some rows. `best` is the best choice so far, `cut` whether the budget ended it."""

    board: _Board
    best: dict[int, int]
    budget: int
    cut: bool = False
    score: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.score = self.board.score(self.best)

    def walk(self, rows: Sequence[int], alive: int, left: Sequence[int], choice: dict[int, int]) -> None:
        """Try the rows still open, the one with the fewest options first, each time the cheapest first."""
        self.budget -= 1
        if self.budget < 0:
            self.cut = True
            return
        board = self.board
        live = [(row, options) for row in rows if (options := alive & board.mask[row])]
        served, saved = board.score(choice)
        # No plan from here serves more than all of these, nor for less than each one's cheapest.
        bound = (
            served + sum(board.wishes[row].weight for row, _options in live),
            saved - sum(board.options[next(bits(options))].cost for _row, options in live),
        )
        if bound <= self.score:
            return
        if not live:
            self.best, self.score = dict(choice), (served, saved)
            return
        row, options = min(live, key=lambda x: (x[1].bit_count(), -board.wishes[x[0]].weight, x[0]))
        others = [other for other, _options in live if other != row]
        for at in bits(options):
            choice[row] = at
            self.walk(others, *board.take(at, alive, left), choice)
            del choice[row]
        self.walk(others, alive, left, choice)
