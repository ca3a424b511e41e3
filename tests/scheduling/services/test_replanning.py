"""After a record, a hold or a stop: unbooked doses move, booked visits are flagged, nothing is lost."""

from __future__ import annotations

import pytest

from patients.models import Prescription
from scheduling.models import DoseRecord, Event, PlannedDose
from scheduling.rules.errors import BadInput, Conflict
from scheduling.services import doses, patients, prescribing, records
from scheduling.services.prescribing import GivenElsewhere
from tests.makers import (
    DAY,
    NOW,
    at,
    make_dose,
    make_papers,
    make_patient,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)

pytestmark = pytest.mark.django_db

TODAY = today_at()


def planned(prescription: Prescription) -> list[PlannedDose]:
    return list(prescription.doses.filter(state="planned").order_by("number"))


def test_a_late_dose_moves_the_rest_and_flags_a_booked_visit_that_is_now_too_early():
    earlier = NOW - 10 * DAY
    prescription = make_prescription(start_on=TODAY - 10 * DAY, now=earlier)
    make_papers(prescription, now=earlier)
    visit = make_visit(make_dose(prescription, 2, ready=False), now=earlier)
    booked_at = visit.starts_at
    assert visit.attention == ""
    make_record(make_dose(prescription, 1, ready=False), TODAY)
    visit.refresh_from_db()
    assert (visit.state, visit.attention_code) == ("booked", "MIN_SEPARATION_VIOLATION")
    assert visit.starts_at == booked_at, "flagged, never moved"


def test_a_severe_reaction_makes_later_doses_longer_and_says_that_the_booked_time_is_too_short():
    given = [GivenElsewhere(1, TODAY - 190 * DAY), GivenElsewhere(2, TODAY - 176 * DAY)]
    prescription = make_prescription(given=given)
    make_papers(prescription)
    third, fourth = planned(prescription)[:2]
    visit = make_visit(fourth, starts_at=at(fourth.due_on), override="ahead")
    make_record(third, TODAY, reaction="severe")
    visit.refresh_from_db()
    assert planned(prescription)[0].infusion_minutes == 210
    assert visit.attention_code == "TOO_SHORT"


def test_a_life_threatening_reaction_stops_the_drug_and_leaves_the_visit_to_a_person():
    prescription = make_prescription(start_on=TODAY)
    make_papers(prescription)
    visit = make_visit(make_dose(prescription, 2, ready=False))
    make_record(make_dose(prescription, 1, ready=False), TODAY, reaction="life_threatening")
    prescription.refresh_from_db()
    visit.refresh_from_db()
    assert prescription.status == "discontinued"
    assert planned(prescription) == []
    assert (visit.state, visit.attention_code) == ("booked", "DOSE_CANCELLED")


def test_a_corrected_reaction_brings_the_same_doses_back():
    prescription = make_prescription(start_on=TODAY)
    record = make_record(make_dose(prescription, 1, ready=False), TODAY, reaction="life_threatening")
    before = set(prescription.doses.values_list("pk", flat=True))
    newer = records.correct_record(
        record_id=record.pk, given_on=TODAY, reaction="mild", why="wrong button", by=make_user(), now=NOW
    )
    prescription.refresh_from_db()
    assert prescription.status == "active"
    assert planned(prescription)
    assert set(prescription.doses.values_list("pk", flat=True)) == before
    assert (newer.amends, DoseRecord.objects.count()) == (record, 2)


def test_a_correction_needs_a_reason_and_names_the_newest_record():
    record = make_record()
    correct = {"given_on": TODAY, "reaction": "none", "by": make_user(), "now": NOW}
    with pytest.raises(BadInput):
        records.correct_record(record_id=record.pk, why=" ", **correct)
    records.correct_record(record_id=record.pk, why="typo", **correct)
    with pytest.raises(Conflict):
        records.correct_record(record_id=record.pk, why="typo", **correct)


def test_doses_given_elsewhere_make_the_next_date_of_a_transferred_patient_right():
    given = [
        GivenElsewhere(1, TODAY - 200 * DAY),
        GivenElsewhere(2, TODAY - 186 * DAY),
        GivenElsewhere(3, TODAY - 10 * DAY),
    ]
    prescription = make_prescription(given=given)
    nearest = planned(prescription)[0]
    assert nearest.number == 4
    assert nearest.due_on.month == (given[2].on.month + 5) % 12 + 1
    assert nearest.due_on.day == given[2].on.day
    assert prescription.doses.filter(state="given").count() == 3
    assert all(record.elsewhere for record in DoseRecord.objects.all())


def test_recording_a_dose_completes_its_visit_of_that_day():
    visit = make_visit(make_dose(start_on=TODAY), starts_at=at(TODAY, 14))
    record = make_record(visit.dose, TODAY, now=visit.starts_at)
    visit.refresh_from_db()
    assert (visit.state, record.visit) == ("completed", visit)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"given_on": TODAY + DAY}, "given_on"),
        ({"given_on": TODAY, "amount_mg": 0}, "amount_mg"),
    ],
)
def test_a_record_that_cannot_be_true_is_refused_beside_its_field(fields, field):
    with pytest.raises(BadInput) as refused:
        records.record_given(dose_id=make_dose(ready=False).pk, by=make_user(), now=NOW, **fields)
    assert refused.value.field == field


def test_a_dose_is_not_recorded_before_the_one_that_comes_first():
    prescription = make_prescription(start_on=TODAY)
    with pytest.raises(BadInput):
        make_record(make_dose(prescription, 2, ready=False), TODAY)


def test_a_hold_flags_the_visit_inside_and_clearing_it_takes_the_flag_away():
    visit, user = make_visit(), make_user()
    prescription = visit.dose.prescription
    day = visit.local_start.date()
    placed = prescribing.hold(
        prescription_id=prescription.pk, starts_on=day - DAY, clears_on=None, reason="infection", by=user
    )
    visit.refresh_from_db()
    prescription.refresh_from_db()
    assert (visit.attention_code, prescription.status) == ("ON_HOLD", "on_hold")
    prescribing.clear_hold(hold_id=placed.pk, clears_on=day, by=user)
    visit.refresh_from_db()
    prescription.refresh_from_db()
    assert (visit.attention_code, prescription.status) == ("", "active")


def test_a_stopped_drug_has_no_doses_to_come_and_keeps_those_given():
    prescription = make_prescription(start_on=TODAY)
    make_record(make_dose(prescription, 1, ready=False), TODAY)
    prescribing.stop(prescription_id=prescription.pk, stopped_on=TODAY, why="pregnancy", by=make_user())
    assert planned(prescription) == []
    assert prescription.doses.filter(state="given").count() == 1
    with pytest.raises(Conflict):
        prescribing.stop(prescription_id=prescription.pk, stopped_on=TODAY, why="again", by=make_user())


def test_an_amendment_keeps_the_old_terms_and_says_who_and_why():
    prescription, user = make_prescription(), make_user()
    old = prescription.expires_on
    prescribing.amend(
        prescription_id=prescription.pk, changes={"expires_on": old + 90 * DAY}, why="renewed", by=user
    )
    versions = list(prescription.versions.all())
    assert [v.terms["expires_on"] for v in versions] == [old.isoformat(), (old + 90 * DAY).isoformat()]
    assert (versions[1].why, versions[1].created_by) == ("renewed", user)
    assert Event.objects.get(action="prescription_amended").why == "renewed"


def test_a_new_weight_changes_the_amounts_to_come_and_not_those_given():
    patient = make_patient()
    prescription = make_prescription(
        patient, "mitoxantrone_ms_q3m", weight_kg=70, height_cm=170, start_on=TODAY
    )
    make_record(make_dose(prescription, 1, ready=False), TODAY)
    patients.record_measurement(
        patient_id=patient.pk, kind="weight_kg", value=95, measured_on=TODAY, by=make_user()
    )
    given, following = prescription.doses.order_by("number")[:2]
    assert (given.amount_mg, following.amount_mg) == (22, 25)


def test_a_prescription_stays_with_the_version_it_was_made_with():
    prescription = make_prescription()
    regimen = doses.regimen_of(prescription)
    assert (prescription.regimen_version, prescription.regimen_digest) == (regimen.version, regimen.digest)


def test_syncing_again_changes_nothing():
    prescription = make_prescription()
    before = list(prescription.doses.values_list("pk", "due_on", "replanned_at"))
    doses.sync(prescription, today=TODAY)
    assert list(prescription.doses.values_list("pk", "due_on", "replanned_at")) == before


def test_a_calendar_that_runs_out_is_planned_further_and_only_further():
    prescription = make_prescription()
    before = list(prescription.doses.values_list("number", "due_on"))
    assert doses.extend_calendars(today=TODAY) == 0
    assert doses.extend_calendars(today=TODAY.replace(year=TODAY.year + 2)) == 1
    after = list(prescription.doses.values_list("number", "due_on"))
    assert after[: len(before)] == before
    assert len(after) > len(before)


def test_an_order_whose_lab_draws_were_never_stored_gets_them_the_next_night():
    prescription = make_prescription()
    stored = list(prescription.planned_checks.values_list("due_on", flat=True))
    assert stored
    prescription.planned_checks.all().delete()
    assert doses.extend_calendars(today=TODAY) == 1
    assert list(prescription.planned_checks.values_list("due_on", flat=True)) == stored
    assert doses.extend_calendars(today=TODAY) == 0


def test_one_order_that_cannot_be_planned_keeps_no_other_from_being_planned_further():
    broken, good = make_prescription(), make_prescription()
    Prescription.objects.filter(pk=broken.pk).update(regimen_version=99)
    assert doses.extend_calendars(today=TODAY.replace(year=TODAY.year + 2)) == 1
    assert good.doses.count() > broken.doses.count()


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"expires_on": TODAY - DAY, "start_on": TODAY - 30 * DAY}, "expires_on"),
        ({"expires_on": TODAY, "start_on": TODAY + DAY}, "expires_on"),
        ({"prescriber_npi": "1234567890"}, "prescriber_npi"),
        ({"prescriber_name": " "}, "prescriber_name"),
        ({"regimen_id": "mitoxantrone_ms_q3m"}, "weight_kg"),
        ({"regimen_id": "mitoxantrone_ms_q3m", "weight_kg": 70}, "height_cm"),
        ({"given": [GivenElsewhere(1, TODAY + DAY)], "start_on": TODAY}, "given-0-on"),
    ],
)
def test_an_order_that_cannot_be_right_is_refused_beside_its_field(wish, field):
    with pytest.raises(BadInput) as refused:
        make_prescription(make_patient(), wish.pop("regimen_id", "ocrelizumab_iv"), **wish)
    assert refused.value.field == field
    assert not Prescription.objects.exists()
