"""The list of patients: what they are on, what is due next, how they stand. A fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    Min,
    OuterRef,
    Prefetch,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients.models import Patient, Prescription
from scheduling import clock
from scheduling.models import PlannedDose, Visit
from scheduling.readings.chart_words import day_words
from scheduling.regimens import catalogue
from scheduling.rules import states
from scheduling.services import duplicates
from scheduling.services.doses import drug_code

OPEN = (Prescription.Status.DRAFT, Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)
STANDING = {  # how a patient stands, from the order that needs most attention
    "on_hold": ("hold", gettext_lazy("On hold")),
    "active": ("ok", gettext_lazy("Active")),
    "completed": ("done", gettext_lazy("Completed")),
    "discontinued": ("stop", gettext_lazy("Discontinued")),
    "none": ("info", gettext_lazy("No order yet")),
}
SORTS = {
    "name": ("last_name", "first_name", "pk"),
    "due": (F("next_due").asc(nulls_last=True), "last_name", "pk"),
    "status": ("standing", "last_name", "first_name", "pk"),
}


@dataclass(frozen=True)
class Row:
    """One patient in the list."""

    patient: Patient
    drugs: str
    due: str
    due_on: date | None
    late: bool
    visit: str
    status: str
    word: str


def patient_list(
    patients: QuerySet[Patient], *, drug: str = "", status: str = "", sort: str = "name"
) -> QuerySet[Patient]:
    """The patients with `next_due`, `next_visit_at` and `standing`; unknown filters and sorts count as none."""
    due = (
        PlannedDose.objects.filter(
            prescription__patient=OuterRef("pk"), state="planned", prescription__status__in=OPEN
        )
        .order_by()
        .values("prescription__patient")
        .annotate(first=Min("due_on"))
        .values("first")
    )
    coming = Visit.objects.filter(
        patient=OuterRef("pk"), state__in=states.HOLDING - {"completed"}, ends_at__gte=timezone.now()
    ).order_by("starts_at")
    found = patients.annotate(
        next_due=Subquery(due),
        next_visit_at=Subquery(coming.values("starts_at")[:1]),
        next_visit_zone=Subquery(coming.values("time_zone")[:1]),
        standing=_standing(),
    ).prefetch_related(
        Prefetch("prescriptions", Prescription.objects.filter(status__in=OPEN), to_attr="open_orders")
    )
    if drug in drugs():
        # "_" would be a wildcard of LIKE, so the ids are named
        ids = [one for one in catalogue.all_current() if drug_code(one) == drug]
        found = found.filter(
            Exists(Prescription.objects.filter(patient=OuterRef("pk"), regimen_id__in=ids, status__in=OPEN))
        )
    if status in STANDING:
        found = found.filter(standing=status)
    return found.order_by(*_sorted(sort))


def _sorted(sort: str) -> list[object]:
    fields = SORTS.get(sort.removeprefix("-"), SORTS["name"])
    if not sort.startswith("-"):
        return list(fields)
    first = F("next_due").desc(nulls_last=True) if sort == "-due" else F(str(fields[0])).desc()
    return [first, *fields[1:]]


def _standing() -> Case:
    def has(*statuses: str) -> Exists:
        return Exists(Prescription.objects.filter(patient=OuterRef("pk"), status__in=statuses))

    return Case(
        When(has("on_hold"), then=Value("on_hold")),
        When(has("active", "draft"), then=Value("active")),
        When(has("completed"), then=Value("completed")),
        When(has("discontinued"), then=Value("discontinued")),
        default=Value("none"),
        output_field=CharField(),
    )


def drugs() -> dict[str, str]:
    """Code -> short name of every drug we have a regimen for."""
    codes = sorted({drug_code(one) for one in catalogue.all_current()})
    return {code: drug_name(code) for code in codes}


def drug_name(code: str) -> str:
    """`rituximab` as Rituximab; what is short enough to be an abbreviation in capitals."""
    return code.upper() if len(code) <= 4 else code.capitalize()


def rows(patients: Iterable[Patient]) -> list[Row]:
    """The patients of one page, in words."""
    return [_row(patient) for patient in patients]


def _row(patient: Patient) -> Row:
    status, word = STANDING[patient.standing]  # type: ignore[attr-defined]
    due_on: date | None = patient.next_due  # type: ignore[attr-defined]
    visit_at = patient.next_visit_at  # type: ignore[attr-defined]
    late = due_on is not None and visit_at is None and due_on < clock.today_in(patient.time_zone)
    visit = ""
    if visit_at is not None:
        visit = _("booked %(day)s") % {
            "day": day_words(clock.local_day(visit_at, patient.next_visit_zone), weekday=True)
        }  # type: ignore[attr-defined]
    elif late and patient.standing != "on_hold":  # type: ignore[attr-defined]
        status, word = "stop", _("Overdue")
    if patient.status != Patient.Status.ACTIVE:
        status, word = "hold", patient.get_status_display()
    return Row(
        patient,
        _named(patient.open_orders),
        day_words(due_on) if due_on else "",
        due_on,
        late,
        visit,
        status,
        str(word),  # type: ignore[attr-defined]
    )


def _named(orders: Iterable[Prescription]) -> str:
    return ", ".join(sorted({drug_name(drug_code(order.regimen_id)) for order in orders}))


SHARES = {
    duplicates.MRN: gettext_lazy("the same MRN"),
    duplicates.NAME_AND_BIRTHDAY: gettext_lazy("the same last name and birthday"),
    duplicates.SWAPPED: gettext_lazy("first and last name swapped"),
    duplicates.PHONE: gettext_lazy("the same phone number"),
    duplicates.EMAIL: gettext_lazy("the same e-mail"),
    duplicates.TYPO: gettext_lazy("the same birthday and nearly the same last name"),
    duplicates.NAME: gettext_lazy("the same name, another birthday"),
}


@dataclass(frozen=True)
class AlikeRow:
    """Somebody who may be the person about to be added, and why we ask."""

    patient: Patient
    born: str
    away: str
    why: str


def alike_rows(found: Iterable[duplicates.Alike]) -> list[AlikeRow]:
    """In the order they came: the most telling first."""
    return [
        AlikeRow(
            one.patient,
            day_words(one.patient.date_of_birth),
            "" if one.patient.status == Patient.Status.ACTIVE else one.patient.get_status_display(),
            _sentence(", ".join(str(SHARES[share]) for share in one.shares)),
        )
        for one in found
    ]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
