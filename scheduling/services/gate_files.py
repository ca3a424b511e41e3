"""What is on file for a list of doses, read at once: as many queries for 200 doses as for one. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from patients.models import Evidence, Hold
from scheduling import clock
from scheduling.models import DoseRecord, GateOverride, PlannedDose, Site, SupplyStep, Visit
from scheduling.rules import states

AUTHORIZATION = "prior_authorization"
ASKED = "payer_asked"
SCREEN = "health_screen"


@dataclass(frozen=True)
class Taken:
    """A dose that uses up units of an authorization: given, or booked for that day."""

    number: int
    on: date
    amount_mg: Decimal | None


@dataclass(frozen=True)
class Files:
    """Papers, parcels, visits, holds and overrides of some doses, as they stood at `now`."""

    now: datetime
    papers: dict[tuple[int, str], Evidence]
    approvals: dict[int, list[Evidence]]  # by patient, the newest first
    steps: dict[int, list[SupplyStep]]  # by dose, the oldest first
    overrides: dict[tuple[int, str], GateOverride]  # (dose, gate) -> the newest that stands
    visits: dict[int, Visit]  # by dose, the live one
    holds: dict[int, list[Hold]]
    decided: frozenset[tuple[int, int | None]]  # (patient, prescription) with a decision for home
    sites: tuple[Site, ...]
    taken: dict[int, list[Taken]]  # by prescription

    @classmethod
    def of(cls, doses: Sequence[PlannedDose], *, now: datetime | None = None) -> Files:
        """Read what stands for the doses, which come with their prescription. Ten queries."""
        dose_ids = [dose.pk for dose in doses]
        prescription_ids = sorted({dose.prescription_id for dose in doses})
        patient_ids = sorted({dose.prescription.patient_id for dose in doses})
        standing = Evidence.objects.filter(patient_id__in=patient_ids, withdrawn_at__isnull=True)
        decisions = standing.filter(kind="site_decision", clear=True)
        overrides = GateOverride.objects.filter(dose_id__in=dose_ids, withdrawn_at__isnull=True)
        live = Visit.objects.filter(dose_id__in=dose_ids, state__in=states.HOLDING).select_related("nurse")
        steps = SupplyStep.objects.filter(dose_id__in=dose_ids, withdrawn_at__isnull=True)
        approvals = standing.filter(kind=AUTHORIZATION).select_related("recorded_by")
        holds = Hold.objects.filter(prescription_id__in=prescription_ids, withdrawn_at__isnull=True)
        return cls(
            now=now or timezone.now(),
            papers=papers_on_file(patient_ids),
            approvals=_by(approvals.order_by("-dated_on", "-pk"), "patient_id"),
            steps=_by(steps.select_related("recorded_by").order_by("on", "pk"), "dose_id"),
            overrides={(x.dose_id, x.gate): x for x in overrides.select_related("by").order_by("pk")},
            visits={visit.dose_id: visit for visit in live if visit.dose_id is not None},
            holds=_by(holds.order_by("starts_on", "pk"), "prescription_id"),
            decided=frozenset(decisions.values_list("patient_id", "prescription_id")),
            sites=tuple(Site.objects.filter(covers_homes=True)),
            taken=_taken(prescription_ids),
        )

    def paper(self, dose: PlannedDose, kind: str) -> Evidence | None:
        """The newest standing paper of that kind of the dose's patient."""
        return self.papers.get((dose.prescription.patient_id, kind))

    def today(self, dose: PlannedDose) -> date:
        """The day on the wall of the patient's home."""
        return clock.today_in(dose.prescription.patient.time_zone, self.now)

    def hold_on(self, dose: PlannedDose, day: date) -> Hold | None:
        """The first standing hold that covers the day."""
        return next(
            (
                hold
                for hold in self.holds.get(dose.prescription_id, ())
                if hold.starts_on <= day and (hold.clears_on is None or day < hold.clears_on)
            ),
            None,
        )

    def day_of(self, dose: PlannedDose) -> date:
        """The day the gates are judged for: the visit's, else the day it is planned for as of today.

        Inside a hold without a clear date that is the day it would be without the hold.
        """
        visit = self.visits.get(dose.pk)
        if visit is not None:
            return clock.local_day(visit.starts_at, visit.time_zone)
        day = max(dose.due_on, self.today(dose))
        while (hold := self.hold_on(dose, day)) and hold.clears_on is not None:
            day = hold.clears_on
        return day


def papers_on_file(patient_ids: Sequence[int]) -> dict[tuple[int, str], Evidence]:
    """(patient, kind) -> the newest paper that was not withdrawn. One query for any number of patients."""
    newest = (
        Evidence.objects.filter(patient_id__in=patient_ids, withdrawn_at__isnull=True)
        .select_related("recorded_by")
        .order_by("patient_id", "kind", "-dated_on", "-pk")
        .distinct("patient_id", "kind")
    )
    return {(paper.patient_id, paper.kind): paper for paper in newest}


def _by(rows: Iterable, field: str) -> dict[int, list]:
    found: dict[int, list] = defaultdict(list)
    for row in rows:
        found[getattr(row, field)].append(row)
    return dict(found)


def _taken(prescription_ids: Sequence[int]) -> dict[int, list[Taken]]:
    """Doses given by us, and doses booked and not given yet."""
    found: dict[int, list[Taken]] = defaultdict(list)
    records = DoseRecord.objects.filter(
        dose__prescription_id__in=prescription_ids, amended_by__isnull=True, elsewhere=False
    )
    for prescription_id, number, on, amount in records.values_list(
        "dose__prescription_id", "dose__number", "given_on", "amount_mg"
    ):
        found[prescription_id].append(Taken(number, on, amount))
    booked = Visit.objects.filter(
        dose__prescription_id__in=prescription_ids,
        dose__state=PlannedDose.State.PLANNED,
        state__in=states.HOLDING,
    ).select_related("dose")
    for visit in booked:
        assert visit.dose is not None
        on = clock.local_day(visit.starts_at, visit.time_zone)
        found[visit.dose.prescription_id].append(Taken(visit.dose.number, on, visit.dose.amount_mg))
    return dict(found)
