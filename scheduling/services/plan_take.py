"""Book what a person chose of a plan. Everything is judged anew under the locks of a booking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from scheduling.models import PlanLine, Visit, WeekPlan
from scheduling.rules.errors import BadInput, Conflict, NeedsReason, Refused
from scheduling.services import booking, courses, events, together
from scheduling.services.guard import fits, writes
from scheduling.services.together import Move

MOST = 500
MOVED_FOR = "organisation"  # whose reason it is that a booked visit moves: the agency plans its days
NOTE = "Moved by a plan of the days"
PROMISED = (
    "The patient has said yes to this visit since the plan was made; it was to move unconfirmed visits only."
)
LATENESS = frozenset({"LATE_OUTSIDE_WINDOW"})  # what a plan proposes although it needs a reason
KIND, STATE = PlanLine.Kind, PlanLine.State


@dataclass(frozen=True)
class Taken:
    """The lines that were chosen, with what became of each; `outcome` says why one was not possible any more."""

    plan: WeekPlan
    lines: tuple[PlanLine, ...]

    @property
    def booked(self) -> tuple[PlanLine, ...]:
        return tuple(line for line in self.lines if line.state == STATE.TAKEN)

    @property
    def lost(self) -> tuple[PlanLine, ...]:
        return tuple(line for line in self.lines if line.state == STATE.LOST)


@writes
def take(
    *, plan_id: int, line_ids: Iterable[int], by: User, override: str = "", now: datetime | None = None
) -> Taken:
    """Book the chosen lines in one transaction: each is booked, or its row says why it cannot be any more.

    The days of a course go together, whichever of them was chosen. Moves come first, for they make room: all of
    them together, but for those that cannot be. `override` is the reason for lines that need one (a dose past its
    window). A line taken before is left as it is. Locks all patients, all nurses, each by id, then as bookings do.
    Raises BadInput when nothing is chosen or a line is not of this plan.
    """
    now = now or timezone.now()
    override = fits(override, "override")
    plan, lines = _chosen(plan_id, set(line_ids))
    moving = Visit.objects.filter(pk__in=[line.visit_id for line in lines if line.visit_id])
    nurses = {line.nurse_id for line in lines} | set(moving.values_list("nurse_id", flat=True))
    together.lock_all({line.patient_id for line in lines}, {pk for pk in nurses if pk is not None})
    ids = [line.pk for line in lines]
    open_now = set(
        PlanLine.objects.select_for_update(no_key=True)
        .filter(pk__in=ids, state=STATE.PROPOSED)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    lines = [line for line in lines if line.pk in open_now]
    _move(_may_move(plan, [line for line in lines if line.kind == KIND.MOVE]), by, now)
    for group in _groups(line for line in lines if line.kind == KIND.PLACE):
        _place(group, by, override, now)
    for line in lines:
        line.decided_by, line.decided_at = by, now
    PlanLine.objects.bulk_update(
        lines, ["state", "outcome", "outcome_code", "made_visit", "decided_by", "decided_at"]
    )
    taken = Taken(plan, tuple(lines))
    events.write(
        "plan_taken", by=by, subject=plan, why=override, booked=len(taken.booked), lost=len(taken.lost)
    )
    return taken


def _chosen(plan_id: int, wanted: set[int]) -> tuple[WeekPlan, list[PlanLine]]:
    plan = WeekPlan.objects.get(pk=plan_id)
    rows = list(plan.lines.exclude(kind=KIND.LEFT))
    if not wanted:
        raise BadInput("Choose one line or more.", field="line")
    if not wanted <= {row.pk for row in rows}:
        raise BadInput("A line that was chosen is not one of this plan's proposals.", field="line")
    groups = {row.group for row in rows if row.pk in wanted}
    lines = [row for row in rows if row.group in groups]
    if len(lines) > MOST:
        raise BadInput(f"Choose at most {MOST} visits at once.", field="line")
    return plan, lines


def _groups(lines: Iterable[PlanLine]) -> list[list[PlanLine]]:
    """By course, in the order of time: who is urgent was weighed when the plan was made."""
    found: dict[str, list[PlanLine]] = defaultdict(list)
    for line in lines:
        found[line.group].append(line)
    return list(found.values())


def _may_move(plan: WeekPlan, lines: Sequence[PlanLine]) -> list[PlanLine]:
    """Those the plan was allowed to move; the others are lost. A patient's yes changes no version of the visit."""
    if plan.release == "all":
        return list(lines)
    promised = set(
        Visit.objects.filter(pk__in=[line.visit_id for line in lines], state="confirmed").values_list(
            "pk", flat=True
        )
    )
    for line in lines:
        if line.visit_id in promised:
            _lose(line, Conflict(PROMISED, code="VISIT_CONFIRMED"))
    return [line for line in lines if line.visit_id not in promised]


def _move(lines: Sequence[PlanLine], by: User, now: datetime) -> None:
    """All together, for two visits may change places; one that cannot stays, and the others are tried again."""
    waiting = list(lines)
    while waiting:
        moves = [_as_move(line) for line in waiting]
        try:
            with transaction.atomic():
                made = together.move_together(moves, by=by, reason_class=MOVED_FOR, note=NOTE, now=now)
        except Refused as no:
            stuck = [line for line in waiting if line.visit_id == getattr(no, "visit_id", None)] or waiting
            for line in stuck:
                _lose(line, no)
            waiting = [line for line in waiting if line not in stuck]
        else:
            for line, visit in zip(waiting, made, strict=True):
                _win(line, visit)
            return


def _as_move(line: PlanLine) -> Move:
    assert line.visit_id is not None and line.nurse_id is not None and line.starts_at is not None
    return Move(line.visit_id, line.visit_version, line.nurse_id, line.starts_at)


def _place(group: Sequence[PlanLine], by: User, override: str, now: datetime) -> None:
    """One visit, or every day of a course; a savepoint of its own, so that what is refused leaves the others."""
    try:
        with transaction.atomic():
            late = any(_late(line) for line in group)
            made = _booked_late(group, by, override, now) if late else _booked(group, by, "", now)
    except Refused as no:
        for line in group:
            _lose(line, no)
    else:
        for line, visit in zip(group, made, strict=True):
            _win(line, visit)


def _booked_late(group: Sequence[PlanLine], by: User, override: str, now: datetime) -> list[Visit]:
    """With the reason, which speaks for the lateness alone: what needs one since the plan was made is refused."""
    try:
        return _booked(group, by, "", now)
    except NeedsReason as no:
        if not set(no.codes) <= LATENESS:
            raise
    made = _booked(group, by, override, now)
    for visit in made:
        if others := sorted(set(visit.override_codes) - LATENESS):
            said = "A later day of this course needs a reason of its own by now."
            raise NeedsReason(said, code=others[0], field="override", codes=tuple(others))
    return made


def _booked(group: Sequence[PlanLine], by: User, override: str, now: datetime) -> list[Visit]:
    line = group[0]
    assert line.nurse_id is not None and line.starts_at is not None
    when: dict[str, Any] = {
        "nurse_id": line.nurse_id,
        "starts_at": line.starts_at,
        "by": by,
        "override": override,
        "now": now,
    }
    if line.check_owed_id is not None:
        return [booking.book_check(check_id=line.check_owed_id, **when)]
    if len(group) == 1 and line.dose_id is not None:
        return [booking.book_visit(dose_id=line.dose_id, **when)]
    days = [
        courses.Day(one.dose_id, one.nurse_id, one.starts_at)
        for one in group
        if one.dose_id is not None and one.nurse_id is not None and one.starts_at is not None
    ]
    made = {
        visit.dose_id: visit for visit in courses.book_course(days=days, by=by, override=override, now=now)
    }
    return [made[one.dose_id] for one in group]


def _late(line: PlanLine) -> bool:
    """What was proposed past its window: the reason given is for that and for nothing else."""
    return any(reason.get("code") == "LATE" for reason in line.reasons)


def _win(line: PlanLine, visit: Visit) -> None:
    line.state, line.made_visit, line.outcome, line.outcome_code = STATE.TAKEN, visit, "", ""


def _lose(line: PlanLine, no: Refused) -> None:
    line.state, line.outcome, line.outcome_code = STATE.LOST, str(no)[:300], no.code or ""
