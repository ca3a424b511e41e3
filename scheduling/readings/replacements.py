"""For each uncovered visit the nurses and times that could take its place, and one plan for all of them. Reads only.

The patient was told a day and an hour, so a replacement is ranked by what it changes: the same time with
another nurse first, then the same day, then another day that needs no reason. The plan is joint: what is
proposed for one visit never stands in the way of what is proposed for the next. As many queries for many
visits as for few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Count
from django.utils import timezone

from patients.models import Patient
from scheduling import clock, selectors
from scheduling.models import SlotHold, Visit
from scheduling.planning.assignment import Option, Plan, Room, Wish, assign, urgency
from scheduling.planning.facts import NurseFacts, Wanted
from scheduling.planning.slots import Found, Slot, Starts, search, starts_of
from scheduling.planning.team import Team, floor_second, team
from scheduling.planning.travel import Roads, drives
from scheduling.readings import roster
from scheduling.readings.day_fit import DayFit
from scheduling.readings.roster import Member
from scheduling.readings.uncovered import Uncovered
from scheduling.rules import states
from scheduling.rules.eligibility import Pairs, Span, Stop
from scheduling.services import attention, bookable, pairs_on_file, slot_holds, travel
from scheduling.services.bookable import Bookable

# What a change weighs for the patient, in minutes of driving.
TIME_CHANGED, EACH_HOUR, DAY_CHANGED, EACH_DAY = 45, 10, 120, 20
WISH_MISSED = 30

SAME_TIME, HALF_DAY, OTHER_DAYS = 8, 3, 6  # options kept of each sort
AROUND = 7  # days before and after the visit's own that are looked at
MOST = 40  # visits placed together


@dataclass(frozen=True)
class Case:
    """An uncovered visit, what it is for, its options (cheapest first); without any, by code who is out."""

    uncovered: Uncovered
    wanted: Bookable
    asked: Wanted
    slots: tuple[Slot, ...]
    ruled_out: Mapping[str, tuple[int, ...]]
    visits_before: int

    @property
    def visit(self) -> Visit:
        return self.uncovered.visit


@dataclass(frozen=True)
class Settlement:
    """The cases in order of slack, the plan over them by visit id, and the nurses by id."""

    cases: tuple[Case, ...]
    plan: Plan
    members: Mapping[int, Member]
    roads: Roads
    now: datetime

    def chosen(self, case: Case) -> Slot | None:
        """The slot the plan gives to a case."""
        option = self.plan.chosen.get(case.visit.pk)
        if option is None:
            return None
        return next(x for x in case.slots if (x.nurse, x.starts_at) == (option.nurse, option.starts_at))


def propose(
    user: selectors.Viewer, uncovered: Sequence[Uncovered], *, now: datetime | None = None
) -> Settlement:
    """Options and plan for up to MOST visits."""
    now = now or timezone.now()
    desk = _Desk(user, tuple(uncovered[:MOST]), now)
    cases = tuple(desk.case(one) for one in desk.uncovered)
    wishes = [
        Wish(
            key=case.visit.pk,
            patient=case.visit.patient_id,
            place=case.visit.patient.place,
            length=case.wanted.length,
            options=tuple(Option(x.nurse, x.starts_at, x.cost) for x in case.slots),
            weight=urgency(case.uncovered.days_left),
        )
        for case in cases
    ]
    plan = assign(wishes, desk.rooms, desk.roads)
    return Settlement(cases, plan, desk.members, desk.roads, now)


def wanted_of(visit: Visit) -> Bookable:
    """What the visit was booked for; dose with prescription and patient, and planned check, loaded."""
    if visit.dose is not None:
        return bookable.of_dose(visit.dose)
    if visit.planned_check is not None:
        visit.planned_check.patient = visit.patient
        return bookable.of_check(visit.planned_check)
    return bookable.like(visit, visit.patient)


@dataclass
class _Desk:
    """Everything read at once: nurses with their days, the patients' other visits, what the doses allow."""

    user: selectors.Viewer
    uncovered: tuple[Uncovered, ...]
    now: datetime
    teams: dict[tuple[str, tuple[str, ...]], Team] = field(default_factory=dict)

    @cached_property
    def days(self) -> list[date]:
        """Every day somebody may be moved to."""
        found = {clock.local_day(one.visit.starts_at, one.visit.time_zone) for one in self.uncovered}
        return sorted({day + timedelta(days=n) for day in found for n in range(-AROUND, AROUND + 1)})

    @cached_property
    def members(self) -> dict[int, Member]:
        """Active nurses by id, their stops without the visits that are being placed."""
        if not self.uncovered:
            return {}
        placed = {one.visit.pk for one in self.uncovered}
        first = clock.day_bounds(self.days[0], "UTC")[0] - timedelta(days=1)
        last = clock.day_bounds(self.days[-1], "UTC")[1] + timedelta(days=1)
        held = self._held(first, last)
        found = {}
        for member in roster.roster(self.user, first, last):
            visits = tuple(visit for visit in member.visits if visit.pk not in placed)
            facts = roster.facts_of(member.nurse, visits)
            facts = replace(facts, stops=(*facts.stops, *held[member.nurse.pk]))
            found[member.nurse.pk] = Member(member.nurse, facts, visits)
        return found

    def _held(self, first: datetime, last: datetime) -> dict[int, list[Stop]]:
        """Slots others keep for a few minutes count as taken."""
        found: dict[int, list[Stop]] = defaultdict(list)
        holds = slot_holds.standing(self.now).exclude(held_by=self.user.pk)
        for hold in holds.filter(starts_at__lt=last, ends_at__gt=first).select_related("patient"):
            found[hold.nurse_id].append(_stop(hold))
        return found

    @cached_property
    def facts(self) -> list[NurseFacts]:
        return [member.facts for member in self.members.values()]

    @property
    def rooms(self) -> dict[int, Room]:
        return {x.key: Room(x.zone, x.day_limit_minutes, x.stops) for x in self.facts}

    @cached_property
    def roads(self) -> Roads:
        """Roads the agency's travel service told; nothing is read where there is none."""
        homes = [one.visit.patient.place for one in self.uncovered]
        ends = {*homes, *(x.home for x in self.facts), *(stop.place for x in self.facts for stop in x.stops)}
        return travel.drives(pair for home in homes for pair in travel.both_ways(home, ends))

    @cached_property
    def fit(self) -> DayFit:
        return DayFit.of([one.visit.dose for one in self.uncovered if one.visit.dose is not None])

    @cached_property
    def other_visits(self) -> dict[int, list[Span]]:
        """Patient -> their live visits that stay."""
        found: dict[int, list[Span]] = defaultdict(list)
        patients = {one.visit.patient_id for one in self.uncovered}
        live = Visit.objects.filter(patient__in=patients, state__in=states.HOLDING, ends_at__gt=self.now)
        live = live.exclude(pk__in=[one.visit.pk for one in self.uncovered]).order_by()
        for patient, starts_at, ends_at in live.values_list("patient", "starts_at", "ends_at"):
            found[patient].append(Span(starts_at, ends_at))
        return found

    @cached_property
    def pairs(self) -> dict[int, Pairs]:
        """Patient -> who may come."""
        return pairs_on_file.may_come(sorted({one.visit.patient_id for one in self.uncovered}))

    @cached_property
    def known(self) -> dict[int, dict[int, int]]:
        """Patient -> nurse -> visits completed."""
        found: dict[int, dict[int, int]] = defaultdict(dict)
        patients = {one.visit.patient_id for one in self.uncovered}
        done = Visit.objects.filter(patient__in=patients, state="completed").order_by()
        counted = done.values("patient", "nurse").annotate(n=Count("pk"))
        for patient, nurse, n in counted.values_list("patient", "nurse", "n"):
            found[patient][nurse] = n
        return found

    def case(self, one: Uncovered) -> Case:
        visit, wanted = one.visit, wanted_of(one.visit)
        asked = Wanted(
            place=visit.patient.place,
            state=visit.patient.state,
            zone=ZoneInfo(visit.patient.time_zone),
            length=wanted.length,
            needs=wanted.needs,
            patient_spans=tuple(self.other_visits[visit.patient_id]),
            prefers=visit.patient.prefers,
            pairs=self.pairs[visit.patient_id],
        )
        grid = self._grid(visit, asked, self._days_of(one))
        found: dict[tuple[int, datetime], Slot] = {}
        ruled_out: Mapping[str, tuple[int, ...]] = {}
        for starts, limit in self._sorts(visit, asked, grid):
            answer = self._search(visit, asked, starts, limit)
            found |= {(slot.nurse, slot.starts_at): slot for slot in answer.slots}
        if not found:
            ruled_out = self._search(visit, asked, grid, 1).ruled_out
        as_it_is = (visit.nurse_id, visit.starts_at)
        slots = sorted(
            (slot for key, slot in found.items() if key != as_it_is),
            key=lambda slot: (slot.cost, slot.starts_at, slot.nurse),
        )
        before = sum(self.known[visit.patient_id].values())
        return Case(one, wanted, asked, tuple(slots), ruled_out, before)

    def _days_of(self, one: Uncovered) -> list[date]:
        """The visit's own day while its dose agrees with it, and the days around that need no reason."""
        visit, dose = one.visit, one.visit.dose
        if visit.patient.status != Patient.Status.ACTIVE:
            return []
        own = clock.local_day(visit.starts_at, visit.patient.time_zone)
        today = clock.today_in(visit.patient.time_zone, self.now)
        first, last = max(today, own - timedelta(days=AROUND)), own + timedelta(days=AROUND)
        if dose is not None:
            last = own if self.fit.next_is_booked(dose) else last
            days = set(self.fit.days(dose, first, last))
        elif (check := visit.planned_check) is not None:
            days = set(_between(max(first, check.window_start_on), min(last, check.window_end_on)))
        else:
            days = set()
        if visit.attention_code in {"", attention.NURSE_AWAY}:
            days.add(own)
        return sorted(day for day in days if day >= today)

    def _grid(self, visit: Visit, asked: Wanted, days: Sequence[date]) -> Starts:
        """Every start of these days, the visit's own among them, each with what it would change."""
        starts = starts_of(days, replace(asked, due_on=None, prefers=""), after=self.now)
        starts = _with_start(starts, visit, asked, self.now)
        return replace(starts, cost=_cost_of_change(starts, visit, asked))

    def _sorts(self, visit: Visit, asked: Wanted, grid: Starts) -> list[tuple[Starts, int]]:
        """The same time, the morning and the afternoon of that day, the other days."""
        told = floor_second(visit.starts_at)
        own = clock.local_day(visit.starts_at, visit.patient.time_zone)
        noon = int(datetime(own.year, own.month, own.day, 12, tzinfo=asked.zone).timestamp())
        same_day = grid.day == own.toordinal()
        return [
            (_only(grid, grid.at == told), SAME_TIME),
            (_only(grid, same_day & (grid.at < noon) & (grid.at != told)), HALF_DAY),
            (_only(grid, same_day & (grid.at >= noon) & (grid.at != told)), HALF_DAY),
            (_only(grid, ~same_day), OTHER_DAYS),
        ]

    def _search(self, visit: Visit, asked: Wanted, starts: Starts, limit: int) -> Found:
        key = (asked.state, asked.needs)
        if key not in self.teams:
            self.teams[key] = team(self.facts, self.days, asked.state, asked.needs)
        road = self.roads.many if travel.on() else drives
        known = self.known[visit.patient_id]
        return search(self.teams[key], asked, starts, visits_before=known, limit=limit, road=road)


def _stop(hold: SlotHold) -> Stop:
    return Stop(Span(hold.starts_at, hold.ends_at), hold.patient.place)


def _between(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range(max((last - first).days + 1, 0)))


def _only(starts: Starts, keep: np.ndarray) -> Starts:
    return Starts(starts.at[keep], starts.day[keep], starts.last_day[keep], starts.cost[keep])


def _with_start(starts: Starts, visit: Visit, asked: Wanted, now: datetime) -> Starts:
    """The grid has quarter hours of the day; the visit's own start may be another one."""
    told = floor_second(visit.starts_at)
    own = clock.local_day(visit.starts_at, visit.patient.time_zone).toordinal()
    if visit.starts_at <= now or told in starts.at or own not in starts.day:
        return starts
    place = int(np.searchsorted(starts.at, told))
    last = (visit.starts_at + asked.length).astimezone(asked.zone).toordinal()
    added = (told, own, last, 0)
    columns = (starts.at, starts.day, starts.last_day, starts.cost)
    return Starts(*(np.insert(column, place, value) for column, value in zip(columns, added, strict=True)))


def _cost_of_change(starts: Starts, visit: Visit, asked: Wanted) -> np.ndarray:
    """What each start changes for somebody who was told another one."""
    told = floor_second(visit.starts_at)
    own = clock.local_day(visit.starts_at, visit.patient.time_zone).toordinal()
    apart = np.abs(starts.at - told) // 60
    within_day = np.minimum(apart, 12 * 60) * EACH_HOUR // 60
    cost = np.where(apart == 0, 0, TIME_CHANGED + np.where(starts.day == own, within_day, 0))
    other_day = starts.day != own
    if visit.dose is not None:
        due = visit.dose.due_on.toordinal()
        days = np.maximum(np.abs(starts.day - due) - abs(own - due), 0) + 1
    else:
        days = np.abs(starts.day - own)
    cost = cost + np.where(other_day, DAY_CHANGED + EACH_DAY * days, 0)
    if asked.prefers in {"morning", "afternoon"}:
        hours = np.array([datetime.fromtimestamp(at, asked.zone).hour for at in starts.at.tolist()], np.int64)
        cost = cost + WISH_MISSED * ((hours < 12) != (asked.prefers == "morning"))
    return np.asarray(cost, np.int64)
