"""Follow-up tests and evaluations: which days, from when, until when."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from scheduling.rules.calendar import Hold
from scheduling.rules.errors import BadInput
from scheduling.rules.intervals import Interval
from scheduling.rules.monitoring import series
from tests.scheduling.rules.makers import day, given, measured, order, regimen


def dates_of(regimen_id, wanted, history=(), *, as_of, until=None, results=()):
    one = regimen(regimen_id) if isinstance(regimen_id, str) else regimen_id
    found = series(
        one,
        wanted,
        given(*history),
        day(as_of),
        until=day(until) if until else None,
        results=[(kind, day(on)) for kind, on in results],
    )
    return {(s.kind, s.after_course): [on.isoformat() for on in s.dates] for s in found}


def test_every_kind_is_there_even_without_dates():
    found = dates_of("natalizumab_q4w", order("2025-01-20"), as_of="2025-01-20", until="2025-02-01")
    assert found == {
        ("touch_clinical_evaluation", None): [],
        ("touch_reauthorization", None): [],
        ("post_discontinuation_evaluation", None): [],
        ("anti_jcv_antibody", None): [],
        ("brain_mri", None): [],
    }
    assert dates_of("methylprednisolone_iv_3d", order("2025-01-20"), as_of="2025-01-20") == {}


def test_two_rules_of_one_kind_make_one_series_and_the_last_day_counts():
    found = dates_of("natalizumab_q4w", order("2025-01-31"), as_of="2025-01-31", until="2026-07-31")
    assert found["touch_clinical_evaluation", None] == [
        "2025-04-30",
        "2025-07-31",
        "2026-01-31",
        "2026-07-31",
    ]
    assert found["brain_mri", None] == ["2026-01-31"]
    found = dates_of("natalizumab_q4w", order("2025-01-31"), as_of="2025-01-31", until="2026-07-30")
    assert found["touch_clinical_evaluation", None][-1] == "2026-01-31"


def test_a_single_day_counts_on_the_last_day_of_interest():
    for until, days in (("2025-04-30", ["2025-04-30"]), ("2025-04-29", [])):
        found = dates_of("natalizumab_q4w", order("2025-01-31"), as_of="2025-01-31", until=until)
        assert found["touch_clinical_evaluation", None] == days


def test_an_open_series_stops_24_months_after_today_and_keeps_past_days():
    found = dates_of("natalizumab_q4w", order("2024-01-10"), [(1, "2024-01-15")], as_of="2025-01-15")
    assert found["touch_reauthorization", None] == [
        "2024-07-15",
        "2025-01-15",
        "2025-07-15",
        "2026-01-15",
        "2026-07-15",
        "2027-01-15",
    ]
    found = dates_of("natalizumab_q4w", order("2024-01-10"), [(1, "2024-01-15")], as_of="2025-01-14")
    assert found["touch_reauthorization", None][-1] == "2026-07-15"


def test_a_drug_without_an_end_is_followed_for_24_months_and_no_further():
    one = replace(regimen("ocrelizumab_iv"), monitoring=regimen("cyclophosphamide_ssc_monthly").monitoring)
    history = [(1, "2025-01-06"), (2, "2025-01-20")]
    found = dates_of(one, order("2025-01-06"), history, as_of="2025-02-20")
    assert found["cbc", None][1:] == ["2025-01-30", "2025-07-16", "2026-01-16", "2026-07-16", "2027-01-16"]


def test_a_first_infusion_that_is_late_moves_its_series():
    found = dates_of("natalizumab_q4w", order("2025-01-20"), as_of="2025-02-01", until="2025-09-01")
    assert found["touch_reauthorization", None] == ["2025-08-01"]
    found = dates_of(
        "natalizumab_q4w", order("2025-01-20"), [(3, "2025-03-20")], as_of="2025-04-01", until="2025-09-01"
    )
    assert found["touch_reauthorization", None] == ["2025-07-20"]


def test_the_antibody_counts_from_the_latest_result():
    results = [
        ("anti_jcv_antibody", "2025-03-01"),
        ("anti_jcv_antibody", "2025-01-10"),
        ("cbc", "2025-04-01"),
    ]
    found = dates_of(
        "natalizumab_q4w", order("2025-01-20"), as_of="2025-03-02", until="2026-03-01", results=results
    )
    assert found["anti_jcv_antibody", None] == ["2025-09-01", "2026-03-01"]


def test_the_end_of_therapy_ends_a_series_on_its_day():
    for stopped_on, days in (("2025-07-20", ["2025-07-20"]), ("2025-07-19", [])):
        stopped = order("2025-01-20", discontinued_on=day(stopped_on))
        found = dates_of("natalizumab_q4w", stopped, [(1, "2025-01-20")], as_of="2025-08-01")
        assert found["touch_reauthorization", None] == days
    assert found["post_discontinuation_evaluation", None] == ["2026-01-19"]


def test_the_evaluation_after_the_end_follows_the_reaction_that_ended_it():
    history = [(1, "2025-01-20"), (2, "2025-02-17", "mild", "hypersensitivity")]
    found = dates_of("natalizumab_q4w", order("2025-01-20"), history, as_of="2025-03-01")
    assert found["post_discontinuation_evaluation", None] == ["2025-08-17"]
    assert found["touch_clinical_evaluation", None] == []
    found = dates_of("natalizumab_q4w", order("2025-01-20"), history, as_of="2025-03-01", until="2025-08-17")
    assert found["post_discontinuation_evaluation", None] == ["2025-08-17"]
    found = dates_of("natalizumab_q4w", order("2025-01-20"), history, as_of="2025-03-01", until="2025-08-16")
    assert found["post_discontinuation_evaluation", None] == []


def test_the_evaluation_after_the_end_is_owed_however_far_off():
    stopped = order("2025-01-20", discontinued_on=day("2028-01-01"))
    found = dates_of("natalizumab_q4w", stopped, as_of="2025-01-20")
    assert found["post_discontinuation_evaluation", None] == ["2028-07-01"]
    assert found["touch_reauthorization", None][-1] == "2027-01-20"


def test_each_maintenance_dose_given_or_planned():
    found = dates_of("ocrelizumab_iv", order("2025-01-15"), as_of="2025-01-15", until="2026-07-15")
    assert found["serum_immunoglobulins", None] == ["2025-07-15", "2026-01-15", "2026-07-15"]
    assert found["liver_function_tests", None] == []
    history = [(2, "2025-01-29"), (3, "2025-07-20")]
    found = dates_of("ocrelizumab_iv", order("2025-01-15"), history, as_of="2025-08-01", until="2026-07-19")
    assert found["serum_immunoglobulins", None] == ["2025-07-20", "2026-01-20"]
    found = dates_of(
        "rituximab_ms_1000_then_500_q6m", order("2025-01-15"), as_of="2025-01-15", until="2025-08-01"
    )
    assert found["cbc", None] == ["2025-07-15"]
    found = dates_of("ocrelizumab_iv", order("2025-01-15"), as_of="2025-01-15")
    assert found["serum_immunoglobulins", None][-1] == "2027-01-15"


def test_a_maintenance_date_after_the_end_of_therapy_or_the_horizon_is_dropped():
    stopped = order("2025-01-15", discontinued_on=day("2025-07-19"))
    found = dates_of("ocrelizumab_iv", stopped, [(3, "2025-07-20")], as_of="2025-08-01")
    assert found["serum_immunoglobulins", None] == []
    stopped = order("2025-01-15", discontinued_on=day("2025-07-20"))
    found = dates_of("ocrelizumab_iv", stopped, [(3, "2025-07-20")], as_of="2025-08-01")
    assert found["serum_immunoglobulins", None] == ["2025-07-20"]
    found = dates_of(
        "ocrelizumab_iv", order("2025-01-15"), [(3, "2025-07-20")], as_of="2025-08-01", until="2025-07-19"
    )
    assert found["serum_immunoglobulins", None] == []


def test_a_hold_without_an_end_stops_the_planned_ones():
    held = order("2025-01-15", holds=(Hold(day("2026-01-01")),))
    found = dates_of("ocrelizumab_iv", held, as_of="2025-01-15", until="2030-01-01")
    assert found["serum_immunoglobulins", None] == ["2025-07-15"]


def test_day_10_after_every_pulse_to_the_last_one():
    found = dates_of(
        "cyclophosphamide_ssc_monthly", order("2025-01-07"), [(5, "2025-05-01")], as_of="2025-05-02"
    )
    assert found["cbc", None] == ["2025-05-11", "2025-06-08"]
    found = dates_of(
        "cyclophosphamide_ssc_monthly", order("2025-01-07"), as_of="2025-01-07", until="2025-02-14"
    )
    assert found["cbc", None] == ["2025-01-17", "2025-02-14"]
    stopped = order("2025-01-07", discontinued_on=day("2025-05-02"))
    found = dates_of("cyclophosphamide_ssc_monthly", stopped, [(5, "2025-05-01")], as_of="2025-05-02")
    assert found["cbc", None] == ["2025-05-11"]


def test_heart_checks_begin_a_year_after_the_last_mitoxantrone():
    running = measured("2025-01-06")
    assert dates_of("mitoxantrone_ms_q3m", running, [(1, "2025-01-06")], as_of="2025-02-01") == {
        ("lvef", None): []
    }
    stopped = order("2025-01-06", discontinued_on=day("2025-02-01"))
    found = dates_of(
        "mitoxantrone_ms_q3m", stopped, [(1, "2025-01-06")], as_of="2025-02-01", until="2028-01-06"
    )
    assert found["lvef", None] == ["2026-01-06", "2027-01-06", "2028-01-06"]
    assert dates_of("mitoxantrone_ms_q3m", stopped, as_of="2025-02-01")["lvef", None] == []
    done = order("2025-01-06", total_doses=1)
    found = dates_of("mitoxantrone_ms_q3m", done, [(1, "2025-01-06")], as_of="2025-02-01")
    assert found["lvef", None] == ["2026-01-06", "2027-01-06"]


def test_the_end_a_cap_makes_is_known_when_it_falls_inside_the_horizon():
    one = order("2025-01-06", prior_cumulative_mg_per_m2=D(116))
    found = dates_of("mitoxantrone_ms_q3m", one, as_of="2025-01-06")
    assert found["lvef", None] == ["2026-04-06"]
    found = dates_of("mitoxantrone_ms_q3m", one, as_of="2025-01-06", until="2025-04-05")
    assert found["lvef", None] == []
    capped = order("2025-01-06", prior_cumulative_mg_per_m2=D(140))
    found = dates_of("mitoxantrone_ms_q3m", capped, [], as_of="2025-01-06")
    assert found["lvef", None] == []
    held = one._replace(holds=(Hold(day("2025-04-01")),))
    assert dates_of("mitoxantrone_ms_q3m", held, as_of="2025-01-06")["lvef", None] == []


def test_a_later_course_cuts_the_series_of_the_one_before_even_when_only_planned():
    found = dates_of("alemtuzumab_ms", order("2025-05-05"), as_of="2025-05-05")
    assert found["cbc_creatinine_urinalysis", 1] == [
        *(f"2025-{month:02d}-09" for month in range(6, 13)),
        *(f"2026-{month:02d}-09" for month in range(1, 5)),
    ]
    second = found["cbc_creatinine_urinalysis", 2]
    assert (len(second), second[0], second[-1]) == (48, "2026-06-11", "2030-05-11")
    assert found["liver_function_tests", None] == []
    assert found["rems_patient_status_form", 1] == ["2025-11-09"]
    assert ("skin_exam", 3) not in found
    assert found["skin_exam", 1] == []


def test_a_series_after_a_course_keeps_to_the_last_day_of_interest():
    found = dates_of("alemtuzumab_ms", order("2025-05-05"), as_of="2025-05-05", until="2026-08-11")
    assert found["thyroid_function_tsh", 1] == ["2025-08-09", "2025-11-09", "2026-02-09"]
    assert found["thyroid_function_tsh", 2] == ["2026-08-11"]
    found = dates_of("alemtuzumab_ms", order("2025-05-05"), as_of="2025-05-05", until="2025-08-09")
    assert found["thyroid_function_tsh", 1] == ["2025-08-09"]
    assert found["thyroid_function_tsh", 2] == []


def test_a_course_broken_off_counts_from_its_last_dose():
    stopped = order("2025-05-05", discontinued_on=day("2025-05-08"))
    history = [(1, "2025-05-05"), (2, "2025-05-06")]
    found = dates_of("alemtuzumab_ms", stopped, history, as_of="2025-05-08")
    assert found["skin_exam", 1] == ["2026-05-06", "2027-05-06", "2028-05-06", "2029-05-06"]
    assert ("skin_exam", 2) not in found
    never = dates_of("alemtuzumab_ms", stopped, as_of="2025-05-08")
    assert {key: dates for key, dates in never.items() if key[0] == "skin_exam"} == {("skin_exam", 1): []}
    assert [key for key in found if key[0] == "skin_exam"] == [("skin_exam", 1)]


@pytest.mark.parametrize("clears_on", ["2025-09-08", None])
def test_a_pause_inside_a_course_is_watched_from_the_dose_before_it(clears_on):
    held = order("2025-05-05", holds=(Hold(day("2025-05-08"), day(clears_on) if clears_on else None),))
    history = [(1, "2025-05-05"), (2, "2025-05-06"), (3, "2025-05-07")]
    found = dates_of("alemtuzumab_ms", held, history, as_of="2025-05-08", until="2025-10-31")
    labs = found["cbc_creatinine_urinalysis", 1]
    assert labs[:4] == ["2025-06-07", "2025-07-07", "2025-08-07", "2025-09-07"]
    assert labs[4:] == ["2025-10-09"] if clears_on else ["2025-10-07"]


def test_a_course_nobody_listed_has_no_days():
    history = [(6, "2025-10-20"), (7, "2025-10-21"), (8, "2025-10-22")]
    found = dates_of("alemtuzumab_ms", order("2024-10-14", total_doses=11), history, as_of="2026-06-01")
    assert found["skin_exam", 1] == []
    assert found["skin_exam", 2] == []  # the third course starts on the day it would fall
    assert found["skin_exam", 3] == ["2027-10-24", "2028-10-24", "2029-10-24", "2030-10-24"]
    assert found["thyroid_function_tsh", 2] == ["2026-01-22", "2026-04-22", "2026-07-22"]


def test_a_bounded_drug_is_followed_to_the_last_dose_however_late():
    base = regimen("cyclophosphamide_ssc_monthly")
    first, rest = base.steps
    slow = replace(base, steps=(first, replace(rest, interval=Interval(months=12))))
    assert len(dates_of(slow, order("2025-01-07"), as_of="2025-01-07")["cbc", None]) == 6


def test_ivig_and_weeks_count_too():
    found = dates_of("ivig_ms", order("2025-01-31"), as_of="2025-01-31", until="2026-01-31")
    assert found["renal_function", None] == ["2025-07-31", "2026-01-31"]
    base = regimen("ivig_ms")
    rule = replace(base.monitoring[0], first_after=Interval(days=10), then_every=Interval(weeks=2))
    fortnightly = replace(base, monitoring=(rule,))
    found = dates_of(fortnightly, order("2025-01-31"), as_of="2025-01-31", until="2025-03-10")
    assert found["renal_function", None] == ["2025-02-10", "2025-02-24", "2025-03-10"]
    once = replace(base, monitoring=(replace(rule, then_every=None),))
    assert dates_of(once, order("2025-01-31"), as_of="2025-01-31")["renal_function", None] == ["2025-02-10"]


def test_a_source_goes_with_every_series():
    (one,) = series(regimen("mitoxantrone_ms_q3m"), order("2025-01-06"), (), day("2025-01-06"))
    assert one.source == "mitoxantrone US PI boxed warning"


def test_days_that_cannot_be_are_refused():
    with pytest.raises(BadInput) as bad:
        series(regimen("ivig_ms"), order("2025-01-06"), (), day("2025-01-06"), until=date(2201, 1, 1))
    assert bad.value.field == "monitoring_until"
    with pytest.raises(BadInput):
        series(regimen("ivig_ms"), order("2025-01-06", total_doses=0), (), day("2025-01-06"))
