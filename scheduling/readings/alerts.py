"""What a person must look at now, alarms first; and what was seen to. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from scheduling import selectors
from scheduling.models import Alert
from scheduling.readings import words

KEPT = timedelta(days=30)  # how long what was seen to is listed


@dataclass(frozen=True)
class Entry:
    """One alert in the list, with its patient and who saw to it loaded."""

    alert: Alert

    @property
    def tag(self) -> tuple[str, str]:
        """Status and word, for ui/tag.html."""
        if self.alert.handled_at is not None:
            return "done", _("Seen to")
        return ("stop", _("Alarm")) if self.alert.alarm else ("wait", _("Look at it"))

    @property
    def since(self) -> str:
        return words.at_words(self.alert.raised_at, self.alert.patient.time_zone)

    @property
    def handled(self) -> str:
        """`Tue, Jan 6, 9:00 am`; "" while it is open."""
        at = self.alert.handled_at
        return words.at_words(at, self.alert.patient.time_zone) if at else ""

    @property
    def url(self) -> str:
        """The page where somebody does something about it."""
        alert = self.alert
        if alert.call_id is not None:
            return reverse("call", args=[alert.call_id])
        if alert.screen_id is not None and alert.screen is not None:
            return reverse("visit-screen", args=[alert.screen.visit_id])  # with what was answered
        if alert.visit_id is not None:
            return reverse("visit", args=[alert.visit_id])
        if alert.notice_id is not None:
            return reverse("notice", args=[alert.notice_id])
        return reverse("chart", args=[alert.patient_id])


def waiting(user: selectors.Viewer) -> QuerySet[Alert]:
    """Open alerts, alarms first, then the oldest."""
    found = selectors.alerts_for(user).filter(handled_at__isnull=True)
    return found.select_related("screen").order_by("-alarm", "raised_at", "pk")


def handled(user: selectors.Viewer, *, now: datetime) -> QuerySet[Alert]:
    """What was seen to in the last thirty days, the newest first."""
    found = selectors.alerts_for(user).filter(handled_at__gte=now - KEPT)
    return found.select_related("handled_by", "screen").order_by("-handled_at", "-pk")


def entries(found: Iterable[Alert]) -> list[Entry]:
    """The lines of a page."""
    return [Entry(alert) for alert in found]
