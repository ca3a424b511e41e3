"""Ask for a plan of a week or a day, run its search, stop it. A plan proposes; services.plan_take books."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any

from celery import signature
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.models import User
from scheduling.models import PlanLine, WeekPlan
from scheduling.planning.plan_check import violations
from scheduling.rules.errors import BadInput, Conflict
from scheduling.services import events, plan_figures, plan_lines, plan_search
from scheduling.services.guard import writes

SHORTEST, LONGEST = 2, 300  # seconds of search
SILENT_AFTER = timedelta(seconds=60)  # a search nobody hears of for so long is over: its worker is gone
START_AGAIN_AFTER = timedelta(seconds=20)  # a plan still waiting: the message that should start it was lost
SAVED_EVERY = 1.0  # seconds
TRIES = 3  # searches of one plan: again where a booked visit would lose its time
BEATS_EVERY = 5.0  # seconds: a search that finds nothing better for minutes is alive all the same
MOST_POINTS = 600  # of a curve; beyond it every second one is forgotten
STATE = WeekPlan.State
BUSY = (STATE.WAITING, STATE.RUNNING)

log = logging.getLogger(__name__)


@writes
def ask(
    *,
    first_on: date,
    last_on: date,
    release: str,
    seconds: int,
    problem: Mapping[str, Any],
    about: Mapping[str, Any],
    by: User,
    seed: int = 1,
    iterations: int | None = None,
    now: datetime | None = None,
) -> WeekPlan:
    """A plan that waits for a worker. `problem` and `about` are readings.plan_problem's, of this moment.

    Raises BadInput for a time to search that makes no sense, Conflict while one of these days is being planned.
    """
    now = now or timezone.now()
    if not SHORTEST <= seconds <= LONGEST:
        raise BadInput(f"Between {SHORTEST} and {LONGEST} seconds.", field="seconds")
    if not 0 <= seed < 2**31:
        raise BadInput("A whole number from 0 to 2,147,483,647.", field="seed")
    with connection.cursor() as cursor:  # two who ask at once: before the first plan there is no row to lock
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('plan of the days'))")
    busy = WeekPlan.objects.filter(state__in=BUSY, first_on__lte=last_on, last_on__gte=first_on)
    if busy.filter(Q(beat_at__isnull=True) | Q(beat_at__gt=now - SILENT_AFTER)).exists():
        raise Conflict("A plan of these days is being made already.", code="PLAN_UNDER_WAY", field="first_on")
    plan = WeekPlan.objects.create(
        first_on=first_on,
        last_on=last_on,
        release=release,
        seconds=seconds,
        iterations=iterations,
        seed=seed,
        problem=dict(problem),
        about=dict(about),
        before=plan_figures.before(problem, about),
        requested_by=by,
        requested_at=now,
    )
    events.write(
        "plan_asked",
        by=by,
        subject=plan,
        first_on=first_on.isoformat(),
        last_on=last_on.isoformat(),
        release=release,
    )
    transaction.on_commit(lambda: _start(plan.pk))
    return plan


@writes
def stop(*, plan_id: int, by: User, now: datetime | None = None) -> WeekPlan:
    """End the search with the best so far. Raises Conflict when it is over."""
    now = now or timezone.now()
    plan = _locked(plan_id)
    if plan.state not in BUSY:
        raise Conflict("This search is over.", code="PLAN_OVER")
    if plan.state == STATE.WAITING:
        plan.state, plan.finished_at = STATE.CANCELLED, now
    plan.stop_asked_at, plan.stop_asked_by = now, by
    plan.save(update_fields=["state", "finished_at", "stop_asked_at", "stop_asked_by"])
    events.write("plan_stopped", by=by, subject=plan)
    return plan


def run(plan_id: int) -> str:
    """Search, and keep what was found; the plan's state at the end. Whoever comes second finds it taken.

    The search runs outside any transaction. What it found is saved in one: lines, figures and state, or nothing.
    """
    plan = _taken(plan_id)
    if plan is None:
        return ""
    try:
        result = _searched(plan)
        broken = violations(plan.problem, result)
    except plan_search.SearchFailed as error:
        return _failed(plan, str(error))
    if broken:
        log.error("plan %s broke a rule and is not shown: %s", plan.pk, broken[0])
        return _failed(plan, "What was found did not keep every rule, so it is not shown.")
    return _finished(plan, result)


def keep_up(*, now: datetime | None = None) -> int:
    """Start again what nobody started; end what nobody hears of. Returns how many."""
    now = now or timezone.now()
    waiting = WeekPlan.objects.filter(state=STATE.WAITING, requested_at__lt=now - START_AGAIN_AFTER)
    started = [pk for pk in waiting.values_list("pk", flat=True) if _start(pk)]
    silent = WeekPlan.objects.filter(state=STATE.RUNNING, beat_at__lt=now - SILENT_AFTER)
    ended = silent.update(
        state=STATE.FAILED, failure="Its worker stopped. Nothing was changed.", finished_at=now
    )
    return len(started) + ended


def _searched(plan: WeekPlan) -> dict[str, Any]:
    """What the search finds. A booked visit it would leave without a time is held where it is, and it looks again."""
    told, stopped = _Diary(plan), _Watch(plan)
    for _try in range(TRIES):
        found = plan_search.search(
            plan.problem,
            seconds=plan.seconds,
            seed=plan.seed,
            iterations=plan.iterations,
            told=told,
            stopped=stopped,
        )
        displaced = plan_lines.displaced(plan.about, found)
        if not displaced:
            break
        plan.problem = plan_lines.holding(plan.problem, plan.about, displaced)
        told.before += found["seconds"] or 0
    return found


def _start(plan_id: int) -> bool:
    """By its name; a message that is lost is made good by `keep_up`."""
    try:
        signature("scheduling.tasks.plan_week", args=(plan_id,)).apply_async(retry=False)
    except OperationalError:
        log.warning("plan %s waits: the broker does not take a message", plan_id)
        return False
    return True


def _locked(plan_id: int) -> WeekPlan:
    return WeekPlan.objects.select_for_update(no_key=True).get(pk=plan_id)


def _taken(plan_id: int) -> WeekPlan | None:
    """The plan, running from now; None when another worker has it, or it is over."""
    now = timezone.now()
    mine = WeekPlan.objects.filter(
        Q(state=STATE.WAITING) | Q(state=STATE.RUNNING, beat_at__lt=now - SILENT_AFTER), pk=plan_id
    ).update(state=STATE.RUNNING, started_at=now, beat_at=now, progress=[])
    return WeekPlan.objects.get(pk=plan_id) if mine else None


class _Watch:
    """Whether somebody wants an end, or this search was given up meanwhile. Who asks lives: the search may have no
    news for longer than SILENT_AFTER."""

    def __init__(self, plan: WeekPlan) -> None:
        self.plan, self.beaten = plan, monotonic()

    def __call__(self) -> bool:
        mine = WeekPlan.objects.filter(pk=self.plan.pk, state=STATE.RUNNING, started_at=self.plan.started_at)
        if monotonic() - self.beaten >= BEATS_EVERY:
            self.beaten = monotonic()
            mine.update(beat_at=timezone.now())
        return not mine.filter(stop_asked_at__isnull=True).exists()


class _Diary:
    """Writes down how the search goes, at most once in SAVED_EVERY seconds; the plan lives while it writes."""

    def __init__(self, plan: WeekPlan) -> None:
        self.plan, self.saved = plan, 0.0
        self.points: list[dict[str, Any]] = plan.progress
        self.before = 0.0  # seconds of earlier searches of the same plan

    def __call__(self, said: Mapping[str, Any]) -> None:
        point = {name: said.get(name) for name in ("seconds", "cost", "served", "bound", "phase")}
        self.points.append(point | {"seconds": round((said.get("seconds") or 0) + self.before, 3)})
        if len(self.points) > MOST_POINTS:
            self.points[1:-1] = self.points[1:-1:2]
        if monotonic() - self.saved >= SAVED_EVERY:
            self.saved = monotonic()
            WeekPlan.objects.filter(pk=self.plan.pk).update(progress=self.points, beat_at=timezone.now())


def _failed(plan: WeekPlan, sentence: str) -> str:
    WeekPlan.objects.filter(pk=plan.pk, state=STATE.RUNNING).update(
        state=STATE.FAILED, failure=sentence[:300], finished_at=timezone.now()
    )
    return STATE.FAILED


@writes
def _finished(plan: WeekPlan, result: dict[str, Any]) -> str:
    """Lines, figures and state together. Another worker may have taken it over meanwhile: then nothing is kept."""
    kept = _locked(plan.pk)
    if kept.state != STATE.RUNNING or kept.started_at != plan.started_at:
        return kept.state
    plan.result, plan.after = result, plan_figures.after(plan.problem, plan.about, result)
    rows = plan_lines.lines_of(plan)
    if any(row.kind == PlanLine.Kind.LEFT and row.visit_id for row in rows):
        return _failed(plan, "A visit that is booked would lose its time, so the plan is not shown.")
    PlanLine.objects.bulk_create(rows)
    plan.state = STATE.CANCELLED if kept.stop_asked_at else STATE.DONE
    plan.finished_at = timezone.now()
    plan.save(update_fields=["problem", "result", "after", "progress", "state", "finished_at"])
    events.write("plan_made", by=None, subject=plan, lines=len(rows), seconds=plan.seconds)
    return plan.state
