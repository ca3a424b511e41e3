"""The readiness board, one dose of it, and what is recorded there in one step."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Role
from scheduling import clock, selectors
from scheduling.forms.fields import refuse
from scheduling.forms.readiness import (
    FORMS,
    GateForm,
    OverrideForm,
    TakeBackForm,
    initial_of,
    may_take_back,
)
from scheduling.models import PlannedDose
from scheduling.readings import gates, patient_status
from scheduling.readings import readiness_board as board
from scheduling.rules.errors import Refused
from scheduling.services import events
from scheduling.services.readiness import Files, Gate

PAGE = 50
KEPT = ("gate", "state", "days", "page")  # what the address of the board holds: never a name


@selectors.office_only
def readiness_page(request: HttpRequest) -> HttpResponse:
    """Every dose due in the next 60 days and what stands in its way; ?open= shows one with its forms."""
    return _board(request, _wished(request.GET.items()), request.GET.get("open", ""))


@selectors.office_only
def dose_readiness(request: HttpRequest, dose_id: int) -> HttpResponse:
    """One dose with its gates; a POST records one thing and goes back to where it came from, at the same row."""
    dose = get_object_or_404(
        selectors.doses_for(request.user).filter(state=PlannedDose.State.PLANNED), pk=dose_id
    )
    back = request.POST.get("back") or request.GET.get("back") or ""
    line = _line(gates.row_of(dose, Files.of([dose])))
    if request.method != "POST":
        events.chart_read(line.row.patient, by=request.user, what="readiness")
        if request.GET.get("row") and request.htmx:
            return _row(request, line, back, opened=request.GET["row"] == "open")
        return _one(request, line, back, 200)
    if "gate" not in request.POST:  # nothing was said: the page as it stands
        return redirect(_return_to(line, back))
    form = _posted(request, line)
    status = 422
    if form.is_valid():
        try:
            form.save(request.user)
        except Refused as no:
            status = refuse(form, no, form.fields_of)
        else:
            messages.success(request, _said(line, form))
            return redirect(_return_to(line, back))
    if back:
        return _board(request, _wished(parse_qsl(back)), str(dose.pk), posted=form, status=status)
    return _one(request, line, back, status, posted=form)


def _row(request: HttpRequest, line: board.Line, back: str, *, opened: bool) -> HttpResponse:
    """The row of the board alone, opened or shut, for a script to put in its place."""
    context = {
        "line": line,
        "opened": _opened(request, line, None) if opened else None,
        "back": _query(_wished(parse_qsl(back))),
        "columns": board.COLUMNS.items(),
    }
    return render(request, "scheduling/readiness/_row.html", context)


def _one(
    request: HttpRequest, line: board.Line, back: str, status: int, posted: GateForm | None = None
) -> HttpResponse:
    context = {
        "section": "readiness",
        "line": line,
        "opened": _opened(request, line, posted),
        "form": posted,
        "back": back,
        "board_url": f"{reverse('readiness')}?{back}" if back else reverse("readiness"),
        "columns": board.COLUMNS.items(),
    }
    return render(request, "scheduling/readiness/dose.html", context, status=status)


def _board(
    request: HttpRequest,
    wished: dict[str, str],
    opened: str,
    *,
    posted: GateForm | None = None,
    status: int = 200,
) -> HttpResponse:
    days = int(wished["days"])
    rows = gates.rows(request.user, gates.Filters(days=days))
    everything = board.lines(rows, _today_of)
    kept = [
        line
        for line in everything
        if str(line.row.dose.pk) == opened or board.keep(line, gate=wished["gate"], state=wished["state"])
    ]
    page = Paginator(kept, PAGE).get_page(_page_of(kept, opened) or wished["page"])
    away = patient_status.in_hospital(request.user)
    shown = [*(one.row.patient for one in page.object_list), *(one.patient for one in away)]
    events.charts_read({one.pk: one for one in shown}.values(), by=request.user, what="readiness board")
    line = next((line for line in page.object_list if str(line.row.dose.pk) == opened), None)
    context = {
        "section": "readiness",
        "page": page,
        "groups": _groups(page.object_list),
        "columns": board.COLUMNS.items(),
        "total": len(everything),
        **_filters(everything, wished),
        "back": _query({**wished, "page": str(page.number) if page.number > 1 else ""}),
        "away": away,
        "ask": any(one.ask for one in away),
        "line_open": line,
        "opened": _opened(request, line, posted) if line else None,
        "form": posted,
    }
    return render(request, "scheduling/readiness/board.html", context, status=status)


def _filters(everything: list[board.Line], wished: dict[str, str]) -> dict[str, Any]:
    return {
        "gates": _gate_filters(everything, wished),
        "states": _state_filters(everything, wished),
        "spans": _span_filters(wished),
        "narrowed": bool(wished["gate"] or wished["state"]),
        "all_url": _url({"days": wished["days"]}),
    }


def _page_of(kept: list[board.Line], opened: str) -> int:
    """The page an opened row is on, so that a form answers where it was sent; 0 when none is opened."""
    at = next((i for i, line in enumerate(kept) if str(line.row.dose.pk) == opened), None)
    return 0 if at is None else at // PAGE + 1


def _groups(lines: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in lines:
        if not found or found[-1]["name"] != line.group:
            found.append({"name": line.group, "title": board.GROUPS[line.group], "lines": []})
        found[-1]["lines"].append(line)
    return found


def _line(row: gates.Row) -> board.Line:
    return board.Line(row, _today_of(row))


def _today_of(row: gates.Row) -> Any:
    return clock.today_in(row.patient.time_zone)


def _opened(request: HttpRequest, line: board.Line, posted: GateForm | None) -> dict[str, Any]:
    """The gates of one row with their forms: what is to do first, what is done or not due yet folded away."""
    lead = request.user.role == Role.LEAD
    found = []
    for one in line.gates:
        gate = one.gate
        forms: dict[str, GateForm | None] = {
            "record": _form(one, line),
            "override": OverrideForm(**_about(line, gate)) if lead and one.lead_may_open else None,
            "take_back": TakeBackForm(**_about(line, gate)) if may_take_back(gate, request.user) else None,
        }
        if posted is not None and posted.kind == gate.kind:
            forms[_named(posted)] = posted
        found.append({"line": one, **forms})
    todo = [entry for entry in found if entry["line"].open]
    first = next((entry for entry in todo if entry["record"]), None)
    return {
        "todo": todo,
        "rest": [entry for entry in found if not entry["line"].open],
        # One button stands out: booking when nothing is in its way, else the first thing to record.
        "primary": None if line.bookable else first,
    }


def _named(form: GateForm) -> str:
    """What the address of a form says it does: record, override or take_back."""
    return {OverrideForm: "override", TakeBackForm: "take_back"}.get(type(form), "record")


def _about(line: board.Line, gate: Gate) -> dict[str, Any]:
    return {"gate": gate, "dose": line.row.dose, "visit": line.row.visit, "today": line.today}


def _form(one: board.GateLine, line: board.Line, data: Any = None) -> GateForm | None:
    if not one.form:
        return None
    begin = initial_of(one.form, one.gate.state, line.row.visit)
    return FORMS[one.form](data, initial=begin, **_about(line, one.gate))


def _posted(request: HttpRequest, line: board.Line) -> GateForm:
    """The form that was sent: of a gate this dose has, with what that gate asks for; anything else is not found."""
    one = next((one for one in line.gates if one.gate.kind == request.POST.get("gate")), None)
    if one is None:
        raise Http404
    does = request.POST.get("do")
    if does == "override":
        return OverrideForm(request.POST, **_about(line, one.gate))
    if does == "take_back" and may_take_back(one.gate, request.user):
        return TakeBackForm(request.POST, **_about(line, one.gate))
    form = _form(one, line, request.POST) if does == "record" else None
    if form is None:
        raise Http404
    return form


def _said(line: board.Line, form: GateForm) -> str:
    title = form.gate.title
    if isinstance(form, TakeBackForm):
        return _("%(what)s: taken back, with the reason on file.") % {"what": title}
    if isinstance(form, OverrideForm):
        return _("%(what)s: opened, with the reason on file.") % {"what": title}
    fresh = _line(gates.row_of(line.row.dose, Files.of([line.row.dose])))
    if fresh.bookable and not line.bookable:
        return _("%(what)s is on file. The dose can be booked now.") % {"what": title}
    return _("%(what)s is on file.") % {"what": title}


def _return_to(line: board.Line, back: str) -> str:
    """The board as it was, with the row still open; without one the dose's own page."""
    if not back:
        return reverse("dose-readiness", args=[line.row.dose.pk])
    wished = _wished(parse_qsl(back))
    return f"{_url({**wished, 'open': str(line.row.dose.pk)})}#dose-{line.row.dose.pk}"


def _wished(pairs: Any) -> dict[str, str]:
    """The filters, each one that we know or none."""
    asked = dict(pairs)
    days, page = asked.get("days", ""), asked.get("page", "")
    return {
        "gate": asked.get("gate", "") if asked.get("gate") in board.COLUMNS else "",
        "state": asked.get("state", "") if asked.get("state") in board.STATES else "",
        "days": days if days in map(str, board.DAYS) else str(gates.AHEAD_DAYS),
        "page": page if page.isdecimal() and len(page) < 6 else "",
    }


def _query(wished: dict[str, str]) -> str:
    plain = {"days": str(gates.AHEAD_DAYS), "page": "1"}
    return urlencode({name: value for name, value in wished.items() if value and plain.get(name) != value})


def _url(wished: dict[str, str]) -> str:
    query = _query(wished)
    return f"{reverse('readiness')}?{query}" if query else reverse("readiness")


def _gate_filters(lines: list[board.Line], wished: dict[str, str]) -> list[dict[str, Any]]:
    counted = board.counts(lines)
    found = [
        {"label": _("All"), "url": _url({**wished, "gate": "", "page": ""}), "current": not wished["gate"]}
    ]
    for name, label in board.COLUMNS.items():
        url = _url({**wished, "gate": name, "page": ""})
        found.append({"label": label, "url": url, "current": wished["gate"] == name, "count": counted[name]})
    return found


def _state_filters(lines: list[board.Line], wished: dict[str, str]) -> list[dict[str, Any]]:
    counted = board.state_counts(lines)
    found = [
        {
            "label": _("Any state"),
            "url": _url({**wished, "state": "", "page": ""}),
            "current": not wished["state"],
        }
    ]
    for name, label in board.STATES.items():
        url = _url({**wished, "state": name, "page": ""})
        found.append({"label": label, "url": url, "current": wished["state"] == name, "count": counted[name]})
    return found


def _span_filters(wished: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "label": _("%(n)d days") % {"n": days},
            "url": _url({**wished, "days": str(days), "page": ""}),
            "current": wished["days"] == str(days),
        }
        for days in board.DAYS
    ]
