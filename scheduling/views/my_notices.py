"""The patient's messages, and which ways of reaching them they choose."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from patients.models import Contact
from scheduling import selectors
from scheduling.readings import my_notices as readings
from scheduling.rules.errors import Refused
from scheduling.services import events, ways


@selectors.patient_only
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """What we sent and how we may reach them; a post stops or starts one way (`channel`, `do` stop or start)."""
    patient = get_object_or_404(selectors.patients_for(request.user))
    status = 200
    if request.method == "POST":
        channel, do = request.POST.get("channel", ""), request.POST.get("do", "")
        if channel in Contact.Channel.values and do in ("stop", "start"):
            try:
                ways.choose(patient, channel, on=do == "start", by=request.user)
            except Refused:
                messages.error(request, _("Call us to change this."))
            else:
                said = (
                    _("You get these messages again.") if do == "start" else _("Stopped. No more of these.")
                )
                messages.success(request, said)
            return redirect("my-notices")
        status = 422
    else:
        events.chart_read(patient, by=request.user, what="my messages")
    context = {
        "choices": readings.choices_of(patient),
        "letters": readings.letters_of(request.user, patient),
        "patient": patient,
    }
    return render(request, "scheduling/my/notices.html", context, status=status)
