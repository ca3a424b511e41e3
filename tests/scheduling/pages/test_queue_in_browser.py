"""The queue in a real browser: three clicks, with script and without; held, found, undone; axe finds nothing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from scheduling.models import SlotHold, Visit
from tests.makers import make_check, make_dose, make_nurse, make_patient, make_user, make_visit, today_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(chromium, live_server):
    """Open an address as a signed-in coordinator, in a window of their own; `user` says who."""
    contexts = []

    def opened(path: str, *, user=None, width: int = 1440, theme: str = "light", script: bool = True):
        client = Client()
        client.force_login(user or make_user())
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=script
        )
        contexts.append(context)
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.goto(live_server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def now():
    """The live server asks the real clock, so the rows are made around it."""
    return timezone.now()


def soon(now):
    return {"now": now, "start_on": today_at(now) + timedelta(days=3)}


class Clicks:
    """Counts what a person has to press."""

    def __init__(self, page) -> None:
        self.page, self.n = page, 0

    def on(self, what: str) -> None:
        self.page.locator(what).first.click()
        self.n += 1


def test_a_dose_is_booked_in_three_clicks_from_the_queue_and_the_list_stays(desk, now):
    dose = make_dose(**soon(now))
    make_dose(**soon(now))
    make_nurse()
    page = desk(reverse("queue"))
    clicks = Clicks(page)
    row = page.locator(f"#line-dose-{dose.pk}")
    clicks.on(f"#line-dose-{dose.pk} >> text=Find times")
    page.wait_for_selector("#panel >> text=Times for")
    assert page.evaluate("document.activeElement.matches('[data-panel-title]')")
    clicks.on("#panel button:has-text('Book')")
    page.wait_for_selector("#panel >> text=Booked.")
    assert clicks.n <= 3
    assert page.url.endswith(reverse("queue")) and "Booked" in row.inner_text()
    page.wait_for_selector("#queue-head >> text=Late soon 1")
    assert Visit.objects.filter(dose=dose, state="booked").count() == 1
    clicks.on("#panel button:has-text('Undo')")
    page.wait_for_selector("#panel >> text=Undone.")
    assert "Find times" in row.inner_text()
    assert Visit.objects.get(dose=dose).state == "cancelled"
    page.keyboard.press("Escape")
    assert page.locator("#panel > *").count() == 0
    assert page.evaluate("document.activeElement.matches('[data-panel]')")


def test_without_script_three_clicks_book_it_too(desk, now):
    dose = make_dose(**soon(now))
    make_nurse()
    page = desk(reverse("queue"), script=False)
    clicks = Clicks(page)
    clicks.on(f"#line-dose-{dose.pk} >> text=Find times")
    assert page.url.endswith(reverse("dose-slots", args=[dose.pk]))
    clicks.on("main button:has-text('Book')")
    assert page.is_visible("text=Booked.") and page.url.endswith(reverse("queue"))
    assert clicks.n <= 3
    page.click("main button:has-text('Undo')")
    assert page.is_visible("text=needs booking again")


def test_two_keys_and_the_tab_book_it_without_a_pointer(desk, now):
    dose = make_dose(**soon(now))
    make_nurse()
    page = desk(reverse("queue"))
    page.keyboard.press("b")
    page.wait_for_selector("#panel >> text=Times for")
    page.keyboard.press("Tab")  # Close
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Book")
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel >> text=Booked.")
    assert Visit.objects.filter(dose=dose).exists()


def test_what_can_be_seen_in_the_panel_is_wired_already(desk, now):
    dose = make_dose(**soon(now))
    make_nurse()
    page = desk(reverse("queue"))
    page.evaluate(
        """document.addEventListener("htmx:afterSwap", () => setTimeout(() => {
             window.stayed = true;
             document.querySelector("#panel form button[type=submit], #panel form button").click();
           }, 0), { once: true })"""
    )
    page.click(f"#line-dose-{dose.pk} >> text=Find times")
    page.wait_for_selector("text=Booked.")
    assert page.evaluate("window.stayed"), "the form was sent the old way, and the page was left"


def test_a_held_time_counts_down_and_the_other_coordinator_sees_who_holds_it(desk, now):
    ben, dose, other = (
        make_user(first_name="Ben", last_name="Ortiz"),
        make_dose(**soon(now)),
        make_dose(**soon(now)),
    )
    make_nurse(), make_nurse()
    page = desk(reverse("queue"), user=ben)
    page.click(f"#line-dose-{dose.pk} >> text=Find times")
    page.locator("#panel button:has-text('Hold 5 min')").first.click()
    timer = page.locator("#panel [role=timer]")
    timer.wait_for()
    expect(timer).to_have_text(re.compile(r"^4:5\d$"))
    assert timer.get_attribute("aria-live") is None
    theirs = desk(reverse("dose-slots", args=[other.pk]))
    assert "held by Ben Ortiz until" in theirs.content()
    assert "Held by Ben Ortiz until" in desk(reverse("queue")).content()
    page.click("#panel button:has-text('Release')")
    page.wait_for_selector("#panel >> text=Released.")
    assert SlotHold.objects.get().released_at


def test_who_is_looked_for_is_found_from_any_page_with_one_key_and_the_arrows(desk, now):
    patient = make_patient(last_name="Zimmer", first_name="Ada")
    page = desk(reverse("board"))
    for key in ("/", "Control+k"):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.name") == "q"
        page.keyboard.type("zimm")
        page.wait_for_selector("#found >> text=Zimmer, Ada")
        page.keyboard.press("Escape")
        assert page.locator("#found a").count() == 0
        page.evaluate("document.activeElement.value = ''; document.activeElement.blur()")
    page.keyboard.press("/")
    page.keyboard.type("ZIMMER")
    page.wait_for_selector("#found a")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**" + reverse("chart", args=[patient.pk]))
    assert "zimm" not in page.url.lower()


def test_all_lines_of_a_page_are_ticked_at_once_and_counted(desk, now):
    for _n in range(3):
        make_dose(**soon(now))
    page = desk(reverse("queue"))
    page.check("[data-pick-all]")
    assert page.inner_text("[data-picked]") == "3 chosen"
    page.uncheck("input[name=line] >> nth=0")
    assert page.inner_text("[data-picked]") == "2 chosen"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(desk, now, theme):
    dose, check = make_dose(**soon(now)), make_check(due_on=today_at(now) + timedelta(days=5))
    make_dose(ready=False, **soon(now)), make_nurse(), make_nurse()
    visit = make_visit(make_dose(now=now, start_on=today_at(now) + timedelta(days=2)), now=now)
    over = make_visit(make_dose(**soon(now)), now=now)
    past = now - timedelta(hours=9)
    Visit.objects.filter(pk=over.pk).update(starts_at=past, ends_at=past + timedelta(hours=3))
    paths = [
        reverse("queue"),
        reverse("queue") + "?show=blocked",
        reverse("queue-print"),
        reverse("queue-times") + f"?line=dose-{dose.pk}&line=check-{check.pk}",
        reverse("dose-slots", args=[dose.pk]),
        reverse("check-slots", args=[check.pk]),
        reverse("check-book", args=[check.pk]),
        reverse("check", args=[check.pk]),
        reverse("check-new"),
        reverse("unresolved"),
        reverse("find"),
        reverse("visit", args=[visit.pk]),
        reverse("visit", args=[over.pk]),
        reverse("visit-cancel", args=[visit.pk]),
        reverse("visit-move", args=[visit.pk]),
        reverse("visit-missed", args=[over.pk]),
    ]
    user = make_user()
    for width in (1440, 390):
        page = desk(paths[0], user=user, width=width, theme=theme)
        origin = page.url.removesuffix(paths[0])
        for path in paths:
            page.goto(origin + path)
            look(page, f"{path} at {width}", width)
        page.goto(origin + reverse("queue"))
        page.click(f"#line-dose-{dose.pk} >> text=Find times")
        page.wait_for_selector("#panel >> text=Times for")
        look(page, f"the panel at {width}", width)
        page.locator("#panel button:has-text('Hold 5 min')").first.click()
        page.wait_for_selector("#panel >> text=Held for you")
        look(page, f"a held time at {width}", width)
        page.click("#panel button:has-text('Release')")
        page.wait_for_selector("#panel >> text=Released.")


def look(page, where: str, width: int) -> None:
    broken = [(rule["id"], rule["nodes"][0]["html"]) for rule in Axe().run(page).response["violations"]]
    assert broken == [], where
    assert page.evaluate("document.documentElement.scrollWidth") <= width, where
