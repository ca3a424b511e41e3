"""Before and after in a real browser: it follows what is typed, saves what was seen, and has no barrier."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from patients.models import Hold
from scheduling import clock
from scheduling.models import DoseRecord
from scheduling.services.prescribing import GivenElsewhere
from tests.makers import (
    CHICAGO,
    DAY,
    make_dose,
    make_papers,
    make_prescription,
    make_user,
    make_visit,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def open_page(chromium, live_server):
    """A coordinator's page at a path; the real clock, for a browser has no other."""
    contexts = []
    signed_in = Client()
    signed_in.force_login(make_user())
    name = settings.SESSION_COOKIE_NAME

    def go(path, *, theme="light", width=1440, script=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=script
        )
        contexts.append(context)
        context.add_cookies([{"name": name, "value": signed_in.cookies[name].value, "url": live_server.url}])
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(live_server.url + path)
        return page

    yield go
    for context in contexts:
        context.close()


@pytest.fixture
def world():
    """Dose 3 falls due about now and dose 4 is booked, with today's length."""
    now, today = timezone.now(), clock.today_in(CHICAGO)
    given = [GivenElsewhere(1, today - 190 * DAY), GivenElsewhere(2, today - 176 * DAY)]
    order = make_prescription(given=given, now=now)
    make_papers(order, now=now)
    return order, make_visit(make_dose(order, 4, ready=False, now=now), override="ahead", now=now)


def typed(on: date) -> str:
    return f"{on.month}/{on.day}/{on.year}"


def see_effects_after(page, act) -> None:
    """Do something in the form and wait until what changes was swapped."""
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        act()
    page.wait_for_function("!document.querySelector('.htmx-request')")


def test_a_reaction_is_seen_saved_and_leads_to_other_times(open_page, world):
    order, visit = world
    third = order.doses.get(number=3)
    page = open_page(reverse("dose-record", args=[third.pk]))
    page.check("[name=reaction][value=severe]")
    page.wait_for_selector("#effects >> text=Too short: needs")
    assert not DoseRecord.objects.filter(dose=third).exists()
    page.click("button:has-text('Save record')")
    page.wait_for_url("**" + reverse("patient-decide", args=[order.patient_id]))
    assert DoseRecord.objects.get(dose=third).reaction == "severe"
    page.click("a:has-text('Find times')")
    page.wait_for_url("**" + reverse("visit-move", args=[visit.pk]))
    assert not page.complaints


def test_a_hold_follows_the_days_that_are_typed(open_page, world):
    order, _visit = world
    page = open_page(reverse("prescription-hold", args=[order.pk]))
    assert "The order goes on hold." in page.inner_text("#effects")
    clears = clock.today_in(CHICAGO) + timedelta(days=9)

    def type_the_end():
        page.fill("[name=clears_on]", typed(clears))
        page.press("[name=clears_on]", "Tab")

    see_effects_after(page, type_the_end)
    assert "The order goes on hold." not in page.inner_text("#effects")
    page.fill("[name=reason]", "fever")
    page.click("button:has-text('Put on hold')")
    page.wait_for_load_state()
    assert Hold.objects.get().clears_on == clears
    assert not page.complaints


def test_an_amendment_is_shown_and_saved_without_script(open_page, world):
    order, _visit = world
    page = open_page(reverse("prescription-amend", args=[order.pk]), script=False)
    sooner = clock.today_in(CHICAGO) + timedelta(days=300)
    page.fill("[name=expires_on]", typed(sooner))
    page.press("[name=expires_on]", "Enter")
    assert "needs a renewed order" in page.inner_text("#effects")
    order.refresh_from_db()
    assert order.expires_on != sooner, "Enter in a field only shows"
    page.fill("[name=why]", "shorter authorization")
    page.click("button:has-text('Save the change')")
    order.refresh_from_db()
    assert order.expires_on == sooner


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 320)])
def test_no_page_with_before_and_after_has_a_barrier(open_page, world, theme, width):
    order, visit = world
    third = order.doses.get(number=3)
    held = Hold.objects.create(
        prescription=order, starts_on=clock.today_in(CHICAGO), reason="fever", created_by=make_user()
    )
    visit.attention, visit.attention_code = "Too short now.", "TOO_SHORT"
    visit.save(update_fields=["attention", "attention_code"])
    for path in [
        reverse("prescription-amend", args=[order.pk]), reverse("prescription-hold", args=[order.pk]),
        reverse("prescription-stop", args=[order.pk]), reverse("hold-clear", args=[held.pk]),
        reverse("dose-record", args=[third.pk]), reverse("measurement-new", args=[order.patient_id]),
        reverse("patient-decide", args=[order.patient_id]),
    ]:  # fmt: skip
        page = open_page(path, theme=theme, width=width)
        if button := page.query_selector("#effects button[value=preview]"):
            button.click()
            page.wait_for_load_state()
        found = Axe().run(page).response["violations"]
        assert not found, (path, [(one["id"], one["nodes"][0]["html"]) for one in found])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert len(page.query_selector_all("main .btn-primary")) <= 1, f"{path}: one primary button"
        assert not page.complaints, (path, page.complaints)
        page.context.close()
