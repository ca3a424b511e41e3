"""Which nurses always or never come to a patient, in words, and the booked visits that do not agree. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from patients.models import Patient
from scheduling.models import PinnedPair, Visit
from scheduling.readings import words
from scheduling.readings.trail import who
from scheduling.rules import eligibility, states
from scheduling.services import pairs_on_file


@dataclass(frozen=True)
class PairRow:
    """One line of the chart, with `nurse` and `set_by` loaded."""

    pair: PinnedPair
    set_on: str
    who: str

    @property
    def name(self) -> str:
        return self.pair.nurse.listed_name

    @property
    def status(self) -> tuple[str, str]:
        """Status and word, for ui/tag.html."""
        return ("ok", _("Always")) if self.pair.kind == PinnedPair.Kind.ALWAYS else ("stop", _("Never"))


def rows(patient: Patient) -> list[PairRow]:
    """What stands now, oldest first. One query."""
    return [row_of(pair, patient.time_zone) for pair in pairs_on_file.standing([patient.pk])[patient.pk]]


def row_of(pair: PinnedPair, time_zone: str) -> PairRow:
    set_on = pair.set_at.astimezone(ZoneInfo(time_zone)).date()
    return PairRow(pair, words.day_words(set_on), who(pair.set_by))


def against(patient: Patient, *, now: datetime | None = None) -> int:
    """How many open visits ahead have a nurse who is not to come, without those somebody gave a reason for."""
    allowed = pairs_on_file.pairs_of(patient)
    ahead = Visit.objects.filter(patient=patient, state__in=states.OPEN, ends_at__gt=now or timezone.now())
    found = 0
    for nurse, accepted in ahead.order_by().values_list("nurse_id", "override_codes"):
        problem = eligibility.pair_problem(nurse, allowed)
        found += problem is not None and problem.code not in accepted
    return found
