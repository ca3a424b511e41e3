"""Corners of messages and calls where a message could vanish, or reach nobody, and nobody would be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.db import OperationalError

from patients.models import Contact
from scheduling.models import Alert, Call, HealthScreen, MessageLink, Notice
from scheduling.readings import alive
from scheduling.rules.errors import BadInput
from scheduling.services import (
    aftercare,
    alerts,
    calls,
    calls_due,
    consents,
    delivery,
    dispatch,
    inbound,
    links,
    notices,
    outcomes,
    patient_changes,
    policy,
    screens,
    tries,
    ways,
)
from scheduling.transports import Doubt, NotSent, Sent
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    clock_stands_at,
    make_dose,
    make_evidence,
    make_lab_visit,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    make_way,
    today_at,
)
from tests.scheduling.services.recorder import Recorder, record
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db

SOON = NOW + timedelta(seconds=1)


def alarm(patient=None) -> None:
    alerts.raise_alert(
        "symptoms", patient=patient or make_patient(), about="test", sentence="Test.", alarm=True, now=NOW
    )


def test_a_pause_holds_back_no_alarm():
    lead = make_user("lead", email="lead@example.org")
    make_visit()
    policy.pause(by=make_user("admin"), why="Wrong words in a text.")
    alarm()
    dispatch.send_due(now=SOON)
    assert [message.to for message in mail.outbox] == [[lead.email]]


def test_an_alarm_goes_before_all_that_is_due_longer():
    make_user("lead", email="lead@example.org")
    visit = make_visit()
    alarm()
    Notice.objects.filter(visit=visit, kind="booked").update(due_at=NOW - DAY)
    dispatch.send_due(now=SOON, batch=1)
    assert next(message.to for message in mail.outbox) == ["lead@example.org"]
    assert len(mail.outbox) == 2


def test_an_alarm_reaches_the_office_when_no_lead_has_an_address():
    lead, coordinator = make_user("lead", email=""), make_user(email="office@example.org")
    alarm()
    told = dict(Notice.objects.filter(kind="alarm").values_list("user", "state"))
    assert (told[lead.pk], told[coordinator.pk]) == ("suppressed", "planned")
    make_user("lead", email="lead@example.org")
    assert coordinator not in alerts.who_is_told()


def test_an_alarm_that_does_not_arrive_goes_to_the_rest_of_the_office_once(monkeypatch):
    mails = Recorder(lot=1)
    record(monkeypatch, email=mails)
    make_user("lead", email="lead@example.org")
    make_user("admin", email="admin@example.org")
    alarm()
    mails.answer = lambda message: (
        NotSent("nobody is there") if message.to == "lead@example.org" else Sent(message.id)
    )
    for minutes in range(3):
        dispatch.send_due(now=SOON + minutes * MINUTE)
    told = [message.to for message in mails.taken]
    assert "admin@example.org" in told
    assert len(told) == len(set(told)) == Notice.objects.filter(kind="alarm", state="sent").count()


def test_a_message_asked_for_anew_by_its_link_can_be_sent_again_by_a_person():
    visit = make_visit()
    booked = Notice.objects.get(visit=visit, kind="booked")
    links.for_notices([booked], now=NOW)
    renewed = links.renew(MessageLink.objects.get(notice=booked), now=SOON)
    Notice.objects.filter(pk=renewed.pk).update(state="failed")
    again = notices.send_again(renewed.pk, by=make_user(), why="they ask for it", now=SOON)
    assert again.about == f"{renewed.about} again 1"
    Notice.objects.filter(pk=again.pk).update(state="failed")
    assert notices.send_again(again.pk, by=make_user(), why="once more", now=SOON).about.endswith(" again 2")


def test_a_number_put_right_while_the_old_one_was_tried_stays_in_use(monkeypatch):
    texts = Recorder()
    record(monkeypatch, text=texts)
    patient = make_patient(email="")
    make_way(patient)
    visit = make_visit(make_dose(make_prescription(patient)))

    def put_right_meanwhile(message):
        Contact.objects.filter(patient=patient).update(value="+12145550199")
        return NotSent("nobody has this number", bad_address=True)

    texts.answer = put_right_meanwhile
    dispatch.send_due(now=SOON)
    assert Notice.objects.get(visit=visit, kind="booked").state == "failed"
    assert patient.contacts.get(channel="text").usable


def test_a_question_that_came_up_since_the_last_answer_is_not_sent_unasked():
    visit = make_visit()
    now = visit.starts_at - 2 * DAY
    for question in screens.questions(visit, own=False):
        screens.answer(visit_id=visit.pk, question=question, said="no", via="link", now=now)
    visit.patient.pregnancy_possible = not visit.patient.pregnancy_possible
    visit.patient.save(update_fields=["pregnancy_possible"])
    assert visit.patient.pregnancy_possible
    with pytest.raises(BadInput) as no:
        screens.finish(visit_id=visit.pk, via="link", now=now)
    assert no.value.field == "pregnancy"
    assert HealthScreen.objects.get(visit=visit).state == "open"


def test_a_figure_names_no_drug_no_person_and_no_letter_of_a_name():
    drug = "“Ocrevus” must not be in this message."
    assert alive.plain(drug) == "… must not be in this message."
    assert alive.plain("Ana found out that it did not arrive") == "somebody found out that it did not arrive"
    assert (
        alive.plain("A text cannot carry these characters: 李小龙")
        == "A text cannot carry these characters: …"
    )
    assert alive.plain("the provider failed while taking it (500)") == (
        "the provider failed while taking it (500)"
    )


def test_a_message_that_is_due_is_not_lost_because_a_setting_is_changed_before_it_goes():
    visit = make_visit()
    due = Notice.objects.get(visit=visit, kind="week_before").due_at
    notices.replan(now=due + MINUTE)
    assert Notice.objects.get(visit=visit, kind="week_before").state == "planned"
    dispatch.send_due(now=due + 2 * MINUTE)
    assert Notice.objects.get(visit=visit, kind="week_before").state != "planned"


@pytest.mark.parametrize("many", [1, 6])
def test_new_settings_cost_the_same_queries_however_many_visits_there_are(
    many, django_assert_max_num_queries
):
    for day in range(many):
        make_lab_visit(on=today_at() + (7 + day) * DAY)
    notices.replan(now=NOW)
    rules = replace(policy.current(), hours=(12, 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "current", lambda: rules)
        with django_assert_max_num_queries(7):
            assert notices.replan(now=NOW) > 0


def left_in_doubt(monkeypatch, texts: Recorder) -> Notice:
    """A text that was marked as tried when its worker ended."""
    record(monkeypatch, text=texts)
    patient = make_patient(email="")
    make_way(patient)
    make_visit(make_dose(make_prescription(patient)))
    dispatch.prepare(dispatch.claim_due(1, now=SOON), now=SOON)
    return Notice.objects.get(kind="booked", channel="text")


def test_a_provider_that_does_not_answer_is_asked_again_until_it_says_what_it_has(monkeypatch):
    texts = Recorder()
    notice = left_in_doubt(monkeypatch, texts)
    texts.there = lambda message: Doubt("the provider could not be asked", can_ask=True)
    for minutes in (2, 4, 6):
        dispatch.recover(now=SOON + minutes * MINUTE)
    notice.refresh_from_db()
    assert (notice.state, len(texts.asked)) == ("claimed", 3)
    texts.there = lambda message: Sent("SM1")
    dispatch.recover(now=SOON + 8 * MINUTE)
    notice.refresh_from_db()
    assert (notice.state, notice.provider_id, texts.taken) == ("sent", "SM1", [])


def test_a_provider_that_is_silent_for_an_hour_leaves_it_to_a_person(monkeypatch):
    texts = Recorder()
    notice = left_in_doubt(monkeypatch, texts)
    texts.there = lambda message: Doubt("the provider could not be asked", can_ask=True)
    dispatch.recover(now=SOON + 61 * MINUTE)
    notice.refresh_from_db()
    assert notice.state == "unknown"


def test_asking_a_slow_provider_leaves_time_for_what_is_due(monkeypatch):
    texts = Recorder()
    left_in_doubt(monkeypatch, texts)
    monkeypatch.setattr(dispatch, "LOOK_SECONDS", -1)
    Notice.objects.filter(kind="week_before").update(
        state="claimed", claimed_at=SOON, attempted_at=SOON, attempts=1, sent_to="+12145550177", body="Later."
    )
    assert dispatch.recover(now=SOON + 2 * MINUTE) == 1
    assert dispatch.recover(now=SOON + 4 * MINUTE) == 1
    assert len(texts.asked) == 2


def test_what_nobody_knew_is_no_alert_any_more_once_the_provider_says_that_it_has_it(monkeypatch):
    texts = Recorder()
    notice = left_in_doubt(monkeypatch, texts)
    texts.there = lambda message: Doubt("the provider has lost its list")
    dispatch.recover(now=SOON + 2 * MINUTE)
    alert = Alert.objects.get(notice=notice)
    assert alert.handled_at is None
    delivery.report(
        message_id=f"notice-{notice.pk}", provider_id="SM1", status="delivered", now=SOON + 3 * MINUTE
    )
    alert.refresh_from_db()
    assert (alert.handled_at, alert.handled_note) == (SOON + 3 * MINUTE, "It went out after all.")


def test_a_worker_that_was_slow_but_sent_it_takes_its_alert_back(monkeypatch):
    texts = Recorder()
    notice = left_in_doubt(monkeypatch, texts)
    texts.there = lambda message: Doubt("nobody knows")
    dispatch.recover(now=SOON + 2 * MINUTE)
    tries.settle([(notice, Sent("SM1"))], now=SOON + 3 * MINUTE)
    notice.refresh_from_db()
    assert notice.state == "sent"
    assert not Alert.objects.filter(handled_at=None).exists()


def test_a_call_somebody_asked_for_instead_of_a_message_stays_though_the_visit_is_confirmed():
    visit = make_visit()
    by = make_user()
    outcomes.confirm_visit(visit_id=visit.pk, by=by, now=SOON)
    lost = Notice.objects.get(visit=visit, kind="health_screen")
    Notice.objects.filter(pk=lost.pk).update(state="failed", reason="nobody has this number")
    call = aftercare.call_instead(lost.pk, by=by, now=SOON)
    calls_due.keep_up(now=SOON + MINUTE)
    call.refresh_from_db()
    assert call.state == "owed"
    calls_due.keep_up(now=visit.starts_at)
    call.refresh_from_db()
    assert call.state == "moot"


@pytest.mark.django_db(transaction=True)
def test_texts_that_come_in_calls_bookings_and_senders_wait_for_each_other_and_never_in_a_circle(monkeypatch):
    record(monkeypatch, text=Recorder())
    by, shared = make_user(), "+12145550178"
    people = [make_patient(email="") for _n in range(3)]
    visits = []
    for patient in people:
        make_way(patient, value=shared)
        visits.append(make_visit(make_dose(make_prescription(patient))))
        calls.owe(patient=patient, kind="reaction_check_call", about="test", due_on=today_at(), now=NOW)
    owed = list(Call.objects.filter(about="test").order_by("pk"))
    works = [partial(dispatch.send_due, now=SOON) for _n in range(3)]
    works += [partial(notices.replan, now=NOW), partial(calls_due.keep_up, now=NOW)]
    for place, patient in enumerate(people):
        works += [
            partial(consents.opt_out, patient, "text", source="test", now=SOON),
            partial(inbound.receive_text, sender=shared, body=["STOP", "START", "9"][place],
                    provider_id=f"SM{place}", now=SOON),
            partial(calls.record_attempt, call_id=owed[place].pk, outcome="no_answer", by=by, now=SOON),
            partial(outcomes.confirm_visit, visit_id=visits[place].pk, by=by, now=SOON),
            partial(ways.choose, patient, "text", on=True, by=by, now=SOON),
        ]  # fmt: skip
    ends = all_at_once(works)
    assert [end for end in ends if isinstance(end, Exception)] == []
    assert not Notice.objects.filter(state="claimed").exists()


class LockTimeOut(Exception):
    """What the driver raises when a lock is not given in time."""

    pgcode = "55P03"


def test_a_row_somebody_holds_for_long_comes_later_and_its_neighbours_go(monkeypatch):
    record(monkeypatch, text=(texts := Recorder()))
    held, free = make_patient(email=""), make_patient(email="")
    for patient in (held, free):
        make_way(patient)
        make_visit(make_dose(make_prescription(patient)))
    real = dispatch.sendable.lock_contacts

    def lock(lot):
        if any(notice.patient_id == held.pk for notice in lot):
            raise OperationalError("lock time-out") from LockTimeOut()
        return real(lot)

    monkeypatch.setattr(dispatch.sendable, "lock_contacts", lock)
    dispatch.send_due(now=SOON)
    waiting = Notice.objects.get(patient=held, kind="booked")
    assert (waiting.state, waiting.due_at, waiting.attempts) == ("planned", SOON + dispatch.BUSY_FOR, 0)
    assert Notice.objects.get(patient=free, kind="booked").state == "sent"
    monkeypatch.setattr(dispatch.sendable, "lock_contacts", real)
    dispatch.send_due(now=SOON + MINUTE)
    assert len(texts.taken) == 2


def test_a_message_that_cannot_be_written_is_put_before_a_person():
    visit = make_visit()
    visit.nurse.first_name = "Lemtrada"
    visit.nurse.save(update_fields=["first_name"])
    dispatch.send_due(now=SOON)
    lost = Notice.objects.get(visit=visit, kind="booked")
    assert (lost.state, lost.attempts) == ("failed", 0)
    assert Alert.objects.get().notice == lost


def test_who_waits_for_a_nurse_to_look_at_their_answers_is_not_asked_again():
    visit = make_visit()
    outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=SOON)
    asking = Notice.objects.get(visit=visit, kind="health_screen")
    with clock_stands_at(visit.starts_at - 3 * DAY):
        make_evidence(visit.patient, "health_screen", visit.local_start.date() - 3 * DAY, clear=True)
        make_evidence(visit.patient, "health_screen", visit.local_start.date() - 3 * DAY, clear=False)
    dispatch.send_due(now=asking.due_at)
    asking.refresh_from_db()
    assert (asking.state, asking.reason) == ("suppressed", "a nurse is looking at their answers")
    assert Notice.objects.get(visit=visit, kind="preparation").state == "sent"


@pytest.mark.parametrize("status", ["in_hospital", "died"])
def test_nobody_answers_by_link_for_a_patient_who_is_not_at_home(status):
    visit = make_visit()
    notice = Notice.objects.get(visit=visit, kind="booked")
    links.for_notices([notice], now=NOW)
    token = links.token_of(MessageLink.objects.get(notice=notice))
    assert links.read(token, now=SOON) is not None
    patient_changes.set_status(
        patient_id=visit.patient_id,
        status=status,
        since_on=today_at(),
        why="the family called",
        by=make_user(),
    )
    assert links.read(token, now=SOON) is None
