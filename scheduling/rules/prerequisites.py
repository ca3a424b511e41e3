"""What must be true before a dose: which items it needs, and whether a result on file still counts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from scheduling.rules.intervals import due_after, in_words
from scheduling.rules.regimen import Prerequisite, Regimen


class Checked(NamedTuple):
    """A result against a visit day. `blocks` says whether a failed check stops the infusion or only warns."""

    kind: str
    valid_through: date | None
    earliest_start: date | None
    ok: bool
    blocks: bool
    text: str


def required_for(regimen: Regimen, number: int) -> tuple[Prerequisite, ...]:
    """The items dose `number` needs: those of a first dose or of a course only there, the rest always."""
    course = regimen.course_of(number)
    starts_course = course is not None and number == course.first
    left_out = set()
    if number != 1:
        left_out.add("before_first_dose")
    if not starts_course:
        left_out.add("before_every_course")
    return tuple(item for item in regimen.prerequisites if item.when not in left_out)


def check(prerequisite: Prerequisite, result_on: date, visit_on: date) -> Checked:
    """Whether something done on `result_on` counts on `visit_on`; both edges included (house rule H17)."""
    valid_through = earliest_start = None
    if prerequisite.valid_for is not None:
        valid_through = due_after(result_on, prerequisite.valid_for)
    if prerequisite.days_before is not None:
        earliest_start = result_on + timedelta(days=prerequisite.days_before)
    text, ok = f"Done on {in_words(result_on)}.", True
    if visit_on < result_on:
        text, ok = f"It is dated {in_words(result_on)}, after the visit.", False
    elif valid_through is not None and visit_on > valid_through:
        text, ok = f"It was good through {in_words(valid_through)}.", False
    elif earliest_start is not None and visit_on < earliest_start:
        text, ok = f"The infusion may start from {in_words(earliest_start)}.", False
    elif valid_through is not None:
        text = f"Good through {in_words(valid_through)}."
    return Checked(prerequisite.kind, valid_through, earliest_start, ok, prerequisite.blocks, text)
