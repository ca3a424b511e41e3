"""Celery entries: an id in, one service call. The table is the truth; running twice does no harm.

Beat is only a heart: what it publishes says "look now" and expires before the next. No task has an ETA, a countdown
or a retry of the queue, which on Redis run twice when they wait longer than the broker's patience; what is to be
tried later is a row with a time.
"""

from __future__ import annotations

import logging

from celery import shared_task
from celery.signals import worker_ready
from kombu.exceptions import OperationalError

from scheduling.services import calls_due, dispatch, doses, housekeeping, notices_staff, plans, pulse, travel

TICK_SECONDS = 10  # of beat; what a tick starts is worthless when the next one comes
# Then a sender makes room for other tasks, beat's heart among them; the next tick starts new ones.
SENDER_SECONDS = 10
# Nothing runs longer than the broker waits for an answer (settings, visibility_timeout), so nothing that runs is
# given to a second worker. Sending ends by itself long before: the limit is for a network that never answers.
SENDING = {"soft_time_limit": 300, "time_limit": 330}
SLOW = {"soft_time_limit": 3000, "time_limit": 3300}

log = logging.getLogger(__name__)


@shared_task(ignore_result=True, expires=30)
def heartbeat(published_at: str = "") -> None:
    """A worker is alive and reaches the database; beat was, when it published this."""
    pulse.took_task(published_at)


@shared_task(ignore_result=True, **SENDING)
def send_due_notices() -> int:
    """One tick of the ledger: as many senders as the backlog is worth, of which this is the first."""
    for _more in range(pulse.senders_wanted() - 1):
        try:
            send_some.apply_async(expires=TICK_SECONDS, retry=False)
        except OperationalError:
            log.warning("no further sender could be started: the broker does not take messages")
            break
    return dispatch.send_due(seconds=SENDER_SECONDS)


@shared_task(ignore_result=True, **SENDING)
def send_some() -> int:
    """One more sender beside the tick's own."""
    return dispatch.send_due(seconds=SENDER_SECONDS)


@shared_task(ignore_result=True, **SLOW)
def keep_up_calls() -> int:
    """Calls the calendar owes by now, and those it does not owe any more."""
    return calls_due.keep_up()


@shared_task(ignore_result=True, **SLOW)
def plan_staff_notices() -> int:
    """What the office must hear: visits nobody has confirmed, papers that run out."""
    return notices_staff.keep_up()


@shared_task(ignore_result=True, **SLOW)
def extend_calendars() -> int:
    """Plan further ahead where the stored doses run out."""
    return doses.extend_calendars()


@shared_task(ignore_result=True, **SLOW)
def tidy() -> int:
    """Forget what was only kept for a while."""
    return housekeeping.tidy() + pulse.tidy()


@shared_task(ignore_result=True, **SLOW)
def refresh_roads() -> int:
    """Ask the travel service, where there is one, for the roads of new homes and those that grew old."""
    return travel.refresh()


@shared_task(ignore_result=True, **SLOW)
def plan_week(plan_id: int) -> str:
    """The search of one plan. Given to a second worker, it finds the plan taken."""
    return plans.run(plan_id)


@shared_task(ignore_result=True, expires=30, **SENDING)
def keep_up_plans() -> int:
    """Plans nobody started, and searches nobody hears of."""
    return plans.keep_up()


@worker_ready.connect
def _first_heartbeat(**kwargs: object) -> None:
    heartbeat.apply_async(retry=False)
