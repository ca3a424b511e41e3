"""Notices: what is due, what went out and what did not; why; and what a person may do about it."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from scheduling.models import Alert, Call, Event, Notice, NoticePolicy
from scheduling.readings import notices as readings
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    make_dose,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def shown(name="notices", *args, by=None, **asked):
    with at_the_desk(by) as client:
        return client.get(reverse(name, args=args), asked)


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


def decide(notice, do, why="", by=None):
    with at_the_desk(by) as client:
        return client.post(reverse("notice", args=[notice.pk]), {"do": do, "why": why})


def one_notice(state="planned", **fields) -> Notice:
    """The booked message of a new visit, in this state."""
    notice = make_visit().notices.get(kind="booked")
    settled = None if state in ("planned", "claimed") else NOW
    Notice.objects.filter(pk=notice.pk).update(state=state, settled_at=settled, **fields)
    notice.refresh_from_db()
    return notice


# --- The list --------------------------------------------------------------------------------


def test_the_list_says_to_whom_how_about_which_visit_when_and_why_not():
    visit = make_visit(make_dose(make_prescription(make_patient(email=""))))
    page = text_of(shown(show="not-sent"))
    for said in (
        visit.patient.listed_name,
        "Not sent",
        "No address on file",
        "Visit booked",
        "E-mail",
        "9:00 am",
    ):
        assert said in page, said


def test_what_is_due_today_stands_first_and_what_comes_later_has_a_tab_of_its_own():
    visit = make_visit()
    today = [line.notice.kind for line in shown().context["lines"]]
    coming = [line.notice for line in shown(show="coming").context["lines"]]
    assert today == ["booked", "week_before"]  # its visit is a week from today
    assert {notice.kind for notice in coming} >= {"confirm", "day_before"}
    assert [notice.due_at for notice in coming] == sorted(notice.due_at for notice in coming)
    assert {notice.visit_id for notice in coming} == {visit.pk}


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("", {"planned", "claimed"}),
        ("sent", {"sent", "delivered"}),
        ("not-sent", {"suppressed", "expired"}),
        ("failed", {"failed", "unknown"}),
        ("all", set(Notice.State.values)),
        ("nonsense", {"planned", "claimed"}),
    ],
)
def test_each_tab_keeps_its_states(asked, kept):
    visit = make_visit()
    Notice.objects.exclude(kind="booked").delete()
    original = visit.notices.get()
    for state in Notice.State.values:
        original.pk, original.about, original.state = None, f"visit {visit.pk} {state}", state
        original.save()
    Notice.objects.filter(about=f"visit {visit.pk} v1").delete()
    assert {line.notice.state for line in shown(show=asked).context["lines"]} == kept


def test_filters_narrow_by_kind_and_by_way():
    make_visit()
    assert shown(kind="booked").context["lines"]
    assert not shown(kind="cancelled").context["lines"]
    assert not shown(how="voice").context["lines"]
    assert "Nothing here with these filters." in text_of(shown(how="voice"))


def test_no_messages_is_told():
    assert "Nothing is left to send today." in text_of(shown())


@pytest.mark.parametrize("name", ["notices", "notices-sent", "notices-pause", "replies"])
@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_the_outbox_does_not_exist_for_nurses_and_patients(role, name):
    with at_the_desk(make_user(role)) as client:
        assert client.get(reverse(name)).status_code == 404


@pytest.mark.parametrize("show", list(readings.TABS))
def test_the_list_asks_the_database_as_often_for_many_messages_as_for_few(show):
    def asked() -> int:
        with at_the_desk() as client, CaptureQueriesContext(connection) as seen:
            client.get(reverse("notices"), {"show": show})
        return len(seen)

    def more():
        notice = one_notice("failed")
        for state in ("sent", "suppressed"):
            notice.pk, notice.about, notice.state = None, f"{notice.about} {state}", state
            notice.save()

    more()
    few = asked()
    for _n in range(4):
        more()
    assert asked() == few <= 22


# --- Failed and unknown ------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_a_failure_counts_until_a_person_saw_to_it(state):
    notice = one_notice(state, reason="the mail server refused the address")
    assert readings.failures(make_user(), now=NOW).count() == 1
    decide(notice, "aside", "told her at the visit")
    assert readings.failures(make_user(), now=NOW).count() == 0
    notice.refresh_from_db()
    assert notice.state == state  # what happened to it stays true
    assert Event.objects.get(action="notice_put_aside").why == "told her at the visit"


def test_a_failure_that_was_sent_again_or_called_about_counts_no_more():
    again, called = one_notice("failed"), one_notice("failed")
    assert decide(again, "again", "new address").status_code == 302
    assert decide(called, "call").status_code == 302
    assert list(readings.failures(make_user(), now=NOW)) == []
    new = Notice.objects.get(about=f"{again.about} again 1")
    Notice.objects.filter(pk=new.pk).update(state="failed", settled_at=NOW)
    assert list(readings.failures(make_user(), now=NOW)) == [new]
    assert decide(new, "again", "and once more").status_code == 302
    assert list(readings.failures(make_user(), now=NOW)) == []


def test_a_failure_about_a_visit_that_is_over_needs_nobody():
    notice = one_notice("failed")
    assert list(readings.failures(make_user(), now=notice.visit.starts_at - MINUTE)) == [notice]
    assert list(readings.failures(make_user(), now=notice.visit.starts_at)) == []


def test_a_failed_message_to_the_office_counts_for_a_week():
    notice = Notice.objects.create(
        user=make_user(), about="licence 1 at 30 days", kind="paper_expiry", channel="email", state="failed",
        due_at=NOW, expires_at=NOW + DAY, settled_at=NOW,
    )  # fmt: skip
    assert list(readings.failures(make_user(), now=NOW + 6 * DAY)) == [notice]
    assert list(readings.failures(make_user(), now=NOW + 8 * DAY)) == []
    assert notice.user.username in text_of(shown(show="failed"))
    assert "Call instead" not in text_of(shown("notice", notice.pk))


def test_the_page_of_a_failure_leads_to_the_address_that_did_not_work():
    notice = one_notice("failed")
    way = reverse("contact", args=[notice.patient_id, notice.channel])
    assert way in text_of(shown("notice", notice.pk))
    decide(notice, "aside", "put right by phone")
    assert way not in text_of(shown("notice", notice.pk))


def test_calling_instead_owes_one_call_however_often_it_is_pressed():
    notice = one_notice("failed")
    for _n in range(2):
        decide(notice, "call")
    call = Call.objects.get(about=f"notice {notice.pk}")
    assert (call.kind, call.patient_id, call.visit_id) == ("tell_call", notice.patient_id, notice.visit_id)
    assert "On the call list." in text_of(shown("notice", notice.pk))


def test_the_alert_about_a_failed_message_is_seen_to_with_it():
    notice = one_notice("failed")
    alert = Alert.objects.create(
        kind="notice",
        about=f"notice {notice.pk}",
        patient=notice.patient,
        notice=notice,
        sentence="x",
        raised_at=NOW,
    )
    decide(notice, "aside", "she knows")
    alert.refresh_from_db()
    assert (alert.handled_at, alert.handled_note) == (NOW, "she knows")


# --- One message -------------------------------------------------------------------------------


def test_the_page_of_a_message_says_why_it_exists_and_what_became_of_it():
    by = make_user(first_name="Ana", last_name="Ruiz")
    visit = make_visit(by=by)
    notice = visit.notices.get(kind="booked")
    Notice.objects.filter(pk=notice.pk).update(
        state="delivered", attempted_at=NOW, attempts=2, settled_at=NOW, delivered_at=NOW + MINUTE,
        subject="Your nurse visit", body="Hello Pat", sent_to="pat@example.com", created_at=NOW - MINUTE,
    )  # fmt: skip
    page = text_of(shown("notice", notice.pk))
    for said in (
        "Planned, because the visit was booked",
        "Ana Ruiz",
        "(try 2)",
        "The provider says it arrived",
        "Your nurse visit",
        "Hello Pat",
        "p…@example.com",
        "The words that went out",
    ):
        assert said in page, said
    assert "pat@example.com" not in page


def test_a_signed_link_is_masked_where_its_words_are_read_again():
    notice = one_notice("sent", body="Confirm: https://agency.example/s/k3x-secret/ or call.")
    page = text_of(shown("notice", notice.pk))
    assert "https://agency.example/s/…/" in page and "secret" not in page


def test_what_is_still_to_go_shows_the_words_it_would_have_now():
    notice = one_notice()
    page = text_of(shown("notice", notice.pk))
    assert "The words that would go out now" in page
    assert "Hello Pat" in page or "Hi Pat" in page
    assert "Everything is checked again at that moment." in page


def test_a_message_that_cannot_be_written_has_a_page_all_the_same(monkeypatch):
    notice = one_notice()

    def broken(*args, **kwargs):
        raise KeyError("day")

    monkeypatch.setattr("scheduling.services.dispatch.preview", broken)
    assert "It cannot be written" in text_of(shown("notice", notice.pk))


def test_reading_a_message_is_in_the_trail_of_the_chart():
    notice = one_notice()
    shown("notice", notice.pk)
    assert Event.objects.filter(
        action="chart_read", patient=notice.patient, subject=f"notice {notice.pk}"
    ).exists()


@pytest.mark.parametrize("do", ["skip", "again", "arrived", "lost", "aside"])
def test_what_changes_the_record_asks_why_and_keeps_what_was_typed(do):
    response = decide(one_notice(), do)
    assert response.status_code == 422
    assert "Say why: it is kept with the message." in text_of(response)


def test_calling_and_sending_now_need_no_reason():
    assert decide(one_notice("failed"), "call").status_code == 302
    assert decide(one_notice(), "now").status_code == 302


def test_skipping_and_sending_now():
    skipped, now = one_notice(), one_notice(due_at=NOW + DAY)
    decide(skipped, "skip", "she asked for quiet")
    decide(now, "now")
    skipped.refresh_from_db()
    now.refresh_from_db()
    assert skipped.state == "suppressed" and "she asked for quiet" in skipped.reason
    assert now.due_at == NOW


@pytest.mark.parametrize(("do", "state"), [("arrived", "sent"), ("lost", "failed")])
def test_a_person_says_what_became_of_a_message_nobody_knows_of(do, state):
    notice = one_notice("unknown", reason="the worker ended while sending")
    assert decide(notice, do, "she read it to me").status_code == 302
    notice.refresh_from_db()
    assert notice.state == state


def test_who_comes_second_is_told_and_loses_nothing():
    notice = one_notice("sent")
    response = decide(notice, "skip", "too late for that")
    assert response.status_code == 409
    page = text_of(response)
    assert "Look again" in page and "too late for that" in page


def test_other_messages_about_the_same_visit_stand_beside_it():
    visit = make_visit()
    first = visit.notices.order_by("pk").first()
    page = shown("notice", first.pk).context["page"]
    assert {line.notice.pk for line in page.siblings} == set(
        visit.notices.exclude(pk=first.pk).values_list("pk", flat=True)
    )


# --- What was sent -----------------------------------------------------------------------------


def test_what_was_sent_shows_texts_and_letters_by_person():
    one = one_notice("sent", body="Agency: Hi Pat. Confirm: http://127.0.0.1:8000/s/abc/", channel="text")
    page = text_of(shown("notices-sent"))
    assert one.patient.listed_name in page and "bubble" in page
    assert "/s/…/" in page and "abc" not in page  # outside the demo a link opens for its owner only


def test_in_the_demo_links_can_be_followed_and_nothing_else_becomes_one(settings):
    settings.MODE, settings.PUBLIC_URL = "demo", "http://127.0.0.1:8000"
    one_notice("sent", body="Hi <b>Pat</b> http://127.0.0.1:8000/s/abc/. See http://evil.example/s/abc/")
    page = shown("notices-sent").content.decode()
    assert '<a href="/s/abc/">' in page
    assert 'href="http://evil' not in page and "&lt;b&gt;" in page


# --- Pausing -----------------------------------------------------------------------------------


def test_that_sending_is_paused_stands_on_every_page_of_the_office_at_once_and_no_longer_than_it_is(settings):
    settings.LATE_BANNER = True
    cache.clear()
    with at_the_desk() as client:
        client.get(reverse("calls"))
        client.post(reverse("notices-pause"), {"why": "wrong wording"})
        for name in ("calls", "alive"):
            assert "Sending is paused." in text_of(client.get(reverse(name))), name
        client.post(reverse("notices-pause"), {"why": "put right"})
        assert "Sending is paused." not in text_of(client.get(reverse("calls")))


def test_pausing_asks_why_and_is_told_on_the_list_until_somebody_resumes():
    with at_the_desk() as client:
        refused = client.post(reverse("notices-pause"), {"why": ""})
        assert refused.status_code == 422
        assert "<title>Error: Pause" in text_of(refused) and "Say why, in a few words." in text_of(refused)
        assert not NoticePolicy.objects.exists()
        assert client.post(reverse("notices-pause"), {"why": "wrong wording"}).status_code == 302
        assert "Sending is paused." in text_of(client.get(reverse("notices")))
        client.post(reverse("notices-pause"), {"why": "put right"})
        assert "Sending is paused." not in text_of(client.get(reverse("notices")))
    assert [row.why for row in NoticePolicy.objects.order_by("version")] == ["wrong wording", "put right"]
