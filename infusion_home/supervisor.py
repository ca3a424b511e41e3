"""`make demo`: the whole product on this machine, from nothing, under one process.

It starts PostgreSQL, migrates, loads demo data once, starts web, worker and beat, waits until all are
ready and says where to sign in. Ctrl-C stops everything. What goes wrong is one clear line and exit code 1.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import IO

from django.core.exceptions import ImproperlyConfigured

from infusion_home import embedded, preflight, server_folder
from infusion_home.preflight import HOST, CannotGoOn
from infusion_home.processes import Child, Guard, Make

HERE = Path(__file__).resolve().parent.parent
READY_SECONDS = 120
STOP_SECONDS = 10
# fmt: off
WEB = (
    "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "60",
    "--graceful-timeout", "5", "--no-control-socket", "--log-level", "warning",
)
# Threads: on this one machine a pool of processes takes twice as long to stop.
WORKER = (
    "--pool", "threads", "--concurrency", "4", "--without-gossip", "--without-mingle",
    "--without-heartbeat",  # Celery's own, which nobody reads here and which would fill the folder
    "--loglevel", "WARNING",
)
BEAT = ("--pidfile", "", "--loglevel", "WARNING")  # a pidfile left by a crash would keep beat from starting
# fmt: on


class Interrupted(Exception):
    """Ctrl-C or SIGTERM while something was starting."""


class Supervisor:
    def __init__(self, *, state: Path, port: int, with_data: bool) -> None:
        self.state, self.port, self.with_data = state, port, with_data
        self.address = f"http://{HOST}:{port}"
        self.logs = state / "log"
        self.own_database = not os.environ.get("DATABASE_URL", "").strip()
        self.stop = threading.Event()
        self.children: list[Child] = []
        self.guard: Guard | None = None
        self.make = Make()
        self.env = os.environ | {
            "INFUSION_HOME_MODE": "demo",
            "INFUSION_HOME_STATE": str(state),
            "DJANGO_SETTINGS_MODULE": "infusion_home.settings",
            "PYTHONUNBUFFERED": "1",
        }

    def run(self) -> None:
        """Start everything and stay until told to stop. Raises CannotGoOn or Interrupted."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        preflight.prepare_state(self.state)
        with preflight.sole_supervisor(self.state, self.address):
            preflight.check_space(self.state)
            preflight.check_port(self.port)
            self.env["SECRET_KEY"] = os.environ.get("SECRET_KEY", "").strip() or preflight.kept_secret_key(
                self.state
            )
            try:
                preflight.check_redis(self.env.get("REDIS_URL", "").strip())
                self._start_database()
                self._manage("Preparing the database", "migrate", "--noinput")
                if self.with_data:
                    self._manage("Loading demo data, the first time only", "load_demo")
                self._start_children()
                self._wait_until_ready()
                say(welcome(self.address, sign_ins() if self.with_data else [], self.state))
                self._watch()
            finally:
                self._stop_all()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.stop.is_set() and number == signal.SIGINT:
            for child in self.children:  # a second Ctrl-C: no more patience
                child.wait_or_kill(0)
        self.stop.set()

    # --- Starting ------------------------------------------------------------------------------

    def _start_database(self) -> None:
        if not self.own_database:
            say("Using the database that DATABASE_URL names.\n")
            preflight.check_database(self.env["DATABASE_URL"])
            return
        folder = self.state / "postgres"
        for closed in server_folder.closed_folders(folder):
            say(f"PostgreSQL does not run as root: letting its own user pass through {closed} (chmod o+x).\n")
        with progress("Starting PostgreSQL"):
            try:
                self.env["DATABASE_URL"] = embedded.start(folder)
            except ImproperlyConfigured as wrong:
                raise CannotGoOn(str(wrong)) from wrong
        self._stop_if_told()

    def _manage(self, label: str, *arguments: str) -> None:
        """Run a management command to its end; its output goes to a log."""
        log = self.logs / f"{arguments[0]}.log"
        with progress(label) as tick, log.open("wb") as out:
            command = [sys.executable, "manage.py", *arguments]
            process = subprocess.Popen(  # noqa: S603
                command,
                cwd=HERE,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            try:
                while process.poll() is None:
                    self.stop.wait(0.1)
                    self._stop_if_told()
                    tick()
            except Interrupted:
                process.terminate()
                process.wait()
                raise
            if process.returncode != 0:
                raise CannotGoOn(f"{label} failed: {last_line(log)} (all of it: {log})")

    def _start_children(self) -> None:
        self.guard = Guard()
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "-A", "infusion_home"]
        commands = {
            "web": [
                *python,
                "gunicorn",
                "infusion_home.wsgi:application",
                "--bind",
                f"{HOST}:{self.port}",
                *WEB,
            ],
            "worker": [*celery, "worker", *WORKER],
            "beat": [*celery, "beat", *BEAT],
        }
        self.env.pop("GUNICORN_CMD_ARGS", None)
        for name, command in commands.items():
            child = Child(name, command, logs=self.logs, env=self.env, cwd=HERE, guard=self.guard)
            self.children.append(child)
            child.start()

    def _wait_until_ready(self) -> None:
        stop_at = time.monotonic() + READY_SECONDS
        with progress("Starting web, worker and beat") as tick:
            while not (state := readiness(self.port)).get("ready"):
                self._look_after_children()
                if time.monotonic() > stop_at:
                    waiting = ", ".join(f"{part}: {word}" for part, word in state.items() if word != "ok")
                    raise CannotGoOn(
                        f"not ready after {READY_SECONDS} s ({waiting}). See the logs in {self.logs}."
                    )
                self.stop.wait(0.2)
                self._stop_if_told()
                tick()

    def _stop_if_told(self) -> None:
        if self.stop.is_set() or self.make.told_to_stop():
            raise Interrupted

    # --- Running -------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Until told to stop, which raises Interrupted."""
        while True:
            self.stop.wait(0.5)
            self._stop_if_told()
            self._look_after_children()
            if self.own_database and not embedded.running(self.state / "postgres"):
                say("PostgreSQL stopped; ")
                self._start_database()

    def _look_after_children(self) -> None:
        for child in self.children:
            code = child.exit_code()
            if code is None:
                continue
            # What a killed program said before says nothing about its end.
            how = f"exit code {code}): {child.last_word()}" if code >= 0 else f"killed by signal {-code})"
            said = f"{child.name} stopped ({how}"
            pause = child.pause_before_restart()
            if pause is None:
                raise CannotGoOn(f"{said} (again and again; all of it: {child.log_path})")
            say(f"{said}\n  starting it again in {pause:.0f} s\n")
            self.stop.wait(pause)
            self._stop_if_told()
            child.start()

    # --- Stopping ------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        say("\nStopping… ")
        self.stop.set()
        for child in self.children:
            child.ask_to_stop()
        stop_at = time.monotonic() + STOP_SECONDS
        for child in self.children:
            child.wait_or_kill(stop_at - time.monotonic())
        if self.guard:
            self.guard.close()
        if self.own_database and not embedded.release_and_wait(self.state / "postgres"):
            say("another program still uses the database and will stop it; ")
        say("stopped.\n")


# --- What is said ------------------------------------------------------------------------------


def say(text: str, to: IO[str] | None = None) -> None:
    """Write to the terminal, if it is still there."""
    with contextlib.suppress(OSError):
        out = to or sys.stdout
        out.write(text)
        out.flush()


@contextlib.contextmanager
def progress(label: str) -> Iterator[Callable[[], None]]:
    """`label…`, a dot for every two seconds it takes, and at the end how long it took."""
    began_at = shown_at = time.monotonic()

    def tick() -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= 2:
            shown_at = time.monotonic()
            say(". ")

    say(f"{label}… ")
    try:
        yield tick
    except BaseException:
        say("\n")
        raise
    say(f"ready in {time.monotonic() - began_at:.1f} s\n")


def readiness(port: int) -> dict[str, object]:
    """What /readyz says, with "ready" beside it."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        parts = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException):
        return {"web": "does not answer"}
    finally:
        connection.close()
    return {**parts, "ready": True} if answer.status == http.HTTPStatus.OK else parts


def sign_ins() -> list[tuple[str, str, str]]:
    """(role, user name, password) of the demo's people."""
    # By name: this package imports nothing of the apps.
    return list(import_module("scheduling.demo").SIGN_INS)


def welcome(address: str, people: list[tuple[str, str, str]], state: Path) -> str:
    lines = ["", f"Infusion Home is ready: {address}", ""]
    if people:
        lines.append("Sign in as (for this demo only; all people in it are invented):")
        wide = [max(len(person[column]) for person in people) for column in range(2)]
        lines += [f"  {role:<{wide[0]}}  {name:<{wide[1]}}  {password}" for role, name, password in people]
    lines += ["", f"Data and logs are in {state}. Ctrl-C stops everything.", ""]
    return "\n".join(lines)


def last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="infusion_home.supervisor", description="The whole product on this machine."
    )
    parser.add_argument("--empty", action="store_true", help="start without demo data")
    wishes = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8
    state = Path(os.environ.get("INFUSION_HOME_STATE", "").strip() or HERE / "var").absolute()
    try:
        port = preflight.port_from(os.environ.get("PORT", "").strip() or "8000")
        Supervisor(state=state, port=port, with_data=not wishes.empty).run()
    except Interrupted:
        return 0
    except CannotGoOn as why:
        say(f"Infusion Home cannot run: {preflight.full_disk(state) or why}\n", sys.stderr)
        return 1
    except OSError as error:
        why_not = preflight.full_disk(state) or f"{error.filename or state}: {error.strerror or error}."
        say(f"Infusion Home cannot run: {why_not}\n", sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
