"""The Celery application: `celery -A infusion_home worker` and `celery -A infusion_home beat`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "infusion_home.settings")

app = Celery("infusion_home")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
