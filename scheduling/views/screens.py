"""The office asks the health questions by phone: all on one page, the drug's own with them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from patients.models import Contact
from scheduling import selectors
from scheduling.forms.answers import PhoneScreenForm
from scheduling.forms.fields import refuse
from scheduling.models import HealthScreen, Visit
from scheduling.readings import screen_words
from scheduling.rules import states
from scheduling.rules.errors import Refused
from scheduling.services import events, screens


@require_http_methods(["GET", "HEAD", "POST"])
@selectors.office_only
def by_phone(request: HttpRequest, visit_id: int) -> HttpResponse:
    """The questions, with what was answered before; saved, the gate opens or a nurse is told. 422 with errors."""
    visit = get_object_or_404(selectors.visits_for(request.user), pk=visit_id)
    events.chart_read_once(visit.patient, by=request.user, what="health questions")
    if visit.kind != Visit.Kind.INFUSION or visit.state not in states.OPEN:
        messages.warning(request, "There are no health questions for this visit now.")
        return redirect("visit", visit_id=visit.pk)
    asked = screens.questions(visit, own=True)
    form, status = (
        PhoneScreenForm(request.POST or None, questions=asked, language=visit.patient.language),
        200,
    )
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                screen = screens.by_phone(
                    visit_id=visit.pk, answers=form.answers(), note=form.cleaned_data["note"], by=request.user
                )
            except Refused as no:
                status = refuse(form, no)
            else:
                _say(request, screen)
                return redirect("visit", visit_id=visit.pk)
    before = [(one, screen_words.in_short(one)) for one in _before(visit)]
    context = {
        "visit": visit,
        "patient": visit.patient,
        "form": form,
        "before": before,
        "phone": _phone(visit),
    }
    return render(request, "scheduling/answers/phone.html", context, status=status)


def _say(request: HttpRequest, screen: HealthScreen) -> None:
    if screen.state == HealthScreen.State.CLEAR:
        messages.success(request, "The health questions are clear.")
    else:
        messages.warning(request, "Not clear. The alert is raised and a nurse's call is owed today.")


def _before(visit: Visit) -> list[HealthScreen]:
    """What was answered about this visit earlier, the newest first."""
    done = visit.health_screens.filter(answered_at__isnull=False).select_related("recorded_by")
    return list(done.order_by("-pk")[:5])


def _phone(visit: Visit) -> str:
    """The number to call; "" for none that works."""
    usable = {
        one.channel: one.value for one in visit.patient.contacts.all() if one.value and not one.failed_at
    }
    return usable.get(Contact.Channel.VOICE) or usable.get(Contact.Channel.TEXT) or ""
