"""The product and the bare views behind a real web server, on a database made for the measurement."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
READY_SECONDS = 60
WORKERS = {  # as gunicorn is told; two processes either way
    "sync": ("--worker-class", "sync", "--workers", "2"),
    "threads": ("--worker-class", "gthread", "--workers", "2", "--threads", "8", "--keep-alive", "120"),
}


def setup() -> None:
    """Django with the test settings; call before any model is imported."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "infusion_home.settings")
    import django

    django.setup()


@contextmanager
def database() -> Iterator[str]:
    """A fresh, migrated database, removed afterwards; its name."""
    from django.db import connection
    from django.test.utils import setup_test_environment, teardown_test_environment

    setup_test_environment()
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield name
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
        teardown_test_environment()


@contextmanager
def server(name: str, workers: str, urlconf: str = "benchmarks._bare_urls") -> Iterator[int]:
    """Gunicorn on a free port over database `name`; the port."""
    from django.conf import settings

    parts = urlsplit(settings.DATABASE_URL)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "INFUSION_HOME_MODE": "test",
        "DATABASE_URL": urlunsplit(parts._replace(path=f"/{name}")),
        "BENCH_URLCONF": urlconf,
        "ALLOWED_HOSTS": HOST,
    }
    command = [
        sys.executable, "-m", "gunicorn", "benchmarks._wsgi:application", "--bind", f"{HOST}:{port}",
        "--backlog", "512", "--log-level", "error", "--no-control-socket", *WORKERS[workers],
    ]  # fmt: skip
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=log)
        try:
            _wait(port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


class Client:
    """One kept connection, signed in; an answer that is not as expected ends the measurement."""

    def __init__(self, port: int, token: str) -> None:
        self.link = http.client.HTTPConnection(HOST, port, timeout=60)
        self.headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}

    def get(self, path: str) -> bytes:
        return self._ask("GET", path, None, 200)

    def post(self, path: str, body: Mapping[str, Any], status: int) -> bytes:
        return self._ask("POST", path, json.dumps(body).encode(), status)

    def _ask(self, method: str, path: str, raw: bytes | None, status: int) -> bytes:
        self.link.request(method, path, raw, self.headers)
        answer = self.link.getresponse()
        text = answer.read()
        if answer.status != status:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {text[:300]!r}")
        return text


def call(
    port: int, method: str, path: str, token: str, body: Mapping[str, Any] | None = None
) -> tuple[int, bytes, float]:
    """Status, body and milliseconds of one request on a connection of its own."""
    raw = json.dumps(body).encode() if body is not None else None
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    began = time.perf_counter()
    link = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        link.request(method, path, raw, headers)
        answer = link.getresponse()
        text = answer.read()
    finally:
        link.close()
    return answer.status, text, (time.perf_counter() - began) * 1000


def _wait(port: int, process: subprocess.Popen, log: IO[bytes]) -> None:
    stop_at = time.monotonic() + READY_SECONDS
    while time.monotonic() < stop_at:
        if process.poll() is not None:
            raise RuntimeError("the web server ended before it answered")
        try:
            if call(port, "GET", "/healthz", "")[0] == 200:
                return
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)
    log.seek(0)
    raise RuntimeError(f"the web server did not answer: {log.read()[-2000:].decode(errors='replace')}")
