"""Invented addresses in Dallas-Fort Worth: real cities and ZIP codes, streets that do not exist there."""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class City(NamedTuple):
    """`latitude` and `longitude` are of its middle, in degrees; homes lie within `SPREAD` of it."""

    name: str
    latitude: float
    longitude: float
    zips: tuple[str, ...]
    weight: int


class Home(NamedTuple):
    address: str
    city: str
    postal_code: str
    latitude: float
    longitude: float


SPREAD = 0.03  # degrees: about 3 km, inside the limits of every city listed

CITIES = (
    City("Dallas", 32.815, -96.785, ("75204", "75206", "75214", "75218", "75228", "75231", "75243"), 22),
    City("Fort Worth", 32.735, -97.345, ("76104", "76107", "76109", "76110", "76116"), 15),
    City("Arlington", 32.715, -97.115, ("76010", "76012", "76013", "76015"), 8),
    City("Plano", 33.045, -96.740, ("75023", "75025", "75074", "75075"), 7),
    City("Irving", 32.845, -96.960, ("75038", "75060", "75061", "75062"), 7),
    City("Garland", 32.910, -96.635, ("75040", "75041", "75042", "75044"), 6),
    City("Frisco", 33.150, -96.825, ("75034", "75035"), 5),
    City("McKinney", 33.200, -96.645, ("75069", "75070", "75071"), 5),
    City("Denton", 33.215, -97.130, ("76201", "76205", "76209"), 4),
    City("Mesquite", 32.770, -96.610, ("75149", "75150"), 4),
    City("Grand Prairie", 32.735, -97.005, ("75050", "75051", "75052"), 4),
    City("Carrollton", 32.975, -96.900, ("75006", "75007", "75010"), 3),
    City("Richardson", 32.965, -96.715, ("75080", "75081", "75082"), 3),
    City("Lewisville", 33.045, -96.995, ("75057", "75067", "75077"), 3),
    City("Grapevine", 32.935, -97.080, ("76051",), 2),
    City("Southlake", 32.945, -97.135, ("76092",), 1),
    City("Euless", 32.840, -97.085, ("76039", "76040"), 1),
)
BY_NAME = {city.name: city for city in CITIES}

STREET_NAMES = (
    "Bluebonnet Hollow", "Pecan Lantern", "Mockingbird Ford", "Cedar Whistle", "Longhorn Meadow", "Paintbrush",
    "Red Oak Crossing", "Old Gin", "Sumac Bend", "Prairie Lark", "Mesquite Thicket", "Windmill Reach",
    "Copper Creek", "Cottonwood Rise", "Stonebridge Arbor", "Buffalo Grass", "Sweet Acacia", "Cotton Wagon",
    "Wild Plum", "Heron Landing", "Persimmon", "Juniper Gate", "Sycamore Glen", "Chisholm Spur", "Yaupon",
    "Sage Hollow", "Honeylocust", "Quail Covey", "Limestone Ledge", "Trinity Overlook",
)  # fmt: skip
STREET_KINDS = ("Ln", "Dr", "St", "Ct", "Trl", "Rd", "Way", "Ave")


def pick_city(random: Random) -> City:
    """A city, the larger the likelier."""
    return random.choices(CITIES, [city.weight for city in CITIES])[0]


def pick_home(random: Random, city: City) -> Home:
    """An address that nobody has, at a point inside the city."""
    street = f"{random.choice(STREET_NAMES)} {random.choice(STREET_KINDS)}"
    flat = f", Apt {random.randint(1, 4)}{random.randint(1, 28):02d}" if random.random() < 0.25 else ""
    return Home(
        address=f"{random.randint(101, 9899)} {street}{flat}",
        city=city.name,
        postal_code=random.choice(city.zips),
        latitude=round(city.latitude + random.uniform(-SPREAD, SPREAD), 5),
        longitude=round(city.longitude + random.uniform(-SPREAD, SPREAD), 5),
    )
