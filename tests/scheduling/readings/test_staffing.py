"""The nurses kept in the process are never stale, and what was read at once is what the helpers read one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection, transaction
from django.forms import model_to_dict
from django.test.utils import CaptureQueriesContext

from nurses.models import Competency, Licence, Nurse, Shift
from patients.models import Hold, Measurement
from scheduling.planning.crew import crew
from scheduling.planning.team import busy
from scheduling.readings import roster, slots, staffing
from scheduling.services import bookable, checks, doses, order_files, readiness, slot_holds
from tests import makers
from tests.threads import own_connection

FIRST, LAST = makers.NOW, makers.NOW + 14 * makers.DAY


def read(user, patient, **more):
    return staffing.read(user, patient.pk, FIRST, LAST, now=makers.NOW, **more)


def plain(facts):
    """Arrays and what is made of them as plain values."""
    if is_dataclass(facts):
        return {field.name: plain(getattr(facts, field.name)) for field in fields(facts)}
    if isinstance(facts, dict):
        return {key: plain(value) for key, value in facts.items()}
    return facts.tolist() if isinstance(facts, np.ndarray) else facts


def same(a, b) -> bool:
    """Two crews, array by array."""
    return plain(a) == plain(b)


@pytest.fixture
def agency(transactional_db):
    """An office, a patient and a nurse, everything committed."""
    user = makers.make_user()
    return user, makers.make_patient(by=user), makers.make_nurse(competencies=("iv",))


def elsewhere(work) -> None:
    """What another process does: its own connection, its own transaction, nothing of ours to tell us."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(own_connection, work).result(timeout=30)


CHANGES = {
    "a shift": lambda: Shift.objects.update(ends=time(12)),
    "a break": lambda: Shift.objects.update(break_starts=time(12), break_ends=time(13)),
    "a licence": lambda: Licence.objects.update(expires_on=date(2026, 3, 5)),
    "a competency": lambda: Competency.objects.update(expires_on=date(2026, 3, 5)),
    "another competency": lambda: Competency.objects.create(
        nurse=Nurse.objects.get(), code="ocrelizumab", granted_on=date(2020, 1, 1)
    ),
    "one shift less": lambda: Shift.objects.filter(weekday=2).delete(),
    "a home": lambda: Nurse.objects.update(latitude=33.0),
    "a daily limit": lambda: Nurse.objects.update(day_limit_minutes=60),
    "who left": lambda: Nurse.objects.update(active=False),
    "a name": lambda: Nurse.objects.update(last_name="Ortiz"),
    "two at once that cancel out": lambda: (
        Shift.objects.filter(weekday=1).update(ends=time(12)),
        Shift.objects.filter(weekday=2).update(ends=time(12)),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_made_elsewhere_is_seen_by_the_next_search(agency, what):
    user, patient, _nurse = agency
    before = read(user, patient).staff
    assert read(user, patient).staff is before  # kept while nothing changes
    elsewhere(CHANGES[what])
    after = read(user, patient).staff
    assert not same(after, before)
    assert same(after, staffing.staff_of(Nurse.objects.all()))


def test_a_change_and_its_opposite_are_both_seen(agency):
    user, patient, _nurse = agency
    before = read(user, patient).staff
    elsewhere(lambda: Shift.objects.update(ends=time(12)))
    assert not same(read(user, patient).staff, before)
    elsewhere(lambda: Shift.objects.update(ends=time(19)))
    assert same(read(user, patient).staff, before)


def test_a_change_that_was_begun_first_and_committed_last_is_seen(agency):
    """A mark made of the highest transaction number would miss it: a later one committed before."""
    user, patient, _nurse = agency
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Shift.objects.filter(weekday=1).update(ends=time(12))  # begun first, in our transaction
        pool.submit(own_connection, lambda: Shift.objects.filter(weekday=2).update(ends=time(12))).result(30)
        pool.submit(own_connection, lambda: read(user, patient)).result(30)  # read while ours is open
    assert same(read(user, patient).staff, staffing.staff_of(Nurse.objects.all()))


def test_changes_within_one_transaction_are_seen_and_taken_back(agency):
    user, patient, _nurse = agency
    before = read(user, patient).staff
    with transaction.atomic():
        for hour in (11, 12, 13):
            Shift.objects.update(ends=time(hour))
            assert same(read(user, patient).staff, staffing.staff_of(Nurse.objects.all()))
        transaction.set_rollback(True)
    assert same(read(user, patient).staff, before)


@pytest.mark.django_db
def test_one_statement_reads_what_changes_whatever_there_is():
    user, patient = makers.make_user(), makers.make_patient()
    for _n in range(3):
        makers.make_lab_visit(makers.make_patient(), makers.make_nurse())
    read(user, patient)
    with CaptureQueriesContext(connection) as asked:
        read(user, patient)
    assert len(asked) == 1


@pytest.mark.django_db
def test_what_was_read_at_once_is_what_the_roster_reads():
    user = makers.make_user()
    patient, nurse, idle = makers.make_patient(by=user), makers.make_nurse(), makers.make_nurse()
    other = makers.make_nurse(active=False)
    makers.make_lab_visit(patient, nurse)
    makers.make_lab_visit(makers.make_patient(), other)
    moved = makers.make_lab_visit(makers.make_patient(), idle)
    done = makers.make_lab_visit(patient, idle, makers.today_at() - 9 * makers.DAY)
    done.state = "completed"
    done.save()
    makers.make_time_off(idle, makers.NOW + makers.DAY, makers.NOW + 2 * makers.DAY)
    back = makers.make_time_off(nurse, makers.NOW, makers.NOW + 9 * makers.DAY)
    back.withdrawn_at = makers.NOW
    back.save()
    reading = read(user, patient, without=moved)
    facts = [member.facts for member in roster.roster(user, FIRST, LAST, without=moved.pk)]
    facts.sort(key=lambda one: one.key)
    assert same(reading.staff.crew, crew(facts))
    assert same(reading.busy, busy(facts))
    assert len(reading.patient_spans) == 1
    assert reading.visits_before == {idle.pk: 1}


@pytest.mark.django_db
def test_a_slot_held_by_others_is_busy_and_ones_own_is_not():
    mine, ben, nurse = makers.make_user(), makers.make_user(), makers.make_nurse()
    dose = makers.make_dose()
    at = makers.at(dose.due_on)
    slot_holds.hold_slot(dose_id=dose.pk, nurse_id=nurse.pk, starts_at=at, by=ben, now=makers.NOW)
    patient = dose.prescription.patient
    theirs = read(mine, patient, doses=[dose])
    assert theirs.busy.stop_minutes.tolist() == [0]  # it is no visit yet
    assert theirs.patient_spans == ((int(at.timestamp()), int((at + dose.length).timestamp())),)
    assert theirs.held is not None
    own = read(ben, patient, doses=[dose])
    assert len(own.busy.stop_nurse) == 0 and own.patient_spans == () and own.held is None
    later = staffing.read(mine, patient.pk, FIRST, LAST, now=makers.NOW + slot_holds.HOLD_FOR, doses=[dose])
    assert len(later.busy.stop_nurse) == 0 and later.held is None


# --- The files of an order -------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("regimen_id", ["natalizumab_q4w", "cyclophosphamide_ssc_monthly"])
def test_the_files_read_at_once_are_those_the_helpers_read(regimen_id):
    by = makers.make_user()
    order = makers.make_prescription(
        regimen_id=regimen_id, by=by, start_on=makers.today_at() - 40 * makers.DAY,
        height_cm=Decimal("171.50"), weight_kg=Decimal("70.25"),
    )  # fmt: skip
    makers.make_papers(order, by=by)
    makers.make_evidence(order.patient, "hbv_screening", makers.today_at() - 3 * makers.DAY, by=by)
    for value, days in (("81.20", 5), ("80.10", 9)):
        Measurement.objects.create(
            patient=order.patient, kind="weight_kg", value=Decimal(value),
            measured_on=makers.today_at() - days * makers.DAY,
        )  # fmt: skip
    Hold.objects.create(prescription=order, starts_on=date(2026, 9, 1), clears_on=None, reason="surgery")
    Hold.objects.create(prescription=order, starts_on=date(2026, 8, 1), reason="x", withdrawn_at=makers.NOW)
    first = makers.make_dose(order, 1, ready=False, by=by)
    makers.make_record(first, reaction="mild", reaction_type="non_allergic", by=by)
    second = makers.make_dose(order, 2, ready=False, by=by)
    visit = makers.make_lab_visit(order.patient, makers.make_nurse(), second.due_on + 9 * makers.DAY)
    visit.kind, visit.dose = "infusion", second
    visit.save()
    order.refresh_from_db()
    with CaptureQueriesContext(connection) as asked:
        files = order_files.files_of(order)
    assert len(asked) == 1
    assert files.case == doses.case_of(order)
    assert files.booked == doses.booked_days(order) == {2: second.due_on + 9 * makers.DAY}
    assert order_files.files_of(order, without=visit.pk).booked == {}
    papers = readiness.papers_on_file([order.patient_id])
    assert {key: model_to_dict(one) for key, one in files.papers.items()} == {
        key: model_to_dict(one) for key, one in papers.items()
    }


@pytest.mark.django_db
def test_a_check_is_searched_with_what_it_needs():
    by = makers.make_user()
    patient = makers.make_patient(by=by)
    drawer, visitor = makers.make_nurse(competencies=("iv",)), makers.make_nurse(competencies=())
    with makers.clock_stands_at():
        due_on = makers.today_at() + timedelta(days=9)
        draw = checks.ask_check(patient_id=patient.pk, kind="lab_draw", due_on=due_on, by=by, reason="JCV")
        look = checks.ask_check(patient_id=patient.pk, kind="wellness", due_on=due_on, by=by, reason="fall")
    found = slots.find_for_check(by, draw, now=makers.NOW)
    assert {slot.nurse for slot in found.slots} == {drawer.pk}
    assert found.ruled_out == {"NOT_COMPETENT": (visitor.pk,)} and found.slots[0].on == due_on
    assert slots.ruled_out_words(found) == ["1 nurse: not signed off to draw blood on these days"]
    found = slots.find_for_check(by, look, now=makers.NOW)
    assert {slot.nurse for slot in found.slots} == {drawer.pk, visitor.pk}
    assert bookable.of_check(look).length == timedelta(minutes=45)
    early = slots.find_for_check(by, look, [due_on - makers.DAY], now=makers.NOW)
    assert [problem.code for problem in early.warnings[due_on - makers.DAY]] == ["EARLY_OUTSIDE_WINDOW"]


@pytest.mark.django_db
def test_a_day_holds_its_shift_without_the_break_and_without_time_off_counted_twice():
    nurse, day = makers.make_nurse(hours=(time(8), time(17))), makers.today_at() + makers.DAY
    assert roster.capacity_minutes(nurse, day) == 540
    nurse.shifts.update(break_starts=time(12), break_ends=time(13))
    assert roster.capacity_minutes(nurse, day) == 480
    makers.make_time_off(nurse, makers.at(day, 12, 30), makers.at(day, 14))
    assert roster.capacity_minutes(nurse, day) == 420
    makers.make_time_off(nurse, makers.at(day, 13, 30), makers.at(day, 15))
    assert roster.capacity_minutes(nurse, day) == 360
