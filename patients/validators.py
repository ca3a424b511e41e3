"""Checks of identifiers and of what people type; each message says what to do."""

from __future__ import annotations

import re
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

E164 = re.compile(r"^\+[1-9]\d{1,14}$")
NORTH_AMERICAN = re.compile(r"^\+1[2-9]\d{2}[2-9]\d{6}$")


def check_time_zone(name: str) -> None:
    """Raises ValidationError unless `name` is an IANA zone."""
    if name not in available_timezones():
        raise ValidationError(_("Use a time zone name like America/Chicago."), code="time_zone")


def check_phone(number: str) -> None:
    """Raises ValidationError unless E.164; +1 numbers must be dialable."""
    if not E164.match(number) or (number.startswith("+1") and not NORTH_AMERICAN.match(number)):
        raise ValidationError(_("Enter a phone number with area code, like 214-555-0142."), code="phone")


def e164(typed: str) -> str:
    """`(214) 555-0142` as +12145550142. What cannot be read comes back as typed, for check_phone to refuse."""
    digits = re.sub(r"\D", "", typed)
    if typed.strip().startswith("+"):
        return f"+{digits}"
    if len(digits) == 10:
        return f"+1{digits}"
    if len(digits) == 11 and digits.startswith("1"):
        return f"+{digits}"
    return typed.strip()


def npi_ok(npi: str) -> bool:
    """Ten digits that pass the Luhn check over 80840 + NPI (45 CFR 162.406)."""
    if not re.fullmatch(r"[12]\d{9}", npi):
        return False
    total = 0
    for place, digit in enumerate(reversed("80840" + npi)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def check_npi(npi: str) -> None:
    """Raises ValidationError unless the check digit fits."""
    if not npi_ok(npi):
        raise ValidationError(_("This is not a valid NPI: ten digits, check the last one."), code="npi")
