"""A sick nurse in a real browser: her five visits settled at once, by mouse, by keyboard and without script."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone

from nurses.models import TimeOff
from scheduling import clock
from scheduling.models import Visit
from scheduling.services import absences, booking
from tests.makers import (
    CHICAGO,
    DAY,
    MINUTE,
    at,
    make_dose,
    make_nurse,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
VISITS = 5
SKILLS = ("iv", "methylprednisolone", "ocrelizumab")


def full_day(now):
    """A nurse with five visits one after another in three days, and two colleagues who are free then."""
    user, on = make_user(), today_at(now) + 3 * DAY
    nurse, *colleagues = (make_nurse(day_limit_minutes=1000, competencies=SKILLS) for _n in range(3))
    starts_at, booked = at(on, 7), []
    for _n in range(VISITS):
        prescription = make_prescription(
            None, "methylprednisolone_iv_3d", by=user, now=now, start_on=on, expires_on=on + 60 * DAY
        )
        dose = make_dose(prescription, by=user, now=now)
        booked.append(make_visit(dose, nurse, starts_at, by=user, now=now))
        starts_at += dose.length + 3 * MINUTE
    return nurse, colleagues, booked


def away(nurse, booked, now):
    first, last = clock.day_bounds(booked[0].local_start.date(), CHICAGO)
    return absences.record_time_off(
        nurse_id=nurse.pk, starts_at=first, ends_at=last, reason_class="sick", by=make_user(), now=now
    )


def settled(nurse, booked):
    assert not Visit.objects.filter(nurse=nurse, state="booked").exists()
    moved = Visit.objects.filter(moved_from__in=booked, state="booked")
    assert moved.count() == VISITS
    assert {visit.starts_at for visit in moved} == {visit.starts_at for visit in booked}


def test_a_sick_nurse_with_five_visits_is_settled_from_her_page_in_four_clicks(open_page):
    now = timezone.now()
    nurse, _colleagues, booked = full_day(now)
    page = open_page(reverse("nurse", args=[nurse.pk]))
    page.click("text=Time off…")
    day = booked[0].local_start.date()
    for field in ("first_on", "last_on"):
        page.fill(f"#id_{field}", f"{day.month}/{day.day}/{day.year}")
    page.click("text=Record time off")
    page.wait_for_selector("text=5 visits need somebody else.")
    page.click("text=Settle all 5")
    assert page.locator("input[name=take]:checked").count() == VISITS
    page.click("text=Settle the chosen visits")
    page.wait_for_selector("text=Every visit has its nurse.")
    assert page.locator("#settled li").count() == VISITS
    settled(nurse, booked)


def test_the_plan_is_adjusted_and_accepted_with_the_keyboard_alone(open_page):
    now = timezone.now()
    nurse, _colleagues, booked = full_day(now)
    away(nurse, booked, now)
    page = open_page(reverse("uncovered-settle"))
    last = page.locator("input[name=take]").nth(VISITS - 1)
    last.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    before = page.locator("select").nth(VISITS - 1).input_value()
    page.keyboard.press("ArrowDown")
    assert page.locator("select").nth(VISITS - 1).input_value() != before
    page.locator("button:has-text('Settle the chosen visits')").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#settled")
    assert Visit.objects.filter(moved_from__in=booked).count() == VISITS - 1
    assert page.locator("text=Give to").count() == 1


def test_one_visit_is_given_away_without_script(open_page):
    now = timezone.now()
    nurse, _colleagues, booked = full_day(now)
    away(nurse, booked, now)
    page = open_page(reverse("uncovered"), script=False)
    page.locator("button:has-text('same time')").first.click()
    assert page.is_visible("#settled")
    assert Visit.objects.filter(moved_from__in=booked).count() == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(open_page, theme):
    now = timezone.now()
    nurse, (busy, free), booked = full_day(now)
    away(nurse, booked, now)
    gone = make_visit(make_dose(now=now, start_on=today_at(now) + 4 * DAY), free, now=now)
    booking.cancel_visit(visit_id=gone.pk, by=make_user(), reason_class="patient", now=now)
    make_dose(now=now, start_on=today_at(now) + 4 * DAY)
    Visit.objects.filter(pk=booked[0].pk).update(state="confirmed")
    busy.licences.update(expires_on=today_at(now) + 20 * DAY)
    free.competencies.filter(code="iv").update(expires_on=today_at(now) + 70 * DAY)
    off = TimeOff.objects.get(nurse=nurse)
    paths = [
        reverse("uncovered"),
        f"{reverse('uncovered')}?nurse={nurse.pk}",
        reverse("uncovered-settle"),
        reverse("freed"),
        reverse("nurses"),
        reverse("nurse", args=[nurse.pk]),
        reverse("nurse-away", args=[nurse.pk]),
        reverse("away-withdraw", args=[off.pk]),
    ]
    for path in paths:
        for width in (1440, 320):
            page = open_page(path, width=width, theme=theme)
            broken = [rule["id"] for rule in Axe().run(page).response["violations"]]
            assert broken == [], f"{path} at {width}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
            page.context.close()
