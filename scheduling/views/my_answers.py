"""A signed-in patient answers: yes to a visit, another time, the health questions with the drug's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

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


def of_an_open_visit(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page about a visit of the patient's own that is still to come; one that is over leads to what became of it.

    The look is in the trail once while a form is filled in.
    """

    @wraps(page)
    def opened(request: HttpRequest, visit_id: int, **rest: int) -> HttpResponse:
        visit = get_object_or_404(selectors.visits_for(request.user), pk=visit_id)
        events.chart_read_once(visit.patient, by=request.user, what="my answers")
        if visit.state not in states.OPEN or visit.starts_at <= timezone.now():
            return redirect("my-visit", visit_id=visit.pk)
        return page(request, visit, Door(request, visit.pk, request.user), **rest)

    return opened


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.patient_only
@of_an_open_visit
def confirm(request: HttpRequest, visit: Visit, door: Door) -> HttpResponse:
    """Yes to the time. Saying it twice is friendly."""
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
@of_an_open_visit
def reschedule(request: HttpRequest, visit: Visit, door: Door) -> HttpResponse:
    """Ask for another time; the visit stays until somebody calls."""
    return answer_pages.move_page(door, visit)


@require_http_methods(["GET", "HEAD"])
@selectors.patient_only
@of_an_open_visit
def health(request: HttpRequest, visit: Visit, door: Door) -> HttpResponse:
    """The next question, or what became of the answers."""
    return answer_pages.health_page(door, visit)


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.patient_only
@of_an_open_visit
def question(request: HttpRequest, visit: Visit, door: Door, number: int) -> HttpResponse:
    """One question a page."""
    return answer_pages.question_page(door, visit, number)


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.patient_only
@of_an_open_visit
def check(request: HttpRequest, visit: Visit, door: Door) -> HttpResponse:
    """The answers before they are sent."""
    return answer_pages.check_page(door, visit)
