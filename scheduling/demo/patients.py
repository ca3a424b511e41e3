"""The patient of a story: who, where, how to get in, what was measured."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from patients.models import Contact, Measurement, Patient
from patients.names import folded
from scheduling.demo import people, places
from scheduling.demo.stories import IVIG, Story

ALLERGIES = (
    "Penicillin: rash", "Latex", "Sulfa drugs: hives", "Shellfish", "Adhesive tape: skin tears", "Codeine: nausea",
    "Iodine contrast: hives", "Cats", "Chlorhexidine: rash",
)  # fmt: skip
ACCESS = (
    "Gate code 4471#. Park in visitor spaces on the left.",
    "Ring twice; walks slowly to the door.",
    "Side door by the carport is open during visits.",
    "Two dogs, friendly; will be in the back yard.",
    "Apartment upstairs, elevator beside the mail room.",
    "Key in the lockbox by the garage, code with the coordinator.",
    "Street parking only; school traffic from 2:45 to 3:30.",
    "Doorbell does not work; please call from the car.",
    "Wheelchair ramp at the back, come in that way.",
)
WISHES = (
    "Nurse who speaks Spanish if possible",
    "Not on Wednesdays (physical therapy)",
    "Same nurse as last time, please",
    "After the children are at school",
    "No perfume; migraines",
    "A warm pack before the IV, veins are small",
)

STOPPED_TEXTS = 29  # one patient in so many has texted STOP


def make_patient(index: int, story: Story, random: Random, today: date) -> Patient:
    """Unsaved. The person of an example is the same whatever the seed; the address is not."""
    who = story.who
    if who is None:
        person = people.pick_person(random, women=0.72)
        first, last, woman, language = person
        age, city = _age(random), places.pick_city(random)
    else:
        first, last, woman, language = who.first_name, who.last_name, who.woman, who.language
        age, city = who.age, places.BY_NAME[who.city]
    home = places.pick_home(random, city)
    return Patient(
        mrn=people.mrn(index),
        first_name=first,
        last_name=last,
        search_name=folded(f"{last} {first}"),
        date_of_birth=_birthday(today, age, random),
        pregnancy_possible=woman and age < 50 and random.random() < 0.7,
        language=language,
        address=home.address,
        city=home.city,
        postal_code=home.postal_code,
        latitude=home.latitude,
        longitude=home.longitude,
        allergies=random.choice(ALLERGIES) if random.random() < 0.35 else "",
        access_notes=random.choice(ACCESS) if random.random() < 0.6 or who else "",
        wishes=random.choice(WISHES) if random.random() < 0.3 else "",
        prefers=random.choices(("", "morning", "afternoon"), (65, 25, 10))[0],
        status=story.patient_status,
    )


def make_contacts(patient: Patient, index: int, story: Story, consented_at: datetime) -> list[Contact]:
    """A phone for everybody, the same number for texts for two in three; e-mail with the consent the story says."""

    def way(channel: str, value: str, *, agreed: bool = True, stopped: str = "") -> Contact:
        return Contact(
            patient=patient,
            channel=channel,
            value=value,
            consented_at=consented_at if agreed else None,
            consent_source="registration form" if agreed else "",
            opted_out_at=consented_at + timedelta(days=1) if stopped else None,
            opt_out_source=stopped,
        )

    found = [way(Contact.Channel.VOICE, people.phone(index))]
    if story.email != "opted_out" and (index % 3 or index == 0):
        stopped = "text STOP" if index % STOPPED_TEXTS == 7 else ""
        found.append(way(Contact.Channel.TEXT, people.phone(index), stopped=stopped))
    if story.email != "none":
        address = people.email(patient.first_name, patient.last_name, index)
        stopped = "told the office" if story.email == "opted_out" else ""
        found.append(way(Contact.Channel.EMAIL, address, agreed=story.email != "no_consent", stopped=stopped))
    return found


def make_measurements(patient: Patient, story: Story, random: Random, today: date) -> list[Measurement]:
    """A height, and a weight now and half a year ago."""
    height = random.gauss(168, 8)
    weight = random.gauss(79, 12)
    half = Decimal("0.5")
    values = [
        ("height_cm", _to(height, Decimal(1)), 190),
        ("weight_kg", _to(weight + random.uniform(-3, 3), half), 190),
        (
            "weight_kg",
            _to(weight, half),
            random.randint(6, 25) if story.regimen_id == IVIG else random.randint(10, 80),
        ),
    ]
    return [
        Measurement(patient=patient, kind=kind, value=value, measured_on=today - timedelta(days=ago))
        for kind, value, ago in values
    ]


def _to(value: float, step: Decimal) -> Decimal:
    """A plausible measurement on the scale's grid."""
    return (Decimal(str(min(max(value, 45.0), 195.0))) / step).quantize(Decimal(1)) * step


def _age(random: Random) -> int:
    return min(max(round(random.gauss(46, 12)), 19), 74)


def _birthday(today: date, age: int, random: Random) -> date:
    born = date(today.year - age, random.randint(1, 12), random.randint(1, 28))
    return born if (born.month, born.day) <= (today.month, today.day) else born.replace(year=born.year - 1)
