"""Child processes with their logs: started, watched, restarted with patience, and always ended."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG_BYTES, OLD_LOGS = 2_000_000, 2
# A process that ends this often within this time will not get better by itself.
TRIES, WITHIN_SECONDS = 4, 120
LONGEST_PAUSE_SECONDS = 30


class Make:
    """The make that started us, when one did. It does not pass an interrupt on that reaches it alone."""

    def __init__(self) -> None:
        self.pid = os.getppid() if "MAKELEVEL" in os.environ else None
        self.listened = self.pid is not None and _catches_interrupts(self.pid)

    def told_to_stop(self) -> bool:
        """Whether make is gone or was interrupted: it listens once, and then waits for us to end."""
        if self.pid is None:
            return False
        return os.getppid() != self.pid or (self.listened and not _catches_interrupts(self.pid))


def _catches_interrupts(pid: int) -> bool:
    """Always False where there is no /proc to tell."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1)
    return False


class Guard:
    """Tells guard.py which processes are ours; it ends them when we cannot any more."""

    def __init__(self) -> None:
        self._guard = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-I", str(Path(__file__).with_name("guard.py"))],
            stdin=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )

    def watch(self, pid: int) -> None:
        self._tell(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """Only after all processes have ended: it ends those that have not."""
        assert self._guard.stdin
        self._guard.stdin.close()
        self._guard.wait()

    def _tell(self, line: str) -> None:
        assert self._guard.stdin
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.write(line.encode())
            self._guard.stdin.flush()


class Child:
    """One program in a process group of its own; what it says goes to a small rotating log."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        logs: Path,
        env: Mapping[str, str],
        cwd: Path,
        guard: Guard,
    ) -> None:
        self.name, self.command, self.env, self.cwd, self.guard = name, command, env, cwd, guard
        self.log_path = logs / f"{name}.log"
        self.last_lines: deque[str] = deque(maxlen=20)
        self.started_at: list[float] = []  # seconds of the monotonic clock
        self.process: subprocess.Popen[bytes] | None = None
        self._pump: threading.Thread | None = None

    def start(self) -> None:
        self.started_at.append(time.monotonic())
        self.process = subprocess.Popen(  # noqa: S603  commands of our own
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(self.env),
            cwd=self.cwd,
            start_new_session=True,
        )
        self.guard.watch(self.process.pid)
        self._pump = threading.Thread(target=self._keep_log, args=(self.process,), daemon=True)
        self._pump.start()

    def exit_code(self) -> int | None:
        """None while it runs. Once it has ended, whatever it left behind is ended, too."""
        if self.process is None or self.process.poll() is None:
            return None
        self._end_group()
        return self.process.returncode

    def pause_before_restart(self) -> float | None:
        """Seconds to wait, doubling with each recent start; None when it has been tried enough."""
        recent = [at for at in self.started_at if time.monotonic() - at < WITHIN_SECONDS]
        return None if len(recent) >= TRIES else min(2.0 ** (len(recent) - 1), LONGEST_PAUSE_SECONDS)

    def ask_to_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def wait_or_kill(self, seconds: float) -> None:
        """Wait for the end of the process; after `seconds` end it and its group."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(seconds, 0))
        self._end_group()

    def last_word(self) -> str:
        """The last line it wrote that is not empty."""
        if self._pump:
            self._pump.join(timeout=1)
        return next((line for line in reversed(self.last_lines) if line.strip()), "it said nothing").strip()

    def _end_group(self) -> None:
        assert self.process
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.guard.forget(self.process.pid)

    def _keep_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        log = logging.Logger(self.name)
        with contextlib.suppress(OSError):
            log.addHandler(RotatingFileHandler(self.log_path, maxBytes=LOG_BYTES, backupCount=OLD_LOGS))
        logging.raiseExceptions = False  # a full disk must not stop the reading, or the child stops too
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            self.last_lines.append(line)
            log.info("%s", line)
        for handler in log.handlers:
            handler.close()
