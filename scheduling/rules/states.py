"""Visit states: which moves are allowed, and which states hold a nurse's and a patient's time."""

from __future__ import annotations

from collections.abc import Mapping

from scheduling.rules.errors import Conflict

MOVES: Mapping[str, frozenset[str]] = {
    "booked": frozenset(
        {"confirmed", "en_route", "arrived", "in_progress", "completed", "cancelled", "moved", "missed"}
    ),
    "confirmed": frozenset(
        {"booked", "en_route", "arrived", "in_progress", "completed", "cancelled", "moved", "missed"}
    ),
    "en_route": frozenset({"arrived", "in_progress", "completed", "cancelled", "missed"}),
    "arrived": frozenset({"in_progress", "completed", "cancelled", "missed"}),
    "in_progress": frozenset({"completed", "missed"}),
    "completed": frozenset(),
    "cancelled": frozenset(),
    "moved": frozenset(),
    "missed": frozenset(),
}

# Completed visits keep their time: nobody was in two places yesterday either.
HOLDING = frozenset({"booked", "confirmed", "en_route", "arrived", "in_progress", "completed"})
OPEN = frozenset({"booked", "confirmed"})


class MoveNotAllowed(Conflict):
    """The visit is in a state that cannot become the one asked for."""

    code = "VISIT_STATE"


def check_move(old: str, new: str) -> None:
    """Raises MoveNotAllowed unless a visit may go from `old` to `new`."""
    if new not in MOVES[old]:
        raise MoveNotAllowed(
            f"A visit that is {old.replace('_', ' ')} cannot become {new.replace('_', ' ')}."
        )
