"""A calendar feed as text: iCalendar, RFC 5545 and 7986. Pure.

An event says when and nothing else: who, where and what for are not for a calendar that others host. Times are UTC
(`Z`), never a wall's clock, so no zone has to come along and none can be misread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

LINE = 75  # octets of a line, without its end (RFC 5545, 3.1)
HEAD = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Infusion Home//Home visits//EN",
    "CALSCALE:GREGORIAN",
    "NAME:Home visits",
    "X-WR-CALNAME:Home visits",
    "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    "X-PUBLISHED-TTL:PT1H",
)


@dataclass(frozen=True, slots=True)
class Event:
    """`uid` stays when a visit moves; `sequence` grows each time it is moved, cancelled or put back."""

    uid: str
    sequence: int
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    cancelled: bool = False


def write(events: Iterable[Event]) -> bytes:
    """The whole feed, lines ended by CRLF and folded at 75 octets."""
    lines = [*HEAD, *(line for event in events for line in _lines(event)), "END:VCALENDAR"]
    return "".join(f"{fold(line)}\r\n" for line in lines).encode()


def fold(line: str) -> str:
    """The line in parts of at most LINE octets; each further part begins with a space. No character is cut in two."""
    parts, part, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > LINE:
            parts.append(part)
            part, size = " ", 1
        part, size = part + character, size + octets
    return "\r\n".join([*parts, part])


def escape(text: str) -> str:
    """Text as a value: backslash, semicolon, comma and line ends are written out."""
    out = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return out.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _lines(event: Event) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{escape(event.uid)}"
    # Without a METHOD the stamp is the time of the last change (RFC 5545, 3.8.7.2): the same feed twice is the same.
    yield f"DTSTAMP:{_utc(event.changed_at)}"
    yield f"LAST-MODIFIED:{_utc(event.changed_at)}"
    yield f"SEQUENCE:{event.sequence}"
    yield f"DTSTART:{_utc(event.starts_at)}"
    yield f"DTEND:{_utc(event.ends_at)}"
    yield "SUMMARY:Home visit"
    yield f"STATUS:{'CANCELLED' if event.cancelled else 'CONFIRMED'}"
    yield f"TRANSP:{'TRANSPARENT' if event.cancelled else 'OPAQUE'}"
    yield "CLASS:PRIVATE"
    yield "END:VEVENT"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
