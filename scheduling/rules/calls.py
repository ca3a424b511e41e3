"""Follow-up calls: which are owed after a dose, when to try again, when to stop trying. Pure; no clock.

Days and halves of a day are those of the home; "now" is always handed in. Sources: docs/calls.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduling.rules.cadence import in_hours, wall
from scheduling.rules.contacts import contacts_after
from scheduling.rules.orders import Given, Order, discontinued_on, total_doses
from scheduling.rules.regimen import Regimen

CHECK, STROKE, TWO_WEEK, NAVIGATOR, SHIPMENT, SCREEN, TELL, CALL_BACK, SYMPTOMS = (
    "reaction_check_call", "stroke_and_reaction_call", "two_week_call", "patient_navigator_call",
    "shipment_call", "screen_call", "tell_call", "call_back", "symptoms_call",
)  # fmt: skip
CONTACTS = frozenset({CHECK, STROKE, TWO_WEEK, NAVIGATOR})
# Nobody heard from after one of these may be ill at home: the clinical lead is told.
CLINICAL = frozenset({CHECK, STROKE, SYMPTOMS})

NOON = 13  # the afternoon of a caller's day begins at one
AGAIN = timedelta(hours=2)
TRIES_A_DAY = 3
DAYS_OF_TRIES = 2


@dataclass(frozen=True, slots=True)
class Terms:
    """When a kind is tried first, and how many days after its day it still makes sense (None: until it is settled)."""

    at: time
    days: int | None


TERMS: Mapping[str, Terms] = {
    CHECK: Terms(time(10), 3),
    STROKE: Terms(time(10), 1),
    TWO_WEEK: Terms(time(10), 7),
    NAVIGATOR: Terms(time(10), 14),
    SHIPMENT: Terms(time(10), None),
    SCREEN: Terms(time(13), 1),
    TELL: Terms(time(10), None),
    CALL_BACK: Terms(time(9), None),
    SYMPTOMS: Terms(time(9), None),
}


class FollowUp(NamedTuple):
    """A call the latest dose owes: `days` is what the fact file says, `on` the local day it is made."""

    kind: str
    for_dose: int
    days: int
    on: date
    optional: bool
    source: str


def follow_ups(regimen: Regimen, order: Order, history: Iterable[Given]) -> tuple[FollowUp, ...]:
    """The calls the latest dose owes, one a day.

    In a course of days in a row the check of a day waits for the day after the last: until then the next dose is
    the check. A day on which a wider check is owed has that one alone.
    """
    given = tuple(sorted(history, key=lambda dose: dose.number))
    owed = contacts_after(regimen, order, given)
    if not owed:
        return ()
    latest, wait = given[-1], timedelta(days=_days_left(regimen, order, given))
    found = [
        FollowUp(
            one.kind,
            one.for_dose,
            (one.on - latest.on).days,
            one.on + wait if one.kind == CHECK else one.on,
            one.optional,
            one.source,
        )
        for one in owed
    ]
    wider = {one.on for one in found if one.kind == STROKE}
    return tuple(one for one in found if one.kind != CHECK or one.on not in wider)


def _days_left(regimen: Regimen, order: Order, given: tuple[Given, ...]) -> int:
    """Days of the course that follow the latest dose, one a day; none once the drug was stopped."""
    if discontinued_on(regimen, order, given) is not None:
        return 0
    number, total = given[-1].number, total_doses(regimen, order)
    last = number
    while regimen.goes_on_next_day(last) and (total is None or last < total):
        last += 1
    return last - number


def first_try(
    kind: str, due_on: date, time_zone: str, hours: tuple[int, int], *, prefers: str = "", now: datetime
) -> datetime:
    """When a call owed on `due_on` is tried first: the hour of its kind, after noon for who prefers that.

    Never before `now`, never outside `hours` in the home's zone.
    """
    at = TERMS[kind].at
    if prefers == "afternoon" and at.hour < NOON < hours[1]:
        at = time(NOON)
    return in_hours(max(wall(due_on, at, ZoneInfo(time_zone)), now), time_zone, hours)


def last_day(kind: str, due_on: date) -> date | None:
    """The last day on which it makes sense; None when something else ends it."""
    days = TERMS[kind].days
    return None if days is None else due_on + timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Try:
    """One try, as the plan of the next reads it."""

    at: datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a call after a try. `alert` is a kind of alert or ""; `alarm`: the clinical lead hears of it."""

    state: str
    why: str
    at: datetime | None = None
    alert: str = ""
    alarm: bool = False


REACHED = frozenset({"well", "symptoms", "later", "declined"})
# Outcome -> what it settles; one that is not here asks for another try.
SETTLES: Mapping[str, Next] = {
    "well": Next("done", "reached, well"),
    "symptoms": Next("done", "reached, with symptoms", alert="symptoms", alarm=True),
    "wrong_number": Next("given_up", "the number is wrong", alert="number"),
    "declined": Next("done", "declined further calls"),
}


def after(
    tries: Sequence[Try],
    *,
    kind: str,
    optional: bool,
    time_zone: str,
    hours: tuple[int, int],
    call_again_at: datetime | None = None,
) -> Next:
    """What follows the last of `tries` (the oldest first, at least one).

    "Later" is the time they named, moved into the hours. No answer: two hours later and in the other half of the
    day where today has room, else the next day; a voicemail waits for the next day in any case. Three tries a day
    on two days, then it is given up: an alert, and an alarm where somebody may be ill. Nobody is alarmed about a
    call that is optional.
    """
    latest = tries[-1]
    if latest.outcome == "later":
        wanted = max(call_again_at or latest.at + AGAIN, latest.at)
        return Next("owed", "they asked to be called later", in_hours(wanted, time_zone, hours))
    if latest.outcome in SETTLES:
        settled = SETTLES[latest.outcome]
        if latest.outcome == "declined" and kind in CLINICAL and not optional:
            return replace(settled, alert="not_reached")
        return settled
    again = _again(tries, time_zone, hours)
    if again is not None:
        return Next("owed", "not reached yet", again)
    return given_up(kind, optional=optional, why=_tried(tries, time_zone))


def given_up(kind: str, *, optional: bool, why: str) -> Next:
    """Nobody was reached and nobody will be: who hears of it."""
    if optional:
        return Next("given_up", why)
    return Next("given_up", why, alert="not_reached", alarm=kind in CLINICAL)


def _again(tries: Sequence[Try], time_zone: str, hours: tuple[int, int]) -> datetime | None:
    """The next try after one that reached nobody; None when there were enough."""
    zone = ZoneInfo(time_zone)
    missed = [one for one in tries if one.outcome not in REACHED]
    local = tries[-1].at.astimezone(zone)
    today = [one for one in missed if one.at.astimezone(zone).date() == local.date()]
    morning = local.hour < NOON
    if tries[-1].outcome != "voicemail" and len(today) < TRIES_A_DAY:
        wanted = tries[-1].at + AGAIN
        if morning:
            wanted = max(wanted, wall(local.date(), time(NOON), zone))
        if in_hours(wanted, time_zone, hours) == wanted and wanted.astimezone(zone).date() == local.date():
            return wanted
    if len({one.at.astimezone(zone).date() for one in missed}) >= DAYS_OF_TRIES:
        return None
    other_half = time(NOON) if morning and hours[1] > NOON else time(hours[0])
    return in_hours(wall(local.date() + timedelta(days=1), other_half, zone), time_zone, hours)


def _tried(tries: Sequence[Try], time_zone: str) -> str:
    zone = ZoneInfo(time_zone)
    missed = [one for one in tries if one.outcome not in REACHED]
    days = len({one.at.astimezone(zone).date() for one in missed})
    return f"not reached after {_count(len(missed), 'try', 'tries')} on {_count(days, 'day', 'days')}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def best_half(reached: Sequence[datetime], time_zone: str, prefers: str = "") -> str:
    """ "morning" or "afternoon": when this patient has been reached most, a tie goes to the latest; else as wished.

    `reached`: times of tries that reached them, the oldest first. "" when nothing is known.
    """
    halves = ["morning" if at.astimezone(ZoneInfo(time_zone)).hour < NOON else "afternoon" for at in reached]
    if not halves:
        return prefers
    return max(("morning", "afternoon"), key=lambda half: (halves.count(half), half == halves[-1]))
