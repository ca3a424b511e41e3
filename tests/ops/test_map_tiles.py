"""A map only where somebody named a tile server, and only from there; what cannot be one is refused at the start."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from infusion_home import environment
from tests.ops.test_settings import manage

RIGHT = "https://tiles.example/{z}/{x}/{y}.png"


@pytest.mark.parametrize(
    "value",
    [RIGHT, "https://t.example:8443/a/{z}/{x}/{y}@2x.png?key=secret-word", "https://[::1]/{z}/{x}/{y}"],
)
def test_an_address_of_tiles_is_taken_as_it_is(monkeypatch, value):
    monkeypatch.setenv("MAP_TILE_URL", value)
    assert environment.tiles("MAP_TILE_URL", plain=False) == value


def test_unset_there_is_no_map_and_no_other_origin_in_the_policy(monkeypatch):
    monkeypatch.delenv("MAP_TILE_URL", raising=False)
    assert environment.tiles("MAP_TILE_URL", plain=False) == ""
    assert settings.MAP_TILE_URL == ""
    assert settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["img-src"] == ["'self'", "data:"]


@pytest.mark.parametrize(
    "value",
    [
        "tiles.example/{z}/{x}/{y}.png", "http://tiles.example/{z}/{x}/{y}.png", "https://tiles.example/{z}/{x}.png",
        "https://tiles.example/{z}/{x}/{y}/{y}", "https://{s}.tiles.example/{z}/{x}/{y}",
        "https://me:secret-word@tiles.example/{z}/{x}/{y}", "https:///{z}/{x}/{y}", "https://h/{z}/{x}/{y}#a",
        "https://h;script-src/{z}/{x}/{y}", "https://h:port/{z}/{x}/{y}", 'https://h/{z}/{x}/{y}"onload',
    ],
)  # fmt: skip
def test_what_is_no_address_of_tiles_is_refused_in_one_sentence_that_repeats_no_secret(monkeypatch, value):
    monkeypatch.setenv("MAP_TILE_URL", value)
    with pytest.raises(ImproperlyConfigured) as no:
        environment.tiles("MAP_TILE_URL", plain=False)
    assert str(no.value).startswith("MAP_TILE_URL ")
    assert "secret-word" not in str(no.value)


def test_the_pages_may_show_pictures_of_that_server_and_of_no_other():
    said = "import json; from django.conf import settings as s; print(json.dumps(s.CONTENT_SECURITY_POLICY))"
    shown = manage("shell", "--no-imports", "-c", said, MAP_TILE_URL=RIGHT)
    assert shown.returncode == 0, shown.stderr
    sources = json.loads(shown.stdout.strip().splitlines()[-1])["DIRECTIVES"]["img-src"]
    assert sources == ["'self'", "data:", "https://tiles.example"]


def test_a_wrong_address_stops_the_start():
    stopped = manage("check", MAP_TILE_URL="https://tiles.example/map.png")
    assert stopped.returncode != 0
    assert "MAP_TILE_URL must have {z}, {x} and {y} in it" in stopped.stderr
