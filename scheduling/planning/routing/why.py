"""Why a visit of a proposal is where it is, why another has no place, and what would help that one.

All of it is said of the proposal as it stands: nothing else moves, but for stops that longer hours let begin later.
Pure; the same proposal gives the same words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scheduling.planning.routing.gaps import NO_LIMIT, NOT, Desk, Flags, Gaps, Whole
from scheduling.planning.routing.problem import DAY, Plan, Problem, Visit, Window
from scheduling.planning.routing.pushed import longer

NOBODY_MAY = "NOBODY_MAY"  # no nurse has the skills, or may come, on any of its days
NOBODY_WORKS = "NOBODY_WORKS"  # those who may have no hours at its times
TOO_LONG = "TOO_LONG"  # with the ways there and back it fits into nobody's empty day
NO_ROOM = "NO_ROOM"  # what is pinned leaves no gap for it
SAME_DAY = "SAME_DAY"  # the patient has another visit on each day that has a gap
COURSE = "COURSE"  # its own days would fit; those of its course do not together
TIMES_GIVEN = "TIMES_GIVEN"  # beside the pinned visits it fits; others have its times
DEAR = "DEAR"  # it fits even now, and costs more than leaving it out
BY_ITSELF = (NOBODY_MAY, NOBODY_WORKS, TOO_LONG, NO_ROOM, SAME_DAY)

LONGEST = 2 * 3_600  # more of a nurse's hours than this is no help
QUARTER = 900  # in which hours are lengthened
OTHER_DAY_COSTS, SKILL_COSTS = 2 * 3_600, DAY  # beside hours, in seconds: only to say the easy first
HELPS = 3

Help = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """`helps`, the easiest first, each of: ("LONGER", nurse, day, "until" or "from", time) · ("LIMIT", nurse, day,
    seconds more at bedsides) · ("OTHER_DAY", day) · ("SKILL", skill, nurse, day) · ("INSTEAD", nurse, day, visit).
    """

    code: str
    helps: tuple[Help, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """Seconds. `added`: of drive, compared with the day without it. `nurses_able`: who have the skills, may come and
    work on that day. `next_best`: what another nurse or day would cost more (less, when negative); None without one.
    """

    drive_to: int
    added: int
    nurse_cost: int
    window_cost: int
    nurses_able: int
    next_best: int | None


def explain(problem: Problem, plan: Plan) -> dict[str, Left]:
    """Why each visit that is left has no place."""
    desk = _Reasons(problem, plan)
    left = [desk.number[name] for name in plan.left]
    found = {v: desk.own(v) for v in left}
    courses: dict[str, list[int]] = defaultdict(list)
    for v in left:
        if (course := problem.visits[v].course) is not None:
            courses[course].append(v)
    for members in courses.values():
        found |= desk.course(members, found)
    return {problem.visits[v].id: Left(code, desk.helps(v, code)) for v, code in found.items()}


def placed(problem: Problem, plan: Plan) -> dict[str, Placed]:
    """What each visit that has a place costs there. For one of a course other days do not count."""
    desk = _Reasons(problem, plan)
    return {problem.visits[v].id: desk.placed(v) for v in sorted(desk.served)}


def _days(visit: Visit) -> set[int]:
    return {window.first // DAY for window in visit.windows}


class _Reasons(Desk):
    def __init__(self, problem: Problem, plan: Plan) -> None:
        super().__init__(problem, plan)
        self.now = self.gaps(self.routes)
        self.beside_pins = self.gaps(self.promised())
        self.empty = self.gaps({})
        self.taken_out = self.swaps()

    # --- Why left --------------------------------------------------------------------------

    def own(self, v: int) -> str:
        """Its code, whatever comes of its course."""
        visit = self.problem.visits[v]
        may = self.lacking(v) == 0
        if not (may & np.isin(self.day, list(_days(visit)))).any():
            return NOBODY_WORKS if self._somebody_else(visit) else NOBODY_MAY
        if not self._works(visit, may):
            return NOBODY_WORKS
        if not self.days_that_fit(self.empty, v):
            return TOO_LONG
        if not (days := self.days_that_fit(self.beside_pins, v)):
            return NO_ROOM
        if not days - self.busy_days(v):
            return SAME_DAY
        return DEAR if self.days_that_fit(self.now, v) - self.busy_days(v) else TIMES_GIVEN

    def _somebody_else(self, visit: Visit) -> bool:
        """Whether a nurse who has no shift on its days could come if she had one."""
        days = _days(visit)
        return any(
            visit.skills <= nurse.skills and not any(shift.day in days for shift in nurse.shifts)
            for nurse in self.problem.nurses
            if visit.nurses is None or nurse.id in visit.nurses
        )

    def _works(self, visit: Visit, may: Flags) -> bool:
        """Whether one of its starts is inside the hours of somebody who may."""
        gaps = self.empty
        able = may[gaps.shift]
        return any(bool((able & (gaps.low <= w.last) & (w.first < gaps.high)).any()) for w in visit.windows)

    def days_that_fit(self, gaps: Gaps, v: int) -> set[int]:
        among = (self.lacking(v) == 0)[gaps.shift]
        fits = self.costs(gaps, v, self.problem.visits[v].windows, among) < NOT
        return set(self.day[gaps.shift[fits]].tolist())

    def course(self, members: Sequence[int], own: Mapping[int, str]) -> dict[int, str]:
        """The codes of a course's visits: what stands against one stands against all."""
        if any(own[v] in BY_ITSELF for v in members):
            return {v: own[v] if own[v] in BY_ITSELF else COURSE for v in members}
        if not self._first_days(members, self.beside_pins):
            return dict.fromkeys(members, COURSE)
        return dict.fromkeys(members, DEAR if self._first_days(members, self.now) else TIMES_GIVEN)

    def _first_days(self, members: Collection[int], gaps: Gaps, without: int = -1) -> set[int] | None:
        """First days on which each visit of a course, and those pinned, has a gap; None when any day would do."""
        visits = self.problem.visits
        found: set[int] | None = None
        course = visits[next(iter(members))].course
        for visit in visits:
            if visit.course == course and visit.pin is not None:
                found = {visit.pin.day - visit.course_day}
        for v in members:
            if v == without:
                continue
            fits = {day - visits[v].course_day for day in self.days_that_fit(gaps, v) - self.busy_days(v)}
            found = fits if found is None else found & fits
        return found

    # --- What would help -------------------------------------------------------------------

    def helps(self, v: int, code: str) -> tuple[Help, ...]:
        if code in (COURSE, DEAR):
            return ()
        visit = self.problem.visits[v]
        busy, firsts = self.busy_days(v), self._days_of_the_others(v)
        windows = [
            window
            for window in visit.windows
            if (day := window.first // DAY) not in busy
            and (firsts is None or day - visit.course_day in firsts)
        ]
        offers = [
            *self._longer(v, windows),
            *self._limit(v, windows),
            *self._skill(v, windows),
            *self._instead(v, windows),
        ]
        if visit.course is None:
            offers += self._other_day(v, busy)
        return tuple(help_ for _price, help_ in sorted(offers, key=lambda x: (x[0], str(x[1])))[:HELPS])

    def _days_of_the_others(self, v: int) -> set[int] | None:
        """First days of its course on which the others of it have gaps now; None when any day would do."""
        course = self.problem.visits[v].course
        if course is None:
            return None
        visits = enumerate(self.problem.visits)
        return self._first_days(
            [w for w, x in visits if x.course == course and x.pin is None], self.now, without=v
        )

    def _longer(self, v: int, windows: Sequence[Window]) -> Iterator[tuple[int, Help]]:
        """The least that hours must be longer, at their end or at their beginning."""
        gaps = self.now
        able = (self.lacking(v) == 0)[gaps.shift] & self.room(gaps, v)
        ways = [
            (way, more)
            for window in windows
            for way, more in (("until", self._later(v, window)), ("from", self._sooner(v, window)))
        ]
        found = [
            (way, _least(np.where(able & (more > 0) & (more <= LONGEST), more, NOT))) for way, more in ways
        ]
        possible = [(least[1], way, int(gaps.shift[least[0]])) for way, least in found if least]
        possible += [(more, "until", s) for more, s in self._pushed(v, windows)]
        if possible:
            seconds, way, s = min(possible)
            shift, quarters = self.shifts[s], -(-seconds // QUARTER) * QUARTER
            spans = shift.spans or ((shift.start, shift.end),)
            at = spans[-1][1] + quarters if way == "until" else spans[0][0] - quarters
            yield seconds, ("LONGER", self._name(s), shift.day, way, at)

    def _pushed(self, v: int, windows: Sequence[Window]) -> Iterator[tuple[int, int]]:
        """The same where what follows it that day is moved back: seconds and shift."""
        able = (self.lacking(v) == 0) & np.isin(self.day, [window.first // DAY for window in windows])
        for s in np.nonzero(able)[0].tolist():
            busy = sum(int(self.duration[w]) for w, _start in self.routes.get(s, ()))
            if busy + self.duration[v] > self.limit[s]:
                continue
            for window in windows:
                if window.first // DAY == self.day[s] and (more := longer(self, s, v, window, LONGEST)):
                    yield more, s

    def _later(self, v: int, window: Window) -> Whole:
        """By how much her hours, and her day with them, must end later; NOT where that does not help."""
        gaps, start = self.now, self.earliest(self.now, v, window)
        end = start + self.duration[v]
        more = np.maximum(end - gaps.high, end + self.seconds[v, gaps.after] - gaps.by)
        return np.where(gaps.closes & (start <= window.last), more, NOT)

    def _sooner(self, v: int, window: Window) -> Whole:
        """By how much they must begin sooner."""
        gaps, start = self.now, self.latest(self.now, v, window)
        more = np.maximum(gaps.low, gaps.free + self.seconds[gaps.before, v]) - start
        on_the_day = start // DAY == self.day[gaps.shift]
        return np.where(gaps.opens & on_the_day & (start >= window.first), more, NOT)

    def _limit(self, v: int, windows: Sequence[Window]) -> Iterator[tuple[int, Help]]:
        gaps = self.now
        more = gaps.busy + self.duration[v] - self.limit[gaps.shift]
        among = (self.lacking(v) == 0)[gaps.shift] & (more > 0)
        endless = replace(gaps, busy=np.full_like(gaps.busy, -NO_LIMIT))
        fits = self.costs(endless, v, windows, among) < NOT
        if least := _least(np.where(fits, more, NOT)):
            yield least[1], ("LIMIT", *self._who(gaps, least[0]), least[1])

    def _other_day(self, v: int, busy: Collection[int]) -> Iterator[tuple[int, Help]]:
        visit = self.problem.visits[v]
        own, able = _days(visit) | set(busy), (self.lacking(v) == 0)[self.now.shift]
        moved = [
            Window(w.first + way * DAY, w.last + way * DAY, w.cost)
            for w in visit.windows
            for way in (-1, 1)
            if w.first // DAY + way not in own and w.first + way * DAY >= 0
        ]
        costs = self.costs(self.now, v, moved, able)
        if row := _least(costs):
            yield OTHER_DAY_COSTS, ("OTHER_DAY", int(self.day[self.now.shift[row[0]]]))

    def _skill(self, v: int, windows: Sequence[Window]) -> Iterator[tuple[int, Help]]:
        gaps = self.now
        costs = self.costs(gaps, v, windows, (self.lacking(v) == 1)[gaps.shift])
        if row := _least(costs):
            s = int(gaps.shift[row[0]])
            shift, nurse = self.shifts[s], self.problem.nurses[int(self.nurse[s])]
            skills = nurse.skills if shift.skills is None else shift.skills
            (skill,) = self.problem.visits[v].skills - skills
            yield SKILL_COSTS, ("SKILL", skill, nurse.id, shift.day)

    def _instead(self, v: int, windows: Sequence[Window]) -> Iterator[tuple[int, Help]]:
        gaps = self.taken_out
        worth = self.prize[gaps.gone] if len(gaps.gone) else gaps.gone
        among = (self.lacking(v) == 0)[gaps.shift] & (worth < self.prize[v])
        costs = self.costs(gaps, v, windows, among)
        if row := _least(np.where(costs < NOT, worth, NOT)):
            yield (
                int(worth[row[0]]),
                ("INSTEAD", *self._who(gaps, row[0]), self.problem.visits[gaps.gone[row[0]]].id),
            )

    def _who(self, gaps: Gaps, row: int) -> tuple[str, int]:
        s = int(gaps.shift[row])
        return self._name(s), int(self.day[s])

    def _name(self, s: int) -> str:
        return self.problem.nurses[int(self.nurse[s])].id

    # --- Why there -------------------------------------------------------------------------

    def placed(self, v: int) -> Placed:
        s, start = self.served[v]
        visit, stops, home = self.problem.visits[v], self.routes[s], len(self.duration) + int(self.nurse[s])
        k = next(k for k, stop in enumerate(stops) if stop[0] == v)
        before = stops[k - 1][0] if k else home
        after = stops[k + 1][0] if k + 1 < len(stops) else home
        to, on = int(self.seconds[before, v]), int(self.seconds[v, after])
        able = self.lacking(v) == 0
        nurse_cost = int(self.nurse_costs(v)[self.nurse[s]])
        window_cost = min((w.cost for w in visit.windows if w.first <= start <= w.last), default=0)
        there = 0 if before == after else int(self.seconds[before, after])
        here = to + on - there + nurse_cost + window_cost
        return Placed(
            drive_to=to,
            added=to + on - there,
            nurse_cost=nurse_cost,
            window_cost=window_cost,
            nurses_able=len(set(self.nurse[able & (self.day == self.day[s])].tolist())),
            next_best=self._next_best(v, s, able, here),
        )

    def _next_best(self, v: int, s: int, able: Flags, here: int) -> int | None:
        visit, gaps = self.problem.visits[v], self.now
        if visit.pin is not None:
            return None
        elsewhere = able & (np.arange(len(able)) != s) & ~np.isin(self.day, list(self.busy_days(v)))
        if visit.course is not None:
            elsewhere &= self.day == self.day[s]
        row = _least(self.costs(gaps, v, visit.windows, elsewhere[gaps.shift]))
        return row[1] - here if row else None


def _least(costs: Whole) -> tuple[int, int] | None:
    """Row and value of the least that is possible at all."""
    if not len(costs):
        return None
    row = int(costs.argmin())
    return (row, int(costs[row])) if costs[row] < NOT else None
