"""Pictures made on the server: infusion bar, load meter, regimen timeline; the route is in drawing_map.

Each function returns one SVG element as text, already escaped. Places are SVG attributes, colours are
classes of the stylesheet, so nothing needs a style attribute. Nothing here reads a clock or a database.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from scheduling.drawing_map import Stop as Stop
from scheduling.drawing_map import route as route

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
