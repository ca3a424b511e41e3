"""A coordinator at a real browser."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.makers import make_user


@pytest.fixture
def open_page(chromium, live_server):
    """Open an address as a signed-in coordinator; returns the page."""
    client = Client()
    client.force_login(make_user())
    contexts = []

    def opened(path: str, *, width: int = 1440, theme: str = "light", script: bool = True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=script
        )
        contexts.append(context)
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.goto(live_server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
