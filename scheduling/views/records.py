"""What happened: a dose given, a record put right, a measurement; and the visits that wait for a decision then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from patients.models import Measurement
from scheduling import clock, selectors
from scheduling.forms.patients import MeasurementForm
from scheduling.forms.records import CorrectForm, RecordForm
from scheduling.models import DoseRecord, PlannedDose
from scheduling.readings import dose_page, effects
from scheduling.readings.chart_words import day_words
from scheduling.services import doses, patients, records
from scheduling.views.before_after import NOT_SAID, ChangeForm, Values, looked

FIELDS = {"dose": ""}
LATER = {"reaction": "none"}  # nobody has said yet; saving asks


def _dose(request: HttpRequest, dose_id: int, what: str) -> PlannedDose:
    dose = get_object_or_404(selectors.doses_for(request.user), pk=dose_id)
    looked(request, dose.prescription.patient, what)
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
    if request.method != "POST" and dose.state == PlannedDose.State.GIVEN:
        return redirect("dose", dose.pk)
    today = clock.today_in(dose.prescription.patient.time_zone)
    initial = {"given_on": _likely_day(dose, today), "amount_mg": _plain(dose)}
    form = RecordForm(request.POST or None, initial=initial)

    def does(values: Values) -> Callable[[], DoseRecord]:
        return partial(records.record_given, dose_id=dose.pk, by=request.user, **values)

    first = _comes_first(dose)
    change = ChangeForm(request, form, dose.prescription.patient_id, does, LATER, FIELDS)
    change.run(None if first else {"given_on": initial["given_on"]})
    if change.applied:
        messages.success(request, _recorded(change.applied.result))
        return change.leave()
    return _record_page(request, dose, change, first=first)


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
    initial = {name: getattr(wrong, name) for name in ("given_on", "reaction", "reaction_type", "note")}
    initial["amount_mg"] = dose_page.plain(wrong.amount_mg) if wrong.amount_mg is not None else ""
    form = CorrectForm(request.POST or None, initial=initial)

    def does(values: Values) -> Callable[[], DoseRecord]:
        return partial(records.correct_record, record_id=wrong.pk, by=request.user, **values)

    later = {**LATER, "why": NOT_SAID}
    change = ChangeForm(request, form, dose.prescription.patient_id, does, later, FIELDS).run()
    if change.applied:
        messages.success(request, _("Record corrected. The calendar follows it."))
        return change.leave()
    return _record_page(request, dose, change, wrong=wrong)


@selectors.office_only
def measurement_new(request: HttpRequest, patient_id: int) -> HttpResponse:
    """Record a weight or a height; amounts that depend on it are worked out again and shown first."""
    patient = get_object_or_404(selectors.patients_for(request.user), pk=patient_id)
    looked(request, patient, "measurement")
    initial = {
        "kind": request.GET.get("kind", "weight_kg"),
        "measured_on": clock.today_in(patient.time_zone),
    }
    form = MeasurementForm(request.POST or None, initial=initial)

    def does(values: Values) -> Callable[[], Measurement]:
        return partial(patients.record_measurement, patient_id=patient.pk, by=request.user, **values)

    fields = {"weight_kg": "value", "height_cm": "value"}
    change = ChangeForm(request, form, patient.pk, does, {}, fields).run()
    if change.applied:
        messages.success(request, _("Measurement recorded."))
        if change.decides:
            return change.leave()
        return redirect(reverse("chart", args=[patient.pk]) + "?tab=records")
    context = {"section": "patients", "patient": patient, **change.context()}
    return render(request, "scheduling/records/measurement.html", context, status=change.status)


@selectors.office_only
def patient_decide(request: HttpRequest, patient_id: int) -> HttpResponse:
    """The patient's booked visits that no longer fit, each with the way to another time."""
    patient = get_object_or_404(selectors.patients_for(request.user), pk=patient_id)
    looked(request, patient, "visits to decide")
    context = {"section": "patients", "patient": patient, "visits": effects.to_decide(patient)}
    return render(request, "scheduling/records/decide.html", context)


def _record_page(
    request: HttpRequest,
    dose: PlannedDose,
    change: ChangeForm,
    *,
    first: PlannedDose | None = None,
    wrong: DoseRecord | None = None,
) -> HttpResponse:
    """The form with what it would change, and what the facts advise after such a reaction."""
    regimen = doses.regimen_of(dose.prescription)
    form = change.form
    context = {
        "section": "patients",
        "patient": dose.prescription.patient,
        "dose": dose,
        "regimen": regimen,
        "first": first,
        "wrong": wrong,
        "advice": dose_page.advice(regimen, _typed(form, "reaction"), _typed(form, "reaction_type")),
        **change.context(),
    }
    return render(request, "scheduling/records/record.html", context, status=change.status)


def _comes_first(dose: PlannedDose) -> PlannedDose | None:
    """The planned dose that has to be recorded before this one."""
    if dose.state != PlannedDose.State.PLANNED:
        return None
    earlier = dose.prescription.doses.filter(state=PlannedDose.State.PLANNED, number__lt=dose.number)
    return earlier.order_by("number").first()


def _typed(form: BaseForm, name: str) -> Any:
    """What the field holds: cleaned when it was sent, else what it starts with."""
    if form.is_bound:
        return getattr(form, "cleaned_data", {}).get(name)
    return form.get_initial_for_field(form.fields[name], name)
