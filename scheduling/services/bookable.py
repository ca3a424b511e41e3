"""What a visit can be booked for: a planned dose, a planned check, or what the visit being moved was for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from patients.models import Patient
from scheduling import clock
from scheduling.models import PlannedCheck, PlannedDose, Site, Visit
from scheduling.rules import states
from scheduling.rules.eligibility import Problem
from scheduling.services import preflight


@dataclass(frozen=True)
class Minutes:
    """The parts of a visit, in minutes."""

    preparation: int
    infusion: int = 0
    observation: int = 0
    wrap_up: int = 0

    @property
    def length(self) -> timedelta:
        """All of it, as elapsed time."""
        return timedelta(minutes=self.preparation + self.infusion + self.observation + self.wrap_up)


@dataclass(frozen=True)
class Bookable:
    """Read under the locks. `dose` and `check` are both None for a visit that only repeats an old one."""

    patient: Patient
    kind: str
    minutes: Minutes
    needs: tuple[str, ...]
    dose: PlannedDose | None = None
    check: PlannedCheck | None = None

    @property
    def length(self) -> timedelta:
        return self.minutes.length

    def problems(self, starts_at: datetime, *, now: datetime, moving: Visit | None = None) -> list[Problem]:
        """What stands against `starts_at`, whoever comes."""
        if self.dose is not None:
            return preflight.dose_problems(self.dose, self.patient, starts_at, now=now, moving=moving)
        found = []
        if starts_at <= now:
            found.append(Problem("IN_THE_PAST", "That time has passed."))
        if self.patient.status != Patient.Status.ACTIVE:
            said = f"The patient is {self.patient.get_status_display().lower()}."
            found.append(Problem("PATIENT_AWAY", said))
        if self.check is not None:
            day = clock.local_day(starts_at, self.patient.time_zone)
            found += check_problems(self.check, day, moving=moving)
        return found

    def site(self, day: date) -> Site | None:
        """The REMS site that covers the home, for drugs that need one."""
        return preflight.site_for(self.dose, day) if self.dose is not None else None


def of_dose(dose: PlannedDose) -> Bookable:
    """The dose with `prescription.patient` loaded."""
    minutes = Minutes(
        dose.preparation_minutes, dose.infusion_minutes, dose.observation_minutes, dose.wrap_up_minutes
    )
    return Bookable(
        dose.prescription.patient, Visit.Kind.INFUSION, minutes, preflight.needs_of(dose), dose=dose
    )


def of_check(check: PlannedCheck) -> Bookable:
    """The check with `patient` loaded."""
    return Bookable(check.patient, check.kind, Minutes(check.minutes), needs_of_kind(check.kind), check=check)


def like(visit: Visit, patient: Patient) -> Bookable:
    """What a visit without dose and check was for: the same kind and length again."""
    length = int((visit.ends_at - visit.starts_at).total_seconds() // 60)
    return Bookable(patient, visit.kind, Minutes(length), needs_of_kind(visit.kind))


def needs_of_kind(kind: str) -> tuple[str, ...]:
    """Competencies a nurse needs for a visit without a drug: a vein for a lab draw, none for a wellness check."""
    return (preflight.IV,) if kind == Visit.Kind.LAB_DRAW else ()


def check_problems(check: PlannedCheck, day: date, *, moving: Visit | None = None) -> list[Problem]:
    """What the check itself says against `day`."""
    if check.state != PlannedCheck.State.PLANNED:
        said = f"This is {check.get_state_display().lower()}; it needs no visit."
        return [Problem("CHECK_NOT_PLANNED", said)]
    live = check.visits.filter(state__in=states.HOLDING)
    if live.exclude(pk=moving.pk if moving else None).exists():
        return [Problem("DOSE_TAKEN", "This has a visit already.", taken=True)]
    window = window_problem(check, day)
    return [window] if window else []


def window_problem(check: PlannedCheck, day: date) -> Problem | None:
    """What the window of the check says against `day`; both its ends count as inside."""
    if day < check.window_start_on:
        said = f"Earlier than planned: from {_day(check.window_start_on)}."
        return Problem("EARLY_OUTSIDE_WINDOW", said, absolute=False)
    if day > check.window_end_on:
        said = f"Later than planned: until {_day(check.window_end_on)}."
        return Problem("LATE_OUTSIDE_WINDOW", said, absolute=False)
    return None


def _day(on: date) -> str:
    return f"{on:%b} {on.day}, {on.year}"
