"""What every test may use, and an honest account of the tests that did not run."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest import mock

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's event loop runs in the tests' own thread

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SKIPPED_GROUPS: Counter[str] = Counter()


def chromium_path() -> str:
    """Where Chromium is, or "": CHROMIUM_PATH when set, else the usual names."""
    if wished := os.environ.get("CHROMIUM_PATH"):
        return shutil.which(wished) or ""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = {
        "browser": "" if chromium_path() else "no Chromium found (install chromium or set CHROMIUM_PATH)",
        "redis": "" if os.environ.get("REDIS_URL") else "REDIS_URL is not set",
        "storm": "" if shutil.which("redis-server") else "no redis-server on the path",
    }
    for item in items:
        for group, reason in why.items():
            if reason and item.get_closest_marker(group):
                item.add_marker(pytest.mark.skip(reason=reason))
                SKIPPED_GROUPS[f"{group}: {reason}"] += 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for group, count in sorted(SKIPPED_GROUPS.items()):
        terminalreporter.write_line(f"NOT RUN {count} test(s), {group}")


@pytest.fixture(scope="session", autouse=True)
def emptied_by_deleting() -> Iterator[None]:
    """After a test with real transactions its rows are deleted: a few rows, where TRUNCATE would make every table and
    index anew (half a second each time). Only a superuser may leave the foreign keys unasked; others truncate."""
    truncate = DatabaseOperations.sql_flush

    def sql_flush(operations: Any, style: Any, tables: Any, **options: Any) -> list[str]:
        if options.get("reset_sequences") or not _is_superuser(operations.connection):
            return list(truncate(operations, style, tables, **options))
        names = [operations.quote_name(table) for table in tables]
        alone = f"LOCK TABLE {', '.join(names)}"  # as TRUNCATE would: a late request of a browser waits
        emptied = [f"DELETE FROM {name}" for name in names]
        return ["SET LOCAL session_replication_role = replica", alone, *emptied]

    with mock.patch.object(DatabaseOperations, "sql_flush", sql_flush):
        yield


def _is_superuser(connection: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser') = 'on'")
        return bool(cursor.fetchone()[0])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A Playwright browser for the whole run; make a context per test."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(CHROMIUM_ARGUMENTS))
        yield browser
        browser.close()
