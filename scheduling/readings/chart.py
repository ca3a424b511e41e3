"""A patient's chart as it stands on a day: each order with its doses, gates, warnings and picture. Reads only.

Days are local to the patient. The stored doses are the base; what depends on the day (overdue, holds) is
worked out here, and said in words where it differs from what is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _

from patients.models import Evidence, Hold, Patient, Prescription
from scheduling import clock
from scheduling.drawing import Mark
from scheduling.models import DoseRecord, PlannedDose, Site, Visit
from scheduling.readings import timeline, warnings, words
from scheduling.readings.chart_words import day_words
from scheduling.rules import states
from scheduling.rules.calendar import Calendar, Dose, plan
from scheduling.rules.errors import BadInput
from scheduling.rules.orders import Given
from scheduling.rules.regimen import Regimen
from scheduling.services import doses, readiness
from scheduling.services.doses import Case
from scheduling.services.readiness import Gate

SOON_DAYS = 14
OPEN = (Prescription.Status.DRAFT, Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)


@dataclass
class Line:
    """One dose of an order. `on` is the day it counts for: given, booked, or planned for today's calendar.

    `on` is None inside a hold without an end. `status` and `word` are those of ui/tag.html.
    """

    row: PlannedDose
    state: str
    on: date | None
    status: str
    word: str
    due_on: date
    floor_on: date | None
    window_start: date | None
    window_end: date | None
    reasons: Sequence[object]
    needs_renewed_order: bool = False
    flags: Sequence[str] = ()
    visit: Visit | None = None
    record: DoseRecord | None = None
    moved: str = ""

    @property
    def number(self) -> int:
        return self.row.number

    @property
    def amount(self) -> str:
        return words.mg_words(self.record.amount_mg if self.record else self.row.amount_mg)

    @property
    def prepare(self) -> int:
        return self.row.preparation_minutes + self.row.wrap_up_minutes

    @property
    def overdue(self) -> bool:
        return "OVERDUE" in self.flags


@dataclass
class GateLine:
    """One thing that must be true before the next dose, and where to say that it is."""

    word: str
    status: str
    text: str
    kind: str = ""
    blocks: bool = False


@dataclass
class Card:
    """One order on the chart."""

    prescription: Prescription
    regimen: Regimen
    today: date
    lines: list[Line]
    warnings: list[warnings.Caution]
    status: str
    word: str
    gates: list[GateLine] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.prescription.status in OPEN

    @property
    def next(self) -> Line | None:
        """The first dose that is still to come."""
        return next((line for line in self.lines if line.state != "given"), None)

    @property
    def given(self) -> list[Line]:
        return [line for line in self.lines if line.state == "given"]

    @property
    def at_home(self) -> bool:
        return "SITE_NOT_HOME" not in self.regimen.site_of_care.flags

    @property
    def blocked_by(self) -> GateLine | None:
        """The first missing paper that stands in the way of booking."""
        return next((gate for gate in self.gates if gate.blocks), None)


def chart_cards(patient: Patient, today: date) -> list[Card]:
    """Every order of the patient, open ones first; a fixed number of queries whatever is on file."""
    orders = list(patient.prescriptions.prefetch_related("holds"))
    for order in orders:
        order.patient = patient
    rows = _by_order(PlannedDose.objects.filter(prescription__patient=patient).exclude(state="cancelled"))
    records = _standing_records(patient)
    visits = _visits_by_dose(patient)
    measured = doses.latest_measurements(patient)
    papers = readiness.papers_on_file([patient.pk])
    evidence = list(patient.evidence.filter(withdrawn_at__isnull=True))
    sites = list(Site.objects.filter(covers_homes=True))
    cards = [_card(order, rows[order.pk], records[order.pk], visits, measured, today) for order in orders]
    for card in cards:
        if card.open and card.next is not None:
            card.gates = gates_of(card, papers, evidence, sites)
        card.marks = timeline.marks(
            card,
            doses.case_of_rows(card.prescription, measured, card.holds, records[card.prescription.pk]),
            evidence,
        )
    return sorted(cards, key=lambda card: (not card.open, -card.prescription.start_on.toordinal()))


def _by_order(rows: Iterable[PlannedDose]) -> Mapping[int, list[PlannedDose]]:
    found: dict[int, list[PlannedDose]] = defaultdict(list)
    for row in rows:
        found[row.prescription_id].append(row)
    return found


def _standing_records(patient: Patient) -> Mapping[int, dict[int, DoseRecord]]:
    """Order -> dose number -> the record in force."""
    found: dict[int, dict[int, DoseRecord]] = defaultdict(dict)
    standing = DoseRecord.objects.filter(dose__prescription__patient=patient, amended_by__isnull=True)
    for record in standing.select_related("dose"):
        found[record.dose.prescription_id][record.dose.number] = record
    return found


def _visits_by_dose(patient: Patient) -> Mapping[int, Visit]:
    held = Visit.objects.filter(patient=patient, dose__isnull=False, state__in=states.HOLDING)
    return {visit.dose_id: visit for visit in held.select_related("nurse")}  # type: ignore[misc]


def _card(
    order: Prescription,
    rows: list[PlannedDose],
    records: dict[int, DoseRecord],
    visits: Mapping[int, Visit],
    measured: Mapping[str, object],
    today: date,
) -> Card:
    holds = [hold for hold in order.holds.all() if hold.withdrawn_at is None]
    regimen = doses.regimen_of(order)
    booked = {row.number: visits[row.pk] for row in rows if row.pk in visits and row.state == "planned"}
    case = doses.case_of_rows(order, measured, holds, records)
    calendar, derived, wrong = calendar_of_day(case, booked, today)
    lines, first = [], True
    for row in sorted(rows, key=lambda row: row.number):
        row.prescription = order
        record = records.get(row.number)
        if row.state == PlannedDose.State.GIVEN and record:
            lines.append(_given_line(row, record))
            continue
        lines.append(_open_line(row, derived.get(row.number), booked.get(row.number), today, first=first))
        first = False
    card = Card(order, regimen, today, lines, [], *status_of(order), holds=holds)
    card.warnings = warnings.of_card(card, calendar, wrong)
    return card


def calendar_of_day(
    case: Case, booked: Mapping[int, Visit], today: date
) -> tuple[Calendar | None, dict[int, Dose], BadInput | None]:
    """The calendar as it stands today, its doses by number with the booked ones before them, and what is wrong.

    A booked visit stands for its dose, so only the first dose without one can be overdue.
    """
    history = list(case.history)
    number = history[-1].number + 1 if history else 1
    found: dict[int, Dose] = {}
    try:
        while number in booked:
            day = clock.local_day(booked[number].starts_at, booked[number].time_zone)
            if history and day < history[-1].on:
                break
            as_of = history[-1].on if history else case.order.start_on
            found.update({dose.number: dose for dose in _next(case, history, as_of)})
            history.append(Given(number, day))
            number += 1
        as_of = max([today, *(given.on for given in history)])
        calendar = plan(case.regimen, case.order, history, as_of, until=today + doses.HORIZON)
    except BadInput as no:
        return None, found, no
    return calendar, found | {dose.number: dose for dose in calendar.planned}, None


def _next(case: Case, history: Sequence[Given], as_of: date) -> Sequence[Dose]:
    return plan(case.regimen, case.order, history, as_of, doses=1).planned


def _given_line(row: PlannedDose, record: DoseRecord) -> Line:
    severe = record.reaction in {"severe", "life_threatening"}
    word = (
        _("Given, %(grade)s reaction") % {"grade": record.get_reaction_display().lower()}
        if severe
        else _("Given")
    )
    return Line(
        row, "given", record.given_on, "stop" if severe else "done", word,
        row.due_on, None, None, None, row.reasons, record=record,
    )  # fmt: skip


def _open_line(row: PlannedDose, now: Dose | None, visit: Visit | None, today: date, *, first: bool) -> Line:
    """A dose to come: booked, or as today's calendar has it, with the difference to the stored day in words."""
    line = Line(
        row, "next" if first else "planned", row.due_on, "info", _("Planned"), row.due_on, row.floor_on,
        row.window_start_on, row.window_end_on, row.reasons, row.needs_renewed_order, row.flags, visit,
    )  # fmt: skip
    if visit is not None:
        line.reasons = now.reasons if now is not None else row.reasons
        line.state, line.on = "booked", visit.local_start.date()
        line.status, line.word = (
            ("stop", _("Needs a decision")) if visit.attention else ("ok", visit.get_state_display())
        )
        return line
    if now is not None:
        line.on, line.flags, line.reasons = now.planned_on, now.flags, now.reasons
        line.due_on, line.floor_on = now.due_on, now.floor_on
        line.window_start, line.window_end = now.window_start, now.window_end
        line.needs_renewed_order = now.needs_renewed_order
        line.moved = _why_moved(line, row)
    if line.on is None:
        line.state, line.status, line.word = "hold", "hold", _("On hold")
    elif line.overdue:
        line.status, line.word = "stop", _("Overdue")
    elif line.needs_renewed_order:
        line.status, line.word = "wait", _("Needs a renewed order")
    elif first and (line.on - today).days <= 30:
        line.status, line.word = "wait", _("Needs booking")
    elif first:
        line.word = _("Next")
    return line


def _why_moved(line: Line, row: PlannedDose) -> str:
    """One sentence when today's calendar has another day than the stored one."""
    if line.on is None:
        return _("Due %(due)s. A hold without an end covers it.") % {"due": day_words(row.due_on)}
    if line.overdue:
        said = {"due": day_words(row.due_on)}
        return _("Was due %(due)s. Counted from today because it is overdue.") % said
    if line.on != line.due_on:
        return _("Due %(due)s. A hold moves it.") % {"due": day_words(line.due_on)}
    if line.due_on != row.due_on:
        said = {"due": day_words(row.due_on)}
        return _("Was due %(due)s. It follows the dose before it, which is late.") % said
    return ""


def status_of(order: Prescription) -> tuple[str, str]:
    """Status and word of an order, for a tag."""
    status = {
        Prescription.Status.ACTIVE: "ok",
        Prescription.Status.ON_HOLD: "hold",
        Prescription.Status.DISCONTINUED: "stop",
    }.get(order.status, "done")  # type: ignore[call-overload]
    return status, order.get_status_display()


def gates_of(
    card: Card,
    papers: dict[tuple[int, str], Evidence],
    evidence: Sequence[Evidence],
    sites: Sequence[Site],
) -> list[GateLine]:
    """The order itself, the site, and every prerequisite of the next dose, judged for its day."""
    line = card.next
    assert line is not None
    day = max(line.on or card.today, card.today)
    order = card.prescription
    found = [_order_gate(order, day, card.today)]
    found += _site_gate(card, evidence, sites, day)
    soon = (day - card.today).days <= SOON_DAYS
    return found + [_gate_line(gate, soon=soon) for gate in readiness.gates(line.row, day, papers)]


def _order_gate(order: Prescription, day: date, today: date) -> GateLine:
    said = {"day": day_words(order.expires_on)}
    if day <= order.expires_on:
        return GateLine(_("Order"), "ok", _("to %(day)s") % said)
    if order.expires_on < today:
        return GateLine(_("Order"), "stop", _("ended %(day)s") % said)
    return GateLine(_("Order"), "wait", _("ends %(day)s, before this dose") % said)


def _site_gate(card: Card, evidence: Sequence[Evidence], sites: Sequence[Site], day: date) -> list[GateLine]:
    flags = set(card.regimen.site_of_care.flags)
    if "SITE_TOUCH_REQUIRED" in flags:
        code = doses.drug_code(card.regimen.id)
        until = max((site.expires_on for site in sites if site.code == code), default=None)
        ok = until is not None and day <= until
        text = _("to %(day)s") % {"day": day_words(until)} if until else _("none covers homes")
        return [GateLine(_("Site authorization"), "ok" if ok else "stop", text)]
    if "SITE_CLINIC_PREFERRED" in flags:
        decided = any(
            paper.kind == "site_decision" and paper.clear and paper.prescription_id == card.prescription.pk
            for paper in evidence
        )
        text = _("on file") if decided else _("clinic unless decided")
        return [
            GateLine(
                readiness.title_of("site_decision"),
                "ok" if decided else "stop",
                text,
                "site_decision",
                not decided,
            )
        ]
    return []


def _gate_line(gate: Gate, *, soon: bool) -> GateLine:
    """A test that is repeated before every infusion is not late while the infusion is far away."""
    if gate.met:
        text = (
            _("to %(day)s") % {"day": day_words(gate.valid_through)} if gate.valid_through else _("on file")
        )
        return GateLine(gate.title, "ok", text if gate.evidence else _("none needed"), gate.kind)
    word = {
        "missing": _("missing"),
        "expired": _("too old by then"),
        "too_soon": _("too soon after"),
        "forbids": _("does not allow dosing"),
    }[gate.state]
    status = "stop" if gate.bites_at_booking or (gate.blocks and soon) else "wait"
    return GateLine(gate.title, status, word, gate.kind, gate.bites_at_booking)
