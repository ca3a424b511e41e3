"""What the tests of the coordinator's pages share: a signed-in person at a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
