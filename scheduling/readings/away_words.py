"""Time off in words, on the wall of the nurse's home base. Reads nothing."""

from __future__ import annotations

from datetime import time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from nurses.models import TimeOff
from scheduling.readings import words

REASONS = {
    "sick": gettext_lazy("Sick"),
    "leave": gettext_lazy("Leave"),
    "training": gettext_lazy("Training"),
    "other": gettext_lazy("Another reason"),
}


def away_words(off: TimeOff, time_zone: str) -> str:
    """`Mon, Nov 23 – Fri, Nov 27` for whole days, both included; with the times otherwise."""
    zone = ZoneInfo(time_zone)
    first, last = off.starts_at.astimezone(zone), off.ends_at.astimezone(zone)
    whole_end = last.time() == time(0)
    last_on = (last - timedelta(minutes=1)).date() if whole_end else last.date()
    starts = words.day_words(first.date(), year=False)
    if first.time() != time(0):
        starts = f"{starts}, {words.clock_words(first)}"
    ends = words.day_words(last_on, year=False)
    if not whole_end:
        ends = words.clock_words(last) if last_on == first.date() else f"{ends}, {words.clock_words(last)}"
    elif last_on == first.date():
        return starts if first.time() == time(0) else _("%(from)s to the end of the day") % {"from": starts}
    return f"{starts} – {ends}"


def reason_words(off: TimeOff) -> str:
    """Why; what an administrator typed stays as it is."""
    return str(REASONS.get(off.reason, off.reason))
