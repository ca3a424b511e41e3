"""One visit: everything about it, and the pages that move or cancel it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from scheduling import selectors
from scheduling.forms.booking import CancelForm, MoveForm, ReasonForm
from scheduling.models import Visit
from scheduling.readings import replies, visits, wished_times, words
from scheduling.readings.desk import Desk
from scheduling.rules import states
from scheduling.rules.errors import Refused, StaleVersion
from scheduling.services import booking, courses, events, outcomes, travel
from scheduling.views.booking import chosen, make_form, refused, say_which, suggestion, verdict_part


@selectors.office_only
def visit_page(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Everything of a visit: when, who, the dose and its gates, what it was before, its messages."""
    visit = get_object_or_404(_visits(request), pk=visit_id)
    events.chart_read(visit.patient, by=request.user, what=f"visit {visit.pk}")
    context = {
        "section": "board",
        "visit": visit,
        "patient": visit.patient,
        **visits.file_of(visit, by=request.user),
    }
    return render(request, "scheduling/booking/visit.html", context)


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Another nurse or time. 409 when somebody was first or the visit changed, 422 for a rule."""
    visit = get_object_or_404(_visits(request), pk=visit_id)
    if visit.state not in states.OPEN:
        return _closed(request, visit)
    desk = Desk.of_visit(request.user, visit)
    asked = replies.asked_of(visit)
    form = make_form(MoveForm, desk, request, **_as_it_is(request, visit, desk, asked))
    if request.method != "POST":
        what = f"moving of visit {visit.pk}"
        if request.htmx:
            return verdict_part(request, desk, form, what)
        events.chart_read(visit.patient, by=request.user, what=what)
        travel.warm_search(desk.patient, *desk.window)
        times = wished_times.times_for(request.user, visit, asked, desk.days) if asked else None
        return _move_page(request, visit, desk, form, times=times)
    if "check" in request.POST:
        return _move_page(request, visit, desk, form, **chosen(desk, form))
    status = 422
    if form.is_valid():
        try:
            moved = _moved(request, visit, form)
        except StaleVersion as no:
            return _move_page(request, visit, desk, _anew(form, visit, no), status=no.status, stale=True)
        except Refused as no:
            status = refused(form, no, desk)
        else:
            _say_where(request, form, moved)
            return redirect("visit", moved.pk)
    return _move_page(request, visit, desk, form, status=status, **chosen(desk, form))


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Cancel with a classified reason: this visit, or a day of a course with those that follow it."""
    visit = get_object_or_404(_visits(request), pk=visit_id)
    if "cancelled" not in states.MOVES[visit.state]:
        return _closed(request, visit)
    following = [day for day in courses.days_of(visit) if day.starts_at > visit.starts_at]
    data = request.POST if request.method == "POST" else None
    form = CancelForm(data, following=len(following), initial={"version": visit.version})
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            cancelled = _cancelled(request, visit, form)
        except Refused as no:
            form = _anew(form, visit, no)
            extra = {"stale": isinstance(no, StaleVersion), "following": following}
            return _cancel_page(request, visit, form, status=_page_status(no), **extra)
        _say_cancelled(request, visit, cancelled)
        return redirect("queue")
    return _cancel_page(request, visit, form, status=status, following=following)


@selectors.office_only
@require_POST
def confirm(request: HttpRequest, visit_id: int) -> HttpResponse:
    """The patient said yes on the phone."""
    visit = get_object_or_404(_visits(request), pk=visit_id)
    try:
        outcomes.confirm_visit(visit_id=visit.pk, by=request.user)
    except Refused as no:
        messages.error(request, str(no))
    else:
        messages.success(request, _("Confirmed by phone."))
    return redirect("visit", visit.pk)


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def missed(request: HttpRequest, visit_id: int) -> HttpResponse:
    """It did not take place, and whose reason that was. Only once its start has passed."""
    visit = get_object_or_404(_visits(request), pk=visit_id)
    if "missed" not in states.MOVES[visit.state]:
        return _closed(request, visit)
    form = ReasonForm(request.POST if request.method == "POST" else None, initial={"version": visit.version})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                outcomes.record_missed(
                    visit_id=visit.pk,
                    by=request.user,
                    reason_class=form.cleaned_data["reason_class"],
                    note=form.cleaned_data["note"],
                )
            except Refused as no:
                form, status = _anew(form, visit, no), _page_status(no)
            else:
                messages.success(request, _say_missed(visit))
                return redirect("unresolved")
    context = {"section": "queue", "visit": visit, "patient": visit.patient, "form": form}
    return render(request, "scheduling/booking/missed.html", context, status=status)


def _say_missed(visit: Visit) -> str:
    name = {"name": visit.patient.listed_name}
    if visit.dose is None and visit.planned_check is None:
        return _("The visit of %(name)s is recorded as not done.") % name
    return _("The visit of %(name)s is recorded as not done and needs booking again.") % name


def _page_status(no: Refused) -> int:
    return no.status if no.status != 400 else 422


def _cancelled(request: HttpRequest, visit: Visit, form: CancelForm) -> list[Visit]:
    """What a valid form cancels. Raises what the services raise."""
    said = {
        "visit_id": visit.pk,
        "by": request.user,
        "reason_class": form.cleaned_data["reason_class"],
        "note": form.cleaned_data["note"],
        "version": form.cleaned_data["version"],
    }
    if form.cleaned_data.get("scope") == CancelForm.FOLLOWING:
        return courses.cancel_rest(**said)
    return [booking.cancel_visit(**said)]


def _say_cancelled(request: HttpRequest, visit: Visit, cancelled: list[Visit]) -> None:
    """What happened, on the next page, with a way to take it back when it was one visit."""
    name = {"name": visit.patient.listed_name, "n": len(cancelled)}
    if len(cancelled) > 1:
        said = _("Cancelled: %(n)d days of %(name)s. They need booking again.")
    elif visit.dose is None and visit.planned_check is None:
        said = _("Cancelled. %(name)s keeps the other visits.")
    else:
        said = _("Cancelled. %(name)s needs booking again.")
    request.session["just_cancelled"] = {"text": said % name, "visits": [each.pk for each in cancelled]}


def _moved(request: HttpRequest, visit: Visit, form: MoveForm) -> Visit:
    """The new visit a valid form asks for. Raises what the service raises."""
    travel.warm_visit(visit.patient.place, [form.nurse_id], form.starts_at)
    return booking.move_visit(
        visit_id=visit.pk,
        nurse_id=form.nurse_id,
        starts_at=form.starts_at,
        by=request.user,
        reason_class=form.cleaned_data["reason_class"],
        note=form.cleaned_data["note"],
        override=form.cleaned_data["override"],
        version=form.cleaned_data["version"],
    )


def _say_where(request: HttpRequest, form: MoveForm, moved: Visit) -> None:
    say_which(request, form)
    when = words.at_words(moved.starts_at, moved.time_zone)
    messages.success(
        request,
        _("Moved to %(when)s with %(nurse)s.") % {"when": when, "nurse": moved.nurse.listed_name},
    )


def _visits(request: HttpRequest) -> Any:
    return selectors.visits_for(request.user).select_related(
        "patient",
        "nurse",
        "dose__prescription__patient",
        "planned_check__patient",
        "site",
        "booked_by",
        "override_by",
    )


def _as_it_is(request: HttpRequest, visit: Visit, desk: Desk, asked: replies.Answer | None) -> dict[str, Any]:
    """The form as the visit stands; a day that no longer fits gives way to one that does.

    Where the patient asked for another time it opens with that, and with the time chosen from those that fit.
    """
    start = visit.local_start
    day = desk.default_day if visit.attention and start.date() not in desk.days else start.date()
    day = next((other for other in desk.days if replies.is_wished(asked, other)), day)
    listed = day in desk.days
    chosen_time = suggestion(request, desk) if "start" in request.GET else {}
    return {
        **({"reason_class": "patient"} if asked else {}),
        "nurse": visit.nurse_id,
        "day": day.isoformat() if listed else "other",
        "other_day": None if listed else day,
        "start": f"{replies.wished_start(asked, start.time()):%H:%M}",
        "version": visit.version,
        **chosen_time,
    }


def _anew(form: ReasonForm, visit: Visit, no: Refused) -> Any:
    """The form as typed, with the refusal, and the version that is current now for a second look."""
    form.data = form.data.copy()
    form.data["version"] = visit.version
    form.add_error(no.field if no.field in form.fields else None, str(no))
    return form


def _closed(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The visit can no longer be changed. What was posted meets what somebody else did first (409)."""
    if request.method == "POST":
        context = {
            "section": "board",
            "visit": visit,
            "patient": visit.patient,
            "status": words.visit_status(visit),
        }
        context["successor"] = visit.moved_to.select_related("nurse").first()
        return render(request, "scheduling/booking/closed.html", context, status=409)
    messages.warning(
        request,
        _("This visit is %(state)s; it can no longer change.") % {"state": visit.get_state_display().lower()},
    )
    return redirect("visit", visit.pk)


def _move_page(
    request: HttpRequest, visit: Visit, desk: Desk, form: MoveForm, status: int = 200, **extra: Any
) -> HttpResponse:
    context = {
        "section": "board",
        "visit": visit,
        "desk": desk,
        "dose": desk.dose,
        "check": desk.wanted.check,
        "patient": visit.patient,
        "regimen": desk.regimen,
        "form": form,
        "status": words.visit_status(visit),
        "asked": replies.asked_of(visit),
        **extra,
    }
    return render(request, "scheduling/booking/move.html", context, status=status)


def _cancel_page(
    request: HttpRequest, visit: Visit, form: ReasonForm, status: int = 200, **extra: Any
) -> HttpResponse:
    context = {"section": "board", "visit": visit, "patient": visit.patient, "form": form, **extra}
    context["late"] = visit.starts_at - outcomes.LATE_CANCEL < timezone.now()
    return render(request, "scheduling/booking/cancel.html", context, status=status)
