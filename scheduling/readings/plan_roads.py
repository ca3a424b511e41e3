"""Roads a travel service told, for a plan: asked for before it is made, and handed over with the problem."""

from __future__ import annotations

from datetime import date, datetime

from scheduling import selectors
from scheduling.readings.plan_problem import problem_of
from scheduling.services import travel


def ask(
    user: selectors.Viewer,
    first_on: date,
    last_on: date,
    release: str = "none",
    *,
    now: datetime | None = None,
) -> None:
    """Before a plan is asked for: the roads between its homes, where there is a travel service. Uses the network, for
    some seconds at most; what is not told by then is estimated. Raises what `problem_of` raises."""
    if not travel.on():
        return
    problem = problem_of(user, first_on, last_on, release, now=now).problem
    homes = {(visit["lat"], visit["lon"]) for visit in problem["visits"]}
    bases = {(nurse["lat"], nurse["lon"]) for nurse in problem["nurses"]}
    travel.warm(homes, homes | bases, now=now)
    travel.warm(bases, homes, now=now)
