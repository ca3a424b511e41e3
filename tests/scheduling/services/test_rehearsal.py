"""What a change would do is found by doing it and taking it back: nothing stays, and applying does just that."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from patients.models import Hold, Patient, Prescription
from scheduling.models import DoseRecord, Event, Notice, Visit
from scheduling.rules.errors import BadInput, Conflict, Refused
from scheduling.services import booking, doses, patients, prescribing, records, rehearsal, standing
from scheduling.services.prescribing import GivenElsewhere
from scheduling.services.rehearsal import NotAsShown, carry_out, rehearse
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_papers,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)
from tests.threads import own_connection

pytestmark = pytest.mark.django_db
TODAY = today_at()


@pytest.fixture(autouse=True)
def standing_clock():
    with clock_stands_at(NOW):
        yield


def everything() -> dict[str, str]:
    """Table -> a digest of all its rows."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{table}\" t")
            found[table] = cursor.fetchone()[0]
    return found


def on_order() -> tuple[Prescription, Visit]:
    """Dose 1 falls due today; dose 2 is booked on its day."""
    order = make_prescription(start_on=TODAY)
    make_papers(order)
    return order, make_visit(make_dose(order, 2, ready=False))


def recorded(order: Prescription, **said: Any) -> Callable[[], DoseRecord]:
    dose = order.doses.get(number=1)
    return partial(
        records.record_given, dose_id=dose.pk, by=make_user(), **{"given_on": TODAY, "now": NOW, **said}
    )


def every_kind(order: Prescription) -> dict[str, Callable[[], Any]]:
    """One change of each kind on an order whose dose 1 is due today."""
    by, pk = make_user(), order.pk
    past = make_record(
        make_dose(make_prescription(order.patient, "natalizumab_q4w", start_on=TODAY), ready=False)
    )
    hold = prescribing.hold(
        prescription_id=pk, starts_on=TODAY + 60 * DAY, clears_on=None, reason="trip", by=by
    )
    return {
        "amend": partial(
            prescribing.amend, prescription_id=pk, changes={"expires_on": TODAY + 90 * DAY}, why="shorter", by=by
        ),
        "hold": partial(
            prescribing.hold, prescription_id=pk, starts_on=TODAY, clears_on=TODAY + 40 * DAY, reason="fever", by=by
        ),
        "clear": partial(prescribing.clear_hold, hold_id=hold.pk, clears_on=TODAY + 61 * DAY, by=by),
        "stop": partial(prescribing.stop, prescription_id=pk, stopped_on=TODAY, why="moved", by=by),
        "record": recorded(order, reaction="severe"),
        "correct": partial(
            records.correct_record, record_id=past.pk, given_on=TODAY - DAY, reaction="mild",
            reaction_type="non_allergic", why="sheet", by=by,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["amend", "hold", "clear", "stop", "record", "correct"])
def test_a_rehearsal_leaves_no_row_behind_and_applying_does_what_it_showed(
    kind, django_capture_on_commit_callbacks
):
    order, _visit = on_order()
    change, patient = every_kind(order)[kind], order.patient
    before = everything()
    with django_capture_on_commit_callbacks() as waiting:
        shown = rehearse(change, patient_id=patient.pk)
    assert everything() == before
    assert waiting == [], "a hook that waits for the commit must never run"
    assert not shown.nothing
    done = carry_out(change, patient_id=patient.pk, shown=shown.signature)
    assert done.effects == shown
    assert everything() != before


def test_a_message_a_change_would_queue_is_neither_kept_nor_hinted_at(django_capture_on_commit_callbacks):
    order = make_prescription(start_on=TODAY + DAY)
    make_papers(order)
    dose = make_dose(order, ready=False)
    change = partial(
        booking.book_visit,
        dose_id=dose.pk,
        nurse_id=make_nurse().pk,
        starts_at=at(dose.due_on),
        by=make_user(),
    )
    with django_capture_on_commit_callbacks() as rehearsed:
        rehearse(change, patient_id=order.patient_id)
    assert rehearsed == [] and not Notice.objects.exists() and not Visit.objects.exists()
    with django_capture_on_commit_callbacks() as applied:
        carry_out(change, patient_id=order.patient_id)
    assert applied and Notice.objects.exists()


def test_a_new_weight_is_rehearsed_like_any_change():
    order = make_prescription(regimen_id="ivig_ms", weight_kg=Decimal(70), start_on=TODAY)
    change = partial(
        patients.record_measurement,
        patient_id=order.patient_id, kind="weight_kg", value=Decimal(90), measured_on=TODAY, by=make_user(),
    )  # fmt: skip
    before = everything()
    shown = rehearse(change, patient_id=order.patient_id)
    assert everything() == before
    assert all(one.before.amount_mg < one.after.amount_mg for one in shown.doses) and shown.doses
    assert carry_out(change, patient_id=order.patient_id, shown=shown.signature).effects == shown


def test_a_severe_reaction_says_how_many_minutes_the_booked_visit_lacks():
    given_before = [GivenElsewhere(1, TODAY - 190 * DAY), GivenElsewhere(2, TODAY - 176 * DAY)]
    order = make_prescription(given=given_before)
    make_papers(order)
    visit = make_visit(make_dose(order, 4, ready=False), override="ahead")
    third = order.doses.get(number=3)
    change = partial(
        records.record_given, dose_id=third.pk, given_on=TODAY, reaction="severe", by=make_user(), now=NOW
    )
    effects = rehearse(change, patient_id=order.patient_id)
    (one,) = effects.visits
    assert (one.visit_id, one.misfit, one.after.code) == (visit.pk, True, "TOO_SHORT")
    carry_out(change, patient_id=order.patient_id)
    visit.refresh_from_db()
    fourth = order.doses.get(number=4)
    assert one.after.short_by == fourth.total_minutes - (visit.ends_at - visit.starts_at) // MINUTE > 0
    assert visit.attention_code == "TOO_SHORT"


def test_visits_that_no_longer_fit_come_first_and_untouched_doses_are_apart():
    order, visit = on_order()
    effects = rehearse(recorded(order, given_on=TODAY), patient_id=order.patient_id)
    assert [one.number for one in effects.doses] == [1], "given on its day, it moves nothing"
    assert effects.visits == () and effects.unchanged
    stopped = rehearse(every_kind(order)["stop"], patient_id=order.patient_id)
    assert [one.visit_id for one in stopped.visits] == [visit.pk] and stopped.visits[0].misfit
    assert stopped.orders[0].after == "discontinued"


def test_the_visit_a_dose_was_given_at_is_settled_not_a_misfit():
    visit = make_visit(make_dose(start_on=TODAY), starts_at=NOW + 60 * MINUTE)
    change = partial(
        records.record_given, dose_id=visit.dose_id, given_on=TODAY, by=make_user(), now=visit.starts_at
    )
    (one,) = rehearse(change, patient_id=visit.patient_id).visits
    assert one.settled and not one.misfit


def test_a_refused_change_is_refused_in_rehearsal_with_the_same_words():
    order, _visit = on_order()
    change = recorded(order, given_on=TODAY + DAY)
    with pytest.raises(BadInput) as rehearsed:
        rehearse(change, patient_id=order.patient_id)
    with pytest.raises(BadInput) as applied:
        carry_out(change, patient_id=order.patient_id)
    assert (str(rehearsed.value), rehearsed.value.field) == (str(applied.value), "given_on")


def test_other_effects_than_those_shown_are_not_applied_and_are_told():
    order, visit = on_order()
    change = every_kind(order)["hold"]
    shown = rehearse(change, patient_id=order.patient_id)
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient")
    with pytest.raises(NotAsShown) as refused:
        carry_out(change, patient_id=order.patient_id, shown=shown.signature)
    assert refused.value.status == 409
    assert refused.value.effects == rehearse(change, patient_id=order.patient_id)
    assert not Hold.objects.filter(reason="fever").exists()
    assert not Event.objects.filter(action="hold_placed", why="fever").exists()


def test_what_was_never_shown_is_applied_only_when_it_changes_nothing():
    order, _visit = on_order()
    harmless = partial(
        prescribing.amend,
        prescription_id=order.pk,
        changes={"note": "call first"},
        why="asked",
        by=make_user(),
    )
    assert carry_out(harmless, patient_id=order.patient_id, shown="").effects.nothing
    with pytest.raises(NotAsShown):
        carry_out(recorded(order), patient_id=order.patient_id, shown="")
    assert not DoseRecord.objects.exists()


def test_the_patience_of_a_rehearsal_ends_with_it():
    order, _visit = on_order()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        before = cursor.fetchone()
        rehearse(recorded(order), patient_id=order.patient_id)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == before


def test_a_standing_costs_the_same_queries_whatever_is_on_file(django_assert_num_queries):
    small = make_prescription(start_on=TODAY).patient
    big, _visit = on_order()
    every_kind(big)
    for patient in (small, big.patient):
        with django_assert_num_queries(7):
            standing.of(patient)


# --- Any history, any change -------------------------------------------------------------------

REGIMENS = ("ocrelizumab_iv", "ublituximab_iv", "natalizumab_q4w", "ivig_ms", "methylprednisolone_iv_3d")
days = st.integers(-20, 60).map(lambda n: TODAY + n * DAY)
past_days = st.integers(-20, 0).map(lambda n: TODAY + n * DAY)
grades = st.sampled_from(["none", "mild", "moderate", "severe", "life_threatening"])


@st.composite
def steps(draw):
    """A change as (kind, values); what it is about is chosen when its turn comes."""
    kind = draw(st.sampled_from(["record", "record", "hold", "clear", "stop", "amend", "correct", "weigh"]))
    return kind, draw(days), draw(past_days), draw(grades), draw(st.one_of(st.none(), days))


def change_of(step, order: Prescription, by) -> Callable[[], Any] | None:
    kind, day, past, grade, clears_on = step
    planned = order.doses.filter(state="planned").order_by("number").first()
    hold = order.holds.filter(withdrawn_at__isnull=True).first()
    record = DoseRecord.objects.filter(dose__prescription=order, amended_by__isnull=True).last()
    if kind == "record" and planned:
        return partial(
            records.record_given, dose_id=planned.pk, given_on=past, reaction=grade, by=by, now=NOW
        )
    if kind == "hold":
        return partial(
            prescribing.hold,
            prescription_id=order.pk,
            starts_on=day,
            clears_on=clears_on,
            reason="fever",
            by=by,
        )
    if kind == "clear" and hold:
        return partial(prescribing.clear_hold, hold_id=hold.pk, clears_on=day, by=by)
    if kind == "stop":
        return partial(prescribing.stop, prescription_id=order.pk, stopped_on=past, why="moved", by=by)
    if kind == "amend":
        terms = {"expires_on": day + 200 * DAY}
        return partial(prescribing.amend, prescription_id=order.pk, changes=terms, why="renewed", by=by)
    if kind == "correct" and record:
        return partial(
            records.correct_record,
            record_id=record.pk,
            given_on=past,
            reaction=grade,
            why="sheet",
            by=by,
            now=NOW,
        )
    if kind == "weigh":
        return partial(
            patients.record_measurement, patient_id=order.patient_id, kind="weight_kg",
            value=Decimal(60 + abs((past - TODAY).days)), measured_on=past, by=by,
        )  # fmt: skip
    return None


@settings(max_examples=20)
@given(regimen_id=st.sampled_from(REGIMENS), start=past_days, steps=st.lists(steps(), min_size=1, max_size=4))
def test_whatever_happened_before_shown_is_applied(regimen_id, start, steps):
    by = make_user()
    order = make_prescription(regimen_id=regimen_id, start_on=start, weight_kg=Decimal(70), by=by)
    make_papers(order, by=by)
    book_something(order, by)
    for step in steps:
        if (change := change_of(step, order, by)) is not None:
            same_shown_and_applied(change, order.patient)


def book_something(order: Prescription, by) -> None:
    code = doses.drug_code(order.regimen_id)
    nurse = make_nurse(user=False, competencies=("iv", code))
    for dose in order.doses.filter(due_on__gt=TODAY).order_by("number")[:2]:
        with suppress(Refused):  # after an overdue dose the next one's day may be too early
            make_visit(dose, nurse, at(dose.due_on), by=by, override="known to be early")


def same_shown_and_applied(change: Callable[[], Any], patient: Patient) -> None:
    before = everything()
    try:
        shown = rehearse(change, patient_id=patient.pk)
    except Refused as no:
        assert everything() == before
        with pytest.raises(type(no)):
            carry_out(change, patient_id=patient.pk)
    else:
        assert everything() == before
        assert carry_out(change, patient_id=patient.pk, shown=shown.signature).effects == shown


# --- Beside others -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_rehearsal_beside_a_booking_leaves_only_the_booking():
    order = make_prescription(start_on=TODAY)
    make_papers(order)
    dose, nurse, by = make_dose(order, 2, ready=False), make_nurse(), make_user()
    change = recorded(order, reaction="severe")
    book = partial(booking.book_visit, dose_id=dose.pk, nurse_id=nurse.pk, starts_at=at(dose.due_on), by=by)
    with ThreadPoolExecutor(2) as pool:
        booked = pool.submit(own_connection, book)
        shown = pool.submit(own_connection, rehearse, change, patient_id=order.patient_id)
        visit, effects = booked.result(timeout=30), shown.result(timeout=30)
    visit.refresh_from_db()
    assert (visit.state, visit.attention) == ("booked", "")
    assert not DoseRecord.objects.exists() and order.doses.get(number=1).state == "planned"
    assert any(one.number == 1 for one in effects.doses)


@pytest.mark.django_db(transaction=True)
def test_a_rehearsal_gives_up_on_a_row_somebody_is_changing(monkeypatch):
    monkeypatch.setattr(rehearsal, "PATIENCE", "100ms")
    order = make_prescription(start_on=TODAY)
    change = recorded(order)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Patient.objects.select_for_update().get(pk=order.patient_id)
        with pytest.raises(Conflict) as busy:
            pool.submit(own_connection, rehearse, change, patient_id=order.patient_id).result(timeout=30)
    assert (busy.value.code, busy.value.status) == ("BUSY", 409)
