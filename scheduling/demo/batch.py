"""What the storing of the demo data hands from step to step: rows, their times, and the trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import models

from accounts.models import User
from patients.models import Evidence, Hold, Measurement, Patient, Prescription, PrescriptionVersion
from scheduling.models import DoseRecord, Event, Notice, PlannedDose, Site, SupplyStep, Visit

TOLD_TIMES = (
    (Patient, "created_at"), (Measurement, "recorded_at"), (Prescription, "created_at"),
    (PrescriptionVersion, "created_at"), (Hold, "created_at"), (Evidence, "recorded_at"), (Visit, "created_at"),
    (DoseRecord, "recorded_at"), (SupplyStep, "recorded_at"), (Notice, "created_at"), (Event, "at"),
)  # fmt: skip


@dataclass
class Batch:
    """What is stored so far and the trail to be written at the end; `by` is who did it all."""

    by: User
    now: datetime
    today: date
    sites: list[Site]
    events: list[Event] = field(default_factory=list)
    prescriptions: list[Prescription] = field(default_factory=list)
    doses: dict[tuple[int, int], PlannedDose] = field(default_factory=dict)  # (chart, dose number)
    visits: dict[tuple[int, int], Visit] = field(default_factory=dict)
    earlier: dict[tuple[int, int], Visit] = field(default_factory=dict)  # moved or cancelled before those

    def tell(
        self, when: datetime, action: str, patient: Patient, subject: models.Model, **detail: Any
    ) -> None:
        """One row of the trail, as `services.events.write` would have written it then."""
        why = detail.pop("why", "")
        self.events.append(
            Event(
                at=when,
                actor=self.by,
                role=self.by.role,
                action=action,
                patient=patient,
                subject=f"{subject._meta.model_name} {subject.pk}",
                why=why,
                detail=detail,
            )
        )


@contextmanager
def told_times() -> Iterator[None]:
    """Let rows say when things happened, where Django would fill in the moment of storing."""
    fields = [model._meta.get_field(name) for model, name in TOLD_TIMES]
    for each in fields:
        each.auto_now_add = False
    try:
        yield
    finally:
        for each in fields:
            each.auto_now_add = True
