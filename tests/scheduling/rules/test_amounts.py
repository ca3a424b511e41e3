"""Milligrams from weight and surface area."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from scheduling.rules.amounts import amount_mg, by_weight_mg, check_plausible, round_to, surface_area_m2
from scheduling.rules.errors import BadInput
from tests.scheduling.rules.makers import regimen


def amount(regimen_id, number, *, height_cm=None, weight_kg=None, **parameters):
    one = regimen(regimen_id)
    return amount_mg(
        one, one.step(number).amount, parameters=parameters, height_cm=height_cm, weight_kg=weight_kg
    )


@pytest.mark.parametrize(
    ("height_cm", "weight_kg", "area_m2"),
    [
        ("170", "70", "1.82"),
        ("160", "60", "1.63"),
        ("165", "62", "1.69"),
        ("180", "80", "2.00"),
        ("144", "100", "2.00"),
    ],
)
def test_surface_area_is_mosteller_to_two_places(height_cm, weight_kg, area_m2):
    assert surface_area_m2(height_cm=D(height_cm), weight_kg=D(weight_kg)) == D(area_m2)


def test_surface_area_rounds_half_up():
    # 1.005 squared is 1.010025, times 3600 is 3636.09: the root is exactly half way
    assert surface_area_m2(height_cm=D("90.90225"), weight_kg=D(40)) == D("1.01")


def test_rounding_is_half_up():
    assert round_to(D("21.5"), D(1)) == 22
    assert round_to(D("20.5"), D(1)) == 21  # half to even would say 20
    assert round_to(D("975"), D(50)) == 1000
    assert round_to(D("974.9"), D(50)) == 950


@pytest.mark.parametrize(
    ("weight_kg", "mg"),
    [
        ("70", 30000),  # 28 g -> 30 g, 7 % off
        ("56", 22500),  # 22.4 g: 20 g is 10.7 % off
        ("62.5", 25000),  # 25 g exactly
        ("50", 20000),
        ("81.25", 35000),  # 32.5 g, half up
        ("68.75", 30000),  # 27.5 -> 30 g is 9.09 % off
        ("55", 20000),  # 22 g: 20 g is 9.09 % off, within tolerance
    ],
)
def test_weight_doses_round_to_whole_packs(weight_kg, mg):
    assert amount("ivig_ms", 1, weight_kg=D(weight_kg)) == (mg, False)


def test_ten_percent_off_exactly_keeps_the_coarse_pack():
    rounding = replace(regimen("ivig_ms").weight_rounding, nearest_g=D(10), tolerance_percent=D(25))
    assert by_weight_mg(D("0.1"), D(80), rounding) == 10000  # 8 g: exactly 25 % off
    assert by_weight_mg(D("0.1"), D("79.9"), rounding) == 7500


def test_a_larger_dose_per_kg_the_order_asks_for_is_used():
    assert amount("ivig_ms", 6, weight_kg=D(83), maintenance_g_per_kg=D("0.5")) == (40000, False)
    assert amount("ivig_ms", 1, weight_kg=D(83), maintenance_g_per_kg=D("0.5")) == (35000, False)


def test_surface_doses_are_rounded_and_cut_at_the_largest_single_dose():
    assert amount("mitoxantrone_ms_q3m", 1, height_cm=D(170), weight_kg=D(70)) == (22, False)
    assert amount("cyclophosphamide_ssc_monthly", 1, height_cm=D(160), weight_kg=D(60)) == (1000, False)
    assert amount("cyclophosphamide_ssc_monthly", 1, height_cm=D(190), weight_kg=D(120)) == (1200, True)
    # 2.01 m2 x 600 = 1206, rounded to 1200: nothing was cut
    assert surface_area_m2(height_cm=D(181), weight_kg=D("80.4")) == D("2.01")
    assert amount("cyclophosphamide_ssc_monthly", 1, height_cm=D(181), weight_kg=D("80.4")) == (1200, False)


def test_a_fixed_dose_needs_no_measurement():
    assert amount("ocrelizumab_iv", 3) == (600, False)


def test_a_missing_measurement_names_its_field():
    with pytest.raises(BadInput, match=r"^the dose depends on the weight, and none is given$") as bad:
        amount("ivig_ms", 1)
    assert bad.value.field == "weight_kg"
    with pytest.raises(
        BadInput, match=r"^the dose depends on the body surface, and no height is given$"
    ) as bad:
        amount("mitoxantrone_ms_q3m", 1, weight_kg=D(70))
    assert bad.value.field == "height_cm"
    with pytest.raises(BadInput) as bad:
        amount("mitoxantrone_ms_q3m", 1, height_cm=D(170))
    assert bad.value.field == "weight_kg"


def test_what_can_only_be_a_typing_error_is_refused_and_edges_are_not():
    check_plausible()
    check_plausible(height_cm=D(80), weight_kg=D(20))
    check_plausible(height_cm=D(250), weight_kg=D(350))
    for field, value in (
        ("height_cm", "1.7"),
        ("height_cm", "79.9"),
        ("height_cm", "250.1"),
        ("weight_kg", "19.9"),
        ("weight_kg", "350.1"),
        ("weight_kg", "-70"),
    ):
        with pytest.raises(BadInput, match="is not between") as bad:
            check_plausible(**{field: D(value)})
        assert bad.value.field == field
    with pytest.raises(BadInput, match=r"^1.7 cm is not between 80 and 250 cm$"):
        check_plausible(height_cm=D("1.7"))
    with pytest.raises(BadInput, match=r"^7 kg is not between 20 and 350 kg$"):
        check_plausible(weight_kg=D(7))
