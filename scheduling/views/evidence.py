"""Papers: put on file in one step, taken back with a reason."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from patients.models import Patient, Prescription
from scheduling import selectors
from scheduling.forms.evidence import EvidenceForm, WithdrawForm, kinds_for
from scheduling.forms.fields import refuse
from scheduling.readings.tabs import papers as papers_of
from scheduling.rules.errors import Refused
from scheduling.services import doses, events, patients
from scheduling.services.gate import kind_from_address
from scheduling.services.readiness import title_of
from scheduling.views.patients import patient_of

OPEN = (Prescription.Status.DRAFT, Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)


@selectors.office_only
def evidence_new(request: HttpRequest, patient_id: int) -> HttpResponse:
    """One step: kind and order come with the link, the result is typed, the chart shows what it opens."""
    patient = patient_of(request, patient_id, "evidence")
    initial = {
        "kind": kind_from_address(request.GET.get("kind", "")),
        "prescription": request.GET.get("prescription", ""),
    }
    form = _form(patient, request, initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                patients.record_evidence(patient_id=patient.pk, by=request.user, **form.for_service())
            except Refused as no:
                status = refuse(form, no)
            else:
                messages.success(
                    request, _("%(what)s is on file.") % {"what": title_of(form.cleaned_data["kind"])}
                )
                return redirect("chart", patient.pk)
    context = {"section": "patients", "patient": patient, "form": form, "title": _("Record a result")}
    return render(request, "scheduling/evidence/new.html", context, status=status)


def _form(patient: Patient, request: HttpRequest, initial: dict[str, str]) -> EvidenceForm:
    orders = [(order, doses.regimen_of(order)) for order in patient.prescriptions.filter(status__in=OPEN)]
    kinds = kinds_for(regimen for _order, regimen in orders)
    if initial["kind"] and initial["kind"] not in kinds:
        initial["kind"] = ""
    return EvidenceForm(
        request.POST or None,
        initial=initial,
        kinds=kinds,
        orders=[(order, regimen.display_name) for order, regimen in orders],
    )


@selectors.office_only
def evidence_withdraw(request: HttpRequest, evidence_id: int) -> HttpResponse:
    """Take back a paper recorded by mistake; it stays in the list, marked."""
    paper = get_object_or_404(selectors.evidence_for(request.user), pk=evidence_id)
    if paper.withdrawn_at is not None and request.method != "POST":
        raise Http404
    if request.method in {"GET", "HEAD"}:
        events.chart_read(paper.patient, by=request.user, what="evidence")
    form, status = WithdrawForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                patients.withdraw_evidence(evidence_id=paper.pk, by=request.user, **form.cleaned_data)
            except Refused as no:
                status = refuse(form, no)
            else:
                messages.success(request, _("The paper is withdrawn."))
                return redirect(reverse("chart", args=[paper.patient_id]) + "?tab=papers")
    context = {
        "section": "patients",
        "patient": paper.patient,
        "form": form,
        "row": next((row for row in papers_of(paper.patient)["papers"] if row["paper"].pk == paper.pk), None),
    }
    return render(request, "scheduling/evidence/withdraw.html", context, status=status)
