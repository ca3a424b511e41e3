"""Follow-up calls are owed once, by the record and the calendar, and taken back when they are moot."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import transaction

from patients.models import Contact, Evidence
from scheduling.models import Alert, Call, CallAttempt, Event, HealthScreen, Notice
from scheduling.rules.errors import BadInput, Conflict, StaleVersion
from scheduling.services import (
    alerts,
    booking,
    calls,
    calls_due,
    outcomes,
    patient_changes,
    records,
    supplies,
)
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_patient,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db

TODAY = today_at()
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def hours(settings):
    """Nine to eight, as an agency has them; other tests send around the clock."""
    settings.NOTICE_HOURS = (9, 20)


def owed(**where) -> list[tuple[str, date]]:
    found = Call.objects.filter(state="owed", **where).order_by("due_on", "kind")
    return [(call.kind, call.due_on) for call in found]


def ocrelizumab(given_on: date = TODAY, **fields):
    """A patient with dose 1 given; the order begins that day."""
    patient = make_patient(**fields)
    prescription = make_prescription(patient, "ocrelizumab_iv", start_on=given_on)
    make_record(make_dose(prescription, ready=False), given_on)
    return patient


def a_call(kind: str = "reaction_check_call", **fields) -> Call:
    patient = fields.pop("patient", None) or make_patient()
    return calls.owe(patient=patient, kind=kind, about="test", due_on=TODAY, now=NOW, **fields)


def attempt(call: Call, outcome: str, now=NOW, by=None, **fields) -> CallAttempt:
    found = calls.record_attempt(call_id=call.pk, outcome=outcome, by=by or make_user(), now=now, **fields)
    call.refresh_from_db()
    return found


# What a record owes


def test_a_dose_given_owes_the_calls_of_its_drug_once():
    patient = ocrelizumab()
    expected = [
        ("reaction_check_call", TODAY + DAY),
        ("two_week_call", TODAY + 14 * DAY),
        ("patient_navigator_call", TODAY + 28 * DAY),
    ]
    assert owed(patient=patient) == expected
    patient_changes.doses.sync(patient.prescriptions.get(), today=TODAY, now=NOW)
    assert owed(patient=patient) == expected


def test_the_first_try_is_in_the_morning_or_when_the_patient_likes_it():
    call = Call.objects.get(patient=ocrelizumab(), kind="reaction_check_call")
    assert call.next_at == at(TODAY + DAY, 10)
    call = Call.objects.get(patient=ocrelizumab(prefers="afternoon"), kind="reaction_check_call")
    assert call.next_at == at(TODAY + DAY, 13)


def test_a_corrected_day_moves_the_same_call():
    patient = ocrelizumab()
    before = Call.objects.get(patient=patient, kind="two_week_call")
    record = patient.prescriptions.get().doses.get(number=1).records.get()
    records.correct_record(
        record_id=record.pk, given_on=TODAY - DAY, reaction="none", why="typed wrong", by=make_user(), now=NOW
    )
    after = Call.objects.get(patient=patient, kind="two_week_call")
    assert (after.pk, after.due_on) == (before.pk, TODAY + 13 * DAY)


def test_a_call_somebody_tried_keeps_its_day_when_the_record_is_corrected():
    patient = ocrelizumab()
    call = Call.objects.get(patient=patient, kind="reaction_check_call")
    attempt(call, "no_answer", now=at(TODAY + DAY, 10))
    record = patient.prescriptions.get().doses.get(number=1).records.get()
    records.correct_record(
        record_id=record.pk, given_on=TODAY - DAY, reaction="none", why="wrong", by=make_user(), now=NOW
    )
    call.refresh_from_db()
    assert call.due_on == TODAY + DAY


def test_the_next_dose_takes_back_the_calls_of_the_one_before():
    patient = ocrelizumab(TODAY - 14 * DAY)
    make_record(patient.prescriptions.get().doses.get(number=2), TODAY)
    assert owed(patient=patient, due_on__lt=TODAY + DAY) == []
    moot = Call.objects.filter(patient=patient, state="moot").values_list("settled_why", flat=True)
    assert set(moot) == {"the next dose was given"}


def test_history_that_is_imported_owes_no_call_for_what_is_long_past():
    patient = ocrelizumab(TODAY - 20 * DAY)
    assert owed(patient=patient) == [("patient_navigator_call", TODAY + 8 * DAY)]


def test_a_course_is_checked_once_the_day_after_its_last_day():
    prescription = make_prescription(make_patient(), "methylprednisolone_iv_3d", start_on=TODAY - 2 * DAY)
    for number in (1, 2, 3):
        make_record(prescription.doses.get(number=number), TODAY - (3 - number) * DAY)
        assert owed(prescription=prescription) == [("reaction_check_call", TODAY + DAY)]


def test_who_is_in_hospital_is_not_called_and_is_again_once_home():
    patient, by = ocrelizumab(), make_user()
    say = {"patient_id": patient.pk, "since_on": TODAY, "why": "the family said so", "by": by}
    patient_changes.set_status(status="in_hospital", now=NOW, **say)
    assert owed(patient=patient) == []
    patient_changes.set_status(status="active", now=NOW + DAY, **{**say, "since_on": TODAY + DAY})
    assert len(owed(patient=patient)) == 3


def test_a_call_whose_time_passed_in_hospital_does_not_come_back():
    patient, by = ocrelizumab(), make_user()
    say = {"patient_id": patient.pk, "why": "the family said so", "by": by}
    patient_changes.set_status(status="in_hospital", since_on=TODAY, now=NOW, **say)
    patient_changes.set_status(status="active", since_on=TODAY + 10 * DAY, now=NOW + 10 * DAY, **say)
    assert [kind for kind, _on in owed(patient=patient)] == ["two_week_call", "patient_navigator_call"]


# Owing


def test_owing_twice_is_one_call_and_a_call_taken_back_is_owed_again():
    patient = make_patient()
    first, again = a_call("call_back", patient=patient), a_call("call_back", patient=patient)
    assert first.pk == again.pk
    calls.stop(patient, now=NOW)
    assert a_call("call_back", patient=patient).state == "owed"
    attempt(again, "well")
    assert a_call("call_back", patient=patient).state == "done"


@pytest.mark.django_db(transaction=True)
def test_two_writers_at_the_same_moment_owe_one_call():
    patient = make_patient()
    owe = [lambda: a_call("call_back", patient=patient)] * 4
    assert len({call.pk for call in all_at_once(owe)}) == 1
    assert Call.objects.count() == 1


def test_a_call_in_the_night_waits_for_the_morning_of_the_home():
    call = calls.owe(
        patient=make_patient(),
        kind="call_back",
        about="reply 1",
        due_on=TODAY,
        due_at=at(TODAY, 22),
        now=at(TODAY, 22),
    )
    assert call.next_at == at(TODAY + DAY, 9)


# Tries


def test_a_patient_who_is_well_is_done_and_the_trail_says_who_called():
    call, by = a_call(), make_user()
    attempt(call, "well", by=by)
    assert (call.state, call.tries, call.last_outcome, call.settled_at) == ("done", 1, "well", NOW)
    event = Event.objects.get(action="call_tried")
    assert (event.actor, event.detail["outcome"]) == (by, "well")


def test_symptoms_are_an_alarm_and_the_clinical_lead_is_told():
    lead, call = make_user("lead", email="lead@example.org"), a_call()
    attempt(call, "symptoms", symptoms=["rash", "fever"])
    alert = Alert.objects.get()
    assert (alert.kind, alert.alarm, alert.patient) == ("symptoms", True, call.patient)
    assert alert.sentence == "Check after a visit: they report fever, rash or hives."
    told = Notice.objects.get(kind="alarm")
    assert (told.user, told.patient, told.about) == (lead, None, f"alert {alert.pk}")
    assert call.state == "done"


def test_an_agency_without_a_lead_tells_the_office():
    coordinator, _nurse = make_user(email="a@example.org"), make_user("nurse")
    assert alerts.who_is_told() == [coordinator]


def test_nobody_answers_three_times_a_day_on_two_days_then_it_is_an_alarm():
    call = a_call()
    times = []
    for _try in range(6):
        times.append(call.next_at)
        attempt(call, "no_answer", now=call.next_at)
    assert call.state == "given_up"
    hours = [(moment - at(TODAY, 0)) // HOUR for moment in times]
    assert hours == [10, 13, 15, 33, 37, 39]
    alert = Alert.objects.get()
    assert (alert.kind, alert.alarm) == ("not_reached", True)
    assert alert.sentence == (
        "Check after a visit: not reached after 6 tries on 2 days. Find another way to hear from them."
    )


@pytest.mark.parametrize(("via", "owed"), [("link", 1), ("voice", 1), ("phone", 0)])
def test_who_tells_a_machine_that_something_is_wrong_is_called_by_a_person_today(via, owed):
    call = a_call()
    for _again in range(2):
        calls.record_attempt(
            call_id=call.pk, outcome="symptoms", symptoms=["fever"] if via == "phone" else (), via=via,
            by=make_user() if via == "phone" else None, now=NOW,
        )  # fmt: skip
    promised = Call.objects.filter(
        patient=call.patient, kind="symptoms_call", state="owed", due_on=today_at()
    )
    assert promised.count() == owed


def test_a_wrong_number_ends_the_call_and_asks_for_another_way():
    call = a_call()
    call.patient.contacts.all().delete()
    attempt(call, "wrong_number")
    assert (call.state, Alert.objects.get().kind) == ("given_up", "number")


def test_a_wrong_number_gets_no_call_and_no_text_any_more():
    call = a_call()
    call.patient.contacts.all().delete()
    for channel, value in (("voice", "+12145550123"), ("text", "+12145550123"), ("email", "a@example.org")):
        call.patient.contacts.create(channel=channel, value=value, consented_at=NOW)
    attempt(call, "wrong_number")
    usable = [way.channel for way in call.patient.contacts.all() if way.usable]
    assert usable == ["email"]
    alert = Alert.objects.get()
    assert (alert.kind, alert.call) == ("number", call), "one fact is one alert"


def test_how_are_you_today_moves_with_its_call():
    patient = ocrelizumab()
    call = Call.objects.get(patient=patient, kind="reaction_check_call")
    before = call.notices.get().due_at
    record = patient.prescriptions.get().doses.get(number=1).records.get()
    records.correct_record(
        record_id=record.pk, given_on=TODAY - DAY, reaction="none", why="wrong", by=make_user(), now=NOW
    )
    assert call.notices.get().due_at == before - DAY


def test_later_is_the_time_they_named():
    call = a_call()
    attempt(call, "later", call_again_at=at(TODAY + 2 * DAY, 16))
    assert (call.state, call.next_at) == ("owed", at(TODAY + 2 * DAY, 16))


def test_a_day_they_named_is_not_too_late():
    call = Call.objects.get(patient=ocrelizumab(), kind="reaction_check_call")
    friday = at(TODAY + 8 * DAY, 10)
    attempt(call, "later", now=at(TODAY + DAY, 10), call_again_at=friday)
    calls.keep_up(friday)
    call.refresh_from_db()
    assert (call.state, call.last_on) == ("owed", TODAY + 8 * DAY)


@pytest.mark.parametrize(
    ("outcome", "fields", "field"),
    [
        ("great", {}, "outcome"),
        ("well", {"symptoms": ["fever"]}, "outcome"),
        ("symptoms", {"symptoms": ["green ears"]}, "symptoms"),
        ("symptoms", {}, "symptoms"),
        ("later", {}, "call_again_at"),
        ("later", {"call_again_at": NOW}, "call_again_at"),
        ("later", {"call_again_at": NOW + 61 * DAY}, "call_again_at"),
        ("well", {"note": "x" * 2001}, "note"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_nothing_is_written(outcome, fields, field):
    call = a_call()
    with pytest.raises(BadInput) as no:
        attempt(call, outcome, **fields)
    assert no.value.field == field
    assert not CallAttempt.objects.exists()


def test_a_double_click_is_one_try_and_a_rivals_try_in_between_is_told():
    call, by = a_call(), make_user()
    first = attempt(call, "no_answer", by=by, tries=0)
    assert attempt(call, "no_answer", by=by, tries=0, now=NOW + timedelta(seconds=1)) == first
    assert call.tries == 1
    with pytest.raises(StaleVersion):
        attempt(call, "well", by=make_user(), tries=0)
    assert call.state == "owed"


def test_what_the_provider_tells_twice_is_one_try():
    call = a_call()
    assert attempt(call, "no_answer", provider_id="CA1") == attempt(call, "no_answer", provider_id="CA1")
    assert call.tries == 1


@pytest.mark.django_db(transaction=True)
def test_two_callers_at_once_are_one_try_and_one_refusal():
    call = a_call()
    tried = [
        lambda by=by: calls.record_attempt(call_id=call.pk, outcome="well", by=by, tries=0, now=NOW)
        for by in (make_user(), make_user())
    ]
    found = all_at_once(tried)
    assert sorted(type(one).__name__ for one in found) == ["CallAttempt", "StaleVersion"]
    assert CallAttempt.objects.count() == 1


def test_they_called_back_after_it_was_given_up_and_with_symptoms_it_is_an_alarm_still():
    call = a_call()
    attempt(call, "wrong_number")
    attempt(call, "well")
    assert call.state == "done"
    attempt(call, "symptoms", symptoms=["fever"])
    assert (call.state, Alert.objects.filter(alarm=True).count()) == ("done", 1)
    attempt(call, "no_answer")
    assert call.state == "done"


def test_a_failed_write_leaves_no_try_behind():
    call = a_call()
    with pytest.raises(RuntimeError), transaction.atomic():
        attempt(call, "symptoms", symptoms=["fever"])
        raise RuntimeError
    assert not CallAttempt.objects.exists()
    assert not Alert.objects.exists()


# Alerts


def test_the_same_cause_is_one_alert_and_what_gets_worse_is_open_again():
    lead, patient = make_user("lead", email="l@example.org"), make_patient()
    said = {"patient": patient, "about": "visit 1", "sentence": "Look.", "now": NOW}
    first = alerts.raise_alert("screen", **said)
    alerts.handle(first.pk, by=lead, note="Called her.")
    assert alerts.raise_alert("screen", **said).handled_at is not None
    worse = alerts.raise_alert("screen", alarm=True, **said)
    assert (worse.pk, worse.alarm, worse.handled_at) == (first.pk, True, None)
    assert Notice.objects.filter(kind="alarm").count() == 1


def test_seen_to_needs_a_note_and_is_said_once():
    ben = make_user(first_name="Ben")
    alert = alerts.raise_alert("screen", patient=make_patient(), about="x", sentence="Look.")
    with pytest.raises(BadInput):
        alerts.handle(alert.pk, by=ben, note=" ")
    alerts.handle(alert.pk, by=ben, note="Called.")
    assert alerts.handle(alert.pk, by=ben, note="Called.").handled_note == "Called."
    with pytest.raises(Conflict, match="Ben has dealt with this already"):
        alerts.handle(alert.pk, by=make_user(), note="Me too.")


# Shipments


def a_dose(due_in: int, ready: bool = False, **fields):
    patient = make_patient(**fields)
    return make_dose(make_prescription(patient, "ocrelizumab_iv", start_on=TODAY + due_in * DAY), ready=ready)


def test_ten_days_before_a_dose_whose_drug_is_not_on_its_way_somebody_asks_where_to_send_it():
    dose = a_dose(12)
    assert calls.keep_up(NOW) == 1
    call = Call.objects.get(kind="shipment_call")
    assert (call.dose, call.due_on, call.last_on) == (dose, TODAY + 2 * DAY, TODAY + 12 * DAY)
    assert calls.keep_up(NOW) == 0


def test_a_booked_visit_moves_the_shipment_call():
    dose = a_dose(12, ready=True)
    calls.keep_up(NOW)
    make_visit(dose, starts_at=at(TODAY + 13 * DAY, 9))
    calls.keep_up(NOW)
    call = Call.objects.get(kind="shipment_call")
    assert (call.due_on, call.last_on) == (TODAY + 3 * DAY, TODAY + 13 * DAY)


def test_a_dose_further_away_or_shipped_or_held_or_at_a_facility_asks_nobody():
    a_dose(15)
    with clock_stands_at(NOW):
        supplies.record_step(dose_id=a_dose(10).pk, step="shipped", on=TODAY, by=make_user())
    held = a_dose(10).prescription
    held.status = "on_hold"
    held.save()
    a_dose(10, status="in_hospital")
    make_dose(make_prescription(make_patient(), "alemtuzumab_ms", start_on=TODAY + 10 * DAY), ready=False)
    calls.keep_up(NOW)
    assert owed(kind="shipment_call") == []


def test_a_parcel_on_its_way_takes_the_call_back_and_a_rejected_one_brings_it_again():
    dose, by = a_dose(10), make_user()
    calls.keep_up(NOW)
    with clock_stands_at(NOW):
        supplies.record_step(dose_id=dose.pk, step="shipped", on=TODAY, by=by)
        assert owed(kind="shipment_call") == []
        supplies.record_step(dose_id=dose.pk, step="rejected", on=TODAY, by=by)
    calls.keep_up(NOW)
    assert len(owed(kind="shipment_call")) == 1


def test_a_course_is_shipped_once():
    make_dose(
        make_prescription(make_patient(), "methylprednisolone_iv_3d", start_on=TODAY + 9 * DAY), ready=False
    )
    calls.keep_up(NOW)
    assert len(owed(kind="shipment_call")) == 1


# Health questions that nobody answered


def a_visit(days: int = 1, hour: int = 9):
    dose = make_dose(make_prescription(make_patient(), "ocrelizumab_iv", start_on=TODAY + days * DAY))
    return make_visit(dose, starts_at=at(TODAY + days * DAY, hour))


def screen_calls() -> list[tuple[int, date]]:
    return list(Call.objects.filter(kind="screen_call", state="owed").values_list("visit_id", "due_on"))


def test_nobody_answered_the_health_questions_so_somebody_calls_the_day_before_at_one():
    visit, _later = a_visit(), a_visit(2)
    calls.keep_up(NOW)
    assert screen_calls() == [(visit.pk, TODAY)]
    assert Call.objects.get(kind="screen_call").next_at == at(TODAY, 13)
    assert calls.keep_up(NOW) == 0


def test_an_answer_takes_the_call_back():
    visit = a_visit()
    calls.keep_up(NOW)
    HealthScreen.objects.create(visit=visit, patient=visit.patient, state="flagged", answered_at=NOW)
    calls.keep_up(NOW)
    assert screen_calls() == []


def test_a_paper_that_still_counts_on_the_day_is_an_answer_and_an_old_one_is_not():
    visit, other = a_visit(), a_visit()
    Evidence.objects.filter(kind="health_screen").delete()
    for whose, on in ((visit, TODAY), (other, TODAY - 9 * DAY)):
        Evidence.objects.create(patient=whose.patient, kind="health_screen", dated_on=on)
    calls.keep_up(NOW)
    assert [pk for pk, _on in screen_calls()] == [other.pk]


def test_a_visit_that_is_cancelled_lets_go_of_its_call():
    visit = a_visit()
    calls.keep_up(NOW)
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=NOW)
    assert screen_calls() == []


# Who heard nothing


def lost(visit, reason: str = "no address on file", state: str = "suppressed") -> None:
    visit.notices.all().update(state=state, reason=reason)


def tell_calls() -> list[int]:
    return list(Call.objects.filter(kind="tell_call", state="owed").values_list("visit_id", flat=True))


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        ("suppressed", "no address on file", True),
        ("suppressed", "they had a text today", True),
        ("failed", "the number does not exist", True),
        ("expired", "its day had passed", True),
        ("suppressed", "the patient knows this time already", False),
        ("planned", "", False),
        ("sent", "", False),
        ("unknown", "", False),
    ],
)
def test_a_booking_that_reached_nobody_is_told_by_phone(state, reason, told):
    visit = a_visit(8)
    lost(visit, reason, state)
    calls_due.owe_untold(NOW)
    assert tell_calls() == ([visit.pk] if told else [])


def test_one_channel_that_may_still_reach_them_is_enough():
    visit = a_visit(8)
    lost(visit)
    visit.notices.create(
        patient=visit.patient, visit_version=visit.version, about="again 1", kind="booked", channel="text",
        state="planned", due_at=NOW, expires_at=NOW + DAY,
    )  # fmt: skip
    calls_due.owe_untold(NOW)
    assert tell_calls() == []


def test_who_says_yes_or_whose_visit_is_far_away_needs_no_call():
    visit, far = a_visit(8), a_visit(20)
    lost(visit)
    lost(far)
    calls_due.owe_untold(NOW)
    assert tell_calls() == [visit.pk]
    outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=NOW)
    calls_due.owe_untold(NOW)
    assert tell_calls() == []


def test_the_reasons_that_leave_a_patient_untold_are_those_the_sender_gives():
    from scheduling.rules import cadence
    from scheduling.services import sendable

    ways = [
        None,
        Contact(value="x", opted_out_at=NOW),
        Contact(value="x", failed_at=NOW),
        Contact(value="x"),
    ]
    found = {sendable.unreachable(way) for way in ways}
    rules = cadence.Policy()
    week = [NOW - n * DAY for n in (1, 2, 3)]
    better = [cadence.Waiting(NOW + HOUR, 0)]
    soon = [cadence.Waiting(NOW + 2 * DAY, 0)]
    for sent, waiting in (([NOW], []), ([], better), (week, []), (week[:2], soon)):
        found.add(cadence.over_cap(5, NOW, "America/Chicago", policy=rules, sent=sent, waiting=waiting))
    assert found | {sendable.NOT_SET_UP} == set(calls_due.UNREACHED)


# Too late


def test_a_check_nobody_made_in_time_is_given_up_aloud_and_an_optional_call_quietly():
    patient = ocrelizumab()
    late = at(TODAY + 5 * DAY, 10)
    calls.keep_up(late)
    check = Call.objects.get(patient=patient, kind="reaction_check_call")
    assert (check.state, check.settled_why) == ("given_up", "nobody called in time")
    assert Alert.objects.get().alarm
    calls.keep_up(at(TODAY + 22 * DAY, 10))
    assert Call.objects.get(patient=patient, kind="two_week_call").settled_why == "too late"
    assert Alert.objects.count() == 1


def test_one_call_that_cannot_be_written_does_not_keep_the_others(monkeypatch):
    first, second = a_visit(), a_visit()
    real = calls_due.call_rows.owe

    def fails(*, visit, **fields):
        if visit == first:
            raise ValueError
        return real(visit=visit, **fields)

    monkeypatch.setattr(calls_due.call_rows, "owe", fails)
    calls.keep_up(NOW)
    assert [pk for pk, _on in screen_calls()] == [second.pk]


def test_the_night_of_the_changed_clock_keeps_the_home_s_day():
    saturday = date(2026, 3, 7)
    dose = make_dose(make_prescription(make_patient(), "ocrelizumab_iv", start_on=saturday + DAY))
    visit = make_visit(dose, starts_at=at(saturday + DAY, 9))
    calls.keep_up(at(saturday, 0) + MINUTE)
    assert screen_calls() == [(visit.pk, saturday)]
    assert Call.objects.get(kind="screen_call").next_at == at(saturday, 13)
