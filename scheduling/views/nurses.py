"""Nurses: who works here, what they may do and until when, what they have to do next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from scheduling import selectors
from scheduling.readings import nurses, papers_due


@selectors.office_only
def nurse_list(request: HttpRequest) -> HttpResponse:
    """Every nurse, with papers that run out and the load of the next seven days."""
    papers = papers_due.due(request.user)
    context = {
        "section": "nurses",
        "lines": nurses.lines(request.user),
        "papers": papers,
        "summary": papers_due.summary(papers),
    }
    return render(request, "scheduling/nurses/list.html", context)


@selectors.office_only
def nurse_page(request: HttpRequest, nurse_id: int) -> HttpResponse:
    """One nurse."""
    known = selectors.nurses_for(request.user).prefetch_related(
        "licences", "competencies", "shifts", "time_off"
    )
    nurse = get_object_or_404(known, pk=nurse_id)
    context = {"section": "nurses", "nurse": nurse, **nurses.file_of(request.user, nurse, now=timezone.now())}
    return render(request, "scheduling/nurses/page.html", context)
