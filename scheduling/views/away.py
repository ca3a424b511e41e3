"""When the day breaks: a nurse is away, her visits get somebody else, and freed time is offered again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from nurses.models import Nurse, TimeOff
from scheduling import clock, selectors
from scheduling.forms.away import AwayForm, BackForm
from scheduling.forms.fields import refuse
from scheduling.models import Visit
from scheduling.readings import freed, replacements, uncovered, uncovered_page
from scheduling.readings.away_words import away_words
from scheduling.readings.uncovered import Uncovered
from scheduling.rules.errors import Refused
from scheduling.services import absences, settling, travel
from scheduling.services.settling import Settled, Wanted
from scheduling.services.verdicts import YEARS

JUST_SETTLED = "just_settled"  # in the session: ids and reasons, never a name


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def nurse_away(request: HttpRequest, nurse_id: int) -> HttpResponse:
    """Time off from a day to a day; `today` in the post: sick from now to the end of the day."""
    nurse = get_object_or_404(selectors.nurses_for(request.user), pk=nurse_id)
    now = timezone.now()
    today = clock.today_in(nurse.time_zone, now)
    one_click = "today" in request.POST
    data = request.POST if request.method == "POST" and not one_click else None
    form = AwayForm(
        data, time_zone=nurse.time_zone, initial={"first_on": today, "last_on": today, "reason_class": "sick"}
    )
    status = 200 if request.method != "POST" else 422
    if one_click or form.is_valid():
        if one_click:
            starts_at, ends_at, why = now, clock.day_bounds(today, nurse.time_zone)[1], "sick"
        else:
            starts_at, ends_at, why = form.starts_at, form.ends_at, form.cleaned_data["reason_class"]
        try:
            absence = absences.record_time_off(
                nurse_id=nurse.pk, starts_at=starts_at, ends_at=ends_at, reason_class=why, by=request.user
            )
        except Refused as no:
            status = _refused(request, form, no, one_click=one_click)
        else:
            return _after_absence(request, nurse, absence)
    context = {"section": "nurses", "nurse": nurse, "form": form}
    return render(request, "scheduling/away/away.html", context, status=status)


def _refused(request: HttpRequest, form: AwayForm, no: Refused, *, one_click: bool) -> int:
    """Beside its field; a single click has no field, and is told at the top."""
    if one_click:
        messages.error(request, str(no))
        return no.status if no.status == 409 else 422
    return refuse(form, no, {"starts_at": "first_on", "ends_at": "last_on"})


def _after_absence(request: HttpRequest, nurse: Nurse, absence: absences.Absence) -> HttpResponse:
    said = {"name": nurse.listed_name, "when": away_words(absence.time_off, nurse.time_zone)}
    count = len(absence.uncovered)
    if not count:
        messages.success(request, _("%(name)s is away: %(when)s. No visit is affected.") % said)
        return redirect("nurse", nurse.pk)
    text = ngettext(
        "%(name)s is away: %(when)s. %(n)d visit needs somebody else.",
        "%(name)s is away: %(when)s. %(n)d visits need somebody else.",
        count,
    )
    messages.success(request, text % {**said, "n": count})
    return redirect(f"{reverse('uncovered')}?nurse={nurse.pk}")


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def away_withdraw(request: HttpRequest, time_off_id: int) -> HttpResponse:
    """Take time off back; it stays in the trail."""
    off = get_object_or_404(
        TimeOff.objects.filter(nurse__in=selectors.nurses_for(request.user)).select_related("nurse"),
        pk=time_off_id,
    )
    form, status = BackForm(request.POST or None), 200
    if request.method == "POST":
        form, status = BackForm(request.POST), 422
        if form.is_valid():
            try:
                absences.withdraw_time_off(time_off_id=off.pk, by=request.user, **form.cleaned_data)
            except Refused as no:
                status = refuse(form, no)
            else:
                said = _("%(name)s is not away any more: %(when)s.")
                when = away_words(off, off.nurse.time_zone)
                messages.success(request, said % {"name": off.nurse.listed_name, "when": when})
                return redirect("nurse", off.nurse_id)
    context = {"section": "nurses", "nurse": off.nurse, "off": off, "form": form}
    context["when"] = away_words(off, off.nurse.time_zone)
    return render(request, "scheduling/away/withdraw.html", context, status=status)


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def uncovered_list(request: HttpRequest) -> HttpResponse:
    """Every visit without its nurse, the least slack first; a post gives one of them its replacement."""
    nurse, found = _asked(request)
    if request.method == "POST":
        wanted = _wanted(request.POST.getlist("give")[:1], found)
        if not wanted:
            messages.error(
                request, _("This visit has a nurse again, or has changed. Look again, then decide.")
            )
            return _list_page(request, nurse, found, status=409)
        (settled,) = _settle(request, wanted, found)
        if settled.lost:
            messages.error(request, _lost_words(settled))
            return _list_page(request, nurse, _asked(request)[1], status=409)
        request.session[JUST_SETTLED] = _kept([settled])
        return redirect(_back(request, nurse))
    return _list_page(request, nurse, found)


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def settle_all(request: HttpRequest) -> HttpResponse:
    """The whole solution: adjust it, then accept. What is lost meanwhile is told, the others are settled."""
    nurse, found = _asked(request)
    if request.method != "POST":
        return _settle_page(request, nurse, found)
    taken = request.POST.getlist("take")[: replacements.MOST]
    if not taken:
        return _settle_page(request, nurse, found, status=422, none_chosen=True)
    wanted = _wanted([request.POST.get(f"choice-{pk}", "") for pk in taken], found)
    settled = _settle(request, wanted, found)
    if not any(one.visit for one in settled):
        for one in settled:
            messages.error(request, _lost_words(one))
        if len(wanted) < len(taken):
            messages.error(request, _("Some visits have a nurse again, or have changed. Look again."))
        return _settle_page(request, nurse, _asked(request)[1], status=409)
    request.session[JUST_SETTLED] = _kept(settled)
    if len(wanted) < len(taken):
        messages.warning(request, _("Visits that had a nurse again were left as they are."))
    return redirect(_back(request, nurse))


@selectors.office_only
@require_safe
def freed_list(request: HttpRequest) -> HttpResponse:
    """Time that a cancelled or moved visit gave back, and whom it would suit. A person books."""
    context = {"section": "queue", "stretches": freed.offers(request.user)}
    return render(request, "scheduling/away/freed.html", context)


def _asked(request: HttpRequest) -> tuple[Nurse | None, list[Uncovered]]:
    """The nurse of ?nurse= (404 when there is none) and the uncovered visits, hers or everybody's."""
    said = request.GET.get("nurse", "")
    nurse = None
    if said:
        pk = int(said) if said.isdecimal() and len(said) < 15 else 0
        nurse = get_object_or_404(selectors.nurses_for(request.user), pk=pk)
    return nurse, uncovered.find(request.user, nurse_id=nurse.pk if nurse else None)


def _wanted(values: Sequence[str], found: Sequence[Uncovered]) -> list[Wanted]:
    """Posted `visit|version|nurse|start` of visits that are uncovered still; what is malformed is left out."""
    open_now = {one.visit.pk for one in found}
    wanted = []
    for value in values:
        parts = value[:120].split("|")
        try:
            visit, version, nurse = (int(part) for part in parts[:3])
            starts_at = datetime.fromisoformat(parts[3])
        except (ValueError, IndexError):
            continue
        if starts_at.tzinfo is None or starts_at.year not in YEARS:
            continue
        if visit in open_now and 0 < nurse < 2**62 and 0 < version < 2**31:
            wanted.append(Wanted(visit, version, nurse, starts_at))
    return wanted


def _settle(request: HttpRequest, wanted: Sequence[Wanted], found: Sequence[Uncovered]) -> list[Settled]:
    """One after the other. The roads are asked for beforehand: a travel service is never waited for under a lock."""
    homes = {one.visit.pk: one.visit.patient.place for one in found}
    for each in wanted:
        travel.warm_visit(homes[each.visit_id], [each.nurse_id], each.starts_at)
    return settling.settle(wanted, by=request.user)


def _kept(settled: Sequence[Settled]) -> list[dict[str, Any]]:
    """For the next page."""
    return [
        {
            "visit": one.visit.pk if one.visit else one.wanted.visit_id,
            "lost": "" if one.lost is None else str(one.lost),
        }
        for one in settled
    ]


def _just_settled(request: HttpRequest) -> list[dict[str, Any]]:
    """What the last post did: each visit with `lost`, the reason it was not settled. Shown once."""
    kept = request.session.pop(JUST_SETTLED, [])
    visits = selectors.visits_for(request.user).in_bulk([one["visit"] for one in kept])
    return [{**one, "visit": visits[one["visit"]]} for one in kept if one["visit"] in visits]


def _lost_words(settled: Settled) -> str:
    visit = Visit.objects.select_related("patient").get(pk=settled.wanted.visit_id)
    return _("%(name)s: not settled. %(why)s") % {"name": visit.patient.listed_name, "why": settled.lost}


def _back(request: HttpRequest, nurse: Nurse | None) -> str:
    return reverse("uncovered") + (f"?nurse={nurse.pk}" if nurse else "")


def _list_page(
    request: HttpRequest, nurse: Nurse | None, found: Sequence[Uncovered], status: int = 200
) -> HttpResponse:
    context = _context(request, nurse, found)
    if nurse is not None:
        standing = absences.standing().filter(nurse=nurse, ends_at__gt=timezone.now())
        context["time_off"] = [(off, away_words(off, nurse.time_zone)) for off in standing]
    return render(request, "scheduling/away/uncovered.html", context, status=status)


def _settle_page(
    request: HttpRequest, nurse: Nurse | None, found: Sequence[Uncovered], status: int = 200, **extra: Any
) -> HttpResponse:
    context = {**_context(request, nurse, found), **extra}
    return render(request, "scheduling/away/settle.html", context, status=status)


def _context(request: HttpRequest, nurse: Nurse | None, found: Sequence[Uncovered]) -> dict[str, Any]:
    rows = uncovered_page.rows(replacements.propose(request.user, found))
    return {
        "section": "queue",
        "nurse": nurse,
        "rows": rows,
        "solved": [row for row in rows if row.best],
        "unsolved": [row for row in rows if not row.best],
        "more": max(len(found) - replacements.MOST, 0),
        "settled": _just_settled(request),
        "query": f"?nurse={nurse.pk}" if nurse else "",
    }
