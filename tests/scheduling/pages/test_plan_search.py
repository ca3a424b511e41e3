"""Asking for a plan and watching its search: what goes in is said before, and nobody waits for a lost worker."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.middleware import LAST_SEEN, POLL_HEADER
from scheduling.forms.plans import SECONDS
from scheduling.models import Event, WeekPlan
from scheduling.readings import plan_going
from scheduling.services import plans
from tests.makers import DAY, MINUTE, NOW, make_dose, make_nurse, make_plan, make_visit, today_at
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db

MONDAY = today_at() + 7 * DAY
WEEK = {"first_on": MONDAY.isoformat(), "last_on": (MONDAY + 6 * DAY).isoformat(), "release": "none"}
STEPS = [
    {"seconds": 0.5, "cost": 40_000, "served": 3, "bound": None, "phase": "first"},
    {"seconds": 2.0, "cost": 40_000, "served": 3, "bound": 30_000, "phase": "search"},
    {"seconds": 6.5, "cost": 32_400, "served": 4, "bound": 30_000, "phase": "recombine"},
]


def running(**fields):
    fields = {
        "state": "running", "finished_at": None, "result": {}, "progress": STEPS,
        "started_at": NOW - MINUTE / 6, "about": {"fixed": [1], "visits": dict.fromkeys("abcd")}, **fields,
    }  # fmt: skip
    return make_plan(**fields)


def test_the_form_opens_with_next_week_and_says_what_goes_in():
    make_visit(make_dose(start_on=MONDAY), make_nurse())
    make_dose(start_on=MONDAY + DAY)
    with at_the_desk() as client:
        page = client.get(reverse("plan-week"))
    assert page.context["form"].initial["first_on"] == MONDAY
    counts = page.context["counts"]
    assert (counts.visits, counts.fixed, counts.nurses) == (1, 1, 1)
    assert b"Plan the week of Mar 9" in page.content


def test_a_day_can_be_planned_alone():
    with at_the_desk() as client:
        page = client.get(reverse("plan-week"), {"day": "2026-03-05"})
    form = page.context["form"]
    assert form.initial["first_on"] == form.initial["last_on"] == today_at() + 3 * DAY
    assert b"Plan Thu, Mar 5" in page.content


def test_a_week_that_has_begun_is_planned_from_today():
    with at_the_desk() as client:
        page = client.get(reverse("plan-week"), {"week": "2026-03-04"})
    assert page.context["form"].initial["first_on"] == today_at()


def test_other_days_are_counted_without_asking_for_a_plan():
    make_dose(start_on=MONDAY + DAY)
    with at_the_desk() as client:
        part = client.get(
            reverse("plan-week"), {**WEEK, "seconds": "20", "part": "counts"}, headers={"HX-Request": "true"}
        )
    assert part.context["counts"].visits == 1
    assert not WeekPlan.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seconds": "4"}, "Look for at least 5 seconds."),
        ({"seconds": "ten"}, "Enter whole seconds"),
        ({"last_on": "2026-03-08"}, "The last day must not be before the first."),
        ({"last_on": ""}, "Enter the last day."),
        ({"first_on": "2062-03-09", "last_on": "2062-03-10"}, "A plan ends within a year from today."),
        ({"last_on": "2026-03-30"}, "A plan covers at most 14 days."),
        ({"first_on": "2026-02-01", "last_on": "2026-02-02"}, "These days are over."),
        ({"release": "some"}, "some is not one of the available choices"),
    ],
)
def test_a_wish_that_makes_no_sense_is_told_beside_what_was_typed(wrong, said):
    with at_the_desk() as client:
        page = client.post(reverse("plan-week"), {**WEEK, "seconds": "20", **wrong})
    assert page.status_code == 422
    assert said in page.content.decode()
    for name, typed in wrong.items():
        assert page.context["form"][name].value() == typed
    if not {"seconds", "release"} & set(wrong):
        assert "<h1>Plan the week of Mar 9</h1>" in page.content.decode()  # not of a day nobody asked for
    assert not WeekPlan.objects.exists()


def test_a_plan_that_was_asked_for_waits_with_what_went_in():
    make_nurse()
    make_dose(start_on=MONDAY + DAY)
    with at_the_desk() as client:
        answer = client.post(reverse("plan-week"), {**WEEK, "seconds": "20"})
        plan = WeekPlan.objects.get()
        assert answer.url == reverse("plan", args=[plan.pk])
        page = client.get(answer.url)
    assert (plan.state, plan.seconds, plan.first_on) == ("waiting", 20, MONDAY)
    assert len(plan.about["visits"]) == 1
    assert b"It starts as soon as a worker is free." in page.content


def test_the_same_days_are_not_planned_twice_at_once():
    make_nurse()
    with at_the_desk() as client:
        client.post(reverse("plan-week"), {**WEEK, "seconds": "20"})
        again = client.post(reverse("plan-week"), {**WEEK, "seconds": "20"})
    assert again.status_code == 409
    assert b"A plan of these days is being made already." in again.content


def test_the_search_is_told_as_a_curve_and_in_figures():
    plan = running()
    with at_the_desk() as client:
        page = client.get(reverse("plan", args=[plan.pk]))
    going = page.context["going"]
    assert (going.placed, going.wanted, going.best, going.seconds) == (3, 4, "9 h 00", 10)
    assert [step[1:] for step in going.steps] == [("11 h 07", 2), ("9 h 00", 3)]
    text = page.content.decode()
    assert 'class="curve-bound"' in text and "3 of 4" in text and "10 of 20 s" in text


def test_looking_again_by_itself_keeps_no_session_alive_and_renews_the_table():
    plan = running()
    with at_the_desk() as client:
        client.get(reverse("plan", args=[plan.pk]))
        session = client.session
        session[LAST_SEEN] = long_ago = int((NOW - 5 * MINUTE).timestamp())
        session.save()
        part = client.get(
            reverse("plan", args=[plan.pk]), {"part": "going"},
            headers={"HX-Request": "true", POLL_HEADER: "1"},
        )  # fmt: skip
        assert client.session[LAST_SEEN] == long_ago
    text = part.content.decode()
    assert "<template><tbody" in text  # a parser drops a bare tbody
    assert 'hx-swap-oob="true"' in text and "X-Background-Poll" in text
    assert "<html" not in text


def test_when_the_search_is_over_the_page_turns_to_the_proposal():
    plan = make_plan()
    with at_the_desk() as client:
        part = client.get(reverse("plan", args=[plan.pk]), {"part": "going"}, headers={"HX-Request": "true"})
    assert part.headers["HX-Refresh"] == "true"


def test_a_search_nobody_hears_of_for_a_minute_says_so_and_starts_again():
    nobody = running(beat_at=NOW - MINUTE - MINUTE / 60)
    with at_the_desk() as client:
        page = client.get(reverse("plan", args=[nobody.pk]))
        assert b"Nothing was heard of this search for a minute." in page.content
        assert b"every 2s" not in page.content
        answer = client.post(reverse("plan-again", args=[nobody.pk]))
    new = WeekPlan.objects.exclude(pk=nobody.pk).get()
    assert answer.url == reverse("plan", args=[new.pk])
    assert (new.first_on, new.seconds, new.state) == (nobody.first_on, nobody.seconds, "waiting")


def test_a_search_stopped_before_its_first_plan_promises_none():
    plan = running(state="cancelled", finished_at=NOW, progress=[])
    with at_the_desk() as client:
        page = client.get(reverse("plan", args=[plan.pk])).content.decode()
    assert "Stopped before there was a plan." in page and "Start again" in page
    assert "comes in a moment" not in page and "Visits placed" not in page


def test_a_minute_of_silence_is_not_over_before_the_minute():
    assert not plan_going.going(running(beat_at=NOW - MINUTE), now=NOW).silent


def test_a_search_is_stopped_with_the_best_so_far():
    plan = running()
    with at_the_desk() as client:
        page = client.post(reverse("plan-stop", args=[plan.pk]), follow=True)
    plan.refresh_from_db()
    assert plan.stop_asked_at is not None
    assert b"Stopping. The best plan so far is kept." in page.content
    assert Event.objects.filter(action="plan_stopped").count() == 1


def test_a_search_that_is_over_cannot_be_stopped_and_says_so():
    plan = make_plan()
    with at_the_desk() as client:
        page = client.post(reverse("plan-stop", args=[plan.pk]), follow=True)
    assert b"This search is over." in page.content


def test_a_failed_search_says_why_and_offers_another():
    plan = make_plan(state="failed", failure="Its worker stopped. Nothing was changed.", result={})
    with at_the_desk() as client:
        page = client.get(reverse("plan", args=[plan.pk]))
    assert b"Its worker stopped. Nothing was changed." in page.content
    assert reverse("plan-again", args=[plan.pk]).encode() in page.content


@pytest.mark.parametrize(
    ("total", "bound", "said"),
    [
        (10_000, 9_870, "No plan of these days is more than 1.3 % cheaper."),
        (10_000, 10_000, "No plan of these days is cheaper."),
        (10_000, None, ""),
    ],
)
def test_the_proof_is_said_as_a_share(total, bound, said):
    plan = WeekPlan(result={"cost": {"total": total}, "bound": bound})
    assert plan_going.proof(plan) == said


def test_more_driving_for_more_visits_is_not_called_worse():
    plan = WeekPlan(
        about={"fixed": [1, 2]},
        before={"placed": 0, "unserved": 8, "drive_minutes": 80, "with_history": 0, "known_nurse": 0},
        after={"placed": 8, "unserved": 0, "drive_minutes": 250, "with_history": 4, "known_nurse": 3},
    )
    found = {one.name: (one.before, one.after, one.word) for one in plan_going.figures(plan)}
    assert found["Driving"] == ("1 h 20", "4 h 10", "more visits")
    assert found["Driving, a visit"] == ("40 min", "25 min", "better")
    assert found["Visits without a time"] == ("8", "0", "better")
    assert found["With a nurse they know"] == ("none yet", "3 of 4", "")


def test_earlier_plans_of_the_days_stand_below_with_what_became_of_them():
    make_plan()
    make_plan(first_on=MONDAY + 30 * DAY, last_on=MONDAY + 30 * DAY)
    with at_the_desk() as client:
        page = client.get(reverse("plan-week"))
    assert len(page.context["plans"]) == 1


def test_the_form_asks_as_often_for_many_plans_as_for_few():
    def queries():
        with at_the_desk() as client, CaptureQueriesContext(connection) as told:
            client.get(reverse("plan-week"))
        return len(told)

    make_nurse()
    make_plan()
    make_dose(start_on=MONDAY + DAY)
    few = queries()
    for _n in range(6):
        make_plan()
        make_dose(start_on=MONDAY + DAY)
    assert queries() == few


def test_the_board_and_the_queue_lead_to_it():
    with at_the_desk() as client:
        week = client.get(reverse("board"), {"view": "week", "date": "2026-03-11"})
        day = client.get(reverse("board"), {"view": "day", "date": "2026-03-11"})
        queue = client.get(reverse("queue"))
    assert b"/staff/plan/?week=2026-03-11" in week.content
    assert b"/staff/plan/?day=2026-03-11" in day.content
    assert b'href="/staff/plan/"' in queue.content


def test_what_the_form_takes_is_what_the_service_takes():
    assert SECONDS[0] >= plans.SHORTEST and SECONDS[1] == plans.LONGEST
