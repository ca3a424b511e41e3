"""Which states a visit may pass through, and which hold a nurse's and a patient's time."""

from __future__ import annotations

import pytest

from scheduling.rules import states


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("held", "booked"), ("held", "cancelled"), ("held", "moved"),
        ("booked", "confirmed"), ("booked", "moved"), ("booked", "cancelled"), ("booked", "completed"),
        ("booked", "missed"), ("confirmed", "booked"), ("confirmed", "en_route"), ("en_route", "arrived"),
        ("arrived", "in_progress"), ("in_progress", "completed"), ("in_progress", "missed"),
    ],
)  # fmt: skip
def test_what_happens_to_a_visit_is_allowed(old, new):
    states.check_move(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("completed", "cancelled"), ("completed", "booked"), ("cancelled", "booked"), ("moved", "booked"),
        ("missed", "completed"), ("in_progress", "cancelled"), ("in_progress", "moved"), ("en_route", "moved"),
        ("held", "completed"), ("arrived", "booked"),
    ],
)  # fmt: skip
def test_what_is_over_or_under_way_is_not_undone(old, new):
    with pytest.raises(states.MoveNotAllowed) as refused:
        states.check_move(old, new)
    assert refused.value.code == "VISIT_STATE"
    assert refused.value.status == 409
    assert str(refused.value) == (
        f"A visit that is {old.replace('_', ' ')} cannot become {new.replace('_', ' ')}."
    )


def test_only_visits_that_ended_without_happening_free_the_time():
    assert set(states.MOVES) - states.HOLDING == {"cancelled", "moved", "missed"}
    assert {"held", "booked", "confirmed"} == states.OPEN
