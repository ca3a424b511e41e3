"""A dose was given: record it, correct a record, and let the calendar follow."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from scheduling import clock
from scheduling.models import DoseRecord, PlannedDose, Visit
from scheduling.rules import states
from scheduling.rules.errors import BadInput, Conflict
from scheduling.services import doses, events
from scheduling.services.guard import fits, writes

NOTE = 2000  # characters


@writes
def record_given(
    *,
    dose_id: int,
    given_on: date,
    by: User,
    amount_mg: Decimal | None = None,
    reaction: str = "none",
    reaction_type: str = "",
    note: str = "",
    now: datetime | None = None,
) -> DoseRecord:
    """The dose was given on a local day. Its visit of that day is completed; the rest of the calendar moves.

    What happened is recorded even when it broke a rule (too early): the calendar then flags it.
    Raises BadInput beside the field, Conflict when the dose was recorded already.
    """
    now = now or timezone.now()
    dose = _locked(dose_id)
    patient = dose.prescription.patient
    today = clock.today_in(patient.time_zone, now)
    _check_open(dose)
    _check(dose, given_on, today, amount_mg)
    _check_type(dose, reaction, reaction_type)
    visit = _visit_of(dose, given_on)
    record = DoseRecord.objects.create(
        dose=dose,
        given_on=given_on,
        amount_mg=dose.amount_mg if amount_mg is None else amount_mg,
        reaction=reaction,
        reaction_type=reaction_type,
        note=fits(note, "note", NOTE),
        visit=visit,
        recorded_by=by,
    )
    _close(dose, visit)
    events.write(
        "dose_recorded", by=by, patient=patient, subject=record, dose=dose.pk,
        given_on=given_on.isoformat(), reaction=reaction,
        go_given=bool(visit and visit.started_at),
    )  # fmt: skip
    doses.sync(dose.prescription, today=today, now=now)
    return record


def _check_open(dose: PlannedDose) -> None:
    if dose.state == PlannedDose.State.GIVEN:
        raise Conflict("This dose was recorded already. Correct the record instead.", code="ALREADY_RECORDED")
    if dose.state == PlannedDose.State.CANCELLED:
        raise Conflict("This dose is no longer planned.", code="DOSE_NOT_PLANNED")


def _close(dose: PlannedDose, visit: Visit | None) -> None:
    """The dose is given and the visit it was given at is done."""
    dose.state = PlannedDose.State.GIVEN
    dose.save(update_fields=["state", "replanned_at"])
    if visit is not None and visit.state != "completed":
        visit.state, visit.version = "completed", visit.version + 1
        visit.save(update_fields=["state", "version", "changed_at"])


@writes
def correct_record(
    *,
    record_id: int,
    given_on: date,
    reaction: str,
    why: str,
    by: User,
    amount_mg: Decimal | None = None,
    reaction_type: str = "",
    note: str = "",
    now: datetime | None = None,
) -> DoseRecord:
    """A new record that names the wrong one; both stay. `why` is asked for."""
    if not why.strip():
        raise BadInput("Say why the record is corrected.", field="why")
    dose, wrong = _locked_record(record_id)
    today = clock.today_in(dose.prescription.patient.time_zone, now or timezone.now())
    _check(dose, given_on, today, amount_mg)
    _check_type(dose, reaction, reaction_type)
    record = DoseRecord.objects.create(
        dose=dose,
        given_on=given_on,
        amount_mg=wrong.amount_mg if amount_mg is None else amount_mg,
        mg_per_m2=wrong.mg_per_m2,
        reaction=reaction,
        reaction_type=reaction_type,
        elsewhere=wrong.elsewhere,
        visit=wrong.visit,
        note=fits(note, "note", NOTE),
        amends=wrong,
        why=fits(why, "why"),
        recorded_by=by,
    )
    events.write(
        "record_corrected", by=by, patient=dose.prescription.patient, subject=record, why=why, amends=wrong.pk
    )
    doses.sync(dose.prescription, today=today, now=now)
    return record


def _locked(dose_id: int) -> PlannedDose:
    """The dose under the patient's and the prescription's lock, in the order every writer keeps."""
    prescription_id = PlannedDose.objects.values_list("prescription_id", flat=True).get(pk=dose_id)
    prescription = doses.lock(prescription_id)
    dose = PlannedDose.objects.select_for_update(no_key=True).get(pk=dose_id)
    dose.prescription = prescription
    return dose


def _locked_record(record_id: int) -> tuple[PlannedDose, DoseRecord]:
    """A record to put right and its dose, locked. Raises Conflict when another record has taken its place."""
    dose = _locked(DoseRecord.objects.values_list("dose_id", flat=True).get(pk=record_id))
    wrong = DoseRecord.objects.select_for_update(no_key=True).get(pk=record_id)
    if DoseRecord.objects.filter(amends=wrong).exists():
        raise Conflict("This record was corrected already. Correct the newer one.", code="STALE_VERSION")
    return dose, wrong


def _check_type(dose: PlannedDose, reaction: str, reaction_type: str) -> None:
    """Where one kind of reaction ends the drug for good, nobody may leave open which kind it was."""
    if (
        reaction != "none"
        and not reaction_type
        and doses.regimen_of(dose.prescription).stopping_reaction_types
    ):
        raise BadInput(
            "Say what kind of reaction it was: on this drug an allergic one ends it for good.",
            field="reaction_type",
        )


def _check(dose: PlannedDose, given_on: date, today: date, amount_mg: Decimal | None) -> None:
    if given_on > today:
        raise BadInput("A dose already given cannot be dated in the future.", field="given_on")
    if amount_mg is not None and not 0 < amount_mg <= 100_000:
        raise BadInput("Enter the amount given in mg, more than 0.", field="amount_mg")
    records = {n: r for n, r in doses.standing_records(dose.prescription).items() if n != dose.number}
    earlier = max((n for n in records if n < dose.number), default=None)
    later = min((n for n in records if n > dose.number), default=None)
    if earlier is not None and given_on < records[earlier].given_on:
        raise BadInput(
            f"Dose {earlier} was given later, on {_day(records[earlier].given_on)}.", field="given_on"
        )
    if later is not None and given_on > records[later].given_on:
        raise BadInput(
            f"Dose {later} was given before, on {_day(records[later].given_on)}.", field="given_on"
        )
    first_open = dose.prescription.doses.filter(state=PlannedDose.State.PLANNED).order_by("number").first()
    if first_open is not None and first_open.number < dose.number and dose.state == PlannedDose.State.PLANNED:
        raise BadInput(f"Dose {first_open.number} comes first. Record that one.", field="dose")


def _visit_of(dose: PlannedDose, given_on: date) -> Visit | None:
    """The dose's live visit on that local day, if there is one."""
    for visit in dose.visits.select_for_update(no_key=True).filter(state__in=states.HOLDING):
        if clock.local_day(visit.starts_at, visit.time_zone) == given_on:
            return visit
    return None


def _day(on: date) -> str:
    return f"{on:%b} {on.day}, {on.year}"
