"""Ruin and recreate: patients near each other leave their routes and come back where they cost least.

Slack induction by string removals (Christiaens and Vanden Berghe, Transportation Science 2020), with places for two
services at once where a patient has two. Worse schedules are accepted less and less (simulated annealing).
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log
from random import Random

from benchmarks._homecare_instance import NOBODY, Instance
from benchmarks._homecare_schedule import NOT_YET, Place, Schedule

TAKEN, LONGEST = 16.0, 10  # patients taken out on average; longest string
BLINK, TRIES = 0.01, 20
WARM, COLD = 0.01, 0.0001  # first and last temperature, of the first schedule's cost

Order = Callable[[int], float]


class Search:
    def __init__(self, instance: Instance, seed: int) -> None:
        self.instance, self.random = instance, Random(seed)
        firsts = [services[0] for services in instance.services]
        self.near = [
            sorted(range(len(firsts)), key=lambda other, of=of: instance.drive[firsts[of]][firsts[other]])
            for of in range(len(firsts))
        ]
        self.orders = self._orders(firsts)

    def _orders(self, firsts: list[int]) -> list[Order]:
        """In which order patients come back."""
        instance, office = self.instance, self.instance.office
        shuffle = lambda _: self.random.random()  # noqa: E731
        return [
            shuffle,
            lambda patient: -len(instance.services[patient]) + self.random.random(),
            lambda patient: instance.opens[firsts[patient]],
            lambda patient: -instance.drive[office][firsts[patient]],
            lambda patient: (
                min(len(instance.able[s]) for s in instance.services[patient]) + self.random.random()
            ),
        ]

    def first(self) -> Schedule:
        """Everybody put in, the double ones first and then by their windows. ValueError: somebody has no place."""
        instance = self.instance
        order = sorted(
            range(len(instance.services)),
            key=lambda p: (-len(instance.services[p]), instance.opens[instance.services[p][0]]),
        )
        for _ in range(TRIES):
            made = Schedule(instance)
            if self.come_back(made, order, inf):
                return made
        raise ValueError(f"no schedule serves everybody, or {TRIES} tries met none")

    def step(self, now: Schedule, most: float) -> Schedule | None:
        """A neighbour of `now`, or None when it would cost `most` or more."""
        made = now.copy()
        gone = self.ruin(made)
        if not made.settle():
            return None
        order = self.random.choices(self.orders, (4, 4, 2, 1, 2))[0]
        gone.sort(key=order)
        return made if self.come_back(made, gone, most) else None

    def ruin(self, made: Schedule) -> list[int]:
        """Takes strings of neighbouring stops out of routes near one patient; says whose."""
        random, instance = self.random, self.instance
        lengths = [0] * len(made.first)
        for who in made.who:
            lengths[who] += 1
        used = [n for n in lengths if n]
        longest = min(LONGEST, sum(used) / len(used))
        strings = int(random.uniform(1, 4 * TAKEN / (1 + longest)))
        touched: set[int] = set()
        gone: list[int] = []
        for patient in self.near[random.randrange(len(self.near))]:
            services = instance.services[patient]
            s = services[0] if len(services) == 1 else random.choice(services)
            who = made.who[s]
            if who == NOBODY or who in touched:
                continue
            route = made.route(who)
            many = int(random.uniform(1, min(longest, len(route)) + 1))
            at = route.index(s)
            begin = random.randint(max(0, at - many + 1), min(at, len(route) - many))
            for stop in route[begin : begin + many]:
                made.take_out(instance.patient[stop])
                gone.append(instance.patient[stop])
            touched.add(who)
            if len(touched) >= strings:
                break
        return gone

    def come_back(self, made: Schedule, gone: list[int], most: float) -> bool:
        """Each where it costs least now. False when somebody has no place, or it comes to `most`."""
        for patient in gone:
            services = self.instance.services[patient]
            left = 3 * (most - made.cost)
            if left <= 0 or not (self.alone if len(services) == 1 else self.together)(made, services, left):
                return False
        return True

    def places(self, made: Schedule, s: int, most: float) -> list[Place]:
        """Those that may cost less than `most`, cheapest first."""
        instance, start, behind = self.instance, made.start, made.behind
        office, leg, drive = instance.office, instance.leg, instance.drive
        opens, closes = instance.opens[s], instance.closes[s]
        after_it, way, room = leg[s], drive[s], made.tails()
        found = []
        for who in instance.able[s]:
            before, after, ready = office, made.first[who], 0.0
            while True:
                soonest = ready + leg[before][s]
                if soonest < opens:
                    soonest = opens
                detour = least = drive[before][s] + way[after] - drive[before][after]
                if soonest > closes:
                    least += soonest - closes
                    if soonest - closes >= most:
                        break
                if after != office and (late := soonest + after_it[after] - start[after]) > 0:
                    for gap in room[after]:
                        if gap >= late:
                            break
                        least += late - gap
                if least < most:
                    found.append((least, detour, soonest, who, before, after))
                if after == office:
                    break
                before, after, ready = after, behind[after], start[after]
        found.sort()
        return found

    def alone(self, made: Schedule, services: tuple[int, ...], most: float) -> bool:
        (s,) = services
        best, chosen, moves = most, None, {}
        for place in self.places(made, s, most):
            if place[0] >= best:
                break
            if self.random.random() < BLINK:
                continue
            moved: dict[int, float] = {}
            cost = self.effect(made, ((s, place, place[2]),), best, moved)
            if cost < best:
                best, chosen, moves = cost, place, moved
        if chosen is None:
            return False
        made.put_in(s, chosen)
        self.keep(made, moves)
        return True

    def together(self, made: Schedule, services: tuple[int, ...], most: float) -> bool:
        one, other = services
        to_other, to_one = self.instance.lag[one], self.instance.lag[other]
        best, chosen, moves = most, None, {}
        firsts = self.places(made, one, most)
        seconds = self.places(made, other, most - firsts[0][0]) if firsts else []
        for here in firsts:
            if not seconds or here[0] + seconds[0][0] >= best:
                break
            for there in seconds:
                if here[0] + there[0] >= best:
                    break
                if here[3] == there[3] or self.random.random() < BLINK:
                    continue
                second = max(there[2], here[2] + to_other)
                first = max(here[2], second + to_one)
                if self.least(made, one, here, first) + self.least(made, other, there, second) >= best:
                    continue
                moved: dict[int, float] = {}
                cost = self.effect(made, ((one, here, first), (other, there, second)), best, moved)
                if cost < best:
                    best, chosen, moves = cost, (here, there), moved
        if chosen is None:
            return False
        made.put_in(one, chosen[0])
        made.put_in(other, chosen[1])
        self.keep(made, moves)
        return True

    def least(self, made: Schedule, s: int, place: Place, at: float) -> float:
        """What a place costs at the very least when its partner has put the start off until `at`."""
        least, detour, soonest, _, _, after = place
        if at <= soonest:
            return least
        least = detour + max(0.0, at - self.instance.closes[s])
        if after == self.instance.office:
            return least
        late = at + self.instance.leg[s][after] - made.start[after]
        for gap in made.room[after]:
            if gap >= late:
                break
            least += late - gap
        return least

    def effect(
        self, made: Schedule, put: tuple[tuple[int, Place, float], ...], most: float, moved: dict[int, float]
    ) -> float:
        """What it adds in thirds to put these services there; infinite when that is more than `most`."""
        instance, start, behind, office = self.instance, made.start, made.behind, self.instance.office
        pushed, added = [], 0.0
        for s, (_, detour, _, _, before, after), at in put:
            start[s] = moved[s] = at
            behind[s] = after
            if before != office:
                behind[before] = s
            added += detour + max(0.0, at - instance.closes[s])
            if after != office:
                pushed.append((after, at + instance.leg[s][after]))
        cost = added + made.push(pushed, most - added, moved) if added < most else inf
        for s, (_, _, _, _, before, after), _ in put:
            start[s] = NOT_YET
            if before != office:
                behind[before] = after
        if cost < inf and (latest := max(moved[s] - instance.closes[s] for s in moved)) > made.latest:
            cost += latest - made.latest
        return cost

    def keep(self, made: Schedule, moved: dict[int, float]) -> None:
        """These start then. Who was not placed before was not late."""
        closes, start = self.instance.closes, made.start
        for s, at in moved.items():
            late = at - closes[s]
            if late > 0:
                made.late += late - max(0.0, start[s] - closes[s])
                if late > made.latest:
                    made.latest = late
            start[s] = at
            made.stale.add(made.who[s])


def anneal(instance: Instance, *, seed: int, progress: Callable[[int], float]) -> Schedule:
    """The best schedule met until `progress` (of the steps done) says 1 or more."""
    search = Search(instance, seed)
    now = best = search.first()
    warm, cool = WARM * now.cost, log(COLD / WARM)
    done = 0
    while (part := progress(done)) < 1:
        heat = warm * exp(cool * part)
        made = search.step(now, now.cost - heat * log(1 - search.random.random()))
        done += 1
        if made is None:
            continue
        now = made
        if now.cost < best.cost - 1e-9:
            best = now
    return best
