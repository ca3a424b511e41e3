"""The board: every nurse's visits of a week or of a day, as ui/board_week.html and ui/board_day.html show them.

Columns are days and quarter hours of the agency's zone; each visit is written with its own local time.
Reads only; six queries, however many nurses and visits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling import clock, selectors
from scheduling.models import PlannedDose, Visit
from scheduling.planning.travel import drive_minutes
from scheduling.readings import queue, roster, words
from scheduling.readings.patient_list import drug_name
from scheduling.readings.roster import Member
from scheduling.rules import states
from scheduling.services import doses

FIRST_HOUR, COLUMNS = 6, 64  # the grid runs from 6:00 to 22:00 in quarter hours
SHOWN = sorted(states.HOLDING | {"missed"})
Link = Callable[[str, int], str]  # a kind of page and a key -> its address


@dataclass(frozen=True)
class Stretch:
    """The members with their visits of some days, and where links lead."""

    days: tuple[date, ...]
    today: date
    members: Sequence[Member]
    link: Link
    now: datetime


def load(user: selectors.Viewer, days: Sequence[date], link: Link, *, now: datetime | None = None) -> Stretch:
    """Read the days (of the agency's zone) once. A nurse who left shows while visits are still theirs."""
    now = now or timezone.now()
    zone = settings.AGENCY_TIME_ZONE
    first, last = clock.day_bounds(days[0], zone)[0], clock.day_bounds(days[-1], zone)[1]
    nurses = selectors.nurses_for(user).prefetch_related("shifts", "time_off", "licences", "competencies")
    by_nurse: dict[int, list[Visit]] = {}
    visits = selectors.visits_for(user).filter(state__in=SHOWN, starts_at__gte=first, starts_at__lt=last)
    for visit in visits.order_by("starts_at", "pk"):
        by_nurse.setdefault(visit.nurse_id, []).append(visit)
    members = [
        Member(nurse, roster.facts_of(nurse, by_nurse.get(nurse.pk, ())), tuple(by_nurse.get(nurse.pk, ())))
        for nurse in nurses
        if nurse.active or nurse.pk in by_nurse
    ]
    return Stretch(tuple(days), clock.today_in(zone, now), members, link, now)


def summary(stretch: Stretch) -> dict[str, int]:
    """How many visits, how many of them unconfirmed or in need of a decision, and minutes on the road."""
    counted: Counter[str] = Counter()
    road = 0
    for member in stretch.members:
        before = None
        for visit in member.visits:
            status, _word = words.visit_status(visit)
            counted["visits"] += 1
            counted["decide"] += bool(visit.attention and visit.state in states.OPEN)
            counted["unconfirmed"] += visit.state == "booked" and not visit.attention
            counted["live"] += status == "live"
            same_day = before is not None and agency_day(before) == agency_day(visit)
            origin = before.patient.place if before is not None and same_day else member.nurse.place
            road += drive_minutes(origin, visit.patient.place)
            before = visit
    return {"visits": 0, "decide": 0, "unconfirmed": 0, "live": 0, **counted, "road": road}


def agency_day(visit: Visit) -> date:
    """The column a visit stands in."""
    return clock.local_day(visit.starts_at, settings.AGENCY_TIME_ZONE)


# --- Week --------------------------------------------------------------------------------------


def week(stretch: Stretch, closing: Counter[date]) -> dict[str, Any]:
    """Days and rows of the week. `closing` counts the windows that end on each day, unbooked."""
    days = [_day_head(day, stretch, closing) for day in stretch.days]
    rows = []
    for member in stretch.members:
        by_day: dict[date, list[Visit]] = {}
        for visit in member.visits:
            by_day.setdefault(agency_day(visit), []).append(visit)
        rows.append(
            {
                "nurse": member.nurse.listed_name,
                "url": stretch.link("nurse", member.nurse.pk),
                "note": member.nurse.city,
                "cells": [_cell(member, day, by_day.get(day, []), stretch) for day in stretch.days],
            }
        )
    return {"days": days, "rows": rows}


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
    count = closing[day]
    note = ngettext("%(n)d window closes", "%(n)d windows close", count) % {"n": count} if count else ""
    return {"on": day, "name": name, "date": rest, "today": day == stretch.today, "note": note}


def _cell(member: Member, day: date, visits: Sequence[Visit], stretch: Stretch) -> dict[str, Any]:
    capacity = roster.capacity_minutes(member.nurse, day)
    away = roster.away_on(member.nurse, day)
    return {
        "label": words.day_words(day, year=False),
        "today": day == stretch.today,
        "visits": [_chip(visit, stretch) for visit in visits],
        "used": sum(length_minutes(visit) for visit in visits if visit.state in states.HOLDING),
        "capacity": capacity,
        "off": _off_word(member, day) if away else "",
        "add_url": stretch.link("add", member.nurse.pk) + day.isoformat()
        if capacity and day >= stretch.today
        else "",
    }


def _off_word(member: Member, day: date) -> str:
    """`Off`, or the hours of a part of a day."""
    if not roster.capacity_minutes(member.nurse, day):
        return _("Off")
    zone = ZoneInfo(member.nurse.time_zone)
    spans = [
        f"{words.clock_words(x.start.astimezone(zone))} – {words.clock_words(x.end.astimezone(zone))}"
        for x in roster.away_on(member.nurse, day)
    ]
    return _("Off %(hours)s") % {"hours": ", ".join(spans)}


def _chip(visit: Visit, stretch: Stretch) -> dict[str, Any]:
    status, word = words.visit_status(visit)
    name = visit.patient.listed_name
    return {
        "url": stretch.link("visit", visit.pk),
        "when": words.clock_words(visit.local_start),
        "short": f"{visit.local_start.hour % 12 or 12}:{visit.local_start.minute:02d}",
        "name": name,
        "family": visit.patient.last_name,
        "after_family": name.removeprefix(visit.patient.last_name),
        "status": status,
        "word": word,
        "prepare": visit.preparation_minutes,
        "infusion": visit.infusion_minutes,
        "observation": visit.observation_minutes,
    }


def length_minutes(visit: Visit) -> int:
    return int((visit.ends_at - visit.starts_at).total_seconds() // 60)


# --- Day ---------------------------------------------------------------------------------------


def day(stretch: Stretch) -> dict[str, Any]:
    """Hours, rows and the now line of the one day of the stretch."""
    on = stretch.days[0]
    rows = [
        {
            "nurse": member.nurse.listed_name,
            "url": stretch.link("nurse", member.nurse.pk),
            "note": _row_note(member, on),
            "used": sum(length_minutes(visit) for visit in member.visits if visit.state in states.HOLDING),
            "capacity": roster.capacity_minutes(member.nurse, on),
            "items": _items(member, on, stretch),
        }
        for member in stretch.members
        if member.visits or roster.shifts_on(member.nurse, on) or roster.away_on(member.nurse, on)
    ]
    hours = [{"column": 4 * n, "word": _hour_word(FIRST_HOUR + n)} for n in range(1, COLUMNS // 4)]
    now = _column(stretch.now) if stretch.today == on else None
    return {"hours": hours, "rows": rows, "now": now if now is not None and 0 <= now < COLUMNS else None}


def _row_note(member: Member, on: date) -> str:
    return roster.hours_words(member.nurse, on) or _("no hours")


def _hour_word(hour: int) -> str:
    return f"{hour % 12 or 12} {_('am') if hour < 12 else _('pm')}"


def _items(member: Member, on: date, stretch: Stretch) -> list[dict[str, Any]]:
    """Visits, the drives between them, and time off, from left to right."""
    items: list[dict[str, Any]] = []
    before: Visit | None = None
    for visit in member.visits:
        if before is not None:
            items += _drive(before, visit)
        items.append(_block(visit, stretch))
        before = visit if visit.state in states.HOLDING else before
    for span in roster.away_on(member.nurse, on):
        column, width = _place(span.start, span.end)
        items.append({"kind": "off", "word": _("Off"), "column": column, "width": width})
    return sorted(items, key=lambda item: item["column"])


def _drive(before: Visit, after: Visit) -> list[dict[str, Any]]:
    minutes = drive_minutes(before.patient.place, after.patient.place)
    left = _place(before.starts_at, before.ends_at)
    right = _place(after.starts_at, after.ends_at)
    start = left[0] + left[1]
    width = right[0] - start
    if not minutes or width < 1:
        return []
    room = (after.starts_at - before.ends_at).total_seconds() / 60
    return [{"kind": "drive", "minutes": minutes, "bad": room < minutes, "column": start, "width": width}]


def _block(visit: Visit, stretch: Stretch) -> dict[str, Any]:
    column, width = _place(visit.starts_at, visit.ends_at)
    end = words.clock_words(visit.local_end)
    chip = _chip(visit, stretch)
    return {**chip, "when": f"{chip['short']}–{end}", "what": what(visit), "column": column, "width": width}


def what(visit: Visit) -> str:
    """Drug and dose number, or the kind of visit."""
    dose: PlannedDose | None = visit.dose
    if dose is None:
        return str(visit.get_kind_display())
    return f"{drug_name(doses.drug_code(dose.prescription.regimen_id))} {dose.number}"


def _column(at: datetime) -> int:
    local = at.astimezone(ZoneInfo(settings.AGENCY_TIME_ZONE))
    return (local.hour - FIRST_HOUR) * 4 + local.minute // 15


def _place(start: datetime, end: datetime) -> tuple[int, int]:
    """Column and width on the grid; what lies outside it is drawn at its edge."""
    zone = ZoneInfo(settings.AGENCY_TIME_ZONE)
    later_day = end.astimezone(zone).date() > start.astimezone(zone).date()
    first = min(max(_column(start), 0), COLUMNS - 1)
    last = COLUMNS if later_day else min(max(_column(end - timedelta(seconds=1)) + 1, first + 1), COLUMNS)
    return first, last - first
