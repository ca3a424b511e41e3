"""A nurse's day in order, and everything needed at one door. Reads only; the caller writes the audit rows.

Times of the route are in the nurse's zone; where the home has another clock the page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from nurses.models import Nurse
from patients.models import Contact, Patient
from scheduling import clock, selectors
from scheduling.drawing import Stop as Mark
from scheduling.models import Visit
from scheduling.planning.travel import Place, Roads, road_km
from scheduling.readings import words
from scheduling.readings.medicines import drug_name
from scheduling.rules.regimen import Regimen
from scheduling.services import doses, travel

KM_PER_MILE = 1.609344
CALLED_ON = (Contact.Channel.VOICE, Contact.Channel.TEXT)  # the number to dial, best first
UNDER_WAY = frozenset({"en_route", "arrived", "in_progress"})
OVER = frozenset({"completed", "missed"})


@dataclass(frozen=True)
class Leg:
    """The road to a stop. `unfit`: it takes longer than the time between two visits."""

    minutes: int
    km: float
    unfit: bool = False

    @property
    def miles(self) -> str:
        return _("%(miles)s mi") % {"miles": f"{self.km / KM_PER_MILE:.1f}"}


@dataclass(frozen=True)
class Stop:
    """One visit of the day, in its place. `leg` is the road to it, None where no start is known."""

    number: int
    visit: Visit
    time_zone: str  # the nurse's
    leg: Leg | None

    @property
    def patient(self) -> Patient:
        return self.visit.patient

    @property
    def name(self) -> str:
        return full_name(self.patient)

    @property
    def starts(self) -> datetime:
        return self.visit.starts_at.astimezone(ZoneInfo(self.time_zone))

    @property
    def ends(self) -> datetime:
        return self.visit.ends_at.astimezone(ZoneInfo(self.time_zone))

    @property
    def leave_by(self) -> datetime | None:
        return self.starts - timedelta(minutes=self.leg.minutes) if self.leg else None

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
    """The stops of one day, and the road between them."""

    nurse: Nurse
    on: date
    today: date
    now: datetime
    stops: tuple[Stop, ...]
    home: Leg | None

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
            return _("First stop") if stop.number == 1 else _("First open stop")
        if stop.visit.state in UNDER_WAY or stop.visit.starts_at <= self.now < stop.visit.ends_at:
            return _("Now")
        if stop.visit.ends_at <= self.now:
            return _("Not recorded yet")
        if stop.leave_by:
            return _("Next · leave by %(time)s") % {"time": words.clock_words(stop.leave_by)}
        return _("Next")

    @property
    def drive_minutes(self) -> int:
        legs = [stop.leg for stop in self.stops] + [self.home]
        return sum(leg.minutes for leg in legs if leg)

    @property
    def visit_minutes(self) -> int:
        return sum(_minutes(stop.visit) for stop in self.stops)

    @property
    def marks(self) -> list[Mark]:
        """What the sketch is drawn from: the home base, then the stops."""
        marks = [Mark(*self.nurse.place, label="", title=_("Home base"), state="past")]
        for stop in self.stops:
            state = "past" if stop.over else "now" if stop is self.next else "next"
            leg = stop.leg.minutes if stop.leg else None
            marks.append(Mark(*stop.patient.place, str(stop.number), stop.name, state, leg))
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
    """The nurse's visits that start on the local day `on`, with the road between them. Two queries."""
    now = now or timezone.now()
    first, last = clock.day_bounds(on, nurse.time_zone)
    visits = list(
        selectors.visits_for(user, now=now)
        .filter(starts_at__gte=first, starts_at__lt=last)
        .prefetch_related(Prefetch("patient__contacts", to_attr="ways"))
        .order_by("starts_at", "pk")
    )
    places = [nurse.place, *(visit.patient.place for visit in visits), nurse.place]
    roads = travel.drives(pairwise(places))
    return Day(
        nurse=nurse,
        on=on,
        today=clock.today_in(nurse.time_zone, now),
        now=now,
        stops=tuple(_stops(visits, nurse, roads)),
        home=_leg(visits[-1].patient.place, nurse.place, roads) if visits else None,
    )


def _stops(visits: Sequence[Visit], nurse: Nurse, roads: Roads) -> list[Stop]:
    stops: list[Stop] = []
    place, free_at = nurse.place, None
    for number, visit in enumerate(visits, start=1):
        leg = _leg(place, visit.patient.place, roads)
        if free_at is not None and free_at + timedelta(minutes=leg.minutes) > visit.starts_at:
            leg = Leg(leg.minutes, leg.km, unfit=True)
        stops.append(Stop(number, visit, nurse.time_zone, leg))
        place, free_at = visit.patient.place, visit.ends_at
    return stops


def _leg(start: Place, end: Place, roads: Roads) -> Leg:
    return Leg(roads(start, end), road_km(start, end))


def _minutes(visit: Visit) -> int:
    return int((visit.ends_at - visit.starts_at).total_seconds() // 60)


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
