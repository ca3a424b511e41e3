"""Book a visit for a dose: what stands in the way, who is free, and the booking itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from scheduling import selectors
from scheduling.forms.booking import OTHER, BookForm
from scheduling.models import PlannedDose, Visit
from scheduling.readings import slots, words
from scheduling.readings.desk import Desk
from scheduling.rules import states
from scheduling.rules.errors import Conflict, NeedsReason, Refused
from scheduling.services import booking, events

BEST = 3  # slots shown before "More times"


@selectors.office_only
def book(request: HttpRequest, dose_id: int) -> HttpResponse:
    """GET: the page, or only the verdict for htmx. POST: booked and away, or the form again with 409 or 422."""
    dose = get_object_or_404(selectors.doses_for(request.user), pk=dose_id)
    desk = Desk(request.user, dose)
    form = make_form(BookForm, desk, request)
    if request.method != "POST":
        if request.htmx:
            return verdict_part(request, desk, form)
        events.chart_read(desk.patient, by=request.user, what=f"booking of dose {dose.pk}")
        return book_page(request, desk, form)
    if "check" in request.POST:
        return book_page(request, desk, form, **chosen(desk, form))
    status = 422
    if form.is_valid():
        try:
            visit = booking.book_visit(
                dose_id=dose.pk,
                nurse_id=form.nurse_id,
                starts_at=form.starts_at,
                by=request.user,
                override=form.cleaned_data["override"],
            )
        except Refused as no:
            status = refused(form, no, dose)
        else:
            request.session["just_booked"] = visit.pk
            say_which(request, form)
            return redirect("queue")
    return book_page(request, desk, form, status=status, **chosen(desk, form))


def say_which(request: HttpRequest, form: BookForm) -> None:
    """After the fact: of a wall-clock time that comes twice that night, the first was taken."""
    if form.happens_twice:
        messages.info(
            request, _("The clocks go back that night. The visit is at the first of the two times.")
        )


def verdict_part(request: HttpRequest, desk: Desk, form: BookForm) -> HttpResponse:
    """Only the verdict and the nurse's day, for htmx."""
    context = {"form": form, "patient": desk.patient, "alone": True, **chosen(desk, form)}
    return render(request, "scheduling/booking/_verdict.html", context)


def book_page(
    request: HttpRequest, desk: Desk, form: BookForm, status: int = 200, **extra: Any
) -> HttpResponse:
    """The whole page."""
    live = desk.dose.visits.filter(state__in=states.HOLDING).select_related("nurse").first()
    bookable = desk.dose.state == PlannedDose.State.PLANNED and live is None
    facility = "SITE_NOT_HOME" in desk.regimen.site_of_care.flags
    day = chosen_day(form) or desk.default_day
    context = {
        "section": "queue",
        "desk": desk,
        "dose": desk.dose,
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
    }


@selectors.office_only
def slot_page(request: HttpRequest, dose_id: int) -> HttpResponse:
    """The slot finder by itself; each slot books through the booking page, which asks for what is missing."""
    dose = get_object_or_404(selectors.doses_for(request.user), pk=dose_id)
    finding = slots.find(request.user, dose)
    events.chart_read(dose.prescription.patient, by=request.user, what=f"times for dose {dose.pk}")
    refused = sorted({problem.text for problem in (*finding.blocked, *finding.refused.values())})
    context = {
        "section": "queue",
        "dose": dose,
        "patient": dose.prescription.patient,
        "refused": refused,
        "finding": finding,
        **slot_parts(finding, reverse("dose-book", args=[dose.pk])),
    }
    return render(request, "scheduling/booking/slots.html", context)


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
    nurse = str(form["nurse"].value() or "")
    found: dict[str, Any] = {"happens_twice": form.happens_twice}
    if day and nurse.isdecimal() and len(nurse) < 15:
        found["nurse_day"] = desk.nurse_day(int(nurse), day)
        if form.starts_at:
            found["verdict"] = desk.verdict(int(nurse), form.starts_at)
            found["ends_at"] = form.starts_at + desk.dose.length
            if found["verdict"] and found["verdict"].status == "wait":
                form.fields["override"].required = True  # as the page says it; the service decides
    return found


def refused(form: BookForm, no: Refused, dose: PlannedDose) -> int:
    """Put a refusal beside its field; a lost race also says who was first. Returns the status."""
    sentence = str(no)
    if isinstance(no, NeedsReason):
        sentence = _("%(why)s Give a reason to go on.") % {"why": sentence}
        form.fields["override"].required = True
    elif isinstance(no, Conflict) and (first := who_was_first(no.code, form, dose)):
        sentence = f"{sentence} {first}"
    field = {"nurse_id": "nurse", "starts_at": "start"}.get(no.field, no.field)
    form.add_error(field if field in form.fields else None, sentence)
    return no.status if no.status != 400 else 422


def who_was_first(code: str, form: BookForm, dose: PlannedDose) -> str:
    """`Ben booked it 2 minutes ago.`: the visit in the way, when there is one."""
    live = Visit.objects.filter(state__in=states.HOLDING).select_related("booked_by", "nurse")
    if code == "DOSE_TAKEN":
        rival = live.filter(dose=dose).first()
    elif form.starts_at:
        ends_at = form.starts_at + dose.length
        same = Q(patient=dose.prescription.patient_id) if code == "PATIENT_TAKEN" else Q(nurse=form.nurse_id)
        around = timedelta(hours=3) if code == "NO_TIME_TO_DRIVE" else timedelta()
        rival = live.filter(same, starts_at__lt=ends_at + around, ends_at__gt=form.starts_at - around).first()
    else:
        rival = None
    if rival is None:
        return ""
    who = rival.booked_by.get_full_name() or rival.booked_by.username if rival.booked_by else _("Somebody")
    return _("%(who)s booked %(when)s with %(nurse)s, %(ago)s ago.") % {
        "who": who,
        "when": words.at_words(rival.starts_at, rival.time_zone),
        "nurse": rival.nurse.listed_name,
        "ago": timesince(rival.created_at, depth=1),
    }
