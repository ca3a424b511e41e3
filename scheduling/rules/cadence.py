"""When a message is due, when it makes no sense any more, and what the caps leave out. Pure; no clock.

Sources: docs/messages.md (47 CFR 64.1200(a)(9)(iv) for the caps, the field's habits for the times).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Kinds of a message, the most important first: what the caps leave out is the last of them.
ORDER = (
    "alarm", "moved", "cancelled", "booked", "on_the_way", "confirm", "health_screen", "day_before",
    "preparation", "week_before", "next_day", "unconfirmed", "paper_expiry",
)  # fmt: skip
PRIORITY: Mapping[str, int] = {kind: place for place, kind in enumerate(ORDER)}
# Kinds that go at a time before the visit, and those that one message of the first that goes says, too.
BEFORE = ("week_before", "confirm", "health_screen", "preparation", "day_before")
ONE_MESSAGE = ("confirm", "health_screen", "preparation")
EARLIEST_HOUR, LATEST_HOUR = 8, 21  # never outside, whatever is set
CAPPED = "text"
HAD_ONE, BETTER_TODAY = "they had a text today", "a more important text is due today"
HAD_ENOUGH = "they had as many texts in seven days as we send"
BETTER_THIS_WEEK = "it would take the place of a more important text this week"
CAPS = (HAD_ONE, BETTER_TODAY, HAD_ENOUGH, BETTER_THIS_WEEK)
KEPT_DAYS = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """`days` before the visit's day (after it, for next_day) at `at` on the wall of the home; `on` False: never."""

    days: int
    at: time
    on: bool = True


def _timings() -> dict[str, Timing]:
    return {
        "week_before": Timing(7, time(10)),
        "confirm": Timing(2, time(10)),
        "health_screen": Timing(2, time(10)),
        "preparation": Timing(2, time(10)),
        "day_before": Timing(1, time(10)),
        "next_day": Timing(1, time(10)),
        "unconfirmed": Timing(1, time(9)),
    }


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings in force. `hours`: first and last hour of sending; caps count texts to one person."""

    version: int = 0
    hours: tuple[int, int] = (9, 20)
    per_day: int = 1
    per_week: int = 3
    timings: Mapping[str, Timing] = field(default_factory=_timings)
    sender: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """Not before `at`, not after `until`; `skip` says why it will never go."""

    at: datetime
    until: datetime
    skip: str = ""


def due(kind: str, starts_at: datetime, time_zone: str, policy: Policy, *, planned_at: datetime) -> Due:
    """When a message of `kind` in BEFORE goes for a visit that starts then. All times aware.

    A time in the quiet hours becomes the next opening, or the evening before when the visit comes first. One that
    has passed when it is planned is skipped. None makes sense after the start; the one a week before only for
    KEPT_DAYS.
    """
    timing = policy.timings[kind]
    zone = ZoneInfo(time_zone)
    day = starts_at.astimezone(zone).date() - timedelta(days=timing.days)
    at = in_hours(wall(day, timing.at, zone), time_zone, policy.hours, before=starts_at)
    until = starts_at
    if kind == "week_before":
        until = wall(day + timedelta(days=KEPT_DAYS), timing.at, zone)
    until = max(min(until, starts_at), at)
    if not timing.on:
        return Due(at, until, "this kind of message is switched off")
    if at < planned_at:
        return Due(at, until, "its time had passed when the visit was planned")
    return Due(at, until)


def follow_up(day: date, time_zone: str, policy: Policy, *, planned_at: datetime) -> Due:
    """When the question how they are goes on `day`; it makes no sense any more after that day and the next."""
    timing, zone = policy.timings["next_day"], ZoneInfo(time_zone)
    at = in_hours(wall(day, timing.at, zone), time_zone, policy.hours)
    until = wall(day + timedelta(days=2), time(0), zone)
    if not timing.on:
        return Due(at, until, "this kind of message is switched off")
    return Due(
        max(at, planned_at),
        until,
        "its time had passed when the visit was planned" if planned_at >= until else "",
    )


def wall(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant of a wall clock; one that is repeated means the first, one that is missing the hour after."""
    return datetime.combine(day, at, zone).astimezone(ZoneInfo("UTC"))


def in_hours(
    at: datetime, time_zone: str, hours: tuple[int, int], *, before: datetime | None = None
) -> datetime:
    """`at`, or the next opening in the home's zone; the last hour of the evening before, when `before` comes first."""
    opening = quiet_until(at, time_zone, hours)
    if opening is None:
        return at
    if before is None or opening < before:
        return opening
    zone = ZoneInfo(time_zone)
    local = at.astimezone(zone)
    first, last = hours
    day = local.date() if local.hour >= last else local.date() - timedelta(days=1)
    return wall(day, time(max(first, last - 1)), zone)


def quiet_until(now: datetime, time_zone: str, hours: tuple[int, int]) -> datetime | None:
    """When sending opens again in the home's zone; None when it is open now. The last hour is outside."""
    first, last = hours
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    if first <= local.hour < last:
        return None
    day = local.date() if local.hour < first else local.date() + timedelta(days=1)
    return wall(day, time(first), zone)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A text to the same person that is still to go."""

    at: datetime
    priority: int


def over_cap(
    priority: int,
    now: datetime,
    time_zone: str,
    *,
    policy: Policy,
    sent: Sequence[datetime],
    waiting: Sequence[Waiting] = (),
) -> str:
    """Why the caps leave this text out now, or "". `sent`: times of texts to this person that may have gone.

    A more important one that is due later the same day, or that would become the one too many within seven days
    of the home's calendar, keeps its place: the lesser is left out for it.
    """
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    had = [at.astimezone(zone).date() for at in sent]
    better = sorted(
        one.at.astimezone(zone).date() for one in waiting if one.priority < priority and one.at >= now
    )
    if had.count(today) >= policy.per_day:
        return HAD_ONE
    if today in better:
        return BETTER_TODAY
    if sum(_within(day, today) for day in had) >= policy.per_week:
        return HAD_ENOUGH
    for last in better:
        taken = [day for day in (*had, today, *better) if _within(day, last)]
        if _within(today, last) and len(taken) > policy.per_week:
            return BETTER_THIS_WEEK
    return ""


def _within(day: date, last: date) -> bool:
    """Whether it is one of the seven days that end with `last`."""
    return timedelta(0) <= last - day < timedelta(days=7)
