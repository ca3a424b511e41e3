"""The problem as arrays: for each nurse-day, which visits may start when. What cannot be is gone from here on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scheduling.planning.routing import travel
from scheduling.planning.routing.problem import DAY, BadProblem, Nurse, Problem, Shift, Visit

Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_LIMIT = 2**40
SIGNS = 12_345  # any fixed number


@dataclass(frozen=True, slots=True)
class Day:
    """One nurse on one day. The arrays are its nodes: a visit in one of its windows within one span.

    `first`, `last`: the least and greatest start that keeps the window, the span, the step and the shift (with the
    ways from and to home). `kin`: two nodes of one kin cannot be in one route: the same visit, or the same patient.
    `pins`: nodes that every route of this day has, in their order.
    """

    nurse: int
    day: int
    start: int
    end: int
    limit: int
    home: int  # row of `Table.travel`
    visit: Whole
    first: Whole
    last: Whole
    cost: Whole  # of the window
    kin: Whole
    pins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """`visits` are served all or none, each as many days after the first day as its offset says.

    Pinned ones are not among them: those are served whatever comes of the others, but they settle the first day.
    """

    visits: tuple[int, ...]
    offsets: tuple[int, ...]
    first_days: tuple[int, ...]  # on which every visit has a node
    everyone: tuple[int, ...]  # the pinned visits, too


@dataclass(frozen=True, slots=True)
class Table:
    """`travel`: seconds between places; visit v is row v, nurse n row V + n. `nurse_cost`: (nurse, visit), with a
    column of zeros at V. `patient`: of each visit, -1 where it has no other visit in the problem."""

    problem: Problem
    days: tuple[Day, ...]
    travel: Whole
    duration: Whole
    prize: Whole
    pinned: Flags
    nurse_cost: Whole
    patient: Whole
    course: Whole  # of each visit, or -1
    courses: tuple[Course, ...]
    target: Whole  # of each nurse; NO_LIMIT where she has none
    signs: NDArray[np.uint64]  # a random number for each kin: their sum stands for a set of stops

    @property
    def visits(self) -> int:
        return len(self.duration)


def table(problem: Problem) -> Table:
    """Raises BadProblem where pins contradict the rules or one another."""
    visits, nurses = problem.visits, problem.nurses
    places = [v.place for v in visits] + [n.home for n in nurses]
    seconds = travel.matrix(places, kind=problem.travel, roads=problem.roads)
    patients = _patients(visits)
    builder = _Builder(problem, seconds, patients)
    days = tuple(
        builder.day(index, nurse, shift) for index, nurse in enumerate(nurses) for shift in nurse.shifts
    )
    builder.all_pins_are_placed()
    course = np.full(len(visits), -1, np.int64)
    courses = _courses(visits, days)
    for index, members in enumerate(courses):
        course[list(members.everyone)] = index
    return Table(
        problem=problem,
        days=days,
        travel=seconds,
        duration=builder.duration,
        prize=np.array([v.prize for v in visits], np.int64),
        pinned=builder.pinned,
        nurse_cost=_nurse_costs(problem),
        patient=patients,
        course=course,
        courses=courses,
        target=np.array([NO_LIMIT if n.target is None else n.target for n in nurses], np.int64),
        signs=np.random.default_rng(SIGNS).integers(0, 2**63, 2 * len(visits) + 1, dtype=np.uint64),
    )


class _Builder:
    """Builds nurse-days from rows of windows that all of them share."""

    def __init__(self, problem: Problem, seconds: Whole, patients: Whole) -> None:
        self.problem, self.travel, self.patients = problem, seconds, patients
        visits = problem.visits
        self.duration = np.array([v.duration for v in visits], np.int64)
        self.pinned = np.array([v.pin is not None for v in visits], bool)
        rows = [
            (index, w.first, w.last, w.cost)
            for index, visit in enumerate(visits)
            if visit.pin is None
            for w in visit.windows
        ]
        self.of, self.first, self.last, self.cost = np.array(rows, np.int64).reshape(-1, 4).T.copy()
        self.needs = sorted({v.skills for v in visits}, key=sorted)
        at = {needs: index for index, needs in enumerate(self.needs)}
        self.need = np.array([at[v.skills] for v in visits], np.int64)
        self.only: dict[str, Flags] = {}
        self.pins: dict[tuple[str, int], list[int]] = defaultdict(list)
        for index, visit in enumerate(visits):
            if visit.pin is not None:
                self.pins[visit.pin.nurse, visit.pin.day].append(index)
        self.taken = _pinned_days(visits, patients)

    def day(self, index: int, nurse: Nurse, shift: Shift) -> Day:
        """The nodes of one nurse-day; its pins are checked here."""
        home = len(self.problem.visits) + index
        pins = self.pins.pop((nurse.id, shift.day), [])
        pins.sort(key=lambda v: (self._start(v), v))
        self._check_pins(nurse, shift, home, pins)
        may = self._may(nurse, shift)
        blocked = self.taken.get(shift.day)
        if blocked is not None:
            may = may & ~np.isin(self.patients, blocked)
        found = [self._nodes(shift, home, may, span) for span in shift.spans or ((shift.start, shift.end),)]
        visit, first, last, cost = (np.concatenate(column) for column in zip(*found, strict=True))
        fixed = np.array(pins, np.int64)
        starts = np.array([self._start(v) for v in pins], np.int64)
        charged = np.array([self._pin_cost(v) for v in pins], np.int64)
        patient = self.patients[visit]
        return Day(
            nurse=index,
            day=shift.day,
            start=shift.start,
            end=shift.end,
            limit=NO_LIMIT if shift.limit is None else shift.limit,
            home=home,
            visit=np.concatenate((fixed, visit)),
            first=np.concatenate((starts, first)),
            last=np.concatenate((starts, last)),
            cost=np.concatenate((charged, cost)),
            kin=np.concatenate((fixed, np.where(patient >= 0, len(self.duration) + patient, visit))),
            pins=tuple(range(len(pins))),
        )

    def all_pins_are_placed(self) -> None:
        for (nurse, day), pins in self.pins.items():
            visit = self.problem.visits[pins[0]].id
            raise BadProblem(f"visit {visit}: pinned to nurse {nurse} on day {day}, when she has no shift")

    def _nodes(self, shift: Shift, home: int, may: Flags, span: tuple[int, int]) -> tuple[Whole, ...]:
        step, of = self.problem.step, self.of
        first = np.maximum(self.first, max(span[0], shift.start, shift.day * DAY))
        first = np.maximum(first, shift.start + self.travel[home, of])
        last = np.minimum(self.last, min(span[1], shift.end) - self.duration[of])
        last = np.minimum(last, (shift.day + 1) * DAY - 1)
        last = np.minimum(last, shift.end - self.travel[of, home] - self.duration[of])
        first, last = -(-first // step) * step, last // step * step
        limit = NO_LIMIT if shift.limit is None else shift.limit
        kept = (first <= last) & may[of] & (self.duration[of] <= limit)
        return of[kept], first[kept], last[kept], self.cost[kept]

    def _may(self, nurse: Nurse, shift: Shift) -> Flags:
        """Which visits her skills and their wishes allow on this day."""
        skills = nurse.skills if shift.skills is None else shift.skills
        able = np.array([needs <= skills for needs in self.needs], bool)
        if nurse.id not in self.only:
            self.only[nurse.id] = np.array(
                [v.nurses is None or nurse.id in v.nurses for v in self.problem.visits], bool
            )
        if not len(able):
            return self.only[nurse.id]
        return able[self.need] & self.only[nurse.id]

    def _start(self, visit: int) -> int:
        pin = self.problem.visits[visit].pin
        assert pin is not None
        return pin.start

    def _pin_cost(self, visit: int) -> int:
        """Of the cheapest window its start lies in."""
        start = self._start(visit)
        fits = [w.cost for w in self.problem.visits[visit].windows if w.first <= start <= w.last]
        return min(fits, default=0)

    def _check_pins(self, nurse: Nurse, shift: Shift, home: int, pins: list[int]) -> None:
        visits, at, leave = self.problem.visits, home, shift.start
        may = self._may(nurse, shift)
        for v in pins:
            start, name = (
                self._start(v),
                f"visit {visits[v].id}: pinned to nurse {nurse.id} on day {shift.day}",
            )
            end = start + int(self.duration[v])
            if not may[v]:
                raise BadProblem(f"{name}, who may not serve it")
            if not any(w.first <= start <= w.last for w in visits[v].windows):
                raise BadProblem(f"{name} at {start}, outside its windows")
            if start // DAY != shift.day:
                raise BadProblem(f"{name} at {start}, which is not on that day")
            if not any(a <= start and end <= b for a, b in shift.spans or ((shift.start, shift.end),)):
                raise BadProblem(f"{name} at {start}, when she is not to be at a bedside")
            if leave + int(self.travel[at, v]) > start:
                before = "home" if at == home else f"visit {visits[at].id}"
                raise BadProblem(f"{name} at {start}, too early to come there from {before}")
            at, leave = v, end
        if pins and leave + int(self.travel[at, home]) > shift.end:
            raise BadProblem(
                f"visit {visits[at].id}: pinned to nurse {nurse.id}, who is home too late after it"
            )
        if shift.limit is not None and sum(int(self.duration[v]) for v in pins) > shift.limit:
            raise BadProblem(
                f"visit {visits[at].id}: pinned to nurse {nurse.id}, beyond her limit on that day"
            )


def _patients(visits: tuple[Visit, ...]) -> Whole:
    """A number for each patient with several visits."""
    counts = Counter(v.patient for v in visits if v.patient is not None)
    numbers = {patient: index for index, patient in enumerate(counts)}
    return np.array(
        [numbers[v.patient] if v.patient is not None and counts[v.patient] > 1 else -1 for v in visits],
        np.int64,
    )


def _pinned_days(visits: tuple[Visit, ...], patients: Whole) -> dict[int, Whole]:
    """Day -> patients promised a visit on it: nothing else of theirs may be there. Raises where two overlap."""
    days: dict[int, set[int]] = defaultdict(set)
    spans: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for visit, patient in zip(visits, patients.tolist(), strict=True):
        if visit.pin is not None and patient >= 0:
            days[visit.pin.day].add(patient)
            spans[patient].append((visit.pin.start, visit.pin.start + visit.duration, visit.id))
    for rows in spans.values():
        rows.sort()
        for (_, end, one), (start, _, other) in pairwise(rows):
            if start < end:
                raise BadProblem(f"visits {one} and {other}: pinned to overlap, with the same patient")
    return {day: np.array(sorted(found), np.int64) for day, found in days.items()}


def _courses(visits: tuple[Visit, ...], days: tuple[Day, ...]) -> tuple[Course, ...]:
    members: dict[str, list[int]] = defaultdict(list)
    for index, visit in enumerate(visits):
        if visit.course is not None:
            members[visit.course].append(index)
    if not members:
        return ()
    possible: dict[int, set[int]] = defaultdict(set)  # visit -> days on which somebody could come
    for day in days:
        for v in set(day.visit.tolist()):
            possible[v].add(day.day)
    return tuple(_course(name, rows, visits, possible) for name, rows in members.items())


def _course(
    name: str, rows: list[int], visits: tuple[Visit, ...], possible: Mapping[int, set[int]]
) -> Course:
    promised = {v: pin.day - visits[v].course_day for v in rows if (pin := visits[v].pin) is not None}
    if len(set(promised.values())) > 1:
        names = ", ".join(visits[v].id for v in promised)
        raise BadProblem(f"visits {names}: pinned to days that course {name} does not have")
    free = tuple(v for v in rows if v not in promised)
    offsets = tuple(visits[v].course_day for v in free)
    firsts = set(promised.values())
    for v, offset in zip(free, offsets, strict=True):
        days = {day - offset for day in possible[v]}
        firsts = firsts & days if firsts or v != free[0] else days
    return Course(free, offsets, tuple(sorted(firsts)), tuple(rows))


def _nurse_costs(problem: Problem) -> Whole:
    at = {nurse.id: index for index, nurse in enumerate(problem.nurses)}
    costs = np.zeros((len(problem.nurses), len(problem.visits) + 1), np.int64)
    for index, visit in enumerate(problem.visits):
        costs[:, index] = visit.other_nurse
        for nurse, cost in visit.nurse_costs.items():
            if nurse in at:
                costs[at[nurse], index] = cost
    return costs
