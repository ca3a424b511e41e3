"""What a plan says of one line of the queue, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlanMark:
    """A sentence or two under the line; `name` is the plan they are from, `Plan of Sat, Nov 21`."""

    plan_id: int
    status: str
    name: str
    text: str
    helps: str
