"""What the provider tells us: signed or refused, small, and taken in once. Whole stories over HTTP."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

import pytest

from patients.models import Contact
from scheduling.models import Call, CallAttempt, Notice, Reply, Tally
from scheduling.rules.errors import Conflict
from scheduling.services import calls, consents, dispatch, notices
from scheduling.urls.hooks import urlpatterns
from tests.makers import (
    NOW,
    clock_stands_at,
    make_dose,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    make_way,
    today_at,
)
from tests.provider.twilio_server import TOKEN, signature, twilio_server

pytestmark = pytest.mark.django_db

OURS = "https://care.example"
NUMBER = "+12145550161"
TEXT = "/hooks/twilio/text/"
URL = f"twilio://AC1:{TOKEN}@api.twilio.com?from=+12145550142"


@pytest.fixture(autouse=True)
def address(settings):
    settings.PUBLIC_URL, settings.TEXT_URL, settings.VOICE_URL = OURS, URL, URL


def post(client, path: str, said: dict[str, str], signed: str | None = None, **more):
    """As Twilio does: a form, and its signature over our public address."""
    signed = signature(OURS + path, said) if signed is None else signed
    return client.post(
        path, urlencode(said),
        content_type="application/x-www-form-urlencoded", headers={"X-Twilio-Signature": signed}, **more,
    )  # fmt: skip


def words(response) -> str:
    return " ".join(ElementTree.fromstring(response.content).itertext()).strip()


def incoming(body: str, sid: str = "SM1") -> dict[str, str]:
    return {"From": NUMBER, "To": "+12145550142", "Body": body, "MessageSid": sid, "AccountSid": "AC1"}


# --- Signatures ------------------------------------------------------------------------------------


EVERY_ADDRESS = [f"/hooks/{entry.pattern}".replace("<slug:message_id>", "notice-1") for entry in urlpatterns]


@pytest.mark.parametrize("path", EVERY_ADDRESS)
@pytest.mark.parametrize("role", ["admin", "coordinator", "patient"])
def test_nobody_who_is_signed_in_gets_in_where_only_the_provider_may(client, path, role):
    client.force_login(make_user(role))
    assert client.get(path).status_code == 405
    assert post(client, path, incoming("STOP"), "").status_code == 403


@pytest.mark.parametrize("path", EVERY_ADDRESS)
@pytest.mark.parametrize(
    "signed", ["", "nonsense", signature(OURS + "/hooks/twilio/text/elsewhere/", incoming("STOP"))]
)
def test_what_is_not_signed_is_refused_counted_and_never_acted_on(client, path, signed):
    make_way(make_patient(), value=NUMBER)
    assert post(client, path, incoming("STOP"), signed).status_code == 403
    assert post(client, path, incoming("STOP"), signed).status_code == 403
    assert Tally.objects.get(name="refused signature").count == 2
    assert Contact.objects.get(channel="text").usable
    assert not Reply.objects.exists()


def test_one_changed_letter_of_a_signed_text_is_refused(client):
    signed = signature(OURS + TEXT, incoming("1"))
    assert post(client, TEXT, incoming("2"), signed).status_code == 403
    assert post(client, TEXT, incoming("1"), signed).status_code == 200


def test_a_signature_of_somebody_elses_account_is_refused(client):
    assert (
        post(client, TEXT, incoming("1"), signature(OURS + TEXT, incoming("1"), "another")).status_code == 403
    )


def test_without_a_provider_nothing_can_be_signed(client, settings):
    settings.TEXT_URL = settings.VOICE_URL = ""
    assert post(client, TEXT, incoming("1")).status_code == 403


def test_behind_a_proxy_the_address_we_told_the_provider_counts(client):
    answer = post(client, TEXT, incoming("hello"), HTTP_HOST="127.0.0.1:8000", REMOTE_ADDR="10.0.0.7")
    assert answer.status_code == 200


def test_a_page_cannot_be_opened_and_a_large_or_strange_body_is_not_read(client):
    assert client.get(TEXT).status_code == 405
    assert post(client, TEXT, incoming("a" * 20_000)).status_code == 413
    json = client.post(TEXT, {"Body": "STOP"}, content_type="application/json")
    assert json.status_code == 415
    assert not Tally.objects.exists()


# --- Texts that come in ----------------------------------------------------------------------------


def test_stop_is_answered_once_however_often_it_is_delivered(client):
    make_way(make_patient(), value=NUMBER)
    first = post(client, TEXT, incoming("STOP"))
    assert first["Content-Type"].startswith("text/xml")
    assert "no more texts" in words(first)
    assert words(post(client, TEXT, incoming("STOP"))) == ""
    assert not Contact.objects.get(channel="text").usable


def test_where_the_provider_answered_stop_itself_we_act_and_say_nothing(client):
    make_way(make_patient(), value=NUMBER)
    assert words(post(client, TEXT, {**incoming("STOP"), "OptOutType": "STOP"})) == ""
    assert not Contact.objects.get(channel="text").usable


def test_a_text_that_meets_somebody_at_work_is_not_lost_the_provider_comes_again(client, monkeypatch):
    make_way(make_patient(), value=NUMBER)
    with monkeypatch.context() as busy:
        busy.setattr(
            consents, "opt_out", mock.Mock(side_effect=Conflict("Somebody else is at it.", code="BUSY"))
        )
        assert post(client, TEXT, incoming("STOP")).status_code == 503
    assert not Reply.objects.exists()
    assert "no more texts" in words(post(client, TEXT, incoming("STOP")))


def test_angle_brackets_in_a_name_stay_words(client, settings):
    settings.AGENCY_NAME = "A & <B>"
    make_way(make_patient(), value=NUMBER)
    assert words(post(client, TEXT, incoming("HELP"))).startswith("A & <B>: ")


# --- A text there and back -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_text_goes_out_is_received_and_its_receipts_come_back_in_any_order(live_server, settings):
    settings.PUBLIC_URL = live_server.url
    with twilio_server() as twilio:
        settings.TEXT_URL = twilio.url()
        patient = make_patient()
        make_way(patient, value=NUMBER)
        make_visit(make_dose(make_prescription(patient)))
        dispatch.send_due(now=NOW + timedelta(seconds=1))
        (taken,) = twilio.messages
        notice = Notice.objects.get(channel="text", kind="booked")
        assert urlsplit(taken.form["StatusCallback"]).path == f"/hooks/twilio/status/notice-{notice.pk}/"
        assert (notice.state, notice.provider_id) == ("sent", taken.sid)
        assert twilio.report(taken, "delivered", times=3) == [204, 204, 204]
        assert twilio.report(taken, "sent") == [204]
    notice.refresh_from_db()
    assert notice.state == "delivered"
    assert not Tally.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_opted_out_at_the_carrier_is_not_texted_again(live_server, settings):
    settings.PUBLIC_URL = live_server.url
    with twilio_server() as twilio:
        settings.TEXT_URL = twilio.url()
        twilio.world.opted_out.add(NUMBER)
        patient = make_patient()
        make_way(patient, value=NUMBER)
        make_visit(make_dose(make_prescription(patient)))
        dispatch.send_due(now=NOW + timedelta(seconds=1))
        assert twilio.messages == []
    contact = Contact.objects.get(channel="text")
    assert (contact.usable, contact.opt_out_source) == (False, "provider")
    assert not Notice.objects.filter(channel="text", state__in=("planned", "failed")).exists()


def test_an_opt_out_one_moment_before_the_send_is_honoured(settings):
    with twilio_server() as twilio:
        settings.TEXT_URL = twilio.url()
        patient = make_patient()
        make_way(patient, value=NUMBER)
        make_visit(make_dose(make_prescription(patient)))
        claimed = dispatch.claim_due(10, now=NOW + timedelta(seconds=1))
        consents.opt_out(patient, "text", source="text STOP", now=NOW + timedelta(seconds=1))
        dispatch.send_claimed(claimed, clock=lambda: NOW + timedelta(seconds=1))
        assert twilio.messages == []


# --- An automatic call -----------------------------------------------------------------------------


@pytest.fixture
def call(settings):
    """A call a machine places, as far as it has been taken by the provider."""
    with clock_stands_at(NOW), twilio_server() as twilio:
        settings.VOICE_URL = twilio.url()
        patient = make_patient()
        make_way(patient, "voice", NUMBER)
        owed = calls.owe(
            patient=patient, kind=Call.Kind.REACTION_CHECK, about="dose 1 +1", due_on=today_at(), now=NOW
        )
        notices.ask_by_voice(owed, by=make_user(), now=NOW)
        dispatch.send_due(now=NOW + timedelta(minutes=30))
        notice = Notice.objects.get(channel="voice")
        assert notice.state == "sent", notice.reason
        settings.VOICE_URL = URL
        yield notice


def ring(client, notice: Notice, query: str = "", **said: str):
    path = f"/hooks/twilio/voice/notice-{notice.pk}/{query}"
    return post(client, path, {"CallSid": notice.provider_id, **said})


def tags(response) -> list[str]:
    return [part.tag for part in ElementTree.fromstring(response.content)]


def attempts() -> list[tuple[str, str, str]]:
    return list(CallAttempt.objects.values_list("outcome", "via", "provider_id"))


def test_a_call_asks_waits_for_a_key_and_asks_once_more(client, call):
    asked = ring(client, call, AnsweredBy="human")
    assert tags(asked) == ["Say", "Gather", "Redirect"]
    assert "?waited=1" in words(asked)
    assert attempts() == []
    assert tags(ring(client, call, "?waited=1")) == ["Say", "Hangup"]
    assert attempts() == [("no_answer", "voice", call.provider_id)]


@pytest.mark.parametrize(("key", "outcome"), [("1", "well"), ("2", "symptoms"), ("9", "later")])
def test_a_key_lands_in_the_record_of_the_call_once(client, call, key, outcome):
    for _ in range(2):
        assert tags(ring(client, call, Digits=key)) == ["Say", "Hangup"]
    assert attempts() == [(outcome, "voice", call.provider_id)]
    path = f"/hooks/twilio/status/notice-{call.pk}/"
    ended = {"CallSid": call.provider_id, "CallStatus": "completed"}
    assert post(client, path, ended).status_code == 204
    assert attempts() == [(outcome, "voice", call.provider_id)], "the end of the call undoes no answer"
    call.refresh_from_db()
    assert call.state == "delivered"


def test_another_key_is_asked_again(client, call):
    assert "Gather" in tags(ring(client, call, Digits="5"))
    assert attempts() == []


def test_a_mailbox_hears_a_sentence_that_tells_nothing(client, call):
    heard = ring(client, call, AnsweredBy="machine_end_beep")
    assert "Gather" not in tags(heard)
    assert call.patient.first_name not in words(heard)
    assert attempts() == [("voicemail", "voice", call.provider_id)]


@pytest.mark.parametrize("ended", ["no-answer", "busy", "completed"])
def test_a_call_nobody_answered_with_a_key_is_a_try_nobody_answered(client, call, ended):
    path = f"/hooks/twilio/status/notice-{call.pk}/"
    for _ in range(2):
        post(client, path, {"CallSid": call.provider_id, "CallStatus": ended})
    assert attempts() == [("no_answer", "voice", call.provider_id)]
    call.refresh_from_db()
    assert call.state == ("delivered" if ended == "completed" else "failed")


def test_a_call_we_never_placed_is_hung_up(client, call):
    assert tags(post(client, "/hooks/twilio/voice/notice-999999/", {"CallSid": "CA1"})) == ["Hangup"]
