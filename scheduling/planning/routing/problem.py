"""The planning problem and its answer, as plain values. The JSON form of both is in docs/planner.md.

Times are whole seconds from an origin the caller chooses (the planning Monday 00:00), durations and drives whole
seconds, costs seconds at the wheel: a visit's `prize` is how much driving it is worth that it is served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

DAY = 86_400
STREETS = "streets"  # 240 s + 1.3 x haversine km: 90 s/km up to 8 km, 45 s/km beyond
DOOR_TO_DOOR = "door_to_door"  # planning.travel.drive_minutes, in seconds


class BadProblem(ValueError):
    """The problem contradicts itself or cannot be read. One line that names the row and the field."""


@dataclass(frozen=True, slots=True)
class Place:
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Shift:
    """One nurse on one day. She leaves home not before `start` and is back there by `end`.

    `spans` are when she may be at bedsides: a visit lies whole inside one of them (a break is what lies between
    two). `limit`: most seconds at bedsides. `skills`: hers on that day, where they differ from the nurse's.
    """

    day: int
    start: int
    end: int
    spans: tuple[tuple[int, int], ...] = ()  # () is ((start, end),)
    limit: int | None = None
    skills: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Nurse:
    """`target`: seconds away from home (drive, bedsides and waits between) in the whole period that are hers in
    fairness; each second beyond costs `Problem.fairness`."""

    id: str
    home: Place
    skills: frozenset[str]
    shifts: tuple[Shift, ...]  # at most one a day
    target: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The start of the visit lies in [first, last], both included, at `cost` seconds. A window lies in one day."""

    first: int
    last: int
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Pin:
    """Promised: exactly this nurse, day and start."""

    nurse: str
    day: int
    start: int


@dataclass(frozen=True, slots=True)
class Visit:
    """`patient`: visits of one patient are on different days. `course`: visits of one course are served all or none,
    on days that follow one another as their `course_day` (0, 1, ...) says. `nurses`: only these may come.
    `nurse_costs`: what each nurse costs; one who is not in it costs `other_nurse`."""

    id: str
    place: Place
    duration: int
    skills: frozenset[str]
    windows: tuple[Window, ...]
    prize: int
    pin: Pin | None = None
    patient: str | None = None
    course: str | None = None
    course_day: int = 0
    nurses: frozenset[str] | None = None
    nurse_costs: Mapping[str, int] = field(default_factory=dict)
    other_nurse: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """`step`: starts are multiples of it (seconds); pins are as they are. `course_change`: cost of each nurse of a
    course after the first one. `travel`: STREETS or DOOR_TO_DOOR; `roads` are legs somebody told, in their direction.
    """

    nurses: tuple[Nurse, ...]
    visits: tuple[Visit, ...]
    step: int = 1
    travel: str = STREETS
    roads: Mapping[tuple[Place, Place], int] = field(default_factory=dict)
    fairness: float = 0.0
    course_change: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    visit: str
    start: int


@dataclass(frozen=True, slots=True)
class Route:
    """One nurse's day: its stops in order. `leave` and `back`: from home and at home again."""

    nurse: str
    day: int
    stops: tuple[Stop, ...]
    leave: int
    back: int
    drive: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds. `windows`: of the chosen windows; `nurses`: continuity; `courses`: changes of nurse within one;
    `fairness`; `prizes`: of the visits left out."""

    drive: int = 0
    nurses: int = 0
    windows: int = 0
    courses: int = 0
    fairness: int = 0
    prizes: int = 0

    @property
    def total(self) -> int:
        return self.drive + self.nurses + self.windows + self.courses + self.fairness + self.prizes


@dataclass(frozen=True, slots=True)
class Plan:
    """`bound`: no plan costs less, where that could be had. `left`: ids of the visits not served."""

    routes: tuple[Route, ...]
    left: tuple[str, ...]
    cost: Cost
    bound: int | None = None
    iterations: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """The best so far. `seconds` since the beginning; `phase` one of first, search, recombine, improve, done."""

    seconds: float
    cost: int
    served: int
    bound: int | None
    phase: str


Told = Callable[[Progress], None]
Stopped = Callable[[], bool]  # True: the best so far is wanted now
