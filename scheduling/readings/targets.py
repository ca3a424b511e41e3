"""Where a picked-up visit may be put: every nurse and start of a board, judged as booking will judge it.

The rules are those of `preflight`, asked with facts read at once instead of for each nurse; the tests hold the
two to the same answer. Reads only, as many queries for many nurses as for few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Q
from django.utils.translation import gettext as _

from accounts.models import User
from nurses.models import TimeOff
from scheduling import clock, selectors
from scheduling.models import SlotHold, Visit
from scheduling.planning.facts import NurseFacts
from scheduling.readings import board, board_day, roster, words
from scheduling.rules import eligibility, states
from scheduling.rules.eligibility import Drive, Pairs, Problem, Span, Stop
from scheduling.services import bookable, pairs_on_file, preflight, slot_holds, travel

DAY = timedelta(days=1)
FREE, NEEDS_REASON, BLOCKED = range(3)
PAST = Problem("IN_THE_PAST", "That time has passed. Record the dose as given instead.")
LEFT = Problem("NURSE_INACTIVE", "This nurse no longer works here.")
NO_SUCH = (BLOCKED, "The clocks go forward that night and skip this time.")


@dataclass(frozen=True)
class Targets:
    """`starts`: the columns of the board (None: there is no such time that day), `rows`: by nurse a verdict for each.

    A verdict is (FREE, ""), (NEEDS_REASON, why) or (BLOCKED, why).
    """

    visit: Visit
    length: timedelta
    by_day: bool
    starts: Sequence[datetime | None]
    rows: dict[int, list[tuple[int, str]]]


@dataclass
class World:
    """Everything that decides, read once."""

    wanted: bookable.Bookable
    facts: Sequence[NurseFacts]
    active: frozenset[int]
    patient_spans: Sequence[Span]
    holds: Sequence[SlotHold]
    drive: Drive
    pairs: Pairs
    papers: dict[tuple[int, date, date], list[Problem]] = field(default_factory=dict)


def find(user: User, visit: Visit, days: Sequence[date], *, by_day: bool, now: datetime) -> Targets:
    """Every quarter hour of the one day, or the visit's own wall-clock time on each of the days."""
    starts = board_day.starts(days[0]) if by_day else [_same_time(visit, day) for day in days]
    wanted = wanted_of(visit)
    asked = [at for at in starts if at is not None]
    world = read(user, visit, wanted, asked or [visit.starts_at], now)
    against = day_judge(wanted, asked, now=now, moving=visit)
    rows = {
        facts.key: [
            _verdict(against(at), nurse_problems(world, facts, at)) if at else NO_SUCH for at in starts
        ]
        for facts in world.facts
    }
    return Targets(visit, wanted.length, by_day, starts, rows)


def wanted_of(visit: Visit) -> bookable.Bookable:
    """What the visit is for, as moving it reads it, without the locks. Needs dose, prescription and patient."""
    if visit.dose is not None:
        visit.dose.prescription.patient = visit.patient
        return bookable.of_dose(visit.dose)
    if visit.planned_check is not None:
        visit.planned_check.patient = visit.patient
        return bookable.of_check(visit.planned_check)
    return bookable.like(visit, visit.patient)


def read(
    user: User, visit: Visit, wanted: bookable.Bookable, starts: Sequence[datetime], now: datetime
) -> World:
    """The nurses of the board with all that decides about them between the first start and the last end."""
    first, last = min(starts) - DAY, max(starts) + wanted.length + DAY
    near = Visit.objects.filter(state__in=states.HOLDING, starts_at__lt=last, ends_at__gt=first)
    by_nurse: dict[int, list[Visit]] = defaultdict(list)
    patient_spans = []
    others = list(near.exclude(pk=visit.pk).select_related("patient").order_by("starts_at"))
    for other in others:
        by_nurse[other.nurse_id].append(other)
        if other.patient_id == visit.patient_id:
            patient_spans.append(Span(other.starts_at, other.ends_at))
    off = TimeOff.objects.filter(withdrawn_at__isnull=True, starts_at__lt=last, ends_at__gt=first)
    nurses = selectors.nurses_for(user).filter(Q(active=True) | Q(pk__in=[*by_nurse, visit.nurse_id]))
    team = list(nurses.prefetch_related("licences", "competencies", "shifts", Prefetch("time_off", off)))
    standing = slot_holds.standing(now).filter(
        Q(dose=visit.dose_id) | Q(starts_at__lt=last, ends_at__gt=first)
    )
    holds = list(standing.exclude(held_by=user).select_related("held_by", "patient"))
    return World(
        wanted=wanted,
        facts=[roster.facts_of(nurse, by_nurse.get(nurse.pk, ())) for nurse in team],
        active=frozenset(nurse.pk for nurse in team if nurse.active),
        patient_spans=patient_spans,
        holds=holds,
        drive=_remembering(
            travel.drive_for(wanted.patient.place, [x.patient.place for x in (*others, *holds)])
        ),
        pairs=pairs_on_file.pairs_of(wanted.patient),
    )


def day_judge(
    wanted: bookable.Bookable, starts: Iterable[datetime], *, now: datetime, moving: Visit
) -> Callable[[datetime], list[Problem]]:
    """What stands against a start whoever comes. Asks the database once for all days of the home."""
    zone = wanted.patient.time_zone
    dose = wanted.dose
    if dose is None:
        known: dict[tuple[date, bool], list[Problem]] = {}

        def of_check(at: datetime) -> list[Problem]:
            key = clock.local_day(at, zone), at <= now
            if key not in known:
                known[key] = wanted.problems(at, now=now, moving=moving)
            return known[key]

        return of_check
    whole = preflight.dose_wide_problems(dose, wanted.patient, moving=moving)
    if any(problem.code == "DOSE_NOT_PLANNED" for problem in whole):
        return lambda _at: whole
    days = sorted({clock.local_day(at, zone) for at in starts})
    of_day = preflight.day_problems(dose, days, now=now, moving=moving)
    return lambda at: [*([PAST] if at <= now else []), *whole, *of_day[clock.local_day(at, zone)]]


def nurse_problems(world: World, nurse: NurseFacts, at: datetime) -> Iterator[Problem]:
    """What `preflight.nurse_problems` finds, in its order, from facts already read. Lazy: the dear ones last."""
    wanted, span = world.wanted, Span(at, at + world.wanted.length)
    if nurse.key not in world.active:
        yield LEFT
    yield from _papers(world, nurse, span)
    pair = eligibility.pair_problem(nurse.key, world.pairs)
    if pair:
        yield pair
    hours = eligibility.hours_problem(nurse.shifts, nurse.time_off, span, nurse.zone)
    if hours:
        yield hours
    yield from eligibility.room_problems(
        span, wanted.patient.place, nurse.stops, world.patient_spans, world.drive
    )
    day = at.astimezone(nurse.zone).date()
    booked = sum(_minutes(x.span) for x in nurse.stops if x.span.start.astimezone(nurse.zone).date() == day)
    limit = eligibility.day_limit_problem(booked, _minutes(span), nurse.day_limit_minutes)
    if limit:
        yield limit
    yield from _held(world, nurse, span)


def _papers(world: World, nurse: NurseFacts, span: Span) -> list[Problem]:
    zone = world.wanted.patient.time_zone
    first, last = clock.local_day(span.start, zone), clock.local_day(span.end, zone)
    key = nurse.key, first, last
    if key not in world.papers:
        wanted = world.wanted
        world.papers[key] = found = []
        for on in sorted({first, last}):
            licence = eligibility.licence_problem(nurse.licences, wanted.patient.state, on)
            found += [licence] if licence else []
            found += eligibility.competency_problems(nurse.competencies, wanted.needs, on)
    return world.papers[key]


def _held(world: World, nurse: NurseFacts, span: Span) -> Iterator[Problem]:
    """The first hold of somebody else that is in the way: of the dose itself, the patient's or the nurse's time."""
    patient, dose = world.wanted.patient, world.wanted.dose
    for hold in world.holds:
        kept = Span(hold.starts_at, hold.ends_at)
        stops = [Stop(kept, hold.patient.place)] if hold.nurse_id == nurse.key else []
        spans = [kept] if hold.patient_id == patient.pk else []
        same_dose = dose is not None and hold.dose_id == dose.pk
        if same_dose or any(eligibility.room_problems(span, patient.place, stops, spans, world.drive)):
            yield preflight.held_problem(hold, patient.time_zone)
            return


def _verdict(of_day: Iterable[Problem], of_nurse: Iterable[Problem]) -> tuple[int, str]:
    """What booking would answer: refused, taken, needs a reason, or yes (see services.verdicts.settle)."""
    taken = ""
    soft: list[str] = []
    for problem in chain(of_day, of_nurse):
        if problem.absolute and not problem.taken:
            return BLOCKED, problem.text
        if problem.taken:
            taken = taken or problem.text
        else:
            soft.append(problem.text)
    if taken:
        return BLOCKED, taken
    return (NEEDS_REASON, " ".join(dict.fromkeys(soft))) if soft else (FREE, "")


def _same_time(visit: Visit, day: date) -> datetime | None:
    """The visit's wall-clock time `day` columns on; None where the clocks skip it."""
    days_on = day - board.agency_day(visit.starts_at)
    wall = datetime.combine(visit.local_start.date() + days_on, visit.local_start.time())
    if not clock.exists(wall, visit.time_zone):
        return None
    return wall.replace(tzinfo=ZoneInfo(visit.time_zone), fold=visit.local_start.fold)


def _minutes(span: Span) -> int:
    return int((span.end - span.start).total_seconds() // 60)


def _remembering(drive: Drive) -> Drive:
    """The same answers, each worked out once: a board asks for one road hundreds of times."""
    return cache(drive)


# --- For the page ------------------------------------------------------------------------------


def shown(found: Targets) -> dict[str, Any]:
    """Plain values for the script: verdicts as runs `[from, to, kind, reason]`, reasons by their place in a list.

    A run covers the columns `from` to `to`, the last not included; reason -1 is none.
    """
    visit, zone = found.visit, ZoneInfo(found.visit.time_zone)
    reasons: dict[str, int] = {}
    rows = {}
    for key, verdicts in found.rows.items():
        runs: list[list[int]] = []
        for place, (kind, why) in enumerate(verdicts):
            reason = reasons.setdefault(why, len(reasons)) if why else -1
            if runs and runs[-1][2:] == [kind, reason]:
                runs[-1][1] = place + 1
            else:
                runs.append([place, place + 1, kind, reason])
        rows[str(key)] = runs
    full = [words.at_words(at, visit.time_zone) if at else "" for at in found.starts]
    clocks = [words.clock_words(at.astimezone(zone)) if at else "" for at in found.starts]
    told = _("%(name)s was told %(when)s and must confirm again.")
    said = {"name": visit.patient.first_name, "when": words.at_words(visit.starts_at, visit.time_zone)}
    return {
        "version": visit.version,
        "width": -(-int(found.length.total_seconds()) // 900),
        "starts": [at.astimezone(UTC).isoformat() if at else "" for at in found.starts],
        "full": full,
        "words": clocks if found.by_day else full,
        "rows": rows,
        "reasons": list(reasons),
        "told_at": said["when"],
        "told": told % said if visit.state == "confirmed" else "",
    }
