"""The nurse's and the patient's pages on a phone screen: readable, reachable, nothing the policy refuses."""

from __future__ import annotations

from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from scheduling import clock
from scheduling.models import Visit
from scheduling.services import supplies
from tests.makers import (
    CHICAGO,
    DAY,
    at,
    make_dose,
    make_evidence,
    make_nurse,
    make_papers,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def visit():
    """A first dose booked for tomorrow; patient and nurse can sign in. The real clock: a browser has no other."""
    now = timezone.now()
    patient = make_patient(user=True, first_name="Maria", allergies="Latex", access_notes="Gate 4471. Ramp.")
    prescription = make_prescription(patient, now=now, start_on=clock.today_in(CHICAGO, now) + DAY)
    make_papers(prescription, now=now)
    return make_visit(make_dose(prescription, ready=False), make_nurse(), now=now)


@pytest.fixture
def open_page(chromium, live_server):
    contexts = []

    def go(user, path, *, theme="light", width=390):
        context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=theme)
        contexts.append(context)
        signed_in = Client()
        signed_in.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        value = signed_in.cookies[name].value
        context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(live_server.url + path)
        return page

    yield go
    for context in contexts:
        context.close()


def pages_of(visit):
    """(who, path) of every page on a phone."""
    nurse, patient = visit.nurse.user, visit.patient.user
    door = {"visit_id": visit.pk}
    return [
        (nurse, reverse("nurse-day", kwargs={"on": visit.local_start.date()})),
        (nurse, reverse("nurse-visit", kwargs=door)),
        (nurse, reverse("nurse-record", kwargs=door)),
        (nurse, reverse("settings")),
        (patient, reverse("my-home")),
        (patient, reverse("my-visit", kwargs=door)),
        (patient, reverse("my-therapy")),
        (patient, reverse("help")),
    ]


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("es", "dark")])
def test_no_phone_page_breaks_a_rule_of_accessibility(open_page, visit, language, theme):
    for user, path in pages_of(visit):
        user.language = language
        user.save()
        page = open_page(user, path, theme=theme)
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == [], path
        assert page.complaints == [], path


def test_nothing_scrolls_sideways_at_320_pixels_and_the_largest_text(open_page, visit):
    for user, path in pages_of(visit):
        user.text_size = 150
        user.save()
        page = open_page(user, path, width=320)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


TOO_SMALL = """() => [...document.querySelectorAll("main a, main button, main summary, main label.choice")]
    .filter((el) => el.offsetParent && el.getBoundingClientRect().height < 47.5)
    .map((el) => el.outerHTML)"""


def test_every_target_is_big_enough_for_a_thumb(open_page, visit):
    for user, path in pages_of(visit):
        assert open_page(user, path).evaluate(TOO_SMALL) == [], path


def test_a_record_is_kept_with_its_errors_until_it_is_right(open_page, visit):
    """Without a reaction chosen the page says so at the top, with the focus there, and keeps the note."""
    door = reverse("nurse-record", kwargs={"visit_id": visit.pk})
    page = open_page(visit.nurse.user, door)
    page.fill("[name=note]", "Left arm.")
    page.get_by_role("button", name="Save record").click()
    assert page.title().startswith("Error:")
    assert page.evaluate("document.activeElement.hasAttribute('data-error-summary')")
    assert page.input_value("[name=note]") == "Left arm."


@pytest.fixture
def visit_today():
    """A visit at noon today with everything on file; booked when the day began."""
    today = clock.today_in(CHICAGO)
    dawn = at(today, 0, 1)
    prescription = make_prescription(now=dawn, start_on=today)
    make_papers(prescription, now=dawn)
    by, dose = make_user(), make_dose(prescription, ready=False)
    for kind, fields in (("prior_authorization", {"units": 600, "reference": "A1"}), ("health_screen", {})):
        make_evidence(prescription.patient, kind, today, by=by, **fields)
    supplies.record_step(
        dose_id=dose.pk, step="received", on=today, lowest_c=Decimal(3), highest_c=Decimal(5), by=by
    )
    return make_visit(dose, make_nurse(), at(today, 12), now=dawn)


def test_a_nurse_gives_the_go_with_a_thumb_and_is_told_what_is_left_to_answer(open_page, visit_today):
    page = open_page(visit_today.nurse.user, reverse("nurse-visit", kwargs={"visit_id": visit_today.pk}))
    assert Axe().run(page).response["violations"] == [] and page.evaluate(TOO_SMALL) == []
    page.get_by_role("button", name="Start visit").click()
    assert page.title().startswith("Error:") and "Answer this check." in page.content()
    assert Axe().run(page).response["violations"] == []
    page.get_by_label("I checked the name and the date of birth").check()
    page.get_by_label("Done, all well").check()
    page.get_by_role("button", name="Start visit").click()
    page.get_by_text("Go given at").wait_for()
    assert Axe().run(page).response["violations"] == []
    assert Visit.objects.get(pk=visit_today.pk).state == "in_progress"


def test_the_go_fits_320_pixels_and_the_largest_text(open_page, visit_today):
    nurse = visit_today.nurse.user
    nurse.text_size = 150
    nurse.save()
    page = open_page(nurse, reverse("nurse-visit", kwargs={"visit_id": visit_today.pk}), width=320)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
