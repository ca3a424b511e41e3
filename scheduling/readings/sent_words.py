"""What went out, as the person who got it saw it: texts as bubbles, e-mails as letters. Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from scheduling.models import Notice
from scheduling.readings import notices
from scheduling.readings.notice_page import masked, masked_address

ADDRESS = re.compile(r"https?://[^\s]+")


@dataclass(frozen=True)
class Item:
    """One message as it looked; `words` is safe HTML, one string a line."""

    line: notices.Line
    to: str
    words: SafeString
    language: str


@dataclass
class Person:
    """Somebody who got messages, the newest first."""

    name: str
    items: list[Item] = field(default_factory=list)


def by_person(rows: Iterable[Notice], *, open_links: bool) -> list[Person]:
    """Grouped by who got them, in the order of the newest; `open_links`: ours can be followed."""
    found: dict[tuple[int | None, int | None], Person] = {}
    for row in rows:
        line = notices.Line(row)
        person = found.setdefault((row.patient_id, row.user_id), Person(line.to))
        person.items.append(
            Item(
                line=line,
                to=masked_address(row.sent_to),
                words=lines_of(row.body, open_links=open_links),
                language=language_of(row),
            )
        )
    return list(found.values())


def language_of(notice: Notice) -> str:
    """The language a message was written in; the office is written to in English."""
    return notice.patient.language if notice.patient is not None else "en"


def lines_of(body: str, *, open_links: bool) -> SafeString:
    """The words with their line ends; our own links as links, or masked. Everything else is escaped."""
    text = body if open_links else masked(body)
    return format_html_join("", "{}<br>", ((_line(line, open_links),) for line in text.strip().splitlines()))


def _line(line: str, open_links: bool) -> SafeString:
    """Only an address below PUBLIC_URL becomes a link."""
    ours = f"{settings.PUBLIC_URL.rstrip('/')}/"
    parts, at = [], 0
    for found in ADDRESS.finditer(line):
        url = found.group().rstrip(".,;)")
        parts.append(format_html("{}", line[at : found.start()]))
        path = f"/{url.removeprefix(ours)}"  # where the page is served from, whatever name it is known by
        opens = open_links and url.startswith(ours)
        parts.append(format_html('<a href="{}">{}</a>', path, url) if opens else format_html("{}", url))
        at = found.start() + len(url)
    parts.append(format_html("{}", line[at:]))
    return format_html_join("", "{}", ((part,) for part in parts))
