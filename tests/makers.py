"""Makers of people, orders, doses and visits for tests, through the real services.

The clock is an argument: `now` is an aware time, NOW unless a test says otherwise. What is read over HTTP
asks the real clock; `clock_stands_at(now)` holds it still for services, selectors and views alike. Names,
MRNs and numbers come from one counter, so two makes never collide and a run repeats itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Role, User
from nurses.models import Competency, Licence, Nurse, Shift, TimeOff
from patients.models import Contact, Evidence, Patient, Prescription
from patients.validators import npi_ok
from scheduling import clock
from scheduling.models import (
    DoseRecord,
    PinnedPair,
    PlanLine,
    PlannedCheck,
    PlannedDose,
    Site,
    Visit,
    WeekPlan,
)
from scheduling.services import booking, checks, doses, events, pairs, prescribing, records
from scheduling.services import patients as patient_services
from scheduling.services.prescribing import GivenElsewhere, Wish

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # a Monday, 9:00 in Dallas
CHICAGO = "America/Chicago"
DALLAS = (32.7767, -96.7970)
FORT_WORTH = (32.7555, -97.3308)
PASSWORD = "a long pass phrase for tests"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

_numbers = count(1)


@contextmanager
def clock_stands_at(now: datetime = NOW) -> Iterator[datetime]:
    """Every `timezone.now()` answers `now` inside the block, in all threads; the lock-out's own names for it too."""
    with ExitStack() as patches:
        for name in ("django.utils.timezone.now", "axes.attempts.now", "axes.handlers.proxy.now"):
            patches.enter_context(mock.patch(name, return_value=now))
        yield now


def today_at(now: datetime = NOW, time_zone: str = CHICAGO) -> date:
    """The day on the wall of a home at `now`."""
    return clock.today_in(time_zone, now)


def at(on: date, hour: int = 9, minute: int = 0, time_zone: str = CHICAGO) -> datetime:
    """The aware time of a wall clock in `time_zone`."""
    return datetime.combine(on, time(hour, minute), ZoneInfo(time_zone)).astimezone(UTC)


def npi(number: int) -> str:
    """Ten digits with a fitting check digit, from a range that is not issued (they begin with 29)."""
    stem = f"29{number % 10_000_000:07d}"
    return next(stem + digit for digit in "0123456789" if npi_ok(stem + digit))


def phone(number: int) -> str:
    """An invented Dallas number, 555-0100 to 555-0199."""
    return f"+12145550{100 + number % 100}"


def make_user(role: str = Role.COORDINATOR, **fields: Any) -> User:
    """A person who can sign in with PASSWORD."""
    number = next(_numbers)
    fields.setdefault("username", f"{role}{number}")
    fields.setdefault("email", f"{fields['username']}@example.com")
    return User.objects.create_user(password=fields.pop("password", PASSWORD), role=role, **fields)


def make_nurse(
    *,
    competencies: Iterable[str] = ("iv", "ocrelizumab", "natalizumab", "rituximab", "ublituximab"),
    hours: tuple[time, time] | None = (time(7), time(19)),
    weekdays: Iterable[int] = range(7),
    licence_state: str | None = "TX",
    licence_until: date = date(2099, 12, 31),
    user: User | bool = True,
    place: tuple[float, float] = DALLAS,
    **fields: Any,
) -> Nurse:
    """A nurse with a licence, competencies and a shift on every day, 7:00 to 19:00; `hours` None for none.

    `user` True makes a sign-in, False leaves the nurse without one.
    """
    number = next(_numbers)
    if isinstance(user, bool):
        user = make_user(Role.NURSE) if user else None  # type: ignore[assignment]
    nurse = Nurse.objects.create(
        user=user,
        latitude=place[0],
        longitude=place[1],
        **{
            "first_name": "Maria",
            "last_name": f"Rivera{number}",
            "phone": phone(number),
            "npi": npi(number),
            "city": "Dallas",
            "day_limit_minutes": 720,
            **fields,
        },
    )
    long_ago = date(2020, 1, 1)
    if licence_state:
        Licence.objects.create(
            nurse=nurse,
            state=licence_state,
            number=f"RN{number:06d}",
            issued_on=long_ago,
            expires_on=licence_until,
        )
    Competency.objects.bulk_create(
        Competency(nurse=nurse, code=code, granted_on=long_ago) for code in competencies
    )
    if hours:
        Shift.objects.bulk_create(
            Shift(nurse=nurse, weekday=day, starts=hours[0], ends=hours[1], from_on=long_ago)
            for day in weekdays
        )
    return nurse


def make_time_off(nurse: Nurse, starts_at: datetime, ends_at: datetime) -> TimeOff:
    """The nurse is away for `[starts_at, ends_at)`."""
    return TimeOff.objects.create(nurse=nurse, starts_at=starts_at, ends_at=ends_at, reason="leave")


def patient_fields(**fields: Any) -> dict[str, Any]:
    """What registering a patient asks for, filled in; `place` is latitude and longitude."""
    number = next(_numbers)
    place = fields.pop("place", DALLAS)
    return {
        "mrn": f"T{number:06d}",
        "first_name": "Pat",
        "last_name": f"Tester{number}",
        "date_of_birth": date(1980, 5, 17),
        "address": f"{number} Elm Street",
        "city": "Dallas",
        "state": "TX",
        "postal_code": "75201",
        "latitude": place[0],
        "longitude": place[1],
        "time_zone": CHICAGO,
        **fields,
    }


def make_patient(
    *, by: User | None = None, user: User | bool = False, email: str | None = None, **fields: Any
) -> Patient:
    """A patient in Dallas with a consented e-mail; `email=""` for none. `user` True makes a sign-in."""
    if isinstance(user, bool):
        user = make_user(Role.PATIENT) if user else None  # type: ignore[assignment]
    filled = patient_fields(**fields)
    if email is None:
        email = f"{filled['mrn'].lower()}@example.com"
    return patient_services.register_patient(by=by or make_user(), email=email, user=user, **filled)


def wish(
    regimen_id: str = "ocrelizumab_iv",
    *,
    now: datetime = NOW,
    given: Sequence[GivenElsewhere] = (),
    parameters: Mapping[str, Decimal] | None = None,
    **fields: Any,
) -> Wish:
    """A complete order: starts in a week (or on the day of the first dose given), good for three years."""
    today = today_at(now)
    return Wish(
        regimen_id=regimen_id,
        given=tuple(given),
        parameters=dict(parameters or {}),
        **{
            "start_on": given[0].on if given else today + 7 * DAY,
            "expires_on": today + 3 * 365 * DAY,
            "prescriber_name": "Ana Lopez MD",
            "prescriber_npi": npi(1),
            "diagnosis_code": "G35",
            **fields,
        },
    )


def make_prescription(
    patient: Patient | None = None,
    regimen_id: str = "ocrelizumab_iv",
    *,
    by: User | None = None,
    now: datetime = NOW,
    **fields: Any,
) -> Prescription:
    """An order in force with its calendar; `fields` are those of `wish`."""
    by = by or make_user()
    patient = patient or make_patient(by=by)
    return prescribing.prescribe(
        patient_id=patient.pk, wish=wish(regimen_id, now=now, **fields), by=by, today=today_at(now)
    )


def make_evidence(
    patient: Patient, kind: str, dated_on: date, *, by: User | None = None, **fields: Any
) -> Evidence:
    """A paper on file; refused when dated after the real today."""
    return patient_services.record_evidence(
        patient_id=patient.pk, kind=kind, dated_on=dated_on, by=by or make_user(), **fields
    )


def make_papers(prescription: Prescription, *, by: User | None = None, now: datetime = NOW) -> list[Evidence]:
    """Everything the regimen asks for before a dose, dated yesterday, so that nothing blocks booking.

    A drug that needs an authorized site gets one that covers homes.
    """
    regimen = doses.regimen_of(prescription)
    by = by or make_user()
    code = doses.drug_code(regimen.id)
    if "SITE_TOUCH_REQUIRED" in regimen.site_of_care.flags and not Site.objects.filter(code=code).exists():
        make_site(code)
    day, patient = today_at(now) - DAY, prescription.patient
    kinds = [rule.kind for rule in regimen.prerequisites if rule.blocks and rule.days_before is None]
    standing = patient.evidence.filter(kind__in=kinds, dated_on=day, withdrawn_at=None, prescription=None)
    there = set(standing.values_list("kind", flat=True))
    missing = sorted(
        (kind for kind in dict.fromkeys(kinds) if kind not in there), key=checks.DRAWN.__contains__
    )
    # All but one as the rows they become: what follows from papers follows from the last of them, a result
    # if there is one, and costs more than the papers themselves.
    with transaction.atomic():
        for kind in missing[:-1]:
            paper = Evidence.objects.create(patient=patient, kind=kind, dated_on=day, recorded_by=by)
            events.write("evidence_recorded", by=by, patient=patient, subject=paper, kind=kind, clear=True)
        for kind in missing[-1:]:
            make_evidence(patient, kind, day, by=by)
    return list(standing.all())


def make_site(code: str = "natalizumab", **fields: Any) -> Site:
    """A certified site whose authorization covers homes."""
    return Site.objects.create(
        code=code,
        **{
            "name": "Trinity Infusion Site",
            "authorization_number": f"A{next(_numbers):05d}",
            "expires_on": date(2099, 12, 31),
            "covers_homes": True,
            **fields,
        },
    )


def make_dose(
    prescription: Prescription | None = None,
    number: int = 1,
    *,
    ready: bool = True,
    by: User | None = None,
    now: datetime = NOW,
    **fields: Any,
) -> PlannedDose:
    """One planned dose, with its papers on file unless `ready` is False; `fields` go to the prescription."""
    by = by or make_user()
    prescription = prescription or make_prescription(by=by, now=now, **fields)
    if ready:
        make_papers(prescription, by=by, now=now)
    doses_with_patient = PlannedDose.objects.select_related("prescription__patient")
    return doses_with_patient.get(prescription=prescription, number=number)


def make_visit(
    dose: PlannedDose | None = None,
    nurse: Nurse | None = None,
    starts_at: datetime | None = None,
    *,
    by: User | None = None,
    override: str = "",
    now: datetime = NOW,
) -> Visit:
    """A booked infusion; 9:00 at the home on the day the dose is due unless told otherwise."""
    by = by or make_user()
    dose = dose or make_dose(by=by, now=now)
    nurse = nurse or make_nurse()
    starts_at = starts_at or at(dose.due_on, time_zone=dose.prescription.patient.time_zone)
    return booking.book_visit(
        dose_id=dose.pk, nurse_id=nurse.pk, starts_at=starts_at, by=by, override=override, now=now
    )


def make_lab_visit(
    patient: Patient | None = None, nurse: Nurse | None = None, on: date | None = None
) -> Visit:
    """A visit that gives no dose: half an hour for a blood draw, at 9:00 a week from now."""
    patient = patient or make_patient()
    starts_at = at(on or today_at() + 7 * DAY, time_zone=patient.time_zone)
    return Visit.objects.create(
        patient=patient, nurse=nurse or make_nurse(), kind=Visit.Kind.LAB_DRAW, starts_at=starts_at,
        ends_at=starts_at + 30 * MINUTE, time_zone=patient.time_zone,
    )  # fmt: skip


def make_record(
    dose: PlannedDose | None = None,
    given_on: date | None = None,
    *,
    by: User | None = None,
    now: datetime = NOW,
    **fields: Any,
) -> DoseRecord:
    """The dose was given: on its due day when that has come, else today."""
    dose = dose or make_dose(ready=False, now=now)
    day = given_on or min(dose.due_on, today_at(now))
    return records.record_given(dose_id=dose.pk, given_on=day, by=by or make_user(), now=now, **fields)


def make_check(patient: Patient | None = None, due_on: date | None = None, **fields: Any) -> PlannedCheck:
    """A wellness check that falls due in a week, or on `due_on`, and may be a week later."""
    day = due_on or today_at() + 7 * DAY
    return PlannedCheck.objects.create(
        patient=patient or make_patient(),
        due_on=day,
        **{
            "kind": PlannedCheck.Kind.WELLNESS, "window_start_on": day, "window_end_on": day + 7 * DAY,
            "reason": "asked for", **fields,
        },
    )  # fmt: skip


def make_way(patient: Patient, channel: str = "text", value: str = "", **fields: Any) -> Contact:
    """A number of the patient's, with consent to use it."""
    return Contact.objects.create(
        patient=patient,
        channel=channel,
        value=value or phone(next(_numbers)),
        **{"consented_at": NOW - DAY, "consent_source": "office", **fields},
    )


def make_plan(
    lines: Iterable[PlanLine] = (), *, by: User | None = None, now: datetime = NOW, **fields: Any
) -> WeekPlan:
    """A finished plan of the week after `now`, with its lines (of `plan_line`)."""
    monday = today_at(now) + (7 - today_at(now).weekday()) * DAY
    plan = WeekPlan.objects.create(
        requested_by=by or make_user(),
        **{
            "first_on": monday, "last_on": monday + 6 * DAY, "seconds": 20, "state": WeekPlan.State.DONE,
            "requested_at": now, "started_at": now, "beat_at": now, "finished_at": now,
            "result": {"cost": {"total": 36_000}, "bound": 35_640, "routes": [], "left": []}, **fields,
        },
    )  # fmt: skip
    for line in lines:
        line.plan = plan
        line.save()
    return plan


def plan_line(
    dose: PlannedDose, nurse: Nurse | None = None, starts_at: datetime | None = None, **fields: Any
) -> PlanLine:
    """One unsaved line: the dose with this nurse at 9:00 of its due day, or left when `nurse` is None."""
    patient = dose.prescription.patient
    when = starts_at or at(dose.due_on, time_zone=patient.time_zone)
    return PlanLine(
        dose=dose, patient=patient, nurse=nurse, minutes=dose.total_minutes, time_zone=patient.time_zone,
        starts_at=when if nurse else None,
        **{"kind": "place" if nurse else "left", "group": f"dose {dose.pk}", **fields},
    )  # fmt: skip


def make_pair(patient: Patient, nurse: Nurse, kind: str = "never", *, by: User | None = None) -> PinnedPair:
    """The nurse always or never comes to the patient."""
    return pairs.pin(
        patient_id=patient.pk, nurse_id=nurse.pk, kind=kind, why="asked for", by=by or make_user(), now=NOW
    )
