"""Who was first, when a time was taken: told beside the refusal. Reads only."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from scheduling.models import Visit
from scheduling.readings import words
from scheduling.rules import states
from scheduling.services.bookable import Bookable

ROAD = timedelta(hours=3)  # a visit further away than this never takes the time to drive


def who_was_first(code: str, wanted: Bookable, nurse_id: int | None, starts_at: datetime | None) -> str:
    """`Ben booked Tue, Jan 6, 9:00 am with Ana, 2 minutes ago.`; "" when no visit stands in the way."""
    rival = _rival(code, wanted, nurse_id, starts_at)
    if rival is None:
        return ""
    by = rival.booked_by
    return _("%(who)s booked %(when)s with %(nurse)s, %(ago)s ago.") % {
        "who": (by.get_full_name() or by.username) if by else _("Somebody"),
        "when": words.at_words(rival.starts_at, rival.time_zone),
        "nurse": rival.nurse.listed_name,
        "ago": timesince(rival.created_at, depth=1),
    }


def _rival(code: str, wanted: Bookable, nurse_id: int | None, starts_at: datetime | None) -> Visit | None:
    live = Visit.objects.filter(state__in=states.HOLDING).select_related("booked_by", "nurse")
    if code == "DOSE_TAKEN":
        return live_visit_of(wanted)
    if starts_at is None:
        return None
    same = Q(patient=wanted.patient.pk) if code == "PATIENT_TAKEN" else Q(nurse=nurse_id)
    around = ROAD if code == "NO_TIME_TO_DRIVE" else timedelta()
    ends_at = starts_at + wanted.length
    return live.filter(same, starts_at__lt=ends_at + around, ends_at__gt=starts_at - around).first()


def live_visit_of(wanted: Bookable) -> Visit | None:
    """The visit that the dose or the check has already."""
    live = Visit.objects.filter(state__in=states.HOLDING).select_related("booked_by", "nurse")
    if wanted.dose is not None:
        return live.filter(dose=wanted.dose).first()
    return live.filter(planned_check=wanted.check).first() if wanted.check is not None else None
