"""Answers: what patients wrote waits until a person has seen to it, and says what it is about."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scheduling.models import Call, Event, Reply
from scheduling.readings import replies as readings
from scheduling.services import booking, replies
from tests.makers import DAY, MINUTE, NOW, make_nurse, make_patient, make_user, make_visit
from tests.scheduling.pages.booking_desk import at_the_desk
from tests.scheduling.pages.test_notices import text_of

pytestmark = pytest.mark.django_db


def wish(visit=None, **fields) -> Reply:
    """An open wish for another time of a visit."""
    visit = visit or make_visit()
    said = {"days": ["2026-03-10"], "part": "morning", "why": "my son's birthday"}
    return replies.ask_move(visit=visit, via="link", wishes=fields.pop("wishes", said), now=NOW, **fields)


def shown(name="replies", *args, by=None, **asked):
    with at_the_desk(by) as client:
        return client.get(reverse(name, args=args), asked)


def press(reply, do, note="", by=None):
    with at_the_desk(by) as client:
        return client.post(reverse("reply", args=[reply.pk]), {"do": do, "note": note})


def test_the_inbox_shows_words_meaning_wishes_and_visit_the_oldest_first():
    reply = wish()
    older = replies.record(
        patient=make_patient(), via="text", meaning="other", body="Is Ana coming?", needs_a_person=True,
        now=NOW - 5 * MINUTE,
    )  # fmt: skip
    response = shown()
    assert [one.reply for one in response.context["answers"]] == [older, reply]
    page = text_of(response)
    for said in (
        "“Is Ana coming?”",
        "Asks for another time",
        "Tue, Mar 10",
        "In the morning",
        "my son&#x27;s birthday",
    ):
        assert said in page, said
    assert reverse("visit-move", args=[reply.visit_id]) in page


def test_the_number_of_open_answers_stands_on_the_tab():
    wish()
    replies.record(patient=None, via="text", meaning="confirm", now=NOW)  # settled by itself
    tabs = {str(tab["label"]): tab["count"] for tab in shown("notices").context["tabs"]}
    assert tabs["Answers"] == 1


def test_the_wish_stands_on_the_pages_of_the_visit_until_it_is_seen_to():
    reply = wish()
    for name in ("visit", "visit-move"):
        assert "Asked for another time." in text_of(shown(name, reply.visit_id)), name
    replies.handle(reply.pk, by=make_user(), note="kept", now=NOW)
    assert "Asked for another time." not in text_of(shown("visit", reply.visit_id))


def test_an_answer_says_on_which_number_to_call_back():
    reply = wish()
    reply.patient.contacts.update_or_create(channel="voice", defaults={"value": "+12145550123"})
    stranger = replies.record(
        patient=None, via="text", meaning="other", body="Who is this?", sender="+12145550199", now=NOW,
        needs_a_person=True,
    )  # fmt: skip
    assert 'href="tel:+12145550123"' in text_of(shown("reply", reply.pk))
    assert 'href="tel:+12145550199"' in text_of(shown("reply", stranger.pk))


def test_done_keeps_who_when_and_the_note_and_empties_the_inbox():
    reply, by = wish(), make_user()
    assert press(reply, "done", "moved to Tuesday", by).status_code == 302
    reply.refresh_from_db()
    assert (reply.handled_by, reply.handled_at, reply.handled_note) == (by, NOW, "moved to Tuesday")
    assert "No answer waits." in text_of(shown())
    assert "moved to Tuesday" in text_of(shown(show="done"))
    assert Event.objects.filter(action="reply_handled", patient=reply.patient).count() == 1


def test_somebody_who_comes_second_is_told():
    reply = wish()
    press(reply, "done", "moved to Tuesday")
    response = press(reply, "call")
    assert response.status_code == 409 and "moved to Tuesday" in text_of(response)
    assert not Call.objects.filter(about=f"reply {reply.pk}").exists()


def test_a_call_that_is_owed_for_an_answer_takes_it_out_of_the_inbox():
    reply = wish()
    press(reply, "call")
    call = Call.objects.get(about=f"reply {reply.pk}")
    assert (call.kind, call.visit_id) == ("call_back", reply.visit_id)
    assert "No answer waits." in text_of(shown())


def test_an_unknown_sender_can_be_seen_to_and_not_be_called():
    reply = replies.record(
        patient=None, via="text", meaning="other", body="Who is this?", sender="+12145550177", needs_a_person=True,
        now=NOW,
    )  # fmt: skip
    page = text_of(shown("reply", reply.pk))
    assert "Unknown sender" in page and "214-555-0177" in page and "Put on the call list" not in page
    assert press(reply, "call").status_code == 422
    assert press(reply, "done", "a wrong number").status_code == 302


def test_a_visit_that_moved_since_is_told():
    reply = wish()
    booking.move_visit(
        visit_id=reply.visit_id, nurse_id=make_nurse().pk, starts_at=reply.visit.starts_at + DAY, by=make_user(),
        reason_class="patient", now=NOW,
    )  # fmt: skip
    page = text_of(shown("reply", reply.pk))
    assert "This visit is moved now." in page and reverse("visit-move", args=[reply.visit_id]) not in page


def test_words_cannot_become_markup():
    reply = replies.record(
        patient=make_patient(),
        via="text",
        meaning="other",
        body="<script>x</script>",
        needs_a_person=True,
        now=NOW,
    )
    for page in (shown(), shown("reply", reply.pk)):
        assert "<script>x" not in page.content.decode()


def test_the_inbox_asks_the_database_as_often_for_many_as_for_few():
    def asked() -> int:
        with at_the_desk() as client, CaptureQueriesContext(connection) as seen:
            client.get(reverse("replies"))
        return len(seen)

    wish()
    few = asked()
    for _n in range(4):
        wish()
    assert asked() == few <= 24


def test_wishes_are_said_in_words():
    assert readings.wish_words(Reply(wishes={})) == []
    assert readings.wish_words(Reply(wishes={"part": "afternoon"})) == ["In the afternoon"]
