"""Answers that came in and wait for a person. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from scheduling import selectors
from scheduling.models import Call, Reply, Visit
from scheduling.readings import words
from scheduling.readings.calls import number_of
from scheduling.rules import states

NOON = time(12)
STATUS = {
    "confirm": "ok", "move": "wait", "call_me": "wait", "stop": "hold", "start": "ok", "help": "wait",
    "other": "wait",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """One answer. It needs patient, visit.nurse and notice loaded; `call` is the one owed for it."""

    reply: Reply
    call: Call | None = None

    @property
    def who(self) -> str:
        return self.reply.patient.listed_name if self.reply.patient else _("Unknown sender")

    @property
    def number(self) -> str:
        """The number to call them on, E.164: of the chart, else the one the words came from; "" for none."""
        return (number_of(self.reply.patient) if self.reply.patient else "") or self.reply.sender

    @property
    def when(self) -> str:
        return words.at_words(self.reply.received_at, self.time_zone)

    @property
    def time_zone(self) -> str:
        return self.reply.patient.time_zone if self.reply.patient else settings.AGENCY_TIME_ZONE

    @property
    def status(self) -> str:
        return STATUS[self.reply.meaning]

    @property
    def meaning(self) -> str:
        return str(self.reply.get_meaning_display())

    @property
    def visit(self) -> Visit | None:
        return self.reply.visit

    @property
    def visit_at(self) -> str:
        return words.at_words(self.visit.starts_at, self.visit.time_zone) if self.visit else ""

    @property
    def visit_changed(self) -> str:
        """What became of the visit since, when it is not as it was asked about; "" when it stands."""
        if self.visit is None or self.visit.state in states.OPEN:
            return ""
        return _("This visit is %(state)s now.") % {"state": str(self.visit.get_state_display()).lower()}

    @property
    def may_move(self) -> bool:
        return self.visit is not None and self.visit.state in states.OPEN

    @property
    def may_confirm(self) -> bool:
        return self.may_move and self.visit is not None and self.visit.state == "booked"

    @property
    def open(self) -> bool:
        return self.reply.needs_a_person and self.reply.handled_at is None

    @property
    def wishes(self) -> list[str]:
        """The days that suit, the part of the day, and why."""
        return wish_words(self.reply)


def wish_words(reply: Reply) -> list[str]:
    """`Mon, Mar 9 or Tue, Mar 10`, `in the morning`, and the patient's own reason in quotes."""
    said = reply.wishes or {}
    found = []
    days = [words.day_words(date.fromisoformat(day), year=False) for day in said.get("days", ())]
    if days:
        found.append(_("Days that suit: %(days)s") % {"days": "; ".join(days)})
    part = {"morning": _("In the morning"), "afternoon": _("In the afternoon")}.get(said.get("part", ""))
    if part:
        found.append(part)
    if said.get("why"):
        found.append(f"“{said['why']}”")
    return found


def waiting(user: selectors.Viewer) -> QuerySet[Reply]:
    """Those nobody has seen to, the oldest first."""
    found = selectors.replies_for(user).filter(needs_a_person=True, handled_at__isnull=True)
    return found.select_related("patient", "visit__nurse", "notice").order_by("received_at", "pk")


def handled(user: selectors.Viewer) -> QuerySet[Reply]:
    """Those somebody has seen to, the latest first."""
    found = selectors.replies_for(user).filter(needs_a_person=True, handled_at__isnull=False)
    return found.select_related("patient", "visit__nurse", "notice", "handled_by").order_by(
        "-handled_at", "-pk"
    )


def answers(replies: Iterable[Reply]) -> list[Answer]:
    """With the call that is owed for each. One query."""
    rows = list(replies)
    about = Call.objects.filter(about__in=[f"reply {reply.pk}" for reply in rows])
    calls = {call.about: call for call in about}
    return [Answer(reply, calls.get(f"reply {reply.pk}")) for reply in rows]


def is_wished(asked: Answer | None, day: date) -> bool:
    """Whether a patient named this day when asking for another time."""
    return asked is not None and day.isoformat() in (asked.reply.wishes or {}).get("days", ())


def wished_start(asked: Answer | None, start: time) -> time:
    """`start`, or where the half of the day they asked for begins when that is the other one."""
    part = (asked.reply.wishes or {}).get("part") if asked else ""
    if part == "morning" and start >= NOON:
        return time(9)
    return time(13) if part == "afternoon" and start < NOON else start


def asked_of(visit: Visit) -> Answer | None:
    """The wish for another time of this visit that is still open, for the page that moves it."""
    reply = (
        Reply.objects.filter(visit=visit, meaning="move", needs_a_person=True, handled_at__isnull=True)
        .select_related("patient", "visit__nurse", "notice")
        .first()
    )
    return Answer(reply) if reply else None
