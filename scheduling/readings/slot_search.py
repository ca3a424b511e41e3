"""The best times for a dose or a check, gathered. Reads only, in a constant number of queries.

How they are told is in readings/slot_words.py, the days of a course in readings/course_slots.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.utils import timezone

from patients.models import Patient
from scheduling import clock, selectors
from scheduling.models import PlannedCheck, PlannedDose, SlotHold, Visit
from scheduling.planning.facts import Wanted
from scheduling.planning.slots import Road, Slot, search
from scheduling.planning.starts import Starts, near, starts_of
from scheduling.planning.team import FAR, Team, assemble
from scheduling.planning.travel import Place, drives
from scheduling.readings import staffing
from scheduling.rules import states
from scheduling.rules.eligibility import Problem, Span
from scheduling.rules.orders import Hold
from scheduling.services import bookable, preflight, travel
from scheduling.services.bookable import Bookable

MOST_DAYS = 31
WITHOUT_WINDOW = 14  # days searched when there is no window, or it has closed
DAYS_SEARCHED = 14  # when nobody says which
AROUND = 3  # days before and after a time that was lost
BESIDE = timedelta(hours=8)  # no drive is longer, and no nurse lives further away by the clock


@dataclass(frozen=True)
class Finding:
    """What was found for a visit. `blocked`: why no time is possible at all; `refused`: why a day is not."""

    wanted: Bookable
    due_on: date
    days: tuple[date, ...]
    slots: tuple[Slot, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    all_visits_before: int = 0
    blocked: tuple[Problem, ...] = ()
    refused: Mapping[date, Problem] = field(default_factory=dict)
    warnings: Mapping[date, tuple[Problem, ...]] = field(default_factory=dict)
    ruled_out: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def dose(self) -> PlannedDose | None:
        """The dose, where the visit gives one."""
        return self.wanted.dose

    @property
    def patient(self) -> Patient:
        return self.wanted.patient


@dataclass(frozen=True)
class Lost:
    """A time somebody else got: the alternatives are those nearest to it, with its nurse where that can be."""

    at: datetime
    nurse: int | None = None


@dataclass(frozen=True)
class _Ask:
    """What is asked, whatever the visit is for."""

    user: selectors.Viewer
    wanted: Bookable
    due_on: date
    moving: Visit | None
    lost: Lost | None
    limit: int
    now: datetime


def days_of(dose: PlannedDose, today: date) -> list[date]:
    """The days of the window still to come, two weeks when none is; at most MOST_DAYS."""
    return _open_days(dose.window_start_on or dose.due_on, dose.window_end_on, dose.floor_on, today)


def _open_days(opens: date, closes: date | None, floor: date | None, today: date) -> list[date]:
    first = max(filter(None, [opens, floor, today]))
    last = closes or first + timedelta(days=WITHOUT_WINDOW - 1)
    if last < first:
        last = first + timedelta(days=WITHOUT_WINDOW - 1)
    return [first + timedelta(days=n) for n in range(min((last - first).days + 1, MOST_DAYS))]


def _outside(holds: Sequence[Hold], days: Sequence[date]) -> list[date]:
    """Of the days those no hold covers; when it covers all, two weeks from its end, or none while nobody knows it."""
    free = [day for day in days if not any(hold.covers(day) for hold in holds)]
    if free:
        return free
    first = days[0]
    while hold := next((hold for hold in holds if hold.covers(first)), None):
        if hold.clears_on is None:
            return []
        first = hold.clears_on
    later = (first + timedelta(days=n) for n in range(WITHOUT_WINDOW))
    return [day for day in later if not any(hold.covers(day) for hold in holds)]


def nearest(due_on: date, days: Iterable[date]) -> list[date]:
    """Of the days those nearest to the due date, DAYS_SEARCHED at most."""
    return sorted(sorted(days, key=lambda day: (abs((day - due_on).days), day))[:DAYS_SEARCHED])


def around(lost: Lost, time_zone: str) -> list[date]:
    """The day of a time that was lost, and AROUND days before and after it."""
    day = clock.local_day(lost.at, time_zone)
    return [day + timedelta(days=n) for n in range(-AROUND, AROUND + 1)]


def find(
    user: selectors.Viewer,
    dose: PlannedDose,
    days: Sequence[date] | None = None,
    *,
    moving: Visit | None = None,
    lost: Lost | None = None,
    limit: int = 10,
    now: datetime | None = None,
) -> Finding:
    """The best slots on `days` of the home (default: the window's, nearest the due date). `moving` is left out.

    With `lost` the slots nearest to that time, around it unless `days` are named; of a dose somebody booked
    meanwhile those its visit could be moved to, `blocked` saying so.
    """
    now = now or timezone.now()
    patient = dose.prescription.patient
    today = clock.today_in(patient.time_zone, now)
    wanted = bookable.of_dose(dose)
    judge = preflight.judge_of(dose, now=now, moving=moving)
    taken = dose.number in judge.booked
    blocked = tuple(preflight.dose_wide_problems(dose, patient, moving=moving, taken=taken))
    if lost is not None and [problem.code for problem in blocked] == ["DOSE_TAKEN"]:
        moving = dose.visits.filter(state__in=states.HOLDING).first()
        judge = preflight.judge_of(dose, now=now, moving=moving)
    elif blocked:
        return Finding(wanted, dose.due_on, tuple(days or ()), blocked=blocked)
    if days is None and lost is not None:
        days = around(lost, patient.time_zone)
    elif days is None:
        days = nearest(dose.due_on, _outside(judge.case.order.holds, days_of(dose, today)))
    judged = {day: judge.problems(dose, day) for day in days}
    found = _found(_Ask(user, wanted, dose.due_on, moving, lost, limit, now), judged)
    return replace(found, blocked=blocked) if blocked else found


def find_for_check(
    user: selectors.Viewer,
    check: PlannedCheck,
    days: Sequence[date] | None = None,
    *,
    moving: Visit | None = None,
    lost: Lost | None = None,
    limit: int = 10,
    now: datetime | None = None,
) -> Finding:
    """The same for a lab draw or a wellness check, with its patient loaded."""
    now = now or timezone.now()
    wanted = bookable.of_check(check)
    zone = check.patient.time_zone
    blocked = bookable.check_problems(check, check.due_on, moving=moving)
    if check.patient.status != Patient.Status.ACTIVE:
        said = f"The patient is {check.patient.get_status_display().lower()}."
        blocked.insert(0, Problem("PATIENT_AWAY", said))
    if blocked:
        return Finding(wanted, check.due_on, tuple(days or ()), blocked=tuple(blocked))
    if days is None and lost is not None:
        days = around(lost, zone)
    elif days is None:
        today = clock.today_in(zone, now)
        days = nearest(check.due_on, _open_days(check.window_start_on, check.window_end_on, None, today))
    judged = {day: [p] if (p := bookable.window_problem(check, day)) else [] for day in days}
    return _found(_Ask(user, wanted, check.due_on, moving, lost, limit, now), judged)


def _found(ask: _Ask, judged: Mapping[date, list[Problem]]) -> Finding:
    """The slots on the days that are not refused."""
    wanted, patient = ask.wanted, ask.wanted.patient
    refused = {day: p for day, found in judged.items() if (p := refusal(found))}
    found = Finding(wanted, ask.due_on, tuple(judged), refused=refused)
    open_days = [day for day in judged if day not in refused]
    if not open_days:
        return found
    first, last = stretch(open_days, patient.time_zone)
    reading = staffing.read(
        ask.user,
        patient.pk,
        first,
        last,
        now=ask.now,
        papers=staffing.Papers(patient.state, wanted.needs, open_days),
        without=ask.moving,
        doses=filter(None, [wanted.dose]),
    )
    if reading.held:
        return replace(found, blocked=(held_problem(reading.held, wanted),), refused={})
    aim = aim_of(wanted, ask.due_on, reading)
    nurses = assemble(reading.staff.crew, reading.busy, open_days, aim.state, aim.needs)
    answer = search(
        nurses,
        aim,
        _starts(ask, open_days, aim, frozenset(day for day in open_days if judged[day])),
        visits_before=reading.visits_before,
        told=ask.lost.nurse if ask.lost else None,
        limit=ask.limit,
        road=road_to(patient.place, nurses),
    )
    return replace(
        found,
        slots=answer.slots,
        names=reading.staff.names,
        all_visits_before=sum(reading.visits_before.values()),
        warnings={day: tuple(judged[day]) for day in open_days},
        ruled_out=answer.ruled_out,
    )


def _starts(ask: _Ask, days: Sequence[date], aim: Wanted, outside: frozenset[date]) -> Starts:
    starts = starts_of(days, aim, after=ask.now, outside=outside)
    return near(starts, ask.lost.at, outside=outside) if ask.lost else starts


def refusal(problems: Sequence[Problem]) -> Problem | None:
    """What keeps a day out of the search: what is absolute, and a hold, which is there for a reason."""
    return next((p for p in problems if p.absolute or p.code == "ON_HOLD"), None)


def stretch(days: Sequence[date], zone: str) -> tuple[datetime, datetime]:
    """The days with BESIDE before and after: a nurse's day in her own zone, and any drive, is inside."""
    first, last = clock.day_bounds(min(days), zone)[0], clock.day_bounds(max(days), zone)[1]
    return first - BESIDE, last + BESIDE


def aim_of(wanted: Bookable, due_on: date, reading: staffing.Reading) -> Wanted:
    """The visit to place, as the search reads it."""
    patient = wanted.patient
    return Wanted(
        place=patient.place,
        state=patient.state,
        zone=ZoneInfo(patient.time_zone),
        length=wanted.length,
        needs=wanted.needs,
        patient_spans=tuple(
            Span(datetime.fromtimestamp(begins, UTC), datetime.fromtimestamp(ends, UTC))
            for begins, ends in reading.patient_spans
        ),
        due_on=due_on,
        prefers=patient.prefers,
        pairs=reading.pairs,
    )


def held_problem(hold_id: int, wanted: Bookable) -> Problem:
    """Somebody else keeps a time for this dose, or did a moment ago."""
    hold = SlotHold.objects.select_related("held_by").get(pk=hold_id)
    return preflight.held_problem(hold, wanted.patient.time_zone)


def road_to(home: Place, nurses: Team) -> Road:
    """Minutes of road for a search around a home: estimated, or what a travel service told (one query)."""
    if not travel.on():
        return drives
    bases = [(lat, lng) for lat, lng in nurses.homes.tolist()]
    others, legs = set(bases), []
    for row, base in enumerate(bases):
        real = nurses.stop_from[row] < FAR
        stops = [(lat, lng) for lat, lng in nurses.stop_place[row][real].tolist()]
        others.update(stops)
        legs += [*pairwise(stops), *travel.both_ways(base, stops)]
    return travel.drives([*travel.both_ways(home, others), *legs]).many
