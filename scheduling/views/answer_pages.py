"""The pages on which a patient answers: the same behind a link and after sign-in, through two doors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.models import User
from scheduling.forms.answers import MoveForm, QuestionForm
from scheduling.models import Visit
from scheduling.readings import answers as readings
from scheduling.readings import refusals
from scheduling.rules.errors import BadInput, Refused
from scheduling.services import replies, screens

FOLDER = "scheduling/answers/"


@dataclass(frozen=True)
class Door:
    """How the patient came in. `key` is the token of a link, or the id of the visit for `by`, who signed in."""

    request: HttpRequest
    key: str | int
    by: User | None = None

    @property
    def signed_in(self) -> bool:
        return self.by is not None

    @property
    def via(self) -> str:
        return "page" if self.by else "link"

    @property
    def frame(self) -> str:
        return "base_patient.html" if self.by else FOLDER + "base.html"

    @property
    def home(self) -> str:
        """What was come for: the visit when signed in, else the link itself."""
        return self._to("my-visit" if self.by else "answer")

    @property
    def move(self) -> str:
        return self._to("my-reschedule" if self.by else "answer")

    @property
    def health(self) -> str:
        return self._to("my-health" if self.by else "answer")

    @property
    def check(self) -> str:
        return self._to("my-health-check" if self.by else "answer-check")

    def question(self, number: int) -> str:
        return self._to("my-health-question" if self.by else "answer-question", number)

    def _to(self, name: str, *more: int) -> str:
        url = reverse(name, args=[self.key, *more])
        language = "" if self.by else self.request.GET.get("lang", "")
        return f"{url}?lang={language}" if language in {"en", "es"} else url

    def page(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        said = {"door": self, "frame": self.frame} | context
        return render(self.request, FOLDER + template, said, status=status)


def visit_page(door: Door, visit: Visit) -> HttpResponse:
    """The visit, whether the time works, and what comes next."""
    return door.page("visit.html", {"answers": readings.of(visit, own=door.signed_in)})


def move_page(door: Door, visit: Visit) -> HttpResponse:
    """Days that suit, as far as the dose allows them. Sent: the visit stays until somebody calls."""
    answers = readings.of(visit, own=door.signed_in)
    again = "again" in door.request.GET
    if door.request.method != "POST" and answers.asked is not None and not again:
        return door.page("moved.html", {"answers": answers})
    form = MoveForm(door.request.POST or None, days=readings.days_for(visit))
    status = 200
    if door.request.method == "POST":
        form = MoveForm(door.request.POST, days=readings.days_for(visit))
        status = 422
        if form.is_valid():
            try:
                replies.ask_move(visit=visit, via=door.via, wishes=form.wishes(), by=door.by)
            except Refused as no:
                form.add_error(None, refusals.for_patient(no))
                status = no.status
            else:
                return redirect(door.move)
    return door.page("move.html", {"answers": answers, "form": form}, status)


def health_page(door: Door, visit: Visit) -> HttpResponse:
    """The first question without an answer, or what became of the answers."""
    if door.request.method == "POST":
        return redirect(door.health)
    if screens.standing(visit) == screens.DUE:
        left = readings.next_open(readings.questions_of(visit, own=door.signed_in))
        return question_page(door, visit, left.number) if left else check_page(door, visit)
    answers = readings.of(visit, own=door.signed_in)
    return door.page("answered.html", {"answers": answers, "flagged": readings.flagged_words(answers)})


def question_page(door: Door, visit: Visit, number: int) -> HttpResponse:
    """One question. Its answer is kept at once, on our side, and can be changed until all are sent."""
    asked = readings.questions_of(visit, own=door.signed_in)
    if not 1 <= number <= len(asked) or screens.standing(visit) != screens.DUE:
        return redirect(door.health)
    one, status = asked[number - 1], 200
    # A link that opens on a later question posts to that question's own address.
    posted = door.request.method == "POST"
    initial = {"said": one.said}
    form = QuestionForm(door.request.POST if posted else None, question=one.code, initial=initial)
    if posted:
        status = 422
        if form.is_valid():
            try:
                screens.answer(
                    visit_id=visit.pk,
                    question=one.code,
                    said=form.cleaned_data["said"],
                    via=door.via,
                    by=door.by,
                )
            except Refused:
                return redirect(door.health)  # sent from another window, or the visit has changed
            left = readings.next_open(readings.questions_of(visit, own=door.signed_in))
            return redirect(door.question(left.number) if left else door.check)
    context = {"form": form, "one": one, "count": len(asked), "post_to": door.question(number)}
    context["back"] = door.question(number - 1) if number > 1 else ""
    return door.page("question.html", context, status)


def check_page(door: Door, visit: Visit) -> HttpResponse:
    """All the answers, before they are sent; each can be changed."""
    if screens.standing(visit) != screens.DUE:
        return redirect(door.health)
    asked = readings.questions_of(visit, own=door.signed_in)
    if left := readings.next_open(asked):
        return redirect(door.question(left.number))
    if door.request.method == "POST":
        try:
            screens.finish(visit_id=visit.pk, via=door.via, by=door.by)
        except BadInput:
            return redirect(door.check)
        except Refused:
            pass  # what stands now is said on the page
        return redirect(door.health)
    asked_with_ways = [(one, door.question(one.number)) for one in asked]
    return door.page("check.html", {"asked": asked_with_ways, "post_to": door.check})
