"""Sessions that end when nobody is there, and pages the way each person likes them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation

LAST_SEEN = "last_seen_at"
# Pages that refresh themselves say so; a board left open is not a person at work.
POLL_HEADER = "X-Background-Poll"

GetResponse = Callable[[HttpRequest], HttpResponse]


class IdleSessionMiddleware:
    """Ends a session after IDLE_MINUTES of its role without a request by the person."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated:
            now = int(timezone.now().timestamp())
            limit = settings.IDLE_MINUTES[user.role] * 60
            last = request.session.get(LAST_SEEN, now)
            if now - last > limit:
                logout(request)
                return self._ended(request)
            if POLL_HEADER not in request.headers and now - last >= 15 or LAST_SEEN not in request.session:
                request.session[LAST_SEEN] = now
        return self.get_response(request)

    @staticmethod
    def _ended(request: HttpRequest) -> HttpResponse:
        here = request.get_full_path() if request.method == "GET" else reverse("home")
        target = f"{reverse('sign-in')}?{urlencode({'next': here, 'ended': '1'})}"
        if getattr(request, "headers", {}).get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": target})
        if request.path.startswith("/api/"):
            return HttpResponse(status=401, headers={"Content-Type": "application/problem+json"})
        return HttpResponseRedirect(target)


class PersonalSettingsMiddleware:
    """A signed-in person's language wins over the browser's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.user.language in dict(settings.LANGUAGES):
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        response = self.get_response(request)
        if request.user.is_authenticated:
            # A chart must not come back from the browser's cache after sign-out.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response
