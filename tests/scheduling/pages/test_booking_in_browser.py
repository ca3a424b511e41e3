"""The coordinator's pages in a real browser: no rule of axe broken, booked by keyboard, moved without script."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone

from scheduling.models import Visit
from tests.makers import make_dose, make_nurse, make_visit, today_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def now():
    """The live server asks the real clock, so the rows are made around it."""
    return timezone.now()


def soon(now):
    return {"now": now, "start_on": today_at(now) + timedelta(days=3)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(open_page, now, theme):
    visit = make_visit(make_dose(**soon(now)), now=now)
    Visit.objects.filter(pk=visit.pk).update(attention="Too early now.")
    dose = make_dose(ready=False, **soon(now))
    day = visit.local_start.date().isoformat()
    paths = [
        reverse("queue"),
        reverse("dose-book", args=[dose.pk]),
        reverse("visit", args=[visit.pk]),
        reverse("visit-move", args=[visit.pk]),
        reverse("visit-cancel", args=[visit.pk]),
        f"{reverse('board')}?date={day}",
        f"{reverse('board')}?view=day&date={day}",
        reverse("nurses"),
        reverse("nurse", args=[visit.nurse_id]),
        reverse("notices"),
        reverse("find"),
    ]
    for path in paths:
        for width in (1440, 390):
            page = open_page(path, width=width, theme=theme)
            broken = [rule["id"] for rule in Axe().run(page).response["violations"]]
            assert broken == [], f"{path} at {width}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
            page.context.close()


def test_a_dose_is_booked_with_the_keyboard_alone(open_page, now):
    dose, nurse = make_dose(**soon(now)), make_nurse(last_name="Zuniga")
    page = open_page(reverse("dose-book", args=[dose.pk]))
    page.focus("#id_nurse")
    page.keyboard.type(nurse.first_name)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("10:00")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=This time works.")
    page.focus("button:has-text('Book visit')")
    page.keyboard.press("Enter")
    page.wait_for_url("**" + reverse("queue"))
    visit = Visit.objects.get(dose=dose)
    assert (visit.nurse, visit.local_start.hour) == (nurse, 10)
    page.focus("button:has-text('Undo')")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=needs booking again")
    visit.refresh_from_db()
    assert visit.state == "cancelled"


def test_a_reason_typed_survives_another_choice_of_time(open_page, now):
    dose = make_dose(ready=False, **soon(now))
    make_nurse()
    page = open_page(reverse("dose-book", args=[dose.pk]))
    page.select_option("#id_nurse", index=1)
    page.select_option("#id_start", "19:00")
    page.wait_for_selector("text=The visit runs from")
    page.fill("#id_override", "Result seen on paper")
    with page.expect_response("**/book/?*11%3A00*") as asked:
        page.select_option("#id_start", "11:00")
    page.wait_for_selector("text=The visit runs from", state="detached")
    assert page.input_value("#id_override") == "Result seen on paper"
    assert "Result" not in asked.value.url


def test_a_visit_is_moved_without_script(open_page, now):
    visit = make_visit(make_dose(**soon(now)), now=now)
    page = open_page(reverse("visit-move", args=[visit.pk]), script=False)
    page.select_option("#id_start", "13:00")
    page.click("text=Check this time")
    assert page.is_visible("text=This time works.")
    page.check("input[name=reason_class][value=patient]")
    page.click("text=Move visit")
    assert page.is_visible("text=Moved to")
    assert Visit.objects.get(moved_from=visit).local_start.hour == 13
