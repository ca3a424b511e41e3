"""A way to reach a patient is taken back, given again or found dead, one channel at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduling.models import Alert, Event, Notice
from scheduling.rules.errors import RuleBroken
from scheduling.services import consents, dispatch
from tests.makers import DAY, NOW, make_dose, make_patient, make_prescription, make_user, make_visit, make_way

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)
OUT = "the patient opted out of this channel"


def booked(**way):
    """A visit in a week whose patient has an e-mail and a number for texts."""
    patient = make_patient()
    contact = make_way(patient, **way)
    visit = make_visit(make_dose(make_prescription(patient)))
    return patient, contact, visit


def planned(channel: str) -> int:
    return Notice.objects.filter(channel=channel, state="planned").count()


def test_an_opt_out_takes_back_what_is_planned_on_its_channel_and_no_other():
    patient, contact, _visit = booked()
    mails, texts = planned("email"), planned("text")
    assert texts > 1
    assert consents.opt_out(patient, "text", source="text STOP", now=LATER)
    contact.refresh_from_db()
    assert (contact.opted_out_at, contact.opt_out_source) == (LATER, "text STOP")
    assert (planned("email"), planned("text")) == (mails, 0)
    assert Notice.objects.filter(channel="text", state="suppressed", reason=OUT).count() == texts
    told = Event.objects.get(action="opted_out")
    assert (told.detail["channel"], told.detail["messages"], told.why) == ("text", texts, "text STOP")


def test_an_opt_out_said_twice_is_one():
    patient, contact, _visit = booked()
    assert consents.opt_out(patient, "text", source="text STOP", now=LATER)
    assert not consents.opt_out(patient, "text", source="provider", now=LATER + DAY)
    contact.refresh_from_db()
    assert (contact.opted_out_at, contact.opt_out_source) == (LATER, "text STOP")
    assert Event.objects.filter(action="opted_out").count() == 1


def test_who_opts_in_again_gets_what_is_still_to_come_and_nothing_late():
    patient, contact, visit = booked()
    before = set(Notice.objects.filter(channel="text", state="planned").values_list("kind", flat=True))
    consents.opt_out(patient, "text", source="text STOP", now=LATER)
    again = visit.starts_at - timedelta(days=1, hours=12)  # the message two days before has passed
    assert consents.opt_in(patient, "text", source="text START", now=again)
    contact.refresh_from_db()
    assert contact.usable
    back = set(Notice.objects.filter(channel="text", state="planned").values_list("kind", flat=True))
    assert "day_before" in back
    assert back < before
    assert not Notice.objects.filter(channel="text", state="planned", due_at__lte=again).exists()


def test_start_gives_back_what_stop_took_and_never_a_consent_there_was_not():
    patient = make_patient()
    with pytest.raises(RuleBroken, match="no consent on file"):
        consents.opt_in(patient, "text", source="text START")
    make_way(patient, consented_at=None)
    with pytest.raises(RuleBroken, match="no consent on file"):
        consents.opt_in(patient, "text", source="text START")


def test_a_person_who_is_told_so_records_a_consent_of_its_own():
    patient = make_patient()
    contact = make_way(patient, consented_at=None, consent_source="")
    assert consents.opt_in(patient, "text", source="told the office", by=make_user(), now=LATER)
    contact.refresh_from_db()
    assert (contact.consented_at, contact.consent_source) == (LATER, "told the office")
    assert not consents.opt_in(patient, "text", source="told the office", by=make_user(), now=LATER + DAY)


def test_a_dead_number_is_not_used_again_and_the_office_is_told_once():
    patient, contact, _visit = booked()
    assert consents.mark_failed(patient, "text", value=contact.value, now=LATER)
    assert not consents.mark_failed(patient, "text", value=contact.value, now=LATER + DAY)
    contact.refresh_from_db()
    assert contact.failed_at == LATER
    alert = Alert.objects.get()
    assert (alert.kind, alert.patient, contact.value in alert.sentence) == ("number", patient, False)
    dispatch.send_due(now=LATER)
    gone = Notice.objects.filter(channel="text", kind="booked").get()
    assert (gone.state, gone.reason) == ("suppressed", "this number or address does not work")


def test_a_number_that_was_put_right_meanwhile_is_left_alone():
    patient, contact, _visit = booked()
    assert not consents.mark_failed(patient, "text", value="+12145550999", now=LATER)
    contact.refresh_from_db()
    assert contact.failed_at is None
