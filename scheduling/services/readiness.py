"""The gates between a dose and its visit, read from the papers on file. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients.models import Evidence
from scheduling.models import PlannedDose
from scheduling.rules import prerequisites
from scheduling.rules.regimen import Prerequisite
from scheduling.services import doses


@dataclass(frozen=True)
class Gate:
    """One thing that must be true before a visit. `state`: met, missing, expired, too_soon or forbids."""

    kind: str
    title: str
    state: str
    sentence: str
    blocks: bool
    bites_at_booking: bool
    source: str
    evidence: Evidence | None = None
    valid_through: date | None = None

    @property
    def met(self) -> bool:
        return self.state == "met"


FIRST_DOSE = {"before_first_dose", "before_every_course"}


def doorstep_checks(dose: PlannedDose) -> list[str]:
    """What the nurse checks on the day itself, before the dose may start; titles in the order of the fact file."""
    regimen = doses.regimen_of(dose.prescription)
    return [
        title_of(rule.kind) for rule in prerequisites.required_for(regimen, dose.number) if _same_day(rule)
    ]


def _same_day(rule: Prerequisite) -> bool:
    return rule.valid_for is not None and not any(rule.valid_for)


def title_of(kind: str) -> str:
    """`hbv_screening` as people say it."""
    return str(TITLES.get(kind, "")) or kind.replace("_", " ").capitalize()


def papers_on_file(patient_ids: Sequence[int]) -> dict[tuple[int, str], Evidence]:
    """(patient, kind) -> the newest paper that was not withdrawn. One query for any number of patients."""
    newest = (
        Evidence.objects.filter(patient_id__in=patient_ids, withdrawn_at__isnull=True)
        .order_by("patient_id", "kind", "-dated_on", "-pk")
        .distinct("patient_id", "kind")
    )
    return {(paper.patient_id, paper.kind): paper for paper in newest}


def gates(dose: PlannedDose, day: date, papers: dict[tuple[int, str], Evidence] | None = None) -> list[Gate]:
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
        valid_through = paper.valid_until_on or checked.valid_through
        ok = checked.ok
        if paper.valid_until_on:  # the date on the paper wins over the usual validity
            ok = paper.dated_on <= day <= paper.valid_until_on
        state = "met" if ok else "too_soon" if checked.earliest_start else "expired"
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
}
