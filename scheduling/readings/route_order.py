"""What another order of a day does, in words: every visit before and after, the road, who is told. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from accounts.models import User
from nurses.models import Nurse
from patients.models import Contact
from scheduling import clock
from scheduling.models import Notice, Visit
from scheduling.planning.cautions import Caution, of_day
from scheduling.planning.starts import wish_met
from scheduling.planning.timetable import StopTimes, Timetable
from scheduling.readings import roster, words
from scheduling.readings.day import what
from scheduling.readings.route_desk import local, miles, minutes_words
from scheduling.rules import states
from scheduling.services import reorder
from scheduling.services.reorder import Effect, Wish


@dataclass(frozen=True)
class Line:
    """One visit in the new order."""

    line: reorder.Line
    number: int
    last: bool
    drive: str  # the road to it, in the new order
    tight: str  # too little time to spare before it
    ticked: bool  # may move though it is confirmed

    @property
    def visit(self) -> Visit:
        return self.line.visit

    @property
    def what(self) -> str:
        return what(self.visit)

    @property
    def before(self) -> str:
        return words.clock_words(self.visit.local_start)

    @property
    def after(self) -> str:
        """The new time on the home's wall; "" where it stays or none was found."""
        if self.line.span is None or not self.line.moves:
            return ""
        return words.clock_words(self.line.span.start.astimezone(ZoneInfo(self.visit.time_zone)))

    @property
    def stays(self) -> str:
        """Why its time does not change; "" where it does."""
        if self.line.moves:
            return ""
        if self.visit.state == "confirmed" and not self.ticked:
            return _("Confirmed: keeps its time")
        if self.visit.state not in states.OPEN:
            return _("Keeps its time")
        return _("Same time")

    @property
    def movable(self) -> bool:
        """Whether it may have another place at all: not what is under way or done."""
        return self.visit.state in states.OPEN

    @property
    def confirmed(self) -> bool:
        return self.visit.state == "confirmed"

    @property
    def status(self) -> tuple[str, str]:
        return words.visit_status(self.visit)

    @property
    def refused(self) -> list[str]:
        """Why it cannot stand so."""
        judged = self.line.judged.refused if self.line.judged else ()
        return list(
            dict.fromkeys([*filter(None, [self.line.trouble]), *(problem.text for problem in judged)])
        )

    @property
    def asks(self) -> list[str]:
        """What somebody must give a reason for."""
        return (
            list(dict.fromkeys(problem.text for problem in self.line.judged.asks)) if self.line.judged else []
        )

    @property
    def wish_missed(self) -> str:
        """`Would rather have mornings.` where the new time is not what the patient likes."""
        if self.line.span is None or not self.line.moves:
            return ""
        wall = self.line.span.start.astimezone(ZoneInfo(self.visit.time_zone)).time()
        if wish_met(wall, self.visit.patient.prefers) is not False:
            return ""
        return _("Would rather have %(part)ss.") % {"part": self.visit.patient.prefers}

    @property
    def told(self) -> str:
        """Who hears of it how."""
        if not self.line.moves or self.line.judged is None or self.refused:
            return ""
        again = " " + _("Must confirm again.") if self.confirmed else ""
        return told_words(self.line.judged.notices) + again


@dataclass(frozen=True)
class Shown:
    """The effect as the page shows it."""

    effect: Effect
    lines: tuple[Line, ...]
    wish: Wish
    cautions: tuple[Caution, ...]  # of the day as a whole, that the new order brings

    @property
    def order(self) -> str:
        """The order as an address carries it."""
        return ",".join(str(line.visit.pk) for line in self.lines)

    @property
    def moved(self) -> int:
        return len(self.effect.moves)

    @property
    def savable(self) -> bool:
        return self.effect.possible and bool(self.effect.moves)

    @property
    def figures(self) -> list[tuple[str, str, str, str]]:
        """What is compared: name, before, after, and the difference in words; no after where a visit has no time."""
        before, after, nurse = self.effect.before, self.effect.after, self.effect.nurse
        found = self._compared(before, after, nurse)
        whole = all(line.line.span for line in self.lines)
        return found if whole else [(name, figure, "–", "") for name, figure, _after, _word in found]

    @staticmethod
    def _compared(before: Timetable, after: Timetable, nurse: Nurse) -> list[tuple[str, str, str, str]]:
        return [
            (_("Leave home"), *_clocks(nurse, before.leave_home_at, after.leave_home_at), ""),
            (_("Home again"), *_clocks(nurse, before.home_at, after.home_at), _earlier(before, after)),
            (
                _("Driving"),
                minutes_words(before.drive_minutes),
                minutes_words(after.drive_minutes),
                _less(after.drive_minutes - before.drive_minutes),
            ),
            (_("Miles"), miles(before.metres), miles(after.metres), ""),
            (_("Waiting"), minutes_words(before.waiting_minutes), minutes_words(after.waiting_minutes), ""),
        ]


def shown(nurse: Nurse, on: date, wish: Wish, *, by: User, now: datetime | None = None) -> Shown:
    """What the order does, in words. Raises Conflict where the day is being changed right now."""
    effect = reorder.effect_of(nurse, on, wish, by=by, now=now)
    stops = {stop.key: stop for stop in effect.after.stops}
    lines = tuple(
        Line(
            line=line,
            number=number,
            last=number == len(effect.lines),
            drive=_drive(stops.get(line.visit.pk)),
            tight=_tight(stops.get(line.visit.pk)),
            ticked=line.visit.pk in wish.may_move,
        )
        for number, line in enumerate(effect.lines, start=1)
    )
    return Shown(effect, lines, wish, _cautions(effect, clock.today_in(nurse.time_zone, now)))


def _cautions(effect: Effect, today: date) -> tuple[Caution, ...]:
    """What the day as a whole says after and did not say before: home late, too long. Four queries."""
    facts = roster.facts_of(effect.nurse, ())
    said = [
        list(of_day(facts, effect.on, [stop.planned for stop in table.stops], table.home_at, today=today))
        for table in (effect.before, effect.after)
    ]
    return tuple(caution for caution in said[1] if caution not in said[0])


def told_words(notices: Sequence[Notice]) -> str:
    """`Is told by e-mail and text.`, or why no message goes out."""
    going = [notice for notice in notices if notice.state == Notice.State.PLANNED]
    if going:
        ways = [str(Contact.Channel(notice.channel).label).lower() for notice in going]
        return _("Is told by %(ways)s.") % {"ways": _(" and ").join(dict.fromkeys(ways))}
    why = next((notice.reason for notice in notices if notice.reason), "")
    if why:
        return _("No message goes out: %(why)s.") % {"why": why}
    return _("No message goes out.")


def _drive(stop: StopTimes | None) -> str:
    if stop is None:
        return ""
    return _("%(n)d min drive, %(miles)s") % {"n": stop.drive.minutes, "miles": miles(stop.drive.metres)}


def _tight(stop: StopTimes | None) -> str:
    found = stop.cautions if stop else ()
    return next((caution.text for caution in found if caution.code == "TOO_TIGHT"), "")


def _clocks(nurse: Nurse, *moments: datetime | None) -> Iterable[str]:
    return [words.clock_words(at) if (at := local(moment, nurse)) else "–" for moment in moments]


def _earlier(before: Timetable, after: Timetable) -> str:
    if before.home_at is None or after.home_at is None:
        return ""
    minutes = round((after.home_at - before.home_at).total_seconds() / 60)
    if not minutes:
        return _("same")
    said = {"n": minutes_words(abs(minutes))}
    return _("%(n)s earlier") % said if minutes < 0 else _("%(n)s later") % said


def _less(minutes: int) -> str:
    if not minutes:
        return _("same")
    said = {"n": minutes_words(abs(minutes))}
    return _("%(n)s less") % said if minutes < 0 else _("%(n)s more") % said
