"""/readyz says which part is not ready; /healthz answers whatever happens to the others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from infusion_home import health
from scheduling.models import Heartbeat
from tests.ops.test_alive import make_notice


def beat(*, seconds_ago: int, name: str = "worker") -> None:
    Heartbeat.objects.update_or_create(
        name=name, defaults={"at": timezone.now() - timedelta(seconds=seconds_ago)}
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds_ago", "status", "worker"), [(0, 200, "ok"), (40, 200, "ok"), (46, 503, "silent")]
)
def test_ready_follows_the_age_of_the_workers_last_beat(client, seconds_ago, status, worker):
    beat(seconds_ago=seconds_ago)
    beat(seconds_ago=0, name="beat")
    answer = client.get("/readyz")
    assert answer.status_code == status
    notices = "ok" if status == 200 else "silent"
    assert answer.json() == {
        "web": "ok", "database": "ok", "worker": worker, "beat": "ok", "notices": notices
    }  # fmt: skip
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("one", "missing"), [("beat", "worker"), ("worker", "beat"), ("worker a@b", "worker")]
)
def test_nobodys_heart_beats_for_another(client, one, missing):
    beat(seconds_ago=0, name=one)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()[missing]) == (503, "not seen yet")


@pytest.mark.django_db
def test_late_messages_are_told_and_are_no_reason_to_take_the_web_away(client):
    beat(seconds_ago=0)
    beat(seconds_ago=0, name="beat")
    make_notice(due_at=timezone.now() - timedelta(minutes=6))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["notices"]) == (200, "late")


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_missing(client, monkeypatch):
    beat(seconds_ago=0)
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda self, targets: ["one"])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "migrations are not applied")


def test_without_a_database_not_ready_and_still_alive(client, monkeypatch):
    def unreachable(*_: object) -> None:
        raise OperationalError("password=secret-word")

    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr(health, "MigrationExecutor", unreachable)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    unknown = dict.fromkeys(("worker", "beat", "notices"), "unknown")
    assert answer.json() == {"web": "ok", "database": "unreachable", **unknown}
    alive = client.get("/healthz")
    assert (alive.status_code, alive.json()) == (200, {"web": "ok"})


@pytest.mark.parametrize("path", ["/readyz", "/healthz", "/metrics"])
def test_only_reading_is_answered(client, path):
    assert client.post(path).status_code == 405
