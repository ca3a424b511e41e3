"""The times for a dose, a course or a check: found, held, booked, lost to somebody else, and taken back.

One address does it all: a page without script, and with it the panel beside the queue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from scheduling import selectors
from scheduling.forms.booking import SlotForm
from scheduling.models import SlotHold, Visit
from scheduling.readings import queue, rivals, slots, words
from scheduling.readings.slot_panel import BEST, Panel
from scheduling.rules.errors import Conflict, NeedsReason, Refused
from scheduling.services import booking, courses, events, slot_holds, travel
from scheduling.views.booking import key_in


@dataclass
class Told:
    """What became of a wish, for the top of the panel. `reason` asks for one; `booked` can be undone."""

    status: int = 200
    tone: str = ""
    title: str = ""
    text: str = ""
    booked: list[Visit] = field(default_factory=list)
    reason: SlotForm | None = None
    undone: Visit | None = None


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def dose_slots(request: HttpRequest, dose_id: int) -> HttpResponse:
    """The times for a dose, with the days of its course that follow."""
    dose = get_object_or_404(selectors.doses_for(request.user), pk=dose_id)
    return _answer(request, Panel.of_dose(request.user, dose))


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def check_slots(request: HttpRequest, check_id: int) -> HttpResponse:
    """The times for a lab draw or a wellness check."""
    check = get_object_or_404(selectors.checks_for(request.user), pk=check_id)
    return _answer(request, Panel.of_check(request.user, check))


@selectors.office_only
@require_POST
def visit_undo(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Take back a booking, a move or a cancellation made a moment ago; `also` names the other days of a course."""
    visits = selectors.visits_for(request.user).select_related("planned_check__patient")
    visit = get_object_or_404(visits, pk=visit_id)
    also = [key for said in request.POST.getlist("also") if (key := key_in(said))]
    told = _undo(request, [visit, *visits.filter(pk__in=also).exclude(pk=visit.pk)])
    if _in_panel(request) and (visit.dose is not None or visit.planned_check is not None):
        return _show(request, _panel_of(request, visit), told)
    messages.add_message(request, messages.SUCCESS if told.undone else messages.ERROR, told.text)
    if told.undone is not None and told.undone.live:  # a move taken back, or a cancellation
        return redirect("visit", told.undone.pk)
    return redirect("queue")


def _answer(request: HttpRequest, panel: Panel) -> HttpResponse:
    """GET: the times. POST: `do` is book (the default), hold or release."""
    if request.method != "POST":
        events.chart_read(panel.patient, by=request.user, what=f"times for {panel.key}")
        travel.warm_search(panel.patient, *panel.window)
        return _show(request, panel, Told())
    act = ACTS.get(request.POST.get("do", ""), _book)
    told = act(request, panel)
    if told.booked and not _in_panel(request):
        request.session["just_booked"] = [visit.pk for visit in told.booked]
        return redirect("queue")
    return _show(request, panel, told)


def _book(request: HttpRequest, panel: Panel) -> Told:
    form = SlotForm(request.POST, time_zone=panel.patient.time_zone, days=max(len(panel.run), 1))
    if not form.is_valid():
        return Told(422, "stop", _("Nothing was booked."), " ".join(form.errors.get("slot", ())))
    try:
        booked = _booked(request, panel, form)
    except NeedsReason as no:
        form.fields["override"].required = True
        return Told(422, "wait", _("This time needs a reason."), str(no), reason=form)
    except Refused as no:
        return _lost(no, panel, form, _("Nothing was booked."))
    return Told(booked=booked)


def _booked(request: HttpRequest, panel: Panel, form: SlotForm) -> list[Visit]:
    """The visits a valid form asks for. Raises what the services raise."""
    said = {"by": request.user, "override": form.cleaned_data["override"]}
    for nurse_id, starts_at in form.times:
        travel.warm_visit(panel.patient.place, [nurse_id], starts_at)
    if len(form.times) > 1:
        days = [
            courses.Day(dose.pk, nurse_id, starts_at)
            for dose, (nurse_id, starts_at) in zip(panel.run, form.times, strict=True)
        ]
        return courses.book_course(days=days, **said)
    nurse_id, starts_at = form.times[0]
    if panel.dose is not None:
        return [booking.book_visit(dose_id=panel.dose.pk, nurse_id=nurse_id, starts_at=starts_at, **said)]
    check = panel.wanted.check
    return [booking.book_check(check_id=check.pk, nurse_id=nurse_id, starts_at=starts_at, **said)]


def _lost(no: Refused, panel: Panel, form: SlotForm, title: str) -> Told:
    """Why not, and who was first; the times below are searched anew, so the next best stands on top."""
    text = str(no)
    if isinstance(no, Conflict):
        nurse_id, starts_at = form.times[0] if form.times else (None, None)
        first = rivals.who_was_first(no.code, panel.wanted, nurse_id, starts_at)
        text = f"{text} {first}".strip()
    return Told(no.status if no.status != 400 else 422, "stop", title, text)


def _hold(request: HttpRequest, panel: Panel) -> Told:
    form = SlotForm(request.POST, time_zone=panel.patient.time_zone)
    if panel.dose is None or not form.is_valid():
        return Told(
            422, "stop", _("Nothing is held."), _("That time was not understood. Choose one of the list.")
        )
    nurse_id, starts_at = form.times[0]
    travel.warm_visit(panel.patient.place, [nurse_id], starts_at)
    try:
        slot_holds.hold_slot(dose_id=panel.dose.pk, nurse_id=nurse_id, starts_at=starts_at, by=request.user)
    except Refused as no:
        return _lost(no, panel, form, _("Nothing is held."))
    return Told()


def _release(request: HttpRequest, panel: Panel) -> Told:
    key = request.POST.get("hold", "")
    hold = (
        SlotHold.objects.filter(pk=int(key), dose__in=panel.run).first()
        if key.isdecimal() and len(key) < 15
        else None
    )
    if hold is None:
        return Told(422, "stop", _("Nothing was released."), _("That time is not held any more."))
    try:
        slot_holds.release_slot(hold_id=hold.pk, by=request.user)
    except Refused as no:
        return Told(no.status, "stop", _("Nothing was released."), str(no))
    return Told(tone="info", title=_("Released."), text=_("The time is free for everybody again."))


ACTS: dict[str, Callable[[HttpRequest, Panel], Told]] = {"hold": _hold, "release": _release}


def _undo(request: HttpRequest, visits: list[Visit]) -> Told:
    """Take all back, or none: the first that cannot be says why."""
    try:
        done = courses.undo_all(visit_ids=[visit.pk for visit in visits], by=request.user)
    except Refused as no:
        return Told(no.status if no.status != 400 else 422, "stop", _("Not undone."), str(no))
    name, last = visits[0].patient.listed_name, done[0]
    if last.state == "cancelled":
        text = _("%(name)s needs booking again.") % {"name": name}
    else:
        said = {"name": name, "when": words.at_words(last.starts_at, last.time_zone)}
        text = _("%(name)s is booked for %(when)s again.") % said
    return Told(tone="ok", title=_("Undone."), text=text, undone=last)


def _panel_of(request: HttpRequest, visit: Visit) -> Panel:
    if visit.dose is not None:
        dose = selectors.doses_for(request.user).get(pk=visit.dose_id)
        return Panel.of_dose(request.user, dose)
    return Panel.of_check(request.user, visit.planned_check)


def _in_panel(request: HttpRequest) -> bool:
    """Whether the answer goes into the panel of a page that stays."""
    return bool(request.htmx) and request.htmx.target == "panel"


def _asked(panel: Panel, found: list[dict[str, Any]], told: Told) -> dict[str, Any] | None:
    """The time a reason is asked for, as its card has it; None when none is, or it is gone from the list."""
    value = told.reason["slot"].value() if told.reason else None
    return next((card for card in (panel.mine, *found) if card and card["value"] == value), None)


def _show(request: HttpRequest, panel: Panel, told: Told) -> HttpResponse:
    inline = _in_panel(request)
    action = (
        reverse("dose-slots", args=[panel.dose.pk])
        if panel.dose
        else reverse("check-slots", args=[panel.wanted.check.pk])
    )
    context: dict[str, Any] = {
        "section": "queue",
        "panel": panel,
        "patient": panel.patient,
        "told": told,
        "inline": inline,
        "action": action,
    }
    if not told.booked and not panel.live:
        found = panel.cards()
        context |= {
            "slots": found[:BEST],
            "asked": _asked(panel, found, told),
            "more_slots": found[BEST:],
            "ruled_out": slots.ruled_out_words(panel.finding),
            "nurses_out": sum(len(keys) for keys in panel.finding.ruled_out.values()),
            "roads": travel.state(),
        }
    if inline and (told.booked or told.undone):
        context["line"] = queue.line_of(request.user, panel.wanted) if told.undone else None
        context["renew_line"] = True
    name = "scheduling/booking/_panel.html" if inline else "scheduling/booking/slots.html"
    response = render(request, name, context, status=told.status)
    if context.get("renew_line"):
        response["HX-Trigger"] = "queue-changed"
    return response
