"""The picture of a day's route: true to the map behind it, and nothing asked of anybody before a person asks."""

from __future__ import annotations

import re
from math import cos, hypot, radians
from xml.etree import ElementTree

from scheduling.drawing_map import Frame, Stop, route

SVG = "{http://www.w3.org/2000/svg}"
HOME = Stop(32.7767, -96.7970, "", "Home")
FAR = Stop(32.7555, -97.3308, "1", "Fort Worth", "next", 45)
NORTH = Stop(33.0198, -96.6989, "2", "Plano", "next", 40)
TILES = "https://tiles.example/{z}/{x}/{y}.png?a=1&b=2"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def numbers(element, *names) -> list[float]:
    return [float(element.get(name)) for name in names]


def test_without_tiles_the_picture_names_no_address():
    svg = route([HOME, FAR, NORTH, HOME], label="Route")
    assert "http" not in svg
    assert "<image" not in svg


def test_tiles_cover_the_whole_picture_side_by_side_and_lie_behind_it():
    svg = route([HOME, FAR, NORTH], label="Route", width=480, height=340, tiles=TILES)
    tree = parsed(svg)
    images = list(tree.iter(f"{SVG}image"))
    assert 4 <= len(images) <= 60
    boxes = [numbers(image, "x", "y", "width", "height") for image in images]
    assert min(x for x, *_ in boxes) <= 0
    assert min(y for _x, y, *_ in boxes) <= 0
    assert max(x + w for x, _y, w, _h in boxes) >= 480
    assert max(y + h for _x, y, _w, h in boxes) >= 340
    assert all(128 <= w <= 257 for _x, _y, w, _h in boxes)
    assert all(
        re.fullmatch(r"https://tiles\.example/\d+/\d+/\d+\.png\?a=1&b=2", i.get("href")) for i in images
    )
    assert svg.index("<image") < svg.index("route-leg")


def test_a_stop_stands_on_the_tile_that_holds_its_street():
    """Fort Worth's stop in tile 10/235/413: by the formula of the tiles, worked out by hand for zoom 10."""
    tree = parsed(route([HOME, FAR], label="Route", width=480, height=340, tiles=TILES))
    circle = next(tree.iter(f"{SVG}circle"))
    x, y = numbers(circle, "cx", "cy")
    for image in tree.iter(f"{SVG}image"):
        left, top, width, height = numbers(image, "x", "y", "width", "height")
        if left <= x < left + width and top <= y < top + height:
            z, column, row = map(int, re.search(r"/(\d+)/(\d+)/(\d+)\.png", image.get("href")).groups())
            shift = z - 10
            assert (column >> shift, row >> shift) == (235, 413)
            return
    raise AssertionError("no tile under the stop")


def test_the_scale_bar_is_as_long_as_its_miles():
    stops = [
        HOME,
        Stop(HOME.latitude, HOME.longitude + 10 / (69.172 * cos(radians(HOME.latitude))), "1", "Ten"),
    ]
    tree = parsed(route(stops, label="Route", width=480, height=340))
    home, ten = next(tree.iter(f"{SVG}rect")), next(tree.iter(f"{SVG}circle"))
    bar = next(line for line in tree.iter(f"{SVG}line") if line.get("class") == "route-scale")
    (mark,) = [float(t.text.split()[0]) for t in tree.iter(f"{SVG}text") if (t.text or "").endswith(" mi")]
    (x1, x2), (left, right) = numbers(bar, "x1", "x2"), (float(home.get("x")) + 7, float(ten.get("cx")))
    assert abs((x2 - x1) / mark - (right - left) / 10) < 0.5


def test_two_homes_of_one_street_are_not_looked_at_with_a_lens():
    next_door = Stop(HOME.latitude + 0.0001, HOME.longitude, "1", "Next door")
    frame = Frame.around([HOME.place, next_door.place], 360, 190)
    (x1, y1), (x2, y2) = frame.at(HOME.place), frame.at(next_door.place)
    assert hypot(x1 - x2, y1 - y2) < 5
    assert parsed(route([HOME], label="One")) is not None


def test_the_road_is_drawn_as_it_was_told_instead_of_straight_lines():
    bends = [HOME.place, (32.9, -97.6), FAR.place, NORTH.place, HOME.place]
    svg = route([HOME, FAR, NORTH], label="Route", back_minutes=44, line=bends)
    (road,) = (path.get("d") for path in parsed(svg).iter(f"{SVG}path"))
    assert road.count("L") == 4
    assert all(0 <= float(v) <= 360 for v in re.findall(r"(-?[\d.]+) ", road))
    assert "44 min" in svg


def test_the_way_home_leads_back_to_the_one_home():
    tree = parsed(route([HOME, FAR, NORTH], label="Route", width=480, height=340, back_minutes=27))
    assert len([path for path in tree.iter(f"{SVG}path") if "route-leg" in path.get("class")]) == 3
    assert len(list(tree.iter(f"{SVG}rect"))) == 1
    assert "27 min" in [text.text for text in tree.iter(f"{SVG}text")]
