"""The nurse's pages: the day in order, one visit at the door, and what was given."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nurses.models import Nurse
from patients.models import Prescription
from scheduling import clock, selectors
from scheduling.forms.fields import refuse
from scheduling.forms.nurse import RecordForm, StartForm
from scheduling.models import Visit
from scheduling.readings import day as readings
from scheduling.readings import door
from scheduling.rules.errors import Refused
from scheduling.services import events, outcomes, records, routes, starting


@require_safe
@selectors.nurse_only
def today(request: HttpRequest) -> HttpResponse:
    """Today's stops in the nurse's zone."""
    nurse = selectors.nurses_for(request.user).first()
    if nurse is None:
        return render(request, "scheduling/nurse/no_nurse.html")
    return _day_page(request, nurse, clock.today_in(nurse.time_zone))


@require_safe
@selectors.nurse_only
def day(request: HttpRequest, on: date) -> HttpResponse:
    """One day's stops; not found beyond the days a nurse may see."""
    return _day_page(request, _in_sight(request, on), on)


@require_safe
@selectors.nurse_only
def day_list(request: HttpRequest, on: date) -> HttpResponse:
    """The part of the page that renews itself: 204 while it would read the same as `known` says."""
    context = _context(request, _in_sight(request, on), on)
    if request.GET.get("known") == context["signature"]:
        return HttpResponse(status=204)
    _read(request, context["day"])
    return render(request, "scheduling/nurse/_day_part.html", context)


@require_POST
@selectors.nurse_only
def seen(request: HttpRequest, on: date) -> HttpResponse:
    """The nurse has read the version the page showed: back to the day (302), also when a newer one has come."""
    _in_sight(request, on)
    said = request.POST.get("version", "")
    version = int(said) if said.isascii() and said.isdecimal() and len(said) < 7 else 0
    try:
        routes.seen(on=on, version=version, by=request.user)
    except Refused as no:
        messages.warning(request, str(no))
    else:
        messages.success(request, _("The office sees that you know this day."))
    return redirect("nurse-day", on=on)


def _in_sight(request: HttpRequest, on: date) -> Nurse:
    """The nurse who asks; not found beyond the days a nurse may see."""
    nurse = get_object_or_404(selectors.nurses_for(request.user))
    if abs(on - clock.today_in(nurse.time_zone)) > selectors.NURSE_SEES:
        raise Http404
    return nurse


def _day_page(request: HttpRequest, nurse: Nurse, on: date) -> HttpResponse:
    context = _context(request, nurse, on)
    _read(request, context["day"])
    return render(request, "scheduling/nurse/day.html", context)


def _context(request: HttpRequest, nurse: Nurse, on: date) -> dict[str, Any]:
    """The day, and a mark of what the part of its page that changes says: equal marks read the same."""
    found = readings.day_of(request.user, nurse, on)
    context: dict[str, Any] = {"day": found, "nurse": nurse, "no_go": door.no_go_of(found)}
    # Without the request: its token is another one every time.
    says = render_to_string("scheduling/nurse/_day.html", context)
    return {**context, "signature": hashlib.sha256(says.encode()).hexdigest()[:16]}


def _read(request: HttpRequest, found: readings.Day) -> None:
    """Drug, address and allergies of every stop are on this page."""
    events.charts_read({stop.patient for stop in found.stops}, by=request.user, what="route")


@require_safe
@selectors.nurse_only
def visit(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Everything needed at the door."""
    found = _mine(request, visit_id)
    events.chart_read(found.patient, by=request.user, what="visit")
    seen = door.door_of(found)
    return _visit_page(request, seen, StartForm(door=seen))


@require_POST
@selectors.nurse_only
def on_the_way(request: HttpRequest, visit_id: int) -> HttpResponse:
    """The nurse has set off: the patient is told. Back to the visit (302), also when it is too late for that."""
    found = _mine(request, visit_id)
    try:
        outcomes.set_off(visit_id=found.pk, by=request.user)
    except Refused as no:
        messages.error(request, str(no))
    else:
        messages.success(request, _("The patient is told that you are on the way."))
    return redirect("nurse-visit", visit_id=found.pk)


@require_POST
@selectors.nurse_only
def start(request: HttpRequest, visit_id: int) -> HttpResponse:
    """The nurse's go: back to the visit (302), or the visit again with what stands in the way (422, 409)."""
    found = _mine(request, visit_id)
    form = StartForm(request.POST, door=door.door_of(found))
    status = 422
    if form.is_valid():
        try:
            starting.start_visit(visit_id=found.pk, by=request.user, **form.for_service())
        except Refused as no:
            status = refuse(form, no)
        else:
            messages.success(request, _("Go. The visit is under way."))
            return redirect("nurse-visit", visit_id=found.pk)
    return _visit_page(request, door.door_of(_mine(request, visit_id)), form, status)


def _visit_page(request: HttpRequest, seen: door.Door, form: StartForm, status: int = 200) -> HttpResponse:
    dose = seen.visit.dose
    may_record = dose is not None and selectors.may_record(request.user, dose)
    context = {"door": seen, "may_record": may_record, "form": form if seen.startable else None}
    return render(request, "scheduling/nurse/visit.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.nurse_only
def record(request: HttpRequest, visit_id: int) -> HttpResponse:
    """The form, or the record written: back to the day (302), the form again 422; 409: recorded already."""
    found = _mine(request, visit_id)
    if found.dose is None or not selectors.may_record(request.user, found.dose):
        raise Http404
    today_there = clock.today_in(found.patient.time_zone)
    form = RecordForm(request.POST or None, visit=found, today=today_there)
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            records.record_given(dose_id=found.dose_id, by=request.user, **form.cleaned_data)
        except Refused as no:
            form.add_error(no.field if no.field in form.fields else None, str(no))
            status = 409 if no.status == 409 else 422
        else:
            # The message travels in a cookie: no name and no drug.
            messages.success(
                request, _("Recorded: dose %(number)d was given.") % {"number": found.dose.number}
            )
            found.dose.prescription.refresh_from_db(fields=["status"])
            if found.dose.prescription.status == Prescription.Status.DISCONTINUED:
                messages.warning(request, _("No further dose of this drug is planned. Call the office now."))
            return redirect("nurse-visit", visit_id=found.pk)
    return render(
        request, "scheduling/nurse/record.html", {"form": form, "door": door.door_of(found)}, status=status
    )


def _mine(request: HttpRequest, visit_id: int) -> Visit:
    """The visit with its patient's phone numbers, or not found for anybody else's."""
    ways = Prefetch("patient__contacts", to_attr="ways")
    visits = selectors.visits_for(request.user).select_related("dose__prescription__patient")
    return get_object_or_404(visits.prefetch_related(ways), pk=visit_id)
