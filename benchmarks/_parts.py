"""Real servers for a measurement, each started here, stopped here and kept in a folder that is thrown away."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask twenty times a second until it is true. Raises RuntimeError naming `what` after `seconds`."""
    from infusion_home import embedded

    if not embedded.until(true, seconds):
        raise RuntimeError(f"{what} took longer than {seconds:.0f} s")


class Program:
    """One program in a process group of its own; what it says goes to `<folder>/<name>.log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        **how: object,
    ) -> None:
        self.name, self.command, self.how = name, list(command), how
        self.env = dict(env) if env is not None else None
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.env,
                start_new_session=True, **{"cwd": ROOT, **self.how},
            )  # type: ignore[call-overload]  # fmt: skip

    def kill(self) -> None:
        """As when the machine goes: the whole group at once, with nothing to tidy up by."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 15) -> None:
        """Politely, then not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def last_words(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def redis_program() -> str | None:
    return shutil.which("redis-server")


class Redis(Program):
    """A Redis that keeps nothing on disk: what it held is gone when it is restarted."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = [
            redis_program() or "redis-server", "--bind", HOST, "--port", str(self.port), "--save", "",
            "--appendonly", "no", "--dir", str(folder),
        ]  # fmt: skip
        super().__init__("redis", command, folder=folder)
        self.url = f"redis://{HOST}:{self.port}/0"

    def start(self) -> None:
        super().start()
        until(self._answers, 15, "Redis")

    def _answers(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        return True


class Postgres(Program):
    """The wheel's PostgreSQL with a cluster of its own and everything written to disk as in production."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        from infusion_home import server_folder
        from infusion_home.keeper import become

        data = folder / "postgres"
        server_folder.prepare(data, durable=durable)
        where = server_folder.socket_folder(data)
        super().__init__(
            "postgres", server_folder.command(data, durable=durable), folder=folder,
            env={"PATH": os.defpath, "LANG": "C", "LC_ALL": "C"}, cwd="/", **become(server_folder.user(data)),
        )  # fmt: skip
        self.server = f"postgres://postgres@{quote(str(where), safe='')}:{server_folder.PORT}/"
        self.url = f"{self.server}infusion_home"

    def start(self) -> None:
        super().start()
        until(self._answers, 60, "PostgreSQL")

    def create(self) -> None:
        import psycopg2

        link = psycopg2.connect(f"{self.server}postgres")
        link.autocommit = True
        link.cursor().execute("CREATE DATABASE infusion_home TEMPLATE template0 ENCODING UTF8")
        link.close()

    def restart(self) -> float:
        """Stop it as a package's update does, with everybody's connections cut; seconds it was away."""
        began = time.monotonic()
        self.stop(signal.SIGINT, 30)
        self.start()
        return time.monotonic() - began

    def _answers(self) -> bool:
        import psycopg2

        try:
            psycopg2.connect(f"{self.server}postgres", connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True


def celery(*arguments: str, app: str = "infusion_home") -> list[str]:
    return [sys.executable, "-m", "celery", "-A", app, *arguments]
