"""/healthz: this process answers. /readyz: web, database, worker and beat can do their work."""

from __future__ import annotations

import logging

from django.apps import apps
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

ALIVE = "scheduling.readings.alive"  # by name: this package imports nothing of the apps
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
    """200 when database, worker and beat are ready, else 503 naming the part that is not.

    Messages that are late, or a travel service that fails, are told and are no reason for a 503: somebody must look,
    and the web answers meanwhile.
    """
    parts = {"web": "ok", "database": database_state()}
    there = parts["database"] == "ok"
    parts |= background_state() if there else {"worker": "unknown", "beat": "unknown"}
    ready = set(parts.values()) == {"ok"}
    parts["notices"] = notices_state() if there else "unknown"
    if settings.OSRM_URL:
        parts["roads"] = roads_state() if there else "unknown"
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


def background_state() -> dict[str, str]:
    """Of "worker" (any of them) and "beat": "ok", "not seen yet", "silent" or "unknown"."""
    try:
        return dict(import_string(f"{ALIVE}.states")())
    except Error:
        return {"worker": "unknown", "beat": "unknown"}


def notices_state() -> str:
    """ "ok", "late", "paused", "silent" (nobody sends) or "unknown"."""
    try:
        late = import_string(f"{ALIVE}.late")()
    except Error:
        return "unknown"
    return late.why if late else "ok"


def roads_state() -> str:
    """ "ok", "not asked yet", "estimated" (the travel service fails) or "unknown"."""
    try:
        return str(apps.get_model("scheduling", "Heartbeat").roads())
    except Error:
        return "unknown"
