"""Gates over HTTP: what stands in the way, the drug's way, the lead's permission, the nurse's go."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import Role
from scheduling.models import Event, GateOverride, SupplyStep, Visit
from tests import makers
from tests.scheduling.api.conftest import Api, check_problem

pytestmark = pytest.mark.django_db

TODAY = makers.today_at()


@pytest.fixture
def visit() -> Visit:
    """A visit later today."""
    dose = makers.make_dose(start_on=TODAY)
    return makers.make_visit(dose, starts_at=makers.at(TODAY, 10))


def test_every_gate_is_told_with_when_it_bites_and_who_opens_it(office, visit):
    makers.make_evidence(visit.patient, "prior_authorization", TODAY, units=300, reference="A-1")
    told = office.get(f"doses/{visit.dose_id}/gates/").json()
    gates = {gate["kind"]: gate for gate in told["gates"]}
    assert told["on"] == TODAY.isoformat()
    assert (gates["drug"]["state"], gates["drug"]["bites"], gates["drug"]["power"]) == (
        "missing",
        "start",
        "lead",
    )
    assert gates["drug"]["next"] == {"verb": "order_drug", "word": "Order the drug", "who": "coordinator"}
    assert gates["authorization"]["state"] == "met" and gates["authorization"]["recorded_by"]
    assert gates["hbv_screening"]["valid_through"] == "2027-03-01"
    assert Event.objects.filter(action="chart_read", subject="gates", patient=visit.patient).count() == 1


def test_a_step_of_the_drugs_way_is_told_once_however_often_it_is_sent(office, visit):
    body = {"step": "received", "on": TODAY.isoformat(), "lowest_c": "3.1", "highest_c": "6.4"}
    first = office.post(f"doses/{visit.dose_id}/supply/", body)
    again = office.post(f"doses/{visit.dose_id}/supply/", body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"] and SupplyStep.objects.count() == 1
    assert SupplyStep.objects.get().highest_c == Decimal("6.4")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"step": "eaten"}, "step"),
        ({"on": "2026-03-03"}, "on"),
        ({"step": "shipped", "lowest_c": "4"}, "lowest_c"),
        ({"lowest_c": "9", "highest_c": "3"}, "highest_c"),
        ({"lowest_c": "99"}, "lowest_c"),
        ({"expected_on": "2026-02-01"}, "expected_on"),
    ],
)
def test_what_cannot_be_said_of_a_parcel_is_told_beside_its_field(office, visit, change, field):
    body = {"step": "received", "on": TODAY.isoformat(), **change}
    answer = office.post(f"doses/{visit.dose_id}/supply/", body)
    assert check_problem(answer, 400, answer.json()["code"], field)
    assert not SupplyStep.objects.exists()


def test_only_the_lead_lets_a_gate_pass_and_never_an_absolute_one(visit):
    lead = Api(makers.make_user(Role.LEAD))
    path = f"doses/{visit.dose_id}/gate-overrides/"
    check_problem(
        lead.post(path, {"gate": "infection_check", "why": "only a cold"}), 422, "GATE_ABSOLUTE", "gate"
    )
    check_problem(lead.post(path, {"gate": "order", "why": "to be sure"}), 422, "GATE_MET", "gate")
    check_problem(lead.post(path, {"gate": "weather", "why": "rain"}), 400, "BAD_INPUT", "gate")
    assert lead.post(path, {"gate": "drug", "why": "in the home since Friday"}).status_code == 201
    assert lead.post(path, {"gate": "drug", "why": "again"}).status_code == 201
    assert GateOverride.objects.count() == 1


def test_the_nurses_go_is_refused_with_a_code_for_each_closed_gate_and_given_when_none_is(visit):
    nurse, lead = Api(visit.nurse.user), Api(makers.make_user(Role.LEAD))
    told = check_problem(
        nurse.post(f"visits/{visit.pk}/start/", {"identity_checked": True}), 422, "GATE_CLOSED"
    )
    assert set(told["codes"]) == {
        "GATE_AUTHORIZATION", "GATE_DRUG", "GATE_HEALTH_SCREEN", "GATE_INFECTION_CHECK"
    }  # fmt: skip
    for gate in ("authorization", "drug", "health_screen"):
        lead.post(f"doses/{visit.dose_id}/gate-overrides/", {"gate": gate, "why": "seen by phone"})
    go = {"identity_checked": True, "doorstep": {"infection_check": True}, "version": visit.version}
    answer = nurse.post(f"visits/{visit.pk}/start/", go)
    assert answer.status_code == 200 and answer.json()["state"] == "in_progress"
    check_problem(nurse.post(f"visits/{visit.pk}/start/", go), 409, "VISIT_STATE")
