"""A dose was given, a paper arrived, a record was wrong: said beforehand, saved once, corrected in the open."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Role
from patients.models import Evidence
from scheduling.models import DoseRecord, Visit
from tests.makers import (
    NOW,
    clock_stands_at,
    make_dose,
    make_evidence,
    make_patient,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk, save_as_shown

pytestmark = pytest.mark.django_db
TODAY = today_at(NOW)


def record_of(**changes: str) -> dict[str, str]:
    """A dose given today without a reaction, with changes."""
    return {
        "given_on": "3/2/2026",
        "amount_mg": "300",
        "reaction": "none",
        "reaction_type": "",
        "note": "",
        **changes,
    }


def test_a_late_dose_moves_the_rest_and_the_page_says_so_before_and_after():
    dose = make_dose(ready=False, start_on=TODAY - timedelta(days=21))
    address = reverse("dose-record", args=[dose.pk])
    with at_the_desk() as client:
        form = client.get(address)
        assert form.context["form"]["amount_mg"].value() == "300"
        first, second = form.context["effects"].first[:2]
        assert (first.number, first.facts[0].becomes) == (1, "given Mar 2, 2026")
        assert (second.number, second.facts[0].label, second.facts[0].becomes) == (2, "Day", "Mar 16, 2026")
        assert not DoseRecord.objects.exists()
        saved = save_as_shown(client, address, record_of(), follow=True)
    assert "Dose 1 recorded for Mar 2, 2026. Dose 2 is due Mar 16, 2026." in saved.content.decode()
    assert dose.prescription.doses.get(number=2).due_on == date(2026, 3, 16)


def test_the_preview_of_a_record_writes_nothing_and_judges_nothing():
    dose = make_dose(ready=False, start_on=TODAY)
    with at_the_desk() as client:
        answer = client.post(
            reverse("dose-record", args=[dose.pk]), record_of(do="preview", reaction="severe")
        )
    assert answer.status_code == 200 and not DoseRecord.objects.exists()
    assert answer.context["advice"]


def test_a_severe_reaction_shows_what_the_label_says_and_the_visit_that_gets_too_short():
    visit = make_visit(make_dose(number=2, start_on=TODAY), override="", starts_at=None)
    first = visit.dose.prescription.doses.get(number=1)
    with at_the_desk() as client:
        answer = client.post(
            reverse("dose-record", args=[first.pk]), record_of(do="preview", reaction="life_threatening")
        )
    effects = answer.context["effects"]
    assert effects.orders == [("stop", "The drug is stopped. No further dose is planned.")]
    assert [(row.visit, row.misfit) for row in effects.visits] == [(visit, True)]
    assert any("never give again" in caution.title for caution in answer.context["advice"])


def test_a_record_sent_twice_is_one_record():
    dose = make_dose(ready=False, start_on=TODAY)
    address = reverse("dose-record", args=[dose.pk])
    with at_the_desk() as client:
        shown = client.post(address, record_of(do="preview")).context["effects"].signature
        assert client.post(address, record_of(shown=shown)).status_code == 302
        again = client.post(address, record_of(shown=shown))
        assert again.status_code == 409 and "recorded already" in again.content.decode()
        assert client.get(address).status_code == 302  # the back button leads to what was recorded
    assert DoseRecord.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"given_on": "3/3/2026"}, "given_on"),
        ({"given_on": "2/30/2026"}, "given_on"),
        ({"given_on": ""}, "given_on"),
        ({"amount_mg": "-1"}, "amount_mg"),
        ({"amount_mg": "1e9"}, "amount_mg"),
        ({"amount_mg": "9" * 400}, "amount_mg"),
        ({"reaction": "awful"}, "reaction"),
        ({"reaction": ""}, "reaction"),  # nobody has said that there was none
        ({"reaction_type": "hypersensitivity"}, "reaction"),
        ({"note": "y" * 10_000}, "note"),
    ],
)
def test_a_record_that_cannot_be_right_is_refused_beside_its_field(changes, field):
    dose = make_dose(ready=False, start_on=TODAY)
    with at_the_desk() as client:
        answer = client.post(reverse("dose-record", args=[dose.pk]), record_of(**changes))
    assert answer.status_code == 422 and field in answer.context["form"].errors
    assert not DoseRecord.objects.exists()
    for value in changes.values():
        assert not value or value == "awful" or value in answer.content.decode()


def test_a_dose_that_is_not_next_points_to_the_one_that_is():
    dose = make_dose(ready=False, number=3, start_on=TODAY)
    first = dose.prescription.doses.get(number=1)
    with at_the_desk() as client:
        address = reverse("dose-record", args=[dose.pk])
        assert reverse("dose-record", args=[first.pk]) in client.get(address).content.decode()
        assert client.post(address, record_of()).status_code == 422


def test_recording_completes_the_visit_of_that_day():
    visit = make_visit(make_dose(start_on=TODAY), starts_at=NOW + timedelta(hours=1))
    with at_the_desk() as client:
        save_as_shown(client, reverse("dose-record", args=[visit.dose_id]), record_of())
    visit.refresh_from_db()
    assert visit.state == "completed"


def test_a_correction_needs_a_reason_keeps_both_and_moves_the_calendar():
    record = make_record(make_dose(ready=False, start_on=TODAY))
    address = reverse("record-correct", args=[record.pk])
    with at_the_desk() as client:
        assert client.get(address).context["form"]["given_on"].value() == "3/2/2026"
        no_reason = client.post(address, record_of(given_on="3/1/2026", why=""))
        assert no_reason.status_code == 422 and "why" in no_reason.context["form"].errors
        right = record_of(given_on="3/1/2026", why="wrong sheet")
        assert save_as_shown(client, address, right).status_code == 302
        stale = client.post(address, record_of(given_on="2/28/2026", why="again"))
        assert stale.status_code == 409
    assert DoseRecord.objects.count() == 2
    assert record.dose.prescription.doses.get(number=2).due_on == date(2026, 3, 15)


# --- Papers ------------------------------------------------------------------------------------


def paper_of(**changes: str) -> dict[str, str]:
    """A clear hepatitis B screen of yesterday, with changes."""
    return {
        "kind": "hbv_screening", "prescription": "", "dated_on": "3/1/2026", "valid_until_on": "", "clear": "yes",
        "reference": "", "note": "", **changes,
    }  # fmt: skip


def test_one_step_puts_a_result_on_file_and_the_gate_opens():
    order = make_prescription()
    address = reverse("evidence-new", args=[order.patient_id])
    with at_the_desk() as client:
        form = client.get(address, {"kind": "hbv_screening", "prescription": str(order.pk)}).context["form"]
        assert form["kind"].value() == "hbv_screening" and form["prescription"].value() == str(order.pk)
        assert client.post(address, paper_of()).status_code == 302
        client.post(address, paper_of())  # a double click
        gates = client.get(reverse("chart", args=[order.patient_id])).context["cards"][0].gates
    assert Evidence.objects.count() == 1
    assert next(gate for gate in gates if gate.kind == "hbv_screening").status == "ok"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dated_on": "3/3/2026"}, "dated_on"),
        ({"dated_on": ""}, "dated_on"),
        ({"valid_until_on": "2/1/2026"}, "valid_until_on"),
        ({"kind": "touch_patient_authorization"}, "reference"),
        ({"kind": "prior_authorization"}, "reference"),
        ({"kind": "site_decision"}, "prescription"),
        ({"kind": "<script>"}, "kind"),
        ({"clear": "maybe"}, "clear"),
        ({"clear": ""}, "clear"),  # a person reads the result; nothing is taken for granted
        ({"prescription": "999999"}, "prescription"),
        ({"note": "z" * 10_000}, "note"),
    ],
)
def test_a_paper_that_cannot_count_is_refused_beside_its_field(changes, field):
    order = make_prescription(regimen_id="natalizumab_q4w")
    with at_the_desk() as client:
        answer = client.post(
            reverse("evidence-new", args=[order.patient_id]),
            paper_of(**{"kind": "anti_jcv_antibody", **changes}),
        )
    assert answer.status_code == 422 and field in answer.context["form"].errors
    assert not Evidence.objects.exists()


def test_a_decision_for_home_opens_a_drug_that_prefers_the_clinic():
    order = make_prescription(regimen_id="mitoxantrone_ms_q3m", weight_kg=Decimal(70), height_cm=Decimal(170))
    with at_the_desk() as client:
        chart = reverse("chart", args=[order.patient_id])
        assert any(
            gate.kind == "site_decision" and gate.blocks
            for gate in client.get(chart).context["cards"][0].gates
        )
        client.post(
            reverse("evidence-new", args=[order.patient_id]),
            paper_of(kind="site_decision", prescription=str(order.pk), reference="board of Feb 27"),
        )
        gates = client.get(chart).context["cards"][0].gates
    assert next(gate for gate in gates if gate.kind == "site_decision").status == "ok"


def test_a_withdrawn_paper_stays_in_the_list_and_no_longer_counts():
    order = make_prescription()
    with clock_stands_at(NOW):
        paper = make_evidence(order.patient, "hbv_screening", TODAY)
    address = reverse("evidence-withdraw", args=[paper.pk])
    with at_the_desk() as client:
        assert client.post(address, {"why": ""}).status_code == 422
        assert client.post(address, {"why": "somebody else's result"}).status_code == 302
        papers = client.get(reverse("chart", args=[order.patient_id]), {"tab": "papers"}).content.decode()
        gates = client.get(reverse("chart", args=[order.patient_id])).context["cards"][0].gates
    assert "Withdrawn" in papers and "somebody else&#x27;s result" in papers
    assert next(gate for gate in gates if gate.kind == "hbv_screening").status == "stop"


@pytest.mark.parametrize("role", [Role.NURSE, Role.PATIENT])
def test_records_and_papers_of_the_office_do_not_exist_for_others(role):
    visit = make_visit(make_dose(start_on=TODAY), starts_at=NOW + timedelta(hours=1))
    with clock_stands_at(NOW):
        paper = make_evidence(visit.patient, "cbc", TODAY)
    user = visit.nurse.user if role == Role.NURSE else make_user(role)
    with at_the_desk(user) as client:
        for name, pk in [
            ("dose", visit.dose_id), ("dose-record", visit.dose_id), ("evidence-withdraw", paper.pk),
            ("prescription-hold", visit.dose.prescription_id), ("prescription-stop", visit.dose.prescription_id),
            ("prescription-amend", visit.dose.prescription_id), ("evidence-new", visit.patient_id),
        ]:  # fmt: skip
            assert client.get(reverse(name, args=[pk])).status_code == 404
            assert client.post(reverse(name, args=[pk])).status_code == 404


# --- The trail ---------------------------------------------------------------------------------


def test_the_trail_is_for_the_lead_and_the_administrator_only():
    for role, status in [(Role.COORDINATOR, 404), (Role.NURSE, 404), (Role.LEAD, 200), (Role.ADMIN, 200)]:
        with at_the_desk(make_user(role)) as client:
            assert client.get(reverse("audit")).status_code == status
            assert client.get(reverse("overrides")).status_code == status


def test_the_trail_is_narrowed_by_what_by_whom_and_since_when():
    author = make_user(first_name="Ann", last_name="Lee")
    patient = make_patient(by=author)
    with at_the_desk(make_user(Role.LEAD)) as client:
        everything = client.get(reverse("audit"))
        added = client.get(
            reverse("audit"), {"action": "patient_registered", "actor": str(author.pk), "since": "30"}
        )
        odd = client.get(reverse("audit"), {"action": "x", "actor": "9" * 40, "since": "-1", "page": "z"})
    assert everything.status_code == odd.status_code == 200
    rows = added.context["happenings"]
    assert [(row.who, row.event.patient, row.what) for row in rows] == [
        ("Ann Lee", patient, "Added the patient")
    ]


def test_an_override_is_listed_with_who_and_why():
    visit = make_visit()
    Visit.objects.filter(pk=visit.pk).update(
        override_reason="family event", override_codes=["LATE_OUTSIDE_WINDOW"], override_by=visit.booked_by
    )
    make_visit()
    with at_the_desk(make_user(Role.LEAD)) as client:
        page = client.get(reverse("overrides"))
    assert [row["visit"] for row in page.context["rows"]] == [visit]
    assert "family event" in page.content.decode() and "Late outside window" in page.content.decode()
