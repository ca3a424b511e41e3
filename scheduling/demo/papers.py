"""Results, authorizations and decisions on file: good for the dose that comes, unless the story says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from patients.models import Evidence
from scheduling.demo.histories import Course
from scheduling.rules.intervals import due_after
from scheduling.rules.regimen import Prerequisite

FIRST_DOSE_ONLY = ("before_first_dose", "baseline_and_repeat", "before_every_course")
AUTHORIZATIONS = ("touch_patient_authorization", "lemtrada_rems_patient_authorization")

RESULTS = {
    "hbv_screening": "HBsAg and anti-HBc negative",
    "hbv_hcv_screening": "Hepatitis B and C negative",
    "serum_immunoglobulins": "IgG 9.8 g/L",
    "liver_function_tests": "ALT 22, AST 19 U/L",
    "anti_jcv_antibody": "negative, index 0.21",
    "brain_mri_baseline": "no new lesions",
    "cbc": "within limits",
    "cbc_with_platelets": "neutrophils 3.4",
    "cbc_renal_liver": "within limits",
    "lvef": "LVEF 61 %",
    "pregnancy_test": "negative",
    "renal_function": "eGFR 94",
    "iga_deficiency_check": "IgA 1.9 g/L",
    "tuberculosis_screening": "IGRA negative",
    "hiv_status": "negative",
    "skin_exam": "no suspicious lesion",
    "varicella_zoster_history_or_antibody": "antibody positive",
}


def papers_of(course: Course, *, today: date, pregnancy_possible: bool) -> Iterator[Evidence]:
    """Unsaved papers, without patient and order."""
    story = course.story
    for rule in course.regimen.prerequisites:
        same_day = rule.valid_for is not None and not any(rule.valid_for)
        if same_day or rule.kind in story.missing:
            continue
        if rule.kind == "pregnancy_test" and not pregnancy_possible:
            continue
        if rule.kind in ("live_vaccine", "non_live_vaccine") and course.random.random() > 0.2:
            continue
        dated_on = _dated(course, rule, today)
        if dated_on is not None:
            yield _paper(course, rule, dated_on)
    if "SITE_CLINIC_PREFERRED" in course.regimen.site_of_care.flags and story.home_decision:
        yield Evidence(
            kind="site_decision",
            dated_on=course.order.start_on - timedelta(days=6) if course.told else today - timedelta(days=3),
            reference="Home program, pharmacist and prescriber",
        )


def _dated(course: Course, rule: Prerequisite, today: date) -> date | None:
    """The day of the newest result; None when there would be none yet."""
    random = course.random
    before_start = min(course.order.start_on, today) - timedelta(days=random.randint(8, 20))
    if rule.kind in course.story.stale and rule.valid_for is not None:
        return _days_before_valid(
            rule, min(today, course.order.start_on) - timedelta(days=random.randint(5, 20))
        )
    if rule.days_before is not None:
        return before_start - timedelta(days=rule.days_before)
    if rule.when in ("before_first_dose", "before_every_course") or rule.valid_for is None:
        return before_start
    next_on = _next_day(course)
    earliest = _days_before_valid(rule, next_on) if next_on else None
    if earliest is None or earliest >= today:
        return course.told[-1].given.on - timedelta(days=2) if course.told else None
    recent = today - timedelta(days=random.randint(1, 4))
    spread = today - timedelta(days=random.randint(5, 150))
    return spread if spread > earliest else max(recent, earliest + timedelta(days=1))


def _next_day(course: Course) -> date | None:
    for meeting in course.meetings:
        if meeting.state not in ("completed", "missed"):
            return meeting.booking.day
    return course.rows[0].due_on if course.rows else None


def _days_before_valid(rule: Prerequisite, day: date) -> date:
    """The last day whose result has run out by `day`."""
    assert rule.valid_for is not None
    dated = day - timedelta(days=1)
    while due_after(dated, rule.valid_for) >= day:
        dated -= timedelta(days=1)
    return dated


def _paper(course: Course, rule: Prerequisite, dated_on: date) -> Evidence:
    valid_until_on, reference = None, RESULTS.get(rule.kind, "on file")
    if rule.kind in AUTHORIZATIONS:
        reference = f"DEMO-AUTH-{course.random.randint(10_000, 99_999)}"
        valid_until_on = due_after(dated_on, rule.valid_for) if rule.valid_for else None
    return Evidence(kind=rule.kind, dated_on=dated_on, valid_until_on=valid_until_on, reference=reference)
