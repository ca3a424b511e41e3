"""`make setup` says in one line what a machine lacks, and does nothing when nothing has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy(to: Path) -> Path:
    (to / "scripts").mkdir(parents=True)
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "scripts/setup.py"):
        shutil.copy(ROOT / name, to / name)
    return to


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=60
    )


def test_a_machine_without_python_is_told_so(tmp_path):
    clone = copy(tmp_path / "a clone")
    told = make(clone, "setup", "PYTHON=no-such-python")
    assert told.returncode != 0
    assert told.stderr.splitlines()[0].startswith("Setup stopped: no no-such-python found.")
    assert not (clone / ".venv").exists()


def test_setup_does_nothing_until_the_requirements_change(tmp_path):
    clone = copy(tmp_path / "a clone")
    (clone / ".venv").mkdir()
    (clone / ".venv" / "installed").write_text("")
    assert make(clone, "setup", "PYTHON=no-such-python").returncode == 0
    later = (clone / ".venv" / "installed").stat().st_mtime + 10
    os.utime(clone / "requirements.txt", (later, later))
    assert make(clone, "setup", "PYTHON=no-such-python").returncode != 0


def test_an_older_python_is_named(tmp_path, monkeypatch, capsys):
    import runpy
    import sys

    import pytest

    setup = runpy.run_path(str(ROOT / "scripts" / "setup.py"))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit):
        setup["check_python"]()
    assert "Python 3.11 or newer is needed and" in capsys.readouterr().err


def test_help_lists_every_command(tmp_path):
    listed = make(copy(tmp_path / "clone")).stdout
    for name in ("setup", "demo", "test", "check", "bench", "bench-full", "assets", "clean", "cover-rules"):
        assert f"make {name} " in listed
