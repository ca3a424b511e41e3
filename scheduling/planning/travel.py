"""Minutes on the road between two places, when no map is at hand."""

from __future__ import annotations

from math import asin, ceil, cos, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

EARTH_KM = 6371.0
ROAD_FACTOR = 1.3  # roads are this much longer than the straight line in a US metropolitan grid
SPEED_KM_H = 50.0  # door to door, city and highway mixed
PARKING_MINUTES = 5  # find the door, at every stop

Place = tuple[float, float]  # latitude, longitude in degrees
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
