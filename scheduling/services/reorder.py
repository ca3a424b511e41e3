"""A nurse's visits of a day in another order: shown with all it does, then done in one transaction or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from scheduling import clock
from scheduling.models import SlotHold, Visit
from scheduling.planning import reordering
from scheduling.planning.reordering import Item, Placed
from scheduling.planning.timetable import Timetable, timetable
from scheduling.planning.travel import Place
from scheduling.rules import states
from scheduling.rules.eligibility import ShiftFact, Span, Stop
from scheduling.rules.errors import BadInput, Conflict, RuleBroken
from scheduling.services import events, slot_holds, timetables, together, travel
from scheduling.services.guard import writes
from scheduling.services.together import Judged, Move

OUT_OF_HOURS = frozenset({"NO_SHIFT", "OUTSIDE_SHIFT", "ON_BREAK"})
WHY = {
    reordering.OUT_OF_ORDER: "This visit keeps its time, and that is before the visit it would follow.",
    reordering.NO_TIME_TO_DRIVE: "This visit keeps its time, and the visit before it leaves no time for the drive.",
    reordering.NO_TIME: "No quarter hour of the day is left for it in this order.",
}


@dataclass(frozen=True)
class Wish:
    """The order somebody asks for, by visit; those left out follow as they stand, unknown ones are not there.

    `may_move`: confirmed visits whose time may change all the same. `first_at` (aware): when the day begins.
    `close_gaps`: what may move comes as early as it can, not only where the order changes.
    """

    order: tuple[int, ...] = ()
    may_move: frozenset[int] = frozenset()
    first_at: datetime | None = None
    close_gaps: bool = False


@dataclass(frozen=True)
class Line:
    """One visit of the day in its new place. `span` None: no time was found. `trouble`: why it cannot stand so."""

    visit: Visit
    span: Span | None
    fixed: bool
    trouble: str
    code: str
    judged: Judged | None = None

    @property
    def starts_at(self) -> datetime | None:
        return self.span.start if self.span else None

    @property
    def moves(self) -> bool:
        return bool(self.starts_at != self.visit.starts_at)


@dataclass(frozen=True)
class Effect:
    """What the order does. `after` is the day with every visit that has a time."""

    nurse: Nurse
    on: date
    lines: tuple[Line, ...]
    before: Timetable
    after: Timetable

    @property
    def moves(self) -> list[Move]:
        """The visits that get another time."""
        return [
            Move(line.visit.pk, line.visit.version, self.nurse.pk, line.starts_at)
            for line in self.lines
            if line.moves and line.starts_at is not None
        ]

    @property
    def possible(self) -> bool:
        """Nothing stands against it but what a reason helps against."""
        return not any(line.trouble or (line.judged and line.judged.refused) for line in self.lines)

    @property
    def asks(self) -> bool:
        """Some visit needs a reason."""
        return any(line.judged and line.judged.asks for line in self.lines)

    @property
    def signature(self) -> str:
        """A short sign of the visits as they are and the times they get."""
        shown = [
            (line.visit.pk, line.visit.version, line.visit.state, line.visit.starts_at, line.starts_at)
            for line in self.lines
        ]
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:32]


class NotAsShown(Conflict):
    """The day, or what the order does to it, is not what the person saw."""

    code = "NOT_AS_SHOWN"


def effect_of(nurse: Nurse, on: date, wish: Wish, *, by: User, now: datetime | None = None) -> Effect:
    """What the order does, each visit that moves judged as booking judges it. Writes nothing; no network. About
    thirty queries for each visit that moves.

    Raises Conflict where a visit changed between reading and judging, or a row is busy.
    """
    now = now or timezone.now()
    found = _effect(nurse, on, _visits(nurse, on), wish, by=by, now=now)
    moves = found.moves
    if not moves or any(line.code == reordering.NO_TIME for line in found.lines):
        return found
    judged = together.judge_together(moves, by=by, reason_class="organisation", now=now)
    by_visit = {one.visit_id: one for one in judged}
    return replace(
        found, lines=tuple(replace(line, judged=by_visit.get(line.visit.pk)) for line in found.lines)
    )


@writes
def reorder(
    *,
    nurse_id: int,
    on: date,
    wish: Wish,
    shown: str,
    by: User,
    reason_class: str,
    note: str = "",
    override: str = "",
    now: datetime | None = None,
) -> list[Visit]:
    """Do what was shown, all of it or nothing; the visits that moved, by their new times.

    `shown` is the signature of the Effect the person agreed to: NotAsShown when it is another one by now. A refusal
    says by `visit_id` which visit it is about. Locks the patients of the day by id, then the nurse.
    """
    now = now or timezone.now()
    nurse = Nurse.objects.get(pk=nurse_id)
    patients = {visit.patient_id for visit in _visits(nurse, on)}
    _patients, nurses = together.lock_all(patients, [nurse_id])
    visits = _visits(nurses[nurse_id], on)
    if not {visit.patient_id for visit in visits} <= patients:
        raise NotAsShown("Somebody booked a visit on this day just now. Look again, then save.")
    effect = _effect(nurses[nurse_id], on, visits, wish, by=by, now=now)
    _check(effect, shown)
    moves = [replace(move, override=override) for move in effect.moves]
    moved = together.move_together(moves, by=by, reason_class=reason_class, note=note, now=now)
    events.write(
        "day_reordered",
        by=by,
        subject=nurse,
        why=override or note,
        on=on.isoformat(),
        visits=[line.visit.pk for line in effect.lines],
        moved=[visit.pk for visit in moved],
    )
    return sorted(moved, key=lambda visit: visit.starts_at)


def _check(effect: Effect, shown: str) -> None:
    """Raise unless it is what was shown, it is possible, and it changes something."""
    if effect.signature != shown:
        raise NotAsShown("The day has changed since this was shown. Look again, then save.")
    for line in effect.lines:
        if line.trouble:
            no = RuleBroken(line.trouble, code=line.code)
            no.visit_id = line.visit.pk
            raise no
    if not effect.moves:
        raise BadInput("No visit gets another time in this order.", field="order")


def roads_between(nurse: Nurse, visits: Iterable[Visit]) -> list[Place]:
    """The places of the day any order may join: for `travel.warm`, before a transaction."""
    return list(dict.fromkeys([nurse.place, *(visit.patient.place for visit in visits)]))


def _visits(nurse: Nurse, on: date) -> list[Visit]:
    """The visits that hold her time on her local day `on`, earliest first."""
    first, last = clock.day_bounds(on, nurse.time_zone)
    rows = Visit.objects.filter(
        nurse=nurse, state__in=states.HOLDING, starts_at__gte=first, starts_at__lt=last
    )
    return list(
        rows.select_related("patient", "dose__prescription", "planned_check").order_by("starts_at", "pk")
    )


def _effect(
    nurse: Nurse, on: date, visits: Sequence[Visit], wish: Wish, *, by: User, now: datetime
) -> Effect:
    rows = {visit.pk: visit for visit in visits}
    asked = [key for key in dict.fromkeys(wish.order) if key in rows]
    ordered = [rows[key] for key in [*asked, *(key for key in rows if key not in asked)]]
    places = roads_between(nurse, visits)
    pairs = list(permutations(places, 2))
    shifts, away = _hours(nurse, on)
    held, taken = _in_the_way(nurse, visits, by, now)
    zone = ZoneInfo(nurse.time_zone)
    day = reordering.Day(
        on=on,
        zone=zone,
        hours=reordering.working(shifts, away, on, zone),
        held=held,
        drive=travel.drives([*pairs, *((a, hold.place) for a in places for hold in held),
                             *((hold.place, a) for a in places for hold in held)]),
        after=now,
        first_at=wish.first_at,
        close_gaps=wish.close_gaps,
    )  # fmt: skip
    items = [_item(visit, wish, taken.get(visit.patient_id, ())) for visit in ordered]
    placed = reordering.rearrange(items, day)
    lines = tuple(
        Line(rows[item.key], one.span, item.fixed, WHY.get(one.why, ""), one.why)
        for item, one in zip(items, placed, strict=True)
    )
    return Effect(nurse, on, lines, *_tables(nurse, on, visits, placed, pairs, now))


def _item(visit: Visit, wish: Wish, taken: tuple[Span, ...]) -> Item:
    stays = visit.state != "booked" and not (visit.state == "confirmed" and visit.pk in wish.may_move)
    return Item(
        key=visit.pk,
        place=visit.patient.place,
        span=Span(visit.starts_at, visit.ends_at),
        length=_length(visit),
        zone=ZoneInfo(visit.time_zone),
        fixed=stays,
        any_hours=bool(OUT_OF_HOURS & set(visit.override_codes)),
        taken=taken,
    )


def _length(visit: Visit) -> timedelta:
    """What booking it anew would take: the minutes of its dose or check as they are planned today."""
    if visit.dose is not None:
        return timedelta(minutes=visit.dose.total_minutes)
    if visit.planned_check is not None:
        return timedelta(minutes=visit.planned_check.minutes)
    return visit.ends_at - visit.starts_at


def _hours(nurse: Nurse, on: date) -> tuple[list[ShiftFact], list[Span]]:
    """Her weekly hours, and the time off that touches the day."""
    first, last = clock.day_bounds(on, nurse.time_zone)
    shifts = [
        ShiftFact(x.weekday, x.starts, x.ends, x.from_on, x.until_on, x.break_starts, x.break_ends)
        for x in nurse.shifts.filter(weekday=on.weekday())
    ]
    off = nurse.time_off.filter(withdrawn_at__isnull=True, starts_at__lt=last, ends_at__gt=first)
    return shifts, [Span(x.starts_at, x.ends_at) for x in off]


def _in_the_way(
    nurse: Nurse, visits: Sequence[Visit], by: User, now: datetime
) -> tuple[list[Stop], Mapping[int, tuple[Span, ...]]]:
    """Times others hold with this nurse, and by patient the other visits and held times of that day."""
    if not visits:
        return [], {}
    people = {visit.patient_id for visit in visits}
    first = min(visit.starts_at for visit in visits)
    around = clock.day_bounds(clock.local_day(first, nurse.time_zone), nurse.time_zone)
    near = Q(starts_at__lt=around[1], ends_at__gt=around[0])
    holds: list[SlotHold] = list(
        slot_holds.standing(now)
        .filter(near & (Q(nurse=nurse) | Q(patient__in=people)))
        .exclude(held_by=by)
        .select_related("patient")
    )
    others = Visit.objects.filter(near, patient__in=people, state__in=states.HOLDING)
    taken: dict[int, tuple[Span, ...]] = {}
    for row in [*others.exclude(pk__in=[visit.pk for visit in visits]), *holds]:
        taken[row.patient_id] = (*taken.get(row.patient_id, ()), Span(row.starts_at, row.ends_at))
    held = [Stop(Span(x.starts_at, x.ends_at), x.patient.place) for x in holds if x.nurse_id == nurse.pk]
    return held, taken


def _tables(
    nurse: Nurse,
    on: date,
    visits: Sequence[Visit],
    placed: Sequence[Placed],
    pairs: Sequence[tuple[Place, Place]],
    now: datetime,
) -> tuple[Timetable, Timetable]:
    """The day as it stands, and as it would be."""
    road, today = travel.roads_at(pairs), clock.today_in(nurse.time_zone, now)
    before = [timetables.planned_of(visit) for visit in visits]
    spans = {one.key: one.span for one in placed}
    after = [
        replace(stop, starts_at=span.start, ends_at=span.end)
        for stop in before
        if (span := spans[stop.key]) is not None
    ]
    facts = timetables.bare(nurse)
    tables = [timetable(facts, on, stops, road, today=today) for stops in (before, after)]
    return tables[0], tables[1]
