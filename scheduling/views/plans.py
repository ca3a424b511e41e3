"""Plan the week: ask for a plan, watch the search, look at the proposal, book what was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from scheduling import clock, selectors
from scheduling.forms.fields import refuse
from scheduling.forms.plans import PlanForm
from scheduling.models import PlanLine, WeekPlan
from scheduling.readings import board, plan_board, plan_going, plan_page, plan_problem, plan_roads, words
from scheduling.readings.plan_page import Proposal, Row
from scheduling.rules.errors import Refused
from scheduling.services import events, plan_take, plans, travel
from scheduling.views.board import _link

SEED = 1  # the same days asked for twice give the same plan
SHOWS = ("visits", "board", "map", "search")


# --- Asking -------------------------------------------------------------------------------------


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form for a week (?week=, next week unless it can be read) or a day (?day=); a post starts the search.

    `part=counts` with the form's values in the address: only what would go in.
    """
    if request.method == "POST":
        return _started(request)
    if request.htmx and request.GET.get("part") == "counts":
        form = PlanForm(request.GET)
        context = _goes_in(request, form.cleaned_data) if form.is_valid() else {}
        return render(request, "scheduling/plans/_counts.html", context)
    first, last = _days(request)
    return _ask_page(request, PlanForm.for_days(first, last), first, last)


def _started(request: HttpRequest) -> HttpResponse:
    form = PlanForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            plan = _ask(request, **form.cleaned_data)
        except Refused as no:
            status = refuse(form, no)
        else:
            return redirect("plan", plan.pk)
    said = form.cleaned_data
    first, last = said.get("first_on"), said.get("last_on")
    if not (first and last):  # what cannot be read or planned names no page
        first, last = _days(request)
    return _ask_page(request, form, first, last, status=status)


def _ask(
    request: HttpRequest, *, first_on: date, last_on: date, release: str, seconds: int, seed: int = SEED
) -> WeekPlan:
    plan_roads.ask(request.user, first_on, last_on, release)
    gathered = plan_problem.problem_of(request.user, first_on, last_on, release)
    return plans.ask(
        first_on=first_on, last_on=last_on, release=release, seconds=seconds, seed=seed,
        problem=gathered.problem, about=gathered.about, by=request.user,
    )  # fmt: skip


def _ask_page(
    request: HttpRequest, form: PlanForm, first: date, last: date, status: int = 200
) -> HttpResponse:
    week = first - timedelta(days=first.weekday())
    one_day = first == last
    step = timedelta(days=1 if one_day else 7)
    asked = {"first_on": first, "last_on": last, "release": form["release"].value() or "none"}
    context = {
        "section": "board",
        "form": form,
        "one_day": one_day,
        "zone": settings.AGENCY_TIME_ZONE,
        "on": _title_on(first if one_day else week, one_day=one_day),
        "here": _address(first if one_day else week, one_day=one_day),
        "earlier": _address(first - step, one_day=one_day),
        "later": _address(first + step, one_day=one_day),
        "other": _address(week if one_day else first, one_day=not one_day),
        "plans": plan_page.plans_of(request.user, first, last),
        "board_url": f"{reverse('board')}?{urlencode({'view': 'day' if one_day else 'week', 'date': first})}",
        **_goes_in(request, asked),
    }
    return render(request, "scheduling/plans/ask.html", context, status=status)


def _title_on(day: date, *, one_day: bool) -> str:
    """`Mon, Nov 23`; a week by its Monday, `Nov 23`."""
    said = words.day_words(day, year=False)
    return said if one_day else said.partition(", ")[2]


def _goes_in(request: HttpRequest, asked: dict[str, Any]) -> dict[str, Any]:
    """What would be planned; or why nothing can be."""
    try:
        gathered = plan_problem.problem_of(
            request.user, asked["first_on"], asked["last_on"], asked["release"]
        )
    except Refused as no:
        return {"no": str(no)}
    return {"counts": gathered.counts}


def _days(request: HttpRequest) -> tuple[date, date]:
    """First and last day of the address: a day, a week from its Monday, or next week."""
    if day := _day_in(request.GET.get("day", "")):
        return day, day
    today = clock.today_in(settings.AGENCY_TIME_ZONE)
    chosen = _day_in(request.GET.get("week", "")) or today + timedelta(days=7)
    monday = chosen - timedelta(days=chosen.weekday())
    return max(monday, today) if monday + timedelta(days=6) >= today else monday, monday + timedelta(days=6)


def _day_in(said: str) -> date | None:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2100 else None


def _address(day: date, *, one_day: bool) -> str:
    return f"{reverse('plan-week')}?{urlencode({'day' if one_day else 'week': day.isoformat()})}"


# --- Watching -----------------------------------------------------------------------------------


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The search while it runs, then the proposal: ?show=visits, board, map (?on=) or search.

    A post ticks or unticks lines (`do`, `what`) and shows them again; it changes nothing. `part=going` is the
    curve alone, for a page that looks again by itself.
    """
    plan = _plan(request, plan_id)
    going = plan_going.going(plan, now=timezone.now())
    if request.GET.get("part") == "going":
        if not going.under_way or going.silent:
            return HttpResponseClientRefresh()
        return render(
            request,
            "scheduling/plans/_going.html",
            {"going": going, "status": plan_page.STATUS[plan.state], "oob": True},
        )
    if going.under_way or not plan.result:
        context = {**_heading(plan), "going": going}
        return render(request, "scheduling/plans/search.html", context)
    proposal = plan_page.proposal(plan)
    return _shown(request, plan, proposal, _ticked(request, proposal))


def _shown(
    request: HttpRequest,
    plan: WeekPlan,
    proposal: Proposal,
    ticked: set[int],
    *,
    status: int = 200,
    error: str = "",
    field: str = "",
) -> HttpResponse:
    show = request.GET.get("show", "")
    show = show if show in SHOWS else SHOWS[0]
    context = {
        **_heading(plan),
        "show": show,
        "tabs": _tabs(plan, proposal, show),
        "proposal": proposal,
        "ticked": ticked,
        "proof": plan_going.proof(plan),
    }
    if show == "visits":
        events.charts_read(proposal.patients, by=request.user, what=f"plan {plan.pk}")
        late = any(row.late for row in proposal.open)
        context |= {
            "figures": plan_going.figures(plan), "late": late, "error": error, "field": field,
            "override": request.POST.get("override", ""), "what": request.POST.get("what", ""),
        }  # fmt: skip
    elif show == "search":
        context |= {"going": plan_going.going(plan, now=timezone.now())}
    else:
        context |= _difference(request, plan, proposal, show)
    return render(request, f"scheduling/plans/{show}.html", context, status=status)


def _difference(request: HttpRequest, plan: WeekPlan, proposal: Proposal, show: str) -> dict[str, Any]:
    days = [plan.first_on + timedelta(days=n) for n in range((plan.last_on - plan.first_on).days + 1)]
    difference = plan_board.Difference(board.load(request.user, days, _link), proposal)
    here = reverse("plan", args=[plan.pk])
    if show == "board":
        return {"weeks": plan_board.weeks(difference, here), "key": plan_board.key(difference)}
    asked = _day_in(request.GET.get("on", ""))
    busy = {on for on, _rows in proposal.days}
    on = asked if asked in days else next((day for day in days if day in busy), days[0])
    filters = [
        {
            "label": words.day_words(day, year=False),
            "url": f"{here}?{urlencode({'show': 'map', 'on': day.isoformat()})}",
            "current": day == on,
        }
        for day in days
    ]
    return {"map": plan_board.day_map(difference, on), "filters": filters}


def _tabs(plan: WeekPlan, proposal: Proposal, show: str) -> list[dict[str, Any]]:
    here = reverse("plan", args=[plan.pk])
    names = {
        "visits": _("Visits"), "board": _("Board"), "map": _("Map"), "search": _("How the search went"),
    }  # fmt: skip
    return [
        {
            "label": label,
            "url": here if name == "visits" else f"{here}?{urlencode({'show': name})}",
            "current": name == show,
            "count": len(proposal.open) or None if name == "visits" else None,
        }
        for name, label in names.items()
    ]


def _ticked(request: HttpRequest, proposal: Proposal) -> set[int]:
    """What is ticked: everything at first, nothing of what a first choice left; then what was posted, and `what`."""
    every = {row.key for row in proposal.open}
    if request.method != "POST":
        return every if len(proposal.open) == len(proposal.rows) else set()
    ticked = every & _keys(request.POST.getlist("line"))
    meant = {row.key for row in proposal.open if _is_meant(row, request.POST.get("what", ""))}
    if request.POST.get("do") == "tick":
        return ticked | meant
    return ticked - meant if request.POST.get("do") == "untick" else ticked


def _is_meant(row: Row, what: str) -> bool:
    """`all`, `day-2026-11-23`, `nurse-12`, or `move` for visits that have a time already."""
    kind, _dash, key = what.partition("-")
    if kind == "day":
        return row.on.isoformat() == key
    if kind == "nurse":
        return key in {str(nurse) for nurse in row.nurses}
    return what == "all" or (what == "move" and row.line.kind == PlanLine.Kind.MOVE)


@selectors.office_only
@require_POST
def stop(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Enough: the best plan so far is kept."""
    plan = _plan(request, plan_id)
    try:
        plans.stop(plan_id=plan.pk, by=request.user)
    except Refused as no:
        messages.error(request, str(no))
    return redirect("plan", plan.pk)


@selectors.office_only
@require_POST
def again(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The same wish once more, on the days as they are now; a search that fell silent is given up."""
    plan = _plan(request, plan_id)
    try:
        if plan.state in plan_going.UNDER_WAY:
            plans.stop(plan_id=plan.pk, by=request.user)
        new = _ask(
            request, first_on=plan.first_on, last_on=plan.last_on, release=plan.release,
            seconds=plan.seconds, seed=plan.seed,
        )  # fmt: skip
    except Refused as no:
        messages.error(request, str(no))
        return redirect("plan", plan.pk)
    return redirect("plan", new.pk)


# --- Booking ------------------------------------------------------------------------------------


@selectors.office_only
@require_POST
def book(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Book the ticked lines; what became of each is on the next page. Nothing ticked, or a reason missing: 422."""
    plan = _plan(request, plan_id)
    proposal = plan_page.proposal(plan)
    posted = _keys(request.POST.getlist("line"))
    chosen = [row for row in proposal.open if row.key in posted]
    override = request.POST.get("override", "").strip()
    if not chosen:
        known = posted & {row.key for row in proposal.rows}
        if known:
            messages.warning(request, _("These were decided already. Nothing was booked again."))
            return redirect("plan-result", plan.pk)
        return _shown(request, plan, proposal, set(), status=422, error=_("Choose at least one visit."))
    if any(row.late for row in chosen) and not override:
        error = _("Say why visits past their window are booked, or untick them.")
        ticked = {row.key for row in chosen}
        return _shown(request, plan, proposal, ticked, status=422, error=error, field="override")
    _warm(chosen)
    try:
        taken = plan_take.take(
            plan_id=plan.pk, line_ids=[line.pk for row in chosen for line in row.lines],
            override=override, by=request.user,
        )  # fmt: skip
    except Refused as no:
        ticked = {row.key for row in chosen}
        status = no.status if no.status == 409 else 422
        return _shown(request, plan, proposal, ticked, status=status, error=str(no), field=no.field)
    _tell(request, taken)
    return redirect("plan-result", plan.pk)


@selectors.office_only
@require_safe
def result(request: HttpRequest, plan_id: int) -> HttpResponse:
    """What became of a plan: booked, not possible any more, not chosen, and what no time was found for."""
    plan = _plan(request, plan_id)
    proposal = plan_page.proposal(plan)
    events.charts_read(proposal.patients, by=request.user, what=f"plan {plan.pk}")
    return render(request, "scheduling/plans/result.html", {**_heading(plan), "proposal": proposal})


def _tell(request: HttpRequest, taken: plan_take.Taken) -> None:
    booked, lost = len(taken.booked), len(taken.lost)
    if booked:
        messages.success(
            request, ngettext("%(n)d visit booked.", "%(n)d visits booked.", booked) % {"n": booked}
        )
    if lost:
        said = ngettext(
            "%(n)d visit is not possible any more.", "%(n)d visits are not possible any more.", lost
        )
        messages.warning(request, said % {"n": lost})


def _warm(chosen: Iterable[Row]) -> None:
    """The roads are asked for beforehand: a travel service is never waited for under a lock."""
    if not travel.on():
        return
    for row in chosen:
        for line in row.lines:
            travel.warm_visit(line.patient.place, [line.nurse_id], line.starts_at)


def _keys(values: Sequence[str]) -> set[int]:
    return {int(value) for value in values if value.isdecimal() and len(value) < 15}


def _plan(request: HttpRequest, plan_id: int) -> WeekPlan:
    # The problem may be megabytes of roads, and a page that looks again every two seconds needs none of them.
    return get_object_or_404(selectors.plans_for(request.user).defer("problem"), pk=plan_id)


def _heading(plan: WeekPlan) -> dict[str, Any]:
    who = plan.requested_by
    return {
        "section": "board",
        "zone": settings.AGENCY_TIME_ZONE,
        "plan": plan,
        "status": plan_page.STATUS[plan.state],
        "days": plan_page.days_words(plan.first_on, plan.last_on),
        "asked_by": who.get_full_name() or who.get_username(),
        "ask_url": _address(plan.first_on, one_day=plan.first_on == plan.last_on),
    }
