"""Nurses who belong to a patient, or must not meet one: so that a plan of next week has something it cannot place."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from nurses.models import Nurse
from scheduling.demo import people
from scheduling.demo.diary import NurseFile
from scheduling.demo.stories import EXAMPLES
from scheduling.models import PinnedPair, PlannedDose, Visit
from scheduling.rules import states
from scheduling.services import pairs

UNSIGNED = 6  # by index: is not signed off for natalizumab
WAITING = 2
DRUG = "natalizumab"


def tell(files: list[NurseFile], by: User, now: datetime, today: date) -> None:
    """Two patients whose families ask for a nurse who may not give their drug yet; one who wants another nurse."""
    asked = list(_waiting(today)[: WAITING + 1])
    unsigned, first = files[UNSIGNED].nurse, files[0].nurse
    for dose in asked[:WAITING]:
        _pin(dose, unsigned, PinnedPair.Kind.ALWAYS, "The family asks for her: she came for years.", by, now)
    for dose in asked[WAITING:]:
        _pin(dose, first, PinnedPair.Kind.NEVER, "They are neighbors; the patient asks for privacy.", by, now)


def _pin(dose: PlannedDose, nurse: Nurse, kind: str, why: str, by: User, now: datetime) -> None:
    pairs.pin(patient_id=dose.prescription.patient_id, nurse_id=nurse.pk, kind=kind, why=why, by=by, now=now)


def _waiting(today: date) -> QuerySet[PlannedDose]:
    """Doses due next week without a visit, of patients who are no example."""
    monday = today + timedelta(days=7 - today.weekday())
    live = Visit.objects.filter(patient=OuterRef("prescription__patient"), state__in=states.HOLDING)
    return (
        PlannedDose.objects.filter(
            ~Exists(live.filter(starts_at__date__gte=today)),
            state=PlannedDose.State.PLANNED,
            due_on__range=(monday, monday + timedelta(days=6)),
            prescription__regimen_id__startswith=DRUG,
            prescription__status="active",
            prescription__patient__status="active",
            prescription__patient__mrn__gt=people.mrn(len(EXAMPLES) - 1),
        )
        .select_related("prescription")
        .order_by("prescription__patient__mrn")
    )
