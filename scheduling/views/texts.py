"""What messages say, and when they go: read by the office, changed by the clinical lead and the admin."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from scheduling import clock, selectors
from scheduling.forms.fields import refuse
from scheduling.forms.texts import SettingsForm, TextForm, initial_of
from scheduling.readings import notice_times
from scheduling.readings import texts as readings
from scheduling.rules.cadence import Policy
from scheduling.rules.errors import Refused
from scheduling.services import policy, texts
from scheduling.services.texts import Wording

TRIED_DAYS_AHEAD = 10


@require_safe
@selectors.office_only
def wordings(request: HttpRequest) -> HttpResponse:
    """Every message in every language, with the version in force."""
    patients, office = readings.overview()
    context = {"section": "notices", "patients": patients, "office": office, "may_edit": _may_edit(request)}
    return render(request, "scheduling/texts/list.html", context)


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def wording(request: HttpRequest, kind: str, channel: str, language: str) -> HttpResponse:
    """One message: its words, how they look, and every version. `do`: preview, save or again (with `again`)."""
    key = (kind, channel, language)
    if key not in texts.shipped():
        raise Http404
    current = texts.current().of(*key)
    first = {"subject": current.subject, "body": current.body, "version": current.version}
    has_subject = bool(texts.shipped()[key].subject)
    form, status, shown = TextForm(initial=first, has_subject=has_subject), 200, current
    do = request.POST.get("do", "save")
    if request.method == "POST":
        typed = request.POST if do != "again" else {**first, "version": request.POST.get("version")}
        form = TextForm(typed, has_subject=has_subject, save=do == "save")
        shown = _typed(form, current)
        if do != "preview":
            status = 422
            try:
                if form.is_valid() and _saved(request, key, form, do):
                    return redirect("notice-text", *key)
            except Refused as no:
                status = refuse(form, no)
    context = {
        "section": "notices",
        "name": readings.kind_name(kind),
        "when": readings.WHEN[kind],
        "how": readings.CHANNEL_NAMES[channel],
        "spoken": readings.LANGUAGE_NAMES[language],
        "language": language,
        "channel": channel,
        "current": current,
        "form": form,
        "unsaved": do == "preview",
        "preview": readings.preview(shown, policy.current(), now=timezone.now()),
        "places": readings.places(kind),
        "history": readings.history(*key),
        "may_edit": _may_edit(request),
    }
    return render(request, "scheduling/texts/edit.html", context, status=status)


def _typed(form: TextForm, current: Wording) -> Wording:
    """The words as they were typed, for the preview."""
    body, subject = form["body"].value() or "", form["subject"].value() if "subject" in form.fields else ""
    return replace(current, body=body.replace("\r\n", "\n").strip(), subject=(subject or "").strip())


def _saved(request: HttpRequest, key: texts.Key, form: TextForm, do: str) -> bool:
    """Whether a new version came of it. Raises what the service raises."""
    said = form.cleaned_data
    if do == "again":
        again = request.POST.get("again", "")
        number = int(again) if again.isdecimal() and len(again) < 9 else -1
        texts.use_again(*key, again=number, by=request.user, version=said["version"])
    else:
        texts.save(
            *key,
            subject=said.get("subject", ""),
            body=said["body"],
            by=request.user,
            why=said["why"],
            version=said["version"],
        )
    messages.success(request, _("Saved. Messages from now on say it like this."))
    return True


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: HttpRequest) -> HttpResponse:
    """Times, hours, limits and the sender's name, with what a visit would send. `do`: preview or save."""
    current, now = policy.current(), timezone.now()
    today = clock.today_in(settings.AGENCY_TIME_ZONE, now)
    first = {**initial_of(current), "try_on": today + timedelta(days=TRIED_DAYS_AHEAD), "try_at": "09:00"}
    form, status, shown = SettingsForm(initial=first, policy=current), 200, current
    starts_at = _tried(first["try_on"])
    if request.method == "POST":
        save = request.POST.get("do", "save") == "save"
        form = SettingsForm(request.POST, policy=current, save=save)
        status = 422 if save else 200
        if form.is_valid():
            shown, starts_at = form.wanted(), form.tried_at()
            try:
                if save:
                    _change(request, shown, form.cleaned_data)
                    return redirect("notice-settings")
                policy.check(shown)
            except Refused as no:
                found = refuse(form, no, _fields(shown))
                status = found if save else 200
    context = {
        "section": "notices",
        "form": form,
        "policy": current,
        "lines": _lines(shown, starts_at, now) if form.is_valid() or not form.is_bound else [],
        "may_edit": _may_edit(request),
        "everywhen": current.hours[0] < 8 or current.hours[1] > 21,
        "history": policy.history(),
        "time_zone": settings.AGENCY_TIME_ZONE,
    }
    return render(request, "scheduling/texts/settings.html", context, status=status)


def _change(request: HttpRequest, wanted: Policy, said: dict[str, Any]) -> None:
    policy.change(
        by=request.user,
        why=said["why"],
        version=said["version"],
        hours=wanted.hours,
        per_day=wanted.per_day,
        per_week=wanted.per_week,
        sender=wanted.sender,
        timings=wanted.timings,
    )
    messages.success(request, _("Saved. Messages still to go have their new times."))


def _fields(shown: Policy) -> dict[str, str]:
    """Where the service's names are on the form."""
    return {"hours": "first", **{kind: f"days_{kind}" for kind in shown.timings}}


def _tried(day: date) -> datetime:
    return datetime.combine(day, time(9), ZoneInfo(settings.AGENCY_TIME_ZONE)).astimezone(UTC)


def _lines(shown: Policy, starts_at: datetime | None, now: datetime) -> list[notice_times.Line]:
    if starts_at is None or starts_at <= now:
        return []
    return notice_times.of_visit(shown, starts_at, settings.AGENCY_TIME_ZONE, now=now)


def _may_edit(request: HttpRequest) -> bool:
    return request.user.role in texts.MAY_EDIT
