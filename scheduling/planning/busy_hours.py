"""The road by the hour: how long a drive takes when it must arrive, or may leave, at a given moment. Pure.

Booking keeps room for the busy hour all day (`travel.drive_minutes`); a route says when to leave, and by then the
hour is known. It never asks for more than booking kept. What a travel service told is taken as told, at every hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from math import ceil
from typing import Protocol
from zoneinfo import ZoneInfo

from scheduling.planning.travel import (
    PARKING_MINUTES,
    SPEED_KM_H,
    Place,
    Point,
    drive_minutes,
    point_of,
    road_km,
)

# House assumption: outside the busy hours a metropolitan drive is a fifth faster, door to door. The Urban Mobility
# Report (Texas A&M Transportation Institute) puts the busy hour of large US areas at 1.2 to 1.4 of the free road;
# this is the careful end of it. A holiday on a weekday counts as busy: too early is the safe side.
FREE_KM_H = 60.0
BUSY = ((time(7), time(9)), (time(16), time(18, 30)))  # of a weekday, on the nurse's wall; the ends are free
EDGES = tuple(edge for band in BUSY for edge in band)


@dataclass(frozen=True, slots=True)
class Leg:
    """One drive: whole minutes from door to door, parking included, rounded up; metres; told by a travel service."""

    minutes: int
    metres: int
    told: bool = False


class RoadAt(Protocol):
    """The drive between two places by the hour. `zone` is the driver's: whose wall says what is a busy hour."""

    def __call__(self, a: Place, b: Place, arrive_by: datetime, zone: ZoneInfo) -> Leg:
        """The drive that is at the door of `b` at `arrive_by`."""
        ...

    def leaving(self, a: Place, b: Place, leave_at: datetime, zone: ZoneInfo) -> Leg:
        """The drive that begins at `leave_at`."""
        ...


@dataclass(frozen=True)
class HourlyRoads:
    """`known` is (from, to) -> minutes without parking and metres, as a travel service told them."""

    known: Mapping[tuple[Point, Point], tuple[int, int]] = field(default_factory=dict)

    def __call__(self, a: Place, b: Place, arrive_by: datetime, zone: ZoneInfo) -> Leg:
        return self._leg(a, b, arrive_by, zone, back=True)

    def leaving(self, a: Place, b: Place, leave_at: datetime, zone: ZoneInfo) -> Leg:
        return self._leg(a, b, leave_at, zone, back=False)

    def _leg(self, a: Place, b: Place, at: datetime, zone: ZoneInfo, *, back: bool) -> Leg:
        if a == b:
            return Leg(0, 0, told=True)
        told = self.known.get((point_of(a), point_of(b))) if self.known else None
        if told is not None:
            return Leg(told[0] + PARKING_MINUTES, told[1], told=True)
        km = road_km(a, b)
        # The door is looked for at the end of the drive, at no speed.
        wheels_at = at - timedelta(minutes=PARKING_MINUTES) if back else at
        minutes = ceil(round(minutes_on_road(km, wheels_at, zone, back=back), 6)) + PARKING_MINUTES
        return Leg(min(minutes, drive_minutes(a, b)), round(km * 1000))


ESTIMATED = HourlyRoads()  # nobody told us anything


def minutes_on_road(km: float, at: datetime, zone: ZoneInfo, *, back: bool) -> float:
    """Minutes at the wheel for `km` that end at `at` (`back`) or begin there, hour by hour.

    Each stretch between two edges of BUSY is driven at its own speed, so a drive that leaves later never arrives
    earlier. Elapsed time is counted in UTC: a change of the clocks moves the edges, not the length of the drive.
    """
    left, minutes = km, 0.0
    for until, speed in _stretches(at.astimezone(UTC), zone, back=back):
        span = abs((until - at).total_seconds()) / 60 - minutes
        needed = left / speed * 60
        if needed <= span:
            return minutes + needed
        left, minutes = left - span * speed / 60, minutes + span
    raise AssertionError("the stretches of the road do not end")


def _stretches(at: datetime, zone: ZoneInfo, *, back: bool) -> Iterator[tuple[datetime, float]]:
    """From `at` on, or backwards: where each stretch of one speed ends, and the speed in it. Without end."""
    step = timedelta(days=-1 if back else 1)
    day = at.astimezone(zone).date()
    while True:
        walls = [datetime.combine(day, edge, zone).astimezone(UTC) for edge in (time(0), *EDGES)]
        walls.append(datetime.combine(day + timedelta(days=1), time(0), zone).astimezone(UTC))
        stretches = [
            (first, last, SPEED_KM_H if number % 2 and day.weekday() < 5 else FREE_KM_H)
            for number, (first, last) in enumerate(pairwise(walls))
        ]
        for first, last, speed in reversed(stretches) if back else stretches:
            if (first < at) if back else (at < last):
                yield (first if back else last), speed
        day += step
