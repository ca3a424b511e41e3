"""The health questions on their pages: behind a link, after sign-in, and by phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from scheduling.models import Alert, Event, HealthScreen, MessageLink, Reply, Visit
from scheduling.services import screens
from tests.makers import clock_stands_at, make_dose, make_patient, make_prescription, make_user, make_visit
from tests.message_links import make_link, two_days_before, url_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_tries():
    cache.clear()


@pytest.fixture
def visit() -> Visit:
    return make_visit()


def test_the_questions_come_one_a_page_and_go_on_where_they_were_left(client, visit):
    with two_days_before(visit):
        client.post(url_of(make_link(visit)), {"do": "yes"})
        asked = client.post(url_of(MessageLink.objects.get()), {"do": "screen"}).url
        page = client.get(asked).content.decode()
        assert "Question 1 of 5" in page
        assert "fever or chills" in page
        empty = client.post(asked + "1/", {})
        assert (empty.status_code, "Choose an answer." in empty.content.decode()) == (422, True)
        assert client.post(asked + "1/", {"said": "no"}).url.endswith("/2/")
    with clock_stands_at(visit.starts_at - timedelta(minutes=5)):
        assert "Question 2 of 5" in Client().get(asked).content.decode()  # another phone, two days later
        for number in range(2, 6):
            to = client.post(f"{asked}{number}/", {"said": "no"}).url
        assert to.endswith("/check/")
        assert HealthScreen.objects.get().state == "open"
        sent = client.post(to, follow=True).content.decode()
        again = client.post(to, follow=True)
    assert "Thank you. Your answers are with us." in sent
    assert again.status_code == 200
    assert HealthScreen.objects.get().state == "clear"


def test_a_yes_tells_the_patient_that_a_nurse_will_call(client, visit):
    asked = url_of(make_link(visit, "screen"))
    with two_days_before(visit):
        for number in range(1, 6):
            client.post(f"{asked}{number}/", {"said": "yes" if number == 1 else "no"})
        changed = client.get(f"{asked}check/").content.decode()
        assert 'href="' + asked + '1/"' in changed  # each can be changed before it is sent
        sent = client.post(f"{asked}check/", follow=True).content.decode()
        later = client.post(f"{asked}1/", {"said": "no"}, follow=True).content.decode()
    for page in (sent, later):
        assert "A nurse will call you today about your answers. Your visit is not cancelled." in page
    assert HealthScreen.objects.get().answers["fever"] == "yes"
    assert Alert.objects.get().alarm


def test_the_drugs_own_questions_are_not_behind_a_link(client):
    visit = make_visit(make_dose(make_prescription(regimen_id="natalizumab_q4w")))
    asked = url_of(make_link(visit, "screen"))
    with two_days_before(visit):
        assert "Question 1 of 5" in client.get(asked).content.decode()
        assert client.get(f"{asked}6/").status_code == 302


def test_a_signed_in_patient_answers_with_the_drugs_own_questions(client):
    patient = make_patient(user=True)
    visit = make_visit(make_dose(make_prescription(patient, regimen_id="natalizumab_q4w")))
    client.force_login(patient.user)
    with two_days_before(visit):
        said = client.post(reverse("my-confirm", args=[visit.pk]), follow=True).content.decode()
        assert "You&#x27;re set for" in said
        asked = client.get(reverse("my-health", args=[visit.pk])).content.decode()
        assert "Question 1 of 8" in asked
        for number in range(1, 9):
            to = client.post(reverse("my-health-question", args=[visit.pk, number]), {"said": "no"}).url
        assert to == reverse("my-health-check", args=[visit.pk])
        client.post(to)
        moved = client.post(reverse("my-reschedule", args=[visit.pk]), {"part": "afternoon"}, follow=True)
    visit.refresh_from_db()
    assert visit.state == "confirmed"
    screen = HealthScreen.objects.get()
    assert (screen.state, screen.via, screen.recorded_by) == ("clear", "page", patient.user)
    assert "We have your message" in moved.content.decode()
    assert Reply.objects.get().via == "page"
    assert Event.objects.filter(action="chart_read", subject="my answers", actor=patient.user).count() == 1


def test_the_office_asks_by_phone_and_reads_what_was_said_before(client, visit):
    by = make_user("lead")
    client.force_login(by)
    url = reverse("visit-screen", args=[visit.pk])
    with two_days_before(visit) as now:
        for question in screens.questions(visit, own=False):
            said = "unsure" if question == "vaccine" else "no"
            screens.answer(visit_id=visit.pk, question=question, said=said, via="link", now=now)
        screens.finish(visit_id=visit.pk, via="link", now=now)
        assert "vaccine (not sure)" in client.get(url).content.decode()
        assert client.post(url, {"fever": "no"}).status_code == 422
        said = dict.fromkeys(screens.questions(visit, own=True), "no")
        client.post(url, said | {"note": "Flu shot in May."})
        client.post(url, said | {"note": "Flu shot in May."})
        assert screens.standing(visit, now=now) == screens.CLEAR
    assert HealthScreen.objects.count() == 2
    assert Event.objects.filter(
        action="chart_read", subject="health questions", patient=visit.patient
    ).exists()
