"""The routes of a day: each nurse's timetable, what was published of it, and what differs. Reads only.

Times of a route are in the nurse's zone. The caller writes the audit rows of the charts it shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from nurses.models import Nurse
from scheduling import clock, selectors
from scheduling.models import RouteVersion, Visit
from scheduling.planning import route_changes
from scheduling.planning.route_changes import Change
from scheduling.planning.timetable import StopTimes, Timetable
from scheduling.readings.roster import facts_of
from scheduling.services import routes, timetables, travel


@dataclass(frozen=True)
class RouteStop:
    """One visit of the route with its times. `change`: what the nurse has not seen of it yet."""

    times: StopTimes
    visit: Visit
    change: Change | None


@dataclass(frozen=True)
class DayRoute:
    """One nurse's day. `versions`: all that was published of it, the newest first; none while it is unpublished."""

    nurse: Nurse
    on: date
    today: date  # the nurse's
    timetable: Timetable
    visits: Mapping[int, Visit]
    versions: Sequence[RouteVersion]
    said: Sequence[Mapping[str, object]]  # the stops as a version would keep them now

    @property
    def published(self) -> RouteVersion | None:
        """The newest version."""
        return self.versions[0] if self.versions else None

    @property
    def up_to_date(self) -> bool:
        """Whether the newest version says what stands now."""
        return self.published is not None and routes.same(self.published.stops, self.said)

    @property
    def baseline(self) -> RouteVersion | None:
        """What the nurse knows: the newest version she has seen, else the first that was published."""
        read = next((version for version in self.versions if version.seen_at), None)
        return read or (self.versions[-1] if self.versions else None)

    @cached_property
    def changes(self) -> list[Change]:
        """What stands now and is not in what the nurse knows; nothing while the day is unpublished."""
        known = self.baseline
        return route_changes.between(known.stops, self.said) if known else []

    @cached_property
    def stops(self) -> list[RouteStop]:
        by_visit = {change.visit: change for change in self.changes if change.kind != route_changes.GONE}
        return [
            RouteStop(times, self.visits[times.key], by_visit.get(times.key))
            for times in self.timetable.stops
        ]

    @property
    def gone(self) -> list[Change]:
        """Stops the nurse knows of that are not hers on this day any more."""
        return [change for change in self.changes if change.kind == route_changes.GONE]


def day_routes(
    user: selectors.Viewer, on: date, *, nurses: QuerySet[Nurse] | None = None, now: datetime | None = None
) -> list[DayRoute]:
    """The routes of `on`, each the local day of its nurse, by nurse. As many queries for one nurse as for hundreds.

    Without `nurses` all active ones the user may see, those without a visit too. The visits come with patient, dose,
    order and the patient's contacts as `ways`.
    """
    now = now or timezone.now()
    found = selectors.nurses_for(user).filter(active=True) if nurses is None else nurses
    team = list(found.prefetch_related("licences", "competencies", "shifts", "time_off"))
    visits = _visits(user, on, team, now)
    versions = _versions(user, on, team)
    roads = travel.roads_at(
        pair for nurse in team for pair in timetables.pairs_of(nurse, visits.get(nurse.pk, []))
    )
    tables = {
        nurse.pk: timetables.of_day(
            nurse,
            on,
            visits.get(nurse.pk, []),
            today=clock.today_in(nurse.time_zone, now),
            facts=facts_of(nurse, ()),
            road=roads,
        )
        for nurse in team
    }
    said = routes.stops_of_all(tables.values())
    return [
        DayRoute(
            nurse=nurse,
            on=on,
            today=clock.today_in(nurse.time_zone, now),
            timetable=tables[nurse.pk],
            visits={visit.pk: visit for visit in visits.get(nurse.pk, [])},
            versions=versions[nurse.pk],
            said=said[nurse.pk],
        )
        for nurse in team
    ]


def day_route(user: selectors.Viewer, nurse: Nurse, on: date, *, now: datetime | None = None) -> DayRoute:
    """The route of one nurse the user may see, active or not."""
    (route,) = day_routes(user, on, nurses=selectors.nurses_for(user).filter(pk=nurse.pk), now=now)
    return route


def _versions(user: selectors.Viewer, on: date, team: Sequence[Nurse]) -> dict[int, list[RouteVersion]]:
    """Nurse -> what was published of the day, the newest first. One query."""
    found: dict[int, list[RouteVersion]] = defaultdict(list)
    told = selectors.routes_for(user).filter(on=on, nurse__in=team).select_related("made_by")
    for version in told.order_by("-version"):
        found[version.nurse_id].append(version)
    return found


def _visits(user: selectors.Viewer, on: date, team: Iterable[Nurse], now: datetime) -> dict[int, list[Visit]]:
    """Nurse -> her visits that start on `on`, earliest first. Two queries."""
    bounds = {nurse.pk: clock.day_bounds(on, nurse.time_zone) for nurse in team}
    if not bounds:
        return {}
    rows = (
        selectors.visits_for(user, now=now)
        .filter(
            nurse__in=list(bounds),
            state__in=routes.ON_THE_ROUTE,
            starts_at__gte=min(first for first, _last in bounds.values()),
            starts_at__lt=max(last for _first, last in bounds.values()),
        )
        .prefetch_related(Prefetch("patient__contacts", to_attr="ways"))
        .order_by("starts_at", "pk")
    )
    found: dict[int, list[Visit]] = defaultdict(list)
    for visit in rows:
        first, last = bounds[visit.nurse_id]
        if first <= visit.starts_at < last:
            found[visit.nurse_id].append(visit)
    return found
