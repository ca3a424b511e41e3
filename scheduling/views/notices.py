"""Messages: what is due, sent, failed or was not sent, and why; one message; what went out, as it looked."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from scheduling import selectors
from scheduling.forms.fields import refuse
from scheduling.forms.notices import DecideForm, PauseForm
from scheduling.models import Notice
from scheduling.readings import alive, sent_words
from scheduling.readings import notice_page as pages
from scheduling.readings import notices as readings
from scheduling.rules.errors import Refused
from scheduling.services import aftercare, events, notice_acts, policy

PAGE = 50
LETTERS = 30


@require_safe
@selectors.office_only
def outbox(request: HttpRequest) -> HttpResponse:
    """One line a message: `?show=` the tab, `?kind=` and `?how=` narrow it. Nothing of a person is in the address."""
    show = request.GET.get("show", "")
    show = show if show in readings.TABS else ""
    kind, how = _known(request, "kind", Notice.Kind.values), _known(request, "how", readings.HOW)
    now = timezone.now()
    found = readings.outbox(request.user, show, kind=kind, channel=how, now=now)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    rules = policy.current()
    context = {
        "section": "notices",
        "page": page,
        "lines": readings.lines(page.object_list),
        "tabs": tabs(request.user, show),
        "show": show,
        "kind": kind,
        "how": how,
        "selects": _selects(kind, how),
        "narrowed": bool(kind or how),
        "empty": readings.empty_words(show),
        "paused": rules.paused,
    }
    return render(request, "scheduling/notices/page.html", context)


def tabs(user: selectors.Viewer, current: str) -> list[dict[str, Any]]:
    """The tabs of the outbox with the counts that ask for something; `current` "answers" is the inbox."""
    counted = readings.counts(user)
    found = [
        {
            "label": label,
            "url": f"{reverse('notices')}?show={name}" if name else reverse("notices"),
            "current": name == current,
            "count": counted.get(name) or "",
        }
        for name, label in readings.TABS.items()
    ]
    inbox = {
        "label": _("Answers"),
        "url": reverse("replies"),
        "current": current == "answers",
        "count": counted["answers"] or "",
    }
    return [*found[:-1], inbox, found[-1]]


def _known(request: HttpRequest, name: str, values: Any) -> str:
    asked = request.GET.get(name, "")
    return asked if asked in values else ""


def _selects(kind: str, how: str) -> list[dict[str, Any]]:
    return [
        {
            "name": "kind",
            "everything": _("Every kind"),
            "chosen": kind,
            "options": [(value, label) for value, label in Notice.Kind.choices],
        },
        {
            "name": "how",
            "everything": _("Every way"),
            "chosen": how,
            "options": [(value, label) for value, label in readings.HOW.items()],
        },
    ]


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def notice_page(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Why it went out or not, the exact words, and what may be done. 409 when somebody was first."""
    notice = get_object_or_404(_notices(request), pk=notice_id)
    form, status = DecideForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                done = _decide(notice, form.cleaned_data["do"], form.cleaned_data["why"], request)
            except Refused as no:
                status = refuse(form, no)
            else:
                return done
        notice = get_object_or_404(_notices(request), pk=notice_id)  # as it is now, whoever was first
    elif notice.patient is not None:
        events.chart_read(notice.patient, by=request.user, what=f"notice {notice.pk}")
    page = pages.page_of(notice, request.user, now=timezone.now())
    context = {
        "section": "notices",
        "notice": notice,
        "page": page,
        "facts": pages.facts(notice, page),
        "form": form,
    }
    return render(request, "scheduling/notices/notice.html", context, status=status)


def _decide(notice: Notice, do: str, why: str, request: HttpRequest) -> HttpResponse:
    """What the button says, by its service. Raises what the service raises."""
    by, key = request.user, notice.pk
    if do == "now":
        notice_acts.send_now(key, by=by)
        messages.success(request, _("It goes out now, unless something forbids it."))
    elif do == "skip":
        notice_acts.skip(key, by=by, why=why)
        messages.success(request, _("It is not sent."))
    elif do in ("arrived", "lost"):
        notice_acts.settle_unknown(key, by=by, went=do == "arrived", why=why)
        messages.success(request, _("Kept."))
    elif do == "again":
        again = notice_acts.send_again(key, by=by, why=why)
        messages.success(request, _("It is sent again."))
        return redirect("notice", again.pk)
    elif do == "aside":
        aftercare.put_aside(key, by=by, why=why)
        messages.success(request, _("Put aside."))
    else:
        aftercare.call_instead(key, by=by)
        messages.success(request, _("It is on the call list for today."))
    return redirect("notice", key)


@require_safe
@selectors.office_only
def went_out(request: HttpRequest) -> HttpResponse:
    """What was sent, as it looked: texts and letters by person, newest first. Links open only in the demo."""
    sent = readings.outbox(request.user, readings.SENT).exclude(body="")
    page = Paginator(sent, LETTERS).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    events.charts_read(
        {row.patient for row in rows if row.patient is not None}, by=request.user, what="messages sent"
    )
    context = {
        "section": "notices",
        "page": page,
        "people": sent_words.by_person(rows, open_links=settings.MODE == "demo"),
        "demo": settings.MODE == "demo",
    }
    return render(request, "scheduling/notices/sent.html", context)


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: HttpRequest) -> HttpResponse:
    """Stop all sending, or let it go on, with a reason."""
    paused = policy.current().paused
    form, status = PauseForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                change = policy.resume if paused else policy.pause
                change(by=request.user, why=form.cleaned_data["why"])
                alive.look_again()
            except Refused as no:
                status = refuse(form, no)
            else:
                said = _("Sending goes on.") if paused else _("Nothing is sent until somebody resumes it.")
                messages.success(request, said)
                return redirect("notices")
    context = {"section": "notices", "form": form, "paused": paused}
    return render(request, "scheduling/notices/pause.html", context, status=status)


def _notices(request: HttpRequest) -> Any:
    return selectors.notices_for(request.user).select_related(
        "user", "visit__nurse", "visit__dose__prescription", "text", "call"
    )
