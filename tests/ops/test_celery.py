"""A real worker process executes a task sent over a real broker."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from infusion_home.embedded import until

ROOT = Path(__file__).resolve().parents[2]
QUIET = ("--pool", "solo", "--without-gossip", "--without-mingle", "--loglevel", "INFO")
PATIENCE = 60  # seconds: a limit for a broken build, not a measure
# The product's own application and settings, with one task that leaves a trace in a file.
TASKS = textwrap.dedent("""
    from pathlib import Path
    import django
    django.setup()
    from infusion_home.celery import app

    @app.task(name="tests.leave_trace")
    def leave_trace(path):
        Path(path).write_text("done")
""")


@contextlib.contextmanager
def worker(folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "traces.py").write_text(TASKS)
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "traces", "worker", *QUIET, "--queues", folder.name],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment(folder: Path, **changes: str) -> dict[str, str]:
    # "offline": the settings need no database, and neither does the task.
    own = {
        "INFUSION_HOME_MODE": "offline",
        "INFUSION_HOME_STATE": str(folder),
        "PYTHONPATH": f"{ROOT}:{folder}",
    }
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return kept | {"DJANGO_SETTINGS_MODULE": "infusion_home.settings"} | own | changes


def send(folder: Path, env: dict[str, str], path: Path) -> None:
    program = "import sys, traces; traces.leave_trace.apply_async([sys.argv[1]], queue=sys.argv[2])"
    subprocess.run([sys.executable, "-c", program, str(path), folder.name], cwd=folder, env=env, check=True)


def check_it_arrives(trace: Path, process: subprocess.Popen[bytes]) -> None:
    until(lambda: trace.exists() or process.poll() is not None, PATIENCE)
    assert trace.exists(), (trace.parent / "worker.log").read_text()


def check_a_task_arrives(folder: Path, env: dict[str, str]) -> None:
    with worker(folder, env) as process:
        send(folder, env, folder / "trace")
        check_it_arrives(folder / "trace", process)


def test_a_worker_on_the_folder_broker_executes_a_task(tmp_path):
    check_a_task_arrives(tmp_path, environment(tmp_path))


def test_a_task_sent_before_the_worker_starts_is_kept_for_it(tmp_path):
    env, trace = environment(tmp_path), tmp_path / "early"
    (tmp_path / "traces.py").write_text(TASKS)
    send(tmp_path, env, trace)
    with worker(tmp_path, env) as process:
        check_it_arrives(trace, process)


@pytest.mark.redis
def test_a_worker_on_redis_executes_a_task(tmp_path):
    check_a_task_arrives(tmp_path, environment(tmp_path, REDIS_URL=os.environ["REDIS_URL"]))


def test_no_message_is_lost_or_taken_twice_when_many_write_and_read_the_folder_at_once(tmp_path):
    options = {
        "data_folder_in": str(tmp_path / "queue"),
        "data_folder_out": str(tmp_path / "queue"),
        "control_folder": str(tmp_path / "control"),
    }

    def write(writer: int) -> None:
        with Connection("filesystem://", transport_options=options) as connection:
            queue = connection.SimpleQueue("many")
            for number in range(50):
                queue.put(json.dumps([writer, number]))
            queue.close()

    def read(_: int) -> list[str]:
        found = []
        with Connection("filesystem://", transport_options=options) as connection:
            queue = connection.SimpleQueue("many", no_ack=True)
            with contextlib.suppress(Empty):
                while True:
                    found.append(queue.get(block=True, timeout=3).payload)
            queue.close()
        return found

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, number) for number in range(4)]
        readers = [pool.submit(read, number) for number in range(4)]
        for writer in writers:
            writer.result(timeout=PATIENCE)
        taken = Counter(message for reader in readers for message in reader.result(timeout=PATIENCE))
    assert len(taken) == 200
    assert set(taken.values()) == {1}
