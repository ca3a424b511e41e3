"""What the tests of the coordinator's pages share: a signed-in person at a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from tests.makers import NOW, clock_stands_at, make_user


@contextmanager
def at_the_desk(user: User | None = None) -> Iterator[Client]:
    """A coordinator (or `user`) signed in, Monday March 2, 2026, 9:00 in Dallas."""
    with clock_stands_at(NOW):
        client = Client()
        client.force_login(user or make_user())
        yield client


def save_as_shown(client: Client, address: str, data: Mapping[str, str], **kwargs: Any) -> HttpResponse:
    """Look at what the form changes, then save just that: the two steps of every page with before and after."""
    shown = client.post(address, {**data, "do": "preview"}).context["effects"]
    saves = {"do": "save", "shown": shown.signature if shown else ""}
    return client.post(address, {**data, **saves}, **kwargs)
