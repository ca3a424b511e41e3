"""Answers that came in: the inbox, and what is done about one."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from scheduling import selectors
from scheduling.forms.fields import refuse
from scheduling.forms.notices import ReplyForm
from scheduling.models import Reply
from scheduling.readings import replies as readings
from scheduling.rules.errors import Refused
from scheduling.services import aftercare, events, replies
from scheduling.views.notices import PAGE, tabs


@require_safe
@selectors.office_only
def inbox(request: HttpRequest) -> HttpResponse:
    """What patients answered and nobody has seen to, the oldest first; `?show=done`: what was seen to."""
    done = request.GET.get("show") == "done"
    found = readings.handled(request.user) if done else readings.waiting(request.user)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    answers = readings.answers(page.object_list)
    events.charts_read(
        {one.reply.patient for one in answers if one.reply.patient is not None},
        by=request.user,
        what="answers",
    )
    context = {
        "section": "notices",
        "page": page,
        "answers": answers,
        "done": done,
        "tabs": tabs(request.user, "answers"),
    }
    return render(request, "scheduling/notices/answers.html", context)


@selectors.office_only
@require_http_methods(["GET", "HEAD", "POST"])
def reply_page(request: HttpRequest, reply_id: int) -> HttpResponse:
    """One answer. A post owes a call (`do` call) or says it is seen to; 409 when somebody else was first."""
    found = selectors.replies_for(request.user).select_related(
        "patient", "visit__nurse", "notice", "handled_by"
    )
    reply = get_object_or_404(found, pk=reply_id)
    form, status = ReplyForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return _done(request, reply, form.cleaned_data["note"])
            except Refused as no:
                status = refuse(form, no)
                reply = get_object_or_404(found, pk=reply_id)
    elif reply.patient is not None:
        events.chart_read(reply.patient, by=request.user, what=f"reply {reply.pk}")
    answer = readings.answers([reply])[0]
    context = {"section": "notices", "answer": answer, "reply": reply, "form": form}
    return render(request, "scheduling/notices/answer.html", context, status=status)


def _done(request: HttpRequest, reply: Reply, note: str) -> HttpResponse:
    if request.POST.get("do") == "call":
        aftercare.call_back(reply.pk, by=request.user, note=note)
        messages.success(request, _("It is on the call list for today."))
    else:
        replies.handle(reply.pk, by=request.user, note=note)
        messages.success(request, _("Seen to."))
    return redirect("replies")
