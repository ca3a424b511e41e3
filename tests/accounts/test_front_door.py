"""Signing in and out, the first page of each role, and what a wrong password meets."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from scheduling.models import Event
from tests.makers import PASSWORD, make_nurse, make_patient, make_user

pytestmark = pytest.mark.django_db


def sign_in(client: Client, user: User, password: str = PASSWORD, **more: str):
    return client.post(reverse("sign-in"), {"username": user.username, "password": password, **more})


@pytest.mark.parametrize(
    ("role", "first_page"),
    [
        (Role.COORDINATOR, "queue"),
        (Role.LEAD, "queue"),
        (Role.ADMIN, "queue"),
        (Role.NURSE, "nurse-today"),
        (Role.PATIENT, "my-home"),
    ],
)
def test_signing_in_leads_each_role_to_its_first_page(client, role, first_page):
    user = make_user(role)
    assert sign_in(client, user).url == reverse("home")
    assert client.get(reverse("home")).url == reverse(first_page)
    assert client.get(reverse("sign-in")).url == reverse("home")  # who is in already does not sign in twice


def test_strangers_are_sent_to_the_sign_in_page_and_back_to_where_they_wanted(client):
    page = client.get(reverse("settings"))
    assert page.url == f"{reverse('sign-in')}?next={reverse('settings')}"
    assert sign_in(client, make_user(), next=reverse("settings")).url == reverse("settings")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_next_never_leads_out_of_the_house(client, elsewhere):
    assert sign_in(client, make_user(), next=elsewhere).url == reverse("home")


def test_a_wrong_password_and_an_unknown_name_get_the_same_words(client):
    user = make_user()
    wrong = sign_in(client, user, "not it")
    unknown = client.post(reverse("sign-in"), {"username": "nobody", "password": "not it"})
    inactive = make_user(is_active=False)
    gone = sign_in(client, inactive)
    errors = [page.context["form"].non_field_errors() for page in (wrong, unknown, gone)]
    assert errors[0] and errors[0] == errors[1] == errors[2]
    assert {page.status_code for page in (wrong, unknown, gone)} == {422}
    assert b"<title>Error:" in wrong.content
    assert f'value="{user.username}"'.encode() in wrong.content  # typed once is enough


@pytest.mark.parametrize("typed", [{}, {"username": "a\x00b", "password": "x"}, {"username": "x" * 10_000}])
def test_what_cannot_be_a_name_is_an_error_and_no_crash(client, typed):
    assert client.post(reverse("sign-in"), typed).status_code == 422


def test_signing_in_changes_the_session_key_so_that_a_planted_one_is_worth_nothing(client):
    client.post(reverse("set_language"), {"language": "es"})
    planted = client.session.session_key
    sign_in(client, make_user())
    assert planted and client.session.session_key != planted


def test_signing_out_is_a_post_that_empties_the_browser(client):
    client.force_login(make_user())
    assert client.get(reverse("sign-out")).status_code == 405
    answer = client.post(reverse("sign-out"), follow=True)
    assert answer.redirect_chain[0][0] == reverse("sign-in")
    assert b"You are signed out." in answer.content
    assert client.get(reverse("settings")).status_code == 302
    client.force_login(make_user())
    assert client.post(reverse("sign-out"))["Clear-Site-Data"] == '"cache"'


def test_signing_in_out_and_being_refused_are_in_the_audit_trail_without_what_was_typed(client):
    user = make_user()
    sign_in(client, user, "my secret typed in the wrong box")
    sign_in(client, user)
    client.post(reverse("sign-out"))
    trail = list(Event.objects.order_by("pk").values_list("action", "actor", "detail"))
    assert trail == [("sign_in_refused", None, {}), ("signed_in", user.pk, {}), ("signed_out", user.pk, {})]


def test_after_too_many_tries_even_the_right_password_waits(client):
    user, other = make_user(), make_user()
    answers = [sign_in(client, user, "guess") for _try in range(settings.AXES_FAILURE_LIMIT)]
    assert [answer.status_code for answer in answers] == [422] * (settings.AXES_FAILURE_LIMIT - 1) + [429]
    locked = sign_in(client, user)
    assert locked.status_code == 429
    assert int(locked["Retry-After"]) == settings.AXES_COOLOFF_TIME.total_seconds()
    assert b"Too many tries" in locked.content and b'<form method="post" novalidate' not in locked.content
    assert "_auth_user_id" not in client.session
    assert sign_in(client, other).status_code == 302  # a colleague at the next desk is not locked out


def test_the_page_and_the_api_count_the_same_tries(client):
    user = make_user()
    token = "/api/v1/auth/token/"
    for number in range(settings.AXES_FAILURE_LIMIT):
        if number % 2:
            sign_in(client, user, "guess")
        else:
            client.post(token, {"username": user.username, "password": "guess"}, "application/json")
    assert sign_in(client, user).status_code == 429
    answer = client.post(token, {"username": user.username, "password": PASSWORD}, "application/json")
    assert answer.status_code == 429
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "LOCKED_OUT"


def test_help_is_open_to_everybody_and_explains_the_marks_to_the_office_only(client):
    assert b"What the marks mean" not in client.get(reverse("help")).content
    client.force_login(make_user())
    assert b"What the marks mean" in client.get(reverse("help")).content
    client.force_login(make_patient(user=True).user)
    page = client.get(reverse("help")).content
    assert b"What the marks mean" not in page and b"tel:911" in page


def test_a_demo_shows_who_one_may_be_and_nothing_else_does(client, settings):
    assert b"Demo sign-ins" not in client.get(reverse("sign-in")).content
    settings.MODE = "demo"
    assert b"Demo sign-ins" in client.get(reverse("sign-in")).content


def test_every_page_says_who_may_speak_on_it_and_nothing_inline_may(client):
    nurse, patient = make_nurse(), make_patient(user=True)
    pages = [(None, "sign-in"), (None, "help"), (nurse.user, "nurse-today"), (patient.user, "my-home")]
    pages += [(patient.user, "my-therapy"), (make_user(), "settings")]
    for user, name in pages:
        client.logout()
        if user:
            client.force_login(user)
        answer = client.get(reverse(name))
        policy = answer["Content-Security-Policy"]
        assert answer.status_code == 200, name
        assert "default-src 'none'" in policy and "unsafe" not in policy, name
        assert answer["X-Frame-Options"] == "DENY" and answer["X-Content-Type-Options"] == "nosniff", name
        page = answer.content.decode()
        assert " style=" not in page and "<style" not in page and "<script>" not in page, name
        assert user is None or "no-store" in answer["Cache-Control"], name


def test_cookies_stay_out_of_reach_of_scripts_and_other_sites(client):
    answer = sign_in(client, make_user())
    session = answer.cookies[settings.SESSION_COOKIE_NAME]
    assert session["httponly"] and session["samesite"] == "Lax"
    assert answer.cookies[settings.CSRF_COOKIE_NAME]["samesite"] == "Lax"


def test_a_form_of_another_site_changes_nothing():
    client = Client(enforce_csrf_checks=True)
    user = make_user()
    client.force_login(user)
    assert client.post(reverse("settings"), {"theme": "dark"}).status_code == 403
    assert client.post(reverse("sign-out")).status_code == 403
    user.refresh_from_db()
    assert user.theme == "auto"


def test_an_address_that_tries_many_names_waits_whatever_name_it_tries_next(client, settings):
    cache.clear()
    settings.SIGN_IN_TRIES_PER_ADDRESS = 6
    user = make_user()
    for number in range(6):
        assert client.post(reverse("sign-in"), {"username": f"n{number}", "password": "x"}).status_code == 422
    assert sign_in(client, user).status_code == 429
    token = client.post(
        "/api/v1/auth/token/", {"username": user.username, "password": PASSWORD}, "application/json"
    )
    assert token.status_code == 429
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert sign_in(elsewhere, user).status_code == 302
    cache.clear()


@pytest.mark.parametrize(("behind", "counted"), [(True, "203.0.113.9"), (False, "127.0.0.1")])
def test_the_address_counted_is_the_one_our_own_proxy_wrote(client, settings, behind, counted):
    cache.clear()
    settings.BEHIND_PROXY = behind
    claim = {"X-Forwarded-For": "10.0.0.1, 203.0.113.9"}
    client.post(reverse("sign-in"), {"username": "a", "password": "b"}, headers=claim)
    assert cache.get(f"sign-in-tries:{counted}") == 1
    assert Event.objects.get(action="sign_in_refused").origin == f"page {counted}"
    cache.clear()


def test_people_get_in_while_the_cache_is_out_of_reach(client, monkeypatch):
    def gone(*args, **kwargs):
        raise ConnectionError("no cache")

    for name in ("get", "add", "incr"):
        monkeypatch.setattr(f"accounts.lockout.cache.{name}", gone, raising=False)
    user = make_user()
    assert sign_in(client, user, "wrong").status_code == 422
    assert sign_in(client, user).status_code == 302


@pytest.mark.parametrize("claimed", ["unknown", "10.0.0.7:5123", "[2001:db8::1]:443", "x\x00y", "9" * 500])
def test_whatever_a_proxy_writes_a_refused_sign_in_is_an_answer(client, settings, claimed):
    settings.BEHIND_PROXY = True
    client.defaults["HTTP_X_FORWARDED_FOR"] = claimed
    assert sign_in(client, make_user(), "wrong").status_code == 422


@pytest.mark.parametrize(
    ("claimed", "counted"),
    [
        ("203.0.113.9:5123", "203.0.113.9"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_a_port_behind_the_address_does_not_make_it_another_address(client, settings, claimed, counted):
    cache.clear()
    settings.BEHIND_PROXY = True
    client.defaults["HTTP_X_FORWARDED_FOR"] = claimed
    sign_in(client, make_user(), "wrong")
    assert cache.get(f"sign-in-tries:{counted}") == 1


def test_the_admin_search_which_is_in_the_address_looks_for_user_names_only():
    from django.contrib import admin

    assert admin.site.get_model_admin(User).search_fields == ("username",)


@pytest.mark.parametrize("door", ["/sign-in/", "/admin/login/"])
def test_a_name_longer_than_any_name_is_refused_and_no_crash(client, door):
    answer = client.post(door, {"username": "x" * 30_000, "password": "wrong"})
    assert answer.status_code in {200, 422}
