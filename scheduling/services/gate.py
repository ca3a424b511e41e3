"""What a gate is, and the gates a fact file asks for: its prerequisites, judged from the papers. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients.models import Evidence
from scheduling.models import GateOverride, PlannedDose, SupplyStep, Visit
from scheduling.rules import prerequisites
from scheduling.rules import readiness as table
from scheduling.rules.intervals import in_words
from scheduling.rules.readiness import GateRule
from scheduling.rules.regimen import Prerequisite
from scheduling.services import doses
from scheduling.services.gate_files import papers_on_file

FIRST_DOSE = {"before_first_dose", "before_every_course"}


@dataclass(frozen=True)
class Action:
    """The next step: `verb` names it for code, `word` for people; `url`, `kwargs`, `query`: where it is done."""

    verb: str
    who: str
    url: str = ""
    kwargs: Mapping[str, int] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def word(self) -> str:
        return str(WORDS[self.verb])


@dataclass(frozen=True)
class Gate:
    """One thing that must be true before a visit; `state` is one of rules.readiness.STATES.

    `blocks` False only warns. `rule` is the row of the table that bites next, `warning` the one that lifts the
    dose in the queue meanwhile. `evidence`: the paper, parcel step or visit it rests on.
    """

    kind: str
    title: str
    state: str
    sentence: str
    blocks: bool
    bites_at_booking: bool
    source: str
    evidence: Evidence | SupplyStep | Visit | None = None
    valid_through: date | None = None
    group: str = "labs"
    rule: GateRule | None = None
    warning: GateRule | None = None
    action: Action | None = None
    override: GateOverride | None = None

    @property
    def met(self) -> bool:
        return self.state == "met"

    @property
    def bites(self) -> str:
        """When it bites next: booking, start or never."""
        return self.rule.bites if self.rule else table.NEVER

    @property
    def power(self) -> str:
        """Who may open it: absolute (nobody), reason, lead, or warning."""
        return self.rule.power if self.rule else table.WARNING

    @property
    def closed(self) -> bool:
        """Stands in the way at the moment it bites: not met, not merely a warning, and no lead has opened it."""
        return not self.met and self.power != table.WARNING and self.override is None

    @property
    def text(self) -> str:
        """The sentence without the title before it: for a place that shows the title already."""
        said = self.sentence.removeprefix(f"{self.title}:").strip()
        return said[:1].upper() + said[1:]

    @property
    def recorded_by(self) -> str:
        """Who put the paper or the step on file; "" when nobody did."""
        by = getattr(self.evidence, "recorded_by", None)
        return (by.get_full_name() or by.get_username()) if by else ""

    @property
    def recorded_at(self) -> datetime | None:
        return getattr(self.evidence, "recorded_at", None)


def doorstep_checks(dose: PlannedDose) -> list[str]:
    """What the nurse checks on the day itself, before the dose may start; titles in the order of the fact file."""
    return [title_of(rule.kind) for rule in doorstep_rules(dose)]


def doorstep_rules(dose: PlannedDose) -> list[Prerequisite]:
    """The same-day prerequisites of the dose."""
    regimen = doses.regimen_of(dose.prescription)
    return [rule for rule in prerequisites.required_for(regimen, dose.number) if _same_day(rule)]


def _same_day(rule: Prerequisite) -> bool:
    return rule.valid_for is not None and not any(rule.valid_for)


# A REMS programme has one drug: its name gives the drug away, and an address names no drug.
_PROGRAMMES = {"touch_": "rems-1_", "lemtrada_rems_": "rems-2_"}


def kind_in_address(kind: str) -> str:
    """`touch_reauthorization` as a link may carry it."""
    for name, number in _PROGRAMMES.items():
        if kind.startswith(name):
            return number + kind.removeprefix(name)
    return kind


def kind_from_address(said: str) -> str:
    """The kind a link means."""
    for name, number in _PROGRAMMES.items():
        if said.startswith(number):
            return name + said.removeprefix(number)
    return said


def title_of(kind: str) -> str:
    """`hbv_screening` as people say it."""
    return str(TITLES.get(kind, "")) or kind.replace("_", " ").capitalize()


def gates(
    dose: PlannedDose, day: date, papers: Mapping[tuple[int, str], Evidence] | None = None
) -> list[Gate]:
    """The prerequisites of the dose, judged for a visit on `day`, in the order of the fact file.

    Same-day checks (an infection check on the doorstep) belong to the nurse's go / no-go and are
    left out here. `papers` saves the query when many doses are asked about.
    """
    patient = dose.prescription.patient
    if papers is None:
        papers = papers_on_file([patient.pk])
    regimen = doses.regimen_of(dose.prescription)
    found = []
    for rule in prerequisites.required_for(regimen, dose.number):
        if _same_day(rule) or (rule.kind == "pregnancy_test" and not patient.pregnancy_possible):
            continue
        found.append(_gate(rule, papers.get((patient.pk, rule.kind)), day))
    return found


def _gate(rule: Prerequisite, paper: Evidence | None, day: date) -> Gate:
    title = title_of(rule.kind)
    valid_through = None
    if paper is None:
        # A vaccination that was never needed leaves no paper: it is asked for, it does not stand in the way.
        state = "met" if rule.days_before is not None else "missing"
        sentence = _("%(what)s: none on file.") % {"what": title}
    elif not paper.clear:
        state, sentence = (
            "forbids",
            _("%(what)s: the result on file does not allow dosing.") % {"what": title},
        )
    else:
        checked = prerequisites.check(rule, paper.dated_on, day)
        if (
            paper.valid_until_on and paper.dated_on <= day
        ):  # the date on the paper wins over the usual validity
            checked = _by_its_date(checked, paper.valid_until_on, day)
        valid_through = checked.valid_through
        state = "met" if checked.ok else "too_soon" if checked.earliest_start else "expired"
        sentence = f"{title}: {checked.text}"
    return Gate(
        kind=rule.kind,
        title=title,
        state=state,
        sentence=sentence,
        blocks=rule.blocks,
        bites_at_booking=rule.blocks and (rule.when in FIRST_DOSE or state == "forbids"),
        source=rule.source,
        evidence=paper,
        valid_through=valid_through,
    )


def _by_its_date(checked: prerequisites.Checked, until_on: date, day: date) -> prerequisites.Checked:
    """The judgement by the last day written on the paper, that day included."""
    ok = day <= until_on
    text = f"Good through {in_words(until_on)}." if ok else f"It was good through {in_words(until_on)}."
    return checked._replace(ok=ok, valid_through=until_on, earliest_start=None, text=text)


WORDS = {
    "renew_order": gettext_lazy("Renew the order"),
    "clear_hold": gettext_lazy("Enter the clear date"),
    "move_visit": gettext_lazy("See the rule"),
    "record_decision": gettext_lazy("Record the decision"),
    "record_result": gettext_lazy("Record the result"),
    "record_authorization": gettext_lazy("Record the authorization"),
    "order_drug": gettext_lazy("Order the drug"),
    "ship_drug": gettext_lazy("Record the shipment"),
    "receive_drug": gettext_lazy("Record the parcel"),
    "replace_drug": gettext_lazy("Order a new parcel"),
    "record_screen": gettext_lazy("Record the health screen"),
    "find_times": gettext_lazy("Find times"),
    "confirm": gettext_lazy("Confirm by phone"),
    "correct_code": gettext_lazy("Correct the code"),
}
TITLES = {
    "hbv_screening": gettext_lazy("Hepatitis B screening"),
    "hbv_hcv_screening": gettext_lazy("Hepatitis B and C screening"),
    "serum_immunoglobulins": gettext_lazy("Serum immunoglobulins"),
    "liver_function_tests": gettext_lazy("Liver tests"),
    "live_vaccine": gettext_lazy("Live vaccine spacing"),
    "non_live_vaccine": gettext_lazy("Non-live vaccine spacing"),
    "touch_patient_authorization": gettext_lazy("REMS patient authorization"),
    "touch_pre_infusion_checklist": gettext_lazy("REMS pre-infusion checklist"),
    "medication_guide_given": gettext_lazy("Medication Guide given"),
    "brain_mri_baseline": gettext_lazy("Baseline brain MRI"),
    "brain_mri": gettext_lazy("Brain MRI"),
    "anti_jcv_antibody": gettext_lazy("Anti-JCV antibody"),
    "cbc": gettext_lazy("Blood count"),
    "cbc_with_platelets": gettext_lazy("Blood count with platelets"),
    "cbc_renal_liver": gettext_lazy("Blood count, kidney and liver tests"),
    "lvef": gettext_lazy("Heart function (LVEF)"),
    "pregnancy_test": gettext_lazy("Pregnancy test"),
    "lemtrada_rems_patient_authorization": gettext_lazy("REMS patient authorization"),
    "baseline_labs_cbc_creatinine_urinalysis_tsh_lft": gettext_lazy("Baseline labs"),
    "immunizations_complete": gettext_lazy("Immunizations complete"),
    "varicella_zoster_history_or_antibody": gettext_lazy("Varicella history or antibody"),
    "tuberculosis_screening": gettext_lazy("Tuberculosis screening"),
    "hiv_status": gettext_lazy("HIV status"),
    "skin_exam": gettext_lazy("Skin exam"),
    "renal_function": gettext_lazy("Kidney function"),
    "dosing_weight": gettext_lazy("Dosing weight"),
    "iga_deficiency_check": gettext_lazy("IgA deficiency check"),
    "infection_check": gettext_lazy("No infection or fever"),
    "infection_and_pml_symptom_check": gettext_lazy("No infection, no new PML symptoms"),
    "blood_pressure_and_glucose": gettext_lazy("Blood pressure and glucose"),
    "site_decision": gettext_lazy("Decision for home"),
    "prior_authorization": gettext_lazy("Prior authorization of the payer"),
    "touch_reauthorization": gettext_lazy("REMS reauthorization"),
    "touch_clinical_evaluation": gettext_lazy("REMS clinical evaluation"),
    "post_discontinuation_evaluation": gettext_lazy("Evaluation after stopping"),
    "rems_patient_status_form": gettext_lazy("REMS patient status form"),
    "thyroid_function_tsh": gettext_lazy("Thyroid function (TSH)"),
    "cbc_creatinine_urinalysis": gettext_lazy("Blood count, creatinine and urine"),
    "health_screen": gettext_lazy("Health screen"),
    "payer_asked": gettext_lazy("Payer asked for an authorization"),
}
