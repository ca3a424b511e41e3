"""Who did what, to whose data, when and why: written in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models import User
from patients.models import Patient
from scheduling.models import Event

ONE_LOOK = timedelta(minutes=15)  # as long as a page may lie idle

# Where the request in hand came from ("page 10.0.0.7"); set by scheduling.middleware.
origin: ContextVar[str] = ContextVar("origin", default="")


def write(
    action: str,
    *,
    by: User | None,
    patient: Patient | int | None = None,
    subject: models.Model | str = "",
    why: str = "",
    role: str = "",
    **detail: Any,
) -> Event:
    """Add one row to the trail. `detail` holds ids, codes and days; never a name or a drug.

    `role` says who it was where nobody signed in: a patient who answered by a link or a text.
    """
    if isinstance(subject, models.Model):
        subject = f"{subject._meta.model_name} {subject.pk}"
    return Event.objects.create(
        action=action,
        actor=by if by is not None and by.pk else None,
        role=getattr(by, "role", "") or role or "system",
        patient_id=patient.pk if isinstance(patient, Patient) else patient,
        subject=subject[:60],
        why=why[:500],
        origin=origin.get()[:60],
        detail=detail,
    )


def chart_read(patient: Patient, *, by: User, what: str) -> None:
    """Somebody looked at a patient's chart. Reads are in the trail like changes."""
    write("chart_read", by=by, patient=patient, subject=what)


def chart_read_once(patient: Patient, *, by: User, what: str) -> None:
    """The same for a part that is asked for again with every word typed: one row while a form is filled in."""
    since = timezone.now() - ONE_LOOK
    seen = Event.objects.filter(patient=patient, at__gt=since, action="chart_read", actor=by, subject=what)
    if not seen.exists():
        chart_read(patient, by=by, what=what)


def charts_read(patients: Iterable[Patient], *, by: User, what: str) -> None:
    """The same for a page that shows several charts: one row a patient, one query for all."""
    Event.objects.bulk_create(
        Event(
            action="chart_read",
            actor=by,
            role=by.role,
            patient=patient,
            subject=what[:60],
            origin=origin.get()[:60],
        )
        for patient in patients
    )
