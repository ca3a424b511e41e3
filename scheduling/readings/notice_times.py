"""What one visit would send, and when, under settings that need not be saved. Reads nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling import clock
from scheduling.readings.texts import kind_name
from scheduling.readings.words import at_words
from scheduling.rules import cadence
from scheduling.rules.cadence import PRIORITY, Policy, Waiting

SAID = gettext_lazy("said in the message that asks for a yes")


@dataclass(frozen=True)
class Line:
    """One message of the list. `text` and `email` say whether it goes there; `why` what stands against it."""

    kind: str
    at: datetime
    name: str
    when: str
    to: str
    email: bool
    text: bool
    why: str = ""


def of_visit(policy: Policy, starts_at: datetime, time_zone: str, *, now: datetime) -> list[Line]:
    """Every message of a visit booked now for `starts_at`, in the order they go. Nobody answers any of them."""
    lines = [_booked(policy, starts_at, time_zone, now)]
    planned_at = now + settings.NOTICE_DELAY
    asks = cadence.due("confirm", starts_at, time_zone, policy, planned_at=planned_at)
    for kind in (*cadence.BEFORE, "unconfirmed"):
        due = cadence.due(kind, starts_at, time_zone, policy, planned_at=planned_at)
        why = str(SAID) if kind in cadence.ONE_MESSAGE[1:] and not asks.skip else due.skip
        lines.append(_line(kind, due.at, time_zone, why))
    day = clock.local_day(starts_at, time_zone) + timedelta(days=policy.timings["next_day"].days)
    after = cadence.follow_up(day, time_zone, policy, planned_at=starts_at)
    lines.append(_line("next_day", after.at, time_zone, after.skip))
    return _capped(sorted(lines, key=lambda line: (line.at, PRIORITY[line.kind])), policy, time_zone)


def _booked(policy: Policy, starts_at: datetime, time_zone: str, now: datetime) -> Line:
    at = cadence.in_hours(now + settings.NOTICE_DELAY, time_zone, policy.hours)
    if at >= starts_at:
        return _line("booked", at, time_zone, _("the visit begins before messages may go"))
    return _line("booked", at, time_zone, "")


def _line(kind: str, at: datetime, time_zone: str, why: str) -> Line:
    staff = kind == "unconfirmed"
    to = _("Coordinator") if staff else _("Patient")
    return Line(
        kind,
        at,
        kind_name(kind),
        at_words(at, time_zone),
        to,
        email=not why,
        text=not why and not staff,
        why=why,
    )


def _capped(lines: Sequence[Line], policy: Policy, time_zone: str) -> list[Line]:
    """The same with the texts the caps leave out; their e-mails still go."""
    sent: list[datetime] = []
    found = []
    for place, line in enumerate(lines):
        later = [Waiting(other.at, PRIORITY[other.kind]) for other in lines[place + 1 :] if other.text]
        why = ""
        if line.text:
            why = cadence.over_cap(
                PRIORITY[line.kind], line.at, time_zone, policy=policy, sent=sent, waiting=later
            )
            if not why:
                sent.append(line.at)
        found.append(replace(line, text=False, why=_("no text: %(why)s") % {"why": why}) if why else line)
    return found
