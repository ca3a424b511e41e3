"""Pages are small on the wire, and say the same."""

from __future__ import annotations

import gzip

import pytest
from django.test import Client

from tests.makers import make_user, make_visit

pytestmark = pytest.mark.django_db


def test_a_page_is_compressed_for_a_browser_that_asks_and_for_no_other():
    make_visit()
    client = Client()
    client.force_login(make_user())
    plain = client.get("/staff/queue/")
    small = client.get("/staff/queue/", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain
    assert small["Content-Encoding"] == "gzip"
    assert len(small.content) < len(plain.content) / 3
    assert b"<h1" in gzip.decompress(small.content)
