"""The style guide: every component in every state, on one page, for those who build pages."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from infusion_home.widgets import DateParts, NumberText
from scheduling.drawing import Mark, Stop

TODAY = date(2026, 11, 21)
STATUSES = [
    ("ok", "Confirmed"),
    ("wait", "Not confirmed"),
    ("live", "Infusing"),
    ("done", "Done"),
    ("hold", "On hold"),
    ("stop", "Reaction"),
]
FRAMES = {"staff": "base_staff.html", "nurse": "base_nurse.html", "patient": "base_patient.html"}


class SampleForm(forms.Form):
    """One field of each sort."""

    name = forms.CharField(label="Patient's name", help_text="Last, First")
    weight_kg = forms.DecimalField(label="Weight in kg", required=False, widget=NumberText)
    born_on = forms.DateField(label="Born on", widget=DateParts, help_text="For example 7 2 1982")
    fever = forms.ChoiceField(
        label="Have you had a fever or chills in the last 7 days?",
        choices=[("yes", "Yes"), ("no", "No"), ("unsure", "I'm not sure (a nurse will call you)")],
        widget=forms.RadioSelect,
    )
    channel = forms.ChoiceField(label="How we reach them", choices=[("text", "Text"), ("email", "E-mail")])
    days = forms.MultipleChoiceField(
        label="Which days suit?",
        choices=[("mon", "Monday, December 21"), ("tue", "Tuesday, December 22")],
        widget=forms.CheckboxSelectMultiple,
    )
    note = forms.CharField(label="Note", widget=forms.Textarea, required=False)
    agreed = forms.BooleanField(label="The patient has agreed to texts", required=False)


def style_guide(request: HttpRequest) -> HttpResponse:
    """The page in the frame of ?as=staff|nurse|patient. Not found outside the demo, tests and DEBUG."""
    if not (settings.DEBUG or settings.MODE in {"demo", "test"}):
        raise Http404
    role = request.GET.get("as", "staff")
    role = role if role in FRAMES else "staff"
    return render(request, "ui/styleguide.html", {"frame": FRAMES[role], "role": role, **samples()})


def samples() -> dict[str, Any]:
    """What the page shows: invented people, plain values."""
    return {
        "statuses": STATUSES,
        "form": SampleForm(),
        "wrong_form": SampleForm(
            {
                "name": "",
                "weight_kg": "7o",
                "born_on_month": "2",
                "born_on_day": "30",
                "born_on_year": "1982",
            },
            auto_id="wrong_%s",
        ),
        "page": Paginator(range(95), 20).page(2),
        "today": TODAY,
        "marks": timeline_marks(),
        "many_marks": monthly_marks(),
        "stops": route_stops(),
        "gates": gates(),
        "visits": visits(),
        **board(),
        **week(),
        **lists(),
    }


def timeline_marks() -> list[Mark]:
    """Twice a year, the first dose in two parts, labs between."""
    return [
        Mark(date(2025, 5, 5), "given", "1a", "Dose 1a given May 5, 2025, 300 mg"),
        Mark(date(2025, 5, 19), "given", "1b", "Dose 1b given May 19, 2025, 300 mg"),
        Mark(date(2025, 7, 7), "lab", "IgG", "Immunoglobulin G July 7, 2025: normal"),
        Mark(date(2025, 10, 20), "given", "2", "Dose 2 given October 20, 2025, 600 mg"),
        Mark(date(2026, 4, 6), "missed", "3", "Dose 3 missed April 6, 2026"),
        Mark(date(2026, 5, 4), "given", "3", "Dose 3 given May 4, 2026, 600 mg"),
        Mark(date(2026, 9, 1), "lab", "Hep B negative", "Hepatitis B screen September 1, 2026: negative"),
        Mark(
            date(2026, 11, 23),
            "next",
            "4",
            "Dose 4 due November 23, 2026",
            date(2026, 11, 9),
            date(2026, 12, 7),
        ),
        Mark(date(2027, 2, 1), "lab-due", "IgG due", "Immunoglobulin G due February 1, 2027"),
        Mark(date(2027, 5, 10), "planned", "5", "Dose 5 planned May 10, 2027"),
        Mark(date(2027, 10, 25), "hold", "6", "Dose 6 on hold: <needs a renewed order>"),
    ]


def monthly_marks() -> list[Mark]:
    """Every four weeks: more than a card is wide."""
    first, marks = date(2025, 4, 13).toordinal(), []
    for number in range(1, 29):
        on = date.fromordinal(first + 28 * (number - 1))
        kind = "given" if on < TODAY else "booked" if number == 22 else "planned"
        marks.append(Mark(on, kind, str(number), f"Dose {number}", on, on))
    return marks


def route_stops() -> list[Stop]:
    """A day across Dallas."""
    return [
        Stop(32.78, -96.80, "", "Home"),
        Stop(32.86, -96.97, "1", "8:00 Maria K.", "past", 22),
        Stop(32.81, -96.95, "2", "10:45 James O.", "now", 12),
        Stop(32.93, -96.72, "3", "2:30 Eva L.", "next", 28),
    ]


def gates() -> list[dict[str, str]]:
    """Readiness of one dose."""
    return [
        {"word": "Prescription", "status": "ok", "text": "to Mar 2027"},
        {"word": "Authorization", "status": "ok", "text": "to Jan 31"},
        {"word": "Labs", "status": "stop", "text": "hepatitis B missing"},
        {"word": "Drug delivery", "status": "wait", "text": "arrives Nov 24"},
    ]


def visits() -> list[dict[str, Any]]:
    """One visit a status."""
    minutes = {"prepare": 60, "infusion": 210, "observation": 60}
    return [
        {
            "url": "#",
            "name": f"{name}",
            "when": "8:00–1:30",
            "what": "Ocrelizumab 600 mg",
            "status": s,
            "word": w,
        }
        | minutes
        for (s, w), name in zip(
            STATUSES,
            ["Osei, James", "Novak, Petr", "Haddad, Samira", "Keller, Maria", "Park, Hana", "Reyes, Daniel"],
            strict=True,
        )
    ]


def board() -> dict[str, Any]:
    """A day: two nurses, one gap that does not fit, one afternoon off."""
    plan = [("Ana Ruiz RN", 0, 8, 405), ("Ben Okafor RN", 2, 11, 500)]
    rows = []
    for nurse, which, start, used in plan:
        first, second = visits()[which], visits()[which + 1]
        rows.append(
            {
                "nurse": nurse,
                "url": "#",
                "used": used,
                "capacity": 480,
                "items": [
                    {**first, "column": start, "width": 16},
                    {"kind": "drive", "minutes": 22, "bad": which == 2, "column": start + 16, "width": 2},
                    {**second, "column": start + 18, "width": 12},
                    {"kind": "break", "word": "Break", "column": start + 31, "width": 2},
                    {"kind": "off", "word": "off", "column": 48, "width": 8},
                    {"kind": "out", "column": 56, "width": 8},
                ],
            }
        )
    words = [f"{h if h <= 12 else h - 12} {'am' if h < 12 else 'pm'}" for h in range(6, 22)]
    hours = [{"column": 4 * i, "word": word} for i, word in enumerate(words) if i]
    return {"hours": hours, "board_rows": rows, "now": 25}


def week() -> dict[str, Any]:
    """Three nurses, seven days."""
    names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    days = [{"name": n, "date": f"Nov {23 + i}", "today": i == 1} for i, n in enumerate(names)]
    days[4]["note"] = "2 windows close this weekend"
    rows = []
    for r, nurse in enumerate(["Ana Ruiz RN", "Ben Okafor RN", "Chloe Tran RN"]):
        cells = []
        for d, day in enumerate(days):
            count = 0 if d > 4 else (r + 2 * d) % 4
            chosen = [_chip(visits()[(r + d + i) % 6], 8 + 3 * i) for i in range(count)]
            cell = {
                "label": f"{day['name']} {day['date']}",
                "today": day["today"],
                "visits": chosen,
                "add_url": "#",
            }
            cells.append(
                cell | {"used": 190 * count, "capacity": 480, "off": "Off" if (r, d) == (2, 3) else ""}
            )
        rows.append({"nurse": nurse, "url": "#", "note": "Plano, Irving", "cells": cells})
    return {"days": days, "week_rows": rows}


def _chip(visit: dict[str, Any], hour: int) -> dict[str, Any]:
    """A visit as the week shows it: the hour without am or pm, the family name alone."""
    family, comma, first = visit["name"].partition(",")
    return visit | {
        "when": f"{hour % 12 or 12}:00 {'am' if hour < 12 else 'pm'}",
        "short": f"{hour % 12 or 12}:00",
        "family": family,
        "after_family": comma + first,
    }


def lists() -> dict[str, Any]:
    """Tabs, filters, a table, slots, reasons."""
    return {
        "tabs": [
            {"label": "Calendar", "url": "#", "current": True},
            {"label": "Visits", "url": "#", "count": 3},
            {"label": "History", "url": "#"},
        ],
        "filters": [
            {"label": "All", "url": "#", "current": True},
            {"label": "Late soon", "url": "#", "count": 1},
            {"label": "On hold", "url": "#", "count": 2},
        ],
        "headers": [
            {"label": "Patient", "url": "?sort=name", "direction": "ascending"},
            {"label": "Dose", "url": "?sort=dose"},
            {"label": "State"},
            {"label": "Minutes", "end": True},
        ],
        "rows": [
            [{"text": "Abara, Grace", "url": "#", "small": "Plano"}, "Ocrelizumab 5", STATUS_CELLS[1], "270"],
            [
                {"text": "Silva, Tomás", "url": "#", "small": "Irving"},
                "Ublituximab 2",
                STATUS_CELLS[0],
                "150",
            ],
            [
                {"text": "Zhou, Lin", "url": "#", "small": "Arlington"},
                "Ocrelizumab 1b",
                STATUS_CELLS[4],
                "270",
            ],
        ],
        **_slots_and_reasons(),
    }


def _slots_and_reasons() -> dict[str, Any]:
    return {
        "slots": [
            {
                "when": "Tue 9:00 am",
                "nurse": "Elif",
                "best": True,
                "reasons": ["Knows Grace, 3 visits", "+12 min drive"],
            },
            {"when": "Tue 1:30 pm", "nurse": "Dev", "reasons": ["+25 min drive"]},
        ],
        "reasons": [
            {
                "text": "24 weeks after the dose of May 4, 2026, and not before 5 months.",
                "source": "US label 2.2",
            },
            {
                "text": "Dose 3 was 4 weeks late, so the rest follow the day it was given.",
                "source": "House rule H4",
            },
        ],
    }


STATUS_CELLS = [{"status": status, "word": word} for status, word in STATUSES]
