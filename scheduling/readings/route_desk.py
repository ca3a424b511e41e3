"""The office's view of routes: all nurses of a day as lines, one nurse's day, and what was published of it. Reads only.

Times are in the nurse's zone. The list names no patient; the page of a day does, and its caller writes the audit rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from nurses.models import Nurse
from patients.models import Patient
from scheduling import selectors
from scheduling.drawing import Stop as Mark
from scheduling.models import RouteVersion, Visit
from scheduling.planning import route_changes
from scheduling.planning.cautions import TIGHT_MINUTES, Caution
from scheduling.planning.route_changes import Change
from scheduling.planning.timetable import METRES_PER_MILE, Timetable
from scheduling.readings import route, trail, words
from scheduling.readings.day import UNDER_WAY, Day, Stop, full_name
from scheduling.readings.route import DayRoute


def local(at: datetime | None, nurse: Nurse) -> datetime | None:
    """The moment on the nurse's clock."""
    return at.astimezone(ZoneInfo(nurse.time_zone)) if at else None


def miles(metres: int) -> str:
    """`12.4 mi`."""
    return _("%(miles)s mi") % {"miles": f"{metres / METRES_PER_MILE:.1f}"}


def minutes_words(minutes: int) -> str:
    """`1 h 05`, or `45 min`."""
    hours, rest = divmod(minutes, 60)
    return _("%(h)d h %(m)02d") % {"h": hours, "m": rest} if hours else _("%(m)d min") % {"m": rest}


# --- All nurses of a day -----------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One nurse's day in a row of the list."""

    route: DayRoute

    @property
    def nurse(self) -> Nurse:
        return self.route.nurse

    @property
    def table(self) -> Timetable:
        return self.route.timetable

    @property
    def leave(self) -> datetime | None:
        return local(self.table.leave_home_at, self.nurse)

    @property
    def home(self) -> datetime | None:
        return local(self.table.home_at, self.nurse)

    @property
    def miles(self) -> str:
        return miles(self.table.metres)

    @property
    def slack(self) -> tuple[str, str] | None:
        """Status and words of the least time to spare; None with fewer than two stops."""
        least = self.table.least_slack
        if least is None:
            return None
        if least < 0:
            return "stop", _("does not fit")
        return ("wait" if least < TIGHT_MINUTES else "ok"), minutes_words(least)

    @property
    def cautions(self) -> list[tuple[bool, str]]:
        """Whether it is serious, and what it says with the stop it is about; what does not fit first."""
        of_stops = [
            (caution.serious, _("Stop %(n)d: %(said)s") % {"n": stop.number, "said": caution.text})
            for stop in self.table.stops
            for caution in stop.cautions
        ]
        of_day = [(caution.serious, caution.text) for caution in self.table.cautions]
        return sorted(of_stops + of_day, key=lambda caution: not caution[0])

    @property
    def published(self) -> tuple[str, str]:
        return published_words(self.route)

    @property
    def unread(self) -> bool:
        """Published, and the nurse has not said that she has seen the newest version."""
        last = self.route.published
        return last is not None and last.seen_at is None

    @property
    def news(self) -> bool:
        """Something to publish: a day she was not told of, or not as it is now; a day that is over is told no more."""
        return self.route.on >= self.route.today and _untold(self.route)


@dataclass(frozen=True)
class DayOfRoutes:
    """All nurses of a day: those with a route, and the names of those without."""

    on: date
    today: date  # the agency's
    lines: tuple[Line, ...]
    free: tuple[Nurse, ...]

    @cached_property
    def summary(self) -> dict[str, object]:
        """What the day holds in all: figures of the line above the list."""
        tables = [line.table for line in self.lines]
        return {
            "nurses": sum(1 for table in tables if table.stops),
            "visits": sum(len(table.stops) for table in tables),
            "drive": sum(table.drive_minutes for table in tables),
            "miles": miles(sum(table.metres for table in tables)),
            "serious": sum(1 for line in self.lines if any(serious for serious, _said in line.cautions)),
        }

    @property
    def to_publish(self) -> int:
        return sum(1 for line in self.lines if line.news)

    @property
    def told(self) -> bool:
        """Whether a travel service told every drive."""
        return all(line.table.told for line in self.lines)


def routes_of(user: User, on: date, *, today: date, now: datetime | None = None) -> DayOfRoutes:
    """Every nurse's route of `on`, by name. As many queries for one nurse as for hundreds."""
    found = route.day_routes(user, on, now=now)
    return DayOfRoutes(
        on=on,
        today=today,
        lines=tuple(Line(one) for one in found if one.timetable.stops or one.published),
        free=tuple(one.nurse for one in found if not (one.timetable.stops or one.published)),
    )


def published_words(found: DayRoute) -> tuple[str, str]:
    """Status and words of what the nurse was told: `Published, version 2`, `Changed since version 1`."""
    last = found.published
    if last is None:
        return "wait", _("Not published")
    number = {"n": last.version}
    if not found.up_to_date:
        return "wait", _("Changed since version %(n)d") % number
    return "ok", _("Published, version %(n)d") % number


def _untold(found: DayRoute) -> bool:
    return bool(not found.up_to_date and (found.published or found.timetable.stops))


# --- One nurse's day ---------------------------------------------------------------------------


@dataclass(frozen=True)
class DeskStop:
    """A stop as the office sees it."""

    stop: Stop

    @property
    def name(self) -> str:
        return self.stop.patient.listed_name

    @property
    def cautions(self) -> Sequence[Caution]:
        return self.stop.times.cautions

    @property
    def moments(self) -> list[tuple[str, datetime]]:
        """What begins when, arrival and end included."""
        return [(_("Arrive"), self.stop.starts), *((part.word, part.at) for part in self.stop.parts)]


@dataclass(frozen=True)
class Told:
    """One published version: who made it when, whether she has read it, and what it changed."""

    version: RouteVersion
    by: str
    when: str
    seen: str
    changes: tuple[str, ...]


@dataclass(frozen=True)
class DeskDay:
    """One nurse's day as the office sees it."""

    day: Day
    history: tuple[Told, ...]
    charts: frozenset[Patient]  # everybody named on the page

    @property
    def route(self) -> DayRoute:
        return self.day.route

    @cached_property
    def line(self) -> Line:
        return Line(self.day.route)

    @cached_property
    def stops(self) -> list[DeskStop]:
        return [DeskStop(stop) for stop in self.day.stops]

    @property
    def cautions(self) -> Sequence[Caution]:
        """Those of the day as a whole."""
        return self.day.timetable.cautions

    @property
    def home_miles(self) -> str:
        return self.day.home.miles if self.day.home else ""

    @property
    def movable(self) -> bool:
        """Whether another order is possible at all."""
        return sum(1 for stop in self.day.stops if stop.visit.state in {"booked", "confirmed"}) > 0 and (
            len(self.day.stops) > 1
        )

    @property
    def marks(self) -> list[Mark]:
        """What the picture is drawn from: the home base, then the stops; on the day itself the next one stands out."""
        marks = [Mark(*self.day.nurse.place, label="", title=_("Home base"), state="past")]
        for desk in self.stops:
            stop = desk.stop
            here = stop is self.day.next and (self.day.on == self.day.today or stop.visit.state in UNDER_WAY)
            state = "past" if stop.over else "now" if here else "next"
            marks.append(Mark(*stop.patient.place, str(stop.number), desk.name, state, stop.leg.minutes))
        return marks

    @property
    def places(self) -> list[tuple[float, float]]:
        """Where the day leads: home, the stops, home."""
        stops = [stop.patient.place for stop in self.day.stops]
        return [self.day.nurse.place, *stops, self.day.nurse.place] if stops else []

    @property
    def back_minutes(self) -> int | None:
        return self.day.home.minutes if self.day.home else None


def day_of(user: User, nurse: Nurse, on: date, *, now: datetime | None = None) -> DeskDay:
    """One nurse's route with its history. As many queries for one stop or version as for ten."""
    now = now or timezone.now()
    found = route.day_route(user, nurse, on, now=now)
    day = Day(route=found, now=now, gone=())
    history, named = _history(user, found)
    charts = {stop.patient for stop in day.stops} | named
    return DeskDay(day=day, history=tuple(history), charts=frozenset(charts))


def _history(user: User, found: DayRoute) -> tuple[list[Told], set[Patient]]:
    """The versions, newest first, each with what it changed; and whose names that tells."""
    oldest_first = list(reversed(found.versions))
    differences: dict[int, list[Change]] = {oldest_first[0].pk: []} if oldest_first else {}
    for before, after in pairwise(oldest_first):
        differences[after.pk] = route_changes.between(before.stops, after.stops)
    ids = {change.visit for changes in differences.values() for change in changes}
    rows: dict[int, Visit] = {}
    if ids:
        rows = {visit.pk: visit for visit in selectors.visits_for(user).filter(pk__in=ids)}
    history = [
        Told(
            version=version,
            by=_made_by(version),
            when=trail.moment(version.made_at, found.nurse.time_zone),
            seen=trail.moment(version.seen_at, found.nurse.time_zone) if version.seen_at else "",
            changes=tuple(
                _said(change, rows[change.visit], version, found.nurse)
                for change in differences[version.pk]
                if change.visit in rows
            ),
        )
        for version in found.versions
    ]
    return history, {visit.patient for visit in rows.values()}


def _made_by(version: RouteVersion) -> str:
    """Who published it, or what it followed from."""
    if version.made_by is None:
        return _("By itself: %(why)s") % {"why": trail.action_words(version.why).lower()}
    return trail.who(version.made_by)


def _said(change: Change, visit: Visit, version: RouteVersion, nurse: Nurse) -> str:
    """One difference in words, with the time the version gave it."""
    became = {stop["visit"]: datetime.fromisoformat(stop["starts_at"]) for stop in version.stops}
    said = {
        "name": full_name(visit.patient),
        "was": _clock(change.was_at, nurse),
        "at": _clock(became.get(change.visit), nurse),
    }
    if change.kind == route_changes.NEW:
        return _("%(name)s: new, %(at)s") % said
    if change.kind == route_changes.GONE:
        return _("%(name)s: no longer at %(was)s") % said
    if change.kind == route_changes.LEAVE:
        return _("%(name)s: another time to leave, was %(was)s") % said
    return _("%(name)s: from %(was)s to %(at)s") % said


def _clock(at: datetime | None, nurse: Nurse) -> str:
    moment = local(at, nurse)
    return words.clock_words(moment) if moment else ""
