"""Signs of life of the programs in the background. Each row of Heartbeat is written by the one it speaks of.

Beat cannot be seen from outside: what it publishes carries the time it was published, and whoever takes it writes
that down. So a worker that runs says nothing of beat, and a message that lay in the queue does not make it younger.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from django.utils import timezone

from scheduling.models import Heartbeat, Notice
from scheduling.models.heartbeat import BEAT, WORKER

ROWS_A_SENDER = 200  # so many waiting rows are worth one more sender
MOST_SENDERS = 8
FORGOTTEN_AFTER = timedelta(days=1)  # a worker that has been silent so long was taken away


def heard(name: str, *, at: datetime | None = None) -> None:
    """Keep that `name` gave a sign of life at `at`. An older sign never replaces a younger one, and one from the
    future (a host whose clock is ahead) counts as now."""
    now = timezone.now()
    at = min(at or now, now)
    if not Heartbeat.objects.filter(name=name, at__lte=at).update(at=at):
        Heartbeat.objects.get_or_create(name=name, defaults={"at": at})


def worker_turned(hostname: str) -> None:
    """The loop of this worker goes round and it reaches the database."""
    heard(row_of(hostname))
    heard(WORKER)


def worker_left(hostname: str) -> None:
    """The worker was told to stop: it is not missing."""
    Heartbeat.objects.filter(name=row_of(hostname)).delete()


def took_task(published_at: str = "") -> None:
    """A worker took a task; `published_at` is when beat sent it (ISO 8601 with zone), "" when it was not beat."""
    heard(WORKER)
    if published_at:
        heard(BEAT, at=datetime.fromisoformat(published_at))


def senders_wanted(*, now: datetime | None = None) -> int:
    """How many senders the backlog is worth, 0 to MOST_SENDERS. Reads no further than it must."""
    waiting = Notice.objects.filter(state=Notice.State.PLANNED, due_at__lte=now or timezone.now()).order_by()
    return ceil(waiting.values("pk")[: ROWS_A_SENDER * MOST_SENDERS].count() / ROWS_A_SENDER)


def tidy(*, now: datetime | None = None) -> int:
    """Forget workers that have been silent for a day; how many."""
    old = (now or timezone.now()) - FORGOTTEN_AFTER
    gone, _ = Heartbeat.objects.filter(name__startswith=f"{WORKER} ", at__lt=old).delete()
    return gone


def row_of(hostname: str) -> str:
    """The row of one worker, as long as the column allows."""
    return f"{WORKER} {hostname}"[:120]
