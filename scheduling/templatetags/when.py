"""`{% load when %}`: days, times and amounts as scheduling.readings.words says them."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import template

from scheduling.readings import words

register = template.Library()


@register.filter
def day(on: date | None) -> str:
    """`Tue, Jan 6, 2026`."""
    return words.day_words(on) if on else ""


@register.filter
def short_day(on: date | None) -> str:
    """`Tue, Jan 6`, where the year is plain."""
    return words.day_words(on, year=False) if on else ""


@register.filter
def at(moment: datetime | None, time_zone: str) -> str:
    """`Tue, Jan 6, 9:00 am` on the wall of a home in `time_zone`."""
    return words.at_words(moment, time_zone) if moment else ""


@register.filter
def clock(moment: datetime | time | None, time_zone: str = "") -> str:
    """`9:00 am`; an aware time needs its zone."""
    if isinstance(moment, datetime) and time_zone:
        moment = moment.astimezone(ZoneInfo(time_zone))
    return words.clock_words(moment) if moment else ""


@register.filter
def mg(amount: Decimal | None) -> str:
    """`600 mg`."""
    return words.mg_words(amount)


@register.filter
def in_address(kind: str) -> str:
    """A kind of paper as a link may carry it: no drug, nor what gives one away."""
    return words.kind_in_address(kind)
