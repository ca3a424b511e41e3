"""What a plan may place: waiting doses and checks, and booked visits that were released. Each with its starts.

A start that asks for a reason is not proposed, but for one: a dose past its window is worth most, and only later
days are left for it. Such a line says so, and taking it asks for the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from patients.models import Patient
from scheduling import clock
from scheduling.models import PlannedCheck, PlannedDose, Visit
from scheduling.planning.crew import instant
from scheduling.planning.starts import DAY_FROM_DUE, EARLIEST, LATEST, STEP, WISH_MISSED, wish_met
from scheduling.readings.day_fit import DayFit, closes_on
from scheduling.rules.eligibility import Span
from scheduling.rules.holidays import holiday
from scheduling.services.bookable import Bookable

MINUTE = 60
STEP_SECONDS = int(STEP.total_seconds())
NOON = 12 * 3600

# Hours at the wheel a visit is worth, by how long it may wait. One that may not wait outweighs several that may.
LATE, CLOSING, NEXT_WEEK, ANY_TIME = 42, 28, 14, 7
KEPT = 2_800  # a booked visit that was released keeps its place before anything is left out for it
# After each visit a plan adds: a route that leaves less before the next drive is called tight.
SPARE = 10 * MINUTE
HOLIDAY = 90  # minutes of road: a family's feast is left alone where another day is nearly as good
# What moving a visit costs the patient, who was told another time; minutes of road, as for replacements.
TIME_CHANGED, EACH_HOUR, DAY_CHANGED, EACH_DAY = 45, 10, 120, 20


@dataclass(frozen=True)
class Period:
    """Days of the agency, both included, and the moment seconds are counted from: the first day's midnight."""

    first_on: date
    last_on: date
    origin: datetime
    now: datetime

    @property
    def days(self) -> list[date]:
        return [self.first_on + timedelta(days=n) for n in range((self.last_on - self.first_on).days + 1)]

    def seconds(self, at: datetime) -> int:
        return int((at - self.origin).total_seconds())


@dataclass(frozen=True)
class Wish:
    """A visit to place. `days` are days of the home; `group` is one for the days of a course."""

    key: str
    group: str
    wanted: Bookable
    days: tuple[date, ...]
    due_on: date
    closes_on: date
    late: bool = False
    course_day: int | None = None
    old: Visit | None = None
    spans: tuple[Span, ...] = field(default=())  # the patient's visits that stay

    @property
    def patient(self) -> Patient:
        return self.wanted.patient

    @property
    def seconds(self) -> int:
        return int(self.wanted.length.total_seconds())


def of_doses(
    run: Sequence[PlannedDose], wanted: Sequence[Bookable], fit: DayFit, period: Period
) -> list[Wish]:
    """The next dose of an order, or the days of its course; nothing when no day of the period is possible."""
    first = run[0]
    if first.due_on > period.last_on:
        return []
    closes = closes_on(first)
    late = closes < period.first_on
    begins = [day for day in period.days if _may_begin(first, day, fit, late)]
    if fit.next_is_booked(run[-1]):
        begins = [day for day in begins if day <= first.due_on]
    last = period.last_on - timedelta(days=len(run) - 1)
    begins = [
        day
        for day in begins
        if day <= last and all(fit.in_order(dose, day + timedelta(days=n)) for n, dose in enumerate(run))
    ]
    group = f"dose {first.pk}"
    return [
        Wish(
            key=f"d{dose.pk}",
            group=group,
            wanted=one,
            days=tuple(day + timedelta(days=n) for day in begins),
            due_on=first.due_on + timedelta(days=n),
            closes_on=closes,
            late=late,
            course_day=n if len(run) > 1 else None,
        )
        for n, (dose, one) in enumerate(zip(run, wanted, strict=True))
    ]


def of_check(check: PlannedCheck, wanted: Bookable, period: Period) -> list[Wish]:
    """A lab draw or a wellness check that is owed."""
    if check.due_on > period.last_on:
        return []
    late = check.window_end_on < period.first_on
    days = [day for day in period.days if late or check.window_start_on <= day <= check.window_end_on]
    return [
        Wish(
            key=f"c{check.pk}",
            group=f"check {check.pk}",
            wanted=wanted,
            days=tuple(days),
            due_on=check.due_on,
            closes_on=check.window_end_on,
            late=late,
        )
    ]


def of_visit(visit: Visit, wanted: Bookable, fit: DayFit, period: Period, *, alone: bool) -> Wish:
    """A booked visit that may move: on its own day, or, when it stands `alone`, another that needs no reason."""
    own = clock.local_day(visit.starts_at, visit.time_zone)
    days, dose, check = {own}, visit.dose, visit.planned_check
    if dose is not None and alone and not fit.next_is_booked(dose):
        days |= {day for day in period.days if fit.allows(dose, day)}
    if check is not None:
        days |= {day for day in period.days if check.window_start_on <= day <= check.window_end_on}
    due = dose.due_on if dose else check.due_on if check else own
    return Wish(
        key=f"v{visit.pk}",
        group=f"visit {visit.pk}",
        wanted=wanted,
        days=tuple(sorted(days)),
        due_on=due,
        closes_on=own,
        old=visit,
    )


def row(wish: Wish, period: Period, known: Mapping[int, int], only: Iterable[str] | None) -> dict[str, Any]:
    """The wish as a visit of the planner's JSON (docs/planner.md)."""
    found: dict[str, Any] = {
        "id": wish.key,
        "lat": wish.patient.latitude,
        "lon": wish.patient.longitude,
        # What is booked already must fit where it stands, or a tight day could not stay as it is.
        "duration": wish.seconds + (SPARE if wish.old is None else 0),
        "skills": sorted([*wish.wanted.needs, licence_of(wish.patient.state)]),
        "windows": windows(wish, period),
        "prize": prize(wish, period),
        "patient": str(wish.patient.pk),
    }
    if wish.course_day is not None:
        found |= {"course": wish.group, "course_day": wish.course_day}
    if wish.old is not None:
        found["nurse_costs"] = {str(wish.old.nurse_id): 0}
    elif total := sum(known.values()):
        worth = {key: WISH_MISSED * MINUTE * (total - visits) // total for key, visits in known.items()}
        found["nurse_costs"] = {str(key): cost for key, cost in sorted(worth.items())}
    if only is not None:
        found["nurses"] = sorted(only)
    return found


def licence_of(state: str) -> str:
    """A licence that counts there, as a skill."""
    return f"licence:{state}"


def prize(wish: Wish, period: Period) -> int:
    """Seconds at the wheel it is worth to place the wish in this period."""
    if wish.old is not None:
        return KEPT * 3600
    if wish.late:
        return LATE * 3600
    if wish.closes_on <= period.last_on:
        return CLOSING * 3600
    soon = wish.closes_on <= period.last_on + timedelta(days=7)
    return (NEXT_WEEK if soon else ANY_TIME) * 3600


def windows(wish: Wish, period: Period) -> list[list[int]]:
    """[first, last, cost] of its starts, in order: quarter hours between EARLIEST and LATEST of the home's wall,
    to come, and clear of what else the patient has."""
    found: list[list[int]] = []
    for day in wish.days:
        for first, last, cost in _of_day(wish, day, period):
            pieces = _clear(first, last, wish, period)
            found += [[a, b, cost] for a, b in pieces]
    return sorted(found)


def _may_begin(dose: PlannedDose, day: date, fit: DayFit, late: bool) -> bool:
    if late:
        return (dose.floor_on is None or dose.floor_on <= day) and fit.in_order(dose, day)
    return fit.allows(dose, day)


def _of_day(wish: Wish, day: date, period: Period) -> list[tuple[int, int, int]]:
    """The starts of one day, cut where their cost changes."""
    zone = wish.patient.time_zone
    opens, shuts = EARLIEST.hour * 3600, LATEST.hour * 3600

    def at(wall: int) -> int:
        return instant(zone, day.toordinal(), wall) - int(period.origin.timestamp())

    if wish.old is not None:
        return _of_released(wish.old, at(opens), at(shuts), day, period)
    base = DAY_FROM_DUE * MINUTE * abs((day - wish.due_on).days) + HOLIDAY * MINUTE * bool(holiday(day))
    halves = [(opens, NOON - STEP_SECONDS), (NOON, shuts)]
    found = []
    for first, last in halves:
        met = wish_met(time(first // 3600), wish.patient.prefers)
        found.append((at(first), at(last), base + (WISH_MISSED * MINUTE if met is False else 0)))
    if found[0][2] == found[1][2]:
        return [(found[0][0], found[1][1], base)]
    return found


def _of_released(old: Visit, opens: int, shuts: int, day: date, period: Period) -> list[tuple[int, int, int]]:
    """For somebody who was told a time: that one costs nothing, others of the day the more the farther."""
    own_day = clock.local_day(old.starts_at, old.time_zone)
    if day != own_day:
        return [(opens, shuts, MINUTE * (DAY_CHANGED + EACH_DAY * abs((day - own_day).days)))]
    own = period.seconds(old.starts_at)
    found = [(own, own, 0)]
    hour = 3600
    for n in range((shuts - opens) // hour + 1):
        first, last = opens + n * hour, min(opens + (n + 1) * hour - STEP_SECONDS, shuts)
        apart = min(abs(first - own), abs(last - own)) // hour
        cost = MINUTE * (TIME_CHANGED + EACH_HOUR * apart)
        for a, b in ((first, min(last, own - STEP_SECONDS)), (max(first, own + STEP_SECONDS), last)):
            if a <= b:
                found.append((a, b, cost))
    return found


def _clear(first: int, last: int, wish: Wish, period: Period) -> list[tuple[int, int]]:
    """What is left of starts [first, last] that are to come and touch no other visit of the patient's."""
    soonest = period.seconds(period.now) + 1
    first = max(first, -(-soonest // STEP_SECONDS) * STEP_SECONDS)
    pieces = [(first, last)] if first <= last else []
    for span in wish.spans:
        begins, ends = period.seconds(span.start), period.seconds(span.end)
        before = (begins - wish.seconds) // STEP_SECONDS * STEP_SECONDS
        after = -(-ends // STEP_SECONDS) * STEP_SECONDS
        pieces = [
            (a, b)
            for start, end in pieces
            for a, b in ((start, min(end, before)), (max(start, after), end))
            if a <= b
        ]
    return pieces
