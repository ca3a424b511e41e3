"""What can only be a mistake in an order or a history is refused, with the field that caused it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from scheduling.rules.calendar import Given, Hold, plan
from scheduling.rules.errors import BadInput
from scheduling.rules.orders import check_day
from tests.scheduling.rules.makers import calendar, day, given, measured, order, regimen


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"height_cm": D("1.7")}, "height_cm"),
        ({"weight_kg": D(7000)}, "weight_kg"),
        ({"discontinued_on": date(2201, 1, 1)}, "discontinued_on"),
        ({"prior_cumulative_mg_per_m2": D(-1)}, "prior_cumulative_mg_per_m2"),
        ({"prior_cumulative_mg_per_m2": D("1000.1")}, "prior_cumulative_mg_per_m2"),
        ({"total_doses": 0}, "total_doses"),
        ({"total_doses": 3001}, "total_doses"),
        ({"parameters": {"cap_mg_per_m2": D(100)}}, "parameters.cap_mg_per_m2"),
        ({"holds": (Hold(date(1899, 12, 31)),)}, "holds[0].from"),
        (
            {"holds": (Hold(date(2025, 1, 1)), Hold(date(2025, 1, 1), date(2201, 1, 1)))},
            "holds[1].clear_date",
        ),
        ({"holds": (Hold(date(2025, 1, 2), date(2025, 1, 2)),)}, "holds[0].clear_date"),
        ({"holds": (Hold(date(2025, 1, 2), date(2025, 1, 1)),)}, "holds[0].clear_date"),
    ],
)
def test_an_impossible_order_names_the_field(more, field):
    with pytest.raises(BadInput) as bad:
        calendar("ocrelizumab_iv", order("2025-01-15", **more), as_of="2025-01-15", doses=1)
    assert bad.value.field == field


def test_an_impossible_lifetime_dose_is_told_in_words():
    wrong = order("2025-01-15", prior_cumulative_mg_per_m2=D("1000.1"))
    with pytest.raises(BadInput, match=r"^1000.1 mg/m2 is not between 0 and 1000$"):
        calendar("ocrelizumab_iv", wrong, as_of="2025-01-15")


def test_a_hold_nobody_explained_has_an_empty_reason():
    assert Hold(date(2025, 1, 2)).reason == ""


def test_edges_of_an_order_are_allowed():
    for more in (
        {"prior_cumulative_mg_per_m2": D(0)},
        {"prior_cumulative_mg_per_m2": D(1000)},
        {"total_doses": 1},
        {"total_doses": 3000},
        {"holds": (Hold(date(2025, 1, 2), date(2025, 1, 3)),)},
    ):
        calendar("ocrelizumab_iv", order("2025-01-15", **more), as_of="2025-01-15", doses=1)


def test_a_hold_that_ends_before_it_starts_says_both_days():
    held = order("2025-01-15", holds=(Hold(date(2025, 1, 2), date(2025, 1, 1)),))
    words = "^Jan 1, 2025 is not after the day the hold starts, Jan 2, 2025$"
    with pytest.raises(BadInput, match=words):
        calendar("ocrelizumab_iv", held, as_of="2025-01-15")


def test_a_total_beyond_the_last_rule_is_refused():
    calendar("alemtuzumab_ms", order("2025-05-05", total_doses=14), as_of="2025-05-05")
    with pytest.raises(BadInput, match=r"^15 is not between 1 and 14 doses$"):
        calendar("alemtuzumab_ms", order("2025-05-05", total_doses=15), as_of="2025-05-05")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cap_mg_per_m2", "71.9", "^71.9 is not between 72 and 140$"),
        ("cap_mg_per_m2", "140.1", "is not between"),
        ("cap", "100", "^mitoxantrone_ms_q3m has no such parameter$"),
    ],
)
def test_parameters_stay_in_their_range(name, value, words):
    one = measured("2025-01-06", parameters={name: D(value)})
    with pytest.raises(BadInput, match=words) as bad:
        calendar("mitoxantrone_ms_q3m", one, as_of="2025-01-06")
    assert bad.value.field == f"parameters.{name}"


def test_both_ends_of_a_range_are_allowed_and_days_are_whole():
    for value in (72, 140):
        calendar(
            "mitoxantrone_ms_q3m",
            measured("2025-01-06", parameters={"cap_mg_per_m2": D(value)}),
            as_of="2025-01-06",
        )
    for days in ("28", "42"):
        one = measured("2025-01-06", parameters={"maintenance_interval_days": D(days)})
        calendar("ivig_ms", one, as_of="2025-01-06")
    with pytest.raises(BadInput, match=r"^30.5 is not a whole number$") as bad:
        one = measured("2025-01-06", parameters={"maintenance_interval_days": D("30.5")})
        calendar("ivig_ms", one, as_of="2025-01-06")
    assert bad.value.field == "parameters.maintenance_interval_days"


def test_an_induction_dose_that_would_make_five_days_too_much_is_refused():
    with pytest.raises(BadInput):
        calendar(
            "ivig_ms",
            measured("2025-01-06", parameters={"induction_g_per_kg_per_day": D("0.5")}),
            as_of="2025-01-06",
        )


@pytest.mark.parametrize(
    ("history", "field", "words"),
    [
        (((1, "2025-01-15"), (1, "2025-01-29")), "history[1].dose_number", "^dose 1 is listed twice$"),
        (
            ((1, "2025-01-29"), (2, "2025-01-28")),
            "history[1].date",
            "^Jan 28, 2025 is before dose 1, Jan 29, 2025$",
        ),
        (((2, "2025-01-28"), (1, "2025-01-29")), "history[0].date", "is before dose 1"),
        (((2, "2025-01-14"),), "history[0].date", "^Jan 14, 2025 is before the start, Jan 15, 2025$"),
        (((3, "2025-01-14"),), "history[0].date", "^Jan 14, 2025 is before the start, Jan 15, 2025$"),
        (
            ((1, "2025-06-02"),),
            "history[0].date",
            "^Jun 2, 2025 is after Jun 1, 2025, the day the calendar is made for$",
        ),
        (((1, "2025-01-15", "bad"),), "history[0].reaction", "'bad' is not one of none, mild"),
        (
            ((1, "2025-01-15", "mild", "hypersensitvity"),),
            "history[0].reaction_type",
            "is not one of hypersensitivity, infusion_related, non_allergic, other$",
        ),
        (((0, "2025-01-15"),), "history[0].dose_number", "^ocrelizumab_iv has no dose 0$"),
        (((1001, "2025-01-15"),), "history[0].dose_number", "has no dose 1001"),
        (((1, "1899-12-31"),), "history[0].date", "years 1900 and 2200"),
    ],
)
def test_a_history_that_cannot_have_happened_names_the_dose(history, field, words):
    with pytest.raises(BadInput, match=words) as bad:
        calendar("ocrelizumab_iv", order("2025-01-15"), given(*history), as_of="2025-06-01")
    assert bad.value.field == field


def test_dose_1_may_have_been_given_before_the_planned_start_and_a_dose_today():
    calendar("ocrelizumab_iv", order("2025-01-15"), given((1, "2025-01-10")), as_of="2025-01-10")
    calendar("ocrelizumab_iv", order("2025-01-15"), given((4, "2025-01-15")), as_of="2025-06-01")
    calendar("ocrelizumab_iv", order("2025-01-15"), given((1000, "2025-01-15")), as_of="2025-06-01")


def test_a_dose_the_regimen_does_not_have_is_refused():
    with pytest.raises(BadInput, match="methylprednisolone_iv_3d has no dose 4"):
        calendar(
            "methylprednisolone_iv_3d", order("2025-01-15"), given((4, "2025-01-19")), as_of="2025-06-01"
        )


@pytest.mark.parametrize(
    ("amount", "fine"), [("0", False), ("-1", False), ("0.1", True), ("1000", True), ("1001", False)]
)
def test_a_given_amount_is_more_than_nothing(amount, fine):
    history = (Given(1, day("2025-01-15"), mg_per_m2=D(amount)),)
    if fine:
        calendar("mitoxantrone_ms_q3m", order("2025-01-15"), history, as_of="2025-01-15")
        return
    with pytest.raises(BadInput) as bad:
        calendar("mitoxantrone_ms_q3m", order("2025-01-15"), history, as_of="2025-01-15")
    assert bad.value.field == "history[0].dose_mg_per_m2"
    assert str(bad.value) == f"{amount} mg/m2 is not more than 0 and at most 1000"


@pytest.mark.parametrize("field", ["as_of", "start_date"])
def test_days_no_patient_can_have_are_refused(field):
    wrong, right = date(1899, 12, 31), date(2025, 1, 1)
    with pytest.raises(BadInput, match=r"^1899-12-31 is not between the years 1900 and 2200$") as bad:
        one = order("2025-01-01")._replace(start_on=wrong if field == "start_date" else right)
        plan(regimen("ocrelizumab_iv"), one, (), wrong if field == "as_of" else right)
    assert bad.value.field == field
    check_day(date(1900, 1, 1), "day")
    check_day(date(2200, 12, 31), "day")
    with pytest.raises(BadInput):
        check_day(date(2201, 1, 1), "day")


def test_an_order_without_a_measurement_of_its_own_rule_uses_the_default_total():
    base = regimen("alemtuzumab_ms")
    assert (
        plan(replace(base, default_total_doses=5), order("2025-05-05"), (), day("2025-05-05"), doses=9)
        .planned[-1]
        .number
        == 5
    )
