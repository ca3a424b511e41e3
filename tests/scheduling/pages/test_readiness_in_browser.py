"""The readiness board and the status page in a real browser: recorded in one step, no barrier, no sideways scroll."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from patients.models import Evidence
from scheduling import clock
from tests.makers import CHICAGO, DAY, make_dose, make_nurse, make_prescription, make_user, make_visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BOARD = "/staff/readiness/"


@pytest.fixture
def open_page(chromium, live_server):
    """A page of the office at a path; the real clock, for a browser has no other."""
    contexts = []

    def go(path, *, theme="light", width=1440, role=Role.COORDINATOR, scripts=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=scripts
        )
        contexts.append(context)
        signed_in = Client()
        signed_in.force_login(make_user(role))
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


def soon():
    """A dose due in a few days, without a paper."""
    start_on = clock.today_in(CHICAGO) + 3 * DAY
    prescription = make_prescription(start_on=start_on, expires_on=start_on + 900 * DAY)
    return make_dose(prescription, ready=False)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_missing_hepatitis_b_screen_is_recorded_from_the_board_and_the_dose_turns_bookable(
    open_page, scripts
):
    dose = soon()
    page = open_page(f"{BOARD}?gate=labs", scripts=scripts)
    row = page.locator(f"#dose-{dose.pk}")
    row.get_by_role("link", name="Open").click()
    form = page.locator(f"#gate-{dose.pk}-hbv_screening form")
    form.get_by_label("Result").select_option("yes")
    form.get_by_label("Number").fill("negative")
    form.get_by_role("button", name="Record").click()
    page.wait_for_selector("#status .banner")
    assert f"#dose-{dose.pk}" in page.url and "gate=labs" in page.url
    while page.locator(f"#dose-{dose.pk} .ready-verdict", has_text="Booking asks for a reason").count():
        form = page.locator(".gate-line", has_text="Booking asks for a reason").first.locator("form")
        form.get_by_label("Result").select_option("yes")
        form.get_by_role("button", name="Record").click()
        page.wait_for_load_state()
    assert "Bookable now." in row.inner_text()
    assert page.locator("main .btn-primary").inner_text().strip() == "Find times"
    assert Evidence.objects.get(kind="hbv_screening").reference == "negative"
    assert page.complaints == []


def test_a_row_opens_and_shuts_in_place_and_the_keyboard_stays_on_its_button(open_page):
    dose = soon()
    page = open_page(BOARD)
    button = f"#open-{dose.pk}"
    page.focus(button)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#dose-{dose.pk}.is-open")
    assert f"open={dose.pk}" in page.url
    assert page.evaluate("document.activeElement.id") == button[1:]
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#dose-{dose.pk}:not(.is-open)")
    assert page.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_breaks_a_rule_of_accessibility(open_page, theme, width):
    dose = soon()
    visit = make_visit(
        make_dose(make_prescription(start_on=clock.today_in(CHICAGO) + 2 * DAY)),
        make_nurse(),
        override="test",
    )
    patient_id = dose.prescription.patient_id
    for path in (
        f"{BOARD}?open={dose.pk}",
        f"{BOARD}?open={visit.dose_id}",
        reverse("dose-readiness", args=[visit.dose_id]),
        reverse("patient-status", args=[patient_id]),
    ):
        page = open_page(path, theme=theme, width=width, role=Role.LEAD)
        for fold in page.locator("main details.more").all():
            fold.evaluate("el => el.open = true")
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("width", [320, 390, 1024, 1280])
def test_nothing_scrolls_sideways_at_any_width(open_page, width):
    dose = soon()
    page = open_page(f"{BOARD}?open={dose.pk}", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = [
        box
        for box in (
            one.bounding_box()
            for one in page.locator("main :is(a.btn, button, summary, select):visible").all()
        )
        if box and box["height"] < 24
    ]
    assert small == []
