"""The web application with the addresses a benchmark asks for."""

from __future__ import annotations

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "infusion_home.settings")
settings.ROOT_URLCONF = os.environ["BENCH_URLCONF"]

from infusion_home.wsgi import application  # noqa: E402, F401  after the addresses are set
