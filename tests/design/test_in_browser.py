"""The style guide in a real browser: no rule of axe broken, no sideways scroll, keys and dialogs work."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = [
    pytest.mark.browser,
    pytest.mark.urls("tests.design.urls"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def open_guide(chromium, live_server):
    pages = []

    def open_page(role="staff", *, width=1440, theme="light"):
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        pages.append(page)
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(f"{live_server.url}/staff/styleguide/?as={role}")
        return page

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", ["staff", "nurse", "patient"])
def test_no_component_breaks_a_rule_of_accessibility(open_guide, role, theme):
    found = Axe().run(open_guide(role, theme=theme)).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
@pytest.mark.parametrize("role", ["staff", "nurse", "patient"])
def test_no_page_scrolls_sideways(open_guide, role, width):
    page = open_guide(role, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_security_policy_has_nothing_to_refuse(open_guide):
    page = open_guide()
    assert page.complaints == []
    assert page.evaluate("document.querySelectorAll('[style], body style').length") == 0
    assert page.evaluate("htmx.config.allowEval") is False


def test_control_k_goes_to_the_find_box_and_a_dialog_gives_focus_back(open_guide):
    page = open_guide()
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.name") == "q"
    opener = page.get_by_role("button", name="Open dialog")
    opener.click()
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert opener.evaluate("el => el === document.activeElement")


def test_a_menu_closes_with_escape_and_keeps_the_focus(open_guide):
    page = open_guide()
    summary = page.get_by_text("More", exact=True).locator("xpath=ancestor::summary")
    summary.click()
    assert page.locator("details.menu[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("details.menu[open]").count() == 0
    assert summary.evaluate("el => el === document.activeElement")


def test_a_long_timeline_opens_at_today(open_guide):
    page = open_guide(width=390)
    line = page.locator(".timeline-scroll").nth(1).locator(".tl-today").bounding_box()
    assert 0 < line["x"] < 390


def test_targets_are_large_enough_for_unsteady_hands(open_guide):
    for role, least in [("nurse", 48), ("patient", 48), ("staff", 24)]:
        page = open_guide(role, width=390)
        targets = page.locator("main :is(a.btn, button, summary, .choice, input[type=text], select):visible")
        small = [box for box in (t.bounding_box() for t in targets.all()) if box and box["height"] < least]
        assert small == [], role
