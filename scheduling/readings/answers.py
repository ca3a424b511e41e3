"""What a patient sees when they answer: the visit in a few words, what was said so far, and what comes next.

The pages behind a link show the date, the time and the nurse's first name, and nothing that tells what for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from scheduling import clock
from scheduling.models import HealthScreen, Reply, Visit
from scheduling.readings import my, screen_words, words
from scheduling.rules import gate_states, health_screen, states
from scheduling.services import outcomes, replies, screens

MOST_DAYS = 14  # days offered for another time; a longer list tires the eye


@dataclass(frozen=True)
class Answers:
    """One visit and what its patient has said about it. `health` is one of services.screens: none, not_due, ..."""

    visit: Visit
    my: my.MyVisit
    health: str
    health_today: bool
    questions: int
    begun: bool
    asked: Reply | None
    own: bool = False
    also: Sequence[str] = ()  # the days of the course after it, which a yes speaks for, too

    @property
    def confirmed(self) -> bool:
        return self.visit.state == "confirmed"

    @property
    def set_for(self) -> str:
        """`You're set for Monday, December 21 at 8:00 am.`"""
        return _("You're set for %(day)s at %(time)s.") % {"day": self.my.day, "time": self.my.from_time}

    @property
    def questions_open(self) -> str:
        """The day from which the questions can be answered."""
        start = self.visit.local_start.date()
        return my.long_day(start - timedelta(days=gate_states.SCREEN_DAYS))

    @property
    def wishes(self) -> str:
        """What was asked for, in one line; "" when nothing in particular. A link may be read by others: no reason."""
        said = self.asked.wishes if self.asked else {}
        days = [my.long_day(date.fromisoformat(day)) for day in said.get("days", [])]
        part = {"morning": _("in the morning"), "afternoon": _("in the afternoon")}.get(
            said.get("part", ""), ""
        )
        why = said.get("why", "") if self.own else ""
        return " · ".join(one for one in ("; ".join(days), part, why) if one)


def of(visit: Visit, *, own: bool, now: datetime | None = None) -> Answers:
    """Read what stands for the visit, which comes with its nurse and patient. `own`: the reader has signed in."""
    now = now or timezone.now()
    health = screens.standing(visit, now=now)
    screen = screens.newest(visit) if health != screens.NONE else None
    today = clock.today_in(visit.time_zone, now)
    answered = screen.answered_at if screen else None
    return Answers(
        visit=visit,
        my=my.visit_of(visit, now=now),
        health=health,
        health_today=bool(answered and clock.local_day(answered, visit.time_zone) == today),
        questions=len(screens.questions(visit, own=own)) if health == screens.DUE else 0,
        begun=bool(screen and screen.state == HealthScreen.State.OPEN and screen.answers),
        asked=replies.open_move(visit),
        own=own,
        also=[_also(one) for one in outcomes.days_after(visit)],
    )


def _also(visit: Visit) -> str:
    """`Tuesday, December 22 at 8:00 am`"""
    start = visit.local_start
    said = {"day": my.long_day(start.date()), "time": words.clock_words(start)}
    return capfirst(_("%(day)s at %(time)s") % said)


def while_open(visit: Visit, *, now: datetime | None = None) -> Answers | None:
    """The same for its signed-in patient; None when nothing can be said about it any more."""
    now = now or timezone.now()
    if visit.state not in states.OPEN or visit.starts_at <= now:
        return None
    return of(visit, own=True, now=now)


def days_for(visit: Visit, *, now: datetime | None = None) -> list[tuple[date, str]]:
    """Days the visit could move to, in words: never past, inside what the dose allows, those nearest the visit.

    Empty when the dose allows none: then a person finds a day with the patient.
    """
    today = clock.today_in(visit.time_zone, now)
    on = visit.local_start.date()
    first, last = today + timedelta(days=1), on + timedelta(days=MOST_DAYS)
    due = visit.dose or visit.planned_check
    if due is not None:
        first = max(first, due.window_start_on or first, getattr(due, "floor_on", None) or first)
        last = min(last, due.window_end_on or last)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    nearest = sorted(sorted(days, key=lambda day: (abs((day - on).days), day))[:MOST_DAYS])
    return [(day, capfirst(my.long_day(day))) for day in nearest]


# --- The questions, one a page ---------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """One question on the page to check: its number, its words, what was said."""

    number: int
    code: str
    words: str
    said: str

    @property
    def text(self) -> str:
        return screen_words.said(self.said)


def questions_of(visit: Visit, *, own: bool) -> list[Asked]:
    """All the questions with the answers given so far."""
    screen = screens.newest(visit)
    said = screen.answers if screen is not None and screen.state == HealthScreen.State.OPEN else {}
    return [
        Asked(number, code, screen_words.question(code), said.get(code, ""))
        for number, code in enumerate(screens.questions(visit, own=own), start=1)
    ]


def next_open(asked: Sequence[Asked]) -> Asked | None:
    """The first question without an answer; None when all are answered."""
    return next((one for one in asked if one.said not in health_screen.SAID), None)


def flagged_words(answers: Answers) -> str:
    """What the patient is told when a nurse must speak to them."""
    if answers.health_today:
        return _("Thank you. A nurse will call you today about your answers. Your visit is not cancelled.")
    return _("A nurse will call you about your answers. Your visit is not cancelled.")
