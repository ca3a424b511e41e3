"""The slot finder over HTTP: bookable, explained, in a constant number of queries, strict about what it is asked."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from patients.models import Hold
from scheduling.models import PlannedDose, SlotHold, Visit
from scheduling.readings import slots
from scheduling.services import bookable, courses
from scheduling.services.verdicts import problems_of
from tests import makers
from tests.scheduling.api.conftest import check_problem

pytestmark = pytest.mark.django_db


def path(dose) -> str:
    return f"doses/{dose.pk}/slots/"


def test_every_slot_can_be_booked_as_it_is_told(office):
    dose = makers.make_dose()
    makers.make_nurse()
    answer = office.get(path(dose)).json()
    best = answer["slots"][0]
    assert best["on"] == dose.due_on.isoformat() and best["days_from_due"] == 0
    assert best["reasons"][0] == "On the due date" and best["needs_reason"] == []
    body = {"dose": dose.pk, "nurse": best["nurse"], "starts_at": best["starts_at"]}
    booked = office.post("visits/", body)
    assert booked.status_code == 201 and booked.json()["ends_at"] == best["ends_at"]


def test_who_knows_the_patient_is_said(office):
    dose, nurse = makers.make_dose(), makers.make_nurse()
    for n in range(3):
        visit = makers.make_lab_visit(dose.prescription.patient, nurse, date(2026, 1, 5 + n))
        Visit.objects.filter(pk=visit.pk).update(state="completed")
    best = office.get(path(dose)).json()["slots"][0]
    assert (best["visits_by_nurse"], best["visits_before"]) == (3, 3)
    assert "Seen by this nurse 3 of 3 times" in best["reasons"]


def test_who_was_ruled_out_is_told_with_the_reason(office):
    dose = makers.make_dose()
    away, unskilled = makers.make_nurse(), makers.make_nurse(competencies=("iv",))
    makers.make_time_off(away, makers.NOW - 9 * makers.DAY, makers.NOW + 99 * makers.DAY)
    told = office.get(path(dose)).json()
    assert told["slots"] == []
    assert {one["code"]: one["nurses"] for one in told["ruled_out"]} == {
        "TIME_OFF": [away.pk],
        "NOT_COMPETENT": [unskilled.pk],
    }


def test_a_day_before_the_floor_or_on_hold_has_no_slot_and_says_why(office):
    dose = makers.make_dose()
    makers.make_nurse()
    Hold.objects.create(
        prescription=dose.prescription, starts_on=dose.due_on, clears_on=dose.due_on + makers.DAY, reason="x"
    )
    told = office.get(path(dose), **{"from": dose.due_on, "to": dose.due_on + makers.DAY}).json()
    assert [one["on"] for one in told["slots"]] == [(dose.due_on + makers.DAY).isoformat()]
    assert [(one["on"], one["code"]) for one in told["refused"]] == [(dose.due_on.isoformat(), "ON_HOLD")]


def test_a_dose_that_needs_no_visit_says_so(office):
    visit = makers.make_visit()
    told = office.get(path(visit.dose)).json()
    assert told["slots"] == [] and [one["code"] for one in told["refused"]] == ["DOSE_TAKEN"]


def test_a_holiday_is_a_warning(office):
    dose = makers.make_dose()
    makers.make_nurse()
    day = date(2026, 5, 25)
    told = office.get(path(dose), **{"from": day, "to": day}).json()
    assert told["slots"][0]["holiday"] == "Memorial Day"
    assert "A holiday: Memorial Day" in told["slots"][0]["reasons"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-3-1", "to": "2026-03-02"}, "from"),
        ({"from": "2026-03-09"}, "to"),
        ({"to": "2026-03-09"}, "from"),
        ({"from": "2026-03-09", "to": "2026-03-08"}, "to"),
        ({"from": "2026-03-09", "to": "2026-04-09"}, "to"),
        ({"limit": 0}, "limit"),
        ({"limit": 51}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"nurse": 1}, "nurse"),
        ({"near": "2026-03-09T09:00"}, "near"),
        ({"moving": "x"}, "moving"),
        ({"rank": 1}, "rank"),
    ],
)
def test_what_cannot_be_understood_is_refused_beside_its_field(office, query, field):
    dose = makers.make_dose()
    check_problem(office.get(path(dose), **query), 400, "BAD_INPUT", field)


def test_days_gone_by_have_no_slots(office):
    dose = makers.make_dose()
    makers.make_nurse()
    told = office.get(path(dose), **{"from": "2026-02-20", "to": "2026-02-28"}).json()
    assert told["slots"] == []


def test_fifty_nurses_cost_no_more_queries_than_five(office):
    dose = makers.make_dose()
    counts = []
    for many in (5, 45):
        for _n in range(many):
            makers.make_nurse(user=False)
        makers.make_visit(nurse=makers.make_nurse())
        with CaptureQueriesContext(connection) as asked:
            assert len(office.get(path(dose), limit=50).json()["slots"]) >= 5
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 16


def test_more_days_cost_no_more_queries(office):
    dose = makers.make_dose(regimen_id="natalizumab_q4w")
    makers.make_nurse()
    office.get(path(dose))  # the nurses are read once and kept while they stay as they are
    counts = []
    for days in (1, 30):
        query = {"from": dose.due_on, "to": dose.due_on + (days - 1) * makers.DAY}
        with CaptureQueriesContext(connection) as asked:
            assert office.get(path(dose), **query).json()["slots"]
        counts.append(len(asked))
    assert counts[0] == counts[1]


class WorldsOfTheDatabase(TestCase):
    """Whatever the world, no proposed slot is one that booking would forbid, alone or as a day of a course."""

    @settings(max_examples=40, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_every_slot_passes_the_check_of_booking(self, data):
        draw = data.draw
        by = User.objects.filter(role="coordinator").first() or makers.make_user()
        zone = draw(st.sampled_from([makers.CHICAGO, "America/Denver"]))
        patient = makers.make_patient(by=by, time_zone=zone, place=draw(st.sampled_from(PLACES)))
        dose = makers.make_dose(
            makers.make_prescription(
                patient,
                draw(st.sampled_from(["ocrelizumab_iv", "natalizumab_q4w"])),
                by=by,
                start_on=date(2026, 3, draw(st.integers(3, 12))),
            ),
            draw(st.integers(1, 2)),
            ready=draw(st.booleans()),
            by=by,
        )
        for _n in range(draw(st.integers(1, 3))):
            self.draw_nurse(draw, dose)
        days = [dose.due_on + n * makers.DAY for n in range(draw(st.integers(-3, 0)), 3)]
        finding = slots.find(by, dose, days, now=makers.NOW)
        assert PlannedDose.objects.get(pk=dose.pk).state == "planned"
        for slot in finding.slots:
            told = [(problem.code, False, False) for problem in finding.warnings[slot.on]]
            assert self.problems(dose, slot, by) == told

    @settings(max_examples=20, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_every_day_of_a_course_is_booked_as_it_was_told(self, data):
        draw = data.draw
        by = User.objects.filter(role="coordinator").first() or makers.make_user()
        order = makers.make_prescription(
            makers.make_patient(by=by, place=draw(st.sampled_from(PLACES))),
            draw(st.sampled_from(["methylprednisolone_iv_3d", "methylprednisolone_iv_5d"])),
            by=by,
            start_on=date(2026, 3, draw(st.integers(3, 9))),
        )
        doses = list(PlannedDose.objects.select_related("prescription__patient").filter(prescription=order))
        for _n in range(draw(st.integers(1, 3))):
            self.draw_nurse(draw, doses[0])
        finding = slots.find_course(by, doses, now=makers.NOW, limit=4)
        for way in finding.ways:
            override = "as told" if finding.warnings[way.stops[0].on] else ""
            days = [
                courses.Day(dose.pk, stop.nurse, stop.starts_at)
                for dose, stop in zip(doses, way.stops, strict=True)
            ]
            with transaction.atomic():
                assert len(courses.book_course(days=days, by=by, override=override, now=makers.NOW)) == len(
                    doses
                )
                transaction.set_rollback(True)

    def problems(self, dose, slot, by):
        """What booking would say, as (code, absolute, taken)."""
        nurse, wanted = makers.Nurse.objects.get(pk=slot.nurse), bookable.of_dose(dose)
        found = problems_of(wanted, nurse, slot.starts_at, by=by, now=makers.NOW)
        return [(p.code, p.absolute, p.taken) for p in found]

    def draw_nurse(self, draw, dose):
        """With hours and breaks, time off kept or taken back, visits, and a slot somebody holds."""
        nurse = makers.make_nurse(
            user=False,
            competencies=("iv", "ocrelizumab", "natalizumab", "methylprednisolone"),
            hours=(time(draw(st.integers(6, 10))), time(draw(st.integers(14, 20)))),
            weekdays=draw(st.sets(st.integers(0, 6), min_size=4)),
            licence_until=dose.due_on + draw(st.integers(0, 3)) * makers.DAY,
            day_limit_minutes=draw(st.sampled_from([360, 600])),
            place=draw(st.sampled_from(PLACES)),
        )
        if draw(st.booleans()):
            nurse.shifts.update(break_starts=time(12), break_ends=time(12, draw(st.sampled_from([15, 45]))))
        begin = makers.at(dose.due_on, 0) - makers.DAY
        if draw(st.booleans()):
            away = begin + timedelta(hours=draw(st.integers(0, 72)))
            gone = makers.make_time_off(nurse, away, away + timedelta(hours=draw(st.integers(1, 30))))
            if draw(st.booleans()):
                gone.withdrawn_at = makers.NOW
                gone.save()
        if draw(st.booleans()):
            self.draw_hold(draw, nurse, begin)
        for n in range(draw(st.integers(2, 4))):
            visit = makers.make_lab_visit(
                makers.make_patient(by=makers.User.objects.first(), place=draw(st.sampled_from(PLACES))),
                nurse,
                dose.due_on + n * makers.DAY,
            )
            starts_at = begin + n * makers.DAY + timedelta(hours=draw(st.integers(7, 12)))
            visit.starts_at, visit.ends_at = starts_at, starts_at + timedelta(minutes=90)
            visit.save()

    def draw_hold(self, draw, nurse, begin):
        """Standing or over."""
        other = makers.make_dose(by=makers.User.objects.first(), ready=False)
        starts_at = begin + timedelta(hours=draw(st.integers(8, 70)))
        SlotHold.objects.create(
            dose=other, patient=other.prescription.patient, nurse=nurse, starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=3), held_by=makers.make_user(),
            expires_at=makers.NOW + draw(st.sampled_from([-1, 1])) * makers.MINUTE,
        )  # fmt: skip


PLACES = [makers.DALLAS, makers.FORT_WORTH, (33.0198, -96.6989)]
