"""Time a cancelled or moved visit gave back, and the patients it would suit best. Proposes only: a person books.

As many queries for many stretches and many waiting doses as for few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from nurses.models import Nurse
from patients.models import Patient, Prescription
from scheduling import clock, selectors
from scheduling.models import PlannedDose, Visit
from scheduling.planning.facts import Wanted
from scheduling.planning.slots import Slot, Starts, search, starts_of
from scheduling.planning.team import Team, floor_second, team
from scheduling.readings import roster, words
from scheduling.readings.day_fit import WITHOUT_WINDOW, DayFit, first_waiting
from scheduling.readings.roster import Member
from scheduling.readings.slot_words import seen_before
from scheduling.rules import eligibility, states
from scheduling.rules.eligibility import Pairs, Span, Stop
from scheduling.services import absences, bookable, outcomes, pairs_on_file, slot_holds

RECENT = timedelta(days=3)  # freed longer ago, a stretch is just free time like any other
MOST, BEST = 8, 3  # stretches shown, patients named for each
WAITING, LOOKED_AT = 400, 60  # tightest doses read, and of those tried for one stretch
EARLIER = timedelta(minutes=60)  # a visit may start this much before the stretch does


@dataclass(frozen=True)
class Offer:
    """A dose that could be given in the stretch. `day` and `start` are those of the patient's wall."""

    dose: PlannedDose
    patient: Patient
    day: date
    start: str
    ends_at: datetime
    starts_at: datetime
    status: str
    slack: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Stretch:
    """The time `[starts_at, ends_at)` of a nurse, given back by `visit`; the best offers first."""

    visit: Visit
    nurse: Nurse
    starts_at: datetime
    ends_at: datetime
    offers: tuple[Offer, ...]


def stretches(user: selectors.Viewer, *, now: datetime | None = None) -> list[Visit]:
    """Visits cancelled or moved within RECENT whose time is still to come, the latest change first, one a time."""
    found: dict[tuple[int, datetime], Visit] = {}
    for visit in _gone(user, now or timezone.now()).order_by("-cancelled_at", "-pk")[: 4 * MOST]:
        found.setdefault((visit.nurse_id, visit.starts_at), visit)
    return list(found.values())


def _gone(user: selectors.Viewer, now: datetime) -> QuerySet[Visit]:
    """A visit undone right after it was booked held its time for moments only: nobody else ever missed it."""
    return (
        selectors.visits_for(user)
        .filter(
            state__in=("cancelled", "moved"),
            cancelled_at__gt=now - RECENT,
            starts_at__gt=now,
            nurse__active=True,
        )
        .exclude(cancel_note=outcomes.UNDONE)
    )


def count(user: selectors.Viewer, *, now: datetime | None = None) -> int:
    """How many of them nobody has taken since, while the nurse is there. One query."""
    now = now or timezone.now()
    same_time = {
        "nurse": OuterRef("nurse"), "starts_at__lt": OuterRef("ends_at"), "ends_at__gt": OuterRef("starts_at")
    }  # fmt: skip
    taken = Visit.objects.filter(state__in=states.HOLDING, **same_time)
    free = _gone(user, now).exclude(Exists(taken)).exclude(Exists(absences.standing().filter(**same_time)))
    return free.order_by().values("nurse", "starts_at").distinct().count()


def offers(user: selectors.Viewer, *, now: datetime | None = None) -> list[Stretch]:
    """The stretches that are free still, each with its best offers."""
    now = now or timezone.now()
    gone = stretches(user, now=now)
    if not gone:
        return []
    desk = _Desk(user, gone, now)
    free = [visit for visit in gone if desk.is_free(visit)][:MOST]
    return [
        Stretch(visit, visit.nurse, visit.starts_at, visit.ends_at, tuple(desk.offers(visit)))
        for visit in free
    ]


@dataclass
class _Desk:
    user: selectors.Viewer
    gone: Sequence[Visit]
    now: datetime
    teams: dict[tuple[int, str, tuple[str, ...], date], Team] = field(default_factory=dict)

    @cached_property
    def first(self) -> datetime:
        return min(visit.starts_at for visit in self.gone)

    @cached_property
    def last(self) -> datetime:
        return max(visit.ends_at for visit in self.gone)

    @cached_property
    def members(self) -> dict[int, Member]:
        """The nurses by id, with slots others keep among their stops."""
        day = timedelta(days=1)
        held: dict[int, list[Stop]] = defaultdict(list)
        holds = slot_holds.standing(self.now).exclude(held_by=self.user.pk)
        for hold in holds.filter(starts_at__lt=self.last + day, ends_at__gt=self.first - day).select_related(
            "patient"
        ):
            held[hold.nurse_id].append(Stop(Span(hold.starts_at, hold.ends_at), hold.patient.place))
        found = {}
        for member in roster.roster(self.user, self.first - day, self.last + day):
            facts = replace(member.facts, stops=(*member.facts.stops, *held[member.nurse.pk]))
            found[member.nurse.pk] = Member(member.nurse, facts, member.visits)
        return found

    def is_free(self, visit: Visit) -> bool:
        """The nurse is there, works then, and nobody has the time."""
        member = self.members.get(visit.nurse_id)
        if member is None:
            return False
        span, facts = Span(visit.starts_at, visit.ends_at), member.facts
        hours = eligibility.hours_problem(facts.shifts, facts.time_off, span, facts.zone)
        return hours is None and not any(stop.span.overlaps(span) for stop in facts.stops)

    @cached_property
    def waiting(self) -> list[PlannedDose]:
        """The next dose of each order whose window is open on some of these days, the tightest first."""
        return sorted(
            first_waiting(_open_doses(self.user, self.gone)), key=lambda dose: (_closes(dose), dose.pk)
        )

    @cached_property
    def fit(self) -> DayFit:
        return DayFit.of(self.waiting)

    @cached_property
    def busy(self) -> dict[int, list[Span]]:
        """Patient -> their live visits near."""
        found: dict[int, list[Span]] = defaultdict(list)
        day = timedelta(days=1)
        live = Visit.objects.filter(
            patient__in=[dose.prescription.patient_id for dose in self.waiting],
            state__in=states.HOLDING,
            starts_at__lt=self.last + day,
            ends_at__gt=self.first - day,
        )
        for patient, starts_at, ends_at in live.order_by().values_list("patient", "starts_at", "ends_at"):
            found[patient].append(Span(starts_at, ends_at))
        return found

    @cached_property
    def pairs(self) -> dict[int, Pairs]:
        """Patient -> who may come."""
        return pairs_on_file.may_come(sorted({dose.prescription.patient_id for dose in self.waiting}))

    @cached_property
    def known(self) -> dict[int, dict[int, int]]:
        """Patient -> nurse -> visits completed."""
        found: dict[int, dict[int, int]] = defaultdict(dict)
        done = Visit.objects.filter(
            patient__in=[dose.prescription.patient_id for dose in self.waiting], state="completed"
        )
        counted = done.order_by().values("patient", "nurse").annotate(n=Count("pk"))
        for patient, nurse, n in counted.values_list("patient", "nurse", "n"):
            found[patient][nurse] = n
        return found

    def offers(self, visit: Visit) -> list[Offer]:
        found: list[Offer] = []
        tried = 0
        for dose in self.waiting:
            day = clock.local_day(visit.starts_at, dose.prescription.patient.time_zone)
            if dose.pk == visit.dose_id or not self.fit.allows(dose, day) or self.fit.next_is_booked(dose):
                continue
            tried += 1
            slot = self._slot(visit, dose, day)
            if slot is not None:
                found.append(self._offer(dose, slot))
            if len(found) == BEST or tried == LOOKED_AT:
                break
        return found

    def _slot(self, visit: Visit, dose: PlannedDose, day: date) -> Slot | None:
        """The start nearest to that of the stretch at which the nurse can give the dose."""
        patient, wanted = dose.prescription.patient, bookable.of_dose(dose)
        asked = Wanted(
            place=patient.place,
            state=patient.state,
            zone=ZoneInfo(patient.time_zone),
            length=wanted.length,
            needs=wanted.needs,
            patient_spans=tuple(self.busy[patient.pk]),
            prefers=patient.prefers,
            pairs=self.pairs[patient.pk],
        )
        key = (visit.nurse_id, asked.state, asked.needs, day)
        if key not in self.teams:
            self.teams[key] = team([self.members[visit.nurse_id].facts], [day], asked.state, asked.needs)
        starts = _near(starts_of([day], asked, after=self.now), visit)
        best = search(self.teams[key], asked, starts, visits_before=self.known[patient.pk], limit=1).slots
        return best[0] if best else None

    def _offer(self, dose: PlannedDose, slot: Slot) -> Offer:
        patient = dose.prescription.patient
        left = (_closes(dose) - clock.today_in(patient.time_zone, self.now)).days
        status, slack = words.days_left(left)
        return Offer(
            dose=dose,
            patient=patient,
            day=slot.on,
            start=f"{slot.starts_at.astimezone(ZoneInfo(patient.time_zone)):%H:%M}",
            starts_at=slot.starts_at,
            ends_at=slot.starts_at + dose.length,
            status=status,
            slack=slack,
            reasons=tuple(self._reasons(patient, slot)),
        )

    def _reasons(self, patient: Patient, slot: Slot) -> Iterator[str]:
        yield _("+%(added)d min driving") % {"added": slot.added_minutes}
        if slot.visits_before:
            yield seen_before(slot.visits_before, sum(self.known[patient.pk].values()))
        if slot.wish_met is not None:
            wish = _("As wished: %(wish)s") if slot.wish_met else _("Not as wished: %(wish)s")
            yield wish % {"wish": str(patient.get_prefers_display()).lower()}


def _open_doses(user: selectors.Viewer, gone: Iterable[Visit]) -> QuerySet[PlannedDose]:
    """Doses without a visit whose window is open on a day of the stretches, none of their order waiting before."""
    days = [clock.local_day(visit.starts_at, visit.time_zone) for visit in gone]
    first, last = min(days) - timedelta(days=1), max(days) + timedelta(days=1)
    live = Visit.objects.filter(dose=OuterRef("pk"), state__in=states.HOLDING)
    earlier = PlannedDose.objects.filter(
        ~Exists(live),
        prescription=OuterRef("prescription"),
        number__lt=OuterRef("number"),
        state=PlannedDose.State.PLANNED,
        window_end_on__lt=first,
    )
    return (
        selectors.doses_for(user)
        .alias(opens=Coalesce("window_start_on", F("due_on")), closes=Coalesce("window_end_on", F("due_on")))
        .filter(
            ~Exists(live),
            ~Exists(earlier),
            Q(window_end_on__gte=first) | Q(window_end_on__isnull=True, due_on__gte=first - WITHOUT_WINDOW),
            opens__lte=last,
            state=PlannedDose.State.PLANNED,
            prescription__status=Prescription.Status.ACTIVE,
            prescription__patient__status=Patient.Status.ACTIVE,
        )
    )


def _closes(dose: PlannedDose) -> date:
    return dose.window_end_on or dose.due_on


def _near(starts: Starts, visit: Visit) -> Starts:
    """The starts that use the stretch, ranked by how near they are to its beginning."""
    begins, ends = floor_second(visit.starts_at), floor_second(visit.ends_at)
    keep = (starts.at >= begins - int(EARLIER.total_seconds())) & (starts.at < ends)
    cost = np.abs(starts.at - begins) // 60
    return Starts(starts.at[keep], starts.day[keep], starts.last_day[keep], cost[keep])
