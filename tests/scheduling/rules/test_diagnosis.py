"""A diagnosis code that does not fit the drug, or is not billable on the day, is told."""

from __future__ import annotations

import pytest

from scheduling.rules.diagnosis import problems
from tests.scheduling.rules.makers import day, regimen


def codes(code, regimen_id="ocrelizumab_iv", on="2026-06-10"):
    return [problem.code for problem in problems(code, regimen(regimen_id), day(on))]


@pytest.mark.parametrize(
    "regimen_id", ["ublituximab_iv", "natalizumab_q4w", "natalizumab_eid_q6w", "alemtuzumab_ms"]
)
@pytest.mark.parametrize("code", ["G35.B0", "G35.B1", "G35.B2", "g35.b1 ", "G35.C2"])
def test_a_drug_for_relapsing_forms_does_not_fit_a_progressive_one(regimen_id, code):
    assert codes(code, regimen_id) == ["DIAGNOSIS_NOT_INDICATED"]


@pytest.mark.parametrize("code", ["G35.A", "G35.C0", "G35.C1", "G35.D"])
def test_relapsing_and_active_forms_fit(code):
    assert codes(code, "ublituximab_iv") == []


def test_a_drug_labelled_for_primary_progressive_fits_it():
    assert codes("G35.B1", "ocrelizumab_iv") == []


@pytest.mark.parametrize("code", ["G35", "G35.B", "G35.C"])
def test_bare_codes_are_headers_from_their_day_on(code):
    assert "DIAGNOSIS_HEADER" in codes(code, on="2025-10-01")


def test_before_that_day_the_bare_code_is_the_right_one():
    assert codes("G35", on="2025-09-30") == []
    assert codes("G35.A", on="2025-09-30") == ["DIAGNOSIS_NOT_YET"]


def test_other_codes_and_none():
    assert codes("E11") == ["DIAGNOSIS_NOT_MS"]
    assert codes("") == []
    assert codes("M34.81", "cyclophosphamide_ssc_monthly") == []
