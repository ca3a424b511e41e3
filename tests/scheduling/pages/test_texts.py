"""The words of messages and their times, as the office reads, tries and changes them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scheduling.models import MessageText, NoticePolicy
from scheduling.readings import notice_times
from scheduling.readings import texts as readings
from scheduling.rules.cadence import Policy
from scheduling.services import policy, texts
from tests.makers import CHICAGO, DAY, NOW, at, make_user
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db

GOOD = "{agency}: your nurse comes {day} at {time}. Call {phone}. Reply STOP to end"
PAGE = ("notice-text", ["booked", "text", "en"])


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def get(name, args=(), by=None):
    with at_the_desk(by or make_user("lead")) as client:
        return client.get(reverse(name, args=args))


def post(name, args=(), by=None, **data):
    with at_the_desk(by or make_user("lead")) as client:
        return client.post(reverse(name, args=args), data)


def save(body=GOOD, by=None, **data):
    return post(*PAGE, by=by, **{"body": body, "why": "shorter", "version": 0, "do": "save", **data})


def test_the_list_has_every_message_in_every_language_with_the_version_in_force():
    lead = make_user("lead", first_name="Nadia", last_name="Cho")
    texts.save(*PAGE[1], body=GOOD, by=lead, why="shorter", version=0)
    page = get("notice-texts")
    assert page.content.decode().count("/staff/notices/texts/") >= len(texts.shipped())
    assert "Version 1, Nadia Cho" in text_of(page)


def test_the_list_takes_as_many_queries_for_many_versions_as_for_one():
    lead = make_user("lead")
    texts.save("moved", "text", "en", body=GOOD, by=lead, why="try", version=0)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            get("notice-texts", by=lead)
        return len(found)

    before = queries()
    for version in range(4):
        texts.save(*PAGE[1], body=GOOD + "." * (version % 2), by=lead, why="try", version=version)
    texts.save(
        "booked",
        "text",
        "es",
        body=texts.shipped()["moved", "text", "es"].body,
        by=lead,
        why="try",
        version=0,
    )
    assert queries() == before


@pytest.mark.parametrize("key", sorted(texts.shipped()))
def test_every_wording_has_a_page_that_shows_it_filled_in(key):
    page = text_of(get("notice-text", key))
    assert "How it looks" in page and "It cannot be saved" not in page
    shown = re.split("Places|Left out", page.split("How it looks")[1])[0]
    assert "{" not in shown
    if key[1] == "text":
        assert re.search(r"\d+ of 160", shown)


def test_a_preview_counts_what_was_typed_and_keeps_nothing():
    page = post(*PAGE, body=GOOD, version=0, do="preview")
    counted = len(
        "Trinity Home Care: your nurse comes Thu, Mar 5 at 9:00 am. Call 214-555-0142. Reply STOP to end"
    )
    assert page.status_code == 200 and f"{counted} of 160" in text_of(page)
    assert "Check these points" not in text_of(page) and not MessageText.objects.exists()


def test_a_preview_says_what_would_be_refused():
    page = text_of(post(*PAGE, body=GOOD.replace("nurse", "Ocrevus nurse"), version=0, do="preview"))
    assert "It cannot be saved like this. “Ocrevus” must not be in this message" in page
    assert "Your nurse" not in page and "Ocrevus nurse comes" in page
    assert "160 characters" in text_of(
        post(*PAGE, body=GOOD.replace("nurse", "n" * 150), version=0, do="preview")
    )


def test_words_are_saved_as_a_new_version_and_shown_as_the_one_in_force():
    assert save().status_code == 302
    row = MessageText.objects.get()
    assert (row.version, row.body, row.why) == (1, GOOD, "shorter")
    page = text_of(get(*PAGE))
    assert "Version 1 In force" in page and "As it came Use this again" in page


def test_refused_words_stay_as_typed_beside_what_is_wrong():
    typed = GOOD.replace("nurse", "infusion nurse")
    page = save(typed)
    assert page.status_code == 422
    assert "infusion nurse comes" in page.content.decode()
    assert "“infusion” must not be in this message" in page.content.decode().split('id="id_body_error"')[1]
    assert "<title>Error: " in page.content.decode()
    assert save(why="").status_code == 422
    assert not MessageText.objects.exists()


def test_who_looked_at_an_older_version_is_told_and_keeps_what_was_typed():
    save()
    page = save(GOOD.replace("comes", "visits"), version=0)
    assert page.status_code == 409 and "visits" in page.content.decode()
    assert "Somebody else changed these words" in text_of(page)


def test_an_old_version_is_used_again_by_a_button():
    save()
    assert post(*PAGE, do="again", again=0, version=1).status_code == 302
    assert MessageText.objects.first().body == texts.shipped()[tuple(PAGE[1])].body
    for wrong in ("99", "x", ""):
        assert post(*PAGE, do="again", again=wrong, version=2).status_code == 422


def test_a_coordinator_reads_the_words_and_changes_none():
    page = get(*PAGE, by=make_user())
    assert "Save as a new version" not in page.content.decode() and "How it looks" in page.content.decode()
    assert save(by=make_user()).status_code == 422 and not MessageText.objects.exists()
    assert "Save</button>" not in get("notice-settings", by=make_user()).content.decode()


@pytest.mark.parametrize(
    "key", [("nothing", "text", "en"), ("alarm", "text", "en"), ("booked", "text", "fr")]
)
def test_a_message_that_does_not_exist_has_no_page(key):
    assert get("notice-text", key).status_code == 404


def settings(**changed):
    shown = {
        "first": 9, "last": 20, "per_week": 3, "sender": "", "why": "the office asked", "version": 0, "do": "save",
        "try_on": "3/12/2026", "try_at": "09:00",
    }  # fmt: skip
    for kind, timing in policy.default().timings.items():
        shown |= {f"on_{kind}": "on", f"days_{kind}": timing.days, f"at_{kind}": f"{timing.at:%H:%M}"}
    return {key: value for key, value in {**shown, **changed}.items() if value is not None}


def test_the_settings_are_saved_as_a_new_version():
    done = post("notice-settings", **settings(first=8, per_week=2, sender="Trinity Nurses", on_week_before=None,
                                              days_confirm=3, at_confirm="11:30"))  # fmt: skip
    assert done.status_code == 302
    found = policy.current()
    assert (found.hours, found.per_week, found.sender) == ((8, 20), 2, "Trinity Nurses")
    assert not found.timings["week_before"].on and found.timings["confirm"].days == 3
    assert f"{found.timings['confirm'].at:%H:%M}" == "11:30"
    assert "the office asked" in text_of(get("notice-settings"))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"sender": "Trinity Infusion"}, "sender"),
        ({"days_confirm": "soon"}, "days_confirm"),
        ({"days_confirm": "40"}, "days_confirm"),
        ({"at_confirm": "21:30"}, "days_confirm"),
        ({"first": 20, "last": 9}, "first"),
        ({"first": 7}, "first"),
        ({"per_week": 4}, "per_week"),
        ({"why": ""}, "why"),
    ],
)
def test_what_must_not_be_set_is_told_beside_its_field_and_nothing_is_kept(changed, field):
    page = post("notice-settings", **settings(**changed))
    assert page.status_code == 422 and f'id="id_{field}_error"' in page.content.decode()
    assert not NoticePolicy.objects.exists()


def test_trying_shows_what_a_visit_would_send_and_keeps_nothing():
    page = post("notice-settings", **settings(do="preview", why="", days_day_before=1, at_day_before="15:30"))
    shown = text_of(page)
    assert page.status_code == 200 and not NoticePolicy.objects.exists()
    assert "Thu, Mar 5, 10:00 am A week before" in shown
    assert "Wed, Mar 11, 3:30 pm The day before" in shown
    assert "Check these points" not in shown


def test_a_day_that_is_past_or_no_day_shows_nothing_and_says_so():
    assert "Choose a day ahead" in text_of(
        post("notice-settings", **settings(do="preview", try_on="1/1/2026"))
    )
    assert "a day that exists" in text_of(
        post("notice-settings", **settings(do="preview", try_on="2/30/2026"))
    )


def lines(days: int, rules: Policy | None = None):
    starts_at = at((NOW + days * DAY).date(), 9)
    return {x.kind: x for x in notice_times.of_visit(rules or Policy(), starts_at, CHICAGO, now=NOW)}


def test_a_visit_far_ahead_sends_each_of_its_messages_and_one_for_what_is_asked():
    found = lines(20)
    went = [kind for kind, line in found.items() if line.email]
    assert went == ["booked", "week_before", "confirm", "unconfirmed", "day_before", "next_day"]
    assert found["health_screen"].why == found["preparation"].why == "said in the message that asks for a yes"


def test_what_the_caps_leave_out_is_told_and_its_email_still_goes():
    found = lines(7)  # booked today, a week before is today, too: one text a day
    assert found["booked"].text and not found["week_before"].text
    tight = lines(20, Policy(per_week=1))
    assert tight["confirm"].text and not tight["day_before"].text and tight["day_before"].email
    assert tight["day_before"].why.startswith("no text: ")


def test_a_message_whose_time_has_passed_or_that_is_off_is_shown_as_not_sent():
    assert lines(1)["confirm"].why == "its time had passed when the visit was planned"
    assert not lines(1)["confirm"].email


def test_the_sample_of_the_day_is_three_days_from_now_whatever_the_hour():
    said = texts.shipped()["booked", "text", "en"]
    shown = readings.preview(said, Policy(), now=NOW + timedelta(hours=23))
    assert "Fri, Mar 6" in shown.body
