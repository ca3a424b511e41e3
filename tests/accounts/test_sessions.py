"""A session ends when nobody is there, and only then."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import reverse

from accounts.models import Role
from tests.makers import MINUTE, NOW, clock_stands_at, make_user

pytestmark = pytest.mark.django_db
PAGE = "/settings/"


def ended(answer) -> bool:
    return answer.status_code == 302 and "ended=1" in answer.url


@pytest.mark.parametrize("role", list(Role))
def test_the_idle_limit_of_each_role_is_kept_to_the_minute(client, role):
    limit = timedelta(minutes=settings.IDLE_MINUTES[role])
    with clock_stands_at(NOW):
        client.force_login(make_user(role))
        client.get(PAGE)
    with clock_stands_at(NOW + limit):
        assert client.get(PAGE).status_code == 200
    with clock_stands_at(NOW + 2 * limit + MINUTE):
        answer = client.get(PAGE + "?a=1")
        assert ended(answer)
        assert "next=%2Fsettings%2F%3Fa%3D1" in answer.url
        assert b"Your session ended" in client.get(answer.url).content
        assert "_auth_user_id" not in client.session


def test_work_keeps_a_session_for_longer_than_the_idle_limit(client):
    with clock_stands_at(NOW):
        client.force_login(make_user())
    for minutes in range(0, 60, 10):
        with clock_stands_at(NOW + minutes * MINUTE):
            assert client.get(PAGE).status_code == 200


def test_a_page_that_refreshes_itself_is_not_a_person(client):
    with clock_stands_at(NOW):
        client.force_login(make_user())
        client.get(PAGE)
    for minutes in range(1, 15):
        with clock_stands_at(NOW + minutes * MINUTE):
            assert client.get(PAGE, headers={"X-Background-Poll": "1"}).status_code == 200
    with clock_stands_at(NOW + 16 * MINUTE):
        assert ended(client.get(PAGE, headers={"X-Background-Poll": "1"}))


def test_a_part_of_a_page_sends_the_whole_window_to_sign_in(client):
    part = {"HX-Request": "true", "HX-Current-URL": "http://testserver/staff/queue/?late=1"}
    with clock_stands_at(NOW):
        client.force_login(make_user())
        client.get(PAGE)
    with clock_stands_at(NOW + 16 * MINUTE):
        answer = client.get(PAGE, headers=part)
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/sign-in/?next=%2Fstaff%2Fqueue%2F%3Flate%3D1&ended=1"
    answer = client.get(PAGE, headers=part)  # nobody is signed in any more
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/sign-in/?next=%2Fstaff%2Fqueue%2F%3Flate%3D1"


@pytest.mark.parametrize(
    ("referring", "back"),
    [("", "%2F"), ("http://testserver/settings/", "%2Fsettings%2F"), ("https://evil.example/x", "%2F")],
)
def test_a_form_sent_after_the_end_says_that_it_was_not_sent_and_writes_nothing(client, referring, back):
    user = make_user()
    with clock_stands_at(NOW):
        client.force_login(user)
        client.get(PAGE)
    with clock_stands_at(NOW + 16 * MINUTE):
        typed = {"theme": "dark", "text_size": "150", "language": "en"}
        answer = client.post(PAGE, typed, headers={"Referer": referring} if referring else {})
    assert answer.url == f"/sign-in/?next={back}&ended=unsent"
    assert b"Your session ended before this was sent." in client.get(answer.url).content
    user.refresh_from_db()
    assert user.theme == "auto"


def test_signing_out_after_the_end_is_just_signed_out(client):
    with clock_stands_at(NOW):
        client.force_login(make_user())
        client.get(PAGE)
    with clock_stands_at(NOW + 16 * MINUTE):
        assert client.post(reverse("sign-out")).url == reverse("sign-in")


def test_the_api_says_that_the_session_ended_in_its_own_language(client):
    with clock_stands_at(NOW):
        client.force_login(make_user())
        client.get(PAGE)
    with clock_stands_at(NOW + 16 * MINUTE):
        answer = client.get("/api/v1/patients/")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "SESSION_ENDED"


def test_who_is_deactivated_is_out_at_the_next_click(client):
    user = make_user()
    client.force_login(user)
    assert client.get(PAGE).status_code == 200
    user.is_active = False
    user.save()
    assert client.get(PAGE).status_code == 302


def test_the_ten_parts_of_a_page_write_the_session_once(client, django_assert_max_num_queries):
    with clock_stands_at(NOW):
        client.force_login(make_user())
        client.get(PAGE)
        with django_assert_max_num_queries(20) as asked:
            client.get(PAGE)
    assert not [query["sql"] for query in asked.captured_queries if query["sql"].startswith("UPDATE")]
