"""Needs booking: doses that fall due without a visit, most urgent first, each with what blocks it.

Reads only, in a number of queries that does not grow with the rows. What depends on today is worked out
here for the day in the patient's zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from patients.models import Evidence, Hold, Patient, Prescription
from scheduling import clock, selectors
from scheduling.models import PlannedDose, Site, Visit
from scheduling.readings import words
from scheduling.readings.patient_list import drug_name
from scheduling.rules import states
from scheduling.services import doses, readiness

AHEAD = timedelta(days=60)
RECORD_WITHIN = timedelta(hours=12)  # after a visit's end somebody asks what became of it
UNFINISHED = states.HOLDING - {"completed"}
BUSY = (Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)
WORST = {"stop": 3, "hold": 2, "wait": 1, "ok": 0}


@dataclass(frozen=True)
class Blocker:
    """What stands between a dose and its visit. `how` is absolute, reason (a named person may decide) or hold."""

    code: str
    text: str
    how: str


@dataclass(frozen=True)
class Mark:
    """One readiness mark: the word, its status, and what is missing."""

    word: str
    status: str
    text: str


@dataclass(frozen=True)
class Row:
    """One line of the queue: a dose, or the days of one course that are given together."""

    doses: tuple[PlannedDose, ...]
    patient: Patient
    drug: str
    today: date
    planned_on: date | None  # the day it is planned for as of today; None inside a hold without an end
    days_left: int
    blockers: tuple[Blocker, ...]
    marks: tuple[Mark, ...]
    at_facility: bool

    @property
    def dose(self) -> PlannedDose:
        """The first one: what a button acts on."""
        return self.doses[0]

    @property
    def drug_name(self) -> str:
        """The drug alone, where the schedule says too much."""
        return drug_name(doses.drug_code(self.dose.prescription.regimen_id))

    @property
    def numbers(self) -> str:
        """`dose 5`, or `doses 4 to 8`."""
        if len(self.doses) == 1:
            return _("dose %(number)d") % {"number": self.dose.number}
        return _("doses %(first)d to %(last)d") % {
            "first": self.dose.number,
            "last": self.doses[-1].number,
        }

    @property
    def amount(self) -> str:
        """Milligrams of one dose."""
        each = words.mg_words(self.dose.amount_mg)
        if len(self.doses) == 1 or not each:
            return each
        return _("%(amount)s on each of %(days)d days") % {"amount": each, "days": len(self.doses)}

    @property
    def urgency(self) -> dict[str, str]:
        """Status and words of the days left."""
        status, word = words.days_left(self.days_left)
        return {"status": status, "word": word}

    @property
    def blocked(self) -> bool:
        return bool(self.blockers)

    @property
    def on_hold(self) -> bool:
        return any(blocker.how == "hold" for blocker in self.blockers)

    @property
    def never(self) -> bool:
        """No reason makes it bookable as it stands."""
        return any(blocker.how == "absolute" for blocker in self.blockers)


def unbooked(user: selectors.Viewer, *, today: date) -> QuerySet[PlannedDose]:
    """Planned doses without a live visit, due within AHEAD of the agency's `today` or overdue."""
    live = Visit.objects.filter(dose=OuterRef("pk"), state__in=states.HOLDING)
    return (
        selectors.doses_for(user)
        .filter(
            ~Exists(live),
            state=PlannedDose.State.PLANNED,
            due_on__lte=today + AHEAD,
            prescription__status__in=BUSY,
            prescription__patient__status=Patient.Status.ACTIVE,
        )
        .order_by("prescription_id", "number")
    )


def needing_a_decision(user: selectors.Viewer, *, now: datetime | None = None) -> QuerySet[Visit]:
    """Booked visits that no longer fit their dose (invariant 4), and those long over with nothing recorded."""
    now = now or timezone.now()
    misfit = Q(state__in=states.OPEN) & ~Q(attention="")
    silent = Q(state__in=UNFINISHED, kind=Visit.Kind.INFUSION, ends_at__lt=now - RECORD_WITHIN)
    return selectors.visits_for(user).filter(misfit | silent).order_by("starts_at", "pk")


def decision_text(visit: Visit) -> str:
    """What the decision is about."""
    return visit.attention or _("Its time has passed and nothing is recorded. Record it, or cancel it.")


def count(user: selectors.Viewer, *, now: datetime | None = None) -> int:
    """How many lines the queue has: two queries."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE, now)
    lines = unbooked(user, today=today).order_by().values("prescription_id").distinct().count()
    return lines + needing_a_decision(user, now=now).count()


def rows(user: selectors.Viewer, *, now: datetime | None = None) -> list[Row]:
    """Every line, the fewest days left first."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE, now)
    runs = list(_next_runs(unbooked(user, today=today)))
    files = _Files.of([run[0].prescription for run in runs])
    lines = [_row(run, files, now) for run in runs]
    return sorted(
        lines, key=lambda row: (row.days_left, row.dose.due_on, row.patient.search_name, row.dose.pk)
    )


def _next_runs(planned: Iterable[PlannedDose]) -> Iterable[tuple[PlannedDose, ...]]:
    """Per prescription the next dose, with the days of its course that follow one another."""
    by_prescription: dict[int, list[PlannedDose]] = defaultdict(list)
    for dose in planned:
        by_prescription[dose.prescription_id].append(dose)
    for waiting in by_prescription.values():
        run = [waiting[0]]
        for dose in waiting[1:]:
            if dose.course != run[0].course or (dose.due_on - run[-1].due_on).days > 1:
                break
            run.append(dose)
        yield tuple(run)


@dataclass(frozen=True)
class _Files:
    """What is on file for all the patients of the queue, read at once."""

    papers: dict[tuple[int, str], Evidence]
    holds: dict[int, list[Hold]]
    decided: frozenset[tuple[int, int | None]]  # (patient, prescription) with a decision for home
    sites: tuple[Site, ...]

    @classmethod
    def of(cls, prescriptions: Sequence[Prescription]) -> _Files:
        patient_ids = sorted({prescription.patient_id for prescription in prescriptions})
        holds: dict[int, list[Hold]] = defaultdict(list)
        for hold in Hold.objects.filter(prescription__in=prescriptions, withdrawn_at__isnull=True):
            holds[hold.prescription_id].append(hold)
        decided = Evidence.objects.filter(
            patient_id__in=patient_ids, kind="site_decision", clear=True, withdrawn_at__isnull=True
        ).values_list("patient_id", "prescription_id")
        return cls(
            papers=readiness.papers_on_file(patient_ids),
            holds=holds,
            decided=frozenset(decided),
            sites=tuple(Site.objects.filter(covers_homes=True)),
        )

    def hold_on(self, prescription: Prescription, day: date) -> Hold | None:
        covering = (
            hold
            for hold in self.holds.get(prescription.pk, ())
            if hold.starts_on <= day and (hold.clears_on is None or day < hold.clears_on)
        )
        return next(covering, None)


def _row(run: tuple[PlannedDose, ...], files: _Files, now: datetime | None) -> Row:
    dose = run[0]
    prescription = dose.prescription
    today = clock.today_in(prescription.patient.time_zone, now)
    day, hold = _planned_day(dose, files, today)
    regimen = doses.regimen_of(prescription)
    gates = readiness.gates(dose, day or today, files.papers)
    site = list(_site_blockers(dose, day or today, files))
    order = list(_order_blockers(dose, day or today))
    blockers = [*site, *_hold_blockers(hold), *order]
    blockers += [
        Blocker(f"MISSING_{gate.kind.upper()}", gate.sentence, "reason")
        for gate in gates
        if gate.bites_at_booking and not gate.met
    ]
    return Row(
        doses=run,
        patient=prescription.patient,
        drug=regimen.display_name,
        today=today,
        planned_on=day,
        days_left=((dose.window_end_on or dose.due_on) - today).days,
        blockers=tuple(blockers),
        marks=tuple(_marks(gates, site, order, hold)),
        at_facility=any(blocker.code == "SITE_NOT_HOME" for blocker in site),
    )


def _planned_day(dose: PlannedDose, files: _Files, today: date) -> tuple[date | None, Hold | None]:
    """The day the dose is planned for as of today: not before today, and after any hold; with the first hold met."""
    day, first = max(dose.due_on, today), None
    while hold := files.hold_on(dose.prescription, day):
        first = first or hold
        if hold.clears_on is None:
            return None, first
        day = hold.clears_on
    # A hold that covers today matters even when the dose is due after it ends.
    return day, first or files.hold_on(dose.prescription, today)


def _hold_blockers(hold: Hold | None) -> Iterable[Blocker]:
    if hold is None:
        return
    if hold.clears_on:
        until = words.day_words(hold.clears_on)
        text = _("On hold: %(reason)s. Dosing is allowed again on %(day)s.") % {
            "reason": hold.reason,
            "day": until,
        }
    else:
        text = _("On hold: %(reason)s. No end is entered yet.") % {"reason": hold.reason}
    yield Blocker("ON_HOLD", text, "hold")


def _order_blockers(dose: PlannedDose, day: date) -> Iterable[Blocker]:
    ends = dose.prescription.expires_on
    if day > ends:
        text = _("The order ends %(day)s, before this dose. Ask for a renewed one.") % {
            "day": words.day_words(ends)
        }
        yield Blocker("ORDER_EXPIRES", text, "reason")


def _site_blockers(dose: PlannedDose, day: date, files: _Files) -> Iterable[Blocker]:
    prescription = dose.prescription
    flags = set(doses.regimen_of(prescription).site_of_care.flags)
    code = doses.drug_code(prescription.regimen_id)
    if "SITE_NOT_HOME" in flags:
        yield Blocker("SITE_NOT_HOME", _("Given at a certified facility, never at home."), "absolute")
    elif "SITE_TOUCH_REQUIRED" in flags and not any(
        site.code == code and site.expires_on >= day for site in files.sites
    ):
        yield Blocker(
            "SITE_NOT_AUTHORIZED",
            _("No site authorization that covers homes is on file for that day."),
            "absolute",
        )
    elif "SITE_CLINIC_PREFERRED" in flags and (prescription.patient_id, prescription.pk) not in files.decided:
        yield Blocker(
            "SITE_CLINIC_PREFERRED",
            _("Given in a clinic unless a decision for home is on file."),
            "absolute",
        )


def _marks(
    gates: Sequence[readiness.Gate], site: Sequence[Blocker], order: Sequence[Blocker], hold: Hold | None
) -> Iterable[Mark]:
    """Order, place, papers, labs: always the same four, so that a column can be read downwards."""
    if hold:
        yield Mark(_("Order"), "hold", _("on hold"))
    else:
        yield Mark(_("Order"), "stop" if order else "ok", order[0].text if order else _("in force"))
    yield Mark(_("Place"), "stop" if site else "ok", site[0].text if site else _("home"))
    papers = [gate for gate in gates if _is_paper(gate)]
    yield _combined(_("Papers"), papers)
    yield _combined(_("Labs and screens"), [gate for gate in gates if not _is_paper(gate)])


def _is_paper(gate: readiness.Gate) -> bool:
    return any(word in gate.kind for word in ("authorization", "checklist", "guide", "decision"))


def _combined(word: str, gates: Sequence[readiness.Gate]) -> Mark:
    """The worst of several gates, naming those that are not met."""
    if not gates:
        return Mark(word, "ok", _("none needed"))
    unmet = [gate for gate in gates if not gate.met]
    if not unmet:
        return Mark(word, "ok", _("complete"))
    status = max(("stop" if gate.bites_at_booking else "wait" for gate in unmet), key=WORST.__getitem__)
    return Mark(word, status, " ".join(gate.sentence for gate in unmet))
