"""Texts that come in: acted on once, answered in the patient's language, and never guessed at."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from patients.models import Contact
from scheduling.models import Call, Event, Notice, Reply, Visit
from scheduling.rules import gsm7
from scheduling.services import booking, dispatch, inbound, outcomes, patient_changes
from tests.makers import (
    DAY,
    NOW,
    make_dose,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    make_way,
)
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db

NUMBER = "+12145550161"


@pytest.fixture(autouse=True)
def texts(settings):
    settings.TEXT_URL = "null://"


def asked(number: str = NUMBER, **fields) -> Visit:
    """A visit whose patient has had the text that asks for a yes."""
    patient = make_patient(**fields)
    make_way(patient, value=number)
    visit = make_visit(make_dose(make_prescription(patient)))
    dispatch.send_due(now=NOW + timedelta(seconds=1))
    dispatch.send_due(now=asking(visit))
    assert Notice.objects.get(visit=visit, channel="text", kind="confirm").state == "sent"
    return visit


def asking(visit: Visit):
    """When that text goes: two days before, in the morning."""
    return Notice.objects.get(visit=visit, channel="text", kind="confirm").due_at + timedelta(seconds=1)


def says(body: str, *, visit: Visit | None = None, sender: str = NUMBER, sid: str = "", now=None) -> str:
    now = now or (asking(visit) + timedelta(hours=1) if visit else NOW)
    answer = inbound.receive_text(sender=sender, body=body, provider_id=sid, now=now)
    assert gsm7.fits(answer), answer
    return answer


def state(visit: Visit) -> str:
    visit.refresh_from_db()
    return visit.state


def test_1_confirms_the_visit_of_the_text_that_asked():
    visit = asked()
    answer = says(" 1. ", visit=visit, sid="SM1")
    assert state(visit) == "confirmed"
    assert "is confirmed" in answer
    reply = Reply.objects.get()
    assert (reply.meaning, reply.visit, reply.notice.kind, reply.needs_a_person) == (
        "confirm",
        visit,
        "confirm",
        False,
    )
    assert (reply.body, reply.sender, reply.provider_id) == (" 1. ", NUMBER, "SM1")
    assert Event.objects.get(action="visit_confirmed").detail["via"] == "text"


@pytest.mark.parametrize("status", ["in_hospital", "died"])
def test_a_yes_from_the_phone_of_somebody_who_is_away_confirms_nothing_and_a_person_sees_it(status):
    visit = asked()
    patient_changes.set_status(
        patient_id=visit.patient_id,
        status=status,
        since_on=NOW.date(),
        why="the family called",
        by=make_user(),
    )
    assert "will call you" in says("1", visit=visit)
    assert state(visit) == "booked"
    assert Reply.objects.get().needs_a_person


def test_a_text_delivered_twice_is_taken_in_once_and_answered_once():
    visit = asked()
    assert says("2", visit=visit, sid="SM1")
    assert says("2", visit=visit, sid="SM1") == ""
    assert Reply.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_text_delivered_twice_at_one_moment_is_taken_in_once():
    visit = asked()
    at = asking(visit) + timedelta(hours=1)
    found = all_at_once(
        [lambda: inbound.receive_text(sender=NUMBER, body="9", provider_id="SM1", now=at)] * 6
    )
    assert sorted(map(bool, found)) == [False] * 5 + [True], found
    assert (Reply.objects.count(), Call.objects.filter(kind="call_back").count()) == (1, 1)


def test_2_asks_for_another_time_and_moves_nothing():
    visit = asked()
    answer = says("2", visit=visit)
    assert state(visit) == "booked"
    assert "your visit stays on" in answer
    reply = Reply.objects.get()
    assert (reply.meaning, reply.visit, reply.needs_a_person) == ("move", visit, True)


def test_9_owes_the_patient_a_call():
    visit = asked()
    assert "call you back" in says("9", visit=visit)
    call = Call.objects.get(kind="call_back")
    assert (call.patient, call.visit, call.state) == (visit.patient, visit, "owed")
    assert Reply.objects.get().meaning == "call_me"


def test_a_1_for_a_visit_that_changed_since_is_told_so_and_goes_to_a_person():
    visit = asked()
    moved = booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at + timedelta(hours=2), by=make_user(),
        reason_class="patient", now=asking(visit),
    )  # fmt: skip
    assert "has changed" in says("1", visit=visit)
    assert (state(moved), Reply.objects.get().needs_a_person) == ("booked", True)


def test_a_1_for_a_visit_that_was_cancelled_is_told_so_and_goes_to_a_person():
    visit = asked()
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=asking(visit))
    assert "has changed" in says("1", visit=visit)
    assert Reply.objects.get().needs_a_person


def test_a_1_out_of_the_blue_is_for_a_person():
    make_way(make_patient(), value=NUMBER)
    assert "call you about your visit" in says("1")
    assert Reply.objects.get().needs_a_person


def test_a_1_said_again_is_thanked_again_and_changes_nothing():
    visit = asked()
    assert says("1", visit=visit, sid="SM1") == says("1", visit=visit, sid="SM2")
    assert Event.objects.filter(action="visit_confirmed").count() == 1


def test_where_two_patients_share_a_number_a_1_is_theirs_whose_visit_waits_for_it():
    visit = asked()
    other = asked()
    outcomes.confirm_visit(visit_id=other.pk, by=make_user(), now=asking(other))
    says("1", visit=visit)
    assert state(visit) == "confirmed"
    assert Reply.objects.get().patient == visit.patient


def test_where_two_visits_wait_for_a_1_from_one_number_nobody_guesses():
    visit, other = asked(), asked()
    assert "call you about your visit" in says("1", visit=visit, sid="SM1")
    assert (state(visit), state(other)) == ("booked", "booked")
    kept = Reply.objects.order_by("pk")
    assert [reply.patient for reply in kept] == [visit.patient, other.patient]
    assert all(reply.needs_a_person for reply in kept)


@pytest.mark.parametrize(
    "word", ["STOP", "stopall", "Unsubscribe", "end", "quit", "revoke", "opt out", "ALTO", "¡Parar!"]
)
def test_stop_is_honoured_at_once_answered_once_and_stops_no_other_channel(word):
    visit = asked()
    answer = says(word, visit=visit)
    assert "no more texts" in answer
    assert not Contact.objects.get(channel="text").usable
    assert Contact.objects.get(channel="email").usable
    assert not Notice.objects.filter(channel="text", state="planned").exists()
    mail.outbox.clear()
    dispatch.send_due(now=visit.starts_at - timedelta(hours=20))
    assert not Notice.objects.filter(channel="text", state="sent", attempted_at__gt=asking(visit)).exists()
    assert len(mail.outbox) == 1, "the e-mail of the day before still goes"
    assert Reply.objects.get().meaning == "stop"


def test_cancel_stops_the_texts_and_a_person_asks_whether_the_visit_was_meant():
    visit = asked()
    says("Cancel", visit=visit)
    assert not Contact.objects.get(channel="text").usable
    assert (state(visit), Reply.objects.get().needs_a_person) == ("booked", True)


def test_stop_from_a_number_two_patients_share_stops_the_texts_of_both():
    visit, _other = asked(), asked()
    says("STOP", visit=visit, sid="SM1")
    assert not Contact.objects.filter(channel="text", opted_out_at__isnull=True).exists()
    assert sorted(Reply.objects.values_list("provider_id", flat=True)) == ["SM1", "SM1/2"]


def test_start_gives_the_texts_back():
    visit = asked()
    says("STOP", visit=visit)
    assert "texts from us again" in says("unstop", visit=visit)
    assert Contact.objects.get(channel="text").usable
    assert Notice.objects.filter(channel="text", state="planned", kind="day_before").exists()


def test_start_gives_no_consent_that_never_was():
    make_way(make_patient(), value=NUMBER, consented_at=None)
    assert "no permission on file" in says("START")
    assert not Contact.objects.get(channel="text").usable
    assert Reply.objects.get().needs_a_person


def test_yes_is_a_word_of_the_carriers_so_who_gets_texts_is_told_which_digit_to_press():
    visit = asked()
    assert "reply 1" in says("Yes", visit=visit)
    assert (state(visit), Reply.objects.get().needs_a_person) == ("booked", True)


def test_help_names_us_and_the_number_to_call(settings):
    make_way(make_patient(), value=NUMBER)
    answer = says("help")
    assert answer.startswith(f"{settings.AGENCY_NAME}: ")
    assert "214-555-0142" in answer
    assert not Reply.objects.get().needs_a_person


def test_anything_else_reaches_a_person_and_is_thanked_for_once():
    make_way(make_patient(), value=NUMBER)
    assert "Somebody at our office will read this" in says("My door code is 4411", sid="SM1")
    assert says("I am driving and will answer later", sid="SM2") == "", "two machines must not talk for ever"
    assert Reply.objects.filter(meaning="other", needs_a_person=True).count() == 2


def test_a_number_nobody_has_is_kept_for_a_person_and_not_answered():
    assert says("Who is this?", sender="+12145550199", sid="SM1") == ""
    reply = Reply.objects.get()
    assert (reply.patient, reply.needs_a_person, reply.sender) == (None, True, "+12145550199")


def test_a_stranger_who_asks_for_help_in_spanish_gets_it_in_the_same_words():
    assert "911" in says("Ayuda", sender="+12145550199")


def test_a_patient_who_writes_from_the_phone_we_call_is_known():
    patient = make_patient()
    make_way(patient, "voice", NUMBER)
    says("hello?")
    assert Reply.objects.get().patient == patient


def test_a_text_may_hold_anything(db):
    make_way(make_patient(), value=NUMBER)
    says("\x00 👍 " + "a" * 1600, sid="SM" + "9" * 80)
    assert Reply.objects.get().body.startswith(" 👍 a")


def test_no_answer_names_a_drug_a_diagnosis_or_a_name():
    visit = asked(first_name="Consuelo", last_name="Vandermeer")
    said = [says(word, visit=visit, now=asking(visit) + n * DAY / 24) for n, word in enumerate(
        ["1", "2", "9", "help", "what?", "yes", "STOP", "START"], start=1
    )]  # fmt: skip
    for answer in said:
        for secret in ("Consuelo", "Vandermeer", "ocrelizumab", "Ocrevus", "infusion", "sclerosis"):
            assert secret.casefold() not in answer.casefold()


@pytest.mark.parametrize("word", ["1", "2", "9", "ayuda", "¿mande?", "yes", "ALTO", "START"])
def test_who_speaks_spanish_is_answered_in_spanish_in_one_part_of_a_text(word):
    spanish = asked(language="es")
    in_spanish = says(word, visit=spanish)
    english = asked(number="+12145550162")
    in_english = says(word, visit=english, sender="+12145550162")
    assert in_spanish != in_english
    for left_over in ("Thank", "office", "visit ", "texts", "Reply", "call "):
        assert left_over not in in_spanish


def test_a_text_without_a_number_stops_nobody():
    patient = make_patient()
    make_way(patient, value="")
    says("STOP", sender="")
    assert Contact.objects.get(patient=patient, channel="text").opted_out_at is None
    assert Reply.objects.get().patient is None
