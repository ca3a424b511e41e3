"""A nurse's day as it is published to her: versions that are added, followed when a visit moves, and seen by her."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from scheduling import clock
from scheduling.models import RouteVersion, Visit
from scheduling.planning.timetable import Timetable
from scheduling.rules import states
from scheduling.rules.errors import Conflict, RuleBroken, StaleVersion
from scheduling.services import chains, events, guard, timetables
from scheduling.services.guard import writes

ON_THE_ROUTE = sorted(states.HOLDING | {"missed"})  # one nobody opened the door for was driven to
MOST_METRES = 2_000_000_000
A_DAY = timedelta(days=1)


@writes
def publish(*, nurse_id: int, on: date, by: User, now: datetime | None = None) -> RouteVersion:
    """Her day as it stands is told to the nurse, as version 1 or the next one. Locks the nurse.

    Raises Conflict NOTHING_NEW when the last version says the same, RuleBroken DAY_PASSED for a day that is over and
    NOTHING_TO_PUBLISH for one that never had a visit.
    """
    now = now or timezone.now()
    nurse = Nurse.objects.select_for_update(no_key=True).get(pk=nurse_id)
    if on < clock.today_in(nurse.time_zone, now):
        raise RuleBroken("That day has passed.", code="DAY_PASSED")
    last = latest(nurse_id, on)
    route = _route(nurse, on, now)
    if last is None and not route.stops:
        raise RuleBroken("There is no visit on that day.", code="NOTHING_TO_PUBLISH")
    stops = stops_of(route)
    if last is not None and same(last.stops, stops):
        raise Conflict("Nothing has changed since it was published.", code="NOTHING_NEW")
    return _add(nurse, on, route, stops, last, by=by, why="", now=now)


def publish_day(*, on: date, by: User, now: datetime | None = None) -> list[RouteVersion]:
    """Publish the day of every nurse who has something new on it, each in a transaction of its own; those published."""
    now = now or timezone.now()
    around = (clock.day_bounds(on - A_DAY, "UTC")[0], clock.day_bounds(on + A_DAY, "UTC")[1])
    booked = Visit.objects.filter(
        state__in=ON_THE_ROUTE, starts_at__gte=around[0], starts_at__lt=around[1]
    ).values_list("nurse_id", flat=True)
    told = RouteVersion.objects.filter(on=on).order_by().values_list("nurse_id", flat=True)
    published = []
    for nurse_id in sorted({*booked.order_by(), *told}):
        try:
            published.append(publish(nurse_id=nurse_id, on=on, by=by, now=now))
        except (Conflict, RuleBroken) as nothing:
            if nothing.code not in {"NOTHING_NEW", "NOTHING_TO_PUBLISH"}:
                raise
    return published


def follow(nurse_id: int, starts_at: datetime, *, why: str, now: datetime) -> None:
    """A visit joined or left the nurse's day: when that day was published, its next version follows by itself.

    It is compared and written once, at the end of the writer's transaction, whatever number of visits the writer
    moved: one version a change, and never a version without its change. The writer holds the nurse's lock.
    """
    guard.at_the_end((nurse_id, starts_at.date()), lambda: _follow(nurse_id, starts_at, why, now))


def _follow(nurse_id: int, starts_at: datetime, why: str, now: datetime) -> None:
    """One query where nothing was published near that time."""
    near = starts_at.date()
    last_of: dict[date, RouteVersion] = {}
    rows = RouteVersion.objects.filter(nurse_id=nurse_id, on__gte=near - A_DAY, on__lte=near + A_DAY)
    for row in rows.order_by("on", "-version").distinct("on").select_related("nurse"):
        last_of[row.on] = row
    for on, last in last_of.items():
        # A day that is over for her is not told again.
        if on < clock.today_in(last.nurse.time_zone, now):
            continue
        route = _route(last.nurse, on, now)
        stops = stops_of(route)
        if not same(last.stops, stops):
            _add(last.nurse, on, route, stops, last, by=None, why=why, now=now)


@writes
def seen(*, on: date, version: int, by: User, now: datetime | None = None) -> RouteVersion:
    """The nurse has read her day up to `version`; saying it twice changes nothing. Locks the nurse.

    Raises StaleVersion when a newer version is there: she has not seen that one; RuleBroken NOT_PUBLISHED when nothing
    of that day was published to her.
    """
    now = now or timezone.now()
    nurse = Nurse.objects.select_for_update(no_key=True).filter(user=by).first()
    last = latest(nurse.pk, on) if nurse else None
    if last is None:
        raise RuleBroken("Nothing of this day is published yet.", code="NOT_PUBLISHED")
    if last.version != version:
        raise StaleVersion("Your day has changed once more. Look again.")
    open_ones = RouteVersion.objects.filter(nurse=nurse, on=on, seen_at__isnull=True)
    if open_ones.update(seen_at=now):
        last.seen_at = now
        events.write("route_seen", by=by, subject=last, on=on.isoformat(), version=version)
    return last


def latest(nurse_id: int, on: date) -> RouteVersion | None:
    """The newest version of the day; None when it was never published."""
    return RouteVersion.objects.filter(nurse=nurse_id, on=on).order_by("-version").first()


def stops_of(route: Timetable) -> list[dict[str, Any]]:
    """The stops as a version keeps them: ids and times only. One query."""
    return stops_of_all([route])[route.nurse]


def stops_of_all(day: Iterable[Timetable]) -> dict[int, list[dict[str, Any]]]:
    """Nurse -> the same, for the routes of one day. One query for all."""
    tables = list(day)
    links = chains.of(stop.key for table in tables for stop in table.stops)
    return {
        table.nurse: [
            {
                "visit": stop.key,
                "root": links[stop.key].root,
                "starts_at": stop.arrive_at.isoformat(),
                "ends_at": stop.ends_at.isoformat(),
                "leave_by": stop.leave_by.isoformat(),
            }
            for stop in table.stops
        ]
        for table in tables
    }


def same(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> bool:
    """Whether both say the same to the nurse: the same visits at the same times, left for at the same time."""
    said = ("visit", "starts_at", "ends_at", "leave_by")
    return [[stop[name] for name in said] for stop in before] == [
        [stop[name] for name in said] for stop in after
    ]


def _route(nurse: Nurse, on: date, now: datetime) -> Timetable:
    first, last = clock.day_bounds(on, nurse.time_zone)
    visits = Visit.objects.filter(
        nurse=nurse, state__in=ON_THE_ROUTE, starts_at__gte=first, starts_at__lt=last
    ).select_related("patient", "dose__prescription")
    return timetables.of_day(nurse, on, visits, today=clock.today_in(nurse.time_zone, now))


def _add(
    nurse: Nurse,
    on: date,
    route: Timetable,
    stops: list[dict[str, Any]],
    last: RouteVersion | None,
    *,
    by: User | None,
    why: str,
    now: datetime,
) -> RouteVersion:
    row = RouteVersion.objects.create(
        nurse=nurse,
        on=on,
        version=last.version + 1 if last else 1,
        stops=stops,
        drive_minutes=min(route.drive_minutes, 32_000),
        metres=min(route.metres, MOST_METRES),
        made_at=now,
        made_by=by,
        why=why,
    )
    action = "route_published" if by is not None else "route_followed"
    events.write(action, by=by, subject=row, why=why, nurse=nurse.pk, on=on.isoformat(), version=row.version)
    return row
