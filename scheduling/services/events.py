"""Who did what, to whose data, when and why: written in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from django.db import models

from accounts.models import User
from patients.models import Patient
from scheduling.models import Event

# Where the request in hand came from ("page 10.0.0.7"); set by scheduling.middleware.
origin: ContextVar[str] = ContextVar("origin", default="")


def write(
    action: str,
    *,
    by: User | None,
    patient: Patient | int | None = None,
    subject: models.Model | str = "",
    why: str = "",
    **detail: Any,
) -> Event:
    """Add one row to the trail. `detail` holds ids, codes and days; never a name or a drug."""
    if isinstance(subject, models.Model):
        subject = f"{subject._meta.model_name} {subject.pk}"
    return Event.objects.create(
        action=action,
        actor=by if by is not None and by.pk else None,
        role=getattr(by, "role", "") or "system",
        patient_id=patient.pk if isinstance(patient, Patient) else patient,
        subject=subject[:60],
        why=why[:500],
        origin=origin.get()[:60],
        detail=detail,
    )


def chart_read(patient: Patient, *, by: User, what: str) -> None:
    """Somebody looked at a patient's chart. Reads are in the trail like changes."""
    write("chart_read", by=by, patient=patient, subject=what)


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
