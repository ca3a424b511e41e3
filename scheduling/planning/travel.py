"""Minutes on the road between two places: estimated, or from a table of what a travel service told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from math import asin, ceil, cos, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

EARTH_KM = 6371.0
ROAD_FACTOR = 1.3  # roads are this much longer than the straight line in a US metropolitan grid
SPEED_KM_H = 50.0  # door to door, city and highway mixed
PARKING_MINUTES = 5  # find the door, at every stop

TURN = 2**27  # more than any longitude times 10^5, twice

Place = tuple[float, float]  # latitude, longitude in degrees
Point = tuple[int, int]  # the same times 10^5, rounded: about a metre
Places = NDArray[np.float64]  # (..., 2): the same, many at once
Minutes = NDArray[np.int64]


def road_km(a: Place, b: Place) -> float:
    """Kilometres by road, estimated: great-circle distance times ROAD_FACTOR."""
    lat1, lon1, lat2, lon2 = map(radians, (*a, *b))
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(h)) * ROAD_FACTOR


def drive_minutes(a: Place, b: Place) -> int:
    """Whole minutes from door to door, rounded up; 0 for the same place."""
    if a == b:
        return 0
    return ceil(road_km(a, b) / SPEED_KM_H * 60) + PARKING_MINUTES


def drives(a: Places, b: Places) -> Minutes:
    """`drive_minutes` for many pairs at once, to the minute the same; arrays of (latitude, longitude) rows."""
    rad_a, rad_b = np.radians(a), np.radians(b)
    half = np.sin((rad_b - rad_a) / 2) ** 2
    h = half[..., 0] + np.cos(rad_a[..., 0]) * np.cos(rad_b[..., 0]) * half[..., 1]
    driven = 2 * EARTH_KM * np.arcsin(np.sqrt(h)) * ROAD_FACTOR / SPEED_KM_H * 60
    minutes: Minutes = np.ceil(driven).astype(np.int64) + PARKING_MINUTES
    same = np.all(a == b, axis=-1)
    minutes[same] = 0
    # The last digit of a sine differs between libraries; it matters only just beside a whole minute.
    for at in zip(*np.nonzero((np.abs(driven - np.rint(driven)) < 1e-6) & ~same), strict=True):
        (from_lat, from_lon), (to_lat, to_lon) = a[at].tolist(), b[at].tolist()
        minutes[at] = drive_minutes((from_lat, from_lon), (to_lat, to_lon))
    return minutes


class Roads:
    """Minutes from door to door: of the legs somebody told us, theirs and the parking; else `drive_minutes`.

    Called with two places it is the `Drive` the rules ask for. `known` is (from, to) -> minutes without
    parking, places as `point_of` has them. A leg counts in its own direction only.
    """

    def __init__(self, known: Mapping[tuple[Point, Point], int] | None = None) -> None:
        self.known = dict(known or {})

    def __call__(self, a: Place, b: Place) -> int:
        if a == b:
            return 0
        told = self.known.get((point_of(a), point_of(b))) if self.known else None
        return drive_minutes(a, b) if told is None else told + PARKING_MINUTES

    def many(self, a: Places, b: Places) -> Minutes:
        """The same for many pairs at once, to the minute; arrays of (latitude, longitude) rows."""
        minutes = drives(a, b)
        if not self.known or not minutes.size:
            return minutes
        points, legs, told = self._table
        at_a, known_a = _find(points, _codes(a))
        at_b, known_b = _find(points, _codes(b))
        at, known = _find(legs, at_a * len(points) + at_b)
        elsewhere = np.any(a != b, axis=-1)
        found: Minutes = np.where(known & known_a & known_b & elsewhere, told[at] + PARKING_MINUTES, minutes)
        return found

    @property
    def arrays(self) -> Callable[[Places, Places], Minutes]:
        """`many`; `drives` itself when nothing is known, which a search knows to be the same both ways."""
        return self.many if self.known else drives

    @cached_property
    def _table(self) -> tuple[Minutes, Minutes, Minutes]:
        """All points as one number each, sorted; the legs between them the same way; their minutes."""
        ends = np.array([[*a, *b] for a, b in self.known], np.int64).reshape(-1, 2, 2)
        points, index = np.unique(ends[..., 0] * TURN + ends[..., 1], return_inverse=True)
        pair = index.reshape(-1, 2)
        legs = pair[:, 0] * len(points) + pair[:, 1]
        order = np.argsort(legs)
        return points, legs[order], np.array(list(self.known.values()), np.int64)[order]


ESTIMATED = Roads()  # nobody told us anything


def point_of(place: Place) -> Point:
    """Latitude and longitude in degrees times 10^5, rounded: about a metre."""
    return round(place[0] * 100_000), round(place[1] * 100_000)


def _codes(places: Places) -> Minutes:
    points = np.rint(places * 100_000).astype(np.int64)
    codes: Minutes = points[..., 0] * TURN + points[..., 1]
    return codes


def _find(sorted_values: Minutes, wanted: Minutes) -> tuple[Minutes, NDArray[np.bool_]]:
    """Where each wanted value stands, and whether it is there at all."""
    at = np.minimum(np.searchsorted(sorted_values, wanted), len(sorted_values) - 1)
    there: NDArray[np.bool_] = sorted_values[at] == wanted
    return at, there
