"""The difference a plan makes: nurses by day with what comes and goes, and one day on the map.

"Before" is what is booked without this plan; what was booked from it already counts as its proposal. Reads only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from nurses.models import Nurse
from scheduling import drawing_plan
from scheduling.drawing_plan import Home, Loop, Spot
from scheduling.models import PlanLine, Visit
from scheduling.planning.travel import Place
from scheduling.readings import board, roster, words
from scheduling.readings.board import Line, Stretch, agency_day
from scheduling.readings.plan_page import Proposal
from scheduling.services import travel

WEEK = 7


@dataclass(frozen=True)
class Item:
    """One visit on the board of the difference. `kind` is stays, goes (moves away), new or comes (moved here)."""

    kind: str
    nurse: int
    starts_at: Any
    minutes: int
    visit: Visit | None
    line: PlanLine | None

    @property
    def place(self) -> Place:
        return self._row.patient.place

    @property
    def _row(self) -> Any:
        return self.line or self.visit

    @property
    def title(self) -> str:
        """`9:00 am Abara, Grace`, on the home's wall."""
        at = self.starts_at.astimezone(ZoneInfo(self._row.time_zone))
        return f"{words.clock_words(at)} {self._row.patient.listed_name}"


@dataclass(frozen=True)
class Difference:
    """A proposal laid over the board of its days."""

    stretch: Stretch
    proposal: Proposal

    @cached_property
    def lines(self) -> list[PlanLine]:
        """What is proposed still or booked already; what is not possible any more changes nothing."""
        return [line for row in self.proposal.rows for line in row.lines if line.state != PlanLine.State.LOST]

    @cached_property
    def items(self) -> dict[tuple[int, date], list[Item]]:
        """(nurse, day of the agency) -> visits before and after, by time."""
        made = {line.made_visit_id for line in self.lines if line.made_visit_id}
        leaving = {line.visit_id for line in self.lines if line.visit_id}
        found: dict[tuple[int, date], list[Item]] = defaultdict(list)
        for booked in self.stretch.lines:
            for visit in booked.visits:
                if visit.pk not in made and visit.pk not in leaving:
                    self._put(found, _stays(visit, "stays"))
        for line in self.lines:
            if line.visit is not None:
                self._put(found, replace(_stays(line.visit, "goes"), line=line))
            self._put(found, _comes(line))
        return {key: sorted(items, key=lambda item: item.starts_at) for key, items in found.items()}

    @staticmethod
    def _put(found: dict[tuple[int, date], list[Item]], item: Item) -> None:
        found[item.nurse, agency_day(item.starts_at)].append(item)

    def of(self, nurse: int, day: date) -> list[Item]:
        return self.items.get((nurse, day), [])

    def before(self, nurse: int, day: date) -> list[Item]:
        return [item for item in self.of(nurse, day) if item.kind in {"stays", "goes"}]

    def after(self, nurse: int, day: date) -> list[Item]:
        return [item for item in self.of(nurse, day) if item.kind != "goes"]


def _stays(visit: Visit, kind: str) -> Item:
    return Item(kind, visit.nurse_id, visit.starts_at, board.length_minutes(visit), visit, None)


def _comes(line: PlanLine) -> Item:
    return Item(
        "comes" if line.visit_id else "new",
        line.nurse_id,
        line.starts_at,
        line.minutes,
        line.made_visit,
        line,
    )


# --- Board --------------------------------------------------------------------------------------


def weeks(difference: Difference, address: str) -> list[dict[str, Any]]:
    """For each seven days what ui/board_week.html shows; `address` is the page the lines are on."""
    days = difference.stretch.days
    return [_week(difference, days[n : n + WEEK], address) for n in range(0, len(days), WEEK)]


def _week(difference: Difference, days: Sequence[date], address: str) -> dict[str, Any]:
    stretch = difference.stretch
    heads = []
    for day in days:
        name, _comma, rest = words.day_words(day, year=False).partition(", ")
        heads.append({"name": name, "date": rest, "today": day == stretch.today, "note": ""})
    rows = [_row(difference, line, days, address) for line in stretch.lines]
    return {"days": heads, "rows": rows, "label": words.day_words(days[0], year=False)}


def _row(difference: Difference, booked: Line, days: Sequence[date], address: str) -> dict[str, Any]:
    nurse = booked.nurse
    cells = []
    for day in days:
        items = difference.of(nurse.pk, day)
        capacity = roster.capacity_minutes(nurse, day)
        cells.append(
            {
                "label": words.day_words(day, year=False),
                "today": day == difference.stretch.today,
                "visits": [_chip(item, difference.stretch, address) for item in items],
                "used": sum(item.minutes for item in difference.after(nurse.pk, day)),
                "capacity": capacity,
                "off": _("Off") if not capacity and roster.away_on(nurse, day) else "",
            }
        )
    return {
        "key": nurse.pk,
        "nurse": nurse.listed_name,
        "url": difference.stretch.link("nurse", nurse.pk),
        "note": nurse.city,
        "cells": cells,
    }


def _chip(item: Item, stretch: Stretch, address: str) -> dict[str, Any]:
    row = item.line or item.visit
    start = item.starts_at.astimezone(ZoneInfo(row.time_zone))
    patient = row.patient
    status, word = _said(item)
    url = f"{address}#line-{item.line.pk}" if item.line else stretch.link("visit", item.visit.pk)  # type: ignore[union-attr]
    return {
        "url": url,
        "when": words.clock_words(start),
        "short": f"{start.hour % 12 or 12}:{start.minute:02d}",
        "name": patient.listed_name,
        "family": patient.last_name,
        "after_family": patient.listed_name.removeprefix(patient.last_name),
        "status": status,
        "word": word,
    }


def _said(item: Item) -> tuple[str, str]:
    """Status and word of a chip; the key below the board shows the same."""
    if item.line is not None and item.kind != "goes" and item.line.state == PlanLine.State.TAKEN:
        return "ok", _("Booked from this plan")
    return {
        "stays": ("done", _("Stays")),
        "goes": ("wait", _("Moves away")),
        "new": ("info", _("New")),
        "comes": ("live", _("Moves here")),
    }[item.kind]


def key(difference: Difference) -> list[tuple[str, str]]:
    """Which kinds of chips there are, for the key: status and word."""
    return list(dict.fromkeys(_said(item) for items in difference.items.values() for item in items))


# --- Map ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DayMap:
    """One day of the difference: the picture, and the same as a table."""

    on: date
    svg: SafeString
    rows: tuple[tuple[str, int, int, int, int], ...]  # nurse, visits before and after, minutes on the road


def day_map(difference: Difference, on: date) -> DayMap:
    """Routes of `on` before and after. One query when a travel service told of legs, else none."""
    nurses = [line.nurse for line in difference.stretch.lines if difference.of(line.nurse.pk, on)]
    road = travel.drives(_legs(difference, nurses, on))

    def minutes(nurse: Nurse, items: Sequence[Item]) -> int:
        return sum(road(a, b) for a, b in pairwise(_loop(nurse, items)))

    rows, loops, spots = [], [], []
    for nurse in nurses:
        old, new = difference.before(nurse.pk, on), difference.after(nurse.pk, on)
        rows.append((nurse.listed_name, len(old), len(new), minutes(nurse, old), minutes(nurse, new)))
        loops += _loops(nurse, old, new)
        spots += [Spot(item.place, item.kind, item.title) for item in difference.of(nurse.pk, on)]
    coming = sum(spot.kind in {"new", "comes"} for spot in spots)
    label = _("Routes of %(on)s: %(nurses)d nurses, %(n)d visits that are new or move here") % {
        "on": words.day_words(on, year=False),
        "nurses": len(nurses),
        "n": coming,
    }
    drawn = drawing_plan.difference_map(
        [Home(nurse.place, nurse.last_name) for nurse in nurses], spots, loops, label=label
    )
    return DayMap(on, mark_safe(drawn), tuple(rows))  # noqa: S308  (escaped where it is drawn)


def _loop(nurse: Nurse, items: Sequence[Item]) -> list[Place]:
    return [nurse.place, *(item.place for item in items), nurse.place] if items else []


def _loops(nurse: Nurse, old: Sequence[Item], new: Sequence[Item]) -> Iterator[Loop]:
    before, after = tuple(_loop(nurse, old)), tuple(_loop(nurse, new))
    if before == after:
        yield Loop(before, "same")
        return
    if before:
        yield Loop(before, "before")
    if after:
        yield Loop(after, "after")


def _legs(difference: Difference, nurses: Sequence[Nurse], on: date) -> Iterator[tuple[Place, Place]]:
    for nurse in nurses:
        yield from pairwise(_loop(nurse, difference.before(nurse.pk, on)))
        yield from pairwise(_loop(nurse, difference.after(nurse.pk, on)))
