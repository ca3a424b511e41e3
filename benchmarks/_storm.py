"""`make storm`: ten thousand texts are due, and everything that can be killed is, once, while they go out.

All real, each a process of its own: Redis that keeps nothing on disk, PostgreSQL, two beats, three workers, and a
fake of the text provider that speaks its wire format and keeps its own count. At a third a worker is killed with
everything it holds and started again; then Redis; then PostgreSQL is restarted. What is asked in the end, of the
provider's own log and not of ours:

- no text was taken twice;
- every row is settled, and those that say sent were taken once; one that says unknown was taken once or never;
- all of it within two minutes of the last restart, which no broker's time-out could do: it is an hour.

    python -m benchmarks._storm [--rows 10000] [--slow 0.0] [--fail 0] [--hurry] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import _owed, _parts

BEATS, WORKERS, PROCESSES = 2, 3, 2
KILL_AT, REDIS_AT, POSTGRES_AT = 1 / 3, 0.45, 0.6  # of the rows settled
RECOVERED_WITHIN = 120.0  # seconds after the last restart
PATIENCE = 300.0  # until the next disturbance: a limit for a broken build, not a measure
REDIS_AWAY = 1.0
TOKEN = ("AC" + "1" * 32, "a-token-for-tests")  # of tests/provider/twilio_server.py


@dataclass
class Result:
    rows: int
    states: dict[str, int] = field(default_factory=dict)
    taken: int = 0  # texts the provider says it took
    twice: int = 0  # numbers it took more than one for
    wrong: int = 0  # rows whose state is not what the provider's log says
    disturbed_at: dict[str, int] = field(default_factory=dict)  # rows settled when it happened
    seconds: float = 0.0  # from the first tick to the last row
    recovered: float = 0.0  # from the end of the last restart to the last row
    silent: list[str] = field(default_factory=list)  # programs without a sign of life in the end

    def faults(self) -> list[str]:
        """What must not be, in words; empty when the storm was weathered."""
        found = {
            f"{self.twice} people were sent a text twice": self.twice,
            f"{self.wrong} rows do not say what the provider's log says": self.wrong,
            f"rows are left over: {self.states}": sum(self.states.get(s, 0) for s in ("planned", "claimed")),
            f"it took {self.recovered:.0f} s to recover": self.recovered > RECOVERED_WITHIN,
            f"without a sign of life: {', '.join(self.silent)}": bool(self.silent),
        }
        return [fault for fault, there in found.items() if there]


class Storm:
    """The servers and programs of one run, in `folder`."""

    def __init__(self, folder: Path, *, slow: float, fail: int, hurry: bool = False) -> None:
        folder.chmod(0o755)  # PostgreSQL runs as another user when we are root
        self.folder = folder
        self.redis, self.postgres = _parts.Redis(folder), _parts.Postgres(folder)
        port = _parts.free_port()
        self.log = folder / "taken.jsonl"
        self.provider = _parts.Program(
            "provider",
            [
                sys.executable, "-m", "tests.provider.twilio_server", "--port", str(port), "--log", str(self.log),
                "--slow", str(slow), "--fail", str(fail),
            ],
            folder=folder,
        )  # fmt: skip
        self.env = {
            **{name: value for name, value in os.environ.items() if name != "INFUSION_HOME_TEST_DB"},
            "INFUSION_HOME_MODE": "demo", "INFUSION_HOME_STATE": str(folder / "state"), "DEBUG": "0",
            "DJANGO_SETTINGS_MODULE": "infusion_home.settings", "SECRET_KEY": secrets.token_urlsafe(50),
            "DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url, "LOG_LEVEL": "WARNING",
            "TEXT_URL": f"twilio+http://{TOKEN[0]}:{TOKEN[1]}@{_parts.HOST}:{port}?from=+12145550142",
        }  # fmt: skip
        self.app = "benchmarks._hurried" if hurry else "infusion_home"
        self.workers = [self._worker(f"w{n}@storm") for n in range(1, WORKERS + 1)]
        self.beats = [self._beat(f"beat{n}") for n in range(1, BEATS + 1)]

    def _worker(self, name: str) -> _parts.Program:
        command = _parts.celery(
            "worker",
            "--concurrency",
            str(PROCESSES),
            "--hostname",
            name,
            "--loglevel",
            "WARNING",
            app=self.app,
        )
        return _parts.Program(name.partition("@")[0], command, folder=self.folder, env=self.env)

    def _beat(self, name: str) -> _parts.Program:
        kept = str(self.folder / f"{name}-schedule")
        command = _parts.celery("beat", "--pidfile", "", "--schedule", kept, "--loglevel", "WARNING")
        return _parts.Program(name, command, folder=self.folder, env=self.env)

    def run(self, rows: int, say: Callable[[str], None]) -> Result:
        result = Result(rows)
        with ExitStack() as stack:
            for server in (self.postgres, self.redis, self.provider):
                stack.callback(server.stop, *((2, 20) if server is self.postgres else ()))
                server.start()
            self.postgres.create()
            self._prepare(rows)
            say(f"{rows:,} texts are due")
            for program in (*self.workers, *self.beats):
                stack.callback(program.kill)
                program.start()
            began = self._first_row(result)
            self._disturb(result, say)
            last = time.monotonic()
            with suppress(RuntimeError):  # what is left over is in the result
                _parts.until(lambda: _left() == 0, RECOVERED_WITHIN + 30, "recovery")
            result.recovered, result.seconds = time.monotonic() - last, time.monotonic() - began
            self._account(result)
        return result

    def _prepare(self, rows: int) -> None:
        os.environ.update(self.env)
        import django

        django.setup()
        from django.core.management import call_command
        from django.utils import timezone

        call_command("migrate", verbosity=0)
        _owed.owe(rows, now=timezone.now())

    def _first_row(self, result: Result) -> float:
        began = time.monotonic()
        self._wait(result, 1, "the first text")
        return max(began, time.monotonic() - 1)

    def _disturb(self, result: Result, say: Callable[[str], None]) -> None:
        def at(share: float, what: str) -> None:
            self._wait(result, int(share * result.rows), what)
            result.disturbed_at[what] = done = result.rows - _left()
            say(f"{done:,} done: {what}")

        at(KILL_AT, "a worker is killed")
        self.workers[0].kill()
        self.workers[0].start()
        at(REDIS_AT, "Redis is killed")
        self.redis.kill()
        threading.Event().wait(REDIS_AWAY)
        self.redis.start()
        at(POSTGRES_AT, "PostgreSQL is restarted")
        away = self.postgres.restart()
        say(f"PostgreSQL was away for {away:.1f} s")

    def _wait(self, result: Result, done: int, what: str) -> None:
        try:
            _parts.until(lambda: result.rows - _left() >= done, PATIENCE, what)
        except RuntimeError as error:
            said = "\n".join(f"{one.name}: {one.last_words()}" for one in (*self.workers, *self.beats))
            raise RuntimeError(f"{error}\n{said}") from error

    def _account(self, result: Result) -> None:
        """Ours beside the provider's, number by number."""
        from scheduling.models import Notice

        log = [json.loads(line) for line in self.log.read_text().splitlines()]
        taken = Counter(one["To"] for one in log)
        stand = dict(Notice.objects.values_list("patient__contacts__value", "state"))
        result.states = dict(Counter(stand.values()))
        result.taken = len(log)
        result.twice = sum(times > 1 for times in taken.values())
        right = {"sent": {1}, "delivered": {1}, "unknown": {0, 1}}
        result.wrong = sum(taken[number] not in right.get(state, {0}) for number, state in stand.items())
        with suppress(RuntimeError):
            _parts.until(lambda: not self._silent(), 60, "signs of life")
        result.silent = self._silent()

    def _silent(self) -> list[str]:
        from django.utils import timezone

        from scheduling.readings import alive

        hearts = alive.hearts(timezone.now())
        missing = [one.name for one in hearts if one.state != "ok"] + ["a worker"] * (
            WORKERS + 1 - len(hearts)
        )
        return missing + [one.name for one in (*self.workers, *self.beats) if not one.alive()]


def _left() -> int:
    """Rows that are not settled; while PostgreSQL is away, as many as there can be."""
    from django.db import Error, connection

    from scheduling.models import Notice

    try:
        return Notice.objects.filter(state__in=("planned", "claimed")).count()
    except Error:
        connection.close()
        return 10**9


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks._storm")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--slow", type=float, default=0.0, help="seconds before each answer of the provider")
    parser.add_argument("--fail", type=int, default=0, help="bad answers of the provider in a hundred")
    parser.add_argument("--hurry", action="store_true", help="claims go stale after 15 s instead of 60")
    parser.add_argument("--json", action="store_true", help="the result for a program")
    wish = parser.parse_args()
    if _parts.redis_program() is None:
        print("The storm needs redis-server on the path.", file=sys.stderr)
        return 2
    began = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {words}", file=sys.stderr, flush=True)

    folder = Path(tempfile.mkdtemp(prefix="infusion-home-storm-"))
    result = Storm(folder, slow=wish.slow, fail=wish.fail, hurry=wish.hurry).run(wish.rows, say)
    faults = result.faults()
    if faults:
        say(f"what the programs said is in {folder}")
    else:
        shutil.rmtree(folder)
    if wish.json:
        print(json.dumps({**asdict(result), "faults": faults}))
    else:
        for name, value in asdict(result).items():
            print(f"{name:>14}  {value:,.1f}" if isinstance(value, float) else f"{name:>14}  {value}")
    for fault in faults:
        say(f"WRONG: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
