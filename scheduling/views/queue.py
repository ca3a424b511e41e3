"""Needs booking: the coordinator's home."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from scheduling import selectors
from scheduling.readings import queue, words
from scheduling.readings.patient_list import drug_name
from scheduling.readings.queue import Row
from scheduling.services import doses
from scheduling.views.booking import day_in

PAGE = 50
SHOWN: dict[str, Callable[[Row], bool]] = {
    "": lambda row: True,
    "overdue": lambda row: row.days_left < 0,
    "week": lambda row: 0 <= row.days_left <= 7,
    "blocked": lambda row: row.blocked and not row.on_hold,
    "hold": lambda row: row.on_hold,
}


@selectors.office_only
def needs_booking(request: HttpRequest) -> HttpResponse:
    """The queue, narrowed by ?show=, ?language= and ?drug=; ?nurse= and ?day= travel on to the booking page."""
    everything = queue.rows(request.user)
    wished = {name: request.GET.get(name, "") for name in ("show", "language", "drug")}
    keep = SHOWN.get(wished["show"], SHOWN[""])
    rows = [
        row
        for row in everything
        if keep(row)
        and wished["language"] in ("", row.patient.language)
        and wished["drug"] in ("", doses.drug_code(row.dose.prescription.regimen_id))
    ]
    decisions = list(queue.needing_a_decision(request.user)) if not any(wished.values()) else []
    for visit in decisions:
        visit.decision = queue.decision_text(visit)
        visit.over = not visit.attention
    onward = {name: request.GET[name] for name in ("nurse", "day") if request.GET.get(name)}
    context = {
        "section": "queue",
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "decisions": decisions,
        "filters": _filters(everything, wished),
        "drugs": _drugs(everything, wished),
        "narrowed": any(wished.values()),
        "total": len(everything),
        "onward": f"?{urlencode(onward)}" if onward else "",
        "booked": _just_booked(request),
        "chosen": _chosen(request, onward),
    }
    return render(request, "scheduling/queue/page.html", context)


def _chosen(request: HttpRequest, onward: dict[str, str]) -> str:
    """`Ana Ruiz RN, Tue, Jan 6`: who and when the board asked for; "" when it did not, or not sensibly."""
    key, day = onward.get("nurse", ""), day_in(onward)
    if not (key.isdecimal() and len(key) < 15 and day):
        return ""
    nurse = selectors.nurses_for(request.user).filter(pk=int(key)).first()
    return f"{nurse.listed_name}, {words.day_words(day, year=False)}" if nurse else ""


def _just_booked(request: HttpRequest) -> Any:
    """The visit booked a moment ago, to be undone until the next page; None otherwise."""
    visit_id = request.session.pop("just_booked", None)
    if visit_id is None:
        return None
    return selectors.visits_for(request.user).filter(pk=visit_id, state="booked").first()


def _filters(rows: Sequence[Row], wished: dict[str, str]) -> list[dict[str, Any]]:
    labels = {
        "": _("All"),
        "overdue": _("Overdue"),
        "week": _("This week"),
        "blocked": _("Blocked"),
        "hold": _("On hold"),
    }
    found = [
        {
            "label": label,
            "url": _url(wished, show=name),
            "current": wished["show"] == name,
            "count": sum(map(SHOWN[name], rows)),
        }
        for name, label in labels.items()
    ]
    spanish = wished["language"] == "es"
    found.append(
        {
            "label": _("Spanish"),
            "url": _url(wished, language="" if spanish else "es"),
            "current": spanish,
            "count": sum(row.patient.language == "es" for row in rows),
        }
    )
    return found


def _drugs(rows: Sequence[Row], wished: dict[str, str]) -> list[dict[str, Any]]:
    counted = Counter(doses.drug_code(row.dose.prescription.regimen_id) for row in rows)
    choices = [{"label": _("All drugs"), "url": _url(wished, drug=""), "current": not wished["drug"]}]
    choices += [
        {
            "label": drug_name(drug),
            "url": _url(wished, drug=drug),
            "current": wished["drug"] == drug,
            "count": number,
        }
        for drug, number in sorted(counted.items())
    ]
    return choices


def _url(wished: dict[str, str], **changed: str) -> str:
    parts = {name: value for name, value in {**wished, **changed}.items() if value}
    return f"{reverse('queue')}?{urlencode(parts)}" if parts else reverse("queue")
