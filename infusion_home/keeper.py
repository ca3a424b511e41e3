"""Runs one PostgreSQL server and stops it when nobody uses it any more.

Started by embedded.py as a program of its own, on the standard library alone: a small process that
outlives any way its starter may end. Its one argument is a JSON object: folder, command, user.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import IO, Any

FAST_SHUTDOWN, AT_ONCE = signal.SIGINT, signal.SIGQUIT
POLITE_SECONDS = 15
KEEP_LOG_BYTES = 1_000_000


def main() -> int:
    plan = json.loads(sys.argv[1])
    folder = Path(plan["folder"])
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)  # the machine is going down: stop the server first
    with _file(folder, "keeper") as mine, _file(folder, "users") as users:
        try:
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0  # another keeper was faster
        pid, watcher = _living_postmaster(folder), None  # one left by a keeper that was killed
        if pid is None:
            pid, watcher = _start_server(folder, plan)
        try:
            fcntl.flock(users, fcntl.LOCK_EX)  # until the last user has gone, in whatever way
        finally:
            _stop_server(folder, pid)
            if watcher:
                watcher.join(5)  # it sees the server's last moment, and ends us
    return 0


def _file(folder: Path, name: str) -> IO[bytes]:
    return (folder.parent / f"{folder.name}.{name}").open("ab")


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _start_server(folder: Path, plan: dict[str, Any]) -> tuple[int, threading.Thread]:
    log = folder.parent / f"{folder.name}.log"
    too_long = log.is_file() and log.stat().st_size > KEEP_LOG_BYTES
    with log.open("wb" if too_long else "ab") as out:
        os.fchmod(out.fileno(), 0o600)
        server = subprocess.Popen(  # noqa: S603  the command embedded.py composed
            plan["command"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd="/",
            env={"PATH": os.defpath, "LANG": "C", "LC_ALL": "C"},
            start_new_session=True,
            **become(plan["user"]),
        )

    def end_with_it() -> None:
        server.wait()
        os._exit(1)  # lets go of the keeper's lock, so that the next to come starts it again

    watcher = threading.Thread(target=end_with_it, daemon=True)
    watcher.start()
    return server.pid, watcher


def become(user: str | None) -> dict[str, Any]:
    """What subprocess needs to run as `user`; nothing when it is None."""
    if user is None:
        return {}
    import pwd

    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _living_postmaster(folder: Path) -> int | None:
    try:
        pid = int((folder / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 0)
        # The number may have passed to another program since.
        return pid if str(folder) in _command_line(pid) else None
    except (OSError, ValueError, IndexError):
        return None


def _command_line(pid: int) -> str:
    listed = Path(f"/proc/{pid}/cmdline")
    if listed.is_file():
        return listed.read_text()
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout  # noqa: S603, S607


def _stop_server(folder: Path, pid: int) -> None:
    for how, seconds in ((FAST_SHUTDOWN, POLITE_SECONDS), (AT_ONCE, 5)):
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            return
        stop_at = time.monotonic() + seconds
        while (folder / "postmaster.pid").exists() and time.monotonic() < stop_at:
            threading.Event().wait(0.05)
        if not (folder / "postmaster.pid").exists():
            return


if __name__ == "__main__":
    sys.exit(main())
