"""What was kept only for a while is forgotten, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from scheduling.models import IdempotencyKey
from scheduling.services import housekeeping
from tests.makers import make_user

pytestmark = pytest.mark.django_db


def test_old_answers_and_ended_sessions_are_forgotten_and_fresh_ones_kept():
    user, now = make_user(), timezone.now()
    for age in (timedelta(hours=1), timedelta(days=3)):
        key = IdempotencyKey.objects.create(user=user, key=f"k{age.days}", fingerprint="f")
        IdempotencyKey.objects.filter(pk=key.pk).update(created_at=now - age)
        Session.objects.create(
            session_key=f"s{age.days}", session_data="x", expire_date=now + age - timedelta(days=2)
        )
    assert housekeeping.tidy(now=now) == 2
    assert IdempotencyKey.objects.get().key == "k0"
    assert Session.objects.get().session_key == "s3"
