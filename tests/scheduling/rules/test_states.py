"""Which states a visit may pass through, and which hold a nurse's and a patient's time."""

from __future__ import annotations

import pytest

from scheduling.rules import states

STATES = (
    "booked", "confirmed", "en_route", "arrived", "in_progress", "completed", "cancelled", "moved",
    "missed",
)  # fmt: skip
ALLOWED = {
    "booked": "confirmed en_route arrived in_progress completed cancelled moved missed",
    "confirmed": "booked en_route arrived in_progress completed cancelled moved missed",
    "en_route": "arrived in_progress completed cancelled missed",
    "arrived": "in_progress completed cancelled missed",
    "in_progress": "completed missed",
}


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
def test_a_visit_goes_where_the_table_leads_and_nowhere_else(old, new):
    if new in ALLOWED.get(old, "").split():
        states.check_move(old, new)
        return
    with pytest.raises(states.MoveNotAllowed) as refused:
        states.check_move(old, new)
    assert refused.value.code == "VISIT_STATE"
    assert refused.value.status == 409
    assert str(refused.value) == (
        f"A visit that is {old.replace('_', ' ')} cannot become {new.replace('_', ' ')}."
    )


@pytest.mark.parametrize("over", ["completed", "cancelled", "moved", "missed"])
def test_what_is_over_is_not_undone(over):
    assert states.MOVES[over] == frozenset()


def test_only_visits_that_ended_without_happening_free_the_time():
    assert set(states.MOVES) - states.HOLDING == {"cancelled", "moved", "missed"}
    assert set(states.MOVES) >= states.HOLDING
    assert {"booked", "confirmed"} == states.OPEN
