"""The health questions open or close the gate, reach a nurse where they must, and never change afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from patients.models import Evidence
from scheduling.models import Alert, Call, HealthScreen
from scheduling.rules import health_screen
from scheduling.rules.errors import BadInput, Conflict, RuleBroken
from scheduling.services import booking, gate_files, readiness, screens
from scheduling.services import patients as patient_services
from tests.makers import (
    DAY,
    make_dose,
    make_lab_visit,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db


def two_days_before(visit):
    return visit.starts_at - 2 * DAY


def answer_all(visit, now, by=None, **other):
    """Every question answered "no", except as `other` says."""
    for question in screens.questions(visit, own=by is not None):
        said = other.get(question, "no")
        screens.answer(
            visit_id=visit.pk, question=question, said=said, via="page" if by else "link", by=by, now=now
        )


def finish(visit, now, by=None, **other):
    answer_all(visit, now, by, **other)
    return screens.finish(visit_id=visit.pk, via="page" if by else "link", by=by, now=now)


def gate_of(visit, now):
    files = gate_files.Files.of([visit.dose], now=now)
    found = readiness.gates_for(visit.dose, visit.local_start.date(), files)
    return next(gate for gate in found if gate.kind == gate_files.SCREEN)


def test_no_to_everything_opens_the_gate():
    visit = make_visit()
    now = two_days_before(visit)
    assert screens.standing(visit, now=now) == screens.DUE
    screen = finish(visit, now)
    assert (screen.state, screen.evidence.clear, screen.evidence.kind) == ("clear", True, gate_files.SCREEN)
    assert screen.evidence.dated_on == visit.local_start.date() - 2 * DAY
    assert gate_of(visit, now).met
    assert screens.standing(visit, now=now) == screens.CLEAR
    assert not Alert.objects.exists()
    assert not Call.objects.filter(kind="symptoms_call").exists()


@pytest.mark.parametrize(
    ("question", "said", "alarm"),
    [
        ("fever", "yes", True),
        ("symptoms", "yes", True),
        ("fever", "unsure", False),
        ("vaccine", "yes", False),
    ],
)
def test_a_yes_or_not_sure_closes_the_gate_alerts_and_owes_a_call_today(question, said, alarm):
    visit = make_visit()
    now = two_days_before(visit)
    screen = finish(visit, now, **{question: said})
    assert screen.state == "flagged"
    assert gate_of(visit, now).state == "forbids"
    assert screens.standing(visit, now=now) == screens.FLAGGED
    alert = Alert.objects.get()
    assert (alert.alarm, alert.screen, alert.patient) == (alarm, screen, visit.patient)
    assert health_screen.IN_SHORT[question] in alert.sentence
    assert visit.patient.last_name not in alert.sentence
    call = Call.objects.get(kind="symptoms_call")
    assert (call.about, call.due_on) == (f"screen {screen.pk}", screen.evidence.dated_on)
    visit.refresh_from_db()
    assert visit.state == "booked"


def test_answers_never_change_once_they_are_sent_and_sending_twice_is_once():
    visit = make_visit()
    now = two_days_before(visit)
    screen = finish(visit, now)
    assert screens.finish(visit_id=visit.pk, via="link", now=now) == screen
    with pytest.raises(Conflict):
        screens.answer(visit_id=visit.pk, question="fever", said="yes", via="link", now=now)
    screen.refresh_from_db()
    assert screen.answers["fever"] == "no"
    assert Evidence.objects.filter(kind=gate_files.SCREEN).count() == 1


def test_what_was_answered_is_kept_for_three_days_and_gone_on_with():
    visit = make_visit()
    now = visit.starts_at - timedelta(hours=72)
    screens.answer(visit_id=visit.pk, question="fever", said="no", via="link", now=now)
    later = visit.starts_at - timedelta(minutes=1)
    screens.answer(visit_id=visit.pk, question="infection", said="unsure", via="link", now=later)
    assert HealthScreen.objects.get().answers == {"fever": "no", "infection": "unsure"}


def test_half_answered_questions_cannot_be_sent():
    visit = make_visit()
    now = two_days_before(visit)
    with pytest.raises(BadInput):
        screens.finish(visit_id=visit.pk, via="link", now=now)
    screens.answer(visit_id=visit.pk, question="fever", said="no", via="link", now=now)
    with pytest.raises(BadInput) as refused:
        screens.finish(visit_id=visit.pk, via="link", now=now)
    assert refused.value.field == "infection"
    assert not Evidence.objects.filter(kind=gate_files.SCREEN).exists()


@pytest.mark.parametrize(("question", "said"), [("fever", "maybe"), ("shoes", "no"), ("thinking", "no")])
def test_what_is_not_asked_through_a_link_is_not_answered_there(question, said):
    visit = make_visit()
    with pytest.raises(BadInput):
        screens.answer(
            visit_id=visit.pk, question=question, said=said, via="link", now=two_days_before(visit)
        )
    assert not HealthScreen.objects.exists()


def test_the_drugs_own_questions_are_asked_after_sign_in_only():
    patient = make_patient(user=True)
    visit = make_visit(make_dose(make_prescription(patient, regimen_id="natalizumab_q4w")))
    own = ("thinking", "immune_condition", "immune_medicine")
    assert screens.questions(visit, own=False) == ("fever", "infection", "symptoms", "antibiotics", "vaccine")
    assert screens.questions(visit, own=True)[-3:] == own
    now = two_days_before(visit)
    screens.answer(visit_id=visit.pk, question="thinking", said="yes", via="page", by=patient.user, now=now)
    screen = finish(visit, now)  # goes on by link: what was said after sign-in still counts
    assert screen.questions == [*screens.questions(visit, own=False), "thinking"]
    assert (screen.state, Alert.objects.get().alarm) == ("flagged", True)


def test_pregnancy_is_asked_only_where_it_may_be():
    visit = make_visit(make_dose(make_prescription(make_patient(pregnancy_possible=True))))
    assert "pregnancy" in screens.questions(visit, own=False)
    assert "pregnancy" not in screens.questions(make_visit(), own=False)


def test_a_question_that_is_asked_since_the_last_answer_is_not_sent_unasked():
    visit = make_visit()
    now = two_days_before(visit)
    answer_all(visit, now)
    type(visit.patient).objects.update(pregnancy_possible=True)
    with pytest.raises(BadInput) as refused:
        screens.finish(visit_id=visit.pk, via="link", now=now)
    assert refused.value.field == "pregnancy"
    visit.patient.refresh_from_db()
    assert finish(visit, now).questions[-1] == "pregnancy"


def test_a_lab_draw_a_visit_far_ahead_and_one_that_began_have_no_questions():
    lab, visit = make_lab_visit(), make_visit()
    assert screens.standing(lab, now=lab.starts_at - DAY) == screens.NONE
    assert screens.standing(visit, now=visit.starts_at - 5 * DAY) == screens.NOT_DUE
    assert screens.standing(visit, now=visit.starts_at) == screens.NONE
    for now in (visit.starts_at - 5 * DAY, visit.starts_at):
        with pytest.raises(RuleBroken):
            screens.answer(visit_id=visit.pk, question="fever", said="no", via="link", now=now)


def test_a_patient_cannot_answer_away_what_a_nurse_must_look_at():
    visit = make_visit()
    now = two_days_before(visit)
    answer_all(visit, now)
    by = make_user("lead")
    patient_services.record_evidence(
        patient_id=visit.patient_id, kind=gate_files.SCREEN, dated_on=now.date(), clear=False, by=by
    )
    with pytest.raises(RuleBroken):
        screens.finish(visit_id=visit.pk, via="link", now=now)
    assert screens.standing(visit, now=now) == screens.FLAGGED


def test_a_call_by_phone_is_a_row_of_its_own_and_the_newer_one_counts():
    visit = make_visit()
    now = two_days_before(visit)
    flagged = finish(visit, now, infection="unsure")
    by = make_user("lead")
    said = dict.fromkeys(screens.questions(visit, own=True), "no")
    called = screens.by_phone(visit_id=visit.pk, answers=said, by=by, note="It was hay fever.", now=now)
    assert (
        screens.by_phone(visit_id=visit.pk, answers=said, by=by, note="It was hay fever.", now=now) == called
    )
    assert (called.state, called.via, called.recorded_by) == ("clear", "phone", by)
    flagged.refresh_from_db()
    assert (flagged.state, flagged.answers["infection"]) == ("flagged", "unsure")
    assert gate_of(visit, now).met
    assert HealthScreen.objects.count() == 2


def test_a_call_by_phone_ends_what_the_patient_had_begun():
    visit = make_visit()
    now = two_days_before(visit)
    screens.answer(visit_id=visit.pk, question="fever", said="yes", via="link", now=now)
    said = dict.fromkeys(screens.questions(visit, own=True), "no")
    with pytest.raises(BadInput):
        screens.by_phone(visit_id=visit.pk, answers={"fever": "no"}, by=make_user(), now=now)
    screens.by_phone(visit_id=visit.pk, answers=said, by=make_user(), now=now)
    assert sorted(HealthScreen.objects.values_list("state", flat=True)) == ["clear", "void"]


def test_questions_begun_for_a_visit_that_moves_are_void_and_asked_again():
    visit = make_visit()
    now = two_days_before(visit)
    screens.answer(visit_id=visit.pk, question="fever", said="no", via="link", now=now)
    new = booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at + timedelta(hours=1),
        by=make_user(), reason_class="patient", now=now,
    )  # fmt: skip
    assert HealthScreen.objects.get().state == "void"
    assert screens.standing(new, now=now) == screens.DUE
    screens.answer(visit_id=new.pk, question="infection", said="no", via="link", now=now)
    assert dict(HealthScreen.objects.values_list("visit_id", "state")) == {visit.pk: "void", new.pk: "open"}


def test_a_clear_answer_counts_after_a_small_move_and_not_after_a_large_one():
    visit = make_visit()
    now = two_days_before(visit)
    finish(visit, now)
    by = make_user()
    near = booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at + timedelta(hours=1), by=by,
        reason_class="patient", now=now,
    )  # fmt: skip
    assert screens.standing(near, now=now) == screens.CLEAR
    far = booking.move_visit(
        visit_id=near.pk, nurse_id=visit.nurse_id, starts_at=near.starts_at + 7 * DAY, by=by,
        reason_class="patient", override="the patient is away", now=now,
    )  # fmt: skip
    assert screens.standing(far, now=far.starts_at - DAY) == screens.DUE


@pytest.mark.django_db(transaction=True)
def test_two_taps_on_send_at_once_send_once():
    visit = make_visit()
    now = two_days_before(visit)
    answer_all(visit, now, fever="yes")
    sent = all_at_once([lambda: screens.finish(visit_id=visit.pk, via="link", now=now)] * 2)
    assert len({screen.pk for screen in sent}) == 1
    assert (Alert.objects.count(), Call.objects.filter(kind="symptoms_call").count()) == (1, 1)
    assert Evidence.objects.filter(kind=gate_files.SCREEN).count() == 1
