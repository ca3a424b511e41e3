"""Follow-up calls owed after the latest dose."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from scheduling.rules.orders import Given, Order, discontinued_on, total_doses
from scheduling.rules.regimen import Regimen


class Contact(NamedTuple):
    """One call owed on a local calendar day."""

    kind: str
    for_dose: int
    on: date
    optional: bool
    source: str


def contacts_after(regimen: Regimen, order: Order, history: Iterable[Given]) -> tuple[Contact, ...]:
    """Every call the latest dose given calls for, by day; none before the first dose.

    Calls after the end of a course are owed after its last dose, also when the order ends or the drug was
    stopped there.
    """
    given = tuple(sorted(history, key=lambda dose: dose.number))
    if not given:
        return ()
    latest = given[-1]
    course = regimen.course_of(latest.number)
    total = total_doses(regimen, order)
    ends_course = course is not None and (
        latest.number == course.last
        or (total is not None and latest.number >= total)
        or discontinued_on(regimen, order, given) is not None
    )
    owed = [
        Contact(rule.kind, latest.number, latest.on + timedelta(days=rule.days), rule.optional, rule.source)
        for rule in regimen.contacts
        if rule.anchor == "each_infusion" or ends_course
    ]
    return tuple(sorted(owed, key=lambda contact: (contact.on, contact.kind)))
