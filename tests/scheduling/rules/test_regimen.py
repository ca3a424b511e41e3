"""What a regimen answers about itself."""

from decimal import Decimal as D

import pytest

from scheduling.rules.intervals import Interval
from scheduling.rules.regimen import (
    Amount,
    MinutesRule,
    MonitoringRule,
    Premedication,
    Schedule,
    Sourced,
    Step,
)
from tests.scheduling.rules.makers import regimen


@pytest.mark.parametrize(
    ("regimen_id", "weight", "height"),
    [
        ("ocrelizumab_iv", False, False),
        ("ivig_ms", True, False),
        ("mitoxantrone_ms_q3m", True, True),
        ("cyclophosphamide_ssc_monthly", True, True),
    ],
)
def test_a_regimen_knows_which_measurements_it_needs(regimen_id, weight, height):
    assert (regimen(regimen_id).needs_weight, regimen(regimen_id).needs_height) == (weight, height)


def test_every_number_has_the_rule_of_its_step():
    one = regimen("alemtuzumab_ms")
    labels = [one.step(number).label for number in range(1, 15)]
    assert labels[:2] == ["course 1 day 1", "course 1 days 2-5"]
    assert labels[4:9] == [
        "course 1 days 2-5",
        "course 2 day 1",
        *["course 2 days 2-3"] * 2,
        "course 3 day 1 (if ordered)",
    ]
    assert labels[-1] == "course 4 days 2-3"
    assert one.step(15) is None
    assert regimen("ocrelizumab_iv").step(2000).label == "maintenance"
    assert [regimen("ocrelizumab_iv").step(number).first for number in (1, 2, 3, 4, 5)] == [1, 2, 3, 4, 4]


@pytest.mark.parametrize(
    ("regimen_id", "number", "goes_on"),
    [
        ("methylprednisolone_iv_3d", 1, True),
        ("methylprednisolone_iv_3d", 2, True),
        ("methylprednisolone_iv_3d", 3, False),
        ("natalizumab_q4w", 1, False),
        ("ocrelizumab_iv", 1, False),
    ],
)
def test_days_that_follow_one_another_are_a_course_whatever_the_drug(regimen_id, number, goes_on):
    assert regimen(regimen_id).goes_on_next_day(number) is goes_on


def test_every_number_has_its_course():
    one = regimen("alemtuzumab_ms")
    assert [one.course_of(number).number for number in range(1, 15)] == [1] * 5 + [2] * 3 + [3] * 3 + [4] * 3
    assert one.course_of(15) is None
    assert regimen("ocrelizumab_iv").course_of(1) is None


FROM = {"source": "label 2.1", "basis": "label"}


def test_what_a_fact_leaves_out_means_nothing_special():
    plain = Sourced(**FROM)
    assert (plain.evidence, plain.note) == ("seen", "")
    nothing = Amount()
    assert (nothing.mg, nothing.mg_per_m2, nothing.round_to_mg, nothing.max_mg) == (None,) * 4
    assert nothing.g_per_kg == ""
    step = Step(
        **FROM, first=1, last=1, label="", amount=nothing, anchor="start_date", interval=Interval(days=1)
    )
    assert (step.interval_parameter, step.min_separation, step.window) == ("", None, None)
    rule = MinutesRule(**FROM, condition="always")
    assert (rule.limit, rule.grade, rule.minutes, rule.schedule) == (0, "", 0, "")
    schedule = Schedule(**FROM, name="slow", rate="slow", minutes_by_mg={})
    assert (schedule.stages, schedule.ml_per_g, schedule.round_up_to_minutes) == ((), D(0), 1)
    drug = Premedication(**FROM, drug="x", dose="x", lead_minutes_min=1, lead_minutes_max=2, required=True)
    assert (drug.first_days_of_course, drug.applies_to) == (0, "")
    watched = MonitoringRule(
        **FROM, kind="mri", anchor="last_dose", first_after=None, then_every=None, until="once"
    )
    assert watched.until_months == 0
