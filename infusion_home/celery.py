"""The Celery application: `celery -A infusion_home worker` and `celery -A infusion_home beat`."""

from __future__ import annotations

import os

from celery import Celery
from kombu import transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "infusion_home.settings")
transport.TRANSPORT_ALIASES["filesystem"] = "infusion_home.folder_broker:Transport"

app = Celery("infusion_home")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
