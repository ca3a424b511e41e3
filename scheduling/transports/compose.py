"""The words of the first messages, until services.wording has them all."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import formats, translation
from django.utils.translation import gettext as _

from scheduling.models import Notice, Visit


def compose(notice: Notice, visit: Visit) -> tuple[str, str]:
    """Subject and body in the patient's language: first names, day and time; no drug, no diagnosis."""
    patient = notice.patient
    with translation.override(patient.language):
        start = visit.local_start
        words = {
            "first_name": patient.first_name,
            "nurse": visit.nurse.first_name,
            "day": formats.date_format(start, _("l, F j, Y")),
            "from_time": _clock(start),
            "until_time": _clock(visit.local_end),
            "zone": start.tzname(),
            "agency": settings.AGENCY_NAME,
            "phone": _dialled(settings.AGENCY_PHONE),
        }
        subject = {
            Notice.Kind.BOOKED: _("Your nurse visit on %(day)s"),
            Notice.Kind.MOVED: _("Your nurse visit has a new time: %(day)s"),
            Notice.Kind.CANCELLED: _("Your nurse visit on %(day)s is cancelled"),
        }[Notice.Kind(notice.kind)] % words
        return subject, render_to_string(f"notices/{notice.kind}.txt", words).strip() + "\n"


def _clock(at: datetime) -> str:
    """9:00 am; in Spanish 9:00 a. m."""
    if translation.get_language() == "es":
        return f"{at:%I:%M}".lstrip("0") + (" a. m." if at.hour < 12 else " p. m.")
    return f"{at:%I:%M %p}".lstrip("0").lower()


def _dialled(number: str) -> str:
    """+12145550142 as 214-555-0142."""
    if number.startswith("+1") and len(number) == 12:
        return f"{number[2:5]}-{number[5:8]}-{number[8:]}"
    return number
