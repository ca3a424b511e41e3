"""In which state a gate is: order, authorization by day and units, the drug's way, health screen."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

from scheduling.regimens import products
from scheduling.regimens.products import parse_products
from scheduling.regimens.tables import FactFileError
from scheduling.rules import gate_states
from scheduling.rules.gate_states import Approval, SupplyFact
from tests.scheduling.rules.makers import day

ON = day("2026-06-10")
COLD = products.all_products()["ocrelizumab"].storage
YEAR = Approval(day("2026-01-01"), day("2026-12-31"), 1200)


@pytest.mark.parametrize(
    ("status", "expires", "state"),
    [
        ("active", "2026-06-10", "met"),  # the last day counts
        ("active", "2026-06-09", "expired"),
        ("on_hold", "2026-06-10", "met"),  # the hold is a gate of its own
        ("draft", "2027-01-01", "missing"),
        ("discontinued", "2027-01-01", "forbids"),
        ("completed", "2027-01-01", "forbids"),
    ],
)
def test_an_order_counts_through_its_last_day(status, expires, state):
    assert gate_states.judge_order(status, day(expires), ON).state == state


@pytest.mark.parametrize(
    ("approval", "state"),
    [
        (YEAR, "met"),
        (YEAR._replace(from_on=ON), "met"),
        (YEAR._replace(until_on=ON), "met"),
        (YEAR._replace(until_on=day("2026-06-09")), "expired"),
        (YEAR._replace(from_on=day("2026-06-11")), "not_yet"),
        (YEAR._replace(units=599), "missing"),
        (YEAR._replace(units=600), "met"),
        (YEAR._replace(units=None), "met"),
        (YEAR._replace(granted=False), "forbids"),
        (YEAR._replace(until_on=None), "met"),
    ],
)
def test_an_authorization_covers_day_and_units(approval, state):
    assert gate_states.judge_authorization([approval], None, ON, 600).state == state


def test_doses_before_this_one_use_the_units_first_and_only_inside_the_authorization():
    before = [(day("2026-02-01"), 600), (day("2025-12-31"), 600)]
    assert gate_states.judge_authorization([YEAR], None, ON, 600, before).state == "met"
    short = gate_states.judge_authorization([YEAR], None, ON, 600, [*before, (day("2026-03-01"), 100)])
    assert (short.state, short.text) == ("missing", "It leaves 500 units; this dose needs 600.")


def test_a_second_authorization_helps_out():
    spent = [(day("2026-02-01"), 1000)]
    judged = gate_states.judge_authorization([YEAR, YEAR._replace(units=600)], None, ON, 600, spent)
    assert judged.state == "missing"  # both cover February, so both are spent
    fresh = Approval(day("2026-06-01"), day("2026-12-31"), 600)
    assert gate_states.judge_authorization([YEAR, fresh], None, ON, 600, spent).rests_on == 1


def test_a_payer_who_was_asked_is_pending_and_one_who_was_not_is_missing():
    assert gate_states.judge_authorization([], None, ON, 600).state == "missing"
    assert gate_states.judge_authorization([], day("2026-06-01"), ON, 600).state == "pending"
    ended = YEAR._replace(until_on=day("2026-05-31"))
    assert gate_states.judge_authorization([ended], day("2026-06-01"), ON, 600).state == "pending"


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([], "missing"),
        ([SupplyFact("ordered", day("2026-06-01"))], "not_yet"),
        ([SupplyFact("shipped", day("2026-06-02"), expected_on=day("2026-06-04"))], "pending"),
        ([SupplyFact("received", ON, Decimal("2.0"), Decimal("8.0"))], "met"),  # both ends count
        ([SupplyFact("received", ON, Decimal("1.9"), Decimal("5"))], "forbids"),
        ([SupplyFact("received", ON, Decimal("4"), Decimal("8.1"))], "forbids"),
        ([SupplyFact("received", ON)], "pending"),  # refrigerated: the logger must be read
        ([SupplyFact("rejected", ON)], "missing"),
    ],
)
def test_the_last_step_says_where_the_drug_is(steps, state):
    assert gate_states.judge_drug(steps, COLD, ON).state == state


def test_a_new_parcel_replaces_one_that_got_warm():
    warm = SupplyFact("received", day("2026-06-08"), Decimal("3"), Decimal("15"))
    fresh = SupplyFact("received", day("2026-06-09"), Decimal("3"), Decimal("5"))
    assert gate_states.judge_drug([warm], COLD, ON).state == "forbids"
    assert (
        gate_states.judge_drug([warm, SupplyFact("ordered", day("2026-06-08"))], COLD, ON).state == "not_yet"
    )
    assert gate_states.judge_drug([warm, fresh], COLD, ON).state == "met"


def test_a_parcel_kept_at_room_temperature_needs_no_reading():
    room = products.all_products()["methylprednisolone"].storage
    assert gate_states.judge_drug([SupplyFact("received", ON)], room, ON).state == "met"
    assert gate_states.judge_drug([SupplyFact("received", ON)], None, ON).state == "met"


def test_a_range_is_told_with_its_ends():
    room = products.all_products()["methylprednisolone"].storage
    no_lower = dataclasses.replace(room, least_c=None)
    assert (room.words, no_lower.words) == ("15 to 30 °C", "at most 30 °C")


def test_a_parcel_expected_after_the_visit_says_so():
    late = SupplyFact("shipped", day("2026-06-02"), expected_on=day("2026-06-11"))
    assert "after the visit" in gate_states.judge_drug([late], COLD, ON).text


@pytest.mark.parametrize(
    ("screened", "clear", "today", "state"),
    [
        (None, True, "2026-06-06", "not_yet"),
        (None, True, "2026-06-07", "missing"),
        ("2026-06-06", True, "2026-06-08", "expired"),
        ("2026-06-06", True, "2026-06-06", "not_yet"),  # asked again from the 7th
        ("2026-06-07", True, "2026-06-08", "met"),
        ("2026-06-10", True, "2026-06-10", "met"),
        ("2026-06-09", False, "2026-06-10", "forbids"),
        ("2026-01-09", False, "2026-06-01", "forbids"),  # until a newer clear one, however old
    ],
)
def test_a_health_screen_counts_from_three_days_before_the_visit(screened, clear, today, state):
    on = day(screened) if screened else None
    assert gate_states.judge_screen(on, clear, ON, day(today)).state == state


@pytest.mark.parametrize(
    ("drug", "mg", "units"),
    [
        ("ocrelizumab", "600", 600),
        ("methylprednisolone", "1000", 200),
        ("mitoxantrone", "21", 5),  # 4.2 units: a begun unit counts
        ("rituximab", "1000", 100),
        ("ivig", "30000", None),  # each brand has its own code
    ],
)
def test_an_amount_in_billing_units(drug, mg, units):
    unit = products.all_products()[drug].unit_on(ON)
    assert gate_states.units_of(Decimal(mg), unit) == units
    assert gate_states.units_of(None, unit) is None


def test_a_code_counts_from_its_first_day():
    assert products.all_products()["ublituximab"].unit_on(date(2023, 6, 30)) is None
    assert products.all_products()["ublituximab"].unit_on(date(2023, 7, 1)).code == "J2329"


def test_every_drug_of_the_house_has_its_storage_with_a_source():
    from scheduling.regimens import catalogue

    drugs = {regimen_id.split("_", 1)[0] for regimen_id in catalogue.all_current()}
    assert drugs == set(products.all_products())
    assert all(
        one.storage.source and one.storage.evidence == "recalled" for one in products.all_products().values()
    )


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"drug": ""}, "drug"),
        ({"storage": {"least_c": 9, "most_c": 8, "source": "x", "basis": "label"}}, "least_c"),
        ({"storage": {"most_c": 8, "basis": "label"}}, "source"),
        ({"colour": "blue"}, "colour"),
        ({"billing": [{"code": "J1", "mg": 1, "from": "soon", "source": "x", "basis": "label"}]}, "from"),
    ],
)
def test_a_product_file_with_a_slip_of_the_pen_is_refused_with_its_place(change, key):
    product = {"drug": "x", "storage": {"least_c": 2, "most_c": 8, "source": "x", "basis": "label"}, **change}
    with pytest.raises(FactFileError, match=key):
        parse_products("products.toml", {"products": [product]})
