"""On which days a dose may be given as it stands, for many doses at once: no query for one more dose. Reads only.

Narrower than the checks of a booking: a day that needs a reason is not proposed. What these days say is
proposed to a person; the booking checks everything again under its locks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from patients.models import Evidence, Hold, Patient
from scheduling.models import PlannedDose, Site, Visit
from scheduling.rules import states
from scheduling.services import doses, readiness

WITHOUT_WINDOW = timedelta(days=13)


@dataclass(frozen=True)
class DayFit:
    """What is on file about the doses asked for. Five queries."""

    papers: dict[tuple[int, str], Evidence]
    holds: dict[int, list[Hold]]
    decided: frozenset[tuple[int, int | None]]  # (patient, prescription) with a decision for home
    sites: tuple[Site, ...]
    last_booked: dict[int, int]  # prescription -> the greatest number of a dose that has its visit

    @classmethod
    def of(cls, planned: Sequence[PlannedDose]) -> DayFit:
        """`planned` with prescription and patient loaded."""
        patients = sorted({dose.prescription.patient_id for dose in planned})
        orders = sorted({dose.prescription_id for dose in planned})
        holds: dict[int, list[Hold]] = defaultdict(list)
        for hold in Hold.objects.filter(prescription__in=orders, withdrawn_at__isnull=True):
            holds[hold.prescription_id].append(hold)
        decided = Evidence.objects.filter(
            patient__in=patients, kind="site_decision", clear=True, withdrawn_at__isnull=True
        )
        booked: dict[int, int] = defaultdict(int)
        live = Visit.objects.filter(dose__prescription__in=orders, state__in=states.HOLDING)
        for order, number in live.order_by().values_list("dose__prescription", "dose__number"):
            booked[order] = max(booked[order], number)
        return cls(
            papers=readiness.papers_on_file(patients),
            holds=holds,
            decided=frozenset(decided.values_list("patient_id", "prescription_id")),
            sites=tuple(Site.objects.filter(covers_homes=True)),
            last_booked=booked,
        )

    def days(self, dose: PlannedDose, first: date, last: date) -> list[date]:
        """The days from `first` to `last` (both included) that ask for no reason."""
        count = max((last - first).days + 1, 0)
        return [day for day in (first + timedelta(days=n) for n in range(count)) if self.allows(dose, day)]

    def allows(self, dose: PlannedDose, day: date) -> bool:
        """Inside the window, the order and no hold, papers and place in order."""
        return (
            (dose.floor_on is None or dose.floor_on <= day)
            and (dose.window_start_on or dose.due_on) <= day <= closes_on(dose)
            and self.in_order(dose, day)
        )

    def in_order(self, dose: PlannedDose, day: date) -> bool:
        """The same, whatever floor and window say of the day."""
        order = dose.prescription
        return (
            dose.state == PlannedDose.State.PLANNED
            and order.patient.status == Patient.Status.ACTIVE
            and day <= order.expires_on
            and not self._held(order.pk, day)
            and self._place(dose, day)
            and not any(
                gate.bites_at_booking and not gate.met for gate in readiness.gates(dose, day, self.papers)
            )
        )

    def next_is_booked(self, dose: PlannedDose) -> bool:
        """A later dose of the order has its visit: giving this one later may bring the two too close."""
        return self.last_booked.get(dose.prescription_id, 0) > dose.number

    def _held(self, order: int, day: date) -> bool:
        return any(
            hold.starts_on <= day and (hold.clears_on is None or day < hold.clears_on)
            for hold in self.holds.get(order, ())
        )

    def _place(self, dose: PlannedDose, day: date) -> bool:
        order = dose.prescription
        flags = set(doses.regimen_of(order).site_of_care.flags)
        if "SITE_NOT_HOME" in flags:
            return False
        if "SITE_TOUCH_REQUIRED" in flags:
            code = doses.drug_code(order.regimen_id)
            return any(site.code == code and site.expires_on >= day for site in self.sites)
        return "SITE_CLINIC_PREFERRED" not in flags or (order.patient_id, order.pk) in self.decided


def closes_on(dose: PlannedDose) -> date:
    """The last day of the window; a dose without one, usually the first, may wait WITHOUT_WINDOW days."""
    return dose.window_end_on or dose.due_on + WITHOUT_WINDOW


def first_waiting(planned: Iterable[PlannedDose]) -> list[PlannedDose]:
    """Of doses in the order of prescription and number the first of each order, without those given over several
    days in a row: one day of such a course alone helps nobody."""
    groups: dict[int, list[PlannedDose]] = defaultdict(list)
    for dose in planned:
        groups[dose.prescription_id].append(dose)
    found = []
    for first, *others in groups.values():
        course = others and others[0].course == first.course and (others[0].due_on - first.due_on).days <= 1
        if not course:
            found.append(first)
    return found
