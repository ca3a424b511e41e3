"""The product's Celery application with a task that does nothing: the raw limit of the same broker."""

from __future__ import annotations

from infusion_home.celery import app

QUEUE = "bench-noop"


@app.task(name="benchmarks.noop", ignore_result=True, acks_late=False)
def noop() -> None:
    """Nothing."""
