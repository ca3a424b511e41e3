"""Add a patient, a measurement, a paper. The only writers of the patients app's rows besides prescribing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from patients.models import Contact, Evidence, Measurement, Patient, Prescription
from patients.validators import e164
from scheduling import clock
from scheduling.rules.amounts import check_plausible
from scheduling.rules.errors import BadInput
from scheduling.services import checks, doses, events, languages
from scheduling.services.gate_files import AUTHORIZATION
from scheduling.services.guard import fits, writes

COUNTS_AHEAD = timedelta(days=366)  # a payer approves next year's doses before the year begins
MOST_UNITS = 1_000_000


@writes
def register_patient(*, by: User, email: str = "", phone: str = "", **fields: Any) -> Patient:
    """Add a patient with contacts as given; `fields` are those of Patient. An e-mail or number the patient
    gave for visit messages counts as consent for them; both are audited."""
    if Patient.objects.filter(mrn=fields.get("mrn", "")).exists():
        raise BadInput("Another patient has this MRN.", field="mrn")
    patient = Patient(**fields)
    try:
        with transaction.atomic():
            patient.save()
    except IntegrityError as error:  # the same form sent twice at the same moment
        raise BadInput("Another patient has this MRN.", field="mrn") from error
    now = timezone.now()
    for channel, value in (
        (Contact.Channel.EMAIL, email),
        (Contact.Channel.VOICE, e164(phone) if phone else ""),
    ):
        if value:
            Contact.objects.create(
                patient=patient, channel=channel, value=value, consented_at=now, consent_source="registration"
            )
    languages.follow(patient)
    events.write("patient_registered", by=by, patient=patient, subject=patient)
    return patient


@writes
def record_measurement(
    *, patient_id: int, kind: str, value: Decimal, measured_on: date, by: User
) -> Measurement:
    """Record a weight (kg) or height (cm) and work out the amounts that depend on it again."""
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    if measured_on > clock.today_in(patient.time_zone):
        raise BadInput("A measurement cannot be dated in the future.", field="measured_on")
    check_plausible(**{"height_cm": None, "weight_kg": None, kind: value})
    return put_measurement(patient, kind=kind, value=value, measured_on=measured_on, by=by)


def put_measurement(
    patient: Patient, *, kind: str, value: Decimal, measured_on: date, by: User
) -> Measurement:
    """The row, its line in the trail, and every running calendar that depends on it. Call with `patient` locked."""
    measurement = Measurement.objects.create(
        patient=patient, kind=kind, value=value, measured_on=measured_on, recorded_by=by
    )
    events.write("measured", by=by, patient=patient, subject=measurement, kind=kind)
    for prescription in patient.prescriptions.filter(
        status__in=[Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD]
    ).order_by("pk"):
        if doses.regimen_of(prescription).needs_weight:
            prescription = Prescription.objects.select_for_update(no_key=True).get(pk=prescription.pk)
            prescription.patient = patient
            doses.sync(prescription)
    return measurement


@writes
def record_evidence(
    *,
    patient_id: int,
    kind: str,
    dated_on: date,
    by: User,
    prescription_id: int | None = None,
    valid_until_on: date | None = None,
    clear: bool = True,
    reference: str = "",
    note: str = "",
    units: int | None = None,
) -> Evidence:
    """Put a paper on file: a lab result, a vaccination, an authorization. Future dates are refused; a payer's
    authorization alone may count from a day to come, and have `units` (HCPCS billing units it covers).

    The very same paper sent twice (a double click, the back button) is on file once.
    """
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    _check_paper(patient, kind, dated_on, units)
    if valid_until_on and valid_until_on < dated_on:
        raise BadInput("It cannot end before it is dated.", field="valid_until_on")
    if prescription_id and not patient.prescriptions.filter(pk=prescription_id).exists():
        raise BadInput("This order belongs to somebody else.", field="prescription")
    said: dict[str, Any] = {
        "prescription_id": prescription_id,
        "kind": kind,
        "dated_on": dated_on,
        "valid_until_on": valid_until_on,
        "clear": clear,
        "reference": reference,
        "note": note,
        "units": units,
    }
    # The newest of that day alone is a twin: well, then ill, then well again are three answers.
    standing = patient.evidence.filter(withdrawn_at__isnull=True, kind=kind, dated_on=dated_on)
    newest = standing.filter(prescription_id=prescription_id).first()
    if newest is not None and all(getattr(newest, name) == value for name, value in said.items()):
        return newest
    return put_evidence(patient, by=by, **said)


def _check_paper(patient: Patient, kind: str, dated_on: date, units: int | None) -> None:
    ahead = COUNTS_AHEAD if kind == AUTHORIZATION else timedelta(0)
    if dated_on > clock.today_in(patient.time_zone) + ahead:
        raise BadInput("A result cannot be dated in the future.", field="dated_on")
    if units is not None and (kind != AUTHORIZATION or not 0 < units <= MOST_UNITS):
        raise BadInput("Enter the units the payer approved, more than 0.", field="units")


def put_evidence(patient: Patient, *, by: User, **said: Any) -> Evidence:
    """The row and its line in the trail; `said` are fields of Evidence, checked. Call with `patient` locked."""
    paper = Evidence.objects.create(patient=patient, recorded_by=by, **said)
    events.write(
        "evidence_recorded", by=by, patient=patient, subject=paper, kind=paper.kind, clear=paper.clear
    )
    _follow_results(patient, paper.kind)
    return paper


@writes
def withdraw_evidence(*, evidence_id: int, by: User, why: str) -> Evidence:
    """Take back a paper recorded by mistake; the row stays. `why` is asked for."""
    if not why.strip():
        raise BadInput("Say why it is withdrawn.", field="why")
    patient = Patient.objects.select_for_update(no_key=True).get(evidence=evidence_id)
    paper = Evidence.objects.select_for_update(no_key=True).get(pk=evidence_id)
    if paper.withdrawn_at is None:
        paper.withdrawn_at, paper.withdrawn_why = timezone.now(), fits(why, "why")
        paper.save(update_fields=["withdrawn_at", "withdrawn_why"])
        events.write("evidence_withdrawn", by=by, patient=paper.patient_id, subject=paper, why=why)
        _follow_results(patient, paper.kind)
    return paper


def _follow_results(patient: Patient, kind: str) -> None:
    """A result that came, or was taken back, decides which lab draws are still owed. Call with `patient` locked."""
    if kind not in checks.DRAWN:
        return
    for prescription in patient.prescriptions.exclude(status=Prescription.Status.DRAFT).order_by("pk"):
        prescription = Prescription.objects.select_for_update(no_key=True).get(pk=prescription.pk)
        prescription.patient = patient
        case = doses.case_of(prescription)
        today = clock.today_in(patient.time_zone)
        checks.sync(prescription, case.regimen, case.order, case.history, today=today)
