"""Uncovered visits and their replacements in words: what changes for the patient, and why this one. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from scheduling import clock
from scheduling.models import Visit
from scheduling.planning.assignment import WHY_LEFT
from scheduling.planning.facts import may_give
from scheduling.planning.slots import Slot
from scheduling.readings import words
from scheduling.readings.replacements import Case, Settlement
from scheduling.readings.roster import Member
from scheduling.readings.slot_words import from_due, seen_before, who_is_out
from scheduling.rules import eligibility
from scheduling.rules.eligibility import Problem, Span

HELPS = 3  # nurses named who could come with a reason


@dataclass(frozen=True)
class Choice:
    """One nurse and time for a visit. `value` is what a form posts; `change` what the patient is told."""

    value: str
    label: str  # `Ben Okafor, same time`
    change: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One uncovered visit. `best` is the plan's; without it `left` says why and `helps` what would help."""

    visit: Visit
    why: tuple[str, ...]
    status: str
    slack: str
    again: str  # said of a visit the patient had confirmed
    best: Choice | None
    choices: tuple[Choice, ...]
    left: str
    helps: tuple[str, ...]


def rows(settlement: Settlement) -> list[Row]:
    """The cases in the order of their slack."""
    return [_row(case, settlement) for case in settlement.cases]


def _row(case: Case, settlement: Settlement) -> Row:
    visit, chosen = case.visit, settlement.chosen(case)
    choices = {slot: _choice(case, slot, settlement) for slot in case.slots}
    status, slack = words.days_left(case.uncovered.days_left)
    left = settlement.plan.left.get(visit.pk, "")
    return Row(
        visit=visit,
        why=tuple(problem.text for problem in case.uncovered.why),
        status=status,
        slack=slack,
        again=_again(visit),
        best=choices[chosen] if chosen else None,
        choices=tuple(choices.values()),
        left=str(_left(left)) if left else "",
        helps=tuple(_helps(case, settlement)) if left else (),
    )


def _again(visit: Visit) -> str:
    if visit.state != "confirmed":
        return ""
    return _("%(name)s had confirmed and must confirm again.") % {"name": visit.patient.first_name}


def _left(code: str) -> str:
    return {
        "NO_OPTION": _("No nurse fits on the days that need no reason."),
        "TIMES_GIVEN": _("Every time that fits is needed for a more urgent visit."),
    }.get(code, WHY_LEFT[code])


def _choice(case: Case, slot: Slot, settlement: Settlement) -> Choice:
    visit = case.visit
    nurse = settlement.members[slot.nurse].nurse
    name = f"{nurse.first_name} {nurse.last_name}"
    when, change = _change(visit, slot)
    return Choice(
        value=f"{visit.pk}|{visit.version}|{slot.nurse}|{slot.starts_at.isoformat()}",
        label=_("%(nurse)s, %(when)s") % {"nurse": name, "when": when},
        change=change,
        reasons=tuple(_reasons(case, slot)),
    )


def _change(visit: Visit, slot: Slot) -> tuple[str, str]:
    """`same time` and what that means for the patient."""
    zone = visit.patient.time_zone
    if slot.starts_at == visit.starts_at:
        return _("same time"), _("Another nurse at the same time.")
    own = slot.nurse == visit.nurse_id
    new, old = slot.starts_at.astimezone(ZoneInfo(zone)), visit.starts_at.astimezone(ZoneInfo(zone))
    if new.date() == old.date():
        when = words.clock_words(new)
        said = _("%(new)s instead of %(old)s.") % {"new": when, "old": words.clock_words(old)}
    else:
        when = words.at_words(slot.starts_at, zone)
        said = _("%(new)s instead of %(old)s.") % {"new": when, "old": words.at_words(visit.starts_at, zone)}
    return when, said if own else _("%(time)s Another nurse.") % {"time": said}


def _reasons(case: Case, slot: Slot) -> Iterable[str]:
    yield _("+%(added)d min driving") % {"added": slot.added_minutes}
    if slot.visits_before:
        yield seen_before(slot.visits_before, case.visits_before)
    if slot.wish_met is not None:
        wished = str(case.visit.patient.get_prefers_display()).lower()
        wish = _("As wished: %(wish)s") if slot.wish_met else _("Not as wished: %(wish)s")
        yield wish % {"wish": wished}
    dose = case.visit.dose
    if dose is not None and clock.local_day(case.visit.starts_at, case.visit.patient.time_zone) != slot.on:
        yield from_due((slot.on - dose.due_on).days)


def _helps(case: Case, settlement: Settlement) -> Iterable[str]:
    """Who could come at the same time if a person gave a reason, then why the others cannot."""
    able = []
    for member in settlement.members.values():
        problems = _against(case, member, settlement)
        if problems and not any(problem.absolute for problem in problems):
            able.append((len(problems), member.nurse.listed_name, problems))
    for _count, name, problems in sorted(able, key=lambda x: x[:2])[:HELPS]:
        said = " ".join(problem.text for problem in problems)
        yield _("%(name)s at the same time, with a reason: %(why)s") % {"name": name, "why": said}
    yield from who_is_out(case.ruled_out)


def _against(case: Case, member: Member, settlement: Settlement) -> list[Problem]:
    """What the rules say of one nurse at the visit's own time; [one absolute problem] when that has come."""
    visit, facts = case.visit, member.facts
    if visit.starts_at <= settlement.now:
        return [Problem("IN_THE_PAST", "That time has passed.")]
    span = Span(visit.starts_at, visit.starts_at + case.wanted.length)
    found = may_give(facts, case.asked, clock.local_day(visit.starts_at, visit.patient.time_zone))
    hours = eligibility.hours_problem(facts.shifts, facts.time_off, span, facts.zone)
    found += [hours] if hours else []
    found += eligibility.room_problems(span, visit.patient.place, facts.stops, (), settlement.roads)
    limit = eligibility.day_limit_problem(
        _booked_minutes(member, span.start),
        int(case.wanted.length.total_seconds() // 60),
        facts.day_limit_minutes,
    )
    return found + ([limit] if limit else [])


def _booked_minutes(member: Member, at: datetime) -> int:
    """Minutes of stops that start on the nurse's day of `at`."""
    zone = member.facts.zone
    day = at.astimezone(zone).date()
    spans = [stop.span for stop in member.facts.stops if stop.span.start.astimezone(zone).date() == day]
    return int(sum((span.end - span.start for span in spans), timedelta()).total_seconds() // 60)
