"""Whether a result on file still counts on the day of the visit."""

from dataclasses import replace

import pytest

from scheduling.rules.prerequisites import check, required_for
from tests.scheduling.rules.makers import day, regimen


def item(regimen_id, kind):
    return next(one for one in regimen(regimen_id).prerequisites if one.kind == kind)


@pytest.mark.parametrize(
    ("visit_on", "ok", "text"),
    [
        ("2025-01-09", False, "It is dated Jan 10, 2025, after the visit."),
        ("2025-01-10", True, "Good through Jul 10, 2025."),
        ("2025-07-10", True, "Good through Jul 10, 2025."),
        ("2025-07-11", False, "It was good through Jul 10, 2025."),
    ],
)
def test_a_result_is_good_through_its_last_day(visit_on, ok, text):
    checked = check(item("natalizumab_q4w", "anti_jcv_antibody"), day("2025-01-10"), day(visit_on))
    assert (checked.ok, checked.text, checked.valid_through) == (ok, text, day("2025-07-10"))
    assert (checked.kind, checked.earliest_start, checked.blocks) == ("anti_jcv_antibody", None, False)


@pytest.mark.parametrize(
    ("visit_on", "ok"), [("2025-02-28", False), ("2025-03-28", False), ("2025-03-29", True)]
)
def test_a_vaccine_needs_its_distance(visit_on, ok):
    checked = check(item("ocrelizumab_iv", "live_vaccine"), day("2025-03-01"), day(visit_on))
    assert (checked.ok, checked.earliest_start, checked.valid_through) == (ok, day("2025-03-29"), None)
    assert checked.blocks is True
    if visit_on == "2025-03-28":
        assert checked.text == "The infusion may start from Mar 29, 2025."


@pytest.mark.parametrize(
    ("visit_on", "ok"), [("2025-03-01", True), ("2030-03-01", True), ("2025-02-28", False)]
)
def test_what_never_expires_counts_from_its_day(visit_on, ok):
    checked = check(item("alemtuzumab_ms", "hiv_status"), day("2025-03-01"), day(visit_on))
    assert checked.ok is ok
    if ok:
        assert checked.text == "Done on Mar 1, 2025."


def test_a_same_day_check_counts_that_day_only():
    one = item("ocrelizumab_iv", "infection_check")
    assert check(one, day("2025-03-01"), day("2025-03-01")).ok
    assert not check(one, day("2025-03-01"), day("2025-03-02")).ok


def test_both_limits_may_apply():
    both = replace(
        item("ocrelizumab_iv", "live_vaccine"), valid_for=item("ocrelizumab_iv", "hbv_screening").valid_for
    )
    assert not check(both, day("2025-03-01"), day("2025-03-02")).ok
    assert check(both, day("2025-03-01"), day("2026-03-01")).ok
    assert not check(both, day("2025-03-01"), day("2026-03-02")).ok


def kinds(regimen_id, number):
    return {one.kind for one in required_for(regimen(regimen_id), number)}


def test_a_repeated_item_is_needed_for_every_dose_and_a_first_one_once():
    first, later = kinds("natalizumab_q4w", 1), kinds("natalizumab_q4w", 20)
    assert first - later == {"brain_mri_baseline", "cbc"}
    assert "anti_jcv_antibody" in later


def test_a_course_item_is_needed_on_the_first_day_of_every_course():
    course = {"lemtrada_rems_patient_authorization", "baseline_labs_cbc_creatinine_urinalysis_tsh_lft"}
    for number in range(1, 15):
        assert (course <= kinds("alemtuzumab_ms", number)) is (number in (1, 6, 9, 12))
    assert "skin_exam" not in kinds("alemtuzumab_ms", 6)
