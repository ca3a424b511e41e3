"""Alerts: what a person must look at now, and saying what was done."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from scheduling import selectors
from scheduling.forms.calls import HandledForm
from scheduling.forms.fields import refuse
from scheduling.readings import alerts as readings
from scheduling.rules.errors import Refused
from scheduling.services import alerts, events

PAGE = 50


@require_safe
@selectors.office_only
def alerts_page(request: HttpRequest) -> HttpResponse:
    """Open alerts, alarms first; `?show=done`: what was seen to in the last thirty days."""
    return _page(request, done=request.GET.get("show") == "done")


def _page(
    request: HttpRequest,
    *,
    done: bool = False,
    form: HandledForm | None = None,
    wrong: int = 0,
    status: int = 200,
) -> HttpResponse:
    waiting = readings.waiting(request.user)
    found = readings.handled(request.user, now=timezone.now()) if done else waiting
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    entries = readings.entries(page.object_list)
    events.charts_read({entry.alert.patient for entry in entries}, by=request.user, what="alerts")
    context: dict[str, Any] = {
        "section": "alerts",
        "page": page,
        "entries": entries,
        "done": done,
        "tabs": [
            {"label": _("Open"), "url": reverse("alerts"), "current": not done, "count": waiting.count()},
            {"label": _("Seen to"), "url": f"{reverse('alerts')}?show=done", "current": done},
        ],
        "form": form or HandledForm(auto_id=False),
        "wrong": wrong,
    }
    return render(request, "scheduling/alerts/page.html", context, status=status)


@require_POST
@selectors.office_only
def alert_handle(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Say what was done about an alert; the list again with what was typed when that cannot be (422, 409)."""
    alert = get_object_or_404(selectors.alerts_for(request.user), pk=alert_id)
    form, status = HandledForm(request.POST), 422
    if form.is_valid():
        try:
            alerts.handle(alert.pk, by=request.user, note=form.cleaned_data["note"])
        except Refused as no:
            status = refuse(form, no)
        else:
            messages.success(request, _("%(name)s: seen to.") % {"name": alert.patient.listed_name})
            return redirect("alerts")
    return _page(request, form=form, wrong=alert.pk, status=status)
