"""A proposal: read with its reasons, chosen from, booked under the rules, and told what became of each line."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scheduling.models import Event, PlanLine, Visit
from scheduling.readings import plan_page, queue
from scheduling.services import booking
from tests.makers import (
    DAY,
    NOW,
    at,
    make_check,
    make_dose,
    make_nurse,
    make_patient,
    make_plan,
    make_prescription,
    make_user,
    make_visit,
    plan_line,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db

MONDAY = today_at() + 7 * DAY
WHY = [{"code": "DAYS_FROM_DUE", "days": 2}, {"code": "DRIVE", "added": 12, "there": 9}]
HELP = {"code": "LONGER", "on": MONDAY.isoformat(), "until": "17:00"}


def proposed(days: int = 3, nurse=None, **fields):
    """A plan with one dose a day, from MONDAY, for one nurse."""
    nurse = nurse or make_nurse()
    lines = [
        plan_line(make_dose(start_on=MONDAY + n * DAY), nurse, reasons=WHY, **fields) for n in range(days)
    ]
    return make_plan(lines), nurse


def left_line(dose=None, nurse=None):
    nurse = nurse or make_nurse(first_name="Ana", last_name="Torres")
    return plan_line(
        dose or make_dose(start_on=MONDAY),
        reasons=[{"code": "TIMES_GIVEN"}],
        helps=[HELP | {"nurse": nurse.pk}],
    )


def course(nurse):
    """The five days of a course as five lines of one group."""
    prescription = make_prescription(None, "methylprednisolone_iv_5d", start_on=MONDAY)
    first = make_dose(prescription)
    doses = [first, *(make_dose(prescription, n, ready=False) for n in range(2, 6))]
    return [plan_line(dose, nurse, group=f"dose {first.pk}", reasons=WHY) for dose in doses]


def move_line(nurse, to):
    visit = make_visit(make_dose(start_on=MONDAY), nurse)
    Visit.objects.filter(pk=visit.pk).update(state="confirmed")
    moved = plan_line(visit.dose, nurse, to, kind="move", group=f"visit {visit.pk}")
    moved.visit, moved.visit_version = visit, visit.version
    return moved


def book(client, plan, keys, **fields):
    return client.post(reverse("plan-book", args=[plan.pk]), {"line": keys, **fields}, follow=True)


def keys_of(plan):
    return [line.pk for line in plan.lines.exclude(kind="left").order_by("starts_at", "pk")]


def test_each_line_says_when_with_whom_and_why():
    plan, nurse = proposed(1)
    line = plan.lines.get()
    with at_the_desk() as client:
        page = client.get(reverse("plan", args=[plan.pk]))
    text = page.content.decode()
    assert line.patient.listed_name in text and nurse.listed_name in text
    assert "2 days after the due date · +12 min driving (9 min there)" in text
    assert "Ocrelizumab IV, dose 1" in text
    assert "No plan of these days is more than 1.0 % cheaper." in text
    assert f'name="line" value="{line.pk}" checked' in text


def test_who_looks_at_a_proposal_is_in_the_trail_for_each_patient():
    plan, _nurse = proposed(2)
    with at_the_desk() as client:
        client.get(reverse("plan", args=[plan.pk]))
    assert Event.objects.filter(action="chart_read", subject=f"plan {plan.pk}").count() == 2


def test_the_days_of_a_course_are_one_choice_and_are_booked_together():
    nurse = make_nurse(competencies=("iv", "methylprednisolone"))
    plan = make_plan(course(nurse))
    with at_the_desk() as client:
        page = client.get(reverse("plan", args=[plan.pk]))
        (row,) = page.context["proposal"].rows
        assert len(row.others) == 4 and page.content.count(b'name="line"') == 1
        book(client, plan, [row.key])
    assert Visit.objects.filter(state="booked").count() == 5
    assert set(plan.lines.values_list("state", flat=True)) == {"taken"}


def test_a_visit_that_moves_says_where_it_is_now_and_who_must_confirm_again():
    nurse = make_nurse()
    line = move_line(nurse, at(MONDAY, 13))
    plan = make_plan([line])
    with at_the_desk() as client:
        text = client.get(reverse("plan", args=[plan.pk])).content.decode()
    assert f"now Mon, Mar 9, 9:00 am, {nurse.listed_name}" in text
    assert "Pat had confirmed and must confirm again." in text


def test_what_has_no_time_says_why_and_what_would_help_and_cannot_be_chosen():
    plan = make_plan([left_line()])
    with at_the_desk() as client:
        page = client.get(reverse("plan", args=[plan.pk]))
        refused = book(client, plan, [plan.lines.get().pk])
    text = page.content.decode()
    assert "Every time that fits is needed for a more urgent visit." in text
    assert "Ana Torres until 5:00 pm on Mon, Mar 9" in text
    assert 'name="line"' not in text
    assert refused.status_code == 422
    assert not Visit.objects.exists()


@pytest.mark.parametrize(
    ("what", "left"), [("all", 0), (f"day-{MONDAY}", 2), ("nurse", 1), ("move", 3), ("nonsense", 3)]
)
def test_lines_are_unticked_by_day_and_by_nurse_without_script(what, left):
    plan, nurse = proposed(2)
    other = plan_line(make_dose(start_on=MONDAY + 2 * DAY), make_nurse())
    other.plan = plan
    other.save()
    what = f"nurse-{nurse.pk}" if what == "nurse" else what
    with at_the_desk() as client:
        page = client.post(
            reverse("plan", args=[plan.pk]), {"line": keys_of(plan), "do": "untick", "what": what}
        )
    assert page.status_code == 200
    assert page.content.count(b" checked>") - page.content.count(b"data-pick-all checked>") == left


def test_ticking_adds_to_what_is_ticked():
    plan, _nurse = proposed(3)
    first, second, _third = keys_of(plan)
    with at_the_desk() as client:
        page = client.post(
            reverse("plan", args=[plan.pk]),
            {"line": [second], "do": "tick", "what": f"day-{MONDAY.isoformat()}"},
        )
    assert page.context["ticked"] == {first, second}


def test_the_chosen_are_booked_and_the_next_page_tells_of_each():
    plan, nurse = proposed(3)
    first, second, _third = keys_of(plan)
    rival = make_user()
    line = plan.lines.get(pk=second)
    with at_the_desk() as client:
        booking.book_visit(
            dose_id=make_dose(start_on=MONDAY + DAY).pk, nurse_id=nurse.pk, starts_at=line.starts_at,
            by=rival, now=NOW,
        )  # fmt: skip
        page = book(client, plan, [first, second])
    text = page.content.decode()
    assert page.redirect_chain[-1][0] == reverse("plan-result", args=[plan.pk])
    assert "1 visit booked." in text and "1 visit is not possible any more." in text
    assert "Booked: 1" in text and "Not possible any more: 1" in text and "Not chosen: 1" in text
    lost = plan.lines.get(pk=second)
    assert lost.state == "lost" and lost.outcome in text
    made = plan.lines.get(pk=first).made_visit
    assert reverse("visit", args=[made.pk]) in text


def test_a_plan_can_still_be_read_and_chosen_from_after_a_part_was_booked():
    plan, _nurse = proposed(2)
    first, second = keys_of(plan)
    with at_the_desk() as client:
        book(client, plan, [first])
        page = client.get(reverse("plan", args=[plan.pk]))
        assert [row.key for row in page.context["proposal"].open] == [second]
        assert page.context["ticked"] == set()  # it was left out on purpose
        assert b"1 visit is booked from this plan." in page.content
        again = book(client, plan, [first])
    assert b"These were decided already." in again.content
    assert Visit.objects.count() == 1


def test_nothing_ticked_books_nothing_and_says_so():
    plan, _nurse = proposed(1)
    with at_the_desk() as client:
        page = book(client, plan, [])
    assert page.status_code == 422
    assert b"Choose at least one visit." in page.content


def test_a_visit_past_its_window_is_booked_with_a_reason_only():
    nurse = make_nurse()
    dose = make_dose(start_on=today_at() - 60 * DAY, now=NOW)
    line = plan_line(dose, nurse, at(MONDAY, 9), reasons=[{"code": "LATE", "days": 30}, *WHY])
    plan = make_plan([line])
    with at_the_desk() as client:
        refused = book(client, plan, keys_of(plan))
        assert refused.status_code == 422
        assert b"Say why visits past their window are booked" in refused.content
        assert plan.lines.get().state == "proposed"
        page = book(client, plan, keys_of(plan), override="First day a nurse is free.")
    assert plan.lines.get().state == "taken", page.content
    assert Event.objects.get(action="plan_taken").why == "First day a nurse is free."


def test_the_board_of_the_difference_shows_what_comes_and_goes():
    nurse = make_nurse()
    stays = make_visit(make_dose(start_on=MONDAY + DAY), nurse)
    plan = make_plan([move_line(nurse, at(MONDAY, 14)), plan_line(make_dose(start_on=MONDAY), make_nurse())])
    with at_the_desk() as client:
        page = client.get(reverse("plan", args=[plan.pk]), {"show": "board"})
    (week,) = page.context["weeks"]
    words = [visit["word"] for row in week["rows"] for cell in row["cells"] for visit in cell["visits"]]
    assert sorted(words) == ["Moves away", "Moves here", "New", "Stays"]
    assert reverse("visit", args=[stays.pk]) in page.content.decode()


def test_what_was_booked_from_the_plan_stays_on_its_board():
    plan, _nurse = proposed(1)
    with at_the_desk() as client:
        book(client, plan, keys_of(plan))
        page = client.get(reverse("plan", args=[plan.pk]), {"show": "board"})
    assert page.context["key"] == [("ok", "Booked from this plan")]


def test_the_map_shows_one_day_before_and_after():
    plan, nurse = proposed(2)
    with at_the_desk() as client:
        first = client.get(reverse("plan", args=[plan.pk]), {"show": "map"})
        second = client.get(
            reverse("plan", args=[plan.pk]), {"show": "map", "on": (MONDAY + DAY).isoformat()}
        )
        nonsense = client.get(reverse("plan", args=[plan.pk]), {"show": "map", "on": "2026-02-30"})
    assert [page.context["map"].on for page in (first, second, nonsense)] == [MONDAY, MONDAY + DAY, MONDAY]
    ((name, before, after, old_road, new_road),) = first.context["map"].rows
    assert (name, before, after, old_road) == (nurse.listed_name, 0, 1, 0)
    assert "map-new" in first.content.decode() and new_road == 0  # a home beside hers


def test_a_page_asks_as_often_for_fifty_lines_as_for_five():
    nurse = make_nurse()
    dose = make_dose(start_on=MONDAY)

    def plan_of(count):
        lines = [plan_line(dose, nurse, at(MONDAY, 9), group=f"g{n}") for n in range(count)]
        return make_plan([*lines, *(left_line(dose, nurse) for _n in range(count))])

    def queries(plan, **query):
        with at_the_desk() as client, CaptureQueriesContext(connection) as told:
            assert client.get(reverse("plan", args=[plan.pk]), query).status_code == 200
        return len(told)

    few, many = plan_of(5), plan_of(50)
    for show in ("visits", "board", "map", "search"):
        assert queries(few, show=show) == queries(many, show=show), show


# --- The queue ----------------------------------------------------------------------------------


def marks():
    """Key of a line -> what stands under it."""
    with at_the_desk() as client:
        page = client.get(reverse("queue")).context["page"]
    return {line.key: line.plan for line in page.object_list}


def test_the_queue_says_why_the_plan_found_no_time_and_what_would_help():
    dose = make_dose(start_on=MONDAY)
    plan = make_plan([left_line(dose)])
    with at_the_desk() as client:
        text = client.get(reverse("queue")).content.decode()
    assert "no time found. Every time that fits is needed for a more urgent visit." in text
    assert "Would help: Ana Torres until 5:00 pm on Mon, Mar 9." in text
    assert f'href="{reverse("plan", args=[plan.pk])}">Plan of Mon, Mar 2<' in text


def test_the_queue_says_what_was_proposed_and_not_taken():
    _plan, nurse = proposed(1)
    (mark,) = marks().values()
    assert mark.text.startswith(
        f"proposed Mon, Mar 9, 9:00 am, {nurse.listed_name}, not booked. 2 days after the due date"
    )


def test_only_the_newest_plan_speaks_and_only_while_its_days_are_ahead():
    dose, nurse = make_dose(start_on=MONDAY), make_nurse()
    make_plan([left_line(dose, nurse)])
    newest = make_plan([plan_line(dose, nurse, reasons=WHY)])
    assert marks()[f"dose-{dose.pk}"].plan_id == newest.pk
    newest.last_on = today_at() - DAY
    newest.first_on = today_at() - DAY
    newest.save()
    assert marks()[f"dose-{dose.pk}"] is None


def test_a_plan_that_still_searches_says_nothing_of_a_line():
    dose = make_dose(start_on=MONDAY)
    make_plan([left_line(dose)], state="running")
    assert marks()[f"dose-{dose.pk}"] is None


def test_a_check_the_plan_left_is_marked_too_and_what_is_no_longer_possible_says_why():
    check = make_check(make_patient(), MONDAY)
    line = PlanLine(
        check_owed=check, patient=check.patient, nurse=make_nurse(), starts_at=at(MONDAY, 9), minutes=45,
        time_zone=check.patient.time_zone, kind="place", group=f"check {check.pk}", state="lost",
        outcome="The nurse has another visit then.",
    )  # fmt: skip
    make_plan([line])
    assert marks()[f"check-{check.pk}"].text == "not possible any more. The nurse has another visit then."


def test_the_queue_asks_as_often_with_many_marks_as_with_one():
    nurse = make_nurse()

    def queries():
        with at_the_desk() as client, CaptureQueriesContext(connection) as told:
            client.get(reverse("queue"))
        return len(told)

    make_plan([left_line(nurse=nurse)])
    one = queries()
    make_plan([left_line(nurse=nurse) for _n in range(5)])
    assert queries() == one
    assert len(queue.rows(make_user(), now=NOW)) == 6


def test_a_proposal_is_read_in_two_queries(django_assert_num_queries):
    plan = make_plan([left_line(), plan_line(make_dose(start_on=MONDAY), make_nurse())])
    with django_assert_num_queries(2):
        found = plan_page.proposal(plan)
    assert len(found.rows) == len(found.left) == 1
