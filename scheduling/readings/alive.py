"""Is it alive? What runs, what waits, what failed: for the page, /readyz, /metrics and the banner. Reads only.

All of it comes from the tables, which every process sees alike; the queue's depth alone is asked of the broker.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Max, Min
from django.utils import timezone
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError

from scheduling.models import Heartbeat, Notice, Tally
from scheduling.models.heartbeat import BEAT, WORKER
from scheduling.rules import cadence
from scheduling.services import policy

SILENT_AFTER = timedelta(seconds=45)  # a heart beats every ten seconds; one beat may wait behind a long task
LATE_AFTER = timedelta(minutes=5)
FAILURES_FROM = timedelta(days=7)
REASONS_SHOWN = 20  # of failures; what is rarer is one line
KEPT_SECONDS, FRESH_SECONDS = 300, 30
LATE_KEY = "messages-late"
QUEUE = "celery"  # Celery's own name of the only queue there is
BROKER_SECONDS = 2

log = logging.getLogger(__name__)


# --- Hearts ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heart:
    """One program: state is "ok", "silent" or "not seen yet"."""

    name: str
    state: str
    at: datetime | None


def hearts(now: datetime) -> list[Heart]:
    """Beat, then every worker that has been heard of within a day. One query."""
    marks = _marks()
    workers = sorted(name for name in marks if name.startswith(f"{WORKER} "))
    return [_heart(BEAT, marks, now), *(_heart(name, marks, now) for name in workers)]


def states(now: datetime | None = None) -> dict[str, str]:
    """ "worker" (any of them) and "beat": "ok", "silent" or "not seen yet". One query."""
    marks, now = _marks(), now or timezone.now()
    return {name: _heart(name, marks, now).state for name in (WORKER, BEAT)}


def _marks() -> dict[str, datetime]:
    return dict(Heartbeat.objects.values_list("name", "at"))


def _heart(name: str, marks: dict[str, datetime], now: datetime) -> Heart:
    at = marks.get(name)
    if at is None:
        return Heart(name, "not seen yet", None)
    return Heart(name, "ok" if now - at <= SILENT_AFTER else "silent", at)


# --- What waits --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """Messages that are due and may go now: how many, and since when the first of them could have gone."""

    count: int = 0
    since: datetime | None = None

    def late(self, now: datetime) -> bool:
        return self.since is not None and now - self.since > LATE_AFTER


def waiting(now: datetime, hours: tuple[int, int]) -> Waiting:
    """Due and not kept back by the quiet hours of the patient's zone. One query, a row for each zone.

    What came due at night could go from the opening on, and is not late before that.
    """
    due = Notice.objects.filter(state=Notice.State.PLANNED, due_at__lte=now).order_by()
    found = due.values_list("patient__time_zone").annotate(n=Count("pk"), oldest=Min("due_at"))
    count, since = 0, []
    for zone, n, oldest in found:
        if zone and cadence.quiet_until(now, zone, hours):
            continue
        count += n
        since.append(max(oldest, _opening(now, zone, hours)) if zone else oldest)
    return Waiting(count, min(since, default=None))


def _opening(now: datetime, time_zone: str, hours: tuple[int, int]) -> datetime:
    """Today's first minute of sending on the wall of that zone."""
    local = now.astimezone(ZoneInfo(time_zone))
    return local.replace(hour=hours[0], minute=0, second=0, microsecond=0)


# --- The banner --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Late:
    """Why messages do not go as they should: "late", "paused" or "silent" (the programs that send them)."""

    why: str
    count: int
    since: datetime | None


def late(now: datetime | None = None) -> Late | None:
    """What is wrong with the messages now, None when nothing is. Three small queries."""
    now = now or timezone.now()
    rules = policy.current()
    wait = waiting(now, rules.hours)
    if rules.paused:
        return Late("paused", wait.count, wait.since)  # even while nothing waits: it is easily forgotten
    silent = [heart for heart in _both(now) if heart.state != "ok"]
    if silent:
        seen = [heart.at for heart in silent if heart.at is not None]
        return Late("silent", wait.count, wait.since if wait.late(now) else min(seen, default=None))
    return Late("late", wait.count, wait.since) if wait.late(now) else None


def _both(now: datetime) -> list[Heart]:
    marks = _marks()
    return [_heart(name, marks, now) for name in (WORKER, BEAT)]


def late_kept() -> Late | None:
    """`late` as somebody found it within the last half minute: pages share one look in the cache.

    Whoever comes first after that looks again; the others read what was found before. Without a cache each page
    looks for itself.
    """
    now = timezone.now()
    try:
        kept: tuple[datetime, tuple[str, int, datetime | None] | None] | None = cache.get(LATE_KEY)
        if kept and (now - kept[0] < timedelta(seconds=FRESH_SECONDS)):
            return Late(*kept[1]) if kept[1] else None
        if kept and not cache.add(f"{LATE_KEY}-looking", True, FRESH_SECONDS):
            return Late(*kept[1]) if kept[1] else None  # somebody else is looking
        found = late(now)
        # Plain values: a cache outlives the program that wrote into it.
        cache.set(LATE_KEY, (now, astuple(found) if found else None), KEPT_SECONDS)
        cache.delete(f"{LATE_KEY}-looking")
    except (RedisError, OSError) as error:
        log.warning("the cache does not answer: %s", type(error).__name__)
        return late(now)
    return found


def look_again() -> None:
    """Forget what was found: somebody has just changed it. Best effort; half a minute later it is old anyway."""
    try:
        cache.delete(LATE_KEY)
    except (RedisError, OSError) as error:
        log.warning("the cache does not answer: %s", type(error).__name__)


# --- Figures -----------------------------------------------------------------------------------


def counts() -> dict[str, int]:
    """Messages by state."""
    found = dict(Notice.objects.order_by().values_list("state").annotate(n=Count("pk")))
    return {state: found.get(state, 0) for state in Notice.State.values}


def oldest_due(now: datetime) -> datetime | None:
    """When the oldest unsent message fell due, the quiet hours not looked at; None when none is due."""
    due = Notice.objects.filter(state=Notice.State.PLANNED, due_at__lte=now)
    return due.aggregate(oldest=Min("due_at"))["oldest"]


def last_receipt() -> datetime | None:
    """When a provider last told us that a message arrived."""
    return Notice.objects.aggregate(last=Max("delivered_at"))["last"]


@dataclass(frozen=True)
class Failure:
    channel: str
    reason: str
    count: int


def failures(now: datetime) -> list[Failure]:
    """Failed and unknown messages of seven days, the most frequent reason first; the rare ones are one line."""
    lost = Notice.objects.filter(
        state__in=(Notice.State.FAILED, Notice.State.UNKNOWN), settled_at__gte=now - FAILURES_FROM
    )
    found = lost.order_by().values_list("channel", "reason").annotate(n=Count("pk"))
    return bounded((channel, plain(reason), n) for channel, reason, n in found)


def plain(reason: str) -> str:
    """A reason without what only one message has: no number, address, name or quoted word; 60 characters at most."""
    reason = re.sub(r"\S+@\S+|\+?\d{6,}|“[^”]*”|(?<=characters: ).*", "…", reason).strip()
    reason = re.sub(r"^.* found out that ", "somebody found out that ", reason)
    return reason[:60] or "no reason kept"


def bounded(found: Iterable[tuple[str, str, int]]) -> list[Failure]:
    """At most REASONS_SHOWN of them and one for the rest."""
    summed: dict[tuple[str, str], int] = {}
    for channel, reason, n in found:
        summed[channel, reason] = summed.get((channel, reason), 0) + n
    ordered = sorted(summed.items(), key=lambda one: (-one[1], one[0]))
    shown = [Failure(channel, reason, n) for (channel, reason), n in ordered[:REASONS_SHOWN]]
    rest = sum(n for _key, n in ordered[REASONS_SHOWN:])
    return [*shown, Failure("all", "other reasons", rest)] if rest else shown


def tallies() -> list[Tally]:
    """Counts that only grow, by name: refused signatures and their like."""
    return list(Tally.objects.order_by("name"))


# --- The broker --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Queue:
    """Tasks at the broker: `waiting` for a worker, `taken` and not acknowledged (None where it cannot tell)."""

    waiting: int
    taken: int | None = None


def queue() -> Queue | None:
    """How deep the queue is; None when the broker does not answer within two seconds."""
    options: dict[str, Any] = dict(current_app.conf.broker_transport_options or {})
    if settings.REDIS_URL:
        options |= {"socket_connect_timeout": BROKER_SECONDS, "socket_timeout": BROKER_SECONDS}
    try:
        with current_app.connection_for_read(transport_options=options) as link:
            channel = link.channel()
            taken = channel.client.hlen(channel.unacked_key) if settings.REDIS_URL else None
            try:
                depth = channel.queue_declare(queue=QUEUE, passive=True).message_count
            except ChannelError:
                depth = 0  # Redis keeps no empty list
            return Queue(depth, taken)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("the broker does not answer: %s", type(error).__name__)
        return None
