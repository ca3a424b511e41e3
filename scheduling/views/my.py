"""The patient's pages: the next infusion, one visit, the whole therapy."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from scheduling import selectors
from scheduling.readings import answers
from scheduling.readings import my as readings
from scheduling.services import events


@require_safe
@selectors.patient_only
def home(request: HttpRequest) -> HttpResponse:
    """The next infusion first; one sentence when the sign-in belongs to nobody yet."""
    patient = selectors.patients_for(request.user).first()
    if patient is None:
        return render(request, "scheduling/my/nobody.html")
    events.chart_read(patient, by=request.user, what="my next infusion")
    found = readings.home_of(request.user, patient)
    said = answers.while_open(found.next.visit) if found.next else None
    return render(request, "scheduling/my/home.html", {"home": found, "answers": said})


@require_safe
@selectors.patient_only
def visit(request: HttpRequest, visit_id: int) -> HttpResponse:
    """One of the patient's own visits; what was moved leads to its new time."""
    found = get_object_or_404(selectors.visits_for(request.user).select_related("site"), pk=visit_id)
    events.chart_read(found.patient, by=request.user, what="my visit")
    moved_to = found.moved_to.order_by("-pk").first() if found.state == "moved" else None
    context = {"my": readings.visit_of(found), "moved_to": moved_to, "answers": answers.while_open(found)}
    return render(request, "scheduling/my/visit.html", context)


@require_safe
@selectors.patient_only
def therapy(request: HttpRequest) -> HttpResponse:
    """Everything given, booked and planned, by medicine."""
    patient = get_object_or_404(selectors.patients_for(request.user))
    events.chart_read(patient, by=request.user, what="my therapy")
    return render(
        request, "scheduling/my/therapy.html", {"therapies": readings.therapies_of(request.user, patient)}
    )
