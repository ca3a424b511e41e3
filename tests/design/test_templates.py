import re
from pathlib import Path

import pytest
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [
    ROOT / "templates",
    *(ROOT / app / "templates" for app in ("accounts", "patients", "nurses", "scheduling")),
]
TEMPLATES = sorted(path for folder in FOLDERS if folder.is_dir() for path in folder.rglob("*.html"))
INLINE = {
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "a style element": re.compile(r"<style\b", re.I),
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)", re.I),
    "an event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "hx-on": re.compile(r"\bhx-on\b", re.I),
    "a js: value": re.compile(r"""=["'](js|javascript):""", re.I),
    "an hx-trigger filter": re.compile(r"""hx-trigger=["'][^"']*\["""),
}


def name_of(path: Path) -> str:
    return str(path.relative_to(next(f for f in FOLDERS if path.is_relative_to(f))))


def inline_parts(source: str) -> list[str]:
    return [what for what, pattern in INLINE.items() if pattern.search(source)]


@pytest.mark.parametrize("path", [p for p in TEMPLATES if "notices" not in p.parts], ids=name_of)
def test_no_page_carries_what_the_security_policy_forbids(path):
    assert inline_parts(path.read_text()) == []


@pytest.mark.parametrize(
    "bad",
    [
        '<p style="color:red">',
        "<style>p{}</style>",
        "<script>go()</script>",
        '<a onclick="go()">',
        '<a hx-on:click="go()">',
        '<a href="javascript:go()">',
        """<a hx-trigger="click[ctrlKey]">""",
    ],
)
def test_the_search_finds_what_it_searches_for(bad):
    assert inline_parts(bad)


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_every_template_compiles(path):
    get_template(name_of(path))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_no_comment_spills_into_the_page(path):
    for line in path.read_text().splitlines():  # {# #} must end on its line, or it is shown
        assert line.count("{#") == line.count("#}")
