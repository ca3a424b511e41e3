"""How often an address has tried links that are not ours. Counted in the shared cache, forgotten after a while."""

from __future__ import annotations

import logging
from contextlib import suppress

from django.core.cache import cache

MOST = 20
FORGOTTEN_AFTER = 10 * 60  # seconds

log = logging.getLogger(__name__)


def too_many(address: str) -> bool:
    """Whether nothing more is looked up for this address now; False when the cache is out of reach: a seal of 96
    bits is not guessed, and a patient must get in."""
    try:
        return int(cache.get(_key(address), 0)) >= MOST
    except Exception as error:  # each kind of cache has errors of its own
        log.error("link tries cannot be read: %s", type(error).__name__)
        return False


def count(address: str) -> None:
    """One more link that is not ours."""
    try:
        cache.add(_key(address), 0, timeout=FORGOTTEN_AFTER)
        with suppress(ValueError):  # it ran out between the two: the next try starts a new count
            cache.incr(_key(address))
    except Exception as error:
        log.error("link tries cannot be counted: %s", type(error).__name__)


def _key(address: str) -> str:
    return f"link-tries:{address}"
