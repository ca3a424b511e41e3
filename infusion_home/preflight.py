"""What must be true before the demo starts anything; what is not is one clear sentence."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"
LEAST_FREE_MB = 300
FULL_BELOW_BYTES = 8_000_000


class CannotGoOn(Exception):
    """One sentence for the person at the terminal."""


def port_from(text: str) -> int:
    """A TCP port. Raises CannotGoOn."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise CannotGoOn(f"PORT is {text!r}; use a number from 1 to 65535, such as PORT=8001.")
    return int(text)


def prepare_state(state: Path) -> None:
    """Make the folder everything is written to, and see that it can be written."""
    try:
        for folder in (state, state / "log"):
            folder.mkdir(parents=True, exist_ok=True)
        probe = state / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise CannotGoOn(
            f"cannot write to {state}: {error.strerror}. INFUSION_HOME_STATE can name another folder."
        ) from error


@contextlib.contextmanager
def sole_supervisor(state: Path, address: str) -> Iterator[None]:
    """One demo for one state folder; a second one is told where the first is."""
    with (state / "demo.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotGoOn(f"it is running already at {file.read().strip() or 'another port'}.") from None
        file.truncate(0)
        file.write(address)
        file.flush()
        yield


def check_space(state: Path) -> None:
    free_mb = shutil.disk_usage(state).free // 1_000_000
    if free_mb < LEAST_FREE_MB:
        raise CannotGoOn(
            f"only {free_mb} MB are free on the disk of {state}; at least {LEAST_FREE_MB} MB are needed."
        )


def full_disk(state: Path) -> str:
    """A sentence when the disk of `state` is full: then nothing else that is said about a failure is the cause."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(state).free < FULL_BELOW_BYTES:
            return f"the disk of {state} is full."
    return ""


def check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotGoOn(
                    f"port {port} is in use. Choose another: make demo PORT={port % 65535 + 1}"
                ) from error
            raise CannotGoOn(f"cannot listen on port {port}: {error.strerror}.") from error


def check_database(url: str) -> None:
    import psycopg2

    try:
        psycopg2.connect(url, connect_timeout=10).close()
    except psycopg2.Error as error:  # what the driver says names host and user, never the password
        why = " ".join(str(error).split()) or "nobody answers"
        raise CannotGoOn(f"the database that DATABASE_URL names cannot be used: {why}.") from error


def check_redis(url: str) -> None:
    """Does nothing when `url` is empty: then the queue is a folder."""
    if not url:
        return
    import redis

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=10) as connection:
            connection.ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotGoOn(f"the Redis that REDIS_URL names cannot be used: {error}") from error


def kept_secret_key(state: Path) -> str:
    """The demo's own key, made once, so that a restart signs nobody out."""
    path = state / "secret-key"
    with contextlib.suppress(FileNotFoundError):
        if len(key := path.read_text().strip()) >= 50:
            return key
    key = secrets.token_urlsafe(64)
    draft = path.with_name(f".secret-key-{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key)
    draft.rename(path)
    return key
