"""The caller at a real browser: two calls, one with symptoms; the lead sees the alarm. No rule of axe broken."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from patients.models import Contact
from scheduling.models import Alert, Call, CallAttempt
from scheduling.services import alerts, calls
from tests.makers import make_patient, make_user, today_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def around_the_clock(settings):
    """The live server asks the real clock: a call is due now whatever the hour is."""
    settings.NOTICE_HOURS = (0, 24)


def a_call(name: str, kind: str = "reaction_check_call", **fields) -> Call:
    now = timezone.now()
    patient = make_patient(last_name=name, **fields)
    Contact.objects.update_or_create(
        patient=patient, channel="voice", defaults={"value": "+12145550123", "consented_at": now}
    )
    return calls.owe(patient=patient, kind=kind, about="test", due_on=today_at(now), due_at=now, now=now)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(open_page, theme):
    call = a_call("Silva", language="es")
    calls.record_attempt(call_id=call.pk, outcome="no_answer", by=make_user(), note="Rang long.")
    alerts.raise_alert("screen", patient=call.patient, about="x", sentence="Look at the answers.", alarm=True)
    call_page = reverse("call", args=[call.pk])
    paths = [
        reverse("calls"), f"{reverse('calls')}?show=coming", f"{reverse('calls')}?show=done", call_page,
        reverse("alerts"), f"{reverse('alerts')}?show=done",
    ]  # fmt: skip
    for path in paths:
        for width in (1440, 390):
            page = open_page(path, width=width, theme=theme)
            broken = [rule["id"] for rule in Axe().run(page).response["violations"]]
            assert broken == [], f"{path} at {width}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
            page.context.close()


def test_the_list_is_worked_with_two_calls_and_the_lead_sees_the_alarm(open_page, chromium, live_server):
    well, worried = a_call("Abara"), a_call("Novak")
    page = open_page(reverse("calls"), width=390)
    page.get_by_role("link", name="Call Abara").click()
    assert page.locator("a[href='tel:+12145550123']").is_visible()
    page.get_by_label("Reached: well").check()
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url(f"**{reverse('call', args=[worried.pk])}")
    page.get_by_label("rash or hives").check()
    page.get_by_role("button", name="Save and go on").click()
    page.locator("[data-error-summary]").wait_for()
    assert page.get_by_label("rash or hives").is_checked(), "what was ticked stays"
    page.get_by_label("Reached: symptoms").check()
    page.get_by_label("Note").fill("On both arms since noon.")
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url(f"**{reverse('calls')}")
    assert page.get_by_text("Everybody who is owed a call today was called.").is_visible()
    assert list(CallAttempt.objects.order_by("pk").values_list("call", "outcome")) == [
        (well.pk, "well"),
        (worried.pk, "symptoms"),
    ]
    lead = Client()
    lead.force_login(make_user("lead"))
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    cookie = {"name": "sessionid", "value": lead.cookies["sessionid"].value, "url": live_server.url}
    context.add_cookies([cookie])
    desk = context.new_page()
    desk.goto(live_server.url + reverse("alerts"))
    assert desk.get_by_text("they report rash or hives").is_visible()
    desk.get_by_label("What was done").fill("Called her doctor.")
    desk.get_by_role("button", name="Seen to").click()
    desk.get_by_text("Nothing needs you now.").wait_for()
    context.close()
    assert Alert.objects.get().handled_note == "Called her doctor."


def test_a_call_is_written_down_with_the_keyboard_alone_and_without_script(open_page):
    call = a_call("Okafor")
    page = open_page(reverse("call", args=[call.pk]), script=False)
    page.locator("input[name=outcome][value=well]").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Save and go on").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('calls')}")
    assert CallAttempt.objects.get().outcome == "no_answer"
