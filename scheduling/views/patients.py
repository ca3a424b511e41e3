"""Patients: the list, a new one, the chart with its tabs, a measurement."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from patients.models import Patient
from scheduling import clock, selectors
from scheduling.forms.fields import refuse
from scheduling.forms.patients import PatientEditForm, PatientForm
from scheduling.readings import chart, patient_list, tabs
from scheduling.rules.errors import Refused
from scheduling.services import duplicates, events, patient_changes

PAGE = 25


@selectors.office_only
def patients_page(request: HttpRequest) -> HttpResponse:
    """Every patient of the agency; filters and order in the query string, never a name."""
    drug, status, sort = (request.GET.get(name, "") for name in ("drug", "status", "sort"))
    found = patient_list.patient_list(
        selectors.patients_for(request.user), drug=drug, status=status, sort=sort or "name"
    )
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "patients",
        "page": page,
        "rows": patient_list.rows(page.object_list),
        "headers": _headers(request, sort or "name"),
        "statuses": _filters(
            request,
            "status",
            _("Any status"),
            status,
            [(k, str(w)) for k, (_s, w) in patient_list.STANDING.items()],
        ),
        "drugs": _filters(request, "drug", _("Any drug"), drug, list(patient_list.drugs().items())),
        "filtered": bool(drug or status),
    }
    return render(request, "scheduling/patients/list.html", context)


def _filters(
    request: HttpRequest, name: str, any_word: str, chosen: str, options: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Links that narrow the list by one thing and keep the rest of the query string."""
    found = []
    for value, label in [("", any_word), *options]:
        query = request.GET.copy()
        query.pop("page", None)
        query.pop(name, None)
        if value:
            query[name] = value
        found.append({"label": label, "url": f"?{query.urlencode()}", "current": value == chosen})
    return found


def _headers(request: HttpRequest, sort: str) -> list[dict[str, Any]]:
    columns = [("name", _("Patient")), ("", _("Drug")), ("due", _("Next due")), ("status", _("Status"))]
    found: list[dict[str, Any]] = []
    for key, label in columns:
        query = request.GET.copy()
        query.pop("page", None)
        query["sort"] = f"-{key}" if sort == key else key
        direction = {key: "ascending", f"-{key}": "descending"}.get(sort, "") if key else ""
        found.append({"label": label, "url": f"?{query.urlencode()}" if key else "", "direction": direction})
    return found


@selectors.office_only
def patient_new(request: HttpRequest) -> HttpResponse:
    """Add a patient. Somebody who may be on file already is shown, and adding all the same asks for a reason."""
    form, status = PatientForm(request.POST or None), 200
    alike: list[duplicates.Alike] = []
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                patient = duplicates.add_patient(by=request.user, **form.for_service())
            except Refused as no:
                alike = duplicates.likely_duplicates(**form.who())
                form.fields["different"].required = bool(alike)  # no longer "optional" on the page
                if no.code == "LIKELY_DUPLICATE":  # the page shows who: the sentence need not
                    form.add_error("different", _("Open who it is, or say why this is another person."))
                else:
                    status = refuse(form, no)
                events.charts_read([one.patient for one in alike], by=request.user, what="duplicates")
            else:
                messages.success(request, _("Patient added. Next: the prescription."))
                return redirect("chart", patient.pk)
    context = {"section": "patients", "form": form, "alike": patient_list.alike_rows(alike)}
    return render(request, "scheduling/patients/new.html", context, status=status)


@selectors.office_only
def patient_edit(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Change what is on file about a patient. 409 when somebody else was first: nothing typed is lost."""
    patient = patient_of(request, patient_id, "details")
    terms, saw = patient_changes.terms_of(patient), patient_changes.seen(patient)
    form = PatientEditForm(request.POST or None, instance=copy(patient), initial={**terms, "saw": saw})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                patient_changes.update_patient(
                    patient_id=patient.pk,
                    wish=form.for_service(),
                    by=request.user,
                    saw=form.cleaned_data["saw"],
                )
            except Refused as no:
                status = refuse(form, no)
                form.data = {**form.data.dict(), "saw": saw}  # a second look was had; the next try counts
            else:
                messages.success(request, _("Saved. Visits that no longer fit wait for a decision."))
                return redirect("chart", patient.pk)
    context = {"section": "patients", "patient": patient, "form": form}
    return render(request, "scheduling/patients/edit.html", context, status=status)


@selectors.office_only
def chart_page(request: HttpRequest, patient_id: int) -> HttpResponse:
    """The chart. `?tab=` chooses what is below the heading; every look at it is in the audit trail."""
    patient = patient_of(request, patient_id, "chart")
    tab = request.GET.get("tab", "")
    tab = tab if tab in tabs.NAMES else "calendar"
    today = clock.today_in(patient.time_zone)
    context = {
        "section": "patients",
        "patient": patient,
        "today": today,
        "facts": tabs.facts(patient, today),
        "tab": tab,
        "tabs": [
            {
                "label": label,
                "url": reverse("chart", args=[patient.pk]) + ("" if name == "calendar" else f"?tab={name}"),
                "current": name == tab,
            }
            for name, label in tabs.NAMES.items()
        ],
        **_tab(request, tab, patient),
    }
    return render(request, "scheduling/patients/chart.html", context)


def _tab(request: HttpRequest, tab: str, patient: Patient) -> dict[str, Any]:
    if tab == "calendar":
        cards = chart.chart_cards(patient, clock.today_in(patient.time_zone))
        return {"cards": cards, "main": next((card for card in cards if card.open), None)}
    if tab == "history":
        reads = request.GET.get("reads") == "1"
        found = tabs.trail(patient, reads=reads)
        page = Paginator(found, PAGE).get_page(request.GET.get("page"))
        return {
            "page": page,
            "reads": reads,
            "happenings": tabs.happenings(page.object_list, patient.time_zone),
        }
    return tabs.READERS[tab](patient)


def patient_of(request: HttpRequest, patient_id: int, what: str) -> Patient:
    """The patient if the user may read them (else not found); looking (not posting) leaves its audit row."""
    patient = get_object_or_404(selectors.patients_for(request.user), pk=patient_id)
    if request.method in {"GET", "HEAD"}:
        events.chart_read(patient, by=request.user, what=what)
    return patient
