"""What people decide about messages, what the office hears in time, and what a change of settings does."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
from django.core import mail

from nurses.models import Licence
from patients.models import Contact, Evidence
from scheduling.models import Alert, Call, Event, Notice, Visit
from scheduling.rules.errors import BadInput, Conflict, RuleBroken
from scheduling.services import booking, dispatch, notices, notices_staff, outcomes, policy, tries
from tests.makers import DAY, MINUTE, NOW, at, make_nurse, make_patient, make_user, make_visit, phone
from tests.scheduling.services.recorder import Recorder, record
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db

SOON = NOW + timedelta(seconds=1)
MONDAY = date(2026, 3, 9)


def booked_notice(**where) -> Notice:
    return Notice.objects.get(kind="booked", about__startswith="visit", **where)


def end_as(notice: Notice, state: str) -> None:
    Notice.objects.filter(pk=notice.pk).update(state=state, attempted_at=NOW, settled_at=NOW)


# --- One message --------------------------------------------------------------------------------


def test_a_message_is_left_out_with_the_name_and_reason_of_who_decided():
    make_visit()
    by = make_user(first_name="Ana")
    notices.skip(booked_notice().pk, by=by, why="told at the door", now=SOON)
    assert (booked_notice().state, booked_notice().reason) == (
        "suppressed",
        "left out by Ana: told at the door",
    )
    assert dispatch.send_due(now=SOON) == 0
    assert Event.objects.get(action="notice_skipped").actor == by
    with pytest.raises(Conflict):
        notices.skip(booked_notice().pk, by=by, why="again", now=SOON)


def test_leaving_out_and_sending_again_ask_for_a_reason():
    make_visit()
    with pytest.raises(BadInput) as no:
        notices.skip(booked_notice().pk, by=make_user(), why=" ")
    assert no.value.field == "why"
    end_as(booked_notice(), "failed")
    with pytest.raises(BadInput):
        notices.send_again(booked_notice().pk, by=make_user(), why="")


def test_sent_now_is_checked_like_any_other():
    visit = make_visit()
    week_before = Notice.objects.get(visit=visit, kind="week_before")
    notices.send_now(week_before.pk, by=make_user(), now=SOON)
    dispatch.send_due(now=SOON)
    week_before.refresh_from_db()
    assert week_before.reason == "they were told of the visit within the last day"


@pytest.mark.parametrize(("went", "state"), [(True, "sent"), (False, "failed")])
def test_a_person_says_what_became_of_an_unknown_one_and_its_alert_closes(went, state):
    visit = make_visit()
    end_as(booked_notice(), "unknown")
    tries.tell(Notice.objects.select_related("patient", "visit").get(kind="booked"), "Nobody knows.", NOW)
    by = make_user()
    notices.settle_unknown(booked_notice().pk, by=by, went=went, now=SOON)
    assert booked_notice().state == state
    assert Alert.objects.get(visit=visit).handled_by == by
    with pytest.raises(Conflict):
        notices.settle_unknown(booked_notice().pk, by=by, went=went, now=SOON)


def test_sent_again_is_a_new_row_once_however_often_it_is_pressed():
    make_visit()
    old = booked_notice()
    end_as(old, "unknown")
    again = notices.send_again(old.pk, by=make_user(), why="they did not get it", now=SOON)
    assert (again.about, again.state) == (f"{old.about} again 1", "planned")
    with pytest.raises(Conflict):
        notices.send_again(old.pk, by=make_user(), why="they did not get it", now=SOON)
    dispatch.send_due(now=SOON)
    assert len(mail.outbox) == 1
    end_as(again, "failed")
    third = notices.send_again(again.pk, by=make_user(), why="a new address", now=SOON)
    assert third.about.endswith("again 2")


def test_what_is_still_to_go_is_not_sent_again_and_what_began_is_for_a_call():
    visit = make_visit()
    with pytest.raises(Conflict):
        notices.send_again(booked_notice().pk, by=make_user(), why="faster", now=SOON)
    end_as(booked_notice(), "failed")
    with pytest.raises(Conflict) as no:
        notices.send_again(booked_notice().pk, by=make_user(), why="late", now=visit.starts_at)
    assert no.value.code == "TOO_LATE_TO_SEND"


@pytest.mark.django_db(transaction=True)
def test_two_people_who_send_it_again_at_once_make_one_row():
    make_visit()
    end_as(booked_notice(), "failed")
    again = partial(notices.send_again, booked_notice().pk, why="not there", now=SOON)
    results = all_at_once([partial(again, by=make_user()), partial(again, by=make_user())])
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Notice"]
    assert Notice.objects.filter(about__contains="again").count() == 1


# --- The nurse is on the way ----------------------------------------------------------------------


def test_the_patient_hears_that_the_nurse_is_on_the_way_once():
    visit = make_visit()
    Notice.objects.filter(visit=visit).update(state="sent", attempted_at=NOW)
    now = visit.starts_at - 30 * MINUTE
    for _ in range(2):
        outcomes.set_off(visit_id=visit.pk, by=visit.nurse.user, now=now)
    dispatch.send_due(now=now)
    visit.refresh_from_db()
    assert (visit.state, len(mail.outbox)) == ("en_route", 1)


def test_nobody_sets_off_on_another_day():
    visit = make_visit()
    with pytest.raises(RuleBroken) as no:
        outcomes.set_off(visit_id=visit.pk, by=visit.nurse.user, now=visit.starts_at - DAY)
    assert no.value.code == "NOT_TODAY"


def test_a_reminder_is_not_sent_after_the_nurse_has_set_off():
    visit = make_visit()
    outcomes.set_off(visit_id=visit.pk, by=visit.nurse.user, now=visit.starts_at - 30 * MINUTE)
    assert Notice.objects.get(visit=visit, kind="day_before").reason == "the nurse is on the way"


# --- To the office --------------------------------------------------------------------------------


def test_an_unconfirmed_visit_is_put_before_whoever_booked_it_once_and_names_nobody():
    by = make_user(email="ana@example.com")
    visit = make_visit(by=by)
    early, late = at(MONDAY - DAY, 8, 59), at(MONDAY - DAY, 9)
    assert notices_staff.keep_up(early) == 0
    assert notices_staff.keep_up(late) == 1
    assert notices_staff.keep_up(late + MINUTE) == 0
    assert Alert.objects.get(kind="unconfirmed").visit == visit
    Notice.objects.filter(patient__isnull=False).delete()
    dispatch.send_due(now=late)
    [message] = mail.outbox
    assert message.to == ["ana@example.com"]
    for word in (visit.patient.first_name, visit.patient.last_name, "infusion", "ocrelizumab"):
        assert word.lower() not in f" {message.subject} {message.body} ".lower().replace("patient", "")


def test_an_unconfirmed_visit_of_somebody_who_left_is_put_before_every_coordinator():
    by = make_user()
    make_visit(by=by)
    others = [make_user(), make_user()]
    by.is_active = False
    by.save()
    notices_staff.keep_up(at(MONDAY - DAY, 9))
    assert set(Notice.objects.filter(kind="unconfirmed").values_list("user", flat=True)) == {
        u.pk for u in others
    }


def test_a_yes_closes_the_question_and_takes_the_message_back():
    visit = make_visit()
    late = at(MONDAY - DAY, 9)
    notices_staff.keep_up(late)
    outcomes.confirm_visit(visit_id=visit.pk, by=None, via="text", now=late)
    assert Alert.objects.get(kind="unconfirmed").handled_at == late
    assert Notice.objects.get(kind="unconfirmed").state == "suppressed"


def test_a_moved_visit_is_asked_for_anew():
    visit = make_visit()
    late = at(MONDAY - DAY, 9)
    notices_staff.keep_up(late)
    moved = booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at + timedelta(hours=1), by=make_user(),
        reason_class="patient", now=late,
    )  # fmt: skip
    assert not Alert.objects.filter(handled_at=None).exists()
    notices_staff.keep_up(late + MINUTE)
    assert Alert.objects.get(handled_at=None).visit == moved


def test_a_licence_that_runs_out_is_told_at_sixty_and_at_thirty_days_and_not_when_it_was_renewed():
    nurse = make_nurse(licence_until=MONDAY + 60 * DAY)
    make_user()
    on = partial(at, hour=9)
    assert notices_staff.keep_up(on(MONDAY - DAY)) == 0
    assert notices_staff.keep_up(on(MONDAY)) == 1
    assert notices_staff.keep_up(on(MONDAY + 10 * DAY)) == 0
    assert notices_staff.keep_up(on(MONDAY + 30 * DAY)) == 1
    Licence.objects.create(
        nurse=nurse, state="TX", number="RN9", issued_on=MONDAY, expires_on=MONDAY + 800 * DAY
    )
    assert notices_staff.warn_of_papers(on(MONDAY + 31 * DAY)) == 0


def test_an_authorization_that_runs_out_is_told_and_a_withdrawn_one_is_not():
    make_user()
    paper = Evidence.objects.create(
        patient=make_patient(), kind="prior_authorization", dated_on=MONDAY, valid_until_on=MONDAY + 20 * DAY
    )
    assert notices_staff.warn_of_papers(at(MONDAY)) == 1
    Evidence.objects.filter(pk=paper.pk).update(withdrawn_at=NOW)
    assert notices_staff.warn_of_papers(at(MONDAY)) == 0


def test_somebody_of_the_office_without_an_address_has_a_row_that_says_so():
    [row] = notices.tell_staff("alarm", users=[make_user(email="")], about="alert 1", now=NOW)
    assert (row.state, row.reason) == ("suppressed", "no address on file")


# --- Settings -------------------------------------------------------------------------------------


def test_new_times_move_what_is_to_come_and_bring_back_what_only_the_old_times_left_out():
    visit = make_visit(now=NOW)
    rules = policy.current()
    assert notices.replan(now=NOW) == 0
    timings = dict(rules.timings)
    timings["confirm"] = type(timings["confirm"])(3, timings["confirm"].at)
    timings["day_before"] = type(timings["day_before"])(1, timings["day_before"].at, on=False)

    def changed():
        return type(rules)(timings=timings, hours=rules.hours)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "current", changed)
        notices.replan(now=NOW)
        confirm = Notice.objects.get(visit=visit, kind="confirm")
        assert confirm.due_at == at(MONDAY - 3 * DAY, 10)
        assert Notice.objects.get(visit=visit, kind="day_before").state == "suppressed"
    notices.replan(now=NOW)
    assert Notice.objects.get(visit=visit, kind="day_before").state == "planned"
    assert Notice.objects.get(visit=visit, kind="confirm").due_at == at(MONDAY - 2 * DAY, 10)


def test_new_times_touch_neither_what_was_tried_nor_what_a_person_left_out():
    visit = make_visit()
    notices.skip(Notice.objects.get(visit=visit, kind="confirm").pk, by=make_user(), why="they know")
    Notice.objects.filter(visit=visit, kind="day_before").update(state="sent", attempted_at=NOW)
    rules = policy.current()
    timings = {kind: type(one)(one.days + 1, one.at) for kind, one in rules.timings.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "current", lambda: type(rules)(timings=timings, hours=rules.hours))
        notices.replan(now=NOW - DAY)
    assert Notice.objects.get(visit=visit, kind="confirm").state == "suppressed"
    assert Notice.objects.get(visit=visit, kind="day_before").state == "sent"


def test_what_is_missing_is_added():
    visit = make_visit()
    Notice.objects.filter(visit=visit, kind="confirm").delete()
    assert notices.replan(now=NOW) == 1
    assert Notice.objects.get(visit=visit, kind="confirm").state == "planned"


# --- An automatic call ----------------------------------------------------------------------------


def owed_call() -> Call:
    return Call.objects.create(
        patient=make_patient(), kind="reaction_check_call", about="dose 1 +1", due_on=MONDAY, next_at=NOW
    )


def test_an_automatic_call_goes_only_where_consent_allows_and_once_a_try(monkeypatch):
    call, by, way = owed_call(), make_user(), Recorder()
    record(monkeypatch, voice=way)
    with pytest.raises(Conflict) as no:
        notices.ask_by_voice(call, by=by, now=NOW)
    assert no.value.code == "NO_VOICE_CONSENT"
    Contact.objects.create(patient=call.patient, channel="voice", value=phone(7), consented_at=NOW)
    for _ in range(2):
        notices.ask_by_voice(call, by=by, now=NOW)
    dispatch.send_due(now=SOON)
    assert [message.to for message in way.taken] == [phone(7)]


def test_a_settled_call_is_not_made_by_a_machine_either():
    call = owed_call()
    Contact.objects.create(patient=call.patient, channel="voice", value=phone(7), consented_at=NOW)
    notices.ask_by_voice(call, by=make_user(), now=NOW)
    Call.objects.update(state="done")
    dispatch.send_due(now=SOON)
    row = Notice.objects.get(channel="voice")
    assert (row.state, row.reason) == ("suppressed", "the call it belongs to is settled")
    with pytest.raises(Conflict):
        notices.ask_by_voice(call, by=make_user(), now=NOW)
    assert not Visit.objects.exists()
