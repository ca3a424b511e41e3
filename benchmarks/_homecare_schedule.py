"""Routes of caregivers and the earliest starts they allow, with both services of a double one in step.

Every rule says "this starts so many minutes after that at the soonest" and lateness only ever costs, so the earliest
starts are the best ones: one pass finds them, and a service put in between pushes only what really has to wait.
"""

from __future__ import annotations

from bisect import insort
from math import inf

from benchmarks._homecare_instance import NOBODY, Instance

NOT_YET = -1.0
PUSHES = 40  # for each service: more than that is two routes that wait for each other


# Where a service could go: what it costs there at the very least (in thirds of a minute), its detour, when it could
# start there, the caregiver, and the stops before and after. A plain tuple: they are made by the hundred thousand.
Place = tuple[float, float, float, int, int, int]


class Schedule:
    """`behind[s]` and `ahead[s]`: the service after and before `s` on its route, or the office. `first[c]`: the
    first stop of a caregiver's route. `start[s]`: minutes, NOT_YET when not placed. Costs here are thirds: distance
    and tardiness as they are."""

    __slots__ = (
        "ahead",
        "behind",
        "distance",
        "first",
        "instance",
        "late",
        "latest",
        "room",
        "stale",
        "start",
        "who",
    )

    def __init__(self, instance: Instance) -> None:
        office = instance.office
        self.instance = instance
        self.first = [office] * len(instance.caregivers)
        self.behind, self.ahead = [office] * office, [office] * office
        self.start, self.who = [NOT_YET] * office, [NOBODY] * office
        self.distance = self.late = self.latest = 0.0
        self.room: list[list[float]] = [[] for _ in range(office)]
        self.stale = set(range(len(instance.caregivers)))

    def copy(self) -> Schedule:
        twin = Schedule.__new__(Schedule)
        twin.instance = self.instance
        twin.first, twin.behind, twin.ahead = self.first[:], self.behind[:], self.ahead[:]
        twin.start, twin.who = self.start[:], self.who[:]
        twin.room, twin.stale = self.room[:], self.stale.copy()
        twin.distance, twin.late, twin.latest = self.distance, self.late, self.latest
        return twin

    @property
    def cost(self) -> float:
        return (self.distance + self.late + self.latest) / 3

    def route(self, who: int) -> list[int]:
        office, stops, at = self.instance.office, [], self.first[who]
        while at != office:
            stops.append(at)
            at = self.behind[at]
        return stops

    def take_out(self, patient: int) -> None:
        """Starts are as they were until `settle`."""
        drive, office = self.instance.drive, self.instance.office
        for service in self.instance.services[patient]:
            before, after, who = self.ahead[service], self.behind[service], self.who[service]
            if before == office:
                self.first[who] = after
            else:
                self.behind[before] = after
            if after != office:
                self.ahead[after] = before
            self.distance += drive[before][after] - drive[before][service] - drive[service][after]
            self.start[service], self.who[service] = NOT_YET, NOBODY

    def put_in(self, service: int, place: Place) -> None:
        """Starts are the caller's to set."""
        office = self.instance.office
        _, detour, _, who, before, after = place
        if before == office:
            self.first[who] = service
        else:
            self.behind[before] = service
        if after != office:
            self.ahead[after] = service
        self.ahead[service], self.behind[service], self.who[service] = before, after, who
        self.distance += detour

    def tails(self) -> list[list[float]]:
        """For each service: how long it can be put off before it, or one behind it on its route, is (more) late.

        Sorted. Who knows only the route and not the partners puts off by d, and adds d - room where that is positive.
        """
        instance, start, room = self.instance, self.start, self.room
        for who in self.stale:
            known: list[float] = []
            after = instance.office
            for s in reversed(self.route(who)):
                if after != instance.office:
                    wait = start[after] - start[s] - instance.leg[s][after]
                    known = [gap + wait for gap in known] if wait > 0 else known[:]
                early = instance.closes[s] - start[s]
                insort(known, early if early > 0 else 0.0)
                room[s] = known
                after = s
        self.stale.clear()
        return room

    def settle(self) -> bool:
        """The earliest starts of everybody, and what lateness comes to. False where routes wait for each other."""
        instance, start, ahead = self.instance, self.start, self.ahead
        office, leg, opens, partner, lag = (
            instance.office, instance.leg, instance.opens, instance.partner, instance.lag,
        )  # fmt: skip
        order = sorted([s for s in range(office) if start[s] >= 0], key=start.__getitem__)
        for s in order:
            start[s] = opens[s]
        moved: dict[int, float] = {}
        for s in order:
            before = ahead[s]
            soonest = leg[office][s] if before == office else start[before] + leg[before][s]
            if (with_it := partner[s]) != NOBODY and start[with_it] + lag[with_it] > soonest:
                soonest = start[with_it] + lag[with_it]
            if soonest > start[s] and self.push([(s, soonest)], inf, moved) == inf:
                return False
            for late in moved:
                start[late] = moved[late]
            moved.clear()
        self.late, self.latest = 0.0, 0.0
        self.stale = set(range(len(self.first)))
        for s in order:
            if (late := start[s] - instance.closes[s]) > 0:
                self.late += late
                if late > self.latest:
                    self.latest = late
        return True

    def push(self, pushed: list[tuple[int, float]], most: float, moved: dict[int, float]) -> float:
        """What tardiness is added when these start no sooner than so; `moved` gets the new starts of all it delays.

        Infinite when it is more than `most`, or when somebody would wait for herself.
        """
        instance, start, behind = self.instance, self.start, self.behind
        office, leg, closes, partner, lag = (
            instance.office, instance.leg, instance.closes, instance.partner, instance.lag,
        )  # fmt: skip
        added, left = 0.0, PUSHES * office
        while pushed:
            s, soonest = pushed.pop()
            was = moved.get(s)
            if was is None:
                was = start[s]
            if soonest <= was:
                continue
            left -= 1
            moved[s] = soonest
            if soonest > closes[s]:
                added += soonest - (was if was > closes[s] else closes[s])
            if added > most or not left:
                return inf
            after = behind[s]
            if after != office and soonest + leg[s][after] > start[after]:
                pushed.append((after, soonest + leg[s][after]))
            with_it = partner[s]
            if with_it != NOBODY and soonest + lag[s] > start[with_it]:
                pushed.append((with_it, soonest + lag[s]))
        return added
