"""Axe finds nothing on any page of the table, wide and light, narrow and dark. A new page is in it by itself."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from tests.flows.test_strangers import NAMED, WHO, address, world  # noqa: F401  the world is a fixture
from tests.makers import clock_stands_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LOOKS = ((1440, "light"), (390, "dark"))
PARTS = {"nurse-day-list"}  # what a page asks for again by itself; looked at where it stands
BY = ("lead", "nurse", "patient")  # the lead sees what every office role sees, and more


def opens(client: Client, url: str) -> bool:
    """Whether the address is a page one can look at."""
    answer = client.get(url)
    return answer.status_code == 200 and answer["Content-Type"].startswith("text/html")


def visitors(world) -> list[tuple[Client, list[str]]]:  # noqa: F811
    """Each role with the pages that are for it and nobody before it."""
    found, left = [], set(NAMED) - {"set_language", "sign-out"} - PARTS
    for role in BY:
        client = Client()
        client.force_login(world["people"][role])
        mine = [name for name in sorted(left) if role in WHO[name]]
        urls = [address(name, world["ids"]) for name in mine]
        found.append((client, [url for url in urls if opens(client, url)]))
        left -= set(mine)
    return found


def test_no_page_has_an_accessibility_violation(chromium, live_server, world):  # noqa: F811
    """One world for both looks: what is looked at changes nothing in it."""
    wrong, seen = {}, 0
    with clock_stands_at(world["now"]):
        for client, urls in visitors(world):
            session = client.cookies["sessionid"].value
            for width, theme in LOOKS:
                context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
                context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
                page = context.new_page()
                for url in urls:
                    page.goto(live_server.url + url)
                    if found := Axe().run(page).response["violations"]:
                        wrong[url, theme] = [(one["id"], one["nodes"][0]["html"][:160]) for one in found]
                    seen += 1
                context.close()
    assert not wrong
    assert seen > 45 * len(LOOKS)
