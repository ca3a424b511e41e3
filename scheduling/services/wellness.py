"""How a patient feels the day after a visit, said by a link: it lands in the call that is owed that day."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from scheduling.models import CallAttempt, MessageLink
from scheduling.services import alerts, calls
from scheduling.services.guard import writes

WELL, SYMPTOMS = CallAttempt.Outcome.WELL, CallAttempt.Outcome.SYMPTOMS


def said(link: MessageLink) -> str:
    """What was said through this link: "symptoms" once it was, else "well", or "" before the first answer."""
    found = set(_tries(link).values_list("outcome", flat=True))
    return SYMPTOMS if SYMPTOMS in found else WELL if WELL in found else ""


@writes
def answer(link: MessageLink, outcome: str, *, now: datetime | None = None) -> None:
    """Keep that they are well, or that something is not right: then a nurse calls, and the clinical lead is told.

    The same answer again changes nothing; "not right" after "well" still counts. Without a call on file (it was
    taken back meanwhile) symptoms are put before the office all the same.
    """
    now = now or timezone.now()
    if link.call is not None:
        calls.record_attempt(
            call_id=link.call.pk, outcome=outcome, via="link", provider_id=_mark(link, outcome), now=now
        )
    elif outcome == SYMPTOMS:
        alerts.raise_alert(
            "symptoms", patient=link.patient, about=f"link {link.pk}", alarm=True, visit=link.visit, now=now,
            sentence="They answered a message: something is not right. Call them now.",
        )  # fmt: skip


def _mark(link: MessageLink, outcome: str) -> str:
    """What makes a second tap the same answer."""
    return f"link-{link.pk}-{outcome}"


def _tries(link: MessageLink):  # type: ignore[no-untyped-def]  # a queryset of CallAttempt
    return CallAttempt.objects.filter(provider_id__in=[_mark(link, one) for one in (WELL, SYMPTOMS)])
