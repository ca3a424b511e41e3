"""The storm, small: real Redis, real PostgreSQL, two beats, three workers, and a provider that counts for itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = 1_000
SLOW = 0.05  # seconds the provider takes: at most 120 texts a second, so that the storm finds some left


@pytest.mark.storm
def test_every_text_goes_once_while_a_worker_redis_and_postgresql_go_away():
    """Claims go stale after 15 seconds here, a minute in the product; docs/benchmarks.md has the whole storm."""
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks._storm",
            "--rows",
            str(ROWS),
            "--slow",
            str(SLOW),
            "--hurry",
            "--json",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    result = json.loads(ended.stdout)
    assert result["faults"] == []
    assert (result["twice"], result["wrong"]) == (0, 0)
    assert set(result["states"]) <= {"sent", "delivered", "unknown"}
    assert sum(result["states"].values()) == ROWS
    assert all(0 < done < ROWS for done in result["disturbed_at"].values()), "it was over before the storm"
