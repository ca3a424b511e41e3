"""Find a patient or nurse. The words are posted, so no name ever stands in an address or a log of addresses."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from scheduling import selectors
from scheduling.forms.booking import FindForm
from scheduling.readings import search


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """The box, and below it who fits what was posted."""
    form = FindForm(request.POST) if request.method == "POST" else FindForm()
    context: dict[str, object] = {"section": "find", "form": form}
    status = 200
    if request.method == "POST":
        if form.is_valid():
            asked = form.cleaned_data["q"]
            patients = list(search.find_patients(request.user, asked))
            context |= {
                "asked": asked,
                "patients": patients,
                "nurses": search.find_nurses(request.user, asked),
                "cut": len(patients) == search.MOST,
            }
        else:
            status = 422
    return render(request, "scheduling/queue/find.html", context, status=status)
