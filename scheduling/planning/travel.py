"""Minutes on the road between two places, when no map is at hand."""

from __future__ import annotations

from math import asin, ceil, cos, radians, sin, sqrt

EARTH_KM = 6371.0
ROAD_FACTOR = 1.3  # roads are this much longer than the straight line in a US metropolitan grid
SPEED_KM_H = 50.0  # door to door, city and highway mixed
PARKING_MINUTES = 5  # find the door, at every stop

Place = tuple[float, float]  # latitude, longitude in degrees


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
