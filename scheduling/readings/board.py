"""The board of a week or of a day: every nurse's visits, the hours around them, and times kept for somebody.

Columns are days and quarter hours of the agency's zone; each visit is written with its own local time.
Reads only; as many queries for many nurses and visits as for few. The day is drawn in board_day.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from nurses.models import Nurse, TimeOff
from scheduling import clock, selectors
from scheduling.models import SlotHold, Visit
from scheduling.planning.travel import ESTIMATED, Place, Roads
from scheduling.readings import queue, roster, words
from scheduling.rules import states
from scheduling.services import slot_holds, travel

SHOWN = sorted(states.HOLDING | {"missed"})
FRIDAY = 4
Link = Callable[[str, int], str]  # a kind of page and a key -> its address
COLUMNS_READ = (
    "nurse_id", "starts_at", "ends_at", "time_zone", "kind", "state", "version", "attention", "moved_from_id",
    "preparation_minutes", "infusion_minutes", "observation_minutes", "wrap_up_minutes",
    "patient__first_name", "patient__last_name", "patient__latitude", "patient__longitude",
    "dose__number", "dose__prescription__regimen_id",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One nurse on the board; hours and time off are loaded with the nurse."""

    nurse: Nurse
    visits: tuple[Visit, ...]
    holds: tuple[SlotHold, ...]


@dataclass(frozen=True)
class Stretch:
    """The nurses with their visits of some days, and where links lead."""

    days: tuple[date, ...]
    today: date
    lines: Sequence[Line]
    link: Link
    now: datetime
    roads: Roads = ESTIMATED


def load(user: selectors.Viewer, days: Sequence[date], link: Link, *, now: datetime | None = None) -> Stretch:
    """Read the days (of the agency's zone) once. A nurse who left shows while visits are still theirs."""
    now = now or timezone.now()
    first, last = bounds(days)
    off = TimeOff.objects.filter(withdrawn_at__isnull=True, starts_at__lt=last, ends_at__gt=first)
    nurses = selectors.nurses_for(user).prefetch_related("shifts", Prefetch("time_off", off))
    by_nurse: dict[int, list[Visit]] = defaultdict(list)
    visits = selectors.visits_for(user).filter(state__in=SHOWN, starts_at__gte=first, starts_at__lt=last)
    wanted = visits.select_related(None).select_related("patient", "dose__prescription").only(*COLUMNS_READ)
    for visit in wanted.order_by("starts_at", "pk"):
        by_nurse[visit.nurse_id].append(visit)
    held: dict[int, list[SlotHold]] = defaultdict(list)
    standing = slot_holds.standing(now).filter(starts_at__gte=first, starts_at__lt=last)
    for hold in standing.select_related("held_by", "patient").order_by("starts_at", "pk"):
        held[hold.nurse_id].append(hold)
    lines = [
        Line(nurse, tuple(by_nurse.get(nurse.pk, ())), tuple(held.get(nurse.pk, ())))
        for nurse in nurses
        if nurse.active or nurse.pk in by_nurse
    ]
    roads = travel.drives(leg for line in lines for leg in _legs(line))
    return Stretch(tuple(days), clock.today_in(settings.AGENCY_TIME_ZONE, now), lines, link, now, roads)


def _legs(line: Line) -> Iterator[tuple[Place, Place]]:
    """Every road a row may tell of: from home to each visit, and between visits in their order."""
    places = [visit.patient.place for visit in line.visits]
    yield from pairwise(places)
    yield from ((line.nurse.place, place) for place in places)


def bounds(days: Sequence[date]) -> tuple[datetime, datetime]:
    """First moment of the first of the agency's days, and of the day after the last."""
    zone = settings.AGENCY_TIME_ZONE
    return clock.day_bounds(days[0], zone)[0], clock.day_bounds(days[-1], zone)[1]


def summary(stretch: Stretch) -> dict[str, int]:
    """How many visits, how many of them unconfirmed or in need of a decision, and minutes on the road."""
    counted: Counter[str] = Counter()
    road = 0
    for line in stretch.lines:
        before = None
        for visit in line.visits:
            status, _word = words.visit_status(visit)
            counted["visits"] += 1
            counted["decide"] += bool(visit.attention and visit.state in states.OPEN)
            counted["unconfirmed"] += visit.state == "booked" and not visit.attention
            counted["live"] += status == "live"
            same_day = before is not None and agency_day(before.starts_at) == agency_day(visit.starts_at)
            origin = before.patient.place if before is not None and same_day else line.nurse.place
            road += stretch.roads(origin, visit.patient.place)
            before = visit
        counted["held"] += len(line.holds)
    return {"visits": 0, "decide": 0, "unconfirmed": 0, "live": 0, "held": 0, **counted, "road": road}


def agency_day(at: datetime) -> date:
    """The column a moment stands in."""
    return clock.local_day(at, settings.AGENCY_TIME_ZONE)


# --- Week --------------------------------------------------------------------------------------


def week(stretch: Stretch, closing: Counter[date], only: frozenset[int] | None = None) -> dict[str, Any]:
    """Days and rows of the week. `closing` counts the windows that end on each day, unbooked.

    `only` leaves the rows of other nurses out.
    """
    days = [_day_head(day, stretch, closing) for day in stretch.days]
    rows = [_week_row(line, stretch) for line in stretch.lines if only is None or line.nurse.pk in only]
    return {"days": days, "rows": rows, "order": [line.nurse.pk for line in stretch.lines]}


def _week_row(line: Line, stretch: Stretch) -> dict[str, Any]:
    visits: dict[date, list[Visit]] = defaultdict(list)
    holds: dict[date, list[SlotHold]] = defaultdict(list)
    for visit in line.visits:
        visits[agency_day(visit.starts_at)].append(visit)
    for hold in line.holds:
        holds[agency_day(hold.starts_at)].append(hold)
    return {
        "key": line.nurse.pk,
        "nurse": line.nurse.listed_name,
        "url": stretch.link("nurse", line.nurse.pk),
        "note": line.nurse.city,
        "cells": [
            _cell(line.nurse, day, visits.get(day, []), holds.get(day, []), stretch) for day in stretch.days
        ],
    }


def windows_closing(user: selectors.Viewer, days: Sequence[date], today: date) -> Counter[date]:
    """Day -> how many unbooked doses have their last day then. One query."""
    ends = (
        queue.unbooked(user, today=today)
        .filter(window_end_on__gte=days[0], window_end_on__lte=days[-1])
        .values_list("window_end_on", flat=True)
    )
    return Counter(ends)


def _day_head(day: date, stretch: Stretch, closing: Counter[date]) -> dict[str, Any]:
    name, _comma, rest = words.day_words(day, year=False).partition(", ")
    notes, count = [], closing[day]
    if count:
        notes.append(ngettext("%(n)d window closes", "%(n)d windows close", count) % {"n": count})
    weekend = closing[day + timedelta(days=1)] + closing[day + timedelta(days=2)]
    if day.weekday() == FRIDAY and weekend:
        said = ngettext("%(n)d closes this weekend", "%(n)d close this weekend", weekend)
        if not count:
            said = ngettext("%(n)d window closes this weekend", "%(n)d windows close this weekend", weekend)
        notes.append(said % {"n": weekend})
    return {"on": day, "name": name, "date": rest, "today": day == stretch.today, "note": " · ".join(notes)}


def _cell(
    nurse: Nurse, day: date, visits: Sequence[Visit], holds: Sequence[SlotHold], stretch: Stretch
) -> dict[str, Any]:
    capacity = roster.capacity_minutes(nurse, day)
    return {
        "label": words.day_words(day, year=False),
        "today": day == stretch.today,
        "visits": [chip(visit, stretch) for visit in visits],
        "holds": [held(hold, stretch) for hold in holds],
        "used": sum(length_minutes(visit) for visit in visits if visit.state in states.HOLDING),
        "capacity": capacity,
        "off": _off_word(nurse, day, capacity),
        "add_url": stretch.link("add", nurse.pk) + day.isoformat()
        if capacity and day >= stretch.today
        else "",
    }


def _off_word(nurse: Nurse, day: date, capacity: int) -> str:
    """`Off`, or the hours of a part of a day; "" when the nurse is not away."""
    away = roster.away_on(nurse, day)
    if not away:
        return ""
    if not capacity:
        return _("Off")
    zone = ZoneInfo(nurse.time_zone)
    spans = [
        f"{words.clock_words(x.start.astimezone(zone))} – {words.clock_words(x.end.astimezone(zone))}"
        for x in away
    ]
    return _("Off %(hours)s") % {"hours": ", ".join(spans)}


def chip(visit: Visit, stretch: Stretch) -> dict[str, Any]:
    """A visit in words; `key` and `was` tell a live board which one it is and which one it was before a move."""
    status, word = words.visit_status(visit)
    name, start = visit.patient.listed_name, visit.local_start
    return {
        "key": visit.pk,
        "was": visit.moved_from_id,
        "movable": visit.state in states.OPEN,
        "url": stretch.link("visit", visit.pk),
        "when": words.clock_words(start),
        "short": f"{start.hour % 12 or 12}:{start.minute:02d}",
        "name": name,
        "family": visit.patient.last_name,
        "after_family": name.removeprefix(visit.patient.last_name),
        "status": status,
        "word": word,
        "prepare": visit.preparation_minutes,
        "infusion": visit.infusion_minutes,
        "observation": visit.observation_minutes,
    }


def held(hold: SlotHold, stretch: Stretch) -> dict[str, Any]:
    """A time kept for a patient on the phone, in words, on the home's clock."""
    zone = ZoneInfo(hold.patient.time_zone)
    start = hold.starts_at.astimezone(zone)
    return {
        "kind": "held",
        "url": stretch.link("dose-book", hold.dose_id),
        "when": words.clock_words(start),
        "short": f"{start.hour % 12 or 12}:{start.minute:02d}",
        "name": hold.patient.listed_name,
        "family": hold.patient.last_name,
        "after_family": hold.patient.listed_name.removeprefix(hold.patient.last_name),
        "word": _("Held by %(who)s until %(until)s") % {
            "who": hold.held_by.get_full_name() or hold.held_by.get_username(),
            "until": words.clock_words(hold.expires_at.astimezone(ZoneInfo(settings.AGENCY_TIME_ZONE))),
        },
    }  # fmt: skip


def length_minutes(visit: Visit) -> int:
    return int((visit.ends_at - visit.starts_at).total_seconds() // 60)
