"""Runs the planner in a process of its own: its memory ends with it, and a search that hangs can be ended.

One JSON goes in, lines of JSON come out (scheduling/planning/routing/__main__.py). Nothing of the settings, no
secret and no name goes along.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import IO, Any

from django.conf import settings

PROGRAM = ("-m", "scheduling.planning.routing")
LONGEST_SILENCE = 60.0  # seconds beyond its budget, or after it was told to stop, that it may take
LISTEN = 0.5
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH")

Said = Callable[[Mapping[str, Any]], None]


class SearchFailed(Exception):
    """No plan came; the sentence may be shown."""


def search(
    problem: Mapping[str, Any],
    *,
    seconds: float,
    seed: int,
    iterations: int | None,
    told: Said,
    stopped: Callable[[], bool],
) -> dict[str, Any]:
    """The plan as JSON. `told` hears of each progress, `stopped` is asked twice a second: True ends it with the best
    so far. Raises SearchFailed, and leaves no process behind.
    """
    asked = {"problem": problem, "seed": seed, "seconds": seconds, "iterations": iterations}
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    process = subprocess.Popen(  # noqa: S603  our own module, by this Python; what it reads is JSON
        [sys.executable, *PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=settings.BASE_DIR,
        env=environment,
        start_new_session=True,  # a group of its own: it has helpers, and killed it could not end them
    )
    try:
        return _listen(process, json.dumps(asked), seconds, told, stopped)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listen(
    process: subprocess.Popen[str],
    asked: str,
    seconds: float,
    told: Said,
    stopped: Callable[[], bool],
) -> dict[str, Any]:
    lines: queue.Queue[str | None] = queue.Queue()
    assert process.stdin is not None and process.stdout is not None
    threading.Thread(target=_write, args=(process.stdin, asked), daemon=True).start()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    until, heard, ending, told_to_end = monotonic() + seconds + LONGEST_SILENCE, False, False, False
    while monotonic() < until:
        if not ending and stopped():
            ending, until = True, monotonic() + LONGEST_SILENCE
        if ending and heard and not told_to_end:  # before its first word it may not be able to listen yet
            told_to_end = True
            process.send_signal(signal.SIGTERM)
        with suppress(queue.Empty):
            line = lines.get(timeout=LISTEN)
            heard = True
            if line is None:
                raise SearchFailed("The search ended without a plan.")
            said = _parsed(line)
            if "error" in said:
                raise SearchFailed(str(said["error"]))
            if "plan" in said:
                return dict(said["plan"])
            if "progress" in said:
                told(said["progress"])
    raise SearchFailed("The search took too long and was ended.")


def _parsed(line: str) -> Mapping[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _write(stream: IO[str], text: str) -> None:
    with suppress(BrokenPipeError), stream:
        stream.write(text)


def _read(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)
