"""What a dose needs besides results: the payer's authorization, the parcel, the health screen. Most are in order;
some are not, so that the readiness board has something to show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from random import Random

from patients.models import Evidence, Prescription
from scheduling import clock
from scheduling.demo.batch import Batch
from scheduling.demo.charts import Chart
from scheduling.demo.diary import at
from scheduling.models import PlannedDose, SupplyStep, Visit
from scheduling.regimens import products
from scheduling.rules import gate_states
from scheduling.services import doses
from scheduling.services.gate_files import ASKED, AUTHORIZATION, SCREEN

RUNNING = (Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)
OPEN = ("booked", "confirmed", "en_route", "arrived", "in_progress")
DOSES_A_YEAR = 14
IN_ORDER = ("demo_patient", "today_1", "today_2", "today_3", "today_4")


def store_readiness(charts: list[Chart], batch: Batch) -> None:
    """Authorizations of running orders; parcels and health screens of the visits that come next."""
    papers: list[Evidence] = []
    steps: list[SupplyStep] = []
    open_visits: dict[int, list[Visit]] = defaultdict(list)
    for (index, _number), visit in batch.visits.items():
        if visit.state in OPEN:
            open_visits[index].append(visit)
    for index, chart in enumerate(charts):
        prescription = batch.prescriptions[index]
        if prescription.status not in RUNNING:
            continue
        # Its own generator: what the other stories drew stays as it was.
        random = Random(f"ready:{index}")  # noqa: S311  invented parcels need no secret numbers
        good = chart.story.key in IN_ORDER
        papers += _authorization(chart, prescription, batch.today, random, good=good)
        for visit in open_visits[index]:
            if visit.dose is not None:
                day = clock.local_day(visit.starts_at, visit.time_zone)
                steps += _parcel(visit.dose, prescription, day, batch.today, random, good=good)
                papers += _screen(visit, prescription, day, batch.today, random, good=good)
    _put(papers, steps, batch)


def _put(papers: list[Evidence], steps: list[SupplyStep], batch: Batch) -> None:
    for row in (*papers, *steps):
        row.recorded_by = batch.by
    for paper in papers:
        paper.recorded_at = at(min(paper.dated_on, batch.today - timedelta(days=1)), time(15, 10))
    for paper in Evidence.objects.bulk_create(papers):
        batch.tell(
            paper.recorded_at, "evidence_recorded", paper.patient, paper, kind=paper.kind, clear=paper.clear
        )
    for step in SupplyStep.objects.bulk_create(steps):
        batch.tell(
            step.recorded_at, "supply_recorded", step.dose.prescription.patient, step,
            dose=step.dose_id, step=step.step, on=step.on.isoformat(),
        )  # fmt: skip


def _authorization(
    chart: Chart, prescription: Prescription, today: date, random: Random, *, good: bool
) -> Iterator[Evidence]:
    luck = 1.0 if good else random.random()
    if luck < 0.10:
        return  # nobody has asked yet
    if luck < 0.16:
        asked_on = today - timedelta(days=random.randint(2, 9))
        yield Evidence(patient=chart.patient, prescription=prescription, kind=ASKED, dated_on=asked_on)
        return
    ran_out = luck < 0.22
    from_on = today - timedelta(days=random.randint(368, 400) if ran_out else random.randint(20, 250))
    yield Evidence(
        patient=chart.patient,
        prescription=prescription,
        kind=AUTHORIZATION,
        dated_on=from_on,
        valid_until_on=from_on + timedelta(days=365),
        units=_units_a_year(chart, prescription, today),
        reference=f"DEMO-PA-{random.randint(10_000, 99_999)}",
    )


def _units_a_year(chart: Chart, prescription: Prescription, today: date) -> int | None:
    product = products.get(doses.drug_code(prescription.regimen_id))
    amounts = [row.amount_mg for row in chart.course.rows if row.amount_mg is not None]
    if product is None or not amounts:
        return None
    each = gate_states.units_of(max(amounts), product.unit_on(today))
    return each * DOSES_A_YEAR if each else None


def _parcel(
    dose: PlannedDose, prescription: Prescription, day: date, today: date, random: Random, *, good: bool
) -> Iterator[SupplyStep]:
    """Ordered three weeks before the visit, shipped a week before, received three days before."""
    days, luck = (day - today).days, 1.0 if good else random.random()
    if days > 20 or luck < 0.08:
        return
    dose.prescription = prescription
    yield _step(dose, "ordered", min(today - timedelta(days=1), day - timedelta(days=18)))
    if days > 9 or luck < 0.15:
        return
    yield _step(
        dose,
        "shipped",
        min(today - timedelta(days=1), day - timedelta(days=6)),
        expected_on=day - timedelta(days=2),
    )
    product = products.get(doses.drug_code(prescription.regimen_id))
    if days > 3 or product is None:
        return
    least = product.storage.least_c if product.storage.least_c is not None else Decimal(15)
    warm = Decimal(5) if luck < 0.19 else Decimal(-2)
    received_on = min(today, day - timedelta(days=2))
    yield _step(dose, "received", received_on, lowest_c=least + 1, highest_c=product.storage.most_c + warm)


def _step(dose: PlannedDose, step: str, on: date, **fields: object) -> SupplyStep:
    return SupplyStep(dose=dose, step=step, on=on, recorded_at=at(on, time(7, 15)), **fields)


def _screen(
    visit: Visit, prescription: Prescription, day: date, today: date, random: Random, *, good: bool
) -> Iterator[Evidence]:
    """Asked by phone the day before the visit; some did not answer yet."""
    if not 0 <= (day - today).days <= 2 or (not good and random.random() < 0.25):
        return
    yield Evidence(
        patient=prescription.patient,
        kind=SCREEN,
        dated_on=min(today, day) - timedelta(days=1),
        note="By phone.",
    )
