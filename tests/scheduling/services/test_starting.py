"""The nurse's go: what closes a start, who opens it, and that two people cannot both decide."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest

from accounts.models import Role
from patients.models import Evidence
from scheduling.models import Event, GateOverride, PlannedDose, SupplyStep, Visit
from scheduling.rules.errors import BadInput, Conflict, RuleBroken, StaleVersion
from scheduling.services import (
    booking,
    doses,
    patient_changes,
    patients,
    prescribing,
    readiness,
    records,
    starting,
    supplies,
)
from tests import makers
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db

TODAY = makers.today_at()
NINE = makers.NOW  # 9:00 in Dallas
WELL = {"infection_check": True}


@pytest.fixture(autouse=True)
def standing_clock():
    with makers.clock_stands_at():
        yield


@pytest.fixture
def lead():
    return makers.make_user(Role.LEAD)


def ready_visit(nurse=None, parcel=("3", "6"), **fields) -> Visit:
    """A visit at 10:00 today with everything on file but what the nurse checks at the door."""
    dose = makers.make_dose(start_on=TODAY, **fields)
    patient, by = dose.prescription.patient, makers.make_user()
    makers.make_evidence(patient, "prior_authorization", TODAY, units=2000, reference="A1", by=by)
    makers.make_evidence(patient, "health_screen", TODAY, by=by)
    receive(dose, *parcel)
    return makers.make_visit(dose, nurse, makers.at(TODAY, 10))


def receive(dose, low="3", high="6"):
    return supplies.record_step(
        dose_id=dose.pk,
        step="received",
        on=TODAY,
        lowest_c=Decimal(low),
        highest_c=Decimal(high),
        by=makers.make_user(),
    )


def start(visit, **fields):
    said = {"identity_checked": True, "doorstep": WELL, **fields}
    return starting.start_visit(visit_id=visit.pk, by=said.pop("by", visit.nurse.user), **said)


def closed_codes(visit, **fields):
    with pytest.raises(RuleBroken) as refused:
        start(visit, **fields)
    assert refused.value.code == "GATE_CLOSED"
    visit.refresh_from_db()
    assert visit.state == "booked" and visit.started_at is None
    return set(refused.value.codes)


def test_a_visit_with_everything_in_place_starts_and_the_trail_says_who_checked():
    visit = start(ready_visit())
    assert (visit.state, visit.started_at, visit.version) == ("in_progress", NINE, 2)
    event = Event.objects.get(action="visit_started")
    assert (event.actor, event.detail["identity_checked"]) == (visit.nurse.user, True)
    paper = Evidence.objects.filter(kind="infection_check").order_by("-pk").first()
    assert (paper.dated_on, paper.clear, paper.recorded_by) == (TODAY, True, visit.nurse.user)


def test_identity_and_each_check_of_the_day_close_the_start():
    visit = ready_visit()
    assert closed_codes(visit, identity_checked=False) == {"GATE_IDENTITY"}


def test_a_check_nobody_answered_closes_the_start():
    assert closed_codes(ready_visit(), doorstep=None) == {"GATE_INFECTION_CHECK"}


def test_an_infection_has_no_override_and_stays_on_file(lead):
    visit = ready_visit()
    assert closed_codes(visit, doorstep={"infection_check": False}) == {"GATE_INFECTION_CHECK"}
    assert Evidence.objects.filter(kind="infection_check", dated_on=TODAY, clear=False).count() == 1
    with pytest.raises(RuleBroken, match="Nobody may"):
        starting.override_gate(dose_id=visit.dose_id, gate="infection_check", why="mild", by=lead)
    assert start(visit).state == "in_progress"  # looked again: well after all


def test_what_the_nurse_found_at_the_door_is_put_before_the_office_until_it_is_well_again():
    visit = ready_visit()
    closed_codes(visit, doorstep={"infection_check": False})
    visit.refresh_from_db()
    assert (visit.attention_code, visit.attention) == (
        "NO_GO",
        "No go at the door. Answered no: No infection or fever. Decide what becomes of the visit.",
    )
    doses.sync(visit.dose.prescription)
    visit.refresh_from_db()
    assert visit.attention_code == "NO_GO"
    assert start(visit).attention == ""


def test_the_same_answer_twice_is_on_file_once():
    visit = ready_visit()
    for _time in range(2):
        closed_codes(visit, doorstep={"infection_check": False})
    assert Evidence.objects.filter(kind="infection_check", dated_on=TODAY).count() == 1


def test_a_check_of_another_drug_is_not_taken():
    with pytest.raises(BadInput):
        start(ready_visit(), doorstep={**WELL, "touch_pre_infusion_checklist": True})


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (
            lambda visit: visit.patient.evidence.filter(kind="prior_authorization").update(units=299),
            "GATE_AUTHORIZATION",
        ),
        (lambda visit: SupplyStep.objects.all().update(withdrawn_at=NINE), "GATE_DRUG"),
        (lambda visit: receive(visit.dose, high="9.5"), "GATE_DRUG"),
        (
            lambda visit: visit.patient.evidence.filter(kind="health_screen").update(withdrawn_at=NINE),
            "GATE_HEALTH_SCREEN",
        ),
        (
            lambda visit: visit.patient.evidence.filter(kind="hbv_screening").update(
                dated_on=TODAY - timedelta(days=400)
            ),
            "GATE_HBV_SCREENING",
        ),
    ],
)
def test_what_is_not_absolute_the_clinical_lead_opens_with_a_reason(lead, spoil, code):
    visit = ready_visit()
    spoil(visit)
    assert closed_codes(visit) == {code}
    gate = code.removeprefix("GATE_").lower()
    starting.override_gate(dose_id=visit.dose_id, gate=gate, why="spoken with the prescriber", by=lead)
    assert start(visit).state == "in_progress"
    assert Event.objects.get(action="gate_overridden").why == "spoken with the prescriber"
    assert Event.objects.get(action="visit_started").detail["overridden"] == [gate]


@pytest.mark.parametrize("kind", ["health_screen", "liver_function_tests"])
def test_a_result_that_forbids_has_no_override(lead, kind):
    visit = ready_visit()
    makers.make_evidence(visit.patient, kind, TODAY, clear=False)
    code = f"GATE_{kind.upper()}"
    assert closed_codes(visit) == {code}
    with pytest.raises(RuleBroken, match="Nobody may"):
        starting.override_gate(dose_id=visit.dose_id, gate=kind, why="x", by=lead)
    makers.make_evidence(visit.patient, kind, TODAY, clear=True)  # a newer one allows
    assert start(visit).state == "in_progress"


@pytest.mark.parametrize("kind", ["touch_patient_authorization", "touch_pre_infusion_checklist"])
def test_a_rems_authorization_and_its_checklist_have_no_override(lead, kind):
    visit = ready_visit(regimen_id="natalizumab_q4w")
    visit.patient.evidence.filter(kind=kind).update(withdrawn_at=NINE)
    asked = {rule.kind: True for rule in readiness.doorstep_rules(visit.dose) if rule.kind != kind}
    assert closed_codes(visit, doorstep=asked) == {f"GATE_{kind.upper()}"}
    with pytest.raises(RuleBroken, match="Nobody may"):
        starting.override_gate(dose_id=visit.dose_id, gate=kind, why="x", by=lead)


def test_a_site_that_ran_out_since_the_booking_closes_the_start():
    visit = ready_visit(regimen_id="natalizumab_q4w")
    visit.site.__class__.objects.update(expires_on=TODAY - makers.DAY)
    asked = {rule.kind: True for rule in readiness.doorstep_rules(visit.dose)}
    assert closed_codes(visit, doorstep=asked) == {"GATE_SITE"}


def test_a_hold_of_the_day_is_the_leads_and_a_stopped_drug_nobodys(lead):
    visit = ready_visit()
    prescribing.hold(
        prescription_id=visit.dose.prescription_id, starts_on=TODAY, clears_on=None, reason="cold", by=lead
    )
    assert closed_codes(visit) == {"GATE_HOLD"}
    prescribing.stop(prescription_id=visit.dose.prescription_id, stopped_on=TODAY, why="x", by=lead)
    assert "GATE_ORDER" in closed_codes(visit)
    with pytest.raises(RuleBroken):
        starting.override_gate(dose_id=visit.dose_id, gate="order", why="x", by=lead)


def test_vital_signs_that_only_warn_do_not_close_the_start():
    nurse = makers.make_nurse(competencies=("iv", "methylprednisolone"))
    visit = ready_visit(nurse, ("20", "24"), regimen_id="methylprednisolone_iv_3d")
    assert start(visit, doorstep={"infection_check": True, "blood_pressure_and_glucose": False}).started_at


def test_yesterdays_check_at_the_door_is_not_todays():
    visit = ready_visit()  # its papers hold an infection check of yesterday
    assert visit.patient.evidence.filter(kind="infection_check", dated_on=TODAY - makers.DAY).exists()
    assert closed_codes(visit, doorstep={}) == {"GATE_INFECTION_CHECK"}


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.NURSE, Role.ADMIN])
def test_only_the_clinical_lead_lets_a_gate_pass_and_takes_it_back(role, lead):
    visit, other = ready_visit(), makers.make_user(role)
    SupplyStep.objects.all().update(withdrawn_at=NINE)
    with pytest.raises(RuleBroken, match="clinical lead"):
        starting.override_gate(dose_id=visit.dose_id, gate="drug", why="x", by=other)
    override = starting.override_gate(dose_id=visit.dose_id, gate="drug", why="x", by=lead)
    with pytest.raises(RuleBroken, match="clinical lead"):
        starting.withdraw_override(override_id=override.pk, why="x", by=other)
    with pytest.raises(BadInput):
        starting.withdraw_override(override_id=override.pk, why=" ", by=lead)
    starting.withdraw_override(override_id=override.pk, why="the parcel was opened", by=lead)
    assert closed_codes(visit) == {"GATE_DRUG"}
    assert Event.objects.get(action="gate_override_withdrawn").why == "the parcel was opened"


def test_a_newer_parcel_ends_the_leads_permission(lead):
    """What was let pass is no longer what is there."""
    visit = ready_visit()
    receive(visit.dose, high="9")
    starting.override_gate(dose_id=visit.dose_id, gate="drug", why="an hour at 9 degrees is fine", by=lead)
    assert starting.go_no_go(visit, identity_checked=True).for_lead == []
    SupplyStep.objects.filter(pk=receive(visit.dose, high="25").pk).update(recorded_at=NINE + makers.MINUTE)
    GateOverride.objects.update(at=NINE)
    assert closed_codes(visit) == {"GATE_DRUG"}


def test_a_visit_that_is_moved_ends_the_leads_permission(lead):
    """It was given for that day."""
    visit = ready_visit()
    SupplyStep.objects.all().update(withdrawn_at=NINE)
    starting.override_gate(dose_id=visit.dose_id, gate="drug", why="comes at noon", by=lead)
    with makers.clock_stands_at(NINE + makers.MINUTE):
        moved = booking.move_visit(
            visit_id=visit.pk,
            nurse_id=visit.nurse_id,
            starts_at=makers.at(TODAY, 12),
            by=lead,
            reason_class="patient",
        )
        assert closed_codes(moved) == {"GATE_DRUG"}
        starting.override_gate(dose_id=visit.dose_id, gate="drug", why="comes at noon", by=lead)
        assert start(moved).state == "in_progress"


def test_an_override_asks_for_a_reason_and_a_gate_that_is_closed(lead):
    visit = ready_visit()
    for gate, why, error in (("drug", " ", BadInput), ("drug", "x", RuleBroken), ("no_such", "x", BadInput)):
        with pytest.raises(error):
            starting.override_gate(dose_id=visit.dose_id, gate=gate, why=why, by=lead)
    assert not GateOverride.objects.exists()


def test_a_visit_starts_on_its_own_day_only():
    visit = ready_visit()
    for moved in (-1, 1):
        with makers.clock_stands_at(NINE + moved * makers.DAY), pytest.raises(RuleBroken) as refused:
            start(visit)
        assert refused.value.code == "NOT_TODAY"


def test_a_page_that_is_out_of_date_starts_nothing():
    visit = ready_visit()
    with pytest.raises(StaleVersion):
        start(visit, version=visit.version + 1)


def test_a_lab_draw_starts_on_the_identity_alone():
    visit = makers.make_lab_visit(on=TODAY)
    assert closed_codes(visit, identity_checked=False, doorstep=None) == {"GATE_IDENTITY"}
    assert start(visit, doorstep=None).state == "in_progress"


def test_what_happened_is_recorded_without_a_go_and_the_trail_says_so():
    visit, nurse = ready_visit(), makers.make_user()
    records.record_given(dose_id=visit.dose_id, given_on=TODAY, by=nurse)
    assert Event.objects.get(action="dose_recorded").detail["go_given"] is False
    other = start(ready_visit())
    records.record_given(dose_id=other.dose_id, given_on=TODAY, by=nurse)
    assert Event.objects.filter(action="dose_recorded").first().detail["go_given"] is True


# --- Races: real connections ---------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_are_one_start():
    visit = ready_visit()
    answers = all_at_once([partial(start, visit), partial(start, visit, by=makers.make_user())])
    assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True]
    assert Event.objects.filter(action="visit_started").count() == 1
    assert Visit.objects.get(pk=visit.pk).version == 2


@pytest.mark.django_db(transaction=True)
def test_a_start_and_a_cancellation_at_once_are_one_of_them():
    visit = ready_visit()
    cancel = partial(
        booking.cancel_visit,
        visit_id=visit.pk,
        by=makers.make_user(),
        reason_class="patient",
        version=visit.version,
    )
    answers = all_at_once([partial(start, visit, version=visit.version), cancel])
    assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True]
    told = Event.objects.filter(action__in=["visit_started", "visit_cancelled"]).count()
    assert told == 1


@pytest.mark.django_db(transaction=True)
def test_a_start_waits_for_the_paper_that_closes_it():
    """A result that forbids is being recorded: the start sees it, whichever of the two is first to ask."""
    visit = ready_visit()
    ill = partial(
        patients.record_evidence, patient_id=visit.patient_id, kind="health_screen", dated_on=TODAY, clear=False,
        by=makers.make_user(),
    )  # fmt: skip
    started, _paper = all_at_once([partial(start, visit), ill])
    begun = Event.objects.filter(action="visit_started").first()
    said_ill = Event.objects.filter(action="evidence_recorded", detail__kind="health_screen").first()
    if isinstance(started, Visit):
        assert begun.pk < said_ill.pk
    else:
        assert isinstance(started, RuleBroken) and begun is None


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_both_starts_find_the_visit_ready(monkeypatch):
    """The twin: with the rows read and not locked, two starts both say go."""
    visit = ready_visit()

    def unlocked(visit_id, version=None):
        found = Visit.objects.select_related("patient", "nurse").get(pk=visit_id)
        found.dose = PlannedDose.objects.select_related("prescription__patient").get(pk=found.dose_id)
        together.wait(timeout=10)
        return found

    from threading import Barrier

    together = Barrier(2)
    monkeypatch.setattr(starting, "_locked", unlocked)
    with_check = {"identity_checked": True, "doorstep": None}
    makers.make_evidence(visit.patient, "infection_check", TODAY)
    answers = all_at_once([partial(start, visit, **with_check), partial(start, visit, **with_check)])
    assert all(isinstance(answer, Visit) for answer in answers)
    assert Event.objects.filter(action="visit_started").count() == 2


def test_a_lab_draw_of_somebody_who_is_not_at_home_is_not_started():
    visit = makers.make_lab_visit()
    with makers.clock_stands_at():
        patient_changes.set_status(
            patient_id=visit.patient_id, status="in_hospital", since_on=makers.today_at(), why="Told.",
            by=makers.make_user(),
        )  # fmt: skip
    with pytest.raises(RuleBroken) as no:
        starting.start_visit(
            visit_id=visit.pk, by=visit.nurse.user, identity_checked=True, now=visit.starts_at
        )
    assert no.value.codes == ("GATE_PATIENT",)
