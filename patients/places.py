"""Centres of the cities in our area, for addresses whose exact place nobody has entered yet."""

from __future__ import annotations

from patients.names import folded

# Latitude and longitude in degrees of each city's middle; good enough to plan a drive, not to find a door.
CENTRES: dict[str, tuple[float, float]] = {
    "addison": (32.961, -96.838),
    "allen": (33.103, -96.671),
    "arlington": (32.736, -97.108),
    "bedford": (32.844, -97.143),
    "burleson": (32.542, -97.321),
    "carrollton": (32.976, -96.890),
    "cedar hill": (32.588, -96.956),
    "coppell": (32.955, -97.015),
    "dallas": (32.777, -96.797),
    "denton": (33.215, -97.133),
    "desoto": (32.590, -96.857),
    "duncanville": (32.652, -96.908),
    "euless": (32.837, -97.082),
    "farmers branch": (32.926, -96.896),
    "flower mound": (33.015, -97.097),
    "fort worth": (32.756, -97.331),
    "frisco": (33.151, -96.824),
    "garland": (32.913, -96.639),
    "grand prairie": (32.746, -96.998),
    "grapevine": (32.934, -97.078),
    "haltom city": (32.800, -97.269),
    "hurst": (32.823, -97.170),
    "irving": (32.814, -96.949),
    "keller": (32.935, -97.252),
    "lancaster": (32.592, -96.756),
    "lewisville": (33.046, -96.994),
    "mansfield": (32.563, -97.142),
    "mckinney": (33.198, -96.615),
    "mesquite": (32.767, -96.599),
    "north richland hills": (32.834, -97.229),
    "plano": (33.020, -96.699),
    "richardson": (32.948, -96.730),
    "rockwall": (32.931, -96.460),
    "rowlett": (32.903, -96.564),
    "southlake": (32.941, -97.134),
    "the colony": (33.089, -96.886),
    "university park": (32.850, -96.800),
    "waxahachie": (32.387, -96.848),
    "wylie": (33.015, -96.539),
}


def centre_of(city: str, state: str) -> tuple[float, float] | None:
    """The middle of a city of our area, whatever the case of its name; None for one we do not know."""
    return CENTRES.get(folded(city)) if state.strip().upper() == "TX" else None
