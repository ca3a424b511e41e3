"""When somebody tries too often, and what they are told: the same on pages and in the API.

django-axes counts tries of one name from one address. AddressLimit counts what an address tries with
many names. Neither answer tells whether a name exists.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

log = logging.getLogger(__name__)


class AddressLimit:
    """Signs nobody in; refuses every try from an address with SIGN_IN_TRIES_PER_ADDRESS refused ones behind it.

    The count lives in the shared cache and starts afresh AXES_COOLOFF_TIME after its first try.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: object) -> None:
        if request is not None and _tries(request) >= settings.SIGN_IN_TRIES_PER_ADDRESS:
            request.axes_locked_out = True  # type: ignore[attr-defined]  # AxesMiddleware answers 429
            raise PermissionDenied


def _tries(request: HttpRequest) -> int:
    """Refused tries from the address; 0 when the cache is out of reach: nurses must get in, and
    django-axes still counts in the database."""
    try:
        return int(cache.get(_key(request), 0))
    except Exception as error:  # each kind of cache has errors of its own
        log.error("sign-in tries cannot be read: %s", type(error).__name__)
        return 0


@receiver(user_login_failed)
def _count(sender: object, request: HttpRequest | None = None, **kwargs: object) -> None:
    if request is None:
        return
    try:
        cache.add(_key(request), 0, timeout=settings.AXES_COOLOFF_TIME.total_seconds())
        with suppress(ValueError):  # it ran out between the two: the next try starts a new count
            cache.incr(_key(request))
    except Exception as error:
        log.error("sign-in tries cannot be counted: %s", type(error).__name__)


def _key(request: HttpRequest) -> str:
    return f"sign-in-tries:{request.META.get('REMOTE_ADDR', '')}"


def name_tried(request: HttpRequest | None, credentials: dict[str, Any] | None = None) -> str:
    """The user name django-axes counts by, kept to what a name may be: its column is no longer than that."""
    said = (credentials or {}).get("username") or (request.POST.get("username") if request else "") or ""
    return str(said).replace("\0", "")[:150]


def locked_out(
    request: HttpRequest, credentials: object = None, *args: object, **kwargs: object
) -> HttpResponse:
    """429 with how long to wait, as a page or as application/problem+json."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    sentence = _("Too many tries. Wait %(minutes)d minutes, then try again, or call the office.") % {
        "minutes": minutes
    }
    if request.path.startswith("/api/"):
        body = {
            "type": "about:blank",
            "title": "Locked out",
            "status": 429,
            "code": "LOCKED_OUT",
            "detail": sentence,
            "errors": [],
        }
        response: HttpResponse = JsonResponse(body, status=429, content_type="application/problem+json")
    else:
        response = render(request, "accounts/sign_in.html", {"locked": sentence}, status=429)
    response["Retry-After"] = str(minutes * 60)
    response["Cache-Control"] = "no-store"
    return response
