"""One day of the board on a grid of quarter hours: visits, drives, hours off, breaks and times kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from nurses.models import Nurse
from scheduling.models import PlannedDose, Visit
from scheduling.readings import roster, words
from scheduling.readings.board import Line, Stretch, agency_day, chip, held, length_minutes
from scheduling.readings.patient_list import drug_name
from scheduling.rules import states
from scheduling.services import doses

FIRST_HOUR, COLUMNS = 6, 64  # the grid runs from 6:00 to 22:00 in quarter hours
MARK = 2  # columns of the mark for a drive that has no room at all


def day(stretch: Stretch, only: frozenset[int] | None = None) -> dict[str, Any]:
    """Hours, rows and the now line of the one day of the stretch; `only` leaves other nurses' rows out."""
    on = stretch.days[0]
    lines = [line for line in stretch.lines if _there(line, on)]
    rows = [
        {
            "key": line.nurse.pk,
            "nurse": line.nurse.listed_name,
            "url": stretch.link("nurse", line.nurse.pk),
            "note": roster.hours_words(line.nurse, on) or _("no hours"),
            "used": sum(length_minutes(visit) for visit in line.visits if visit.state in states.HOLDING),
            "capacity": roster.capacity_minutes(line.nurse, on),
            "items": _items(line, on, stretch),
        }
        for line in lines
        if only is None or line.nurse.pk in only
    ]
    hours = [{"column": 4 * n, "word": _hour_word(FIRST_HOUR + n)} for n in range(1, COLUMNS // 4)]
    return {
        "hours": hours,
        "rows": rows,
        "order": [x.nurse.pk for x in lines],
        "now": now_column(stretch.now, on),
    }


def now_column(now: datetime, on: date) -> int | None:
    """Where the now line stands; None on another day or outside the grid."""
    at = column(now)
    return at if agency_day(now) == on and 0 <= at < COLUMNS else None


def starts(on: date) -> list[datetime]:
    """The moment of each column of the agency's day."""
    zone = ZoneInfo(settings.AGENCY_TIME_ZONE)
    six = datetime.combine(on, time(FIRST_HOUR))
    return [(six + timedelta(minutes=15 * n)).replace(tzinfo=zone) for n in range(COLUMNS)]


def _there(line: Line, on: date) -> bool:
    return bool(
        line.visits or line.holds or roster.shifts_on(line.nurse, on) or roster.away_on(line.nurse, on)
    )


def _hour_word(hour: int) -> str:
    return f"{hour % 12 or 12} {_('am') if hour < 12 else _('pm')}"


def _items(line: Line, on: date, stretch: Stretch) -> list[dict[str, Any]]:
    """Everything of the lane from left to right; what lies behind stands before what is drawn over it."""
    items = [*_hours(line.nurse, on)]
    before: Visit | None = None
    for visit in line.visits:
        if before is not None:
            items += _drive(before, visit, stretch)
        items.append(_block(visit, stretch))
        before = visit if visit.state in states.HOLDING else before
    for hold in line.holds:
        column_, width = _place(hold.starts_at, hold.ends_at)
        items.append({**held(hold, stretch), "column": column_, "width": width})
    return sorted(items, key=lambda item: item["column"])


def _hours(nurse: Nurse, on: date) -> Iterator[dict[str, Any]]:
    """Time off, breaks, and what lies outside the hours."""
    zone = ZoneInfo(nurse.time_zone)
    begins = starts(on)[0]
    away = [_place(span.start, span.end) for span in roster.away_on(nurse, on) if span.end > begins]

    def placed(starts: time, ends: time) -> tuple[int, int]:
        return _place(datetime.combine(on, starts, zone), datetime.combine(on, ends, zone))

    shifts = [
        x
        for x in nurse.shifts.all()
        if x.weekday == on.weekday() and x.from_on <= on and (x.until_on is None or on <= x.until_on)
    ]
    covered = [*away, *(placed(x.starts, x.ends) for x in shifts)]
    for first, width in _gaps(covered):
        yield {"kind": "out", "column": first, "width": width}
    for first, width in away:
        yield {"kind": "off", "word": _("Off"), "column": first, "width": width}
    for shift in shifts:
        if shift.break_starts and shift.break_ends:
            first, width = placed(shift.break_starts, shift.break_ends)
            yield {"kind": "break", "word": _("Break"), "column": first, "width": width}


def _gaps(covered: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Column and width of the stretches of the grid that nothing covers."""
    at = 0
    for first, width in sorted(covered):
        if first > at:
            yield at, first - at
        at = max(at, first + width)
    if at < COLUMNS:
        yield at, COLUMNS - at


def _drive(before: Visit, after: Visit, stretch: Stretch) -> list[dict[str, Any]]:
    """The road between two visits; one that has no room at all is marked where they meet."""
    minutes = stretch.roads(before.patient.place, after.patient.place)
    if not minutes:
        return []
    left, right = _place(before.starts_at, before.ends_at), _place(after.starts_at, after.ends_at)
    start, width = left[0] + left[1], right[0] - left[0] - left[1]
    bad = (after.starts_at - before.ends_at).total_seconds() / 60 < minutes
    if width < 1:
        if not bad:
            return []
        start, width = max(right[0] - 1, 0), MARK
    return [{"kind": "drive", "minutes": minutes, "bad": bad, "column": start, "width": width}]


def _block(visit: Visit, stretch: Stretch) -> dict[str, Any]:
    first, width = _place(visit.starts_at, visit.ends_at)
    end, _space, half = words.clock_words(visit.local_end).partition(" ")
    said = chip(visit, stretch)
    return {
        **said,
        "when": f"{said['short']}–{end}",
        "half": half,
        "what": what(visit),
        "column": first,
        "width": width,
    }


def what(visit: Visit) -> str:
    """Drug and dose number, or the kind of visit."""
    dose: PlannedDose | None = visit.dose
    if dose is None:
        return str(visit.get_kind_display())
    return f"{drug_name(doses.drug_code(dose.prescription.regimen_id))} {dose.number}"


def column(at: datetime) -> int:
    """Quarter hours since the grid's first hour on the agency's wall; may lie outside the grid."""
    local = at.astimezone(ZoneInfo(settings.AGENCY_TIME_ZONE))
    return (local.hour - FIRST_HOUR) * 4 + local.minute // 15


def _place(start: datetime, end: datetime) -> tuple[int, int]:
    """Column and width on the grid; what lies outside it is drawn at its edge."""
    zone = ZoneInfo(settings.AGENCY_TIME_ZONE)
    later_day = end.astimezone(zone).date() > start.astimezone(zone).date()
    first = min(max(column(start), 0), COLUMNS - 1)
    last = COLUMNS if later_day else min(max(column(end - timedelta(seconds=1)) + 1, first + 1), COLUMNS)
    return first, last - first
