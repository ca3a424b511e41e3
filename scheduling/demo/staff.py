"""Who works here: people who sign in, nurses with papers and hours, prescribers, sites."""

from __future__ import annotations

from datetime import date, time, timedelta
from random import Random
from typing import NamedTuple

from django.contrib.auth.hashers import make_password

from accounts.models import Role, User
from nurses.models import Competency, Licence, Nurse, Shift, TimeOff
from scheduling.demo import PASSPHRASE, people, places
from scheduling.demo.diary import NurseFile, at
from scheduling.models import Site

OFFICE = (
    ("coordinator", "Angela", "Brooks", Role.COORDINATOR),
    ("coordinator2", "Tomás", "Villarreal", Role.COORDINATOR),
    ("lead", "Nadia", "Farahani", Role.LEAD),
    ("admin", "Joel", "Whitfield", Role.ADMIN),
)
DEMO_NURSE = ("Maria", "Reyes", "Irving")
NURSES_WITH_ACCOUNTS = 6
SICK_NURSE = 4  # by index: has a full day tomorrow, and calls in sick

EVERYDAY_SKILLS = (
    "iv",
    "ocrelizumab",
    "natalizumab",
    "ublituximab",
    "methylprednisolone",
    "rituximab",
    "ivig",
)
HAZARDOUS_SKILLS = ("mitoxantrone", "cyclophosphamide")

WEEKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)
LONG_DAY, USUAL_DAY, EARLY_DAY = (time(7, 30), time(17, 30)), (time(8), time(17)), (time(7), time(16))
MORNING = (time(8), time(13))
WHOLE_DAY = (time(7), time(19))


class Prescriber(NamedTuple):
    name: str
    npi: str


PRESCRIBERS = tuple(
    Prescriber(name, people.npi(9000 + index))
    for index, name in enumerate(
        (
            "Hannah Goldstein, MD", "Rahul Deshpande, MD", "Cecilia Montemayor, MD", "William Ashworth, DO",
            "Tú Anh Lâm, MD", "Chidi Eze, MD", "Marianne Fuchs, MD", "Leonard Price, MD", "Dana Petrov, NP",
            "Esteban Quiroga, MD",
        )
    )
)  # fmt: skip


def make_users(seed_email: str = "example.com") -> dict[str, User]:
    """User name -> saved account. One passphrase, hashed once: hashing is slow on purpose."""
    secret = make_password(PASSPHRASE)
    wanted = [(name, first, last, role) for name, first, last, role in OFFICE]
    wanted.append(("patient", "", "", Role.PATIENT))
    wanted += [
        ("nurse" if n == 1 else f"nurse{n}", "", "", Role.NURSE) for n in range(1, NURSES_WITH_ACCOUNTS + 1)
    ]
    users = [
        User(
            username=name,
            first_name=first,
            last_name=last,
            email=f"{name}@{seed_email}",
            role=role,
            password=secret,
            is_staff=role == Role.ADMIN,
            is_superuser=role == Role.ADMIN,
        )
        for name, first, last, role in wanted
    ]
    return {user.username: user for user in User.objects.bulk_create(users)}


def make_files(seed: int, nurses: int, today: date) -> list[NurseFile]:
    """The nurses, unsaved; the first is the one who signs in."""
    files, names = [], {DEMO_NURSE[:2]}
    for index in range(nurses):
        random = Random(f"{seed}:nurse:{index}")  # noqa: S311  invented people need no secret numbers
        if index == 0:
            first, last, city = *DEMO_NURSE[:2], places.BY_NAME[DEMO_NURSE[2]]
        else:
            first, last = _new_name(random, names)
            city = places.CITIES[(index * 5) % len(places.CITIES)]
        home = places.pick_home(random, city)
        nurse = Nurse(
            first_name=first,
            last_name=last,
            phone=people.phone(people.FICTIONAL_LINES * len(people.AREA_CODES) - 1 - index),
            npi=people.npi(index + 1),
            city=city.name,
            latitude=home.latitude,
            longitude=home.longitude,
        )
        file = NurseFile(nurse)
        _add_papers(file, random, index, today)
        _add_hours(file, index, today)
        files.append(file)
    return files


def _new_name(random: Random, taken: set[tuple[str, str]]) -> tuple[str, str]:
    while True:
        person = people.pick_person(random, women=0.85)
        name = (person.first_name, person.last_name)
        if name not in taken:
            taken.add(name)
            return name


def _add_papers(file: NurseFile, random: Random, index: int, today: date) -> None:
    """Licences and competencies: one licence ends within a month, a few nurses may work in a neighbouring state."""
    ends_in = 19 if index == 3 else random.randint(120, 650)
    file.licences.append(
        Licence(
            nurse=file.nurse,
            state="TX",
            number=f"DEMO-{700_100 + index * 37}",
            multistate=index % 4 == 1,
            issued_on=today + timedelta(days=ends_in - 730),
            expires_on=today + timedelta(days=ends_in),
        )
    )
    if index in (5, 12):
        state = "OK" if index == 5 else "LA"
        file.licences.append(
            Licence(
                nurse=file.nurse,
                state=state,
                number=f"DEMO-{state}-{4100 + index}",
                issued_on=today - timedelta(days=300),
                expires_on=today + timedelta(days=430),
            )
        )
    skills = EVERYDAY_SKILLS if index % 7 != 6 else ("iv", "methylprednisolone", "ivig", "ocrelizumab")
    if index % 4 == 2:
        skills += HAZARDOUS_SKILLS
    for code in skills:
        renewed = code in HAZARDOUS_SKILLS
        file.competencies.append(
            Competency(
                nurse=file.nurse,
                code=code,
                granted_on=today - timedelta(days=random.randint(200, 330)),
                expires_on=today + timedelta(days=random.randint(60, 160)) if renewed else None,
            )
        )


def _add_hours(file: NurseFile, index: int, today: date) -> None:
    """Weekly hours: two nurses work every day, so that there is something to look at on a Sunday."""
    kinds = [(WEEKDAYS, USUAL_DAY), (WEEKDAYS, EARLY_DAY), ((0, 1, 3, 4), LONG_DAY), (WEEKDAYS, MORNING)]
    every_day = {0: LONG_DAY, SICK_NURSE: WHOLE_DAY}
    hours = [(WEEKDAYS + WEEKEND, every_day[index])] if index in every_day else [kinds[index % len(kinds)]]
    if index not in every_day and index % 4 == 0:
        hours.append((WEEKEND, LONG_DAY))
    for weekdays, (starts, ends) in hours:
        for weekday in weekdays:
            file.shifts.append(
                Shift(
                    nurse=file.nurse,
                    weekday=weekday,
                    starts=starts,
                    ends=ends,
                    from_on=today - timedelta(days=400),
                )
            )
    away = {
        2: (4, 9, "Vacation"),
        7: (-16, -11, "Vacation"),
        10: (1, 2, "Training"),
        13: (11, 12, "Personal"),
    }
    if index in away:
        first, last, reason = away[index]
        file.away.append(
            TimeOff(
                nurse=file.nurse,
                starts_at=at(today + timedelta(days=first), time(0)),
                ends_at=at(today + timedelta(days=last), time(0)),
                reason=reason,
            )
        )


def make_sites(today: date) -> list[Site]:
    """The authorization that lets natalizumab be given at home, and the facility where alemtuzumab is."""
    return Site.objects.bulk_create(
        [
            Site(
                name="Infusion Home pharmacy, Irving",
                code="natalizumab",
                authorization_number="DEMO-TOUCH-204417",
                expires_on=today + timedelta(days=240),
                covers_homes=True,
                address="2100 Copper Creek Way, Irving, TX 75062",
                latitude=32.8466,
                longitude=-96.9611,
            ),
            Site(
                name="Trinity Overlook Infusion Center, Dallas",
                code="alemtuzumab",
                authorization_number="DEMO-REMS-88013",
                expires_on=today + timedelta(days=310),
                covers_homes=False,
                address="4800 Trinity Overlook Dr, Dallas, TX 75204",
                latitude=32.8021,
                longitude=-96.7902,
            ),
        ]
    )
