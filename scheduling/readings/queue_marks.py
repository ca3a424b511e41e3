"""What stands between a waiting dose and its visit: in words, and as the marks of a list. Reads all files at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from patients.models import Evidence, Hold, Prescription
from scheduling.models import PlannedDose, Site, SlotHold, SupplyStep
from scheduling.readings import words
from scheduling.services import doses, readiness, slot_holds

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
class Files:
    """What is on file for all the patients of the queue, read at once."""

    papers: dict[tuple[int, str], Evidence]
    holds: dict[int, list[Hold]]
    decided: frozenset[tuple[int, int | None]]  # (patient, prescription) with a decision for home
    sites: tuple[Site, ...]
    supplies: dict[int, SupplyStep]  # by dose: the last step of its drug
    held: dict[int, SlotHold]  # by dose: a time kept for it just now

    @classmethod
    def of(cls, runs: Sequence[tuple[PlannedDose, ...]], now: datetime | None) -> Files:
        prescriptions: list[Prescription] = [run[0].prescription for run in runs]
        dose_ids = [dose.pk for run in runs for dose in run]
        patient_ids = sorted({prescription.patient_id for prescription in prescriptions})
        holds: dict[int, list[Hold]] = defaultdict(list)
        for hold in Hold.objects.filter(prescription__in=prescriptions, withdrawn_at__isnull=True):
            holds[hold.prescription_id].append(hold)
        decided = Evidence.objects.filter(
            patient_id__in=patient_ids, kind="site_decision", clear=True, withdrawn_at__isnull=True
        ).values_list("patient_id", "prescription_id")
        steps = SupplyStep.objects.filter(dose__in=dose_ids, withdrawn_at__isnull=True).order_by("on", "pk")
        kept = slot_holds.standing(now).filter(dose__in=dose_ids).select_related("held_by", "nurse")
        return cls(
            papers=readiness.papers_on_file(patient_ids),
            holds=holds,
            decided=frozenset(decided),
            sites=tuple(Site.objects.filter(covers_homes=True)),
            supplies={step.dose_id: step for step in steps},
            held={hold.dose_id: hold for hold in kept},
        )

    def hold_on(self, prescription: Prescription, day: date) -> Hold | None:
        covering = (
            hold
            for hold in self.holds.get(prescription.pk, ())
            if hold.starts_on <= day and (hold.clears_on is None or day < hold.clears_on)
        )
        return next(covering, None)


def hold_blockers(hold: Hold | None) -> Iterable[Blocker]:
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


def order_blockers(dose: PlannedDose, day: date) -> Iterable[Blocker]:
    ends = dose.prescription.expires_on
    if day > ends:
        text = _("The order ends %(day)s, before this dose. Ask for a renewed one.") % {
            "day": words.day_words(ends)
        }
        yield Blocker("ORDER_EXPIRES", text, "reason")


def site_blockers(dose: PlannedDose, day: date, files: Files) -> Iterable[Blocker]:
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


def marks_of(
    gates: Sequence[readiness.Gate], site: Sequence[Blocker], order: Sequence[Blocker], hold: Hold | None
) -> Iterable[Mark]:
    """Order, place, papers, labs: always the same, so that a column can be read downwards; the drug follows."""
    if hold:
        yield Mark(_("Order"), "hold", _("on hold"))
    else:
        yield Mark(_("Order"), "stop" if order else "ok", order[0].text if order else _("in force"))
    yield Mark(_("Place"), "stop" if site else "ok", site[0].text if site else _("home"))
    papers = [gate for gate in gates if _is_paper(gate)]
    yield _combined(_("Papers"), papers)
    yield _combined(_("Labs and screens"), [gate for gate in gates if not _is_paper(gate)])


def drug_mark(step: SupplyStep | None) -> Mark:
    """How far the drug is; it never stops a booking."""
    if step is None:
        return Mark(_("Drug"), "wait", _("not ordered"))
    status = {"received": "ok", "rejected": "stop"}.get(step.step, "wait")
    said = {"step": step.get_step_display().lower(), "day": words.day_words(step.on, year=False)}
    return Mark(_("Drug"), status, _("%(step)s %(day)s") % said)


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
