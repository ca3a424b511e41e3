"""What a person does about a message that did not go well or an answer: call instead, or leave it.

The row keeps saying what happened to the message; what was done about it is in the trail.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from patients.models import Patient
from scheduling import clock
from scheduling.models import Alert, Call, Notice, Reply
from scheduling.rules.errors import BadInput, RuleBroken
from scheduling.services import calls, events, replies
from scheduling.services.guard import fits, writes

PUT_ASIDE, CALL_OWED = "notice_put_aside", "notice_call_owed"
SEEN_TO = (PUT_ASIDE, CALL_OWED)
MATTERS_FOR = timedelta(days=7)  # how long a message that is about no visit stays before people
NOT_GONE = (Notice.State.FAILED, Notice.State.UNKNOWN, Notice.State.SUPPRESSED, Notice.State.EXPIRED)


@writes
def put_aside(notice_id: int, *, by: User, why: str, now: datetime | None = None) -> Notice:
    """Nothing more is to be done about a message that failed. Raises BadInput without a reason."""
    why = fits(why, "why")
    if not why:
        raise BadInput("Say why nothing more is needed.", field="why")
    notice = Notice.objects.get(pk=notice_id)
    if notice.state not in NOT_GONE:
        raise RuleBroken("This message went out or is still to go.", code="NOTICE_STATE")
    _alert_handled(notice, by, why, now)
    events.write(PUT_ASIDE, by=by, patient=notice.patient_id, subject=notice, why=why)
    return notice


@writes
def call_instead(notice_id: int, *, by: User, now: datetime | None = None) -> Call:
    """Owe the patient a call today about what the message was to say; asked for twice it is one call.

    Locks the patient. Raises RuleBroken for a message to somebody of the agency, or one that went out.
    """
    seen = Notice.objects.select_related("visit").get(pk=notice_id)
    if seen.patient_id is None:
        raise RuleBroken("This message is not for a patient.", code="NOTICE_TO_STAFF")
    patient = Patient.objects.select_for_update(no_key=True).get(pk=seen.patient_id)
    notice = Notice.objects.get(pk=notice_id)
    if notice.state not in NOT_GONE:
        raise RuleBroken("This message went out or is still to go.", code="NOTICE_STATE")
    call = calls.owe(
        patient=patient,
        kind=Call.Kind.TELL,
        about=f"notice {notice.pk}",
        due_on=clock.today_in(patient.time_zone, now),
        visit=seen.visit,
        now=now,
    )
    _alert_handled(notice, by, "On the call list.", now)
    events.write(CALL_OWED, by=by, patient=patient, subject=notice, call=call.pk)
    return call


@writes
def call_back(reply_id: int, *, by: User, note: str = "", now: datetime | None = None) -> Call:
    """Owe the sender of an answer a call today, and count the answer as seen to. Locks the patient.

    Raises RuleBroken for an unknown sender, Conflict when somebody else saw to it first.
    """
    seen = Reply.objects.select_related("visit").get(pk=reply_id)
    if seen.patient_id is None:
        raise RuleBroken("Nobody knows whose number this is.", code="UNKNOWN_SENDER")
    patient = Patient.objects.select_for_update(no_key=True).get(pk=seen.patient_id)
    replies.handle(reply_id, by=by, note=note or "On the call list.", now=now)
    return calls.owe(
        patient=patient,
        kind=Call.Kind.CALL_BACK,
        about=f"reply {reply_id}",
        due_on=clock.today_in(patient.time_zone, now),
        visit=seen.visit,
        now=now,
    )


def _alert_handled(notice: Notice, by: User, note: str, now: datetime | None) -> None:
    """The alert about the same message, if there is one, is seen to as well."""
    open_alerts = Alert.objects.filter(kind=Alert.Kind.NOTICE, about=f"notice {notice.pk}", handled_at=None)
    open_alerts.update(handled_at=now or timezone.now(), handled_by=by, handled_note=note)
