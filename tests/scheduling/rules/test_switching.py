"""From one drug to another."""

from decimal import Decimal as D

import pytest

from scheduling.regimens import catalogue
from scheduling.rules.calendar import Hold
from scheduling.rules.errors import BadInput
from scheduling.rules.switching import find_rule, switch
from tests.scheduling.rules.makers import day, given, order, regimen


def change(from_id, to_id, history, decision_on, *, doses=3, wanted=None, as_of="2025-06-10"):
    return switch(
        regimen(from_id),
        wanted or order("2023-05-08"),
        given(*history),
        regimen(to_id),
        day(decision_on),
        day(as_of),
        doses,
        rules=catalogue.switch_rules(),
    )


def test_after_natalizumab_four_weeks_wash_out_and_a_review_after_eight():
    result = change("natalizumab_q4w", "ublituximab_iv", [(28, "2025-06-02")], "2025-06-10")
    assert (result.start_not_before, result.advise_start_by, result.planned_start, result.flags) == (
        day("2025-06-30"),
        day("2025-07-28"),
        day("2025-06-30"),
        (),
    )
    assert result.new_planned_dates == (day("2025-06-30"), day("2025-07-14"), day("2025-12-15"))
    assert result.text == "Not before Jun 30, 2025; planned from Jun 30, 2025."
    assert "washout" in result.source
    for decision_on, flags in (("2025-07-28", ()), ("2025-07-29", ("PRESCRIBER_REVIEW",))):
        result = change("natalizumab_eid_q6w", "ocrelizumab_iv", [(28, "2025-06-02")], decision_on)
        assert (result.planned_start, result.flags) == (day(decision_on), flags)


def test_one_anti_cd20_follows_when_the_other_would_have_been_due():
    result = change("ocrelizumab_iv", "ublituximab_iv", [(4, "2025-03-31")], "2025-06-10", doses=1)
    assert (result.start_not_before, result.advise_start_by) == (day("2025-09-30"), None)
    assert result.planned_start == day("2025-09-30")
    stopped = order("2023-05-08", discontinued_on=day("2025-05-01"))
    assert (
        change("ocrelizumab_iv", "ublituximab_iv", [(4, "2025-03-31")], "2025-06-10", wanted=stopped)[:4]
        == result[:4]
    )


def test_without_a_line_in_the_table_the_decision_is_the_start():
    for from_id, to_id in (("ocrelizumab_iv", "alemtuzumab_ms"), ("ocrelizumab_iv", "natalizumab_q4w")):
        result = change(from_id, to_id, [(4, "2025-03-31")], "2025-06-10", doses=1)
        assert (result.start_not_before, result.planned_start, result.flags) == (None, day("2025-06-10"), ())
        assert result.text == "No fixed rule; the prescriber sets the date. Planned from Jun 10, 2025."
        assert result.source == "house rule H20"
    result = change("natalizumab_q4w", "ocrelizumab_iv", [], "2025-06-10", doses=1)
    assert (result.start_not_before, result.advise_start_by, result.planned_start) == (
        None,
        None,
        day("2025-06-10"),
    )


def test_a_course_drug_plans_no_more_than_its_doses():
    result = change("ocrelizumab_iv", "methylprednisolone_iv_3d", [(4, "2025-03-31")], "2025-06-10", doses=9)
    assert result.new_planned_dates == (day("2025-06-10"), day("2025-06-11"), day("2025-06-12"))
    result = change("ocrelizumab_iv", "methylprednisolone_iv_3d", [(4, "2025-03-31")], "2025-06-10", doses=2)
    assert len(result.new_planned_dates) == 2
    assert (
        change(
            "ocrelizumab_iv", "alemtuzumab_ms", [(4, "2025-03-31")], "2025-06-10", doses=0
        ).new_planned_dates
        == ()
    )


def test_a_start_that_has_passed_is_planned_today_and_holds_still_count():
    result = change("ocrelizumab_iv", "natalizumab_q4w", [(4, "2025-03-31")], "2025-06-01", doses=2)
    assert result.planned_start == day("2025-06-01")
    assert result.new_planned_dates == (day("2025-06-10"), day("2025-07-08"))
    held = order("2023-05-08", holds=(Hold(day("2025-07-01")),))
    result = change(
        "ocrelizumab_iv", "natalizumab_q4w", [(4, "2025-03-31")], "2025-06-10", doses=5, wanted=held
    )
    assert result.new_planned_dates == (day("2025-06-10"), None)


def test_a_switch_stops_at_the_total_and_at_the_lifetime_cap_of_the_new_drug():
    result = change("ocrelizumab_iv", "alemtuzumab_ms", [(4, "2025-03-31")], "2025-06-10", doses=20)
    assert len(result.new_planned_dates) == 8
    exposed = order("2023-05-08", prior_cumulative_mg_per_m2=D(116))
    result = change("ocrelizumab_iv", "mitoxantrone_ms_q3m", [], "2025-06-10", doses=20, wanted=exposed)
    assert result.new_planned_dates == (day("2025-06-10"), day("2025-09-10"))


def test_two_regimens_of_one_drug_keep_the_distance_of_maintenance():
    for decision_on, flags in (("2025-07-20", ("PRESCRIBER_REVIEW",)), ("2025-07-21", ())):
        result = change(
            "rituximab_ms_1000_then_500_q6m",
            "rituximab_ms_1000x2_then_1000_q6m",
            [(4, "2025-03-31")],
            decision_on,
            doses=1,
        )
        assert result.flags == flags


def test_dates_need_no_weight():
    result = change("ocrelizumab_iv", "ivig_ms", [(4, "2025-03-31")], "2025-06-10", doses=6)
    assert result.new_planned_dates[-1] == day("2025-07-08")
    assert result.new_regimen_id == "ivig_ms"


def test_the_same_drug_again_too_soon_needs_a_review():
    for decision_on, flags in (("2025-06-22", ("PRESCRIBER_REVIEW",)), ("2025-06-23", ())):
        result = change("natalizumab_q4w", "natalizumab_eid_q6w", [(20, "2025-06-02")], decision_on, doses=1)
        assert (result.planned_start, result.flags) == (day(decision_on), flags)
    assert change("natalizumab_q4w", "natalizumab_eid_q6w", [], "2025-06-10", doses=1).flags == ()


def test_a_series_that_is_over_has_no_next_due_date():
    rule = find_rule(catalogue.switch_rules(), "ocrelizumab_iv", "ublituximab_iv")
    anywhere = rule.__class__(**{**vars(rule), "from_ids": ("*",)})
    result = switch(
        regimen("methylprednisolone_iv_3d"),
        order("2025-05-05"),
        given((3, "2025-05-07")),
        regimen("ublituximab_iv"),
        day("2025-06-10"),
        day("2025-06-10"),
        1,
        rules=[anywhere],
    )
    assert (result.start_not_before, result.planned_start) == (None, day("2025-06-10"))


def test_what_cannot_be_is_refused():
    with pytest.raises(BadInput) as bad:
        change("ocrelizumab_iv", "ublituximab_iv", [(4, "2025-03-31")], "2201-06-10")
    assert bad.value.field == "switch.decision_date"
    with pytest.raises(BadInput):
        change(
            "ocrelizumab_iv", "ublituximab_iv", [], "2025-06-10", wanted=order("2025-01-01", weight_kg=D(7))
        )
    with pytest.raises(BadInput) as bad:
        change(
            "alemtuzumab_ms", "ublituximab_iv", [], "2025-06-10", wanted=order("2025-01-01", total_doses=15)
        )
    assert bad.value.field == "total_doses"
    with pytest.raises(BadInput):
        change("ocrelizumab_iv", "ublituximab_iv", [(4, "2026-03-31")], "2025-06-10")


def test_the_first_line_that_names_the_pair_counts():
    rules = catalogue.switch_rules()
    assert find_rule(rules, "natalizumab_q4w", "ocrelizumab_iv") is rules[0]
    assert find_rule(rules, "natalizumab_q4w", "alemtuzumab_ms") is rules[2]
    assert find_rule(rules, "ivig_ms", "ocrelizumab_iv") is None
