"""How fast due messages are claimed and sent, beside what the same machine can do at most.

Two worker processes send texts to nowhere (`null://`): each is claimed, checked again against the tables, given its
link and its words, marked as tried, handed over and settled. Beside it, in the same run: Celery tasks that do
nothing, on the same broker with the same two processes; and a bare loop that claims and updates a hundred rows at a
time with SKIP LOCKED, on the same table. `of the slower` is our rate over the lower of these two.

The broker is Redis when REDIS_URL names one or `redis-server` is on the path, else folders.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from benchmarks import _live, _owed, _parts

TITLE = "messages claimed and sent by two processes"
ROUNDS, SECONDS = 2, 35
ROWS, TASKS, PROCESSES, CLAIM = 4_000, 2_000, 2, 100
PATIENCE = 60.0

BARE = """
    UPDATE scheduling_notice SET state = 'claimed', claimed_at = now() WHERE id IN (
        SELECT id FROM scheduling_notice WHERE state = 'planned' AND due_at <= now()
        ORDER BY due_at, priority, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
"""


def run(seconds: float) -> list[dict[str, object]]:
    """About 35 seconds, or `seconds` when that is more; the best of the rounds of each, taken in turn."""
    os.environ["TEXT_URL"] = "null://"
    _live.setup()
    with ExitStack() as stack:
        name = stack.enter_context(_live.database())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="infusion-home-bench-")))
        redis = stack.enter_context(_redis(folder))
        rows = _owe()
        env = _environment(name, redis, folder)
        broker = stack.enter_context(_broker(redis, folder))
        stack.enter_context(_worker(folder, env))
        _send(broker, rows)  # warms up the connections, the catalogue and the prepared texts
        best = {"bare": 0.0, "noop": 0.0, "ours": 0.0}
        jobs: dict[str, Callable[[], float]] = {
            "bare": lambda: _bare(rows), "noop": lambda: _noops(broker), "ours": lambda: _send(broker, rows)
        }  # fmt: skip
        began, turns = time.monotonic(), 0
        while turns < ROUNDS or time.monotonic() - began < min(seconds, SECONDS) - 15:
            for what, job in jobs.items():
                best[what] = max(best[what], job())
            turns += 1
    return _rows(best, "Redis" if redis else "folders")


def _rows(best: dict[str, float], broker: str) -> list[dict[str, object]]:
    slower = min(best["bare"], best["noop"])
    words = {
        "bare": "a bare SKIP LOCKED claim and update, rows",
        "noop": f"Celery tasks that do nothing ({broker})",
        "ours": f"messages claimed, checked, sent to nowhere, settled ({broker})",
    }
    return [
        {"what": words[what], "a second": rate, "of the slower": rate / slower if what == "ours" else ""}
        for what, rate in best.items()
    ]


# --- The three loops ---------------------------------------------------------------------------


def _send(broker: Broker, rows: list[int]) -> float:
    """Messages a second from the tick to the last settled row."""
    from scheduling.tasks import SENDER_SECONDS

    _again(rows)
    began, ticks = time.monotonic(), 0

    def done() -> bool:
        nonlocal ticks
        if time.monotonic() - began >= ticks * SENDER_SECONDS:  # as beat does: a sender stops by itself
            ticks += 1
            for _n in range(PROCESSES):
                broker.publish("scheduling.tasks.send_some", "celery")
        return _count("sent") == len(rows)

    _parts.until(done, PATIENCE, "sending")
    return len(rows) / (time.monotonic() - began)


def _noops(broker: Broker) -> float:
    """Tasks a second: all of them wait in a queue of their own when the workers are told of it."""
    from benchmarks._noop import QUEUE

    for _n in range(TASKS):
        broker.publish("benchmarks.noop", QUEUE)
    _parts.until(lambda: broker.depth(QUEUE) == TASKS, PATIENCE, "filling the queue")
    broker.take(QUEUE)
    _parts.until(lambda: broker.depth(QUEUE) < TASKS, PATIENCE, "telling the worker")
    began, first = time.monotonic(), broker.depth(QUEUE)
    _parts.until(lambda: broker.depth(QUEUE) == 0, PATIENCE, "doing nothing")
    rate = first / (time.monotonic() - began)
    broker.leave(QUEUE)
    return rate


def _bare(rows: list[int]) -> float:
    """Rows a second, each hundred in a transaction of its own."""
    from django.db import connection

    _again(rows)
    began, done = time.monotonic(), 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(BARE, [CLAIM])
            if not cursor.rowcount:
                return done / (time.monotonic() - began)
            done += cursor.rowcount


# --- What they need ----------------------------------------------------------------------------


def _owe() -> list[int]:
    from django.db import connection
    from django.utils import timezone

    rows = _owed.owe(ROWS, now=timezone.now())
    with connection.cursor() as cursor:
        # By name: all of them includes catalogues that other databases of the server analyse, too.
        cursor.execute("ANALYZE scheduling_notice, scheduling_visit, patients_patient, patients_contact")
    return rows


def _again(rows: list[int]) -> None:
    """All of them due once more, as nobody had tried."""
    from scheduling.models import MessageLink, Notice

    MessageLink.objects.all().delete()
    Notice.objects.filter(pk__in=rows).update(
        state="planned", claimed_at=None, attempted_at=None, attempts=0, settled_at=None, message_id="", body="",
    )  # fmt: skip


def _count(state: str) -> int:
    from scheduling.models import Notice

    return Notice.objects.filter(state=state).count()


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """The address of a Redis, or "" where there is none."""
    if url := os.environ.get("REDIS_URL", ""):
        yield url
    elif _parts.redis_program():
        server = _parts.Redis(folder)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()
    else:
        yield ""


def _environment(name: str, redis: str, folder: Path) -> dict[str, str]:
    from django.conf import settings

    parts = urlsplit(settings.DATABASE_URL)
    return {
        **os.environ, "INFUSION_HOME_MODE": "test", "INFUSION_HOME_STATE": str(folder), "REDIS_URL": redis,
        "DATABASE_URL": urlunsplit(parts._replace(path=f"/{name}")), "TEXT_URL": "null://",
        "DJANGO_SETTINGS_MODULE": "infusion_home.settings",
    }  # fmt: skip


@contextmanager
def _worker(folder: Path, env: dict[str, str]) -> Iterator[None]:
    """One worker with two processes, and nothing beside its work."""
    command = _parts.celery(
        "worker", "--concurrency", str(PROCESSES), "--prefetch-multiplier", "4", "--without-gossip",
        "--without-mingle", "--without-heartbeat", "--hostname", "bench@here", "--loglevel", "WARNING",
        app="benchmarks._noop",
    )  # fmt: skip
    worker = _parts.Program("worker", command, folder=folder, env=env)
    worker.start()
    try:
        _parts.until(lambda: _seen() or not worker.alive(), PATIENCE, "the worker's start")
        if not worker.alive():
            raise RuntimeError(f"the worker ended: {worker.last_words()}")
        yield
    finally:
        worker.stop()


def _seen() -> bool:
    from scheduling.models import Heartbeat

    return Heartbeat.objects.filter(name="worker bench@here").exists()


class Broker:
    """The same broker as the worker's, from outside."""

    def __init__(self, redis: str, folder: Path) -> None:
        from celery import Celery

        import infusion_home.celery  # noqa: F401  knows the folder broker

        queue, control = folder / "broker-test" / "queue", folder / "broker-test" / "control"
        self.app = Celery("bench", broker=redis or "filesystem://", set_as_current=False)
        if not redis:
            self.app.conf.broker_transport_options = {
                "data_folder_in": str(queue), "data_folder_out": str(queue), "control_folder": str(control)
            }  # fmt: skip
        self.link = self.app.connection_for_write()
        self.channel = self.link.channel()
        self.producer = self.app.amqp.Producer(self.channel)

    def publish(self, task: str, queue: str) -> None:
        self.app.send_task(task, queue=queue, producer=self.producer, ignore_result=True)

    def depth(self, queue: str) -> int:
        return int(self.channel._size(queue))

    def take(self, queue: str) -> None:
        self.app.control.add_consumer(queue, destination=["bench@here"], reply=True, timeout=10)

    def leave(self, queue: str) -> None:
        self.app.control.cancel_consumer(queue, destination=["bench@here"], reply=True, timeout=10)


@contextmanager
def _broker(redis: str, folder: Path) -> Iterator[Broker]:
    broker = Broker(redis, folder)
    try:
        yield broker
    finally:
        broker.link.release()
