"""What changes about a patient after registration: who they are, where they live, how to reach them, where they are.

Booked visits that no longer fit are flagged for a person, never moved (invariant 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from patients.models import Contact, Patient
from patients.validators import e164
from scheduling.models import Visit
from scheduling.rules import states
from scheduling.rules.errors import BadInput, StaleVersion
from scheduling.services import attention, doses, events, preflight
from scheduling.services.guard import writes

FIELDS = (
    "first_name", "last_name", "date_of_birth", "mrn", "address", "city", "state", "postal_code", "latitude",
    "longitude", "time_zone", "access_notes", "language", "diagnosis_code", "allergies", "pregnancy_possible",
    "prefers", "wishes", "status",
)  # fmt: skip
WAYS = {"email": Contact.Channel.EMAIL, "phone": Contact.Channel.VOICE}
HOME = {"state", "latitude", "longitude", "time_zone"}


def terms_of(patient: Patient) -> dict[str, Any]:
    """FIELDS, `email`, `phone` and `consent` (every way on file may be used) as they stand."""
    ways = {contact.channel: contact for contact in patient.contacts.all()}
    found = {name: getattr(patient, name) for name in FIELDS}
    for name, channel in WAYS.items():
        found[name] = ways[channel].value if channel in ways else ""
    known = [way for way in ways.values() if way.value]
    found["consent"] = bool(known) and all(way.usable for way in known)
    return found


def seen(patient: Patient) -> str:
    """A short sign of what a person saw before changing it; another one means that somebody was first."""
    return hashlib.sha256(repr(sorted(terms_of(patient).items())).encode()).hexdigest()[:32]


@writes
def update_patient(*, patient_id: int, wish: Mapping[str, Any], by: User, saw: str = "") -> Patient:
    """Save what differs of `wish` (keys of terms_of); the trail names the fields, never their values.

    A new e-mail or number needs consent of its own; consent taken back is an opt-out. Raises StaleVersion
    when the patient is not as `saw` any more, BadInput for an MRN somebody else has.
    """
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    if saw and saw != seen(patient):
        raise StaleVersion(
            "Somebody changed this patient after you opened the page. Look again, then decide."
        )
    before = terms_of(patient)
    wish = {**before, **wish, "phone": e164(wish["phone"]) if wish.get("phone") else wish.get("phone", "")}
    changed = sorted(name for name in before if wish[name] != before[name])
    if not changed:
        return patient
    _save(patient, {name: wish[name] for name in changed if name in FIELDS})
    _reach(patient, wish, changed)
    detail = {"status": patient.status} if "status" in changed else {}
    events.write("patient_updated", by=by, patient=patient, subject=patient, changed=changed, **detail)
    if HOME & set(changed):
        _flag_home(patient, zone_changed="time_zone" in changed)
    if "status" in changed:
        _review(patient)
    return patient


def _save(patient: Patient, values: Mapping[str, Any]) -> None:
    if not values:
        return
    for name, value in values.items():
        setattr(patient, name, value)
    try:
        with transaction.atomic():
            patient.save(update_fields=[*values, "search_name"])
    except IntegrityError as error:
        raise BadInput("Another patient has this MRN.", field="mrn") from error


def _reach(patient: Patient, wish: Mapping[str, Any], changed: Iterable[str]) -> None:
    """Contacts as wished. Consent counts from now for what is new; without it nothing may be sent there."""
    now = timezone.now()
    for name, channel in WAYS.items():
        if name not in changed and "consent" not in changed:
            continue
        way = Contact.objects.filter(patient=patient, channel=channel).first()
        if way is None and not wish[name]:
            continue
        way = way or Contact(patient=patient, channel=channel)
        renewed = name in changed or not way.usable
        way.value = wish[name]
        if wish["consent"] and renewed:
            way.consented_at, way.consent_source, way.opted_out_at = now, "office", None
        elif not wish["consent"]:
            way.consented_at = None if name in changed else way.consented_at
            way.opted_out_at = way.opted_out_at or now
        way.save()


def _open_visits(patient: Patient) -> list[Visit]:
    visits = Visit.objects.filter(patient=patient, state__in=states.OPEN, starts_at__gt=timezone.now())
    return list(visits.select_for_update(no_key=True).order_by("pk"))


def _review(patient: Patient) -> None:
    """Flags of every open visit after a change of status: those with a dose by the usual review."""
    for prescription in patient.prescriptions.order_by("pk"):
        prescription = doses.lock(prescription.pk)
        prescription.patient = patient
        attention.review(prescription)
    code, sentence = attention.away(patient)
    for visit in _open_visits(patient):
        if visit.dose_id is None and visit.attention_code in {"", attention.AWAY}:
            _flag(visit, code, sentence)


def _flag_home(patient: Patient, *, zone_changed: bool) -> None:
    """Flag visits whose road, licence or clock the new home makes wrong."""
    nurse_ids = list(patient.visits.filter(state__in=states.OPEN).values_list("nurse_id", flat=True))
    rows = Nurse.objects.select_for_update(no_key=True).filter(pk__in=nurse_ids).order_by("pk")
    nurses = {nurse.pk: nurse for nurse in rows}
    for visit in _open_visits(patient):
        problems = preflight.nurse_problems(
            nurses[visit.nurse_id],
            patient,
            needs=(),
            starts_at=visit.starts_at,
            length=visit.ends_at - visit.starts_at,
            without=visit.pk,
        )
        wrong = next((one.text for one in problems if one.code in attention.HOME_CODES), "")
        if not wrong and zone_changed and visit.time_zone != patient.time_zone:
            wrong = f"It was booked by the clock of {visit.time_zone}; the home's is {patient.time_zone} now."
        if wrong and not visit.attention_code:
            _flag(visit, attention.HOME_MOVED, f"The home has changed. {wrong}"[:300])


def _flag(visit: Visit, code: str, sentence: str) -> None:
    visit.attention_code, visit.attention = code, sentence
    visit.save(update_fields=["attention_code", "attention", "changed_at"])
