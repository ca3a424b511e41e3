"""An automatic call: what it says, and what the keys pressed mean. The same record as a call by a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from patients.models import Contact
from scheduling import call_scripts
from scheduling.models import Call, CallAttempt, Notice
from scheduling.rules.errors import BadInput
from scheduling.services import calls, consents, policy, sendable
from scheduling.transports import transport_for

SOON = timedelta(minutes=10)  # who asks for a call stands in the list of the caller at once
WAITING = (Notice.State.PLANNED, Notice.State.CLAIMED, Notice.State.SENT, Notice.State.DELIVERED)
KEYS = {"1": CallAttempt.Outcome.WELL, "2": CallAttempt.Outcome.SYMPTOMS, "9": CallAttempt.Outcome.LATER}
SAYS = {"1": "well", "2": "symptoms", "9": "later"}
STOP = "8"  # an opt-out in each call: 47 CFR 64.1200(a)(9)(iv)
# Kinds a machine may ask about; the others need a person who listens.
KINDS = frozenset({Call.Kind.REACTION_CHECK, Call.Kind.TWO_WEEK, Call.Kind.NAVIGATOR})


@dataclass(frozen=True, slots=True)
class Words:
    """What is said, in the patient's language. `voicemail` is for a machine, and says nothing about the person."""

    language: str
    hello: str
    ask: str
    again: str
    nothing: str
    voicemail: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What to say now; `ask_again`: then read the question once more and wait for a key."""

    say: str
    ask_again: bool = False
    attempt: CallAttempt | None = None


def script(notice: Notice) -> Words:
    """The words of the call of a notice, which comes with its patient. No drug, no kind of visit, no last name.

    It begins with the words that stand in the notice: those the office wrote, as they were when it went out.
    """
    language, places = _places(notice)
    said = {
        step: call_scripts.automatic(step, language, **places)
        for step in ("hello", "ask", "again", "nothing", "voicemail")
    }
    return Words(language=language, **{**said, "hello": notice.body or said["hello"]})


def answer(
    notice: Notice,
    digits: str = "",
    *,
    provider_id: str = "",
    machine: bool = False,
    now: datetime | None = None,
) -> Answered:
    """Record what was pressed: 1 well, 2 something is not right, 9 call me, 8 no more automatic
    calls (a person still makes the call); nothing is no answer.

    `machine`: the provider says that an answering machine took the call. Another key is asked again and not
    recorded. The provider's id of the call makes it one try however often it is told. `notice` comes with its
    patient and call. Raises BadInput for a notice that is no call.
    """
    call = notice.call
    if call is None:
        raise BadInput("This message is not a call.", field="notice")
    now = now or timezone.now()
    language, places = _places(notice)
    digits = digits.strip()
    if digits and digits != STOP and digits not in KEYS:
        return Answered(call_scripts.automatic("again", language, **places), ask_again=True)
    outcome = CallAttempt.Outcome.VOICEMAIL if machine else CallAttempt.Outcome.NO_ANSWER
    attempt = calls.record_attempt(
        call_id=call.pk,
        outcome=KEYS.get(digits, outcome),
        via=CallAttempt.Via.VOICE,
        call_again_at=now + SOON if digits == "9" else None,
        provider_id=provider_id,
        now=now,
    )
    if digits == STOP and notice.patient is not None:
        consents.opt_out(notice.patient, notice.channel, source="key 8 in an automatic call", now=now)
        return Answered(call_scripts.automatic("stopped", language, **places), attempt=attempt)
    step = SAYS.get(digits, "voicemail" if machine else "nothing")
    return Answered(call_scripts.automatic(step, language, **places), attempt=attempt)


def why_not(call: Call) -> str:
    """Why this call cannot be made automatically, as a sentence, or ""; `call` comes with its patient and contacts."""
    if call.state != Call.State.OWED:
        return "This call is not owed any more."
    if call.kind not in KINDS:
        return "A person makes this call: it needs somebody who listens."
    contacts = {contact.channel: contact for contact in call.patient.contacts.all()}
    if reason := sendable.unreachable(contacts.get(Contact.Channel.VOICE)):
        return f"No automatic call: {reason}."
    if transport_for(Contact.Channel.VOICE) is None:
        return "Automatic calls are not set up here."
    if call.notices.filter(channel=Contact.Channel.VOICE, state__in=WAITING).exists():
        return "An automatic call is on its way. Its answer will stand here."
    return ""


def _places(notice: Notice) -> tuple[str, dict[str, str]]:
    patient = notice.patient
    if patient is None:
        raise BadInput("An automatic call goes to a patient.", field="notice")
    return patient.language, {
        "first_name": patient.first_name,
        "agency": policy.current().sender or settings.AGENCY_NAME,
        "phone": call_scripts.spoken(settings.AGENCY_PHONE),
    }
