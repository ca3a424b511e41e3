"""Sessions that end when nobody is there, and pages the way each person likes them."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone, translation

LAST_SEEN = "last_seen_at"
# Pages that refresh themselves say so; a board left open is not a person at work.
POLL_HEADER = "X-Background-Poll"
WRITE_EVERY = 15  # seconds: a page with ten parts is one sign of life, not ten writes

GetResponse = Callable[[HttpRequest], HttpResponse]


class ClientAddressMiddleware:
    """Puts the visitor's address where the proxy's would stand, when BEHIND_PROXY says that there is one.

    The last entry of X-Forwarded-For is the one our own proxy wrote; earlier ones are what a visitor claims.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.BEHIND_PROXY:
            claimed = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
            if address := _address(claimed):
                request.META["REMOTE_ADDR"] = address
        return self.get_response(request)


def _address(said: str) -> str:
    """The IP address in what a proxy wrote, which may have a port behind it; "" when there is none."""
    bracketed, _end, _port = said.removeprefix("[").partition("]")
    for candidate in (said, bracketed, said.rpartition(":")[0]):
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return ""


class IdleSessionMiddleware:
    """Ends a session after IDLE_MINUTES of its role without a request by the person."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated:
            now = int(timezone.now().timestamp())
            last = request.session.get(LAST_SEEN)
            if last is not None and now - last > settings.IDLE_MINUTES[user.role] * 60:
                logout(request)
                return _ended(request)
            polling = POLL_HEADER in request.headers
            if last is None or (not polling and now - last >= WRITE_EVERY):
                request.session[LAST_SEEN] = now
        response = self.get_response(request)
        if _is_part(request) and _leads_to_sign_in(response):
            # The sign-in page belongs in the window, not into a part of the page.
            return HttpResponse(status=204, headers={"HX-Redirect": _sign_in(_page_of(request))})
        return response


def _ended(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        body = {
            "type": "about:blank",
            "title": "Session ended",
            "status": 401,
            "code": "SESSION_ENDED",
            "detail": "The session ended after a time without use. Sign in again.",
            "errors": [],
        }
        return JsonResponse(
            body, status=401, content_type="application/problem+json", headers={"WWW-Authenticate": "Token"}
        )
    if _is_part(request):
        return HttpResponse(status=204, headers={"HX-Redirect": _sign_in(_page_of(request), ended="1")})
    if request.path == reverse("sign-out"):
        return HttpResponseRedirect(reverse("sign-in"))
    if request.method == "GET":
        return HttpResponseRedirect(_sign_in(request.get_full_path(), ended="1"))
    # What was typed did not arrive: the page says so, and leads back to the form.
    return HttpResponseRedirect(_sign_in(_form_page_of(request), ended="unsent"))


def _sign_in(back_to: str, *, ended: str = "") -> str:
    query = {"next": back_to, "ended": ended} if ended else {"next": back_to}
    return f"{reverse('sign-in')}?{urlencode(query)}"


def _is_part(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def _page_of(request: HttpRequest) -> str:
    """The page a part was asked for from, without its host: signing in leads back there."""
    return _path_of(request.headers.get("HX-Current-URL", ""))


def _form_page_of(request: HttpRequest) -> str:
    """The page of ours a form was sent from; home when the browser does not say."""
    referring = request.headers.get("Referer", "")
    return _path_of(referring) if urlsplit(referring).netloc == request.get_host() else reverse("home")


def _path_of(url: str) -> str:
    page = urlsplit(url)
    return (page.path + (f"?{page.query}" if page.query else "")) or reverse("home")


def _leads_to_sign_in(response: HttpResponse) -> bool:
    return response.status_code == 302 and urlsplit(response["Location"]).path == reverse("sign-in")


class PersonalSettingsMiddleware:
    """A patient's own language wins over the browser's; who works here reads English (docs/adr/0009)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if language := self._language(request):
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()
        response = self.get_response(request)
        if request.user.is_authenticated:
            # A chart must not come back from the browser's cache after sign-out.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    def _language(self, request: HttpRequest) -> str:
        """What is answered in; "" leaves it to the browser. Programs read English."""
        if request.path.startswith("/api/"):
            return "en"
        return request.user.reads if request.user.is_authenticated else ""
