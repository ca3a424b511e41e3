"""What a person must look at now: raised once for one cause, open until somebody says what was done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from accounts.models import Role, User
from patients.models import Patient
from scheduling.models import Alert, Call, HealthScreen, Notice, Visit
from scheduling.rules.errors import BadInput, Conflict
from scheduling.services import events, notices
from scheduling.services.guard import fits, writes

SENTENCE = 300  # characters


@writes
def raise_alert(
    kind: str,
    *,
    patient: Patient,
    about: str,
    sentence: str,
    alarm: bool = False,
    visit: Visit | None = None,
    call: Call | None = None,
    screen: HealthScreen | None = None,
    notice: Notice | None = None,
    now: datetime | None = None,
) -> Alert:
    """Put it before the office, once for (kind, about); an alarm is told to the clinical leads by e-mail, too.

    The same cause again changes nothing, except that what was no alarm may become one: then it is open again.
    `sentence` is for the office: plain words, no name.
    """
    now = now or timezone.now()
    alert, created = Alert.objects.get_or_create(
        kind=kind,
        about=about,
        defaults={
            "patient": patient,
            "alarm": alarm,
            "visit": visit,
            "call": call,
            "screen": screen,
            "notice": notice,
            "sentence": sentence[:SENTENCE],
            "raised_at": now,
        },
    )
    worse = alarm and not created and not alert.alarm
    if worse:
        alert.alarm, alert.sentence, alert.raised_at = True, sentence[:SENTENCE], now
        alert.handled_at = alert.handled_by = None
        alert.save()
    if created or worse:
        events.write("alert_raised", by=None, patient=patient, subject=alert, kind=kind, alarm=alarm)
    if alarm and (created or worse):
        notices.tell_staff(
            Notice.Kind.ALARM, users=who_is_told(), about=f"alert {alert.pk}", visit=visit, call=call, now=now
        )
    return alert


def who_is_told() -> list[User]:
    """The clinical leads; where none of them has an address, everybody in the office as well."""
    leads = list(User.objects.filter(is_active=True, role=Role.LEAD).order_by("pk"))
    return leads if any(lead.email for lead in leads) else leads + _rest_of_the_office()


def pass_on(notice: Notice, *, now: datetime) -> None:
    """An alarm that did not reach one of those it was for goes to the rest of the office, once."""
    notices.tell_staff(
        Notice.Kind.ALARM, users=_rest_of_the_office(), about=notice.about, visit=notice.visit,
        call=notice.call, now=now,
    )  # fmt: skip


def _rest_of_the_office() -> list[User]:
    others = User.objects.filter(is_active=True, role__in=[Role.ADMIN, Role.COORDINATOR])
    return list(others.order_by("pk"))


@writes
def handle(alert_id: int, *, by: User, note: str, now: datetime | None = None) -> Alert:
    """Somebody looked at it and says what was done. Twice by one person is once; Conflict when another was first."""
    note = fits(note, "note")
    if not note:
        raise BadInput("Say what was done.", field="note")
    alert = (
        Alert.objects.select_for_update(no_key=True, of=("self",))
        .select_related("handled_by")
        .get(pk=alert_id)
    )
    if alert.handled_at is not None:
        if alert.handled_by_id == by.pk:
            return alert
        who = alert.handled_by.get_short_name() if alert.handled_by else "Somebody"
        raise Conflict(f"{who or 'Somebody'} has dealt with this already.", code="ALERT_HANDLED")
    alert.handled_at, alert.handled_by, alert.handled_note = now or timezone.now(), by, note
    alert.save(update_fields=["handled_at", "handled_by", "handled_note"])
    events.write("alert_handled", by=by, patient=alert.patient_id, subject=alert, why=note)
    return alert


def it_went(notice_ids: Sequence[int], *, now: datetime) -> int:
    """These messages went out after all: what was said about their loss needs nobody any more. Returns how many."""
    about = [f"notice {key}" for key in notice_ids]
    lost = Alert.objects.filter(kind=Alert.Kind.NOTICE, about__in=about, handled_at__isnull=True)
    return lost.update(handled_at=now, handled_note="It went out after all.")
