"""Seconds at the wheel between the places of a problem, as one matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import asin, cos, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from scheduling.planning import travel
from scheduling.planning.routing.problem import STREETS, Place

EARTH_DIAMETER_KM = 12742
ROAD_FACTOR = 1.3
DOOR_SECONDS = 240  # out of the car and to the door, once a leg
STREET_KM, STREET_SECONDS_KM, HIGHWAY_SECONDS_KM = 8, 90, 45
ROWS = 256  # of the matrix at once: 2,200 places need some 40 MB for it and little beside

Seconds = NDArray[np.int64]


def matrix(places: Sequence[Place], *, kind: str, roads: Mapping[tuple[Place, Place], int]) -> Seconds:
    """(from, to) -> whole seconds; 0 for the same place. `roads` holds for its legs, in their direction."""
    points = np.array([(p.lat, p.lon) for p in places], np.float64).reshape(-1, 2)
    seconds = np.empty((len(points), len(points)), np.int64)
    legs = _streets if kind == STREETS else _door_to_door
    for row in range(0, len(points), ROWS):
        seconds[row : row + ROWS] = legs(points[row : row + ROWS], points)
    if roads:
        _told(seconds, places, roads)
    return seconds


def street_seconds(a: tuple[float, float], b: tuple[float, float]) -> int:
    """One leg of STREETS."""
    if a == b:
        return 0
    lat_a, lat_b = radians(a[0]), radians(b[0])
    h = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin(radians(b[1] - a[1]) / 2) ** 2
    km = ROAD_FACTOR * (EARTH_DIAMETER_KM * asin(sqrt(h)))
    street, highway = min(km, STREET_KM), max(km - STREET_KM, 0)
    return round(DOOR_SECONDS + street * STREET_SECONDS_KM + highway * HIGHWAY_SECONDS_KM)


def _streets(a: NDArray[np.float64], b: NDArray[np.float64]) -> Seconds:
    lat_a, lat_b = np.radians(a[:, 0])[:, None], np.radians(b[:, 0])[None]
    east = np.sin(np.radians(b[None, :, 1] - a[:, None, 1]) / 2) ** 2
    h = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * east
    km = ROAD_FACTOR * (EARTH_DIAMETER_KM * np.arcsin(np.sqrt(h)))
    exact = DOOR_SECONDS + np.minimum(km, STREET_KM) * STREET_SECONDS_KM
    exact += np.maximum(km - STREET_KM, 0) * HIGHWAY_SECONDS_KM
    seconds: Seconds = np.rint(exact).astype(np.int64)
    same = (a[:, None] == b[None]).all(axis=-1)
    seconds[same] = 0
    # The last digit of a sine differs between libraries; it matters only just beside half a second.
    near = (np.abs(exact - np.floor(exact) - 0.5) < 1e-6) & ~same
    for i, j in zip(*np.nonzero(near), strict=True):
        seconds[i, j] = street_seconds((float(a[i, 0]), float(a[i, 1])), (float(b[j, 0]), float(b[j, 1])))
    return seconds


def _door_to_door(a: NDArray[np.float64], b: NDArray[np.float64]) -> Seconds:
    shape = (len(a), len(b), 2)
    minutes = travel.drives(np.broadcast_to(a[:, None], shape), np.broadcast_to(b[None], shape))
    seconds: Seconds = minutes * 60
    return seconds


def _told(seconds: Seconds, places: Sequence[Place], roads: Mapping[tuple[Place, Place], int]) -> None:
    at: dict[Place, list[int]] = {}
    for index, place in enumerate(places):
        at.setdefault(place, []).append(index)
    for (start, end), told in roads.items():
        if start != end and start in at and end in at:
            seconds[np.ix_(at[start], at[end])] = told
