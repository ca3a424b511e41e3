"""Minutes of a visit, from dose, gap and reaction history."""

from decimal import Decimal as D

import pytest

from scheduling.rules.durations import Minutes, minutes_by_weight
from tests.scheduling.rules.makers import calendar, given, measured, order, regimen

OCRELIZUMAB = (1, "2025-01-20"), (2, "2025-02-03"), (3, "2025-07-20")


def infusion_minutes(made):
    return [dose.minutes.infusion for dose in made.planned]


def test_the_parts_of_a_visit_add_up():
    minutes = Minutes(30, 30, 60, 120, 60, 15)
    assert minutes.preparation == 120
    assert minutes.total == 315


@pytest.mark.parametrize(
    ("reaction", "minutes", "total"), [("none", 120, 255), ("moderate", 120, 255), ("severe", 210, 345)]
)
def test_a_serious_reaction_lengthens_every_later_full_dose(reaction, minutes, total):
    history = given((1, "2025-01-20", reaction), *OCRELIZUMAB[1:])
    made = calendar("ocrelizumab_iv", order("2025-01-20"), history, as_of="2025-08-01", doses=3)
    assert infusion_minutes(made) == [minutes] * 3
    assert {dose.minutes.total for dose in made.planned} == {total}


def test_a_long_gap_takes_the_slow_infusion_once():
    made = calendar("ocrelizumab_iv", order("2025-01-20"), given(*OCRELIZUMAB), as_of="2026-07-20", doses=2)
    assert infusion_minutes(made) == [210, 120]
    made = calendar("ocrelizumab_iv", order("2025-01-20"), given(*OCRELIZUMAB), as_of="2026-07-19", doses=1)
    assert infusion_minutes(made) == [120]


def test_loading_doses_take_their_own_time():
    made = calendar("ocrelizumab_iv", order("2025-01-20"), as_of="2025-01-20", doses=3)
    assert infusion_minutes(made) == [150, 150, 120]
    made = calendar("ublituximab_iv", order("2025-01-20"), as_of="2025-01-20", doses=3)
    assert infusion_minutes(made) == [240, 60, 60]
    assert [dose.minutes.observation for dose in made.planned] == [60, 60, 0]


def test_ublituximab_is_observed_after_any_reaction_and_after_a_year_without():
    history = given((1, "2025-01-20"), (2, "2025-02-03", "mild"))
    made = calendar("ublituximab_iv", order("2025-01-20"), history, as_of="2025-02-04", doses=2)
    assert [dose.minutes.observation for dose in made.planned] == [60, 60]
    history = given((1, "2025-01-20"), (2, "2025-02-03"))
    made = calendar("ublituximab_iv", order("2025-01-20"), history, as_of="2026-02-03", doses=2)
    assert [dose.minutes.observation for dose in made.planned] == [60, 0]


def test_rituximab_takes_the_first_schedule_first_and_after_a_severe_reaction():
    made = calendar("rituximab_ms_1000_then_500_q6m", order("2025-02-10"), as_of="2025-02-10", doses=2)
    assert infusion_minutes(made) == [255, 120]
    history = given((1, "2025-02-10", "severe"))
    made = calendar(
        "rituximab_ms_1000_then_500_q6m", order("2025-02-10"), history, as_of="2025-02-11", doses=1
    )
    assert infusion_minutes(made) == [175]


@pytest.mark.parametrize(
    ("schedule", "g_per_kg", "minutes"),
    [
        ("first", "0.4", 165),
        ("first", "0.5", 195),
        ("first", "1.0", 345),
        ("subsequent", "0.4", 135),
        ("subsequent", "0.5", 150),
        ("subsequent", "1.0", 210),
        ("subsequent", "0.025", 30),  # 0.25 mL/kg, all of it in the first stage
        ("first", "0.375", 150),  # exactly on a quarter of an hour: not rounded up
        ("first", "0.376", 165),
    ],
)
def test_minutes_by_weight_follow_the_rate_steps(schedule, g_per_kg, minutes):
    assert minutes_by_weight(regimen("ivig_ms").schedules[schedule], D(g_per_kg)) == minutes


def test_the_order_of_a_larger_dose_per_kg_takes_longer_and_does_not_leak_into_another_order():
    one = measured("2025-03-03", parameters={"maintenance_g_per_kg": D(1)})
    longer = calendar("ivig_ms", one, as_of="2025-03-03", doses=6)
    usual = calendar("ivig_ms", measured("2025-03-03"), as_of="2025-03-03", doses=6)
    assert infusion_minutes(longer) == [165, 135, 135, 135, 135, 210]
    assert infusion_minutes(usual) == [165, 135, 135, 135, 135, 135]


def test_only_required_premedication_that_belongs_to_the_day_counts():
    made = calendar("alemtuzumab_ms", order("2025-05-05"), as_of="2025-05-05", doses=8)
    assert [dose.minutes.premedication for dose in made.planned] == [30, 30, 30, 0, 0, 30, 30, 30]
    made = calendar("mitoxantrone_ms_q3m", measured("2025-05-05"), as_of="2025-05-05", doses=1)
    assert made.planned[0].minutes.premedication == 0  # the antiemetic is not required
    made = calendar("methylprednisolone_iv_3d", order("2025-05-05"), as_of="2025-05-05", doses=1)
    assert made.planned[0].minutes == Minutes(30, 0, 0, 60, 30, 15)


def test_cyclophosphamide_counts_the_hydration_before_and_after():
    made = calendar("cyclophosphamide_ssc_monthly", measured("2025-05-05"), as_of="2025-05-05", doses=1)
    assert made.planned[0].minutes == Minutes(30, 0, 60, 60, 60, 15)


def natalizumab(*doses, as_of, start_on="2025-01-06", doses_wanted=1):
    made = calendar("natalizumab_q4w", order(start_on), given(*doses), as_of=as_of, doses=doses_wanted)
    return [dose.minutes.observation for dose in made.planned]


def test_twelve_infusions_are_observed_then_none():
    assert natalizumab((11, "2025-10-13"), as_of="2025-10-14", doses_wanted=3) == [60, 0, 0]


def test_the_observation_count_restarts_after_a_pause():
    assert natalizumab((20, "2025-10-06"), as_of="2025-12-28") == [0]
    assert natalizumab((20, "2025-10-06"), as_of="2025-12-29", doses_wanted=13) == [60] * 12 + [0]


def test_a_pause_inside_the_history_restarts_the_count_too():
    paused = (20, "2025-06-02"), (21, "2025-08-25")
    assert natalizumab(*paused, as_of="2025-08-26", doses_wanted=12) == [60] * 11 + [0]
    assert natalizumab((20, "2025-06-02"), (21, "2025-08-24"), as_of="2025-08-26") == [0]
    # what happened between doses that are not neighbours is not known
    assert natalizumab((20, "2025-03-03"), (22, "2025-08-25"), as_of="2025-08-26") == [0]


def test_the_start_date_stands_for_dose_1_in_the_count():
    doses = (2, "2025-06-02"), *((n, f"2025-{6 + n - 2:02d}-25") for n in range(3, 5))
    assert natalizumab(*doses, as_of="2025-08-26", doses_wanted=10, start_on="2025-01-06")[-2:] == [60, 0]
