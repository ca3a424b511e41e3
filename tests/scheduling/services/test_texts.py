"""Words are saved as versions, by the lead and the admin, and only when they may go out."""

from __future__ import annotations

import pytest

from scheduling.models import Event, MessageText
from scheduling.rules.errors import BadInput, RuleBroken, StaleVersion
from scheduling.services import texts
from tests.makers import make_user
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db

GOOD = "{agency}: your nurse comes {day} at {time}. Call {phone}. Reply STOP to end"


def save(body=GOOD, *, kind="booked", channel="text", language="en", version=0, by=None, **more):
    return texts.save(
        kind, channel, language, body=body, by=by or make_user("lead"), why="shorter", version=version, **more
    )


def test_the_version_saved_last_is_in_force_and_those_before_stay_readable():
    assert texts.current().of("booked", "text", "en").version == 0
    save()
    save(GOOD.replace("comes", "visits"), version=1)
    now = texts.current().of("booked", "text", "en")
    assert (now.version, now.row) == (2, MessageText.objects.get(version=2)) and "visits" in now.body
    assert MessageText.objects.get(version=1).body == GOOD
    assert texts.current().of("booked", "text", "es").version == 0


def test_reading_all_words_takes_one_query(django_assert_num_queries):
    save()
    save(GOOD, kind="moved")
    texts.shipped()
    with django_assert_num_queries(1):
        texts.current()


def test_saving_says_who_and_why_in_the_trail():
    lead = make_user("lead")
    save(by=lead)
    row = MessageText.objects.get()
    event = Event.objects.get(action="message_text_saved")
    assert (row.by, row.why, event.actor, event.why) == (lead, "shorter", lead, "shorter")


@pytest.mark.parametrize("role", ["coordinator", "nurse", "patient"])
def test_who_is_neither_lead_nor_admin_changes_no_words(role):
    with pytest.raises(RuleBroken):
        save(by=make_user(role))
    assert not MessageText.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field", "part"),
    [
        ({"body": GOOD.replace("nurse", "Ocrevus nurse")}, "body", "Ocrevus"),
        ({"body": GOOD.replace("nurse", "infusion")}, "body", "infusion"),
        ({"body": GOOD.replace("nurse", "MS nurse")}, "body", "MS"),
        ({"body": GOOD.replace("{day}", "{birthday}")}, "body", "birthday"),
        ({"body": GOOD.replace("{phone}", "us")}, "body", "{phone}"),
        ({"body": GOOD + " 😀"}, "body", "😀"),
        ({"body": GOOD.replace("nurse", "x" * 120)}, "body", "160"),
        ({"body": "  "}, "body", "Write"),
        ({"body": "x" * 5000}, "body", "4,000"),
        ({"body": "Hello", "channel": "email"}, "subject", "subject"),
        ({"body": "Hello", "channel": "email", "subject": "Your infusion"}, "subject", "infusion"),
        ({"body": "Hello", "channel": "email", "subject": "Your visit {link}"}, "subject", "link"),
        ({"body": "Hello", "channel": "email", "subject": "Your\nvisit"}, "subject", "one line"),
        ({"body": "For your ocrelizumab", "channel": "email", "subject": "Visit"}, "body", "ocrelizumab"),
        ({"body": "See {day}", "kind": "alarm", "channel": "email", "subject": "Look"}, "body", "day"),
        ({"body": "Hello", "kind": "alarm", "channel": "voice"}, "", "no such"),
        ({"body": GOOD, "kind": "nothing"}, "", "no such"),
        ({"body": "This is {agency}.", "kind": "next_day", "channel": "voice"}, "body", "{phone}"),
        ({"body": "Call {phone}.", "kind": "next_day", "channel": "voice"}, "body", "{agency}"),
        (
            {"body": "{agency} {phone} " + "x" * 400, "kind": "next_day", "channel": "voice"},
            "body",
            "a minute",
        ),
    ],
)
def test_words_that_must_not_go_out_are_refused_beside_their_field(fields, field, part):
    with pytest.raises(BadInput) as no:
        save(**fields)
    assert (no.value.field, part in str(no.value)) == (field, True)
    assert not MessageText.objects.exists()


def test_an_email_may_speak_of_the_infusion_in_its_body_never_in_its_subject():
    assert save("About your infusion", channel="email", subject="Your visit").version == 1


def test_the_words_in_force_are_not_saved_again_and_a_reason_is_asked_for():
    save()
    with pytest.raises(BadInput, match="in force"):
        save(version=1)
    with pytest.raises(BadInput) as no:
        texts.save("moved", "text", "en", body=GOOD, by=make_user("admin"), why=" ", version=0)
    assert no.value.field == "why"


def test_who_looked_at_an_older_version_is_told_and_overwrites_nothing():
    save()
    with pytest.raises(StaleVersion):
        save(GOOD.replace("comes", "visits"), version=0)
    assert MessageText.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_told():
    lead = make_user("lead")
    ends = all_at_once(
        [lambda n=n: save(GOOD.replace("comes", f"comes {n}"), by=lead) for n in ("now", "then")]
    )
    assert sorted(type(one).__name__ for one in ends) == ["StaleVersion", "Wording"]
    assert MessageText.objects.count() == 1


def test_an_old_version_is_used_again_as_a_new_one_and_so_is_what_came_with_the_product():
    lead, key = make_user("lead"), ("booked", "text", "en")
    save()
    save(GOOD.replace("comes", "visits"), version=1)
    assert texts.use_again(*key, again=1, by=lead, version=2).body == GOOD
    shipped = texts.use_again(*key, again=0, by=lead, version=3)
    assert shipped.version == 4 and shipped.body == texts.shipped()[key].body
    with pytest.raises(BadInput):
        texts.use_again(*key, again=99, by=lead, version=4)
