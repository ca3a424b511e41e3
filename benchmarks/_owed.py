"""Texts that are due, each to a patient of its own, as rows: for the throughput and for the storm.

Written with bulk_create and without the services, as benchmarks/world.py is. A text a day is all one person gets,
so ten thousand texts need ten thousand people.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

ZONE = "America/Chicago"
BATCH = 2_000
VISITS_A_NURSE = 20
KIND = "confirm"  # the one with most to it: a link, and what was said before is looked at


def owe(count: int, *, now: datetime) -> list[int]:
    """`count` texts that ask to confirm a visit three days from `now`, all due a minute ago; keys of the rows."""
    from scheduling.models import Notice, Visit
    from scheduling.rules.cadence import PRIORITY

    patients, nurses = _patients(count, now), _nurses(-(-count // VISITS_A_NURSE))
    visits = Visit.objects.bulk_create(
        (
            Visit(
                patient_id=patient, nurse_id=nurses[n // VISITS_A_NURSE], kind="lab_draw",
                starts_at=now + timedelta(days=3 + n % VISITS_A_NURSE),
                ends_at=now + timedelta(days=3 + n % VISITS_A_NURSE, minutes=20),
                time_zone=ZONE, preparation_minutes=20,
            )
            for n, patient in enumerate(patients)
        ),
        BATCH,
    )  # fmt: skip
    rows = Notice.objects.bulk_create(
        (
            Notice(
                patient_id=visit.patient_id, visit=visit, visit_version=visit.version,
                about=f"visit {visit.pk} v{visit.version}", kind=KIND, channel="text", priority=PRIORITY[KIND],
                due_at=now - timedelta(minutes=1), expires_at=visit.starts_at,
            )
            for visit in visits
        ),
        BATCH,
    )  # fmt: skip
    return [row.pk for row in rows]


def phone(number: int) -> str:
    """A number nobody has: the exchange 555-01 of some area."""
    return f"+1{200 + number // 100}55501{number % 100:02d}"


def _patients(count: int, now: datetime) -> list[int]:
    from patients.models import Contact, Patient

    people = Patient.objects.bulk_create(
        (
            Patient(
                mrn=f"S{n:07d}", first_name="Pat", last_name=f"Storm{n:06d}", search_name=f"storm{n:06d} pat",
                date_of_birth=date(1980, 1, 1), address="1 Elm Street", city="Dallas", state="TX",
                postal_code="75201", latitude=32.8, longitude=-96.8, time_zone=ZONE,
            )
            for n in range(count)
        ),
        BATCH,
    )  # fmt: skip
    Contact.objects.bulk_create(
        (
            Contact(patient=patient, channel="text", value=phone(n), consented_at=now, consent_source="form")
            for n, patient in enumerate(people)
        ),
        BATCH,
    )
    return [patient.pk for patient in people]


def _nurses(count: int) -> list[int]:
    from nurses.models import Nurse

    rows = (
        Nurse(first_name="Ada", last_name=f"Storm{n:05d}", latitude=32.8, longitude=-96.8)
        for n in range(count)
    )
    return [nurse.pk for nurse in Nurse.objects.bulk_create(rows, BATCH)]
