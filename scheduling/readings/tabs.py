"""The tabs of a chart besides the calendar: visits, papers, records, notices, people, history. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients.models import Patient
from scheduling.models import Call, DoseRecord, Event, Notice, Visit
from scheduling.readings import calls as caller
from scheduling.readings import notices as outbox
from scheduling.readings import people
from scheduling.readings.chart_words import day_words, plain
from scheduling.readings.trail import happenings, moment, who
from scheduling.readings.words import mg_words
from scheduling.services.readiness import title_of

__all__ = ["NAMES", "READERS", "facts", "happenings", "trail"]

NAMES = {
    "calendar": gettext_lazy("Calendar"),
    "visits": gettext_lazy("Visits"),
    "papers": gettext_lazy("Papers"),
    "records": gettext_lazy("Reactions and records"),
    "notices": gettext_lazy("Notices"),
    "people": gettext_lazy("People"),
    "history": gettext_lazy("History"),
}
VISIT_STATUS = {
    "confirmed": "ok", "booked": "wait", "held": "wait", "en_route": "live", "arrived": "live",
    "in_progress": "live", "completed": "done", "cancelled": "done", "moved": "done", "missed": "stop",
}  # fmt: skip
REACTION_STATUS = {
    "none": "ok",
    "mild": "wait",
    "moderate": "wait",
    "severe": "stop",
    "life_threatening": "stop",
}
LONGEST = 200  # rows of a tab; nobody has had more infusions than this at home


def facts(patient: Patient, today: date) -> list[str]:
    """The short line under a patient's name."""
    born = patient.date_of_birth
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    found = [
        str(age),
        _("born %(day)s") % {"day": day_words(born)},
        patient.city,
        patient.get_language_display(),
    ]
    if patient.prefers:
        found.append(_("prefers %(when)s") % {"when": patient.get_prefers_display().lower()})
    return [*found, _("MRN %(mrn)s") % {"mrn": patient.mrn}]


def visits(patient: Patient) -> dict[str, Any]:
    """Every visit there was or will be, latest first."""
    rows = (
        Visit.objects.filter(patient=patient).select_related("nurse", "dose").order_by("-starts_at")[:LONGEST]
    )
    return {
        "visits": [
            {
                "visit": visit,
                "when": moment(visit.starts_at, visit.time_zone),
                "nurse": f"{visit.nurse.first_name} {visit.nurse.last_name}",
                "what": _("Dose %(n)s") % {"n": visit.dose.number}
                if visit.dose
                else visit.get_kind_display(),
                "status": "stop" if visit.attention else VISIT_STATUS[visit.state],
                "word": _("Needs a decision") if visit.attention else visit.get_state_display(),
            }
            for visit in rows
        ]
    }


def papers(patient: Patient) -> dict[str, Any]:
    """Every paper, withdrawn ones marked."""
    rows = patient.evidence.select_related("recorded_by")[:LONGEST]
    return {
        "papers": [
            {
                "paper": paper,
                "title": title_of(paper.kind),
                "dated": day_words(paper.dated_on),
                "until": day_words(paper.valid_until_on) if paper.valid_until_on else "",
                "who": who(paper.recorded_by),
                "status": "done" if paper.withdrawn_at else "ok" if paper.clear else "stop",
                "word": _("Withdrawn")
                if paper.withdrawn_at
                else _("On file")
                if paper.clear
                else _("Forbids dosing"),
            }
            for paper in rows
        ]
    }


def records(patient: Patient) -> dict[str, Any]:
    """What was given, with corrections, and what was measured."""
    rows = (
        DoseRecord.objects.filter(dose__prescription__patient=patient)
        .select_related("dose__prescription", "recorded_by", "amended_by")
        .order_by("-given_on", "-pk")[:LONGEST]
    )
    measured = patient.measurements.select_related("recorded_by")[:LONGEST]
    return {
        "records": [
            {
                "record": record,
                "given": day_words(record.given_on, weekday=True),
                "amount": mg_words(record.amount_mg),
                "who": who(record.recorded_by),
                "status": REACTION_STATUS[record.reaction],
                "word": record.get_reaction_display() if record.reaction != "none" else _("No reaction"),
                "corrected": hasattr(record, "amended_by"),
            }
            for record in rows
        ],
        "measurements": [
            {
                "title": one.get_kind_display(),
                "value": plain(one.value),
                "on": day_words(one.measured_on),
                "who": who(one.recorded_by),
            }
            for one in measured
        ],
    }


def notices(patient: Patient) -> dict[str, Any]:
    """Follow-up calls, and messages owed, sent, not sent, with why; the latest first."""
    rows = Notice.objects.filter(patient=patient).select_related("patient", "user", "visit")
    calls = Call.objects.filter(patient=patient).select_related("prescription", "dose", "visit")
    return {
        "lines": outbox.lines(rows.order_by("-due_at", "-pk")[:LONGEST]),
        "calls": [_call(call) for call in calls.order_by("-due_on", "-pk")[:LONGEST]],
    }


def _call(call: Call) -> dict[str, Any]:
    status, word = CALL_STATUS[call.state], call.get_state_display()
    if call.last_outcome and call.state != Call.State.MOOT:
        status, word = caller.outcome_words(call.last_outcome)
    return {
        "row": call,
        "about": caller.about_words(call),
        "due": day_words(call.due_on),
        "status": status,
        "word": word,
    }


def trail(patient: Patient, *, reads: bool) -> QuerySet[Event]:
    """What happened to this patient's data, latest first; looks at the chart only when asked for."""
    found = Event.objects.filter(patient=patient).select_related("actor")
    return found.filter(action="chart_read") if reads else found.exclude(action="chart_read")


CALL_STATUS = {"owed": "wait", "done": "ok", "moot": "hold", "given_up": "stop"}
READERS: dict[str, Callable[[Patient], dict[str, Any]]] = {
    "visits": visits, "papers": papers, "records": records, "notices": notices,
    "people": people.people,
}  # fmt: skip
