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
from scheduling.models import PlannedDose, Visit
from scheduling.planning.facts import Wanted, may_give
from scheduling.planning.travel import drive_minutes
from scheduling.readings import roster, slots
from scheduling.readings.roster import Member, NurseDay
from scheduling.rules import states
from scheduling.rules.eligibility import Problem, Span
from scheduling.rules.regimen import Regimen
from scheduling.services import doses, preflight, readiness


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
    """One dose, its patient, the nurses, and the days on offer. `moving` is the visit that gets a new time."""

    user: User
    dose: PlannedDose
    moving: Visit | None = None
    now: datetime = field(default_factory=lambda: timezone.now())  # asked for at each use, not at import

    @property
    def patient(self) -> Patient:
        return self.dose.prescription.patient

    @cached_property
    def regimen(self) -> Regimen:
        return doses.regimen_of(self.dose.prescription)

    @cached_property
    def today(self) -> date:
        return clock.today_in(self.patient.time_zone, self.now)

    @cached_property
    def days(self) -> list[date]:
        """The days of the window that are still to come; two weeks from today when none is."""
        return slots.days_of(self.dose, self.today)

    @property
    def day_notes(self) -> dict[date, str]:
        """Words beside some of the days."""
        notes = {
            day: _("outside the window, needs a reason") for day in self.days if self.outside_window(day)
        }
        notes[self.dose.due_on] = _("due")
        return notes

    def outside_window(self, day: date) -> bool:
        dose = self.dose
        return bool(
            (dose.window_end_on and day > dose.window_end_on)
            or (dose.window_start_on and day < dose.window_start_on)
        )

    @property
    def default_day(self) -> date:
        return self.dose.due_on if self.dose.due_on in self.days else self.days[0]

    @cached_property
    def holds(self) -> list[Hold]:
        return list(self.dose.prescription.holds.filter(withdrawn_at__isnull=True))

    def held(self, day: date) -> bool:
        return any(h.starts_on <= day and (h.clears_on is None or day < h.clears_on) for h in self.holds)

    @property
    def held_throughout(self) -> bool:
        """Whether a hold covers every day on offer."""
        return all(self.held(day) for day in self.days)

    @cached_property
    def wanted(self) -> Wanted:
        patient = self.patient
        first, last = self._stretch(self.days)
        others = Visit.objects.filter(
            patient=patient, state__in=states.HOLDING, starts_at__lt=last, ends_at__gt=first
        ).exclude(pk=self.moving.pk if self.moving else None)
        return Wanted(
            place=patient.place,
            state=patient.state,
            zone=ZoneInfo(patient.time_zone),
            length=self.dose.length,
            needs=preflight.needs_of(self.dose),
            patient_spans=tuple(Span(visit.starts_at, visit.ends_at) for visit in others),
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
        """Those who can give the dose on `day` first, then the others with the reason."""
        can, cannot = [], []
        for member in self.members:
            nurse, against = member.nurse, may_give(member.facts, self.wanted, day)
            if against:
                cannot.append((str(nurse.pk), f"{nurse.listed_name} · {against[0].text}"))
            else:
                road = drive_minutes(nurse.place, self.patient.place)
                apart = _("%(minutes)d min from home base") % {"minutes": road}
                can.append((str(nurse.pk), f"{nurse.listed_name} · {apart}"))
        groups = [(_("Can give this"), can), (_("Cannot give this"), cannot)]
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
        problems = preflight.dose_problems(
            self.dose, self.patient, starts_at, now=self.now, moving=self.moving
        ) + preflight.nurse_problems(
            member.nurse,
            self.patient,
            needs=preflight.needs_of(self.dose),
            starts_at=starts_at,
            length=self.dose.length,
            without=self.moving.pk if self.moving else None,
        )
        return Verdict(tuple(problems))

    @cached_property
    def finding(self) -> slots.Finding:
        """The best times on the days on offer."""
        return slots.find(self.user, self.dose, moving=self.moving, now=self.now)

    def gates(self, day: date) -> list[dict[str, str]]:
        """The gates of the dose for a visit on `day`, as ui/readiness.html shows them."""
        found = []
        for gate in readiness.gates(self.dose, day):
            status = "ok" if gate.met else "stop" if gate.bites_at_booking else "wait"
            said = gate.sentence.removeprefix(f"{gate.title}:").strip()
            found.append({"kind": gate.kind, "word": gate.title, "status": status, "text": said})
        return found
