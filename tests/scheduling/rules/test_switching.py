"""From one drug to another."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from scheduling.regimens import catalogue
from scheduling.rules.calendar import Hold
from scheduling.rules.errors import BadInput
from scheduling.rules.intervals import Interval
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


def test_the_same_drug_goes_on_at_the_new_regimens_pace_and_never_before_its_floor():
    rituximab = "rituximab_ms_1000_then_500_q6m", "rituximab_ms_1000x2_then_1000_q6m"
    result = change(*rituximab, [(4, "2025-03-31")], "2025-06-10", doses=1)
    assert (result.start_not_before, result.new_planned_dates) == (day("2025-09-30"), (day("2025-09-30"),))
    assert result.text == "The same drug goes on from Sep 30, 2025; planned from Sep 30, 2025."
    assert result.source == "house rule H4"
    late = change(*rituximab, [(4, "2025-03-31")], "2025-10-01", doses=1)
    assert late.planned_start == day("2025-10-01")
    first = change(*rituximab, [], "2025-06-10", doses=1)
    assert (first.start_not_before, first.planned_start) == (None, day("2025-06-10"))


@pytest.mark.parametrize(
    ("from_id", "to_id", "reaction"),
    [
        ("rituximab_ms_1000_then_500_q6m", "rituximab_ms_1000x2_then_1000_q6m", ("life_threatening",)),
        ("methylprednisolone_iv_5d", "methylprednisolone_iv_3d", ("life_threatening",)),
        ("natalizumab_q4w", "natalizumab_eid_q6w", ("moderate", "hypersensitivity")),
    ],
)
def test_a_drug_that_was_ended_for_good_does_not_come_back_under_another_regimen(from_id, to_id, reaction):
    result = change(from_id, to_id, [(1, "2023-05-08", *reaction)], "2025-06-10")
    assert result.new_planned_dates == ()
    assert "PRESCRIBER_REVIEW" in result.flags
    assert result.text == "A reaction ended this drug for good; it is never given again."
    assert result.source == "house rule H11"
    other = change(from_id, "ocrelizumab_iv", [(1, "2023-05-08", *reaction)], "2025-06-10")
    assert len(other.new_planned_dates) == 3


def test_an_early_extended_interval_and_a_drug_ended_for_good_are_both_flagged_in_the_house_order():
    ended = [(1, "2023-05-08", "moderate", "hypersensitivity")]
    result = change("natalizumab_q4w", "natalizumab_eid_q6w", ended, "2025-06-10")
    assert result.flags == ("EID_BEFORE_12_MONTHS", "PRESCRIBER_REVIEW")


def test_the_same_drug_waits_for_a_floor_longer_than_its_interval_and_needs_none():
    base = regimen("rituximab_ms_1000x2_then_1000_q6m")
    last = base.steps[-1]
    longer = replace(last.min_separation, interval=Interval(months=8))
    for separation, starts_on in ((longer, "2025-12-01"), (None, "2025-09-30")):
        slow = replace(base, steps=(*base.steps[:-1], replace(last, min_separation=separation)))
        result = switch(
            regimen("rituximab_ms_1000_then_500_q6m"),
            order("2023-05-08"),
            given((4, "2025-03-31")),
            slow,
            day("2025-06-10"),
            day("2025-06-10"),
            0,
            rules=(),
        )
        assert result.start_not_before == day(starts_on)


def test_a_hold_that_carries_the_start_past_the_advised_day_asks_for_a_review():
    natalizumab = "natalizumab_q4w", "ocrelizumab_iv", [(28, "2025-06-02")], "2025-06-10"
    for clears_on, flags in (("2025-07-28", ()), ("2025-07-29", ("PRESCRIBER_REVIEW",))):
        held = order("2023-05-08", holds=(Hold(day("2025-06-10"), day(clears_on)),))
        result = change(*natalizumab, wanted=held)
        assert (result.new_planned_dates[0], result.flags) == (day(clears_on), flags)
    open_ended = order("2023-05-08", holds=(Hold(day("2025-06-10")),))
    assert change(*natalizumab, wanted=open_ended).flags == ("PRESCRIBER_REVIEW",)
    assert change(*natalizumab, doses=0).flags == ()


def test_dates_need_no_weight():
    result = change("ocrelizumab_iv", "ivig_ms", [(4, "2025-03-31")], "2025-06-10", doses=6)
    assert result.new_planned_dates[-1] == day("2025-07-08")
    assert result.new_regimen_id == "ivig_ms"


def test_the_extended_interval_goes_on_six_weeks_after_the_last_dose_and_says_when_it_is_early():
    extended = "natalizumab_q4w", "natalizumab_eid_q6w"
    result = change(*extended, [(20, "2025-06-02")], "2025-06-03", doses=2)
    assert result.new_planned_dates == (day("2025-07-14"), day("2025-08-25"))
    assert result.flags == ()
    for last_on, flags in (("2024-05-07", ("EID_BEFORE_12_MONTHS",)), ("2024-05-08", ())):
        assert change(*extended, [(13, last_on)], "2025-06-10", doses=1).flags == flags
    assert change(*extended, [], "2025-06-10", doses=1).flags == ("EID_BEFORE_12_MONTHS",)


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
