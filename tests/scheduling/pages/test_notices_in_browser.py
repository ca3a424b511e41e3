"""Messages in a real browser: a failed one is seen to, an answer leads to a new time, and there is no barrier."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from scheduling.models import Notice, Reply
from scheduling.services import replies
from tests.makers import make_dose, make_patient, make_prescription, make_user, make_visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def open_page(chromium, live_server):
    """Somebody's page at a path; the real clock, for a browser has no other."""
    contexts = []

    def go(path, *, user=None, theme="light", width=1440):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        contexts.append(context)
        signed_in = Client()
        signed_in.force_login(user or make_user())
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": signed_in.cookies[name].value, "url": live_server.url}])
        page = context.new_page()
        page.goto(live_server.url + path)
        return page

    yield go
    for context in contexts:
        context.close()


@pytest.fixture
def visit():
    """A visit to come, with a text that failed and a wish for another time."""
    now = timezone.now()
    patient = make_patient(user=True)
    visit = make_visit(make_dose(make_prescription(patient, now=now), now=now), now=now)
    Notice.objects.filter(visit=visit, kind="booked").update(
        state="failed", settled_at=now, attempted_at=now, reason="the mail server refused the address",
        subject="Your nurse visit", body="Hello Pat\nhttp://127.0.0.1:8000/s/abc/", sent_to="pat@example.com",
    )  # fmt: skip
    days = [(now + timedelta(days=8)).date().isoformat()]
    replies.ask_move(visit=visit, via="link", wishes={"days": days, "part": "morning"}, now=now)
    return visit


def test_a_coordinator_sees_to_a_failed_message_and_to_an_answer(open_page, visit):
    page = open_page(reverse("notices"))
    page.click("nav.tabs >> text=Failed")
    page.click(".outbox >> text=Visit booked")
    assert page.locator("h1").inner_text() == "Why did this go out, or not?"
    page.click("text=Call instead")
    page.wait_for_selector("text=On the call list.")
    page.click("nav.crumbs >> text=Notices")
    page.click("nav.tabs >> text=Answers")
    page.click("main >> text=Find times")
    page.wait_for_selector("text=Asked for another time.")
    page.click("text=Open the answer")
    page.fill("[name=note]", "moved to Tuesday")
    page.click("button:has-text('Done')")
    page.wait_for_selector("text=No answer waits.")
    assert Reply.objects.get().handled_note == "moved to Tuesday"


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_the_pages_of_messages_have_no_barrier(open_page, visit, theme, width):
    patient, user = visit.patient, make_user()
    notice, reply = visit.notices.get(kind="booked", channel="email"), Reply.objects.get()
    office = [
        reverse("notices"),
        reverse("notices") + "?show=failed",
        reverse("notices-sent"),
        reverse("notices-pause"),
        reverse("notice", args=[notice.pk]),
        reverse("replies"),
        reverse("reply", args=[reply.pk]),
        reverse("contact", args=[patient.pk, "text"]),
        reverse("chart", args=[patient.pk]) + "?tab=people",
        reverse("chart", args=[patient.pk]) + "?tab=notices",
    ]
    found = {}
    for who, address in [*((user, each) for each in office), (patient.user, reverse("my-notices"))]:
        page = open_page(address, user=who, theme=theme, width=width)
        found[address] = [one["id"] for one in Axe().run(page).response["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{address} is {wide} wide"
        page.context.close()
    assert not any(found.values()), found
