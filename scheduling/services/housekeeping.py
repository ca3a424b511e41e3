"""Rows that have done their work and hold more than they should. Nothing clinical is ever among them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from scheduling.models import IdempotencyKey

KEYS_KEPT = timedelta(days=2)  # a client that has not heard by then starts anew


def tidy(*, now: datetime | None = None) -> int:
    """Forget answers kept for repeated requests (they repeat patient data) and ended sessions; how many rows."""
    now = now or timezone.now()
    keys, _ = IdempotencyKey.objects.filter(created_at__lt=now - KEYS_KEPT).delete()
    sessions, _ = Session.objects.filter(expire_date__lt=now).delete()
    return keys + sessions
