"""What every test may use, and an honest account of the tests that did not run."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's event loop runs in the tests' own thread

import pytest
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


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A Playwright browser for the whole run; make a context per test."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(CHROMIUM_ARGUMENTS))
        yield browser
        browser.close()
