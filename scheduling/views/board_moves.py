"""Moving a visit on the board itself: where it may go, putting it there, and taking that back.

For the board's script, in JSON. Without script, and for who prefers a form, the same address is a page.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from scheduling import selectors
from scheduling.forms.board import DropForm
from scheduling.models import Visit
from scheduling.readings import targets, words
from scheduling.rules import states
from scheduling.rules.errors import BadInput, Refused
from scheduling.services import booking, events, outcomes, travel
from scheduling.views import board, visits

JSON = "application/json"


@selectors.office_only
@require_GET
def visit_targets(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Every nurse and start of the board of ?view= and ?date=, judged. 409 for a visit that cannot move any more."""
    visit = get_object_or_404(_visits(request), pk=visit_id)
    if visit.state not in states.OPEN:
        return JsonResponse({"detail": _why_closed(visit)}, status=409)
    _today, _chosen, days = board.asked(request)
    travel.warm_search(visit.patient, days[0], days[-1])
    found = targets.find(request.user, visit, days, by_day=len(days) == 1, now=timezone.now())
    events.chart_read(visit.patient, by=request.user, what=f"moving of visit {visit.pk}")
    return JsonResponse(targets.shown(found))


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, visit_id: int) -> HttpResponse:
    """The page of `visits.move`; who posts and accepts nothing but JSON is answered in JSON."""
    if request.method != "POST" or request.headers.get("Accept") != JSON:
        return visits.move(request, visit_id)
    visit = get_object_or_404(_visits(request), pk=visit_id)
    if visit.state not in states.OPEN:
        return JsonResponse({"detail": _why_closed(visit)}, status=409)
    form = DropForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"detail": _first_error(form)}, status=422)
    wish = {**form.cleaned_data, "nurse_id": form.cleaned_data["nurse"]}
    del wish["nurse"]
    travel.warm_visit(visit.patient.place, [wish["nurse_id"]], wish["starts_at"])
    try:
        moved = booking.move_visit(visit_id=visit.pk, by=request.user, **wish)
    except Refused as no:
        return _refusal(no, visit)
    said = _("Moved to %(when)s with %(nurse)s.") % _where(moved)
    undo = reverse("board-undo", args=[moved.pk])
    return JsonResponse({"said": said, "visit": moved.pk, "version": moved.version, "undo": undo})


@selectors.office_only
@require_POST
def undo(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Put a visit back where it was before the move a moment ago."""
    visit = get_object_or_404(_visits(request), pk=visit_id)
    version = request.POST.get("version", "")
    try:
        if not (version.isdecimal() and len(version) < 10):
            raise BadInput(_("Say which state of the visit you saw."), field="version")
        back = outcomes.undo(visit_id=visit.pk, by=request.user, version=int(version))
    except Refused as no:
        return _refusal(no, visit)
    said = _("Undone. The visit is at %(when)s with %(nurse)s again.") % _where(back)
    return JsonResponse({"said": said, "visit": back.pk})


def _visits(request: HttpRequest) -> Any:
    return selectors.visits_for(request.user).select_related(
        "patient", "nurse", "dose__prescription__patient", "planned_check"
    )


def _where(visit: Visit) -> dict[str, str]:
    return {"when": words.at_words(visit.starts_at, visit.time_zone), "nurse": visit.nurse.listed_name}


def _refusal(no: Refused, visit: Visit) -> JsonResponse:
    """The refusal in words; when somebody else changed the visit meanwhile, who did what and when."""
    status = 422 if no.status == 400 else no.status
    now = Visit.objects.select_related("nurse", "booked_by").get(pk=visit.pk)
    detail = _why_closed(now) if no.status == 409 and now.state not in states.OPEN else str(no)
    return JsonResponse({"detail": detail, "code": no.code, "field": no.field}, status=status)


def _why_closed(visit: Visit) -> str:
    """`Ben moved this to Tue, 9:00 am with Ana, 1 minute ago.`, or the state it is in."""
    after = visit.moved_to.select_related("nurse", "booked_by").order_by("-pk").first()
    if after is None:
        state = visit.get_state_display().lower()
        return _("This visit is %(state)s; it can no longer change.") % {"state": state}
    by = after.booked_by
    return _("%(who)s moved this visit to %(when)s with %(nurse)s, %(ago)s ago.") % {
        "who": (by.get_full_name() or by.get_username()) if by else _("Somebody"),
        "ago": timesince(after.created_at, timezone.now(), depth=1),
        **_where(after),
    }


def _first_error(form: DropForm) -> str:
    return str(next(iter(form.errors.values()))[0])
