"""A log tells where it failed, and nothing of whom it was about."""

from __future__ import annotations

import logging
import sys

import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from infusion_home.logs import LineFormatter
from tests.makers import make_patient

SOMEBODY = "Abernathy"
LINE = LineFormatter("{levelname} {name} {message}", style="{")


def written(message: str, name: str = "django.request", args: object = ()) -> str:
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, sys.exc_info())  # type: ignore[arg-type]
    return LINE.format(record)


@pytest.mark.django_db
def test_an_error_of_the_database_is_logged_without_the_row_it_quotes():
    make_patient(mrn="IH-77", last_name=SOMEBODY)
    with pytest.raises(IntegrityError) as broken, connection.cursor() as cursor:
        cursor.execute("UPDATE patients_patient SET latitude = 200 WHERE mrn = 'IH-77'")
    assert SOMEBODY in str(broken.value), "the test means something"
    try:
        raise RuntimeError(f"{SOMEBODY} again") from broken.value
    except RuntimeError:
        line = written("Internal Server Error: %s", args=("/staff/patients/1/edit/",))
    assert "Internal Server Error: /staff/patients/1/edit/" in line
    assert "IntegrityError" in line and "RuntimeError" in line and "test_logs.py" in line
    assert SOMEBODY not in line


def test_a_failed_task_is_logged_by_its_name_only():
    try:
        raise ValueError(SOMEBODY)
    except ValueError:
        line = written("Task %(name)s raised: %(exc)s", "celery.app.trace", {"name": "tidy", "exc": SOMEBODY})
    assert "task tidy failed" in line and "ValueError" in line
    assert SOMEBODY not in line


def test_every_line_is_written_this_way():
    assert settings.LOGGING["formatters"]["line"]["()"] == "infusion_home.logs.LineFormatter"
    assert all(one["formatter"] == "line" for one in settings.LOGGING["handlers"].values())


@pytest.mark.parametrize("secret", ["/cal/Zk3_a-9QweRtyUiOpAsD.ics", "/s/Zk3_a-9QweRtyUiOpAsD"])
def test_an_address_that_opens_without_a_password_is_in_no_line_not_of_the_small_server_either(secret):
    assert "Zk3" not in written("Not Found: %s", args=(secret,))
    assert "Zk3" not in written('"%s" %s %s', "django.server", (f"GET {secret} HTTP/1.1", "200", "812"))
    assert settings.LOGGING["loggers"]["django.server"]["handlers"] == ["console"]
