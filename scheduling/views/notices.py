"""Messages to patients: what is due, sent, failed or was not sent, and why."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from scheduling import selectors
from scheduling.readings.visits import NOTICE_STATUS
from scheduling.services import notices

PAGE = 50
SHOWN = {
    "": (_("All"), tuple(NOTICE_STATUS)),
    "due": (_("Due"), ("planned", "claimed")),
    "sent": (_("Sent"), ("sent", "delivered")),
    "failed": (_("Failed or unknown"), ("failed", "unknown")),
    "not-sent": (_("Not sent"), ("suppressed", "expired")),
}


@selectors.office_only
def outbox(request: HttpRequest) -> HttpResponse:
    """The list, newest first, narrowed by ?show=; each message can be read as it goes out."""
    show = request.GET.get("show", "")
    show = show if show in SHOWN else ""
    owed = selectors.notices_for(request.user).select_related("visit__nurse")
    counted = dict(owed.order_by().values_list("state").annotate(n=Count("pk")))
    page = Paginator(owed.filter(state__in=SHOWN[show][1]), PAGE).get_page(request.GET.get("page"))
    for notice in page.object_list:
        notice.status, notice.word = NOTICE_STATUS[notice.state], notice.get_state_display()
        notice.subject, notice.body = notices.preview(notice)
    filters = [
        {
            "label": label,
            "url": f"{reverse('notices')}?show={name}" if name else reverse("notices"),
            "current": name == show,
            "count": sum(counted.get(state, 0) for state in kept),
        }
        for name, (label, kept) in SHOWN.items()
    ]
    context = {"section": "notices", "page": page, "filters": filters, "narrowed": bool(show)}
    return render(request, "scheduling/notices/page.html", context)
