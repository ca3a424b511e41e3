"""Every gate of a dose in its state, from what is really on file; and the drug's way, step by step."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Role
from scheduling.models import Event, PlannedDose, SupplyStep
from scheduling.readings import gates as board
from scheduling.readings.gates import Filters
from scheduling.rules import readiness as table
from scheduling.rules.errors import BadInput, NeedsReason
from scheduling.services import outcomes, patients, prescribing, readiness, supplies
from tests import makers

pytestmark = pytest.mark.django_db

TODAY = makers.today_at()
SOON = TODAY + 7 * makers.DAY  # the first dose of a new prescription


@pytest.fixture(autouse=True)
def standing_clock():
    with makers.clock_stands_at():
        yield


def gates_of(dose: PlannedDose) -> dict[str, readiness.Gate]:
    files = readiness.Files.of([dose])
    return {gate.kind: gate for gate in readiness.gates_for(dose, files.day_of(dose), files)}


def told(dose: PlannedDose, kind: str) -> tuple[str, str, str]:
    gate = gates_of(dose)[kind]
    return gate.state, gate.bites, gate.power


def step(dose: PlannedDose, name: str, on=TODAY, **fields) -> SupplyStep:
    by = fields.pop("by", None) or makers.make_user()
    return supplies.record_step(dose_id=dose.pk, step=name, on=on, by=by, **fields)


def test_a_new_dose_names_everything_it_waits_for_and_the_next_step():
    dose = makers.make_dose(ready=False)
    found = gates_of(dose)
    assert told(dose, "hbv_screening") == ("missing", "booking", "reason")
    assert told(dose, "authorization") == ("missing", "start", "lead")
    assert told(dose, "health_screen") == ("not_yet", "start", "lead")
    assert told(dose, "nurse") == ("missing", "never", "warning")
    steps = {kind: gate.action.verb for kind, gate in found.items() if gate.action}
    assert steps["hbv_screening"] == "record_result" and steps["drug"] == "order_drug"
    assert found["hbv_screening"].action.query == {
        "kind": "hbv_screening", "prescription": str(dose.prescription_id)
    }  # fmt: skip
    assert all(gate.action is None for gate in found.values() if gate.met)


def test_who_put_the_paper_on_file_and_until_when_it_counts():
    by = makers.make_user(first_name="Ana", last_name="Diaz")
    gate = gates_of(makers.make_dose(by=by))["hbv_screening"]
    assert (gate.recorded_by, gate.valid_through, gate.met) == (
        "Ana Diaz",
        TODAY - makers.DAY + timedelta(365),
        True,
    )
    assert gate.recorded_at is not None


def test_a_gate_bites_at_the_next_moment_booking_first_and_then_the_start():
    dose = makers.make_dose(ready=False)
    makers.make_visit(dose, override="labs are promised")
    assert told(dose, "hbv_screening") == ("missing", "start", "lead")
    assert gates_of(dose)["nurse"].met


def test_the_day_is_the_visits_once_there_is_one():
    """A result that counts on the due day and not on the booked one is told."""
    dose = makers.make_dose(ready=False)
    makers.make_papers(dose.prescription)
    makers.make_evidence(dose.prescription.patient, "liver_function_tests", TODAY, valid_until_on=SOON)
    assert gates_of(dose)["liver_function_tests"].met
    with pytest.raises(NeedsReason, match="It was good through Mar 9, 2026"):
        makers.make_visit(dose, starts_at=makers.at(SOON + makers.DAY))
    makers.make_visit(dose, starts_at=makers.at(SOON + makers.DAY), override="a new draw is booked")
    assert told(dose, "liver_function_tests")[0] == "expired"


def test_a_dose_booked_before_uses_the_units_of_an_authorization_first():
    prescription = makers.make_prescription()
    first = makers.make_dose(prescription)
    second = makers.make_dose(prescription, 2, ready=False)
    makers.make_evidence(
        prescription.patient,
        "prior_authorization",
        TODAY,
        units=500,
        reference="A",
        valid_until_on=SOON + 60 * makers.DAY,
    )
    assert gates_of(first)["authorization"].met and gates_of(second)["authorization"].met
    makers.make_visit(first)
    assert gates_of(first)["authorization"].met  # its own units are not taken from itself
    assert gates_of(second)["authorization"].sentence.endswith("It leaves 200 units; this dose needs 300.")
    second_auth = makers.make_evidence(
        prescription.patient, "prior_authorization", SOON, units=300, reference="B"
    )  # a payer may approve from a day to come
    assert gates_of(second)["authorization"].evidence == second_auth


def test_an_authorization_of_another_order_does_not_count():
    patient = makers.make_patient()
    dose = makers.make_dose(makers.make_prescription(patient))
    other = makers.make_prescription(patient, "natalizumab_q4w")
    makers.make_evidence(
        patient, "prior_authorization", TODAY, prescription_id=other.pk, reference="A", units=900
    )
    assert told(dose, "authorization")[0] == "missing"


def test_a_payer_who_was_asked_is_pending():
    dose = makers.make_dose()
    makers.make_evidence(dose.prescription.patient, "payer_asked", TODAY)
    gate = gates_of(dose)["authorization"]
    assert (gate.state, gate.warning.key) == ("pending", "authorization_pending")


def test_units_belong_to_an_authorization_and_are_more_than_none():
    patient = makers.make_patient()
    for kind, units in (("hbv_screening", 5), ("prior_authorization", 0), ("prior_authorization", 2_000_000)):
        with pytest.raises(BadInput) as refused:
            makers.make_evidence(patient, kind, TODAY, units=units)
        assert refused.value.field == "units"
    with pytest.raises(BadInput):
        makers.make_evidence(patient, "hbv_screening", TODAY + makers.DAY)


def test_well_then_ill_then_well_again_are_three_answers_and_the_same_one_twice_is_one():
    dose = makers.make_dose(start_on=TODAY)
    patient = dose.prescription.patient
    for clear, state in ((True, "met"), (False, "forbids"), (False, "forbids"), (True, "met")):
        makers.make_evidence(patient, "health_screen", TODAY, clear=clear)
        assert told(dose, "health_screen")[0] == state
    assert patient.evidence.filter(kind="health_screen").count() == 3


def test_the_drugs_way_is_told_step_by_step():
    dose = makers.make_dose()
    states = [told(dose, "drug")[0]]
    step(dose, "ordered")
    states.append(told(dose, "drug")[0])
    step(dose, "shipped", expected_on=TODAY + makers.DAY)
    states.append(told(dose, "drug")[0])
    step(dose, "received", lowest_c=Decimal(3), highest_c=Decimal(6))
    states.append(told(dose, "drug")[0])
    assert states == ["missing", "not_yet", "pending", "met"]
    assert Event.objects.filter(action="supply_recorded", patient=dose.prescription.patient).count() == 3


def test_a_parcel_that_got_warm_is_recorded_and_closes_the_gate_until_a_new_one():
    dose = makers.make_dose()
    step(dose, "received", lowest_c=Decimal(3), highest_c=Decimal(14))
    assert told(dose, "drug") == ("forbids", "start", "lead")
    assert "3.0 to 14.0 °C, allowed 2 to 8 °C" in gates_of(dose)["drug"].sentence
    step(dose, "received", lowest_c=Decimal(3), highest_c=Decimal(5), reference="second parcel")
    assert gates_of(dose)["drug"].met


def test_a_step_taken_back_leaves_the_one_before():
    dose = makers.make_dose()
    step(dose, "ordered")
    wrong = step(dose, "received", lowest_c=Decimal(3), highest_c=Decimal(5))
    with pytest.raises(BadInput):
        supplies.withdraw_step(step_id=wrong.pk, why="", by=makers.make_user())
    for _time in range(2):
        supplies.withdraw_step(step_id=wrong.pk, why="another patient's parcel", by=makers.make_user())
    assert told(dose, "drug")[0] == "not_yet"
    assert Event.objects.filter(action="supply_withdrawn").count() == 1


def test_one_reading_stands_for_both_ends():
    told_step = step(makers.make_dose(), "received", highest_c=Decimal("5.04"))
    assert (told_step.lowest_c, told_step.highest_c) == (Decimal("5.0"), Decimal("5.0"))


def test_confirmed_and_booked_are_gates_that_only_warn():
    dose = makers.make_dose()
    visit = makers.make_visit(dose)
    assert told(dose, "confirmed") == ("pending", "never", "warning")
    outcomes.confirm_visit(visit_id=visit.pk, by=makers.make_user())
    assert gates_of(dose)["confirmed"].met


@pytest.mark.parametrize(
    ("regimen_id", "state"),
    [("ocrelizumab_iv", "met"), ("alemtuzumab_ms", "forbids"), ("natalizumab_q4w", "missing"),
     ("mitoxantrone_ms_q3m", "missing")],
)  # fmt: skip
def test_the_site_of_care_is_absolute(regimen_id, state):
    patient = makers.make_patient()
    for kind, value in (("weight_kg", 70), ("height_cm", 170)):
        patients.record_measurement(
            patient_id=patient.pk, kind=kind, value=Decimal(value), measured_on=TODAY, by=makers.make_user()
        )
    dose = makers.make_dose(makers.make_prescription(patient, regimen_id), ready=False)
    assert told(dose, "site") == (state, "booking", "absolute")


def test_a_hold_without_a_clear_date_asks_for_it():
    dose = makers.make_dose()
    prescribing.hold(
        prescription_id=dose.prescription_id,
        starts_on=TODAY,
        clears_on=None,
        reason="cold",
        by=makers.make_user(),
    )
    gate = gates_of(dose)["hold"]
    assert (gate.state, gate.power, gate.action.verb) == ("pending", "reason", "clear_hold")


def test_a_diagnosis_that_does_not_fit_is_told_and_stops_nothing():
    dose = makers.make_dose(regimen_id="ublituximab_iv", diagnosis_code="G35.B1")
    gate = gates_of(dose)["diagnosis"]
    assert "does not fit" in gate.sentence and not gate.closed
    assert "diagnosis" not in gates_of(makers.make_dose(diagnosis_code="G35.A"))


# --- The board ------------------------------------------------------------------------------------


def test_the_board_shows_what_is_due_in_sixty_days_the_tightest_first():
    office = makers.make_user()
    late = makers.make_dose(start_on=TODAY + 50 * makers.DAY)
    soon = makers.make_dose(start_on=TODAY + 2 * makers.DAY)
    far = makers.make_dose(start_on=TODAY + 61 * makers.DAY)
    shown = [row.dose for row in board.rows(office) if row.dose.number == 1]
    assert shown == [soon, late] and far not in shown
    near = board.rows(office, Filters(days=10))
    assert late not in [row.dose for row in near]


def test_a_row_has_the_same_columns_in_the_same_order_and_the_worst_state_in_each():
    office = makers.make_user()
    dose = makers.make_dose(ready=False)
    row = next(row for row in board.rows(office) if row.dose == dose)
    assert [mark.group for mark in row.marks] == list(board.GROUPS)
    assert row.mark("labs").state == "missing" and row.mark("labs").closed
    assert not row.mark("confirmed").closed and not row.mark("confirmed").met
    assert {gate.bites for gate in row.closed} == {table.BOOKING, table.START}


def test_filters_narrow_the_board_by_gate_and_state():
    office = makers.make_user()
    bare, ready = makers.make_dose(ready=False), makers.make_dose()
    labs = board.rows(office, Filters(group="labs"))
    assert bare in [row.dose for row in labs] and ready not in [row.dose for row in labs]
    step(ready, "ordered")
    assert [row.dose for row in board.rows(office, Filters(group="drug", state="not_yet"))] == [ready]
    assert board.counts(labs)["labs"] == len(labs)


def test_somebody_who_is_not_at_home_is_not_on_the_board_and_a_nurse_sees_nothing_of_others():
    dose = makers.make_dose()
    assert board.rows(makers.make_nurse().user) == []
    dose.prescription.patient.status = "in_hospital"
    dose.prescription.patient.save()
    assert board.rows(makers.make_user()) == []
    assert gates_of(dose)["patient"].closed


def test_the_board_asks_as_often_for_many_doses_as_for_few(django_assert_max_num_queries):
    office = makers.make_user(Role.LEAD)
    asked = []
    for more in (1, 6):
        for _n in range(more):
            visit = makers.make_visit()
            step(visit.dose, "received", lowest_c=Decimal(3), highest_c=Decimal(5))
            makers.make_evidence(visit.patient, "prior_authorization", TODAY, units=900, reference="A")
        with django_assert_max_num_queries(12) as captured:
            rows = board.rows(office)
            assert all(row.marks and [gate.recorded_by for gate in row.gates] for row in rows)
        asked.append(len(captured.captured_queries))
    assert asked[0] == asked[1] and len(rows) > 7


def numbers_on_the_board(order, now) -> set[int]:
    rows = board.rows(makers.make_user(), now=now)
    return {row.dose.number for row in rows if row.dose.prescription == order}


def test_only_the_first_dose_not_given_is_late_and_what_follows_has_no_day_yet():
    order = makers.make_prescription(regimen_id="natalizumab_q4w", start_on=TODAY)
    later = makers.NOW + 40 * makers.DAY
    assert numbers_on_the_board(order, later) == {1}
    makers.make_visit(
        makers.make_dose(order),
        starts_at=makers.at(makers.today_at(later) + makers.DAY),
        override="Late.",
        now=later,
    )
    assert {1, 2} <= numbers_on_the_board(order, later)


def test_the_days_of_a_late_course_stay_together():
    order = makers.make_prescription(regimen_id="methylprednisolone_iv_3d", total_doses=3, start_on=TODAY)
    assert numbers_on_the_board(order, makers.NOW + 10 * makers.DAY) == {1, 2, 3}
