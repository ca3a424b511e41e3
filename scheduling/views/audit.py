"""Who did what and why: the audit trail and the overrides, for the clinical lead and the administrator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from accounts.models import Role, User
from scheduling import clock, selectors
from scheduling.forms.evidence import WithdrawForm
from scheduling.forms.fields import refuse
from scheduling.models import GateOverride
from scheduling.readings import trail
from scheduling.readings.trail import moment, who
from scheduling.rules.errors import Refused
from scheduling.services import events, readiness, starting

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
    """Every gate the clinical lead let pass, and every visit booked against a warning: person and reason."""
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
    context = {
        "section": "audit",
        "page": page,
        "rows": rows,
        "passes": _passes(request.user) if page.number == 1 else [],
        "may_withdraw": selectors.may_override(request.user),
    }
    return render(request, "scheduling/audit/overrides.html", context)


def _passes(user: selectors.Viewer) -> list[dict[str, Any]]:
    """The newest gates let pass, those taken back among them."""
    found = (
        GateOverride.objects.filter(dose__in=selectors.doses_for(user))
        .select_related("by", "dose__prescription__patient")
        .order_by("-pk")[:PAGE]
    )
    return [
        {
            "override": one,
            "patient": one.dose.prescription.patient,
            "when": moment(one.at, one.dose.prescription.patient.time_zone),
            "who": who(one.by),
            "gate": readiness.title_of(one.gate),
        }
        for one in found
    ]


@selectors.only(Role.LEAD)
def override_withdraw(request: HttpRequest, override_id: int) -> HttpResponse:
    """Take a permission back, with a reason; it stays in the list, marked."""
    override = get_object_or_404(
        GateOverride.objects.select_related("dose__prescription__patient"), pk=override_id
    )
    patient = override.dose.prescription.patient
    if override.withdrawn_at is not None and request.method != "POST":
        raise Http404
    if request.method in {"GET", "HEAD"}:
        events.chart_read(patient, by=request.user, what="override")
    form, status = WithdrawForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                starting.withdraw_override(override_id=override.pk, by=request.user, **form.cleaned_data)
            except Refused as no:
                status = refuse(form, no)
            else:
                messages.success(request, _("The permission is taken back."))
                return redirect("overrides")
    context = {
        "section": "audit",
        "patient": patient,
        "override": override,
        "gate": readiness.title_of(override.gate),
        "form": form,
    }
    return render(request, "scheduling/audit/withdraw.html", context, status=status)
