"""The rows writers of visits lock, in the order of docs/locking.md: patient, nurses, dose or check, visit."""

from __future__ import annotations

from collections.abc import Iterable

from nurses.models import Nurse
from patients.models import Patient
from scheduling.models import PlannedCheck, PlannedDose, Visit
from scheduling.rules.errors import BadInput, StaleVersion


def patient_and_nurses(patient_id: int, nurse_ids: Iterable[int]) -> tuple[Patient, dict[int, Nurse]]:
    """The patient, then the nurses by ascending id. Raises BadInput for a nurse that is not there."""
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    return patient, nurses(nurse_ids)


def nurses(nurse_ids: Iterable[int]) -> dict[int, Nurse]:
    """The nurses by ascending id, after the patients. Raises BadInput for one that is not there."""
    wanted = sorted(set(nurse_ids))
    rows = Nurse.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    found = {nurse.pk: nurse for nurse in rows}
    if len(found) < len(wanted):
        raise BadInput("There is no such nurse.", field="nurse")
    return found


def patient_of(dose_id: int) -> int:
    """Whose dose it is; no lock."""
    return PlannedDose.objects.values_list("prescription__patient_id", flat=True).get(pk=dose_id)


def dose(dose_id: int, patient: Patient) -> PlannedDose:
    """The dose of the locked patient, with its prescription."""
    found = PlannedDose.objects.select_for_update(no_key=True).select_related("prescription").get(pk=dose_id)
    found.prescription.patient = patient
    return found


def check(check_id: int, patient: Patient) -> PlannedCheck:
    """The check of the locked patient."""
    found = PlannedCheck.objects.select_for_update(no_key=True).get(pk=check_id)
    found.patient = patient
    return found


def visit(visit_id: int, *, version: int | None = None, nurse_id: int | None = None) -> Visit:
    """The visit. Raises StaleVersion when it is not as the person saw it, or has another nurse than was locked."""
    found = Visit.objects.select_for_update(no_key=True).get(pk=visit_id)
    if (version is not None and found.version != version) or nurse_id not in {None, found.nurse_id}:
        raise StaleVersion("Somebody changed this visit after you opened it. Look again, then decide.")
    return found
