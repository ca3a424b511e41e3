"""Real threads with connections of their own, for races."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connections


def own_connection(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call `work` in this thread and close the database connection it opened."""
    try:
        return work(*args, **kwargs)
    finally:
        connections.close_all()


def all_at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start every work at the same moment, each in a thread; results or raised exceptions, in order."""
    gate = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        gate.wait(timeout=30)
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(own_connection, run, work) for work in works]
        return [future.result(timeout=120) for future in futures]
