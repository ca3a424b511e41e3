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
    """The box, and below it who fits what was posted. Script asks as one types, for the list alone."""
    form = FindForm(request.POST) if request.method == "POST" else FindForm()
    context: dict[str, object] = {"section": "find", "form": form}
    status = 200
    if request.method == "POST":
        if form.is_valid():
            context |= _found(request, form.cleaned_data["q"])
        else:
            status = 422
    if request.htmx:  # while one types, too little is no error yet
        return render(request, "scheduling/queue/_found.html", context)
    return render(request, "scheduling/queue/find.html", context, status=status)


def _found(request: HttpRequest, asked: str) -> dict[str, object]:
    patients = list(search.find_patients(request.user, asked))
    return {
        "asked": asked,
        "patients": patients,
        "nurses": search.find_nurses(request.user, asked),
        "cut": len(patients) == search.MOST,
    }
