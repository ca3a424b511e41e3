"""A nurse's day in order, with the times of every stop, and what is new on it since she last looked. Reads only.

The caller writes the audit rows. Times of the route are in the nurse's zone; where the home has another clock the
page says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from nurses.models import Nurse
from patients.models import Contact, Patient
from scheduling import selectors
from scheduling.drawing import Stop as Mark
from scheduling.models import RouteVersion, Visit
from scheduling.planning import route_changes
from scheduling.planning.timetable import METRES_PER_MILE, StopTimes, Timetable
from scheduling.readings import route, words
from scheduling.readings.medicines import drug_name
from scheduling.readings.route import DayRoute, RouteStop
from scheduling.rules.regimen import Regimen
from scheduling.services import doses

CALLED_ON = (Contact.Channel.VOICE, Contact.Channel.TEXT)  # the number to dial, best first
UNDER_WAY = frozenset({"en_route", "arrived", "in_progress"})
OVER = frozenset({"completed", "missed"})


@dataclass(frozen=True)
class Leg:
    """The road to a stop. `unfit`: it takes longer than the time between two visits."""

    minutes: int
    metres: int
    unfit: bool = False

    @property
    def miles(self) -> str:
        return _("%(miles)s mi") % {"miles": f"{self.metres / METRES_PER_MILE:.1f}"}


@dataclass(frozen=True)
class Part:
    """One moment of a visit: what begins, and when on the nurse's clock."""

    word: str
    at: datetime


@dataclass(frozen=True)
class Gone:
    """A stop the nurse was told of and that is not hers any more. No name: it is not her patient's visit now."""

    at: datetime  # on the nurse's clock
    city: str
    cancelled: bool


@dataclass(frozen=True)
class Stop:
    """One visit of the day, in its place."""

    line: RouteStop
    time_zone: str  # the nurse's

    @property
    def times(self) -> StopTimes:
        return self.line.times

    @property
    def visit(self) -> Visit:
        return self.line.visit

    @property
    def number(self) -> int:
        return self.times.number

    @property
    def leg(self) -> Leg:
        slack = self.times.slack_minutes
        drive = self.times.drive
        return Leg(drive.minutes, drive.metres, unfit=slack is not None and slack < 0)

    @property
    def patient(self) -> Patient:
        return self.visit.patient

    @property
    def name(self) -> str:
        return full_name(self.patient)

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.time_zone))

    @property
    def starts(self) -> datetime:
        return self._local(self.times.arrive_at)

    @property
    def ends(self) -> datetime:
        return self._local(self.times.ends_at)

    @property
    def leave_by(self) -> datetime:
        return self._local(self.times.leave_by)

    @property
    def slack(self) -> int | None:
        """Minutes to spare before it; None at the first stop, and where the drive does not fit at all."""
        slack = self.times.slack_minutes
        return None if slack is None or slack < 0 else slack

    @cached_property
    def parts(self) -> list[Part]:
        """What begins when, after the arrival."""
        times = self.times
        named = (
            (_("Premedication"), times.premedication_at),
            (_("Infusion"), times.infusion_at),
            (_("Observation"), times.observation_at),
            (_("End"), times.ends_at),
        )
        return [Part(word, self._local(at)) for word, at in named if at is not None]

    @property
    def news(self) -> str:
        """What the nurse has not seen of it yet: `New`, `Moved from 10:00 am`; "" for nothing."""
        change = self.line.change
        if change is None:
            return ""
        was = words.clock_words(self._local(change.was_at)) if change.was_at else ""
        if change.kind == route_changes.NEW:
            return _("New")
        if change.kind == route_changes.LEAVE:
            return _("Leave at another time: was %(time)s") % {"time": was}
        if change.was_at == self.times.arrive_at:
            return _("Another length")
        return _("Moved from %(time)s") % {"time": was}

    @property
    def at_home(self) -> str:
        """The time on the patient's wall, when it is not the nurse's; else ""."""
        local = self.visit.local_start
        return "" if local.utcoffset() == self.starts.utcoffset() else words.clock_words(local)

    @property
    def status(self) -> tuple[str, str]:
        return words.visit_status(self.visit)

    @property
    def over(self) -> bool:
        return self.visit.state in OVER

    @property
    def what(self) -> str:
        return what(self.visit)

    @property
    def phone(self) -> str:
        return phone_of(self.patient)

    @property
    def directions(self) -> str:
        return directions_to(self.patient)


@dataclass(frozen=True)
class Day:
    """The stops of one day, the road between them, and what was published of it."""

    route: DayRoute
    now: datetime
    gone: tuple[Gone, ...]

    @property
    def nurse(self) -> Nurse:
        return self.route.nurse

    @property
    def on(self) -> date:
        return self.route.on

    @property
    def today(self) -> date:
        return self.route.today

    @property
    def timetable(self) -> Timetable:
        return self.route.timetable

    @cached_property
    def stops(self) -> tuple[Stop, ...]:
        return tuple(Stop(line, self.nurse.time_zone) for line in self.route.stops)

    @property
    def home(self) -> Leg | None:
        leg = self.timetable.home
        return Leg(leg.minutes, leg.metres) if leg else None

    @property
    def home_at(self) -> datetime | None:
        """At home again, on the nurse's clock."""
        at = self.timetable.home_at
        return at.astimezone(ZoneInfo(self.nurse.time_zone)) if at else None

    @property
    def heads_up(self) -> list[str]:
        """What she should know of the day as a whole: a late home, a paper of hers that runs out."""
        return [caution.text.replace("The nurse's", "Your") for caution in self.timetable.cautions]

    @property
    def published(self) -> RouteVersion | None:
        return self.route.published

    @property
    def published_words(self) -> str:
        """`Published, version 3, 7:02 am`, with the day when it was not today."""
        version = self.published
        if version is None:
            return _("Not published yet: may change")
        made = version.made_at.astimezone(ZoneInfo(self.nurse.time_zone))
        when = words.clock_words(made)
        if made.date() != self.today:
            when = f"{words.day_words(made.date(), year=False)}, {when}"
        return _("Published, version %(number)d, %(when)s") % {"number": version.version, "when": when}

    @property
    def unseen(self) -> bool:
        """Whether the newest version waits for the nurse to say that she has seen it."""
        return self.published is not None and self.published.seen_at is None

    @property
    def news(self) -> int:
        """How many stops are new, moved or gone since she last said that she has seen the day."""
        return len(self.route.changes)

    @cached_property
    def next(self) -> Stop | None:
        """The first stop that is not over yet."""
        return next((stop for stop in self.stops if not stop.over), None)

    @property
    def next_words(self) -> str:
        """What to say above it: whether it is time to go, under way, or left without a record."""
        stop = self.next
        if stop is None:
            return ""
        if self.on != self.today:
            first = _("First stop") if stop.number == 1 else _("First open stop")
            return _("%(stop)s · leave by %(time)s") % {
                "stop": first, "time": words.clock_words(stop.leave_by)
            }  # fmt: skip
        if stop.visit.state in UNDER_WAY or stop.visit.starts_at <= self.now < stop.visit.ends_at:
            return _("Now")
        if stop.visit.ends_at <= self.now:
            return _("Not recorded yet")
        return _("Next · leave by %(time)s") % {"time": words.clock_words(stop.leave_by)}

    @property
    def drive_minutes(self) -> int:
        return self.timetable.drive_minutes

    @property
    def miles(self) -> str:
        return Leg(0, self.timetable.metres).miles

    @property
    def visit_minutes(self) -> int:
        return self.timetable.visit_minutes

    @property
    def marks(self) -> list[Mark]:
        """What the sketch is drawn from: the home base, then the stops."""
        marks = [Mark(*self.nurse.place, label="", title=_("Home base"), state="past")]
        for stop in self.stops:
            state = "past" if stop.over else "now" if stop is self.next else "next"
            marks.append(Mark(*stop.patient.place, str(stop.number), stop.name, state, stop.leg.minutes))
        return marks

    @property
    def before(self) -> date | None:
        """The day before, while it is still in sight."""
        return self._in_sight(self.on - timedelta(days=1))

    @property
    def after(self) -> date | None:
        return self._in_sight(self.on + timedelta(days=1))

    def _in_sight(self, on: date) -> date | None:
        return on if abs(on - self.today) <= selectors.NURSE_SEES else None


def day_of(user: User, nurse: Nurse, on: date, *, now: datetime | None = None) -> Day:
    """The nurse's visits that start on the local day `on`, with the road between them. As many queries for one visit
    as for ten; one more when something she was told of is gone."""
    now = now or timezone.now()
    found = route.day_route(user, nurse, on, now=now)
    return Day(route=found, now=now, gone=tuple(_gone(found)))


def _gone(found: DayRoute) -> Iterator[Gone]:
    """What to call the stops that are not hers any more: a time, a city, and whether nobody goes there at all."""
    lost = {change.visit: change for change in found.gone}
    if not lost:
        return
    zone = ZoneInfo(found.nurse.time_zone)
    rows = Visit.objects.filter(pk__in=lost).order_by("starts_at", "pk")
    for key, state, city in rows.values_list("pk", "state", "patient__city"):
        at = lost[key].was_at
        assert at is not None
        yield Gone(at.astimezone(zone), city, cancelled=state == "cancelled")


def full_name(patient: Patient) -> str:
    """First Last: how it is said at the door."""
    return f"{patient.first_name} {patient.last_name}"


def what(visit: Visit) -> str:
    """`Ocrelizumab 600 mg, dose 5`; the kind of visit where nothing is given."""
    if visit.dose is None:
        return str(visit.get_kind_display())
    drug = f"{drug_name(regimen_of(visit))} {words.mg_words(visit.dose.amount_mg)}".strip()
    return _("%(drug)s, dose %(number)d") % {"drug": drug, "number": visit.dose.number}


def regimen_of(visit: Visit) -> Regimen:
    """The facts the visit's prescription was made with. The visit has a dose."""
    assert visit.dose is not None
    return doses.regimen_of(visit.dose.prescription)


def phone_of(patient: Patient) -> str:
    """The number to dial, or "". Needs the contacts prefetched as `ways`.

    A nurse on the road calls about care: opting out of messages does not take the number away.
    """
    numbers = {way.channel: way.value for way in patient.ways}  # type: ignore[attr-defined]
    return next((numbers[channel] for channel in CALLED_ON if numbers.get(channel)), "")


def directions_to(patient: Patient) -> str:
    """A link that opens the phone's map app with the road to the door.

    This address is the one form that Android and iPhone both hand to an installed app and that still
    works in a browser: geo: does nothing on an iPhone, maps.apple.com nothing useful on Android.
    Only the place is in it; no name, and no key or account of ours.
    """
    latitude, longitude = patient.place
    return f"https://www.google.com/maps/dir/?api=1&destination={latitude:.5f},{longitude:.5f}&travelmode=driving"
