"""Find a patient or a nurse from what a caller says: a name, an MRN, digits of a phone number, a date of birth."""

from __future__ import annotations

import re
from datetime import date, datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from nurses.models import Nurse
from patients.models import Contact, Patient
from patients.names import folded
from scheduling import selectors

MOST = 50
FEWEST_DIGITS = 4  # fewer fit half the telephone book
BIRTH_FORMATS = (
    "%Y-%m-%d", "%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y", "%m %d %Y", "%m/%d/%y",
    "%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y",
)  # fmt: skip


def birth_day(text: str) -> date | None:
    """A date of birth typed in one of BIRTH_FORMATS, commas ignored; None for anything else or the future."""
    plain = " ".join(text.replace(",", " ").split())
    for form in BIRTH_FORMATS:
        try:
            day = datetime.strptime(plain, form).date()  # noqa: DTZ007  (a day has no zone)
        except ValueError:
            continue
        return day if day <= timezone.localdate() else _a_century_ago(day, form)
    return None


def _a_century_ago(day: date, form: str) -> date | None:
    return (
        day.replace(year=day.year - 100) if form.endswith("%y") and (day.month, day.day) != (2, 29) else None
    )


def find_patients(user: selectors.Viewer, text: str) -> QuerySet[Patient]:
    """Patients the user may see who fit, by name; at most MOST. One query; the phone numbers are read first, in it."""
    asked = _by_name(text, "search_name__contains") | Q(mrn__iexact=text.strip())
    digits = re.sub(r"\D", "", text)
    if len(digits) >= FEWEST_DIGITS and not re.search(r"[^\W\d]", text):
        reached = Contact.objects.filter(channel__in=["text", "voice"], value__contains=digits)
        asked |= Q(pk__in=reached.values("patient"))
    if born := birth_day(text):
        asked |= Q(date_of_birth=born)
    return selectors.patients_for(user).filter(asked)[:MOST]


def find_nurses(user: selectors.Viewer, text: str) -> list[Nurse]:
    """Nurses who fit, by name; at most MOST. A nurse list is short, so their names are folded here."""
    tokens = folded(text).split()
    if not tokens:
        return []
    found = [
        nurse
        for nurse in selectors.nurses_for(user)
        if all(token in folded(f"{nurse.last_name} {nurse.first_name}") for token in tokens)
    ]
    return found[:MOST]


def _by_name(text: str, lookup: str) -> Q:
    tokens = folded(text).split()
    if not tokens:
        return Q(pk__in=[])
    asked = Q()
    for token in tokens:
        asked &= Q(**{lookup: token})
    return asked
