"""What a locked-out person is told: the same on pages and in the API, never whether the name exists."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


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
