"""The words of messages as the office reads them: all of them, one with its history, and how they will look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from nurses.models import Nurse
from patients.models import Patient
from scheduling.models import MessageText, Notice, Visit
from scheduling.readings.words import at_words
from scheduling.rules import gsm7, wording
from scheduling.rules.cadence import Policy
from scheduling.rules.errors import BadInput
from scheduling.services import texts
from scheduling.services import wording as composing
from scheduling.services.texts import Wording

LANGUAGE_NAMES = {"en": gettext_lazy("English"), "es": gettext_lazy("Spanish")}
CHANNEL_NAMES = {
    "text": gettext_lazy("Text"),
    "email": gettext_lazy("E-mail"),
    "voice": gettext_lazy("Automatic call"),
}
ASKING = {
    "booked_ask": gettext_lazy("Visit booked, asks for a yes"),
    "moved_ask": gettext_lazy("Visit moved, asks for a yes"),
}
WHEN = {
    "booked": gettext_lazy("When a visit is booked."),
    "booked_ask": gettext_lazy("When a visit is booked too late for the message that asks."),
    "moved": gettext_lazy("When a visit gets another time or nurse."),
    "moved_ask": gettext_lazy("When a visit is moved too late for the message that asks."),
    "cancelled": gettext_lazy("When a visit is cancelled."),
    "week_before": gettext_lazy("Some days before the visit."),
    "confirm": gettext_lazy("Asks for a yes, asks the health questions and says how to get ready, in one."),
    "health_screen": gettext_lazy("When the visit is confirmed and the health questions are open."),
    "preparation": gettext_lazy("When the visit is confirmed and the health questions are answered."),
    "day_before": gettext_lazy("The last reminder."),
    "on_the_way": gettext_lazy("When the nurse sets out."),
    "next_day": gettext_lazy("The day after, or after the last day of a course."),
    "unconfirmed": gettext_lazy("To the coordinator, when nobody said yes."),
    "paper_expiry": gettext_lazy("To coordinators and admins, before a licence or an authorization ends."),
    "alarm": gettext_lazy("To the clinical lead, when an answer is worrying."),
}
LONG_LINK = "https://" + "m" * 52


def kind_name(kind: str) -> str:
    """A kind as people say it; those that ask at once have names of their own."""
    return str(ASKING.get(kind) or Notice.Kind(kind).label)


@dataclass(frozen=True)
class Cell:
    """One language of one message in the list."""

    wording: Wording
    name: str
    changed: str  # "version 2 by ..., Tue, Jan 6", or "" as shipped


@dataclass(frozen=True)
class Row:
    """One kind: for each channel of the table its languages; none where it does not go that way."""

    kind: str
    name: str
    when: str
    channels: tuple[tuple[str, tuple[Cell, ...]], ...]


def overview() -> tuple[list[Row], list[Row]]:
    """Every wording in force: those patients get, and those of the office. Two queries."""
    current = texts.current()
    rows = {row.pk: row for row in _with_people([w.row.pk for w in current.wordings.values() if w.row])}
    cells: dict[tuple[str, str], list[Cell]] = {}
    for (kind, channel, language), said in current.wordings.items():
        changed = ""
        if said.row:
            changed = _("Version %(n)s, %(who)s") % {"n": said.version, "who": _changed(rows[said.row.pk])}
        cells.setdefault((kind, channel), []).append(Cell(said, str(LANGUAGE_NAMES[language]), changed))

    def row(kind: str, channels: Iterable[str]) -> Row:
        ways = ((str(CHANNEL_NAMES[channel]), tuple(cells.get((kind, channel), ()))) for channel in channels)
        return Row(kind, kind_name(kind), str(WHEN[kind]), tuple(ways))

    return (
        [row(kind, CHANNEL_NAMES) for kind in WHEN if kind not in texts.STAFF_KINDS],
        [row(kind, (wording.EMAIL,)) for kind in WHEN if kind in texts.STAFF_KINDS],
    )


def _with_people(keys: list[int]) -> list[MessageText]:
    return list(MessageText.objects.filter(pk__in=keys).select_related("by"))


def _changed(row: MessageText) -> str:
    """Who, and when on the wall of the office."""
    by = (row.by.get_full_name() or row.by.username) if row.by else _("nobody on file")
    return f"{by}, {at_words(row.at, settings.AGENCY_TIME_ZONE)}"


@dataclass(frozen=True)
class Version:
    """One version there was; `number` 0 is what came with the product."""

    number: int
    subject: str
    body: str
    changed: str
    why: str
    in_force: bool


def history(kind: str, channel: str, language: str) -> list[Version]:
    """Every version of one wording, the newest first, down to what was shipped. One query."""
    rows = MessageText.objects.filter(kind=kind, channel=channel, language=language).select_related("by")
    found = [
        Version(row.version, row.subject, row.body, _changed(row), row.why, in_force=not place)
        for place, row in enumerate(rows.order_by("-version"))
    ]
    shipped = texts.shipped()[kind, channel, language]
    return [*found, Version(0, shipped.subject, shipped.body, _("Came with the product"), "", not found)]


@dataclass(frozen=True)
class Preview:
    """How words look for a made-up person, and what is wrong with them. Counts are of a text only."""

    subject: str = ""
    body: str = ""
    counted: int = 0
    left_out: tuple[str, ...] = ()
    longest: int = 0
    longest_left_out: tuple[str, ...] = field(default=())
    problem: str = ""
    most: int = gsm7.ONE_PART


def preview(said: Wording, policy: Policy, *, now: datetime) -> Preview:
    """The words as the sample patient would read them, counted, and as the longest names would make them."""
    try:
        texts.check(said.kind, said.channel, said.language, subject=said.subject, body=said.body)
        problem = ""
    except BadInput as no:
        problem = str(no)
    try:
        words = composing.say(said, sample(said, now=now), policy=policy, link=_sample_link(said.kind))
        counted = longest = 0
        tight: tuple[str, ...] = ()
        if said.channel == wording.TEXT:
            counted = gsm7.septets(words.body)
            values = {
                **wording.LONGEST_ANY,
                **wording.LONGEST[said.language],
                "hello": "x" * 40,
                "zone": "CST",
            }
            filled = wording.fill(said.body, values, channel=wording.TEXT)
            longest, tight = gsm7.septets(filled.body), filled.left_out
    except BadInput as no:
        return Preview(problem=problem or str(no))
    return Preview(words.subject, words.body, counted, words.left_out, longest, tight, problem)


def sample(said: Wording, *, now: datetime) -> Notice:
    """A message that is kept nowhere, to a person who does not exist."""
    names = {"en": ("Maria", "Elif"), "es": ("María", "Elif")}[said.language]
    zone = ZoneInfo(settings.AGENCY_TIME_ZONE)
    day = (now.astimezone(zone) + timedelta(days=3)).date()
    starts_at = datetime.combine(day, time(9), zone).astimezone(UTC)
    visit = Visit(
        pk=12,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=4, minutes=30),
        time_zone=settings.AGENCY_TIME_ZONE,
        nurse=Nurse(first_name=names[1]),
    )
    staff = said.kind in texts.STAFF_KINDS
    return Notice(
        kind=said.kind.removesuffix("_ask"),
        channel=said.channel,
        patient=None if staff else Patient(first_name=names[0], language=said.language),
        user=User(username="sample") if staff else None,
        visit=visit if said.kind not in ("next_day", "paper_expiry", "alarm") else None,
        about=f"licence 4 {day + timedelta(days=27)} at 30 days",
        created_at=now,
    )


def _sample_link(kind: str) -> str:
    """An address as long as a real one; "" where the office's own pages are named."""
    if kind in texts.STAFF_KINDS:
        return ""
    return f"{settings.PUBLIC_URL.rstrip('/') or 'https://home.example.org'}/s/7c0abcdefghijklmnop/"


def places(kind: str) -> list[tuple[str, str]]:
    """The places a message of this kind may have, as they are typed, and what each becomes."""
    return [(f"{{{name}}}", wording.PLACES[name]) for name in wording.PLACES if name in texts.places_of(kind)]
