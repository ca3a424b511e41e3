"""What the newest plan says of a line of the queue: proposed and not taken, not possible any more, or no time found.

Two queries, however many lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from scheduling import clock
from scheduling.models import PlanLine, WeekPlan
from scheduling.readings import plan_words, words
from scheduling.readings.checks import CheckRow
from scheduling.readings.plan_mark import PlanMark
from scheduling.readings.plan_page import nurse_names
from scheduling.readings.queue import Line

FINISHED = (WeekPlan.State.DONE, WeekPlan.State.CANCELLED)


def told(lines: Sequence[Line]) -> list[Line]:
    """The lines, each with what the newest finished plan that knew it says; a plan whose days are over says nothing."""
    newest = _newest(lines)
    names = nurse_names(line.helps for line in newest.values())
    return [
        replace(line, plan=_mark(newest[line.key], names)) if line.key in newest else line for line in lines
    ]


def _newest(lines: Sequence[Line]) -> dict[str, PlanLine]:
    """Key of a line -> its line in the newest plan that has it, unless it was booked from there."""
    doses = {line.dose.pk: line for line in lines if not isinstance(line, CheckRow)}
    checks = {line.check.pk: line for line in lines if isinstance(line, CheckRow)}
    rows = (
        PlanLine.objects.filter(Q(dose__in=doses) | Q(check_owed__in=checks), plan__state__in=FINISHED)
        .select_related("plan", "nurse")
        .defer(
            "plan__problem", "plan__about", "plan__result", "plan__progress", "plan__before", "plan__after"
        )
        .order_by("dose_id", "check_owed_id", "-plan_id")
        .distinct("dose_id", "check_owed_id")
    )
    found = {}
    for row in rows:
        line: Any = doses.get(row.dose_id) or checks.get(row.check_owed_id)
        if row.state != PlanLine.State.TAKEN and _still_ahead(row, line):
            found[line.key] = row
    return found


def _still_ahead(row: PlanLine, line: Line) -> bool:
    if row.starts_at is not None and clock.local_day(row.starts_at, row.time_zone) < line.today:
        return False
    return row.plan.last_on >= line.today


def _mark(row: PlanLine, names: plan_words.Names) -> PlanMark:
    asked = row.plan.requested_at.astimezone(ZoneInfo(settings.AGENCY_TIME_ZONE)).date()
    name = _("Plan of %(on)s") % {"on": words.day_words(asked, year=False)}
    helps = ""
    if row.kind == PlanLine.Kind.LEFT:
        status, text = "stop", _("no time found. %(why)s") % {"why": plan_words.why_left(row.reasons)}
        if found := plan_words.helps(row.helps, names):
            helps = _("Would help: %(helps)s.") % {"helps": "; ".join(found)}
    elif row.state == PlanLine.State.LOST:
        status, text = "stop", _("not possible any more. %(why)s") % {"why": row.outcome}
    else:
        status = "info"
        text = _("proposed %(when)s, %(nurse)s, not booked. %(why)s.") % {
            "when": words.at_words(row.starts_at, row.time_zone),
            "nurse": row.nurse.listed_name,
            "why": " · ".join(plan_words.reasons(row.reasons)),
        }
    return PlanMark(row.plan_id, status, name, text, helps)
