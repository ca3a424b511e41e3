"""Who did what and why: the audit trail and the overrides, for the clinical lead and the administrator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.models import Role, User
from scheduling import clock, selectors
from scheduling.readings import trail
from scheduling.readings.trail import moment, who

PAGE = 50
lead_only = selectors.only(Role.LEAD, Role.ADMIN)


@lead_only
def audit(request: HttpRequest) -> HttpResponse:
    """The trail, latest first; narrowed by what was done, by whom and since when."""
    found = selectors.events_for(request.user)
    action, actor, since = (request.GET.get(name, "") for name in ("action", "actor", "since"))
    if action in trail.ACTIONS:
        found = found.filter(action=action)
    if actor.isascii() and actor.isdigit() and len(actor) < 10:
        found = found.filter(actor_id=int(actor))
    days = {"1": 1, "7": 7, "30": 30}.get(since)
    if days:
        first = clock.today_in(settings.AGENCY_TIME_ZONE) - timedelta(days=days - 1)
        found = found.filter(at__gte=clock.day_bounds(first, settings.AGENCY_TIME_ZONE)[0])
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "audit",
        "page": page,
        "happenings": trail.happenings(page.object_list, settings.AGENCY_TIME_ZONE),
        "actions": sorted(
            ((name, str(words)) for name, words in trail.ACTIONS.items()), key=lambda one: one[1]
        ),
        "actors": _actors(),
        "chosen": {"action": action, "actor": actor, "since": since},
        "spans": [("", _("Any time")), ("1", _("Today")), ("7", _("7 days")), ("30", _("30 days"))],
        "with_patient": True,
    }
    return render(request, "scheduling/audit/audit.html", context)


def _actors() -> list[tuple[str, str]]:
    staff = User.objects.exclude(role=Role.PATIENT).order_by("last_name", "first_name", "username")
    return [(str(user.pk), who(user)) for user in staff]


@lead_only
def overrides(request: HttpRequest) -> HttpResponse:
    """Every visit booked against a warning, with the person and the reason."""
    found = (
        selectors.visits_for(request.user)
        .exclude(override_reason="")
        .select_related("override_by")
        .order_by("-pk")
    )
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    rows: list[dict[str, Any]] = [
        {
            "visit": visit,
            "when": moment(visit.starts_at, visit.time_zone),
            "who": who(visit.override_by),
            "codes": [code.replace("_", " ").capitalize() for code in visit.override_codes],
        }
        for visit in page.object_list
    ]
    context = {"section": "audit", "page": page, "rows": rows}
    return render(request, "scheduling/audit/overrides.html", context)
