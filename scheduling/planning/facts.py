"""What decides about a nurse and about a wanted visit, as plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from scheduling.rules.eligibility import (
    NO_PAIRS,
    CompetencyFact,
    LicenceFact,
    Pairs,
    Place,
    Problem,
    ShiftFact,
    Span,
    Stop,
    competency_problems,
    licence_problem,
    pair_problem,
)


@dataclass(frozen=True, slots=True)
class NurseFacts:
    """All that decides about one nurse. `stops` are the live visits near the days asked about."""

    key: int
    home: Place
    zone: ZoneInfo
    day_limit_minutes: int
    licences: tuple[LicenceFact, ...]
    competencies: tuple[CompetencyFact, ...]
    shifts: tuple[ShiftFact, ...]
    time_off: tuple[Span, ...]
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The visit to place: where, whose time zone, how long, which competencies, and the patient's other visits.

    `due_on` and `prefers` ("morning", "afternoon" or "") rank the starts; None counts no days.
    """

    place: Place
    state: str
    zone: ZoneInfo
    length: timedelta
    needs: tuple[str, ...]
    patient_spans: tuple[Span, ...] = ()
    due_on: date | None = None
    prefers: str = ""
    pairs: Pairs = NO_PAIRS


def may_give(nurse: NurseFacts, wanted: Wanted, day: date) -> list[Problem]:
    """What the nurse's papers and the patient's pairs say against a visit on `day`; empty when nothing does."""
    licence = licence_problem(nurse.licences, wanted.state, day)
    pair = pair_problem(nurse.key, wanted.pairs)
    return [
        *([licence] if licence else []),
        *competency_problems(nurse.competencies, wanted.needs, day),
        *([pair] if pair else []),
    ]
