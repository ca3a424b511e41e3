"""The route of a nurse's day as a picture: home, stops in order, minutes of the road, and a map behind on demand.

As in scheduling.drawing the picture is one SVG element as text, escaped; places are attributes, colours are classes of
the stylesheet. North is up; the projection is Web Mercator, the one map tiles are cut in. Nothing here reads a clock,
a database or the network: a tile is only named, and fetched by the browser of somebody who asked for the map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import asinh, atan2, ceil, cos, floor, hypot, log2, pi, radians, sin, tan

EQUATOR_MILES = 24_901.0
TILE, MOST_ZOOM = 256, 18
TOUCHING = 27  # of two stops, centre to centre
CLOSEST = 250.0  # units of the picture for a mile: two houses of one street need no closer look
Place = tuple[float, float]  # latitude, longitude
Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Stop:
    """A place on a nurse's day. `state` is past, now or next; `drive_minutes` is the road to it."""

    latitude: float
    longitude: float
    label: str  # "1", "2"; empty for home, which is drawn as a square
    title: str
    state: str = "next"
    drive_minutes: int | None = None

    @property
    def place(self) -> Place:
        return self.latitude, self.longitude


@dataclass(frozen=True)
class Frame:
    """Places to points of a picture: north up, all of them inside the margins."""

    width: int
    height: int
    units: float  # of the picture for the whole world around
    left: float  # of the picture, in units of the world
    top: float

    @classmethod
    def around(cls, places: Sequence[Place], width: int, height: int) -> Frame:
        """The closest look that shows every place, with room for marks, the north arrow and the scale bar."""
        xs, ys = zip(*(_world(place) for place in places), strict=True)
        spread_x, spread_y = max(xs) - min(xs), max(ys) - min(ys)
        units = min((width - 72) / (spread_x or 1e-6), (height - 86) / (spread_y or 1e-6))
        units = min(units, CLOSEST * _miles_around(places[0][0]))
        middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
        above = 30 + (height - 86) / 2  # the scale bar needs more room below than the arrow above
        return cls(width, height, units, middle_x * units - width / 2, middle_y * units - above)

    def at(self, place: Place) -> Point:
        x, y = _world(place)
        return x * self.units - self.left, y * self.units - self.top


def route(
    stops: Sequence[Stop],
    *,
    label: str,
    minutes_word: str = "min",
    width: int = 360,
    height: int = 190,
    back_minutes: int | None = None,
    line: Sequence[Place] = (),
    tiles: str = "",
) -> str:
    """Stops in order with drive minutes and a scale bar in miles.

    `back_minutes`: the drive from the last stop to the first, home; None draws none. `line`: the road of the whole day
    as places; without it the legs are straight. `tiles`: the address of map tiles with {z}, {x} and {y}; "": no map.
    """
    frame = Frame.around([stop.place for stop in stops] + list(line), width, height)
    points = _apart([frame.at(stop.place) for stop in stops], width, height)
    parts = [_map(frame, tiles)] if tiles else []
    parts.append(f'<text class="soft" x="{width - 30}" y="16" aria-hidden="true">N ↑</text>')
    if line:
        parts.append(f'<path class="route-road" d="{_path([frame.at(place) for place in line])}"/>')
    parts += _legs(stops, points, back_minutes, minutes_word, straight=not line)
    parts += [_stop(stop, x, y) for stop, (x, y) in zip(stops, points, strict=True)]
    parts.append(_scale_bar(frame, stops[0].latitude))
    kind = "route route-map" if tiles else "route"
    return (
        f'<svg class="{kind}" role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}">'
        f"{''.join(parts)}</svg>"
    )


def _legs(
    stops: Sequence[Stop], points: Sequence[Point], back_minutes: int | None, word: str, *, straight: bool
) -> list[str]:
    """The drives: a line each where they are `straight`, and the minutes of those that have room for them."""
    legs = [(at + 1, stop.state != "next", stop.drive_minutes) for at, stop in enumerate(stops[1:])]
    if back_minutes is not None and len(stops) > 1:
        legs.append((0, stops[-1].state == "past", back_minutes))
    taken = [(x - 16, y - 16, x + 16, y + 16) for x, y in points]
    lines, words = [], []
    for at, (to, done, minutes) in enumerate(legs):
        (x1, y1), (x2, y2) = points[at], points[to]
        if straight:
            kind = "route-leg route-done" if done else "route-leg"
            lines.append(f'<path class="{kind}" d="{_path([points[at], points[to]])}"/>')
        if minutes is not None:
            words += _minutes(f"{minutes} {word}", (x1 + x2) / 2, (y1 + y2) / 2 - 6, taken)
    return lines + words


def _world(place: Place) -> Point:
    """Web Mercator: 0 to 1 from west to east and from north to south."""
    latitude = radians(min(max(place[0], -85.0), 85.0))
    return (place[1] + 180) / 360, (1 - asinh(tan(latitude)) / pi) / 2


def _miles_around(latitude: float) -> float:
    """Once around the world at that latitude."""
    return EQUATOR_MILES * cos(radians(latitude))


def _map(frame: Frame, tiles: str) -> str:
    """The tiles behind the picture, at least as fine as the picture is."""
    zoom = min(max(ceil(log2(frame.units / TILE)), 0), MOST_ZOOM)
    count, size = 2**zoom, frame.units / 2**zoom
    images = "".join(_tiles(frame, tiles, zoom, count, size))
    return f'<g class="route-tiles" aria-hidden="true">{images}</g>'


def _tiles(frame: Frame, tiles: str, zoom: int, count: int, size: float) -> Iterator[str]:
    for row in range(floor(frame.top / size), floor((frame.top + frame.height) / size) + 1):
        for column in range(floor(frame.left / size), floor((frame.left + frame.width) / size) + 1):
            if not 0 <= row < count:
                continue
            address = tiles.replace("{z}", str(zoom)).replace("{y}", str(row))
            address = address.replace("{x}", str(column % count))
            x, y = column * size - frame.left, row * size - frame.top
            # A hair wider than it is: two edges that only touch leave a light line between them.
            yield (
                f'<image href="{escape(address)}" x="{x:.2f}" y="{y:.2f}" width="{size + 0.3:.2f}"'
                f' height="{size + 0.3:.2f}"/>'
            )


def _path(line: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line)


def _apart(points: list[Point], width: int, height: int) -> list[Point]:
    """The points with neighbours pushed apart until their marks no longer touch, as far as the frame allows."""
    placed = list(points)
    for _round in range(20):
        for i, (x, y) in enumerate(placed):
            for j in range(i):
                dx, dy = x - placed[j][0], y - placed[j][1]
                missing = TOUCHING - hypot(dx, dy)
                if missing <= 0:
                    continue
                angle = atan2(dy, dx) if dx or dy else i  # of two in one place, the later goes its own way
                x, y = x + missing / 2 * cos(angle), y + missing / 2 * sin(angle)
                back = placed[j][0] - missing / 2 * cos(angle), placed[j][1] - missing / 2 * sin(angle)
                placed[j] = _inside(*back, width, height)
            placed[i] = _inside(x, y, width, height)
    return placed


def _inside(x: float, y: float, width: int, height: int) -> Point:
    return min(max(x, 14), width - 36), min(max(y, 24), height - 40)


def _minutes(words: str, x: float, y: float, taken: list[Box]) -> list[str]:
    """A leg's minutes in its middle, unless that would touch a stop or other minutes; adds to `taken`."""
    half = 3.6 * len(words)
    box = (x - half, y - 11, x + half, y + 3)
    if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
        return []
    taken.append(box)
    return [f'<text class="soft" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(words)}</text>']


def _stop(stop: Stop, x: float, y: float) -> str:
    title = f"<title>{escape(stop.title)}</title>"
    if not stop.label:
        place = f'x="{x - 7:.1f}" y="{y - 7:.1f}"'
        return f'<g>{title}<rect class="route-home" {place} width="14" height="14" rx="3"/></g>'
    return (
        f'<g class="route-{stop.state}">{title}<circle class="route-stop" cx="{x:.1f}" cy="{y:.1f}" r="12"/>'
        f'<text class="n" x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="middle">{escape(stop.label)}</text></g>'
    )


def _scale_bar(frame: Frame, latitude: float) -> str:
    per_mile = frame.units / _miles_around(latitude)
    miles = next((m for m in (100, 50, 20, 10, 5, 2, 1) if m * per_mile <= 110), 1)
    length = miles * per_mile
    y = frame.height - 8
    return (
        f'<line class="route-scale" x1="14" x2="{14 + length:.1f}" y1="{y}" y2="{y}"/>'
        f'<text class="soft" x="14" y="{y - 6}">{miles} mi</text>'
    )
