"""The list itself: checks beside doses, filters in the address, several lines at once, on paper and as a file."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.models import Evidence, Patient, Prescription
from scheduling.models import Event, PlannedCheck, SupplyStep, Visit
from scheduling.readings import queue, queue_table
from scheduling.readings.queue_filters import Wished
from scheduling.services import outcomes, supplies
from tests.makers import (
    DAY,
    NOW,
    at,
    make_check,
    make_dose,
    make_evidence,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db


def keys(answer) -> list[str]:
    return [line.key for line in answer.context["page"].object_list]


def test_checks_stand_among_the_doses_by_the_days_left():
    late = make_check(due_on=today_at() - 20 * DAY)
    dose = make_dose(start_on=today_at() + 2 * DAY)
    draw = make_check(due_on=today_at() + 3 * DAY, kind=PlannedCheck.Kind.LAB_DRAW, what=["cbc"])
    with at_the_desk() as client:
        answer = client.get(reverse("queue"))
    assert keys(answer) == [f"check-{late.pk}", f"dose-{dose.pk}", f"check-{draw.pk}"]
    assert "Lab draw: Blood count" in answer.content.decode()


def test_a_check_leaves_the_list_when_it_is_booked_done_far_away_or_its_order_is_over():
    patient, dose = make_patient(), make_dose(start_on=today_at() + 59 * DAY)
    make_check(due_on=today_at() + 61 * DAY)
    make_check(state=PlannedCheck.State.DONE)
    make_check(prescription=dose.prescription, patient=patient)
    Prescription.objects.filter(pk=dose.prescription_id).update(status="discontinued")
    away = make_check()
    Patient.objects.filter(pk=away.patient_id).update(status="in_hospital")
    booked = make_check()
    Visit.objects.create(
        patient=booked.patient, nurse=make_nurse(), kind="wellness", planned_check=booked, time_zone="America/Chicago",
        starts_at=at(booked.due_on), ends_at=at(booked.due_on, 10),
    )  # fmt: skip
    assert queue.lines(make_user(), now=NOW) == []


def test_the_number_in_the_navigation_counts_checks_too():
    make_dose(), make_check(), make_check()
    user = make_user()
    assert queue.count(user, now=NOW) == len(queue.lines(user, now=NOW)) == 3


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("?kind=infusion", {"plain", "spanish", "blocked"}),
        ("?kind=wellness", {"check"}),
        ("?show=ready", {"plain", "spanish", "check"}),
        ("?show=blocked", {"blocked"}),
        ("?city=Plano", {"spanish"}),
        ("?language=es", {"spanish"}),
        ("?wish=morning", {"check"}),
        ("?drug=natalizumab", {"blocked"}),
        ("?drug=natalizumab&show=ready", set()),
        ("?city=Nowhere", set()),
    ],
)
def test_the_address_narrows_the_list(asked, kept):
    by = make_user()
    named = {
        "plain": f"dose-{make_dose().pk}",
        "spanish": f"dose-{make_dose(make_prescription(make_patient(by=by, language='es', city='Plano'))).pk}",
        "blocked": f"dose-{make_dose(regimen_id='natalizumab_q4w', ready=False).pk}",
        "check": f"check-{make_check(make_patient(prefers='morning')).pk}",
    }
    with at_the_desk() as client:
        assert set(keys(client.get(reverse("queue") + asked))) == {named[name] for name in kept}


def test_tabs_are_counted_within_what_the_selects_chose():
    make_dose(), make_check(), make_check()
    with at_the_desk() as client:
        tabs = client.get(reverse("queue") + "?kind=wellness").context["tabs"]
    assert tabs[0]["count"] == 2 and tabs[0]["url"] == "?kind=wellness"
    assert [tab["url"] for tab in tabs][3] == "?show=ready&kind=wellness"


def test_no_filter_can_carry_a_name():
    assert set(Wished.__dataclass_fields__) == {"show", "kind", "drug", "city", "language", "wish"}


def test_only_the_counts_are_sent_when_only_they_are_asked_for():
    make_dose()
    with at_the_desk() as client:
        part = client.get(reverse("queue") + "?part=head", headers={"HX-Request": "true"}).content.decode()
    assert 'id="queue-head"' in part and "<table" not in part


def test_the_drug_is_ordered_for_every_ticked_line_and_the_filters_stay():
    doses = [make_dose(), make_dose()]
    user = make_user()
    wish = {
        "line": [f"dose-{dose.pk}" for dose in doses] + ["check-1", "dose-x", "x"],
        "do": "ordered",
        "city": "Dallas",
    }
    with at_the_desk(user) as client:
        answer = client.post(reverse("queue-selected"), wish)
        page = client.get(answer["Location"]).content.decode()
    assert answer["Location"] == reverse("queue") + "?city=Dallas"
    assert "Drug ordered for 2 doses." in page and "ordered Mon, Mar 2" in page
    steps = SupplyStep.objects.all()
    assert {(step.dose, step.step, step.recorded_by) for step in steps} == {
        (dose, "ordered", user) for dose in doses
    }


@pytest.mark.parametrize("do", ["times", "ordered", "confirmed", "", "drop"])
def test_nothing_ticked_and_nonsense_is_told_and_changes_nothing(do):
    make_dose()
    with at_the_desk() as client:
        answer = client.post(reverse("queue-selected"), {"do": do, "line": "²", "visit": "²"}, follow=True)
    assert answer.status_code == 200
    assert "Tick at least one" in answer.content.decode() or "Choose what to do" in answer.content.decode()
    assert not SupplyStep.objects.exists()


def test_visits_nobody_confirmed_rise_and_several_are_confirmed_by_phone_at_once():
    soon = make_visit(make_dose(start_on=today_at() + 2 * DAY))
    later = make_visit(make_dose(start_on=today_at() + 9 * DAY))
    with at_the_desk() as client:
        listed = client.get(reverse("queue")).context["not_ready"]
        assert [line.visit for line in listed] == [soon] and listed[0].may_confirm
        wish = {"do": "confirmed", "visit": [soon.pk, later.pk]}
        page = client.post(reverse("queue-selected"), wish, follow=True).content.decode()
    assert "2 visits confirmed by phone." in page
    assert set(Visit.objects.values_list("state", flat=True)) == {"confirmed"}


def test_who_has_not_said_yes_two_days_before_stands_above_what_is_only_not_ready():
    sure = make_visit(make_dose(start_on=today_at() + DAY))  # its drug is not there yet
    outcomes.confirm_visit(visit_id=sure.pk, by=make_user(), now=NOW)
    silent = make_visit(make_dose(start_on=today_at() + 2 * DAY))
    with at_the_desk() as client:
        page = client.get(reverse("queue"))
    assert [line.visit for line in page.context["not_ready"]] == [silent, sure]
    told = page.content.decode()
    assert "1 visit in the next 2 days is not confirmed" in told and 'id="unconfirmed" open' in told
    assert "1 more visit in the next 3 days is not ready" in told


def test_a_visit_of_the_next_days_is_listed_with_what_is_not_ready_until_all_of_it_is():
    visit = make_visit(make_dose(start_on=today_at() + 2 * DAY))
    dose, patient, by = visit.dose, visit.patient, make_user()
    with at_the_desk() as client:
        page = client.get(reverse("queue"))
        (line,) = page.context["not_ready"]
        assert [title for title, _text in line.warnings] == ["Authorization", "Drug", "Patient confirmed"]
        assert reverse("dose-readiness", args=[dose.pk]) in page.content.decode()
        outcomes.confirm_visit(visit_id=visit.pk, by=by)
        make_evidence(patient, "prior_authorization", today_at(), units=100_000, by=by)
        cold = {"lowest_c": Decimal(3), "highest_c": Decimal(6)}
        supplies.record_step(dose_id=dose.pk, step="received", on=today_at(), by=by, **cold)
        assert client.get(reverse("queue")).context["not_ready"] == []


def test_a_paper_that_stops_the_start_is_listed_though_the_visit_was_booked_with_a_reason():
    visit = make_visit(make_dose(start_on=today_at() + 2 * DAY))
    Evidence.objects.filter(patient=visit.patient, kind="hbv_screening").update(
        withdrawn_at=NOW, withdrawn_why="wrong person"
    )
    with at_the_desk() as client:
        (line,) = client.get(reverse("queue")).context["not_ready"]
    assert "Hepatitis B screening" in [title for title, _text in line.warnings]


def test_times_for_several_fit_together_and_are_booked_one_by_one():
    nurse = make_nurse()
    doses = [make_dose(), make_dose()]
    lines = [f"dose-{dose.pk}" for dose in doses]
    with at_the_desk() as client:
        answer = client.post(reverse("queue-selected"), {"line": lines, "do": "times"})
        page = client.get(answer["Location"])
        proposals = page.context["proposals"]
        values = [proposal.card["value"] for proposal in proposals]
        assert len(set(values)) == 2 and {value.split("|")[0] for value in values} == {str(nurse.pk)}
        wish = {"take": lines, **{f"slot-{key}": value for key, value in zip(lines, values, strict=True)}}
        told = client.post(reverse("queue-times"), wish, follow=True)
    assert [entry["booked"] for entry in told.context["told"]] == [True, True]
    assert Visit.objects.filter(dose__in=doses, state="booked").count() == 2


def test_a_line_lost_meanwhile_is_told_with_who_was_first_and_gets_the_next_best():
    nurse, ben = make_nurse(), make_user(first_name="Ben", last_name="Ortiz")
    mine, other = make_dose(), make_dose()
    key = f"dose-{mine.pk}"
    with at_the_desk() as client:
        page = client.get(reverse("queue-times"), {"line": key})
        value = page.context["proposals"][0].card["value"]
        start = value.split("|")[2]
        make_visit(other, nurse, at(mine.due_on, int(start[:2]), int(start[3:])), by=ben)
        told = client.post(reverse("queue-times"), {"take": key, f"slot-{key}": value}, follow=True)
    entry = told.context["told"][0]
    assert not entry["booked"] and "Ben Ortiz booked" in entry["text"]
    assert told.context["proposals"][0].card["value"] != value
    assert not Visit.objects.filter(dose=mine).exists()


def test_what_needs_a_reason_or_is_a_course_is_left_to_a_page_of_its_own():
    make_nurse(competencies=("iv", "ocrelizumab", "methylprednisolone"))
    blocked, course = make_dose(ready=False), make_dose(regimen_id="methylprednisolone_iv_5d")
    with at_the_desk() as client:
        wish = {"line": [f"dose-{blocked.pk}", f"dose-{course.pk}"]}
        answer = client.get(reverse("queue-times"), wish)
    first, second = answer.context["proposals"]
    assert first.reason and second.card is None and "all or none" in second.why_not
    assert 'name="take"' not in answer.content.decode()


@pytest.mark.parametrize("said", ["", "x", "1|2026-02-30|09:00"])
def test_a_ticked_line_with_a_broken_time_is_told(said):
    key = f"dose-{make_dose().pk}"
    with at_the_desk() as client:
        told = client.post(
            reverse("queue-times"), {"take": [key, "dose-999999"], f"slot-{key}": said}, follow=True
        )
    assert [entry["booked"] for entry in told.context["told"]] == [False, False]
    assert not Visit.objects.exists()


def test_the_file_has_every_line_and_no_cell_that_runs():
    make_dose(make_prescription(make_patient(last_name="=HYPERLINK(1)", first_name="A", city="@home")))
    make_dose(start_on=today_at() - 3 * DAY)
    user = make_user()
    with at_the_desk(user) as client:
        answer = client.get(reverse("queue-csv"))
        narrowed = client.get(reverse("queue-csv") + "?show=overdue").content.decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(table) == 3 and len(list(csv.reader(io.StringIO(narrowed)))) == 2
    assert [cell for row in table for cell in row if cell[:1] in "=+-@" and cell] == []
    assert table[2][0].startswith("'=HYPERLINK") and table[2][10] == "'@home"
    assert answer["Content-Disposition"] == 'attachment; filename="needs-booking-2026-03-02.csv"'
    assert Event.objects.filter(action="chart_read", actor=user, subject="queue as a file").count() == 3


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"])
def test_a_cell_like_a_formula_becomes_text(cell):
    assert queue_table.safe(cell) == "'" + cell
    assert queue_table.safe("a=1") == "a=1"


def test_the_paper_has_every_line_without_pages():
    for _n in range(3):
        make_dose()
    make_check()
    with at_the_desk() as client:
        answer = client.get(reverse("queue-print"))
    assert len(answer.context["lines"]) == 4
    assert "In the way" in answer.content.decode()


def test_the_list_asks_the_database_as_often_for_many_lines_as_for_few():
    def asked() -> int:
        with at_the_desk() as client:
            client.get(reverse("queue"))
            with CaptureQueriesContext(connection) as seen:
                client.get(reverse("queue"))
        return len(seen)

    def more() -> None:
        dose = make_dose()
        make_check(), make_visit(make_dose(start_on=today_at() + 2 * DAY))
        SupplyStep.objects.create(dose=dose, step="ordered", on=today_at())

    more()
    few = asked()
    for _n in range(5):
        more()
    assert asked() == few <= 36
