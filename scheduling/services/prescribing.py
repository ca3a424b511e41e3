"""Prescribe, amend, hold, clear a hold, stop: each one transaction, audited, and the calendar with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from dateutil.relativedelta import relativedelta
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from patients.models import Hold, Patient, Prescription, PrescriptionVersion
from patients.validators import npi_ok
from scheduling import clock
from scheduling.models import DoseRecord, PlannedDose
from scheduling.regimens import catalogue
from scheduling.rules.amounts import check_plausible
from scheduling.rules.calendar import Calendar, plan
from scheduling.rules.caps import cumulative_mg_per_m2
from scheduling.rules.errors import BadInput, Conflict, RuleBroken, StaleVersion
from scheduling.rules.orders import Given, Order, check_history, check_order, stopping_reaction
from scheduling.rules.reasons import plain
from scheduling.rules.regimen import Regimen
from scheduling.services import doses, events, patients
from scheduling.services.guard import fits, writes

OPEN = (Prescription.Status.DRAFT, Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)
TERMS = (
    "regimen_id", "regimen_version", "prescriber_name", "prescriber_npi", "diagnosis_code", "start_on",
    "expires_on", "total_doses", "parameters", "prior_cumulative_mg_per_m2", "prior_course_starts", "note",
)  # fmt: skip
AMENDABLE = frozenset(
    {"expires_on", "total_doses", "parameters", "prescriber_name", "prescriber_npi", "diagnosis_code", "note"}
)


@dataclass(frozen=True)
class GivenElsewhere:
    """A dose the patient had before this order came to us."""

    number: int
    on: date
    amount_mg: Decimal | None = None
    reaction: str = "none"
    reaction_type: str = ""


@dataclass(frozen=True)
class Wish:
    """What a prescription form or an API call asks for. Days are local to the patient."""

    regimen_id: str
    start_on: date
    expires_on: date
    prescriber_name: str = ""
    prescriber_npi: str = ""
    diagnosis_code: str = ""
    total_doses: int | None = None
    parameters: dict[str, Decimal] = field(default_factory=dict)
    prior_cumulative_mg_per_m2: Decimal | None = None
    prior_course_starts: tuple[date, ...] = ()
    height_cm: Decimal | None = None
    weight_kg: Decimal | None = None
    given: tuple[GivenElsewhere, ...] = ()
    note: str = ""


def preview(patient: Patient, wish: Wish, *, today: date | None = None) -> Calendar:
    """Three years of dated doses as they would be, writing nothing. Raises BadInput naming the field."""
    today = today or clock.today_in(patient.time_zone)
    regimen, order, history = _read(patient, wish, today)
    as_of = max([today, *(dose.on for dose in history)])
    return plan(regimen, order, history, as_of, until=today + doses.HORIZON)


@writes
def prescribe(*, patient_id: int, wish: Wish, by: User, today: date | None = None) -> Prescription:
    """Save the order, pinned to the current facts, with the doses given elsewhere and its calendar."""
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    today = today or clock.today_in(patient.time_zone)
    regimen, _order, history = _read(patient, wish, today)
    _check_prescriber(wish.prescriber_name, wish.prescriber_npi)
    if wish.expires_on < today:
        raise BadInput(
            "This order has already expired. Enter the end date of a valid order.", field="expires_on"
        )
    if patient.prescriptions.filter(regimen_id=regimen.id, status__in=OPEN).exists():
        raise RuleBroken(
            "The patient has an open order for this regimen. Amend that one instead.",
            code="DUPLICATE_ORDER",
            field="regimen_id",
        )
    _measure(patient, wish, today, by)
    prescription = Prescription.objects.create(
        patient=patient,
        regimen_id=regimen.id,
        regimen_version=regimen.version,
        regimen_digest=regimen.digest,
        prescriber_name=wish.prescriber_name.strip(),
        prescriber_npi=wish.prescriber_npi,
        diagnosis_code=wish.diagnosis_code,
        start_on=wish.start_on,
        expires_on=wish.expires_on,
        total_doses=wish.total_doses,
        parameters={name: str(value) for name, value in wish.parameters.items()},
        prior_cumulative_mg_per_m2=wish.prior_cumulative_mg_per_m2,
        prior_course_starts=[day.isoformat() for day in wish.prior_course_starts],
        note=fits(wish.note, "note", 2000),
        created_by=by,
    )
    _write_version(prescription, by=by, why="")
    _write_history(prescription, regimen, history, wish.given, by)
    events.write("prescribed", by=by, patient=patient, subject=prescription, regimen_version=regimen.version)
    doses.sync(prescription, today=today)
    return prescription


@writes
def amend(
    *,
    prescription_id: int,
    changes: dict[str, Any],
    why: str,
    by: User,
    version: int | None = None,
    today: date | None = None,
) -> Prescription:
    """Change terms of a running order; the old terms stay in its versions. `why` is asked for.

    `version` is the number of the terms the person saw; newer ones raise StaleVersion.

    `changes` may name what is AMENDABLE. Another drug or start is another prescription.
    """
    if not why.strip():
        raise BadInput("Say why the order changes.", field="why")
    prescription = doses.lock(prescription_id)
    if prescription.status not in OPEN:
        raise Conflict("This order has ended and cannot be amended.", code="ORDER_ENDED")
    if version is not None and version != version_of(prescription):
        raise StaleVersion("Somebody amended this order after you opened it. Look again, then decide.")
    _take_terms(prescription, changes)
    prescription.save()
    _write_version(prescription, by=by, why=why)
    events.write(
        "prescription_amended", by=by, patient=prescription.patient, subject=prescription, why=why,
        changed=sorted(changes),
    )  # fmt: skip
    doses.sync(prescription, today=today)
    return prescription


def _check_prescriber(name: str, npi: str) -> None:
    if not name.strip():
        raise BadInput("Enter the prescriber's name.", field="prescriber_name")
    if not npi_ok(npi):
        raise BadInput("This is not a valid NPI: ten digits, check the last one.", field="prescriber_npi")


def _take_terms(prescription: Prescription, changes: dict[str, Any]) -> None:
    """Put the amended terms on the row, unsaved. Raises BadInput naming a term that cannot be amended or is wrong."""
    for name, value in changes.items():
        if name not in AMENDABLE:
            raise BadInput("This cannot be amended; write a new order.", field=name)
        if name == "parameters":
            value = {key: str(number) for key, number in value.items()}
        elif name == "note":
            value = fits(value, "note", 2000)
        setattr(prescription, name, value)
    _check_prescriber(prescription.prescriber_name, prescription.prescriber_npi)
    if prescription.expires_on < prescription.start_on:
        raise BadInput("The order cannot end before it starts.", field="expires_on")


@writes
def hold(*, prescription_id: int, starts_on: date, clears_on: date | None, reason: str, by: User) -> Hold:
    """No dosing from `starts_on` until `clears_on` (None: nobody knows yet). Booked visits inside are flagged."""
    if not reason.strip():
        raise BadInput("Say why dosing is on hold.", field="reason")
    if clears_on and clears_on <= starts_on:
        raise BadInput("The clear date must be after the day the hold starts.", field="clears_on")
    prescription = doses.lock(prescription_id)
    if prescription.status not in OPEN:
        raise Conflict("This order has ended; there is nothing to hold.", code="ORDER_ENDED")
    said = {"starts_on": starts_on, "clears_on": clears_on, "reason": fits(reason, "reason")}
    if twin := prescription.holds.filter(withdrawn_at__isnull=True, **said).first():
        return twin  # the same form sent twice
    placed = Hold.objects.create(prescription=prescription, created_by=by, **said)
    events.write("hold_placed", by=by, patient=prescription.patient, subject=placed, why=reason)
    doses.sync(prescription)
    return placed


@writes
def clear_hold(*, hold_id: int, clears_on: date, by: User) -> Hold:
    """Enter the day dosing is allowed again. The row keeps who placed it; the trail keeps who cleared it.

    A clear date on or before the first day withdraws the hold: it never applied.
    """
    placed = Hold.objects.get(pk=hold_id)
    prescription = doses.lock(placed.prescription_id)
    placed = Hold.objects.select_for_update(no_key=True).get(pk=hold_id)
    if placed.withdrawn_at is not None:
        raise Conflict("This hold was withdrawn already.", code="HOLD_WITHDRAWN")
    if clears_on <= placed.starts_on:
        placed.withdrawn_at = timezone.now()
    else:
        placed.clears_on = clears_on
    placed.save(update_fields=["withdrawn_at", "clears_on"])
    events.write(
        "hold_cleared", by=by, patient=prescription.patient, subject=placed, clears_on=clears_on.isoformat()
    )
    doses.sync(prescription)
    return placed


@writes
def stop(*, prescription_id: int, stopped_on: date, why: str, by: User) -> Prescription:
    """Discontinue: no further doses are planned; booked visits are flagged, not cancelled."""
    if not why.strip():
        raise BadInput("Say why the drug is stopped.", field="why")
    prescription = doses.lock(prescription_id)
    if stopped_on > clock.today_in(prescription.patient.time_zone):
        raise BadInput("A drug is stopped today or on an earlier day.", field="stopped_on")
    if prescription.discontinued_on is not None:
        raise Conflict("This order was stopped already.", code="ORDER_ENDED")
    prescription.discontinued_on, prescription.discontinued_why = stopped_on, fits(why, "why")
    prescription.save(update_fields=["discontinued_on", "discontinued_why"])
    events.write("prescription_stopped", by=by, patient=prescription.patient, subject=prescription, why=why)
    doses.sync(prescription)
    return prescription


def _read(patient: Patient, wish: Wish, today: date) -> tuple[Regimen, Order, tuple[Given, ...]]:
    """The wish as the rules read it. Raises BadInput naming the form field for what cannot be right."""
    regimen = catalogue.get(wish.regimen_id)
    if wish.expires_on < wish.start_on:
        raise BadInput("The order cannot end before it starts.", field="expires_on")
    if wish.start_on > today + relativedelta(years=2):
        raise BadInput("The start is more than two years away; check the year.", field="start_on")
    check_plausible(height_cm=wish.height_cm, weight_kg=wish.weight_kg)
    measured = doses.latest_measurements(patient) if patient.pk else {}
    order = Order(
        start_on=wish.start_on,
        expires_on=wish.expires_on,
        total_doses=wish.total_doses,
        parameters=wish.parameters,
        height_cm=wish.height_cm or measured.get("height_cm"),
        weight_kg=wish.weight_kg or measured.get("weight_kg"),
        prior_cumulative_mg_per_m2=wish.prior_cumulative_mg_per_m2,
        prior_course_starts=wish.prior_course_starts,
    )
    if regimen.needs_weight and order.weight_kg is None:
        raise BadInput("This regimen is dosed by weight. Enter the weight.", field="weight_kg")
    if regimen.needs_height and order.height_cm is None:
        raise BadInput("This regimen is dosed by body surface. Enter the height.", field="height_cm")
    for index, dose in enumerate(wish.given):
        if dose.on > today:
            raise BadInput("A dose already given cannot be dated in the future.", field=f"given-{index}-on")
    history = tuple(
        Given(dose.number, dose.on, dose.reaction, dose.reaction_type or None)
        for dose in sorted(wish.given, key=lambda dose: dose.number)
    )
    check_order(regimen, order)
    check_history(regimen, order, history, today)
    _check_earlier_orders(patient, regimen, order)
    return regimen, order, history


def _check_earlier_orders(patient: Patient, regimen: Regimen, order: Order) -> None:
    """What ended a drug for good, and what a lifetime has had of it, stands beyond the order it happened in.

    Raises RuleBroken when an earlier reaction forbids the drug, BadInput when the stated earlier lifetime
    dose is less than what is on file.
    """
    if patient.pk is None:
        return
    on_file = Decimal(0)
    for earlier in patient.prescriptions.all():
        if doses.drug_code(earlier.regimen_id) != doses.drug_code(regimen.id):
            continue
        earlier.patient = patient
        case = doses.case_of(earlier)
        if reaction := stopping_reaction(case.regimen, case.history):
            raise RuleBroken(
                f"The reaction to dose {reaction.number} on {reaction.on:%b} {reaction.on.day}, {reaction.on.year} "
                "ended this drug for good; it is never given again.",
                code="DISCONTINUE_PERMANENT",
                field="regimen_id",
            )
        if regimen.cumulative_cap is not None and case.history:
            last = case.history[-1].number
            on_file = max(on_file, cumulative_mg_per_m2(case.regimen, case.order, case.history, last))
    if on_file > (order.prior_cumulative_mg_per_m2 or 0):
        raise BadInput(
            f"Earlier orders on file come to {plain(on_file)} mg/m2. Enter that or more.",
            field="prior_cumulative_mg_per_m2",
        )


def _measure(patient: Patient, wish: Wish, today: date, by: User) -> None:
    """What was measured for this order is on file, in the trail, and counts for the other orders too."""
    for kind in ("weight_kg", "height_cm"):
        value = getattr(wish, kind)
        if value is not None:
            patients.put_measurement(patient, kind=kind, value=value, measured_on=today, by=by)


def version_of(prescription: Prescription) -> int:
    """The number of the terms in force."""
    return prescription.versions.aggregate(last=Max("number"))["last"] or 0


def _write_version(prescription: Prescription, *, by: User, why: str) -> None:
    last = version_of(prescription)
    terms = {name: getattr(prescription, name) for name in TERMS}
    PrescriptionVersion.objects.create(
        prescription=prescription,
        number=last + 1,
        terms={
            name: value if isinstance(value, (dict, list)) else _plain(value) for name, value in terms.items()
        },
        why=fits(why, "why"),
        created_by=by,
    )


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (int, str)):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def _write_history(
    prescription: Prescription,
    regimen: Regimen,
    history: Sequence[Given],
    given: Sequence[GivenElsewhere],
    by: User,
) -> None:
    """One given dose and its record for each dose the patient had before."""
    amounts = {dose.number: dose.amount_mg for dose in given}
    for dose in history:
        row = PlannedDose.objects.create(
            prescription=prescription,
            number=dose.number,
            amount_mg=amounts[dose.number],
            due_on=dose.on,
            state=PlannedDose.State.GIVEN,
        )
        DoseRecord.objects.create(
            dose=row,
            given_on=dose.on,
            amount_mg=amounts[dose.number],
            mg_per_m2=dose.mg_per_m2,
            reaction=dose.reaction,
            reaction_type=dose.reaction_type or "",
            elsewhere=True,
            recorded_by=by,
        )
    if history:
        events.write(
            "history_entered",
            by=by,
            patient=prescription.patient,
            subject=prescription,
            doses=[dose.number for dose in history],
        )
