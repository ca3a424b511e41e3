"""The board of a week or a day."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from scheduling import clock, selectors
from scheduling.readings import board, queue, words

WAITING = 6  # lines of the queue beside the day


@selectors.office_only
def board_page(request: HttpRequest) -> HttpResponse:
    """?view=week (as it comes) or day, around ?date= (today unless it can be read)."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE)
    chosen = _day(request.GET.get("date", ""), today)
    by_day = request.GET.get("view") == "day"
    monday = chosen - timedelta(days=chosen.weekday())
    days = [chosen] if by_day else [monday + timedelta(days=n) for n in range(7)]
    stretch = board.load(request.user, days, _link)
    step = timedelta(days=1 if by_day else 7)
    view = "day" if by_day else "week"
    context = {
        "section": "board",
        "view": view,
        "chosen": chosen,
        "title_on": words.day_words(chosen) if by_day else words.day_words(monday).partition(", ")[2],
        "summary": board.summary(stretch),
        "earlier": _url(view, chosen - step),
        "later": _url(view, chosen + step),
        "today_url": _url(view, today),
        "week_url": _url("week", chosen),
        "day_url": _url("day", chosen if by_day or chosen != monday or today not in days else today),
        "first_day": days[0],
        **(
            {"board": board.day(stretch), "waiting": queue.rows(request.user)[:WAITING]}
            if by_day
            else {"board": board.week(stretch, board.windows_closing(request.user, days, today))}
        ),
    }
    return render(request, f"scheduling/board/{view}.html", context)


def _day(said: str, today: date) -> date:
    """The day of the address, kept to years a calendar can draw; today for anything else."""
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return today
    return day if 2000 <= day.year <= 2100 else today


def _url(view: str, day: date) -> str:
    return f"{reverse('board')}?{urlencode({'view': view, 'date': day.isoformat()})}"


def _link(kind: str, key: int) -> str:
    """Addresses for the reading, which knows none."""
    if kind == "add":
        return f"{reverse('queue')}?nurse={key}&day="
    return reverse(kind, args=[key])
