"""Links as messages carry them, and where they lead, for tests."""

from __future__ import annotations

from django.urls import reverse

from scheduling.models import MessageLink, Visit
from scheduling.services import calls, links
from tests.makers import DAY, at, clock_stands_at


def make_link(visit: Visit, purpose: str = "confirm", **fields) -> MessageLink:
    said = {
        "patient": visit.patient, "visit": visit, "visit_version": visit.version, "expires_at": visit.starts_at,
    }  # fmt: skip
    return MessageLink.objects.create(purpose=purpose, **(said | fields))


def make_feel_link(visit: Visit) -> MessageLink:
    on = visit.local_start.date() + DAY
    call = calls.owe(
        patient=visit.patient, kind="reaction_check_call", about="dose 1 +1", due_on=on, now=at(on, 9)
    )
    return make_link(visit, "feel", call=call, expires_at=visit.starts_at + 4 * DAY)


def url_of(link: MessageLink) -> str:
    return reverse("answer", args=[links.token_of(link)])


def two_days_before(visit: Visit):
    return clock_stands_at(visit.starts_at - 2 * DAY)
