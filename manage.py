#!/usr/bin/env python
"""Django's command line. Commands that need no database run with nothing configured."""

import os
import sys

OFFLINE_COMMANDS = {"plan_doses", "plan_routes"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "infusion_home.settings")
    if len(sys.argv) > 1 and sys.argv[1] in OFFLINE_COMMANDS:
        os.environ["INFUSION_HOME_MODE"] = "offline"
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as wrong:
        sys.exit(f"Infusion Home cannot start: {wrong}")


if __name__ == "__main__":
    main()
