"""A feed is read by calendars that others wrote: its lines are what RFC 5545 says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.rules.calendar_feed import Event, escape, fold, write

STAMP = datetime(2026, 3, 2, 15, 0, 30, tzinfo=UTC)


def event(**fields):
    return Event(**{
        "uid": "7-1700000000000@visits.infusion-home", "sequence": 2, "starts_at": STAMP,
        "ends_at": STAMP + timedelta(hours=4), "changed_at": STAMP, **fields,
    })  # fmt: skip


def test_an_event_says_when_and_nothing_else():
    lines = write([event()]).decode().split("\r\n")
    begin = lines.index("BEGIN:VEVENT")
    assert lines[begin + 1 : lines.index("END:VEVENT")] == [
        "UID:7-1700000000000@visits.infusion-home", "DTSTAMP:20260302T150030Z", "LAST-MODIFIED:20260302T150030Z",
        "SEQUENCE:2", "DTSTART:20260302T150030Z", "DTEND:20260302T190030Z", "SUMMARY:Home visit", "STATUS:CONFIRMED",
        "TRANSP:OPAQUE", "CLASS:PRIVATE",
    ]  # fmt: skip


def test_the_head_asks_to_be_read_again_in_an_hour():
    text = write([]).decode()
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:") and text.endswith("END:VCALENDAR\r\n")
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in text and "X-PUBLISHED-TTL:PT1H\r\n" in text
    assert "\n" not in text.replace("\r\n", "")


def test_a_cancelled_event_takes_no_time():
    text = write([event(cancelled=True)]).decode()
    assert "STATUS:CANCELLED" in text and "TRANSP:TRANSPARENT" in text and "CONFIRMED" not in text


@pytest.mark.parametrize("hours", [-6, 0, 13])
def test_times_are_utc_whatever_zone_they_come_in(hours):
    there = STAMP.astimezone(timezone(timedelta(hours=hours)))
    assert write([event(starts_at=there)]) == write([event()])


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=400))
def test_lines_are_folded_at_75_octets_and_unfold_to_what_they_were(text):
    folded = fold(text)
    assert all(len(line.encode()) <= 75 for line in folded.split("\r\n"))
    assert folded.replace("\r\n ", "") == text


def test_what_would_end_a_value_is_escaped():
    assert escape("a;b,c\\d\r\ne\nf\rg") == "a\\;b\\,c\\\\d\\ne\\nf\\ng"
