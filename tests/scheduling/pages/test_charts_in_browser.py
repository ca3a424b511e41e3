"""Charts and orders in a real browser: the preview follows what is typed, nothing typed is lost, no barrier."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from scheduling import clock
from scheduling.models import DoseRecord
from tests.makers import (
    CHICAGO,
    make_dose,
    make_evidence,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def open_page(chromium, live_server):
    """A coordinator's page at a path; the real clock, for a browser has no other."""
    contexts = []

    def go(path, *, theme="light", width=1440):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        contexts.append(context)
        signed_in = Client()
        signed_in.force_login(make_user())
        name = settings.SESSION_COOKIE_NAME
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


def test_the_preview_follows_the_form_and_keeps_every_word(open_page):
    page = open_page(reverse("prescription-new", args=[make_patient().pk]))
    start = clock.today_in(CHICAGO) + timedelta(days=7)
    page.fill("[name=note]", "call before noon")
    page.select_option("[name=regimen_id]", "mitoxantrone_ms_q3m")
    page.wait_for_selector("[name=weight_kg]")
    assert page.input_value("[name=note]") == "call before noon"
    page.fill("[name=weight_kg]", "70")
    page.fill("[name=height_cm]", "170")
    page.fill("[name=start_on]", f"{start.month}/{start.day}/{start.year}")
    page.press("[name=start_on]", "Tab")
    page.wait_for_selector("#preview details.dose")
    page.locator("#preview details.dose summary").first.click()
    assert "US PI" in page.locator("#preview details.dose").first.inner_text()
    page.click("button[value=add-row]")
    page.fill("[name=given-0-on]", "2/30/2026")
    page.press("[name=given-0-on]", "Tab")
    page.wait_for_selector("#preview >> text=Enter a day that exists")
    assert page.input_value("[name=given-0-on]") == "2/30/2026"
    assert not page.complaints


def test_enter_in_a_field_saves_nothing(open_page):
    patient = make_patient()
    page = open_page(reverse("prescription-new", args=[patient.pk]))
    page.fill("[name=prescriber_name]", "Ana Lopez MD")
    page.press("[name=prescriber_name]", "Enter")
    page.wait_for_load_state()
    assert page.input_value("[name=prescriber_name]") == "Ana Lopez MD"
    assert page.locator("[name=given-0-on]").count() == 0 and not patient.prescriptions.exists()


def test_a_reaction_says_what_it_changes_before_anything_is_saved(open_page):
    dose = make_dose(ready=False, now=timezone.now(), start_on=clock.today_in(CHICAGO))
    page = open_page(reverse("dose-record", args=[dose.pk]))
    page.check("[value=life_threatening]")
    page.wait_for_selector("#effects >> text=never give again")
    assert "no longer planned" in page.inner_text("#effects")
    assert not DoseRecord.objects.exists() and not page.complaints


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_no_page_of_a_chart_has_a_barrier_or_scrolls_sideways(open_page, theme, width):
    now = timezone.now()
    order = make_prescription(now=now, start_on=clock.today_in(CHICAGO) + timedelta(days=2))
    patient = order.patient
    visit = make_visit(make_dose(order, now=now), now=now)
    make_evidence(patient, "cbc", clock.today_in(CHICAGO))
    chart = reverse("chart", args=[patient.pk])
    for path in [
        reverse("patients"), reverse("patient-new"), chart, chart + "?tab=visits", chart + "?tab=papers",
        chart + "?tab=records", chart + "?tab=notices", chart + "?tab=history",
        reverse("prescription-new", args=[patient.pk]) + "?regimen=ivig_ms", reverse("dose", args=[visit.dose_id]),
        reverse("dose-record", args=[visit.dose_id]), reverse("evidence-new", args=[patient.pk]),
        reverse("prescription-stop", args=[order.pk]), reverse("prescription-amend", args=[order.pk]),
    ]:  # fmt: skip
        page = open_page(path, theme=theme, width=width)
        found = Axe().run(page).response["violations"]
        assert not found, (path, [(one["id"], one["nodes"][0]["html"]) for one in found])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert not page.complaints, (path, page.complaints)
