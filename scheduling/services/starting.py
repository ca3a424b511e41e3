"""Go or no-go: the gates of a visit on its day, the start of it, and what a clinical lead lets pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from accounts.models import Role, User
from scheduling import clock
from scheduling.models import GateOverride, PlannedDose, Visit
from scheduling.rules import readiness as table
from scheduling.rules import states
from scheduling.rules.errors import BadInput, RuleBroken
from scheduling.services import attention, events, locks, patients, readiness
from scheduling.services.guard import fits, writes
from scheduling.services.readiness import Files, Gate


@dataclass(frozen=True)
class GoNoGo:
    """Every gate of the start, met or not. `go`: nothing stands in the way."""

    gates: tuple[Gate, ...]

    @property
    def closed(self) -> list[Gate]:
        return [gate for gate in self.gates if gate.closed]

    @property
    def absolute(self) -> list[Gate]:
        """Closed, and nobody may open it."""
        return [gate for gate in self.closed if gate.power == table.ABSOLUTE]

    @property
    def for_lead(self) -> list[Gate]:
        """Closed, and the clinical lead may open it with a reason."""
        return [gate for gate in self.closed if gate.power == table.LEAD]

    @property
    def go(self) -> bool:
        return not self.closed


def go_no_go(visit: Visit, *, now: datetime | None = None, identity_checked: bool = False) -> GoNoGo:
    """The gates of the visit's start, judged for its local day. Reads only; the same in a page and in the start.

    A visit that gives no dose (a lab draw) has two: the identity, and a patient who is at home.
    """
    identity = readiness.identity_gate(identity_checked)
    dose = visit.dose
    if dose is None:
        away = readiness.away_gate(visit.patient)
        return GoNoGo((away, identity) if away else (identity,))
    files = Files.of([dose], now=now)
    files.visits.setdefault(dose.pk, visit)
    return GoNoGo((*_start_gates(dose, visit, files), identity))


def _start_gates(dose: PlannedDose, visit: Visit, files: Files) -> list[Gate]:
    day = clock.local_day(visit.starts_at, visit.time_zone)
    found = [
        gate
        for gate in readiness.gates_for(dose, day, files)
        if gate.bites == table.START or gate.kind == "diagnosis"
    ]
    return found + [
        readiness.doorstep_gate(rule, dose, day, files) for rule in readiness.doorstep_rules(dose)
    ]


def no_go_on_file(visits: Iterable[Visit], *, now: datetime | None = None) -> dict[int, list[Gate]]:
    """Visit id -> what papers and parcels hold against its start, before anybody drives there; visits without
    such a gate are left out. As many queries for a day of visits as for one."""
    given = {visit.pk: visit for visit in visits if visit.dose is not None}
    planned = []
    for visit in given.values():
        assert visit.dose is not None
        visit.dose.prescription.patient = visit.patient  # loaded with the visit; not to be asked for again
        planned.append(visit.dose)
    files = Files.of(planned, now=now)
    found: dict[int, list[Gate]] = {}
    for visit in given.values():
        assert visit.dose is not None
        day = clock.local_day(visit.starts_at, visit.time_zone)
        closed = [
            gate
            for gate in readiness.gates_for(visit.dose, day, files)
            if gate.closed and gate.bites == table.START
        ]
        if closed:
            found[visit.pk] = closed
    return found


def start_visit(
    *,
    visit_id: int,
    by: User,
    identity_checked: bool,
    doorstep: Mapping[str, bool] | None = None,
    version: int | None = None,
    now: datetime | None = None,
) -> Visit:
    """The nurse's go: the visit is under way. Raises RuleBroken GATE_CLOSED with a code for each closed gate.

    `doorstep` answers the same-day checks by kind: True for "all well". The answers are put on file first, in a
    transaction of their own: what the nurse found stays in the chart when it forbids the start. Then patient,
    prescription, dose and visit are locked and every gate is judged again. Raises StaleVersion, MoveNotAllowed.
    """
    now = now or timezone.now()
    if doorstep:
        _record_doorstep(visit_id, doorstep, by=by, now=now)
    return _start(visit_id, by=by, identity_checked=identity_checked, version=version, now=now)


@writes
def _record_doorstep(visit_id: int, doorstep: Mapping[str, bool], *, by: User, now: datetime) -> None:
    """Put the answers of the day on file; the same answer twice is there once, a changed one is a newer paper."""
    visit = _locked(visit_id)
    states.check_move(visit.state, "in_progress")
    _check_day(visit, now)
    asked = {rule.kind for rule in readiness.doorstep_rules(visit.dose)} if visit.dose else set()
    if not asked.issuperset(doorstep):
        raise BadInput("This is not checked at this visit.", field="doorstep")
    day = clock.local_day(visit.starts_at, visit.time_zone)
    standing = visit.patient.evidence.filter(dated_on=day, withdrawn_at__isnull=True)
    for kind, clear in doorstep.items():
        newest = standing.filter(kind=kind).first()
        if newest is None or newest.clear != clear:
            patients.put_evidence(
                visit.patient, by=by, kind=kind, dated_on=day, clear=clear,
                prescription_id=visit.dose and visit.dose.prescription_id,
            )  # fmt: skip
    closed = go_no_go(visit, now=now, identity_checked=True).closed
    attention.at_the_door(visit, [gate.title for gate in closed if doorstep.get(gate.kind) is False])


@writes
def _start(visit_id: int, *, by: User, identity_checked: bool, version: int | None, now: datetime) -> Visit:
    visit = _locked(visit_id, version)
    states.check_move(visit.state, "in_progress")
    _check_day(visit, now)
    verdict = go_no_go(visit, now=now, identity_checked=identity_checked)
    if not verdict.go:
        raise RuleBroken(
            " ".join(gate.sentence for gate in verdict.closed),
            code="GATE_CLOSED",
            codes=tuple(code_of(gate) for gate in verdict.closed),
        )
    visit.state, visit.started_at, visit.version = "in_progress", now, visit.version + 1
    visit.save(update_fields=["state", "started_at", "version", "changed_at"])
    events.write(
        "visit_started",
        by=by,
        patient=visit.patient,
        subject=visit,
        dose=visit.dose_id,
        identity_checked=identity_checked,
        overridden=[gate.kind for gate in verdict.gates if gate.override is not None],
    )
    return visit


def code_of(gate: Gate) -> str:
    """The stable code of a closed gate: `GATE_DRUG`, `GATE_INFECTION_CHECK`."""
    return f"GATE_{gate.kind.upper()}"


def _check_day(visit: Visit, now: datetime) -> None:
    """A visit starts on its own day at the home; one that runs over midnight, until it ends."""
    today, day = clock.today_in(visit.time_zone, now), clock.local_day(visit.starts_at, visit.time_zone)
    if today < day:
        raise RuleBroken(
            "This visit is on another day. Start it on its day, or move it first.", code="NOT_TODAY"
        )
    if today > day and now >= visit.ends_at:
        raise RuleBroken("The day of this visit has passed. Record what happened instead.", code="NOT_TODAY")


@writes
def override_gate(
    *, dose_id: int, gate: str, why: str, by: User, now: datetime | None = None
) -> GateOverride:
    """The clinical lead lets the dose start although a gate is not met. Only for gates the table gives the lead.

    Counts until it is withdrawn, or until a newer paper or parcel is recorded for that gate. The same gate
    twice is once. Raises RuleBroken LEAD_ONLY, GATE_ABSOLUTE, GATE_MET; BadInput beside `gate` or `why`.
    """
    if by.role != Role.LEAD:
        raise RuleBroken("Only the clinical lead may let a gate pass.", code="LEAD_ONLY")
    if not why.strip():
        raise BadInput("Say why the dose may start all the same.", field="why")
    dose = _locked_dose(dose_id)
    files = Files.of([dose], now=now)
    day = files.day_of(dose)
    judged = {one.kind: one for one in _for_lead(dose, files, day)}
    if gate not in judged:
        raise BadInput("This dose has no such gate.", field="gate")
    found = judged[gate]
    if found.override is not None:
        return found.override
    if found.met:
        raise RuleBroken("This gate is met; nothing has to be let pass.", code="GATE_MET", field="gate")
    if found.power != table.LEAD:
        raise RuleBroken(f"{found.sentence} Nobody may let this pass.", code="GATE_ABSOLUTE", field="gate")
    override = GateOverride.objects.create(dose=dose, gate=gate, why=fits(why, "why"), by=by)
    events.write(
        "gate_overridden",
        by=by,
        patient=dose.prescription.patient,
        subject=override,
        why=why,
        dose=dose.pk,
        gate=gate,
        state=found.state,
    )
    return override


def _for_lead(dose: PlannedDose, files: Files, day: date) -> list[Gate]:
    """The gates as the start will judge them, also while no visit is booked yet."""
    return [readiness.at_start(gate, dose, files) for gate in readiness.gates_for(dose, day, files)] + [
        readiness.doorstep_gate(rule, dose, day, files) for rule in readiness.doorstep_rules(dose)
    ]


@writes
def withdraw_override(*, override_id: int, by: User, why: str) -> GateOverride:
    """Take the permission back; the row stays. Only the clinical lead; twice is once."""
    if by.role != Role.LEAD:
        raise RuleBroken("Only the clinical lead may take this back.", code="LEAD_ONLY")
    if not why.strip():
        raise BadInput("Say why it is taken back.", field="why")
    dose = _locked_dose(GateOverride.objects.values_list("dose_id", flat=True).get(pk=override_id))
    override = GateOverride.objects.select_for_update(no_key=True).get(pk=override_id)
    if override.withdrawn_at is None:
        override.withdrawn_at = timezone.now()
        override.save(update_fields=["withdrawn_at"])
        events.write(
            "gate_override_withdrawn",
            by=by,
            patient=dose.prescription.patient,
            subject=override,
            why=fits(why, "why"),
            dose=dose.pk,
            gate=override.gate,
        )
    return override


def _locked_dose(dose_id: int) -> PlannedDose:
    patient, _nurses = locks.patient_and_nurses(locks.patient_of(dose_id), [])
    return locks.dose(dose_id, patient)


def _locked(visit_id: int, version: int | None = None) -> Visit:
    """The visit with its patient, nurse and dose, locked in the order every writer keeps."""
    seen = Visit.objects.values("patient_id", "nurse_id", "dose_id").get(pk=visit_id)
    patient, nurses = locks.patient_and_nurses(seen["patient_id"], [seen["nurse_id"]])
    dose = locks.dose(seen["dose_id"], patient) if seen["dose_id"] else None
    visit = locks.visit(visit_id, version=version, nurse_id=seen["nurse_id"])
    visit.patient, visit.nurse = patient, nurses[seen["nurse_id"]]
    if dose is not None:
        visit.dose = dose
    return visit
