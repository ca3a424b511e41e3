"""The caller's list, one call with its script, and what a person must look at now."""

from __future__ import annotations

import pytest
from django.urls import reverse

from patients.models import Contact
from scheduling.models import Alert, Call, CallAttempt, Event, Notice
from scheduling.readings.waiting import counted
from scheduling.services import alerts, calls, replies, screens, voice
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    make_dose,
    make_patient,
    make_prescription,
    make_record,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db

TODAY = today_at()
NINE = NOW  # 9:00 in Dallas


@pytest.fixture(autouse=True)
def hours(settings):
    settings.NOTICE_HOURS = (9, 20)


def a_call(
    name: str = "Abara", kind: str = "reaction_check_call", *, due_in: int = 0, due_at=NINE, **fields
) -> Call:
    """A call owed to somebody with a number, due at nine today unless told otherwise."""
    patient = make_patient(last_name=name, **fields)
    Contact.objects.update_or_create(
        patient=patient, channel="voice", defaults={"value": "+12145550123", "consented_at": NOW}
    )
    on = TODAY + due_in * DAY
    return calls.owe(patient=patient, kind=kind, about="test", due_on=on, due_at=due_at, now=min(NOW, due_at))


def given(call: Call, **fields) -> dict[str, object]:
    return {"outcome": "well", "tries": call.tries, "note": "", **fields}


def page_of(call: Call) -> str:
    return reverse("call", args=[call.pk])


def text(answer) -> str:
    return answer.content.decode()


# The list


def test_the_list_is_urgent_first_then_overdue_then_due_then_later_today():
    a_call("Later", due_at=at(TODAY, 15))
    a_call("Due")
    a_call("Worry", "symptoms_call")
    a_call("Night", "symptoms_call", due_at=at(TODAY, 10))
    late = a_call("Late", due_at=at(TODAY - DAY, 10), due_in=-1)
    Call.objects.filter(pk=late.pk).update(due_on=TODAY - DAY)
    a_call("Tomorrow", due_in=1, due_at=at(TODAY + DAY, 10))
    with at_the_desk() as client:
        groups = client.get(reverse("calls")).context["groups"]
        coming = client.get(reverse("calls"), {"show": "coming"}).context["groups"]
    assert [(head, [row.patient.last_name for row in rows]) for head, rows in groups] == [
        ("Urgent", ["Worry", "Night"]),
        ("Overdue", ["Late"]),
        ("Due now", ["Due"]),
        ("Later today", ["Later"]),
    ]
    assert [row.patient.last_name for _head, rows in coming for row in rows] == ["Tomorrow"]


def test_a_line_says_who_why_since_when_and_how_to_reach_them_with_one_tap():
    call = a_call("Silva", language="es", prefers="afternoon")
    calls.record_attempt(call_id=call.pk, outcome="no_answer", by=make_user(), now=NOW - 5 * MINUTE)
    Call.objects.filter(pk=call.pk).update(next_at=NOW)
    with at_the_desk() as client:
        page = text(client.get(reverse("calls")))
    for said in (
        "Silva",
        "Check after a visit",
        "Spanish",
        "Afternoons",
        "No answer",
        'href="tel:+12145550123"',
    ):
        assert said in page


def test_the_list_is_narrowed_by_kind_and_by_language():
    a_call("Ingles")
    a_call("Espanol", "call_back", language="es")
    with at_the_desk() as client:
        for wish, names in (
            ({"kind": "call_back"}, ["Espanol"]),
            ({"language": "en"}, ["Ingles"]),
            ({"kind": "nonsense", "language": "xx"}, ["Ingles", "Espanol"]),
        ):
            groups = client.get(reverse("calls"), wish).context["groups"]
            assert sorted(row.patient.last_name for _h, rows in groups for row in rows) == sorted(names)


def test_what_was_done_today_is_listed_with_who_called():
    call, ana = a_call("Okafor"), make_user(first_name="Ana", last_name="Ruiz")
    calls.record_attempt(call_id=call.pk, outcome="well", by=ana, now=NOW)
    with at_the_desk() as client:
        page = text(client.get(reverse("calls"), {"show": "done"}))
    for said in ("Okafor", "Reached: well", "Ana Ruiz", "9:00 am"):
        assert said in page


@pytest.mark.parametrize("show", ["", "coming", "done"])
def test_an_empty_list_says_so(show):
    with at_the_desk() as client:
        assert client.get(reverse("calls"), {"show": show}).status_code == 200


def test_the_list_costs_the_same_however_long_it_is(django_assert_max_num_queries):
    for name in ("Aa", "Bb"):
        a_call(name)
    with at_the_desk() as client:
        client.get(reverse("calls"))
        with django_assert_max_num_queries(16) as short:
            client.get(reverse("calls"))
        for name in "CDEFGHIJ":
            dose = make_dose(
                make_prescription(make_patient(last_name=name), start_on=TODAY - DAY), ready=False
            )
            make_record(dose, TODAY - DAY)
            a_call(name)
        with django_assert_max_num_queries(16) as long:
            client.get(reverse("calls"))
    assert len(short) == len(long)


# One call


def test_the_script_is_in_the_patients_language_with_the_english_beside_it():
    call = a_call(language="es", first_name="Luz")
    with at_the_desk(make_user(first_name="Ana")) as client:
        page = text(client.get(page_of(call)))
    assert '<span lang="es">Hola, le habla Ana de' in page
    assert "May I speak with Luz?" in page
    assert '<span lang="es">fiebre de 100.4 °F o más</span>' in page
    assert "fever, 100.4 °F or more" in page
    assert Event.objects.filter(action="chart_read", subject=f"call {call.pk}").count() == 1


def test_an_english_script_is_said_once():
    with at_the_desk() as client:
        page = text(client.get(page_of(a_call())))
    assert 'lang="es"' not in page.split("<footer")[0].split("What you say")[1]


def test_the_drug_of_the_order_brings_its_own_questions():
    patient = make_patient()
    prescription = make_prescription(patient, "natalizumab_q4w", start_on=TODAY)
    make_record(make_dose(prescription, ready=False), TODAY)
    with at_the_desk() as client:
        page = text(client.get(page_of(patient.calls.get())))
    assert "trouble thinking, or changes others notice in you" in page


def test_saving_goes_straight_to_the_next_due_call_and_then_back_to_the_list():
    first, second = a_call("First"), a_call("Second")
    with at_the_desk() as client:
        answer = client.post(page_of(first), given(first, note="Fine."), follow=True)
        assert answer.redirect_chain == [(page_of(second), 302)]
        assert "First" in text(answer)
        answer = client.post(page_of(second), given(second), follow=True)
        assert answer.redirect_chain == [(reverse("calls"), 302)]
        assert "No other call is due now." in text(answer)
    assert list(CallAttempt.objects.order_by("pk").values_list("note", flat=True)) == ["Fine.", ""]


def test_symptoms_reach_the_lead_as_an_alarm():
    call, lead = a_call("Worry"), make_user("lead", email="lead@example.org")
    with at_the_desk() as client:
        said = client.post(
            page_of(call), given(call, outcome="symptoms", symptoms=["rash", "fever"]), follow=True
        )
        assert "The clinical lead has an alarm." in text(said)
    with at_the_desk(lead) as client:
        page = text(client.get(reverse("alerts")))
    assert "Alarm" in page and "fever, rash or hives" in page
    assert Notice.objects.get(kind="alarm").user == lead


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"outcome": ""}, "outcome"),
        ({"outcome": "symptoms", "note": ""}, "symptoms"),
        ({"outcome": "well", "symptoms": ["fever"]}, "outcome"),
        ({"outcome": "later"}, "again_on"),
        ({"outcome": "later", "again_on": "3/3/2026"}, "again_at"),
        ({"outcome": "later", "again_on": "3/1/2026", "again_at": "10:00"}, "again_on"),
        ({"outcome": "later", "again_on": "3/8/2026", "again_at": "2:30 am"}, "again_at"),
        ({"outcome": "later", "again_on": "2/30/2026", "again_at": "10:00"}, "again_on"),
    ],
)
def test_what_is_missing_is_said_beside_it_and_what_was_typed_stays(wrong, field):
    call = a_call()
    with at_the_desk() as client:
        answer = client.post(page_of(call), given(call, **{"note": "Typed already.", **wrong}))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert wrong.get("note", "Typed already.") in text(answer)
    assert not CallAttempt.objects.exists()


def test_later_is_a_time_on_the_clock_of_the_home():
    call = a_call(time_zone="America/Denver")
    with at_the_desk() as client:
        client.post(page_of(call), given(call, outcome="later", again_on="3/4/2026", again_at="2:30 pm"))
    call.refresh_from_db()
    assert call.next_at == at(TODAY + 2 * DAY, 14, 30, time_zone="America/Denver")


def test_somebody_elses_try_in_between_is_told_and_nothing_typed_is_lost():
    call = a_call()
    calls.record_attempt(call_id=call.pk, outcome="no_answer", by=make_user(), now=NOW - 5 * MINUTE)
    with at_the_desk() as client:
        answer = client.post(page_of(call), {**given(call), "tries": 0, "note": "She is fine."})
    assert answer.status_code == 409
    assert "Somebody recorded a try" in text(answer) and "She is fine." in text(answer)
    assert CallAttempt.objects.count() == 1


def test_a_settled_call_still_takes_a_try_because_they_may_call_back():
    call = a_call()
    calls.record_attempt(call_id=call.pk, outcome="wrong_number", by=make_user(), now=NOW)
    call.refresh_from_db()
    with at_the_desk() as client:
        assert "they may have called back" in text(client.get(page_of(call)))
        client.post(page_of(call), given(call))
    call.refresh_from_db()
    assert call.state == "done"


def test_an_automatic_call_goes_through_the_ledger_once(monkeypatch):
    monkeypatch.setattr(voice, "transport_for", lambda channel: object())
    call = a_call()
    with at_the_desk() as client:
        assert "A machine asks how they are" in text(client.get(page_of(call)))
        client.post(page_of(call), {"do": "automatic"})
        again = client.post(page_of(call), {"do": "automatic"}, follow=True)
    assert "An automatic call is on its way." in text(again)
    assert Notice.objects.filter(channel="voice").count() == 1


def test_without_consent_the_page_says_why_no_machine_calls(monkeypatch):
    monkeypatch.setattr(voice, "transport_for", lambda channel: object())
    call = a_call()
    call.patient.contacts.filter(channel="voice").update(consented_at=None)
    with at_the_desk() as client:
        assert "No automatic call: no consent on file for this channel." in text(client.get(page_of(call)))
        client.post(page_of(call), {"do": "automatic"})
    assert not Notice.objects.filter(channel="voice").exists()


# Alerts


def an_alert(name: str = "Novak", *, alarm: bool = False) -> Alert:
    patient = make_patient(last_name=name)
    return alerts.raise_alert(
        "screen", patient=patient, about=name, sentence="Look at it.", alarm=alarm, now=NOW
    )


def test_alarms_come_first_and_each_leads_to_where_something_is_done():
    an_alert("Quiet")
    an_alert("Loud", alarm=True)
    call = a_call("Called")
    calls.record_attempt(call_id=call.pk, outcome="declined", by=make_user(), now=NOW + MINUTE)
    with at_the_desk() as client:
        answer = client.get(reverse("alerts"))
    assert [entry.alert.patient.last_name for entry in answer.context["entries"]] == [
        "Loud",
        "Quiet",
        "Called",
    ]
    assert answer.context["entries"][2].url == page_of(call)
    assert Event.objects.filter(action="chart_read", subject="alerts").count() == 3


def test_an_alert_about_health_answers_leads_to_the_answers():
    visit = make_visit()
    said = {**dict.fromkeys(screens.questions(visit, own=True), "no"), "fever": "yes"}
    screens.by_phone(visit_id=visit.pk, answers=said, by=make_user(), now=NOW)
    with at_the_desk() as client:
        (entry,) = client.get(reverse("alerts")).context["entries"]
        assert entry.url == reverse("visit-screen", args=[visit.pk])
        assert "fever or chills (yes)" in text(client.get(entry.url))


def test_seen_to_asks_what_was_done_and_then_stands_with_what_was():
    alert, lead = an_alert(), make_user("lead", first_name="Kim")
    handle = reverse("alert-handle", args=[alert.pk])
    with at_the_desk(lead) as client:
        answer = client.post(handle, {"note": ""})
        assert answer.status_code == 422 and "Say what was done." in text(answer)
        assert client.post(handle, {"note": "Called; she is fine."}).url == reverse("alerts")
        assert "Nothing needs you now." in text(client.get(reverse("alerts")))
        assert "Called; she is fine." in text(client.get(reverse("alerts"), {"show": "done"}))


def test_who_is_second_is_told_who_was_first_and_keeps_what_was_typed():
    alert = an_alert()
    alerts.handle(alert.pk, by=make_user(first_name="Ben"), note="Done.")
    other = an_alert("Other")
    with at_the_desk() as client:
        answer = client.post(reverse("alert-handle", args=[alert.pk]), {"note": "Me too"})
    assert answer.status_code == 409
    assert "Ben has dealt with this already." in text(answer)
    assert other.patient.last_name in text(answer)


def test_the_alerts_cost_the_same_however_many_there_are(django_assert_max_num_queries):
    an_alert("A", alarm=True)
    with at_the_desk() as client:
        client.get(reverse("alerts"))
        with django_assert_max_num_queries(14) as few:
            client.get(reverse("alerts"))
        for name in "BCDEF":
            an_alert(name)
        with django_assert_max_num_queries(14) as many:
            client.get(reverse("alerts"))
    assert len(few) == len(many)


def test_the_navigation_counts_calls_due_alerts_and_answers_that_wait_in_one_query(django_assert_num_queries):
    a_call("One")
    a_call("Later", due_at=at(TODAY, 15))
    an_alert("Quiet")
    an_alert("Loud", alarm=True)
    replies.record(
        patient=make_patient(), via="text", meaning="other", body="Hello", needs_a_person=True, now=NOW
    )
    replies.record(patient=None, via="text", meaning="confirm", now=NOW)
    user = make_user()
    with django_assert_num_queries(1):
        assert counted(user, now=NOW) == (1, 2, 1, 1)
