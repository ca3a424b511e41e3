"""The embedded PostgreSQL serves whoever asks, and stops with its last user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
from django.core.exceptions import ImproperlyConfigured

from infusion_home import embedded, server_folder

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from pathlib import Path
from infusion_home import embedded
print(embedded.start(Path(sys.argv[1]), durable=False), flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answers(uri: str) -> bool:
    try:
        psycopg2.connect(uri).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_several_users_share_one_server_and_the_last_one_stops_it_even_when_killed(tmp_path):
    folder = tmp_path / "postgres"
    users = [holder(folder) for _ in range(3)]
    uris = {user.stdout.readline().strip() for user in users}
    assert len(uris) == 1
    uri = uris.pop()
    for user in users[:2]:
        user.kill()
        user.wait()
    assert not embedded.until(lambda: not answers(uri), 1)
    users[2].kill()
    users[2].wait()
    assert embedded.until(lambda: not embedded.running(folder), 30)
    assert not answers(uri)
    for user in users:
        user.stdin.close()
        user.stdout.close()


def test_what_was_written_is_there_after_a_restart(tmp_path):
    folder = tmp_path / ("deep " * 30) / "postgres"  # too long for a socket, and with spaces
    for statement in ("CREATE TABLE kept AS SELECT 1 AS one", "SELECT one FROM kept"):
        connection = psycopg2.connect(embedded.start(folder))
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()
        assert embedded.release_and_wait(folder)


def test_a_set_up_that_was_interrupted_is_begun_again(tmp_path):
    half_made = tmp_path / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    assert answers(embedded.start(tmp_path / "postgres", durable=False))
    assert embedded.release_and_wait(tmp_path / "postgres")


def test_a_folder_of_another_version_is_left_alone_with_a_sentence(tmp_path):
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("16\n")
    with pytest.raises(ImproperlyConfigured, match="was made by PostgreSQL 16 and this is 18"):
        embedded.start(folder)
    assert not embedded.running(folder)


def test_a_file_in_the_way_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ImproperlyConfigured, match=r"cannot keep a database in .* INFUSION_HOME_STATE"):
        embedded.start(tmp_path / "file" / "postgres")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_a_private_parent_folder_is_opened_for_passing_and_not_for_reading(tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    folder = private / "postgres"
    assert private in server_folder.closed_folders(folder)
    assert answers(embedded.start(folder, durable=False))
    assert embedded.release_and_wait(folder)
    assert private.stat().st_mode & 0o777 == 0o701


def test_the_servers_log_holds_no_row_and_is_for_its_owner_only(tmp_path):
    with holder(tmp_path / "pg") as first:
        assert first.stdout is not None
        connection = psycopg2.connect(first.stdout.readline().strip())
        with pytest.raises(psycopg2.Error), connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMP TABLE t (name text UNIQUE); INSERT INTO t VALUES ('Abernathy'), ('Abernathy')"
            )
        connection.close()
        log = tmp_path / "pg.log"
        assert "duplicate key" in log.read_text() and "Abernathy" not in log.read_text()
        assert log.stat().st_mode & 0o077 == 0
        first.kill()
