"""Move several visits of several patients in one transaction: all of them or none.

Moved one after the other, two visits that change places would each find the other in the way. Here all that move
give up their time first, and each is then judged beside those put before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from patients.models import Patient
from scheduling import clock
from scheduling.models import Visit
from scheduling.rules import states
from scheduling.rules.errors import BadInput, NeedsReason, Refused
from scheduling.services import bookable, booking, doses, locks
from scheduling.services.bookable import Bookable
from scheduling.services.guard import writes
from scheduling.services.verdicts import problems_of, settle


@dataclass(frozen=True)
class Move:
    """A visit as the person saw it (`version`; None: as it is), and what it is to become. `starts_at` is aware.

    `override` is the reason for what is allowed only with one. A reason somebody gave for the old time counts again
    for the same thing, not for another.
    """

    visit_id: int
    version: int | None
    nurse_id: int
    starts_at: datetime
    override: str = ""


@dataclass(frozen=True)
class _Moving:
    move: Move
    old: Visit
    wanted: Bookable
    nurse: Nurse


def lock_all(
    patient_ids: Iterable[int], nurse_ids: Iterable[int]
) -> tuple[dict[int, Patient], dict[int, Nurse]]:
    """All patients by ascending id, then all nurses. Raises BadInput for one that is not there.

    The first step of every writer that touches visits of several patients; call inside its transaction.
    """
    wanted = sorted(set(patient_ids))
    rows = Patient.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    patients = {patient.pk: patient for patient in rows}
    if len(patients) < len(wanted):
        raise BadInput("There is no such patient.", field="patient")
    return patients, locks.nurses(nurse_ids)


@writes
def move_together(
    moves: Sequence[Move],
    *,
    by: User,
    reason_class: str,
    note: str = "",
    now: datetime | None = None,
) -> list[Visit]:
    """Move every visit, or raise a kind of Refused whose `visit_id` says which stands in the way, writing nothing.

    Locks all patients, all nurses, all doses and checks, all visits, each by ascending id. The new visits come in
    the order of `moves`; they are judged in the order of their new times.
    """
    now = now or timezone.now()
    booking.check_class(reason_class)
    moving = _locked(moves)
    for one in moving:
        with _naming(one.move.visit_id):
            _check(one)
    for one in moving:
        booking.retire(one.old, "moved", reason_class, note, now)
    made: dict[int, Visit] = {}
    for one in sorted(moving, key=lambda one: (one.move.starts_at, one.move.visit_id)):
        with _naming(one.move.visit_id):
            made[one.move.visit_id] = _put(one, by, reason_class, note, now)
    for one in {one.wanted.dose.prescription_id: one for one in moving if one.wanted.dose}.values():
        assert one.wanted.dose is not None
        doses.sync(one.wanted.dose.prescription, today=clock.today_in(one.wanted.patient.time_zone, now))
    return [made[move.visit_id] for move in moves]


def _locked(moves: Sequence[Move]) -> list[_Moving]:
    """Everything the moves touch, in the order every writer keeps."""
    ids = sorted({move.visit_id for move in moves})
    if not moves or len(ids) < len(moves):
        raise BadInput("Name one visit or more, each once.", field="visits")
    seen = {row["pk"]: row for row in Visit.objects.filter(pk__in=ids).values("pk", "patient_id", "nurse_id")}
    if len(seen) < len(ids):
        raise BadInput("There is no such visit.", field="visits")
    nurse_ids = {row["nurse_id"] for row in seen.values()} | {move.nurse_id for move in moves}
    patients, nurses = lock_all({row["patient_id"] for row in seen.values()}, nurse_ids)
    whose = {pk: patients[row["patient_id"]] for pk, row in seen.items()}
    wanted = _wanted(ids, whose)
    by_id = {move.visit_id: move for move in moves}
    found = []
    for pk in ids:
        move = by_id[pk]
        with _naming(pk):
            old = locks.visit(pk, version=move.version, nurse_id=seen[pk]["nurse_id"])
        what = wanted[pk] or bookable.like(old, whose[pk])
        found.append(_Moving(move, old, what, nurses[move.nurse_id]))
    return found


def _wanted(ids: Sequence[int], whose: dict[int, Patient]) -> dict[int, Bookable | None]:
    """What each visit is for: doses by id, then checks by id; None where it only repeats an old visit."""
    rows = list(Visit.objects.filter(pk__in=ids).values_list("pk", "dose_id", "planned_check_id"))
    found: dict[int, Bookable | None] = dict.fromkeys(ids)
    for pk, dose_id, _check_id in sorted((row for row in rows if row[1]), key=lambda row: row[1]):
        found[pk] = bookable.of_dose(locks.dose(dose_id, whose[pk]))
    for pk, _dose_id, check_id in sorted((row for row in rows if row[2]), key=lambda row: row[2]):
        found[pk] = bookable.of_check(locks.check(check_id, whose[pk]))
    return found


def _check(one: _Moving) -> None:
    states.check_move(one.old.state, "moved")
    if (one.old.nurse_id, one.old.starts_at) == (one.move.nurse_id, one.move.starts_at):
        raise BadInput("The visit is there already.", field="starts_at")


def _put(one: _Moving, by: User, reason_class: str, note: str, now: datetime) -> Visit:
    """The new row, judged beside those put before it."""
    old, starts_at, override = one.old, one.move.starts_at, one.move.override
    problems = problems_of(one.wanted, one.nurse, starts_at, by=by, now=now, moving=old)
    try:
        soft = settle(problems, override)
    except NeedsReason as no:
        if override or not set(no.codes) <= set(old.override_codes):
            raise
        override = old.override_reason
        soft = settle(problems, override)
    return booking.put(
        one.wanted, one.nurse, starts_at, by=by, override=override, soft=soft, now=now, old=old,
        why=one.move.override or note, reason_class=reason_class,
    )  # fmt: skip


@contextmanager
def _naming(visit_id: int) -> Iterator[None]:
    """What is refused inside says which visit it was about."""
    try:
        yield
    except Refused as no:
        no.visit_id = visit_id
        raise
