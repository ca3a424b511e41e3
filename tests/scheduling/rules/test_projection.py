"""Which dose a date is counted from, so that the reason names the right one."""

from dataclasses import replace
from itertools import islice

import pytest

from scheduling.rules.intervals import Interval
from scheduling.rules.projection import project
from tests.scheduling.rules.makers import day, given, order, regimen


def counted_from(one, history=(), *, start_on="2025-01-15", as_of="2025-01-15", doses=3):
    """(dose, the dose its date is counted from, that day) of the first slots; dose 0 is the start date."""
    slots = project(one, order(start_on), given(*history), day(as_of))
    return [(s.number, s.anchor_number, s.anchor_on.isoformat()) for s in islice(slots, doses)]


def test_without_a_history_dose_1_counts_from_the_start_and_the_next_from_the_one_before():
    assert counted_from(regimen("natalizumab_q4w")) == [
        (1, 0, "2025-01-15"),
        (2, 1, "2025-01-15"),
        (3, 2, "2025-02-12"),
    ]


def test_after_a_history_the_next_dose_counts_from_the_last_one_given():
    assert counted_from(regimen("natalizumab_q4w"), [(7, "2025-07-01")], as_of="2025-07-02") == [
        (8, 7, "2025-07-01"),
        (9, 8, "2025-07-29"),
        (10, 9, "2025-08-26"),
    ]


def test_months_are_counted_from_one_dose_until_a_dose_leaves_its_rule_date():
    one = regimen("ocrelizumab_iv")
    assert counted_from(one, [(4, "2025-08-31")], as_of="2025-09-01") == [
        (5, 4, "2025-08-31"),
        (6, 4, "2025-08-31"),
        (7, 4, "2025-08-31"),
    ]
    assert counted_from(one, [(4, "2025-08-31")], as_of="2026-03-20") == [
        (5, 4, "2025-08-31"),
        (6, 5, "2026-03-20"),
        (7, 5, "2026-03-20"),
    ]


@pytest.mark.parametrize("last_given", [0, 1, 3])
def test_where_months_give_way_to_days_the_days_count_from_the_dose_before(last_given):
    base = regimen("natalizumab_q4w")
    late = base.steps[-1]
    monthly = replace(late, last=4, interval=Interval(months=1))
    one = replace(base, steps=(base.steps[0], monthly, replace(late, first=5)))
    history = [(last_given, "2025-01-15")] if last_given else []
    slots = {s[0]: s for s in counted_from(one, history, doses=8)}
    before_on = {0: "2025-04-15", 1: "2025-04-15", 3: "2025-02-15"}[last_given]
    assert slots[5] == (5, 4, before_on)
    assert slots[4][1] == max(last_given, 1)
