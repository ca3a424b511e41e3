"""Milligrams from weight or surface area, and their rounding. All rounding is half up (house rule H14)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from scheduling.rules.errors import BadInput
from scheduling.rules.regimen import Amount, Regimen, WeightRounding

# Limits for typing errors (metres for centimetres, grams for kilograms), not clinical ones.
HEIGHT_CM = (Decimal(80), Decimal(250))
WEIGHT_KG = (Decimal(20), Decimal(350))


def check_plausible(*, height_cm: Decimal | None = None, weight_kg: Decimal | None = None) -> None:
    """Raises BadInput naming the field for a value that can only be a typing error. None is not checked."""
    for field, value, (least, most), unit in (
        ("height_cm", height_cm, HEIGHT_CM, "cm"),
        ("weight_kg", weight_kg, WEIGHT_KG, "kg"),
    ):
        if value is not None and not least <= value <= most:
            raise BadInput(f"{value} {unit} is not between {least} and {most} {unit}", field=field)


def round_to(value: Decimal, unit: Decimal) -> Decimal:
    """The nearest multiple of `unit`, half up."""
    return (value / unit).quantize(Decimal(1), ROUND_HALF_UP) * unit


def surface_area_m2(*, height_cm: Decimal, weight_kg: Decimal) -> Decimal:
    """Body surface area in m2, half up to 0.01 (house rule H14).

    Source: Mosteller, N Engl J Med 1987;317:1098.
    """
    return (height_cm * weight_kg / 3600).sqrt().quantize(Decimal("0.01"), ROUND_HALF_UP)


def by_weight_mg(g_per_kg: Decimal, weight_kg: Decimal, rounding: WeightRounding) -> Decimal:
    """Milligrams for a dose in g/kg, rounded to whole packs.

    The coarse pack size is left for the finer one when it would be off by more than the tolerance.
    """
    grams = g_per_kg * weight_kg
    rounded = round_to(grams, rounding.nearest_g)
    if abs(rounded - grams) * 100 > rounding.tolerance_percent * grams:
        rounded = round_to(grams, rounding.fallback_g)
    return rounded * 1000


def parameter(regimen: Regimen, parameters: Mapping[str, Decimal], name: str) -> Decimal:
    """The order's choice, or the regimen's default."""
    chosen = parameters.get(name)
    return regimen.parameters[name].default if chosen is None else chosen


def amount_mg(
    regimen: Regimen,
    amount: Amount,
    *,
    parameters: Mapping[str, Decimal],
    height_cm: Decimal | None,
    weight_kg: Decimal | None,
) -> tuple[Decimal, bool]:
    """Milligrams of one dose, and whether the largest single dose cut it.

    Raises BadInput naming `weight_kg` or `height_cm` when the measurement the amount needs is missing.
    """
    if amount.mg is not None:
        return amount.mg, False
    if weight_kg is None:
        raise BadInput("the dose depends on the weight, and none is given", field="weight_kg")
    if amount.mg_per_m2 is None:
        assert regimen.weight_rounding is not None
        grams_per_kg = parameter(regimen, parameters, amount.g_per_kg)
        return by_weight_mg(grams_per_kg, weight_kg, regimen.weight_rounding), False
    if height_cm is None:
        raise BadInput("the dose depends on the body surface, and no height is given", field="height_cm")
    assert amount.round_to_mg is not None
    area = surface_area_m2(height_cm=height_cm, weight_kg=weight_kg)
    mg = round_to(amount.mg_per_m2 * area, amount.round_to_mg)
    if amount.max_mg is not None and mg > amount.max_mg:
        return amount.max_mg, True
    return mg, False
