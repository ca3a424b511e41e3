"""An order: written with its calendar beside it; amended, held, cleared, stopped with before and after."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from patients.models import Patient, Prescription
from scheduling import clock, selectors
from scheduling.forms.fields import sentence
from scheduling.forms.prescriptions import AmendForm, ClearHoldForm, HoldForm, Order, StopForm
from scheduling.readings import effects, preview
from scheduling.rules.errors import Refused
from scheduling.services import doses, patients, prescribing, rehearsal
from scheduling.services.prescribing import Wish
from scheduling.views.before_after import NOT_SAID, ChangeForm, Values, looked, previews


@selectors.office_only
def prescription_new(request: HttpRequest, patient_id: int) -> HttpResponse:
    """The form with its preview. `do` says which button was pressed: preview, add-row or save."""
    patient = get_object_or_404(selectors.patients_for(request.user), pk=patient_id)
    looked(request, patient, "prescription")
    do = request.POST.get("do", "save")
    if request.method != "POST":
        chosen = {"regimen_id": request.GET.get("regimen", "")}
        return _order_page(request, patient, Order(patient, chosen, checked=False))
    if do in {"add-row", "regimen"}:
        return _order_page(request, patient, _as_typed(request, patient, do))
    order = Order(patient, request.POST)
    status = 200 if do == "preview" else 422
    if do == "save" and order.is_valid():
        wish = order.wish()
        assert wish is not None
        try:
            prescribing.prescribe(patient_id=patient.pk, wish=wish, by=request.user)
        except Refused as no:
            status = order.refuse(no)
        else:
            messages.success(request, _("Prescription saved. Its doses are on the calendar."))
            return redirect("chart", patient.pk)
    return _order_page(request, patient, order, status=status)


@selectors.office_only
@require_POST
def prescription_preview(request: HttpRequest, patient_id: int) -> HttpResponse:
    """A part of the page: the preview, or the whole form when the regimen changed or a row was added."""
    patient = get_object_or_404(selectors.patients_for(request.user), pk=patient_id)
    looked(request, patient, "prescription")
    do = request.POST.get("do", "")
    if do in {"add-row", "regimen"}:
        order = _as_typed(request, patient, do)
        return render(request, "scheduling/prescriptions/_form.html", _order_context(request, patient, order))
    order = Order(patient, request.POST)
    shown = _preview(request, patient, order, alone=True)
    return render(request, "scheduling/prescriptions/_preview.html", shown)


def _as_typed(request: HttpRequest, patient: Patient, do: str) -> Order:
    """What was typed, unjudged, with one more row when that was asked for."""
    data = request.POST.dict()
    typed = str(data.get("given-count", "0"))
    count = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0
    return Order(patient, data, checked=False, rows=count + 1 if do == "add-row" else 0)


def _order_page(request: HttpRequest, patient: Patient, order: Order, status: int = 200) -> HttpResponse:
    context = {"section": "patients", **_order_context(request, patient, order)}
    return render(request, "scheduling/prescriptions/new.html", context, status=status)


def _order_context(request: HttpRequest, patient: Patient, order: Order) -> dict[str, Any]:
    return {
        "patient": patient,
        "order": order,
        "form": order.form,
        "measured": order.measured,
        **_preview(request, patient, order),
    }


def _preview(request: HttpRequest, patient: Patient, order: Order, *, alone: bool = False) -> dict[str, Any]:
    """The calendar as typed so far, or the one thing that stands in its way."""
    context: dict[str, Any] = {"patient": patient, "alone": alone}
    if not order.form.is_bound:
        order = Order(patient, {name: order.form.initial.get(name, "") for name in order.form.initial})
    context["wrong"] = order.typed_wrong if alone else []
    wish = order.wish()
    if wish is None or order.typed_wrong:
        return context
    today = clock.today_in(patient.time_zone)
    try:
        calendar = prescribing.preview(patient, wish, today=today)
    except Refused as no:
        context["refused"] = sentence(no)
        return context
    assert order.regimen is not None
    context["others"] = _of_other_orders(patient, wish, request.user)
    return {**context, **preview.preview_context(calendar, order.regimen, wish, today)}


def _of_other_orders(patient: Patient, wish: Wish, by: User) -> effects.Shown | None:
    """What a weight or height typed for this order changes in the others: it counts for all of them when saved."""
    measured = {kind: getattr(wish, kind) for kind in ("weight_kg", "height_cm") if getattr(wish, kind)}
    if not measured:
        return None
    today = clock.today_in(patient.time_zone)

    def measure() -> None:
        for kind, value in measured.items():
            patients.record_measurement(
                patient_id=patient.pk, kind=kind, value=value, measured_on=today, by=by
            )

    try:
        found = rehearsal.rehearse(measure, patient_id=patient.pk)
    except Refused:  # said where the value is read, or somebody is changing the patient right now
        return None
    return None if found.nothing else effects.shown(found)


def order_of(request: HttpRequest, prescription_id: int, what: str) -> Prescription:
    """The order if the user may read it; looking leaves its audit row, one while a form is filled in."""
    order = get_object_or_404(selectors.prescriptions_for(request.user), pk=prescription_id)
    looked(request, order.patient, what)
    return order


@selectors.office_only
def prescription_amend(request: HttpRequest, prescription_id: int) -> HttpResponse:
    """Change terms of a running order; the old ones stay in its versions."""
    order = order_of(request, prescription_id, "prescription")
    regimen, version = doses.regimen_of(order), prescribing.version_of(order)
    data = request.POST.copy() if request.method == "POST" else None
    form = AmendForm(data, prescription=order, regimen=regimen, initial={"version": version})

    def does(values: Values) -> Callable[[], Prescription]:
        terms = {"changes": form.changes(), "version": values["version"], "why": values["why"]}
        return partial(prescribing.amend, prescription_id=order.pk, by=request.user, **terms)

    fields = {f"parameters.{name.removeprefix('param_')}": name for name in form.asked}
    change = ChangeForm(request, form, order.patient_id, does, {"why": NOT_SAID}, fields)
    if data is not None and not previews(request) and form.is_valid() and not form.changes():
        messages.info(request, _("Nothing was changed."))
        return redirect("chart", order.patient_id)
    change.run()
    if change.applied:
        messages.success(request, _("Order amended. The calendar follows it."))
        return change.leave()
    if data is not None and change.status == 409:
        data["version"] = str(version)  # the page shows what is new; the next try counts
    return _change_page(request, order, change, "amend")


@selectors.office_only
def prescription_hold(request: HttpRequest, prescription_id: int) -> HttpResponse:
    """No dosing for a while; booked visits inside are flagged, not cancelled."""
    order = order_of(request, prescription_id, "hold")
    initial = {"starts_on": clock.today_in(order.patient.time_zone), "clears_on": None}
    form = HoldForm(request.POST or None, initial=initial)
    does = partial(partial, prescribing.hold, prescription_id=order.pk, by=request.user)
    change = _change(request, form, order, does, {"reason": NOT_SAID}).run(initial)
    if change.applied:
        messages.success(request, _("Dosing is on hold."))
        return change.leave()
    return _change_page(request, order, change, "hold")


@selectors.office_only
def hold_clear(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Enter the day dosing is allowed again."""
    hold = get_object_or_404(selectors.holds_for(request.user), pk=hold_id)
    order = order_of(request, hold.prescription_id, "hold")
    initial = {"clears_on": clock.today_in(order.patient.time_zone)}
    form = ClearHoldForm(request.POST or None, initial=initial)
    does = partial(partial, prescribing.clear_hold, hold_id=hold.pk, by=request.user)
    change = _change(request, form, order, does, {}).run(initial)
    if change.applied:
        messages.success(request, _("Hold cleared. The doses are planned again."))
        return change.leave()
    return _change_page(request, order, change, "clear", hold=hold)


@selectors.office_only
def prescription_stop(request: HttpRequest, prescription_id: int) -> HttpResponse:
    """Stop the drug for good. What it does to doses and booked visits is said first."""
    order = order_of(request, prescription_id, "stop")
    initial = {"stopped_on": clock.today_in(order.patient.time_zone)}
    form = StopForm(request.POST or None, initial=initial)
    does = partial(partial, prescribing.stop, prescription_id=order.pk, by=request.user)
    change = _change(request, form, order, does, {"why": NOT_SAID}).run(initial)
    if change.applied:
        messages.success(request, _("The drug is stopped. Booked visits wait for a decision."))
        return change.leave()
    return _change_page(request, order, change, "stop")


def _change(
    request: HttpRequest,
    form: Form,
    order: Prescription,
    does: Callable[..., Callable[[], Any]],
    later: Values,
) -> ChangeForm:
    """A form whose fields are the arguments of its service."""
    return ChangeForm(request, form, order.patient_id, lambda values: does(**values), later)


def _change_page(
    request: HttpRequest, order: Prescription, change: ChangeForm, kind: str, **more: Any
) -> HttpResponse:
    words = {
        "amend": (_("Amend the order"), _("Save the change"), "primary"),
        "hold": (_("Put on hold"), _("Put on hold"), "primary"),
        "clear": (_("Clear the hold"), _("Clear the hold"), "primary"),
        "stop": (_("Stop the drug"), _("Stop the drug"), "danger"),
    }[kind]
    context = {
        "section": "patients",
        "patient": order.patient,
        "prescription": order,
        "regimen": doses.regimen_of(order),
        "kind": kind,
        "title": words[0],
        "button": words[1],
        "button_kind": words[2],
        **change.context(),
        **more,
    }
    return render(request, "scheduling/prescriptions/change.html", context, status=change.status)
