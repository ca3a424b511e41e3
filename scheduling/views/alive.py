"""Is it alive: the page for people, /metrics for programs."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from scheduling import selectors
from scheduling.readings import alive_page, metrics


@selectors.office_only
@require_safe
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """What runs, what waits, what failed."""
    context = {"section": "notices", "here": alive_page.read(timezone.now())}
    return render(request, "scheduling/alive/page.html", context)


@require_safe
@never_cache
def scraped(request: HttpRequest) -> HttpResponse:
    """Figures for who says METRICS_TOKEN; without that setting production has no such page."""
    if settings.METRICS_TOKEN:
        said = request.headers.get("Authorization", "")
        if not constant_time_compare(said, f"Bearer {settings.METRICS_TOKEN}"):
            return HttpResponse("Say the token.\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    elif settings.PRODUCTION:
        raise Http404
    return HttpResponse(metrics.text(timezone.now()), content_type=CONTENT_TYPE_LATEST)
