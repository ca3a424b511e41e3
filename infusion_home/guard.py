"""Ends the demo's processes when their supervisor is gone without having done it (kill -9, a crash).

A program of its own on the standard library alone. Standard input is the supervisor's end of a
pipe: a line `+<pid>` for each process it started, `-<pid>` for each that ended. When the pipe
closes, whatever is left is asked to stop, and made to after POLITE_SECONDS.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time

POLITE_SECONDS = 10


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    left: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        if line[0] == "+":
            left.add(pid)
        else:
            left.discard(pid)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    stop_at = time.monotonic() + POLITE_SECONDS
    while any(map(_lives, left)) and time.monotonic() < stop_at:
        threading.Event().wait(0.1)
    for pid in left:  # each is the head of a group: its own children go with it
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
