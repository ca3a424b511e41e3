from __future__ import annotations

import math
import random

import numpy as np

from scheduling.planning.routing.problem import DOOR_TO_DOOR, STREETS, Place
from scheduling.planning.routing.travel import matrix, street_seconds
from scheduling.planning.travel import drive_minutes


def told(a, b):
    """The formula of the published cases, as their generator has it."""
    p, q = math.radians(a[0]), math.radians(b[0])
    h = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    d = 1.3 * (12742 * math.asin(math.sqrt(h)))
    return 0 if a == b else round(240 + min(d, 8) * 90 + max(d - 8, 0) * 45)


def points(count):
    rng = random.Random(5)
    box = [(round(rng.uniform(32.55, 33.3), 5), round(rng.uniform(-97.6, -96.45), 5)) for _ in range(count)]
    return [*box, box[0]]  # one place twice


def test_streets_agree_with_the_formula_of_the_cases_to_the_second():
    places = points(120)
    found = matrix([Place(*p) for p in places], kind=STREETS, roads={})
    assert found.tolist() == [[told(a, b) for b in places] for a in places]
    assert street_seconds(places[1], places[2]) == told(places[1], places[2])


def test_half_a_second_is_rounded_as_one_leg_alone_is(monkeypatch):
    from scheduling.planning.routing import travel

    a, b = Place(33.0, -97.0), Place(33.0, -96.9)
    monkeypatch.setattr(travel, "street_seconds", lambda *_: 77)
    km = 1.3 * 12742 * math.asin(math.cos(math.radians(33)) * math.sin(math.radians(0.05)))
    monkeypatch.setattr(travel, "DOOR_SECONDS", 240.5 - (8 * 90 + (km - 8) * 45) % 1)
    assert matrix([a, b], kind=STREETS, roads={})[0, 1] == 77


def test_door_to_door_is_what_booking_reckons_with():
    places = points(12)
    found = matrix([Place(*p) for p in places], kind=DOOR_TO_DOOR, roads={})
    assert found.tolist() == [[drive_minutes(a, b) * 60 for b in places] for a in places]


def test_a_told_leg_counts_in_its_own_direction_and_never_between_equal_places():
    a, b = Place(33.0, -97.0), Place(33.1, -97.1)
    plain = matrix([a, b, a], kind=STREETS, roads={})
    found = matrix([a, b, a], kind=STREETS, roads={(a, b): 11, (a, a): 99})
    assert found[0, 1] == found[2, 1] == 11
    assert found[1, 0] == plain[1, 0]
    assert np.diag(found).tolist() == [0, 0, 0] and found[0, 2] == 0
