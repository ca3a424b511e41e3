"""What a plan says of one line of the queue, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlanMark:
    """A sentence or two under the line, and the plan they are from."""

    plan_id: int
    status: str
    text: str
    helps: str
