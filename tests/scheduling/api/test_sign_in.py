"""Tokens: given for a password, kept as a digest, ended by time, by sign-out and by too many tries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from knox.models import AuthToken

from scheduling.models import Event
from tests import makers
from tests.scheduling.api.conftest import Api, check_problem

pytestmark = pytest.mark.django_db

TRIES = 5


def _sign_in(username: str, password: str = makers.PASSWORD):
    return Api().post("auth/token/", {"username": username, "password": password})


def _as(token: str) -> Api:
    api = Api()
    api.headers = {"Authorization": f"Token {token}"}
    return api


def test_a_password_gives_a_token_for_twelve_hours(settings):
    user = makers.make_user()
    answer = _sign_in(user.username)
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    told = answer.json()
    assert told["expires_at"] == (makers.NOW + timedelta(hours=12)).isoformat().replace("+00:00", "Z")
    assert _as(told["token"]).get("patients/").status_code == 200
    assert Event.objects.filter(action="signed_in", actor=user).count() == 1


def test_the_token_itself_is_not_stored():
    token = _sign_in(makers.make_user().username).json()["token"]
    row = AuthToken.objects.get()
    assert token not in (row.digest, row.token_key)
    assert len(row.token_key) < len(token) / 2


def test_a_token_ends_by_itself():
    token = _sign_in(makers.make_user().username).json()["token"]
    with makers.clock_stands_at(makers.NOW + timedelta(hours=12, seconds=1)):
        answer = _as(token).get("patients/")
    check_problem(answer, 401, "TOKEN_REFUSED")
    assert answer["WWW-Authenticate"] == "Token"


def test_sign_out_ends_this_token_and_no_other():
    user = makers.make_user()
    first, second = (_sign_in(user.username).json()["token"] for _ in range(2))
    assert _as(first).post("auth/sign-out/").status_code == 204
    check_problem(_as(first).get("patients/"), 401, "TOKEN_REFUSED")
    assert _as(second).get("patients/").status_code == 200
    assert Event.objects.filter(action="signed_out", actor=user).count() == 1


def test_an_eleventh_token_ends_the_oldest():
    user = makers.make_user()
    tokens = []
    for minute in range(11):
        with makers.clock_stands_at(makers.NOW + timedelta(minutes=minute)):
            tokens.append(_sign_in(user.username).json()["token"])
    assert AuthToken.objects.filter(user=user).count() == 10
    check_problem(_as(tokens[0]).get("patients/"), 401, "TOKEN_REFUSED")
    assert _as(tokens[1]).get("patients/").status_code == 200


@pytest.mark.parametrize("header", ["Token", "Token a b", "Token nonsense", "Token é", "Token " + "a" * 5000])
def test_a_token_that_is_none_is_a_401(header):
    answer = Client().get("/api/v1/patients/", headers={"Authorization": header})
    check_problem(answer, 401, "TOKEN_REFUSED")


def test_a_wrong_name_and_a_wrong_password_sound_the_same():
    user, gone = makers.make_user(), makers.make_user(is_active=False)
    told = [
        check_problem(_sign_in(name, password), 401, "SIGN_IN_REFUSED")
        for name, password in (
            (user.username, "wrong"),
            ("nobody", "wrong"),
            (gone.username, makers.PASSWORD),
        )
    ]
    assert told[0] == told[1] == told[2]
    assert AuthToken.objects.count() == 0
    assert Event.objects.filter(action="sign_in_refused").count() == 3
    assert _sign_in(user.username, "wrong")["WWW-Authenticate"] == "Token"


def test_what_is_missing_is_named():
    check_problem(Api().post("auth/token/", {}), 400, "BAD_INPUT", "username", "password")
    check_problem(
        Api().post("auth/token/", {"username": "x" * 200, "password": "x"}), 400, "BAD_INPUT", "username"
    )


def test_too_many_tries_lock_out_even_the_right_password():
    user = makers.make_user()
    for _ in range(TRIES):
        _sign_in(user.username, "wrong")
    answer = _sign_in(user.username)
    check_problem(answer, 429, "LOCKED_OUT")
    assert int(answer["Retry-After"]) > 0
    assert AuthToken.objects.count() == 0


def _sign_in_page(username: str, password: str = makers.PASSWORD):
    return Client().post("/sign-in/", {"username": username, "password": password})


def test_a_lock_out_of_the_api_holds_for_the_page():
    user = makers.make_user()
    for _ in range(TRIES):
        _sign_in(user.username, "wrong")
    answer = _sign_in_page(user.username)
    assert answer.status_code == 429
    assert "sessionid" not in answer.cookies


def test_a_lock_out_of_the_page_holds_for_the_api():
    user = makers.make_user()
    for _ in range(TRIES):
        _sign_in_page(user.username, "wrong")
    check_problem(_sign_in(user.username), 429, "LOCKED_OUT")


def test_somebody_elses_lock_out_is_not_mine():
    locked, other = makers.make_user(), makers.make_user()
    for _ in range(TRIES):
        _sign_in(locked.username, "wrong")
    assert _sign_in(other.username).status_code == 201
