"""Pictures of a plan: how the search went, and what it would change on the map.

As in scheduling.drawing each function returns one SVG element as text, escaped; places are attributes, colours
are classes of the stylesheet. Nothing here reads a clock or a database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import cos, hypot, radians

LEFT, RIGHT, TOP, BOTTOM = 76, 8, 14, 30  # margins of the curve
MILES_PER_DEGREE = 69.0
MAP_MARGIN = 34
CLOSE = 84.0  # a name is left out where another stands nearer than this

Place = tuple[float, float]


def curve(
    points: Sequence[tuple[float, int]],
    *,
    seconds: float,
    bound: int | None,
    label: str,
    say: Callable[[int], str],
    words: tuple[str, str],
    width: int = 480,
    height: int = 190,
) -> str:
    """The best cost so far over the seconds: a step down at each better plan, and the bound as a line.

    `points` are (seconds, cost) in order of time. `words` name the bound and the unit of the time.
    """
    if not points:
        return ""
    right, floor = width - RIGHT, height - BOTTOM
    end = max(seconds, points[-1][0], 1.0)
    costs = [cost for _at, cost in points]
    low, high = min([*costs, *([bound] if bound is not None else [])]), max(costs)
    spread = max(high - low, 1)

    def x(at: float) -> float:
        return LEFT + (right - LEFT) * at / end

    def y(cost: int) -> float:
        return TOP + 8 + (floor - TOP - 16) * (high - cost) / spread

    path = f"M{x(points[0][0]):.1f} {y(costs[0]):.1f}"
    for at, cost in points[1:]:
        path += f"H{x(at):.1f}V{y(cost):.1f}"
    last_x, last_y = x(points[-1][0]), y(costs[-1])
    parts = [
        f'<line class="curve-axis" x1="{LEFT}" x2="{right}" y1="{floor}" y2="{floor}"/>',
        f'<text x="{LEFT}" y="{height - 8}" text-anchor="middle">0</text>',
        f'<text x="{right}" y="{height - 8}" text-anchor="end">{end:.0f} {escape(words[1])}</text>',
        f'<text x="{LEFT - 8}" y="{y(high) + 4:.1f}" text-anchor="end">{escape(say(high))}</text>',
    ]
    if low < high and y(low) - y(high) > 18:
        parts.append(f'<text x="{LEFT - 8}" y="{y(low) + 4:.1f}" text-anchor="end">{escape(say(low))}</text>')
    if bound is not None:
        parts += _bound_line(y(bound), right, words[0])
    parts.append(f'<path class="curve-line" d="{path}"/>')
    parts.append(f'<circle class="curve-now" cx="{last_x:.1f}" cy="{last_y:.1f}" r="4.5"/>')
    return (
        f'<svg class="curve" role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}">'
        f"{''.join(parts)}</svg>"
    )


def _bound_line(at: float, right: int, word: str) -> list[str]:
    return [
        f'<line class="curve-bound" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>',
        f'<text class="curve-word" x="{right}" y="{at - 6:.1f}" text-anchor="end">{escape(word)}</text>',
    ]


@dataclass(frozen=True)
class Home:
    """Where a nurse starts. `name` is written beside it."""

    place: Place
    name: str


@dataclass(frozen=True)
class Spot:
    """Where a visit is. `kind` is stays, new, goes (leaves this day or nurse) or comes."""

    place: Place
    kind: str
    title: str


@dataclass(frozen=True)
class Loop:
    """One nurse's day: places in order, home first and last."""

    places: tuple[Place, ...]
    kind: str  # before, same (nothing changes for her) or after


def difference_map(
    homes: Sequence[Home],
    spots: Sequence[Spot],
    loops: Sequence[Loop],
    *,
    label: str,
    width: int = 560,
    height: int = 440,
) -> str:
    """Homes and routes of one day, before thin and after thick. North is up, and the scale is drawn."""
    places = [*(home.place for home in homes), *(spot.place for spot in spots)]
    if not places:
        return ""
    flat = _Flat(places, width, height)
    parts = [f'<text class="soft" x="{width - 30}" y="18" aria-hidden="true">N ↑</text>']
    for kind in ("before", "same", "after"):
        parts += [_loop(loop, flat) for loop in loops if loop.kind == kind]
    parts += [_spot(spot, flat) for spot in spots]
    written: list[tuple[float, float]] = []
    for home in homes:
        parts += _home(home, flat, written, width)
    parts.append(_scale(flat, height))
    return (
        f'<svg class="route plan-map" role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}">'
        f"{''.join(parts)}</svg>"
    )


class _Flat:
    """Degrees to pixels: as large as the frame allows, a mile as long eastwards as northwards."""

    def __init__(self, places: Sequence[Place], width: int, height: int) -> None:
        north, south = max(lat for lat, _lon in places), min(lat for lat, _lon in places)
        east, west = max(lon for _lat, lon in places), min(lon for _lat, lon in places)
        self.narrow = cos(radians((north + south) / 2))
        wide, tall = max((east - west) * self.narrow, 0.01), max(north - south, 0.01)
        self.scale = min((width - 2 * MAP_MARGIN) / wide, (height - 2 * MAP_MARGIN - 16) / tall)
        self.left = (width - (east - west) * self.narrow * self.scale) / 2
        self.top = (height - 16 - (north - south) * self.scale) / 2
        self.north, self.west = north, west

    def __call__(self, place: Place) -> tuple[float, float]:
        return (
            self.left + (place[1] - self.west) * self.narrow * self.scale,
            self.top + (self.north - place[0]) * self.scale,
        )


def _loop(loop: Loop, flat: _Flat) -> str:
    at = [flat(place) for place in loop.places]
    return f'<path class="map-{loop.kind}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in at)}"/>'


def _spot(spot: Spot, flat: _Flat) -> str:
    x, y = flat(spot.place)
    title = f"<title>{escape(spot.title)}</title>"
    if spot.kind in {"new", "comes"}:  # a diamond: the shape says it, not the colour alone
        return f'<path class="map-new" d="M{x:.1f} {y - 8:.1f}l8 8-8 8-8-8z">{title}</path>'
    return f'<circle class="map-{spot.kind}" cx="{x:.1f}" cy="{y:.1f}" r="5">{title}</circle>'


def _home(home: Home, flat: _Flat, written: list[tuple[float, float]], width: int) -> list[str]:
    """The square of a home, and its name where no other name is near."""
    x, y = flat(home.place)
    found = [
        f'<rect class="route-home" x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" rx="2">'
        f"<title>{escape(home.name)}</title></rect>"
    ]
    if all(hypot(x - a, (y - b) * 3) > CLOSE for a, b in written):
        written.append((x, y))
        side = "end" if x > width - 90 else "start"
        beside = x - 9 if side == "end" else x + 9
        found.append(
            f'<text class="soft" x="{beside:.1f}" y="{y + 4:.1f}" text-anchor="{side}">{escape(home.name)}</text>'
        )
    return found


def _scale(flat: _Flat, height: int) -> str:
    per_mile = flat.scale / MILES_PER_DEGREE
    miles = next((m for m in (20, 10, 5, 2, 1) if m * per_mile <= 160), 1)
    length = min(miles * per_mile, 300)
    return (
        f'<line class="route-scale" x1="14" x2="{14 + length:.1f}" y1="{height - 8}" y2="{height - 8}"/>'
        f'<text class="soft" x="14" y="{height - 14}">{miles} mi</text>'
    )
