"""The nurse's calendar feed: the page where its address is made and taken back, and what a calendar reads there."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from scheduling import selectors
from scheduling.services import calendar_feeds

TOO_MANY = 429
PRIVATE = {"Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex, nofollow"}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@selectors.nurse_only
def feed_page(request: HttpRequest) -> HttpResponse:
    """Whether there is a feed; a post makes a new address and shows it, this once."""
    get_object_or_404(selectors.nurses_for(request.user))
    shown = {}
    if request.method == "POST":
        path = reverse("calendar-feed", args=[calendar_feeds.make(by=request.user)])
        address = f"{settings.PUBLIC_URL.rstrip('/')}{path}"
        shown = {"address": address, "webcal": f"webcal://{address.partition('://')[2]}"}
    feed = selectors.feeds_for(request.user).filter(revoked_at__isnull=True).select_related("nurse").first()
    return render(request, "scheduling/nurse/feed.html", {"feed": feed, **shown})


@require_POST
@selectors.nurse_only
def feed_revoke(request: HttpRequest) -> HttpResponse:
    """The address ends; back to the page (302)."""
    get_object_or_404(selectors.nurses_for(request.user))
    if calendar_feeds.revoke(by=request.user):
        messages.success(request, _("The calendar address opens nothing any more."))
    return redirect("nurse-feed")


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The feed as a calendar reads it, without a sign-in: the address is the secret. 404 for any that is not good."""
    found = calendar_feeds.find(token)
    if found is None:
        raise Http404
    if calendar_feeds.too_many(found):
        return HttpResponse(status=TOO_MANY, headers={**PRIVATE, "Retry-After": "600"})
    text = calendar_feeds.text_of(found)
    mark = f'"{hashlib.sha256(text).hexdigest()[:32]}"'
    headers = {**PRIVATE, "ETag": mark}
    if request.headers.get("If-None-Match") == mark:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(text, content_type="text/calendar; charset=utf-8", headers=headers)
