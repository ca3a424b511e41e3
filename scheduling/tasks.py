"""Celery entries: an id in, one service call. The table is the truth; running twice does no harm."""

from __future__ import annotations

from celery import shared_task
from celery.signals import worker_ready
from django.utils import timezone

from scheduling.models import Heartbeat
from scheduling.services import doses, housekeeping, notices, travel


@shared_task(ignore_result=True, expires=30)
def heartbeat() -> None:
    """A worker is alive and reaches the database."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"at": timezone.now()})


@shared_task(ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def send_due_notices() -> int:
    """One heartbeat of the ledger: claim and send until nothing is due."""
    return notices.send_due()


@shared_task(ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def extend_calendars() -> int:
    """Plan further ahead where the stored doses run out."""
    return doses.extend_calendars()


@shared_task(ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def tidy() -> int:
    """Forget what was only kept for a while."""
    return housekeeping.tidy()


@shared_task(ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def refresh_roads() -> int:
    """Ask the travel service, where there is one, for the roads of new homes and those that grew old."""
    return travel.refresh()


@worker_ready.connect
def _first_heartbeat(**kwargs: object) -> None:
    heartbeat.delay()
