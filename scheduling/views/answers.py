"""Behind a link in a message: no password, one purpose. Opening one changes nothing, whoever or whatever opens it.

These pages take no CSRF token: the address is the secret, a page that does not know it cannot post to it, and a
phone that keeps no cookies, or sends no referrer because we ask it not to, can answer all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from scheduling.models import MessageLink, Reply
from scheduling.rules.errors import Refused
from scheduling.services import guesses, links, outcomes, replies, wellness
from scheduling.views import answer_pages
from scheduling.views.answer_pages import Door

Purpose = MessageLink.Purpose
GONE = 410
LANGUAGES = ("en", "es")
PRIVATE = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}

LinkView = Callable[..., HttpResponse]


def by_link(*purposes: str) -> Callable[[LinkView], LinkView]:
    """A page for links of these purposes. Others, forged ones and those that have run out get one and the same page."""

    def decorate(view: LinkView) -> LinkView:
        @csrf_exempt
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def opened(request: HttpRequest, token: str, **kwargs: object) -> HttpResponse:
            link = _find(request, token)
            with translation.override(_language(request, link)):
                if link is None or link.purpose not in purposes or not links.opens(link):
                    response = _gone(request, token)
                else:
                    response = view(request, link, Door(request, token), **kwargs)
                response["Content-Language"] = translation.get_language()
            for name, value in PRIVATE.items():
                response[name] = value
            return response

        return opened

    return decorate


@by_link(*Purpose.values)
def answer(request: HttpRequest, link: MessageLink, door: Door) -> HttpResponse:
    """What the link is for."""
    return PAGES[link.purpose](request, link, door)


@by_link(Purpose.SCREEN)
def question(request: HttpRequest, link: MessageLink, door: Door, number: int) -> HttpResponse:
    """One of the health questions."""
    return answer_pages.question_page(door, link.visit, number)


@by_link(Purpose.SCREEN)
def check(request: HttpRequest, link: MessageLink, door: Door) -> HttpResponse:
    """The answers before they are sent."""
    return answer_pages.check_page(door, link.visit)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def renew(request: HttpRequest, token: str) -> HttpResponse:
    """A fresh message to whoever the link was sent to. The answer is the same whether the link is known or not."""
    link = _find(request, token)
    with translation.override(_language(request, link)):
        if request.method != "POST":
            response = _gone(request, token)
        else:
            if link is not None:
                links.renew(link)
            response = _page(request, token, "renewed.html")
        response["Content-Language"] = translation.get_language()
    for name, value in PRIVATE.items():
        response[name] = value
    return response


def _confirm(request: HttpRequest, link: MessageLink, door: Door) -> HttpResponse:
    """Yes to the time; and the way to the health questions, or to ask for another time."""
    if request.method != "POST":
        return answer_pages.visit_page(door, link.visit)
    wanted = request.POST.get("do")
    if wanted in (Purpose.MOVE, Purpose.SCREEN):
        return redirect(Door(request, links.token_of(links.lead_on(link, wanted))).home)
    if wanted == "yes":
        try:
            outcomes.confirm_visit(visit_id=link.visit_id, by=None, via="link", version=link.visit_version)
        except Refused:
            return redirect(door.home)  # it changed a moment ago: the page says how it stands
        if links.used(link):
            replies.record(
                patient=link.patient,
                visit=link.visit,
                notice=link.notice,
                via="link",
                meaning=Reply.Meaning.CONFIRM,
            )
    return redirect(door.home)


def _move(request: HttpRequest, link: MessageLink, door: Door) -> HttpResponse:
    return answer_pages.move_page(door, link.visit)


def _screen(request: HttpRequest, link: MessageLink, door: Door) -> HttpResponse:
    return answer_pages.health_page(door, link.visit)


def _feel(request: HttpRequest, link: MessageLink, door: Door) -> HttpResponse:
    """Well, or a nurse calls. Said again it is the same answer; "not right" counts after "well", too."""
    if request.method == "POST":
        said = request.POST.get("do")
        if said in (wellness.WELL, wellness.SYMPTOMS):
            wellness.answer(link, said)
            links.used(link)
        return redirect(door.home)
    return door.page("feel.html", {"said": wellness.said(link)})


PAGES = {Purpose.CONFIRM: _confirm, Purpose.MOVE: _move, Purpose.SCREEN: _screen, Purpose.FEEL: _feel}


def _find(request: HttpRequest, token: str) -> MessageLink | None:
    """The link of the token; nothing is looked up for an address that has tried too many that are not ours."""
    address = request.META.get("REMOTE_ADDR", "")
    if guesses.too_many(address):
        return None
    link = links.find(token)
    if link is None:
        guesses.count(address)
    return link


def _language(request: HttpRequest, link: MessageLink | None) -> str:
    """What the switch on the page says, else the patient's own, else the browser's."""
    said = request.GET.get("lang", "")
    if said in LANGUAGES:
        return said
    return link.patient.language if link else translation.get_language() or settings.LANGUAGE_CODE


def _gone(request: HttpRequest, token: str) -> HttpResponse:
    return _page(request, token, "gone.html", status=GONE)


def _page(request: HttpRequest, token: str, template: str, status: int = 200) -> HttpResponse:
    renew_url = reverse("answer-renew", args=[token])
    if (said := request.GET.get("lang", "")) in LANGUAGES:
        renew_url += f"?lang={said}"
    context = {"frame": answer_pages.FOLDER + "base.html", "renew_url": renew_url}
    return render(request, answer_pages.FOLDER + template, context, status=status)
