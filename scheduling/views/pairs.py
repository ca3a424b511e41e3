"""A nurse who always or never comes to a patient: said in one step, taken back in one."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from patients.models import Patient
from scheduling import selectors
from scheduling.forms.fields import refuse
from scheduling.forms.pairs import PairForm, TakeBackForm
from scheduling.readings import pairs as reading
from scheduling.rules.errors import Refused
from scheduling.services import events, pairs
from scheduling.views.patients import patient_of


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def pair_new(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Choose the nurse and say why. 409 when something stands for the two already."""
    patient = patient_of(request, patient_id, "nurses")
    nurses = selectors.nurses_for(request.user).filter(active=True)
    form, status = PairForm(request.POST or None, nurses=nurses), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                pairs.pin(patient_id=patient.pk, by=request.user, **form.for_service())
            except Refused as no:
                status = refuse(form, no)
            else:
                messages.success(request, _said(patient))
                return redirect(_people(patient))
    context = {"section": "patients", "patient": patient, "form": form, "pairs": reading.rows(patient)}
    return render(request, "scheduling/patients/pair_new.html", context, status=status)


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def pair_take_back(request: HttpRequest, pair_id: int) -> HttpResponse:
    """It counts no longer and stays in the history. 409 when somebody took it back meanwhile."""
    pair = get_object_or_404(selectors.pairs_for(request.user), pk=pair_id)
    if request.method != "POST":
        if pair.withdrawn_at is not None:
            raise Http404
        events.chart_read(pair.patient, by=request.user, what="nurses")
    form, status = TakeBackForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                pairs.take_back(pair_id=pair.pk, by=request.user, **form.cleaned_data)
            except Refused as no:
                status = refuse(form, no)
            else:
                messages.success(request, _said(pair.patient))
                return redirect(_people(pair.patient))
    row = reading.row_of(pair, pair.patient.time_zone)
    context = {"section": "patients", "patient": pair.patient, "form": form, "row": row}
    return render(request, "scheduling/patients/pair_take_back.html", context, status=status)


def _people(patient: Patient) -> str:
    return reverse("chart", args=[patient.pk]) + "?tab=people"


def _said(patient: Patient) -> str:
    """Kept, and how many booked visits wait for a person because of it."""
    many = reading.against(patient)
    if not many:
        return _("Kept with the chart.")
    said = ngettext(
        "Kept with the chart. %(n)d booked visit needs another nurse.",
        "Kept with the chart. %(n)d booked visits need another nurse.",
        many,
    )
    return said % {"n": many}
