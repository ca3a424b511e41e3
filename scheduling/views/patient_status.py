"""A patient who is in hospital, transferred or has died, or is home again: one step."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from patients.models import Patient
from scheduling import clock, selectors
from scheduling.forms.fields import refuse
from scheduling.forms.patient_status import StatusForm
from scheduling.readings import patient_status as reading
from scheduling.rules.errors import Refused
from scheduling.services import patient_changes
from scheduling.views.patients import patient_of


@selectors.office_only
def status_page(request: HttpRequest, patient_id: int) -> HttpResponse:
    """The form beside what it will do. 409 when somebody changed the status meanwhile."""
    patient = patient_of(request, patient_id, "status")
    today = clock.today_in(patient.time_zone)
    initial = {"status": patient.status, "since_on": today, "saw": patient.status}
    form, status = StatusForm(request.POST or None, initial=initial, was=patient.status), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                changed = patient_changes.set_status(
                    patient_id=patient.pk, by=request.user, **form.for_service()
                )
            except Refused as no:
                status = refuse(form, no)
                form.data = {**form.data.dict(), "saw": patient.status}  # a second look was had
            else:
                messages.success(request, _said(changed))
                return redirect("chart", patient.pk)
    found = reading.waiting(patient)
    told = reading.standing(patient)
    context = {
        "section": "patients",
        "patient": patient,
        "form": form,
        "away": patient.status != Patient.Status.ACTIVE,
        "standing": told,
        "since": reading.since_words(told),
        "visits": found.visits,
        "stops": reading.stops(found),
        "starts": reading.starts(found),
    }
    return render(request, "scheduling/patients/status.html", context, status=status)


def _said(patient: Patient) -> str:
    if patient.status == Patient.Status.ACTIVE:
        return _("Saved. The calendar is worked out as of today.")
    return _("Saved. Messages and planning are stopped; booked visits wait for a decision.")
