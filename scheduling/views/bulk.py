"""Several lines of the queue at once: the drug ordered, confirmed by phone, and times for all of them together."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from scheduling import clock, selectors
from scheduling.forms.booking import SlotForm
from scheduling.models import PlannedCheck, PlannedDose, Visit
from scheduling.readings import proposals, rivals, words
from scheduling.readings.queue_filters import Wished
from scheduling.readings.slot_panel import Panel
from scheduling.rules.errors import Conflict, Refused
from scheduling.services import booking, events, outcomes, supplies, travel
from scheduling.views.booking import key_in

MOST = 20  # lines at once: each is searched by itself


@selectors.office_only
@require_POST
def selected(request: HttpRequest) -> HttpResponse:
    """What to do with the ticked lines; then back to the list as it was narrowed."""
    act = ACTS.get(request.POST.get("do", ""))
    if act is None:
        messages.error(request, _("Choose what to do with the lines."))
        return redirect(_back(request))
    return act(request)


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def times(request: HttpRequest) -> HttpResponse:
    """The best times for the lines in the address that fit together; a post books the ticked ones, each by itself."""
    if request.method == "POST":
        told = [_book(request, key) for key in request.POST.getlist("take")[:MOST]]
        request.session["bulk_told"] = told
        lost = [entry["key"] for entry in told if not entry["booked"]]
        return redirect(f"{reverse('queue-times')}?{urlencode({'line': lost}, doseq=True)}")
    keys = request.GET.getlist("line")
    panels = _panels(request, keys[:MOST])
    events.charts_read({panel.patient for panel in panels}, by=request.user, what="times for several")
    travel.warm_searches((panel.patient, *panel.window) for panel in panels)
    told = request.session.pop("bulk_told", [])
    context = {
        "section": "queue",
        "proposals": proposals.propose(request.user, panels),
        "told": told,
        "booked": sum(entry["booked"] for entry in told),
        "cut": len(keys) > MOST,
        "most": MOST,
    }
    return render(request, "scheduling/queue/times.html", context)


def _find_times(request: HttpRequest) -> HttpResponse:
    keys = [key for key in request.POST.getlist("line") if _is_key(key)]
    if not keys:
        return _none(request)
    return redirect(f"{reverse('queue-times')}?{urlencode({'line': keys[: MOST + 1]}, doseq=True)}")


def _drug_ordered(request: HttpRequest) -> HttpResponse:
    doses = _doses(request, request.POST.getlist("line"))
    done, refused = 0, []
    for dose in doses:
        patient = dose.prescription.patient
        try:
            supplies.record_step(
                dose_id=dose.pk, step="ordered", on=clock.today_in(patient.time_zone), by=request.user
            )
            done += 1
        except Refused as no:
            refused.append(f"{patient.listed_name}: {no}")
    if not doses:
        return _none(request)
    if done:
        said = ngettext("Drug ordered for %(n)d dose.", "Drug ordered for %(n)d doses.", done)
        messages.success(request, said % {"n": done})
    for sentence in refused:
        messages.error(request, sentence)
    return redirect(_back(request))


def _confirmed(request: HttpRequest) -> HttpResponse:
    ids = [key for said in request.POST.getlist("visit") if (key := key_in(said))]
    done = 0
    for visit in selectors.visits_for(request.user).filter(pk__in=ids[:MOST]):
        try:
            outcomes.confirm_visit(visit_id=visit.pk, by=request.user)
            done += 1
        except Refused as no:
            messages.error(request, f"{visit.patient.listed_name}: {no}")
    if not ids:
        return _none(request)
    if done:
        said = ngettext("%(n)d visit confirmed by phone.", "%(n)d visits confirmed by phone.", done)
        messages.success(request, said % {"n": done})
    return redirect(_back(request))


ACTS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "times": _find_times,
    "ordered": _drug_ordered,
    "confirmed": _confirmed,
}


def _none(request: HttpRequest) -> HttpResponse:
    messages.error(request, _("Tick at least one line first."))
    return redirect(_back(request))


def _back(request: HttpRequest) -> str:
    """The list as it was narrowed; built anew from known filters, so that no other address can be asked for."""
    return reverse("queue") + Wished.of(request.POST).address()


def _is_key(text: str) -> bool:
    kind, _dash, key = text.partition("-")
    return kind in {"dose", "check"} and key_in(key) is not None


def _ids(keys: list[str], kind: str) -> list[int]:
    return [int(key.partition("-")[2]) for key in keys if _is_key(key) and key.startswith(kind)]


def _doses(request: HttpRequest, keys: list[str]) -> list[PlannedDose]:
    return list(selectors.doses_for(request.user).filter(pk__in=_ids(keys, "dose")))


def _checks(request: HttpRequest, keys: list[str]) -> list[PlannedCheck]:
    return list(selectors.checks_for(request.user).filter(pk__in=_ids(keys, "check")))


def _panels(request: HttpRequest, keys: list[str]) -> list[Panel]:
    """What the keys name, in their order; what is not there is left out."""
    found = [Panel.of_dose(request.user, dose) for dose in _doses(request, keys)]
    found += [Panel.of_check(request.user, check) for check in _checks(request, keys)]
    return sorted(found, key=lambda panel: keys.index(panel.key))


def _book(request: HttpRequest, key: str) -> dict[str, object]:
    """Book one ticked line; what became of it, as plain values for the next page."""
    panel = next(iter(_panels(request, [key])), None)
    if panel is None:
        return {"key": "", "name": "", "booked": False, "text": _("This line is not there any more.")}
    form = SlotForm({"slot": request.POST.get(f"slot-{key}", "")}, time_zone=panel.patient.time_zone)
    entry: dict[str, object] = {"key": key, "name": panel.patient.listed_name, "booked": False}
    if not form.is_valid():
        return entry | {"text": " ".join(form.errors["slot"])}
    nurse_id, starts_at = form.times[0]
    try:
        visit = _booked(request, panel, nurse_id, starts_at)
    except Refused as no:
        first = (
            rivals.who_was_first(no.code, panel.wanted, nurse_id, starts_at)
            if isinstance(no, Conflict)
            else ""
        )
        return entry | {"text": f"{no} {first}".strip()}
    when = {"when": words.at_words(visit.starts_at, visit.time_zone), "nurse": visit.nurse.listed_name}
    return entry | {"booked": True, "visit": visit.pk, "text": _("%(when)s with %(nurse)s") % when}


def _booked(request: HttpRequest, panel: Panel, nurse_id: int, starts_at: object) -> Visit:
    said = {"nurse_id": nurse_id, "starts_at": starts_at, "by": request.user}
    if panel.dose is not None:
        return booking.book_visit(dose_id=panel.dose.pk, **said)
    return booking.book_check(check_id=panel.wanted.check.pk, **said)
