"""Messages as the office reads them: what is due, what went out, what did not and why. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import CharField, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients.models import Contact
from scheduling import clock, selectors
from scheduling.models import Event, Notice
from scheduling.readings import words
from scheduling.services import aftercare

STATUS = {
    "planned": "wait", "suppressed": "hold", "claimed": "live", "sent": "ok", "delivered": "ok",
    "failed": "stop", "unknown": "stop", "expired": "hold",
}  # fmt: skip
HOW = {
    Contact.Channel.EMAIL.value: gettext_lazy("E-mail"),
    Contact.Channel.TEXT.value: gettext_lazy("Text"),
    Contact.Channel.VOICE.value: gettext_lazy("Automatic call"),
}
DUE, COMING, SENT, NOT_SENT, FAILED, ALL = "", "coming", "sent", "not-sent", "failed", "all"
WAITING = ("planned", "claimed")
TABS = {
    DUE: gettext_lazy("Due today"),
    COMING: gettext_lazy("Coming"),
    SENT: gettext_lazy("Sent"),
    NOT_SENT: gettext_lazy("Not sent"),
    FAILED: gettext_lazy("Failed"),
    ALL: gettext_lazy("All"),
}
KEPT = {
    SENT: ("sent", "delivered"),
    NOT_SENT: ("suppressed", "expired"),
    FAILED: ("failed", "unknown"),
}


@dataclass(frozen=True)
class Line:
    """One message in a list. It needs patient or user, and visit, loaded."""

    notice: Notice
    needs_a_person: bool = False

    @property
    def to(self) -> str:
        """Last, First of a patient; the name of somebody of the agency."""
        patient, user = self.notice.patient, self.notice.user
        if patient is not None:
            return patient.listed_name
        return (user.get_full_name() or user.username) if user is not None else ""

    @property
    def how(self) -> str:
        return how_words(self.notice.channel)

    @property
    def visit_at(self) -> str:
        """When the visit is, on the wall of the home; "" for a message about something else."""
        visit = self.notice.visit
        return words.at_words(visit.starts_at, visit.time_zone) if visit else ""

    @property
    def when(self) -> str:
        """The moment of the result, or when it is due."""
        return at_words(self.notice, self.notice.settled_at or self.notice.due_at)

    @property
    def waiting(self) -> bool:
        return self.notice.state in WAITING

    @property
    def status(self) -> str:
        return STATUS[self.notice.state]

    @property
    def word(self) -> str:
        return str(self.notice.get_state_display())

    @property
    def reason(self) -> str:
        return sentence(self.notice.reason)


def how_words(channel: str) -> str:
    return str(HOW.get(channel, channel))


def zone_of(notice: Notice) -> str:
    """The clock a message is read by: of the visit's home, the patient's, or the agency's own."""
    if notice.visit is not None:
        return notice.visit.time_zone
    return notice.patient.time_zone if notice.patient is not None else settings.AGENCY_TIME_ZONE


def at_words(notice: Notice, moment: datetime) -> str:
    """`Tue, Jan 6, 9:00 am`, by the clock of `zone_of`."""
    return words.at_words(moment, zone_of(notice))


def sentence(reason: str) -> str:
    """A stored reason as a sentence."""
    return reason[:1].upper() + reason[1:]


def outbox(
    user: selectors.Viewer, tab: str = DUE, *, kind: str = "", channel: str = "", now: datetime | None = None
) -> QuerySet[Notice]:
    """The messages of one tab. What is to come is in the order of its time, what is over newest first;
    of the failed those first that still need a person."""
    found = selectors.notices_for(user).select_related("user")
    if kind:
        found = found.filter(kind=kind)
    if channel:
        found = found.filter(channel=channel)
    end = _end_of_today(now)
    if tab == DUE:
        return found.filter(state__in=WAITING, due_at__lt=end).order_by("due_at", "priority", "pk")
    if tab == COMING:
        return found.filter(state__in=WAITING, due_at__gte=end).order_by("due_at", "priority", "pk")
    if tab == FAILED:
        marked = found.filter(state__in=KEPT[FAILED]).annotate(open=open_failure(now))
        return marked.order_by("-open", "-settled_at", "-pk")
    if tab in KEPT:
        return found.filter(state__in=KEPT[tab]).order_by(F("settled_at").desc(nulls_last=True), "-pk")
    return found.order_by("-pk")


def counts(user: selectors.Viewer, *, now: datetime | None = None) -> Mapping[str, int]:
    """How many are due today, and how many failures wait for a person; answers too. Three queries."""
    return {
        DUE: outbox(user, DUE, now=now).count(),
        FAILED: failures(user, now=now).count(),
        "answers": selectors.replies_for(user).filter(needs_a_person=True, handled_at__isnull=True).count(),
    }


def failures(user: selectors.Viewer, *, now: datetime | None = None) -> QuerySet[Notice]:
    """Messages that failed, or of which nobody knows, while it still matters and until somebody saw to it."""
    return selectors.notices_for(user).filter(open_failure(now), state__in=KEPT[FAILED])


def open_failure(now: datetime | None = None) -> Q:
    """A condition on failed and unknown messages: the visit is still ahead (or it is about no visit and a week
    has not passed), it was not sent again, no call was owed instead and nobody put it aside."""
    now = now or timezone.now()
    stem = Func(
        OuterRef("about"), Value(" again "), Value(1), function="split_part", output_field=CharField()
    )
    named = Concat(Value("notice "), Cast(OuterRef("pk"), CharField()))
    same = Notice.objects.filter(
        Q(patient=OuterRef("patient")) | Q(user=OuterRef("user")),
        kind=OuterRef("kind"),
        channel=OuterRef("channel"),
        pk__gt=OuterRef("pk"),
    )
    seen_to = Event.objects.filter(action__in=aftercare.SEEN_TO, subject=named)
    matters = Q(visit__starts_at__gt=now) | Q(visit__isnull=True, due_at__gt=now - aftercare.MATTERS_FOR)
    return (
        matters
        & ~Q(Exists(same.filter(about__startswith=Concat(stem, Value(" again ")))))
        & ~Q(Exists(seen_to))
    )


def lines(notices: Iterable[Notice]) -> list[Line]:
    """Rows as lists show them; no query."""
    return [Line(notice, bool(getattr(notice, "open", False))) for notice in notices]


def of_visit(visit_id: int) -> list[Line]:
    """Every message about a visit, in the order of their time. One query."""
    rows = Notice.objects.filter(visit=visit_id).select_related("patient", "user", "visit")
    return lines(rows.order_by("due_at", "pk"))


def _end_of_today(now: datetime | None) -> datetime:
    zone = settings.AGENCY_TIME_ZONE
    return clock.day_bounds(clock.today_in(zone, now), zone)[1]


def empty_words(tab: str) -> str:
    """What an empty tab says."""
    return {
        DUE: _("Nothing is left to send today."),
        COMING: _("Nothing is planned after today."),
        SENT: _("Nothing was sent yet."),
        NOT_SENT: _("Nothing was left out."),
        FAILED: _("No message failed."),
    }.get(tab, _("No messages yet."))
