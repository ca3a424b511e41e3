"""A made-up agency of any size, as rows in the database: for benchmarks that need many visits at once.

Written with bulk_create and without the services, so no events, no notices and no calendars: what a benchmark
measures is read from these rows as the product reads its own. The same arguments give the same world.

    world = build(nurses=200, visits=1_500, days=14)

Each nurse works five days a week, 7:00 to 18:00 in Chicago's zone, holds a Texas licence and the competency "iv";
every second one is signed off for DRUGS as well, and every twentieth is away on her second working day. Visits are
two hours long, at 8:00, 11:00 and 14:00, spread evenly: at most three a nurse and day. A nurse has patients of her
own, so nobody is in two places. `infusions=True` gives every visit a planned dose of natalizumab (slower); without
it all are lab draws. Visits before `now` are completed, later ones booked.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from accounts.models import User

ZONE = ZoneInfo("America/Chicago")
FIRST = date(2027, 3, 1)  # a Monday
NOW = datetime(2027, 2, 1, 15, tzinfo=UTC)
DRUGS = ("ocrelizumab", "natalizumab", "rituximab", "ublituximab")
SHIFT = (time(7), time(18))
HOURS = (8, 11, 14)
LENGTH = timedelta(hours=2)
LONG_AGO, LATER = date(2020, 1, 1), date(2099, 12, 31)
PATIENTS_EACH = 4
BATCH = 2_000


@dataclass(frozen=True)
class World:
    """Keys of what was made, and somebody of the office to look at it."""

    user: User
    nurses: tuple[int, ...]
    patients: tuple[int, ...]
    visits: int
    days: tuple[date, ...]

    def client(self) -> Any:
        """A test client signed in by token, as a program is."""
        from django.test import Client
        from knox.models import AuthToken

        return Client(headers={"Authorization": f"Token {AuthToken.objects.create(self.user)[1]}"})


def build(
    nurses: int = 200,
    visits: int = 1_500,
    days: int = 14,
    *,
    first: date = FIRST,
    now: datetime = NOW,
    infusions: bool = False,
) -> World:
    """Make the rows on `days` from `first`; needs a database that is migrated and empty of such people."""
    from accounts.models import Role, User

    user = User.objects.create_user(username=f"bench{nurses}-{visits}", password=None, role=Role.COORDINATOR)
    dice = random.Random(7)
    team = _nurses(nurses, dice, first)
    patients = _patients(nurses, dice)
    asked = tuple(first + timedelta(days=n) for n in range(days))
    planned = [
        (team[number], patients[number * PATIENTS_EACH + place % PATIENTS_EACH], starts_at)
        for number, starts in enumerate(starts_of_all(nurses, visits, asked))
        for place, starts_at in enumerate(starts)
    ]
    _visits(planned, now, _doses(planned, now) if infusions else None)
    return World(user, tuple(team), tuple(patients), len(planned), asked)


def place(dice: random.Random) -> tuple[float, float]:
    """Somewhere in Dallas and Fort Worth."""
    return dice.uniform(32.5, 33.2), dice.uniform(-97.5, -96.5)


def weekdays(number: int) -> set[int]:
    """The five weekdays a nurse works, by her number."""
    return {(number + n) % 7 for n in range(5)}


def starts_of_all(nurses: int, visits: int, days: tuple[date, ...]) -> list[list[datetime]]:
    """For each nurse the starts of her visits in order: round after round, so that all have about as many."""
    free = []
    for number in range(nurses):
        worked = [day for day in days if day.weekday() in weekdays(number)]
        times = [(day, hour) for hour in HOURS for day in worked[number % 3 :] + worked[: number % 3]]
        free.append(times)
    each, more = divmod(visits, nurses)
    most = min(len(times) for times in free)
    if each + bool(more) > most:
        raise ValueError(f"{visits} visits do not fit: at most {most * nurses} on these days")
    return [
        sorted(
            datetime.combine(day, time(hour), ZONE).astimezone(UTC)
            for day, hour in times[: each + (number < more)]
        )
        for number, times in enumerate(free)
    ]


def _nurses(count: int, dice: random.Random, first: date) -> list[int]:
    from nurses.models import Nurse, TimeOff

    rows = []
    for number in range(count):
        latitude, longitude = place(dice)
        rows.append(
            Nurse(first_name="Ada", last_name=f"Bench{number:05d}", latitude=latitude, longitude=longitude)
        )
    keys = [nurse.pk for nurse in Nurse.objects.bulk_create(rows, BATCH)]
    _papers(keys)
    TimeOff.objects.bulk_create(_away(keys, first), BATCH)
    return keys


def _papers(keys: list[int]) -> None:
    """Licences, competencies and hours."""
    from nurses.models import Competency, Licence, Shift

    always: dict[str, Any] = {"state": "TX", "multistate": True, "issued_on": LONG_AGO, "expires_on": LATER}
    Licence.objects.bulk_create((Licence(nurse_id=key, number=f"B{key}", **always) for key in keys), BATCH)
    Competency.objects.bulk_create(
        (
            Competency(nurse_id=key, code=code, granted_on=LONG_AGO)
            for number, key in enumerate(keys)
            for code in (("iv", *DRUGS) if number % 2 == 0 else ("iv",))
        ),
        BATCH,
    )
    Shift.objects.bulk_create(
        (
            Shift(nurse_id=key, weekday=weekday, starts=SHIFT[0], ends=SHIFT[1], from_on=LONG_AGO)
            for number, key in enumerate(keys)
            for weekday in sorted(weekdays(number))
        ),
        BATCH,
    )


def _away(keys: list[int], first: date) -> list[Any]:
    from nurses.models import TimeOff

    midnight = datetime.combine(first, time(0), ZONE)
    return [
        TimeOff(nurse_id=key, starts_at=midnight + timedelta(days=1), ends_at=midnight + timedelta(days=2))
        for key in keys[::20]
    ]


def _patients(nurses: int, dice: random.Random) -> list[int]:
    from patients.models import Patient

    rows = []
    for number in range(nurses * PATIENTS_EACH):
        latitude, longitude = place(dice)
        rows.append(
            Patient(
                mrn=f"B{number:07d}", first_name="Pat", last_name=f"Bench{number:06d}",
                search_name=f"bench{number:06d} pat",
                date_of_birth=date(1980, 1, 1) + timedelta(days=number % 9_000), address="1 Elm Street",
                city="Dallas", state="TX", postal_code="75201", latitude=latitude, longitude=longitude,
                time_zone=ZONE.key,
            )
        )  # fmt: skip
    return [patient.pk for patient in Patient.objects.bulk_create(rows, BATCH)]


def _doses(planned: list[tuple[int, int, datetime]], now: datetime) -> list[int]:
    """One order a patient, and of it one dose a visit; in the order of the visits."""
    from patients.models import Prescription
    from scheduling.models import PlannedDose

    starts: dict[int, list[datetime]] = {}
    for _nurse, patient, starts_at in planned:
        starts.setdefault(patient, []).append(starts_at)
    orders = Prescription.objects.bulk_create(
        (
            Prescription(
                patient_id=patient, regimen_id="natalizumab_q4w", regimen_version=1, status="active",
                start_on=min(times).date(), expires_on=LATER,
            )
            for patient, times in starts.items()
        ),
        BATCH,
    )  # fmt: skip
    order_of = {order.patient_id: order.pk for order in orders}
    number: dict[int, int] = {}
    rows = []
    for _nurse, patient, starts_at in planned:
        number[patient] = number.get(patient, 0) + 1
        rows.append(
            PlannedDose(
                prescription_id=order_of[patient], number=number[patient], due_on=starts_at.date(),
                preparation_minutes=15, infusion_minutes=60, observation_minutes=30, wrap_up_minutes=15,
                amount_mg=300, state="given" if starts_at < now else "planned",
            )
        )  # fmt: skip
    return [dose.pk for dose in PlannedDose.objects.bulk_create(rows, BATCH)]


def _visits(planned: list[tuple[int, int, datetime]], now: datetime, doses: list[int] | None) -> None:
    from scheduling.models import Visit

    Visit.objects.bulk_create(
        (
            Visit(
                patient_id=patient, nurse_id=nurse, kind="infusion" if doses else "lab_draw",
                dose_id=doses[place] if doses else None, starts_at=starts_at, ends_at=starts_at + LENGTH,
                time_zone=ZONE.key, state="completed" if starts_at < now else "booked",
                preparation_minutes=15, infusion_minutes=60 if doses else 0, wrap_up_minutes=15,
            )
            for place, (nurse, patient, starts_at) in enumerate(planned)
        ),
        BATCH,
    )  # fmt: skip
