"""What a coordinator needs on the desk to book or move one visit. Reads only, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from patients.models import Hold, Patient
from scheduling import clock
from scheduling.models import PlannedCheck, PlannedDose, Visit
from scheduling.planning.facts import Wanted, may_give
from scheduling.readings import checks, roster, slots
from scheduling.readings.roster import Member, NurseDay
from scheduling.readings.slot_search import WITHOUT_WINDOW
from scheduling.rules import states
from scheduling.rules.eligibility import Problem, Span
from scheduling.rules.regimen import Regimen
from scheduling.services import bookable, doses, pairs_on_file, readiness, travel, verdicts
from scheduling.services.bookable import Bookable


@dataclass(frozen=True)
class Verdict:
    """Whether the chosen time can be booked: `ok`, `wait` (with a reason) or `stop`, and why."""

    problems: tuple[Problem, ...]

    @property
    def status(self) -> str:
        if any(problem.absolute for problem in self.problems):
            return "stop"
        return "wait" if self.problems else "ok"


@dataclass
class Desk:
    """What is to be booked, its patient, the nurses, and the days on offer. `moving` gets a new time."""

    user: User
    wanted: Bookable
    moving: Visit | None = None
    now: datetime = field(default_factory=lambda: timezone.now())  # asked for at each use, not at import

    @classmethod
    def of_dose(cls, user: User, dose: PlannedDose) -> Desk:
        """For a dose with `prescription.patient` loaded."""
        return cls(user, bookable.of_dose(dose))

    @classmethod
    def of_check(cls, user: User, check: PlannedCheck) -> Desk:
        """For a check with `patient` loaded."""
        return cls(user, bookable.of_check(check))

    @classmethod
    def of_visit(cls, user: User, visit: Visit) -> Desk:
        """For a visit, of any kind, that is to get another time."""
        if visit.dose is not None:
            return cls(user, bookable.of_dose(visit.dose), moving=visit)
        if visit.planned_check is not None:
            return cls(user, bookable.of_check(visit.planned_check), moving=visit)
        return cls(user, bookable.like(visit, visit.patient), moving=visit)

    @property
    def dose(self) -> PlannedDose | None:
        return self.wanted.dose

    @property
    def title(self) -> str:
        """`dose 5`; `lab draw: Blood count`; the kind of a visit that only repeats an old one."""
        if self.dose is not None:
            return _("dose %(number)d") % {"number": self.dose.number}
        if self.wanted.check is not None:
            said = checks.title_of(self.wanted.check)
        else:
            said = str(Visit.Kind(self.wanted.kind).label)
        return said[:1].lower() + said[1:]

    @property
    def patient(self) -> Patient:
        return self.wanted.patient

    @cached_property
    def regimen(self) -> Regimen | None:
        return doses.regimen_of(self.dose.prescription) if self.dose else None

    @cached_property
    def today(self) -> date:
        return clock.today_in(self.patient.time_zone, self.now)

    @cached_property
    def window(self) -> tuple[date | None, date | None]:
        """First and last day it is meant for; None where nothing is said."""
        if self.dose is not None:
            return self.dose.window_start_on, self.dose.window_end_on
        check = self.wanted.check
        return (check.window_start_on, check.window_end_on) if check else (None, None)

    @cached_property
    def due_on(self) -> date:
        """The day it is due; the day of a visit that only repeats an old one."""
        if self.dose is not None:
            return self.dose.due_on
        if self.wanted.check is not None:
            return self.wanted.check.due_on
        return self.moving.local_start.date() if self.moving else self.today

    @cached_property
    def days(self) -> list[date]:
        """The days of the window that are still to come; two weeks from today when none is."""
        if self.dose is not None:
            return slots.days_of(self.dose, self.today)
        first = max(self.window[0] or self.today, self.today)
        last = self.window[1] or first
        if last <= first:
            last = first + timedelta(days=WITHOUT_WINDOW - 1)
        return [first + timedelta(days=n) for n in range(min((last - first).days + 1, slots.MOST_DAYS))]

    @property
    def day_notes(self) -> dict[date, str]:
        """Words beside some of the days."""
        notes = {
            day: _("outside the window, needs a reason") for day in self.days if self.outside_window(day)
        }
        notes[self.due_on] = _("due")
        return notes

    def outside_window(self, day: date) -> bool:
        first, last = self.window
        return bool((last and day > last) or (first and day < first))

    @property
    def default_day(self) -> date:
        return self.due_on if self.due_on in self.days else self.days[0]

    @cached_property
    def holds(self) -> list[Hold]:
        return list(self.dose.prescription.holds.filter(withdrawn_at__isnull=True)) if self.dose else []

    def held(self, day: date) -> bool:
        return any(h.starts_on <= day and (h.clears_on is None or day < h.clears_on) for h in self.holds)

    @property
    def held_throughout(self) -> bool:
        """Whether a hold covers every day on offer."""
        return all(self.held(day) for day in self.days)

    @cached_property
    def asked(self) -> Wanted:
        """What the search and the lists ask of a nurse."""
        patient = self.patient
        first, last = self._stretch(self.days)
        others = Visit.objects.filter(
            patient=patient, state__in=states.HOLDING, starts_at__lt=last, ends_at__gt=first
        ).exclude(pk=self.moving.pk if self.moving else None)
        return Wanted(
            place=patient.place,
            state=patient.state,
            zone=ZoneInfo(patient.time_zone),
            length=self.wanted.length,
            needs=self.wanted.needs,
            patient_spans=tuple(Span(visit.starts_at, visit.ends_at) for visit in others),
            pairs=pairs_on_file.pairs_of(patient),
        )

    @cached_property
    def members(self) -> list[Member]:
        return self._roster(self.days)

    def _roster(self, days: Sequence[date]) -> list[Member]:
        first, last = self._stretch(days)
        return roster.roster(self.user, first, last, without=self.moving.pk if self.moving else None)

    def _stretch(self, days: Sequence[date]) -> tuple[datetime, datetime]:
        """From the day before the first to the day after the last, so that every zone's day is inside."""
        zone, day = self.patient.time_zone, timedelta(days=1)
        return clock.day_bounds(min(days), zone)[0] - day, clock.day_bounds(max(days), zone)[1] + day

    def nurse_choices(self, day: date) -> list[tuple[str, list[tuple[str, str]]]]:
        """Those who can come on `day` first, then who may with a reason, then the others; each says why."""
        can, wanted_not, cannot = [], [], []
        roads = travel.drives((member.nurse.place, self.patient.place) for member in self.members)
        for member in self.members:
            nurse, against = member.nurse, may_give(member.facts, self.asked, day)
            if against:
                others = cannot if against[0].absolute else wanted_not
                others.append((str(nurse.pk), f"{nurse.listed_name} · {against[0].text}"))
            else:
                road = roads(nurse.place, self.patient.place)
                apart = _("%(minutes)d min from home base") % {"minutes": road}
                can.append((str(nurse.pk), f"{nurse.listed_name} · {apart}"))
        groups = [
            (_("Can give this"), can),
            (_("Only with a reason"), wanted_not),
            (_("Cannot give this"), cannot),
        ]
        return [(name, members) for name, members in groups if members]

    def nurse_day(self, nurse_id: int, day: date) -> NurseDay | None:
        """The nurse's visits, drives and hours on the day; None for a nurse who is not there."""
        members = self.members if day in self.days else self._roster([day])
        member = next((x for x in members if x.nurse.pk == nurse_id), None)
        return roster.nurse_day(member, day) if member else None

    def verdict(self, nurse_id: int, starts_at: datetime) -> Verdict | None:
        """What the booking would be told, before it is asked; None for a nurse who is not there."""
        member = next((x for x in self.members if x.nurse.pk == nurse_id), None)
        if member is None:
            return None
        problems = verdicts.problems_of(
            self.wanted, member.nurse, starts_at, by=self.user, now=self.now, moving=self.moving
        )
        return Verdict(tuple(problems))

    @cached_property
    def finding(self) -> slots.Finding:
        """The best times on the days on offer, for a dose or a check."""
        if self.dose is None:
            return slots.find_for_check(self.user, self.wanted.check, moving=self.moving, now=self.now)
        return slots.find(self.user, self.dose, moving=self.moving, now=self.now)

    def gates(self, day: date) -> list[dict[str, str]]:
        """The gates of the dose for a visit on `day`, as ui/readiness.html shows them."""
        found = []
        for gate in readiness.gates(self.dose, day) if self.dose else ():
            status = "ok" if gate.met else "stop" if gate.bites_at_booking else "wait"
            said = gate.sentence.removeprefix(f"{gate.title}:").strip()
            found.append({"kind": gate.kind, "word": gate.title, "status": status, "text": said})
        return found
