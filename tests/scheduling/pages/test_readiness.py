"""The readiness board: every gate of every dose, and each recorded from its row in one step."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from patients.models import Evidence, Patient
from scheduling.models import Event, GateOverride, PlannedDose, SupplyStep, Visit
from scheduling.readings import gates, readiness_board
from scheduling.services import patient_changes
from tests.makers import (
    DAY,
    NOW,
    at,
    clock_stands_at,
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

BOARD = "/staff/readiness/"


def record(client, dose: PlannedDose, gate: str, *, back: str = "", do: str = "record", **typed: str):
    """Send the small form beside a gate, its fields by their short names."""
    fields = {f"{gate}-{name}": value for name, value in typed.items()}
    return client.post(
        reverse("dose-readiness", args=[dose.pk]), {"gate": gate, "do": do, "back": back, **fields}
    )


def state_of(dose: PlannedDose, gate: str) -> str:
    """As the rules judge it now, on the day the dose is booked or planned for."""
    row = gates.row_of(dose, gates.Files.of([dose]))
    return next(one.state for one in row.gates if one.kind == gate)


def marks(answer, dose: PlannedDose) -> dict[str, tuple[str, str]]:
    """Column -> status and word of the dose's row."""
    found = [line for group in answer.context["groups"] for line in group["lines"]]
    line = next(line for line in found if line.row.dose.pk == dose.pk)
    return {cell.column: (cell.status, cell.word) for cell in line.cells}


def shown(answer) -> list[int]:
    """Ids of the doses on the page, in order."""
    return [line.row.dose.pk for group in answer.context["groups"] for line in group["lines"]]


def test_a_missing_screen_is_recorded_from_the_board_in_one_step_and_the_dose_turns_bookable():
    dose = make_dose(ready=False)
    with at_the_desk() as client:
        board = client.get(BOARD)
        assert marks(board, dose)["labs"] == ("stop", "Missing")
        opened = client.get(BOARD, {"open": dose.pk}).content.decode()
        assert "Booking asks for a reason" in opened and opened.count("btn-primary") == 1
        for one in board.context["groups"][0]["lines"][0].row.booking_closed:
            answer = record(
                client,
                dose,
                one.kind,
                back="gate=labs",
                dated_on="3/1/2026",
                clear="yes",
                reference="negative",
            )
            assert answer.status_code == 302
            assert answer["Location"] == f"{BOARD}?gate=labs&open={dose.pk}#dose-{dose.pk}"
        after = client.get(answer["Location"])
    page = after.content.decode()
    assert "The dose can be booked now." in page and "Bookable now." in page
    assert shown(after) == [dose.pk], "the row stays where it was although it no longer fits the filter"
    assert page.count("btn-primary") == 1 and reverse("dose-slots", args=[dose.pk]) in page
    paper = Evidence.objects.get(kind="hbv_screening")
    assert (paper.dated_on, paper.clear, paper.reference) == (date(2026, 3, 1), True, "negative")
    assert paper.prescription_id == dose.prescription_id


def test_a_result_is_never_clear_because_a_field_was_left_alone():
    dose = make_dose(ready=False)
    with at_the_desk() as client:
        answer = record(
            client, dose, "hbv_screening", back="gate=labs", dated_on="3/1/2026", reference="77-A"
        )
        assert answer.status_code == 422
        assert "clear" in answer.context["form"].errors
        page = answer.content.decode()
        assert "<title>Error: " in page and 'value="77-A"' in page and "Doses and their gates" in page
        alone = record(client, dose, "hbv_screening", dated_on="2/30/2026", clear="yes", reference="77-A")
        assert (alone.status_code, "dated_on" in alone.context["form"].errors) == (422, True)
        assert 'value="2/30/2026"' in alone.content.decode()
    assert not Evidence.objects.exists()


def test_the_rule_behind_a_form_answers_beside_its_field():
    dose = make_dose(ready=False)
    with at_the_desk() as client:
        answer = record(client, dose, "hbv_screening", dated_on="3/9/2026", clear="yes")
        assert "cannot be dated in the future" in str(answer.context["form"].errors["dated_on"])
        answer = record(client, dose, "drug", step="ordered", on="3/1/2026", lowest_c="4")
        assert "lowest_c" in answer.context["form"].errors
        answer = record(client, dose, "health_screen", screened_on="3/9/2026", screen="yes")
        assert "screened_on" in answer.context["form"].errors


def test_the_authorization_with_its_number_days_and_units_opens_its_gate():
    dose = make_dose()
    with at_the_desk() as client:
        bare = record(client, dose, "authorization", answer="granted", dated_on="3/1/2026")
        assert {"reference", "valid_until_on"} <= set(bare.context["form"].errors)
        asked = record(client, dose, "authorization", answer="asked", dated_on="3/1/2026")
        assert asked.status_code == 302 and state_of(dose, "authorization") == "pending"
        typed = {"dated_on": "3/2/2026", "valid_until_on": "9/1/2026", "reference": "PA-1"}
        few = record(client, dose, "authorization", answer="granted", units="12", **typed)
        assert few.status_code == 302 and state_of(dose, "authorization") == "missing"
        record(client, dose, "authorization", answer="granted", units="900", **typed)
        assert state_of(dose, "authorization") == "met"
    assert Evidence.objects.filter(kind="prior_authorization", units=900, reference="PA-1").count() == 1


def test_a_declined_authorization_forbids_and_says_so():
    dose = make_dose()
    with at_the_desk() as client:
        record(client, dose, "authorization", answer="declined", dated_on="3/1/2026")
        assert marks(client.get(BOARD), dose)["authorization"] == ("stop", "Declined")


def test_the_drug_is_followed_from_ordered_to_received_in_its_range():
    dose = make_dose()
    with at_the_desk() as client:
        record(client, dose, "drug", step="ordered", on="2/26/2026", expected_on="3/4/2026")
        record(client, dose, "drug", step="shipped", on="3/1/2026", reference="1Z")
        assert marks(client.get(BOARD), dose)["drug"] == ("stop", "On its way")
        record(client, dose, "drug", step="received", on="3/2/2026", lowest_c="1.5", highest_c="9")
        assert marks(client.get(BOARD), dose)["drug"] == ("stop", "Out of range")
        record(client, dose, "drug", step="received", on="3/2/2026", lowest_c="3", highest_c="6.5")
        assert marks(client.get(BOARD), dose)["drug"] == ("ok", "Received")
    assert SupplyStep.objects.count() == 4


def test_the_patients_yes_and_the_health_screen_are_recorded_while_on_the_phone():
    visit = make_visit(starts_at=at(today_at() + 7 * DAY))
    dose = PlannedDose.objects.select_related("prescription__patient").get(pk=visit.dose_id)
    later = NOW + timedelta(days=5)
    with at_the_desk() as client:
        assert record(client, dose, "confirmed", version=str(visit.version)).status_code == 302
        visit.refresh_from_db()
        assert visit.state == "confirmed"
        assert marks(client.get(BOARD), dose)["confirmed"] == ("ok", "Yes")
        early = marks(client.get(BOARD), dose)["screen"]
    assert early == ("done", "Later"), "nobody has to ask a week before"
    with clock_stands_at(later):
        client.force_login(make_user())
        assert marks(client.get(BOARD), dose)["screen"][0] == "stop"
        record(client, dose, "health_screen", screened_on="3/7/2026", screen="no", note="a cold")
        assert marks(client.get(BOARD), dose)["screen"] == ("stop", "Not clear")
        record(client, dose, "health_screen", screened_on="3/7/2026", screen="yes", note="well again")
        assert marks(client.get(BOARD), dose)["screen"] == ("ok", "OK")


def test_a_confirmation_of_a_visit_that_moved_meanwhile_is_lost_with_a_sentence():
    visit = make_visit()
    dose = PlannedDose.objects.select_related("prescription__patient").get(pk=visit.dose_id)
    with at_the_desk() as client:
        answer = record(client, dose, "confirmed", version="99")
    assert answer.status_code == 409
    visit.refresh_from_db()
    assert visit.state == "booked"


def test_the_clinical_lead_opens_a_gate_with_a_reason_and_a_coordinator_cannot():
    visit = make_visit(starts_at=at(today_at() + 7 * DAY))
    dose = PlannedDose.objects.select_related("prescription__patient").get(pk=visit.dose_id)
    with at_the_desk() as client:
        assert "Open it as clinical lead" not in client.get(BOARD, {"open": dose.pk}).content.decode()
        refused = record(client, dose, "authorization", do="override", why="the payer is slow")
        assert refused.status_code == 422 and not GateOverride.objects.exists()
    with at_the_desk(make_user(Role.LEAD)) as client:
        assert "Open it as clinical lead" in client.get(BOARD, {"open": dose.pk}).content.decode()
        assert record(client, dose, "authorization", do="override", why="").status_code == 422
        done = record(client, dose, "authorization", do="override", why="the payer is slow")
        assert done.status_code == 302
        assert marks(client.get(BOARD), dose)["authorization"] == ("ok", "Opened")
        assert "the payer is slow" in client.get(BOARD, {"open": dose.pk}).content.decode()
    assert Event.objects.filter(action="gate_overridden").count() == 1


def test_what_was_told_by_mistake_is_taken_back_with_a_reason_by_who_may():
    visit = make_visit(starts_at=at(today_at() + 7 * DAY))
    dose = PlannedDose.objects.select_related("prescription__patient").get(pk=visit.dose_id)
    with at_the_desk(make_user(Role.LEAD)) as client:
        record(client, dose, "authorization", do="override", why="the payer is slow")
        record(client, dose, "drug", step="received", on="3/1/2026", lowest_c="4", highest_c="6")
    with at_the_desk() as client:
        assert record(client, dose, "authorization", do="take_back", mistake="not mine").status_code == 404
        assert (
            record(client, dose, "health_screen", do="take_back", mistake="nothing there").status_code == 404
        )
        asked = record(client, dose, "drug", do="take_back", mistake="")
        assert (asked.status_code, "mistake" in asked.context["form"].errors) == (422, True)
        assert (
            record(client, dose, "drug", do="take_back", mistake="another patient's box").status_code == 302
        )
        assert marks(client.get(BOARD), dose)["drug"][1] == "Not ordered"
    with at_the_desk(make_user(Role.LEAD)) as client:
        assert record(client, dose, "authorization", do="take_back", mistake="refused").status_code == 302
        assert marks(client.get(BOARD), dose)["authorization"][1] == "Missing"


def test_only_a_gate_the_dose_has_takes_a_form():
    dose, other = make_dose(ready=False), make_dose(regimen_id="natalizumab_q4w", ready=False)
    with at_the_desk() as client:
        assert record(client, dose, "order", dated_on="3/1/2026", clear="yes").status_code == 404
        assert record(client, dose, "anti_jcv_antibody", dated_on="3/1/2026", clear="yes").status_code == 404
        assert record(client, dose, "confirmed").status_code == 404, "nothing is booked"
        assert record(client, other, "site", dated_on="3/1/2026", clear="yes").status_code == 404
        PlannedDose.objects.filter(pk=dose.pk).update(state="cancelled")
        assert client.get(reverse("dose-readiness", args=[dose.pk])).status_code == 404
    assert not Evidence.objects.exists()


def test_the_board_goes_back_to_nowhere_but_itself():
    dose = make_dose(ready=False)
    with at_the_desk() as client:
        answer = record(
            client,
            dose,
            "hbv_screening",
            back="https://evil.example/?gate=drug&x=1",
            dated_on="3/1/2026",
            clear="yes",
        )
    assert answer["Location"] == f"{BOARD}?open={dose.pk}#dose-{dose.pk}"


def test_filters_are_in_the_address_and_counts_say_how_many():
    ready = make_dose()
    bare = make_dose(ready=False)
    with at_the_desk() as client:
        everything = client.get(BOARD)
        labels = {one["label"]: one.get("count") for one in everything.context["gates"]}
        labs = client.get(BOARD, {"gate": "labs"})
        nobody = client.get(BOARD, {"gate": "confirmed", "state": "ready"})
        odd = client.get(BOARD, {"gate": "'; --", "state": "?", "days": "x", "page": "-1", "open": "x"})
        few = client.get(BOARD, {"days": "7"})
        none = client.get(BOARD, {"gate": "labs", "state": "ready", "days": "7"})
    assert {ready.pk, bare.pk} <= set(shown(everything))
    assert ready.pk not in shown(labs) and bare.pk in shown(labs)
    assert labels["Labs"] == len(shown(labs))
    assert set(shown(nobody)) == set(shown(everything))
    assert (odd.status_code, set(shown(odd))) == (200, set(shown(everything)))
    assert set(shown(few)) == {ready.pk, bare.pk}
    assert shown(none) == [ready.pk]
    assert not re.search(r'href="[^"]*(Pat|Tester)', everything.content.decode())


def test_rows_stand_by_urgency_then_by_day():
    soon = make_dose(start_on=today_at() + 12 * DAY)
    late = make_dose(start_on=today_at() - 60 * DAY)
    next_week = make_dose(start_on=today_at() + 3 * DAY)
    with at_the_desk() as client:
        groups = client.get(BOARD).context["groups"]
    first = {group["name"]: group["lines"][0].row.dose.pk for group in groups}
    assert (first["late"], first["week"], first["fortnight"]) == (late.pk, next_week.pk, soon.pk)
    assert [group["name"] for group in groups] == [g for g in readiness_board.GROUPS if g in first]


def test_nobody_due_has_an_empty_page_with_a_way_on():
    with at_the_desk() as client:
        assert "No dose is due in this time." in client.get(BOARD).content.decode()
        make_dose()
        empty = client.get(BOARD, {"gate": "order", "state": "stop"}).content.decode()
    assert "No dose is like that." in empty and "Show all" in empty


def test_a_visit_that_waits_for_a_decision_is_not_ready_whatever_its_gates_say():
    visit = make_visit()
    Visit.objects.filter(pk=visit.pk).update(
        attention_code="NURSE_AWAY", attention="The nurse is away that day."
    )
    dose = PlannedDose.objects.get(pk=visit.dose_id)
    with at_the_desk() as client:
        board = client.get(BOARD, {"open": dose.pk, "gate": "nurse"})
        assert marks(board, dose)["nurse"] == ("stop", "To decide")
        assert "The nurse is away that day." in board.content.decode()
        assert dose.pk not in shown(client.get(BOARD, {"state": "ready"}))


def test_who_is_not_at_home_is_not_on_the_board():
    dose = make_dose()
    Patient.objects.update(status="in_hospital")
    with at_the_desk() as client:
        assert client.get(BOARD).context["total"] == 0
        alone = client.get(reverse("dose-readiness", args=[dose.pk])).content.decode()
    assert "in hospital" in alone


def test_somebody_in_hospital_is_not_forgotten_on_the_day_they_are_expected_home():
    patient, other = make_patient(), make_patient()
    with at_the_desk() as client:
        assert "in hospital" not in client.get(BOARD).content.decode()
        for who, back_on in ((patient, today_at()), (other, today_at() + DAY)):
            patient_changes.set_status(
                patient_id=who.pk, status="in_hospital", since_on=today_at() - 3 * DAY, back_on=back_on,
                why="the ward called", by=make_user(),
            )  # fmt: skip
        answer = client.get(BOARD)
    assert [(one.patient, one.ask) for one in answer.context["away"]] == [(patient, True), (other, False)]
    page = answer.content.decode()
    assert "2 patients are in hospital" in page and page.count("Ask whether they are home") == 1
    assert Event.objects.filter(action="chart_read", patient=other, subject="readiness board").exists()


def test_every_chart_on_the_board_is_in_the_trail_once_a_look():
    doses = [make_dose() for _ in range(3)]
    with at_the_desk() as client:
        client.get(BOARD)
        reads = Event.objects.filter(action="chart_read", subject="readiness board")
        assert {one.patient_id for one in reads} == {dose.prescription.patient_id for dose in doses}
        assert reads.count() == 3
        client.get(
            reverse("dose-readiness", args=[doses[0].pk]), {"row": "open"}, headers={"HX-Request": "true"}
        )
    assert Event.objects.filter(action="chart_read", subject="readiness").count() == 1


def test_a_row_opens_in_place_for_a_script_and_shuts_again():
    dose = make_dose(ready=False)
    url, script = reverse("dose-readiness", args=[dose.pk]), {"HX-Request": "true"}
    with at_the_desk() as client:
        opened = client.get(url, {"row": "open", "back": "gate=labs"}, headers=script).content.decode()
        shut = client.get(url, {"row": "shut", "back": "gate=labs"}, headers=script).content.decode()
        whole = client.get(url, {"row": "open"}).content.decode()
    assert opened.strip().startswith(f'<tbody id="dose-{dose.pk}"') and "gate-form" in opened
    assert "gate-form" not in shut and "<html" in whole


def test_the_board_costs_the_same_however_many_doses_there_are():
    user, nurse = make_user(), make_nurse()

    def queries(**asked: object) -> int:
        with at_the_desk(user) as client, CaptureQueriesContext(connection) as seen:
            assert client.get(BOARD, asked).status_code == 200
        return len(seen)

    first = make_dose(ready=False)
    make_visit(make_dose(), nurse)
    few, few_opened = queries(), queries(open=first.pk)
    for turn in range(6):
        dose = make_dose(start_on=today_at() + (8 + turn) * DAY)
        make_evidence(dose.prescription.patient, "prior_authorization", today_at(), reference="PA")
        make_visit(dose, nurse)
    assert (queries(), queries(open=first.pk)) == (few, few_opened)
    assert max(few, few_opened) < 28


@pytest.mark.parametrize("regimen_id", ["natalizumab_q4w", "alemtuzumab_ms", "mitoxantrone_ms_q3m"])
def test_drugs_with_gates_of_their_own_open_too(regimen_id):
    measured = {"weight_kg": Decimal(70), "height_cm": Decimal(170)} if "mitox" in regimen_id else {}
    prescription = make_prescription(make_patient(pregnancy_possible=True), regimen_id, **measured)
    dose = make_dose(prescription, ready=False)
    with at_the_desk() as client:
        page = client.get(BOARD, {"open": dose.pk}).content.decode()
    assert f'id="dose-{dose.pk}"' in page and "gate-line" in page


def test_no_address_names_a_drug_or_the_programme_that_gives_it_away():
    dose = make_dose(regimen_id="natalizumab_q4w", ready=False)
    patient = dose.prescription.patient
    with at_the_desk() as client:
        pages = [
            reverse("chart", args=[patient.pk]),
            reverse("dose-book", args=[dose.pk]),
            reverse("dose-readiness", args=[dose.pk]),
            reverse("readiness"),
        ]
        links = [
            link
            for page in pages
            for link in re.findall(r'(?:href|action|hx-get)="([^"]*)"', str(client.get(page).content))
        ]
        assert any("rems-1_" in link for link in links)
        for word in ("touch", "tysabri", "natalizumab", "lemtrada", "G35"):
            assert not [link for link in links if word.lower() in link.lower()]
        linked = client.get(next(link for link in links if "rems-1_" in link).replace("&amp;", "&"))
    assert 'value="touch_' in str(linked.content) and "selected" in str(linked.content)
