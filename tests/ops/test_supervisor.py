"""The demo's promises, kept with real processes: it comes up, it says what is wrong, it leaves nothing."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from infusion_home import embedded
from infusion_home.embedded import until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds: a limit for a broken build, not a measure


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SUPERVISOR = (sys.executable, "-m", "infusion_home.supervisor", "--empty")


def demo(
    state: Path, port: int | str, command: Sequence[str] = SUPERVISOR, **settings: str
) -> subprocess.Popen[str]:
    unset = {
        "DJANGO_SETTINGS_MODULE",
        "INFUSION_HOME_MODE",
        "DATABASE_URL",
        "REDIS_URL",
        "INFUSION_HOME_TEST_DB",
    }
    env = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=env | {"INFUSION_HOME_STATE": str(state), "PORT": str(port)} | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def refusal(state: Path, port: int | str, **settings: str) -> str:
    """What a demo that cannot run says; it must end by itself with exit code 1."""
    process = demo(state, port, **settings)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    return said.strip()


def get(port: int, path: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    # Celery writes its own words over its command line, with the arguments in them.
    return [one for one in family(process) if "worker --pool" in " ".join(one.cmdline())]


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def wait_until_up(process: subprocess.Popen[str], state: Path) -> None:
    said = ""
    assert process.stdout
    for line in process.stdout:
        said += line
        if "Ctrl-C stops everything" in line:
            break
    else:
        logs = "\n".join(f"{log}:\n{log.read_text()[-2000:]}" for log in (state / "log").glob("*.log"))
        pytest.fail(f"the demo did not come up:\n{said}\n{logs}")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    state, port = tmp_path / "state with a space", free_port()
    process = demo(state, port)
    wait_until_up(process, state)
    try:
        yield process, port, state
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        until(lambda: not embedded.running(state / "postgres"), 30)
        process.stdout.close()


def test_the_demo_comes_up_refuses_a_second_one_and_leaves_no_process(running):
    process, port, state = running
    assert get(port, "/healthz") == (200, {"web": "ok"})
    parts = ("web", "database", "worker", "beat", "notices")
    assert get(port, "/readyz") == (200, dict.fromkeys(parts, "ok"))
    assert (state / "secret-key").stat().st_mode & 0o777 == 0o600
    assert refusal(state, free_port()).endswith(f"it is running already at http://127.0.0.1:{port}.")
    in_use = refusal(state.with_name("other"), port).splitlines()
    assert in_use == [
        f"Infusion Home cannot run: port {port} is in use. Choose another: make demo PORT={port + 1}"
    ]

    started = family(process)
    assert len(started) > 6  # keeper, guard, web and its workers, worker, beat, PostgreSQL
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert all_gone(started)
    with pytest.raises(ConnectionRefusedError):
        get(port, "/healthz")


def test_a_killed_worker_is_started_again_and_a_killed_supervisor_leaves_no_process(running):
    process, _, state = running
    (worker,) = workers(process)
    worker.kill()
    assert process.stdout
    assert process.stdout.readline().strip() == "worker stopped (killed by signal 9)"
    assert "starting it again" in process.stdout.readline()
    assert until(lambda: [one.pid for one in workers(process)] not in ([], [worker.pid]), 60)

    started = family(process)
    process.kill()
    assert until(lambda: all_gone(started), 60)
    assert not embedded.running(state / "postgres")


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux says which signals make listens to"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_that_reaches_make_alone_stops_everything_too(tmp_path, number):
    makefile = tmp_path / "Makefile"
    makefile.write_text("demo:\n\t@exec " + " ".join(f"'{word}'" for word in SUPERVISOR) + "\n")
    state = tmp_path / "state"
    process = demo(state, free_port(), ("make", "-f", str(makefile), "demo"))
    wait_until_up(process, state)
    started = family(process)
    process.send_signal(number)
    assert until(lambda: all_gone(started), 60)
    assert not embedded.running(state / "postgres")
    process.communicate(timeout=10)


@pytest.mark.parametrize("port", ["eighty", "0", "65536", "-1", "８０００"])
def test_a_port_that_is_none_gives_one_line(tmp_path, port):
    assert refusal(tmp_path, port).splitlines() == [
        f"Infusion Home cannot run: PORT is {port!r}; use a number from 1 to 65535, such as PORT=8001."
    ]


def test_a_folder_that_cannot_be_written_gives_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    state = tmp_path / "file" / "state"
    assert refusal(state, free_port()).splitlines() == [
        f"Infusion Home cannot run: cannot write to {state}: Not a directory. "
        "INFUSION_HOME_STATE can name another folder."
    ]


def test_a_full_disk_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    from infusion_home import preflight

    usage = type("Usage", (), {"free": 299_000_000})()
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(preflight.CannotGoOn, match="only 299 MB are free"):
        preflight.check_space(tmp_path)


def test_a_failure_on_a_full_disk_is_called_a_full_disk(tmp_path, monkeypatch):
    from infusion_home import preflight

    assert preflight.full_disk(tmp_path) == ""
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 4096})())
    assert preflight.full_disk(tmp_path) == f"the disk of {tmp_path} is full."


def test_the_demo_key_is_made_once_and_is_for_its_owner_alone(tmp_path):
    from infusion_home.preflight import kept_secret_key

    key = kept_secret_key(tmp_path)
    assert len(key) >= 50
    assert kept_secret_key(tmp_path) == key
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "url", "says"),
    [
        (
            "DATABASE_URL",
            "postgres://care:secret-word@127.0.0.1:{port}/care",
            "the database that DATABASE_URL names",
        ),
        ("REDIS_URL", "redis://:secret-word@127.0.0.1:{port}/0", "the Redis that REDIS_URL names"),
        ("REDIS_URL", "somewhere", "the Redis that REDIS_URL names"),
    ],
)
def test_a_server_that_does_not_answer_gives_one_line_without_its_password(tmp_path, name, url, says):
    said = refusal(tmp_path, free_port(), **{name: url.format(port=free_port())})
    line = said.splitlines()[-1]
    assert line.startswith(f"Infusion Home cannot run: {says} cannot be used: ")
    assert "secret-word" not in said
