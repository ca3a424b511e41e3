"""Book a visit for a dose: what stands in the way, who is free, and the booking itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from scheduling import selectors
from scheduling.forms.booking import OTHER, BookForm
from scheduling.models import Visit
from scheduling.readings import slots
from scheduling.readings.desk import Desk
from scheduling.readings.rivals import live_visit_of, who_was_first
from scheduling.rules.errors import Conflict, NeedsReason, Refused
from scheduling.services import booking, events, travel

BEST = 3  # slots shown before "More times"


@selectors.office_only
def book(request: HttpRequest, dose_id: int) -> HttpResponse:
    """GET: the page, or only the verdict for htmx. POST: booked and away, or the form again with 409 or 422."""
    dose = get_object_or_404(selectors.doses_for(request.user), pk=dose_id)
    return _booking(request, Desk.of_dose(request.user, dose))


@selectors.office_only
def check_book(request: HttpRequest, check_id: int) -> HttpResponse:
    """The same for a lab draw or a wellness check."""
    check = get_object_or_404(selectors.checks_for(request.user), pk=check_id)
    return _booking(request, Desk.of_check(request.user, check))


def _booking(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = make_form(BookForm, desk, request)
    if request.method != "POST":
        what = f"booking of dose {desk.dose.pk}" if desk.dose else f"booking of check {desk.wanted.check.pk}"
        if request.htmx:
            return verdict_part(request, desk, form, what)
        travel.warm_search(desk.patient, *desk.window)
        events.chart_read(desk.patient, by=request.user, what=what)
        return book_page(request, desk, form)
    if "check" in request.POST:
        return book_page(request, desk, form, **chosen(desk, form))
    status = 422
    if form.is_valid():
        try:
            visit = _booked(request, desk, form)
        except Refused as no:
            status = refused(form, no, desk)
        else:
            request.session["just_booked"] = [visit.pk]
            say_which(request, form)
            return redirect("queue")
    return book_page(request, desk, form, status=status, **chosen(desk, form))


def _booked(request: HttpRequest, desk: Desk, form: BookForm) -> Visit:
    """The visit a valid form asks for. Raises what the service raises."""
    travel.warm_visit(desk.patient.place, [form.nurse_id], form.starts_at)
    said = {
        "nurse_id": form.nurse_id,
        "starts_at": form.starts_at,
        "by": request.user,
        "override": form.cleaned_data["override"],
    }
    if desk.dose is not None:
        return booking.book_visit(dose_id=desk.dose.pk, **said)
    return booking.book_check(check_id=desk.wanted.check.pk, **said)


def say_which(request: HttpRequest, form: BookForm) -> None:
    """After the fact: of a wall-clock time that comes twice that night, the first was taken."""
    if form.happens_twice:
        messages.info(
            request, _("The clocks go back that night. The visit is at the first of the two times.")
        )


def verdict_part(request: HttpRequest, desk: Desk, form: BookForm, what: str) -> HttpResponse:
    """Only the verdict and the nurse's day, for htmx; a look at the chart like the form it belongs to."""
    events.chart_read_once(desk.patient, by=request.user, what=what)
    context = {"form": form, "patient": desk.patient, "alone": True, **chosen(desk, form)}
    return render(request, "scheduling/booking/_verdict.html", context)


def book_page(
    request: HttpRequest, desk: Desk, form: BookForm, status: int = 200, **extra: Any
) -> HttpResponse:
    """The whole page."""
    live = live_visit_of(desk.wanted)
    subject = desk.dose or desk.wanted.check
    bookable = subject.state == "planned" and live is None
    facility = bool(desk.regimen) and "SITE_NOT_HOME" in desk.regimen.site_of_care.flags
    day = chosen_day(form) or desk.default_day
    context = {
        "section": "queue",
        "desk": desk,
        "dose": desk.dose,
        "check": desk.wanted.check,
        "subject": subject,
        "patient": desk.patient,
        "regimen": desk.regimen,
        "live": live,
        "facility": facility,
        "form": form,
        "gates": desk.gates(day),
        "gates_day": day,
        **(slot_parts(desk.finding, request.path) if bookable and not facility else {"slots": []}),
        "shows_form": (bookable and not facility) or status == 409,
        **extra,
    }
    return render(request, "scheduling/booking/page.html", context, status=status)


def slot_parts(finding: slots.Finding, action: str) -> dict[str, Any]:
    """The best three, the others, and who was ruled out."""
    found = slots.cards(finding, action)
    return {
        "slots": found[:BEST],
        "more_slots": found[BEST:],
        "ruled_out": slots.ruled_out_words(finding),
        "nurses_out": sum(len(keys) for keys in finding.ruled_out.values()),
        "roads": travel.state(),
    }


def make_form(kind: type[BookForm], desk: Desk, request: HttpRequest, **initial: Any) -> Any:
    """The form with the desk's nurses and days: bound by a post or a htmx check, else filled from the address."""
    data: Mapping[str, Any] | None = None
    if request.method == "POST":
        data = from_slot(request.POST, desk) if "slot" in request.POST else request.POST
    elif request.htmx:
        data = request.GET
    else:
        initial = {**suggestion(request, desk), **initial}
    probe = day_in(data or initial) or desk.default_day
    return kind(
        data,
        time_zone=desk.patient.time_zone,
        nurses=desk.nurse_choices(probe),
        days=desk.days,
        day_notes=desk.day_notes,
        initial=initial,
    )


def from_slot(post: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """A posted slot, `nurse|day|start`, as the form's own fields; what is malformed arrives as missing."""
    nurse, day, start = [*str(post["slot"])[:60].split("|"), "", "", ""][:3]
    listed = day in {on.isoformat() for on in desk.days}
    return {
        "nurse": nurse,
        "day": day if listed else OTHER,
        "other_day": "" if listed else day,
        "start": start,
        "override": post.get("override", ""),
    }


def suggestion(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    """What ?nurse=, ?day= and ?start= ask for; a day that is not on offer goes to "another day"."""
    day = day_in({"day": request.GET.get("day") or request.GET.get("date") or ""}) or desk.default_day
    listed = day in desk.days
    return {
        "nurse": request.GET.get("nurse", ""),
        "day": day.isoformat() if listed else OTHER,
        "other_day": None if listed else day,
        "start": request.GET.get("start", ""),
    }


def day_in(values: Mapping[str, Any]) -> date | None:
    """The day a form's raw values speak of; None when they speak of none."""
    said = values.get("day") or ""
    if said == OTHER:
        said = values.get("other_day") or ""
    try:
        day = said if isinstance(said, date) else date.fromisoformat(str(said))
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2100 else None


def chosen_day(form: BookForm) -> date | None:
    """The day in the form, bound or not."""
    return day_in({name: form[name].value() for name in ("day", "other_day")})


def chosen(desk: Desk, form: BookForm) -> dict[str, Any]:
    """The nurse's day and the verdict for what the form says so far."""
    if not form.is_bound:
        return {}
    form.is_valid()
    day = chosen_day(form)
    nurse_id = key_in(form["nurse"].value())
    found: dict[str, Any] = {"happens_twice": form.happens_twice}
    if day and nurse_id is not None:
        found["nurse_day"] = desk.nurse_day(nurse_id, day)
        if form.starts_at:
            found["verdict"] = desk.verdict(nurse_id, form.starts_at)
            found["ends_at"] = form.starts_at + desk.wanted.length
            if found["verdict"] and found["verdict"].status == "wait":
                form.fields["override"].required = True  # as the page says it; the service decides
    return found


def refused(form: BookForm, no: Refused, desk: Desk) -> int:
    """Put a refusal beside its field; a lost race also says who was first. Returns the status."""
    sentence = str(no)
    if isinstance(no, NeedsReason):
        sentence = _("%(why)s Give a reason to go on.") % {"why": sentence}
        form.fields["override"].required = True
    elif isinstance(no, Conflict):
        nurse_id = form.nurse_id
        sentence = f"{sentence} {who_was_first(no.code, desk.wanted, nurse_id, form.starts_at)}".strip()
    field = {"nurse_id": "nurse", "starts_at": "start"}.get(no.field, no.field)
    form.add_error(field if field in form.fields else None, sentence)
    return no.status if no.status != 400 else 422


def key_in(text: object) -> int | None:
    """An id as a form or an address gives it; None for what cannot be one."""
    said = str(text or "")
    return int(said) if said.isdecimal() and said.isascii() and len(said) < 15 else None
