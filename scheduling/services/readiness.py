"""Everything that stands in the way of a dose, each gate with its paper, when it bites and the next step.

`gates_for` judges a dose from `Files` read beforehand; `gates` the prerequisites alone, as booking asks for
them. What each gate means and who may open it: scheduling/rules/readiness.py, docs/readiness.md. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import lru_cache

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from patients.models import Evidence, Patient
from scheduling import clock
from scheduling.models import PlannedDose
from scheduling.regimens import products
from scheduling.rules import diagnosis, gate_states
from scheduling.rules import readiness as table
from scheduling.rules.gate_states import Approval, Judged, SupplyFact
from scheduling.rules.readiness import GateRule
from scheduling.rules.regimen import Prerequisite
from scheduling.services import doses, gate
from scheduling.services.gate import (
    FIRST_DOSE,
    TITLES,
    Action,
    Gate,
    doorstep_checks,
    doorstep_rules,
    gates,
)
from scheduling.services.gate_files import ASKED, AUTHORIZATION, SCREEN, Files, papers_on_file

__all__ = [
    "TITLES",
    "Action",
    "Files",
    "Gate",
    "at_start",
    "away_gate",
    "doorstep_checks",
    "doorstep_gate",
    "doorstep_rules",
    "gates",
    "gates_for",
    "identity_gate",
    "papers_on_file",
    "title_of",
    "units_needed",
]

SAID_YES = frozenset({"confirmed", "en_route", "arrived", "in_progress", "completed"})
PAPER_WORDS = ("authorization", "checklist", "guide", "decision")
GATE_TITLES = {
    "order": gettext_lazy("Order"),
    "patient": gettext_lazy("Patient at home"),
    "hold": gettext_lazy("Hold"),
    "dates": gettext_lazy("First day allowed"),
    "site": gettext_lazy("Site of care"),
    "authorization": gettext_lazy("Authorization"),
    "drug": gettext_lazy("Drug"),
    SCREEN: gettext_lazy("Health screen"),
    "nurse": gettext_lazy("Nurse"),
    "confirmed": gettext_lazy("Patient confirmed"),
    "diagnosis": gettext_lazy("Diagnosis"),
    "identity": gettext_lazy("Identity"),
}
GROUPS = {
    "order": "order", "patient": "order", "hold": "order", "dates": "order", "diagnosis": "order", "site": "place",
    "authorization": "authorization", "drug": "drug", "nurse": "nurse", "confirmed": "confirmed", SCREEN: "screen",
    "identity": "screen",
}  # fmt: skip


def gates_for(dose: PlannedDose, day: date, files: Files) -> list[Gate]:
    """Everything that stands in the way of the dose on `day`, met or not, in the order people work through it.

    No query: the dose comes with its prescription and patient, `files` with the rest.
    """
    return [_opened(one, dose, files) for one in _judged(dose, day, files)]


def title_of(kind: str) -> str:
    """The title of a gate of ours, or of a prerequisite, in the language of the reader."""
    return _title(kind, get_language())


@lru_cache(maxsize=512)  # a board of 400 rows asks for the same twenty titles thousands of times
def _title(kind: str, _language: str | None) -> str:
    return str(GATE_TITLES.get(kind, "")) or gate.title_of(kind)


def _judged(dose: PlannedDose, day: date, files: Files) -> Iterator[Gate]:
    yield _order(dose, day, files)
    yield from _patient(dose, files)
    yield _hold(dose, day, files)
    yield _dates(dose, day, files)
    yield _site(dose, day, files)
    yield from _prerequisites(dose, day, files)
    yield _authorization(dose, day, files)
    yield _drug(dose, day, files)
    yield _screen(dose, day, files)
    yield _nurse(dose, files)
    yield _confirmed(dose, files)
    yield from _diagnosis(dose, day, files)


def _opened(found: Gate, dose: PlannedDose, files: Files) -> Gate:
    """With the lead's override, while it counts: a paper or parcel recorded after it, or a visit moved after it,
    closes the gate again: it was given for what was there, on that day."""
    override = files.overrides.get((dose.pk, found.kind))
    if override is None or found.met or found.power != table.LEAD:
        return found
    if found.recorded_at is not None and found.recorded_at > override.at:
        return found
    visit = files.visits.get(dose.pk)
    if visit is not None and visit.moved_from_id is not None and visit.created_at > override.at:
        return found
    return replace(found, override=override)


def _make(
    kind: str,
    judged: Judged,
    dose: PlannedDose,
    files: Files,
    action: Action | None = None,
    *,
    evidence: object = None,
    source: str = "",
) -> Gate:
    title = title_of(kind)
    rule = table.rule_of(kind, judged.state, booked=dose.pk in files.visits)
    return Gate(
        kind=kind,
        title=title,
        state=judged.state,
        sentence=f"{title}: {judged.text}",
        blocks=rule.power != table.WARNING,
        bites_at_booking=rule.bites == table.BOOKING,
        source=source,
        evidence=evidence,  # type: ignore[arg-type]
        valid_through=judged.valid_through,
        group=GROUPS[kind],
        rule=rule,
        warning=table.rises(kind, judged.state),
        action=None if judged.state == "met" else action,
    )


def _step(verb: str, rule: str, url: str, query: dict[str, str] | None = None, **kwargs: int) -> Action:
    return Action(verb, table.RULES[rule].who, url, kwargs, query or {})


def _record(dose: PlannedDose, kind: str, verb: str, rule: str) -> Action:
    query = {"kind": gate.kind_in_address(kind), "prescription": str(dose.prescription_id)}
    return _step(verb, rule, "evidence-new", query, patient_id=dose.prescription.patient_id)


def _order(dose: PlannedDose, day: date, files: Files) -> Gate:
    prescription = dose.prescription
    judged = gate_states.judge_order(prescription.status, prescription.expires_on, day)
    if dose.state == PlannedDose.State.CANCELLED:
        judged = Judged("forbids", _("This dose is no longer planned."))
    renew = _step(
        "renew_order",
        "order_ends",
        "prescription-amend",
        prescription_id=prescription.pk,
    )
    return _make("order", judged, dose, files, renew)


def _patient(dose: PlannedDose, files: Files) -> Iterator[Gate]:
    """Only when the patient is not at home to be treated."""
    patient = dose.prescription.patient
    if patient.status != Patient.Status.ACTIVE:
        said = _("The patient's status is: %(status)s.") % {"status": patient.get_status_display().lower()}
        yield _make("patient", Judged("forbids", said), dose, files)


def _hold(dose: PlannedDose, day: date, files: Files) -> Gate:
    hold = files.hold_on(dose, day)
    if hold is None:
        return _make("hold", Judged("met", _("None on that day.")), dose, files)
    if hold.clears_on is None:
        judged = Judged("pending", _("%(why)s. No end is entered yet.") % {"why": hold.reason})
    else:
        said = {"why": hold.reason, "day": _day(hold.clears_on)}
        judged = Judged("too_soon", _("%(why)s. Dosing again from %(day)s.") % said)
    clear = _step("clear_hold", "hold", "hold-clear", hold_id=hold.pk)
    return _make("hold", judged, dose, files, clear)


def _dates(dose: PlannedDose, day: date, files: Files) -> Gate:
    if dose.floor_on is None or day >= dose.floor_on:
        return _make("dates", Judged("met", _("The day is allowed.")), dose, files)
    judged = Judged("too_soon", _("Not before %(day)s.") % {"day": _day(dose.floor_on)})
    why = _step("move_visit", "floor", "dose", dose_id=dose.pk)
    return _make("dates", judged, dose, files, why)


def _site(dose: PlannedDose, day: date, files: Files) -> Gate:
    prescription = dose.prescription
    facts = doses.regimen_of(prescription).site_of_care
    flags, code = set(facts.flags), doses.drug_code(prescription.regimen_id)
    action = None
    judged = Judged("met", _("Home."))
    if "SITE_NOT_HOME" in flags:
        judged = Judged("forbids", _("Given at a certified facility, never at home."))
    elif "SITE_TOUCH_REQUIRED" in flags:
        ends = [site.expires_on for site in files.sites if site.code == code]
        if any(day <= end for end in ends):
            judged = Judged("met", _("A site authorization covers homes."), max(ends))
        else:
            state = "expired" if ends else "missing"
            judged = Judged(state, _("No site authorization that covers homes is on file for that day."))
    elif "SITE_CLINIC_PREFERRED" in flags:
        if (prescription.patient_id, prescription.pk) in files.decided:
            judged = Judged("met", _("A decision for home is on file."))
        else:
            judged = Judged("missing", _("Given in a clinic unless a decision for home is on file."))
            action = _record(dose, "site_decision", "record_decision", "site")
    return _make("site", judged, dose, files, action, source=facts.source)


def _prerequisites(dose: PlannedDose, day: date, files: Files) -> Iterator[Gate]:
    booked = dose.pk in files.visits
    firsts = {
        rule.kind for rule in doses.regimen_of(dose.prescription).prerequisites if rule.when in FIRST_DOSE
    }
    for found in gates(dose, day, files.papers):
        rule = table.rule_of(
            found.kind, found.state, blocks=found.blocks, first=found.kind in firsts, booked=booked
        )
        action = None if found.met else _record(dose, found.kind, "record_result", "result_in_date")
        papers = any(word in found.kind for word in PAPER_WORDS)
        yield replace(found, rule=rule, group="papers" if papers else "labs", action=action)


def _authorization(dose: PlannedDose, day: date, files: Files) -> Gate:
    prescription = dose.prescription
    papers = [
        paper
        for paper in files.approvals.get(prescription.patient_id, ())
        if paper.prescription_id in (None, prescription.pk)
    ]
    asked = files.paper(dose, ASKED)
    judged = gate_states.judge_authorization(
        [Approval(x.dated_on, x.valid_until_on, x.units, x.clear) for x in papers],
        asked.dated_on if asked else None,
        day,
        units_needed(dose, day),
        _units_before(dose, day, files),
    )
    on = None if judged.rests_on is None else papers[judged.rests_on]
    if judged.state == "pending":
        on = asked
    record = _record(dose, AUTHORIZATION, "record_authorization", "authorization")
    return _make("authorization", judged, dose, files, record, evidence=on)


def units_needed(dose: PlannedDose, day: date) -> int | None:
    """Billing units of the dose for a service on `day`; None when amount or code is not known."""
    product = products.get(doses.drug_code(dose.prescription.regimen_id))
    return gate_states.units_of(dose.amount_mg, product.unit_on(day) if product else None)


def _units_before(dose: PlannedDose, day: date, files: Files) -> Iterator[tuple[date, int]]:
    product = products.get(doses.drug_code(dose.prescription.regimen_id))
    for other in files.taken.get(dose.prescription_id, ()):
        if other.number == dose.number or (other.on, other.number) > (day, dose.number):
            continue
        units = gate_states.units_of(other.amount_mg, product.unit_on(other.on) if product else None)
        if units:
            yield other.on, units


def _drug(dose: PlannedDose, day: date, files: Files) -> Gate:
    steps = files.steps.get(dose.pk, [])
    product = products.get(doses.drug_code(dose.prescription.regimen_id))
    storage = product.storage if product else None
    judged = gate_states.judge_drug(
        [SupplyFact(x.step, x.on, x.lowest_c, x.highest_c, x.expected_on) for x in steps], storage, day
    )
    on = None if judged.rests_on is None else steps[judged.rests_on]
    verb = {"missing": "order_drug", "not_yet": "ship_drug", "forbids": "replace_drug"}.get(
        judged.state, "receive_drug"
    )
    act = _step(verb, "drug_received", "dose-readiness", dose_id=dose.pk)
    return _make("drug", judged, dose, files, act, evidence=on, source=storage.source if storage else "")


def _screen(dose: PlannedDose, day: date, files: Files) -> Gate:
    paper: Evidence | None = files.paper(dose, SCREEN)
    judged = gate_states.judge_screen(
        paper.dated_on if paper else None, bool(paper and paper.clear), day, files.today(dose)
    )
    on = paper if judged.rests_on is not None else None
    record = _record(dose, SCREEN, "record_screen", "health_screen")
    return _make(SCREEN, judged, dose, files, record, evidence=on)


def _nurse(dose: PlannedDose, files: Files) -> Gate:
    visit = files.visits.get(dose.pk)
    if visit is None:
        find = _step("find_times", "nurse_booked", "dose-slots", dose_id=dose.pk)
        return _make("nurse", Judged("missing", _("No visit booked.")), dose, files, find)
    said = {"nurse": visit.nurse.first_name, "day": _day(clock.local_day(visit.starts_at, visit.time_zone))}
    return _make("nurse", Judged("met", _("%(nurse)s on %(day)s.") % said), dose, files, evidence=visit)


def _confirmed(dose: PlannedDose, files: Files) -> Gate:
    visit = files.visits.get(dose.pk)
    if visit is None:
        return _make("confirmed", Judged("not_yet", _("Nothing is booked yet.")), dose, files)
    if visit.state in SAID_YES or visit.confirmed_at is not None:
        return _make("confirmed", Judged("met", _("The patient said yes.")), dose, files, evidence=visit)
    confirm = _step("confirm", "confirmed", "visit", visit_id=visit.pk)
    return _make(
        "confirmed", Judged("pending", _("Not confirmed yet.")), dose, files, confirm, evidence=visit
    )


def _diagnosis(dose: PlannedDose, day: date, files: Files) -> Iterator[Gate]:
    prescription = dose.prescription
    code = prescription.diagnosis_code or prescription.patient.diagnosis_code
    for problem in diagnosis.problems(code, doses.regimen_of(prescription), day):
        correct = _step(
            "correct_code",
            "diagnosis",
            "prescription-amend",
            prescription_id=prescription.pk,
        )
        yield _make("diagnosis", Judged("pending", problem.text), dose, files, correct)


def at_start(found: Gate, dose: PlannedDose, files: Files) -> Gate:
    """The gate as the start will judge it, also while nothing is booked yet; a lead may open it beforehand."""
    rule = table.rule_of(found.kind, found.state, blocks=found.blocks)
    return _opened(replace(found, rule=rule, bites_at_booking=False, override=None), dose, files)


def doorstep_gate(rule: Prerequisite, dose: PlannedDose, day: date, files: Files) -> Gate:
    """A same-day check: only an answer dated on the day itself counts, and the newest one."""
    paper = files.paper(dose, rule.kind)
    if paper is not None and paper.dated_on != day:
        paper = None
    title = title_of(rule.kind)
    if paper is None:
        judged = Judged("missing", _("checked on the day of the visit."))
    elif paper.clear:
        judged = Judged("met", _("checked, all well."))
    else:
        judged = Judged("forbids", _("the answer today does not allow the dose."))
    found = Gate(
        kind=rule.kind, title=title, state=judged.state, sentence=f"{title}: {judged.text}", blocks=rule.blocks,
        bites_at_booking=False, source=rule.source, evidence=paper, group="screen",
        rule=table.rule_of(rule.kind, judged.state, blocks=rule.blocks),
    )  # fmt: skip
    return _opened(found, dose, files)


def identity_gate(checked: bool, rule: GateRule = table.RULES["identity"]) -> Gate:
    """Two identifiers at the door: asked of the nurse, never on file beforehand."""
    title = title_of("identity")
    text = _("name and date of birth checked.") if checked else _("check name and date of birth.")
    return Gate(
        kind="identity", title=title, state="met" if checked else "missing", sentence=f"{title}: {text}",
        blocks=True, bites_at_booking=False, source="", group=GROUPS["identity"], rule=rule,
    )  # fmt: skip


def away_gate(patient: Patient) -> Gate | None:
    """Closed, and nobody may open it, for a visit without a dose to somebody who is not at home; else None."""
    if patient.status == Patient.Status.ACTIVE:
        return None
    title = title_of("patient")
    said = _("The patient's status is: %(status)s.") % {"status": patient.get_status_display().lower()}
    return Gate(
        kind="patient", title=title, state="forbids", sentence=f"{title}: {said}", blocks=True,
        bites_at_booking=False, source="", group=GROUPS["patient"], rule=table.rule_of("patient", "forbids"),
    )  # fmt: skip


def _day(on: date) -> str:
    return f"{on:%b} {on.day}, {on.year}"
