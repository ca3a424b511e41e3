"""Every page has its list of roles; everybody else, signed in or not, finds nothing behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Role
from tests.makers import make_user

pytestmark = pytest.mark.django_db

ROOMS = ("staff/", "n/", "my/")
OPEN_TO_BUILDERS = {"staff/styleguide/"}  # only in a demo or a test
EXAMPLES = {"int": "1", "day": "2026-03-02", "slug": "text"}


def pages(patterns=None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every page of the rooms, with its address filled in."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns, route)
        elif route.startswith(ROOMS) and route not in OPEN_TO_BUILDERS:
            yield _filled(route), pattern


def _filled(route: str) -> str:
    for kind, example in EXAMPLES.items():
        while f"<{kind}:" in route:
            start = route.index(f"<{kind}:")
            route = route[:start] + example + route[route.index(">", start) + 1 :]
    return "/" + route


ALL = {address: pattern for address, pattern in pages() if address != "/n/"}


def test_the_list_of_pages_is_not_empty():
    assert len(ALL) > 20


@pytest.mark.parametrize("address", ALL)
def test_a_page_says_which_roles_it_is_for(address):
    assert ALL[address].callback.roles <= set(Role.values)


@pytest.mark.parametrize("address", ALL)
def test_who_is_not_signed_in_is_sent_to_the_sign_in_page(client, address):
    for answer in (client.get(address), client.post(address)):
        assert answer.status_code == 405 or answer.url.startswith(reverse("sign-in")), address


@pytest.mark.parametrize("role", Role.values)
def test_other_roles_find_nothing_behind_any_page(client, role):
    client.force_login(make_user(role))
    for address, pattern in ALL.items():
        if role in pattern.callback.roles:
            continue
        for answer in (client.get(address), client.post(address)):
            assert answer.status_code in (404, 405), address
