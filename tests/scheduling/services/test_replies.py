"""What patients answer is kept as it came, once, and waits for a person where one is needed."""

from __future__ import annotations

import pytest

from scheduling.models import Event, Reply
from scheduling.rules.errors import BadInput, Conflict, RuleBroken
from scheduling.services import booking, replies
from tests.makers import NOW, make_user, make_visit
from tests.threads import all_at_once

WISHES = {"days": ["2026-03-12", "2026-03-11"], "part": "morning", "why": "I see my doctor"}


@pytest.mark.django_db
def test_a_wish_for_another_time_moves_nothing_and_waits_for_a_person():
    visit = make_visit()
    reply = replies.ask_move(visit=visit, via="link", wishes=WISHES, now=NOW)
    visit.refresh_from_db()
    assert visit.state == "booked"
    assert reply.wishes == {"days": ["2026-03-11", "2026-03-12"], "part": "morning", "why": "I see my doctor"}
    assert (reply.needs_a_person, reply.handled_at, replies.open_move(visit)) == (True, None, reply)
    assert Event.objects.filter(action="reply_received", subject=f"reply {reply.pk}").exists()


@pytest.mark.django_db
def test_a_newer_wish_takes_the_place_of_the_older_and_the_same_again_changes_nothing():
    visit = make_visit()
    first = replies.ask_move(visit=visit, via="link", wishes=WISHES, now=NOW)
    assert replies.ask_move(visit=visit, via="link", wishes=WISHES, now=NOW) == first
    second = replies.ask_move(visit=visit, via="text", now=NOW)
    first.refresh_from_db()
    assert (first.handled_at, first.handled_by, first.handled_note) == (NOW, None, replies.NEWER)
    assert replies.open_move(visit) == second


@pytest.mark.django_db
def test_a_message_the_provider_delivers_twice_is_kept_once():
    visit = make_visit()
    said = {
        "patient": visit.patient,
        "via": "text",
        "meaning": "other",
        "body": "hello",
        "provider_id": "SM1",
    }
    assert replies.record(**said, now=NOW) == replies.record(**said, now=NOW)
    old = replies.ask_move(visit=visit, via="text", provider_id="SM2", now=NOW)
    new = replies.ask_move(visit=visit, via="text", provider_id="SM3", now=NOW)
    assert replies.ask_move(visit=visit, via="text", provider_id="SM2", now=NOW) == old
    assert replies.open_move(visit) == new
    assert Reply.objects.count() == 3


@pytest.mark.django_db
def test_a_visit_that_began_or_is_called_off_cannot_be_asked_away():
    visit = make_visit()
    with pytest.raises(RuleBroken):
        replies.ask_move(visit=visit, via="link", now=visit.starts_at)
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=NOW)
    with pytest.raises(RuleBroken):
        replies.ask_move(visit=visit, via="link", now=NOW)
    assert not Reply.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"days": ["soon"]}, "days"),
        ({"days": [3]}, "days"),
        ({"part": "night"}, "part"),
        ({"why": "x" * 501}, "why"),
    ],
)
def test_wishes_nobody_can_read_are_refused_beside_their_field(wishes, field):
    with pytest.raises(BadInput) as refused:
        replies.ask_move(visit=make_visit(), via="link", wishes=wishes, now=NOW)
    assert refused.value.field == field


@pytest.mark.django_db
def test_an_answer_is_handled_once_and_by_one_person():
    reply = replies.ask_move(visit=make_visit(), via="link", now=NOW)
    by = make_user()
    assert replies.handle(reply.pk, by=by, note="Called", now=NOW).handled_by == by
    assert replies.handle(reply.pk, by=by, note="Twice", now=NOW).handled_note == "Called"
    with pytest.raises(Conflict):
        replies.handle(reply.pk, by=make_user(), now=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_taps_at_once_ask_once():
    visit = make_visit()
    asked = all_at_once([lambda: replies.ask_move(visit=visit, via="link", wishes=WISHES, now=NOW)] * 2)
    assert len({reply.pk for reply in asked}) == 1
