"""One way to reach a patient: the number or address, whether it may be used, and how they said so."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from patients.models import Contact
from scheduling import selectors
from scheduling.forms.fields import refuse
from scheduling.forms.notices import ReachForm
from scheduling.readings import people
from scheduling.rules.errors import Refused
from scheduling.services import ways
from scheduling.views.patients import patient_of


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def reach(request: HttpRequest, patient_id: int, channel: str) -> HttpResponse:
    """Record what a patient said about one channel. 409 when somebody changed it after the page was opened."""
    if channel not in Contact.Channel.values:
        raise Http404
    patient = patient_of(request, patient_id, f"ways, {channel}")
    way = people.way_of(patient, channel)
    form = ReachForm(
        request.POST or None, channel=channel, initial={"value": way.shown, "choice": way.choice}
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                ways.record(
                    patient_id=patient.pk,
                    channel=channel,
                    value=form.cleaned_data["value"],
                    agreed=form.cleaned_data["choice"] == "yes",
                    source=form.cleaned_data["source"],
                    by=request.user,
                    saw=request.POST.get("saw", ""),
                )
            except Refused as no:
                status = refuse(form, no)
                way = people.way_of(patient, channel)
            else:
                messages.success(request, _("Kept with the chart."))
                return redirect(reverse("chart", args=[patient.pk]) + "?tab=people")
    context = {"section": "patients", "patient": patient, "way": way, "form": form}
    return render(request, "scheduling/patients/reach.html", context, status=status)
