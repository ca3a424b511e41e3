"""Plan next week in a real browser with the real engine: watch, accept two thirds, find the rest in the queue."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django.test import Client
from django.urls import reverse

from scheduling.models import Visit, WeekPlan
from scheduling.services import pairs, plans
from tests.makers import (
    DAY,
    NOW,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_prescription,
    make_user,
    today_at,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MONDAY = today_at() + 7 * DAY
DOSES = 6


@pytest.fixture
def worker(monkeypatch):
    """A worker of one thread: takes each plan as soon as it was asked for, and goes on once its curve was looked at.

    Returns what says that it was.
    """
    threads, looked = [], Event()
    write = plans._Diary.__call__

    def wait_to_be_seen(diary, said) -> None:
        write(diary, said)
        looked.wait(30)

    def work(plan_id: int) -> None:
        try:
            plans.run(plan_id)
        finally:
            connection.close()

    def start(plan_id: int) -> bool:
        threads.append(Thread(target=work, args=(plan_id,)))
        threads[-1].start()
        return True

    monkeypatch.setattr(plans, "_start", start)
    monkeypatch.setattr(plans._Diary, "__call__", wait_to_be_seen)
    yield looked
    looked.set()
    for thread in threads:
        thread.join(60)


@pytest.fixture
def desk(chromium, live_server):
    """A coordinator's browser; returns the page."""
    client = Client()
    client.force_login(make_user())
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    yield context.new_page()
    context.close()


def agency():
    """Two nurses, a dose on each of six days, and one more whose family asks for a nurse who may not give it."""
    by = make_user()
    make_nurse(last_name="Quick")
    unsigned = make_nurse(last_name="Unsigned", competencies=("iv",))
    for n in range(DOSES):
        make_dose(make_prescription(by=by, start_on=MONDAY + n * DAY), by=by)
    stuck = make_dose(make_prescription(by=by, start_on=MONDAY), by=by)
    pairs.pin(
        patient_id=stuck.prescription.patient_id, nurse_id=unsigned.pk, kind="always", why="asked for", by=by,
        now=NOW,
    )  # fmt: skip
    return stuck


def clean(page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:160]) for one in found] == [], page.url


def test_next_week_is_planned_watched_taken_in_part_and_the_rest_stands_in_the_queue(
    desk, live_server, worker
):
    with clock_stands_at(NOW):
        stuck = agency()
        desk.goto(live_server.url + reverse("plan-week"))
        clean(desk)
        desk.fill("#id_seconds", "5")
        desk.click("text=Make a plan")

        desk.wait_for_selector("svg.curve")  # it came by itself, while the search went on
        assert desk.locator("text=Looking for a plan").count() == 1
        clean(desk)
        worker.set()
        desk.wait_for_selector("text=Before and after", timeout=60_000)
        clean(desk)
        boxes = desk.locator("input[name=line]")
        assert boxes.count() == boxes.locator("visible=true").count() == DOSES
        for n in range(DOSES - 2, DOSES):
            boxes.nth(n).uncheck()
        assert desk.locator("[data-picked]").inner_text() == f"{DOSES - 2} of {DOSES} chosen"
        desk.click("text=Book the chosen")

        desk.wait_for_selector(f"text=Booked: {DOSES - 2}")
        assert desk.locator("text=Not chosen: 2").count() == 1
        assert desk.locator("text=No time found: 1").count() == 1
        clean(desk)
        assert Visit.objects.filter(state="booked").count() == DOSES - 2

        desk.click("main >> text=Needs booking")
        desk.wait_for_selector("h1:has-text('Needs booking')")
        assert desk.locator(".plan-mark").count() == 3
        mark = desk.locator(f"#line-dose-{stuck.pk} .plan-mark").inner_text()
        assert "no time found. No nurse who may come has the papers for it on these days." in mark
        assert "Would help: The drug's papers for Maria Unsigned, who has room on" in mark
        clean(desk)
    assert WeekPlan.objects.get().state == "done"
