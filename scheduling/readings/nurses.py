"""Nurses as the office sees them: papers that run out, hours, time away, what comes next. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from nurses.models import Nurse
from scheduling import clock, selectors
from scheduling.models import Visit
from scheduling.readings import roster, words
from scheduling.readings.patient_list import drug_name
from scheduling.rules import states

WARNINGS = (30, 60, 90)  # days before a paper runs out


def expiry(last_on: date | None, today: date) -> dict[str, str]:
    """Status and words of a last valid day: expired, within 30, 60 or 90 days, or good."""
    if last_on is None:
        return {"status": "ok", "word": _("No end date")}
    left = (last_on - today).days
    day = words.day_words(last_on).partition(", ")[2]
    if left < 0:
        return {"status": "stop", "word": _("Ended %(day)s") % {"day": day}}
    for days in WARNINGS:
        if left <= days:
            word = _("%(day)s, within %(days)d days") % {"day": day, "days": days}
            return {"status": "stop" if days == WARNINGS[0] else "wait", "word": word}
    return {"status": "ok", "word": _("to %(day)s") % {"day": day}}


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


def lines(user: selectors.Viewer, *, now: datetime | None = None) -> list[Line]:
    """Every nurse by name, those who left last. Six queries, however many nurses."""
    nurses = list(
        selectors.nurses_for(user).prefetch_related("licences", "competencies", "shifts", "time_off")
    )
    ahead = selectors.visits_for(user).filter(state__in=states.OPEN).order_by("starts_at")
    upcoming: dict[int, list[Visit]] = {}
    now = now or timezone.now()
    for visit in ahead.filter(ends_at__gt=now, starts_at__lt=now + timedelta(days=60)):
        upcoming.setdefault(visit.nurse_id, []).append(visit)
    found = [
        _line(nurse, upcoming.get(nurse.pk, []), clock.today_in(nurse.time_zone, now)) for nurse in nurses
    ]
    return sorted(found, key=lambda line: not line.nurse.active)


def _line(nurse: Nurse, visits: list[Visit], today: date) -> Line:
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
    )


def latest_competencies(nurse: Nurse) -> dict[str, date | None]:
    """Code -> the last valid day that counts: the latest, and no end beats any."""
    found: dict[str, date | None] = {}
    for held in nurse.competencies.all():
        known = found.get(held.code, held.expires_on)
        found[held.code] = None if held.expires_on is None or known is None else max(held.expires_on, known)
    return found


def code_words(code: str) -> str:
    """`iv` and drug names as people write them."""
    return _("IV therapy") if code == "iv" else drug_name(code)


def file_of(user: selectors.Viewer, nurse: Nurse, *, now: datetime) -> dict[str, Any]:
    """Everything of the page of one nurse."""
    today = clock.today_in(nurse.time_zone, now)
    monday = today - timedelta(days=today.weekday())
    visits = (
        selectors.visits_for(user)
        .filter(nurse=nurse, state__in=states.HOLDING, ends_at__gt=now - timedelta(days=1))
        .order_by("starts_at")[:20]
    )
    shown = []
    for visit in visits:
        status, word = words.visit_status(visit)
        shown.append({"visit": visit, "status": status, "word": word})
    return {
        "licences": [(licence, expiry(licence.expires_on, today)) for licence in nurse.licences.all()],
        "competencies": [
            (code_words(code), expiry(last_on, today)) for code, last_on in latest_competencies(nurse).items()
        ],
        "week": [
            (words.day_words(day, year=False), roster.hours_words(nurse, day))
            for day in (monday + timedelta(days=n) for n in range(7))
        ],
        "time_off": [off for off in nurse.time_off.all() if off.ends_at > now],
        "visits": shown,
        "seen": (
            Visit.objects.filter(nurse=nurse, state="completed").aggregate(
                n=Count("pk"), who=Count("patient", distinct=True)
            )
        ),
        "today": today,
    }
