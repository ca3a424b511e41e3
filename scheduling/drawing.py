"""Pictures made on the server: infusion bar, load meter, regimen timeline, route sketch.

Each function returns one SVG element as text, already escaped. Places are SVG attributes, colours are
classes of the stylesheet, so nothing needs a style attribute. Nothing here reads a clock or a database.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from math import atan2, cos, hypot, radians, sin

MILES_PER_DEGREE = 69.0  # of latitude; close enough for a sketch of one city
GAP = 0.6  # per cent of a bar left open between two parts


def infusion_bar(*, prepare: int, infusion: int, observation: int) -> str:
    """Pale, solid, striped: three stretches of minutes in their true proportion; parts of 0 are left out."""
    total = prepare + infusion + observation
    parts, at = [], 0.0
    for kind, minutes in (("prepare", prepare), ("infuse", infusion), ("watch", observation)):
        if minutes <= 0:
            continue
        width = 100 * minutes / total
        end = at + width - (GAP if at + width < 99.99 else 0)
        if kind == "watch":  # one wide dashed line gives even stripes at any length
            parts.append(f'<line class="bar-watch" x1="{at:.2f}%" x2="{end:.2f}%" y1="50%" y2="50%"/>')
        else:
            parts.append(
                f'<rect class="bar-{kind}" x="{at:.2f}%" width="{end - at:.2f}%" height="100%" rx="2"/>'
            )
        at += width
    return f'<svg class="bar" aria-hidden="true" focusable="false">{"".join(parts)}</svg>'


def load_bar(*, used: int, capacity: int) -> str:
    """How much of a day's capacity is used, both in minutes; over 100 % the bar is full."""
    share = 100 if used >= capacity else 100 * used / capacity
    return (
        '<svg aria-hidden="true" focusable="false"><rect width="100%" height="100%" rx="3"/>'
        f'<rect width="{share:.1f}%" height="100%" rx="3"/></svg>'
    )


# --- Regimen timeline --------------------------------------------------------------------------

DOSE_KINDS = ("given", "next", "booked", "planned", "missed", "hold")
LAB_KINDS = ("lab", "lab-due")
CHOSEN_KINDS = ("next", "booked")  # always dated, with their window
SIGNS = {"missed": "✕", "hold": "‖"}
MARGIN, AXIS, HEIGHT = 44, 80, 142


@dataclass(frozen=True)
class Mark:
    """One thing on a timeline. `kind` is one of DOSE_KINDS or LAB_KINDS; the window's days are included."""

    on: date
    kind: str
    label: str  # "1a", "5"; for a lab its short name
    title: str  # the whole sentence, for hover, readers and the table
    window_start: date | None = None
    window_end: date | None = None

    @property
    def is_lab(self) -> bool:
        return self.kind in LAB_KINDS

    @property
    def width(self) -> int:
        return max(28, 14 + 8 * len(self.text))

    @property
    def text(self) -> str:
        return SIGNS.get(self.kind, "") + self.label


class Scale:
    """Days to pixels: even in time, stretched where marks would touch."""

    def __init__(self, doses: Sequence[Mark], first: date, last: date, width: int) -> None:
        per_day = (width - 2 * MARGIN) / max(1, (last - first).days)
        days, places, edge = [first], [float(MARGIN)], float("-inf")
        self.dose_places: list[float] = []  # of each dose; two of one day stand side by side
        for dose in doses:
            x = max(places[-1] + (dose.on - days[-1]).days * per_day, edge + dose.width / 2)
            edge = x + dose.width / 2 + (30 if dose.kind in CHOSEN_KINDS else 12)  # room for its date
            self.dose_places.append(x)
            if dose.on > days[-1]:
                days.append(dose.on)
                places.append(x)
            else:
                places[-1] = x
        if last > days[-1]:
            days.append(last)
            places.append(places[-1] + (last - days[-2]).days * per_day)
        self.days, self.places = days, places
        self.width = max(width, round(places[-1] + MARGIN))

    def at(self, day: date) -> float:
        i = min(max(bisect_right(self.days, day) - 1, 0), len(self.days) - 2) if len(self.days) > 1 else 0
        if len(self.days) == 1:
            return self.places[0]
        share = (day - self.days[i]).days / (self.days[i + 1] - self.days[i]).days
        return self.places[i] + share * (self.places[i + 1] - self.places[i])


def timeline(
    marks: Sequence[Mark],
    today: date,
    *,
    label: str,
    today_word: str = "Today",
    say_day: Callable[[date], str] = lambda day: f"{day:%b} {day.day}",
    width: int = 1200,
) -> tuple[str, float]:
    """The picture of a prescription, and where today stands on it (0 to 1, for the first scroll).

    At least `width` units wide, wider when marks would touch; it scrolls inside its card then.
    """
    doses = sorted((m for m in marks if not m.is_lab), key=lambda m: m.on)
    labs = sorted((m for m in marks if m.is_lab), key=lambda m: m.on)
    days = [today, *(m.on for m in marks), *(d for m in marks for d in (m.window_start, m.window_end) if d)]
    scale = Scale(doses, min(days), max(days), width)
    now = scale.at(today)
    end = scale.width - MARGIN / 2
    parts = [
        *_years(scale, min(days), max(days)),
        f'<line class="tl-axis" x1="{MARGIN / 2:.0f}" x2="{now:.1f}" y1="{AXIS}" y2="{AXIS}"/>',
        f'<line class="tl-axis tl-ahead" x1="{now:.1f}" x2="{end:.1f}" y1="{AXIS}" y2="{AXIS}"/>',
        *_windows(doses, scale),
        f'<line class="tl-today" x1="{now:.1f}" x2="{now:.1f}" y1="20" y2="{AXIS + 20}"/>',
        f'<text class="tl-today-word" x="{now:.1f}" y="14" text-anchor="middle">{escape(today_word)}</text>',
        *_doses(doses, scale, say_day),
        *_labs(labs, scale, now),
    ]
    svg = (
        f'<svg class="tl" role="img" aria-label="{escape(label)}" width="{scale.width / 16:.2f}em" '
        f'viewBox="0 0 {scale.width} {HEIGHT}">{"".join(parts)}</svg>'
    )
    return svg, round(now / scale.width, 3)


def _years(scale: Scale, first: date, last: date) -> list[str]:
    parts, free = [], float("-inf")
    for year in range(first.year, last.year + 1):
        x = scale.at(max(first, date(year, 1, 1)))
        if x < free:
            continue
        free = x + 40
        parts.append(f'<line class="tl-tick" x1="{x:.1f}" x2="{x:.1f}" y1="{AXIS + 42}" y2="{HEIGHT}"/>')
        parts.append(f'<text class="tl-soft" x="{x + 5:.1f}" y="{HEIGHT - 4}">{year}</text>')
    return parts


def _windows(doses: Sequence[Mark], scale: Scale) -> list[str]:
    parts, y = [], AXIS - 25
    for mark, x in zip(doses, scale.dose_places, strict=True):
        if mark.kind not in CHOSEN_KINDS or not mark.window_start or not mark.window_end:
            continue
        half = mark.width / 2 + 9
        left = min(scale.at(mark.window_start), x - half)
        right = max(scale.at(mark.window_end), x + half)
        parts.append(
            f'<rect class="tl-window" x="{left:.1f}" y="{y}" width="{right - left:.1f}" height="50" rx="10">'
            f"<title>{escape(mark.title)}</title></rect>"
        )
    return parts


def _doses(doses: Sequence[Mark], scale: Scale, say_day: Callable[[date], str]) -> list[str]:
    placed = list(zip(doses, scale.dose_places, strict=True))
    taken = [x for mark, x in placed if mark.kind in CHOSEN_KINDS]
    parts, shown = [], float("-inf")
    for mark, x in placed:
        half = mark.width / 2
        parts.append(
            f'<g class="tl-{mark.kind}"><title>{escape(mark.title)}</title>'
            f'<rect x="{x - half:.1f}" y="{AXIS - 15}" width="{mark.width}" height="30" rx="8"/>'
            f'<text x="{x:.1f}" y="{AXIS + 5}" text-anchor="middle">{escape(mark.text)}</text></g>'
        )
        crowded = x - shown < 58 or any(0 < at - x < 58 for at in taken)
        if mark.kind in CHOSEN_KINDS or not crowded:
            shown = x
            parts.append(
                f'<text class="tl-soft" x="{x:.1f}" y="{AXIS + 38}" text-anchor="middle">'
                f"{escape(say_day(mark.on))}</text>"
            )
    return parts


def _labs(labs: Sequence[Mark], scale: Scale, now: float) -> list[str]:
    parts, y, busy = [], 38, float("-inf")
    places = [scale.at(m.on) for m in labs] + [float(scale.width)]
    for mark, x, following in zip(labs, places, places[1:], strict=False):
        long = 15 + 6.8 * len(mark.label)
        fits_right = x + long < following - 8 and not x < now < x + long
        fits_left = x - long > max(busy, 0) and not x - long < now < x
        words = ""
        if fits_right or fits_left:
            at, anchor = (x + 11, "start") if fits_right else (x - 11, "end")
            words = (
                f'<text class="tl-soft" x="{at:.1f}" y="{y + 4}" text-anchor="{anchor}">'
                f"{escape(mark.label)}</text>"
            )
        busy = x + (long if fits_right else 10)
        due = " tl-lab-due" if mark.kind == "lab-due" else ""
        parts.append(
            f"<g><title>{escape(mark.title)}</title>"
            f'<path class="tl-lab{due}" d="M{x:.1f} {y - 7}l7 7-7 7-7-7z"/>{words}</g>'
        )
    return parts


# --- Route sketch ------------------------------------------------------------------------------

TOUCHING = 27  # of two stops, centre to centre
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


def route(
    stops: Sequence[Stop], *, label: str, minutes_word: str = "min", width: int = 360, height: int = 190
) -> str:
    """Stops in order, north up, with drive minutes and a scale bar in miles."""
    middle = cos(radians(sum(s.latitude for s in stops) / len(stops)))
    raw = [(s.longitude * middle, -s.latitude) for s in stops]
    left, top = min(x for x, _ in raw), min(y for _, y in raw)
    spread_x, spread_y = max(x for x, _ in raw) - left, max(y for _, y in raw) - top
    per_degree = min((width - 72) / (spread_x or 1e-3), (height - 86) / (spread_y or 1e-3))
    pad_x, pad_y = (width - spread_x * per_degree) / 2, 30 + (height - 86 - spread_y * per_degree) / 2
    points = [((x - left) * per_degree + pad_x, (y - top) * per_degree + pad_y) for x, y in raw]
    points = _apart(points, width, height)
    parts = [f'<text class="soft" x="{width - 30}" y="16" aria-hidden="true">N ↑</text>']
    taken = [(x - 16, y - 16, x + 16, y + 16) for x, y in points]
    for (x1, y1), (x2, y2), stop in zip(points, points[1:], stops[1:], strict=False):
        done = " route-done" if stop.state != "next" else ""
        parts.append(f'<path class="route-leg{done}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>')
        if stop.drive_minutes is not None:
            parts += _minutes(f"{stop.drive_minutes} {minutes_word}", (x1 + x2) / 2, (y1 + y2) / 2 - 6, taken)
    parts += [_stop(stop, x, y) for stop, (x, y) in zip(stops, points, strict=True)]
    parts.append(_scale_bar(per_degree, height))
    return (
        f'<svg class="route" role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}">'
        f"{''.join(parts)}</svg>"
    )


def _apart(points: list[tuple[float, float]], width: int, height: int) -> list[tuple[float, float]]:
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


def _inside(x: float, y: float, width: int, height: int) -> tuple[float, float]:
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


def _scale_bar(per_degree: float, height: int) -> str:
    per_mile = per_degree / MILES_PER_DEGREE
    miles = next((m for m in (20, 10, 5, 2, 1) if m * per_mile <= 110), 1)
    length = min(miles * per_mile, 300)
    return (
        f'<line class="route-scale" x1="14" x2="{14 + length:.1f}" y1="{height - 8}" y2="{height - 8}"/>'
        f'<text class="soft" x="14" y="{height - 14}">{miles} mi</text>'
    )
