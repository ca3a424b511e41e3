"""Nurses as the office sees them: papers that run out, hours, time away, what comes next. Reads only."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from nurses.models import Nurse, Shift
from scheduling import clock, selectors
from scheduling.models import Visit
from scheduling.readings import roster, uncovered, words
from scheduling.readings.away_words import away_words, reason_words
from scheduling.readings.papers_due import code_words, expiry, latest_competencies
from scheduling.rules import states


@dataclass(frozen=True)
class Line:
    """One nurse of the list. Minutes are of the seven days from today in the nurse's zone."""

    nurse: Nurse
    licence: dict[str, str]
    competencies: list[str]
    running_out: list[dict[str, str]]
    capacity: int
    used: int
    next_visit: Visit | None
    uncovered: int


def lines(user: selectors.Viewer, *, now: datetime | None = None) -> list[Line]:
    """Every nurse by name, those who left last. As many queries for many nurses as for few."""
    nurses = list(
        selectors.nurses_for(user).prefetch_related("licences", "competencies", "shifts", "time_off")
    )
    ahead = selectors.visits_for(user).filter(state__in=states.OPEN).order_by("starts_at")
    upcoming: dict[int, list[Visit]] = {}
    now = now or timezone.now()
    for visit in ahead.filter(ends_at__gt=now, starts_at__lt=now + timedelta(days=60)):
        upcoming.setdefault(visit.nurse_id, []).append(visit)
    lost = uncovered.by_nurse(user, now=now)
    found = [
        _line(nurse, upcoming.get(nurse.pk, []), clock.today_in(nurse.time_zone, now), lost[nurse.pk])
        for nurse in nurses
    ]
    return sorted(found, key=lambda line: not line.nurse.active)


def _line(nurse: Nurse, visits: list[Visit], today: date, lost: int) -> Line:
    week = [today + timedelta(days=n) for n in range(7)]
    licences = [licence.expires_on for licence in nurse.licences.all()]
    held = latest_competencies(nurse)
    tags = [(code, expiry(last_on, today)) for code, last_on in held.items()]
    return Line(
        nurse=nurse,
        licence=expiry(max(licences), today) if licences else {"status": "stop", "word": _("No licence")},
        competencies=[code_words(code) for code, tag in tags if tag["status"] == "ok"],
        running_out=[
            {"status": tag["status"], "word": f"{code_words(code)}: {tag['word']}"}
            for code, tag in tags
            if tag["status"] != "ok"
        ],
        capacity=sum(roster.capacity_minutes(nurse, day) for day in week),
        used=sum(
            int((visit.ends_at - visit.starts_at).total_seconds() // 60)
            for visit in visits
            if clock.local_day(visit.starts_at, nurse.time_zone) in week
        ),
        next_visit=visits[0] if visits else None,
        uncovered=lost,
    )


def file_of(user: selectors.Viewer, nurse: Nurse, *, now: datetime) -> dict[str, Any]:
    """Everything of the page of one nurse."""
    today = clock.today_in(nurse.time_zone, now)
    monday = today - timedelta(days=today.weekday())
    lost = uncovered.reasons(user, nurse_id=nurse.pk, now=now)
    standing = [off for off in nurse.time_off.all() if off.ends_at > now and off.withdrawn_at is None]
    return {
        "licences": [(licence, expiry(licence.expires_on, today)) for licence in nurse.licences.all()],
        "competencies": [
            (code_words(code), expiry(last_on, today)) for code, last_on in latest_competencies(nurse).items()
        ],
        "week": [
            (words.day_words(day, year=False), hours_words(nurse, day))
            for day in (monday + timedelta(days=n) for n in range(7))
        ],
        "time_off": [
            {"row": off, "when": away_words(off, nurse.time_zone), "why": reason_words(off)}
            for off in standing
        ],
        "away_now": any(off.starts_at <= now for off in standing),
        "visits": _next_visits(user, nurse, lost, now),
        "uncovered": len(lost),
        "seen": (
            Visit.objects.filter(nurse=nurse, state="completed").aggregate(
                n=Count("pk"), who=Count("patient", distinct=True)
            )
        ),
        "today": today,
    }


def _next_visits(
    user: selectors.Viewer, nurse: Nurse, lost: Container[int], now: datetime
) -> list[dict[str, Any]]:
    """The next twenty visits with status and word; those that are uncovered say so."""
    visits = (
        selectors.visits_for(user)
        .filter(nurse=nurse, state__in=states.HOLDING, ends_at__gt=now - timedelta(days=1))
        .order_by("starts_at")[:20]
    )
    shown = []
    for visit in visits:
        status, word = words.visit_status(visit)
        if visit.pk in lost:
            status, word = "stop", _("Without its nurse")
        shown.append({"visit": visit, "status": status, "word": word})
    return shown


def hours_words(nurse: Nurse, day: date) -> str:
    """`7:00 am – 3:30 pm, break 12:00 pm – 12:30 pm`; nothing on a day without a shift."""
    shifts = [
        shift
        for shift in nurse.shifts.all()
        if shift.weekday == day.weekday()
        and shift.from_on <= day
        and (shift.until_on is None or day <= shift.until_on)
    ]
    return "; ".join(_shift_words(shift) for shift in sorted(shifts, key=lambda shift: shift.starts))


def _shift_words(shift: Shift) -> str:
    hours = f"{words.clock_words(shift.starts)} – {words.clock_words(shift.ends)}"
    if shift.break_starts is None or shift.break_ends is None:
        return hours
    pause = f"{words.clock_words(shift.break_starts)} – {words.clock_words(shift.break_ends)}"
    return _("%(hours)s, break %(pause)s") % {"hours": hours, "pause": pause}
