"""The board of a week or a day, and what keeps an open board true."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from scheduling import clock, selectors
from scheduling.forms.board import DropForm
from scheduling.readings import board, board_day, board_state, queue, words

WAITING = 6  # lines of the queue beside the day
MOST_ROWS = 500  # rows asked for at once; who has missed more gets the whole board


@selectors.office_only
def board_page(request: HttpRequest) -> HttpResponse:
    """?view=week (as it comes) or day, around ?date= (today unless it can be read)."""
    today, chosen, days = asked(request)
    by_day = len(days) == 1
    # Read before the rows: a change in between is shown now and fetched once more, never missed.
    state, _now = _state(days)
    context = {
        **_part(request, days, None),
        "section": "board",
        "chosen": chosen,
        "state": state,
        "say": _said(),
        "live": {
            "version": state.version,
            "poll": _url("board-changes", days),
            "targets": _url("visit-targets", days, 0),
        },
        **_ways(days, chosen, today),
    }
    if by_day:
        context["waiting"] = queue.rows(request.user)[:WAITING]
    context["form"] = DropForm(auto_id="drop_%s")
    return render(request, f"scheduling/board/{context['view']}.html", context)


@selectors.office_only
def changes(request: HttpRequest) -> HttpResponse:
    """For an open board: 304 while nothing changed (If-None-Match), else the signatures of its rows.

    With ?rows=3,9 (nurses) the rows themselves, as the page has them, and the line above the board.
    """
    _today, _chosen, days = asked(request)
    if "rows" in request.GET:
        keys = {int(key) for key in request.GET["rows"].split(",") if key.isdecimal() and len(key) < 15}
        only = frozenset(keys) if len(keys) <= MOST_ROWS else None
        return render(request, "scheduling/board/_rows.html", _part(request, days, only))
    state, now = _state(days)
    etag = f'"{state.version}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers=headers)
    return JsonResponse({"version": state.version, "rows": state.rows, "now": now}, headers=headers)


def asked(request: HttpRequest) -> tuple[date, date, list[date]]:
    """Today, the day of the address, and the days of the board around it, all the agency's."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE)
    chosen = _day(request.GET.get("date", ""), today)
    if request.GET.get("view") == "day":
        return today, chosen, [chosen]
    monday = chosen - timedelta(days=chosen.weekday())
    return today, chosen, [monday + timedelta(days=n) for n in range(7)]


def _state(days: list[date]) -> tuple[board_state.State, int | None]:
    now = timezone.now()
    column = board_day.now_column(now, days[0]) if len(days) == 1 else None
    return board_state.state(days, now_column=column, now=now), column


def _part(request: HttpRequest, days: list[date], only: frozenset[int] | None) -> dict[str, Any]:
    """What the rows and the line above them need."""
    stretch = board.load(request.user, days, _link)
    by_day = len(days) == 1
    if by_day:
        drawn = board_day.day(stretch, only)
    else:
        closing = board.windows_closing(request.user, days, stretch.today)
        drawn = board.week(stretch, closing, only)
    return {"view": "day" if by_day else "week", "board": drawn, "summary": board.summary(stretch)}


def _ways(days: list[date], chosen: date, today: date) -> dict[str, Any]:
    """The title, and where the buttons above the board lead."""
    by_day = len(days) == 1
    view, step = ("day", timedelta(days=1)) if by_day else ("week", timedelta(days=7))
    opened = chosen if by_day or chosen != days[0] or today not in days else today
    return {
        "title_on": words.day_words(chosen) if by_day else words.day_words(days[0]).partition(", ")[2],
        "earlier": _board(view, chosen - step),
        "later": _board(view, chosen + step),
        "today_url": _board(view, today),
        "week_url": _board("week", chosen),
        "day_url": _board("day", opened),
    }


def _day(said: str, today: date) -> date:
    """The day of the address, kept to years a calendar can draw; today for anything else."""
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return today
    return day if 2000 <= day.year <= 2100 else today


def _board(view: str, day: date) -> str:
    return f"{reverse('board')}?{urlencode({'view': view, 'date': day.isoformat()})}"


def _url(name: str, days: list[date], *keys: int) -> str:
    view = "day" if len(days) == 1 else "week"
    return f"{reverse(name, args=keys)}?{urlencode({'view': view, 'date': days[0].isoformat()})}"


def _link(kind: str, key: int) -> str:
    """Addresses for the reading, which knows none."""
    if kind == "add":
        return f"{_address('queue')}?nurse={key}&day="
    return _address(kind, "0").replace("/0/", f"/{key}/")


@cache  # a board has thousands of links of four kinds
def _address(kind: str, *keys: str) -> str:
    return reverse(kind, args=keys)


def _said() -> dict[str, Any]:
    """What the board's script says, in the reader's language; words in braces are filled in there."""
    return {
        "up": _(
            "Picked up {name}, {when}, {nurse}. Arrow keys move it, Enter puts it there, Escape leaves it."
        ),
        "wait": _("Looking where it can go…"),
        "step": _("{when}, {nurse}. {verdict}"),
        "verdicts": [_("Free"), _("Needs a reason: {why}"), _("Not possible: {why}")],
        "stays": _("{name} stays where it was."),
        "refused": _("{name} was not moved. {why}"),
        "closed": _("{name} can no longer be moved."),
        "gone": _("This nurse is not on the board any more."),
        "place": _("{when} with {nurse}"),
        "now": _("Now: {where}"),
        "new": _("New: {where}"),
        "failed": _("That did not arrive. Nothing was changed; try again."),
    }
