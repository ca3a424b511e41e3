"""/healthz: this process answers. /readyz: web, database and worker can do their work."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.apps import apps
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

# The worker's heart beats every ten seconds; one beat may wait behind a long task or a restart.
WORKER_SILENT_FOR = timedelta(seconds=45)
log = logging.getLogger(__name__)

_migrated = False  # once applied they stay applied, and asking costs more than all the rest


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 whenever the process answers; asks nobody else."""
    return JsonResponse({"web": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and worker are ready, else 503 naming the part that is not.

    A travel service that fails is told and is no reason for a 503: drives are estimated meanwhile.
    """
    parts = {"web": "ok", "database": database_state()}
    parts["worker"] = worker_state() if parts["database"] == "ok" else "unknown"
    ready = set(parts.values()) == {"ok"}
    if settings.OSRM_URL:
        parts["roads"] = roads_state() if parts["database"] == "ok" else "unknown"
    return JsonResponse(parts, status=200 if ready else 503)


def database_state() -> str:
    """ "ok", "unreachable" or "migrations are not applied"."""
    global _migrated
    try:
        if not _migrated:
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        else:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
    except Error as error:
        log.warning("the database does not answer: %s", type(error).__name__)
        return "unreachable"
    return "ok" if _migrated else "migrations are not applied"


def worker_state() -> str:
    """ "ok", "not seen yet", "silent" (no beat within WORKER_SILENT_FOR) or "unknown"."""
    # By name: this package knows the apps' addresses, not their models.
    heartbeats = apps.get_model("scheduling", "Heartbeat").objects
    try:
        beat_at = heartbeats.filter(name="worker").values_list("at", flat=True).first()
    except Error:
        return "unknown"
    if beat_at is None:
        return "not seen yet"
    return "ok" if timezone.now() - beat_at <= WORKER_SILENT_FOR else "silent"


def roads_state() -> str:
    """ "ok", "not asked yet", "estimated" (the travel service fails) or "unknown"."""
    try:
        return str(apps.get_model("scheduling", "Heartbeat").roads())
    except Error:
        return "unknown"
