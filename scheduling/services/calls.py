"""Follow-up calls: what came of a try, and what follows from it. Who owes what is in call_rows and calls_due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from accounts.models import User
from patients.models import Contact, Patient
from scheduling import call_scripts, clock
from scheduling.models import Call, CallAttempt
from scheduling.rules import calls as rules
from scheduling.rules.errors import BadInput, StaleVersion
from scheduling.services import alerts, consents, events, policy
from scheduling.services.call_rows import drop, owe, resume, settle, stop, sync
from scheduling.services.calls_due import keep_up
from scheduling.services.guard import fits, writes

__all__ = ["drop", "keep_up", "owe", "record_attempt", "resume", "stop", "sync"]

NOTE = 2000  # characters
LATEST = timedelta(days=60)  # a call put off further than that is a typing error
SAME_CLICK = timedelta(minutes=2)
Outcome = CallAttempt.Outcome


@writes
def record_attempt(
    *,
    call_id: int,
    outcome: str,
    by: User | None = None,
    via: str = "phone",
    note: str = "",
    symptoms: Sequence[str] = (),
    call_again_at: datetime | None = None,
    provider_id: str = "",
    tries: int | None = None,
    now: datetime | None = None,
) -> CallAttempt:
    """Write down one try and plan what follows: the next try, done, or given up with an alert.

    Symptoms are an alarm for the clinical leads. `symptoms` are codes of the script; `call_again_at` is asked for
    with "later". `tries` is the count the person saw: the same click twice is one try, another's try in between is
    StaleVersion. A `provider_id` is recorded once. A call that is settled takes a further try ("they called back"):
    it is not owed again, but symptoms alarm all the same, and whoever could not be reached is reached now.
    Locks the patient, then the call. Raises BadInput beside the field.
    """
    now = now or timezone.now()
    patient_id = Call.objects.values_list("patient_id", flat=True).get(pk=call_id)
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    call = Call.objects.select_for_update(no_key=True, of=("self",)).select_related("visit").get(pk=call_id)
    call.patient = patient
    if twin := _same(call, outcome, by, provider_id, tries, now):
        return twin
    note = fits(note, "note", NOTE)
    codes = _checked(outcome, via, note, symptoms, call_again_at, now)
    attempt = CallAttempt.objects.create(
        call=call,
        at=now,
        via=via,
        outcome=outcome,
        symptoms=codes,
        note=note,
        call_again_at=call_again_at if outcome == Outcome.LATER else None,
        provider_id=provider_id,
        by=by,
    )
    call.tries, call.last_outcome = F("tries") + 1, outcome
    call.save(update_fields=["tries", "last_outcome", "changed_at"])
    call.refresh_from_db(fields=["tries"])
    events.write(
        "call_tried", by=by, patient=patient, subject=call, outcome=outcome, via=via, attempt=attempt.pk
    )
    _follow(call, attempt, now)
    return attempt


def _same(
    call: Call, outcome: str, by: User | None, provider_id: str, tries: int | None, now: datetime
) -> CallAttempt | None:
    """The try this is a repetition of. Raises StaleVersion when somebody else tried after the page was opened."""
    if provider_id:
        found = CallAttempt.objects.filter(provider_id=provider_id).first()
        if found is not None:
            return found
    if tries is None or tries == call.tries:
        return None
    latest = call.attempts.order_by("-at", "-pk").first()
    if (
        latest is not None
        and (latest.by_id, latest.outcome) == (by.pk if by else None, outcome)
        and now - latest.at < SAME_CLICK
    ):
        return latest
    raise StaleVersion("Somebody recorded a try after you opened this page. Look again, then decide.")


def _checked(
    outcome: str,
    via: str,
    note: str,
    symptoms: Sequence[str],
    call_again_at: datetime | None,
    now: datetime,
) -> list[str]:
    """The codes of the symptoms, in the order of the list. Raises BadInput beside what is wrong or missing."""
    if outcome not in Outcome.values:
        raise BadInput("Choose what came of the call.", field="outcome")
    if unknown := set(symptoms) - set(call_scripts.SYMPTOMS):
        raise BadInput(f"These are not on the list: {', '.join(sorted(unknown))}.", field="symptoms")
    if symptoms and outcome != Outcome.SYMPTOMS:
        raise BadInput("You ticked what is not right. Choose: Reached: symptoms.", field="outcome")
    if outcome == Outcome.SYMPTOMS and via == CallAttempt.Via.PHONE and not (symptoms or note):
        raise BadInput("Tick what they told you, or write it down.", field="symptoms")
    if outcome == Outcome.LATER:
        if call_again_at is None:
            raise BadInput("Say when to call again.", field="call_again_at")
        if call_again_at <= now:
            raise BadInput("That time has passed. Choose a later one.", field="call_again_at")
        if call_again_at > now + LATEST:
            raise BadInput("That is more than two months away. Check the day.", field="call_again_at")
    return [code for code in call_scripts.SYMPTOMS if code in set(symptoms)]


def _follow(call: Call, attempt: CallAttempt, now: datetime) -> None:
    """The next try or the end, by rule; and who must hear of it."""
    tries = [rules.Try(one.at, one.outcome) for one in call.attempts.order_by("at", "pk")]
    follows = rules.after(
        tries,
        kind=call.kind,
        optional=call.optional,
        time_zone=call.patient.time_zone,
        hours=policy.current().hours,
        call_again_at=attempt.call_again_at,
    )
    settled = call.state != Call.State.OWED
    if settled and attempt.outcome not in {Outcome.WELL, Outcome.SYMPTOMS}:
        return
    if follows.at is not None:
        call.next_at = follows.at
        day = clock.local_day(follows.at, call.patient.time_zone)
        if attempt.outcome == Outcome.LATER and call.kind in rules.CONTACTS and call.last_on:
            call.last_on = max(call.last_on, day)  # the day they named is not too late
        call.save(update_fields=["next_at", "last_on", "changed_at"])
    elif call.state != Call.State.DONE:
        settle(call, follows.state, follows.why, now)
    if attempt.outcome == Outcome.WRONG_NUMBER:
        _number_is_dead(call, now)
    if follows.alert:
        _tell(call, attempt, follows, now)
    if attempt.outcome == Outcome.SYMPTOMS and attempt.via != CallAttempt.Via.PHONE:
        _owe_a_voice(call, attempt, follows, now)


def _owe_a_voice(call: Call, attempt: CallAttempt, follows: rules.Next, now: datetime) -> None:
    """Nobody has spoken to them yet, and they were told that a nurse calls today."""
    patient = call.patient
    owe(
        patient=patient, kind=Call.Kind.SYMPTOMS, about=f"call {call.pk}", visit=call.visit, dose=call.dose,
        prescription=call.prescription, reason=_sentence(call, attempt, follows),
        due_on=clock.today_in(patient.time_zone, now), now=now,
    )  # fmt: skip


def _number_is_dead(call: Call, now: datetime) -> None:
    """Nobody is called or texted there until the office has another number. The call tells it, once."""
    numbers = {way.channel: way.value for way in call.patient.contacts.all()}
    dialed = numbers.get(Contact.Channel.VOICE) or numbers.get(Contact.Channel.TEXT, "")
    for channel, value in numbers.items():
        if value and value == dialed:
            consents.mark_failed(call.patient, channel, value=dialed, source="call", tell=False, now=now)


def _tell(call: Call, attempt: CallAttempt, follows: rules.Next, now: datetime) -> None:
    alerts.raise_alert(
        follows.alert,
        patient=call.patient,
        about=f"call {call.pk} try {call.tries}",
        sentence=_sentence(call, attempt, follows),
        alarm=follows.alarm,
        visit=call.visit,
        call=call,
        now=now,
    )


def _sentence(call: Call, attempt: CallAttempt, follows: rules.Next) -> str:
    """What happened, for the office: plain words, no name and no drug."""
    what = call_scripts.TITLES[call.kind]
    if follows.alert == "symptoms":
        told = ", ".join(call_scripts.SYMPTOMS[code].label.lower() for code in attempt.symptoms)
        return f"{what}: they report {told}." if told else f"{what}: they say that something is not right."
    if follows.alert == "number":
        return f"{what}: the phone number is wrong. Find out how to reach them."
    if attempt.outcome == Outcome.DECLINED:
        return f"{what}: they want no more of these calls. Decide whether that is safe."
    return f"{what}: {follows.why}. Find another way to hear from them."
