"""`manage.py load_demo`: invented nurses, patients and charts, once, for trying the product out."""

from __future__ import annotations

import time
from datetime import date, datetime
from datetime import time as wall_time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduling.demo.diary import ZONE
from scheduling.demo.load import load


class Command(BaseCommand):
    """Exit 0 when the data is there, loaded now or before; 1 with one line when it may not be loaded."""

    help = (
        "Load invented patients, nurses and visits, unless there are patients already. Never in production."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=2026, help="other people and days for another number")
        parser.add_argument("--patients", type=int, default=300, help="never fewer than the named examples")
        parser.add_argument("--nurses", type=int, default=20, help="8 to 100")
        parser.add_argument(
            "--today", type=date.fromisoformat, help="load as if it were noon of this day (YYYY-MM-DD)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("Demo data is not loaded in production mode.")
        if not 8 <= options["nurses"] <= 100 or not 1 <= options["patients"] <= 5000:
            raise CommandError("Ask for 8 to 100 nurses and 1 to 5000 patients.")
        began = time.monotonic()
        now = datetime.combine(options["today"], wall_time(12), ZONE) if options["today"] else None
        loaded = load(
            seed=options["seed"],
            size=options["patients"],
            nurses=options["nurses"],
            now=now,
            say=lambda line: self.stdout.write(f"{line} ..."),
        )
        if loaded:
            self.stdout.write(f"Demo data loaded in {time.monotonic() - began:.0f} s.")
        else:
            self.stdout.write("Demo data is there already.")
