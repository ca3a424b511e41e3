"""A signed-in patient answers: yes to a visit, another time, the health questions with the drug's own."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from scheduling import selectors
from scheduling.models import Visit
from scheduling.rules import states
from scheduling.rules.errors import Refused
from scheduling.services import events, outcomes
from scheduling.views import answer_pages
from scheduling.views.answer_pages import Door


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.patient_only
def confirm(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Yes to the time. Saying it twice is friendly."""
    visit = _seen(request, visit_id)
    if not _open(visit):
        return redirect("my-visit", visit_id=visit.pk)
    door = Door(request, visit.pk, request.user)
    if request.method == "POST":
        try:
            outcomes.confirm_visit(visit_id=visit.pk, by=request.user, via="page", version=visit.version)
        except Refused:
            messages.warning(request, _("This visit has just changed. Look again."))
            return redirect("my-visit", visit_id=visit.pk)
        return redirect("my-confirm", visit_id=visit.pk)
    return answer_pages.visit_page(door, visit)


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.patient_only
def reschedule(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Ask for another time; the visit stays until somebody calls."""
    visit = _seen(request, visit_id)
    if not _open(visit):
        return redirect("my-visit", visit_id=visit.pk)
    return answer_pages.move_page(Door(request, visit.pk, request.user), visit)


@require_http_methods(["GET", "HEAD"])
@selectors.patient_only
def health(request: HttpRequest, visit_id: int) -> HttpResponse:
    """The next question, or what became of the answers."""
    visit = _seen(request, visit_id)
    if not _open(visit):
        return redirect("my-visit", visit_id=visit.pk)
    return answer_pages.health_page(Door(request, visit.pk, request.user), visit)


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.patient_only
def question(request: HttpRequest, visit_id: int, number: int) -> HttpResponse:
    """One question a page."""
    visit = _seen(request, visit_id)
    if not _open(visit):
        return redirect("my-visit", visit_id=visit.pk)
    return answer_pages.question_page(Door(request, visit.pk, request.user), visit, number)


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.patient_only
def check(request: HttpRequest, visit_id: int) -> HttpResponse:
    """The answers before they are sent."""
    visit = _seen(request, visit_id)
    if not _open(visit):
        return redirect("my-visit", visit_id=visit.pk)
    return answer_pages.check_page(Door(request, visit.pk, request.user), visit)


def _seen(request: HttpRequest, visit_id: int) -> Visit:
    """The patient's own visit; the look is in the trail once while a form is filled in."""
    visit = get_object_or_404(selectors.visits_for(request.user), pk=visit_id)
    events.chart_read_once(visit.patient, by=request.user, what="my answers")
    return visit


def _open(visit: Visit) -> bool:
    return visit.state in states.OPEN and visit.starts_at > timezone.now()
