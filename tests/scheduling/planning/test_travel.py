"""Minutes somebody told us count where there are any, each in its own direction."""

from __future__ import annotations

import numpy as np
import pytest

from scheduling.planning.travel import (
    ESTIMATED,
    PARKING_MINUTES,
    Roads,
    drive_minutes,
    drives,
    point_of,
)

DALLAS, FORT_WORTH, PLANO = (32.7767, -96.7970), (32.7555, -97.3308), (33.0198, -96.6989)


def test_a_leg_that_was_told_counts_in_its_direction_with_parking():
    roads = Roads({(point_of(DALLAS), point_of(PLANO)): 31})
    assert roads(DALLAS, PLANO) == 31 + PARKING_MINUTES
    assert roads(PLANO, DALLAS) == drive_minutes(PLANO, DALLAS)


def test_nothing_is_driven_to_where_one_is():
    assert Roads({(point_of(DALLAS), point_of(DALLAS)): 9})(DALLAS, DALLAS) == 0


def test_a_place_is_known_to_the_metre():
    roads = Roads({(point_of(DALLAS), point_of(PLANO)): 31})
    near, off = (DALLAS[0] + 0.000_004, DALLAS[1]), (DALLAS[0] + 0.000_02, DALLAS[1])
    assert roads(near, PLANO) == 31 + PARKING_MINUTES
    assert roads(off, PLANO) == drive_minutes(off, PLANO)


@pytest.mark.parametrize("known", [{}, None])
def test_where_nobody_told_anything_every_drive_is_estimated(known):
    a, b = np.array([DALLAS, PLANO, DALLAS]), np.array([PLANO, FORT_WORTH, DALLAS])
    assert Roads(known).many(a, b).tolist() == ESTIMATED.many(a, b).tolist() == drives(a, b).tolist()


def test_many_pairs_are_those_of_one():
    rng = np.random.default_rng(11)
    places = np.round(rng.uniform((32.5, -97.5), (33.2, -96.4), size=(60, 2)), 5)
    pairs = rng.integers(0, 60, size=(700, 2))
    known = {
        (point_of(tuple(places[i].tolist())), point_of(tuple(places[j].tolist()))): int(rng.integers(1, 90))
        for i, j in pairs[:400].tolist()
    }
    roads = Roads(known)
    one_by_one = [roads(tuple(places[i].tolist()), tuple(places[j].tolist())) for i, j in pairs.tolist()]
    assert roads.many(places[pairs[:, 0]], places[pairs[:, 1]]).tolist() == one_by_one
    assert one_by_one != drives(places[pairs[:, 0]], places[pairs[:, 1]]).tolist()


def test_many_keeps_the_shape_it_is_asked_in():
    roads = Roads({(point_of(DALLAS), point_of(PLANO)): 31})
    grid = np.array([[DALLAS, PLANO], [PLANO, DALLAS]])
    assert roads.many(grid, np.broadcast_to(np.array(PLANO), grid.shape)).shape == (2, 2)
    assert roads.many(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0,)


def test_places_on_both_sides_of_every_meridian_are_kept_apart():
    far = [(89.99999, 179.99999), (-89.99999, -179.99999), (0.0, 0.0), (0.0, -0.00001), (-0.00001, 0.0)]
    pairs = [(a, b) for a in far for b in far if a != b]
    roads = Roads({(point_of(a), point_of(b)): n for n, (a, b) in enumerate(pairs)})
    a, b = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    assert roads.many(a, b).tolist() == [n + PARKING_MINUTES for n in range(len(pairs))]
