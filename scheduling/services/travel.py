"""Roads a travel service told us, kept as DriveTime: read at once, asked for beforehand. docs/adr/0004.

`drives` reads and never uses the network; what nobody told is estimated. `warm` uses the network and
refuses to run inside a transaction: a server that is slow must not keep a lock from anybody.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby, islice, pairwise
from time import monotonic
from typing import Any, NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from nurses.models import Nurse
from patients.models import Patient, Prescription
from scheduling import clock, osrm
from scheduling.models import DriveTime, Heartbeat, Visit
from scheduling.models.heartbeat import ROADS, ROADS_FAILED
from scheduling.planning import busy_hours
from scheduling.planning.busy_hours import HourlyRoads
from scheduling.planning.travel import (
    ESTIMATED,
    PARKING_MINUTES,
    Place,
    Point,
    Roads,
    drive_minutes,
    point_of,
    road_km,
)
from scheduling.rules import states

log = logging.getLogger(__name__)

GOOD_FOR = timedelta(days=90)  # then asked again; the old answer counts until the new one is there
FORGOTTEN_AFTER = timedelta(days=180)  # nobody has asked for it since: a home that moved, a visit long over
FURTHEST_KM = 300  # no nurse drives further between two visits
NEAREST = 40  # nurses each home is asked about beforehand
HOMES_AT_ONCE = 50
QUIET_AFTER_FAILURE = timedelta(minutes=1)
WAIT_SECONDS = 2.0  # of a person at a page
REFRESH_SECONDS = 600.0  # of one run of the worker's task
SEARCHED = timedelta(days=31)
LINE_KEPT = timedelta(days=7)
AROUND = timedelta(days=1)  # visits this near may be a nurse's next or last stop

Pair = tuple[Place, Place]
Key = tuple[Point, Point]


def on() -> bool:
    """Whether there is a travel service at all; without one every drive is estimated and nothing is read."""
    return bool(settings.OSRM_URL)


def drives(pairs: Iterable[Pair]) -> Roads:
    """Minutes for these pairs, parking included, as a function of two places. One query, no network."""
    if not on():
        return ESTIMATED
    wanted = {(point_of(a), point_of(b)) for a, b in pairs}
    return Roads({key: kept.minutes for key, kept in _known(wanted).items()})


def roads_at(pairs: Iterable[Pair]) -> HourlyRoads:
    """The same by the hour, with metres, for the route of a day. One query, no network, none at all without a service.

    A leg the service knows no road for is kept without metres: it is estimated here, by its hour.
    """
    if not on():
        return busy_hours.ESTIMATED
    wanted = {(point_of(a), point_of(b)) for a, b in pairs}
    told = {key: (kept.minutes, kept.metres) for key, kept in _known(wanted).items() if kept.metres}
    return HourlyRoads(told)


def drive_for(place: Place, others: Iterable[Place]) -> Roads:
    """Minutes between a home and each of the others, both ways."""
    return drives(both_ways(place, others))


def both_ways(place: Place, others: Iterable[Place]) -> list[Pair]:
    """From the place to each of the others and back."""
    return [pair for other in others for pair in ((place, other), (other, place))]


# --- Asking beforehand -------------------------------------------------------------------------


def warm(
    places_from: Iterable[Place],
    places_to: Iterable[Place],
    *,
    seconds: float = WAIT_SECONDS,
    now: datetime | None = None,
) -> int:
    """Ask for the legs from each to each that are unknown or older than GOOD_FOR; how many were kept.

    Uses the network: raises RuntimeError inside a transaction. A service that fails is logged, shown on
    /readyz and left alone for QUIET_AFTER_FAILURE; nothing is raised, the estimate stands in.
    """
    _refuse_in_transaction()
    targets = list(places_to)
    return _warm([(a, b) for a in places_from for b in targets], seconds, now or timezone.now())


def warm_search(
    patient: Patient, opens: date | None, closes: date | None, *, now: datetime | None = None
) -> int:
    """Before a search: the roads between a home and every nurse's home and stop of the days asked about.

    From `opens`, today at the earliest, to `closes`; without it, once it is over, and at most, SEARCHED days.
    """
    return warm_searches([(patient, opens, closes)], now=now)


def warm_searches(
    wishes: Iterable[tuple[Patient, date | None, date | None]], *, now: datetime | None = None
) -> int:
    """The same before several searches, in the time of one: what is not told by then is estimated."""
    _refuse_in_transaction()
    if not on():
        return 0
    now = now or timezone.now()
    stretches = [(patient.place, *_stretch(patient, opens, closes, now)) for patient, opens, closes in wishes]
    if not stretches:
        return 0
    homes = {place for place, _first, _last in stretches}
    stops = _stops(min(first for _, first, _ in stretches), max(last for _, _, last in stretches), None)
    nurses = Nurse.objects.filter(active=True).order_by().values_list("latitude", "longitude")
    others = {*nurses, *stops, *homes}
    return _warm([pair for home in homes for pair in both_ways(home, others)], WAIT_SECONDS, now)


def _stretch(
    patient: Patient, opens: date | None, closes: date | None, now: datetime
) -> tuple[datetime, datetime]:
    today = clock.today_in(patient.time_zone, now)
    first = max(opens or today, today)
    last = first + SEARCHED
    if closes is not None and first <= closes:
        last = min(closes, last)
    zone = patient.time_zone
    return clock.day_bounds(first, zone)[0] - AROUND, clock.day_bounds(last, zone)[1] + AROUND


def warm_visit(
    place: Place, nurse_ids: Iterable[int], starts_at: datetime, *, now: datetime | None = None
) -> int:
    """Before a booking or a move: the roads between a home and these nurses' stops near that time."""
    _refuse_in_transaction()
    if not on():
        return 0
    ids = list(nurse_ids)
    nurses = Nurse.objects.filter(pk__in=ids).order_by().values_list("latitude", "longitude")
    others = {*nurses, *_stops(starts_at - AROUND, starts_at + 2 * AROUND, ids)}
    return _warm(both_ways(place, others), WAIT_SECONDS, now or timezone.now())


def warm_route(places: Sequence[Place], *, now: datetime | None = None) -> int:
    """Before a route is published or shown: the drives from each place to the next."""
    _refuse_in_transaction()
    return _warm(list(pairwise(places)), WAIT_SECONDS, now or timezone.now())


def road_line(places: Sequence[Place], *, now: datetime | None = None) -> osrm.Route | None:
    """The road through the places in order, for a picture and its miles; None: draw straight lines and say so.

    Its legs lie between places that differ: two stops in one house are one.
    Uses the network, at most WAIT_SECONDS, when the cache does not know: raises RuntimeError inside a transaction.
    A service that fails is logged, shown on /readyz and left alone for QUIET_AFTER_FAILURE, as with `warm`.
    """
    _refuse_in_transaction()
    points = [place for place, _again in groupby(places)]
    if not on() or len(points) < 2:
        return None
    now = now or timezone.now()
    key = "road-line:" + hashlib.sha256(repr([point_of(place) for place in points]).encode()).hexdigest()
    if (kept := _cached(key)) is not None:
        return kept or None
    if not _worth_asking(now):
        return None
    try:
        found = osrm.route(settings.OSRM_URL, points, seconds=WAIT_SECONDS)
    except osrm.NoAnswer as error:
        _answered(now, str(error))
        return None
    _answered(now, "")
    _cache(key, found or False)
    return found


def _cached(key: str) -> Any:
    """What is kept: a Route, False for "there is no road", None when nothing is, or the cache is out of reach."""
    try:
        return cache.get(key)
    except Exception as error:  # each kind of cache has errors of its own
        log.warning("roads cannot be read from the cache: %s", type(error).__name__)
        return None


def _cache(key: str, found: osrm.Route | bool) -> None:
    try:
        cache.set(key, found, timeout=int(LINE_KEPT.total_seconds()))
    except Exception as error:
        log.warning("roads cannot be kept in the cache: %s", type(error).__name__)


def refresh(*, seconds: float = REFRESH_SECONDS, now: datetime | None = None) -> int:
    """Ask for the roads between homes with an open order and the nurses nearest to them; forget old ones.

    For the worker; stops when `seconds` are over or the service fails, and goes on the next time.
    """
    _refuse_in_transaction()
    now = now or timezone.now()
    DriveTime.objects.filter(fetched_at__lt=now - FORGOTTEN_AFTER).delete()
    if not on():
        return 0
    team = list(Nurse.objects.filter(active=True).order_by().values_list("latitude", "longitude"))
    open_orders = Prescription.objects.filter(status__in=("active", "on_hold")).values("patient")
    patients = Patient.objects.filter(status=Patient.Status.ACTIVE, pk__in=open_orders).order_by("pk")
    homes = list(patients.values_list("latitude", "longitude"))
    until, kept = monotonic() + seconds, 0
    for first in range(0, len(homes), HOMES_AT_ONCE):
        left = until - monotonic()
        if left <= 0 or not _worth_asking(now):
            break
        some = homes[first : first + HOMES_AT_ONCE]
        kept += _warm([pair for home in some for pair in both_ways(home, _nearest(home, team))], left, now)
    return kept


def _nearest(home: Place, team: Iterable[Place]) -> list[Place]:
    return sorted(team, key=lambda nurse: road_km(home, nurse))[:NEAREST]


def _stops(first: datetime, last: datetime, nurse_ids: Sequence[int] | None) -> set[Place]:
    visits = Visit.objects.filter(state__in=states.HOLDING, starts_at__lt=last, ends_at__gt=first)
    if nurse_ids is not None:
        visits = visits.filter(nurse__in=nurse_ids)
    return set(visits.order_by().values_list("patient__latitude", "patient__longitude"))


def _refuse_in_transaction() -> None:
    """Whoever holds a transaction open is told here, whether there is a service or not."""
    with transaction.atomic(durable=True, savepoint=False):
        pass


def _warm(pairs: Sequence[Pair], seconds: float, now: datetime) -> int:
    missing = _missing(pairs, now) if on() else []
    return _ask(missing, seconds, now) if missing and _worth_asking(now) else 0


def _missing(pairs: Iterable[Pair], now: datetime) -> list[Pair]:
    """One pair for each leg worth asking for, in a fixed order."""
    wanted = {(point_of(a), point_of(b)): (a, b) for a, b in pairs}
    wanted = {key: pair for key, pair in wanted.items() if key[0] != key[1] and road_km(*pair) <= FURTHEST_KM}
    known = _known(wanted)
    return [wanted[key] for key in sorted(wanted) if key not in known or known[key].at < now - GOOD_FOR]


def _ask(missing: Sequence[Pair], seconds: float, now: datetime) -> int:
    """The network. Legs that came before a failure are kept."""
    until = monotonic() + seconds
    rows: dict[Key, DriveTime] = {}
    failure = ""
    try:
        for sources, targets in _rectangles(missing):
            left = until - monotonic()
            for a, b, leg in osrm.legs(settings.OSRM_URL, sources, targets, seconds=left):
                rows[point_of(a), point_of(b)] = _row(a, b, leg, now)
    except osrm.NoAnswer as error:
        failure = str(error)
    _keep([rows[key] for key in sorted(rows)])
    _answered(now, failure)
    return len(rows)


def _answered(now: datetime, failure: str) -> None:
    """How the service did, for /readyz and for who asks next."""
    if failure:
        log.warning("drive times are estimated: the travel service gave no usable answer (%s)", failure)
    Heartbeat.objects.update_or_create(name=ROADS_FAILED if failure else ROADS, defaults={"at": now})


def _rectangles(pairs: Iterable[Pair]) -> list[tuple[list[Place], list[Place]]]:
    """Tables that hold all pairs: places that go to the same places share one."""
    targets_of: dict[Place, list[Place]] = defaultdict(list)
    for a, b in pairs:
        targets_of[a].append(b)
    sources_of: dict[tuple[Place, ...], list[Place]] = defaultdict(list)
    for a, targets in targets_of.items():
        sources_of[tuple(sorted(targets))].append(a)
    return [(sources, list(targets)) for targets, sources in sources_of.items()]


def _row(a: Place, b: Place, leg: osrm.Leg | None, now: datetime) -> DriveTime:
    """Where the service knows no road the estimate is kept, with no metres, so that it is not asked every time."""
    (from_lat, from_lng), (to_lat, to_lng) = point_of(a), point_of(b)
    return DriveTime(
        from_lat=from_lat,
        from_lng=from_lng,
        to_lat=to_lat,
        to_lng=to_lng,
        minutes=leg.minutes if leg else drive_minutes(a, b) - PARKING_MINUTES,
        metres=leg.metres if leg else 0,
        fetched_at=now,
    )


def _keep(rows: Iterable[DriveTime]) -> None:
    """In the order of their keys: two who keep the same legs at once wait for each other, and in no circle."""
    waiting = iter(rows)
    while batch := list(islice(waiting, 1000)):
        DriveTime.objects.bulk_create(
            batch,
            update_conflicts=True,
            unique_fields=["from_lat", "from_lng", "to_lat", "to_lng"],
            update_fields=["minutes", "metres", "fetched_at"],
        )


class _Kept(NamedTuple):
    minutes: int  # without parking
    at: datetime
    metres: int


def _known(keys: Iterable[Key]) -> dict[Key, _Kept]:
    """Leg -> what is kept of it. One query, by the index, for any number."""
    ends = [(*a, *b) for a, b in keys]
    if not ends:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT from_lat, from_lng, to_lat, to_lng, minutes, fetched_at, metres FROM scheduling_drivetime"
            " JOIN unnest(%s::int[], %s::int[], %s::int[], %s::int[]) AS leg (a, b, c, d)"
            # "+ 0" keeps the planner off the index on the target alone, which it takes for just as narrow.
            " ON from_lat = a AND from_lng = b AND to_lat = c AND to_lng + 0 = d",
            [list(column) for column in zip(*ends, strict=True)],
        )
        rows = cursor.fetchall()
    return {((a, b), (c, d)): _Kept(*kept) for a, b, c, d, *kept in rows}


# --- How the service does ----------------------------------------------------------------------


def state() -> str:
    """ "off", "not asked yet", "ok", or "estimated" while the service fails: for pages."""
    return Heartbeat.roads() if on() else "off"


def _worth_asking(now: datetime) -> bool:
    """False for QUIET_AFTER_FAILURE; a server that is down costs one wait a minute, not one a click."""
    failed_at = Heartbeat.objects.filter(name=ROADS_FAILED).values_list("at", flat=True).first()
    return failed_at is None or now - failed_at >= QUIET_AFTER_FAILURE
