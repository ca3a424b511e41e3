"""The agency's days as a problem for the planner: who works, what is booked, what waits. Reads only.

Ids, places and minutes leave this module, no names: the JSON is stored with the plan and given to the search. As
many queries for many visits as for few.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from scheduling import clock, selectors
from scheduling.models import Visit
from scheduling.planning.travel import point_of
from scheduling.readings import checks, plan_nurses, plan_wishes, queue, roster
from scheduling.readings.day_fit import DayFit
from scheduling.readings.plan_wishes import STEP_SECONDS, Period, Wish
from scheduling.readings.replacements import wanted_of
from scheduling.readings.roster import Member
from scheduling.rules import states
from scheduling.rules.eligibility import Pairs, Span
from scheduling.rules.errors import BadInput
from scheduling.services import bookable, pairs, travel

MOST_DAYS = 14
FARTHEST_DAYS = 366  # from today to the last day: farther off is a typing error
RELEASABLE = {"none": (), "unconfirmed": ("booked",), "all": ("booked", "confirmed")}
FAIR_SHARE = 1.1  # of the period's work by a nurse's share of the hours; beyond it
FAIRNESS = 0.25  # each second weighs so much of one at the wheel
COURSE_CHANGE = 120 * 60  # another nurse on a day of a course; as the search for courses weighs it


@dataclass(frozen=True)
class Counts:
    """What went in. `frozen`: nurse's days left alone, because what is booked there breaks a rule already."""

    visits: int
    courses: int
    fixed: int
    released: int
    nurses: int
    free_minutes: int
    frozen: int
    without_day: int  # waiting lines that no day of the period suits


@dataclass(frozen=True)
class Gathered:
    """`problem` is the JSON of docs/planner.md; `about` says what its rows are, by id."""

    problem: dict[str, Any]
    about: dict[str, Any]
    counts: Counts


def problem_of(
    user: selectors.Viewer,
    first_on: date,
    last_on: date,
    release: str = "none",
    *,
    now: datetime | None = None,
) -> Gathered:
    """The problem of the days `first_on` to `last_on` of the agency, both included.

    `release` is one of RELEASABLE. Raises BadInput for days that are over, reversed, or too many.
    """
    now = now or timezone.now()
    if last_on < first_on:
        raise BadInput("The last day must not be before the first.", field="last_on")
    if (last_on - first_on).days >= MOST_DAYS:
        raise BadInput(f"A plan covers at most {MOST_DAYS} days.", field="last_on")
    if last_on < clock.today_in(settings.AGENCY_TIME_ZONE, now):
        raise BadInput("These days are over.", field="first_on")
    if (last_on - clock.today_in(settings.AGENCY_TIME_ZONE, now)).days > FARTHEST_DAYS:
        raise BadInput("A plan ends within a year from today.", field="last_on")
    if release not in RELEASABLE:
        raise BadInput("Choose which booked visits may move.", field="release")
    origin = clock.day_bounds(first_on, settings.AGENCY_TIME_ZONE)[0]
    return _Desk(user, Period(first_on, last_on, origin, now), release).gathered()


@dataclass
class _Desk:
    """Everything read at once."""

    user: selectors.Viewer
    period: Period
    release: str
    without_day: int = 0
    frozen: set[tuple[int, int]] = field(default_factory=set)  # (nurse, day)

    @cached_property
    def bounds(self) -> tuple[datetime, datetime]:
        """A day more on each side: homes and nurses may have other zones."""
        return self.period.origin - timedelta(days=1), self.period.origin + timedelta(days=MOST_DAYS + 2)

    @cached_property
    def members(self) -> list[Member]:
        return roster.roster(self.user, *self.bounds)

    @cached_property
    def visits(self) -> list[Visit]:
        return [visit for member in self.members for visit in member.visits]

    @cached_property
    def released(self) -> list[Visit]:
        """Booked visits of the period that may move. One whose start the grid has not stays."""
        return [
            visit
            for member in self.members
            for visit in member.visits
            if visit.state in RELEASABLE[self.release]
            and visit.starts_at > self.period.now
            and 0 <= self.day_of(visit.starts_at) < len(self.period.days)
            and self.period.seconds(visit.starts_at) % STEP_SECONDS == 0
            and not visit.attention_code
            and self.booked_pairs[visit.patient_id].allow(visit.nurse_id)  # else a person settles it
            and not self.is_frozen(visit)
            and self.a_day[visit.patient_id, self.day_of(visit.starts_at)] == 1
            and plan_nurses.may(member, visit)
        ]

    @cached_property
    def wished_pairs(self) -> dict[int, Pairs]:
        return pairs.may_come({wish.patient.pk for wish in self.wishes})

    @cached_property
    def booked_pairs(self) -> dict[int, Pairs]:
        """Patient with a visit booked -> who may come."""
        return pairs.may_come({visit.patient_id for visit in self.visits})

    @cached_property
    def fixed(self) -> list[Visit]:
        moving = {visit.pk for visit in self.released}
        return [
            visit
            for visit in self.visits
            if visit.pk not in moving
            and 0 <= self.day_of(visit.starts_at) < len(self.period.days)
            and not self.is_frozen(visit)
        ]

    @cached_property
    def a_day(self) -> Counter[tuple[int, int]]:
        """Visits of a patient on a day: one of several stays, for their order was somebody's choice."""
        return Counter((visit.patient_id, self.day_of(visit.starts_at)) for visit in self.visits)

    @cached_property
    def course_days(self) -> set[tuple[int, int, int]]:
        """(order, course, number) of the doses that have their visit."""
        booked = [visit.dose for visit in self.visits if visit.dose is not None]
        return {(dose.prescription_id, dose.course, dose.number) for dose in booked}

    def alone(self, visit: Visit, next_waits: Collection[int]) -> bool:
        """No day of the same course is booked beside it, which would have to move along; none of the order waits."""
        dose = visit.dose
        if dose is not None and dose.prescription_id in next_waits:
            return False
        near = () if dose is None else (dose.number - 1, dose.number + 1)
        return not any((dose.prescription_id, dose.course, n) in self.course_days for n in near)

    def day_of(self, at: datetime) -> int:
        return self.period.seconds(at) // 86_400

    def is_frozen(self, visit: Visit) -> bool:
        return (visit.nurse_id, self.day_of(visit.starts_at)) in self.frozen

    @cached_property
    def wishes(self) -> list[Wish]:
        rows = [row for row in queue.rows(self.user, now=self.period.now) if not row.at_facility]
        agency_day = clock.today_in(settings.AGENCY_TIME_ZONE, self.period.now)
        owed = list(checks.owed(self.user, today=agency_day).order_by("pk"))
        moving = self.released
        doses = [dose for row in rows for dose in row.doses]
        # The next of these are placed beside what is booked: it keeps its day, or one might come before the other.
        next_waits = {dose.prescription_id for dose in doses if dose.due_on <= self.period.last_on}
        for visit in moving:
            if visit.dose is not None:
                visit.dose.prescription.patient = visit.patient
        fit = DayFit.of([*doses, *(visit.dose for visit in moving if visit.dose)])
        found = [
            plan_wishes.of_visit(
                visit, wanted_of(visit), fit, self.period, alone=self.alone(visit, next_waits)
            )
            for visit in moving
        ]
        for row in rows:
            wanted = [bookable.of_dose(dose) for dose in row.doses]
            found += plan_wishes.of_doses(row.doses, wanted, fit, self.period)
        for check in owed:
            found += plan_wishes.of_check(check, bookable.of_check(check), self.period)
        spans = self.spans
        found = [replace(wish, spans=tuple(spans[wish.patient.pk])) for wish in found]
        possible = [wish for wish in found if wish.days]
        self.without_day = len({wish.group for wish in found} - {wish.group for wish in possible})
        return possible

    @cached_property
    def spans(self) -> dict[int, list[Span]]:
        """Patient -> live visits that stay where they are."""
        moving = {visit.pk for visit in self.released}
        found: dict[int, list[Span]] = defaultdict(list)
        for visit in self.visits:
            if visit.pk not in moving:
                found[visit.patient_id].append(Span(visit.starts_at, visit.ends_at))
        for patient, start, end in self._with_who_left():
            found[patient].append(Span(start, end))
        return found

    def _with_who_left(self) -> Iterable[tuple[int, datetime, datetime]]:
        """Visits of nurses who left, which nobody settled yet: the patient is not free then."""
        first, last = self.bounds
        return (
            selectors.visits_for(self.user)
            .filter(nurse__active=False, state__in=states.HOLDING, starts_at__lt=last, ends_at__gt=first)
            .order_by()
            .values_list("patient_id", "starts_at", "ends_at")
        )

    @cached_property
    def known(self) -> dict[int, dict[int, int]]:
        """Patient -> nurse -> visits completed."""
        found: dict[int, dict[int, int]] = defaultdict(dict)
        patients = {wish.patient.pk for wish in self.wishes}
        done = Visit.objects.filter(patient__in=patients, state="completed").order_by()
        for patient, nurse, n in (
            done.values("patient", "nurse").annotate(n=Count("pk")).values_list("patient", "nurse", "n")
        ):
            found[patient][nurse] = n
        return found

    def gathered(self) -> Gathered:
        self._freeze()
        there = sorted({wish.patient.state for wish in self.wishes})
        nurses = [plan_nurses.row(member, self.period, self.frozen, there) for member in self.members]
        nurses = [nurse for nurse in nurses if nurse["shifts"]]
        visits = [self._fixed(visit) for visit in self.fixed] + self._waiting(nurses)
        self._set_targets(nurses, visits)
        problem = {
            "meta": {
                "travel": "door_to_door",
                "step": STEP_SECONDS,
                "continuity_penalty": plan_wishes.WISH_MISSED * 60,
                "fairness": FAIRNESS,
                "course_change": COURSE_CHANGE,
                "days": len(self.period.days),
            },
            "nurses": nurses,
            "visits": visits,
            "roads": self._roads(),
        }
        return Gathered(problem, self._about(), self._counts(nurses))

    # --- Nurses ----------------------------------------------------------------------------

    def _freeze(self) -> None:
        """A nurse's day whose booked visits break a rule by themselves (somebody gave a reason) is left alone."""
        for member in self.members:
            by_day: dict[int, list[Visit]] = defaultdict(list)
            for visit in member.visits:
                n, zone = self.day_of(visit.starts_at), member.nurse.time_zone
                by_day[n].append(visit)
                # Near midnight, after the clocks changed, her day may be another than the planner's.
                if (own := (clock.local_day(visit.starts_at, zone) - self.period.first_on).days) != n:
                    self.frozen |= {(member.nurse.pk, k) for k in (n, own) if 0 <= k < len(self.period.days)}
            for n, visits in by_day.items():
                if 0 <= n < len(self.period.days) and not plan_nurses.sound(member, n, visits, self.period):
                    self.frozen.add((member.nurse.pk, n))

    # --- Visits ----------------------------------------------------------------------------

    def _fixed(self, visit: Visit) -> dict[str, Any]:
        start = self.period.seconds(visit.starts_at)
        return {
            "id": f"b{visit.pk}",
            "lat": visit.patient.latitude,
            "lon": visit.patient.longitude,
            "duration": int((visit.ends_at - visit.starts_at).total_seconds()),
            "skills": [],  # judged when it was booked
            "windows": [[start, start]],
            "prize": 0,
            "patient": str(visit.patient_id),
            "pinned": {"nurse": str(visit.nurse_id), "day": self.day_of(visit.starts_at), "start": start},
        }

    def _waiting(self, nurses: list[dict[str, Any]]) -> list[dict[str, Any]]:
        everybody = {nurse["id"] for nurse in nurses}
        found = []
        for wish in self.wishes:
            only = None
            pair = self.wished_pairs[wish.patient.pk]
            if pair.only or pair.never:
                wanted = {str(key) for key in pair.only} or everybody
                only = (wanted & everybody) - {str(key) for key in pair.never}
            row = plan_wishes.row(wish, self.period, self.known.get(wish.patient.pk, {}), only)
            if "nurse_costs" in row:
                row["nurse_costs"] = {k: v for k, v in row["nurse_costs"].items() if k in everybody}
            if row["windows"]:
                found.append(row)
            else:
                self.without_day += wish.course_day in {None, 0}
        whole = self._whole_courses(found)
        return [row for row in found if row.get("course") is None or row["course"] in whole]

    def _whole_courses(self, rows: Iterable[Mapping[str, Any]]) -> set[str]:
        """Courses of which every day still has starts."""
        left: dict[str, int] = defaultdict(int)
        for row in rows:
            if row.get("course"):
                left[row["course"]] += 1
        size: dict[str, int] = defaultdict(int)
        for wish in self.wishes:
            size[wish.group] += 1
        return {group for group, count in left.items() if count == size[group]}

    def _set_targets(self, nurses: list[dict[str, Any]], visits: list[dict[str, Any]]) -> None:
        """A fair share of the period's work for each nurse, by the hours she has."""
        hours = {
            nurse["id"]: sum(b - a for shift in nurse["shifts"] for a, b in shift["spans"])
            for nurse in nurses
        }
        work = sum(visit["duration"] for visit in visits) + 2 * 1800 * len(visits)
        total = sum(hours.values())
        for nurse in nurses:
            nurse["target"] = int(FAIR_SHARE * work * hours[nurse["id"]] / total) if total else 0

    def _roads(self) -> list[list[float]]:
        """Legs the agency's travel service told; the planner estimates the others by our own formula."""
        if not travel.on():
            return []
        homes = {wish.patient.place for wish in self.wishes} | {visit.patient.place for visit in self.fixed}
        bases = {member.nurse.place for member in self.members}
        legs = [(a, b) for a in homes for b in homes | bases if a != b]
        legs += [(base, home) for base in bases - homes for home in homes]
        told = travel.drives(legs)
        known = [(a, b) for a, b in sorted(legs) if (point_of(a), point_of(b)) in told.known]
        return [[*a, *b, 60 * told(a, b)] for a, b in known]

    # --- What a page says of it ------------------------------------------------------------

    def _about(self) -> dict[str, Any]:
        return {
            "origin": self.period.origin.astimezone(UTC).isoformat(),
            "visits": {wish.key: self._line(wish) for wish in self.wishes},
            "fixed": [visit.pk for visit in self.fixed],
            "frozen": sorted([nurse, n] for nurse, n in self.frozen),
            "without_day": self.without_day,
            "zones": {str(member.nurse.pk): member.nurse.time_zone for member in self.members},
        }

    def _line(self, wish: Wish) -> dict[str, Any]:
        old = wish.old
        return {
            "group": wish.group,
            "patient": wish.patient.pk,
            "dose": wish.wanted.dose.pk if wish.wanted.dose else None,
            "check": wish.wanted.check.pk if wish.wanted.check else None,
            "visit": old.pk if old else None,
            "version": old.version if old else None,
            "nurse": old.nurse_id if old else None,
            "starts_at": old.starts_at.isoformat() if old else None,
            "minutes": wish.seconds // 60,
            "zone": wish.patient.time_zone,
            "due_on": wish.due_on.isoformat(),
            "closes_on": wish.closes_on.isoformat(),
            "late": wish.late,
            "prefers": wish.patient.prefers,
            "always": sorted(self.wished_pairs[wish.patient.pk].only),
            "known": {str(k): v for k, v in self.known.get(wish.patient.pk, {}).items()},
        }

    def _counts(self, nurses: list[dict[str, Any]]) -> Counts:
        groups = {wish.group for wish in self.wishes if wish.old is None}
        free = sum(b - a for nurse in nurses for shift in nurse["shifts"] for a, b in shift["spans"])
        booked = sum(int((visit.ends_at - visit.starts_at).total_seconds()) for visit in self.fixed)
        return Counts(
            visits=len(groups),
            courses=len({wish.group for wish in self.wishes if wish.course_day is not None}),
            fixed=len(self.fixed),
            released=len(self.released),
            nurses=len(nurses),
            free_minutes=max(free - booked, 0) // 60,
            frozen=len(self.frozen),
            without_day=self.without_day,
        )
