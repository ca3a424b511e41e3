"""Everything a nurse needs at one door: what to give and when, what is open, what went before. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from patients.models import Patient
from scheduling import clock
from scheduling.models import DoseRecord, Visit
from scheduling.models.record import REACTIONS
from scheduling.readings import day, words
from scheduling.rules import states
from scheduling.rules.durations import applies
from scheduling.rules.regimen import Prerequisite, Regimen
from scheduling.services import doses, readiness, starting
from scheduling.services.starting import GoNoGo


@dataclass(frozen=True)
class Moment:
    """One line of the visit's clock, on the patient's wall. `until` makes it a stretch of time."""

    at: datetime
    text: str
    note: str = ""
    until: datetime | None = None

    @property
    def when(self) -> str:
        if self.until is None or self.until == self.at:
            return words.clock_words(self.at)
        return _("%(first)s to %(last)s") % {
            "first": words.clock_words(self.at),
            "last": words.clock_words(self.until),
        }


@dataclass(frozen=True)
class Advice:
    """What the fact file says to do at one grade of reaction."""

    grade: str
    text: str
    source: str


@dataclass(frozen=True)
class Door:
    """One visit, ready to be read aloud at the door."""

    visit: Visit
    moments: Sequence[Moment]
    regimen: Regimen | None
    checks: Sequence[Prerequisite]
    verdict: GoNoGo
    reactions: Sequence[DoseRecord]
    record: DoseRecord | None
    recordable: bool
    startable: bool

    @property
    def patient(self) -> Patient:
        return self.visit.patient

    @property
    def name(self) -> str:
        return day.full_name(self.patient)

    @property
    def what(self) -> str:
        return day.what(self.visit)

    @property
    def status(self) -> tuple[str, str]:
        return words.visit_status(self.visit)

    @property
    def may_set_off(self) -> bool:
        """Whether "I am on my way" makes sense: today, and nothing has happened yet."""
        visit = self.visit
        today = clock.today_in(visit.time_zone)
        return visit.state in states.OPEN and clock.local_day(visit.starts_at, visit.time_zone) == today

    @property
    def phone(self) -> str:
        return day.phone_of(self.patient)

    @property
    def directions(self) -> str:
        return day.directions_to(self.patient)

    @property
    def on_file(self) -> list[readiness.Gate]:
        """The gates that papers and parcels answer; the nurse's own checks are asked in the form."""
        asked = {"identity", *(rule.kind for rule in self.checks)}
        return [gate for gate in self.verdict.gates if gate.kind not in asked]

    @property
    def closed(self) -> list[readiness.Gate]:
        """What stands against the start whatever the nurse finds: it is for the office to settle."""
        return [gate for gate in self.on_file if gate.closed]

    @property
    def passed(self) -> list[readiness.Gate]:
        """Not met, and opened by the clinical lead."""
        return [gate for gate in self.on_file if gate.override is not None]

    @property
    def asides(self) -> list[readiness.Gate]:
        """Not met, and only worth a question."""
        return [gate for gate in self.on_file if not gate.met and not gate.closed and gate.override is None]

    @property
    def met(self) -> list[readiness.Gate]:
        return [gate for gate in self.on_file if gate.met]

    @property
    def started(self) -> str:
        """`9:05 am` on the patient's wall; "" when no go was given."""
        at = self.visit.started_at
        return words.clock_words(at.astimezone(ZoneInfo(self.visit.time_zone))) if at else ""

    @property
    def advice(self) -> list[Advice]:
        """What to do at each grade of reaction, mild first."""
        if self.regimen is None:
            return []
        known = self.regimen.reactions
        return [
            Advice(str(label), known[grade].text, known[grade].source)
            for grade, label in REACTIONS
            if grade in known
        ]

    @property
    def total_minutes(self) -> int:
        return int((self.visit.ends_at - self.visit.starts_at).total_seconds() // 60)


def door_of(visit: Visit, *, now: datetime | None = None) -> Door:
    """What the visit page shows. The visit has patient, `ways` to call, dose and prescription loaded."""
    dose, on = visit.dose, visit.local_start.date()
    today = clock.today_in(visit.time_zone, now)
    startable = "in_progress" in states.MOVES[visit.state] and on == today
    verdict = starting.go_no_go(visit, now=now)
    if dose is None:
        return Door(
            visit, moments_of(visit), None, (), verdict, (), None, recordable=False, startable=startable
        )
    standing = doses.standing_records(dose.prescription)
    return Door(
        visit=visit,
        moments=moments_of(visit),
        regimen=day.regimen_of(visit),
        checks=readiness.doorstep_rules(dose),
        verdict=verdict,
        reactions=[record for record in standing.values() if record.reaction != "none"],
        record=standing.get(dose.number),
        recordable=dose.state == dose.State.PLANNED and on <= today,
        startable=startable,
    )


def no_go_of(route: day.Day) -> frozenset[int]:
    """Ids of today's visits that papers or parcels hold up, so that nobody drives there for nothing."""
    if route.on != route.today:
        return frozenset()
    waiting = [stop.visit for stop in route.stops if "in_progress" in states.MOVES[stop.visit.state]]
    return frozenset(starting.no_go_on_file(waiting, now=route.now)) if waiting else frozenset()


def moments_of(visit: Visit) -> list[Moment]:
    """Arrival, premedication, infusion, observation, leaving, worked out from the visit's own minutes."""
    start = visit.local_start
    if visit.dose is None:
        return [Moment(start, _("Arrive")), Moment(visit.local_end, _("Visit ends"))]
    infusion_from = _later(start, visit.preparation_minutes)
    infusion_to = _later(infusion_from, visit.infusion_minutes)
    before = _premedication(visit, infusion_from)
    if hydration := day.regimen_of(visit).pre_hydration_minutes:
        before.append(Moment(_later(infusion_from, -hydration), _("Start hydration before the drug")))
    after = []
    if visit.observation_minutes:
        watched_to = _later(infusion_to, visit.observation_minutes)
        after.append(Moment(watched_to, _("Observation ends"), _length(visit.observation_minutes)))
    return [
        Moment(start, _("Arrive, check, prepare")),
        *sorted(before, key=lambda moment: moment.at),
        Moment(infusion_from, _("Start the infusion"), _length(visit.infusion_minutes)),
        Moment(infusion_to, _("Infusion ends")),
        *after,
        Moment(visit.local_end, _("Visit ends")),
    ]


def _premedication(visit: Visit, infusion_from: datetime) -> list[Moment]:
    assert visit.dose is not None
    regimen = day.regimen_of(visit)
    return [
        Moment(
            at=_later(infusion_from, -given.lead_minutes_max),
            text=f"{given.drug[:1].upper()}{given.drug[1:]}, {given.dose}",
            note=_("required") if given.required else _("if ordered"),
            until=_later(infusion_from, -given.lead_minutes_min),
        )
        for given in regimen.premedication
        # A fact file may say "none required": a fact for the pharmacist, nothing to give.
        if given.dose != "-" and applies(given, regimen, visit.dose.number)
    ]


def _later(at: datetime, minutes: int) -> datetime:
    """Minutes of real time, also across the night the clocks change."""
    return (at.astimezone(ZoneInfo("UTC")) + timedelta(minutes=minutes)).astimezone(at.tzinfo)


def _length(minutes: int) -> str:
    return _("%(minutes)d minutes") % {"minutes": minutes}
