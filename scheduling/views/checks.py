"""Lab draws and wellness checks that a person asks for, settles, or takes back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from patients.models import Patient
from scheduling import clock, selectors
from scheduling.forms.checks import AskCheckForm, CheckDoneForm, CheckNotNeededForm
from scheduling.models import PlannedCheck
from scheduling.readings import checks as reading
from scheduling.readings import words
from scheduling.rules.errors import Refused
from scheduling.services import checks, events

GET_OR_POST = ["GET", "HEAD", "POST"]


@selectors.office_only
@require_http_methods(GET_OR_POST)
def check_ask(request: HttpRequest, patient_id: int | None = None) -> HttpResponse:
    """Ask for a lab draw or a wellness check; it stands in the queue at once. Without a patient, by MRN (posted)."""
    patient = None
    if patient_id is not None:
        patient = get_object_or_404(selectors.patients_for(request.user), pk=patient_id)
    form = AskCheckForm(request.POST if request.method == "POST" else None, with_mrn=patient is None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and (whose := patient or _by_mrn(request, form)):
            try:
                check = _asked(request, form, whose)
            except Refused as no:
                form.add_error(no.field if no.field in form.fields else None, str(no))
            else:
                said = {
                    "name": whose.listed_name,
                    "what": reading.title_of(check),
                    "day": words.day_words(check.due_on),
                }
                messages.success(request, _("%(what)s for %(name)s, due %(day)s, is in the list.") % said)
                return redirect("queue")
    context = {"section": "queue", "form": form, "patient": patient}
    return render(request, "scheduling/queue/check_ask.html", context, status=status)


@selectors.office_only
@require_http_methods(GET_OR_POST)
def check_settle(request: HttpRequest, check_id: int) -> HttpResponse:
    """What became of it without a visit of ours: done elsewhere on a day, or not needed any more."""
    check = get_object_or_404(selectors.checks_for(request.user), pk=check_id)
    today = clock.today_in(check.patient.time_zone)
    posted = request.POST if request.method == "POST" else None
    not_needed = posted is not None and "why" in posted
    done_form = CheckDoneForm(None if not_needed else posted, initial={"done_on": today})
    why_form = CheckNotNeededForm(posted if not_needed else None)
    form, status = (why_form if not_needed else done_form), 200
    if posted is None:
        events.chart_read(check.patient, by=request.user, what=f"check {check.pk}")
    else:
        status = 422
        if form.is_valid():
            try:
                said = _settled(request, check, form)
            except Refused as no:
                form.add_error(no.field if no.field in form.fields else None, str(no))
                status = no.status if no.status != 400 else 422
            else:
                messages.success(request, said)
                return redirect("queue")
    context = {
        "section": "queue",
        "check": check,
        "title": reading.title_of(check),
        "patient": check.patient,
        "form": form,
        "done_form": done_form,
        "why_form": why_form,
        "owed": check.prescription_id is not None,
        "open": check.state == PlannedCheck.State.PLANNED,
    }
    return render(request, "scheduling/queue/check_settle.html", context, status=status)


def _by_mrn(request: HttpRequest, form: AskCheckForm) -> Patient | None:
    """The patient the MRN names; the form says so when there is none."""
    mrn = form.cleaned_data["mrn"].strip()
    patient: Patient | None = selectors.patients_for(request.user).filter(mrn__iexact=mrn).first()
    if patient is None:
        form.add_error("mrn", _("No patient has this MRN."))
    return patient


def _asked(request: HttpRequest, form: AskCheckForm, patient: Patient) -> PlannedCheck:
    said = {name: form.cleaned_data[name] for name in ("kind", "due_on", "minutes", "reason")}
    return checks.ask_check(patient_id=patient.pk, by=request.user, **said)


def _settled(request: HttpRequest, check: PlannedCheck, form: CheckDoneForm | CheckNotNeededForm) -> str:
    """Do what a valid form says, and say so. Raises what the services raise."""
    name = {"what": reading.title_of(check), "name": check.patient.listed_name}
    if isinstance(form, CheckNotNeededForm):
        checks.cancel_check(check_id=check.pk, by=request.user, why=form.cleaned_data["why"])
        return _("%(what)s for %(name)s is not needed any more.") % name
    checks.record_done(check_id=check.pk, done_on=form.cleaned_data["done_on"], by=request.user)
    return _("%(what)s for %(name)s is done.") % name
