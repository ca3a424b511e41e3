"""One dose: why it is as it is, that it was given, and putting a record right."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from scheduling import clock, selectors
from scheduling.forms.fields import refuse
from scheduling.forms.records import CorrectForm, RecordForm
from scheduling.models import DoseRecord, PlannedDose
from scheduling.readings import dose_page, preview
from scheduling.readings.chart_words import day_words
from scheduling.rules.errors import Refused
from scheduling.services import doses, events, records

FIELDS = {"dose": ""}


def _dose(request: HttpRequest, dose_id: int, what: str) -> PlannedDose:
    dose = get_object_or_404(selectors.doses_for(request.user), pk=dose_id)
    if request.method in {"GET", "HEAD"}:
        events.chart_read(dose.prescription.patient, by=request.user, what=what)
    return dose


@selectors.office_only
def dose_why(request: HttpRequest, dose_id: int) -> HttpResponse:
    """Everything behind one dose: rules with their numbers and sources, history, overrides."""
    dose = _dose(request, dose_id, "dose")
    patient = dose.prescription.patient
    context = {
        "section": "patients",
        "patient": patient,
        **dose_page.explained(dose, clock.today_in(patient.time_zone)),
    }
    return render(request, "scheduling/records/dose.html", context)


@selectors.office_only
def dose_record(request: HttpRequest, dose_id: int) -> HttpResponse:
    """Record a dose as given. The effect on the doses to come is shown before it is saved."""
    dose = _dose(request, dose_id, "record")
    patient = dose.prescription.patient
    today = clock.today_in(patient.time_zone)
    initial = {"given_on": _likely_day(dose, today), "amount_mg": _plain(dose)}
    form, status = RecordForm(request.POST or None, initial=initial), 200
    if request.method == "POST":
        status = 422
        if request.POST.get("do") == "preview":
            form.is_valid()
            status = 200
        elif form.is_valid():
            try:
                record = records.record_given(dose_id=dose.pk, by=request.user, **form.cleaned_data)
            except Refused as no:
                status = refuse(form, no, FIELDS)
            else:
                messages.success(request, _recorded(record))
                return redirect("chart", patient.pk)
    elif dose.state == PlannedDose.State.GIVEN:
        return redirect("dose", dose.pk)
    return _record_page(request, dose, form, status, today)


def _likely_day(dose: PlannedDose, today: date) -> date:
    """Its booked day when that has come, else today."""
    visit = dose.visits.filter(
        state__in=["booked", "confirmed", "arrived", "in_progress", "completed"]
    ).first()
    return min(today, visit.local_start.date()) if visit else today


def _plain(dose: PlannedDose) -> str:
    return dose_page.plain(dose.amount_mg) if dose.amount_mg is not None else ""


def _recorded(record: DoseRecord) -> str:
    """What was saved and what comes next, in one breath."""
    order = record.dose.prescription
    following = order.doses.filter(state=PlannedDose.State.PLANNED).order_by("number").first()
    said = {"n": record.dose.number, "day": day_words(record.given_on)}
    saved = _("Dose %(n)s recorded for %(day)s.") % said
    if following is None:
        return saved + " " + _("No further dose is planned.")
    return (
        saved
        + " "
        + _("Dose %(n)s is due %(day)s.") % {"n": following.number, "day": day_words(following.due_on)}
    )


@selectors.office_only
def record_correct(request: HttpRequest, record_id: int) -> HttpResponse:
    """A new record that names the wrong one; both stay."""
    wrong = get_object_or_404(selectors.records_for(request.user), pk=record_id)
    dose = _dose(request, wrong.dose_id, "record")
    today = clock.today_in(dose.prescription.patient.time_zone)
    initial = {name: getattr(wrong, name) for name in ("given_on", "reaction", "reaction_type", "note")}
    initial["amount_mg"] = dose_page.plain(wrong.amount_mg) if wrong.amount_mg is not None else ""
    form, status = CorrectForm(request.POST or None, initial=initial), 200
    if request.method == "POST":
        status = 422
        if request.POST.get("do") == "preview":
            form.is_valid()
            status = 200
        elif form.is_valid():
            try:
                records.correct_record(record_id=wrong.pk, by=request.user, **form.cleaned_data)
            except Refused as no:
                status = refuse(form, no)
            else:
                messages.success(request, _("Record corrected. The calendar follows it."))
                return redirect("chart", dose.prescription.patient_id)
    return _record_page(request, dose, form, status, today, wrong=wrong)


def _record_page(
    request: HttpRequest, dose: PlannedDose, form: RecordForm, status: int, today: date, **more: Any
) -> HttpResponse:
    """The form with what it would change. A preview judges nothing: what is missing is not wrong yet."""
    regimen = doses.regimen_of(dose.prescription)
    first = _comes_first(dose)
    effect, refused = (None, "") if first else _effect(dose, form, today)
    previewed = request.POST.get("do") == "preview"
    context = {
        "section": "patients",
        "patient": dose.prescription.patient,
        "dose": dose,
        "regimen": regimen,
        "form": form,
        "effect": effect,
        "refused": refused,
        "first": first,
        "advice": dose_page.advice(regimen, _typed(form, "reaction"), _typed(form, "reaction_type")),
        "previewed": previewed,
        **more,
    }
    return render(request, "scheduling/records/record.html", context, status=status)


def _comes_first(dose: PlannedDose) -> PlannedDose | None:
    """The planned dose that has to be recorded before this one."""
    if dose.state != PlannedDose.State.PLANNED:
        return None
    earlier = dose.prescription.doses.filter(state=PlannedDose.State.PLANNED, number__lt=dose.number)
    return earlier.order_by("number").first()


def _typed(form: RecordForm, name: str) -> Any:
    """What the field holds: cleaned when it was sent, else what it starts with."""
    if form.is_bound:
        return getattr(form, "cleaned_data", {}).get(name)
    return form.get_initial_for_field(form.fields[name], name)


def _effect(dose: PlannedDose, form: RecordForm, today: date) -> tuple[preview.Effect | None, str]:
    given_on = _typed(form, "given_on")
    if given_on is None or given_on > today:
        return None, ""
    order = dose.prescription
    kind = _typed(form, "reaction_type") or ""
    try:
        case = preview.with_record(
            doses.case_of(order), dose.number, given_on, _typed(form, "reaction") or "none", kind
        )
        return preview.effect(order, case, today, without=dose.number), ""
    except Refused as no:
        return None, str(no)
