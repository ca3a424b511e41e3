"""The one settings file, in test mode from whatever shell the tests start.

pytest-django reads the settings before any conftest.py, so that is too late to say it.
"""

import os

os.environ["INFUSION_HOME_MODE"] = "test"

from infusion_home.settings import *  # noqa: F403

SIGN_IN_TRIES_PER_ADDRESS = 100_000  # every test signs in from one address
LATE_BANNER = False  # no worker runs beside the tests; tests/ops/test_alive.py switches it on
