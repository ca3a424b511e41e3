"""Why did this go out, or not? One message with everything that happened to it, in order. Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from patients.models import Contact
from scheduling import selectors
from scheduling.models import Call, Event, MessageLink, Notice, Reply
from scheduling.readings import notices, trail, words
from scheduling.rules import cadence
from scheduling.services import dispatch, policy

LINK = re.compile(r"(/s/)[^/\s]+")
BOOKED = ("visit_booked", "visit_moved")
ONE_TRANSACTION = timedelta(seconds=10)
CAUSES: Mapping[str, tuple[str, ...]] = {
    "booked": BOOKED,
    "moved": BOOKED,
    "cancelled": ("visit_cancelled", "visit_moved", "visit_missed"),
}
ACTIONS = {
    "notice_put_aside": gettext_lazy("Put aside: nothing more is needed"),
    "notice_call_owed": gettext_lazy("Put on the call list instead"),
    "visit_confirmed": gettext_lazy("The visit was confirmed"),
    "visit_moved": gettext_lazy("The visit was moved"),
    "visit_cancelled": gettext_lazy("The visit was cancelled"),
}


@dataclass(frozen=True)
class Step:
    """Something that happened to the message, or about it: when, what, who did it and why."""

    at: datetime
    when: str
    what: str
    status: str = "done"
    who: str = ""
    why: str = ""


@dataclass(frozen=True)
class Page:
    """What the page shows of a message."""

    line: notices.Line
    steps: tuple[Step, ...]
    to_come: str  # what will happen next; "" when it is over
    address: str
    subject: str
    body: str
    as_sent: bool  # False: a preview of what would go out now
    version: str
    siblings: tuple[notices.Line, ...]
    call: Call | None
    may: frozenset[str]


def page_of(notice: Notice, user: selectors.Viewer, *, now: datetime) -> Page:
    """Everything about one message, loaded with patient, user, visit.nurse, visit.booked_by and text."""
    subject, body, as_sent = words_of(notice)
    line = notices.Line(notice, notices.failures(user, now=now).filter(pk=notice.pk).exists())
    call = Call.objects.filter(about=f"notice {notice.pk}", patient=notice.patient_id).first()
    return Page(
        line=line,
        steps=tuple(sorted(_steps(notice), key=lambda step: step.at)),
        to_come=_to_come(notice),
        address=masked_address(notice.sent_to or _address_on_file(notice)),
        subject=subject,
        body=masked(body),
        as_sent=as_sent,
        version=_version(notice, as_sent),
        siblings=_siblings(notice, user),
        call=call,
        may=frozenset(_may(notice, line.needs_a_person, call)),
    )


def words_of(notice: Notice) -> tuple[str, str, bool]:
    """Subject and body as they went, and True; as they would go now, and False. "" where they cannot be made."""
    if notice.body:
        return notice.subject, notice.body, True
    if notice.state in ("sent", "delivered", "unknown", "failed"):
        return "", "", True
    try:
        return *dispatch.preview(notice), False
    except Exception as error:  # a page about a message that cannot be written must still open
        return "", _("It cannot be written: %(why)s") % {"why": str(error) or type(error).__name__}, False


def masked(body: str) -> str:
    """The words without the part of a link that opens it."""
    return LINK.sub(r"\1…", body)


def masked_address(address: str) -> str:
    """`g…@example.com`, `…0142`: enough to tell which one it was."""
    name, at_sign, domain = address.partition("@")
    if at_sign:
        return f"{name[:1]}…@{domain}"
    return f"… {address[-4:]}" if address else ""


def _address_on_file(notice: Notice) -> str:
    if notice.user is not None:
        return notice.user.email
    contact = Contact.objects.filter(patient=notice.patient_id, channel=notice.channel).first()
    return contact.value if contact else ""


def _version(notice: Notice, as_sent: bool) -> str:
    if notice.text is not None:
        return _("Version %(n)s, %(language)s") % {
            "n": notice.text.version,
            "language": notice.text.language,
        }
    return _("The wording that comes with the product") if as_sent and notice.body else ""


def _siblings(notice: Notice, user: selectors.Viewer) -> tuple[notices.Line, ...]:
    """Other messages about the same visit, or about the same thing."""
    others = selectors.notices_for(user).select_related("user").exclude(pk=notice.pk)
    same = Q(visit=notice.visit_id) if notice.visit_id is not None else Q(about=notice.about)
    return tuple(notices.lines(others.filter(same).order_by("due_at", "pk")[:40]))


def _may(notice: Notice, needs_a_person: bool, call: Call | None) -> Iterable[str]:
    """What a person may do about it: the services say no again where it is too late."""
    if notice.state == "planned":
        yield from ("now", "skip")
    if notice.state == "unknown":
        yield from ("arrived", "lost")
    if notice.state in ("failed", "suppressed", "expired"):
        yield "again"
    if needs_a_person:
        yield "aside"
    if notice.patient_id and call is None and notice.state in ("failed", "unknown", "suppressed", "expired"):
        yield "call"


# --- What happened, in order -------------------------------------------------------------------


def _steps(notice: Notice) -> Iterable[Step]:
    told = list(_events(notice))
    cause = _cause(notice, told)
    who = trail.who(cause.actor) if cause else ""
    yield _step(notice, notice.created_at, _planned_words(notice), "info", who=who)
    for event in told:
        if event.at >= notice.created_at and event != cause:
            word = str(ACTIONS.get(event.action, "")) or trail.action_words(event.action)
            yield _step(notice, event.at, word, who=trail.who(event.actor), why=event.why)
    if notice.attempted_at:
        said = ngettext(
            "Everything was checked again, then it was handed over",
            "Everything was checked again, then it was handed over (try %(n)d)",
            notice.attempts,
        ) % {"n": notice.attempts}
        yield _step(notice, notice.attempted_at, said)
    if notice.settled_at:
        yield _step(
            notice, notice.settled_at, _settled_words(notice), notices.STATUS[notice.state], why=notice.reason
        )
    if notice.delivered_at:
        yield _step(notice, notice.delivered_at, _("The provider says it arrived"), "ok")
    yield from _answers(notice)


def _step(
    notice: Notice, at: datetime, what: str, status: str = "done", who: str = "", why: str = ""
) -> Step:
    return Step(at, notices.at_words(notice, at), what, status, who, notices.sentence(why))


def _events(notice: Notice) -> Iterable[Event]:
    """The trail of the message and of its visit, oldest first."""
    about = Q(subject=f"notice {notice.pk}")
    if notice.visit_id is not None:
        about |= Q(subject=f"visit {notice.visit_id}")
    found = Event.objects.filter(
        about, patient=notice.patient_id or (notice.visit and notice.visit.patient_id)
    )
    return found.exclude(action="chart_read").select_related("actor").order_by("pk")


def _cause(notice: Notice, told: Iterable[Event]) -> Event | None:
    """What made it owed: the last booking or the like before it was planned; both are of one transaction."""
    actions = CAUSES.get(notice.kind, BOOKED)
    until = notice.created_at + ONE_TRANSACTION
    fitting = [event for event in told if event.action in actions and event.at <= until]
    return fitting[-1] if fitting else None


def _planned_words(notice: Notice) -> str:
    if " again " in notice.about:
        return _("Asked to be sent again")
    return {
        "booked": _("Planned, because the visit was booked"),
        "moved": _("Planned, because the visit was moved"),
        "cancelled": _("Planned, because the visit was cancelled"),
        "next_day": _("Planned, because a call is owed after a visit"),
        "unconfirmed": _("Planned, because the patient had not confirmed the visit"),
        "paper_expiry": _("Planned, because a paper runs out"),
        "alarm": _("Planned, because of a worrying answer"),
        "on_the_way": _("Planned, because the nurse set out"),
    }.get(notice.kind, _("Planned with the visit"))


def due_words(notice: Notice) -> str:
    """The rule its time comes from."""
    rules = policy.current()
    first, last = rules.hours
    timing = rules.timings.get(notice.kind)
    if notice.kind in cadence.BEFORE and timing is not None:
        said = ngettext(
            "One day before the visit at %(at)s, on the clock of the home",
            "%(days)d days before the visit at %(at)s, on the clock of the home",
            timing.days,
        ) % {"days": timing.days, "at": words.clock_words(timing.at)}
    elif notice.kind in ("booked", "moved", "cancelled"):
        wait = int(settings.NOTICE_DELAY.total_seconds() // 60)
        said = (
            _("%(n)d minutes after the change, so that an undo is silent") % {"n": wait}
            if wait
            else _("At once after the change")
        )
    else:
        said = _("As soon as it is owed")
    if not notice.patient_id or (first, last) == (0, 24):
        return said
    hours = _("sent only between %(first)s and %(last)s there") % {
        "first": words.clock_words(time(first)),
        "last": words.clock_words(time(last % 24)),
    }
    return f"{said}; {hours}"


def _to_come(notice: Notice) -> str:
    if notice.state == "planned":
        return _("Not before %(at)s; not after %(until)s. Everything is checked again at that moment.") % {
            "at": notices.at_words(notice, notice.due_at),
            "until": notices.at_words(notice, notice.expires_at),
        }
    return _("A worker has it right now.") if notice.state == "claimed" else ""


def _settled_words(notice: Notice) -> str:
    return {
        "sent": _("Sent"),
        "delivered": _("Sent"),
        "suppressed": _("Not sent"),
        "expired": _("Not sent: it was too late"),
        "failed": _("It did not go"),
        "unknown": _("Nobody knows whether it went"),
    }.get(notice.state, str(notice.get_state_display()))


def _answers(notice: Notice) -> Iterable[Step]:
    for reply in Reply.objects.filter(notice=notice).order_by("received_at", "pk"):
        said = f"{reply.get_meaning_display()} ({reply.get_via_display().lower()})"
        yield _step(notice, reply.received_at, _("Answered: %(what)s") % {"what": said}, "ok")
    for link in MessageLink.objects.filter(notice=notice, used_at__isnull=False).order_by("used_at", "pk"):
        yield _step(notice, link.used_at or notice.created_at, _("Its link was used"), "ok")


def facts(notice: Notice, page: Page) -> list[dict[str, Any]]:
    """The short list above: how, where to, when and by which rule."""
    found = [
        {"name": _("How"), "text": page.line.how},
        {"name": _("To"), "text": page.address or _("nothing on file")},
        {"name": _("Time"), "text": due_words(notice)},
    ]
    if page.version:
        found.append({"name": _("Wording"), "text": page.version})
    return found
