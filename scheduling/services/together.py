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
from scheduling.models import Notice, Visit
from scheduling.rules import states
from scheduling.rules.eligibility import Problem
from scheduling.rules.errors import BadInput, Refused
from scheduling.services import bookable, booking, doses, locks, notices, rehearsal
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
class Judged:
    """What moving the visit with the others comes to: what stands against it, and the messages it would owe.

    `refused` are the problems no reason helps against, `asks` those that need a reason nobody has given yet.
    """

    visit_id: int
    refused: tuple[Problem, ...]
    asks: tuple[Problem, ...]
    notices: tuple[Notice, ...]


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
    made: dict[int, Visit] = {}
    moving = _given_up(moves, reason_class, note, now)
    for one in moving:
        with _naming(one.move.visit_id):
            made[one.move.visit_id] = _put(one, by, reason_class, note, now)
    for one in {one.wanted.dose.prescription_id: one for one in moving if one.wanted.dose}.values():
        assert one.wanted.dose is not None
        doses.sync(one.wanted.dose.prescription, today=clock.today_in(one.wanted.patient.time_zone, now))
    return [made[move.visit_id] for move in moves]


def judge_together(
    moves: Sequence[Move], *, by: User, reason_class: str, now: datetime | None = None
) -> list[Judged]:
    """What `move_together` would come to, visit by visit, in the order of `moves`; nothing stays written.

    A visit that is refused is left out for those judged after it. Raises what cannot even be tried: a stale version,
    a visit under way, a busy row.
    """
    now = now or timezone.now()

    def judged() -> list[Judged]:
        found = {}
        for one in _given_up(moves, reason_class, "", now):
            found[one.move.visit_id] = _judged(one, by, reason_class, now)
        return [found[move.visit_id] for move in moves]

    return rehearsal.taken_back(judged)


def _judged(one: _Moving, by: User, reason_class: str, now: datetime) -> Judged:
    problems = _problems(one, by, now)
    refused = tuple(problem for problem in problems if problem.absolute or problem.taken)
    if refused:
        return Judged(one.move.visit_id, refused, (), ())
    asks = () if set(_codes(problems)) <= set(one.old.override_codes) else tuple(problems)
    visit = booking.put(
        one.wanted, one.nurse, one.move.starts_at, by=by, override="", soft=[], now=now, old=one.old,
        reason_class=reason_class,
    )  # fmt: skip
    owed = Notice.objects.filter(
        patient=visit.patient_id,
        about=notices.about_visit(visit),
        kind__in=(Notice.Kind.BOOKED, Notice.Kind.MOVED),
    )
    return Judged(one.move.visit_id, (), asks, tuple(owed.order_by("channel")))


def _given_up(moves: Sequence[Move], reason_class: str, note: str, now: datetime) -> list[_Moving]:
    """All that move, locked and with their time given up; by their new times."""
    moving = _locked(moves)
    for one in moving:
        with _naming(one.move.visit_id):
            _check(one)
    for one in moving:
        booking.retire(one.old, "moved", reason_class, note, now)
    return sorted(moving, key=lambda one: (one.move.starts_at, one.move.visit_id))


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
    override, problems = one.move.override, _problems(one, by, now)
    if not override.strip() and set(_codes(problems)) <= set(one.old.override_codes):
        override = one.old.override_reason
    soft = settle(problems, override)
    return booking.put(
        one.wanted, one.nurse, one.move.starts_at, by=by, override=override, soft=soft, now=now, old=one.old,
        why=(override if soft else "") or note, reason_class=reason_class,
    )  # fmt: skip


def _problems(one: _Moving, by: User, now: datetime) -> list[Problem]:
    return problems_of(one.wanted, one.nurse, one.move.starts_at, by=by, now=now, moving=one.old)


def _codes(problems: Iterable[Problem]) -> Iterator[str]:
    return (problem.code for problem in problems if not problem.absolute)


@contextmanager
def _naming(visit_id: int) -> Iterator[None]:
    """What is refused inside says which visit it was about."""
    try:
        yield
    except Refused as no:
        no.visit_id = visit_id
        raise
