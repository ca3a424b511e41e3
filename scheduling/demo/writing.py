"""Store the charts: many rows a statement, with the times things would have had, and the audit trail beside them.

The only place that writes without the services, because a history of years cannot be booked today. The
dose calendars still come from the rules (`services.doses.fill`), and tests check the result with the
services' own checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from accounts.models import User
from nurses.models import Competency, Licence, Nurse, Shift, TimeOff
from patients.models import (
    Contact,
    Evidence,
    Hold,
    Measurement,
    Patient,
    Prescription,
    PrescriptionVersion,
)
from scheduling.demo import messages, readying, staff, visiting
from scheduling.demo.batch import Batch, told_times
from scheduling.demo.charts import Chart
from scheduling.demo.diary import NurseFile, at
from scheduling.demo.papers import papers_of
from scheduling.models import DoseRecord, Event, PlannedDose
from scheduling.services import doses
from scheduling.services.prescribing import TERMS

YEAR = timedelta(days=365)


def store(
    charts: list[Chart], files: list[NurseFile], users: dict[str, User], *, now: datetime, today: date
) -> None:
    """Everything but the incidents. Call inside one transaction, on a database without patients."""
    with told_times():
        _store_nurses(files, users)
        batch = Batch(users["coordinator"], now, today, staff.make_sites(today))
        _store_patients(charts, users, batch)
        _store_orders(charts, batch)
        _store_papers(charts, batch)
        _store_doses(charts, batch)
        visiting.store_visits(charts, batch)
        readying.store_readiness(charts, batch)
        _store_records(charts, batch)
        messages.store_messages(charts, batch)
        Event.objects.bulk_create(sorted(batch.events, key=lambda event: event.at), batch_size=1000)


def _store_nurses(files: list[NurseFile], users: dict[str, User]) -> None:
    for index, file in enumerate(files[: staff.NURSES_WITH_ACCOUNTS]):
        user = users["nurse" if index == 0 else f"nurse{index + 1}"]
        user.first_name, user.last_name = file.nurse.first_name, file.nurse.last_name
        file.nurse.user = user
    User.objects.bulk_update(users.values(), ["first_name", "last_name"])
    Nurse.objects.bulk_create(file.nurse for file in files)
    Licence.objects.bulk_create(row for file in files for row in file.licences)
    Competency.objects.bulk_create(row for file in files for row in file.competencies)
    Shift.objects.bulk_create(row for file in files for row in file.shifts)
    TimeOff.objects.bulk_create(row for file in files for row in file.away)


def _store_patients(charts: list[Chart], users: dict[str, User], batch: Batch) -> None:
    person = charts[0].patient
    user = users["patient"]
    user.first_name, user.last_name, user.language = person.first_name, person.last_name, person.language
    user.save(update_fields=["first_name", "last_name", "language"])
    person.user = user
    for chart in charts:
        chart.patient.created_at = chart.prescribed_at - timedelta(hours=1)
        for measurement in chart.measurements:
            measurement.recorded_by = batch.by
            measurement.recorded_at = at(measurement.measured_on, time(15))
    Patient.objects.bulk_create(chart.patient for chart in charts)
    Contact.objects.bulk_create(row for chart in charts for row in chart.contacts)
    Measurement.objects.bulk_create(row for chart in charts for row in chart.measurements)
    for chart in charts:
        batch.tell(chart.patient.created_at, "patient_registered", chart.patient, chart.patient)


def _store_orders(charts: list[Chart], batch: Batch) -> None:
    batch.prescriptions = Prescription.objects.bulk_create([_order(chart, batch.by) for chart in charts])
    versions, holds = [], []
    for chart, prescription in zip(charts, batch.prescriptions, strict=True):
        versions += list(_versions(chart, prescription, batch))
        holds += [
            Hold(
                prescription=prescription,
                starts_on=hold.starts_on,
                clears_on=hold.clears_on,
                reason=hold.reason,
                created_by=batch.by,
                created_at=at(hold.starts_on, time(9, 20)),
            )
            for hold in chart.course.order.holds
        ]
    PrescriptionVersion.objects.bulk_create(versions)
    for hold in Hold.objects.bulk_create(holds):
        batch.tell(hold.created_at, "hold_placed", hold.prescription.patient, hold, why=hold.reason)


def _order(chart: Chart, by: User) -> Prescription:
    course, order = chart.course, chart.course.order
    assert course.calendar is not None and order.expires_on is not None
    stopped_on = order.discontinued_on
    return Prescription(
        patient=chart.patient,
        regimen_id=course.regimen.id,
        regimen_version=course.regimen.version,
        regimen_digest=course.regimen.digest,
        prescriber_name=chart.prescriber.name,
        prescriber_npi=chart.prescriber.npi,
        diagnosis_code=chart.diagnosis,
        start_on=order.start_on,
        expires_on=order.expires_on,
        prior_cumulative_mg_per_m2=order.prior_cumulative_mg_per_m2,
        status=doses.STATUS[course.calendar.status],
        discontinued_on=stopped_on,
        discontinued_why="Side effects; the prescriber changes the treatment." if stopped_on else "",
        created_by=by,
        created_at=chart.prescribed_at,
    )


def _versions(chart: Chart, prescription: Prescription, batch: Batch) -> Iterable[PrescriptionVersion]:
    """The first order, and its renewals a year at a time up to the one in force."""
    ends = [prescription.expires_on]
    while ends[0] - YEAR > chart.prescribed_at.date() + timedelta(days=60):
        ends.insert(0, ends[0] - YEAR)
    for number, ends_on in enumerate(ends, start=1):
        when = chart.prescribed_at if number == 1 else at(ends[number - 2] - timedelta(days=20), time(11, 10))
        if when.date() >= batch.today:
            when = at(batch.today - timedelta(days=1), time(11, 10))
        terms = {name: _plain(getattr(prescription, name)) for name in TERMS} | {
            "expires_on": ends_on.isoformat()
        }
        why = "" if number == 1 else "Renewed by the prescriber"
        if number == 1:
            batch.tell(
                when, "prescribed", chart.patient, prescription, regimen_version=prescription.regimen_version
            )
        else:
            batch.tell(
                when, "prescription_amended", chart.patient, prescription, why=why, changed=["expires_on"]
            )
        yield PrescriptionVersion(
            prescription=prescription,
            number=number,
            terms=terms,
            why=why,
            created_by=batch.by,
            created_at=when,
        )
    if prescription.discontinued_on:
        when = at(prescription.discontinued_on, time(14, 30))
        batch.tell(
            when, "prescription_stopped", chart.patient, prescription, why=prescription.discontinued_why
        )


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (int, str, dict, list)):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def _store_papers(charts: list[Chart], batch: Batch) -> None:
    rows = []
    for chart, prescription in zip(charts, batch.prescriptions, strict=True):
        possible = chart.patient.pregnancy_possible
        for paper in papers_of(chart.course, today=batch.today, pregnancy_possible=possible):
            paper.patient = chart.patient
            paper.prescription = prescription if paper.kind == "site_decision" else None
            paper.recorded_by = batch.by
            paper.recorded_at = at(paper.dated_on, time(16, 45))
            rows.append(paper)
    for paper in Evidence.objects.bulk_create(rows):
        batch.tell(
            paper.recorded_at, "evidence_recorded", paper.patient, paper, kind=paper.kind, clear=paper.clear
        )


def _store_doses(charts: list[Chart], batch: Batch) -> None:
    rows: list[PlannedDose] = []
    for index, chart in enumerate(charts):
        given = {told.given.number for told in chart.course.told}
        for row in [*(told.row for told in chart.course.told), *chart.course.rows]:
            dose = PlannedDose(prescription=batch.prescriptions[index], number=row.number)
            doses.fill(dose, row)
            if row.number in given:
                dose.state = PlannedDose.State.GIVEN
            batch.doses[index, row.number] = dose
            rows.append(dose)
    PlannedDose.objects.bulk_create(rows, batch_size=1000)


def _store_records(charts: list[Chart], batch: Batch) -> None:
    rows = []
    for index, chart in enumerate(charts):
        for told in chart.course.told:
            visit = batch.visits.get((index, told.given.number))
            nurse = visit.nurse.user if visit else None
            rows.append(
                DoseRecord(
                    dose=batch.doses[index, told.given.number],
                    given_on=told.given.on,
                    amount_mg=told.row.amount_mg,
                    mg_per_m2=told.given.mg_per_m2,
                    reaction=told.given.reaction,
                    reaction_type=told.given.reaction_type or "",
                    elsewhere=told.elsewhere,
                    visit=visit,
                    recorded_by=nurse or batch.by,
                    recorded_at=visit.ends_at if visit else at(told.given.on, time(17, 5)),
                )
            )
    patients = {prescription.pk: prescription.patient for prescription in batch.prescriptions}
    for record in DoseRecord.objects.bulk_create(rows, batch_size=1000):
        batch.tell(
            record.recorded_at,
            "dose_recorded",
            patients[record.dose.prescription_id],
            record,
            dose=record.dose_id,
            given_on=record.given_on.isoformat(),
            reaction=record.reaction,
        )
