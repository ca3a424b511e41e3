"""Which way out a channel has here, as the settings say."""

from __future__ import annotations

import os
from threading import local

from django.conf import settings

from infusion_home.environment import Channel
from infusion_home.environment import channel as way_of
from scheduling.transports.base import Transport
from scheduling.transports.folder import Console, Folder, Nowhere
from scheduling.transports.mail import Email
from scheduling.transports.twilio import Caller, Texter

DUMMY = "django.core.mail.backends.dummy.EmailBackend"

_kept = local()


def transport_for(channel: str) -> Transport | None:
    """The way out of a channel; None where it is not set up. Raises KeyError for a channel nobody built.

    Kept for the thread, so that one connection serves many messages; a forked worker makes its own.
    """
    setting = {
        "email": (settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT),
        "text": settings.TEXT_URL,
        "voice": settings.VOICE_URL,
    }[channel]
    if getattr(_kept, "pid", None) != os.getpid():
        _kept.pid, _kept.ways = os.getpid(), {}
    if (channel, setting) not in _kept.ways:
        _kept.ways[channel, setting] = _mail(setting[0]) if channel == "email" else _made(channel, setting)
    return _kept.ways[channel, setting]


def _mail(backend: str) -> Transport:
    return Nowhere() if backend == DUMMY else Email()


def _made(channel: str, url: str) -> Transport | None:
    way = way_of(url)
    match way:
        case None:
            return None
        case Channel(kind="file"):
            return Folder(way.folder)
        case Channel(kind="console"):
            return Console()
        case Channel(kind="null"):
            return Nowhere()
    return Texter(way) if channel == "text" else Caller(way)


def tokens() -> set[str]:
    """What the provider of texts and calls signs its requests to us with; none where there is no such provider."""
    ways = (way_of(settings.TEXT_URL), way_of(settings.VOICE_URL))
    return {way.token for way in ways if way is not None and way.token}
