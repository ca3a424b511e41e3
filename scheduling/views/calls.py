"""Follow-up calls: the list of the caller, and one call with its script and what came of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from scheduling import selectors
from scheduling.forms.calls import AttemptForm
from scheduling.forms.fields import refuse
from scheduling.models import Call
from scheduling.readings import calls as readings
from scheduling.rules.errors import Refused
from scheduling.services import calls, events, notices, voice

PAGE = 50
LANGUAGES = {"en": "English", "es": "Spanish"}
FIELDS = {"call_again_at": "again_on"}


@require_safe
@selectors.office_only
def calls_page(request: HttpRequest) -> HttpResponse:
    """The worklist: `?show=` the tab, `?kind=` and `?language=` narrow it. Nothing of a person is in the address."""
    show = request.GET.get("show", "")
    show = show if show in readings.TABS else ""
    kind, language = _known(request, "kind", Call.Kind.values), _known(request, "language", LANGUAGES)
    now = timezone.now()
    if show == readings.DONE:
        found: Any = readings.tried_today(request.user, now=now)
    else:
        found = readings.owed(request.user, show, kind=kind, language=language, now=now)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    lines = [] if show == readings.DONE else readings.rows(page.object_list, now=now)
    context = {
        "section": "calls",
        "page": page,
        "show": show,
        "groups": readings.grouped(lines) if show == readings.TODAY else [("", lines)] if lines else [],
        "tries": readings.tries(page.object_list) if show == readings.DONE else [],
        "tabs": _tabs(request.user, show, now),
        "selects": _selects(kind, language),
        "narrowed": bool(kind or language),
    }
    return render(request, "scheduling/calls/page.html", context)


def _known(request: HttpRequest, name: str, values: Any) -> str:
    asked = request.GET.get(name, "")
    return asked if asked in values else ""


def _tabs(user: selectors.Viewer, current: str, now: Any) -> list[dict[str, Any]]:
    counts = {
        readings.TODAY: readings.owed(user, now=now).count(),
        readings.COMING: readings.owed(user, readings.COMING, now=now).count(),
        readings.DONE: readings.tried_today(user, now=now).count(),
    }
    return [
        {
            "label": label,
            "url": reverse("calls") + (f"?{urlencode({'show': name})}" if name else ""),
            "current": name == current,
            "count": counts[name],
        }
        for name, label in readings.TABS.items()
    ]


def _selects(kind: str, language: str) -> list[dict[str, Any]]:
    return [
        {"name": "kind", "everything": _("Every kind"), "chosen": kind, "options": Call.Kind.choices},
        {
            "name": "language",
            "everything": _("Every language"),
            "chosen": language,
            "options": list(LANGUAGES.items()),
        },
    ]


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def call_page(request: HttpRequest, call_id: int) -> HttpResponse:
    """The script and the form. A post records a try (and goes on to the next due call) or asks for an automatic one.

    422 not understood or against a rule, 409 when somebody else tried meanwhile; what was typed stays.
    """
    call = get_object_or_404(readings.with_patient(selectors.calls_for(request.user)), pk=call_id)
    if request.method == "POST" and request.POST.get("do") == "automatic":
        return _automatic(request, call)
    form, status = AttemptForm(request.POST or None, call=call), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return _saved(request, call, form.cleaned_data)
            except Refused as no:
                status = refuse(form, no, FIELDS)
                call = get_object_or_404(readings.with_patient(selectors.calls_for(request.user)), pk=call_id)
    else:
        events.chart_read(call.patient, by=request.user, what=f"call {call.pk}")
    context = {
        "section": "calls",
        "call": call,
        "form": form,
        "no_machine": voice.why_not(call),
        "page": readings.page_of(call, request.user, now=timezone.now()),
    }
    return render(request, "scheduling/calls/call.html", context, status=status)


def _saved(request: HttpRequest, call: Call, given: dict[str, Any]) -> HttpResponse:
    """Record the try and go on. Raises what the service raises."""
    names = ("outcome", "symptoms", "call_again_at", "note", "tries")
    calls.record_attempt(call_id=call.pk, by=request.user, **{name: given[name] for name in names})
    call.refresh_from_db()
    messages.success(
        request, _("%(name)s: %(what)s") % {"name": call.patient.listed_name, "what": _became(call)}
    )
    following = readings.next_due(request.user, after=call)
    if following is None:
        messages.info(request, _("No other call is due now."))
        return redirect("calls")
    return redirect("call", following.pk)


def _became(call: Call) -> str:
    """What follows, in a few words."""
    outcome = readings.outcome_words(call.last_outcome)[1].lower()
    if call.last_outcome == "symptoms":
        return _("%(outcome)s. The clinical lead has an alarm.") % {"outcome": outcome}
    if call.state == Call.State.OWED:
        when = readings.words.at_words(call.next_at, call.patient.time_zone)
        return _("%(outcome)s. Next try %(when)s.") % {"outcome": outcome, "when": when}
    if call.state == Call.State.GIVEN_UP:
        tried = ngettext("after %(n)d try", "after %(n)d tries", call.tries) % {"n": call.tries}
        return _("%(outcome)s. Given up %(tried)s; it stands under Alerts.") % {
            "outcome": outcome,
            "tried": tried,
        }
    return _("%(outcome)s. This call is done.") % {"outcome": outcome}


def _automatic(request: HttpRequest, call: Call) -> HttpResponse:
    """Let the machine call. What stands against it is said again: the page may be old."""
    try:
        if wrong := voice.why_not(call):
            messages.error(request, wrong)
        else:
            notices.ask_by_voice(call, by=request.user)
            messages.success(request, _("The automatic call is on its way. Its answer will stand here."))
    except Refused as no:
        messages.error(request, str(no))
    return redirect("call", call.pk)
