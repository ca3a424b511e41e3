"""A client that speaks the API as a program does: a token in the header, JSON both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from knox.models import AuthToken

from accounts.models import User
from tests import makers


class Api:
    """Calls under /api/v1/ as one person, or as nobody."""

    def __init__(self, user: User | None = None) -> None:
        self.user = user
        self.http = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Token {AuthToken.objects.create(user)[1]}"} if user else {}

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.http.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        raw = body if isinstance(body, (str, bytes)) else json.dumps({} if body is None else body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(
            f"/api/v1/{path}", raw, content_type="application/json", headers={**self.headers, **named}
        )

    def delete(self, path: str) -> HttpResponse:
        return self.http.delete(f"/api/v1/{path}", headers=self.headers)


def check_problem(answer: HttpResponse, status: int, code: str, *fields: str) -> dict[str, Any]:
    """The answer is a whole problem of that status and code and names at least these fields."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code", "errors"} <= told.keys()
    assert told["status"] == status
    assert told["code"] == code
    assert told["detail"]
    assert all(one.keys() == {"field", "code", "detail"} and one["detail"] for one in told["errors"])
    named = [one["field"] for one in told["errors"]]
    assert all(field in named for field in fields), named
    return told


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    """Views ask the real clock; here it stands at makers.NOW."""
    with makers.clock_stands_at():
        yield


@pytest.fixture
def api() -> Callable[..., Api]:
    return Api


@pytest.fixture
def office(db: None) -> Api:
    """Signed in as a coordinator."""
    return Api(makers.make_user())
