"""Which day it is for a patient. The only place that turns now into a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone


def today_in(time_zone: str, now: datetime | None = None) -> date:
    """The calendar day on the wall of a home in `time_zone` at `now` (default: this moment)."""
    return (now or timezone.now()).astimezone(ZoneInfo(time_zone)).date()


def local_day(at: datetime, time_zone: str) -> date:
    """The calendar day of an aware time in `time_zone`."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def day_bounds(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """First moment of the local day and of the next one, in UTC: 23, 24 or 25 hours apart."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time(0), zone)
    end = datetime.combine(day + timedelta(days=1), time(0), zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def exists(wall: datetime, time_zone: str) -> bool:
    """Whether a naive wall-clock time happens at all (02:30 on the spring change day does not)."""
    zone = ZoneInfo(time_zone)
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall
