"""Days, times, amounts and states as pages say them. Nothing here reads a clock."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.models import Visit
from scheduling.services import outcomes
from scheduling.services.gate import kind_in_address as kind_in_address  # for links

GRAMS_FROM_MG = 10_000  # immune globulin is ordered and drawn up in grams
VISIT_STATUS = {
    "booked": "wait",
    "confirmed": "ok",
    "en_route": "live",
    "arrived": "live",
    "in_progress": "live",
    "completed": "done",
    "cancelled": "done",
    "moved": "done",
    "missed": "stop",
}


def day_words(on: date, *, year: bool = True) -> str:
    """`Tue, Jan 6, 2026`; without the year where it is plain."""
    return date_format(on, _("D, M j, Y") if year else _("D, M j"))


def clock_words(at: datetime | time) -> str:
    """`9:00 am`, as the given time reads: turn it to its zone first. In Spanish it never breaks in two."""
    half = _("am") if at.hour < 12 else _("pm")
    gap = "\u00a0" if "\u00a0" in half else " "  # "10:45 a. m." is long enough to be torn apart
    return f"{date_format(at, 'g:i')}{gap}{half}"


def at_words(moment: datetime, time_zone: str) -> str:
    """`Tue, Jan 6, 9:00 am` on the wall of a home in `time_zone`."""
    local = moment.astimezone(ZoneInfo(time_zone))
    return f"{day_words(local.date(), year=False)}, {clock_words(local)}"


def mg_words(amount: Decimal | None) -> str:
    """`600 mg`, from ten grams on `35 g`, without zeros that say nothing; "" for no amount."""
    if amount is None:
        return ""
    value, unit = (amount / 1000, "g") if amount >= GRAMS_FROM_MG else (amount, "mg")
    text = f"{value:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def days_left(days: int) -> tuple[str, str]:
    """Status and words of the days until a window closes; below 0 it has."""
    if days < 0:
        return "stop", ngettext("%(n)d day late", "%(n)d days late", -days) % {"n": -days}
    if days == 0:
        return "stop", _("Window ends today")
    words = ngettext("%(n)d day left", "%(n)d days left", days) % {"n": days}
    return ("stop" if days <= 2 else "wait" if days <= 14 else "ok"), words


def visit_status(visit: Visit) -> tuple[str, str]:
    """Status and word of a visit, for ui/tag.html; one that needs a decision says so first."""
    if visit.attention:
        return "stop", _("Needs a decision")
    if visit.state == "booked":
        return "wait", _("Not confirmed")
    if visit.state == "completed":
        return "done", _("Done")
    if outcomes.late_cancel(visit) and visit.cancel_note != outcomes.UNDONE:
        return "done", _("Late cancel")
    return VISIT_STATUS[visit.state], str(visit.get_state_display())
