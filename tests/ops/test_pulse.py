"""A worker's sign of life comes from the loop that takes its messages, and stops with it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery.beat import Scheduler
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from kombu import Connection
from redis.exceptions import ConnectionError as Gone

from infusion_home.celery import PULSE_SECONDS, Pulse, app
from scheduling.models import Heartbeat
from scheduling.services import pulse


class Timer:
    def __init__(self) -> None:
        self.entries: list[SimpleNamespace] = []

    def call_repeatedly(self, seconds, fun, args, priority):
        entry = SimpleNamespace(seconds=seconds, fun=fun, args=args, cancelled=False)
        entry.cancel = lambda: setattr(entry, "cancelled", True)
        self.entries.append(entry)
        return entry


@pytest.fixture
def consumer():
    """What Pulse sees of a worker: a timer, and a loop that does what it was given when it comes round."""
    soon: list = []
    fake = SimpleNamespace(hostname="celery@test", timer=Timer(), soon=soon)
    fake.call_soon = lambda fun, *args: soon.append((fun, args))

    def come_round() -> None:
        while soon:
            fun, args = soon.pop(0)
            fun(*args)

    fake.come_round = come_round
    return fake


@pytest.fixture
def step(consumer, monkeypatch):
    from infusion_home import celery

    monkeypatch.setattr(celery.connection, "close", lambda: None)  # the test's own connection
    return Pulse(consumer)


@pytest.mark.django_db
def test_a_sign_of_life_is_written_by_the_loop_and_not_before_it_comes_round(step, consumer):
    step.start(consumer)
    assert not Heartbeat.objects.exists()
    consumer.come_round()
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"worker", "worker celery@test"}
    (entry,) = consumer.timer.entries
    assert entry.seconds == PULSE_SECONDS
    Heartbeat.objects.all().delete()
    entry.fun(*entry.args)  # its time has come, but a loop that hangs writes nothing
    assert not Heartbeat.objects.exists()
    consumer.come_round()
    assert Heartbeat.objects.filter(name="worker celery@test").exists()


@pytest.mark.django_db
def test_it_stops_with_the_connection_to_the_broker_and_begins_again_with_it(step, consumer):
    step.start(consumer)
    step.stop(consumer)
    assert [entry.cancelled for entry in consumer.timer.entries] == [True]
    step.start(consumer)
    step.start(consumer)
    assert [entry.cancelled for entry in consumer.timer.entries] == [True, True, False]


@pytest.mark.django_db
def test_a_worker_that_is_told_to_stop_takes_its_line_away(step, consumer):
    step.start(consumer)
    consumer.come_round()
    step.shutdown(consumer)
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"worker"}


@pytest.mark.parametrize("error", [OperationalError, ImproperlyConfigured, RuntimeError])
def test_a_database_that_is_away_does_not_end_the_worker(step, consumer, monkeypatch, error):
    """The loop lets an error through that it does not know, and the worker with it."""

    def away(_hostname: str) -> None:
        raise error("password=secret-word")

    monkeypatch.setattr(pulse, "worker_turned", away)
    step.start(consumer)
    consumer.come_round()


def test_every_tick_of_beat_carries_the_moment_it_is_published(monkeypatch):
    sent = []
    beat = Scheduler(app=app, lazy=True)
    beat.setup_schedule()
    beat.update_from_dict(app.conf.beat_schedule)
    beat.app = SimpleNamespace(tasks={})  # publishes by name
    monkeypatch.setattr(
        beat, "send_task", lambda name, args, kwargs, **_: sent.append(kwargs["published_at"])
    )
    for _n in range(2):
        beat.apply_async(beat.schedule["heartbeat"], advance=False)
    assert sent[0] < sent[1]


def test_a_channel_that_was_closed_is_a_lost_connection_to_the_worker():
    """kombu's own answer, an AttributeError, ends the worker when a task ends after Redis was restarted."""
    from infusion_home.redis_broker import Channel

    closed = object.__new__(Channel)
    closed.connection = None
    with pytest.raises(Gone):
        closed._connparams()
    closed.connection = SimpleNamespace(client=None)
    with pytest.raises(Gone):
        closed._connparams()
    link = Connection("redis://127.0.0.1:1/0")
    assert link.transport.Channel is Channel
    assert isinstance(Gone(), link.connection_errors)
