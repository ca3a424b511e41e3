"""The Celery application: `celery -A infusion_home worker` and `celery -A infusion_home beat`."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import Any

from celery import Celery, bootsteps
from celery.signals import beat_init
from django.db import connection
from django.utils.module_loading import import_string
from kombu import transport
from kombu.exceptions import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "infusion_home.settings")
transport.TRANSPORT_ALIASES |= {
    "filesystem": "infusion_home.folder_broker:Transport",
    "redis": "infusion_home.redis_broker:Transport",
    "rediss": "infusion_home.redis_broker:Transport",
}

PULSE_SECONDS = 10
log = logging.getLogger(__name__)

app = Celery("infusion_home")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class Pulse(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Writes every ten seconds that this worker lives, from the loop that takes its messages.

    With no connection to the broker the step is stopped; a loop that hangs does not come round to it. So a process
    that is there and takes nothing falls silent, which its answer to a ping would not show. Written by the
    loop and not by a thread beside it: a pool that forks while a thread holds a lock of the database's driver
    would hang its child.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)
    timer: Any = None

    def start(self, consumer: Any) -> None:
        self.stop(consumer)
        consumer.call_soon(self.write, consumer)
        self.timer = consumer.timer.call_repeatedly(
            PULSE_SECONDS, consumer.call_soon, (self.write, consumer), priority=10
        )

    def stop(self, consumer: Any) -> None:
        if self.timer:
            self.timer.cancel()
        self.timer = None

    def shutdown(self, consumer: Any) -> None:
        self.stop(consumer)
        self.tell("worker_left", consumer)

    def write(self, consumer: Any) -> None:
        self.tell("worker_turned", consumer)

    def tell(self, what: str, consumer: Any) -> None:
        # By name: this package imports nothing of the apps.
        try:
            import_string(f"scheduling.services.pulse.{what}")(consumer.hostname)
            connection.close()  # none is inherited by a child of the pool, none outlives a restart of the server
        except Exception as error:  # whatever it is: what the loop does not expect ends the worker
            log.warning("no sign of life could be written: %s", type(error).__name__)
            with suppress(Exception):
                connection.close()


app.steps["consumer"].add(Pulse)


@beat_init.connect  # type: ignore[untyped-decorator]
def _first_tick(**kwargs: object) -> None:
    """What beat does every ten seconds, at once: who waits for it to be ready should not wait ten seconds more."""
    try:
        entry = app.conf.beat_schedule["heartbeat"]
        sent = {name: value() for name, value in entry["kwargs"].items()}
        app.send_task(entry["task"], kwargs=sent, retry=False, **entry["options"])
    except OperationalError as error:
        log.warning("the broker does not take a message: %s", type(error).__name__)
