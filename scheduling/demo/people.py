"""Names as they are in Dallas-Fort Worth, and identifiers that are well-formed and belong to nobody."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from patients.names import folded
from patients.validators import npi_ok

AREA_CODES = ("214", "469", "817", "972", "682", "945")
FICTIONAL_LINES = 100  # 555-0100 to 555-0199 are reserved for fiction in every area code

# NPIs are issued from 1 upwards; those that begin with 2 are kept for later and belong to nobody today.
NPI_PREFIX = "29999"


class Community(NamedTuple):
    """First names of women and of men, last names, and how common they are here."""

    women: tuple[str, ...]
    men: tuple[str, ...]
    last: tuple[str, ...]
    weight: int
    spanish: float = 0.0  # share who would rather read Spanish


COMMUNITIES = (
    Community(
        (
            "Emily",
            "Sarah",
            "Megan",
            "Heather",
            "Kathleen",
            "Laura",
            "Rebecca",
            "Amy",
            "Donna",
            "Brenda",
            "Claire",
        ),
        ("James", "Robert", "Michael", "Scott", "Kevin", "Travis", "Patrick", "Brian", "Douglas", "Wyatt"),
        (
            "O’Brien",
            "Miller",
            "Anderson",
            "Whitaker",
            "McAllister",
            "Schneider",
            "O’Neill",
            "Harris",
            "Baker",
            "Callahan",
            "Dvořák",
            "Lindqvist",
            "Kowalski",
            "Parker",
            "Sullivan",
            "D’Angelo",
            "Thompson",
            "Hayes",
        ),
        38,
    ),
    Community(
        (
            "María",
            "Guadalupe",
            "Rosa",
            "Ana",
            "Verónica",
            "Leticia",
            "Yolanda",
            "Sofía",
            "Graciela",
            "Marisol",
        ),
        ("José", "Luis", "Juan", "Jesús", "Héctor", "Ramón", "Andrés", "Martín", "Ángel", "Raúl"),
        (
            "García",
            "Hernández",
            "Martínez",
            "López",
            "Peña",
            "Núñez",
            "Treviño",
            "Garza",
            "Ramírez",
            "Cantú",
            "Villarreal",
            "Muñoz",
            "Ibáñez",
            "Castañeda",
            "Salinas",
            "De la Cruz",
            "Ochoa",
            "Zúñiga",
        ),
        28,
        0.42,
    ),
    Community(
        ("Keisha", "Tamika", "Denise", "Latoya", "Monique", "Jasmine", "Ebony", "Imani", "Cheryl", "Renée"),
        (
            "Marcus",
            "Darnell",
            "Terrence",
            "Andre",
            "Jamal",
            "Reginald",
            "DeShawn",
            "Isaiah",
            "Curtis",
            "Malik",
        ),
        (
            "Washington",
            "Jefferson",
            "Robinson",
            "Jackson",
            "Carter",
            "Freeman",
            "Booker",
            "Gaines",
            "Dixon",
            "Mosley",
            "Beauchamp",
            "Broussard",
            "Okafor",
            "Adeyemi",
            "Mensah",
        ),
        19,
    ),
    Community(
        ("Linh", "Thảo", "Hương", "Mai", "Ngọc", "Kim"),
        ("Minh", "Tuấn", "Đức", "Huy", "Quang", "Long"),
        ("Nguyễn", "Trần", "Lê", "Phạm", "Đặng", "Võ", "Huỳnh", "Bùi"),
        5,
    ),
    Community(
        ("Priya", "Anjali", "Lakshmi", "Deepa", "Kavitha", "Sunita", "Fatima"),
        ("Raj", "Arjun", "Vikram", "Suresh", "Anil", "Imran", "Harpreet"),
        ("Patel", "Sharma", "Reddy", "Iyer", "Gupta", "Krishnan", "Singh", "Khan", "Chaudhry"),
        6,
    ),
    Community(
        ("Layla", "Amal", "Nour", "Rania", "Shirin"),
        ("Omar", "Youssef", "Karim", "Samir", "Dariush"),
        ("Haddad", "Al-Masri", "El-Sayed", "Khoury", "Nasser", "Farahani", "Ben Youssef"),
        3,
    ),
    Community(
        ("Mei", "Grace", "Ji-woo", "Soo-jin", "Maricel"),
        ("Wei", "Daniel", "Jun-ho", "Kenji", "Ferdinand"),
        ("Chen", "Wang", "Kim", "Park", "Santos-Reyes", "Liu", "Yamada"),
        3,
    ),
)


class Person(NamedTuple):
    first_name: str
    last_name: str
    woman: bool
    language: str


def pick_person(random: Random, *, women: float) -> Person:
    """A name and the language the person reads; `women` is the share of women."""
    community = random.choices(COMMUNITIES, [each.weight for each in COMMUNITIES])[0]
    woman = random.random() < women
    last = random.choice(community.last)
    if random.random() < 0.06:  # a name from two families
        other = random.choice(random.choice(COMMUNITIES).last)
        last = last if other == last or "-" in other + last or " " in other + last else f"{last}-{other}"
    first = random.choice(community.women if woman else community.men)
    return Person(first, last, woman, "es" if random.random() < community.spanish else "en")


def phone(index: int) -> str:
    """The `index`-th fictional number in E.164: 600 different ones, then they repeat."""
    area = AREA_CODES[index % len(AREA_CODES)]
    return f"+1{area}55501{index // len(AREA_CODES) % FICTIONAL_LINES:02d}"


def npi(index: int) -> str:
    """The `index`-th NPI of the range that is not issued, with the check digit that fits."""
    body = f"{NPI_PREFIX}{index:04d}"
    return next(body + str(last) for last in range(10) if npi_ok(body + str(last)))


def mrn(index: int) -> str:
    """IH-000101 for the first patient, whatever the seed."""
    return f"IH-{101 + index:06d}"


def email(first_name: str, last_name: str, index: int) -> str:
    """An address in a domain that is reserved for examples."""
    name = folded(f"{first_name} {last_name}").replace(" ", ".")
    return f"{name}.{index}@example.{'com' if index % 3 else 'org'}"
