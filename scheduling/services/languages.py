"""One language a patient: of their pages, of messages and of calls, whoever was the last to say it."""

from __future__ import annotations

from accounts.models import Role, User
from patients.models import Patient
from scheduling.services import events
from scheduling.services.guard import writes


@writes
def choose(user: User, language: str) -> Patient | None:
    """The patient with this sign-in is written to and called in `language` from now on; None when there is none.

    Messages already sent stay as they are; what is planned is worded when it goes. Said again changes nothing.
    Locks the patient. The trail names the field, as for a change by the office.
    """
    patient = Patient.objects.select_for_update(no_key=True).filter(user=user).first()
    if patient is not None and patient.language != language:
        patient.language = language
        patient.save(update_fields=["language"])
        events.write("patient_updated", by=user, patient=patient, subject=patient, changed=["language"])
    return patient


def follow(patient: Patient) -> None:
    """The patient's own pages speak what the chart says. Call inside the writer's transaction."""
    if patient.user_id:
        User.objects.filter(pk=patient.user_id, role=Role.PATIENT).update(language=patient.language)
