"""The board in a real browser: moved by drag and by keys, told no before the drop, and true for two at once."""

from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nurses.models import Nurse
from scheduling.models import SlotHold, Visit
from scheduling.services import booking, outcomes, slot_holds
from tests.makers import (
    at,
    make_dose,
    make_lab_visit,
    make_nurse,
    make_time_off,
    make_user,
    make_visit,
    today_at,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STATIC = Path(__file__).resolve().parents[3] / "infusion_home" / "static"
DAY = timedelta(days=1)


@pytest.fixture
def open_board(chromium, live_server):
    """Open the board as a coordinator of its own; returns the page, with `sent`: what it posted."""
    contexts = []

    def opened(on, view="day", *, width=1440, theme="light", user=None, script=True):
        client = Client()
        client.force_login(user or make_user())
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            reduced_motion="reduce",
            java_script_enabled=script,
        )
        contexts.append(context)
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.sent, page.complaints = [], []
        page.on("request", lambda asked: page.sent.append(asked.url) if asked.method == "POST" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: page.complaints.append(said.text) if "Content Security" in said.text else None,
        )
        page.goto(f"{live_server.url}{reverse('board')}?view={view}&date={on.isoformat()}")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def now():
    """The live server asks the real clock, so the rows are made around it."""
    return timezone.now()


@pytest.fixture
def day(now):
    """A day to come, of an infusion that may be given on any day of its week."""
    return today_at(now) + 3 * DAY


@pytest.fixture
def visit(now, day):
    """Booked at 9:00 with Ana; Ben is free all day."""
    ana = make_nurse(first_name="Ana", last_name="Adams", user=False)
    make_nurse(first_name="Ben", last_name="Berg", user=False)
    return make_visit(make_dose(start_on=day, now=now), ana, at(day, 9), now=now)


def block(page, visit):
    return page.locator(f"[data-visit='{visit.pk}']")


def judged(page):
    """Wait until the server has said where the visit may go."""
    page.wait_for_selector(".ghost:not(.s-live)")


def pick_up(page, visit):
    block(page, visit).focus()
    page.keyboard.press("m")
    judged(page)


def pixels_to(page, visit, quarters, rows=0):
    """Where to let go of the block to put it some quarter hours and rows further."""
    box = block(page, visit).bounding_box()
    lane = page.locator(".board-row[data-row] .lane").first.bounding_box()
    return box["x"] + 20 + quarters * lane["width"] / 64, box["y"] + 20 + rows * lane["height"]


def drag(page, visit, quarters, rows=0):
    box, (x, y) = block(page, visit).bounding_box(), pixels_to(page, visit, quarters, rows)
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] + 20, steps=3)
    judged(page)
    page.mouse.move(x, y, steps=5)


def says(page):
    return page.inner_text("#board-says")


def accept(page, whose="patient"):
    page.select_option("dialog[open] [name=reason_class]", whose)
    page.click("dialog[open] >> text=Move visit")


def test_a_visit_is_dragged_to_another_nurse_and_hour_and_put_back_with_undo(open_board, visit, day):
    page = open_board(day)
    drag(page, visit, 4, rows=1)
    assert says(page) == "10:00 am, Ben Berg RN. Free"
    page.mouse.up()
    page.wait_for_selector("dialog[open]")
    accept(page)
    page.wait_for_selector("#status >> text=Moved to")
    moved = Visit.objects.select_related("nurse").get(moved_from=visit)
    assert (moved.nurse.first_name, moved.starts_at) == ("Ben", at(day, 10))
    page.wait_for_selector(f"[data-visit='{moved.pk}']")
    assert block(page, visit).count() == 0
    page.click("text=Undo")
    page.wait_for_selector("#status >> text=Undone.")
    again = Visit.objects.get(moved_from=moved)
    assert (again.nurse_id, again.starts_at) == (visit.nurse_id, visit.starts_at)
    page.wait_for_selector(f"[data-visit='{again.pk}']")
    assert page.complaints == []


def test_a_drop_where_it_cannot_go_says_why_before_and_after_and_sends_nothing(open_board, visit, day):
    busy = make_lab_visit(nurse=Nurse.objects.get(first_name="Ben"), on=day)
    page = open_board(day)
    drag(page, visit, 0, rows=1)
    assert says(page) == "9:00 am, Ben Berg RN. Not possible: The nurse has another visit then."
    assert page.inner_text(".ghost .ghost-why") == "Not possible: The nurse has another visit then."
    assert page.locator(f"[data-row='{busy.nurse_id}'] .target-2").count() >= 1
    page.mouse.up()
    page.wait_for_selector(".ghost", state="detached")
    assert "was not moved. The nurse has another visit then." in says(page)
    assert page.locator("dialog[open]").count() == 0
    assert page.sent == []
    assert page.url.endswith(day.isoformat()), "letting go is no click"
    visit.refresh_from_db()
    assert visit.state == "booked"


def test_a_press_that_moves_less_than_six_pixels_opens_the_visit(open_board, visit, day):
    page = open_board(day)
    box = block(page, visit).bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 24, box["y"] + 20)
    page.mouse.up()
    page.wait_for_url("**" + reverse("visit", args=[visit.pk]))


def test_a_visit_is_moved_with_the_keyboard_alone_and_each_step_is_spoken(open_board, visit, day, now):
    outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=now)
    page = open_board(day)
    pick_up(page, visit)
    page.keyboard.press("ArrowRight")
    assert says(page) == "9:15 am, Ana Adams RN. Free"
    page.keyboard.press("ArrowDown")
    assert says(page) == "9:15 am, Ben Berg RN. Free"
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    assert "Pat was told" in page.inner_text("dialog[open]")
    assert "must confirm again" in page.inner_text("dialog[open]")
    page.keyboard.press("P")  # the reason has the focus: its first letter chooses it
    page.focus("dialog[open] .btn-primary")
    page.keyboard.press("Enter")
    page.wait_for_selector("#status >> text=Moved to")
    moved = Visit.objects.select_related("nurse").get(moved_from=visit)
    assert (moved.nurse.first_name, moved.starts_at, moved.state) == ("Ben", at(day, 9, 15), "booked")
    assert moved.moved_from.cancel_class == "patient"
    page.wait_for_selector(f"[data-visit='{moved.pk}']:focus")


def test_escape_leaves_a_visit_where_it_was_and_the_focus_on_it(open_board, visit, day):
    page = open_board(day)
    pick_up(page, visit)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert says(page).endswith("stays where it was.")
    assert page.evaluate("document.activeElement.dataset.visit") == str(visit.pk)
    assert page.locator(".target, .ghost").count() == 0
    pick_up(page, visit)
    page.keyboard.press("Enter")
    assert says(page).endswith("stays where it was."), "put down where it was"
    assert page.sent == []


def test_what_needs_a_reason_asks_for_it_and_is_refused_without(open_board, visit, day):
    page = open_board(day)
    pick_up(page, visit)
    for _n in range(32):
        page.keyboard.press("ArrowRight")
    assert says(page).startswith("5:00 pm, Ana Adams RN. Needs a reason: The visit runs from 5:00 pm")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] >> text=Needs a reason.")
    accept(page, whose="")
    page.wait_for_selector("dialog[open] [role=alert] >> text=Choose whose reason it is.")
    accept(page)
    page.wait_for_selector("dialog[open] [role=alert] >> text=The visit runs from 5:00 pm")
    page.fill("#drop_override", "The patient works until four")
    accept(page)
    page.wait_for_selector("#status >> text=Moved to")
    assert Visit.objects.get(moved_from=visit).override_reason == "The patient works until four"


@pytest.mark.parametrize("how", ["keys", "pointer"])
def test_in_the_week_a_visit_moves_to_another_day_and_keeps_its_hour(open_board, visit, day, how):
    page = open_board(day, "week")
    step = -1 if day.weekday() == 6 else 1
    if how == "keys":
        pick_up(page, visit)
        page.keyboard.press("ArrowRight" if step > 0 else "ArrowLeft")
        page.keyboard.press("Enter")
    else:
        box = block(page, visit).bounding_box()
        ben = Nurse.objects.get(first_name="Ben").pk
        there = page.locator(f"[data-row='{ben}'] td").nth(day.weekday() + step).bounding_box()
        page.mouse.move(box["x"] + 20, box["y"] + 8)
        page.mouse.down()
        page.mouse.move(box["x"] + 40, box["y"] + 8, steps=3)
        judged(page)
        page.mouse.move(there["x"] + 20, there["y"] + 10, steps=5)
        page.mouse.up()
    page.wait_for_selector("dialog[open]")
    if page.is_visible("#drop_override"):
        page.fill("#drop_override", "Asked for")
    accept(page)
    page.wait_for_selector("#status >> text=Moved to")
    assert Visit.objects.get(moved_from=visit).starts_at == at(day + step * DAY, 9)


def test_two_coordinators_see_each_others_changes_without_reloading(open_board, visit, day, now):
    mover, ben = make_user(first_name="Maria", last_name="Lopez"), Nurse.objects.get(first_name="Ben").pk
    first, second = open_board(day), open_board(day, "week")
    first.evaluate("key => { document.querySelector(`[data-row='${key}']`).title = 'untouched' }", ben)
    block(second, visit).focus()
    moved = booking.move_visit(
        visit_id=visit.pk,
        nurse_id=visit.nurse_id,
        starts_at=at(day, 10),
        by=mover,
        reason_class="patient",
        now=now,
    )
    for page in (first, second):
        page.wait_for_selector(f"[data-visit='{moved.pk}'].pulse", timeout=8000)
        assert block(page, visit).count() == 0
    assert second.evaluate("document.activeElement.dataset.visit") == str(moved.pk), "the focus went along"
    assert first.locator(f"[data-row='{ben}'][title='untouched']").count() == 1, (
        "only what changed is swapped"
    )
    outcomes.confirm_visit(visit_id=moved.pk, by=mover, now=now)
    make_time_off(Nurse.objects.get(first_name="Ben"), at(day, 12), at(day, 15))
    first.wait_for_selector(f"[data-visit='{moved.pk}'] >> text=Confirmed", timeout=8000)
    first.wait_for_selector("text=Off", timeout=8000)
    assert first.inner_text("#board-summary").startswith("1 visit")


def test_a_visit_that_is_picked_up_is_not_disturbed_and_who_comes_second_is_told(open_board, visit, day, now):
    page = open_board(day)
    pick_up(page, visit)
    page.keyboard.press("ArrowRight")
    booking.move_visit(
        visit_id=visit.pk,
        nurse_id=Nurse.objects.get(first_name="Ben").pk,
        starts_at=at(day, 11),
        by=make_user(first_name="Maria", last_name="Lopez"),
        reason_class="patient",
        now=now,
    )
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # asks at once what has changed
    page.keyboard.press("ArrowRight")
    assert says(page).startswith("9:30 am, Ana Adams RN.")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    accept(page)
    told = page.wait_for_selector(
        "dialog[open] [role=alert] >> text=Maria Lopez moved this visit to"
    ).inner_text()
    assert "11:00 am with Ben Berg RN" in told
    page.keyboard.press("Escape")
    page.wait_for_selector(f"[data-row='{Nurse.objects.get(first_name='Ben').pk}'] [data-visit]")


def test_a_time_held_by_a_colleague_shows_and_blocks(open_board, visit, day, now):
    dose, ben = make_dose(start_on=day, now=now), Nurse.objects.get(first_name="Ben")
    page = open_board(day)
    slot_holds.hold_slot(
        dose_id=dose.pk, nurse_id=ben.pk, starts_at=at(day, 9), by=make_user(first_name="Maria"), now=now
    )
    page.wait_for_selector(".held >> text=Held by Maria until", timeout=8000)
    pick_up(page, visit)
    page.keyboard.press("ArrowDown")
    assert "Not possible: Maria holds this for a patient until" in says(page)
    page.keyboard.press("Escape")
    SlotHold.objects.update(released_at=now)
    page.wait_for_selector(".held", state="detached", timeout=8000)


def test_without_a_connection_the_board_says_so_and_catches_up(open_board, visit, day, now):
    page = open_board(day)
    page.context.set_offline(True)
    page.wait_for_selector("text=No connection.")
    outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=now)
    page.context.set_offline(False)
    page.wait_for_selector(f"[data-visit='{visit.pk}'] >> text=Confirmed", timeout=8000)
    page.wait_for_selector("#board-state >> text=No connection.", state="detached")


def test_the_board_is_one_stop_for_tab_and_arrows_go_from_visit_to_visit(open_board, visit, day):
    other = make_lab_visit(nurse=Nurse.objects.get(first_name="Ben"), on=day)
    page = open_board(day)
    assert page.locator("#board a[tabindex='0']").count() == 1
    block(page, visit).focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.visit") == str(other.pk)
    page.keyboard.press("ArrowLeft")
    assert "Ben Berg" in page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Tab")
    assert not page.evaluate("document.getElementById('board').contains(document.activeElement)")
    page.keyboard.press("?")
    assert page.is_visible("dialog[open] >> text=Keys on the board")
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.wait_for_url("**view=week**")


def test_without_script_every_visit_leads_to_the_form_that_moves_it(open_board, visit, day):
    page = open_board(day, script=False)
    block(page, visit).click()
    page.click("main >> text=Move")
    assert page.url.endswith(reverse("visit-move", args=[visit.pk]))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", ["day", "week"])
def test_the_board_breaks_no_rule_of_accessibility_at_rest_and_while_a_visit_moves(
    open_board, visit, day, now, view, theme
):
    ben = Nurse.objects.get(first_name="Ben")
    make_time_off(ben, at(day, 16), at(day, 17))
    crowded = make_lab_visit(nurse=ben, on=day)
    Visit.objects.filter(pk=crowded.pk).update(attention="Too early now.")
    slot_holds.hold_slot(
        dose_id=make_dose(start_on=day, now=now).pk,
        nurse_id=ben.pk,
        starts_at=at(day, 10),
        by=make_user(first_name="Maria"),
        now=now,
    )
    for width in (1440, 390):
        page = open_board(day, view, width=width, theme=theme)
        assert broken(page) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width == 1440:
            pick_up(page, visit)
            page.keyboard.press("ArrowDown")
            assert broken(page) == []
            page.keyboard.press("Escape")
            page.keyboard.press("?")
            assert broken(page) == []
        assert page.complaints == []
        page.context.close()


def broken(page):
    found = Axe().run(page).response["violations"]
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found]


def test_the_script_stays_within_its_budget():
    assert len(gzip.compress((STATIC / "board.js").read_bytes())) <= 5 * 1024
    assert "style" not in (STATIC / "board.js").read_text(), "places are classes"


def test_a_day_of_many_nurses_scrolls_inside_the_board_alone(open_board, visit, day):
    for n in range(25):
        make_nurse(first_name="Nora", last_name=f"Nurse{n:02d}", user=False)
    page = open_board(day, width=1100)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100
    board = page.locator("#board")
    assert board.evaluate("el => el.scrollHeight > el.clientHeight")
    board.evaluate("el => el.scrollTo(200, 600)")
    top = board.bounding_box()["y"]
    assert abs(page.locator(".board-head").bounding_box()["y"] - top) < 3, "the hours stay in sight"
    left = page.locator(".board-row[data-row] .board-nurse").nth(8).bounding_box()["x"]
    assert abs(left - board.bounding_box()["x"]) < 3, "and so do the names"
