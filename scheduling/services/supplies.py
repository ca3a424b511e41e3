"""The drug's way to the home, told step by step. A step is never edited: it is withdrawn, and told again."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import User
from scheduling import clock
from scheduling.models import PlannedDose, SupplyStep
from scheduling.rules.errors import BadInput
from scheduling.services import call_rows, events, locks
from scheduling.services.guard import fits, writes

A_YEAR = timedelta(days=366)  # a parcel's days lie within it, before today and after
COLDEST_C, HOTTEST_C = Decimal(-90), Decimal(60)  # beyond these a reading is a typing error


@writes
def record_step(
    *,
    dose_id: int,
    step: str,
    on: date,
    by: User,
    lowest_c: Decimal | None = None,
    highest_c: Decimal | None = None,
    expected_on: date | None = None,
    reference: str = "",
    note: str = "",
) -> SupplyStep:
    """Tell one step (`ordered`, `shipped`, `received`, `rejected`) of the parcel for a dose, on a local day.

    Steps may be left out: who hears first of a parcel when it arrives records `received` alone. Temperatures
    in °C go with `received` only; one outside the label's range is recorded too, and the gate then says so.
    The very same step told twice is there once. Raises BadInput beside the field. Locks patient and dose: a
    start that judges the drug waits for it.
    """
    dose = _locked(dose_id)
    _check_days(dose, step, on, expected_on)
    lowest_c, highest_c = _checked(step, lowest_c, highest_c)
    said: dict[str, Any] = {
        "step": step,
        "on": on,
        "lowest_c": lowest_c,
        "highest_c": highest_c,
        "expected_on": expected_on,
        "reference": fits(reference, "reference", 120),
        "note": fits(note, "note"),
    }
    newest = dose.supply_steps.filter(withdrawn_at__isnull=True).order_by("-on", "-pk").first()
    if newest is not None and all(getattr(newest, name) == value for name, value in said.items()):
        return newest
    told = SupplyStep.objects.create(dose=dose, recorded_by=by, **said)
    events.write(
        "supply_recorded", by=by, patient=dose.prescription.patient, subject=told,
        dose=dose.pk, step=step, on=on.isoformat(),
    )  # fmt: skip
    if step in {SupplyStep.Step.SHIPPED, SupplyStep.Step.RECEIVED}:
        call_rows.shipped(dose)
    return told


@writes
def withdraw_step(*, step_id: int, by: User, why: str) -> SupplyStep:
    """Take back a step told by mistake; the row stays. `why` is asked for; twice is once."""
    if not why.strip():
        raise BadInput("Say why it is withdrawn.", field="why")
    dose = _locked(SupplyStep.objects.values_list("dose_id", flat=True).get(pk=step_id))
    told = SupplyStep.objects.select_for_update(no_key=True).get(pk=step_id)
    if told.withdrawn_at is None:
        told.withdrawn_at, told.withdrawn_why = timezone.now(), fits(why, "why")
        told.save(update_fields=["withdrawn_at", "withdrawn_why"])
        events.write(
            "supply_withdrawn", by=by, patient=dose.prescription.patient, subject=told, why=why, dose=dose.pk
        )
    return told


def _check_days(dose: PlannedDose, step: str, on: date, expected_on: date | None) -> None:
    if step not in SupplyStep.Step.values:
        raise BadInput("Choose what happened to the parcel.", field="step")
    today = clock.today_in(dose.prescription.patient.time_zone)
    if on > today:
        raise BadInput("A step cannot be dated in the future.", field="on")
    if on < today - A_YEAR:
        raise BadInput("That is more than a year ago. Check the year.", field="on")
    if expected_on is not None and expected_on < on:
        raise BadInput("It cannot be expected before this day.", field="expected_on")
    if expected_on is not None and expected_on > today + A_YEAR:
        raise BadInput("That is more than a year away. Check the year.", field="expected_on")


def _checked(
    step: str, lowest_c: Decimal | None, highest_c: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """Both ends of what the logger shows; one reading alone stands for both."""
    if lowest_c is None and highest_c is None:
        return None, None
    if step != SupplyStep.Step.RECEIVED:
        raise BadInput("Temperatures are read when the parcel is received.", field="lowest_c")
    low = highest_c if lowest_c is None else lowest_c
    high = lowest_c if highest_c is None else highest_c
    assert low is not None
    assert high is not None
    for value, field in ((low, "lowest_c"), (high, "highest_c")):
        if not COLDEST_C <= value <= HOTTEST_C:
            raise BadInput("Enter the temperature in °C, between -90 and 60.", field=field)
    if low > high:
        raise BadInput("The highest is below the lowest.", field="highest_c")
    return low.quantize(Decimal("0.1")), high.quantize(Decimal("0.1"))


def _locked(dose_id: int) -> PlannedDose:
    """The dose with its patient locked first."""
    patient, _nurses = locks.patient_and_nurses(locks.patient_of(dose_id), [])
    return locks.dose(dose_id, patient)
