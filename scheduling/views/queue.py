"""Needs booking: the coordinator's home. The list, on paper and as a file; and what is over without an outcome."""

from __future__ import annotations

import csv
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from scheduling import clock, selectors
from scheduling.readings import (
    not_ready,
    plan_marks,
    queue,
    queue_filters,
    queue_table,
    uncovered,
    unresolved,
    words,
)
from scheduling.readings.queue_filters import Wished
from scheduling.services import events
from scheduling.services.attention import NURSE_AWAY as AWAY
from scheduling.views.booking import day_in, key_in

PAGE = 50


@selectors.office_only
def needs_booking(request: HttpRequest) -> HttpResponse:
    """The queue, narrowed by the address; ?nurse= and ?day= travel on to the times. `part=head`: only the counts."""
    lines, wished = queue.lines(request.user), Wished.of(request.GET)
    onward = {name: request.GET[name] for name in ("nurse", "day") if request.GET.get(name)}
    context = {
        "section": "queue",
        "wished": wished,
        "total": len(lines),
        "tabs": queue_filters.tabs(lines, wished),
        "here": request.path + wished.address(),
        "unresolved": unresolved.unresolved(request.user).count(),
    }
    if request.htmx and request.GET.get("part") == "head":
        return render(request, "scheduling/queue/_head.html", context)
    lost = set(uncovered.reasons(request.user)) if selectors.may_write(request.user) else set()
    risky = not_ready.lines(request.user) if not wished.narrowed else []
    decisions = list(queue.needing_a_decision(request.user)) if not wished.narrowed else []
    page = Paginator(wished.keep(lines), PAGE).get_page(request.GET.get("page"))
    page.object_list = plan_marks.told(page.object_list)
    context |= {
        "lost": len(lost),
        "page": page,
        "decisions": [visit for visit in decisions if visit.pk not in lost or visit.attention_code != AWAY],
        "not_ready": risky,
        "unconfirmed": sum(line.unconfirmed for line in risky),
        "ready_days": not_ready.WITHIN.days,
        "asked_days": not_ready.ASKED.days,
        "selects": queue_filters.selects(lines, wished),
        "onward": f"?{urlencode(onward)}" if onward else "",
        "booked": _just_booked(request),
        "cancelled": _just_cancelled(request),
        "chosen": _chosen(request, onward),
    }
    return render(request, "scheduling/queue/page.html", context)


@selectors.office_only
def printed(request: HttpRequest) -> HttpResponse:
    """The whole narrowed list on paper: no pages, no buttons."""
    wished = Wished.of(request.GET)
    lines = wished.keep(queue.lines(request.user))
    events.charts_read({line.patient for line in lines}, by=request.user, what="printed queue")
    context = {
        "section": "queue",
        "lines": lines,
        "wished": wished,
        "today": clock.today_in(settings.AGENCY_TIME_ZONE),
    }
    return render(request, "scheduling/queue/printed.html", context)


@selectors.office_only
def as_csv(request: HttpRequest) -> HttpResponse:
    """The narrowed list as a file for a spreadsheet: no cell of it is taken for a formula."""
    lines = Wished.of(request.GET).keep(queue.lines(request.user))
    events.charts_read({line.patient for line in lines}, by=request.user, what="queue as a file")
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    today = clock.today_in(settings.AGENCY_TIME_ZONE)
    response["Content-Disposition"] = f'attachment; filename="needs-booking-{today}.csv"'
    response.write("\ufeff")  # without it a spreadsheet reads accents wrong
    csv.writer(response).writerows(queue_table.rows(lines))
    return response


@selectors.office_only
def worklist(request: HttpRequest) -> HttpResponse:
    """Visits that are over with no outcome, the oldest first. None of them is guessed."""
    visits = unresolved.unresolved(request.user)
    page = Paginator(visits.select_related("planned_check"), PAGE).get_page(request.GET.get("page"))
    context = {"section": "queue", "page": page, "lines": unresolved.lines(page.object_list)}
    return render(request, "scheduling/queue/unresolved.html", context)


def _chosen(request: HttpRequest, onward: dict[str, str]) -> str:
    """`Ana Ruiz RN, Tue, Jan 6`: who and when the board asked for; "" when it did not, or not sensibly."""
    key, day = key_in(onward.get("nurse")), day_in(onward)
    if key is None or not day:
        return ""
    nurse = selectors.nurses_for(request.user).filter(pk=key).first()
    return f"{nurse.listed_name}, {words.day_words(day, year=False)}" if nurse else ""


def _just_booked(request: HttpRequest) -> list[Any]:
    """What was booked a moment ago, to be undone until the next page."""
    ids = request.session.pop("just_booked", [])
    if not ids:
        return []
    return list(selectors.visits_for(request.user).filter(pk__in=ids, state="booked").order_by("starts_at"))


def _just_cancelled(request: HttpRequest) -> dict[str, Any] | None:
    """What was cancelled a moment ago, with its words."""
    return request.session.pop("just_cancelled", None)
