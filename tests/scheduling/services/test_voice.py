"""An automatic call says nothing about the person, and its keys land in the same record as a caller's words."""

from __future__ import annotations

import pytest

from patients.models import Contact
from scheduling.models import Alert, Call, CallAttempt
from scheduling.rules.errors import BadInput
from scheduling.services import calls, notices, voice
from scheduling.transports import transport_for
from tests.makers import NOW, make_patient, make_user, make_visit, today_at

pytestmark = pytest.mark.django_db

MINUTE = voice.SOON / 10


@pytest.fixture(autouse=True)
def hours(settings):
    settings.NOTICE_HOURS = (9, 20)


def a_call(kind: str = "reaction_check_call", **fields) -> Call:
    patient = make_patient(**fields)
    Contact.objects.update_or_create(
        patient=patient,
        channel="voice",
        defaults={"value": "+12145550123", "consented_at": NOW, "opted_out_at": None},
    )
    return calls.owe(patient=patient, kind=kind, about="test", due_on=today_at(), now=NOW)


def a_notice(call: Call | None = None):
    return notices.ask_by_voice(call or a_call(), by=make_user(), now=NOW)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_words_are_in_the_patients_language_and_tell_nothing(language):
    notice = a_notice(a_call(language=language, first_name="María", last_name="Quintanilla"))
    said = voice.script(notice)
    assert said.language == language
    assert "María" in said.hello
    whole = " ".join((said.hello, said.ask, said.again, said.nothing, said.voicemail)).lower()
    assert "{" not in whole
    for word in ("quintanilla", "infus", "mab", "esclerosis", "sclerosis"):
        assert word not in whole
    assert "maría" not in said.voicemail.lower(), "other people may listen to a voicemail"


@pytest.mark.parametrize(
    ("digits", "outcome", "state", "says"),
    [
        ("1", "well", "done", "glad you are well"),
        ("2", "symptoms", "done", "A nurse will call you today"),
        ("9", "later", "owed", "We will call you soon"),
        ("", "no_answer", "owed", "We will call you again"),
    ],
)
def test_a_key_is_a_try(digits, outcome, state, says):
    call = a_call()
    said = voice.answer(a_notice(call), digits, provider_id="CA1", now=NOW)
    call.refresh_from_db()
    assert (said.attempt.outcome, said.attempt.via, said.attempt.by) == (outcome, "voice", None)
    assert (call.state, call.tries) == (state, 1)
    assert says in said.say


def test_something_is_not_right_is_an_alarm():
    voice.answer(a_notice(), "2", now=NOW)
    alert = Alert.objects.get()
    assert (alert.alarm, alert.sentence) == (
        True,
        "Check after a visit: they say that something is not right.",
    )


def test_who_asks_for_a_call_stands_in_the_list_at_once():
    call = a_call()
    voice.answer(a_notice(call), "9", now=NOW)
    call.refresh_from_db()
    assert call.next_at == NOW + voice.SOON


def test_another_key_is_asked_again_and_not_recorded():
    said = voice.answer(a_notice(), "7", now=NOW)
    assert said.ask_again
    assert not CallAttempt.objects.exists()


def test_a_machine_that_answered_is_a_voicemail():
    said = voice.answer(a_notice(), machine=True, now=NOW)
    assert said.attempt.outcome == "voicemail"
    assert "Please call us" in said.say


def test_the_provider_telling_twice_is_one_try_and_a_late_hang_up_changes_nothing():
    call = a_call()
    notice = a_notice(call)
    first = voice.answer(notice, "1", provider_id="CA1", now=NOW)
    again = voice.answer(notice, "", provider_id="CA1", now=NOW + MINUTE)
    assert again.attempt == first.attempt
    call.refresh_from_db()
    assert (call.state, call.tries) == ("done", 1)


def test_a_message_that_is_no_call_is_refused():
    notice = make_visit().notices.first()
    with pytest.raises(BadInput):
        voice.answer(notice, "1", now=NOW)


def test_the_page_says_why_no_machine_may_call(monkeypatch):
    assert voice.why_not(a_call("call_back")).startswith("A person makes this call")
    assert voice.why_not(a_call("stroke_and_reaction_call")).startswith("A person makes this call")
    call = a_call()
    monkeypatch.setattr(voice, "transport_for", lambda channel: None)
    assert voice.why_not(call) == "Automatic calls are not set up here."
    monkeypatch.setattr(voice, "transport_for", lambda channel: transport_for)
    assert voice.why_not(call) == ""
    a_notice(call)
    assert voice.why_not(call) == "An automatic call is on its way. Its answer will stand here."
    other = a_call()
    other.patient.contacts.filter(channel="voice").update(opted_out_at=NOW)
    assert "opted out" in voice.why_not(other)
    calls.record_attempt(call_id=other.pk, outcome="well", by=make_user(), now=NOW)
    other.refresh_from_db()
    assert voice.why_not(other) == "This call is not owed any more."


def test_a_key_ends_automatic_calls_and_a_person_still_makes_this_one():
    notice = a_notice()
    said = voice.answer(notice, "8", provider_id="CA8", now=NOW)
    assert "no more automatic calls" in said.say
    assert notice.patient.contacts.get(channel="voice").opted_out_at == NOW
    notice.call.refresh_from_db()
    assert (notice.call.state, notice.call.last_outcome) == ("owed", "no_answer")
    voice.answer(notice, "8", provider_id="CA8", now=NOW)
    assert notice.call.attempts.count() == 1
