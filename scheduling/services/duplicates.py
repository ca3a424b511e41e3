"""Is this somebody we know? Likely duplicates of a patient to be added; a person decides, with a reason on file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q

from accounts.models import User
from patients.models import Contact, Patient
from patients.names import folded
from patients.validators import e164
from scheduling.rules.errors import BadInput, NeedsReason
from scheduling.services import events, patients
from scheduling.services.guard import fits, writes

MOST = 8
# The order says how telling a likeness is; sentences are the reading's.
MRN, NAME_AND_BIRTHDAY, SWAPPED, PHONE, EMAIL, TYPO, NAME = range(7)


@dataclass(frozen=True)
class Alike:
    """Somebody on file, and what they share with the one to be added: constants above, the most telling first."""

    patient: Patient
    shares: tuple[int, ...]


def likely_duplicates(
    *, first_name: str, last_name: str, date_of_birth: date, phone: str = "", email: str = "", mrn: str = ""
) -> list[Alike]:
    """Patients who may be the same person, the most telling first, at most MOST. Two queries.

    Alike is: the MRN; the same birthday with the same last name (a nickname does not hide it), one wrong
    letter in it, or a part of a double one; the same or swapped first and last name; the phone number; the
    e-mail. One household shares a phone: that is why a person decides.
    """
    wanted = _Wanted(
        name=folded(f"{last_name} {first_name}"),
        swapped=folded(f"{first_name} {last_name}"),
        last=folded(last_name),
        born_on=date_of_birth,
        phone=e164(phone) if phone else "",
        email=email.strip().casefold(),
        mrn=mrn.strip(),
    )
    asked = Q(search_name__in={wanted.name, wanted.swapped}) | Q(date_of_birth=date_of_birth)
    if wanted.mrn:
        asked |= Q(mrn__iexact=wanted.mrn)
    reached = Q(value=wanted.phone) if wanted.phone else Q()
    if wanted.email:
        reached |= Q(value__iexact=wanted.email)
    if reached:
        asked |= Q(pk__in=Contact.objects.filter(reached).values("patient_id"))
    near = Patient.objects.filter(asked).prefetch_related("contacts").order_by("pk")
    found = [Alike(patient, shares) for patient in near if (shares := tuple(wanted.shares(patient)))]
    return sorted(found, key=lambda one: (one.shares[0], -len(one.shares), one.patient.pk))[:MOST]


@writes
def add_patient(*, by: User, different: str = "", **fields: Any) -> Patient:
    """Register somebody who is not on file yet; `fields` are those of services.patients.register_patient.

    Raises BadInput for an MRN somebody has, NeedsReason (LIKELY_DUPLICATE) when somebody is alike and
    `different` does not say why this is another person; the reason is in the trail with the ids of those shown.
    """
    different = fits(different, "different")
    alike = likely_duplicates(
        **{name: fields.get(name, "") for name in ("first_name", "last_name", "phone", "email", "mrn")},
        date_of_birth=fields["date_of_birth"],
    )
    if any(MRN in one.shares for one in alike):
        raise BadInput("Another patient has this MRN.", field="mrn")
    if alike and not different:
        numbers = ", ".join(one.patient.mrn for one in alike)
        raise NeedsReason(
            f"This may be somebody we know (MRN {numbers}). Open the chart, or say why it is another person.",
            code="LIKELY_DUPLICATE",
            field="different",
        )
    patient = patients.register_patient(by=by, **fields)
    if alike:
        ids = [one.patient.pk for one in alike]
        events.write(
            "duplicate_dismissed", by=by, patient=patient, subject=patient, why=different, patients=ids
        )
    return patient


@dataclass(frozen=True)
class _Wanted:
    """The one to be added, as it is compared: names folded, the number as it is stored."""

    name: str
    swapped: str
    last: str
    born_on: date
    phone: str
    email: str
    mrn: str

    def shares(self, patient: Patient) -> Iterable[int]:
        """What the patient has in common, the most telling first; nothing for a mere birthday."""
        last = folded(patient.last_name)
        birthday = patient.date_of_birth == self.born_on
        ways = {contact.value.casefold() for contact in patient.contacts.all()}
        if self.mrn and patient.mrn.casefold() == self.mrn.casefold():
            yield MRN
        if birthday and last == self.last:
            yield NAME_AND_BIRTHDAY
        if patient.search_name == self.swapped != self.name:
            yield SWAPPED
        if self.phone and self.phone in ways:
            yield PHONE
        if self.email and self.email in ways:
            yield EMAIL
        if (
            birthday
            and last != self.last
            and (_one_letter_apart(last, self.last) or _part_of(last, self.last))
        ):
            yield TYPO
        if patient.search_name == self.name and not birthday:
            yield NAME


def _part_of(one: str, other: str) -> bool:
    """One of a double last name is the other: `garcia` and `garcia lopez`, `oneill` and `oneill pena`."""
    first, second = set(one.split()), set(other.split())
    return bool(first) and bool(second) and (first < second or second < first)


def _one_letter_apart(one: str, other: str) -> bool:
    """One letter more, fewer, other or two neighbours swapped. A digit in a name is no slip of the finger."""
    if one == other or any(letter.isdigit() for letter in one + other):
        return False
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1 or len(long) < 3:
        return False
    at = next((i for i, letter in enumerate(short) if letter != long[i]), len(short))
    if len(long) > len(short):
        return short[at:] == long[at + 1 :]
    swapped = short[at : at + 2] == long[at : at + 2][::-1]
    return short[at + 1 :] == long[at + 1 :] or (swapped and short[at + 2 :] == long[at + 2 :])
