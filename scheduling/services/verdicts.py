"""May this nurse come at this time? All checks put together, and what their answer means for a writer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from accounts.models import User
from nurses.models import Nurse
from patients.models import Patient
from scheduling.models import Visit
from scheduling.rules import states
from scheduling.rules.eligibility import Problem
from scheduling.rules.errors import BadInput, NeedsReason, RuleBroken, SlotTaken
from scheduling.services import preflight
from scheduling.services.bookable import Bookable

YEARS = range(2000, 2199)  # a time at the very edge of the calendar has no day in another zone


def problems_of(
    wanted: Bookable,
    nurse: Nurse,
    starts_at: datetime,
    *,
    by: User | None,
    now: datetime,
    moving: Visit | None = None,
) -> list[Problem]:
    """Everything against this nurse at this time; empty when it may be booked as it is. BadInput for no such year."""
    if starts_at.year not in YEARS:
        raise BadInput("Check the year.", field="starts_at")
    found = wanted.problems(starts_at, now=now, moving=moving)
    return found + preflight.nurse_problems(
        nurse,
        wanted.patient,
        needs=wanted.needs,
        starts_at=starts_at,
        length=wanted.length,
        without=moving.pk if moving else None,
        dose_id=wanted.dose.pk if wanted.dose else None,
        by=by,
        now=now,
    )


def refuse_taken(wanted: Bookable, nurse_id: int, starts_at: datetime, moving: Visit | None = None) -> None:
    """Raise SlotTaken when a visit stands there already: one query, before the many that judge a free time.

    Asked before the locks, so that fifty who want one hour do not queue for an answer that is known, and
    again under them. What it lets through is judged by `problems_of`; a patient who is away is told first.
    """
    if wanted.patient.status != Patient.Status.ACTIVE:
        return
    whose = Q(nurse=nurse_id) | Q(patient=wanted.patient.pk)
    there = Q(starts_at__lt=starts_at + wanted.length, ends_at__gt=starts_at) & whose
    if wanted.dose is not None:
        there |= Q(dose=wanted.dose.pk)
    rivals = Visit.objects.filter(there, state__in=states.HOLDING).exclude(pk=moving.pk if moving else None)
    rival = rivals.values("dose_id", "patient_id").first()
    if rival is None:
        return
    if wanted.dose is not None and rival["dose_id"] == wanted.dose.pk:
        problem = Problem("DOSE_TAKEN", "This dose has a visit already.", taken=True)
    elif rival["patient_id"] == wanted.patient.pk:
        problem = Problem("PATIENT_TAKEN", "The patient has another visit then.", taken=True)
    else:
        problem = Problem("NURSE_TAKEN", "The nurse has another visit then.", taken=True)
    refuse_hard([problem])


def settle(problems: Sequence[Problem], override: str) -> list[str]:
    """Raise for what forbids the booking; otherwise the codes a reason was given for.

    What is absolute comes first, then lost races, then what needs a reason: a person should not type
    a reason for a booking that is impossible anyway.
    """
    refuse_hard(problems)
    soft = [problem for problem in problems if not problem.absolute]
    if soft and not override.strip():
        raise NeedsReason(
            " ".join(dict.fromkeys(problem.text for problem in soft)),
            code=soft[0].code,
            field="override",
            codes=tuple(problem.code for problem in soft),
        )
    return [problem.code for problem in soft]


def refuse_hard(problems: Sequence[Problem]) -> None:
    """Raise for what no reason makes allowed."""
    for problem in problems:
        if problem.absolute and not problem.taken:
            raise RuleBroken(problem.text, code=problem.code, field=preflight.field_of(problem.code))
    for problem in problems:
        if problem.taken:
            raise SlotTaken(problem.text, code=problem.code, field="starts_at")
