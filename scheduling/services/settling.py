"""Give several visits another nurse or time, each by itself: one that is lost leaves the others settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from scheduling.models import Visit
from scheduling.rules.errors import NeedsReason, Refused
from scheduling.services import booking

REASON_CLASS = "provider"  # whose reason it is: the nurse cannot come


@dataclass(frozen=True)
class Wanted:
    """A visit as the person saw it (`version`), and what it is to become. `starts_at` is aware."""

    visit_id: int
    version: int
    nurse_id: int
    starts_at: datetime


@dataclass(frozen=True)
class Settled:
    """What became of it: the new visit, or why there is none."""

    wanted: Wanted
    visit: Visit | None = None
    lost: Refused | None = None


def settle(
    wanted: Sequence[Wanted], *, by: User, note: str = "", now: datetime | None = None
) -> list[Settled]:
    """Move each visit under its own locks, in a transaction of its own; in the order given. Raises nothing.

    The message about each move waits its delay, so a patient whose visit moves twice hears once.
    """
    return [_settled(each, by, note, now) for each in wanted]


def _settled(wanted: Wanted, by: User, note: str, now: datetime | None) -> Settled:
    try:
        return Settled(wanted, visit=_moved(wanted, by, note, now))
    except Refused as no:
        return Settled(wanted, lost=no)


def _moved(wanted: Wanted, by: User, note: str, now: datetime | None, override: str = "") -> Visit:
    """The new visit. A reason a person gave for the old one counts again for the same thing, not for another."""
    try:
        return booking.move_visit(
            visit_id=wanted.visit_id,
            nurse_id=wanted.nurse_id,
            starts_at=wanted.starts_at,
            by=by,
            reason_class=REASON_CLASS,
            note=note,
            override=override,
            version=wanted.version,
            now=now,
        )
    except NeedsReason as no:
        before = Visit.objects.only("override_reason", "override_codes").get(pk=wanted.visit_id)
        if override or not set(no.codes) <= set(before.override_codes):
            raise
        return _moved(wanted, by, note, now, override=before.override_reason)
