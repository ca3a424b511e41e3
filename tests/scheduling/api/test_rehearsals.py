"""A change with `rehearse` answers what it would do and writes nothing; `shown` applies just that or nothing."""

from __future__ import annotations

import pytest

from patients.models import Hold
from scheduling.models import DoseRecord, Event, IdempotencyKey
from scheduling.services import prescribing
from tests import makers
from tests.scheduling.api.conftest import check_problem

pytestmark = pytest.mark.django_db
HOLD = {"starts_on": "2026-03-02", "clears_on": "2026-04-20", "reason": "fever"}
TODAY = makers.today_at()


def test_each_change_of_an_order_is_rehearsed_and_then_applied_as_shown(office):
    order = makers.make_prescription()
    placed = prescribing.hold(
        prescription_id=order.pk, starts_on=TODAY, clears_on=None, reason="trip", by=makers.make_user()
    )
    changes = {
        "clear-hold": {"hold": placed.pk, "clears_on": "2026-03-20"},
        "amend": {"expires_on": "2026-12-01", "why": "shorter", "version": 1},
        "hold": HOLD,
        "stop": {"stopped_on": "2026-03-02", "why": "moved"},
    }
    for name, body in changes.items():
        path = f"prescriptions/{order.pk}/{name}/"
        written = Event.objects.exclude(action="chart_read").count()
        told = office.post(path, {**body, "rehearse": True})
        assert told.status_code == 200, told.content
        assert told.json()["doses"], name
        assert Event.objects.exclude(action="chart_read").count() == written, f"{name} was only asked about"
        done = office.post(path, {**body, "shown": told.json()["signature"]})
        assert done.status_code == 200 and done.json()["id"] == order.pk, done.content
        assert Event.objects.exclude(action="chart_read").count() == written + 1
    assert Event.objects.filter(action="chart_read", subject="before and after").count() == len(changes)


def test_the_effects_say_what_becomes_of_a_booked_visit(office):
    visit = makers.make_visit()
    told = office.post(f"prescriptions/{visit.dose.prescription_id}/hold/", {**HOLD, "rehearse": True}).json()
    (one,) = told["visits"]
    assert (one["visit"], one["fits"], one["code"]) == (visit.pk, False, "ON_HOLD")
    assert told["nothing"] is False
    assert {"before", "after", "number", "prescription"} <= told["doses"][0].keys()
    assert not Hold.objects.exists()


def test_other_effects_than_those_shown_are_a_conflict(office):
    visit = makers.make_visit()
    path = f"prescriptions/{visit.dose.prescription_id}/hold/"
    check_problem(office.post(path, {**HOLD, "shown": "0" * 32}), 409, "NOT_AS_SHOWN")
    assert not Hold.objects.exists()


def test_terms_somebody_amended_in_between_are_a_conflict(office):
    order = makers.make_prescription()
    path = f"prescriptions/{order.pk}/amend/"
    assert office.post(path, {"note": "call first", "why": "asked", "version": 1}).status_code == 200
    check_problem(office.post(path, {"note": "", "why": "asked", "version": 1}), 409, "STALE_VERSION")


def test_a_rehearsed_record_takes_no_key_and_records_nothing(office):
    dose = makers.make_dose(ready=False, start_on=TODAY)
    path, body = f"doses/{dose.pk}/record/", {"given_on": "2026-03-02", "reaction": "severe"}
    told = office.post(path, {**body, "rehearse": True}, Idempotency_Key="once")
    assert told.status_code == 200, told.content
    assert told.json()["doses"][0]["after"]["state"] == "given"
    assert not DoseRecord.objects.exists() and not IdempotencyKey.objects.exists()
    saved = office.post(path, {**body, "shown": told.json()["signature"]}, Idempotency_Key="once")
    assert saved.status_code == 201 and DoseRecord.objects.count() == 1


def test_a_refused_change_is_refused_when_it_is_rehearsed(office):
    order = makers.make_prescription()
    wrong = {**HOLD, "clears_on": "2026-03-01", "rehearse": True}
    check_problem(office.post(f"prescriptions/{order.pk}/hold/", wrong), 400, "BAD_INPUT", "clears_on")


@pytest.mark.parametrize("said", ["perhaps", [], {}, 7])
def test_whether_it_is_a_rehearsal_must_be_plain(office, said):
    dose = makers.make_dose(ready=False, start_on=TODAY)
    body = {"given_on": "2026-03-02", "rehearse": said}
    answer = office.post(f"doses/{dose.pk}/record/", body, Idempotency_Key="once")
    check_problem(answer, 400, "BAD_INPUT", "rehearse")
